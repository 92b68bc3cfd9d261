package resolver

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
)

// expectAnswers compares replies with "name type → reply" lines, in which "|"
// stands for a line's end.
func expectAnswers(t *testing.T, table *Table, want map[string]string) {
	t.Helper()
	for q, want := range want {
		f := strings.Fields(q)
		got := text(reply(t, table, ask(f[0], dns.StringToType[f[1]]), false))
		if want = strings.ReplaceAll(want, " | ", "\n"); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", q, got, want)
		}
	}
}

func TestAliases(t *testing.T) {
	table := testTable(t, testZone(t, "Z1", "z.", `
		web    60 A     10.0.0.1
		web    60 AAAA  fd00::1
		@      0  A     alias web.z.
		far    0  A     alias lb.other.
		chain  0  A     alias far.z.
		two    0  A     alias two2.z.
		two2   0  A     alias two.z.
		none   0  A     alias missing.z.
		kind   0  TXT   alias web.z.
		name   60 CNAME web.z.
		c      0  CNAME alias name.z.
		host   0  A     alias ip-10-0-0-9.ec2.internal.
		toname 0  A     alias name.z.
		via    60 CNAME chain.z.
		*.w    0  A     alias web.z.
	`), testZone(t, "Z2", "other.", "lb 30 A 10.9.0.1"))
	zoneSOA := "authority z. 15 IN SOA ns.test. mail.test. 1 7200 900 1209600 86400"
	expectAnswers(t, table, map[string]string{
		"z. A":        "NOERROR | z. 60 IN A 10.0.0.1",
		"z. AAAA":     "NOERROR | " + zoneSOA,
		"far.z. A":    "NOERROR | far.z. 30 IN A 10.9.0.1",
		"chain.z. A":  "NOERROR | chain.z. 30 IN A 10.9.0.1",
		"two.z. A":    "SERVFAIL",
		"none.z. A":   "NOERROR | " + zoneSOA, // the alias exists, whatever it leads to
		"kind.z. TXT": "NOERROR | " + zoneSOA,
		"c.z. CNAME":  "NOERROR | c.z. 60 IN CNAME web.z.",
		"c.z. A":      "NOERROR | c.z. 60 IN CNAME web.z. | web.z. 60 IN A 10.0.0.1",
		"host.z. A":   "NOERROR | host.z. 60 IN A 10.0.0.9",
		"toname.z. A": "NOERROR | " + zoneSOA, // an alias is followed to its own type only
		"via.z. A":    "NOERROR | chain.z. 30 IN A 10.9.0.1 | via.z. 60 IN CNAME chain.z.",
		"x.w.z. A":    "NOERROR | x.w.z. 60 IN A 10.0.0.1",
		"none.z. ANY": "NOERROR | " + zoneSOA,
	})
}

