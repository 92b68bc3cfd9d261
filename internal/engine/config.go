//go:build linux

package engine

import (
	"fmt"
	"os"
	"strings"
)

// unused are the plugins of containerd that Seamark has no use for: what
// serves Kubernetes, other snapshotters, metrics exporters and containerd's
// own restarting of containers, which would act behind the control plane's
// back.
var unused = [...]string{
	"io.containerd.differ.v1.erofs",
	"io.containerd.http.v1.pprof",
	"io.containerd.image-verifier.v1.bindir",
	"io.containerd.internal.v1.opt",
	"io.containerd.metrics.v1.grpc-otel",
	"io.containerd.metrics.v1.grpc-prometheus",
	"io.containerd.monitor.container.v1.restart",
	"io.containerd.monitor.task.v1.cgroups",
	"io.containerd.mount-handler.v1.erofs",
	"io.containerd.nri.v1.nri",
	"io.containerd.server.v1.debug",
	"io.containerd.server.v1.grpc-tcp",
	"io.containerd.server.v1.metrics",
	"io.containerd.snapshotter.v1.blockfile",
	"io.containerd.snapshotter.v1.erofs",
}

// config is containerd's configuration, format 4 (containerd 2.4).
func (e *Engine) config() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Written by Seamark at each start of its container engine.")
	line("version = 4")
	line("root = %s", quote(e.root()))
	line("state = %s", quote(e.state()))
	line("imports = []")
	line("disabled_plugins = [")
	for _, p := range unused {
		line("  %s,", quote(p))
	}
	line("]")
	line("[debug]")
	line("  level = 'warn'")
	line("[plugins.'io.containerd.server.v1.grpc']")
	line("  address = %s", quote(e.opts.socket()))
	line("[plugins.'io.containerd.server.v1.ttrpc']")
	line("  address = %s", quote(e.opts.socket()+".ttrpc"))
	line("[plugins.'io.containerd.shim.v1.manager']")
	line("  socket_dir = %s", quote(e.opts.shimSockets()))
	return b.String()
}

// quote makes a TOML basic string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

func (e *Engine) writeConfig() error {
	return os.WriteFile(e.opts.config(), []byte(e.config()), 0o600)
}
