package ec2

import (
	"context"
	"net/netip"
	"strconv"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/plan/place"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// CreateNetworkInterface makes an interface that reserves an address. Attaching
// it to an instance is not built yet.
func (s *Server) CreateNetworkInterface(ctx context.Context, in *CreateNetworkInterfaceInput) (*CreateNetworkInterfaceOutput, error) {
	if err := unbuiltInterface(in); err != nil {
		return nil, err
	}
	tags, err := newTags(in.TagSpecifications, "network-interface")
	if err != nil {
		return nil, err
	}
	params := *in
	params.ClientToken, params.DryRun = nil, nil
	token, err := newClientToken(in.ClientToken, "CreateNetworkInterface", params)
	if err != nil {
		return nil, err
	}
	var made *world.NetworkInterface
	var after world.World
	err = s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		if made = existing(d.World, token.made(d.World)); made != nil {
			after = d.World
			return token.same(d.World)
		}
		if made, err = createInterface(d, in, tags["network-interface"]); err != nil {
			return err
		}
		token.remember(d, []string{string(made.ID)})
		after = d.World
		return nil
	})
	if err != nil {
		return nil, err
	}
	shown := s.showInterface(after, made)
	shown.Status = new("pending")
	return &CreateNetworkInterfaceOutput{NetworkInterface: &shown, ClientToken: in.ClientToken}, nil
}

// unbuiltInterface refuses what would be ignored.
func unbuiltInterface(in *CreateNetworkInterfaceInput) error {
	for name, given := range map[string]bool{
		"further addresses of a network interface": in.SecondaryPrivateIpAddressCount != nil || len(in.PrivateIpAddresses) > 0,
		"several IPv6 addresses of an interface":   len(in.Ipv6Addresses) > 1 || optional.Value(in.Ipv6AddressCount) > 1 || optional.Value(in.EnablePrimaryIpv6),
		"prefixes of a network interface":          len(in.Ipv4Prefixes) > 0 || in.Ipv4PrefixCount != nil || len(in.Ipv6Prefixes) > 0 || in.Ipv6PrefixCount != nil,
		"interfaceType":                            in.InterfaceType != nil,
	} {
		if given {
			return unbuilt(name)
		}
	}
	return nil
}

// existing is the interface that an earlier request made and that is still there.
func existing(w world.World, ids []string) *world.NetworkInterface {
	for _, id := range ids {
		return w.NetworkInterfaces.Get(id)
	}
	return nil
}

func createInterface(d *plan.Draft, in *CreateNetworkInterfaceInput, tags world.Tags) (*world.NetworkInterface, error) {
	subnet, err := findSubnet(d.World, *in.SubnetId)
	if err != nil {
		return nil, err
	}
	groups, err := findGroups(d.World, d.World.VPCs.Get(string(subnet.VPC)), in.Groups)
	if err != nil {
		return nil, err
	}
	n, err := newInterface(d, subnet, groups, in.PrivateIpAddress, world.OwnedByUser, "")
	if err != nil {
		return nil, err
	}
	if n, err = withIPv6(d, subnet, n, askedIPv6{in.Ipv6AddressCount, in.Ipv6Addresses}); err != nil {
		return nil, err
	}
	made := *n
	made.Description, made.Tags = optional.Value(in.Description), tags
	d.Put(&made)
	return &made, nil
}

// newInterface makes an interface, with the address asked for or a free one.
func newInterface(d *plan.Draft, s *world.Subnet, groups []world.SecurityGroupID, address *string, owner world.OwnerKind, ownerID string) (*world.NetworkInterface, error) {
	if address == nil {
		n, _, err := place.Interface(d, s, groups, owner, ownerID)
		if err != nil {
			return nil, fail("InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request.")
		}
		return n, nil
	}
	a, err := netip.ParseAddr(*address)
	switch {
	case err != nil:
		return nil, fail("InvalidParameterValue", "Value (%s) for parameter privateIpAddress is invalid. Invalid IPv4 address.", *address)
	case !place.Usable(s.CIDR, a):
		return nil, fail("InvalidParameterValue", "Address %s does not fall within the subnet's address range", a)
	case place.InUse(d.World, s.ID, a):
		return nil, fail("InvalidIPAddress.InUse", "Address %s is in use.", a)
	}
	return place.InterfaceAt(d, s, a, groups, owner, ownerID), nil
}

