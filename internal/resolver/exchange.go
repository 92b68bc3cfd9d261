package resolver

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// errCase says that an answer is right but for the case of the question's letters.
var errCase = errors.New("the answer's question is spelled in another case")

// inquest is one attempt to have one server answer.
type inquest struct {
	f         *Forwarder
	q         Question
	hop       hop
	iterative bool
	flight    *flight
}

// attempt asks one server: over UDP, over TCP where that answer was cut, and
// without EDNS where the server does not know it (RFC 6891 section 7).
func (f *Forwarder) attempt(ctx context.Context, q Question, h hop, iterative bool, fl *flight) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	i := inquest{f, q, h, iterative, fl}
	edns := true
	m, err := i.cased(ctx, edns)
	if err == nil && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented) && !q.DO {
		edns = false
		m, err = i.cased(ctx, edns)
	}
	if err == nil && m.Truncated {
		m, _, err = i.send(ctx, "tcp", edns, q.Name)
	}
	return m, err
}

// cased asks over UDP with letters in random case, which an answer has to repeat:
// some bits more that a forger must guess (draft-vixie-dnsext-dns0x20). A server
// that does not keep the case is asked over TCP, where there is nothing to
// guess, and, when that confirms it or there is no TCP, without the mixture.
func (i inquest) cased(ctx context.Context, edns bool) (*dns.Msg, error) {
	if i.f.state(i.hop).plain.After(time.Now()) {
		m, _, err := i.send(ctx, "udp", edns, i.q.Name)
		return m, err
	}
	mixed, err := mixCase(i.q.Name)
	if err != nil {
		return nil, err
	}
	m, kept, err := i.send(ctx, "udp", edns, mixed)
	if err == nil && kept {
		restoreCase(m, mixed, i.q.Name)
		return m, nil
	}
	if err != nil && !errors.Is(err, errCase) {
		return nil, err
	}
	m, kept, err = i.send(ctx, "tcp", edns, mixed)
	if err != nil {
		m, _, err = i.send(ctx, "udp", edns, i.q.Name)
		kept = false
	}
	if err != nil {
		return nil, err
	}
	if !kept {
		i.f.note(i.hop, func(s *serverState) { s.plain = time.Now().Add(plainFor) })
	}
	restoreCase(m, mixed, i.q.Name)
	return m, nil
}

// send sends one query over a socket of its own, so that port and id are both
// fresh (RFC 5452 section 4.5), and waits for what answers it. It reports
// whether the answer has the question as it was spelled.
func (i inquest) send(ctx context.Context, network string, edns bool, name string) (*dns.Msg, bool, error) {
	m, wire, err := i.request(name, edns)
	if err != nil {
		return nil, false, err
	}
	conn, err := i.f.dial(ctx, i.hop.source, network, i.hop.server)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = conn.Close() }() // nothing is buffered in it
	defer i.f.register(conn, i.flight)()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if i.hop.source != nil {
		i.hop.source.sent.Add(1)
	}
	if network == "tcp" {
		return overTCP(conn, m, wire)
	}
	return overUDP(conn, m, wire)
}

// register makes a socket known as a flight's until the returned function is called.
func (f *Forwarder) register(conn net.Conn, fl *flight) func() {
	var at netip.AddrPort
	switch a := conn.LocalAddr().(type) {
	case *net.UDPAddr:
		at = a.AddrPort()
	case *net.TCPAddr:
		at = a.AddrPort()
	default:
		return func() {}
	}
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	f.mu.Lock()
	f.sockets[at] = fl
	f.mu.Unlock()
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.sockets[at] == fl { // in another namespace the address may be another's
			delete(f.sockets, at)
		}
	}
}

func (i inquest) request(name string, edns bool) (*dns.Msg, []byte, error) {
	var id [2]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, nil, err
	}
	m := &dns.Msg{Question: []dns.Question{{Name: name, Qtype: i.q.Type, Qclass: dns.ClassINET}}}
	m.Id = binary.BigEndian.Uint16(id[:])
	m.RecursionDesired = !i.iterative
	m.CheckingDisabled = i.q.CD
	if edns {
		m.SetEdns0(maxUDP, i.q.DO)
	}
	wire, err := m.Pack()
	return m, wire, err
}

