package ec2

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"seamark/internal/world"
)

// vpcsBy yields the VPCs that have an id of another kind, in the order of it.
func vpcsBy(w world.World, id func(*world.VPC) string) iter.Seq[*world.VPC] {
	var rows []*world.VPC
	for v := range w.VPCs.All() {
		if id(v) != "" {
			rows = append(rows, v)
		}
	}
	slices.SortFunc(rows, func(a, b *world.VPC) int { return cmp.Compare(id(a), id(b)) })
	return slices.Values(rows)
}

// twin is an id of another kind with the digits of a resource's own.
func twin(kind, id string) string {
	_, digits, _ := strings.Cut(id, "-")
	return kind + "-" + digits
}

// DescribeRouteTables lists the main route tables: what a VPC is made with, and
// all that can be had as yet.
func (s *Server) DescribeRouteTables(_ context.Context, in *DescribeRouteTablesInput) (*DescribeRouteTablesOutput, error) {
	w := s.view()
	id := func(v *world.VPC) string { return v.MainRouteTableID }
	l := listing[world.VPC]{
		rows: vpcsBy(w, id), id: id, tags: func(*world.VPC) world.Tags { return nil },
		find: func(wanted string) (*world.VPC, error) {
			for v := range w.VPCs.All() {
				if v.MainRouteTableID == wanted {
					return v, nil
				}
			}
			return nil, cmp.Or(checkID(wanted, "rtb", "InvalidRouteTableId.Malformed"), fail("InvalidRouteTableID.NotFound", "The routeTable ID '%s' does not exist", wanted))
		},
		names: []string{"association.gateway-id", "association.main", "association.route-table-association-id", "association.route-table-id", "association.subnet-id",
			"owner-id", "route-table-id", "route.destination-cidr-block", "route.destination-ipv6-cidr-block", "route.gateway-id", "route.origin", "route.state", "vpc-id"},
		props: func(v *world.VPC) map[string][]string {
			var six []string
			for _, b := range v.IPv6 {
				six = append(six, b.CIDR.String())
			}
			return map[string][]string{
				"route.destination-ipv6-cidr-block": six, "association.main": {"true"}, "association.route-table-association-id": {twin("rtbassoc", v.MainRouteTableID)}, "association.route-table-id": {v.MainRouteTableID},
				"owner-id": {s.cfg.Scope.Account}, "route-table-id": {v.MainRouteTableID}, "route.destination-cidr-block": {v.CIDR.String()}, "route.gateway-id": {"local"},
				"route.origin": {"CreateRouteTable"}, "route.state": {"active"}, "vpc-id": {string(v.ID)},
			}
		},
	}
	cut, next, err := l.describe(request{in.DryRun, in.RouteTableIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeRouteTablesOutput{NextToken: next, RouteTables: []RouteTable{}}
	for _, v := range cut {
		out.RouteTables = append(out.RouteTables, RouteTable{
			RouteTableId: &v.MainRouteTableID, VpcId: new(string(v.ID)), OwnerId: &s.cfg.Scope.Account, PropagatingVgws: []PropagatingVgw{},
			Routes: localRoutes(v),
			Associations: []RouteTableAssociation{{
				Main: new(true), RouteTableId: &v.MainRouteTableID, RouteTableAssociationId: new(twin("rtbassoc", v.MainRouteTableID)),
				AssociationState: &RouteTableAssociationState{State: new("associated")},
			}},
		})
	}
	return out, nil
}

// localRoutes are the routes that every VPC has, one for each of its blocks.
func localRoutes(v *world.VPC) []Route {
	local := Route{DestinationCidrBlock: new(v.CIDR.String()), GatewayId: new("local"), Origin: new("CreateRouteTable"), State: new("active")}
	routes := []Route{local}
	for _, b := range v.IPv6 {
		six := local
		six.DestinationCidrBlock, six.DestinationIpv6CidrBlock = nil, new(b.CIDR.String())
		routes = append(routes, six)
	}
	return routes
}

// DescribeInternetGateways lists the internet gateways: none, as none can be
// made yet. Ids and filters are checked all the same.
func (s *Server) DescribeInternetGateways(_ context.Context, in *DescribeInternetGatewaysInput) (*DescribeInternetGatewaysOutput, error) {
	l := listing[InternetGateway]{
		rows: func(func(*InternetGateway) bool) {}, id: func(g *InternetGateway) string { return *g.InternetGatewayId },
		find: func(id string) (*InternetGateway, error) {
			return nil, cmp.Or(checkID(id, "igw", "InvalidInternetGatewayId.Malformed"), fail("InvalidInternetGatewayID.NotFound", "The internetGateway ID '%s' does not exist", id))
		},
		names: []string{"attachment.state", "attachment.vpc-id", "internet-gateway-id", "owner-id"},
	}
	if _, _, err := l.describe(request{in.DryRun, in.InternetGatewayIds, in.Filters, in.MaxResults, in.NextToken}); err != nil {
		return nil, err
	}
	return &DescribeInternetGatewaysOutput{InternetGateways: []InternetGateway{}}, nil
}
