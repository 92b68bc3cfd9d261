package ecs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// definitionJSON is a registration of family f with one container; task and
// container are members that are added or, because the last one counts, replaced.
func definitionJSON(task, container string) string {
	return `{"family":"f","containerDefinitions":[{"name":"c","image":"nginx","memory":128` + more(container) + `}]` + more(task) + `}`
}

func fargateJSON(task, container string) string {
	return `{"family":"f","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],"cpu":"256","memory":"512","executionRoleArn":"arn:aws:iam::123456789012:role/x",` +
		`"containerDefinitions":[{"name":"c","image":"nginx"` + more(container) + `}]` + more(task) + `}`
}

func more(members string) string {
	if members == "" {
		return ""
	}
	return "," + members
}

func TestRegisterTaskDefinition_refuses(t *testing.T) {
	h := newHarness(t)
	awslogs := func(options string) string {
		return `"logConfiguration":{"logDriver":"awslogs","options":{` + options + `}}`
	}
	group := `"awslogs-group":"/g","awslogs-region":"us-east-1"`
	two := func(second string) string {
		return `"containerDefinitions":[{"name":"a","image":"nginx","memory":64},{"name":"b","image":"nginx","memory":64` + more(second) + `}]`
	}
	for name, c := range map[string]struct{ body, message string }{
		"too large":        {definitionJSON("", `"command":["`+strings.Repeat("x", 66000)+`"]`), "Actual length: '66096'. Max allowed length is '65536' bytes."},
		"family empty":     {definitionJSON(`"family":""`, ""), "Family should not be null or empty."},
		"family odd":       {definitionJSON(`"family":"a b"`, ""), "Family contains invalid characters."},
		"no containers":    {definitionJSON(`"containerDefinitions":[]`, ""), "Container list cannot be empty."},
		"eleven":           {`{"family":"f","containerDefinitions":[` + strings.TrimSuffix(strings.Repeat(`{"name":"c","image":"i","memory":8},`, 11), ",") + `]}`, "Too many containers."},
		"role":             {definitionJSON(`"taskRoleArn":"arn:aws:iam::1:role/x"`, ""), "Role is not valid"},
		"cpu text":         {definitionJSON(`"cpu":"many"`, ""), "Invalid 'cpu' setting for task."},
		"cpu empty":        {definitionJSON(`"cpu":""`, ""), "Invalid 'cpu' setting for task."},
		"cpu small":        {definitionJSON(`"cpu":"127"`, ""), "Invalid 'cpu' setting for task."},
		"cpu odd vCPU":     {definitionJSON(`"cpu":"0.0001 vCPU"`, ""), "Invalid 'cpu' setting for task."},
		"memory text":      {definitionJSON(`"memory":"-1GB"`, ""), "Invalid 'memory' setting for task."},
		"name empty":       {definitionJSON("", `"name":""`), "Container.name should not be null or empty."},
		"name odd":         {definitionJSON("", `"name":"a.b"`), "Container.name contains invalid characters."},
		"image empty":      {definitionJSON("", `"image":""`), "Container.image should not be null or empty."},
		"image long":       {definitionJSON("", `"image":"`+strings.Repeat("i", 256)+`"`), "Container.image should be 255 characters or less"},
		"image blank":      {definitionJSON("", `"image":"a b"`), "Container.image contains invalid characters."},
		"variable":         {definitionJSON("", `"environment":[{"value":"x"}]`), "Container.environment.name should not be null or empty."},
		"duplicate name":   {definitionJSON(two(`"name":"a"`), ""), "Container names must be unique within a task definition. Duplicate name: 'a'."},
		"no memory":        {`{"family":"f","containerDefinitions":[{"name":"c","image":"i"}]}`, "Invalid setting for container 'c'. At least one of 'memory' or 'memoryReservation' must be specified."},
		"memory 5":         {definitionJSON("", `"memory":5`), "Invalid 'memory' setting for container 'c'."},
		"reservation 5":    {definitionJSON("", `"memoryReservation":5`), "Invalid 'memoryReservation' setting for container 'c'."},
		"reservation":      {definitionJSON("", `"memoryReservation":129`), "Invalid setting for container 'c'. 'memory' must be greater than 'memoryReservation'."},
		"cpu negative":     {definitionJSON("", `"cpu":-1`), "Invalid 'cpu' setting for container 'c'."},
		"cpu sum":          {definitionJSON(`"cpu":"128"`, `"cpu":129`), "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."},
		"memory of task":   {definitionJSON(`"memory":"127"`, ""), "The 'memory' setting for container is greater than for the task."},
		"none essential":   {definitionJSON("", `"essential":false`), "Task definition doesn't have any essential container."},
		"port 0":           {definitionJSON("", `"portMappings":[{"containerPort":0}]`), "Invalid 'containerPort' setting for container 'c'."},
		"port 65536":       {definitionJSON("", `"portMappings":[{"containerPort":65536}]`), "Invalid 'containerPort' setting for container 'c'."},
		"host port":        {definitionJSON("", `"portMappings":[{"containerPort":80,"hostPort":65536}]`), "Invalid 'hostPort' setting for container 'c'."},
		"awsvpc ports":     {definitionJSON(`"networkMode":"awsvpc"`, `"portMappings":[{"containerPort":80,"hostPort":81}]`), "When networkMode=awsvpc, the host ports and container ports in port mappings must match."},
		"host ports":       {definitionJSON(`"networkMode":"host"`, `"portMappings":[{"containerPort":80,"hostPort":81}]`), "When networkMode=host, the host ports and container ports in port mappings must match."},
		"ports none":       {definitionJSON(`"networkMode":"none"`, `"portMappings":[{"containerPort":80}]`), "Port mappings are not supported when networkMode=none."},
		"two protocols":    {definitionJSON("", `"portMappings":[{"containerPort":53},{"containerPort":53,"protocol":"udp"}]`), "Container port '53' of container 'c' is mapped multiple times."},
		"host port twice":  {definitionJSON(`"containerDefinitions":[{"name":"a","image":"i","memory":64,"portMappings":[{"containerPort":1,"hostPort":3000}]},{"name":"b","image":"i","memory":64,"portMappings":[{"containerPort":2,"hostPort":3000}]}]`, ""), "TCP host port '3000' is mapped multiple times in task."},
		"awsvpc twice":     {definitionJSON(`"networkMode":"awsvpc","containerDefinitions":[{"name":"a","image":"i","memory":64,"portMappings":[{"containerPort":53,"protocol":"udp"}]},{"name":"b","image":"i","memory":64,"portMappings":[{"containerPort":53,"protocol":"udp"}]}]`, ""), "UDP host port '53' is mapped multiple times in task."},
		"port name":        {definitionJSON("", `"portMappings":[{"containerPort":80,"name":"-x"}]`), "Invalid 'name' setting of a port mapping for container 'c'."},
		"port name twice":  {definitionJSON("", `"portMappings":[{"containerPort":80,"name":"x"},{"containerPort":81,"name":"x"}]`), "Port mapping name 'x' is used multiple times in task."},
		"links":            {definitionJSON(`"networkMode":"awsvpc"`, `"links":["a"]`), "Links are not supported when networkMode=awsvpc."},
		"hostname":         {definitionJSON(`"networkMode":"awsvpc"`, `"hostname":"a"`), "Hostname is not supported on container when networkMode=awsvpc."},
		"extra hosts":      {definitionJSON(`"networkMode":"awsvpc"`, `"extraHosts":[{"hostname":"a","ipAddress":"1.2.3.4"}]`), "Extra hosts are not supported on container when networkMode=awsvpc."},
		"dns servers":      {definitionJSON(`"networkMode":"awsvpc"`, `"dnsServers":["1.2.3.4"]`), "DNS servers are not supported on container when networkMode=awsvpc."},
		"dns search":       {definitionJSON(`"networkMode":"awsvpc"`, `"dnsSearchDomains":["a"]`), "DNS search domains are not supported on container when networkMode=awsvpc."},
		"no networking":    {definitionJSON(`"networkMode":"awsvpc"`, `"disableNetworking":true`), "Disabling networking is not supported on container when networkMode=awsvpc."},
		"health command":   {definitionJSON("", `"healthCheck":{"command":["curl"]}`), "Invalid health check command for container 'c'. It must be CMD followed by a command and its arguments, CMD-SHELL followed by one command line, or NONE."},
		"health empty":     {definitionJSON("", `"healthCheck":{"command":["CMD"]}`), "Invalid health check command for container 'c'. It must be CMD followed by a command and its arguments, CMD-SHELL followed by one command line, or NONE."},
		"health interval":  {definitionJSON("", `"healthCheck":{"command":["CMD","x"],"interval":4}`), "Invalid health check 'interval' for container 'c'. It must be between 5 and 300."},
		"health timeout":   {definitionJSON("", `"healthCheck":{"command":["CMD","x"],"timeout":61}`), "Invalid health check 'timeout' for container 'c'. It must be between 2 and 60."},
		"health retries":   {definitionJSON("", `"healthCheck":{"command":["CMD","x"],"retries":0}`), "Invalid health check 'retries' for container 'c'. It must be between 1 and 10."},
		"health start":     {definitionJSON("", `"healthCheck":{"command":["CMD","x"],"startPeriod":301}`), "Invalid health check 'startPeriod' for container 'c'. It must be between 0 and 300."},
		"start timeout":    {definitionJSON("", `"startTimeout":1`), "Invalid 'startTimeout' setting for container 'c'."},
		"stop timeout":     {definitionJSON("", `"stopTimeout":1`), "Invalid 'stopTimeout' setting for container 'c'."},
		"ulimit":           {definitionJSON("", `"ulimits":[{"name":"nofile","softLimit":2,"hardLimit":1}]`), "Invalid ulimit 'nofile' for container 'c'. The soft limit cannot be greater than the hard limit."},
		"sysctl":           {definitionJSON("", `"systemControls":[{"value":"1"}]`), "Invalid 'systemControls' setting for container 'c'."},
		"tmpfs":            {definitionJSON("", `"linuxParameters":{"tmpfs":[{"containerPath":"tmp","size":1}]}`), "Invalid 'tmpfs' setting for container 'c'."},
		"volume name":      {definitionJSON(`"volumes":[{}]`, ""), "Volume.name should not be null or empty."},
		"volume odd":       {definitionJSON(`"volumes":[{"name":"a/b"}]`, ""), "Volume.name contains invalid characters."},
		"volume twice":     {definitionJSON(`"volumes":[{"name":"v"},{"name":"v"}]`, ""), "Duplicate volume name: 'v'."},
		"volume blank":     {definitionJSON(`"volumes":[{"name":"v","host":{"sourcePath":""}}]`, ""), "host.sourcePath should not be blank."},
		"volume unknown":   {definitionJSON("", `"mountPoints":[{"sourceVolume":"v","containerPath":"/v"}]`), "Unknown volume 'v'."},
		"mount path":       {definitionJSON(`"volumes":[{"name":"v"}]`, `"mountPoints":[{"sourceVolume":"v","containerPath":"v"}]`), "Invalid 'containerPath' setting for container 'c'."},
		"volumes from":     {definitionJSON("", `"volumesFrom":[{"sourceContainer":"d"}]`), "Unknown container 'd' in volumesFrom."},
		"depends unknown":  {definitionJSON("", `"dependsOn":[{"containerName":"d","condition":"START"}]`), "Cannot depend on container + 'd' because it does not exist"},
		"depends success":  {definitionJSON(two(`"dependsOn":[{"containerName":"a","condition":"SUCCESS"}]`), ""), "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"},
		"depends complete": {definitionJSON(two(`"dependsOn":[{"containerName":"a","condition":"COMPLETE"}]`), ""), "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"},
		"depends healthy":  {definitionJSON(two(`"dependsOn":[{"containerName":"a","condition":"HEALTHY"}]`), ""), "A dependency container with HEALTHY condition must have a health check, but container 'a' has none"},
		"depends itself":   {definitionJSON("", `"dependsOn":[{"containerName":"c","condition":"START"}]`), "Container dependencies must not form a cycle, but container 'c' depends on itself"},
		"depends cycle":    {definitionJSON(`"containerDefinitions":[{"name":"a","image":"i","memory":64,"dependsOn":[{"containerName":"b","condition":"START"}]},{"name":"b","image":"i","memory":64,"dependsOn":[{"containerName":"a","condition":"START"}]}]`, ""), "Container dependencies must not form a cycle, but container 'a' depends on itself"},
		"constraint":       {definitionJSON(`"placementConstraints":[{"type":"memberOf"}]`, ""), "Invalid placement constraint."},
		"constraints":      {definitionJSON(`"placementConstraints":[`+strings.TrimSuffix(strings.Repeat(`{"type":"memberOf","expression":"x"},`, 11), ",")+`]`, ""), "Too many placement constraints."},

		"log options":        {definitionJSON("", awslogs(``)), "Log driver awslogs requires options: awslogs-region, awslogs-group"},
		"log group":          {definitionJSON("", awslogs(`"awslogs-region":"us-east-1"`)), "Log driver awslogs requires options: awslogs-group"},
		"log foreign option": {definitionJSON("", awslogs(group+`,"log_key":"x"`)), "Log driver awslogs disallows options: log_key"},
		"log create group":   {definitionJSON("", awslogs(group+`,"awslogs-create-group":"yes"`)), "Invalid value 'yes' for option awslogs-create-group of log driver awslogs."},
		"log mode":           {definitionJSON("", awslogs(group+`,"mode":"fast"`)), "Invalid value 'fast' for option mode of log driver awslogs."},
		"log group odd":      {definitionJSON("", awslogs(`"awslogs-group":"a b","awslogs-region":"us-east-1"`)), "Invalid value 'a b' for option awslogs-group of log driver awslogs."},
		"log prefix odd":     {definitionJSON("", awslogs(group+`,"awslogs-stream-prefix":"a:b"`)), "Invalid value 'a:b' for option awslogs-stream-prefix of log driver awslogs."},
		"log region":         {definitionJSON("", awslogs(`"awslogs-group":"g","awslogs-region":"eu-west-1"`)), "Option awslogs-region of log driver awslogs with another Region than us-east-1 is not built in Seamark yet."},
		"log multiline":      {definitionJSON("", awslogs(group+`,"awslogs-multiline-pattern":"^x"`)), "Option awslogs-multiline-pattern of log driver awslogs is not built in Seamark yet."},

		"fargate bridge":       {fargateJSON(`"networkMode":"bridge"`, ""), "Fargate only supports network mode ‘awsvpc’."},
		"fargate no mode":      {`{"family":"f","requiresCompatibilities":["FARGATE"],"cpu":"256","memory":"512","containerDefinitions":[{"name":"c","image":"i"}]}`, "Fargate only supports network mode ‘awsvpc’."},
		"fargate no cpu":       {`{"family":"f","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],"memory":"512","containerDefinitions":[{"name":"c","image":"i"}]}`, "Fargate requires that 'cpu' be defined at the task level."},
		"fargate no memory":    {`{"family":"f","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],"cpu":"256","containerDefinitions":[{"name":"c","image":"i"}]}`, "Fargate requires that 'memory' be defined at the task level."},
		"fargate size":         {fargateJSON(`"cpu":"256","memory":"4096"`, ""), "No Fargate configuration exists for given values: 256 CPU, 4096 memory."},
		"fargate spelt size":   {fargateJSON(`"cpu":"1 vCPU","memory":"1GB"`, ""), "No Fargate configuration exists for given values: 1024 CPU, 1024 memory."},
		"fargate pid":          {fargateJSON(`"pidMode":"host"`, ""), "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'."},
		"fargate ipc":          {fargateJSON(`"ipcMode":"task"`, ""), "Tasks using the Fargate launch type do not support ipcMode."},
		"fargate constraint":   {fargateJSON(`"placementConstraints":[{"type":"memberOf","expression":"x"}]`, ""), "Fargate compatible task definitions do not support placement constraints"},
		"fargate host path":    {fargateJSON(`"volumes":[{"name":"v","host":{"sourcePath":"/v"}}]`, ""), "Fargate compatible task definitions do not support sourcePath"},
		"fargate log role":     {fargateJSON(`"executionRoleArn":""`, awslogs(group+`,"awslogs-stream-prefix":"x"`)), "Fargate requires task definition to have execution role ARN to support log driver awslogs."},
		"fargate log prefix":   {fargateJSON("", awslogs(group)), "Log driver awslogs requires options: awslogs-stream-prefix"},
		"fargate ecr role":     {fargateJSON(`"executionRoleArn":""`, `"image":"123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"`), "Fargate requires task definition to have execution role ARN to support ECR images."},
		"fargate privileged":   {fargateJSON("", `"privileged":true`), "Fargate compatible task definitions do not support privileged"},
		"fargate devices":      {fargateJSON("", `"linuxParameters":{"devices":[{"hostPath":"/dev/x"}]}`), "Fargate compatible task definitions do not support devices"},
		"fargate shm":          {fargateJSON("", `"linuxParameters":{"sharedMemorySize":64}`), "Fargate compatible task definitions do not support sharedMemorySize"},
		"fargate swap":         {fargateJSON("", `"linuxParameters":{"maxSwap":64}`), "Fargate compatible task definitions do not support maxSwap"},
		"fargate swappiness":   {fargateJSON("", `"linuxParameters":{"swappiness":60}`), "Fargate compatible task definitions do not support swappiness"},
		"fargate capability":   {fargateJSON("", `"linuxParameters":{"capabilities":{"add":["NET_ADMIN"]}}`), "Fargate compatible task definitions do not support adding capability NET_ADMIN"},
		"fargate stop timeout": {fargateJSON("", `"stopTimeout":121`), "Invalid 'stopTimeout' setting for container 'c'. The maximum value on Fargate is 120 seconds."},
		"fargate start":        {fargateJSON("", `"startTimeout":121`), "Invalid 'startTimeout' setting for container 'c'. The maximum value on Fargate is 120 seconds."},
		"storage":              {fargateJSON(`"ephemeralStorage":{"sizeInGiB":20}`, ""), "Invalid 'sizeInGiB' setting for 'ephemeralStorage'. It must be between 21 and 200."},
	} {
		t.Run(name, func(t *testing.T) {
			g := *h
			g.T = t
			g.fails("RegisterTaskDefinition", c.body, "ClientException", c.message)
		})
	}
}

