package conformance

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// asker sends packets to one server, over one UDP socket and one TCP connection
// at a time.
type asker struct {
	t    testing.TB
	at   netip.AddrPort
	udp  *net.UDPConn
	tcp  net.Conn
	wait time.Duration // for an answer
}

func newAsker(t testing.TB, at netip.AddrPort) *asker {
	t.Helper()
	udp, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	a := &asker{t: t, at: at, udp: udp, wait: 20 * time.Second}
	t.Cleanup(func() {
		a.udp.Close()
		a.hangUp()
	})
	return a
}

func (a *asker) hangUp() {
	if a.tcp != nil {
		a.tcp.Close()
		a.tcp = nil
	}
}

// ask returns what the server sends for a packet, or nil where that is nothing.
func (a *asker) ask(packet []byte, tcp bool) []byte {
	a.t.Helper()
	if tcp {
		return a.askTCP(packet)
	}
	return a.askUDP(packet)
}

func (a *asker) askUDP(packet []byte) []byte {
	a.t.Helper()
	if _, err := a.udp.Write(packet); err != nil {
		a.t.Fatal(err)
	}
	a.must(a.udp.SetReadDeadline(time.Now().Add(a.wait)))
	b := make([]byte, 1<<16)
	for {
		n, err := a.udp.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		a.must(err)
		// An answer that came too late for the packet before is passed over.
		if n < 2 || len(packet) < 2 || b[0] == packet[0] && b[1] == packet[1] {
			return b[:n]
		}
	}
}

// askOdd returns what comes for a packet over UDP before the answer to a query
// that was sent after it: servers that answer from memory keep the order.
func (a *asker) askOdd(packet []byte) []byte {
	a.t.Helper()
	probe, err := new(dns.Msg).SetQuestion("both.corp.test.", dns.TypeAAAA).Pack()
	a.must(err)
	if len(packet) > 1 {
		probe[0], probe[1] = packet[0]^0xff, packet[1]
	}
	for _, b := range [][]byte{packet, probe} {
		_, err := a.udp.Write(b)
		a.must(err)
	}
	a.must(a.udp.SetReadDeadline(time.Now().Add(a.wait)))
	var out []byte
	b := make([]byte, 1<<16)
	for {
		n, err := a.udp.Read(b)
		a.must(err)
		if n > 1 && b[0] == probe[0] && b[1] == probe[1] {
			return out
		}
		out = slices.Clone(b[:n])
	}
}

// askTCP uses the connection of the last time if the server still has it.
func (a *asker) askTCP(packet []byte) []byte {
	a.t.Helper()
	for fresh := a.tcp == nil; ; fresh = true {
		if a.tcp == nil {
			conn, err := net.Dial("tcp4", a.at.String())
			a.must(err)
			a.tcp = conn
		}
		out, err := a.roundTrip(packet)
		if err == nil {
			return out
		}
		a.hangUp()
		if fresh { // closed, or silent
			return nil
		}
	}
}

func (a *asker) roundTrip(packet []byte) ([]byte, error) {
	if err := a.tcp.SetDeadline(time.Now().Add(a.wait)); err != nil {
		return nil, err
	}
	if _, err := a.tcp.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(a.tcp, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(a.tcp, b)
	return b, err
}

func (a *asker) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}
