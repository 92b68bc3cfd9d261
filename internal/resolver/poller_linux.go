package resolver

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Pollers serve the UDP sockets of all resolvers of a process, each those that
// were given to it, from one goroutine with an epoll instance of its own.
//
// Go's own poller would cost a fifth more CPU per query: it waits for every
// socket to become writable, too, so that each answer that leaves wakes it, and
// a goroutine that becomes ready goes through the scheduler.
type Pollers struct {
	all    []*poller
	direct bool
	ended  sync.WaitGroup

	mu   sync.Mutex
	next int
}

// NewPollers starts n pollers. Direct ones wait in the kernel, which keeps one
// of the scheduler's processors (GOMAXPROCS) from others for a moment each
// time: give the process more of those than pollers. The others wait as any
// goroutine does.
func NewPollers(n int, direct bool) (*Pollers, error) {
	p := &Pollers{direct: direct}
	for range n {
		one, err := newPoller(direct)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("poller: %w", err), p.Close())
		}
		p.all = append(p.all, one)
		p.ended.Go(one.run)
	}
	return p, nil
}

// Len is how many there are: sockets that share an address by SO_REUSEPORT are
// best as many.
func (p *Pollers) Len() int { return len(p.all) }

// Close ends the pollers. Close their sockets first.
func (p *Pollers) Close() error {
	var errs []error
	for _, one := range p.all {
		one.do(func() { one.over = true })
	}
	p.ended.Wait()
	for _, one := range p.all {
		errs = append(errs, one.close())
	}
	return errors.Join(errs...)
}

// pick returns the pollers in turn.
func (p *Pollers) pick() *poller {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	return p.all[p.next%len(p.all)]
}

// poller is one of them.
type poller struct {
	ep     int      // the epoll instance
	parked *os.File // the same, where Go's poller waits for it
	wake   int      // an eventfd: there are calls
	wait   func(events []unix.EpollEvent) (int, error)

	mu    sync.Mutex
	calls []func() // to be run by the goroutine

	// Owned by the goroutine.
	over    bool
	lastID  int32
	sockets map[int32]*UDPSocket
	batch   *batch
	started time.Time
	pace    pace
}

// wakeID stands for the eventfd among the sockets' ids.
const wakeID = 0

func newPoller(direct bool) (*poller, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	p := &poller{ep: ep, sockets: map[int32]*UDPSocket{}, batch: newBatch(), started: time.Now()}
	if p.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, errors.Join(os.NewSyscallError("eventfd", err), unix.Close(ep))
	}
	if err := errors.Join(p.watch(p.wake, wakeID), p.prepare(direct)); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// prepare chooses how to wait.
func (p *poller) prepare(direct bool) error {
	p.wait = p.waitDirect
	if direct {
		return nil
	}
	if err := unix.SetNonblock(p.ep, true); err != nil { // else Go's poller does not take it
		return os.NewSyscallError("fcntl", err)
	}
	p.parked = os.NewFile(uintptr(p.ep), "epoll")
	raw, err := p.parked.SyscallConn()
	if err != nil {
		return err
	}
	p.wait = func(events []unix.EpollEvent) (n int, err error) {
		parked := raw.Read(func(uintptr) bool {
			n, err = unix.EpollWait(p.ep, events, 0)
			return n > 0 || err != nil
		})
		return n, errors.Join(parked, err)
	}
	return nil
}

// waitDirect waits without telling Go's scheduler at first: while queries come,
// each call that it is told of (entersyscall) may lose the goroutine its
// processor, and keeps the runtime's own monitor awake every 20 µs to look
// whether it should. That was a tenth of what a query cost. The runtime's signals
// end the wait early, so that neither its garbage collector nor anybody else waits
// for queries. Where none come, the processor is given up.
func (p *poller) waitDirect(events []unix.EpollEvent) (int, error) {
	const (
		soon    = 10 // milliseconds: as often as the runtime looks at a busy thread
		forever = -1
	)
	if p.pace.busy(time.Since(p.started)) {
		pauseNow()
		if n, err := lookNow(p.ep, events, 0); n > 0 && err == 0 {
			return n, nil
		}
	}
	n, err := lookNow(p.ep, events, soon)
	switch {
	case err != 0:
		return 0, err
	case n > 0:
		return n, nil
	}
	return unix.EpollWait(p.ep, events, forever)
}

