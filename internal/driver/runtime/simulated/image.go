package simulated

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"seamark/internal/driver/runtime"
)

// EnsureImage implements runtime.Driver: every image is there but the missing
// ones.
func (d *Driver) EnsureImage(ctx context.Context, ref string, _ runtime.PullPolicy) (runtime.Image, error) {
	name, err := runtime.FullImageName(ref)
	if err != nil {
		return runtime.Image{}, runtime.ImageError(err)
	}
	if d.machine.has(name) {
		return d.machine.image(name), ctx.Err()
	}
	if d.machine.missing(name) {
		return runtime.Image{}, runtime.ImageError(fmt.Errorf("failed to resolve reference %q: %s: not found", name, name))
	}
	return d.machine.add(name), ctx.Err()
}

// Images implements runtime.Driver, sorted by name.
func (d *Driver) Images(ctx context.Context) ([]runtime.Image, error) {
	return d.machine.allImages(), ctx.Err()
}

// ImportImage implements runtime.Driver: it reads the names that an archive
// holds, and nothing else.
func (d *Driver) ImportImage(ctx context.Context, path string) ([]string, error) {
	full, err := archiveNames(path)
	if err != nil {
		return nil, runtime.ImageError(fmt.Errorf("import %s: %w", path, err))
	}
	var names []string
	for _, name := range full {
		names = append(names, d.machine.add(name).Name)
	}
	slices.Sort(names)
	return slices.Compact(names), ctx.Err()
}

func (m *Machine) missing(name string) bool {
	if m.opts.Missing != nil {
		return m.opts.Missing(name)
	}
	repository, _, _ := strings.Cut(name, "@")
	if i := strings.LastIndexByte(repository, ':'); i > strings.LastIndexByte(repository, '/') {
		repository = repository[:i]
	}
	return slices.Contains(strings.Split(repository, "/"), "missing")
}

func (m *Machine) has(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.images[name]
	return ok
}

func (m *Machine) image(name string) runtime.Image {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.images[name]
}

// add makes an image of that full name local. Its digest is made of the name.
func (m *Machine) add(name string) runtime.Image {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i, ok := m.images[name]; ok {
		return i
	}
	i := runtime.Image{Name: runtime.ShortImageName(name), Digest: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(name)))}
	m.images[name] = i
	return i
}

func (m *Machine) allImages() []runtime.Image {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []runtime.Image
	for _, name := range slices.Sorted(maps.Keys(m.images)) {
		out = append(out, m.images[name])
	}
	return out
}

// archiveNames returns the full names in an uncompressed OCI or Docker archive.
func archiveNames(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var refs []string
	for t := tar.NewReader(f); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		found, err := namesIn(h.Name, t)
		if err != nil {
			return nil, err
		}
		refs = append(refs, found...)
	}
	var out []string
	for _, ref := range refs {
		name, err := runtime.FullImageName(ref)
		if err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	if len(out) == 0 {
		return nil, errors.New("no image in it has a name")
	}
	return out, nil
}

// namesIn reads names from the two files of an archive that have them.
func namesIn(file string, r io.Reader) (refs []string, err error) {
	switch file {
	case "manifest.json":
		var list []struct{ RepoTags []string }
		if err := json.NewDecoder(r).Decode(&list); err != nil {
			return nil, err
		}
		for _, m := range list {
			refs = append(refs, m.RepoTags...)
		}
	case "index.json":
		var index struct {
			Manifests []struct{ Annotations map[string]string }
		}
		if err := json.NewDecoder(r).Decode(&index); err != nil {
			return nil, err
		}
		for _, m := range index.Manifests {
			name := m.Annotations["io.containerd.image.name"]
			if ref := m.Annotations["org.opencontainers.image.ref.name"]; name == "" && strings.ContainsAny(ref, ":/") {
				name = ref
			}
			if name != "" {
				refs = append(refs, name)
			}
		}
	}
	return refs, nil
}
