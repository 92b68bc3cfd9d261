//go:build linux

package containerd

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"seamark/internal/driver/runtime"
)

// median reports the middle of some durations, in ms.
func median(b *testing.B, name string, d []time.Duration) {
	slices.Sort(d)
	b.ReportMetric(float64(d[len(d)/2].Microseconds())/1000, name+"-ms")
	b.Logf("%-14s min %v median %v p90 %v max %v", name, d[0].Round(10*time.Microsecond), d[len(d)/2].Round(10*time.Microsecond),
		d[len(d)*9/10].Round(10*time.Microsecond), d[len(d)-1].Round(10*time.Microsecond))
}

// BenchmarkLife measures the three waits of a container's life: for its start,
// for the news of its end, and for its removal.
func BenchmarkLife(b *testing.B) {
	m := newMachine(b)
	d := m.driver(b)
	events := d.Events(b.Context())
	for _, c := range []struct {
		name    string
		logged  bool
		grouped bool // a container of the group runs already, so there is a shim
	}{{"quiet", false, false}, {"logged", true, false}, {"second", true, true}} {
		b.Run(c.name, func(b *testing.B) {
			group := "g" + c.name
			if c.grouped {
				first := m.box("sleep")
				first.ID, first.Group = "first", group
				if _, err := d.Start(b.Context(), first); err != nil {
					b.Fatal(err)
				}
				defer func() {
					if err := d.Remove(b.Context(), "first"); err != nil {
						b.Error(err)
					}
				}()
			}
			var start, end, removal []time.Duration
			for i := range max(b.N, 20) {
				s := m.box("sleep")
				s.ID, s.Group = fmt.Sprintf("%s-%d", c.name, i), group
				if c.logged {
					s.Log = runtime.Log{Dir: filepath.Join(m.data, "logs", s.ID)}
				}
				began := time.Now()
				pid, err := d.Start(b.Context(), s)
				if err != nil {
					b.Fatal(err)
				}
				start = append(start, time.Since(began))
				began = time.Now()
				if err := unix.Kill(pid, unix.SIGKILL); err != nil {
					b.Fatal(err)
				}
				for e := range events {
					if e.ID == s.ID {
						break
					}
				}
				end = append(end, time.Since(began))
				began = time.Now()
				if err := d.Remove(b.Context(), s.ID); err != nil {
					b.Fatal(err)
				}
				removal = append(removal, time.Since(began))
			}
			median(b, "start", start)
			median(b, "event", end)
			median(b, "remove", removal)
		})
		if err := d.RemoveGroup(b.Context(), "g"+c.name); err != nil {
			b.Error(err)
		}
	}
}
