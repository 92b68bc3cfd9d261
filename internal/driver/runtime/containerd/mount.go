//go:build linux

package containerd

import (
	"fmt"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"seamark/internal/driver/runtime"
)

// initPath is where a container finds its init, when it asked for one.
const initPath = "/.seamark-init"

// mounts returns a container's mounts: those that every container has, changed
// and followed by its own, parents before what lies below them. A mount of its
// own takes the place of one that every container has.
func (d *Driver) mounts(base []specs.Mount, c runtime.Container) []specs.Mount {
	own := ownMounts(c)
	if c.InitProcess {
		own = append(own, bind(d.opts.SeamarkBinary, initPath, true))
	}
	slices.SortStableFunc(own, func(a, b specs.Mount) int {
		return strings.Count(a.Destination, "/") - strings.Count(b.Destination, "/")
	})
	var out []specs.Mount
	for _, m := range slices.Concat(base, []specs.Mount{cgroupMount()}) {
		switch {
		case m.Destination == "/run" && !c.Machine:
			// Docker has none: an image's own /run must be seen.
		case slices.ContainsFunc(own, func(o specs.Mount) bool { return o.Destination == m.Destination }):
		default:
			out = append(out, m)
		}
	}
	return append(out, own...)
}

func ownMounts(c runtime.Container) []specs.Mount {
	var own []specs.Mount
	for _, m := range c.Mounts {
		own = append(own, bind(m.Source, path.Clean(m.Destination), m.ReadOnly))
	}
	for _, t := range c.Tmpfs {
		options := slices.Concat([]string{"nosuid", "noexec", "nodev"}, t.Options)
		if t.SizeBytes > 0 {
			options = append(options, fmt.Sprintf("size=%d", t.SizeBytes))
		}
		own = append(own, specs.Mount{Destination: path.Clean(t.Destination), Type: "tmpfs", Source: "tmpfs", Options: options})
	}
	if c.ResolvConf != "" {
		own = append(own, bind(c.ResolvConf, "/etc/resolv.conf", true))
	}
	if c.Hosts != "" {
		own = append(own, bind(c.Hosts, "/etc/hosts", true))
	}
	return own
}

func bind(source, destination string, readOnly bool) specs.Mount {
	options := []string{"rbind", "rprivate"}
	if readOnly {
		options = append(options, "ro")
	}
	return specs.Mount{Destination: destination, Type: "bind", Source: source, Options: options}
}

// cgroupMount shows a container its own control group, where programs look for
// their limits.
func cgroupMount() specs.Mount {
	return specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"ro", "nosuid", "noexec", "nodev"}}
}
