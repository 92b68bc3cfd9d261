package servicediscovery

import (
	"context"
	"fmt"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/plan/zone"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// defaultSOATTL is the TTL of a new zone's SOA in seconds, as GetNamespace
// reports it for namespaces that did not ask for one.
const defaultSOATTL = 15

// CreatePrivateDnsNamespace makes a namespace with a private hosted zone.
func (s *Server) CreatePrivateDnsNamespace(ctx context.Context, in *CreatePrivateDnsNamespaceInput) (*CreatePrivateDnsNamespaceOutput, error) {
	n := world.Namespace{
		Name: *in.Name, Type: NamespaceTypeDnsPrivate, Description: optional.Value(in.Description), VPC: world.VPCID(*in.Vpc),
		SOATTL: defaultSOATTL, CreatorRequestID: optional.Value(in.CreatorRequestId),
	}
	if in.Properties != nil {
		n.SOATTL = *in.Properties.DnsProperties.SOA.TTL // all required where the one around it is
	}
	id, err := s.createNamespace(ctx, n, in.Tags)
	if err != nil {
		return nil, err
	}
	if v := s.cfg.Changes.View().VPCs.Get(*in.Vpc); v != nil && !v.EnableDNSHostnames && !s.cfg.Changes.Fidelity.NeedsDNSHostnames() {
		wire.RequestFrom(ctx).Notice("the zone answers in " + *in.Vpc + " although enableDnsHostnames is off there (relaxed fidelity); Route 53 documents that it must be on")
	}
	return &CreatePrivateDnsNamespaceOutput{OperationId: &id}, nil
}

// CreatePublicDnsNamespace makes a namespace with a public hosted zone.
func (s *Server) CreatePublicDnsNamespace(ctx context.Context, in *CreatePublicDnsNamespaceInput) (*CreatePublicDnsNamespaceOutput, error) {
	n := world.Namespace{
		Name: *in.Name, Type: NamespaceTypeDnsPublic, Description: optional.Value(in.Description),
		SOATTL: defaultSOATTL, CreatorRequestID: optional.Value(in.CreatorRequestId),
	}
	if in.Properties != nil {
		n.SOATTL = *in.Properties.DnsProperties.SOA.TTL // all required where the one around it is
	}
	id, err := s.createNamespace(ctx, n, in.Tags)
	if err != nil {
		return nil, err
	}
	return &CreatePublicDnsNamespaceOutput{OperationId: &id}, nil
}

// CreateHttpNamespace makes a namespace that only the API knows.
func (s *Server) CreateHttpNamespace(ctx context.Context, in *CreateHttpNamespaceInput) (*CreateHttpNamespaceOutput, error) {
	n := world.Namespace{
		Name: *in.Name, Type: NamespaceTypeHttp, Description: optional.Value(in.Description), CreatorRequestID: optional.Value(in.CreatorRequestId),
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
		if operation, err = created(d.World, t); operation != "" || err != nil {
			return err
		}
		if err := namespaceFree(d.World, n); err != nil {
			return err
		}
		if err := s.namespaceQuota(d.World); err != nil {
			return err
		}
		if z := overlapping(d.World, n); z != nil {
			operation = s.zoneRefused(d, n, z)
			return nil
		}
		operation = s.putNamespace(d, n)
		t.remember(d, operation)
		return nil
	})
	return operation, err
}

// created returns the operation that made a namespace by an earlier request
// with this token. A namespace that was deleted since can be made again.
func created(w world.World, t token) (string, error) {
	id, _ := t.seen(w)
	op := w.Operations.Get(id)
	if op == nil || w.Namespaces.Get(op.Targets["NAMESPACE"]) == nil {
		return "", nil
	}
	return t.operation(w)
}

func (s *Server) putNamespace(d *plan.Draft, made world.Namespace) (operation string) {
	made.ID = world.NamespaceID("ns-" + d.Draw.Base32(16))
	made.HTTPName = httpName(d, made.Name)
	made.CreatedAt = d.Now
	op := newOperation(d, OperationTypeCreateNamespace, map[string]string{"NAMESPACE": string(made.ID)})
	made.CreateOperation = op.ID
	if made.Type != NamespaceTypeHttp {
		zone := s.zoneOf(d, &made, op)
		made.HostedZone = zone.ID
		d.Put(zone)
	}
	d.Put(&made)
	return string(op.ID)
}

