//go:build linux

package blackbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestGuide types the commands of the guide with the real AWS CLI, against
// nginx, and looks at what they do with the host's own tools. Beside it a
// second Seamark with the same networks is walked through, more briefly.
func TestGuide(t *testing.T) {
	images := built(t, "images/out", "make images")
	walks := []*walk{{brief: false}, {brief: true}}
	for _, w := range walks {
		w.server = start(t, options{images: images})
	}
	var both sync.WaitGroup
	defer both.Wait()
	for _, w := range walks {
		both.Go(func() {
			began := time.Now()
			t.Run(fmt.Sprintf("brief=%v", w.brief), func(t *testing.T) {
				outer := w.server.t
				w.t, w.server.t = t, t
				defer func() { w.server.t = outer }()
				w.steps()
			})
			t.Logf("the walk with brief=%v took %v, %d commands", w.brief, time.Since(began).Round(time.Second), w.commands)
		})
	}
}

// walk is one walk through the guide, with the ids that its steps return.
type walk struct {
	*server
	t        *testing.T
	brief    bool
	began    time.Time
	commands int

	vpc, other          string
	subnets             [3]string
	group               string
	namespace, registry string
	arn, definition     string
	instance            string
}

func (w *walk) steps() {
	w.began = time.Now()
	if !w.brief {
		w.tooEarly()
	}
	w.network()
	w.names()
	w.service()
	w.fromInside()
	w.anotherVPC()
	if !w.brief {
		w.securityGroup()
		w.customHealth()
		w.testInstance()
		w.taskDies()
		w.troubleshoot()
		w.observe()
	}
	w.takeBack()
}

// run types a command and returns what it printed.
func (w *walk) run(args ...string) string {
	w.t.Helper()
	out, code := w.typed(args...)
	if code != 0 {
		w.t.Fatalf("aws %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return strings.TrimSpace(out)
}

func (w *walk) typed(args ...string) (string, int) {
	w.t.Helper()
	w.commands++
	return output(w.t, w.aws(args...))
}

// text is the value of a --query.
func (w *walk) text(query string, args ...string) string {
	w.t.Helper()
	out := w.run(append(args, "--query", query, "--output", "text")...)
	if out == "" || out == "None" {
		w.t.Fatalf("aws %s: no %s", strings.Join(args, " "), query)
	}
	return out
}

// refused types a command that must end with an error of that code.
func (w *walk) refused(code string, args ...string) {
	w.t.Helper()
	if out, exit := w.typed(args...); exit == 0 || !strings.Contains(out, "An error occurred ("+code+")") {
		w.t.Errorf("aws %s: exit code %d, want the error %s\n%s", strings.Join(args, " "), exit, code, out)
	}
}

// until repeats a command until it prints what is wanted.
func (w *walk) until(what string, ok func(out string) bool, args ...string) {
	w.t.Helper()
	eventually(w.t, what, patience, func() error {
		out, code := w.typed(args...)
		if code != 0 || !ok(strings.TrimSpace(out)) {
			return fmt.Errorf("exit code %d: %s", code, out)
		}
		return nil
	})
}

func is(want string) func(string) bool { return func(out string) bool { return out == want } }

// inside runs a program of this host in a VPC.
func (w *walk) inside(vpc string, command ...string) (string, error) {
	w.t.Helper()
	out, code := w.seamark("in", append([]string{vpc, "--"}, command...)...)
	if code != 0 {
		return out, fmt.Errorf("exit code %d: %s", code, out)
	}
	return out, nil
}

func (w *walk) dig(vpc string, more ...string) (string, error) {
	w.t.Helper()
	return w.inside(vpc, append([]string{"dig", "+time=3", "+tries=1", "web.myapp.local"}, more...)...)
}

// answer waits until that many addresses are answered, and returns them sorted.
func (w *walk) answer(count int) (addresses []string) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("dig returns %d addresses", count), patience, func() error {
		out, err := w.dig(w.vpc, "+short")
		if err != nil {
			return err
		}
		if addresses = strings.Fields(out); len(addresses) != count {
			return errors.New(out)
		}
		return nil
	})
	slices.Sort(addresses)
	return addresses
}

func (w *walk) nobody(vpc string) {
	w.t.Helper()
	eventually(w.t, "the name does not exist in "+vpc, patience, func() error {
		out, err := w.dig(vpc)
		if err == nil && !strings.Contains(out, "status: NXDOMAIN") {
			err = errors.New(out)
		}
		return err
	})
}

// tooEarly does each step before the one that it needs.
func (w *walk) tooEarly() {
	w.refused("InvalidVpcID.NotFound", "ec2", "create-subnet", "--vpc-id", "vpc-12345678", "--cidr-block", "10.0.1.0/24")
	w.refused("NamespaceNotFound", "servicediscovery", "create-service", "--name", "web", "--namespace-id", "ns-12345678", "--dns-config", "DnsRecords=[{Type=A,TTL=300}]")
	w.refused("ClusterNotFoundException", "ecs", "create-service", "--cluster", "my-ecs-cluster", "--service-name", "web-service",
		"--task-definition", "web-service:1", "--desired-count", "2")
}

