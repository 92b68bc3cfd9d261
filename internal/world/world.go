package world

import (
	"iter"
	"maps"
	"slices"
)

// World is one revision of everything that Seamark knows. Copy it freely.
type World struct {
	// Revision counts committed updates from 1; 0 is the empty world.
	Revision int64

	VPCs              Table[VPC]
	Subnets           Table[Subnet]
	SecurityGroups    Table[SecurityGroup]
	NetworkInterfaces Table[NetworkInterface]
	AddressRests      Table[AddressRest]
	Instances         Table[Instance]
	DHCPOptions       Table[DHCPOptions]

	Clusters        Table[Cluster]
	Families        Table[Family]
	TaskDefinitions Table[TaskDefinition]
	Services        Table[Service]
	Tasks           Table[Task]

	Namespaces         Table[Namespace]
	DiscoveryServices  Table[DiscoveryService]
	DiscoveryInstances Table[DiscoveryInstance]
	InstancesRevisions Table[InstancesRevision]
	Operations         Table[Operation]

	ResolverEndpoints        Table[ResolverEndpoint]
	ResolverRules            Table[ResolverRule]
	ResolverRuleAssociations Table[ResolverRuleAssociation]
	ResolverConfigs          Table[ResolverConfig]
	FirewallDomainLists      Table[FirewallDomainList]
	FirewallRuleGroups       Table[FirewallRuleGroup]
	FirewallAssociations     Table[FirewallAssociation]
	QueryLogConfigs          Table[QueryLogConfig]
	QueryLogAssociations     Table[QueryLogAssociation]

	HostedZones  Table[HostedZone]
	RecordSets   Table[RecordSet]
	HealthChecks Table[DNSHealthCheck]

	LogGroups  Table[LogGroup]
	Roles      Table[Role]
	AccessKeys Table[AccessKey]
	Tokens     Table[Token]
}

// New returns the empty world.
func New() World {
	var w World
	for _, k := range kinds {
		k.fill(&w, nil)
	}
	return w
}

// The kinds, as they are spelled in the store.
const (
	KindVPC               Kind = "vpc"
	KindSubnet            Kind = "subnet"
	KindSecurityGroup     Kind = "security-group"
	KindNetworkInterface  Kind = "network-interface"
	KindAddressRest       Kind = "address-rest"
	KindInstance          Kind = "instance"
	KindDHCPOptions       Kind = "dhcp-options"
	KindCluster           Kind = "cluster"
	KindFamily            Kind = "family"
	KindTaskDefinition    Kind = "task-definition"
	KindService           Kind = "service"
	KindTask              Kind = "task"
	KindNamespace         Kind = "namespace"
	KindDiscoveryService  Kind = "discovery-service"
	KindDiscoveryInstance Kind = "discovery-instance"
	KindInstancesRevision Kind = "instances-revision"
	KindOperation         Kind = "operation"
	KindHostedZone        Kind = "hosted-zone"
	KindRecordSet         Kind = "record-set"
	KindHealthCheck       Kind = "health-check"
	KindLogGroup          Kind = "log-group"

	KindResolverEndpoint        Kind = "resolver-endpoint"
	KindResolverRule            Kind = "resolver-rule"
	KindResolverRuleAssociation Kind = "resolver-rule-association"
	KindResolverConfig          Kind = "resolver-config"
	KindFirewallDomainList      Kind = "firewall-domain-list"
	KindFirewallRuleGroup       Kind = "firewall-rule-group"
	KindFirewallAssociation     Kind = "firewall-association"
	KindQueryLogConfig          Kind = "query-log-config"
	KindQueryLogAssociation     Kind = "query-log-association"

	KindRole      Kind = "role"
	KindAccessKey Kind = "access-key"
	KindToken     Kind = "token"
)

// kind says how a World keeps one kind of object.
type kind struct {
	fill   func(*World, []Object)
	put    func(*World, Object)
	remove func(*World, string)
	get    func(*World, string) Object
	all    func(*World) iter.Seq[Object]
	len    func(*World) int
	make   func() Object
}

