package script

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"

	"seamark/internal/driver/runtime"
	"seamark/internal/world"
)

type command = func(ts *testscript.TestScript, neg bool, args []string)

// commands are what scripts may say beside testscript's own commands.
//
//	up [aws]                start Seamark, in AWS's fidelity or relaxed
//	down                    end it as SIGTERM does
//	sigkill                 end it as SIGKILL does
//	reboot                  kill it and lose containers, networks and data plane
//	settle                  wait until everybody waits for time to pass
//	advance D               let that much time pass
//	aws SERVICE OP ARGS…    call an operation; the answer goes to stdout
//	set NAME PATH           a member of the last answer into a variable
//	setup [ttl=N] [zone A=CIDR]   the guide's steps 1 to 4: VPC, S1, S2, SG, NS, SRV, ARN
//	service NAME ARGS…      aws ecs create-service in that network, with SRV
//	dig NAME [TYPE] [VPC]   ask a VPC's resolver ($VPC)
//	tasks [SERVICE]         its tasks that have not stopped
//	stopped [SERVICE]       those that have, with the reason
//	events SERVICE          its events, the oldest first, with their times
//	containers [pids]       what runs on the machine
//	exit T[/C] CODE         a container ends by itself
//	health T[/C] ok|fail    its health command's outcome from now on
//	image NAME missing|back whether a registry has an image
//	plane hold|release|fail|mend   the data plane takes changes later, or fails
func commands() map[string]command {
	simple := map[string]func(h *host, args []string) (string, error){
		"up":         up,
		"down":       func(h *host, _ []string) (string, error) { h.down(); return "", nil },
		"sigkill":    func(h *host, _ []string) (string, error) { h.kill(); return "", nil },
		"reboot":     func(h *host, _ []string) (string, error) { h.reboot(); return "", nil },
		"settle":     func(_ *host, _ []string) (string, error) { synctest.Wait(); return "", nil },
		"advance":    advance,
		"tasks":      func(h *host, args []string) (string, error) { return h.tasks(args, false), nil },
		"stopped":    func(h *host, args []string) (string, error) { return h.tasks(args, true), nil },
		"events":     events,
		"containers": func(h *host, args []string) (string, error) { return h.containers(len(args) > 0), nil },
		"exit":       exit,
		"health":     health,
		"image":      image,
		"plane":      setPlane,
	}
	all := map[string]command{"aws": aws, "set": set, "setup": setup, "service": service, "dig": dig}
	for name, f := range simple {
		all[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			text, err := f(hostOf(ts), args)
			finish(ts, neg, text, err)
		}
	}
	return all
}

// finish prints what a command said, and fails the script if it did not go as
// the script expects.
func finish(ts *testscript.TestScript, neg bool, text string, err error) {
	h := hostOf(ts)
	if _, werr := fmt.Fprint(ts.Stdout(), h.shorten(text)); werr != nil {
		ts.Fatalf("%v", werr)
	}
	if err != nil {
		if _, werr := fmt.Fprintln(ts.Stderr(), h.shorten(err.Error())); werr != nil {
			ts.Fatalf("%v", werr)
		}
	}
	switch {
	case err != nil && !neg:
		ts.Fatalf("%s", h.shorten(err.Error()))
	case err == nil && neg:
		ts.Fatalf("unexpected success: %s", h.shorten(text))
	}
}

func up(h *host, args []string) (string, error) {
	h.fidelity = world.Relaxed
	if slices.Contains(args, "aws") {
		h.fidelity = world.AWS
	}
	h.up()
	synctest.Wait()
	return "", nil
}

func advance(_ *host, args []string) (string, error) {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return "", err
	}
	time.Sleep(d)
	synctest.Wait()
	return "", nil
}

func aws(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: aws SERVICE OPERATION [MEMBER=VALUE | @FILE]…")
	}
	h := hostOf(ts)
	in, err := h.input(args[2:], ts.Getenv)
	ts.Check(err)
	answer, err := h.call(args[0], args[1], in)
	h.answer = answer
	finish(ts, neg, string(answer), err)
}

// must is a call that a command needs to succeed.
func must(ts *testscript.TestScript, service, operation string, args ...string) []byte {
	h := hostOf(ts)
	in, err := h.input(args, ts.Getenv)
	ts.Check(err)
	answer, err := h.call(service, operation, in)
	if err != nil {
		ts.Fatalf("%s %s: %v", service, operation, err)
	}
	h.answer = answer
	return answer
}