// askedIPv6 is the IPv6 address, or the number of them, that a request asks for.
type askedIPv6 struct {
	count     *int32
	addresses []InstanceIpv6Address
}

// withIPv6 gives an interface an IPv6 address, if one is asked for or the subnet
// gives one to every interface.
func withIPv6(d *plan.Draft, s *world.Subnet, n *world.NetworkInterface, asked askedIPv6) (*world.NetworkInterface, error) {
	switch {
	case asked.count != nil && len(asked.addresses) > 0:
		return nil, fail("InvalidParameterCombination", "The parameter ipv6AddressCount cannot be used with the parameter ipv6Addresses")
	case len(asked.addresses) == 0 && optional.Value(asked.count) == 0 && (asked.count != nil || !s.AssignIPv6OnCreation):
		return n, nil
	case !s.IPv6.IsValid():
		return nil, fail("InvalidParameterValue", "The subnet '%s' does not have an associated IPv6 CIDR block.", s.ID)
	case len(asked.addresses) == 0:
		return place.WithIPv6(d, s, n), nil
	}
	text := optional.Value(asked.addresses[0].Ipv6Address)
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil || !a.Is6() || a.Zone() != "":
		return nil, fail("InvalidParameterValue", "Value (%s) for parameter ipv6Addresses is invalid. Invalid IPv6 address.", text)
	case !place.UsableIPv6(s.IPv6, a):
		return nil, fail("InvalidParameterValue", "Address %s does not fall within the subnet's address range", a)
	case place.IPv6InUse(d.World, s.ID, a):
		return nil, fail("InvalidIPAddress.InUse", "Address %s is in use.", a)
	}
	next := *n
	next.IPv6 = a
	d.Put(&next)
	return &next, nil
}

// DeleteNetworkInterface removes an interface that a user made.
func (s *Server) DeleteNetworkInterface(ctx context.Context, in *DeleteNetworkInterfaceInput) (*DeleteNetworkInterfaceOutput, error) {
	return &DeleteNetworkInterfaceOutput{}, s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		n, err := findInterface(d.World, *in.NetworkInterfaceId)
		if err != nil {
			return err
		}
		if n.OwnerKind != world.OwnedByUser {
			return fail("InvalidParameterValue", "Network interface '%s' is currently in use.", n.ID)
		}
		place.Release(d, n, 0)
		return nil
	})
}

