//go:build linux

package main

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// lostAfter is when a query counts as lost.
const lostAfter = time.Second

// probe sends queries at even times and takes the time of each answer. It has a
// thread of its own, which goes before the benchmark's other threads, and a
// socket that Go's poller does not know: its own delays must not count.
func probe(inside *os.File, server netip.AddrPort, c churnOptions) (times []time.Duration, lost int, err error) {
	prober := newLauncher()
	defer prober.close()
	err = prober.do(inside, func() error {
		const first = -20
		if err := unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), first); err != nil {
			return os.NewSyscallError("setpriority", err)
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		patience := unix.NsecToTimeval(lostAfter.Nanoseconds())
		err = errors.Join(
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience),
			unix.Connect(fd, &unix.SockaddrInet4{Port: int(server.Port()), Addr: server.Addr().As4()}))
		if err == nil {
			times, lost, err = pace(fd, c)
		}
		return errors.Join(err, unix.Close(fd))
	})
	return times, lost, err
}

// pace asks for the addresses of random names.
func pace(fd int, c churnOptions) (times []time.Duration, lost int, err error) {
	var in [1500]byte
	began := time.Now()
	for i := range int(c.window.Seconds() * float64(c.probes)) {
		query, err := new(dns.Msg).SetQuestion(serviceName(rand.IntN(c.services))+"."+domain+".", dns.TypeA).Pack()
		if err != nil {
			return nil, 0, err
		}
		due := began.Add(time.Duration(i) * time.Second / time.Duration(c.probes))
		if wait := time.Until(due); wait > 0 {
			pause := unix.NsecToTimespec(wait.Nanoseconds())
			_ = unix.Nanosleep(&pause, nil) // a signal makes it shorter
		}
		sent := time.Now()
		if _, err := unix.Write(fd, query); err != nil {
			return nil, 0, err
		}
		for {
			n, err := unix.Read(fd, in[:])
			if errors.Is(err, unix.EAGAIN) {
				lost++
				break
			}
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil {
				return nil, 0, err
			}
			if n > 2 && in[0] == query[0] && in[1] == query[1] { // else it is one that was given up
				times = append(times, time.Since(sent))
				break
			}
		}
	}
	return times, lost, nil
}

// percentile is the time that a share of all does not exceed.
func percentile(times []time.Duration, share float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}