func set(ts *testscript.TestScript, _ bool, args []string) {
	value, err := member(hostOf(ts).answer, args[1])
	ts.Check(err)
	ts.Setenv(args[0], value)
}

// setup does steps 1 to 4 of the guide.
func setup(ts *testscript.TestScript, _ bool, args []string) {
	o := options(args)
	learn := func(name, path string, answer []byte) {
		value, err := member(answer, path)
		ts.Check(err)
		ts.Setenv(name, value)
	}
	learn("VPC", "Vpc.VpcId", must(ts, "ec2", "create-vpc", "CidrBlock=10.0.0.0/16"))
	learn("S1", "Subnet.SubnetId", must(ts, "ec2", "create-subnet", "VpcId="+ts.Getenv("VPC"), "CidrBlock="+o.get("a", "10.0.1.0/24"), "AvailabilityZone=us-east-1a"))
	learn("S2", "Subnet.SubnetId", must(ts, "ec2", "create-subnet", "VpcId="+ts.Getenv("VPC"), "CidrBlock="+o.get("b", "10.0.2.0/24"), "AvailabilityZone=us-east-1b"))
	learn("SG", "GroupId", must(ts, "ec2", "create-security-group", "VpcId="+ts.Getenv("VPC"), "GroupName=web", "Description=web"))
	must(ts, "ecs", "create-cluster", "clusterName=c")
	op := must(ts, "servicediscovery", "create-private-dns-namespace", "Name=myapp.local", "Vpc="+ts.Getenv("VPC"))
	learn("OP", "OperationId", op)
	learn("NS", "Operation.Targets.NAMESPACE", must(ts, "servicediscovery", "get-operation", "OperationId="+ts.Getenv("OP")))
	created := must(ts, "servicediscovery", "create-service", "Name=web", "NamespaceId="+ts.Getenv("NS"),
		`DnsConfig.DnsRecords=[{"Type":"A","TTL":`+o.get("ttl", "10")+`}]`, `HealthCheckCustomConfig={"FailureThreshold":1}`)
	learn("SRV", "Service.Id", created)
	learn("ARN", "Service.Arn", created)
	synctest.Wait()
}

// service creates a service in setup's network, registered with its name.
func service(ts *testscript.TestScript, neg bool, args []string) {
	in := append([]string{
		"cluster=c", "serviceName=" + args[0], "taskDefinition=" + args[0], "desiredCount=1", "launchType=FARGATE",
		"networkConfiguration.awsvpcConfiguration.subnets=[" + ts.Getenv("S1") + "," + ts.Getenv("S2") + "]",
		"networkConfiguration.awsvpcConfiguration.securityGroups=[" + ts.Getenv("SG") + "]",
		`serviceRegistries=[{"registryArn":"` + ts.Getenv("ARN") + `"}]`,
	}, args[1:]...)
	aws(ts, neg, append([]string{"ecs", "create-service"}, in...))
}

// options are NAME=VALUE arguments.
type options []string

func (o options) get(name, otherwise string) string {
	for _, arg := range o {
		if value, ok := strings.CutPrefix(arg, name+"="); ok {
			return value
		}
	}
	return otherwise
}

func dig(ts *testscript.TestScript, neg bool, args []string) {
	typ, vpc := dns.TypeA, ts.Getenv("VPC")
	if len(args) > 1 {
		typ = dns.StringToType[args[1]]
	}
	if len(args) > 2 {
		vpc = args[2]
	}
	text, err := hostOf(ts).plane.dig(world.VPCID(vpc), args[0], typ)
	finish(ts, neg, text, err)
}