func (w *walk) network() {
	w.vpc = w.text("Vpc.VpcId", "ec2", "create-vpc", "--cidr-block", "10.0.0.0/16", "--tag-specifications", "ResourceType=vpc,Tags=[{Key=Name,Value=ecs-vpc}]")
	for i, zone := range []string{"us-east-1a", "us-east-1b"} {
		w.subnets[i] = w.text("Subnet.SubnetId", "ec2", "create-subnet", "--vpc-id", w.vpc, "--cidr-block", fmt.Sprintf("10.0.%d.0/24", i+1), "--availability-zone", zone)
	}
	w.group = w.text("GroupId", "ec2", "create-security-group", "--group-name", "web", "--description", "web", "--vpc-id", w.vpc)
	w.port80("authorize")
	w.run("ecs", "create-cluster", "--cluster-name", "my-ecs-cluster", "--capacity-providers", "FARGATE",
		"--default-capacity-provider-strategy", "capacityProvider=FARGATE,weight=1", "--tags", "key=Environment,value=production")
}

func (w *walk) port80(verb string) {
	w.t.Helper()
	w.run("ec2", verb+"-security-group-ingress", "--group-id", w.group, "--protocol", "tcp", "--port", "80", "--cidr", "10.0.0.0/16")
}

// names makes the namespace and the service in it.
func (w *walk) names() {
	op := w.text("OperationId", "servicediscovery", "create-private-dns-namespace", "--name", "myapp.local", "--vpc", w.vpc, "--description", "Private DNS namespace for ECS services")
	w.done(op)
	w.namespace = w.text("Operation.Targets.NAMESPACE", "servicediscovery", "get-operation", "--operation-id", op)
	w.registry = w.text("Service.Id", "servicediscovery", "create-service", "--name", "web", "--namespace-id", w.namespace,
		"--dns-config", "NamespaceId="+w.namespace+",DnsRecords=[{Type=A,TTL=300}]", "--health-check-custom-config", "FailureThreshold=3", "--description", "Web service discovery")
	w.arn = w.text("Service.Arn", "servicediscovery", "get-service", "--id", w.registry)
	if !w.brief {
		w.nobody(w.vpc)
	}
}

func (w *walk) done(operation string) {
	w.t.Helper()
	w.until("the operation has succeeded", is("SUCCESS"), "servicediscovery", "get-operation", "--operation-id", operation, "--query", "Operation.Status", "--output", "text")
}

func (w *walk) service() {
	w.definition = w.text("taskDefinition.taskDefinitionArn", "ecs", "register-task-definition", "--family", "web-service", "--network-mode", "awsvpc",
		"--requires-compatibilities", "FARGATE", "--cpu", "256", "--memory", "512", "--execution-role-arn", "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
		"--container-definitions", `[{"name":"web-container","image":"nginx:latest","portMappings":[{"containerPort":80,"protocol":"tcp"}],"essential":true,
		"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"/ecs/web-service","awslogs-region":"us-east-1","awslogs-stream-prefix":"ecs"}}}]`)
	w.run("ecs", "create-service", "--cluster", "my-ecs-cluster", "--service-name", "web-service", "--task-definition", w.definition, "--desired-count", "2", "--launch-type", "FARGATE",
		"--network-configuration", fmt.Sprintf("awsvpcConfiguration={subnets=[%s,%s],securityGroups=[%s],assignPublicIp=DISABLED}", w.subnets[0], w.subnets[1], w.group),
		"--service-registries", fmt.Sprintf(`[{"registryArn":%q}]`, w.arn), "--tags", "key=Environment,value=production")
	w.run("ecs", "wait", "services-stable", "--cluster", "my-ecs-cluster", "--services", "web-service")
}

// tasks describes the tasks of the service.
func (w *walk) tasks(query string) []string {
	w.t.Helper()
	arns := strings.Fields(w.text("taskArns[]", "ecs", "list-tasks", "--cluster", "my-ecs-cluster", "--service-name", "web-service"))
	found := strings.Fields(w.text(query, append([]string{"ecs", "describe-tasks", "--cluster", "my-ecs-cluster", "--tasks"}, arns...)...))
	slices.Sort(found)
	return found
}

const addressQuery = "tasks[].attachments[].details[?name==`privateIPv4Address`].value[]"