var kinds = map[Kind]kind{
	KindVPC:               table(func(w *World) *Table[VPC] { return &w.VPCs }),
	KindSubnet:            table(func(w *World) *Table[Subnet] { return &w.Subnets }, subnetVPC),
	KindSecurityGroup:     table(func(w *World) *Table[SecurityGroup] { return &w.SecurityGroups }, securityGroupVPC),
	KindNetworkInterface:  table(func(w *World) *Table[NetworkInterface] { return &w.NetworkInterfaces }, interfaceVPC, interfaceSubnet, interfaceGroups),
	KindAddressRest:       table(func(w *World) *Table[AddressRest] { return &w.AddressRests }),
	KindInstance:          table(func(w *World) *Table[Instance] { return &w.Instances }),
	KindDHCPOptions:       table(func(w *World) *Table[DHCPOptions] { return &w.DHCPOptions }),
	KindCluster:           table(func(w *World) *Table[Cluster] { return &w.Clusters }),
	KindFamily:            table(func(w *World) *Table[Family] { return &w.Families }),
	KindTaskDefinition:    table(func(w *World) *Table[TaskDefinition] { return &w.TaskDefinitions }),
	KindService:           table(func(w *World) *Table[Service] { return &w.Services }, serviceRegistry),
	KindTask:              table(func(w *World) *Table[Task] { return &w.Tasks }, taskService, taskCluster),
	KindNamespace:         table(func(w *World) *Table[Namespace] { return &w.Namespaces }, namespaceVPC, namespaceHTTPName),
	KindDiscoveryService:  table(func(w *World) *Table[DiscoveryService] { return &w.DiscoveryServices }, discoveryServiceNamespace, discoveryServiceName),
	KindDiscoveryInstance: table(func(w *World) *Table[DiscoveryInstance] { return &w.DiscoveryInstances }, discoveryInstanceRequest),
	KindInstancesRevision: table(func(w *World) *Table[InstancesRevision] { return &w.InstancesRevisions }),
	KindOperation:         table(func(w *World) *Table[Operation] { return &w.Operations }, operationAge),
	KindHostedZone:        table(func(w *World) *Table[HostedZone] { return &w.HostedZones }, zoneVPCs, zoneName, zoneReference),
	KindRecordSet:         table(func(w *World) *Table[RecordSet] { return &w.RecordSets }, recordSetHealthCheck, recordSetTarget),
	KindHealthCheck:       table(func(w *World) *Table[DNSHealthCheck] { return &w.HealthChecks }, healthCheckChildren, healthCheckReference),
	KindLogGroup:          table(func(w *World) *Table[LogGroup] { return &w.LogGroups }),
	KindRole:              table(func(w *World) *Table[Role] { return &w.Roles }),
	KindAccessKey:         table(func(w *World) *Table[AccessKey] { return &w.AccessKeys }),
	KindToken:             table(func(w *World) *Table[Token] { return &w.Tokens }),

	KindResolverEndpoint:        table(func(w *World) *Table[ResolverEndpoint] { return &w.ResolverEndpoints }, endpointVPC),
	KindResolverRule:            table(func(w *World) *Table[ResolverRule] { return &w.ResolverRules }, ruleEndpoint),
	KindResolverRuleAssociation: table(func(w *World) *Table[ResolverRuleAssociation] { return &w.ResolverRuleAssociations }, ruleAssociationRule, ruleAssociationVPC),
	KindResolverConfig:          table(func(w *World) *Table[ResolverConfig] { return &w.ResolverConfigs }),
	KindFirewallDomainList:      table(func(w *World) *Table[FirewallDomainList] { return &w.FirewallDomainLists }),
	KindFirewallRuleGroup:       table(func(w *World) *Table[FirewallRuleGroup] { return &w.FirewallRuleGroups }, firewallGroupLists),
	KindFirewallAssociation:     table(func(w *World) *Table[FirewallAssociation] { return &w.FirewallAssociations }, firewallAssociationGroup, firewallAssociationVPC),
	KindQueryLogConfig:          table(func(w *World) *Table[QueryLogConfig] { return &w.QueryLogConfigs }),
	KindQueryLogAssociation:     table(func(w *World) *Table[QueryLogAssociation] { return &w.QueryLogAssociations }, queryLogConfig, queryLogVPC),
}

// object is a pointer to T that is an Object.
type object[T any] interface {
	*T
	Object
}

func table[T any, P object[T]](in func(*World) *Table[T], indexes ...func(*T) []string) kind {
	spec := &tableSpec{key: func(row any) string { return P(row.(*T)).Key() }}
	for _, values := range indexes {
		spec.indexes = append(spec.indexes, func(row any) []string { return values(row.(*T)) })
	}
	version := func(w *World) *version {
		if v := in(w).v; v != nil {
			return v
		}
		return newVersion(spec)
	}
	return kind{
		fill: func(w *World, objects []Object) {
			rows := make([]any, len(objects))
			for i, o := range objects {
				rows[i] = (*T)(o.(P))
			}
			in(w).v = spec.fill(rows)
		},
		put:    func(w *World, o Object) { in(w).v = version(w).put((*T)(o.(P))) },
		remove: func(w *World, k string) { in(w).v = version(w).remove(k) },
		get: func(w *World, k string) Object {
			if row := in(w).Get(k); row != nil {
				return P(row)
			}
			return nil
		},
		all: func(w *World) iter.Seq[Object] {
			return func(yield func(Object) bool) {
				for row := range in(w).All() {
					if !yield(P(row)) {
						return
					}
				}
			}
		},
		len:  func(w *World) int { return in(w).Len() },
		make: func() Object { return P(new(T)) },
	}
}

// Kinds lists every kind in a fixed order.
func Kinds() []Kind {
	return slices.Sorted(maps.Keys(kinds))
}

// Put adds or replaces an object. It changes w only, never an earlier copy.
func (w *World) Put(o Object) { kinds[o.Kind()].put(w, o) }

// Delete removes an object; one that is not there is no error.
func (w *World) Delete(name Kind, key string) { kinds[name].remove(w, key) }

// Fill replaces all objects of a kind, in any order. For many objects it is
// much cheaper than Put.
func (w *World) Fill(name Kind, objects []Object) { kinds[name].fill(w, objects) }

// Get returns the object of that kind and key, or nil.
func (w *World) Get(name Kind, key string) Object { return kinds[name].get(w, key) }

// Len is the number of objects of a kind.
func (w *World) Len(name Kind) int { return kinds[name].len(w) }

// All yields every object of a kind in the order of the keys.
func (w *World) All(name Kind) iter.Seq[Object] { return kinds[name].all(w) }
