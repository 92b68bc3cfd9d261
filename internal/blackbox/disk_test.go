//go:build linux

package blackbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// TestDiskFull fills the file system of the data directory to the last byte.
func TestDiskFull(t *testing.T) {
	s := prepare(t, options{flags: []string{"--min-free-bytes", fmt.Sprint(64 << 20)}})
	if err := os.Mkdir(s.dataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	mount(t, s.dataDir, 0, "size=320m")
	t.Cleanup(s.end) // before the file system goes
	s.up()
	g := s.stage(stageOptions{})
	g.service("web", g.define("web", serving("hello")), 2)
	g.awaitStable("web")
	f := &filling{stage: g, from: g.placeOf(g.running("web")[0])}
	f.acknowledge(t, "roomy")
	t.Logf("free with a service running: %d MB of 320", free(t, s.dataDir)>>20)

	began := time.Now()
	ballast := fill(t, s.dataDir)
	f.refusing(t)
	t.Logf("full: %d bytes are free; changes are refused %v after it began to fill", free(t, s.dataDir), time.Since(began).Round(time.Millisecond))
	f.serving(t)
	for i := range 50 {
		f.attempt(t, fmt.Sprintf("full-%d", i))
	}
	f.serving(t)

	f.recover(t, ballast, func() {})
	g.setCount("web", 3)
	g.awaitStable("web")
	s.answered(f.from, webName, 3)

	// A control plane that is killed meanwhile does not start, says why, and is
	// not missed by DNS.
	ballast = fill(t, s.dataDir)
	f.refusing(t)
	s.kill()
	f.answers(t)
	s.refusesToStart("not enough free disk space", s.dataDir)
	f.answers(t)
	f.recover(t, ballast, func() { s.up() })
	f.serving(t)
}

// recover makes space, and waits until changes are taken again.
func (f *filling) recover(t *testing.T, ballast string, then func()) {
	t.Helper()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	then()
	name := fmt.Sprintf("space-%d", len(f.acknowledged))
	took := f.eventually("changes are taken again", func() error { return f.create(name) })
	f.acknowledged = append(f.acknowledged, name)
	t.Logf("%v after there is space again, changes are taken", took.Round(time.Millisecond))
	f.remembers(t)
}

// filling is a stage whose disk fills up.
type filling struct {
	*stage
	from         place
	acknowledged []string // clusters
}

func (f *filling) create(cluster string) error {
	_, err := f.ecs().CreateCluster(context.Background(), &ecs.CreateClusterInput{ClusterName: &cluster})
	return err
}

// acknowledge makes a cluster that must never be lost.
func (f *filling) acknowledge(t *testing.T, cluster string) {
	t.Helper()
	if err := f.create(cluster); err != nil {
		t.Fatal(err)
	}
	f.acknowledged = append(f.acknowledged, cluster)
}

// attempt makes a cluster or is told that this cannot be.
func (f *filling) attempt(t *testing.T, cluster string) {
	t.Helper()
	switch got := code(f.create(cluster)); got {
	case "":
		f.acknowledged = append(f.acknowledged, cluster)
	case "ServiceUnavailable":
	default:
		t.Errorf("a change on a full disk: %s", got)
	}
}

// refusing waits until changes are refused with a 503.
func (f *filling) refusing(t *testing.T) {
	t.Helper()
	n := 0
	f.eventually("changes are refused", func() error {
		n++
		name := fmt.Sprintf("filling-%d", len(f.acknowledged)*1000+n)
		err := f.create(name)
		var status interface{ HTTPStatusCode() int }
		switch {
		case err == nil:
			f.acknowledged = append(f.acknowledged, name)
			return errors.New("they are taken")
		case code(err) != "ServiceUnavailable" || !errors.As(err, &status) || status.HTTPStatusCode() != 503:
			return fmt.Errorf("refused with %w", err)
		}
		return nil
	})
	f.eventually("status says that changes are refused", func() error {
		if f.status().Refusing == "" {
			return errors.New("it does not")
		}
		return nil
	})
	t.Logf("refusing: %s", f.status().Refusing)
}

// answers: DNS does not depend on the control plane.
func (f *filling) answers(t *testing.T) {
	t.Helper()
	if got, err := f.from.lookup(webName); err != nil || len(got) == 0 {
		t.Errorf("DNS: %v, %v", got, err)
	}
}

// serving: reads are answered, too, with all that was acknowledged.
func (f *filling) serving(t *testing.T) {
	t.Helper()
	f.answers(t)
	f.remembers(t)
	if registered, err := f.discovered(); err != nil || len(registered) == 0 {
		t.Errorf("DiscoverInstances: %v, %v", registered, err)
	}
	if err := f.consistent("web", len(f.running("web")), f.from); err != nil {
		t.Error(err)
	}
}

// remembers: nothing that was acknowledged is lost.
func (f *filling) remembers(t *testing.T) {
	t.Helper()
	var there []string
	pages := ecs.NewListClustersPaginator(f.ecs(), &ecs.ListClustersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, arn := range page.ClusterArns {
			there = append(there, filepath.Base(arn))
		}
	}
	for _, c := range f.acknowledged {
		if !slices.Contains(there, c) {
			t.Errorf("cluster %s was acknowledged and is lost", c)
		}
	}
}

// fill writes a file until nothing fits on the file system any more.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		_, err := f.Write(make([]byte, size))
		switch {
		case errors.Is(err, syscall.ENOSPC):
			size /= 4
		case err != nil:
			t.Fatal(err)
		}
	}
	return path
}

// free is how many bytes a file system has left.
func free(t *testing.T, dir string) uint64 {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	return st.Bavail * uint64(st.Bsize)
}
