package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
)

// Actions and responses of firewall rules (Route 53 Resolver API reference,
// FirewallRule).
const (
	actionAllow      = "ALLOW"
	actionBlock      = "BLOCK"
	responseNXDomain = "NXDOMAIN"
	responseOverride = "OVERRIDE"
)

// firewall finds the first of a VPC's rules that a name matches. Its cost grows
// with the labels of the name, not with the domains of the lists.
type firewall struct {
	rules []zone.FirewallRule
	// exact has the names themselves, under the names that lists give as "*.name";
	// both by wire form. The value is the first entry for that name.
	exact, under map[string]int32
	entries      []firewallEntry
}

// firewallEntry is one rule for a name. The entries of a name are in the order
// of the rules.
type firewallEntry struct {
	rule int32
	next int32 // -1: none
}

// newFirewall compiles rules; nil when there are none. Domains that are no names
// are left out and named in the errors.
func newFirewall(rules []zone.FirewallRule) (*firewall, []error) {
	if len(rules) == 0 {
		return nil, nil
	}
	domains := 0
	for i := range rules {
		domains += len(rules[i].Domains)
	}
	f := &firewall{rules: rules, exact: make(map[string]int32, domains), under: map[string]int32{}, entries: make([]firewallEntry, 0, domains)}
	var problems []error
	for i, rule := range slices.Backward(rules) {
		for _, domain := range rule.Domains {
			if err := f.add(int32(i), domain); err != nil {
				problems = append(problems, fmt.Errorf("firewall domain list %s: %w", rule.List, err))
			}
		}
	}
	return f, problems
}

// sameDomains says whether rules have the same domains, one by one: the very same
// slices, as zone.Head.Complete takes them over.
func sameDomains(a, b []zone.FirewallRule) bool {
	return slices.EqualFunc(a, b, func(x, y zone.FirewallRule) bool {
		return len(x.Domains) == len(y.Domains) && (len(x.Domains) == 0 || &x.Domains[0] == &y.Domains[0])
	})
}

// with is the firewall with other rules for the same domains; nil stays nil.
func (f *firewall) with(rules []zone.FirewallRule) *firewall {
	if f == nil {
		return nil
	}
	next := *f
	next.rules = rules
	return &next
}

// add puts a rule before the others of a domain.
func (f *firewall) add(rule int32, domain string) error {
	index := f.exact
	switch rest, wild := strings.CutPrefix(domain, "*."); {
	case wild && rest == "", domain == "*":
		index, domain = f.under, "."
	case wild:
		index, domain = f.under, rest
	}
	key, err := packLower(domain)
	if err != nil {
		return err
	}
	next, ok := index[key]
	if !ok {
		next = -1
	}
	index[key] = int32(len(f.entries))
	f.entries = append(f.entries, firewallEntry{rule, next})
	return nil
}

// match returns the first rule for a name in lower-case wire form and a type, or
// nil.
func (f *firewall) match(name []byte, typ uint16) *zone.FirewallRule {
	best := int32(len(f.rules))
	if e, ok := f.exact[string(name)]; ok {
		best = f.first(e, typ, best)
	}
	for at := 0; name[at] != 0; {
		at += int(name[at]) + 1
		if e, ok := f.under[string(name[at:])]; ok {
			best = f.first(e, typ, best)
		}
	}
	if int(best) == len(f.rules) {
		return nil
	}
	return &f.rules[best]
}

// first is the first rule from an entry on that is for the type, if it comes
// before best.
func (f *firewall) first(e int32, typ uint16, best int32) int32 {
	for ; e >= 0; e = f.entries[e].next {
		rule := f.entries[e].rule
		if rule >= best {
			break
		}
		if want := f.rules[rule].Qtype; want == 0 || want == typ {
			return rule
		}
	}
	return best
}

// filter holds a query against the firewall. It reports true when that is the
// end of the query: it is blocked.
func (w *worker) filter(t *Table, b []byte, limit int) (int, *chase, bool) {
	m := t.firewall.match(w.q.key[:w.q.size], w.q.typ)
	if m == nil {
		return 0, nil, false
	}
	w.trusted = m.TrustRedirect
	if m.Action == actionAllow {
		return 0, nil, false
	}
	w.match = m
	w.counted.Filtered++
	if m.Action != actionBlock {
		return 0, nil, false
	}
	if m.Response == responseOverride {
		c, err := newChase(w, t, b, limit)
		if err == nil && c.override(m) {
			size, later := w.finish(c, b)
			return size, later, true
		}
		w.count(dns.RcodeServerFailure)
		return w.q.status(b, dns.RcodeServerFailure), nil, true
	}
	rcode := blockedRcode(m)
	w.count(rcode)
	return w.q.status(b, rcode), nil, true
}

func blockedRcode(m *zone.FirewallRule) int {
	if m.Response == responseNXDomain {
		return dns.RcodeNameError
	}
	return dns.RcodeSuccess
}

// override makes the answer the CNAME that a rule gives, and goes on with its
// target, which no rule looks at any more.
func (c *chase) override(m *zone.FirewallRule) bool {
	if _, err := packLower(m.OverrideName); err != nil {
		return false
	}
	c.trusted = true
	c.owner = ""
	c.reply.Rcode, c.reply.Ns = dns.RcodeSuccess, nil
	c.reply.Answer = []dns.RR{&dns.CNAME{
		Hdr:    dns.RR_Header{Name: c.reply.Question[0].Name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: m.OverrideTTL},
		Target: m.OverrideName,
	}}
	c.name = m.OverrideName
	return true
}

// inspect holds a name that a CNAME leads to against the firewall (Route 53
// developer guide, "Domain redirection settings"). It reports whether the chase
// goes on: with the name, or with what overrides it.
func (c *chase) inspect() bool {
	if c.trusted || c.table.firewall == nil || c.owner != "" {
		return true
	}
	wire, err := packLower(c.name)
	if err != nil {
		return true // its lookup fails
	}
	m := c.table.firewall.match([]byte(wire), c.q.typ)
	if m == nil {
		return true
	}
	c.trusted = m.TrustRedirect
	if m.Action == actionAllow {
		return true
	}
	if c.match == nil {
		c.filtered = true // a query counts once
	}
	c.match = m
	if m.Action != actionBlock {
		return true
	}
	if m.Response == responseOverride {
		if c.override(m) {
			return true
		}
		c.fail(dns.RcodeServerFailure)
		return false
	}
	c.fail(blockedRcode(m))
	return false
}