// fromInside looks with the host's own tools from inside the VPC.
func (w *walk) fromInside() {
	answer := w.answer(2)
	if shown := w.tasks(addressQuery); !slices.Equal(shown, answer) {
		w.t.Errorf("dig returns %v, describe-tasks %v", answer, shown)
	}
	if zones := w.tasks("tasks[].availabilityZone"); !slices.Equal(zones, []string{"us-east-1a", "us-east-1b"}) {
		w.t.Errorf("the tasks are in %v", zones)
	}
	out, err := w.dig(w.vpc, "+noall", "+answer")
	if err != nil {
		w.t.Error(err)
	}
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) != 5 || f[0] != webName || f[1] != "300" || f[3] != "A" {
			w.t.Errorf("dig answers %s", line)
		}
	}
	if out, err := w.inside(w.vpc, "nslookup", "web.myapp.local"); err != nil || !strings.Contains(out, answer[0]) {
		w.t.Errorf("nslookup: %v\n%s", err, out)
	}
	if err := w.reach(); err != nil {
		w.t.Error(err)
	}
}

// reach makes an HTTP request by name.
func (w *walk) reach() error {
	out, err := w.inside(w.vpc, "curl", "-sSI", "-m", "3", "http://web.myapp.local")
	if err == nil && (!strings.HasPrefix(out, "HTTP/1.1 200") || !strings.Contains(strings.ToLower(out), "\nserver: nginx")) {
		err = errors.New(out)
	}
	return err
}

// anotherVPC has the same addresses and knows nothing of the first.
func (w *walk) anotherVPC() {
	w.other = w.text("Vpc.VpcId", "ec2", "create-vpc", "--cidr-block", "10.0.0.0/16")
	w.subnets[2] = w.text("Subnet.SubnetId", "ec2", "create-subnet", "--vpc-id", w.other, "--cidr-block", "10.0.1.0/24", "--availability-zone", "us-east-1a")
	w.nobody(w.other)
	address := w.answer(2)[0]
	if out, err := w.inside(w.other, "curl", "-sSI", "-m", "1", "http://"+address); err == nil {
		w.t.Errorf("%s is reached from another VPC:\n%s", address, out)
	}
}

func (w *walk) securityGroup() {
	w.port80("revoke")
	eventually(w.t, "no connection is made without the rule", patience, func() error {
		if out, err := w.inside(w.vpc, "curl", "-sSI", "-m", "1", "http://web.myapp.local"); err == nil {
			return errors.New(out)
		}
		return nil
	})
	w.port80("authorize")
	eventually(w.t, "with the rule there is one", patience, w.reach)
}

func (w *walk) customHealth() {
	eventually(w.t, "both instances are discovered", patience, func() error {
		out, code := w.typed("servicediscovery", "discover-instances", "--namespace-name", "myapp.local", "--service-name", "web", "--query", "length(Instances)")
		if (code != 0 || strings.TrimSpace(out) != "2") && !prefixed(out) {
			return fmt.Errorf("exit code %d: %s", code, out)
		}
		return nil
	})
	id := w.text("Instances[0].Id", "servicediscovery", "list-instances", "--service-id", w.registry)
	for _, c := range []struct {
		status string
		count  int
	}{{"UNHEALTHY", 1}, {"HEALTHY", 2}} {
		w.run("servicediscovery", "update-instance-custom-health-status", "--service-id", w.registry, "--instance-id", id, "--status", c.status)
		w.answer(c.count)
	}
}

// testInstance is step 7 with the guide's own user data.
func (w *walk) testInstance() {
	w.instance = w.text("Instances[0].InstanceId", "ec2", "run-instances", "--image-id", "ami-0abcdef1234567890", "--instance-type", "t3.micro",
		"--subnet-id", w.subnets[0], "--security-group-ids", w.group, "--user-data", `#!/bin/bash
yum update -y
yum install -y bind-utils
echo "Testing DNS resolution..."
nslookup web.myapp.local
dig web.myapp.local
curl -I http://web.myapp.local`)
	w.until("the instance's console shows what its user data did", func(out string) bool {
		return strings.Contains(out, "Testing DNS resolution...") && strings.Contains(out, "status: NOERROR") && strings.Contains(out, "HTTP/1.1 200")
	}, "ec2", "get-console-output", "--instance-id", w.instance, "--query", "Output", "--output", "text")
}

// taskDies: its address leaves DNS while the other stays, and another task comes.
func (w *walk) taskDies() {
	task := strings.Fields(w.text("taskArns[]", "ecs", "list-tasks", "--cluster", "my-ecs-cluster", "--service-name", "web-service"))[0]
	address := w.text(addressQuery, "ecs", "describe-tasks", "--cluster", "my-ecs-cluster", "--tasks", task)
	w.run("ecs", "stop-task", "--cluster", "my-ecs-cluster", "--task", task)
	eventually(w.t, "another task has taken its place", patience, func() error {
		out, err := w.dig(w.vpc, "+short")
		if answer := strings.Fields(out); err == nil && (len(answer) != 2 || slices.Contains(answer, address)) {
			err = fmt.Errorf("without %s: %v", address, answer)
			if len(answer) == 0 {
				w.t.Errorf("nothing was answered while one of two tasks stopped")
			}
		}
		return err
	})
	if answer, shown := w.answer(2), w.tasks(addressQuery); !slices.Equal(answer, shown) {
		w.t.Errorf("dig returns %v, describe-tasks %v", answer, shown)
	}
}