// lookNow is epoll_wait of which the scheduler is not told.
func lookNow(ep int, events []unix.EpollEvent, milliseconds int) (int, syscall.Errno) {
	const noMask = 0
	n, _, err := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(milliseconds), noMask, 0)
	return int(n), err
}

// pauseNow sleeps for busyPause, or until a signal comes.
func pauseNow() {
	t := unix.NsecToTimespec(int64(busyPause))
	_, _, _ = syscall.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0)
}

// busyPause is how long a busy poller lets queries gather, and busyInterval the
// time between two queries below which it is one: ten thousand a second. To be
// woken by each query costs the server a change of threads, and its clients one for
// each answer; with the pause, about 20 came together instead of 4, which was
// measured to cost a sixth less for each. A query waits so long only where so
// many come that it would have waited for others anyway.
const (
	busyPause    = 250 * time.Microsecond
	busyInterval = 100 * time.Microsecond
)

// pace is how fast queries come.
type pace struct {
	served int           // since the last question
	at     time.Duration // of the last question
}

// busy says whether queries came faster than busyInterval since it was asked last.
func (p *pace) busy(now time.Duration) bool {
	out := time.Duration(p.served)*busyInterval > now-p.at
	p.served, p.at = 0, now
	return out
}

// watch waits for a descriptor to become readable. Events come once for each
// time that more arrived: whoever is told must take all there is.
func (p *poller) watch(fd int, id int32) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET&0xffffffff, Fd: id}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.ep, unix.EPOLL_CTL_ADD, fd, &event))
}

func (p *poller) close() error {
	if p.parked != nil {
		return errors.Join(p.parked.Close(), unix.Close(p.wake))
	}
	return errors.Join(unix.Close(p.ep), unix.Close(p.wake))
}

// run serves until it is told to end.
func (p *poller) run() {
	const most = 64 // sockets that are told of at a time
	events := make([]unix.EpollEvent, most)
	for !p.over {
		n, err := p.wait(events)
		if err != nil && !errors.Is(err, unix.EINTR) {
			// The descriptors are this type's own: none of them can be wrong.
			panic(fmt.Sprintf("resolver: epoll_wait: %v", err))
		}
		for _, e := range events[:max(n, 0)] {
			if e.Fd == wakeID {
				p.runCalls()
			} else if s := p.sockets[e.Fd]; s != nil { // else it was closed a moment ago
				p.pace.served += s.serve(p.batch)
			}
		}
	}
}

func (p *poller) runCalls() {
	var count [8]byte
	_, _ = unix.Read(p.wake, count[:]) // it has done its service
	p.mu.Lock()
	calls := p.calls
	p.calls = nil
	p.mu.Unlock()
	for _, call := range calls {
		call()
	}
}

// post has the goroutine run f soon, between two batches.
func (p *poller) post(f func()) {
	p.mu.Lock()
	p.calls = append(p.calls, f)
	p.mu.Unlock()
	_, _ = unix.Write(p.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // fails only where it is set already
}

// do has the goroutine run f, and waits until it has.
func (p *poller) do(f func()) {
	done := make(chan struct{})
	p.post(func() { defer close(done); f() })
	<-done
}

// add begins to serve a socket.
func (p *poller) add(s *UDPSocket) (err error) {
	p.do(func() {
		if s.fd < 0 {
			return // closed a moment ago
		}
		p.lastID++
		s.id = p.lastID
		p.sockets[s.id] = s
		if err = p.watch(s.fd, s.id); err != nil {
			delete(p.sockets, s.id)
		}
	})
	return err
}

// remove ends serving a socket, and closes it.
func (p *poller) remove(s *UDPSocket) (err error) {
	p.do(func() {
		delete(p.sockets, s.id)
		err = os.NewSyscallError("close", unix.Close(s.fd)) // which also ends the watch
		s.fd = -1
	})
	return err
}
