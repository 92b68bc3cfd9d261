package servicediscovery

import (
	"context"
	"fmt"
	"strings"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// defaultSOATTL is the TTL of a new zone's SOA in seconds, as GetNamespace
// reports it for namespaces that did not ask for one.
const defaultSOATTL = 15

// CreatePrivateDnsNamespace makes a namespace with a private hosted zone.
func (s *Server) CreatePrivateDnsNamespace(ctx context.Context, in *CreatePrivateDnsNamespaceInput) (*CreatePrivateDnsNamespaceOutput, error) {
	n := world.Namespace{
		Name: *in.Name, Type: "DNS_PRIVATE", Description: or(in.Description, ""), VPC: world.VPCID(*in.Vpc),
		SOATTL: defaultSOATTL, CreatorRequestID: or(in.CreatorRequestId, ""),
	}
	if p := in.Properties; p != nil && p.DnsProperties != nil && p.DnsProperties.SOA != nil && p.DnsProperties.SOA.TTL != nil {
		n.SOATTL = *p.DnsProperties.SOA.TTL
	}
	id, err := s.createNamespace(ctx, n, in.Tags)
	if err != nil {
		return nil, err
	}
	return &CreatePrivateDnsNamespaceOutput{OperationId: &id}, nil
}

// CreateHttpNamespace makes a namespace that only the API knows.
func (s *Server) CreateHttpNamespace(ctx context.Context, in *CreateHttpNamespaceInput) (*CreateHttpNamespaceOutput, error) {
	n := world.Namespace{
		Name: *in.Name, Type: "HTTP", Description: or(in.Description, ""), CreatorRequestID: or(in.CreatorRequestId, ""),
	}
	id, err := s.createNamespace(ctx, n, in.Tags)
	if err != nil {
		return nil, err
	}
	return &CreateHttpNamespaceOutput{OperationId: &id}, nil
}

// createNamespace makes the namespace and, for DNS, its zone, and returns the operation.
func (s *Server) createNamespace(ctx context.Context, n world.Namespace, tags []Tag) (operation string, err error) {
	if n.Tags, err = newTags(tags); err != nil {
		return "", err
	}
	err = s.change(ctx, func(d *plan.Draft) error {
		t := token{Operation: "servicediscovery:CreateNamespace", Token: n.CreatorRequestID, Of: n}
		if operation, err = t.known(d.World); operation != "" || err != nil {
			return err
		}
		if err := namespaceFree(d.World, n); err != nil {
			return err
		}
		made := n
		made.ID = world.NamespaceID("ns-" + d.Draw.Base32(16))
		made.HTTPName = httpName(d, n.Name)
		made.CreatedAt = d.Now
		op := newOperation(d, "CREATE_NAMESPACE", map[string]string{"NAMESPACE": string(made.ID)})
		made.CreateOperation = op.ID
		if made.Type == "DNS_PRIVATE" {
			zone := s.zoneOf(d, &made, op)
			made.HostedZone = zone.ID
			d.Put(zone)
		}
		d.Put(&made)
		operation = string(op.ID)
		t.remember(d, operation)
		return nil
	})
	return operation, err
}

// namespaceFree says whether a namespace of that name may be made.
func namespaceFree(w world.World, n world.Namespace) error {
	if n.Type == "DNS_PRIVATE" {
		if w.VPCs.Get(string(n.VPC)) == nil {
			return ErrInvalidInput(fmt.Sprintf("The VPC ID %s does not exist.", n.VPC))
		}
		if !dnsName(n.Name) {
			return ErrInvalidInput(fmt.Sprintf("The namespace name %s is not a valid DNS name.", n.Name))
		}
	}
	for o := range w.Namespaces.All() {
		same := o.Type == n.Type && o.VPC == n.VPC
		if same && (o.Name == n.Name || n.Type == "DNS_PRIVATE" && strings.EqualFold(strings.TrimSuffix(o.Name, "."), strings.TrimSuffix(n.Name, "."))) {
			return ErrNamespaceAlreadyExists("A namespace with the name "+n.Name+" already exists.").
				With("NamespaceId", string(o.ID)).With("CreatorRequestId", o.CreatorRequestID)
		}
	}
	if n.Type != "DNS_PRIVATE" {
		return nil
	}
	for z := range w.ZonesIn(n.VPC) {
		if z.Name == fqdn(n.Name) {
			return ErrInvalidInput(fmt.Sprintf("The VPC that you chose, %s, is already associated with another private hosted zone that has an overlapping name space, %s.", n.VPC, z.Name))
		}
	}
	return nil
}

// dnsName says whether a name has labels of 1 to 63 octets and fits in a DNS name.
func dnsName(name string) bool {
	name = strings.TrimSuffix(name, ".")
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return len(name) <= 253
}

// httpName is the name for DiscoverInstances: the namespace's own, with a
// generated suffix where that is taken.
func httpName(d *plan.Draft, name string) string {
	for o := range d.World.Namespaces.All() {
		if o.HTTPName == name {
			return name + "-" + d.Draw.Hex(16)
		}
	}
	return name
}

func fqdn(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) + "." }