// overUDP drops packets that do not answer the query until the deadline: a
// forger must not be able to end the wait. One that is wrong in nothing but its
// case was hardly guessed; it ends the wait, but is not believed.
func overUDP(conn net.Conn, m *dns.Msg, wire []byte) (*dns.Msg, bool, error) {
	if _, err := conn.Write(wire); err != nil {
		return nil, false, err
	}
	b := make([]byte, 4096)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return nil, false, err
		}
		r := new(dns.Msg)
		if r.Unpack(b[:n]) != nil || !isAnswer(m, r) {
			continue
		}
		if !keptCase(m, r) {
			return nil, false, errCase
		}
		return r, true, nil
	}
}

func overTCP(conn net.Conn, m *dns.Msg, wire []byte) (*dns.Msg, bool, error) {
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
	if _, err := conn.Write(framed); err != nil {
		return nil, false, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, false, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, b); err != nil {
		return nil, false, err
	}
	r := new(dns.Msg)
	if err := r.Unpack(b); err != nil {
		return nil, false, err
	}
	if !isAnswer(m, r) {
		return nil, false, errors.New("the answer is to another question")
	}
	return r, keptCase(m, r), nil
}

// isAnswer compares id and question. Servers that cannot read a query at all
// answer FORMERR or NOTIMP without it.
func isAnswer(m, r *dns.Msg) bool {
	if !r.Response || r.Id != m.Id || r.Opcode != dns.OpcodeQuery {
		return false
	}
	if len(r.Question) == 0 {
		return r.Rcode == dns.RcodeFormatError || r.Rcode == dns.RcodeNotImplemented
	}
	asked, got := m.Question[0], r.Question[0]
	return len(r.Question) == 1 && got.Qtype == asked.Qtype && got.Qclass == asked.Qclass && strings.EqualFold(got.Name, asked.Name)
}

// keptCase says whether an answer repeats the question, if any, letter by letter.
func keptCase(m, r *dns.Msg) bool {
	return len(r.Question) == 0 || r.Question[0].Name == m.Question[0].Name
}

// mixCase gives each letter of a name a random case.
func mixCase(name string) (string, error) {
	bits := make([]byte, len(name))
	if _, err := rand.Read(bits); err != nil {
		return "", err
	}
	out := []byte(name)
	for i, c := range out {
		if c = lower(c); c-'a' < 26 {
			out[i] = c - ('a'-'A')*(bits[i]&1)
		}
	}
	return string(out), nil
}

// restoreCase undoes the mixture in an answer, where names were compressed by
// pointers into the question.
func restoreCase(m *dns.Msg, mixed, name string) {
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for _, rr := range section {
			for _, s := range namesIn(rr) {
				*s = unmix(*s, mixed, name)
			}
		}
	}
	if len(m.Question) == 1 {
		m.Question[0].Name = name
	}
}

// namesIn are the names of a record that its sender may compress (RFC 3597
// section 4: those of RFC 1035; some compress SRV targets, too).
func namesIn(rr dns.RR) []*string {
	out := []*string{&rr.Header().Name}
	switch r := rr.(type) {
	case *dns.CNAME:
		out = append(out, &r.Target)
	case *dns.NS:
		out = append(out, &r.Ns)
	case *dns.PTR:
		out = append(out, &r.Ptr)
	case *dns.MX:
		out = append(out, &r.Mx)
	case *dns.SRV:
		out = append(out, &r.Target)
	case *dns.SOA:
		out = append(out, &r.Ns, &r.Mbox)
	}
	return out
}

// unmix replaces the labels at the end of s that are exactly those of the mixed
// name by the name's own.
func unmix(s, mixed, name string) string {
	offsets := dns.Split(mixed)
	for _, at := range offsets {
		if suffix := mixed[at:]; s == suffix || strings.HasSuffix(s, "."+suffix) {
			return s[:len(s)-len(suffix)] + name[at:]
		}
	}
	return s
}
