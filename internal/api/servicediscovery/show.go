package servicediscovery

import (
	"seamark/internal/api/optional"
	"seamark/internal/wire"
	"seamark/internal/world"
)

func (s *Server) summarize(w world.World, n *world.Namespace) NamespaceSummary {
	count := int32(0)
	for range w.ServicesOf(n.ID) {
		count++
	}
	dns := &DnsProperties{}
	if n.HostedZone != "" {
		dns.HostedZoneId = new(string(n.HostedZone))
		dns.SOA = &SOA{TTL: &n.SOATTL}
	}
	return NamespaceSummary{
		Arn: new(s.namespaceARN(n.ID)), CreateDate: wire.At(n.CreatedAt), Description: optional.Text(n.Description),
		Id: new(string(n.ID)), Name: &n.Name, ResourceOwner: &s.cfg.Scope.Account, ServiceCount: &count, Type: &n.Type,
		Properties: &NamespaceProperties{DnsProperties: dns, HttpProperties: &HttpProperties{HttpName: &n.HTTPName}},
	}
}

func (s *Server) summarizeService(w world.World, ds *world.DiscoveryService) ServiceSummary {
	count := int32(0)
	for range w.InstancesOf(ds.ID) {
		count++
	}
	out := ServiceSummary{
		Arn: new(s.serviceARN(ds.ID)), CreateDate: wire.At(ds.CreatedAt), CreatedByAccount: &s.cfg.Scope.Account,
		Description: optional.Text(ds.Description), Id: new(string(ds.ID)), InstanceCount: &count, Name: &ds.Name,
		ResourceOwner: &s.cfg.Scope.Account, Type: &ds.Type,
	}
	if ds.CustomHealth {
		out.HealthCheckCustomConfig = &HealthCheckCustomConfig{FailureThreshold: new(int32(1))}
	}
	if h := ds.HealthCheck; h != nil {
		out.HealthCheckConfig = &HealthCheckConfig{Type: &h.Type, ResourcePath: optional.Text(h.ResourcePath), FailureThreshold: &h.FailureThreshold}
	}
	if len(ds.Records) > 0 {
		out.DnsConfig = &DnsConfig{RoutingPolicy: &ds.RoutingPolicy, DnsRecords: []DnsRecord{}}
		for _, r := range ds.Records {
			out.DnsConfig.DnsRecords = append(out.DnsConfig.DnsRecords, DnsRecord{Type: new(r.Type), TTL: new(r.TTL)})
		}
	}
	return out
}

func (s *Server) showService(w world.World, ds *world.DiscoveryService) *Service {
	sum := s.summarizeService(w, ds)
	out := &Service{
		Arn: sum.Arn, CreateDate: sum.CreateDate, CreatedByAccount: sum.CreatedByAccount, CreatorRequestId: optional.Text(ds.CreatorRequestID),
		Description: sum.Description, DnsConfig: sum.DnsConfig, HealthCheckConfig: sum.HealthCheckConfig,
		HealthCheckCustomConfig: sum.HealthCheckCustomConfig, Id: sum.Id, InstanceCount: sum.InstanceCount, Name: sum.Name,
		NamespaceId: new(string(ds.Namespace)), ResourceOwner: sum.ResourceOwner, Type: sum.Type,
	}
	if out.DnsConfig != nil {
		out.DnsConfig.NamespaceId = new(string(ds.Namespace))
	}
	return out
}
