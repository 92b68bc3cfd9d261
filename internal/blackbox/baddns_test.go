//go:build linux

package blackbox

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// packets are broken on purpose.
func packets(t *testing.T) map[string][]byte {
	t.Helper()
	whole, err := new(dns.Msg).SetQuestion(webName, dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(b []byte)) []byte {
		b := slices.Clone(whole)
		change(b)
		return b
	}
	header := func(questions uint16, rest string) []byte {
		b := []byte{0, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		binary.BigEndian.PutUint16(b[4:], questions)
		return append(b, rest...)
	}
	return map[string][]byte{
		"empty":                     {},
		"one byte":                  {0},
		"half a header":             whole[:6],
		"a header alone":            whole[:12],
		"half a question":           whole[:15],
		"no question":               header(0, ""),
		"two questions":             header(2, string(whole[12:])+string(whole[12:])),
		"more questions than there": header(65535, string(whole[12:])),
		"an answer":                 with(func(b []byte) { b[2] |= 0x80 }),
		"an update":                 with(func(b []byte) { b[2] |= dns.OpcodeUpdate << 3 }),
		"a notification":            with(func(b []byte) { b[2] |= dns.OpcodeNotify << 3 }),
		"a pointer to itself":       header(1, "\xc0\x0c\x00\x01\x00\x01"),
		"pointers in a circle":      header(1, "\xc0\x0e\xc0\x0c\x00\x01\x00\x01"),
		"a pointer out of it":       header(1, "\xff\xff\x00\x01\x00\x01"),
		"a label too long":          header(1, "\x7f"+strings.Repeat("a", 127)+"\x00\x00\x01\x00\x01"),
		"a name too long":           header(1, strings.Repeat("\x3f"+strings.Repeat("a", 63), 5)+"\x00\x00\x01\x00\x01"),
		"a name without end":        header(1, "\x03www"),
		"rubbish behind":            append(slices.Clone(whole), "rubbish"...),
		"class of chaos":            with(func(b []byte) { b[len(b)-1] = 3 }),
		"zone transfer":             with(func(b []byte) { b[len(b)-3] = 252 }),
		"two OPT records":           withOPT(whole, 0, 2),
		"a later EDNS":              withOPT(whole, 1, 1),
		"60 KB of nothing":          make([]byte, 60000),
	}
}

// withOPT adds OPT records of an EDNS version.
func withOPT(whole []byte, version byte, count int) []byte {
	b := slices.Clone(whole)
	for range count {
		b = append(b, 0, 0, 41, 16, 0, 0, version, 0, 0, 0, 0)
	}
	binary.BigEndian.PutUint16(b[10:], uint16(count))
	return b
}

// badPackets: what is broken is dropped or refused, and the next question is
// answered.
func badPackets(t *testing.T, b *bad) {
	all := packets(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	conn, err := b.from.dial("udp", b.from.resolver)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for name, p := range all {
		if _, err := conn.Write(p); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if answer := nextAnswer(t, conn); answer != nil {
			checkRefusal(t, name, p, answer)
		}
	}
	for range 500 {
		p := slices.Clone(all["rubbish behind"])
		for range 1 + random.IntN(8) {
			p[random.IntN(len(p))] = byte(random.Uint32())
		}
		if _, err := conn.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := b.from.lookup(webName); err != nil || !slices.Equal(got, b.answer) {
		t.Errorf("after broken packets: %v, %v, want %v", got, err, b.answer)
	}
}

// nextAnswer waits a moment: most broken packets get none.
func nextAnswer(t *testing.T, conn net.Conn) []byte {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// checkRefusal: an answer is one to the packet, and either an error or, where
// the packet can be understood, what was asked for.
func checkRefusal(t *testing.T, name string, packet, answer []byte) {
	t.Helper()
	if len(answer) < 12 || answer[2]&0x80 == 0 || answer[0] != packet[0] || answer[1] != packet[1] {
		t.Errorf("%s: answered by %x", name, answer)
		return
	}
	t.Logf("%s: answered by %s", name, dns.RcodeToString[int(answer[3]&0xf)])
	if answer[3]&0xf == dns.RcodeServerFailure {
		t.Errorf("%s: SERVFAIL: the resolver takes it for its own failure", name)
	}
}

// badStreams: TCP connections with broken messages are ended, others served.
func badStreams(t *testing.T, b *bad) {
	for name, p := range packets(t) {
		conn, err := b.from.dial("tcp", b.from.resolver)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(p))), p...)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	// One that says more than it sends, held open, keeps nobody from asking.
	idle, err := b.from.dial("tcp", b.from.resolver)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if _, err := idle.Write([]byte{0xff, 0xff, 1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	conn, err := b.from.dial("tcp", b.from.resolver)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := &dns.Client{Net: "tcp", Timeout: 5 * time.Second}
	answer, _, err := client.ExchangeWithConn(new(dns.Msg).SetQuestion(webName, dns.TypeA), &dns.Conn{Conn: conn})
	if err != nil || !slices.Equal(addresses(answer), b.answer) {
		t.Errorf("over TCP: %v, %v", answer, err)
	}
}
