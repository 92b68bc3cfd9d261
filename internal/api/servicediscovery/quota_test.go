package servicediscovery

import (
	"fmt"
	"testing"

	"seamark/internal/plan"
	"seamark/internal/world"
)

func TestQuotas(t *testing.T) {
	h := harnessWith(t, world.Relaxed, Config{Quotas: true})
	ns, web := h.namespace("a", vpcA), h.httpNamespace("web")
	id, other, full := h.service(ns, "s", dnsA), h.service(ns, "t", dnsA), h.service(ns, "full", dnsA)
	const address = `"AWS_INSTANCE_IPV4":"10.0.0.1"`
	h.change(func(d *plan.Draft) {
		fill(d, world.DiscoveryServiceID(full), 1000)
		fill(d, world.DiscoveryServiceID(other), 999)
		for i := range 48 {
			d.Put(&world.Namespace{ID: world.NamespaceID(fmt.Sprintf("ns-%d", i)), Name: fmt.Sprint(i), Type: NamespaceTypeHttp, HTTPName: fmt.Sprint(i)})
		}
	})
	h.fails("CreateHttpNamespace", `{"Name":"51"}`, "ResourceLimitExceeded", "The quota on the number of namespaces is reached: 50.")
	h.fails("RegisterInstance", registering(full, "new", address), "ResourceLimitExceeded", "The quota on the number of instances in the service "+full+" is reached: 1000.")
	h.register(id, "one", address) // the 2000th of the namespace
	h.fails("RegisterInstance", registering(id, "two", address), "ResourceLimitExceeded", "The quota on the number of instances in the namespace "+ns+" is reached: 2000.")
	h.register(id, "one", `"AWS_INSTANCE_IPV4":"10.0.0.2"`) // there already
	s := h.service(web, "s", "")
	h.change(func(d *plan.Draft) {
		for i := range 6 {
			ds := &world.DiscoveryService{ID: world.DiscoveryServiceID(fmt.Sprintf("srv-%d", i)), Namespace: world.NamespaceID(web), Name: fmt.Sprint(i)}
			d.Put(ds)
			fill(d, ds.ID, 1000)
		}
	})
	h.fails("RegisterInstance", registering(s, "new", ""), "ResourceLimitExceeded", "The quota on the number of instances in the namespace "+web+" is reached: 6000.")

	free := newHarness(t)
	id = free.service(free.namespace("a", vpcA), "s", dnsA)
	free.change(func(d *plan.Draft) { fill(d, world.DiscoveryServiceID(id), 2500) })
	free.register(id, "one", address)
}
