package servicediscovery

import (
	"net/netip"
	"strings"
	"testing"

	"seamark/internal/api/apitest"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// mistake is a command that breaks one rule of Cloud Map's.
type mistake struct {
	rule string
	args []string
	want string // what the CLI must say
}

// TestCLI_refusals breaks each rule of RegisterInstance's attributes and of tags
// (Cloud Map API reference) with the AWS CLI, and looks that each has its own
// error and that nothing changed. What the CLI finds by itself is never sent.
func TestCLI_refusals(t *testing.T) {
	h := newHarness(t)
	all := append(h.registerMistakes(), h.tagMistakes()...)
	url, before := h.signed(), h.changes.View().Revision
	t.Run("all", func(t *testing.T) {
		for _, m := range all {
			t.Run(m.rule, func(t *testing.T) {
				t.Parallel()
				exit, out := apitest.CLI(t, url, append([]string{"servicediscovery"}, m.args...)...)
				if exit == 0 || !strings.Contains(out, m.want) {
					t.Errorf("aws servicediscovery %.300s\n exit %d: %.600s\nwant %s", strings.Join(m.args, " "), exit, out, m.want)
				}
			})
		}
	})
	if after := h.changes.View().Revision; after != before {
		t.Errorf("refused commands wrote %d revisions", after-before)
	}
}

// refusedAs is how the CLI shows an error.
func refusedAs(operation, code, message string) string {
	return "An error occurred (" + code + ") when calling the " + operation + " operation: " + message
}

func (h *harness) registerMistakes() []mistake {
	private, web := h.namespace("a", vpcA), h.httpNamespace("web")
	dns := func(name, policy string, types ...string) string {
		var list []string
		for _, kind := range types {
			list = append(list, `{"Type":"`+kind+`","TTL":60}`)
		}
		return h.service(private, name, `,"DnsConfig":{"RoutingPolicy":"`+policy+`","DnsRecords":[`+strings.Join(list, ",")+`]}`)
	}
	a, aaaa, both := dns("v4", "MULTIVALUE", "A"), dns("v6", "MULTIVALUE", "AAAA"), dns("both", "MULTIVALUE", "A", "AAAA")
	srv, cname := dns("srv", "MULTIVALUE", "SRV"), dns("cname", "WEIGHTED", "CNAME")
	weighted, weightedSRV := dns("weighted", "WEIGHTED", "A"), dns("wsrv", "WEIGHTED", "SRV")
	custom, checked, plain := h.service(private, "custom", dnsA+custom), h.service(web, "checked", httpCheck), h.service(web, "plain", "")
	h.change(func(d *plan.Draft) {
		d.Put(&world.Instance{ID: "i-0123456789abcdef0", Address: netip.MustParseAddr("10.0.1.9"), State: world.InstanceRunning})
	})
	h.do("RegisterInstance", `{"ServiceId":"`+a+`","InstanceId":"first","CreatorRequestId":"used","Attributes":{"AWS_INSTANCE_IPV4":"10.0.0.1"}}`)
	const alias, machine = `"AWS_ALIAS_DNS_NAME":"lb.example.com"`, `"AWS_EC2_INSTANCE_ID":"i-0123456789abcdef0"`
	const v4, v6, port = `"AWS_INSTANCE_IPV4":"10.0.0.1"`, `"AWS_INSTANCE_IPV6":"2001:db8::1"`, `"AWS_INSTANCE_PORT":"80"`
	register := func(rule, service, attributes, message string) mistake {
		args := []string{"register-instance", "--service-id", service, "--instance-id", "i", "--attributes", "{" + attributes + "}"}
		return mistake{rule, args, refusedAs("RegisterInstance", "InvalidInput", message)}
	}
	required := func(key, types string) string {
		return "The attribute " + key + " is required for services with record type " + types + "."
	}
	invalidKey, invalidValue := "1 validation error detected: Value '{", "1 validation error detected: "
	named := func(rule, id, service, code, message string, more ...string) mistake {
		args := append([]string{"register-instance", "--service-id", service, "--instance-id", id, "--attributes", "{" + v4 + "," + port + "}"}, more...)
		return mistake{rule, args, refusedAs("RegisterInstance", code, message)}
	}
	return []mistake{
		{"attributes are required", []string{"register-instance", "--service-id", a, "--instance-id", "i"}, "--attributes"},
		register("a key has no blank", plain, `"a b":"x"`, invalidKey),
		register("a key has at most 255 characters", plain, `"`+strings.Repeat("k", 256)+`":"x"`, invalidKey),
		register("a value has at most 1024 characters", plain, `"k":"`+strings.Repeat("v", 1025)+`"`, invalidValue),
		register("a value does not begin with a blank", plain, `"k":" x"`, invalidValue),
		register("at most 30 custom attributes", plain, customs(31), "An instance can have at most 30 custom attributes."),
		register("at most 5000 characters together", plain, sized(5001), "The total size of all attributes must not exceed 5000 characters."),
		named("an instance id has no blank", "a b", a, "InvalidInput", "1 validation error detected: Value 'a b' at 'instanceId'"),
		named("an instance id has at most 64 characters", strings.Repeat("i", 65), a, "InvalidInput", "1 validation error detected: Value '"),
		named("an instance id is part of a DNS name", "a..b", srv, "InvalidInput", "The instance ID a..b cannot be part of a DNS name, which SRV records need."),
		named("the service exists", "i", "srv-none", "ServiceNotFound", "Can't find a service with ID srv-none."),
		named("a request id is of one instance", "second", a, "DuplicateRequest", "A request with the CreatorRequestId used and other parameters was made.", "--creator-request-id", "used"),
		register("A needs an IPv4 address", a, v6, required("AWS_INSTANCE_IPV4", "A")),
		register("an IPv4 address is one", a, `"AWS_INSTANCE_IPV4":"10.0.0.256"`, "AWS_INSTANCE_IPV4 is not a valid IPv4 address: 10.0.0.256"),
		register("AAAA needs an IPv6 address", aaaa, v4, required("AWS_INSTANCE_IPV6", "AAAA")),
		register("an IPv6 address is one", aaaa, `"AWS_INSTANCE_IPV6":"10.0.0.1"`, "AWS_INSTANCE_IPV6 is not a valid IPv6 address: 10.0.0.1"),
		register("A and AAAA need one of them", both, port, required("AWS_INSTANCE_IPV4", "A, AAAA")),
		register("SRV needs a port", srv, v4, required("AWS_INSTANCE_PORT", "SRV")),
		register("SRV needs an address", srv, port, required("AWS_INSTANCE_IPV4", "SRV")),
		register("a port is not 0", srv, v4+`,"AWS_INSTANCE_PORT":"0"`, "AWS_INSTANCE_PORT is not a valid port: 0"),
		register("a port is at most 65535", srv, v4+`,"AWS_INSTANCE_PORT":"65536"`, "AWS_INSTANCE_PORT is not a valid port: 65536"),
		register("a health check needs a port", checked, v4, "The attribute AWS_INSTANCE_PORT is required for services with a health check."),
		register("a health check needs an address", checked, port, "The attribute AWS_INSTANCE_IPV4 is required for services with a health check."),
		register("CNAME needs a name", cname, v4, required("AWS_INSTANCE_CNAME", "CNAME")),
		register("a CNAME is a name", cname, `"AWS_INSTANCE_CNAME":"a..b"`, "AWS_INSTANCE_CNAME is not a valid domain name: a..b"),
		register("an alias needs WEIGHTED", a, alias, "ALIAS instance can be registered only in services with WEIGHTED routing policy"),
		register("an alias needs A or AAAA", weightedSRV, alias, "ALIAS instance can be registered only in services with A or AAAA records"),
		register("an alias has no IPv4 address", weighted, alias+","+v4, "AWS_ALIAS_DNS_NAME and AWS_INSTANCE_IPV4 cannot both be specified."),
		register("an alias has no IPv6 address", weighted, alias+","+v6, "AWS_ALIAS_DNS_NAME and AWS_INSTANCE_IPV6 cannot both be specified."),
		register("an alias has no port", weighted, alias+","+port, "AWS_ALIAS_DNS_NAME and AWS_INSTANCE_PORT cannot both be specified."),
		register("an alias has no CNAME", weighted, alias+`,"AWS_INSTANCE_CNAME":"a.b"`, "AWS_ALIAS_DNS_NAME and AWS_INSTANCE_CNAME cannot both be specified."),
		register("an alias is no EC2 instance", weighted, alias+","+machine, "AWS_ALIAS_DNS_NAME and AWS_EC2_INSTANCE_ID cannot both be specified."),
		register("an alias is a name", weighted, `"AWS_ALIAS_DNS_NAME":"lb..com"`, "AWS_ALIAS_DNS_NAME is not a valid domain name: lb..com"),
		register("an EC2 instance is in an HTTP namespace", a, machine, "AWS_EC2_INSTANCE_ID can be specified only for services in HTTP namespaces."),
		register("an EC2 instance stands alone", plain, machine+","+port, "AWS_INSTANCE_PORT cannot be specified together with AWS_EC2_INSTANCE_ID."),
		register("an EC2 instance exists", plain, `"AWS_EC2_INSTANCE_ID":"i-none"`, "The EC2 instance i-none does not exist."),
		register("an initial status needs custom health", a, v4+`,"AWS_INIT_HEALTH_STATUS":"HEALTHY"`, "AWS_INIT_HEALTH_STATUS can be specified only for services with HealthCheckCustomConfig."),
		register("an initial status is one of two", custom, v4+`,"AWS_INIT_HEALTH_STATUS":"UNKNOWN"`, "AWS_INIT_HEALTH_STATUS must be HEALTHY or UNHEALTHY: UNKNOWN"),
	}
}

func (h *harness) tagMistakes() []mistake {
	id := h.httpNamespace("tagged")
	arn := arnPrefix + "namespace/" + id
	h.do("TagResource", `{"ResourceARN":"`+arn+`","Tags":[`+tags(50)+`]}`)
	tag := func(rule, on, given, code, message string) mistake {
		return mistake{rule, []string{"tag-resource", "--resource-arn", on, "--tags", given}, refusedAs("TagResource", code, message)}
	}
	local := func(rule, given, message string) mistake {
		return mistake{rule, []string{"tag-resource", "--resource-arn", arn, "--tags", given}, message}
	}
	none := arnPrefix + "service/srv-none"
	const gone, many = "ResourceNotFoundException", "A resource can have at most 50 tags."
	return []mistake{
		local("a tag has a key", `[{"Key":"","Value":"v"}]`, "Parameter validation failed"),
		local("a tag has a value", `[{"Key":"k"}]`, `Missing required parameter in Tags[0]: "Value"`),
		tag("a tag's key has at most 128 characters", arn, `[{"Key":"`+strings.Repeat("k", 129)+`","Value":"v"}]`, "InvalidInput", "1 validation error detected: Value '"),
		tag("a tag's value has at most 256 characters", arn, `[{"Key":"k","Value":"`+strings.Repeat("v", 257)+`"}]`, "InvalidInput", "1 validation error detected: Value '"),
		tag("a tag's key is not AWS's", arn, `[{"Key":"aws:x","Value":"v"}]`, "InvalidInput", "Tag keys must not start with aws:."),
		tag("at most 50 tags", arn, `[{"Key":"more","Value":"v"}]`, "TooManyTagsException", many),
		{"at most 50 tags from the start", []string{"create-http-namespace", "--name", "other", "--tags", "[" + tags(51) + "]"}, refusedAs("CreateHttpNamespace", "TooManyTagsException", many)},
		tag("what is tagged exists", none, `[{"Key":"k","Value":"v"}]`, gone, "The resource "+none+" was not found."),
		tag("what is tagged is named by its ARN", id, `[{"Key":"k","Value":"v"}]`, gone, "The resource "+id+" was not found."),
		{"what loses tags exists", []string{"untag-resource", "--resource-arn", none, "--tag-keys", "k"}, refusedAs("UntagResource", gone, "The resource "+none+" was not found.")},
		{"whose tags are listed exists", []string{"list-tags-for-resource", "--resource-arn", none}, refusedAs("ListTagsForResource", gone, "The resource "+none+" was not found.")},
	}
}
