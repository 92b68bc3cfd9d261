package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"
)

// tree makes a directory to pack.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"etc": 0o700, "tmp": 0o700 | os.ModeSticky} {
		if err := os.Mkdir(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/conf", "text", 0o600)
	write("run", "#!/bin/sh\n", 0o700)
	if err := os.Symlink("run", filepath.Join(dir, "alias")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// pack runs the command and reads its archive.
func pack(t *testing.T, args ...string) map[string][]byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.tar")
	var stderr bytes.Buffer
	if err := run(t.Context(), append(args, "-o", out), &stderr); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	left, err := os.ReadDir(filepath.Dir(out))
	if err != nil || len(left) != 1 {
		t.Fatalf("beside the archive: %v, %v", left, err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"": b}
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// decode reads a JSON blob.
func decode[T any](t *testing.T, b []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v in %q", err, b)
	}
	return v
}

// blob is the content behind a digest.
func blob(t *testing.T, files map[string][]byte, h v1.Hash) []byte {
	t.Helper()
	b, ok := files["blobs/sha256/"+h.Hex]
	if !ok {
		t.Fatalf("no blob %s", h)
	}
	return b
}

func TestArchive(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(config, []byte(`{"Cmd": ["/run"], "ExposedPorts": {"80/tcp": {}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-name", "docker.io/library/x:1", "-config", config, "-files", tree(t), "-epoch", "1000", "-arch", "arm64"}
	files := pack(t, args...)
	if !bytes.Equal(files[""], pack(t, args...)[""]) {
		t.Error("the same inputs give other bytes")
	}

	index := decode[v1.IndexManifest](t, files["index.json"])
	if len(index.Manifests) != 1 {
		t.Fatalf("index: %+v", index)
	}
	want := map[string]string{"io.containerd.image.name": "docker.io/library/x:1", "org.opencontainers.image.ref.name": "1"}
	if d := cmp.Diff(want, index.Manifests[0].Annotations); d != "" {
		t.Error(d)
	}
	manifest := decode[v1.Manifest](t, blob(t, files, index.Manifests[0].Digest))
	cf := decode[v1.ConfigFile](t, blob(t, files, manifest.Config.Digest))
	if cf.Architecture != "arm64" || cf.OS != "linux" || cf.Created.Unix() != 1000 || cmp.Diff(cf.Config.Cmd, []string{"/run"}) != "" {
		t.Errorf("config: %+v", cf)
	}
	if len(manifest.Layers) != 1 || len(cf.RootFS.DiffIDs) != 1 {
		t.Fatalf("layers: %+v, diff ids: %v", manifest.Layers, cf.RootFS.DiffIDs)
	}
	checkLayer(t, blob(t, files, manifest.Layers[0].Digest), cf.RootFS.DiffIDs[0])
}

// checkLayer checks the digest of the unpacked layer and that modes and owners do not depend on the checkout.
func checkLayer(t *testing.T, packed []byte, diffID v1.Hash) {
	t.Helper()
	zr, err := zstd.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	defer zr.Close()
	layer, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := v1.SHA256(bytes.NewReader(layer)); err != nil || got != diffID {
		t.Errorf("diff id %v, %v, want %v", got, err, diffID)
	}
	type entry struct {
		Name, Link string
		Mode       int64
		Type       byte
	}
	var got []entry
	for r := tar.NewReader(bytes.NewReader(layer)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.ModTime.Unix() != 1000 {
			t.Errorf("%s: owner %d:%d, time %v", h.Name, h.Uid, h.Gid, h.ModTime)
		}
		got = append(got, entry{h.Name, h.Linkname, h.Mode, h.Typeflag})
	}
	want := []entry{
		{"alias", "run", 0o777, tar.TypeSymlink},
		{"etc/", "", 0o755, tar.TypeDir},
		{"etc/conf", "", 0o644, tar.TypeReg},
		{"run", "", 0o755, tar.TypeReg},
		{"tmp/", "", 0o1777, tar.TypeDir},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestArchiveRefuses(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "config.json")
	if err := os.WriteFile(config, []byte(`{"Comand": ["/run"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	good := filepath.Join(dir, "good.json")
	if err := os.WriteFile(good, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.tar")
	for want, args := range map[string][]string{
		"are needed":                  {"-name", "x"},
		"needs -rootfs":               {"-name", "x", "-config", good, "-o", out},
		`unknown field "Comand"`:      {"-name", "x", "-config", config, "-files", dir, "-o", out},
		"no such file":                {"-name", "x", "-config", good, "-rootfs", filepath.Join(dir, "none"), "-o", out},
		"flag provided but not defin": {"-nome", "x"},
	} {
		err := run(t.Context(), args, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", args, err, want)
		}
		if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v left an archive: %v", args, err)
		}
	}
}

func TestTag(t *testing.T) {
	for name, want := range map[string]string{"docker.io/library/x:1": "1", "localhost:5000/x": "latest", "x": "latest"} {
		if got := tag(name); got != want {
			t.Errorf("tag(%q) = %q, want %q", name, got, want)
		}
	}
}
