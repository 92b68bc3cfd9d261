package world

import (
	"strings"
	"time"
)

type (
	// NamespaceID is the id of a Cloud Map namespace, ns-….
	NamespaceID string
	// DiscoveryServiceID is the id of a Cloud Map service, srv-….
	DiscoveryServiceID string
	// OperationID is the id of a Cloud Map operation.
	OperationID string
)

// Namespace is a Cloud Map namespace.
type Namespace struct {
	ID          NamespaceID
	Name        string // as given; DNS compares it without case
	HTTPName    string
	Type        string // HTTP, DNS_PRIVATE, DNS_PUBLIC
	Description string
	// VPC and HostedZone are set for DNS_PRIVATE.
	VPC              VPCID
	HostedZone       HostedZoneID
	SOATTL           int64 // seconds
	CreatorRequestID string
	CreateOperation  OperationID
	Tags             Tags
	CreatedAt        time.Time
}

func (n *Namespace) Kind() Kind  { return KindNamespace }
func (n *Namespace) Key() string { return string(n.ID) }

func namespaceVPC(n *Namespace) []string      { return []string{string(n.VPC)} }
func namespaceHTTPName(n *Namespace) []string { return []string{n.HTTPName} }

// DNSRecord is a record type with its TTL in seconds.
type DNSRecord struct {
	Type string // A, AAAA, SRV, CNAME
	TTL  int64
}

// DiscoveryService is a Cloud Map service (Seamark calls it so where an ECS
// service may be meant).
type DiscoveryService struct {
	ID            DiscoveryServiceID
	Namespace     NamespaceID
	Name          string
	Description   string
	Type          string // DNS_HTTP, HTTP
	RoutingPolicy string // MULTIVALUE, WEIGHTED; empty without DNS
	Records       []DNSRecord
	// HealthCheck is HealthCheckConfig; CustomHealth says that
	// HealthCheckCustomConfig was given.
	HealthCheck      *HealthCheckConfig
	CustomHealth     bool
	CreatorRequestID string
	// InstancesRevision is where the service's InstancesRevision began to count, in a
	// state that an earlier Seamark wrote.
	InstancesRevision int64
	Attributes        map[string]string
	Tags              Tags
	CreatedAt         time.Time
}

// InstancesRevision grows with each registration and deregistration of a service.
// It is an object of its own, because the service would be filed under its names and
// stored anew with each.
type InstancesRevision struct {
	Service DiscoveryServiceID
	Count   int64
}

func (r *InstancesRevision) Kind() Kind  { return KindInstancesRevision }
func (r *InstancesRevision) Key() string { return string(r.Service) }

// InstancesRevision returns the revision of a service's instances.
func (w World) InstancesRevision(s *DiscoveryService) int64 {
	if r := w.InstancesRevisions.Get(string(s.ID)); r != nil {
		return r.Count
	}
	return s.InstancesRevision
}

// HealthCheckConfig is a Route 53 health check of a Cloud Map service.
type HealthCheckConfig struct {
	Type             string // HTTP, HTTPS, TCP
	ResourcePath     string
	FailureThreshold int32
}

func (s *DiscoveryService) Kind() Kind  { return KindDiscoveryService }
func (s *DiscoveryService) Key() string { return string(s.ID) }

func discoveryServiceNamespace(s *DiscoveryService) []string { return []string{string(s.Namespace)} }
func discoveryServiceName(s *DiscoveryService) []string {
	return []string{serviceName(s.Namespace, s.Name)}
}

// serviceName is where a service is filed by name: without case, as in DNS.
func serviceName(id NamespaceID, name string) string {
	return string(id) + "/" + strings.ToLower(name)
}

// MaxTTL is the longest TTL of the service's records.
func (s *DiscoveryService) MaxTTL() time.Duration {
	var longest int64
	for _, r := range s.Records {
		longest = max(longest, r.TTL)
	}
	return time.Duration(longest) * time.Second
}

