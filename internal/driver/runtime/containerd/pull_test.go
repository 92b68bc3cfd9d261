//go:build linux

package containerd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log" //nolint:depguard // go-containerregistry's registry takes nothing else
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"seamark/internal/driver/runtime"
)

// testRegistry is a registry on the loopback interface that counts requests
// for manifests by tag.
type testRegistry struct {
	host  string
	asked atomic.Int32
	delay chan struct{} // requests wait until it is closed
}

func newRegistry(t *testing.T) *testRegistry {
	r := &testRegistry{delay: make(chan struct{})}
	close(r.delay)
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.Contains(q.URL.Path, "/manifests/") && !strings.Contains(q.URL.Path, "sha256:") && q.Method != http.MethodPut {
			r.asked.Add(1)
			<-r.delay
		}
		inner.ServeHTTP(w, q)
	}))
	t.Cleanup(srv.Close)
	r.host = strings.TrimPrefix(srv.URL, "http://")
	return r
}

// anImage is a small image for this machine, with two layers.
func anImage(t *testing.T) v1.Image {
	t.Helper()
	img, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	config.Config.Entrypoint, config.Config.StopSignal = []string{"/run-me"}, "SIGQUIT"
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// push stores an image under repository:tag and returns its digest.
func (r *testRegistry) push(t *testing.T, repository, tag string, img v1.Image) string {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		body, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		digest, err := l.Digest()
		if err != nil {
			t.Fatal(err)
		}
		r.send(t, http.MethodPost, "/v2/"+repository+"/blobs/uploads/?digest="+digest.String(), "application/octet-stream", body)
	}
	config, err := img.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	name, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	r.send(t, http.MethodPost, "/v2/"+repository+"/blobs/uploads/?digest="+name.String(), "application/octet-stream", bytes.NewReader(config))
	manifest, err := img.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	mediaType, err := img.MediaType()
	if err != nil {
		t.Fatal(err)
	}
	r.send(t, http.MethodPut, "/v2/"+repository+"/manifests/"+tag, string(mediaType), bytes.NewReader(manifest))
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	r.asked.Store(0)
	return digest.String()
}

func (r *testRegistry) send(t *testing.T, method, path, mediaType string, body io.Reader) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.host+path, body)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", mediaType)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s: %s", method, path, a.Status)
	}
}

func TestPull(t *testing.T) {
	m := newMachine(t)
	d := m.driver(t)
	r := newRegistry(t)
	ref := r.host + "/team/app:v1"
	digest := r.push(t, "team/app", "v1", anImage(t))

	// Many at once are one pull.
	r.delay = make(chan struct{})
	results := make(chan error)
	const n = 5
	for range n {
		go func() {
			i, err := d.EnsureImage(t.Context(), ref, runtime.PullMissing)
			if err == nil && (i.Digest != digest || i.Name != ref || i.Size == 0 || i.StopSignal != "SIGQUIT" || !slices.Equal(i.Entrypoint, []string{"/run-me"})) {
				t.Errorf("pulled %+v, want digest %s", i, digest)
			}
			results <- err
		}()
	}
	eventually(t, "the registry is asked", func() bool { return r.asked.Load() > 0 })
	close(r.delay)
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if got := r.asked.Load(); got > 2 { // HEAD, and GET where HEAD was not enough
		t.Errorf("the registry was asked %d times for one manifest", got)
	}

	r.asked.Store(0)
	if _, err := d.EnsureImage(t.Context(), ref, runtime.PullMissing); err != nil || r.asked.Load() != 0 {
		t.Errorf("a local image: %v, the registry was asked %d times", err, r.asked.Load())
	}
	next := r.push(t, "team/app", "v1", anImage(t))
	if i, err := d.EnsureImage(t.Context(), ref, runtime.PullAlways); err != nil || i.Digest != next || r.asked.Load() == 0 {
		t.Errorf("with PullAlways: %+v, %v, want the new digest %s", i, err, next)
	}
	byDigest := r.host + "/team/app@" + digest
	if i, err := d.EnsureImage(t.Context(), byDigest, runtime.PullMissing); err != nil || i.Digest != digest {
		t.Errorf("by digest: %+v, %v, want %s", i, err, digest)
	}
	_, err := d.EnsureImage(t.Context(), r.host+"/team/app:v2", runtime.PullMissing)
	if !errors.Is(err, runtime.ErrImage) || err.Error() != `failed to resolve reference "`+r.host+`/team/app:v2": `+r.host+`/team/app:v2: not found` {
		t.Errorf("a tag that is not there: %v", err)
	}
}

// A registry that does not answer is an error within seconds, not minutes.
func TestPull_UnreachableRegistry(t *testing.T) {
	m := newMachine(t)
	o := m.options(t)
	o.DialContext = func(ctx context.Context, _, address string) (net.Conn, error) {
		<-ctx.Done() // as a firewall that drops packets
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
	d, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	began := time.Now()
	_, pullErr := d.EnsureImage(t.Context(), "nginx", runtime.PullMissing)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	host, err := docker.DefaultHost("docker.io")
	if err != nil {
		t.Fatal(err)
	}
	want := `failed to resolve reference "docker.io/library/nginx:latest": failed to do request: Head "https://` + host + `/v2/library/nginx/manifests/latest": `
	if !errors.Is(pullErr, runtime.ErrImage) || !strings.HasPrefix(pullErr.Error(), want) || !strings.Contains(pullErr.Error(), "no answer within 4s") {
		t.Errorf("%v", pullErr)
	}
}

func TestImport_DockerArchiveWithSeveralNames(t *testing.T) {
	m := newMachine(t)
	d := m.driver(t)
	img := anImage(t)
	refs := map[name.Reference]v1.Image{}
	for _, n := range []string{"app:v1", "registry.test/team/app:v2"} {
		tag, err := name.NewTag(n)
		if err != nil {
			t.Fatal(err)
		}
		refs[tag] = img
	}
	path := filepath.Join(t.TempDir(), "docker.tar")
	if err := tarball.MultiRefWriteToFile(path, refs); err != nil {
		t.Fatal(err)
	}
	names, err := d.ImportImage(t.Context(), path)
	if want := []string{"app:v1", "registry.test/team/app:v2"}; err != nil || !slices.Equal(names, want) {
		t.Fatalf("imported %v, %v; want %v", names, err, want)
	}
	for _, n := range names {
		if i, err := d.EnsureImage(t.Context(), n, runtime.PullMissing); err != nil || i.StopSignal != "SIGQUIT" {
			t.Errorf("%s: %+v, %v", n, i, err)
		}
	}
}