func TestAliasOfAnUpstreamName(t *testing.T) {
	s := serve(t, testTable(t, testZone(t, "Z1", "z.", `
		cdn  0 A alias d1.cdn.example.
		gone 0 A alias gone.cdn.example.
		back 0 A alias back.cdn.example.
		web  5 A 10.0.0.1
	`)))
	u := startUpstream(t, replies("d1.cdn.example. 100 IN CNAME edge.example.", "edge.example. 50 IN A 192.0.2.1",
		"back.cdn.example. 50 IN CNAME web.z."))
	s.forwarder.SetUpstreams(at(u))
	for name, want := range map[string]string{
		"cdn.z.":  "NOERROR\ncdn.z. 50 IN A 192.0.2.1",
		"gone.z.": "NOERROR\nauthority z. 15 IN SOA ns.test. mail.test. 1 7200 900 1209600 86400",
		"back.z.": "NOERROR\nback.z. 5 IN A 10.0.0.1",
	} {
		if got := text(exchangeOver(t, s, "udp", name, dns.TypeA)); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestChoices(t *testing.T) {
	table := testTable(t, testZone(t, "Z1", "z.", `
		web  5 A     choose 1 10.0.0.1
		web  5 A     choose 2 10.0.0.2
		web  5 A     choose 3 alias other.z.
		other 9 A    10.0.0.3
		c    5 CNAME choose 1 web.z.
		c    5 CNAME choose 1 other.z.
		one  7 A     choose 4294967295 10.0.0.4
	`))
	w := newWorker(New(table, nil, slog.New(slog.DiscardHandler)), false, nil)
	wire, err := ask("web.z.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 60000
	counts := map[string]int{}
	b := make([]byte, maxUDP)
	for range rounds {
		n, _ := w.handle(table, b, copy(b, wire))
		counts[fmt.Sprintf("%d, TTL %d", b[n-1], b[n-7])]++
	}
	// The standard deviation is below 0.2 percent.
	for what, share := range map[string]float64{"1, TTL 5": 1. / 6, "2, TTL 5": 2. / 6, "3, TTL 9": 3. / 6} {
		if got := float64(counts[what]) / rounds; got < share-0.015 || got > share+0.015 {
			t.Errorf("%s: %v of the answers, want %v", what, got, share)
		}
	}
	if len(counts) != 3 {
		t.Errorf("answers %v", counts)
	}
	targets := map[string]bool{}
	for range 100 {
		r := reply(t, table, ask("c.z.", dns.TypeA), false)
		if len(r.Answer) != 2 {
			t.Fatalf("%v", r)
		}
		targets[r.Answer[0].(*dns.CNAME).Target] = true
	}
	if len(targets) != 2 {
		t.Errorf("CNAMEs to %v", targets)
	}
	expectAnswers(t, table, map[string]string{"one.z. A": "NOERROR | one.z. 7 IN A 10.0.0.4"})
}

func TestCompileIndirect_LeavesOutWhatIsWrong(t *testing.T) {
	z := testZone(t, "Z1", "z.", "a 5 A alias "+strings.Repeat("x", 64)+".\nb 5 A choose 1 10.0.0.256\nb 5 A choose 1 10.0.0.1\nc 5 A choose 1 nothing")
	table, problems := NewTable(zone.VPC{Head: testHead(), Zones: []zone.Zone{z}})
	if len(problems) != 3 {
		t.Errorf("problems: %v", problems)
	}
	expectAnswers(t, table, map[string]string{
		"b.z. A": "NOERROR | b.z. 5 IN A 10.0.0.1",
		"a.z. A": "NOERROR | authority z. 15 IN SOA ns.test. mail.test. 1 7200 900 1209600 86400",
	})
}

func TestAuthority(t *testing.T) {
	h := testHead()
	h.Authoritative = true
	table := testTableWith(t, h, testZone(t, "Z1", "example.com.", `
		www      60 A     192.0.2.1
		www      60 AAAA  2001:db8::1
		mail     60 CNAME www.example.com.
		off      60 CNAME www.elsewhere.test.
		gone     60 CNAME nothing.example.com.
		cross    60 CNAME host.example.org.
		down     60 CNAME x.own.example.com.
		into     60 CNAME a.sub.example.com.
		al       0  A     alias www.example.com.
		out      0  A     alias www.elsewhere.test.
		*.w      60 TXT   wild
		sub      60 NS    ns1.sub.example.com.
		sub      60 NS    ns.elsewhere.test.
		sub      60 DS    1 8 2 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
		ns1.sub  60 A     192.0.2.53
		deep.sub 60 TXT   occluded
		own      60 NS    ns.own.example.com.
	`), testZone(t, "Z2", "example.org.", "host 60 A 192.0.2.2"), testZone(t, "Z3", "own.example.com.", "x 60 A 192.0.2.3"))
	soa := func(z string) string {
		return "authority " + z + " 15 IN SOA ns.test. mail.test. 1 7200 900 1209600 86400"
	}
	referral := "authority sub.example.com. 60 IN NS ns.elsewhere.test. | authority sub.example.com. 60 IN NS ns1.sub.example.com. | additional ns1.sub.example.com. 60 IN A 192.0.2.53"
	want := map[string]string{
		"www.example.com. A":         "aa NOERROR | www.example.com. 60 IN A 192.0.2.1",
		"www.example.com. TXT":       "aa NOERROR | " + soa("example.com."),
		"nothing.example.com. A":     "aa NXDOMAIN | " + soa("example.com."),
		"mail.example.com. A":        "aa NOERROR | mail.example.com. 60 IN CNAME www.example.com. | www.example.com. 60 IN A 192.0.2.1",
		"mail.example.com. CNAME":    "aa NOERROR | mail.example.com. 60 IN CNAME www.example.com.",
		"off.example.com. A":         "aa NOERROR | off.example.com. 60 IN CNAME www.elsewhere.test.",
		"gone.example.com. A":        "aa NXDOMAIN | gone.example.com. 60 IN CNAME nothing.example.com. | " + soa("example.com."),
		"cross.example.com. A":       "aa NOERROR | cross.example.com. 60 IN CNAME host.example.org.",
		"down.example.com. A":        "aa NOERROR | down.example.com. 60 IN CNAME x.own.example.com.",
		"into.example.com. A":        "aa NOERROR | into.example.com. 60 IN CNAME a.sub.example.com. | " + referral,
		"al.example.com. A":          "aa NOERROR | al.example.com. 60 IN A 192.0.2.1",
		"out.example.com. A":         "aa NOERROR | " + soa("example.com."),
		"x.w.example.com. TXT":       "aa NOERROR | x.w.example.com. 60 IN TXT \"wild\"",
		"sub.example.com. A":         "NOERROR | " + referral,
		"sub.example.com. NS":        "NOERROR | " + referral,
		"deep.sub.example.com. TXT":  "NOERROR | " + referral,
		"sub.example.com. DS":        "aa NOERROR | sub.example.com. 60 IN DS 1 8 2 E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
		"x.own.example.com. A":       "aa NOERROR | x.own.example.com. 60 IN A 192.0.2.3",
		"own.example.com. DS":        "aa NOERROR | " + soa("example.com."),
		"example.com. SOA":           "aa NOERROR | example.com. 15 IN SOA ns.test. mail.test. 1 7200 900 1209600 86400",
		"example.com. NS":            "aa NOERROR | example.com. 172800 IN NS ns-0.test. | example.com. 172800 IN NS ns-1.test.",
		"www.elsewhere.test. A":      "REFUSED",
		"localhost. A":               "REFUSED",
		"1.0.0.10.in-addr.arpa. PTR": "REFUSED",
		"www.example.com. AXFR":      "REFUSED",
	}
	for q, want := range want {
		f := strings.Fields(q)
		m := ask(f[0], dns.StringToType[f[1]])
		r := reply(t, table, m, false)
		got := strings.Join(strings.Split(sortedText(r), "\n"), " | ")
		if r.Authoritative {
			got = "aa " + got
		}
		if got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", q, got, want)
		}
		if r.RecursionAvailable || !r.RecursionDesired {
			t.Errorf("%s: flags %v", q, r.MsgHdr)
		}
	}
	if r := reply(t, table, ask("www.example.com.", dns.TypeANY), false); !r.Authoritative || len(r.Answer) != 1 {
		t.Errorf("ANY: %v", r)
	}
	bad := ask("www.example.com.", dns.TypeA).SetEdns0(1232, false)
	bad.IsEdns0().SetVersion(1)
	if r := reply(t, table, bad, false); r.Rcode != dns.RcodeBadVers || r.Authoritative || r.RecursionAvailable {
		t.Errorf("EDNS version 1: %v", r)
	}
}

// sortedText is text with the order of name servers fixed.
func sortedText(r *dns.Msg) string {
	lines := strings.Split(text(r), "\n")
	for i := range lines[1:] {
		for j := i + 2; j < len(lines); j++ {
			if strings.HasPrefix(lines[i+1], "authority") && strings.HasPrefix(lines[j], "authority") && lines[j] < lines[i+1] {
				lines[i+1], lines[j] = lines[j], lines[i+1]
			}
		}
	}
	return strings.Join(lines, "\n")
}
