//go:build linux

package linux_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"seamark/internal/driver/network"
	"seamark/internal/driver/network/linux"
	"seamark/internal/driver/network/netns"
	"seamark/internal/driver/network/networktest"
)

// requireRoot skips without root, or fails where tests must not be skipped.
func requireRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("SEAMARK_REQUIRE_ROOT") == "1" {
		t.Fatal("root is required")
	}
	t.Skip("needs root")
}

// runDir makes a RunDir and removes it with all namespaces at the test's end,
// however that came.
func runDir(t testing.TB) string {
	t.Helper()
	requireRoot(t)
	dir, err := os.MkdirTemp("/run", "seamark-test-") //nolint:usetesting // namespaces are bound where RunDir is on a machine
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		namespaces := filepath.Join(dir, "netns")
		files, err := filepath.Glob(filepath.Join(namespaces, "vpc-*", "*"))
		if err != nil {
			t.Error(err)
		}
		for _, f := range files {
			if err := netns.Delete(f); err != nil {
				t.Error(err)
			}
			_ = os.Remove(filepath.Dir(f)) // succeeds with the last file in it
		}
		if _, err := netns.RemoveDirectory(namespaces); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func newDriver(t testing.TB, dir string) *linux.Driver {
	t.Helper()
	d, err := linux.New(linux.Options{InstanceID: "7e57", RunDir: dir, Logger: newLogger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return d
}

func TestContract(t *testing.T) {
	requireRoot(t)
	networktest.Run(t, func(t *testing.T) (network.Driver, networktest.Probe) {
		d := newDriver(t, runDir(t))
		return d, newProbe(t, d)
	})
}

func newLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }
