package ecs

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// services is a harness with the cluster "c" (no providers), "s" (with Fargate
// providers and default strategy), and definitions: web (Fargate), net (awsvpc,
// EC2 only), bridge, none, named (with container health check).
func services(t *testing.T) *harness {
	t.Helper()
	h := newHarness(t)
	h.do("CreateCluster", `{"clusterName":"c"}`)
	h.do("CreateCluster", `{"clusterName":"s","capacityProviders":["FARGATE","FARGATE_SPOT"],"defaultCapacityProviderStrategy":[{"capacityProvider":"FARGATE","weight":1}]}`)
	h.fargate("web", "")
	container := `"containerDefinitions":[{"name":"app","image":"i","memory":64,"portMappings":[{"containerPort":80}]}]`
	h.do("RegisterTaskDefinition", `{"family":"net","networkMode":"awsvpc",`+container+`}`)
	h.do("RegisterTaskDefinition", `{"family":"bridge",`+container+`}`)
	h.do("RegisterTaskDefinition", `{"family":"none","networkMode":"none","containerDefinitions":[{"name":"app","image":"i","memory":64}]}`)
	h.fargate("old", "")
	h.do("DeregisterTaskDefinition", `{"taskDefinition":"old:1"}`)
	return h
}

// serviceJSON is a CreateService request for a Fargate service with members
// added, replaced or, by null, left out.
func serviceJSON(members string) string {
	return overlay(`"cluster":"c","serviceName":"web","taskDefinition":"web","desiredCount":2,"launchType":"FARGATE",`+awsvpcBoth, members)
}

