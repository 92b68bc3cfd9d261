//go:build linux

package containerd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/errdefs"
	"github.com/moby/sys/user"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// accounts are an image's /etc/passwd and /etc/group.
type accounts struct{ passwd, group []byte }

// resolve turns a user of a task definition or image (user, user:group,
// uid, uid:gid; empty is root) into ids, with Docker's rules.
func (a accounts) resolve(name string) (specs.User, error) {
	u, err := user.GetExecUser(name, &user.ExecUser{Home: "/"}, bytes.NewReader(a.passwd), bytes.NewReader(a.group))
	if err != nil {
		return specs.User{}, fmt.Errorf("user %q: %w", name, err)
	}
	out := specs.User{UID: uint32(u.Uid), GID: uint32(u.Gid)}
	for _, g := range u.Sgids {
		out.AdditionalGids = append(out.AdditionalGids, uint32(g))
	}
	return out, nil
}

// readAccounts reads the two files once for each image, from the directories
// of its unpacked layers. Mounting the image to read them, as containerd's own
// client does at each start, would take longer and could leave a mount behind.
func (d *Driver) readAccounts(ctx context.Context, i *image) (a accounts, err error) {
	snapshots := d.client.SnapshotService(d.opts.Snapshotter)
	key := fmt.Sprintf("accounts-%s-%d", i.digest.Encoded(), time.Now().UnixNano())
	var mounts []mount.Mount
	err = pastRemains(func() (err error) {
		mounts, err = snapshots.View(ctx, key, i.parent)
		return err
	})
	if err != nil {
		return accounts{}, err
	}
	defer func() {
		if removeErr := snapshots.Remove(context.WithoutCancel(ctx), key); !errdefs.IsNotFound(removeErr) {
			err = errors.Join(err, removeErr)
		}
	}()
	dirs := layers(mounts)
	if a.passwd, err = readLayered(dirs, "passwd"); err != nil {
		return accounts{}, err
	}
	a.group, err = readLayered(dirs, "group")
	return a, err
}

// layers returns the directories of which a read-only mount consists, the
// uppermost first.
func layers(mounts []mount.Mount) []string {
	var out []string
	for _, m := range mounts {
		if m.Type != "overlay" {
			out = append(out, m.Source)
			continue
		}
		for _, o := range m.Options {
			if list, ok := strings.CutPrefix(o, "lowerdir="); ok {
				out = append(out, strings.Split(list, ":")...)
			}
		}
	}
	return out
}

// readLayered reads /etc/NAME as overlayfs would show it; nothing when there
// is no such file. Links that leave the layer are not followed.
func readLayered(dirs []string, name string) ([]byte, error) {
	for _, dir := range dirs {
		text, hidden, err := readInLayer(dir, name)
		if err != nil || text != nil || hidden {
			return text, err
		}
	}
	return nil, nil
}

// maxAccounts is far above any real file of accounts.
const maxAccounts = 4 << 20

// readInLayer returns the file of one layer, or that the layer hides those
// below: a whiteout is a device 0:0, an opaque directory has an attribute.
func readInLayer(dir, name string) (text []byte, hidden bool, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, false, err
	}
	defer root.Close()
	etc, err := root.Lstat("etc")
	if err != nil {
		return nil, false, ignoreAbsent(err)
	}
	if whiteout(etc) {
		return nil, true, nil
	}
	info, err := root.Stat("etc/" + name)
	if err != nil || !info.Mode().IsRegular() {
		hidden = opaque(dir+"/etc") || (err == nil && whiteout(info))
		return nil, hidden, ignoreAbsent(err)
	}
	f, err := root.Open("etc/" + name)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	text, err = io.ReadAll(io.LimitReader(f, maxAccounts))
	if text == nil {
		text = []byte{}
	}
	return text, false, err
}

// ignoreAbsent forgets that a file is not there, or that a link leads out of
// the layer.
func ignoreAbsent(err error) error {
	var path *fs.PathError
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.As(err, &path) {
		return nil
	}
	return err
}

func whiteout(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode()&fs.ModeCharDevice != 0 && st.Rdev == 0
}

func opaque(dir string) bool {
	value := make([]byte, 1)
	n, err := syscall.Getxattr(dir, "trusted.overlay.opaque", value)
	return err == nil && n == 1 && value[0] == 'y'
}
