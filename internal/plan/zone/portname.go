package zone

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"seamark/internal/world"
)

// addPortNames adds what AWS has not: for each name of a port an SRV record set
// _NAME._PROTOCOL below the service's own name (RFC 2782), and the addresses of
// the names that it points to, unless the service's SRV records brought them.
func (c *compilation) addPortNames(instances []instance) {
	targets := slices.ContainsFunc(c.records, func(r world.DNSRecord) bool { return r.Type == "SRV" })
	shortest := slices.MinFunc(c.records, func(a, b world.DNSRecord) int { return cmp.Compare(a.TTL, b.TTL) })
	healthy, all := map[string][]string{}, map[string][]string{}
	for _, i := range instances {
		name, ok := instanceOwner(i.DiscoveryInstance, c.owner)
		if !ok || len(i.Ports) == 0 {
			continue
		}
		for _, p := range i.Ports {
			if owner, ok := below("_"+p.Name+"._"+p.Protocol, c.owner); ok && !strings.Contains(p.Name, ".") {
				text := fmt.Sprintf("1 1 %d %s", p.Port, name)
				all[owner] = append(all[owner], text)
				if i.healthy {
					healthy[owner] = append(healthy[owner], text)
				}
			}
		}
		if !targets {
			c.addTarget(i.DiscoveryInstance, name, shortest)
		}
	}
	for owner, records := range all {
		if len(healthy[owner]) > 0 {
			records = healthy[owner]
		}
		c.put(owner, Set{Type: TypeSRV, TTL: ttl(shortest.TTL), Policy: c.policy, Records: records})
	}
}
