//go:build linux

package containerd

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/archive/compression"

	"seamark/internal/driver/runtime"
)

// ImportImage implements runtime.Driver. The names it returns are the short
// ones.
func (d *Driver) ImportImage(ctx context.Context, path string) ([]string, error) {
	ctx = d.within(ctx)
	names, err := d.importImage(ctx, path)
	if err != nil {
		return nil, runtime.ImageError(fmt.Errorf("import %s: %w", path, err))
	}
	return names, nil
}

func (d *Driver) importImage(ctx context.Context, path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, err := compression.DecompressStream(f)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	found, err := d.client.Import(ctx, plain, client.WithImportPlatform(d.platform), client.WithImageRefTranslator(archiveName))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, i := range found {
		if _, err := d.load(ctx, i); err != nil {
			return nil, err
		}
		names = append(names, runtime.ShortImageName(i.Name))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no image in it has a name")
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// archiveName reads the name that an OCI archive gives an image. By the
// specification that may be a bare tag, which names nothing.
func archiveName(ref string) string {
	if !strings.ContainsAny(ref, ":/") {
		return ""
	}
	name, err := runtime.FullImageName(ref)
	if err != nil {
		return ""
	}
	return name
}
