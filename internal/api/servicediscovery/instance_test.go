package servicediscovery

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"seamark/internal/plan"
	"seamark/internal/plan/discover"
	"seamark/internal/world"
)

func TestRegisterInstance(t *testing.T) {
	h := newHarness(t)
	id := h.service(h.namespace("a", vpcA), "web", dnsA+custom)
	op := h.do("RegisterInstance", `{"ServiceId":"`+arnPrefix+`service/`+id+`","InstanceId":"i-1","CreatorRequestId":"one","Attributes":{"AWS_INSTANCE_IPV4":"10.0.0.1","AWS_INIT_HEALTH_STATUS":"UNHEALTHY","zone":"a"}}`).text("OperationId")
	got := h.do("GetOperation", `{"OperationId":"`+op+`"}`)
	got.want(`"REGISTER_INSTANCE"`, "Operation", "Type")
	got.want(`"i-1"`, "Operation", "Targets", "INSTANCE")
	got.want(`"`+id+`"`, "Operation", "Targets", "SERVICE")
	h.changeOf(op)
	attributes := `{"AWS_INIT_HEALTH_STATUS":"UNHEALTHY","AWS_INSTANCE_IPV4":"10.0.0.1","zone":"a"}`
	i := h.do("GetInstance", `{"ServiceId":"`+id+`","InstanceId":"i-1"}`)
	i.want(`"i-1"`, "Instance", "Id")
	i.want(attributes, "Instance", "Attributes")
	i.want(`"one"`, "Instance", "CreatorRequestId")
	list := h.do("ListInstances", `{"ServiceId":"`+id+`"}`)
	list.want(attributes, "Instances", 0, "Attributes")
	list.want(`"123456789012"`, "ResourceOwner")
	h.do("GetInstancesHealthStatus", `{"ServiceId":"`+id+`"}`).want(`{"i-1":"UNHEALTHY"}`, "Status")
	h.do("GetService", `{"Id":"`+id+`"}`).want(`1`, "Service", "InstanceCount")

	// The attribute of the initial status stays as it was given.
	h.do("UpdateInstanceCustomHealthStatus", `{"ServiceId":"`+id+`","InstanceId":"i-1","Status":"HEALTHY"}`)
	h.do("GetInstancesHealthStatus", `{"ServiceId":"`+id+`","Instances":["i-1"]}`).want(`{"i-1":"HEALTHY"}`, "Status")
	h.do("GetInstance", `{"ServiceId":"`+id+`","InstanceId":"i-1"}`).want(attributes, "Instance", "Attributes")

	// Registered again without one, the instance keeps its health; with one it takes it.
	h.do("UpdateInstanceCustomHealthStatus", `{"ServiceId":"`+id+`","InstanceId":"i-1","Status":"UNHEALTHY"}`)
	h.register(id, "i-1", `"AWS_INSTANCE_IPV4":"10.0.0.2"`)
	h.do("GetInstancesHealthStatus", `{"ServiceId":"`+id+`"}`).want(`{"i-1":"UNHEALTHY"}`, "Status")
	h.do("GetInstance", `{"ServiceId":"`+id+`","InstanceId":"i-1"}`).want(`{"AWS_INSTANCE_IPV4":"10.0.0.2"}`, "Instance", "Attributes")
	h.register(id, "i-1", `"AWS_INSTANCE_IPV4":"10.0.0.2","AWS_INIT_HEALTH_STATUS":"HEALTHY"`)
	h.do("GetInstancesHealthStatus", `{"ServiceId":"`+id+`"}`).want(`{"i-1":"HEALTHY"}`, "Status")
	h.do("GetService", `{"Id":"`+id+`"}`).want(`1`, "Service", "InstanceCount")
}

// changeOf is the revision of the Route 53 change that an operation names.
func (h *harness) changeOf(operation string) int64 {
	h.Helper()
	id := h.do("GetOperation", `{"OperationId":"`+operation+`"}`).text("Operation", "Targets", "ROUTE_53_CHANGE_ID")
	revision, at, ok := world.ChangeID(id).Of()
	if !ok || time.Since(at) > time.Hour {
		h.Errorf("%s is no change of now: revision %d at %s", id, revision, at)
	}
	return revision
}