func TestRegisterTaskDefinition_refusesWhatIsNotBuilt(t *testing.T) {
	h := newHarness(t)
	for feature, body := range map[string]string{
		"Compatibility EXTERNAL":                            definitionJSON(`"requiresCompatibilities":["EXTERNAL"]`, ""),
		"Compatibility MANAGED_INSTANCES":                   definitionJSON(`"requiresCompatibilities":["MANAGED_INSTANCES"]`, ""),
		"Parameter inferenceAccelerators":                   definitionJSON(`"inferenceAccelerators":[{"deviceName":"d","deviceType":"t"}]`, ""),
		"Parameter proxyConfiguration":                      definitionJSON(`"proxyConfiguration":{"type":"APPMESH","containerName":"c"}`, ""),
		"Parameter enableFaultInjection":                    definitionJSON(`"enableFaultInjection":true`, ""),
		"pidMode task":                                      fargateJSON(`"pidMode":"task"`, ""),
		"operatingSystemFamily WINDOWS_SERVER_2022_CORE":    fargateJSON(`"runtimePlatform":{"operatingSystemFamily":"WINDOWS_SERVER_2022_CORE"}`, ""),
		"cpuArchitecture ARM64 on this machine":             fargateJSON(`"runtimePlatform":{"cpuArchitecture":"ARM64"}`, ""),
		"Parameter efsVolumeConfiguration":                  fargateJSON(`"volumes":[{"name":"v","efsVolumeConfiguration":{"fileSystemId":"fs-1"}}]`, ""),
		"Parameter fsxWindowsFileServerVolumeConfiguration": definitionJSON(`"volumes":[{"name":"v","fsxWindowsFileServerVolumeConfiguration":{"fileSystemId":"fs-1","rootDirectory":"/","authorizationConfig":{"credentialsParameter":"x","domain":"y"}}}]`, ""),
		"Parameter dockerVolumeConfiguration":               definitionJSON(`"volumes":[{"name":"v","dockerVolumeConfiguration":{"scope":"task"}}]`, ""),
		"Parameter configuredAtLaunch":                      fargateJSON(`"volumes":[{"name":"v","configuredAtLaunch":true}]`, ""),
		"Parameter secrets":                                 fargateJSON("", `"secrets":[{"name":"A","valueFrom":"b"}]`),
		"Parameter environmentFiles":                        fargateJSON("", `"environmentFiles":[{"type":"s3","value":"arn:aws:s3:::b/x.env"}]`),
		"Parameter repositoryCredentials":                   fargateJSON("", `"repositoryCredentials":{"credentialsParameter":"x"}`),
		"Parameter firelensConfiguration":                   fargateJSON("", `"firelensConfiguration":{"type":"fluentbit"}`),
		"Parameter resourceRequirements":                    definitionJSON("", `"resourceRequirements":[{"type":"GPU","value":"1"}]`),
		"Parameter credentialSpecs":                         definitionJSON("", `"credentialSpecs":["x"]`),
		"Parameter dockerSecurityOptions":                   definitionJSON("", `"dockerSecurityOptions":["no-new-privileges"]`),
		"Parameter interactive":                             definitionJSON("", `"interactive":true`),
		"Parameter pseudoTerminal":                          definitionJSON("", `"pseudoTerminal":true`),
		"Parameter restartPolicy":                           definitionJSON("", `"restartPolicy":{"enabled":true}`),
		"Parameter containerPortRange":                      definitionJSON("", `"portMappings":[{"containerPortRange":"80-90"}]`),
		"Log driver splunk":                                 fargateJSON("", `"logConfiguration":{"logDriver":"splunk"}`),
		"Log driver awsfirelens":                            fargateJSON("", `"logConfiguration":{"logDriver":"awsfirelens"}`),
		"Parameter secretOptions":                           fargateJSON("", `"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"g","awslogs-region":"us-east-1"},"secretOptions":[{"name":"A","valueFrom":"b"}]}`),
	} {
		t.Run(feature, func(t *testing.T) {
			g := *h
			g.T = t
			g.fails("RegisterTaskDefinition", body, "ClientException", feature+" is not built in Seamark yet.")
		})
	}
}

