//go:build linux

package containerd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"seamark/internal/driver/runtime"
)

// image is what a start needs to know of an image. It never changes: images
// are named by digest.
type image struct {
	digest digest.Digest // of the manifest or index that the name refers to
	size   int64
	config ocispec.ImageConfig
	parent string // the snapshot of its unpacked layers
	users  accounts
}

// imageCache holds the images that were looked at, by digest. It saves a start
// five calls and a decompression of nothing that could have changed.
type imageCache struct {
	mu       sync.Mutex
	byDigest map[digest.Digest]*image
}

func (c *imageCache) get(d digest.Digest) *image {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byDigest[d]
}

func (c *imageCache) put(i *image) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byDigest == nil {
		c.byDigest = map[digest.Digest]*image{}
	}
	c.byDigest[i.digest] = i
}

// EnsureImage implements runtime.Driver.
func (d *Driver) EnsureImage(ctx context.Context, ref string, policy runtime.PullPolicy) (runtime.Image, error) {
	ctx = d.within(ctx)
	name, err := runtime.FullImageName(ref)
	if err != nil {
		return runtime.Image{}, runtime.ImageError(err)
	}
	if policy == runtime.PullMissing {
		found, err := d.local(ctx, name)
		if err == nil {
			return found.describe(name), nil
		}
		if !errdefs.IsNotFound(err) {
			return runtime.Image{}, imageError(err)
		}
	}
	if err := d.pull(ctx, name); err != nil {
		return runtime.Image{}, runtime.ImageError(err)
	}
	found, err := d.local(ctx, name)
	if err != nil {
		return runtime.Image{}, imageError(err)
	}
	return found.describe(name), nil
}

// imageError marks an error of a local image, unless it is not the image's.
func imageError(err error) error {
	if marked := unavailable(err); errors.Is(marked, runtime.ErrUnavailable) {
		return marked
	}
	return runtime.ImageError(err)
}

// Images implements runtime.Driver. Images for other machines are left out.
func (d *Driver) Images(ctx context.Context) ([]runtime.Image, error) {
	ctx = d.within(ctx)
	all, err := d.client.ImageService().List(ctx)
	if err != nil {
		return nil, unavailable(fmt.Errorf("list images: %w", err))
	}
	var out []runtime.Image
	for _, i := range all {
		found, err := d.load(ctx, i)
		if errdefs.IsNotFound(err) {
			d.opts.Logger.Debug("image is incomplete or for another platform", "image", i.Name, "error", err)
			continue
		}
		if err != nil {
			return nil, unavailable(fmt.Errorf("image %s: %w", i.Name, err))
		}
		out = append(out, found.describe(i.Name))
	}
	slices.SortFunc(out, func(a, b runtime.Image) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

func (i *image) describe(name string) runtime.Image {
	return runtime.Image{
		Name: runtime.ShortImageName(name), Digest: i.digest.String(), Size: i.size,
		Entrypoint: i.config.Entrypoint, Cmd: i.config.Cmd, StopSignal: i.config.StopSignal,
	}
}

// local returns the image of that full name, unpacked; errdefs.IsNotFound when
// there is none.
func (d *Driver) local(ctx context.Context, name string) (*image, error) {
	i, err := d.client.ImageService().Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return d.load(ctx, i)
}

// load reads what a start needs, and unpacks the layers where that was not
// done: by an import that was interrupted, or for another snapshotter.
func (d *Driver) load(ctx context.Context, i images.Image) (*image, error) {
	if known := d.images.get(i.Target.Digest); known != nil {
		return known, nil
	}
	handle := client.NewImageWithPlatform(d.client, i, d.platform)
	spec, err := handle.Spec(ctx)
	if err != nil {
		return nil, fmt.Errorf("read configuration of %s: %w", i.Name, err)
	}
	unpacked, err := handle.IsUnpacked(ctx, d.opts.Snapshotter)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", i.Name, err)
	}
	if !unpacked {
		if err := pastRemains(func() error { return handle.Unpack(ctx, d.opts.Snapshotter) }); err != nil {
			return nil, fmt.Errorf("unpack %s: %w", i.Name, err)
		}
	}
	size, err := handle.Size(ctx)
	if err != nil {
		return nil, fmt.Errorf("size of %s: %w", i.Name, err)
	}
	out := &image{digest: i.Target.Digest, size: size, config: spec.Config, parent: identity.ChainID(spec.RootFS.DiffIDs).String()}
	if out.users, err = d.readAccounts(ctx, out); err != nil {
		return nil, fmt.Errorf("users of %s: %w", i.Name, err)
	}
	d.images.put(out)
	return out, nil
}

// errNoImage is what Start says about an image that nobody has fetched, in
// Docker's words.
func errNoImage(ref string) error {
	return runtime.ImageError(errors.New("No such image: " + ref))
}