// overlay joins two lists of members of an object; those of the second list
// replace those of the first, and null removes them.
func overlay(base, members string) string {
	all := map[string]json.RawMessage{}
	for _, m := range []string{base, members} {
		if err := json.Unmarshal([]byte("{"+m+"}"), &all); err != nil {
			panic(fmt.Sprintf("%v in %s", err, m))
		}
	}
	for name, value := range all {
		if string(value) == "null" {
			delete(all, name)
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func network(subnets, groups string) string {
	return `"networkConfiguration":{"awsvpcConfiguration":{"subnets":[` + subnets + `],"securityGroups":[` + groups + `]}}`
}

func registry(arn, members string) string {
	return `"serviceRegistries":[{"registryArn":"` + arn + `"` + more(members) + `}]`
}

func TestCreateService_refuses(t *testing.T) {
	h := services(t)
	const noNetwork = `"networkConfiguration":null`
	bridge := func(members string) string {
		return serviceJSON(`"taskDefinition":"bridge","launchType":"EC2",` + noNetwork + more(members))
	}
	srvMissing := "When specifying 'awsvpc' for networkMode and a service registry with SRV records, either a value for 'port' or values for 'containerName' and 'containerPort' must be specified."
	for name, c := range map[string]struct{ body, code, message string }{
		"cluster":         {serviceJSON(`"cluster":"x"`), "ClusterNotFoundException", "Cluster not found."},
		"name":            {serviceJSON(`"serviceName":"a b"`), "", `Service name must match ^[a-zA-Z0-9\-_]{1,255}$, but was a b`},
		"token":           {serviceJSON(`"clientToken":"` + strings.Repeat("x", 37) + `"`), "", "clientToken must have 1 to 36 ASCII characters in the range 33-126."},
		"no count":        {serviceJSON(`"desiredCount":null`), "", "desiredCount is required when schedulingStrategy is REPLICA."},
		"negative count":  {serviceJSON(`"desiredCount":-1`), "", "desiredCount must be between 0 and 5000, but was -1."},
		"count":           {serviceJSON(`"desiredCount":5001`), "", "desiredCount must be between 0 and 5000, but was 5001."},
		"discovered":      {serviceJSON(`"desiredCount":1001,` + registry(registryA, "")), "", "desiredCount must be between 0 and 1000, but was 1001."},
		"role":            {serviceJSON(`"role":"r"`), "", "You cannot specify an IAM role for services that require a service linked role."},
		"no definition":   {serviceJSON(`"taskDefinition":null`), "", "TaskDefinition can not be blank."},
		"definition":      {serviceJSON(`"taskDefinition":"x:1"`), "ClientException", "TaskDefinition not found."},
		"family":          {serviceJSON(`"taskDefinition":"old"`), "ClientException", "TaskDefinition not found."},
		"inactive":        {serviceJSON(`"taskDefinition":"old:1"`), "ClientException", "TaskDefinition is inactive"},
		"both launches":   {serviceJSON(`"cluster":"s","capacityProviderStrategy":[{"capacityProvider":"FARGATE","weight":1}]`), "", "Specify either Launch Type or Capacity Provider Strategy, but not both."},
		"not associated":  {serviceJSON(`"launchType":null,"capacityProviderStrategy":[{"capacityProvider":"FARGATE","weight":1}]`), "", "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and try again."},
		"weights":         {serviceJSON(`"cluster":"s","launchType":null,"capacityProviderStrategy":[{"capacityProvider":"FARGATE"}]`), "", "The specified capacity provider strategy must contain at least one capacity provider with a weight greater than 0."},
		"platform":        {serviceJSON(`"platformVersion":"1.5.0"`), "PlatformUnknownException", "The specified platform does not exist."},
		"EC2 platform":    {serviceJSON(`"launchType":"EC2","platformVersion":"LATEST"`), "", "The platform version must be null when specifying an EC2 launch type."},
		"not for Fargate": {serviceJSON(`"taskDefinition":"net"`), "", "Task definition does not support launch_type FARGATE."},
		"constraints":     {serviceJSON(`"placementConstraints":[{"type":"distinctInstance"}]`), "", "Placement constraints are not supported with FARGATE launch type."},
		"strategies":      {serviceJSON(`"placementStrategy":[{"type":"random"}]`), "", "Placement strategies are not supported with FARGATE launch type."},
		"EC2":             {serviceJSON(`"launchType":"EC2"`), "", "No Container Instances were found in your cluster."},
		"default EC2":     {serviceJSON(`"launchType":null`), "", "No Container Instances were found in your cluster."},
		"bridge":          {bridge(""), "", "No Container Instances were found in your cluster."},
		"external":        {serviceJSON(`"launchType":"EXTERNAL"`), "UnsupportedFeatureException", "Launch type EXTERNAL is not built in Seamark yet."},
		"no network":      {serviceJSON(noNetwork), "", "Network Configuration must be provided when networkMode 'awsvpc' is specified."},
		"bridge network":  {serviceJSON(`"taskDefinition":"bridge","launchType":"EC2"`), "", "Network Configuration is not valid for the given networkMode of this task definition."},
		"no subnets":      {serviceJSON(network("", "")), "", "subnets can not be empty."},
		"17 subnets":      {serviceJSON(network(strings.TrimSuffix(strings.Repeat(`"`+subnetA+`",`, 17), ","), "")), "", "subnets can have at most 16 items."},
		"6 groups":        {serviceJSON(network(`"`+subnetA+`"`, strings.TrimSuffix(strings.Repeat(`"`+groupWeb+`",`, 6), ","))), "", "securityGroups can have at most 5 items."},
		"subnet":          {serviceJSON(network(`"`+subnetA+`","subnet-9"`, "")), "", "Error retrieving subnet information for [" + subnetA + ", subnet-9]: The subnet ID 'subnet-9' does not exist (ErrorCode: InvalidSubnetID.NotFound)"},
		"group":           {serviceJSON(network(`"`+subnetA+`"`, `"sg-9"`)), "", "Error retrieving security group information for [sg-9]: The security group 'sg-9' does not exist (ErrorCode: InvalidGroup.NotFound)"},
		"two VPCs":        {serviceJSON(network(`"`+subnetA+`","`+subnetOther+`"`, "")), "", "The subnets [" + subnetA + ", " + subnetOther + "] do not all belong to the same VPC."},
		"group elsewhere": {serviceJSON(network(`"`+subnetA+`"`, `"`+groupOther+`"`)), "", "Security Group " + groupOther + " does not appear to belong to the same VPC as the input subnets."},
		"percent":         {serviceJSON(`"deploymentConfiguration":{"maximumPercent":99}`), "", "maximumPercent must be at least 100, but was 99."},
		"percents":        {serviceJSON(`"deploymentConfiguration":{"maximumPercent":150,"minimumHealthyPercent":151}`), "", "maximumPercent must not be less than minimumHealthyPercent, but was 150."},
		"negative":        {serviceJSON(`"deploymentConfiguration":{"minimumHealthyPercent":-1}`), "", "minimumHealthyPercent must not be negative, but was -1."},
		"grace":           {serviceJSON(`"healthCheckGracePeriodSeconds":-1`), "", "healthCheckGracePeriodSeconds must not be negative."},
		"execute":         {serviceJSON(`"enableExecuteCommand":true`), "", "The service couldn't be created because a valid taskRoleArn is not being used. Specify a valid task role in your task definition and try again."},
		"tags":            {serviceJSON(`"tags":[{"key":"aws:x"}]`), "", "Tag keys beginning with aws: are reserved for AWS use."},

		"two registries":     {serviceJSON(`"serviceRegistries":[{"registryArn":"` + registryA + `"},{"registryArn":"` + registrySRV + `"}]`), "", "serviceRegistries can have at most 1 items."},
		"extension":          {serviceJSON(`"tags":[{"key":"seamark:registry","value":"many"}]`), "", "The tags are not valid: no extension of Seamark's for this resource is called seamark:registry=many."},
		"extension's value":  {serviceJSON(`"tags":[{"key":"seamark:registries","value":"7"}]`), "", "The tags are not valid: no extension of Seamark's for this resource is called seamark:registries=7."},
		"registry twice":     {serviceJSON(`"tags":[{"key":"seamark:registries","value":"many"}],"serviceRegistries":[{"registryArn":"` + registryA + `"},{"registryArn":"` + registryA + `"}]`), "", "The service registry " + registryA + " is given twice."},
		"six registries":     {serviceJSON(`"tags":[{"key":"seamark:registries","value":"many"}],"serviceRegistries":[` + strings.TrimSuffix(strings.Repeat(`{"registryArn":"`+registryA+`"},`, 6), ",") + `]`), "", "serviceRegistries can have at most 5 items."},
		"registry ARN":       {serviceJSON(registry("arn:aws:servicediscovery:us-east-1:123456789012:namespace/ns-1", "")), "", "The format of the supplied service registry ARN is invalid: arn:aws:servicediscovery:us-east-1:123456789012:namespace/ns-1."},
		"registry region":    {serviceJSON(registry("arn:aws:servicediscovery:eu-west-1:123456789012:service/srv-a", "")), "", "The service registry arn:aws:servicediscovery:eu-west-1:123456789012:service/srv-a is not in the Region us-east-1 of the service."},
		"registry account":   {serviceJSON(registry("arn:aws:servicediscovery:us-east-1:210987654321:service/srv-a", "")), "", "The service registry arn:aws:servicediscovery:us-east-1:210987654321:service/srv-a does not belong to the account 123456789012 of the service."},
		"no registry ARN":    {serviceJSON(`"serviceRegistries":[{"port":80}]`), "", "The format of the supplied service registry ARN is invalid: ."},
		"registry id":        {serviceJSON(registry("srv-a", "")), "", "The format of the supplied service registry ARN is invalid: srv-a."},
		"registry unknown":   {serviceJSON(registry(registryPrefix+"srv-none", "")), "", "The service registry " + registryPrefix + "srv-none was not found."},
		"registry CNAME":     {serviceJSON(registry(registryCNAME, "")), "", "The service registry " + registryCNAME + " uses CNAME records. Amazon ECS supports service registries with A, AAAA and SRV records only."},
		"registry AAAA":      {serviceJSON(registry(registryAAAA, "")), "", "The service registry " + registryAAAA + " uses AAAA records, but the subnet " + subnetA + " has no IPv6 CIDR block."},
		"registry port 0":    {serviceJSON(registry(registrySRV, `"port":0`)), "", "Invalid value 0 for 'port' of a service registry."},
		"registry port":      {serviceJSON(registry(registrySRV, `"containerName":"app","containerPort":65536`)), "", "Invalid value 65536 for 'containerPort' of a service registry."},
		"A container port":   {serviceJSON(registry(registryA, `"containerName":"app","containerPort":80`)), "", "The values specified for serviceRegistries do not require a value for 'containerPort'. Remove the value and retry."},
		"A container":        {serviceJSON(registry(registryA, `"containerName":"app"`)), "", "The values specified for serviceRegistries do not require a value for 'containerName'. Remove the value and retry."},
		"AAAA, one without":  {serviceJSON(network(`"`+subnetDual+`","`+subnetB+`"`, "") + "," + registry(registryAAAA, "")), "", "The service registry " + registryAAAA + " uses AAAA records, but the subnet " + subnetB + " has no IPv6 CIDR block."},
		"AAAA container":     {serviceJSON(network(`"`+subnetDual+`"`, "") + "," + registry(registryAAAA, `"containerName":"app"`)), "", "The values specified for serviceRegistries do not require a value for 'containerName'. Remove the value and retry."},
		"SRV nothing":        {serviceJSON(registry(registrySRV, "")), "", srvMissing},
		"A and SRV nothing":  {serviceJSON(registry(registryBoth, "")), "", srvMissing},
		"SRV both":           {serviceJSON(registry(registrySRV, `"port":80,"containerName":"app","containerPort":80`)), "", "A service registry can have either a value for 'port' or values for 'containerName' and 'containerPort', but not both."},
		"SRV half":           {serviceJSON(registry(registrySRV, `"containerName":"app"`)), "", "Values for both 'containerName' and 'containerPort' must be specified for a service registry."},
		"SRV container":      {serviceJSON(registry(registrySRV, `"containerName":"x","containerPort":80`)), "", "The container x does not exist in the task definition."},
		"SRV container port": {serviceJSON(registry(registrySRV, `"containerName":"app","containerPort":81`)), "", "The container app did not have a container port 81 defined."},
		"bridge registry":    {bridge(registry(registrySRV, "")), "", "When specifying 'host' or 'bridge' for networkMode, values for 'containerName' and 'containerPort' must be specified from the task definition."},
		"bridge port":        {bridge(registry(registrySRV, `"port":80,"containerName":"app","containerPort":80`)), "", "The values specified for serviceRegistries do not require a value for 'port'. Remove the value and retry."},
		"bridge A":           {bridge(registry(registryA, `"containerName":"app","containerPort":80`)), "", "When specifying 'host' or 'bridge' for networkMode, the service registry must use SRV records only."},
		"bridge both":        {bridge(registry(registryBoth, `"containerName":"app","containerPort":80`)), "", "When specifying 'host' or 'bridge' for networkMode, the service registry must use SRV records only."},
		"bridge container":   {bridge(registry(registrySRV, `"containerName":"app"`)), "", "When specifying 'host' or 'bridge' for networkMode, values for 'containerName' and 'containerPort' must be specified from the task definition."},
		"bridge CNAME":       {bridge(registry(registryCNAME, `"containerName":"app","containerPort":80`)), "", "The service registry " + registryCNAME + " uses CNAME records. Amazon ECS supports service registries with A, AAAA and SRV records only."},
		"bridge wrong port":  {bridge(registry(registrySRV, `"containerName":"app","containerPort":81`)), "", "The container app did not have a container port 81 defined."},
		"bridge wrong name":  {bridge(registry(registrySRV, `"containerName":"x","containerPort":80`)), "", "The container x does not exist in the task definition."},
		"bridge host's A":    {bridge(registry(registryHosts, `"containerName":"app","containerPort":80`)), "", "No Container Instances were found in your cluster."},
		"bridge SRV":         {bridge(registry(registrySRV, `"containerName":"app","containerPort":80`)), "", "No Container Instances were found in your cluster."},
		"none registry":      {serviceJSON(`"taskDefinition":"none","launchType":"EC2",` + noNetwork + `,` + registry(registrySRV, `"port":80`)), "", "Service registries are not supported when networkMode is 'none'."},
	} {
		t.Run(name, func(t *testing.T) {
			g := *h
			g.T = t
			if c.code == "" {
				c.code = "InvalidParameterException"
			}
			g.fails("CreateService", c.body, c.code, c.message)
		})
	}
}

func TestService_refusesWhatIsNotBuilt(t *testing.T) {
	h := services(t)
	h.do("CreateService", serviceJSON(`"serviceName":"there"`))
	for feature, member := range map[string]string{
		"Scheduling strategy DAEMON":            `"schedulingStrategy":"DAEMON"`,
		"Deployment controller CODE_DEPLOY":     `"deploymentController":{"type":"CODE_DEPLOY"}`,
		"Deployment controller EXTERNAL":        `"deploymentController":{"type":"EXTERNAL"}`,
		"Deployment strategy BLUE_GREEN":        `"deploymentConfiguration":{"strategy":"BLUE_GREEN"}`,
		"Parameter lifecycleHooks":              `"deploymentConfiguration":{"lifecycleHooks":[{}]}`,
		"Parameter bakeTimeInMinutes":           `"deploymentConfiguration":{"bakeTimeInMinutes":5}`,
		"Parameter alarms":                      `"deploymentConfiguration":{"alarms":{"alarmNames":["a"],"enable":true,"rollback":false}}`,
		"Parameter loadBalancers":               `"loadBalancers":[{"targetGroupArn":"x","containerName":"app","containerPort":80}]`,
		"Parameter serviceConnectConfiguration": `"serviceConnectConfiguration":{"enabled":true}`,
		"Parameter volumeConfigurations":        `"volumeConfigurations":[{"name":"v"}]`,
		"Parameter vpcLatticeConfigurations":    `"vpcLatticeConfigurations":[{"roleArn":"r","targetGroupArn":"t","portName":"p"}]`,
	} {
		t.Run(feature, func(t *testing.T) {
			g := *h
			g.T = t
			g.fails("CreateService", serviceJSON(member), "UnsupportedFeatureException", feature+" is not built in Seamark yet.")
			if !strings.Contains(feature, "Scheduling") {
				g.fails("UpdateService", `{"cluster":"c","service":"there",`+member+`}`, "UnsupportedFeatureException", feature+" is not built in Seamark yet.")
			}
		})
	}
	h.do("CreateService", serviceJSON(`"serviceConnectConfiguration":{"enabled":false}`))
}

func TestCreateService_registries(t *testing.T) {
	h := services(t)
	for i, members := range []string{
		registry(registryA, ""), registry(registryA, `"port":8080`), registry(registrySRV, `"port":80`),
		registry(registrySRV, `"containerName":"app","containerPort":80`), registry(registryBoth, `"port":80`),
		network(`"`+subnetDual+`"`, "") + "," + registry(registryAAAA, ""),
		network(`"`+subnetDual+`"`, "") + "," + registry(registryAAAA, `"port":80`),
	} {
		r := h.do("CreateService", serviceJSON(fmt.Sprintf(`"serviceName":"s%d",`, i)+members))
		if got := r.at("service", "serviceRegistries"); len(got.([]any)) != 1 {
			t.Errorf("%s is shown as %v", members, got)
		}
	}
}

func TestService_guide(t *testing.T) {
	h := newHarness(t)
	h.do("CreateCluster", `{"clusterName":"my-ecs-cluster",`+strategyFargate+`}`)
	h.do("RegisterTaskDefinition", guideDefinition)
	body := `{"cluster":"my-ecs-cluster","serviceName":"web-service","taskDefinition":"web-service:1","desiredCount":2,"launchType":"FARGATE",` +
		awsvpcBoth + `,` + registry(registryA, "") + `,"tags":[{"key":"Environment","value":"production"}]}`
	golden(t, "create_service.json", h.do("CreateService", body).raw)
	h.settle()
	golden(t, "describe_service.json", h.do("DescribeServices", `{"cluster":"my-ecs-cluster","services":["web-service"]}`).raw)
	r := h.do("ListTasks", `{"cluster":"my-ecs-cluster","serviceName":"web-service"}`)
	one := r.at("taskArns", 0).(string)
	r = h.do("DescribeTasks", `{"cluster":"my-ecs-cluster","tasks":["`+one+`"],"include":["TAGS"]}`)
	raw := strings.NewReplacer("10.0.2.4", "10.0.1.4", subnetB, subnetA, "us-east-1b", "us-east-1a").Replace(string(r.raw))
	golden(t, "describe_task.json", []byte(raw))
}

func TestCreateService_isIdempotent(t *testing.T) {
	h := services(t)
	notIdempotent := "Creation of service was not idempotent."
	first := h.do("CreateService", serviceJSON(`"clientToken":"one"`))
	before := h.changes.View().Revision
	for _, members := range []string{`"clientToken":"one"`, `"clientToken":"two"`, ``, `"cluster":"` + clusterARNPrefix + `c"`} {
		again := h.do("CreateService", serviceJSON(members))
		if string(again.raw) != string(first.raw) {
			t.Errorf("%s made something else:\n%s\n%s", members, again.raw, first.raw)
		}
	}
	if after := h.changes.View().Revision; after != before {
		t.Error("a repeated request wrote something")
	}
	h.fails("CreateService", serviceJSON(`"clientToken":"one","desiredCount":3`), "InvalidParameterException", notIdempotent)
	h.fails("CreateService", serviceJSON(`"clientToken":"one","serviceName":"other"`), "InvalidParameterException", notIdempotent)
	h.fails("CreateService", serviceJSON(`"desiredCount":3`), "InvalidParameterException", notIdempotent)

	h.do("UpdateService", `{"cluster":"c","service":"web","desiredCount":1}`)
	h.fails("CreateService", serviceJSON(""), "InvalidParameterException", notIdempotent)
	h.do("CreateService", serviceJSON(`"clientToken":"one"`)).want(`1`, "service", "desiredCount")

	h.do("DeleteService", `{"cluster":"c","service":"web","force":true}`)
	h.fails("CreateService", serviceJSON(`"desiredCount":0`), "InvalidParameterException", "Unable to Start a service that is still Draining.")
	h.settle()
	h.fails("CreateService", serviceJSON(`"clientToken":"one"`), "InvalidParameterException", notIdempotent)
	h.do("CreateService", serviceJSON("")).want(`"ACTIVE"`, "service", "status")
	h.change(func(d *plan.Draft) {
		token := *d.World.Tokens.Get("ecs:CreateService/one")
		token.CreatedAt = d.Now.Add(-tokenLife)
		d.Put(&token)
	})
	h.do("CreateService", serviceJSON(`"clientToken":"one","serviceName":"other"`)).want(`"other"`, "service", "serviceName")
}

func TestService_defaultStrategy(t *testing.T) {
	h := services(t)
	r := h.do("CreateService", serviceJSON(`"cluster":"s","launchType":null`))
	r.want(`null`, "service", "launchType")
	r.want(`[{"base":0,"capacityProvider":"FARGATE","weight":1}]`, "service", "capacityProviderStrategy")
	r.want(`"LATEST"`, "service", "platformVersion")
	r.want(`"1.4.0"`, "service", "deployments", 0, "platformVersion")
	h.settle()
	arns := h.do("ListTasks", `{"cluster":"s","launchType":"FARGATE"}`)
	task := h.do("DescribeTasks", `{"cluster":"s","tasks":["`+arns.at("taskArns", 0).(string)+`"]}`)
	task.want(`"FARGATE"`, "tasks", 0, "capacityProviderName")
	task.want(`"FARGATE"`, "tasks", 0, "launchType")
}

func TestUpdateService(t *testing.T) {
	h := services(t)
	h.fargate("web", "")
	created := h.do("CreateService", serviceJSON(`"taskDefinition":"web:1"`))
	h.settle()
	update := func(members string) reply {
		t.Helper()
		return h.do("UpdateService", `{"cluster":"c","service":"web"`+more(members)+`}`)
	}
	id := created.text("service", "deployments", 0, "id")
	for _, members := range []string{
		"", `"desiredCount":3`, `"desiredCount":2`, `"taskDefinition":"web:1"`, awsvpcBoth, `"platformVersion":"LATEST"`, `"serviceRegistries":[]`,
		`"deploymentConfiguration":{"maximumPercent":150}`, `"healthCheckGracePeriodSeconds":30`, `"enableECSManagedTags":true`, `"propagateTags":"SERVICE"`,
		`"availabilityZoneRebalancing":"DISABLED"`,
	} {
		r := update(members)
		if got := r.text("service", "deployments", 0, "id"); got != id || len(r.at("service", "deployments").([]any)) != 1 {
			t.Errorf("%s started deployment %s", members, got)
		}
	}
	r := update("")
	r.want(`{"bakeTimeInMinutes":0,"deploymentCircuitBreaker":{"enable":false,"rollback":false},"maximumPercent":150,"minimumHealthyPercent":100,"strategy":"ROLLING"}`, "service", "deploymentConfiguration")
	r.want(`30`, "service", "healthCheckGracePeriodSeconds")
	r.want(`true`, "service", "enableECSManagedTags")
	r.want(`"SERVICE"`, "service", "propagateTags")
	r.want(`"DISABLED"`, "service", "availabilityZoneRebalancing")

	for _, members := range []string{
		`"forceNewDeployment":true`, `"taskDefinition":"web:2"`, network(`"`+subnetA+`"`, ""), `"platformVersion":"1.4.0"`, registry(registryA, ""),
	} {
		h.settle()
		r := update(members)
		next := r.text("service", "deployments", 0, "id")
		if next == id {
			t.Errorf("%s did not start a deployment", members)
		}
		r.want(`"PRIMARY"`, "service", "deployments", 0, "status")
		r.want(`"IN_PROGRESS"`, "service", "deployments", 0, "rolloutState")
		r.want(`"ECS deployment `+next+` in progress."`, "service", "deployments", 0, "rolloutStateReason")
		r.want(`"`+id+`"`, "service", "deployments", 1, "id")
		r.want(`"ACTIVE"`, "service", "deployments", 1, "status")
		id = next
		// The drain of tasks that were in DNS takes real time.
		if strings.Contains(members, "serviceRegistries") {
			break
		}
	}
	r.want(`"`+definitionARNBase+`web:1"`, "service", "taskDefinition")
	h.do("DescribeServices", `{"cluster":"c","services":["web"]}`).want(`"`+definitionARNBase+`web:2"`, "services", 0, "taskDefinition")
}

// A new deployment must not wait for what held the one before it back.
func TestUpdateService_forgetsFailures(t *testing.T) {
	h := services(t)
	h.do("CreateService", serviceJSON(""))
	h.change(func(d *plan.Draft) {
		svc := *d.World.Services.Get("c/web")
		svc.FailureStreak, svc.RetryAt, svc.Steady = 7, d.Now.Add(time.Hour), true
		d.Put(&svc)
	})
	h.do("UpdateService", `{"cluster":"c","service":"web","desiredCount":1}`)
	if svc := h.changes.View().Services.Get("c/web"); svc.FailureStreak != 7 {
		t.Errorf("a new count ended the backoff: %+v", svc)
	}
	h.do("UpdateService", `{"cluster":"c","service":"web","forceNewDeployment":true}`)
	if svc := h.changes.View().Services.Get("c/web"); svc.FailureStreak != 0 || !svc.RetryAt.IsZero() || svc.Steady {
		t.Errorf("a new deployment waits still: %+v", svc)
	}
}

func TestUpdateService_refuses(t *testing.T) {
	h := services(t)
	h.do("CreateService", serviceJSON(""))
	h.do("CreateService", serviceJSON(`"cluster":"s"`))
	h.do("CreateService", serviceJSON(`"serviceName":"gone","desiredCount":0`))
	h.do("DeleteService", `{"cluster":"c","service":"gone"}`)
	force := "When switching from launch type to capacity provider strategy on an existing service, or making a change to a capacity provider strategy on a service that is already using one, you must force a new deployment."
	for name, c := range map[string]struct{ body, code, message string }{
		"cluster":      {`{"cluster":"x","service":"web"}`, "ClusterNotFoundException", "Cluster not found."},
		"service":      {`{"cluster":"c","service":"x"}`, "ServiceNotFoundException", "Service not found."},
		"draining":     {`{"cluster":"c","service":"gone"}`, "ServiceNotActiveException", "Service was not ACTIVE."},
		"other":        {`{"cluster":"c","service":"` + serviceARNPrefix + `s/web"}`, "InvalidParameterException", "Invalid identifier: Identifier is for cluster s. Your cluster is c"},
		"count":        {`{"cluster":"c","service":"web","desiredCount":-1}`, "InvalidParameterException", "desiredCount must be between 0 and 5000, but was -1."},
		"definition":   {`{"cluster":"c","service":"web","taskDefinition":"x"}`, "ClientException", "TaskDefinition not found."},
		"inactive":     {`{"cluster":"c","service":"web","taskDefinition":"old:1"}`, "ClientException", "TaskDefinition is inactive"},
		"EC2 only":     {`{"cluster":"c","service":"web","taskDefinition":"net"}`, "InvalidParameterException", "Task definition does not support launch_type FARGATE."},
		"subnet":       {`{"cluster":"c","service":"web",` + network(`"subnet-9"`, "") + `}`, "InvalidParameterException", "Error retrieving subnet information for [subnet-9]: The subnet ID 'subnet-9' does not exist (ErrorCode: InvalidSubnetID.NotFound)"},
		"registry":     {`{"cluster":"c","service":"web",` + registry(registryCNAME, "") + `}`, "InvalidParameterException", "The service registry " + registryCNAME + " uses CNAME records. Amazon ECS supports service registries with A, AAAA and SRV records only."},
		"platform":     {`{"cluster":"c","service":"web","platformVersion":"2"}`, "PlatformUnknownException", "The specified platform does not exist."},
		"percents":     {`{"cluster":"c","service":"web","deploymentConfiguration":{"maximumPercent":100,"minimumHealthyPercent":101}}`, "InvalidParameterException", "maximumPercent must not be less than minimumHealthyPercent, but was 100."},
		"strategy":     {`{"cluster":"s","service":"web","capacityProviderStrategy":[{"capacityProvider":"FARGATE_SPOT","weight":1}]}`, "InvalidParameterException", force},
		"no providers": {`{"cluster":"c","service":"web","forceNewDeployment":true,"capacityProviderStrategy":[{"capacityProvider":"FARGATE","weight":1}]}`, "InvalidParameterException", "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and try again."},
	} {
		t.Run(name, func(t *testing.T) {
			g := *h
			g.T = t
			g.fails("UpdateService", c.body, c.code, c.message)
		})
	}
	r := h.do("UpdateService", `{"cluster":"s","service":"web","forceNewDeployment":true,"capacityProviderStrategy":[{"capacityProvider":"FARGATE_SPOT","weight":1}]}`)
	r.want(`null`, "service", "launchType")
	r = h.do("UpdateService", `{"cluster":"s","service":"web","forceNewDeployment":true,"capacityProviderStrategy":[]}`)
	r.want(`"FARGATE"`, "service", "launchType")
}

// What the services-stable waiter asks for (exactly one deployment, and as many
// running as desired) holds only while it is true.
func TestDescribeServices_tellsTheWaiterTheTruth(t *testing.T) {
	h := services(t)
	h.do("CreateService", serviceJSON(""))
	stable := func(want bool) {
		t.Helper()
		r := h.do("DescribeServices", `{"cluster":"c","services":["web"]}`)
		got := len(r.at("services", 0, "deployments").([]any)) == 1 && r.at("services", 0, "runningCount") == r.at("services", 0, "desiredCount")
		if got != want {
			t.Errorf("stable is %v, want %v: %s", got, want, r.raw)
		}
	}
	stable(false)
	h.plan()
	stable(false)
	h.do("DescribeServices", `{"cluster":"c","services":["web"]}`).want(`2`, "services", 0, "pendingCount")
	h.settle()
	stable(true)
	task := h.do("ListTasks", `{"cluster":"c"}`).at("taskArns", 0).(string)
	h.do("StopTask", `{"cluster":"c","task":"`+task+`"}`)
	stable(false) // before any planner ran
	h.settle()
	stable(true)
	h.do("UpdateService", `{"cluster":"c","service":"web","desiredCount":3}`)
	stable(false)
	h.settle()
	stable(true)
	h.do("UpdateService", `{"cluster":"c","service":"web","forceNewDeployment":true}`)
	stable(false)
	h.settle()
	stable(false) // the new tasks must run for a moment before they replace the old ones
	h.age(time.Minute)
	h.settle()
	stable(true)
	h.node(func(_ *plan.Draft, t *world.Task) {
		if t.LastStatus == world.TaskRunning {
			t.Observed.Containers[0].LastStatus = "STOPPED"
		}
	})
	h.plan()
	stable(false)
}

func TestDeleteService(t *testing.T) {
	h := services(t)
	h.do("CreateService", serviceJSON(""))
	h.settle()
	h.fails("DeleteService", `{"cluster":"c","service":"x"}`, "ServiceNotFoundException", "Service not found.")
	h.fails("DeleteService", `{"cluster":"c","service":"web"}`, "InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
	r := h.do("DeleteService", `{"cluster":"c","service":"web","force":true}`)
	r.want(`"DRAINING"`, "service", "status")
	r.want(`0`, "service", "desiredCount")
	h.do("DeleteService", `{"cluster":"c","service":"web"}`).want(`"DRAINING"`, "service", "status")
	h.do("ListServices", `{"cluster":"c"}`).want(`[]`, "serviceArns")
	h.fails("UpdateService", `{"cluster":"c","service":"web","desiredCount":1}`, "ServiceNotActiveException", "Service was not ACTIVE.")
	h.settle()
	r = h.do("DescribeServices", `{"cluster":"c","services":["web"]}`)
	r.want(`"INACTIVE"`, "services", 0, "status")
	r.want(`[]`, "services", 0, "deployments")
	r.want(`0`, "services", 0, "runningCount")
	h.fails("DeleteService", `{"cluster":"c","service":"web"}`, "ServiceNotFoundException", "Service not found.")
	h.do("DeleteCluster", `{"cluster":"c"}`)
	h.do("DescribeServices", `{"cluster":"c","services":["web"]}`).want(`"INACTIVE"`, "services", 0, "status")
}

func TestDescribeAndListServices(t *testing.T) {
	h := services(t)
	for i := range 12 {
		h.do("CreateService", serviceJSON(fmt.Sprintf(`"serviceName":"s%02d","desiredCount":0,"tags":[{"key":"k","value":"v"}]`, i)))
	}
	r := h.do("DescribeServices", `{"cluster":"c","services":["s00","`+serviceARNPrefix+`c/s01","arn:aws:ecs:us-east-1:123456789012:service/s02","x"],"include":["TAGS"]}`)
	r.want(`"s02"`, "services", 2, "serviceName")
	r.want(`[{"key":"k","value":"v"}]`, "services", 0, "tags")
	r.want(`[{"arn":"`+serviceARNPrefix+`c/x","reason":"MISSING"}]`, "failures")
	h.do("DescribeServices", `{"cluster":"c","services":["s00"]}`).want(`null`, "services", 0, "tags")
	h.fails("DescribeServices", `{"services":["s00"]}`, "ClusterNotFoundException", "Cluster not found.")
	h.fails("DescribeServices", `{"cluster":"c","services":[]}`, "InvalidParameterException", "Services cannot be empty.")
	h.fails("DescribeServices", `{"cluster":"c","services":["a","b","c","d","e","f","g","h","i","j","k"]}`, "InvalidParameterException", "Services can have at most 10 items.")
	h.fails("DescribeServices", `{"cluster":"c","services":["`+serviceARNPrefix+`s/web"]}`, "InvalidParameterException", "Invalid identifier: Identifier is for cluster s. Your cluster is c")

	r = h.do("ListServices", `{"cluster":"c"}`)
	if n := len(r.at("serviceArns").([]any)); n != 10 {
		t.Errorf("a page has %d services, want 10", n)
	}
	h.do("ListServices", `{"cluster":"c","nextToken":"`+r.text("nextToken")+`"}`).want(`["`+serviceARNPrefix+`c/s10","`+serviceARNPrefix+`c/s11"]`, "serviceArns")
	h.do("ListServices", `{"cluster":"c","launchType":"EC2"}`).want(`[]`, "serviceArns")
	h.do("ListServices", `{"cluster":"c","schedulingStrategy":"DAEMON"}`).want(`[]`, "serviceArns")
	h.do("ListServices", `{"cluster":"c","launchType":"FARGATE","schedulingStrategy":"REPLICA","maxResults":1}`).want(`["`+serviceARNPrefix+`c/s00"]`, "serviceArns")
}

// A task in a subnet with IPv6 shows its address and registers it.
func TestService_dualStack(t *testing.T) {
	h := services(t)
	h.do("CreateService", serviceJSON(`"desiredCount":1,`+network(`"`+subnetDual+`"`, "")+","+registry(registryAAAA, "")))
	h.settle()
	tasks := h.do("ListTasks", `{"cluster":"c"}`)
	shown := h.do("DescribeTasks", `{"cluster":"c","tasks":["`+tasks.text("taskArns", 0)+`"]}`)
	six := shown.text("tasks", 0, "containers", 0, "networkInterfaces", 0, "ipv6Address")
	if !strings.HasPrefix(six, "fd5e:a:0:5:") {
		t.Errorf("address %s", six)
	}
	shown.want(`{"name":"ipv6Address","value":"`+six+`"}`, "tasks", 0, "attachments", 0, "details", 4)
	for i := range h.changes.View().InstancesOf("srv-aaaa") {
		if i.Attributes["AWS_INSTANCE_IPV6"] != six || i.Attributes["AWS_INSTANCE_IPV4"] != "10.0.5.4" {
			t.Errorf("registered %v", i.Attributes)
		}
		return
	}
	t.Error("nothing is registered")
}

// With the extension a service registers with several Cloud Map services.
func TestService_manyRegistries(t *testing.T) {
	h := services(t)
	two := `"serviceRegistries":[{"registryArn":"` + registryA + `"},{"registryArn":"` + registrySRV + `","port":80}]`
	h.do("CreateService", serviceJSON(""))
	h.fails("UpdateService", `{"cluster":"c","service":"web",`+two+`}`, "InvalidParameterException", "serviceRegistries can have at most 1 items.")
	arn := serviceARNPrefix + "c/web"
	h.fails("TagResource", `{"resourceArn":"`+arn+`","tags":[{"key":"seamark:x","value":"y"}]}`, "InvalidParameterException", "The tags are not valid: no extension of Seamark's for this resource is called seamark:x=y.")
	h.do("TagResource", `{"resourceArn":"`+arn+`","tags":[{"key":"seamark:registries","value":"many"}]}`)
	r := h.do("UpdateService", `{"cluster":"c","service":"web",`+two+`}`)
	if got := r.at("service", "serviceRegistries"); len(got.([]any)) != 2 {
		t.Errorf("registries %v", got)
	}
	h.settle()
	for id, port := range map[world.DiscoveryServiceID]string{"srv-a": "", "srv-srv": "80"} {
		n := 0
		for i := range h.changes.View().InstancesOf(id) {
			if n++; i.Attributes["AWS_INSTANCE_PORT"] != port {
				t.Errorf("%s: %v", id, i.Attributes)
			}
		}
		if n != 2 {
			t.Errorf("%d instances of %s", n, id)
		}
	}
}
