package resolver

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// fuzzResolver serves a few names of each kind, without an upstream.
func fuzzResolver(f *testing.F) *Resolver {
	f.Helper()
	table := testTable(f, testZone(f, "Z1", "z.", `
		a     5 A     10.0.0.1
		c     5 CNAME a.z.
		loop  5 CNAME loop.z.
		out   5 CNAME example.com.
		*.w   5 TXT   "t"
	`))
	fw, err := NewForwarder()
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(fw.Close)
	r := New(table, fw, slog.New(slog.DiscardHandler))
	f.Cleanup(r.Close)
	return r
}

// FuzzParse compares the parser of queries with package dns: a packet that it
// finds good has one question, which both read alike, and EDNS as both read it;
// what both other parsers refuse it does not find good.
func FuzzParse(f *testing.F) {
	for _, m := range fuzzQueries() {
		wire, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
		f.Add(append(wire, 0))
		f.Add(wire[:len(wire)-2])
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var q query
		kept := bytes.Clone(in)
		v := q.judge(in)
		if !bytes.Equal(in, kept) {
			t.Fatal("the packet was changed")
		}
		if v != good {
			return
		}
		if malformed(in) {
			t.Fatalf("good: %x", in)
		}
		m := new(dns.Msg)
		if m.Unpack(in) != nil {
			return // options that package dns looks into
		}
		if len(m.Question) != 1 || m.Question[0].Qtype != q.typ || m.Question[0].Qclass != q.class || m.RecursionDesired != q.recursion {
			t.Fatalf("%x is %v", in, m)
		}
		if want, err := packLower(m.Question[0].Name); err != nil || want != string(q.key[:q.size]) {
			t.Fatalf("the name of %v is %q: %v", m, q.key[:q.size], err)
		}
		if o := m.IsEdns0(); (o != nil) != q.edns || o != nil && (o.UDPSize() != q.udpSize || o.Version() != q.version || o.Do() != q.do) {
			t.Fatalf("EDNS of %v: %+v", m, q)
		}
	})
}

func fuzzQueries() []*dns.Msg {
	return []*dns.Msg{
		ask("a.z.", dns.TypeA), ask("A.Z.", dns.TypeANY), ask("c.z.", dns.TypeA), ask("loop.z.", dns.TypeA), ask("x.w.z.", dns.TypeTXT), ask("out.z.", dns.TypeA),
		ask("a.z.", dns.TypeA).SetEdns0(4096, true), new(dns.Msg).SetUpdate("z."), new(dns.Msg).SetAxfr("z."),
	}
}

// FuzzStream feeds octets to a TCP connection: two of length, then a message,
// again and again (RFC 1035 section 4.2.2). Each message that is one is answered
// once; the first that is not ends the connection; nothing hangs.
func FuzzStream(f *testing.F) {
	r := fuzzResolver(f)
	var all []byte
	for _, m := range fuzzQueries() {
		wire, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		one := append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
		f.Add(one)
		f.Add(one[:len(one)-1])
		f.Add(append(one, 0, 0))
		all = append(all, one...)
	}
	f.Add(all)
	f.Add(append(bytes.Clone(all), 0, 3, 1, 2, 3, 0, 1))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 1<<14 {
			return
		}
		asked, cut := frames(in)
		server, client := net.Pipe()
		var running sync.WaitGroup
		running.Go(func() { r.serveConn(server, nil) })
		if err := client.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		running.Go(func() { _, _ = client.Write(in) }) // the server may hang up before it has read all
		for range asked {
			out, err := readFrame(client)
			if err != nil {
				t.Fatalf("%d answers are due to %x: %v", len(asked), in, err)
			}
			of := slices.DeleteFunc(slices.Clone(asked), func(m []byte) bool { return m[0] != out[0] || m[1] != out[1] })
			if len(of) == 0 {
				t.Fatalf("an answer to nothing: %x", out)
			}
			if len(of) == 1 { // which of several with one id it answers cannot be told
				check(t, false, of[0], out)
			}
		}
		if cut { // the server has hung up
			if _, err := readFrame(client); errors.Is(err, nil) {
				t.Fatalf("one answer too many to %x", in)
			}
		}
		_ = client.Close() // a test's connection
		running.Wait()
	})
}

// frames are the messages of a stream that are to be answered. cut says that
// one that is not ends the connection.
func frames(in []byte) (asked [][]byte, cut bool) {
	for len(in) >= 2 {
		n := int(binary.BigEndian.Uint16(in))
		if len(in) < 2+n {
			break
		}
		m := in[2 : 2+n]
		if n < headerSize || m[2]&flagQR != 0 {
			return asked, true
		}
		asked, in = append(asked, m), in[2+n:]
	}
	return asked, false
}

func readFrame(conn net.Conn) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(conn, b)
	if err == nil && len(b) < headerSize {
		err = errors.New("an answer shorter than a header")
	}
	return b, err
}