// troubleshoot is section 10 of the guide.
func (w *walk) troubleshoot() {
	w.run("ec2", "describe-vpcs", "--vpc-ids", w.vpc, "--query", "Vpcs[0].{DnsSupport:DnsSupport,DnsHostnames:DnsHostnames}")
	w.until("DNS support is on", is("True"), "ec2", "describe-vpc-attribute", "--vpc-id", w.vpc, "--attribute", "enableDnsSupport", "--query", "EnableDnsSupport.Value", "--output", "text")
	w.run("route53resolver", "list-resolver-endpoints", "--filters", "Name=HostVPCId,Values="+w.vpc)
	w.until("two instances are listed", is("2"), "servicediscovery", "list-instances", "--service-id", w.registry, "--query", "length(Instances)")
	w.until("the events tell the story", func(out string) bool {
		return strings.Contains(out, "has reached a steady state") && strings.Count(out, "\n") >= 1
	}, "ecs", "describe-services", "--cluster", "my-ecs-cluster", "--services", "web-service", "--query", "services[0].events[0:5].[createdAt,message]", "--output", "text")
}

// observe is section 12 of the guide.
func (w *walk) observe() {
	w.until("both instances are healthy", is("HEALTHY\tHEALTHY"), "servicediscovery", "get-instances-health-status", "--service-id", w.registry, "--query", "values(Status)", "--output", "text")
	w.until("requests are in the log group", func(out string) bool { return strings.Contains(out, `"HEAD / HTTP/1.1" 200`) },
		"logs", "filter-log-events", "--log-group-name", "/ecs/web-service", "--start-time", fmt.Sprint(w.began.UnixMilli()), "--filter-pattern", `"HEAD / HTTP"`, "--query", "events[].message", "--output", "text")
	w.run("logs", "filter-log-events", "--log-group-name", "/ecs/web-service", "--start-time", "1640995200000", "--filter-pattern", "ERROR")
	queries := func(start, end, query string) []string {
		return []string{"cloudwatch", "get-metric-statistics", "--namespace", "AWS/Route53Resolver", "--metric-name", "QueryCount", "--dimensions", "Name=VPC,Value=" + w.vpc,
			"--start-time", start, "--end-time", end, "--period", "3600", "--statistics", "Sum", "--query", query, "--output", "text"}
	}
	hour := w.began.UTC().Add(-time.Hour).Format(time.RFC3339)
	soon := w.began.UTC().Add(10 * time.Minute).Format(time.RFC3339)
	w.until("queries are counted", func(out string) bool { return out != "" && out != "0" && out != "0.0" && out != "None" }, queries(hour, soon, "sum(Datapoints[].Sum)")...)
	if n := w.run(queries("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", "length(Datapoints)")...); n != "0" {
		w.t.Errorf("%s data points of 2024", n)
	}
}

// takeBack removes everything in order; what is in use is not removed.
func (w *walk) takeBack() {
	w.refused("DependencyViolation", "ec2", "delete-vpc", "--vpc-id", w.vpc)
	w.refused("ResourceInUse", "servicediscovery", "delete-namespace", "--id", w.namespace)
	w.run("ecs", "update-service", "--cluster", "my-ecs-cluster", "--service", "web-service", "--desired-count", "0")
	w.run("ecs", "delete-service", "--cluster", "my-ecs-cluster", "--service", "web-service", "--force")
	if w.instance != "" {
		w.run("ec2", "terminate-instances", "--instance-ids", w.instance)
	}
	w.until("all instances are deregistered", is("0"), "servicediscovery", "list-instances", "--service-id", w.registry, "--query", "length(Instances)")
	w.nobody(w.vpc)
	w.run("servicediscovery", "delete-service", "--id", w.registry)
	w.done(w.text("OperationId", "servicediscovery", "delete-namespace", "--id", w.namespace))
	gone := func(string) bool { return true }
	w.until("the cluster is deleted", gone, "ecs", "delete-cluster", "--cluster", "my-ecs-cluster")
	w.until("the security group is deleted", gone, "ec2", "delete-security-group", "--group-id", w.group)
	for _, s := range w.subnets {
		w.until("the subnet is deleted", gone, "ec2", "delete-subnet", "--subnet-id", s)
	}
	for _, v := range []string{w.vpc, w.other} {
		w.until("the VPC is deleted", gone, "ec2", "delete-vpc", "--vpc-id", v)
	}
}