// DiscoveryInstance is an instance registered with a Cloud Map service.
type DiscoveryInstance struct {
	Service          DiscoveryServiceID
	ID               string
	Attributes       map[string]string
	CreatorRequestID string
	// Health is the custom health status; without CustomHealth it is HEALTHY.
	Health HealthStatus
	// WasHealthy: the instance was HEALTHY at least once.
	WasHealthy bool
	// Pending is a health change that becomes effective at PendingAt.
	Pending   HealthStatus
	PendingAt time.Time
	Operation OperationID // that registered it last
	// Ports are the named ports of an ECS task, for the extension of that name.
	Ports     []NamedPort
	CreatedAt time.Time
}

// NamedPort is a port that clients reach, under the names that it goes by.
type NamedPort struct {
	Name, Protocol string // http, tcp
	Port           int32
}

func (i *DiscoveryInstance) Kind() Kind  { return KindDiscoveryInstance }
func (i *DiscoveryInstance) Key() string { return string(i.Service) + "/" + i.ID }

func discoveryInstanceRequest(i *DiscoveryInstance) []string {
	if i.CreatorRequestID == "" {
		return nil
	}
	return []string{string(i.Service) + "/" + i.CreatorRequestID}
}

// Operation is an asynchronous job of Cloud Map. The world already shows the
// outcome; the operation is a SUCCESS once the resolver serves its Revision.
type Operation struct {
	ID           OperationID
	Type         string // CREATE_NAMESPACE, …
	Targets      map[string]string
	Namespace    NamespaceID // that it has to do with; empty if it never was there
	ZoneChange   bool        // a hosted zone was changed: NewChangeID of Revision
	Revision     int64
	ErrorCode    string // set: the operation failed
	ErrorMessage string
	CreatedAt    time.Time
}

func (o *Operation) Kind() Kind  { return KindOperation }
func (o *Operation) Key() string { return string(o.ID) }

func operationAge(o *Operation) []string { return []string{digits(o.Revision)} }

// digits sort as the numbers do, which are not negative.
func digits(n int64) string {
	b := [20]byte{}
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return string(b[:])
}

// OperationsByAge yields all operations, the oldest first.
func (w World) OperationsByAge() Rows[Operation] {
	return rows[Operation](w.Operations.v.index(0), "", "")
}

// OperationsSince yields the operations of later revisions, the oldest first.
func (w World) OperationsSince(revision int64) Rows[Operation] {
	return rows[Operation](w.Operations.v.index(0), "", digits(revision+1))
}

// ServicesOf yields the Cloud Map services of a namespace.
func (w World) ServicesOf(id NamespaceID) Rows[DiscoveryService] {
	return by(w.DiscoveryServices, 0, string(id))
}

// ServicesNamed yields the Cloud Map services of a namespace that have a name,
// in upper or lower case: in an HTTP namespace there may be several.
func (w World) ServicesNamed(id NamespaceID, name string) Rows[DiscoveryService] {
	return by(w.DiscoveryServices, 1, serviceName(id, name))
}

// NamespacesNamed yields the namespaces that DiscoverInstances knows by a name:
// one at most.
func (w World) NamespacesNamed(httpName string) Rows[Namespace] {
	return by(w.Namespaces, 1, httpName)
}

// InstancesRequested yields the instances of a service that were registered
// last with a CreatorRequestId.
func (w World) InstancesRequested(id DiscoveryServiceID, token string) Rows[DiscoveryInstance] {
	return by(w.DiscoveryInstances, 0, string(id)+"/"+token)
}

// InstancesOf yields the instances of a Cloud Map service.
func (w World) InstancesOf(id DiscoveryServiceID) Rows[DiscoveryInstance] {
	return w.DiscoveryInstances.Prefix(string(id) + "/")
}

// InstanceRanks are the ranks of a Cloud Map service's instances in
// DiscoveryInstances, from the first to before the second.
func (w World) InstanceRanks(id DiscoveryServiceID) (from, to int) {
	return w.DiscoveryInstances.Within(string(id) + "/")
}

// Instance returns one instance of a Cloud Map service, or nil.
func (w World) Instance(service DiscoveryServiceID, id string) *DiscoveryInstance {
	return w.DiscoveryInstances.Get(string(service) + "/" + id)
}

// NamespacesIn yields the private namespaces of a VPC.
func (w World) NamespacesIn(id VPCID) Rows[Namespace] { return by(w.Namespaces, 0, string(id)) }
