//go:build linux

package dataplane

import (
	"log/slog"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"seamark/internal/resolver"
)

// TestMark: the UDP sockets that answer a VPC have its mark, also where it
// changes, which closes none of them.
func TestMark(t *testing.T) {
	needRoot(t)
	pollers, err := resolver.NewPollers(2, false)
	if err != nil {
		t.Fatal(err)
	}
	f, err := resolver.NewForwarder()
	if err != nil {
		t.Fatal(err)
	}
	table, problems := resolver.NewTable(testVPC("vpc-1", 1, 1).Table)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	logger := slog.New(slog.DiscardHandler)
	r := resolver.New(table, f, logger)
	v := &listening{answerer: r, pollers: pollers, logger: logger}
	t.Cleanup(func() {
		v.unbind()
		r.Close()
		f.Close()
		if err := pollers.Close(); err != nil {
			t.Error(err)
		}
	})
	var before []*binding
	for _, mark := range []int{0, 0x5eb, 7} {
		v.set(Listen{Addresses: []netip.AddrPort{loopback()}, Mark: mark})
		for _, s := range v.bindings[0].udp {
			got := 0
			if err := s.Control(func(fd int) (err error) {
				got, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK)
				return err
			}); err != nil || got != mark {
				t.Errorf("mark is %#x (%v), want %#x", got, err, mark)
			}
		}
		if before != nil && before[0] != v.bindings[0] {
			t.Error("the sockets were opened anew")
		}
		before = v.bindings
	}
}
