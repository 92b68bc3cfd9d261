//go:build linux

package containerd

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"seamark/internal/driver/runtime"
)

// fargateNofile is the limit of open files on Fargate.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
const fargateNofile = 65535

// nofileLimit is the default limit of open files: Fargate's, or what this
// process has where it may not raise that.
func nofileLimit() uint64 {
	var own unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &own); err != nil || own.Max >= fargateNofile || mayRaiseLimits() {
		return fargateNofile
	}
	return own.Max
}

// mayRaiseLimits reports whether this process has CAP_SYS_RESOURCE, which root
// lacks in many containers.
func mayRaiseLimits() bool {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "CapEff:"); ok {
			caps, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
			return err == nil && caps&(1<<unix.CAP_SYS_RESOURCE) != 0
		}
	}
	return false
}

// rlimits are the default and the limits that were asked for, sorted.
func rlimits(asked []runtime.Ulimit, nofile uint64) []specs.POSIXRlimit {
	byType := map[string]specs.POSIXRlimit{"RLIMIT_NOFILE": {Type: "RLIMIT_NOFILE", Soft: nofile, Hard: nofile}}
	for _, u := range asked {
		t := "RLIMIT_" + strings.ToUpper(u.Name)
		byType[t] = specs.POSIXRlimit{Type: t, Soft: u.Soft, Hard: u.Hard}
	}
	var out []specs.POSIXRlimit
	for _, t := range slices.Sorted(maps.Keys(byType)) {
		out = append(out, byType[t])
	}
	return out
}
