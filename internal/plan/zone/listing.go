package zone

import (
	"slices"
	"strings"

	"seamark/internal/world"
)

// RecordSets lists a zone's record sets as Route 53 shows them, in its order: NS
// and SOA, those of the zone's own and those that Cloud Map writes for instances.
func RecordSets(w world.World, z *world.HostedZone) []*world.RecordSet {
	ns, soa := ownSets(w, z)
	all := []*world.RecordSet{ns, soa}
	for r := range w.RecordSetsOf(z.ID) {
		if r.Key() != ns.Key() && r.Key() != soa.Key() {
			all = append(all, r)
		}
	}
	if n := namespaceOf(w, z); n != nil {
		for s := range w.ServicesOf(n.ID) {
			for i := range w.InstancesOf(s.ID) {
				all = append(all, instanceSets(z, s, i)...)
			}
		}
	}
	slices.SortFunc(all, func(a, b *world.RecordSet) int { return strings.Compare(a.Key(), b.Key()) })
	return all
}

// balancerZone is the hosted zone of load balancers, as aliases of instances
// show it: that of us-east-1 (AWS General Reference, "Elastic Load Balancing
// endpoints and quotas").
const balancerZone = "Z35SXDOTRQ7X7K"

// instanceSets are the record sets that Cloud Map writes for an instance: one
// for each record type of the service that the instance has a value for and, for
// SRV, the addresses of the name that it points to (Cloud Map API reference,
// RegisterInstance). Health stays in the registry: none refers to a health check.
func instanceSets(z *world.HostedZone, s *world.DiscoveryService, i *world.DiscoveryInstance) []*world.RecordSet {
	origin, ok := canonical(z.Name)
	owner, legal := below(s.Name, origin)
	if !ok || !legal {
		return nil
	}
	var out []*world.RecordSet
	for _, r := range s.Records {
		name, _ := written(owner)
		set := world.RecordSet{Zone: z.ID, Name: name, Type: r.Type, SetIdentifier: i.ID, TTL: r.TTL}
		if s.RoutingPolicy == "WEIGHTED" {
			set.Weight = new(int64(1))
		} else {
			set.MultiValue = true
		}
		a, ok := answerOf(i, r.Type, owner)
		switch {
		case !ok:
			continue
		case a.alias != "":
			to, _ := written(a.alias)
			set.TTL, set.Alias = 0, &world.AliasTarget{Zone: balancerZone, Name: to, EvaluateHealth: true}
		default:
			set.Values = []string{WrittenValue(a.record)}
		}
		out = append(out, &set)
		if r.Type == "SRV" && len(set.Values) > 0 {
			out = append(out, targetSets(z, i, owner, r.TTL)...)
		}
	}
	return out
}

// recordOf is the value of an instance's record of a type.
func recordOf(i *world.DiscoveryInstance, typ, owner string) (string, bool) {
	switch typ {
	case "A":
		return address4(i)
	case "AAAA":
		return address6(i)
	case "CNAME":
		return target(i)
	case "SRV":
		return srv(i, owner)
	}
	return "", false
}

func targetSets(z *world.HostedZone, i *world.DiscoveryInstance, owner string, seconds int64) []*world.RecordSet {
	at, _ := instanceOwner(i, owner)
	name, _ := written(at)
	var out []*world.RecordSet
	for _, typ := range []string{"A", "AAAA"} {
		if value, ok := recordOf(i, typ, owner); ok {
			out = append(out, &world.RecordSet{Zone: z.ID, Name: name, Type: typ, TTL: seconds, Values: []string{value}})
		}
	}
	return out
}
