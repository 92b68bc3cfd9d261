package zone

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/world"
)

// rules are the Resolver rules of a VPC, one for a domain. The API allows no
// second one; of two, that with the smaller association id counts.
func rules(w world.World, id world.VPCID) []Rule {
	var out []Rule
	for a := range w.RuleAssociationsIn(id) {
		r := w.ResolverRules.Get(string(a.Rule))
		if r == nil {
			continue
		}
		domain, ok := canonical(r.Domain)
		if !ok {
			continue
		}
		out = append(out, Rule{
			ID: r.ID, Domain: domain, System: r.Type == world.SystemRule,
			Targets: slices.Clone(r.Targets), Endpoint: r.Endpoint,
		})
	}
	slices.SortStableFunc(out, func(a, b Rule) int { return cmp.Compare(a.Domain, b.Domain) })
	return slices.CompactFunc(out, func(a, b Rule) bool { return a.Domain == b.Domain })
}

// firewall are the DNS Firewall rules of a VPC: by the priority of their groups,
// and then by their own. Domains are shared with the world, so that equal
// lists are found to be equal without looking into them.
func firewall(w world.World, id world.VPCID) []FirewallRule {
	associations := slices.SortedFunc(w.FirewallAssociationsIn(id), func(a, b *world.FirewallAssociation) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.ID, b.ID))
	})
	var out []FirewallRule
	for _, a := range associations {
		g := w.FirewallRuleGroups.Get(string(a.Group))
		if g == nil {
			continue
		}
		for _, r := range g.Rules {
			if rule, ok := firewallRule(w, g.ID, r); ok {
				out = append(out, rule)
			}
		}
	}
	return out
}

// firewallRule reports false for a rule that can match nothing.
func firewallRule(w world.World, group world.FirewallRuleGroupID, r world.FirewallRule) (FirewallRule, bool) {
	list := w.FirewallDomainLists.Get(string(r.List))
	qtype, ok := QueryType(r.Qtype)
	if list == nil || len(list.Domains) == 0 || !ok {
		return FirewallRule{}, false
	}
	out := FirewallRule{
		Group: group, List: r.List, Action: r.Action, Response: r.BlockResponse,
		Qtype: qtype, TrustRedirect: r.TrustRedirection, Domains: list.Domains,
	}
	if r.BlockResponse == "OVERRIDE" {
		if out.OverrideName, ok = canonical(r.OverrideDomain); !ok {
			return FirewallRule{}, false
		}
		out.OverrideTTL = ttl(int64(r.OverrideTTL))
	}
	return out, true
}

// brief is a head for who has the head before: domains that are known there are
// left out. Lists may have 100,000 of them.
func (h Head) brief(before Head) Head {
	h.Firewall = slices.Clone(h.Firewall)
	known := listsOf(before.Firewall)
	for i := range h.Firewall {
		r := &h.Firewall[i]
		if was, ok := known[r.List]; ok && sameSlice(was, r.Domains) {
			r.Domains, r.Known = nil, true
			continue
		}
		known[r.List] = r.Domains
	}
	return h
}

// Complete is the head of a Delta with the domains that were left out; before is
// the head that the Delta replaces. It reports false where a list is in neither.
func (h Head) Complete(before Head) (Head, bool) {
	h.Firewall = slices.Clone(h.Firewall)
	known := listsOf(before.Firewall)
	for i := range h.Firewall {
		r := &h.Firewall[i]
		if !r.Known {
			known[r.List] = r.Domains
			continue
		}
		var ok bool
		if r.Domains, ok = known[r.List]; !ok {
			return Head{}, false
		}
		r.Known = false
	}
	return h, true
}

func listsOf(rules []FirewallRule) map[world.FirewallDomainListID][]string {
	lists := map[world.FirewallDomainListID][]string{}
	for _, r := range rules {
		lists[r.List] = r.Domains
	}
	return lists
}

// sameSlice says whether two slices are one. Rules share their domains with the
// list in the world, which is never changed in place.
func sameSlice(a, b []string) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// QueryType reads the type that a firewall rule is for: a mnemonic or TYPEn;
// empty: all types, 0 (Route 53 Resolver API reference, CreateFirewallRule).
func QueryType(name string) (uint16, bool) {
	if name == "" {
		return 0, true
	}
	if n := recordType(name); n != 0 {
		return n, true
	}
	digits, ok := strings.CutPrefix(name, "TYPE")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	return uint16(n), err == nil && n > 0 && strconv.FormatUint(n, 10) == digits
}

// logsQueries says whether any query log is associated with a VPC.
func logsQueries(w world.World, id world.VPCID) bool {
	for range w.QueryLogsIn(id) {
		return true
	}
	return false
}

// resolverTouched are the VPCs whose head an object of the Resolver API is part
// of, in one world.
func resolverTouched(w world.World, r world.Ref) []world.VPCID {
	var ids []world.VPCID
	switch r.Kind {
	case world.KindResolverConfig:
		ids = append(ids, world.VPCID(r.Key))
	case world.KindResolverRuleAssociation:
		if a := w.ResolverRuleAssociations.Get(r.Key); a != nil {
			ids = append(ids, a.VPC)
		}
	case world.KindResolverRule:
		for a := range w.RuleAssociationsOf(world.ResolverRuleID(r.Key)) {
			ids = append(ids, a.VPC)
		}
	case world.KindFirewallAssociation:
		if a := w.FirewallAssociations.Get(r.Key); a != nil {
			ids = append(ids, a.VPC)
		}
	case world.KindFirewallRuleGroup:
		ids = firewalled(w, world.FirewallRuleGroupID(r.Key))
	case world.KindFirewallDomainList:
		for g := range w.GroupsNaming(world.FirewallDomainListID(r.Key)) {
			ids = append(ids, firewalled(w, g.ID)...)
		}
	case world.KindQueryLogAssociation:
		if a := w.QueryLogAssociations.Get(r.Key); a != nil {
			ids = append(ids, a.VPC)
		}
	}
	return ids
}

func firewalled(w world.World, id world.FirewallRuleGroupID) []world.VPCID {
	var ids []world.VPCID
	for a := range w.FirewallAssociationsOf(id) {
		ids = append(ids, a.VPC)
	}
	return ids
}

// Reads says whether objects of a kind are part of any table, so that Changed
// must hear of them.
func Reads(k world.Kind) bool {
	switch k {
	case world.KindVPC, world.KindNamespace, world.KindHostedZone, world.KindRecordSet, world.KindHealthCheck,
		world.KindDiscoveryService, world.KindDiscoveryInstance,
		world.KindResolverConfig, world.KindResolverRule, world.KindResolverRuleAssociation,
		world.KindFirewallAssociation, world.KindFirewallRuleGroup, world.KindFirewallDomainList, world.KindQueryLogAssociation:
		return true
	}
	return false
}
