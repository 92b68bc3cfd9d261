package conformance

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// question is one query, and over what it is asked.
type question struct {
	name string
	typ  uint16
	way  way
}

// way is how a question is put.
type way struct {
	name string
	tcp  bool
	noRD bool
	cd   bool
	ad   bool
	edns uint16 // the size that the client says it takes, where edns is set
	set  bool   // edns
	do   bool
}

func ways() []way {
	return []way{
		{name: "UDP"},
		{name: "UDP, EDNS 1232 DO", set: true, edns: 1232, do: true},
		{name: "TCP", tcp: true},
		{name: "UDP, EDNS 4096", set: true, edns: 4096},
		{name: "UDP, EDNS 512", set: true, edns: 512},
		{name: "UDP, EDNS 700", set: true, edns: 700},
		{name: "UDP, EDNS 0", set: true, edns: 0},
		{name: "TCP, EDNS DO", tcp: true, set: true, edns: 512, do: true},
		{name: "UDP without RD", noRD: true},
		{name: "UDP, CD", cd: true},
		{name: "UDP, AD", ad: true},
	}
}

// usual are the ways in which everything is asked; the others are for a few types.
const usual = 3

func (w way) message(name string, typ uint16) *dns.Msg {
	m := new(dns.Msg).SetQuestion(name, typ)
	m.RecursionDesired = !w.noRD
	m.CheckingDisabled = w.cd
	m.AuthenticatedData = w.ad
	if w.set {
		m.SetEdns0(w.edns, w.do)
	}
	return m
}

// types are those that Route 53 has, ANY, and some that nobody has records of.
func types() []uint16 {
	return []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeSOA, dns.TypeCNAME, dns.TypeMX, dns.TypeTXT, dns.TypeSRV, dns.TypeCAA, dns.TypePTR,
		dns.TypeNAPTR, dns.TypeTLSA, dns.TypeSSHFP, dns.TypeSVCB, dns.TypeHTTPS, dns.TypeDS, dns.TypeSPF, dns.TypeANY, dns.TypeHINFO, 65400}
}

// few are the types that the unusual ways are tried with.
func few() []uint16 { return []uint16{dns.TypeA, dns.TypeTXT, dns.TypeANY, dns.TypeCNAME} }

// names are the owner names of some zones, and the names around them: what
// stands above, what does not exist beside and below, in other spellings.
func names(t testing.TB, origins []string) (own, around []string) {
	seen := map[string]bool{}
	add := func(list *[]string, name string) {
		if isName(name) && !seen[name] {
			seen[name] = true
			*list = append(*list, name)
		}
	}
	for _, origin := range origins {
		for _, rr := range readZone(t, zonePath(origin)) {
			add(&own, rr.Header().Name)
		}
	}
	for _, owner := range own {
		if len(owner) < 200 { // BIND writes an owner out that is spelled otherwise, which is too long then
			add(&around, strings.ToUpper(owner))
		}
		add(&around, "nope."+owner)
		add(&around, "a.b.c."+owner)
		add(&around, "*."+owner)
		if rest, ok := strings.CutPrefix(owner, "*."); ok {
			add(&around, "some."+rest)
			add(&around, "SoMe.OtHeR."+rest)
		}
		for up := parent(owner); isWithin(up, origins); up = parent(up) {
			add(&around, up)
		}
	}
	return own, around
}

func parent(name string) string {
	off, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[off:]
}

// isName says whether a name fits into a message.
func isName(name string) bool {
	n, err := dns.PackDomainName(name, make([]byte, 300), 0, nil, false)
	return err == nil && n <= 255
}

// mass is every own name with every type in the usual ways and a few types in
// all, every name around them with every type in one and a few in the usual.
func mass(own, around []string) []question {
	var out []question
	ask := func(names []string, types []uint16, ways []way) {
		for _, name := range names {
			for _, w := range ways {
				for _, typ := range types {
					out = append(out, question{name, typ, w})
				}
			}
		}
	}
	ask(own, types(), ways()[:usual])
	ask(own, few(), ways()[usual:])
	ask(around, types(), ways()[:1])
	ask(around, few(), ways()[1:usual])
	return out
}