// TestOperation_ChangeOfRoute53: operations that write records name the change,
// by which GetChange tells whether it is answered; others do not.
func TestOperation_ChangeOfRoute53(t *testing.T) {
	h := newHarness(t)
	ns, web := h.namespace("a", vpcA), h.httpNamespace("web")
	id, api := h.service(ns, "web", dnsA), h.service(ns, "api", `,"Type":"HTTP"`)
	none := func(op string) {
		t.Helper()
		if targets := h.do("GetOperation", `{"OperationId":"`+op+`"}`).raw; strings.Contains(targets, "ROUTE_53") {
			t.Error(targets)
		}
	}
	op := h.register(id, "i", `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
	if revision := h.changeOf(op); revision != h.changes.View().Revision {
		t.Errorf("change of revision %d", revision)
	}
	none(h.register(api, "i", `"AWS_INSTANCE_IPV4":"10.0.0.1"`))
	h.changeOf(h.do("DeregisterInstance", `{"ServiceId":"`+id+`","InstanceId":"i"}`).text("OperationId"))
	none(h.do("DeregisterInstance", `{"ServiceId":"`+api+`","InstanceId":"i"}`).text("OperationId"))
	for _, service := range []string{id, api} {
		h.do("DeleteService", `{"Id":"`+service+`"}`)
	}
	h.changeOf(h.do("DeleteNamespace", `{"Id":"`+ns+`"}`).text("OperationId"))
	none(h.do("DeleteNamespace", `{"Id":"`+web+`"}`).text("OperationId"))
}

// TestARNs: whatever takes an id takes the ARN too.
func TestARNs(t *testing.T) {
	h := newHarness(t)
	private, public, web := h.namespace("a", vpcA), h.publicNamespace("example.com"), h.httpNamespace("web")
	ns := func(id string) string { return arnPrefix + "namespace/" + id }
	id := h.service(ns(private), "web", dnsA+custom)
	srv := arnPrefix + "service/" + id
	h.register(srv, "i", `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
	for _, c := range []struct{ op, body string }{
		{"GetNamespace", `{"Id":"` + ns(private) + `"}`},
		{"UpdatePrivateDnsNamespace", `{"Id":"` + ns(private) + `","Namespace":{"Description":"x"}}`},
		{"UpdatePublicDnsNamespace", `{"Id":"` + ns(public) + `","Namespace":{"Description":"x"}}`},
		{"UpdateHttpNamespace", `{"Id":"` + ns(web) + `","Namespace":{"Description":"x"}}`},
		{"ListServices", `{"Filters":[{"Name":"NAMESPACE_ID","Values":["` + ns(private) + `"]}]}`},
		{"ListOperations", `{"Filters":[{"Name":"SERVICE_ID","Values":["` + srv + `"]}]}`},
		{"GetService", `{"Id":"` + srv + `"}`},
		{"UpdateService", `{"Id":"` + srv + `","Service":{"DnsConfig":{"DnsRecords":[{"Type":"A","TTL":5}]}}}`},
		{"UpdateServiceAttributes", `{"ServiceId":"` + srv + `","Attributes":{"a":"b"}}`},
		{"GetServiceAttributes", `{"ServiceId":"` + srv + `"}`},
		{"DeleteServiceAttributes", `{"ServiceId":"` + srv + `","Attributes":["a"]}`},
		{"GetInstance", `{"ServiceId":"` + srv + `","InstanceId":"i"}`},
		{"ListInstances", `{"ServiceId":"` + srv + `"}`},
		{"GetInstancesHealthStatus", `{"ServiceId":"` + srv + `"}`},
		{"UpdateInstanceCustomHealthStatus", `{"ServiceId":"` + srv + `","InstanceId":"i","Status":"UNHEALTHY"}`},
		{"DiscoverInstances", `{"NamespaceName":"` + ns(private) + `","ServiceName":"web"}`},
		{"DeregisterInstance", `{"ServiceId":"` + srv + `","InstanceId":"i"}`},
		{"DeleteService", `{"Id":"` + srv + `"}`},
		{"DeleteNamespace", `{"Id":"` + ns(web) + `"}`},
	} {
		if status, b := h.post(c.op, c.body); status != 200 {
			t.Errorf("%s: %d %s", c.op, status, b)
		}
	}
}

// TestRegisterInstance_Rules goes through the rules of the attributes for each
// kind of service.
func TestRegisterInstance_Rules(t *testing.T) {
	h := newHarness(t)
	ns, web, public := h.namespace("a", vpcA), h.httpNamespace("web"), h.publicNamespace("example.com")
	records := func(policy string, types ...string) string {
		var list []string
		for _, kind := range types {
			list = append(list, `{"Type":"`+kind+`","TTL":60}`)
		}
		return `,"DnsConfig":{"RoutingPolicy":"` + policy + `","DnsRecords":[` + strings.Join(list, ",") + `]}`
	}
	h.change(func(d *plan.Draft) {
		d.Put(&world.Instance{ID: "i-0123456789abcdef0", Address: netip.MustParseAddr("10.0.1.9"), State: world.InstanceRunning})
		d.Put(&world.Instance{ID: "i-0123456789abcdef1", Address: netip.MustParseAddr("10.0.1.8"), State: world.InstanceTerminated})
	})
	services := map[string]string{
		"A":        h.service(ns, "a", records("MULTIVALUE", "A")),
		"AAAA":     h.service(ns, "aaaa", records("MULTIVALUE", "AAAA")),
		"A+AAAA":   h.service(ns, "both", records("MULTIVALUE", "A", "AAAA")),
		"SRV":      h.service(ns, "srv", records("MULTIVALUE", "SRV")),
		"A+SRV":    h.service(ns, "asrv", records("MULTIVALUE", "A", "SRV")),
		"CNAME":    h.service(ns, "cname", records("WEIGHTED", "CNAME")),
		"weighted": h.service(ns, "weighted", records("WEIGHTED", "A")),
		"wsrv":     h.service(ns, "wsrv", records("WEIGHTED", "SRV")),
		"custom":   h.service(ns, "custom", dnsA+custom),
		"api":      h.service(ns, "api", `,"Type":"HTTP"`),
		"wboth":    h.service(ns, "wboth", records("WEIGHTED", "A", "AAAA")),
		"checked":  h.service(web, "checked", httpCheck),
		"wchecked": h.service(public, "wchecked", records("WEIGHTED", "A")+httpCheck),
		"HTTP":     h.service(web, "web", ""),
		"HTTP+":    h.service(web, "healthy", custom),
	}
	const v4, v6, port = `"AWS_INSTANCE_IPV4":"10.0.0.1"`, `"AWS_INSTANCE_IPV6":"2001:db8::1"`, `"AWS_INSTANCE_PORT":"80"`
	required := func(key, types string) string {
		return "The attribute " + key + " is required for services with record type " + types + "."
	}
	for _, c := range []struct{ service, attributes, refusal string }{
		{"A", v4, ""},
		{"A", v4 + "," + port, ""},
		{"A", "", required("AWS_INSTANCE_IPV4", "A")},
		{"A", v6, required("AWS_INSTANCE_IPV4", "A")},
		{"A", `"AWS_INSTANCE_IPV4":"10.0.0"`, "AWS_INSTANCE_IPV4 is not a valid IPv4 address: 10.0.0"},
		{"A", `"AWS_INSTANCE_IPV4":"2001:db8::1"`, "AWS_INSTANCE_IPV4 is not a valid IPv4 address: 2001:db8::1"},
		{"A", `"AWS_INSTANCE_IPV4":"010.0.0.1"`, "AWS_INSTANCE_IPV4 is not a valid IPv4 address"},
		{"A", `"AWS_INSTANCE_IPV4":""`, "AWS_INSTANCE_IPV4 is not a valid IPv4 address"},
		{"AAAA", v6, ""},
		{"AAAA", v4, required("AWS_INSTANCE_IPV6", "AAAA")},
		{"AAAA", `"AWS_INSTANCE_IPV6":"10.0.0.1"`, "AWS_INSTANCE_IPV6 is not a valid IPv6 address: 10.0.0.1"},
		{"AAAA", `"AWS_INSTANCE_IPV6":"fe80::1%eth0"`, "AWS_INSTANCE_IPV6 is not a valid IPv6 address"},
		{"A+AAAA", v4, ""},
		{"A+AAAA", v6, ""},
		{"A+AAAA", v4 + "," + v6, ""},
		{"A+AAAA", port, required("AWS_INSTANCE_IPV4", "A, AAAA")},
		{"SRV", v4 + "," + port, ""},
		{"SRV", v6 + "," + port, ""},
		{"SRV", v4, required("AWS_INSTANCE_PORT", "SRV")},
		{"SRV", port, required("AWS_INSTANCE_IPV4", "SRV")},
		{"SRV", v4 + `,"AWS_INSTANCE_PORT":"0"`, "AWS_INSTANCE_PORT is not a valid port: 0"},
		{"SRV", v4 + `,"AWS_INSTANCE_PORT":"65535"`, ""},
		{"SRV", v4 + `,"AWS_INSTANCE_PORT":"65536"`, "AWS_INSTANCE_PORT is not a valid port: 65536"},
		{"SRV", v4 + `,"AWS_INSTANCE_PORT":"+80"`, "AWS_INSTANCE_PORT is not a valid port: +80"},
		{"SRV", v4 + `,"AWS_INSTANCE_PORT":"http"`, "AWS_INSTANCE_PORT is not a valid port: http"},
		{"A+SRV", v4 + "," + port, ""},
		{"A+SRV", v6 + "," + port, required("AWS_INSTANCE_IPV4", "A, SRV")},
		{"CNAME", `"AWS_INSTANCE_CNAME":"www.example.com"`, ""},
		{"CNAME", v4, required("AWS_INSTANCE_CNAME", "CNAME")},
		{"CNAME", `"AWS_INSTANCE_CNAME":"a..b"`, "AWS_INSTANCE_CNAME is not a valid domain name: a..b"},
		{"custom", v4 + `,"AWS_INIT_HEALTH_STATUS":"UNHEALTHY"`, ""},
		{"custom", v4 + `,"AWS_INIT_HEALTH_STATUS":"UNKNOWN"`, "AWS_INIT_HEALTH_STATUS must be HEALTHY or UNHEALTHY: UNKNOWN"},
		{"A", v4 + `,"AWS_INIT_HEALTH_STATUS":"HEALTHY"`, "AWS_INIT_HEALTH_STATUS can be specified only for services with HealthCheckCustomConfig."},
		{"A", `"AWS_ALIAS_DNS_NAME":"lb.example.com"`, "ALIAS instance can be registered only in services with WEIGHTED routing policy"},
		{"wsrv", `"AWS_ALIAS_DNS_NAME":"lb.example.com"`, "ALIAS instance can be registered only in services with A or AAAA records"},
		{"weighted", `"AWS_ALIAS_DNS_NAME":"lb.example.com",` + v4, "AWS_ALIAS_DNS_NAME and AWS_INSTANCE_IPV4 cannot both be specified."},
		{"weighted", `"AWS_ALIAS_DNS_NAME":"lb.example.com","AWS_EC2_INSTANCE_ID":"i-0123456789abcdef0"`, "AWS_ALIAS_DNS_NAME and AWS_EC2_INSTANCE_ID cannot both be specified."},
		{"weighted", `"AWS_ALIAS_DNS_NAME":"lb..com"`, "AWS_ALIAS_DNS_NAME is not a valid domain name: lb..com"},
		{"weighted", `"AWS_ALIAS_DNS_NAME":"dualstack.lb-1.us-east-1.elb.amazonaws.com"`, ""},
		{"wboth", `"AWS_ALIAS_DNS_NAME":"lb-1.us-east-1.elb.amazonaws.com","zone":"a"`, ""},
		{"CNAME", `"AWS_ALIAS_DNS_NAME":"lb.example.com"`, "ALIAS instance can be registered only in services with A or AAAA records"},
		{"api", `"AWS_ALIAS_DNS_NAME":"lb.example.com"`, "ALIAS instance can be registered only in services with WEIGHTED routing policy"},
		{"checked", v4 + "," + port, ""},
		{"checked", v6 + "," + port, ""},
		{"checked", v4, "The attribute AWS_INSTANCE_PORT is required for services with a health check."},
		{"checked", port, "The attribute AWS_INSTANCE_IPV4 is required for services with a health check."},
		{"checked", v4 + "," + port + `,"AWS_INIT_HEALTH_STATUS":"HEALTHY"`, "AWS_INIT_HEALTH_STATUS can be specified only for services with HealthCheckCustomConfig."},
		{"wchecked", `"AWS_ALIAS_DNS_NAME":"lb.example.com"`, ""},
		{"A", `"AWS_EC2_INSTANCE_ID":"i-0123456789abcdef0"`, "AWS_EC2_INSTANCE_ID can be specified only for services in HTTP namespaces."},
		{"api", `"AWS_EC2_INSTANCE_ID":"i-0123456789abcdef0"`, "AWS_EC2_INSTANCE_ID can be specified only for services in HTTP namespaces."},
		{"HTTP", `"AWS_EC2_INSTANCE_ID":"i-0123456789abcdef0","zone":"a"`, "zone cannot be specified together with AWS_EC2_INSTANCE_ID."},
		{"HTTP", `"AWS_EC2_INSTANCE_ID":"i-0123456789abcdef1"`, "The EC2 instance i-0123456789abcdef1 does not exist."},
		{"HTTP", `"AWS_EC2_INSTANCE_ID":"i-none"`, "The EC2 instance i-none does not exist."},
		{"HTTP+", `"AWS_EC2_INSTANCE_ID":"i-0123456789abcdef0","AWS_INIT_HEALTH_STATUS":"UNHEALTHY"`, ""},
		{"HTTP", "", ""},
		{"HTTP", `"url":"http://x/","empty":""`, ""},
		{"api", v4, ""},
		{"HTTP", customs(30), ""},
		{"HTTP", customs(30) + "," + v4, ""},
		{"HTTP", customs(30) + `,"AWS_OF_MINE":"x"`, "An instance can have at most 30 custom attributes."},
		{"HTTP", customs(31), "An instance can have at most 30 custom attributes."},
		{"HTTP", sized(5000), ""},
		{"HTTP", sized(5001), "The total size of all attributes must not exceed 5000 characters."},
		{"HTTP", `"a b":"x"`, "1 validation error detected: Value '{a b=x}' at 'attributes' failed to satisfy constraint: Map keys must satisfy constraint: "},
		{"HTTP", `"` + strings.Repeat("k", 256) + `":"x"`, "1 validation error detected"},
		{"HTTP", `"k":"` + strings.Repeat("v", 1025) + `"`, "1 validation error detected"},
		{"HTTP", `"k":" x"`, "1 validation error detected"},
	} {
		body := registering(services[c.service], "id", c.attributes)
		if c.refusal != "" {
			h.fails("RegisterInstance", body, "InvalidInput", c.refusal)
			continue
		}
		h.do("RegisterInstance", body)
		h.do("DeregisterInstance", `{"ServiceId":"`+services[c.service]+`","InstanceId":"id"}`)
	}
	h.register(services["HTTP"], "machine", `"AWS_EC2_INSTANCE_ID":"i-0123456789abcdef0"`)
	h.do("GetInstance", `{"ServiceId":"`+services["HTTP"]+`","InstanceId":"machine"}`).want(`{"AWS_EC2_INSTANCE_ID":"i-0123456789abcdef0","AWS_INSTANCE_IPV4":"10.0.1.9"}`, "Instance", "Attributes")
	for id, refusal := range map[string]string{
		"a/b:c@d_e.f-g": "", strings.Repeat("i", 64): "The instance ID " + strings.Repeat("i", 64), strings.Repeat("i", 63): "",
		"a..b": "The instance ID a..b cannot be part of a DNS name, which SRV records need.", "a.": "The instance ID a.", "a b": "1 validation error detected", "": "1 validation error detected",
		strings.Repeat("i", 65): "1 validation error detected",
	} {
		body := registering(services["SRV"], id, v4+","+port)
		if refusal == "" {
			h.do("RegisterInstance", body)
			continue
		}
		h.fails("RegisterInstance", body, "InvalidInput", refusal)
	}
	h.register(services["A"], "a..b", v4)
}

// customs is n custom attributes.
func customs(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"k%d":"v"`, i)
	}
	return strings.Join(list, ",")
}

// sized is attributes of n characters together.
func sized(n int) string {
	var list []string
	for i := range 5 {
		size := min(n, 1001)
		list = append(list, fmt.Sprintf(`"%d":"%s"`, i, strings.Repeat("v", size-1)))
		n -= size
		if n == 0 {
			break
		}
	}
	return strings.Join(list, ",")
}

func TestInstances_NotFound(t *testing.T) {
	h := newHarness(t)
	id := h.service(h.namespace("a", vpcA), "web", dnsA)
	h.register(id, "i", `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
	for op, rest := range map[string]string{
		"RegisterInstance": `,"InstanceId":"i","Attributes":{"AWS_INSTANCE_IPV4":"10.0.0.1"}`, "DeregisterInstance": `,"InstanceId":"i"`, "GetInstance": `,"InstanceId":"i"`,
		"ListInstances": "", "GetInstancesHealthStatus": "", "UpdateInstanceCustomHealthStatus": `,"InstanceId":"i","Status":"HEALTHY"`,
	} {
		h.fails(op, `{"ServiceId":"srv-none"`+rest+`}`, "ServiceNotFound", "Can't find a service with ID srv-none.")
	}
	for op, rest := range map[string]string{
		"DeregisterInstance": `,"InstanceId":"x"`, "GetInstance": `,"InstanceId":"x"`, "GetInstancesHealthStatus": `,"Instances":["i","x"]`,
		"UpdateInstanceCustomHealthStatus": `,"InstanceId":"x","Status":"HEALTHY"`,
	} {
		h.fails(op, `{"ServiceId":"`+id+`"`+rest+`}`, "InstanceNotFound", "Can't find an instance with ID x in service "+id+".")
	}
	h.fails("UpdateInstanceCustomHealthStatus", `{"ServiceId":"`+id+`","InstanceId":"i","Status":"HEALTHY"}`, "CustomHealthNotFound", "")
	h.fails("UpdateInstanceCustomHealthStatus", `{"ServiceId":"`+id+`","InstanceId":"i","Status":"UNKNOWN"}`, "InvalidInput", "1 validation error detected")
	h.do("GetInstancesHealthStatus", `{"ServiceId":"`+id+`"}`).want(`{"i":"UNKNOWN"}`, "Status")
}

func TestRegisterInstance_Token(t *testing.T) {
	h := newHarness(t)
	id := h.service(h.namespace("a", vpcA), "web", dnsA)
	body := func(instance, address string) string {
		return `{"ServiceId":"` + id + `","InstanceId":"` + instance + `","CreatorRequestId":"one","Attributes":{"AWS_INSTANCE_IPV4":"` + address + `"}}`
	}
	op := h.do("RegisterInstance", body("i", "10.0.0.1")).text("OperationId")
	revision := h.changes.View().Revision
	h.do("RegisterInstance", body("i", "10.0.0.1")).want(`"`+op+`"`, "OperationId")
	if h.changes.View().Revision != revision {
		t.Error("the repeated request changed something")
	}
	h.fails("RegisterInstance", body("i", "10.0.0.2"), "DuplicateRequest", "", "DuplicateOperationId", op)
	h.fails("RegisterInstance", body("j", "10.0.0.1"), "DuplicateRequest", "", "DuplicateOperationId", op)
	h.do("DeregisterInstance", `{"ServiceId":"`+id+`","InstanceId":"i"}`)
	if again := h.do("RegisterInstance", body("i", "10.0.0.1")).text("OperationId"); again == op {
		t.Error("the token of a deregistered instance registers nothing")
	}
}

// TestUpdate_OneRequestAtATime: AWS refuses to change a service or namespace whose
// last update is under way; in relaxed fidelity the later one counts.
func TestUpdate_OneRequestAtATime(t *testing.T) {
	for _, f := range []world.Fidelity{world.AWS, world.Relaxed} {
		h := harnessOf(t, f)
		ns := h.namespace("a", vpcA)
		id, other := h.service(ns, "web", dnsA), h.service(ns, "api", dnsA)
		update := func(of, text string) string {
			return `{"Id":"` + of + `","Service":{"Description":"` + text + `"` + dnsA + `}}`
		}
		describe := func(text string) string {
			return `{"Id":"` + ns + `","UpdaterRequestId":"` + text + `","Namespace":{"Description":"` + text + `"}}`
		}
		h.applied.Store(h.changes.View().Revision)
		service := h.do("UpdateService", update(id, "one")).text("OperationId")
		namespace := h.do("UpdatePrivateDnsNamespace", describe("one")).text("OperationId")
		h.do("UpdateService", update(other, "one"))
		h.do("UpdatePrivateDnsNamespace", describe("one")).want(`"`+namespace+`"`, "OperationId")
		if f == world.AWS {
			h.fails("UpdateService", update(id, "two"), "DuplicateRequest", "Another operation of type UPDATE_SERVICE and id "+service, "DuplicateOperationId", service)
			h.fails("UpdatePrivateDnsNamespace", describe("two"), "DuplicateRequest", "Another operation of type UPDATE_NAMESPACE and id "+namespace, "DuplicateOperationId", namespace)
			h.applied.Store(h.changes.View().Revision)
		}
		h.do("UpdateService", update(id, "two"))
		h.do("UpdatePrivateDnsNamespace", describe("two"))
		h.do("GetService", `{"Id":"`+id+`"}`).want(`"two"`, "Service", "Description")
		h.do("GetNamespace", `{"Id":"`+ns+`"}`).want(`"two"`, "Namespace", "Description")
		h.do("DeleteService", `{"Id":"`+id+`"}`)
		h.do("DeleteService", `{"Id":"`+other+`"}`)
		if f == world.AWS {
			h.fails("DeleteNamespace", `{"Id":"`+ns+`"}`, "DuplicateRequest", "")
		}
		h.applied.Store(h.changes.View().Revision)
		h.do("DeleteNamespace", `{"Id":"`+ns+`"}`)
	}
}

// TestInstance_OneRequestAtATime: AWS refuses a request for an instance whose
// last one is under way; in relaxed fidelity the later one counts.
func TestInstance_OneRequestAtATime(t *testing.T) {
	h := harnessOf(t, world.AWS)
	id := h.service(h.namespace("a", vpcA), "web", dnsA)
	h.applied.Store(h.changes.View().Revision)
	op := h.register(id, "i", `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
	h.register(id, "j", `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
	h.fails("RegisterInstance", registering(id, "i", `"AWS_INSTANCE_IPV4":"10.0.0.2"`), "DuplicateRequest", "Another operation of type RegisterInstance and id "+op, "DuplicateOperationId", op)
	h.fails("DeregisterInstance", `{"ServiceId":"`+id+`","InstanceId":"i"}`, "DuplicateRequest", "", "DuplicateOperationId", op)
	h.applied.Store(-1)
	h.register(id, "i", `"AWS_INSTANCE_IPV4":"10.0.0.2"`)

	relaxed := newHarness(t)
	id = relaxed.service(relaxed.namespace("a", vpcA), "web", dnsA)
	relaxed.applied.Store(0)
	relaxed.register(id, "i", `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
	relaxed.register(id, "i", `"AWS_INSTANCE_IPV4":"10.0.0.2"`)
	relaxed.do("DeregisterInstance", `{"ServiceId":"`+id+`","InstanceId":"i"}`)
}

// TestCustomHealth_Delay: on AWS a status becomes effective 30 seconds after it
// was first asked for, unless the opposite comes before.
func TestCustomHealth_Delay(t *testing.T) {
	h := harnessOf(t, world.AWS)
	id := h.service(h.namespace("a", vpcA), "web", dnsA+custom)
	h.register(id, "i", `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
	set := func(status string) {
		t.Helper()
		h.do("UpdateInstanceCustomHealthStatus", `{"ServiceId":"`+id+`","InstanceId":"i","Status":"`+status+`"}`)
	}
	want := func(status string) {
		t.Helper()
		h.do("GetInstancesHealthStatus", `{"ServiceId":"`+id+`"}`).want(`{"i":"`+status+`"}`, "Status")
	}
	// after lets the planner see a later time.
	after := func(delay time.Duration) {
		t.Helper()
		h.change(func(d *plan.Draft) {
			d.Now = d.Now.Add(delay)
			discover.Plan(d, id+"/i")
		})
	}
	want("HEALTHY") // the first status is effective at once
	set("UNHEALTHY")
	want("HEALTHY")
	at := h.changes.View().Instance(world.DiscoveryServiceID(id), "i").PendingAt
	after(29 * time.Second)
	want("HEALTHY")
	set("UNHEALTHY")
	if again := h.changes.View().Instance(world.DiscoveryServiceID(id), "i").PendingAt; !again.Equal(at) {
		t.Errorf("asking again moved the change from %s to %s", at, again)
	}
	set("HEALTHY")
	after(time.Hour)
	want("HEALTHY")
	set("UNHEALTHY")
	after(30 * time.Second)
	want("UNHEALTHY")
	set("HEALTHY")
	set("UNHEALTHY")
	after(time.Hour)
	want("UNHEALTHY")
}

func TestCustomHealth_SameStatusChangesNothing(t *testing.T) {
	h := newHarness(t)
	id := h.service(h.namespace("a", vpcA), "web", dnsA+custom)
	h.register(id, "i", `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
	revision := h.changes.View().Revision
	h.do("UpdateInstanceCustomHealthStatus", `{"ServiceId":"`+id+`","InstanceId":"i","Status":"HEALTHY"}`)
	if h.changes.View().Revision != revision {
		t.Error("a status that it has was written")
	}
}

func TestListInstances_Pages(t *testing.T) {
	h := newHarness(t)
	ns := h.namespace("a", vpcA)
	id, other := h.service(ns, "web", dnsA), h.service(ns, "other", dnsA)
	for i := range 5 {
		h.register(id, fmt.Sprintf("i%d", i), `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
		h.register(other, fmt.Sprintf("i%d", i), `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
	}
	page := func(token string) (string, []string) {
		t.Helper()
		r := h.do("ListInstances", `{"ServiceId":"`+id+`","MaxResults":2,"NextToken":"`+token+`"}`)
		next, _ := r.at("NextToken").(string)
		return next, r.list("Instances", "Id")
	}
	token, got := page("")
	if !slices.Equal(got, []string{"i0", "i1"}) {
		t.Errorf("first page %v", got)
	}
	// The last of the page goes, and another comes behind it.
	h.do("DeregisterInstance", `{"ServiceId":"`+id+`","InstanceId":"i1"}`)
	h.register(id, "i1a", `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
	token, got = page(token)
	if !slices.Equal(got, []string{"i1a", "i2"}) {
		t.Errorf("second page %v", got)
	}
	token, got = page(token)
	if !slices.Equal(got, []string{"i3", "i4"}) || token != "" {
		t.Errorf("third page %v, token %q", got, token)
	}
	health := h.do("GetInstancesHealthStatus", `{"ServiceId":"`+id+`","MaxResults":1,"Instances":["i4","i0","i4"]}`)
	health.want(`{"i0":"UNKNOWN"}`, "Status")
	health = h.do("GetInstancesHealthStatus", `{"ServiceId":"`+id+`","MaxResults":1,"Instances":["i4","i0","i4"],"NextToken":"`+health.text("NextToken")+`"}`)
	health.want(`{"i4":"UNKNOWN"}`, "Status")
	health.want(`null`, "NextToken")
	h.fails("ListInstances", `{"ServiceId":"`+id+`","NextToken":"x"}`, "InvalidInput", "The NextToken is not valid.")
	h.fails("GetInstancesHealthStatus", `{"ServiceId":"`+id+`","Instances":["i0"],"NextToken":"x"}`, "InvalidInput", "The NextToken is not valid.")
}