func TestTaskSize(t *testing.T) {
	for text, want := range map[string]int64{"256": 256, "1 vCPU": 1024, ".25 vcpu": 256, "0.5vCPU": 512, " 2 VCPU ": 2048, "": 0, "0": 0, "-1": 0, "1.5": 0, "1e3": 0, "NaN vCPU": 0, "vCPU": 0, "1 GB": 0, "99999999999": 0, "9999999 vCPU": 0} {
		if got, err := taskSize(text, "vcpu"); got != want || (err == nil) != (want != 0) {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	if got, err := taskSize("0.5 GB", "gb"); got != 512 || err != nil {
		t.Errorf("half a GB is %d, %v", got, err)
	}
}

func TestValidFargateSize(t *testing.T) {
	valid := map[int64][]int64{
		256: {512, 1024, 2048}, 512: {1024, 2048, 3072, 4096}, 1024: {2048, 5120, 8192}, 2048: {4096, 16384},
		4096: {8192, 30720}, 8192: {16384, 20480, 61440}, 16384: {32768, 40960, 122880},
	}
	invalid := map[int64][]int64{
		256: {256, 1536, 3072, 2049}, 512: {512, 1536, 5120}, 1024: {1024, 9216}, 2048: {3072, 17408},
		4096: {7168, 31744}, 8192: {17408, 65536}, 16384: {36864, 131072}, 100: {512}, 0: {0},
	}
	for want, sizes := range map[bool]map[int64][]int64{true: valid, false: invalid} {
		for cpu, memories := range sizes {
			for _, memory := range memories {
				if got := validFargateSize(cpu, memory); got != want {
					t.Errorf("%d CPU, %d memory: %v, want %v", cpu, memory, got, want)
				}
			}
		}
	}
}

// guideDefinition is the registration of the guide, step 5.
const guideDefinition = `{"family":"web-service","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],"cpu":"256","memory":"512",
	"executionRoleArn":"arn:aws:iam::123456789012:role/ecsTaskExecutionRole","containerDefinitions":[{"name":"web-container","image":"nginx:latest",
	"portMappings":[{"containerPort":80,"protocol":"tcp"}],"essential":true,"logConfiguration":{"logDriver":"awslogs","options":
	{"awslogs-group":"/ecs/web-service","awslogs-region":"us-east-1","awslogs-stream-prefix":"ecs"}}}]}`

func TestRegisterTaskDefinition_guide(t *testing.T) {
	h := newHarness(t)
	golden(t, "register_guide.json", h.do("RegisterTaskDefinition", guideDefinition).raw)
	h.do("RegisterTaskDefinition", guideDefinition).want(`2`, "taskDefinition", "revision")
	golden(t, "describe_guide.json", h.do("DescribeTaskDefinition", `{"taskDefinition":"web-service:1"}`).raw)
}

func TestRegisterTaskDefinition_everything(t *testing.T) {
	h := newHarness(t)
	body := `{"family":"all","networkMode":"awsvpc","cpu":".5 vCPU","memory":"1GB","taskRoleArn":"arn:aws:iam::123456789012:role/t",
		"executionRoleArn":"arn:aws:iam::123456789012:role/e","ephemeralStorage":{"sizeInGiB":30},"runtimePlatform":{"cpuArchitecture":"X86_64","operatingSystemFamily":"LINUX"},
		"volumes":[{"name":"data"}],"tags":[{"key":"b","value":"2"},{"key":"a","value":"1"}],"containerDefinitions":[
		{"name":"init","image":"busybox","essential":false,"command":["true"]},
		{"name":"app","image":"app:1","cpu":128,"memory":256,"memoryReservation":128,"entryPoint":["/app"],"command":["-v"],"workingDirectory":"/w","user":"1000",
		 "environment":[{"name":"A","value":"<b>"}],"portMappings":[{"containerPort":8080,"name":"http","appProtocol":"http"},{"containerPort":53,"protocol":"udp"}],
		 "mountPoints":[{"sourceVolume":"data","containerPath":"/data","readOnly":true}],"volumesFrom":[{"sourceContainer":"init"}],
		 "dependsOn":[{"containerName":"init","condition":"SUCCESS"}],"healthCheck":{"command":["CMD-SHELL","true"],"startPeriod":10},
		 "startTimeout":30,"stopTimeout":60,"readonlyRootFilesystem":true,"dockerLabels":{"k":"v"},"ulimits":[{"name":"nofile","softLimit":1024,"hardLimit":2048}],
		 "systemControls":[{"namespace":"net.core.somaxconn","value":"1024"}],
		 "linuxParameters":{"initProcessEnabled":true,"capabilities":{"add":["SYS_PTRACE"],"drop":["NET_RAW"]},"tmpfs":[{"containerPath":"/t","size":16,"mountOptions":["noexec"]}]}}]}`
	golden(t, "register_all.json", h.do("RegisterTaskDefinition", body).raw)
	got, err := json.MarshalIndent(h.changes.View().TaskDefinitions.Get("all/0000000001").Containers, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "register_all_world.json", got)
}

func TestTaskDefinition_compatibilities(t *testing.T) {
	h := newHarness(t)
	for body, want := range map[string]string{
		definitionJSON("", ""):                                                                   `["EC2"]`,
		definitionJSON(`"networkMode":"awsvpc"`, ""):                                             `["EC2"]`,
		definitionJSON(`"networkMode":"awsvpc","cpu":"256","memory":"1GB"`, ""):                  `["EC2","FARGATE"]`,
		definitionJSON(`"networkMode":"awsvpc","cpu":"256","memory":"1GB"`, `"privileged":true`): `["EC2"]`,
		fargateJSON("", ""): `["EC2","FARGATE"]`,
	} {
		h.do("RegisterTaskDefinition", body).want(want, "taskDefinition", "compatibilities")
	}
}

func TestTaskDefinition_life(t *testing.T) {
	h := newHarness(t)
	h.fails("DescribeTaskDefinition", `{"taskDefinition":"web"}`, "ClientException", "Unable to describe task definition.")
	for range 3 {
		h.fargate("web", `"tags":[{"key":"k","value":"v"}],`)
	}
	for _, ref := range []string{"web", "web:3", definitionARNBase + "web:3", definitionARNBase + "web"} {
		r := h.do("DescribeTaskDefinition", `{"taskDefinition":"`+ref+`"}`)
		r.want(`3`, "taskDefinition", "revision")
		r.want(`[]`, "tags")
	}
	h.do("DescribeTaskDefinition", `{"taskDefinition":"web","include":["TAGS"]}`).want(`[{"key":"k","value":"v"}]`, "tags")

	h.fails("DeregisterTaskDefinition", `{"taskDefinition":"web"}`, "ClientException", "Revision is missing.")
	h.fails("DeregisterTaskDefinition", `{"taskDefinition":"web:9"}`, "ClientException", "The specified task definition does not exist.")
	h.fails("DeregisterTaskDefinition", `{"taskDefinition":"web:x"}`, "InvalidParameterException", "Invalid revision number. Number: x")
	r := h.do("DeregisterTaskDefinition", `{"taskDefinition":"web:3"}`)
	r.want(`"INACTIVE"`, "taskDefinition", "status")
	if r.at("taskDefinition", "deregisteredAt") == nil {
		t.Error("no deregisteredAt")
	}
	h.do("DescribeTaskDefinition", `{"taskDefinition":"web"}`).want(`2`, "taskDefinition", "revision")
	h.do("DescribeTaskDefinition", `{"taskDefinition":"web:3"}`).want(`"INACTIVE"`, "taskDefinition", "status")

	r = h.do("DeleteTaskDefinitions", `{"taskDefinitions":["web:3","web:2","web:9"]}`)
	r.want(`"DELETE_IN_PROGRESS"`, "taskDefinitions", 0, "status")
	r.want(`[{"arn":"`+definitionARNBase+`web:2","reason":"The specified task definition is still in ACTIVE status. Please deregister the target and try again."},`+
		`{"arn":"`+definitionARNBase+`web:9","reason":"The specified task definition does not exist. Specify a valid account, family, revision and try again."}]`, "failures")
	h.fails("DeleteTaskDefinitions", `{"taskDefinitions":[]}`, "InvalidParameterException", "size of TaskDefinition references list must be greater than 0")
	h.fails("DeleteTaskDefinitions", `{"taskDefinitions":["a:1","a:1","a:1","a:1","a:1","a:1","a:1","a:1","a:1","a:1","a:1"]}`, "InvalidParameterException", "Size of TaskDefinition references list cannot exceed 10")
	h.fargate("web", "")
	h.do("DescribeTaskDefinition", `{"taskDefinition":"web"}`).want(`4`, "taskDefinition", "revision")
}

func TestListTaskDefinitions(t *testing.T) {
	h := newHarness(t)
	for range 2 {
		h.fargate("web", "")
		h.fargate("web-b", "")
	}
	for range 9 {
		h.fargate("other", "")
	}
	h.do("DeregisterTaskDefinition", `{"taskDefinition":"web-b:1"}`)
	h.do("DeregisterTaskDefinition", `{"taskDefinition":"web-b:2"}`)
	arn := func(names ...string) string {
		for i := range names {
			names[i] = `"` + definitionARNBase + names[i] + `"`
		}
		return "[" + strings.Join(names, ",") + "]"
	}
	h.do("ListTaskDefinitions", `{"familyPrefix":"web"}`).want(arn("web:1", "web:2"), "taskDefinitionArns")
	h.do("ListTaskDefinitions", `{"familyPrefix":"we"}`).want(`[]`, "taskDefinitionArns")
	h.do("ListTaskDefinitions", `{"status":"INACTIVE"}`).want(arn("web-b:1", "web-b:2"), "taskDefinitionArns")
	all := []string{}
	for i := range 9 {
		all = append(all, fmt.Sprintf("other:%d", i+1))
	}
	all = append(all, "web:1", "web:2")
	for order, want := range map[string]string{"ASC": arn(all...), "DESC": ""} {
		var got []string
		token := ""
		for {
			r := h.do("ListTaskDefinitions", `{"maxResults":4,"sort":"`+order+`"`+token+`}`)
			page, _ := r.at("taskDefinitionArns").([]any)
			for _, a := range page {
				got = append(got, `"`+a.(string)+`"`)
			}
			if r.at("nextToken") == nil {
				break
			}
			token = `,"nextToken":"` + r.text("nextToken") + `"`
		}
		if order == "DESC" {
			for _, arn := range slices.Backward(all) {
				want += "," + arn
			}
			want = "[" + strings.TrimPrefix(want, ",") + "]"
		}
		if s := "[" + strings.Join(got, ",") + "]"; s != want {
			t.Errorf("%s:\n got %s\nwant %s", order, s, want)
		}
	}
	h.do("ListTaskDefinitionFamilies", `{}`).want(`["other","web","web-b"]`, "families")
	h.do("ListTaskDefinitionFamilies", `{"familyPrefix":"web","status":"ACTIVE"}`).want(`["web"]`, "families")
	h.do("ListTaskDefinitionFamilies", `{"status":"INACTIVE"}`).want(`["web-b"]`, "families")
	h.fails("ListTaskDefinitions", `{"nextToken":"!"}`, "InvalidParameterException", "Invalid token")
	h.fails("ListTaskDefinitions", `{"maxResults":101}`, "InvalidParameterException", "maxResults must be between 1 and 100, but was 101")
}