// namespaceFree says whether a namespace of that name may be made: names are
// unique among HTTP namespaces and, without case, among public ones and among
// those of one VPC.
func namespaceFree(w world.World, n world.Namespace) error {
	if n.Type == NamespaceTypeDnsPrivate {
		if w.VPCs.Get(string(n.VPC)) == nil {
			return invalid("The VPC ID %s does not exist.", n.VPC)
		}
		if _, ok := zone.Written(n.Name); !ok || !dnsName(n.Name) {
			return invalid("The namespace name %s is not a valid DNS name.", n.Name)
		}
	}
	for o := range w.NamespacesIn(n.VPC) {
		if o.Type == n.Type && (o.Name == n.Name || n.Type != NamespaceTypeHttp && fqdn(o.Name) == fqdn(n.Name)) {
			return ErrNamespaceAlreadyExists("A namespace with the name "+n.Name+" already exists.").
				With("NamespaceId", string(o.ID)).With("CreatorRequestId", o.CreatorRequestID)
		}
	}
	return nil
}

// overlapping is the zone of the same name, not Cloud Map's, that the VPC is
// associated with already, or nil.
func overlapping(w world.World, n world.Namespace) *world.HostedZone {
	if n.Type != NamespaceTypeDnsPrivate {
		return nil
	}
	for z := range w.ZonesIn(n.VPC) {
		if fqdn(z.Name) == fqdn(n.Name) {
			return z
		}
	}
	return nil
}

// zoneRefused records the operation that fails because Route 53 refuses the zone.
func (s *Server) zoneRefused(d *plan.Draft, n world.Namespace, z *world.HostedZone) (operation string) {
	op := *newOperation(d, OperationTypeCreateNamespace, nil)
	op.ErrorCode = "CANNOT_CREATE_HOSTED_ZONE"
	op.ErrorMessage = fmt.Sprintf("The VPC that you chose, %s in region %s, is already associated with another private hosted zone that has an overlapping name space, %s. "+
		"(Service: AmazonRoute53; Status Code: 400; Error Code: ConflictingDomainExists; Request ID: %s)", n.VPC, s.cfg.Scope.Region, z.Name, d.Draw.UUID())
	d.Put(&op)
	return string(op.ID)
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
	for range d.World.NamespacesNamed(name) {
		return name + "-" + d.Draw.Hex(16)
	}
	return name
}

// fqdn is a DNS name as Route 53 writes it, so that two spellings of one name are
// the same text.
func fqdn(name string) string {
	written, _ := zone.Written(name) // namespaces and zones have no other names
	return written
}

func (s *Server) zoneOf(d *plan.Draft, n *world.Namespace, op *world.Operation) *world.HostedZone {
	z := &world.HostedZone{
		ID: world.HostedZoneID("Z" + d.Draw.Upper(20)), Name: fqdn(n.Name), Private: n.Type == NamespaceTypeDnsPrivate,
		CallerReference: string(op.ID), Comment: "Created by AWS Cloud Map namespace with ARN " + s.namespaceARN(n.ID),
		Namespace: n.ID, SOATTL: n.SOATTL, CreatedAt: d.Now,
	}
	if z.Private {
		z.VPCs = []world.VPCID{n.VPC}
	}
	return z
}

// DeleteNamespace removes a namespace without services, and its zone.
func (s *Server) DeleteNamespace(ctx context.Context, in *DeleteNamespaceInput) (*DeleteNamespaceOutput, error) {
	var id string
	err := s.change(ctx, func(d *plan.Draft) error {
		n, err := s.namespace(d.World, *in.Id)
		if err != nil {
			return err
		}
		for range d.World.ServicesOf(n.ID) {
			return ErrResourceInUse("Namespace has associated services; delete the services before deleting the namespace")
		}
		if err := idle(d, OperationTypeUpdateNamespace, "NAMESPACE", string(n.ID)); err != nil {
			return err
		}
		if z := d.World.HostedZones.Get(string(n.HostedZone)); z != nil {
			d.Delete(z)
		}
		d.Delete(n)
		id = string(zoneOperation(d, OperationTypeDeleteNamespace, map[string]string{"NAMESPACE": string(n.ID)}, n.HostedZone != "").ID)
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
	n, err := s.namespace(w, *in.Id)
	if err != nil {
		return nil, err
	}
	sum := s.summarize(w, n)
	return &GetNamespaceOutput{Namespace: &Namespace{
		Arn: sum.Arn, CreateDate: sum.CreateDate, CreatorRequestId: optional.Text(n.CreatorRequestID), Description: sum.Description,
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
	cut, next, err := rows(w.Namespaces, "", in.NextToken, in.MaxResults)
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
