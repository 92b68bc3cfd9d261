package conformance

import (
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// servers are Seamark and BIND as resolvers of one VPC.
type servers struct{ seamark, bind netip.AddrPort }

func startServers(t testing.TB) servers {
	t.Helper()
	internet := startInternet(t)
	return servers{seamark: startSeamark(t, newWorld(t), vpcID, internet), bind: startBIND(t, internet)}
}

func (s servers) compare(t testing.TB, e []exception) *comparison {
	t.Helper()
	return newComparison(t, newAsker(t, s.seamark), newAsker(t, s.bind), e)
}

// TestVPC_BIND compares the resolver of a VPC with BIND as a resolver that
// serves the VPC's zones itself and forwards the rest to the same server.
func TestVPC_BIND(t *testing.T) {
	own, around := names(t, privateZones())
	c := startServers(t).compare(t, vpcExceptions())
	for _, q := range mass(own, around) {
		c.ask(q)
	}
	c.end()
}

// TestPublic_BIND compares the name server of the public zones with BIND as one.
func TestPublic_BIND(t *testing.T) {
	own, around := names(t, publicZones())
	own = append(own, "near.test.", "test.", "a.example.", ".")
	c := newComparison(t, newAsker(t, startSeamark(t, newPublicWorld(t), zone.PublicID, netip.AddrPort{})), newAsker(t, startAuthority(t)), publicExceptions())
	for _, q := range mass(own, around) {
		c.ask(q)
	}
	c.end()
}

// TestVPC_BIND_Packets compares what comes back for packets that are not the
// usual query, or no DNS at all.
func TestVPC_BIND_Packets(t *testing.T) {
	c := startServers(t).compare(t, packetExceptions())
	for _, p := range packets(t) {
		c.odd(p)
	}
	c.end()
}

// TestVPC_BIND_Outside compares what is forwarded.
func TestVPC_BIND_Outside(t *testing.T) {
	own, around := names(t, []string{"internet."})
	c := startServers(t).compare(t, outsideExceptions())
	for _, q := range mass(own, around) {
		c.ask(q)
	}
	c.end()
}

// TestVPC_BIND_MadeUp compares what no query may ask the outside for: localhost
// and the reverse trees of private addresses. The VPC has no zone for them here.
func TestVPC_BIND_MadeUp(t *testing.T) {
	w := world.New()
	w.Put(&world.VPC{ID: vpcID, CIDR: netip.MustParsePrefix("10.0.0.0/16"), EnableDNSSupport: true})
	c := newComparison(t, newAsker(t, startSeamark(t, w, vpcID, netip.AddrPort{})), newAsker(t, startEmpty(t)), madeExceptions())
	zero := strings.Repeat("0.", 31)
	for _, name := range []string{
		"localhost.", "any.localhost.", "10.in-addr.arpa.", "1.0.9.10.in-addr.arpa.", "16.172.in-addr.arpa.", "1.31.172.in-addr.arpa.", "168.192.in-addr.arpa.",
		"1.1.168.192.in-addr.arpa.", "64.100.in-addr.arpa.", "1.127.100.in-addr.arpa.", "1.0.0.0.in-addr.arpa.", "254.169.254.169.in-addr.arpa.", "1.254.169.in-addr.arpa.",
		"1.2.0.192.in-addr.arpa.", "100.51.198.in-addr.arpa.", "113.0.203.in-addr.arpa.", "255.255.255.255.in-addr.arpa.", "1.d.f.ip6.arpa.", "8.e.f.ip6.arpa.", "b.e.f.ip6.arpa.",
		"8.b.d.0.1.0.0.2.ip6.arpa.", "0." + zero + "ip6.arpa.",
	} {
		for _, w := range ways() {
			for _, typ := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypePTR, dns.TypeTXT} {
				c.ask(question{name, typ, w})
			}
		}
	}
	c.end()
}

// TestDig has the same read by dig, on which nobody's DNS library can have an
// opinion of its own.
func TestDig(t *testing.T) {
	path := program(t, "dig")
	s := startServers(t)
	for _, line := range []string{
		"a.corp.test A", "aaaa.corp.test AAAA", "mx.corp.test MX", "txts.corp.test TXT", "longer.corp.test TXT", "caa.corp.test CAA", "naptr.corp.test NAPTR",
		"_443._tcp.tlsa.corp.test TLSA", "sshfp.corp.test SSHFP", "svcb.corp.test TYPE64", "https.corp.test HTTPS", "srv.corp.test SRV", "_api._tcp.cloud.test SRV",
		"corp.test SOA", "c3.corp.test A", "cout.corp.test AAAA", "cback.corp.test A", "some.wild.corp.test A", "some.wild2.corp.test TXT", "gone.corp.test A",
		"ent.corp.test A", "a250.corp.test A", "-x 10.0.1.12", "-x 10.0.1.99", "a.example A +dnssec", "a.corp.test A +noedns +tcp", "a80.corp.test A +bufsize=512",
	} {
		ours, theirs := dig(t, path, s.seamark, line), dig(t, path, s.bind, line)
		if ours != theirs {
			t.Errorf("dig %s\nSeamark:\n%s\nBIND:\n%s", line, ours, theirs)
		}
	}
}

// dig is what dig prints, without the time, the flag AA and the order of records.
func dig(t testing.TB, path string, at netip.AddrPort, line string) string {
	t.Helper()
	args := append([]string{"@" + at.Addr().String(), "-p", strconv.Itoa(int(at.Port())), "+nocookie", "+nostats", "+nocmd"}, strings.Fields(line)...)
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("dig %s: %v\n%s", line, err, out)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "HEADER") {
			line, _, _ = strings.Cut(line, ", id: ")
		}
		lines = append(lines, strings.TrimSpace(strings.Replace(line, " aa ", " ", 1)))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