// tasks prints the tasks of a service, or of all.
func (h *host) tasks(args []string, stopped bool) string {
	w := h.view()
	h.names.learn(w)
	list := slices.SortedFunc(w.Tasks.All(), func(a, b *world.Task) int { return h.number(a.ID) - h.number(b.ID) })
	var b strings.Builder
	for _, t := range list {
		if len(args) > 0 && t.Service != args[0] || (t.LastStatus == world.TaskStopped) != stopped {
			continue
		}
		fmt.Fprintf(&b, "%s %s %s %s", t.ID, t.TaskDefinition, t.LastStatus, t.Address)
		if stopped {
			fmt.Fprintf(&b, " %s: %s", t.StopCode, t.StoppedReason)
		} else if def := w.TaskDefinition(t.TaskDefinition); t.Health(def) != world.HealthUnknown {
			fmt.Fprintf(&b, " %s", t.Health(def))
		}
		for _, c := range t.Observed.Containers {
			if len(t.Observed.Containers) > 1 {
				fmt.Fprintf(&b, " %s=%s", c.Name, c.LastStatus)
			}
			if stopped && c.ExitCode != nil {
				fmt.Fprintf(&b, " exit=%d", *c.ExitCode)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (h *host) number(id world.TaskID) int {
	n, err := strconv.Atoi(strings.TrimPrefix(h.names.short[string(id)], "t"))
	if err != nil {
		h.Fatalf("task %s has no name", id)
	}
	return n
}

// events prints a service's story, without the sub-second part of times. What
// several plans of one moment started, or stopped, is one line with the tasks in
// order: how much one plan does depends on who comes first at that moment.
func events(h *host, args []string) (string, error) {
	s := h.view().Services.Get(world.ServiceKey("c", args[0]))
	if s == nil {
		return "", fmt.Errorf("no service %q", args[0])
	}
	h.names.learn(h.view())
	var lines []string
	moved := map[string][]int{} // numbers of tasks, by the line without them
	for _, e := range slices.Backward(s.Events) {
		line := fmt.Sprintf("%s %s\n", e.CreatedAt.Sub(s.CreatedAt).Round(time.Second), e.Message)
		if m := movedTasks.FindStringSubmatch(line); m != nil {
			line = m[1] + " %d " + m[2] + ": %s.\n"
			for _, id := range longTask.FindAllString(m[3], -1) {
				moved[line] = append(moved[line], h.number(world.TaskID(id)))
			}
			if slices.Contains(lines, line) {
				continue
			}
		}
		lines = append(lines, line)
	}
	for i, line := range lines {
		if numbers := moved[line]; numbers != nil {
			slices.Sort(numbers)
			lines[i] = fmt.Sprintf(line, len(numbers), "(task t"+strings.Trim(strings.ReplaceAll(fmt.Sprint(numbers), " ", ") (task t"), "[]")+")")
		}
	}
	return strings.Join(lines, ""), nil
}

// movedTasks is a line about tasks that were started or stopped.
var movedTasks = regexp.MustCompile(`^(.* has (?:started|stopped)) [0-9]+ ((?:running )?tasks): (.*)\.`)

// containers prints what is on the machine.
func (h *host) containers(pids bool) string {
	var lines []string
	for line := range strings.Lines(h.machine.String()) {
		id, state, _ := strings.Cut(strings.TrimSpace(line), " ")
		name := id
		for t := range h.view().Tasks.All() {
			for _, c := range t.Observed.Containers {
				if c.RuntimeID == id {
					name = h.shorten(string(t.ID)) + "/" + c.Name
				}
			}
		}
		_, state, _ = strings.Cut(state, " ") // without the group
		if !pids {
			state, _, _ = strings.Cut(state, " pid=")
		}
		lines = append(lines, name+" "+state+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func exit(h *host, args []string) (string, error) {
	code, err := strconv.Atoi(args[1])
	if err != nil {
		return "", err
	}
	h.machine.Crash(h.container(args[0]), int32(code))
	synctest.Wait()
	return "", nil
}

func health(h *host, args []string) (string, error) {
	code, ok := map[string]int32{"ok": 0, "fail": 1}[args[1]]
	if !ok {
		return "", errors.New("usage: health TASK[/CONTAINER] ok|fail")
	}
	h.machine.SetExec(h.container(args[0]), code)
	return "", nil
}

func image(h *host, args []string) (string, error) {
	name, err := runtime.FullImageName(args[0])
	if err != nil {
		return "", err
	}
	h.missing[name] = args[1] == "missing"
	return "", nil
}

func setPlane(h *host, args []string) (string, error) {
	switch args[0] {
	case "hold":
		h.plane.setHold(true)
	case "release":
		h.plane.setHold(false)
	case "fail":
		h.plane.setBroken(errors.New("data plane connection closed"))
	case "mend":
		h.plane.setBroken(nil)
	default:
		return "", fmt.Errorf("unknown word %q", args[0])
	}
	synctest.Wait()
	return "", nil
}
