//go:build linux

package containerd

import (
	"fmt"
	"slices"
	"strings"
)

// dockerCapabilities are what Docker gives a container that asks for nothing.
// https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities
func dockerCapabilities() []string {
	return []string{
		"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
		"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
	}
}

// machineCapabilities are what the administrator of an EC2 instance has on
// top: the instance's own network, and tracing its own processes.
func machineCapabilities() []string {
	return []string{"CAP_NET_ADMIN", "CAP_NET_BROADCAST", "CAP_SYS_PTRACE"}
}

// contained are the capabilities that end at a container's own namespaces and
// limits. The others, SYS_ADMIN first among them, reach the machine, because
// root in a container is root: there is no user namespace.
func contained() []string {
	return append(append(dockerCapabilities(), machineCapabilities()...),
		"CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_LEASE", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TTY_CONFIG")
}

// capabilities returns what a container may do, sorted. Names come with or
// without "CAP_"; ALL stands for every one that can be given.
func capabilities(machine bool, add, drop []string) ([]string, error) {
	caps := dockerCapabilities()
	if machine {
		caps = append(caps, machineCapabilities()...)
	}
	dropped := canonical(drop)
	if slices.Contains(dropped, "CAP_ALL") {
		caps = nil
	}
	allowed := contained()
	for _, c := range canonical(add) {
		switch {
		case c == "CAP_ALL":
			caps = append(caps, allowed...)
		case !slices.Contains(allowed, c):
			return nil, fmt.Errorf("capability %s would reach beyond the container and is not given", strings.TrimPrefix(c, "CAP_"))
		default:
			caps = append(caps, c)
		}
	}
	caps = slices.DeleteFunc(caps, func(c string) bool { return slices.Contains(dropped, c) })
	slices.Sort(caps)
	return slices.Compact(caps), nil
}

func canonical(names []string) []string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		out = append(out, "CAP_"+strings.TrimPrefix(strings.ToUpper(n), "CAP_"))
	}
	return out
}
