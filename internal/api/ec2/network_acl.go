package ec2

import (
	"cmp"
	"context"
	"strconv"

	"seamark/internal/world"
)

// The two rules of a default network ACL in each direction: everything is
// allowed, and what is left is denied (VPC user guide, "Network ACLs").
const allowRule, denyRule = 100, 32767

// DescribeNetworkAcls lists the default network ACLs: what a VPC is made with,
// and all that can be had as yet.
func (s *Server) DescribeNetworkAcls(_ context.Context, in *DescribeNetworkAclsInput) (*DescribeNetworkAclsOutput, error) {
	w := s.view()
	id := func(v *world.VPC) string { return v.DefaultNetworkACLID }
	l := listing[world.VPC]{
		rows: vpcsBy(w, id), id: id, tags: func(*world.VPC) world.Tags { return nil },
		find: func(wanted string) (*world.VPC, error) {
			for v := range w.VPCs.All() {
				if v.DefaultNetworkACLID == wanted {
					return v, nil
				}
			}
			return nil, cmp.Or(checkID(wanted, "acl", "InvalidNetworkAclId.Malformed"), fail("InvalidNetworkAclID.NotFound", "The networkAcl ID '%s' does not exist", wanted))
		},
		names: []string{"association.association-id", "association.network-acl-id", "association.subnet-id", "default", "entry.cidr", "entry.egress", "entry.ipv6-cidr", "entry.protocol",
			"entry.rule-action", "entry.rule-number", "network-acl-id", "owner-id", "vpc-id"},
		props: func(v *world.VPC) map[string][]string { return s.aclProps(w, v) },
	}
	cut, next, err := l.describe(request{in.DryRun, in.NetworkAclIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeNetworkAclsOutput{NextToken: next, NetworkAcls: []NetworkAcl{}}
	for _, v := range cut {
		out.NetworkAcls = append(out.NetworkAcls, s.showACL(w, v))
	}
	return out, nil
}

func (s *Server) aclProps(w world.World, v *world.VPC) map[string][]string {
	p := map[string][]string{
		"association.network-acl-id": {v.DefaultNetworkACLID}, "default": {"true"}, "entry.cidr": {"0.0.0.0/0"}, "entry.egress": {"false", "true"}, "entry.protocol": {"-1"},
		"entry.rule-action": {RuleActionAllow, RuleActionDeny}, "entry.rule-number": {strconv.Itoa(allowRule), strconv.Itoa(denyRule)},
		"network-acl-id": {v.DefaultNetworkACLID}, "owner-id": {s.cfg.Scope.Account}, "vpc-id": {string(v.ID)},
	}
	if len(v.IPv6) > 0 {
		p["entry.ipv6-cidr"] = []string{"::/0"}
		p["entry.rule-number"] = append(p["entry.rule-number"], strconv.Itoa(allowRule+1), strconv.Itoa(denyRule+1))
	}
	for n := range w.SubnetsOf(v.ID) {
		p["association.association-id"] = append(p["association.association-id"], twin("aclassoc", string(n.ID)))
		p["association.subnet-id"] = append(p["association.subnet-id"], string(n.ID))
	}
	return p
}

func (s *Server) showACL(w world.World, v *world.VPC) NetworkAcl {
	acl := NetworkAcl{
		NetworkAclId: &v.DefaultNetworkACLID, VpcId: new(string(v.ID)), OwnerId: &s.cfg.Scope.Account, IsDefault: new(true), Associations: []NetworkAclAssociation{},
	}
	for n := range w.SubnetsOf(v.ID) {
		acl.Associations = append(acl.Associations, NetworkAclAssociation{
			NetworkAclAssociationId: new(twin("aclassoc", string(n.ID))), NetworkAclId: &v.DefaultNetworkACLID, SubnetId: new(string(n.ID)),
		})
	}
	for _, egress := range []bool{true, false} {
		entry := NetworkAclEntry{CidrBlock: new("0.0.0.0/0"), Egress: new(egress), Protocol: new("-1"), RuleAction: new(RuleActionAllow), RuleNumber: new(int32(allowRule))}
		rules := []NetworkAclEntry{entry}
		if len(v.IPv6) > 0 { // VPC user guide, "Default network ACL"
			six := entry
			six.CidrBlock, six.Ipv6CidrBlock, six.RuleNumber = nil, new("::/0"), new(int32(allowRule+1))
			rules = append(rules, six)
		}
		acl.Entries = append(acl.Entries, rules...)
		for _, r := range rules {
			r.RuleAction, r.RuleNumber = new(RuleActionDeny), new(*r.RuleNumber-allowRule+denyRule)
			acl.Entries = append(acl.Entries, r)
		}
	}
	return acl
}
