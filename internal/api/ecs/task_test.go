package ecs

import (
	"fmt"
	"strings"
	"testing"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// runJSON is a RunTask request for Fargate with members added, replaced or, by
// null, left out.
func runJSON(members string) string {
	return overlay(`"cluster":"c","taskDefinition":"web","launchType":"FARGATE",`+awsvpcBoth, members)
}

func TestRunTask_refuses(t *testing.T) {
	h := services(t)
	over := func(members string) string { return runJSON(`"overrides":{` + members + `}`) }
	container := func(members string) string {
		return over(`"containerOverrides":[{"name":"app"` + more(members) + `}]`)
	}
	for name, c := range map[string]struct{ body, code, message string }{
		"cluster":            {runJSON(`"cluster":"x"`), "ClusterNotFoundException", "Cluster not found."},
		"token":              {runJSON(`"clientToken":"` + strings.Repeat("x", 65) + `"`), "", "clientToken must have 1 to 64 ASCII characters in the range 33-126."},
		"token blank":        {runJSON(`"clientToken":"a b"`), "", "clientToken must have 1 to 64 ASCII characters in the range 33-126."},
		"definition":         {runJSON(`"taskDefinition":"x"`), "ClientException", "TaskDefinition not found."},
		"inactive":           {runJSON(`"taskDefinition":"old:1"`), "ClientException", "TaskDefinition is inactive"},
		"count 0":            {runJSON(`"count":0`), "", "count must be between 1 and 10, but was 0."},
		"count 11":           {runJSON(`"count":11`), "", "count must be between 1 and 10, but was 11."},
		"propagate":          {runJSON(`"propagateTags":"SERVICE"`), "", "propagateTags must be TASK_DEFINITION or NONE when running a task."},
		"started by":         {runJSON(`"startedBy":"` + strings.Repeat("x", 129) + `"`), "", "startedBy can have at most 128 characters."},
		"group":              {runJSON(`"group":"service:web"`), "", "Invalid namespace for group. The prefix 'service:' is reserved for Amazon ECS."},
		"volumes":            {runJSON(`"volumeConfigurations":[{"name":"v","managedEBSVolume":{"roleArn":"r"}}]`), "UnsupportedFeatureException", "Parameter volumeConfigurations is not built in Seamark yet."},
		"network":            {runJSON(`"networkConfiguration":null`), "", "Network Configuration must be provided when networkMode 'awsvpc' is specified."},
		"subnet":             {runJSON(network(`"subnet-9"`, "")), "", "Error retrieving subnet information for [subnet-9]: The subnet ID 'subnet-9' does not exist (ErrorCode: InvalidSubnetID.NotFound)"},
		"bridge":             {runJSON(`"taskDefinition":"bridge","launchType":"EC2","networkConfiguration":null`), "", "No Container Instances were found in your cluster."},
		"bridge on Fargate":  {runJSON(`"taskDefinition":"bridge","networkConfiguration":null`), "", "Task definition does not support launch_type FARGATE."},
		"EC2":                {runJSON(`"launchType":"EC2"`), "", "No Container Instances were found in your cluster."},
		"default":            {runJSON(`"launchType":null`), "", "No Container Instances were found in your cluster."},
		"constraint":         {runJSON(`"placementConstraints":[{"type":"distinctInstance"}]`), "", "Placement constraints are not supported with FARGATE launch type."},
		"platform":           {runJSON(`"platformVersion":"1.0.0"`), "PlatformUnknownException", "The specified platform does not exist."},
		"tags":               {runJSON(`"tags":[{"key":"a"},{"key":"a"}]`), "", "Duplicate tag key: a"},
		"overrides":          {container(`"command":["` + strings.Repeat("x", 8192) + `"]`), "", "Container Overrides length must be at most 8192"},
		"override name":      {over(`"containerOverrides":[{"name":"x"}]`), "", "Override for container named x is not a container in the TaskDefinition."},
		"override no name":   {over(`"containerOverrides":[{}]`), "", "Override container name cannot be empty."},
		"override cpu":       {container(`"cpu":-1`), "", "Invalid 'cpu' override for container 'app'."},
		"override memory":    {container(`"memory":5`), "", "Invalid 'memory' override for container 'app'."},
		"override soft":      {container(`"memoryReservation":5`), "", "Invalid 'memoryReservation' override for container 'app'."},
		"override variable":  {container(`"environment":[{"value":"x"}]`), "", "Environment variable name of an override for container 'app' cannot be empty."},
		"override files":     {container(`"environmentFiles":[{"type":"s3","value":"x"}]`), "UnsupportedFeatureException", "Parameter environmentFiles is not built in Seamark yet."},
		"override GPU":       {container(`"resourceRequirements":[{"type":"GPU","value":"1"}]`), "UnsupportedFeatureException", "Parameter resourceRequirements is not built in Seamark yet."},
		"override inference": {over(`"inferenceAcceleratorOverrides":[{"deviceName":"x"}]`), "UnsupportedFeatureException", "Parameter inferenceAcceleratorOverrides is not built in Seamark yet."},
		"override task cpu":  {over(`"cpu":"x"`), "ClientException", "Invalid 'cpu' setting for task."},
		"override task mem":  {over(`"memory":"x"`), "ClientException", "Invalid 'memory' setting for task."},
		"override size":      {over(`"cpu":"1 vCPU"`), "ClientException", "No Fargate configuration exists for given values: 1024 CPU, 512 memory."},
		"override storage":   {over(`"ephemeralStorage":{"sizeInGiB":201}`), "ClientException", "Invalid 'sizeInGiB' setting for 'ephemeralStorage'. It must be between 21 and 200."},
	} {
		t.Run(name, func(t *testing.T) {
			g := *h
			g.T = t
			if c.code == "" {
				c.code = "InvalidParameterException"
			}
			g.fails("RunTask", c.body, c.code, c.message)
		})
	}
	tags := func(prefix string) string {
		all := ""
		for i := range 26 {
			all += fmt.Sprintf(`,{"key":"%s%d"}`, prefix, i)
		}
		return `"tags":[` + all[1:] + `]`
	}
	h.fargate("tagged", tags("d")+",")
	h.fails("RunTask", runJSON(`"taskDefinition":"tagged","propagateTags":"TASK_DEFINITION",`+tags("k")), "InvalidParameterException", "Tags can have a maximum of 50 items.")
}

// A task through its whole life, as DescribeTasks shows it.
func TestTask_life(t *testing.T) {
	h := services(t)
	h.change(func(d *plan.Draft) {
		vpc := *d.World.VPCs.Get("vpc-0000000000000000a")
		vpc.EnableDNSHostnames = true
		d.Put(&vpc)
	})
	body := runJSON(`"startedBy":"me","group":"batch","tags":[{"key":"k","value":"v"}],"enableECSManagedTags":true,` + network(`"`+subnetA+`"`, "") +
		`,"overrides":{"cpu":"512","memory":"1GB","taskRoleArn":"arn:aws:iam::123456789012:role/t","ephemeralStorage":{"sizeInGiB":50},
		"containerOverrides":[{"name":"app","command":["a"],"environment":[{"name":"A","value":"b"}],"cpu":64,"memory":128,"memoryReservation":64}]}`)
	r := h.do("RunTask", body)
	golden(t, "run_task.json", r.raw)
	arn := r.text("tasks", 0, "taskArn")
	describe := func(file, status, attachment string) {
		t.Helper()
		r := h.do("DescribeTasks", `{"cluster":"c","tasks":["`+arn+`"],"include":["TAGS"]}`)
		r.want(`"`+status+`"`, "tasks", 0, "lastStatus")
		r.want(`"`+attachment+`"`, "tasks", 0, "attachments", 0, "status")
		if file != "" {
			golden(t, file, r.raw)
		}
	}
	describe("", "PROVISIONING", "PRECREATED")
	h.node(obey)
	h.plan()
	describe("", "PENDING", "ATTACHED")
	h.node(obey)
	h.plan()
	describe("task_running.json", "RUNNING", "ATTACHED")

	h.do("StopTask", `{"cluster":"c","task":"`+arn+`","reason":"enough"}`).want(`"STOPPED"`, "task", "desiredStatus")
	again := h.do("StopTask", `{"cluster":"c","task":"`+arn+`","reason":"other"}`)
	again.want(`"enough"`, "task", "stoppedReason")
	again.want(`"UserInitiated"`, "task", "stopCode")
	describe("", "RUNNING", "ATTACHED")
	h.plan()
	describe("", "STOPPING", "ATTACHED")
	h.node(obey)
	h.plan()
	describe("", "DEPROVISIONING", "DELETED")
	h.node(obey)
	h.plan()
	describe("task_stopped.json", "STOPPED", "DELETED")
	h.do("StopTask", `{"cluster":"c","task":"`+arn+`"}`).want(`"STOPPED"`, "task", "lastStatus")
}

func TestRunTask_defaults(t *testing.T) {
	h := services(t)
	r := h.do("RunTask", runJSON(`"platformVersion":"LATEST"`))
	r.want(`"family:web"`, "tasks", 0, "group")
	r.want(`null`, "tasks", 0, "startedBy")
	r.want(`"1.4.0"`, "tasks", 0, "platformVersion")
	r.want(`[]`, "tasks", 0, "tags")
	r.want(`{"sizeInGiB":20}`, "tasks", 0, "ephemeralStorage")
	r.want(`[]`, "failures")
	arn := r.text("tasks", 0, "taskArn")
	h.do("StopTask", `{"cluster":"c","task":"`+arn[len(taskARNPrefix+"c/"):]+`"}`).want(`"Task stopped by user"`, "task", "stoppedReason")
	// Without security groups the VPC's default group applies.
	h.do("RunTask", runJSON(network(`"`+subnetB+`"`, "")))
	for n := range h.changes.View().InterfacesIn(subnetB) {
		if len(n.SecurityGroups) != 1 || n.SecurityGroups[0] != "sg-defaulta" && n.SecurityGroups[0] != groupWeb {
			t.Errorf("interface %+v", n)
		}
	}
}

func TestRunTask_spreadsAndPropagates(t *testing.T) {
	h := services(t)
	h.fargate("tagged", `"tags":[{"key":"a","value":"definition"},{"key":"b","value":"definition"}],`)
	r := h.do("RunTask", runJSON(`"cluster":"s","launchType":null,"taskDefinition":"tagged","count":4,"propagateTags":"TASK_DEFINITION","tags":[{"key":"a","value":"request"}],
		"capacityProviderStrategy":[{"capacityProvider":"FARGATE","base":1},{"capacityProvider":"FARGATE_SPOT","weight":1}]`))
	zones, providers := map[any]int{}, map[any]int{}
	for i := range 4 {
		zones[r.at("tasks", i, "availabilityZone")]++
		providers[r.at("tasks", i, "capacityProviderName")]++
		r.want(`[{"key":"a","value":"request"},{"key":"b","value":"definition"}]`, "tasks", i, "tags")
	}
	if zones["us-east-1a"] != 2 || zones["us-east-1b"] != 2 || providers["FARGATE"] != 1 || providers["FARGATE_SPOT"] != 3 {
		t.Errorf("zones %v, providers %v", zones, providers)
	}
}

func TestRunTask_exhausted(t *testing.T) {
	h := services(t) // the /28 has 11 addresses
	tiny := runJSON(network(`"`+subnetTiny+`"`, "") + `,"count":10,"clientToken":"x"`)
	h.do("RunTask", runJSON(network(`"`+subnetTiny+`"`, "")+`,"count":10`)).want(`[]`, "failures")
	r := h.do("RunTask", tiny)
	if n := len(r.at("tasks").([]any)); n != 1 {
		t.Errorf("%d tasks in the last address", n)
	}
	if n := len(r.at("failures").([]any)); n != 9 {
		t.Errorf("%d failures, want 9", n)
	}
	r.want(`{"reason":"RESOURCE:ENI"}`, "failures", 0)
	r = h.do("RunTask", runJSON(network(`"`+subnetTiny+`"`, "")+`,"clientToken":"y"`))
	r.want(`[]`, "tasks")
	r.want(`[{"reason":"RESOURCE:ENI"}]`, "failures")
	if h.changes.View().Tokens.Get("ecs:RunTask/y") != nil {
		t.Error("a request that made nothing is remembered")
	}
}

func TestRunTask_isIdempotent(t *testing.T) {
	h := services(t)
	first := h.do("RunTask", runJSON(`"count":2,"clientToken":"one"`))
	arns := []string{first.text("tasks", 0, "taskArn"), first.text("tasks", 1, "taskArn")}
	for _, body := range []string{runJSON(`"count":2,"clientToken":"one"`), runJSON(`"count":2,"clientToken":"one","cluster":"` + clusterARNPrefix + `c"`)} {
		again := h.do("RunTask", body)
		again.want(`"`+arns[0]+`"`, "tasks", 0, "taskArn")
		again.want(`"`+arns[1]+`"`, "tasks", 1, "taskArn")
	}
	if n := h.changes.View().Tasks.Len(); n != 2 {
		t.Errorf("%d tasks after three requests", n)
	}
	status, b := h.post("RunTask", runJSON(`"count":3,"clientToken":"one"`))
	if want := `"resourceIds":["` + arns[0] + `","` + arns[1] + `"]`; status != 400 || !strings.Contains(string(b), `"__type":"ConflictException"`) || !strings.Contains(string(b), want) {
		t.Errorf("conflict is %d %s", status, b)
	}
	h.do("RunTask", runJSON(`"count":2,"clientToken":"two"`))
	h.do("RunTask", runJSON(`"count":2`))
	if n := h.changes.View().Tasks.Len(); n != 6 {
		t.Errorf("%d tasks, want 6", n)
	}
}

func TestStartTask(t *testing.T) {
	h := services(t)
	h.fails("StartTask", `{"cluster":"c","taskDefinition":"web","containerInstances":[]}`, "InvalidParameterException", "Container instance cannot be empty.")
	h.fails("StartTask", `{"cluster":"c","taskDefinition":"x","containerInstances":["i"]}`, "ClientException", "TaskDefinition not found.")
	h.fails("StartTask", `{"cluster":"x","taskDefinition":"web","containerInstances":["i"]}`, "ClusterNotFoundException", "Cluster not found.")
	h.fails("StartTask", `{"cluster":"c","taskDefinition":"web","containerInstances":["1","2","3","4","5","6","7","8","9","10","11"]}`, "InvalidParameterException", "containerInstances can have at most 10 items.")
	r := h.do("StartTask", `{"cluster":"c","taskDefinition":"web","containerInstances":["i"]}`)
	r.want(`[{"arn":"arn:aws:ecs:us-east-1:123456789012:container-instance/c/i","reason":"MISSING"}]`, "failures")
	r.want(`[]`, "tasks")
}

func TestTasks_unknown(t *testing.T) {
	h := services(t)
	id := strings.Repeat("0", 32)
	h.fails("StopTask", `{"cluster":"c","task":"`+id+`"}`, "InvalidParameterException", "The referenced task was not found.")
	h.fails("StopTask", `{"cluster":"c","task":"x"}`, "InvalidParameterException", "taskId length should be one of [32,36]")
	h.fails("StopTask", `{"task":"`+id+`"}`, "ClusterNotFoundException", "Cluster not found.")
	h.fails("DescribeTasks", `{"cluster":"c","tasks":[]}`, "InvalidParameterException", "Tasks cannot be empty.")
	h.fails("DescribeTasks", `{"cluster":"c","tasks":["`+taskARNPrefix+`s/`+id+`"]}`, "InvalidParameterException", "Invalid identifier: Identifier is for cluster s. Your cluster is c")
	h.fails("DescribeTasks", `{"cluster":"c","tasks":["arn:aws:s3:::x"]}`, "InvalidParameterException", "Invalid identifier: Unexpected number of separators")
	h.fails("DescribeTasks", `{"cluster":"c","tasks":["`+serviceARNPrefix+`c/web"]}`, "InvalidParameterException", "Unsupported resource type: service")
	h.fails("DescribeTasks", `{"cluster":"c","tasks":[`+strings.TrimSuffix(strings.Repeat(`"`+id+`",`, 101), ",")+`]}`, "InvalidParameterException", "Tasks can have at most 100 items.")
	h.do("DescribeTasks", `{"cluster":"c","tasks":["`+id+`"]}`).want(`[{"arn":"`+taskARNPrefix+`c/`+id+`","reason":"MISSING"}]`, "failures")
	// A task of another cluster is not there.
	arn := h.do("RunTask", runJSON("")).text("tasks", 0, "taskArn")
	h.do("DescribeTasks", `{"cluster":"s","tasks":["`+arn[len(taskARNPrefix+"c/"):]+`"]}`).want(`[]`, "tasks")
}

func TestListTasks(t *testing.T) {
	h := services(t)
	h.do("CreateService", serviceJSON(""))
	h.settle()
	h.do("RunTask", runJSON(`"startedBy":"me"`))
	h.fargate("other", "")
	h.do("RunTask", runJSON(`"taskDefinition":"other"`))
	svc := h.do("DescribeServices", `{"cluster":"c","services":["web"]}`)
	count := func(members string, want int) {
		t.Helper()
		r := h.do("ListTasks", `{"cluster":"c"`+more(members)+`}`)
		if got := len(r.at("taskArns").([]any)); got != want {
			t.Errorf("%s lists %d tasks, want %d", members, got, want)
		}
	}
	count("", 4)
	count(`"serviceName":"web"`, 2)
	count(`"serviceName":"`+serviceARNPrefix+`c/web","desiredStatus":"RUNNING","launchType":"FARGATE"`, 2)
	count(`"family":"web"`, 3)
	count(`"family":"other"`, 1)
	count(`"startedBy":"me"`, 1)
	count(`"startedBy":"`+svc.text("services", 0, "deployments", 0, "id")+`"`, 2)
	count(`"launchType":"EC2"`, 0)
	count(`"desiredStatus":"STOPPED"`, 0)
	count(`"desiredStatus":"PENDING"`, 0)
	count(`"containerInstance":"i"`, 0)
	h.do("StopTask", `{"cluster":"c","task":"`+h.do("ListTasks", `{"cluster":"c","family":"other"}`).at("taskArns", 0).(string)+`"}`)
	count("", 3)
	count(`"desiredStatus":"STOPPED","family":"other"`, 1)
	h.settle()
	count(`"desiredStatus":"STOPPED"`, 1)
	r := h.do("ListTasks", `{"cluster":"c","maxResults":2}`)
	r = h.do("ListTasks", `{"cluster":"c","maxResults":2,"nextToken":"`+r.text("nextToken")+`"}`)
	if len(r.at("taskArns").([]any)) != 1 || r.at("nextToken") != nil {
		t.Errorf("the second page is %s", r.raw)
	}
	h.fails("ListTasks", `{"cluster":"c","serviceName":"x"}`, "ServiceNotFoundException", "Service not found.")
	h.fails("ListTasks", `{"cluster":"x"}`, "ClusterNotFoundException", "Cluster not found.")
	h.fails("ListTasks", `{"cluster":"c","serviceName":"web","family":"web"}`, "InvalidParameterException", "cannot specify serviceName with other arguments")
	h.fails("ListTasks", `{"cluster":"c","startedBy":"me","family":"web"}`, "InvalidParameterException", "cannot specify startedBy with other arguments")
	h.fails("ListTasks", `{"cluster":"c","daemonName":"x"}`, "UnsupportedFeatureException", "Parameter daemonName is not built in Seamark yet.")
	h.fails("ListTasks", `{"cluster":"c","maxResults":0}`, "InvalidParameterException", "maxResults must be between 1 and 100, but was 0")
}

func TestShowTask_health(t *testing.T) {
	h := services(t)
	h.do("RegisterTaskDefinition", `{"family":"checked","networkMode":"awsvpc","cpu":"256","memory":"512","containerDefinitions":[
		{"name":"app","image":"i","healthCheck":{"command":["CMD","true"]}},{"name":"side","image":"i"}]}`)
	arn := h.do("RunTask", runJSON(`"taskDefinition":"checked"`)).text("tasks", 0, "taskArn")
	h.settle()
	for _, health := range []world.HealthStatus{world.HealthUnknown, world.Healthy, world.Unhealthy} {
		h.node(func(_ *plan.Draft, t *world.Task) { t.Observed.Containers[0].Health = health })
		r := h.do("DescribeTasks", `{"cluster":"c","tasks":["`+arn+`"]}`)
		r.want(`"`+string(health)+`"`, "tasks", 0, "healthStatus")
		r.want(`"`+string(health)+`"`, "tasks", 0, "containers", 0, "healthStatus")
		r.want(`"UNKNOWN"`, "tasks", 0, "containers", 1, "healthStatus")
	}
}
