package resolver

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// testZone builds a zone from zone-file lines "owner TTL type [policy] data",
// relative to the origin.
func testZone(t testing.TB, id, origin, text string) zone.Zone {
	t.Helper()
	z := zone.Zone{ZoneHead: testZoneHead(id, origin)}
	type key struct {
		owner string
		typ   uint16
	}
	sets := map[key]zone.Set{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		owner := strings.ToLower(f[0])
		switch {
		case owner == "@":
			owner = origin
		case !strings.HasSuffix(owner, "."):
			owner += "." + origin
		}
		var ttl uint32
		if _, err := fmt.Sscan(f[1], &ttl); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		k := key{owner, dns.StringToType[f[2]]}
		s := sets[k]
		s.Type, s.TTL = k.typ, ttl
		rest := f[3:]
		switch rest[0] {
		case "multi":
			s.Policy, rest = zone.MultiValue, rest[1:]
		case "weighted":
			s.Policy, rest = zone.Weighted, rest[1:]
		case "alias":
			s.Alias = rest[1]
			sets[k] = s
			continue
		case "choose":
			s.Policy = zone.Choose
			s.Choices = append(s.Choices, testChoice(t, ttl, rest[1:]))
			sets[k] = s
			continue
		}
		s.Records = append(s.Records, strings.Join(rest, " "))
		sets[k] = s
	}
	names := map[string][]zone.Set{}
	for k, s := range sets {
		names[k.owner] = append(names[k.owner], s)
	}
	for owner, s := range names {
		z.Names = append(z.Names, zone.Name{NameKey: zone.NameKey{Owner: owner}, Sets: zone.Merge([]zone.Name{{Sets: s}, {}})})
	}
	return z
}

// testChoice reads "weight data" and "weight alias target".
func testChoice(t testing.TB, ttl uint32, f []string) zone.Choice {
	t.Helper()
	c := zone.Choice{TTL: ttl}
	if _, err := fmt.Sscan(f[0], &c.Weight); err != nil {
		t.Fatal(err)
	}
	if f[1] == "alias" {
		c.Alias = f[2]
	} else {
		c.Records = []string{strings.Join(f[1:], " ")}
	}
	return c
}

func testZoneHead(id, origin string) zone.ZoneHead {
	return zone.ZoneHead{
		ID: world.HostedZoneID(id), Origin: origin,
		SOA:   zone.SOA{MName: "ns.test.", RName: "mail.test.", Serial: 1, Refresh: 7200, Retry: 900, Expire: 1209600, Minimum: 86400, TTL: 15},
		NS:    []string{"ns-0.test.", "ns-1.test."},
		NSTTL: 172800,
	}
}

func testHead() zone.Head {
	return zone.Head{ID: "vpc-1", Enabled: true, Hostnames: true, CIDR: netip.MustParsePrefix("10.0.0.0/16"), Domain: "ec2.internal"}
}

func testTable(t testing.TB, zones ...zone.Zone) *Table {
	t.Helper()
	return testTableWith(t, testHead(), zones...)
}

func testTableWith(t testing.TB, h zone.Head, zones ...zone.Zone) *Table {
	t.Helper()
	table, problems := NewTable(zone.VPC{Head: h, Zones: zones})
	if len(problems) > 0 {
		t.Fatalf("NewTable: %v", problems)
	}
	return table
}

// testServer serves a table on loopback.
type testServer struct {
	*Resolver
	forwarder *Forwarder
	address   string
}

// listenBoth listens on one loopback port over UDP and TCP. A port that is free
// for one may be taken for the other: then another is tried.
func listenBoth(t testing.TB) (*net.UDPConn, net.Listener) {
	t.Helper()
	var last error
	for range 20 {
		udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := net.Listen("tcp4", udp.LocalAddr().String())
		if err == nil {
			return udp, tcp
		}
		last = err
		if err := udp.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal(last)
	return nil, nil
}

func serve(t testing.TB, table *Table) testServer {
	t.Helper()
	return serveWith(t, table, false)
}

// serveWith serves by direct pollers, or others.
func serveWith(t testing.TB, table *Table, direct bool) testServer {
	t.Helper()
	f, err := NewForwarder()
	if err != nil {
		t.Fatal(err)
	}
	r := New(table, f, slog.New(slog.DiscardHandler))
	conn, tcp := listenBoth(t)
	address := conn.LocalAddr().String()
	udp, err := NewUDPSocket(conn)
	if err != nil {
		t.Fatal(err)
	}
	pollers, err := NewPollers(1, direct)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := r.ServeUDP(udp, pollers); err != nil {
			t.Errorf("ServeUDP: %v", err)
		}
	})
	serving.Go(func() {
		if err := r.ServeTCP(tcp); err != nil {
			t.Errorf("ServeTCP: %v", err)
		}
	})
	t.Cleanup(func() {
		_ = udp.Close() // only a test's socket
		_ = tcp.Close()
		serving.Wait()
		r.Close()
		_ = pollers.Close()
		f.Close()
	})
	return testServer{r, f, address}
}

// reply answers a message without sockets.
func reply(t testing.TB, table *Table, m *dns.Msg, tcp bool) *dns.Msg {
	t.Helper()
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	out := rawReply(t, table, wire, tcp)
	if out == nil {
		return nil
	}
	r := new(dns.Msg)
	if err := r.Unpack(out); err != nil {
		t.Fatalf("reply does not parse: %v\n%x", err, out)
	}
	return r
}

func rawReply(t testing.TB, table *Table, wire []byte, tcp bool) []byte {
	t.Helper()
	f, err := NewForwarder()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := newWorker(New(table, f, slog.New(slog.DiscardHandler)), tcp, nil)
	size := maxUDP
	if tcp {
		size = maxBytes
	}
	b := make([]byte, max(size, len(wire)))
	copy(b, wire)
	n, c := w.handle(table, b, len(wire))
	if c != nil {
		c.remote(t.Context())
		var counted Counters
		return c.pack(&counted)
	}
	if n == 0 {
		return nil
	}
	return b[:n]
}

func ask(name string, typ uint16) *dns.Msg { return new(dns.Msg).SetQuestion(name, typ) }

// text is a reply in one comparable form, its answers sorted.
func text(r *dns.Msg) string {
	if r == nil {
		return "nothing"
	}
	var lines []string
	for _, rr := range r.Answer {
		lines = append(lines, strings.Join(strings.Fields(rr.String()), " "))
	}
	slices.Sort(lines)
	for _, rr := range r.Ns {
		lines = append(lines, "authority "+strings.Join(strings.Fields(rr.String()), " "))
	}
	others := len(lines)
	for _, rr := range r.Extra {
		if rr.Header().Rrtype != dns.TypeOPT {
			lines = append(lines, "additional "+strings.Join(strings.Fields(rr.String()), " "))
		}
	}
	slices.Sort(lines[others:])
	return strings.Join(append([]string{dns.RcodeToString[r.Rcode]}, lines...), "\n")
}
