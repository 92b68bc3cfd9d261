package world

import (
	"net/netip"
	"strings"
	"time"
)

// The ids of EC2 are the prefix that AWS uses and 17 hexadecimal digits.
type (
	// VPCID is the id of a VPC, vpc-….
	VPCID string
	// SubnetID is the id of a subnet, subnet-….
	SubnetID string
	// SecurityGroupID is the id of a security group, sg-….
	SecurityGroupID string
	// NetworkInterfaceID is the id of an elastic network interface, eni-….
	NetworkInterfaceID string
	// InstanceID is the id of an instance, i-….
	InstanceID string
)

// VPC is a virtual network. Two VPCs may have the same CIDR.
type VPC struct {
	ID                VPCID
	CIDR              netip.Prefix // masked
	CIDRAssociationID string
	DHCPOptionsID     string
	IsDefault         bool
	// EnableDNSSupport: the resolver answers. EnableDNSHostnames: AWS wants it
	// for private zones; see docs/divergences.md.
	EnableDNSSupport                 bool
	EnableDNSHostnames               bool
	EnableNetworkAddressUsageMetrics bool
	DefaultSecurityGroup             SecurityGroupID
	// What a VPC is made with: the main route table, which has the local route
	// only, and the network ACL that lets everything through.
	MainRouteTableID    string // rtb-…
	DefaultNetworkACLID string // acl-…
	// IPv6 are the IPv6 blocks, in the order in which they were associated.
	IPv6      []IPv6Block
	Tags      Tags
	CreatedAt time.Time
}

func (v *VPC) Kind() Kind  { return KindVPC }
func (v *VPC) Key() string { return string(v.ID) }

// IPv6Block is an IPv6 CIDR block of a VPC.
type IPv6Block struct {
	AssociationID string       // vpc-cidr-assoc-…
	CIDR          netip.Prefix // masked
	// Provided: the block was drawn, as AmazonProvidedIpv6CidrBlock asks for.
	Provided bool
}

// Resolver is the address of the VPC's DNS resolver: base + 2.
func (v *VPC) Resolver() netip.Addr { return v.CIDR.Addr().Next().Next() }

// Resolvers are all addresses of the VPC's DNS resolver: base + 2, the
// link-local one and, where the VPC has IPv6, fd00:ec2::253 (VPC user guide,
// "Amazon DNS server").
func (v *VPC) Resolvers() []netip.Addr {
	all := []netip.Addr{v.Resolver(), netip.AddrFrom4([4]byte{169, 254, 169, 253})}
	if len(v.IPv6) > 0 {
		all = append(all, netip.MustParseAddr("fd00:ec2::253"))
	}
	return all
}

// Subnet is a part of a VPC in one availability zone.
type Subnet struct {
	ID                  SubnetID
	VPC                 VPCID
	CIDR                netip.Prefix // masked, inside the VPC's
	AvailabilityZone    string       // us-east-1a
	MapPublicIPOnLaunch bool
	// IPv6 is the subnet's IPv6 block, masked, inside one of the VPC's; the zero
	// value where the subnet has none.
	IPv6                 netip.Prefix
	IPv6AssociationID    string // subnet-cidr-assoc-…
	AssignIPv6OnCreation bool
	Tags                 Tags
	CreatedAt            time.Time
}

func (s *Subnet) Kind() Kind  { return KindSubnet }
func (s *Subnet) Key() string { return string(s.ID) }

// Gateway is the address of the VPC router in the subnet: base + 1.
func (s *Subnet) Gateway() netip.Addr { return s.CIDR.Addr().Next() }

func subnetVPC(s *Subnet) []string { return []string{string(s.VPC)} }

// SecurityGroup is a stateful firewall of the interfaces that name it.
type SecurityGroup struct {
	ID          SecurityGroupID
	VPC         VPCID
	Name        string
	Description string
	Rules       []SecurityGroupRule
	Tags        Tags
	CreatedAt   time.Time
}

func (g *SecurityGroup) Kind() Kind  { return KindSecurityGroup }
func (g *SecurityGroup) Key() string { return string(g.ID) }

func securityGroupVPC(g *SecurityGroup) []string { return []string{string(g.VPC)} }