func (s *Server) zoneOf(d *plan.Draft, n *world.Namespace, op *world.Operation) *world.HostedZone {
	return &world.HostedZone{
		ID: world.HostedZoneID("Z" + d.Draw.Upper(20)), Name: fqdn(n.Name), Private: true, VPCs: []world.VPCID{n.VPC},
		CallerReference: string(op.ID), Comment: "Created by AWS Cloud Map namespace with ARN " + s.namespaceARN(n.ID),
		Namespace: n.ID, SOATTL: n.SOATTL, CreatedAt: d.Now,
	}
}

// DeleteNamespace removes a namespace without services, and its zone.
func (s *Server) DeleteNamespace(ctx context.Context, in *DeleteNamespaceInput) (*DeleteNamespaceOutput, error) {
	var id string
	err := s.change(ctx, func(d *plan.Draft) error {
		n, err := findNamespace(d.World, *in.Id)
		if err != nil {
			return err
		}
		for range d.World.ServicesOf(n.ID) {
			return ErrResourceInUse("Namespace has associated services; delete the services before deleting the namespace")
		}
		targets := map[string]string{"NAMESPACE": string(n.ID)}
		if z := d.World.HostedZones.Get(string(n.HostedZone)); z != nil {
			d.Delete(z)
			targets["ROUTE_53_CHANGE_ID"] = "C" + d.Draw.Upper(13)
		}
		d.Delete(n)
		id = string(newOperation(d, "DELETE_NAMESPACE", targets).ID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &DeleteNamespaceOutput{OperationId: &id}, nil
}

// GetNamespace shows a namespace.
func (s *Server) GetNamespace(_ context.Context, in *GetNamespaceInput) (*GetNamespaceOutput, error) {
	w := s.cfg.Changes.View()
	n, err := findNamespace(w, *in.Id)
	if err != nil {
		return nil, err
	}
	sum := s.summarize(w, n)
	return &GetNamespaceOutput{Namespace: &Namespace{
		Arn: sum.Arn, CreateDate: sum.CreateDate, CreatorRequestId: optional(n.CreatorRequestID), Description: sum.Description,
		Id: sum.Id, Name: sum.Name, Properties: sum.Properties, ResourceOwner: sum.ResourceOwner, ServiceCount: sum.ServiceCount, Type: sum.Type,
	}}, nil
}

// ListNamespaces lists namespaces by id.
func (s *Server) ListNamespaces(_ context.Context, in *ListNamespacesInput) (*ListNamespacesOutput, error) {
	w := s.cfg.Changes.View()
	var filters []filter
	for _, f := range in.Filters {
		filters = append(filters, filter{f.Name, f.Condition, f.Values})
	}
	if err := checkFilters(filters, map[string][]string{"TYPE": {"EQ"}, "NAME": {"EQ", "BEGINS_WITH"}, "HTTP_NAME": {"EQ", "BEGINS_WITH"}, "RESOURCE_OWNER": {"EQ"}}); err != nil {
		return nil, err
	}
	cut, next, err := cutRows(w.Namespaces.All(), in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &ListNamespacesOutput{Namespaces: []NamespaceSummary{}, NextToken: next}
	for _, n := range cut {
		if allMatch(filters, map[string]string{"TYPE": n.Type, "NAME": n.Name, "HTTP_NAME": n.HTTPName, "RESOURCE_OWNER": "SELF"}) {
			out.Namespaces = append(out.Namespaces, s.summarize(w, n))
		}
	}
	return out, nil
}
