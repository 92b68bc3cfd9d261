//go:build linux

package rig

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machine is where and of what the figures are.
type machine struct {
	cpu, kernel, commit, compiler string
	cores                         int
	memory                        int64
	date                          time.Time
	// Load averages before and after the measurement.
	loadBefore, loadAfter string
}

// describe looks at this machine and asks a binary for its version.
func describe(ctx context.Context, binary string) machine {
	m := machine{cpu: "unknown", kernel: "unknown", commit: "unknown", compiler: runtime.Version(), cores: runtime.NumCPU(), date: time.Now().UTC(), loadBefore: load()}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.kernel = unix.ByteSliceToString(u.Release[:])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.memory = int64(info.Totalram) * int64(info.Unit)
	}
	// The commit is what was built, not what lies about here now.
	if b, err := exec.CommandContext(ctx, binary, "--version").Output(); err == nil {
		if f := strings.Fields(string(b)); len(f) > 0 {
			m.commit = f[len(f)-1]
		}
	}
	return m
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %d MB of memory, Linux %s; commit %s, %s, %s",
		m.cpu, m.cores, m.memory/1e6, m.kernel, m.commit, m.compiler, m.date.Format("2006-01-02 15:04 MST"))
}

// markdown is how docs/benchmarks.md names the machine.
func (m machine) markdown() string {
	return fmt.Sprintf("Measured on: %s.\nLoad averages before: %s; after: %s.\n\n", m, m.loadBefore, m.loadAfter)
}

// load is the machine's load averages.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}

// waitForCalm waits until others leave the machine alone, as long as patience lasts.
func waitForCalm(ctx context.Context, calm float64, patience time.Duration, out io.Writer) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		one, err := strconv.ParseFloat(strings.Fields(load())[0], 64)
		if err != nil || one < calm || patience == 0 {
			return
		}
		fmt.Fprintf(out, "load average %.2f, waiting for %.2f\n", one, calm)
		select {
		case <-ctx.Done():
			return
		case <-time.After(5 * time.Second):
		}
	}
}
