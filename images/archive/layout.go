package main

import (
	"archive/tar"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// Annotations of the image's entry in index.json. containerd takes the first as the image's name on import
// (core/images/archive/importer.go); the second is the OCI image-spec's, for other tools.
const (
	annotationImageName = "io.containerd.image.name"
	annotationRefName   = "org.opencontainers.image.ref.name"
)

// writeArchive writes an OCI image layout with one image as a tar file. The file appears under its name only when it
// is complete, and nothing is left behind when that fails.
func writeArchive(ctx context.Context, img v1.Image, name string, mtime time.Time, out string) (err error) {
	scratch, err := os.MkdirTemp(filepath.Dir(out), ".archive.*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)

	dir := filepath.Join(scratch, "layout")
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	if err := p.AppendImage(img, layout.WithAnnotations(map[string]string{
		annotationImageName: name,
		annotationRefName:   tag(name),
	})); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	packed := filepath.Join(scratch, "archive.tar")
	if err := packLayout(dir, mtime, packed); err != nil {
		return err
	}
	return os.Rename(packed, out)
}

// tag is the part of an image name behind its last colon, or "latest".
func tag(name string) string {
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[i+1:]
	}
	return "latest"
}

// packLayout writes the layout's files into a tar in name order.
func packLayout(dir string, mtime time.Time, out string) (err error) {
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	w := tar.NewWriter(f)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: filepath.ToSlash(name), Mode: 0o644, Size: info.Size(), ModTime: mtime}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		return copyFile(w, path)
	})
	if err != nil {
		return err
	}
	return w.Close()
}
