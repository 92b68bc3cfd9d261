//go:build linux

package linux

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"

	"seamark/internal/plan/netcfg"
)

// ruleset is the part of the nftables table that differs from VPC to VPC, as
// a value. The hooks that use it are always the same (see hooks.go).
//
// Interfaces with the same rules share a chain, whose name is made from the
// rules. So a chain never changes: new rules are a new chain, and what a
// change costs depends on the number of interfaces it is about.
type ruleset struct {
	// sources are the addresses that each link may send from.
	sources map[source]struct{}
	// egress and ingress name each link's chain.
	egress, ingress map[string]string
	chains          map[string]chain
	// groups are the members of each referenced security group.
	groups map[string]map[netip.Addr]struct{}
	// services are the open ports of the router's own addresses.
	services map[service]struct{}
}

type source struct {
	link    string
	address netip.Addr
}

type service struct {
	address  netip.Addr
	protocol uint8
	port     uint16
}

// chain is the rules of one direction.
type chain struct {
	direction direction
	rules     []netcfg.Rule
}

type direction string

const (
	egress  direction = "egress"
	ingress direction = "ingress"
)

// compileRules is pure.
func compileRules(v netcfg.VPC, ports []port) *ruleset {
	n := len(ports)
	r := &ruleset{
		sources: make(map[source]struct{}, n), egress: make(map[string]string, n), ingress: make(map[string]string, n),
		chains: map[string]chain{}, groups: map[string]map[netip.Addr]struct{}{}, services: map[service]struct{}{},
	}
	for _, g := range v.Groups {
		members := make(map[netip.Addr]struct{}, len(g.Members))
		for _, a := range g.Members {
			members[a] = struct{}{}
		}
		r.groups[string(g.ID)] = members
	}
	names := map[shared]string{}
	for _, p := range ports {
		r.sources[source{p.link, p.Address}] = struct{}{}
		if p.IPv6.IsValid() {
			r.sources[source{p.link, p.IPv6}] = struct{}{}
		}
		r.egress[p.link] = r.sharedChain(names, egress, p.Egress)
		r.ingress[p.link] = r.sharedChain(names, ingress, p.Ingress)
	}
	for _, s := range v.Services {
		for _, port := range s.UDP {
			r.services[service{s.Address, netcfg.ProtocolUDP, port}] = struct{}{}
		}
		for _, port := range s.TCP {
			r.services[service{s.Address, netcfg.ProtocolTCP, port}] = struct{}{}
		}
	}
	return r
}

// shared identifies a slice of rules: netcfg.Compile gives interfaces with the
// same groups the same slice.
type shared struct {
	direction direction
	first     *netcfg.Rule
	len       int
}

// sharedChain is chain for slices that were seen before in this compilation.
func (r *ruleset) sharedChain(names map[shared]string, d direction, rules []netcfg.Rule) string {
	if len(rules) == 0 {
		return r.chain(d, rules)
	}
	key := shared{d, &rules[0], len(rules)}
	name, ok := names[key]
	if !ok {
		name = r.chain(d, rules)
		names[key] = name
	}
	return name
}

// chain files rules under their name and returns it.
func (r *ruleset) chain(d direction, rules []netcfg.Rule) string {
	h := sha256.New()
	for _, rule := range rules {
		// A hash never fails to write. A group that nothing lists has no members.
		_, _ = fmt.Fprintln(h, rule.Protocol, rule.From, rule.To, rule.Peer, rule.Group)
		if rule.Group != "" && r.groups[string(rule.Group)] == nil {
			r.groups[string(rule.Group)] = map[netip.Addr]struct{}{}
		}
	}
	name := string(d) + "-" + hex.EncodeToString(h.Sum(nil)[:8])
	if _, known := r.chains[name]; !known {
		r.chains[name] = chain{direction: d, rules: rules}
	}
	return name
}
