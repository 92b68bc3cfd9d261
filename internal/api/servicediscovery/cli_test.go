package servicediscovery

import (
	"reflect"
	"strings"
	"testing"

	"seamark/internal/api/apitest"
)

// commands types commands of the AWS CLI, and knows which ones.
type commands struct {
	*testing.T
	url   string
	typed map[string]bool
}

// run types a command that must succeed. A CLI that is too old to do without
// the host prefix calls data-127.0.0.1: then there is no answer.
func (c *commands) run(args ...string) (out string, answered bool) {
	c.Helper()
	c.typed[args[0]] = true
	exit, out := apitest.CLI(c.T, c.url, append([]string{"servicediscovery"}, args...)...)
	if exit != 0 && !strings.Contains(out, "data-127.0.0.1") {
		c.Fatalf("aws servicediscovery %s: exit %d\n%s", strings.Join(args, " "), exit, out)
	}
	return out, exit == 0
}

// get is run with a query for one value.
func (c *commands) get(query string, args ...string) string {
	c.Helper()
	out, _ := c.run(append(args, "--query", query, "--output", "text")...)
	return out
}

// want compares one value.
func (c *commands) want(want, query string, args ...string) {
	c.Helper()
	out, answered := c.run(append(args, "--query", query, "--output", "text")...)
	if answered && out != want {
		c.Errorf("aws servicediscovery %s: %s is %q, want %q", strings.Join(args, " "), query, out, want)
	}
}

// made is the namespace of an operation.
func (c *commands) made(args ...string) string {
	c.Helper()
	op := c.get("OperationId", args...)
	return c.get("Operation.Targets.NAMESPACE", "get-operation", "--operation-id", op)
}

// TestCLI_everyOperation has the AWS CLI do each of the thirty operations.
func TestCLI_everyOperation(t *testing.T) {
	h := newHarness(t)
	c := &commands{t, h.signed(), map[string]bool{}}
	private := c.made("create-private-dns-namespace", "--name", "myapp.local", "--vpc", vpcA, "--tags", "Key=team,Value=web")
	public := c.made("create-public-dns-namespace", "--name", "example.com", "--properties", "DnsProperties={SOA={TTL=60}}")
	web := c.made("create-http-namespace", "--name", "web")
	c.run("update-private-dns-namespace", "--id", private, "--namespace", "Description=private,Properties={DnsProperties={SOA={TTL=5}}}")
	c.run("update-public-dns-namespace", "--id", public, "--namespace", "Description=public")
	c.run("update-http-namespace", "--id", web, "--namespace", "Description=http")
	c.want("public\t60", "Namespace.[Description,Properties.DnsProperties.SOA.TTL]", "get-namespace", "--id", public)
	c.want("5", "Namespaces[0].Properties.DnsProperties.SOA.TTL", "list-namespaces", "--filters", "Name=TYPE,Values=DNS_PRIVATE")

	service := c.get("Service.Id", "create-service", "--name", "api", "--namespace-id", private, "--dns-config", "DnsRecords=[{Type=A,TTL=10},{Type=SRV,TTL=10}]", "--health-check-custom-config", "FailureThreshold=1")
	checked := c.get("Service.Id", "create-service", "--name", "checked", "--namespace-id", web, "--health-check-config", "Type=TCP,FailureThreshold=2")
	arn := c.get("Service.Arn", "get-service", "--id", service)
	c.want("DNS_HTTP", "Services[0].Type", "list-services", "--filters", "Name=NAMESPACE_ID,Values="+private)
	c.run("update-service", "--id", service, "--service", "Description=updated,DnsConfig={DnsRecords=[{Type=A,TTL=20},{Type=SRV,TTL=20}]}")
	c.want("updated\t20", "Service.[Description,DnsConfig.DnsRecords[0].TTL]", "get-service", "--id", arn)
	c.run("update-service-attributes", "--service-id", service, "--attributes", "a=1,b=2")
	c.run("delete-service-attributes", "--service-id", service, "--attributes", "a")
	c.want("2", "ServiceAttributes.Attributes.b", "get-service-attributes", "--service-id", service)
	c.run("tag-resource", "--resource-arn", arn, "--tags", "Key=k,Value=v", "Key=empty,Value=")
	c.run("untag-resource", "--resource-arn", arn, "--tag-keys", "empty")
	c.want("k=v", "Tags[].join('=', [Key, Value])", "list-tags-for-resource", "--resource-arn", arn)

	c.run("register-instance", "--service-id", service, "--instance-id", "i-1", "--attributes", "AWS_INSTANCE_IPV4=10.0.1.10,AWS_INSTANCE_PORT=8080,AWS_INIT_HEALTH_STATUS=UNHEALTHY,zone=a")
	c.run("register-instance", "--service-id", checked, "--instance-id", "i-1", "--attributes", "AWS_INSTANCE_IPV4=192.0.2.1,AWS_INSTANCE_PORT=80")
	c.want("8080", "Instance.Attributes.AWS_INSTANCE_PORT", "get-instance", "--service-id", service, "--instance-id", "i-1")
	c.want("i-1", "Instances[0].Id", "list-instances", "--service-id", arn)
	c.run("update-instance-custom-health-status", "--service-id", service, "--instance-id", "i-1", "--status", "HEALTHY")
	c.want("HEALTHY", `Status."i-1"`, "get-instances-health-status", "--service-id", service, "--instances", "i-1")
	c.want("UNKNOWN", `Status."i-1"`, "get-instances-health-status", "--service-id", checked)
	c.want("10.0.1.10\tHEALTHY", "Instances[0].[Attributes.AWS_INSTANCE_IPV4,HealthStatus]", "discover-instances", "--namespace-name", "myapp.local", "--service-name", "api", "--query-parameters", "zone=a")
	c.want("1", "InstancesRevision", "discover-instances-revision", "--namespace-name", "myapp.local", "--service-name", "api")
	c.want("1", "length(Operations)", "list-operations", "--filters", "Name=SERVICE_ID,Values="+service, "Name=TYPE,Values=REGISTER_INSTANCE")

	for _, id := range []string{service, checked} {
		c.run("deregister-instance", "--service-id", id, "--instance-id", "i-1")
		c.run("delete-service", "--id", id)
	}
	for _, id := range []string{private, public, web} {
		c.run("delete-namespace", "--id", id)
	}
	c.want("0", "length(Namespaces)", "list-namespaces")
	for field := range reflect.TypeFor[Operations]().Fields() {
		if command := kebab(field.Name); !c.typed[command] {
			t.Errorf("nobody typed %s", command)
		}
	}
}

// kebab is an operation's name as the CLI spells it.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}
