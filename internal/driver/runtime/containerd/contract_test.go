//go:build linux

package containerd

import (
	"bytes"
	"net/netip"
	"path/filepath"
	"strconv"
	"testing"

	"seamark/internal/driver/runtime"
	"seamark/internal/driver/runtime/runtimetest"
)

func TestContract(t *testing.T) {
	m := newMachine(t)
	runtimetest.Run(t, func(t *testing.T) (runtime.Driver, runtimetest.Fixture) {
		box := func(args ...string) func() runtime.Container {
			return func() runtime.Container { return m.box(args...) }
		}
		logged := func(args ...string) func() runtime.Container {
			return func() runtime.Container {
				c := m.box(args...)
				c.Log.Dir = filepath.Join(t.TempDir(), "log")
				return c
			}
		}
		url := "http://127.0.0.1:8080/health"
		return m.driver(t), runtimetest.Fixture{
			Real:    true,
			Archive: filepath.Join(m.images, "testbox.tar"), Names: []string{testImage},
			Missing: "127.0.0.1:1/missing/x:latest", // a registry on this machine that is not there
			Exits: func(code int32) runtime.Container {
				return m.box("exit", strconv.Itoa(int(code)))
			},
			Sleeps:   logged("trap"),
			Stubborn: logged("trap", "ignore"),
			Ready: func(t *testing.T, c runtime.Container) {
				eventually(t, c.ID+" handles signals", func() bool { return bytes.Contains(kept(t, c.Log.Dir), []byte("trap: ready")) })
			},
			Listens: box("serve", "7070"), ListensAt: netip.MustParseAddrPort("127.0.0.1:7070"),
			Hungry: func() runtime.Container {
				c := m.box("mem", "64")
				c.Resources.MemoryBytes = 16 << 20
				return c
			},
			Broken: func() runtime.Container {
				c := m.box()
				c.Command = []string{"/no/such/program"}
				return c
			},
			Succeeds:  runtimetest.Command{In: box("sleep"), Args: []string{"/testbox", "env"}},
			Fails:     runtimetest.Command{In: box("sleep"), Args: []string{"/testbox", "health", url}},
			Hangs:     runtimetest.Command{In: box("sleep"), Args: []string{"/testbox", "sleep"}},
			Reopen:    func(t *testing.T) runtime.Driver { return m.driver(t) },
			Restart:   m.restart,
			Unchanged: m.unchanged,
		}
	})
}
