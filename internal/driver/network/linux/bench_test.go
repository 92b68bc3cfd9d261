//go:build linux

package linux_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"seamark/internal/driver/network/networktest"
	"seamark/internal/plan/netcfg"
)

// large is a VPC with n interfaces that share a group and refer to it, as a
// large service has them.
func large(n int) netcfg.VPC {
	v := networktest.VPC("vpc-0000000000000beac")
	in := []netcfg.Rule{networktest.TCPFrom(80, 80, networktest.GroupWeb), networktest.TCP(443, 443, "0.0.0.0/0")}
	out := []netcfg.Rule{networktest.All("0.0.0.0/0")}
	for i := range n {
		eni := networktest.Interface(i+1, 1+i/250, 4+i%250, in...)
		eni.Egress = out
		v.Interfaces = append(v.Interfaces, eni)
	}
	return networktest.Members(v, networktest.GroupWeb, v.Interfaces...)
}

func without(v netcfg.VPC) netcfg.VPC {
	v.Interfaces = v.Interfaces[:len(v.Interfaces)-1]
	return networktest.Members(v, networktest.GroupWeb, v.Interfaces...)
}

// cpuTime reports this process's CPU time for each operation: on a busy
// machine the elapsed time says little.
func cpuTime(b *testing.B) {
	used := func() time.Duration {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	b.Cleanup(func() { b.ReportMetric(float64((used()-before).Microseconds())/float64(b.N), "cpu-µs/op") })
}

// BenchmarkSetAdd adds one interface to 250 and is the time of that alone.
func BenchmarkSetAdd(b *testing.B) {
	d := newDriver(b, runDir(b))
	more := large(251)
	fewer := without(more)
	if err := d.Set(b.Context(), fewer); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := d.Set(b.Context(), more); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := d.Set(b.Context(), fewer); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkSetRemove removes one of 251.
func BenchmarkSetRemove(b *testing.B) {
	d := newDriver(b, runDir(b))
	more := large(251)
	fewer := without(more)
	for b.Loop() {
		b.StopTimer()
		if err := d.Set(b.Context(), more); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := d.Set(b.Context(), fewer); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSetSame sets 250 interfaces that are there already.
func BenchmarkSetSame(b *testing.B) {
	d := newDriver(b, runDir(b))
	v := large(250)
	if err := d.Set(b.Context(), v); err != nil {
		b.Fatal(err)
	}
	cpuTime(b)
	for b.Loop() {
		if err := d.Set(b.Context(), v); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSetRules gives the group of 250 interfaces another rule.
func BenchmarkSetRules(b *testing.B) {
	d := newDriver(b, runDir(b))
	v := large(250)
	if err := d.Set(b.Context(), v); err != nil {
		b.Fatal(err)
	}
	for n := int32(0); b.Loop(); n++ {
		changed := v
		changed.Interfaces = append([]netcfg.Interface(nil), v.Interfaces...)
		for i := range changed.Interfaces {
			changed.Interfaces[i].Ingress = []netcfg.Rule{networktest.TCP(1000+n%50000, 1000+n%50000, "0.0.0.0/0")}
		}
		if err := d.Set(b.Context(), changed); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAdopt is the first Set of a new process for 250 interfaces.
func BenchmarkAdopt(b *testing.B) {
	dir := runDir(b)
	v := large(250)
	if err := newDriver(b, dir).Set(b.Context(), v); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := newDriver(b, dir).Set(b.Context(), v); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCreate makes a VPC with 250 interfaces and removes it.
func BenchmarkCreate(b *testing.B) {
	d := newDriver(b, runDir(b))
	v := large(250)
	for b.Loop() {
		if err := d.Set(b.Context(), v); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := d.Remove(b.Context(), v.ID); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
