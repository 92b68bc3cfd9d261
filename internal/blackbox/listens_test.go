//go:build linux

package blackbox

import (
	"net/netip"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// TestAnsweredOnceItListens: a program that takes its time to listen is not
// refused to anybody who follows DNS, and one that never listens is found, too.
func TestAnsweredOnceItListens(t *testing.T) {
	s := start(t, options{images: imageDir(t, t.TempDir(), "nginx.tar")})
	g := s.stage(stageOptions{})
	nginx := func(family, script string) string {
		return g.define(family, types.ContainerDefinition{
			Name: aws.String("app"), Image: aws.String("nginx:latest"), EntryPoint: []string{"/bin/sh", "-c"}, Command: []string{script},
			PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(80)}}, StopTimeout: aws.Int32(2),
		})
	}
	g.service("first", nginx("first", "exec nginx -g 'daemon off;'"), 1) // the image is there, and all is warm
	g.awaitStable("first")
	g.setCount("first", 0)
	from := s.session(g.vpc)
	s.answered(from, webName, 0)
	for _, c := range []struct {
		name, script string
		least, most  time.Duration
		connects     bool
	}{
		{"late", "sleep 1; exec nginx -g 'daemon off;'", time.Second, 5 * time.Second, true},
		{"never", "exec sleep 1000", 5 * time.Second, patience, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			g.service(c.name, nginx(c.name, c.script), 1)
			at := s.answered(from, webName, 1)[0]
			took := time.Since(began)
			conn, err := from.dial("tcp", netip.AddrPortFrom(at, 80))
			if err == nil {
				err = conn.Close()
			}
			if (err == nil) != c.connects {
				t.Errorf("called as soon as it was answered: %v", err)
			}
			if took < c.least || took > c.most {
				t.Errorf("answered after %v, want %v to %v", took, c.least, c.most)
			}
			t.Logf("answered after %v", took)
			g.setCount(c.name, 0)
			s.answered(from, webName, 0)
		})
	}
}