// DescribeNetworkInterfaces lists interfaces, whoever made them.
func (s *Server) DescribeNetworkInterfaces(_ context.Context, in *DescribeNetworkInterfacesInput) (*DescribeNetworkInterfacesOutput, error) {
	w := s.view()
	l := listing[world.NetworkInterface]{
		rows: w.NetworkInterfaces.All(), id: (*world.NetworkInterface).Key, tags: func(n *world.NetworkInterface) world.Tags { return n.Tags },
		find: func(id string) (*world.NetworkInterface, error) { return findInterface(w, id) },
		names: []string{"addresses.primary", "addresses.private-ip-address", "attachment.attachment-id", "attachment.delete-on-termination", "attachment.device-index",
			"attachment.instance-id", "attachment.instance-owner-id", "attachment.status", "availability-zone", "availability-zone-id", "description", "group-id",
			"group-name", "interface-type", "ipv6-addresses.ipv6-address", "mac-address", "network-interface-id", "owner-id", "private-dns-name", "private-ip-address", "requester-managed",
			"source-dest-check", "status", "subnet-id", "vpc-id"},
		props: func(n *world.NetworkInterface) map[string][]string { return s.interfaceProps(w, n) },
	}
	cut, next, err := l.describe(request{in.DryRun, in.NetworkInterfaceIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeNetworkInterfacesOutput{NextToken: next, NetworkInterfaces: []NetworkInterface{}}
	for _, n := range cut {
		out.NetworkInterfaces = append(out.NetworkInterfaces, s.showInterface(w, n))
	}
	return out, nil
}

func (s *Server) interfaceProps(w world.World, n *world.NetworkInterface) map[string][]string {
	shown := s.showInterface(w, n)
	p := map[string][]string{
		"addresses.private-ip-address": {*shown.PrivateIpAddress}, "availability-zone": {n.AvailabilityZone}, "description": {n.Description},
		"interface-type": {"interface"}, "mac-address": {n.MAC}, "network-interface-id": {string(n.ID)}, "owner-id": {s.cfg.Scope.Account},
		"private-dns-name": {*shown.PrivateDnsName}, "private-ip-address": {*shown.PrivateIpAddress}, "status": {*shown.Status},
		"subnet-id": {string(n.Subnet)}, "vpc-id": {string(n.VPC)}, "requester-managed": {strconv.FormatBool(*shown.RequesterManaged)},
		"addresses.primary": {"true"}, "source-dest-check": {"true"}, "availability-zone-id": {*shown.AvailabilityZoneId},
	}
	if n.IPv6.IsValid() {
		p["ipv6-addresses.ipv6-address"] = []string{n.IPv6.String()}
	}
	for _, g := range shown.Groups {
		p["group-id"] = append(p["group-id"], *g.GroupId)
		p["group-name"] = append(p["group-name"], *g.GroupName)
	}
	if a := shown.Attachment; a != nil {
		p["attachment.attachment-id"], p["attachment.status"] = []string{*a.AttachmentId}, []string{*a.Status}
		p["attachment.device-index"], p["attachment.instance-owner-id"] = []string{strconv.Itoa(int(*a.DeviceIndex))}, []string{*a.InstanceOwnerId}
		p["attachment.delete-on-termination"] = []string{"true"}
		if a.InstanceId != nil {
			p["attachment.instance-id"] = []string{*a.InstanceId}
		}
	}
	return p
}

func (s *Server) showInterface(w world.World, n *world.NetworkInterface) NetworkInterface {
	address, name := n.Address.String(), world.PrivateDNSName(s.cfg.Scope.Region, n.Address)
	out := NetworkInterface{
		NetworkInterfaceId: new(string(n.ID)), VpcId: new(string(n.VPC)), SubnetId: new(string(n.Subnet)), AvailabilityZone: &n.AvailabilityZone,
		AvailabilityZoneId: new(s.zoneID(n.AvailabilityZone)), Description: &n.Description, Groups: showGroups(w, n.SecurityGroups), InterfaceType: new("interface"),
		Ipv6Addresses: []NetworkInterfaceIpv6Address{}, MacAddress: &n.MAC, OwnerId: &s.cfg.Scope.Account, PrivateDnsName: &name, PrivateIpAddress: &address,
		PrivateIpAddresses: []NetworkInterfacePrivateIpAddress{{Primary: new(true), PrivateDnsName: &name, PrivateIpAddress: &address}},
		RequesterManaged:   new(requesterManaged(n)), SourceDestCheck: new(true), Status: new("available"), TagSet: showTags(n.Tags),
	}
	if n.IPv6.IsValid() {
		out.Ipv6Address = new(n.IPv6.String())
		out.Ipv6Addresses = append(out.Ipv6Addresses, NetworkInterfaceIpv6Address{Ipv6Address: out.Ipv6Address, IsPrimaryIpv6: new(false)})
	}
	if n.OwnerKind == world.OwnedByUser {
		return out
	}
	out.Status = new("in-use")
	out.Attachment = &NetworkInterfaceAttachment{
		AttachmentId: new(attachmentID(n)), AttachTime: wire.At(n.CreatedAt), DeleteOnTermination: new(true), DeviceIndex: new(int32(0)),
		InstanceOwnerId: &s.cfg.Scope.Account, Status: new("attached"),
	}
	if n.OwnerKind == world.OwnedByInstance {
		out.Attachment.InstanceId = new(n.OwnerID)
	} else {
		out.Attachment.DeviceIndex = new(int32(1))
	}
	return out
}

// requesterManaged says whether an AWS service made the interface for itself.
func requesterManaged(n *world.NetworkInterface) bool {
	return n.OwnerKind == world.OwnedByTask || n.OwnerKind == world.OwnedByResolverEndpoint
}

// attachmentID is eni-attach-… with the digits of the interface where the
// owner's own attachment is not EC2's.
func attachmentID(n *world.NetworkInterface) string {
	if n.OwnerKind == world.OwnedByInstance && n.AttachmentID != "" {
		return n.AttachmentID
	}
	return "eni-attach-" + string(n.ID)[len("eni-"):]
}

func showGroups(w world.World, ids []world.SecurityGroupID) []GroupIdentifier {
	out := []GroupIdentifier{}
	for _, id := range ids {
		name := ""
		if g := w.SecurityGroups.Get(string(id)); g != nil {
			name = g.Name
		}
		out = append(out, GroupIdentifier{GroupId: new(string(id)), GroupName: &name})
	}
	return out
}