// SecurityGroupRule allows one thing from or to one peer. Exactly one of CIDR
// and Group is set.
type SecurityGroupRule struct {
	ID     string // sgr-…
	Egress bool
	// Protocol is "-1" for all, "tcp", "udp", "icmp", "icmpv6" or a number.
	Protocol string
	// FromPort and ToPort are ports, or the ICMP type and code (-1: all).
	// Both are -1 where the protocol has none.
	FromPort, ToPort int32
	CIDR             netip.Prefix // IPv4 or IPv6
	Group            SecurityGroupID
	Description      string
	Tags             Tags
}

// OwnerKind says what made a network interface and ends it.
type OwnerKind string

// Who owns a network interface.
const (
	OwnedByUser     OwnerKind = "user"     // CreateNetworkInterface
	OwnedByTask     OwnerKind = "task"     // an ECS task in awsvpc mode
	OwnedByInstance OwnerKind = "instance" // an EC2 instance's primary interface
	OwnedBySession  OwnerKind = "session"  // `seamark in`

	OwnedByResolverEndpoint OwnerKind = "resolver-endpoint" // a Resolver endpoint's address
)

// NetworkInterface is an ENI: an address in a subnet with security groups.
type NetworkInterface struct {
	ID               NetworkInterfaceID
	VPC              VPCID
	Subnet           SubnetID
	AvailabilityZone string
	Address          netip.Addr // primary private IPv4 address
	IPv6             netip.Addr // the zero value without one
	MAC              string     // 02:…, lower case
	SecurityGroups   []SecurityGroupID
	Description      string
	OwnerKind        OwnerKind
	OwnerID          string // task id, instance id, session id; empty for a user's own
	AttachmentID     string // UUID for a task, eni-attach-… for an instance
	Tags             Tags
	CreatedAt        time.Time
}

func (n *NetworkInterface) Kind() Kind  { return KindNetworkInterface }
func (n *NetworkInterface) Key() string { return string(n.ID) }

func interfaceVPC(n *NetworkInterface) []string    { return []string{string(n.VPC)} }
func interfaceSubnet(n *NetworkInterface) []string { return []string{string(n.Subnet)} }
func interfaceGroups(n *NetworkInterface) []string {
	var ids []string
	for _, g := range n.SecurityGroups {
		ids = append(ids, string(g))
	}
	return ids
}

// AddressRest keeps a released address out of use until every DNS answer that
// named it has expired. Where a subnet has no other address left, the one
// that was released longest ago is given out early.
type AddressRest struct {
	Subnet     SubnetID
	Address    netip.Addr
	ReleasedAt time.Time
	Until      time.Time
}

func (a *AddressRest) Kind() Kind  { return KindAddressRest }
func (a *AddressRest) Key() string { return string(a.Subnet) + "/" + a.Address.String() }

// SubnetsOf yields a VPC's subnets.
func (w World) SubnetsOf(id VPCID) Rows[Subnet] { return by(w.Subnets, 0, string(id)) }

// SecurityGroupsOf yields a VPC's security groups.
func (w World) SecurityGroupsOf(id VPCID) Rows[SecurityGroup] {
	return by(w.SecurityGroups, 0, string(id))
}

// InterfacesOf yields a VPC's network interfaces.
func (w World) InterfacesOf(id VPCID) Rows[NetworkInterface] {
	return by(w.NetworkInterfaces, 0, string(id))
}

// InterfacesIn yields a subnet's network interfaces.
func (w World) InterfacesIn(id SubnetID) Rows[NetworkInterface] {
	return by(w.NetworkInterfaces, 1, string(id))
}

// InterfacesWith yields the network interfaces that name a security group.
func (w World) InterfacesWith(id SecurityGroupID) Rows[NetworkInterface] {
	return by(w.NetworkInterfaces, 2, string(id))
}

// PrivateDomain is the domain of the names that a VPC's resolver makes up for
// addresses, without a final dot.
func PrivateDomain(region string) string {
	if region == "us-east-1" {
		return "ec2.internal"
	}
	return region + ".compute.internal"
}

// PrivateDNSName is the name of an address: ip-10-0-1-10.ec2.internal.
func PrivateDNSName(region string, a netip.Addr) string {
	return "ip-" + strings.ReplaceAll(a.String(), ".", "-") + "." + PrivateDomain(region)
}
