package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/compression"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// zstdLevel gives archives about as small as the default level while a Debian root file system packs in seconds.
const zstdLevel = 7

// image builds the image in memory.
func (r recipe) image() (v1.Image, error) {
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	img = mutate.ConfigMediaType(img, types.OCIConfigJSON)
	img, err := mutate.ConfigFile(img, &v1.ConfigFile{
		Created:      v1.Time{Time: r.epoch},
		OS:           "linux",
		Architecture: r.arch,
		Config:       r.config,
		RootFS:       v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	if r.rootfs != "" {
		open := func() (io.ReadCloser, error) { return os.Open(r.rootfs) }
		if img, err = r.appendLayer(img, open, "root file system of distribution packages"); err != nil {
			return nil, err
		}
	}
	if r.files == "" {
		return img, nil
	}
	b, err := tarTree(r.files, r.epoch)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
	return r.appendLayer(img, open, "files of this image")
}

// appendLayer adds one zstd layer: containerd unpacks it several times faster than gzip.
func (r recipe) appendLayer(img v1.Image, open tarball.Opener, what string) (v1.Image, error) {
	layer, err := tarball.LayerFromOpener(open,
		tarball.WithCompression(compression.ZStd), tarball.WithCompressionLevel(zstdLevel),
		tarball.WithMediaType(types.OCILayerZStd), tarball.WithCompressedCaching)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return mutate.Append(img, mutate.Addendum{
		Layer:     layer,
		MediaType: types.OCILayerZStd,
		History:   v1.History{Created: v1.Time{Time: r.epoch}, CreatedBy: what},
	})
}

// tarTree packs a directory's content in name order, owned by root and with modes that do not depend on the umask of
// the checkout: 0755 for directories and executables, 0644 for other files, 1777 for directories with the sticky bit.
func tarTree(dir string, mtime time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return addEntry(w, path, filepath.ToSlash(name), d, mtime)
	})
	if err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// addEntry writes one directory, regular file or symbolic link.
func addEntry(w *tar.Writer, path, name string, d fs.DirEntry, mtime time.Time) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	h := &tar.Header{Name: name, ModTime: mtime, Format: tar.FormatPAX, Mode: 0o644}
	if info.Mode()&0o111 != 0 {
		h.Mode = 0o755
	}
	switch {
	case d.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, name+"/"
		if info.Mode()&fs.ModeSticky != 0 {
			h.Mode = 0o1777
		}
		return w.WriteHeader(h)
	case d.Type() == fs.ModeSymlink:
		h.Typeflag, h.Mode = tar.TypeSymlink, 0o777
		if h.Linkname, err = os.Readlink(path); err != nil {
			return err
		}
		return w.WriteHeader(h)
	case d.Type().IsRegular():
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		return copyFile(w, path)
	}
	return fmt.Errorf("%s: neither a directory, a file nor a symbolic link", path)
}

// copyFile copies a file's content into the archive.
func copyFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
