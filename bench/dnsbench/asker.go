//go:build linux

package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// lostAfter is when a query counts as lost.
const lostAfter = time.Second

// warmUp is how many queries are asked before times count. The kernel begins to
// stamp packets a moment after the first socket wants it.
const warmUp = 50

// ask is the asker's main function. Its own delays must not count: it goes before
// all other processes, never collects garbage, and the end of a time is when the
// answer arrived at the socket, not when the asker got a core to see it.
func ask(text string, out io.Writer) error {
	var c course
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	debug.SetGCPercent(-1)
	runtime.LockOSThread()
	const first = -20
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, first); err != nil { // of this thread
		return os.NewSyscallError("setpriority", err)
	}
	fd, err := socket(c.Server)
	if err != nil {
		return err
	}
	seen, err := pace(fd, c)
	if err := errors.Join(err, unix.Close(fd)); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(seen)
}

// socket is one that blocks, which Go's poller does not know, and whose packets
// the kernel stamps.
func socket(server netip.AddrPort) (fd int, err error) {
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	patience := unix.NsecToTimeval(lostAfter.Nanoseconds())
	err = errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1),
		unix.Connect(fd, &unix.SockaddrInet4{Port: int(server.Port()), Addr: server.Addr().As4()}))
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// pace asks for the addresses of random names.
func pace(fd int, c course) (seen observed, err error) {
	queries := make([][]byte, warmUp+c.Count)
	for i := range queries {
		name := serviceName(rand.IntN(c.Services)) + "." + domain + "."
		if queries[i], err = new(dns.Msg).SetQuestion(name, dns.TypeA).Pack(); err != nil {
			return seen, err
		}
	}
	seen.Times = make([]time.Duration, 0, c.Count)
	began := time.Now()
	for i, query := range queries {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(c.Rate))
		if wait := time.Until(due); wait > 0 {
			pause := unix.NsecToTimespec(wait.Nanoseconds())
			_ = unix.Nanosleep(&pause, nil) // a signal makes it shorter
		}
		took, answered, err := exchange(fd, query)
		switch {
		case err != nil:
			return seen, err
		case i < warmUp:
		case !answered:
			seen.Lost++
		default:
			seen.Times = append(seen.Times, took)
		}
	}
	return seen, nil
}

// exchange sends a query and takes the time until its answer was there.
func exchange(fd int, query []byte) (took time.Duration, answered bool, err error) {
	var in [1500]byte
	var control [64]byte
	sent := time.Now()
	if _, err := unix.Write(fd, query); err != nil {
		return 0, false, os.NewSyscallError("send", err)
	}
	for {
		n, more, _, _, err := unix.Recvmsg(fd, in[:], control[:], 0) // allocates, but nobody collects
		switch {
		case errors.Is(err, unix.EAGAIN):
			return 0, false, nil
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, false, os.NewSyscallError("receive", err)
		}
		if n > 2 && in[0] == query[0] && in[1] == query[1] { // else it is one that was given up
			arrived, err := arrival(control[:more])
			return time.Duration(arrived - sent.UnixNano()), true, err
		}
	}
}

// arrival is when the kernel received a packet, in nanoseconds since 1970: a
// struct __kernel_timespec (socket(7), SO_TIMESTAMPNS).
func arrival(control []byte) (int64, error) {
	for len(control) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return 0, err
		}
		if header.Level == unix.SOL_SOCKET && header.Type == unix.SO_TIMESTAMPNS_NEW && len(data) >= 16 {
			seconds, nanoseconds := binary.NativeEndian.Uint64(data), binary.NativeEndian.Uint64(data[8:])
			return time.Unix(int64(seconds), int64(nanoseconds)).UnixNano(), nil
		}
		control = rest
	}
	return 0, errors.New("a packet without the time of its arrival")
}
