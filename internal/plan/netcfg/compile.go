package netcfg

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/world"
)

// dnsPort is open on the resolver's addresses, for UDP and TCP.
const dnsPort = 53

// Compile returns the network of one VPC, and false when the world has no
// such VPC.
//
// A network interface of an owner that runs something (task, instance, session,
// Resolver endpoint) exists on the machine. One that a user made and attached to
// nothing is only a reserved address.
func Compile(w world.World, id world.VPCID) (VPC, bool) {
	vpc := w.VPCs.Get(string(id))
	if vpc == nil {
		return VPC{}, false
	}
	c := compiler{w: w, rules: map[world.SecurityGroupID]groupRules{}, merged: map[string]groupRules{}}
	out := VPC{ID: vpc.ID, CIDR: vpc.CIDR.Masked(), Services: services(vpc)}
	for eni := range w.InterfacesOf(id) {
		if i, ok := c.compile(eni); ok {
			out.Interfaces = append(out.Interfaces, i)
		}
	}
	slices.SortFunc(out.Interfaces, func(a, b Interface) int { return cmp.Compare(a.ID, b.ID) })
	out.Groups = groups(w, id, out.Interfaces)
	return out, true
}

// services are the resolver's addresses. Where DNS support is switched
// off they stay, so that switching it changes no address, and their ports are
// closed: queries go unanswered as in AWS.
func services(vpc *world.VPC) []Service {
	var ports []uint16
	if vpc.EnableDNSSupport {
		ports = []uint16{dnsPort}
	}
	var out []Service
	for _, a := range vpc.Resolvers() {
		out = append(out, Service{Address: a, UDP: ports, TCP: ports})
	}
	slices.SortFunc(out, func(a, b Service) int { return a.Address.Compare(b.Address) })
	return out
}

// onMachine says whether an interface of that owner exists in the kernel.
func onMachine(owner world.OwnerKind) bool {
	switch owner {
	case world.OwnedByTask, world.OwnedByInstance, world.OwnedBySession, world.OwnedByResolverEndpoint:
		return true
	}
	return false
}

// groupRules are compiled rules, sorted and without duplicates.
type groupRules struct{ ingress, egress []Rule }

// compiler remembers what groups and sets of groups compile to: many
// interfaces share them.
type compiler struct {
	w      world.World
	rules  map[world.SecurityGroupID]groupRules
	merged map[string]groupRules
}

func (c *compiler) compile(eni *world.NetworkInterface) (Interface, bool) {
	subnet := c.w.Subnets.Get(string(eni.Subnet))
	if !onMachine(eni.OwnerKind) || subnet == nil {
		return Interface{}, false
	}
	rules := c.merge(eni.SecurityGroups)
	return Interface{
		ID: eni.ID, Address: eni.Address, Subnet: subnet.CIDR.Masked(), IPv6: eni.IPv6, MAC: eni.MAC,
		Ingress: rules.ingress, Egress: rules.egress,
		// Fargate lets a container without privileges bind port 80.
		UnprivilegedPorts: eni.OwnerKind == world.OwnedByTask,
	}, true
}

// merge returns the rules of several groups together.
func (c *compiler) merge(ids []world.SecurityGroupID) groupRules {
	var names strings.Builder
	for _, id := range ids {
		names.WriteString(string(id) + "\x00")
	}
	key := names.String()
	if known, ok := c.merged[key]; ok {
		return known
	}
	var out groupRules
	for _, id := range ids {
		g := c.group(id)
		out.ingress = append(out.ingress, g.ingress...)
		out.egress = append(out.egress, g.egress...)
	}
	out.ingress, out.egress = canonical(out.ingress), canonical(out.egress)
	c.merged[key] = out
	return out
}

// group compiles one security group; one that the world lacks allows nothing.
func (c *compiler) group(id world.SecurityGroupID) groupRules {
	if known, ok := c.rules[id]; ok {
		return known
	}
	var out groupRules
	if g := c.w.SecurityGroups.Get(string(id)); g != nil {
		for _, r := range g.Rules {
			rule, ok := compileRule(r)
			switch {
			case !ok:
			case r.Egress:
				out.egress = append(out.egress, rule)
			default:
				out.ingress = append(out.ingress, rule)
			}
		}
	}
	c.rules[id] = out
	return out
}

// compileRule puts a rule into its one canonical form. A rule that names no
// known protocol or no peer allows nothing, so it is left out: a mistake
// closes and never opens.
func compileRule(r world.SecurityGroupRule) (Rule, bool) {
	protocol, ok := protocolNumber(r.Protocol)
	if !ok || (r.Group == "") == !r.CIDR.IsValid() {
		return Rule{}, false
	}
	out := Rule{Protocol: protocol, Group: r.Group}
	if r.Group == "" {
		out.Peer = r.CIDR.Masked()
	}
	out.From, out.To, ok = bounds(protocol, r.FromPort, r.ToPort)
	return out, ok
}

// bounds are the canonical From and To of a rule: all ports are 0 to 65535, all ICMP types
// or codes -1 (EC2 API reference, IpPermission).
func bounds(protocol int, from, to int32) (int32, int32, bool) {
	switch protocol {
	case ProtocolTCP, ProtocolUDP:
		if from == -1 && to == -1 {
			return 0, 65535, true
		}
		return from, to, 0 <= from && from <= to && to <= 65535
	case ProtocolICMP, ProtocolICMPv6:
		if from == -1 {
			return -1, -1, true
		}
		return from, to, 0 <= from && from <= 255 && -1 <= to && to <= 255
	}
	return -1, -1, true
}

// protocolNumber reads a protocol as EC2 stores it.
func protocolNumber(name string) (int, bool) {
	switch name {
	case "-1":
		return ProtocolAll, true
	case "tcp":
		return ProtocolTCP, true
	case "udp":
		return ProtocolUDP, true
	case "icmp":
		return ProtocolICMP, true
	case "icmpv6":
		return ProtocolICMPv6, true
	}
	n, err := strconv.ParseUint(name, 10, 8)
	return int(n), err == nil
}

// canonical sorts rules and removes duplicates.
func canonical(rules []Rule) []Rule {
	slices.SortFunc(rules, compareRules)
	return slices.Compact(rules)
}

func compareRules(a, b Rule) int {
	return cmp.Or(
		cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.From, b.From),
		cmp.Compare(a.To, b.To),
		cmp.Compare(a.Group, b.Group),
		a.Peer.Addr().Compare(b.Peer.Addr()),
		cmp.Compare(a.Peer.Bits(), b.Peer.Bits()),
	)
}

// groups are the members of every group that a rule of the interfaces names.
func groups(w world.World, vpc world.VPCID, interfaces []Interface) []Group {
	members := map[world.SecurityGroupID][]netip.Addr{}
	for _, i := range interfaces {
		for _, rules := range [][]Rule{i.Ingress, i.Egress} {
			for _, r := range rules {
				if r.Group != "" {
					members[r.Group] = nil
				}
			}
		}
	}
	for id := range members {
		for eni := range w.InterfacesWith(id) {
			if eni.VPC == vpc && onMachine(eni.OwnerKind) {
				members[id] = append(members[id], eni.Address)
				if eni.IPv6.IsValid() {
					members[id] = append(members[id], eni.IPv6)
				}
			}
		}
	}
	var out []Group
	for id, addresses := range members {
		slices.SortFunc(addresses, netip.Addr.Compare)
		out = append(out, Group{ID: id, Members: slices.Compact(addresses)})
	}
	slices.SortFunc(out, func(a, b Group) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
