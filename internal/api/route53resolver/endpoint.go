package route53resolver

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/plan/place"
	"seamark/internal/plan/resolve"
	"seamark/internal/world"
)

// Bounds of an endpoint: at least two addresses (IpAddressesRequest), at most
// six (Route 53 developer guide, "Quotas on Route 53 Resolver"), ten groups.
const (
	fewestAddresses = 2
	mostAddresses   = 6
	mostGroups      = 10
)

func endpointRequest(e *world.ResolverEndpoint) world.ResolverRequest { return e.ResolverRequest }

// CreateResolverEndpoint makes an endpoint with a network interface for each of
// its addresses.
func (s *Server) CreateResolverEndpoint(ctx context.Context, in *CreateResolverEndpointInput) (*CreateResolverEndpointOutput, error) {
	if err := unbuiltEndpoint(in); err != nil {
		return nil, err
	}
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	var made *world.ResolverEndpoint
	err = s.change(ctx, func(d *plan.Draft) error {
		made, err = repeated(d.World.ResolverEndpoints.All(), endpointRequest, in.CreatorRequestId, in, ErrResourceExistsException)
		if made != nil || err != nil {
			return err
		}
		made, err = newEndpoint(d, in, tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &CreateResolverEndpointOutput{ResolverEndpoint: new(s.showEndpoint(made))}, nil
}

func unbuiltEndpoint(in *CreateResolverEndpointInput) error {
	switch {
	case *in.Direction == ResolverEndpointDirectionInboundDelegation:
		return unbuilt("Direction INBOUND_DELEGATION")
	case in.OutpostArn != nil || in.PreferredInstanceType != nil:
		return unbuilt("A Resolver endpoint on an Outpost")
	}
	return unbuiltOptions(in.Protocols, in.ResolverEndpointType, in.Dns64Enabled, in.Ipv6InternetAccessEnabled, in.TargetNameServerMetricsEnabled)
}

// unbuiltOptions refuses what neither CreateResolverEndpoint nor
// UpdateResolverEndpoint can do.
func unbuiltOptions(protocols []string, typ *string, dns64, internet, targetMetrics *bool) error {
	for _, p := range protocols {
		if p != ProtocolDo53 {
			return unbuilt("Protocol " + p)
		}
	}
	switch {
	case optional.Or(typ, ResolverEndpointTypeIpv4) != ResolverEndpointTypeIpv4:
		return unbuilt("ResolverEndpointType " + *typ)
	case optional.Value(dns64):
		return unbuilt("Dns64Enabled")
	case optional.Value(internet):
		return unbuilt("Ipv6InternetAccessEnabled")
	case optional.Value(targetMetrics):
		return unbuilt("TargetNameServerMetricsEnabled")
	}
	return nil
}

func newEndpoint(d *plan.Draft, in *CreateResolverEndpointInput, tags world.Tags) (*world.ResolverEndpoint, error) {
	if len(in.IpAddresses) > mostAddresses {
		return nil, tooManyAddresses()
	}
	prefix := "rslvr-in"
	if *in.Direction == ResolverEndpointDirectionOutbound {
		prefix = "rslvr-out"
	}
	e := &world.ResolverEndpoint{
		ID: world.ResolverEndpointID(d.Draw.EC2(prefix)), Name: optional.Value(in.Name), Direction: *in.Direction,
		InterfaceMetrics: optional.Value(in.RniEnhancedMetricsEnabled), Tags: tags, ResolverRequest: newRequest(d, in.CreatorRequestId, in),
	}
	for _, a := range in.IpAddresses {
		subnet, err := endpointSubnet(d.World, e, *a.SubnetId)
		if err != nil {
			return nil, err
		}
		if e.VPC == "" {
			e.VPC = subnet.VPC
			if e.SecurityGroups, err = endpointGroups(d.World, e.VPC, in.SecurityGroupIds); err != nil {
				return nil, err
			}
		}
		if err := addAddress(d, e, subnet, a.Ip, a.Ipv6); err != nil {
			return nil, err
		}
	}
	d.Put(e)
	return e, nil
}

func tooManyAddresses() error {
	return ErrLimitExceededException("A Resolver endpoint can have at most 6 IP addresses.").With("ResourceType", "IpAddress")
}

// endpointSubnet is a subnet in the VPC of the endpoint's others.
func endpointSubnet(w world.World, e *world.ResolverEndpoint, id string) (*world.Subnet, error) {
	subnet := w.Subnets.Get(id)
	switch {
	case subnet == nil:
		return nil, ErrInvalidParameterException(fmt.Sprintf("The subnet ID '%s' does not exist.", id)).With("FieldName", "SubnetId")
	case e.VPC != "" && e.VPC != subnet.VPC:
		return nil, ErrInvalidRequestException(fmt.Sprintf("All subnets of a Resolver endpoint must be in one VPC; '%s' is not in '%s'.", id, e.VPC))
	}
	return subnet, nil
}

func endpointGroups(w world.World, vpc world.VPCID, ids []string) ([]world.SecurityGroupID, error) {
	if len(ids) == 0 || len(ids) > mostGroups {
		return nil, ErrInvalidParameterException("A Resolver endpoint needs 1 to 10 security groups.").With("FieldName", "SecurityGroupIds")
	}
	var out []world.SecurityGroupID
	for _, id := range ids {
		g := w.SecurityGroups.Get(id)
		switch {
		case g == nil:
			return nil, ErrInvalidParameterException(fmt.Sprintf("The security group '%s' does not exist.", id)).With("FieldName", "SecurityGroupIds")
		case g.VPC != vpc:
			return nil, ErrInvalidRequestException(fmt.Sprintf("The security group '%s' is not in the VPC '%s' of the subnets.", id, vpc))
		case !slices.Contains(out, g.ID):
			out = append(out, g.ID)
		}
	}
	return out, nil
}

// addAddress gives the endpoint one more network interface.
func addAddress(d *plan.Draft, e *world.ResolverEndpoint, subnet *world.Subnet, ip, ip6 *string) error {
	if ip6 != nil {
		return unbuilt("An IPv6 address of a Resolver endpoint")
	}
	made := world.EndpointAddress{ID: d.Draw.EC2("rni"), Subnet: subnet.ID, CreatedAt: d.Now, ModifiedAt: d.Now}
	n, err := endpointInterface(d, e, subnet, ip)
	if err != nil {
		return err
	}
	named := *n
	named.Description = "Route 53 Resolver: " + string(e.ID) + ":" + made.ID
	d.Put(&named)
	made.Address, made.Interface = n.Address, n.ID
	e.Addresses = append(slices.Clip(e.Addresses), made)
	return nil
}

func endpointInterface(d *plan.Draft, e *world.ResolverEndpoint, subnet *world.Subnet, ip *string) (*world.NetworkInterface, error) {
	if ip == nil {
		n, _, err := place.Interface(d, subnet, e.SecurityGroups, world.OwnedByResolverEndpoint, string(e.ID))
		if err != nil {
			return nil, ErrInvalidRequestException(fmt.Sprintf("The subnet '%s' has no free IP address.", subnet.ID))
		}
		return n, nil
	}
	a, err := netip.ParseAddr(*ip)
	switch {
	case err != nil || !a.Is4():
		return nil, ErrInvalidParameterException(fmt.Sprintf("The IP address '%s' is not valid.", *ip)).With("FieldName", "Ip")
	case !place.Usable(subnet.CIDR, a):
		return nil, ErrInvalidRequestException(fmt.Sprintf("The IP address '%s' is either not in the CIDR range of the subnet '%s' or is reserved.", a, subnet.ID))
	case place.InUse(d.World, subnet.ID, a):
		return nil, ErrResourceExistsException(fmt.Sprintf("The IP address '%s' is already in use.", a)).With("ResourceType", "IpAddress")
	}
	return place.InterfaceAt(d, subnet, a, e.SecurityGroups, world.OwnedByResolverEndpoint, string(e.ID)), nil
}

func endpoint(w world.World, id string) (*world.ResolverEndpoint, error) {
	if e := w.ResolverEndpoints.Get(id); e != nil {
		return e, nil
	}
	return nil, ErrResourceNotFoundException(`[RSLVR-00703] Resolver endpoint with ID "` + id + `" does not exist.`)
}

// GetResolverEndpoint shows an endpoint.
func (s *Server) GetResolverEndpoint(_ context.Context, in *GetResolverEndpointInput) (*GetResolverEndpointOutput, error) {
	e, err := endpoint(s.view(), *in.ResolverEndpointId)
	if err != nil {
		return nil, err
	}
	return &GetResolverEndpointOutput{ResolverEndpoint: new(s.showEndpoint(e))}, nil
}

// ListResolverEndpoints lists endpoints by id.
func (s *Server) ListResolverEndpoints(_ context.Context, in *ListResolverEndpointsInput) (*ListResolverEndpointsOutput, error) {
	if err := checkFilters(in.Filters, "CreatorRequestId", "Direction", "HostVPCId", "IpAddressCount", "Name", "SecurityGroupIds", "Status"); err != nil {
		return nil, err
	}
	var all []ResolverEndpoint
	for e := range s.view().ResolverEndpoints.All() {
		if x := s.showEndpoint(e); passes(in.Filters, prop("CreatorRequestId", x.CreatorRequestId), prop("Direction", x.Direction), prop("HostVPCId", x.HostVPCId),
			prop("IpAddressCount", new(strconv.Itoa(int(*x.IpAddressCount)))), prop("Name", x.Name), property{"SecurityGroupIds", x.SecurityGroupIds}, prop("Status", x.Status)) {
			all = append(all, x)
		}
	}
	l := listing{in.NextToken, in.MaxResults, 10, ErrInvalidNextTokenException}
	shown, next, err := cut(l, all, func(e ResolverEndpoint) string { return *e.Id })
	if err != nil {
		return nil, err
	}
	return &ListResolverEndpointsOutput{ResolverEndpoints: shown, MaxResults: l.limit(), NextToken: next}, nil
}

// UpdateResolverEndpoint changes an endpoint's name and metrics.
func (s *Server) UpdateResolverEndpoint(ctx context.Context, in *UpdateResolverEndpointInput) (*UpdateResolverEndpointOutput, error) {
	if len(in.UpdateIpAddresses) > 0 {
		return nil, unbuilt("An IPv6 address of a Resolver endpoint")
	}
	if err := unbuiltOptions(in.Protocols, in.ResolverEndpointType, in.Dns64Enabled, in.Ipv6InternetAccessEnabled, in.TargetNameServerMetricsEnabled); err != nil {
		return nil, err
	}
	var next world.ResolverEndpoint
	err := s.change(ctx, func(d *plan.Draft) error {
		e, err := endpoint(d.World, *in.ResolverEndpointId)
		if err != nil {
			return err
		}
		next = *e
		next.Name, next.InterfaceMetrics, next.ModifiedAt = optional.Or(in.Name, e.Name), optional.Or(in.RniEnhancedMetricsEnabled, e.InterfaceMetrics), d.Now
		d.Put(&next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateResolverEndpointOutput{ResolverEndpoint: new(s.showEndpoint(&next))}, nil
}

// DeleteResolverEndpoint removes an endpoint that no rule asks from, with its
// network interfaces.
func (s *Server) DeleteResolverEndpoint(ctx context.Context, in *DeleteResolverEndpointInput) (*DeleteResolverEndpointOutput, error) {
	var gone ResolverEndpoint
	err := s.change(ctx, func(d *plan.Draft) error {
		e, err := endpoint(d.World, *in.ResolverEndpointId)
		if err != nil {
			return err
		}
		var rules []string
		for r := range d.World.RulesBy(e.ID) {
			rules = append(rules, string(r.ID))
		}
		if len(rules) > 0 {
			return ErrInvalidRequestException("The Resolver endpoint cannot be deleted while rules use it: " + strings.Join(rules, ", ") + ".")
		}
		for _, a := range e.Addresses {
			releaseAddress(d, a)
		}
		d.Delete(e)
		gone = s.showEndpoint(e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	gone.Status, gone.StatusMessage = new(ResolverEndpointStatusDeleting), new("Deleting the Resolver Endpoint")
	return &DeleteResolverEndpointOutput{ResolverEndpoint: &gone}, nil
}

func releaseAddress(d *plan.Draft, a world.EndpointAddress) {
	if n := d.World.NetworkInterfaces.Get(string(a.Interface)); n != nil {
		place.Release(d, n, 0)
	}
}

func (s *Server) showEndpoint(e *world.ResolverEndpoint) ResolverEndpoint {
	status := resolve.Status(e)
	message := map[string]string{
		ResolverEndpointStatusCreating:       "Creating the Resolver Endpoint",
		ResolverEndpointStatusOperational:    "This Resolver Endpoint is operational.",
		ResolverEndpointStatusUpdating:       "Updating the Resolver Endpoint",
		ResolverEndpointStatusAutoRecovering: "Recovering network interfaces of the Resolver Endpoint",
	}[status]
	out := ResolverEndpoint{
		Arn: s.arn("resolver-endpoint", string(e.ID)), CreationTime: stamp(e.CreatedAt), CreatorRequestId: &e.CreatorRequestID,
		Direction: &e.Direction, HostVPCId: new(string(e.VPC)), Id: new(string(e.ID)), IpAddressCount: new(int32(len(e.Addresses))),
		ModificationTime: stamp(e.ModifiedAt), Name: &e.Name, Protocols: []string{ProtocolDo53}, ResolverEndpointType: new(ResolverEndpointTypeIpv4),
		RniEnhancedMetricsEnabled: &e.InterfaceMetrics, SecurityGroupIds: []string{}, Status: &status, StatusMessage: &message,
	}
	for _, g := range e.SecurityGroups {
		out.SecurityGroupIds = append(out.SecurityGroupIds, string(g))
	}
	return out
}
