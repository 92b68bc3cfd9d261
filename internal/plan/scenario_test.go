package plan_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"seamark/internal/world"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestScenarios plays testdata/*.txtar: a script of what users do and what
// happens to tasks, and the story that the planners make of it.
//
//	subnet ZONE CIDR             another subnet, or another size of a or b
//	registry NAME ttl=N          the Cloud Map service of the service NAME
//	def N [checked]              revision N of the task definition
//	service NAME desired=N [def=N] [min=N] [max=N] [breaker] [rollback] [grace=D]
//	update NAME [desired=N] [def=N]
//	delete NAME                  DeleteService with force
//	broken|sick|slow|deaf N [off]  image, health check, start or ports of revision N
//	crash|stop|unhealthy|healthy tN…
//	resolver hold|release
//	forget                       a new process knows nothing of the resolver
//	step                         one look of every planner, node and resolver
//	settle                       until nothing changes
//	advance D                    time passes
//	show                         what there is now
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			st := &scenario{sim: newSim(t)}
			for line := range strings.Lines(section(a, "script")) {
				st.do(strings.TrimSpace(line))
			}
			if *update {
				setSection(a, "story", st.out.String())
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got, want := st.out.String(), section(a, "story"); got != want {
				t.Errorf("story differs:\n%s", diff(want, got))
			}
		})
	}
}

func section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func setSection(a *txtar.Archive, name, text string) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(text)
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)})
}

// diff marks the first line that differs.
func diff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	n := 0
	for n < len(w) && n < len(g) && w[n] == g[n] {
		n++
	}
	return fmt.Sprintf("line %d\nwant %s\ngot  %s\n\nall:\n%s", n+1, at(w, n), at(g, n), got)
}

func at(lines []string, n int) string {
	if n < len(lines) {
		return lines[n]
	}
	return "(end)"
}

// scenario is a sim that tells what happens.
type scenario struct {
	*sim
	out    strings.Builder
	told   map[string]int // events told of each service
	census string         // told last
	ids    []string       // replacements of drawn ids
}

// do runs one line of a script.
func (s *scenario) do(line string) {
	s.Helper()
	if line == "" || strings.HasPrefix(line, "#") {
		return
	}
	fmt.Fprintf(&s.out, "> %s\n", line)
	words := strings.Fields(line)
	s.command(words[0], words[1:])
	if c := s.sim.census(); c != s.census || words[0] == "show" {
		s.census = c
		s.out.WriteString(c)
	}
}

func (s *scenario) command(name string, args []string) {
	s.Helper()
	switch name {
	case "subnet":
		s.subnet(args[0], args[1])
	case "registry":
		s.registry(args[0], int64(options(args).number("ttl")))
	case "def":
		s.definition(s.atoi(args[0]), slices.Contains(args, "checked"))
	case "service", "update", "delete":
		s.serviceCommand(name, args)
	case "broken", "sick", "slow", "deaf":
		map[string]map[int]bool{"broken": s.broken, "sick": s.sick, "slow": s.slow, "deaf": s.deaf}[name][s.atoi(args[0])] = len(args) == 1
	case "crash", "stop", "unhealthy", "healthy":
		for _, arg := range args {
			s.taskCommand(name, s.sim.task(s.atoi(arg[1:])))
		}
	case "resolver":
		s.held = args[0] == "hold"
	case "fidelity":
		s.fidelity = world.Fidelity(args[0])
	case "forget": // a new process does not know what the resolver serves
		s.applied = 0
	case "step":
		s.round()
		s.tell()
	case "settle":
		s.follow(0)
	case "advance":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			s.Fatalf("%v", err)
		}
		s.follow(d)
	case "show":
	default:
		s.Fatalf("unknown command %q", name)
	}
}

// follow advances, telling each change when it happens.
func (s *scenario) follow(d time.Duration) {
	s.Helper()
	end := s.now.Add(d)
	for {
		for range 500 {
			if !s.round() {
				break
			}
			s.tell()
		}
		if !s.now.Before(end) {
			return
		}
		next := end
		if !s.wake.IsZero() && s.wake.Before(end) {
			next = s.wake
		}
		s.now = maxTime(next, s.now.Add(time.Millisecond))
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// tell writes the events that are new, the oldest first.
func (s *scenario) tell() {
	if s.told == nil {
		s.told = map[string]int{}
	}
	for svc := range s.w.Services.All() {
		for n := len(svc.Events) - s.told[svc.Name] - 1; n >= 0; n-- {
			e := svc.Events[n]
			fmt.Fprintf(&s.out, "%s %s\n", e.CreatedAt.Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), s.named(e.Message))
		}
		s.told[svc.Name] = len(svc.Events)
	}
}

// named replaces drawn ids.
func (s *scenario) named(text string) string {
	for id, n := range s.numbers {
		text = strings.ReplaceAll(text, string(id), "t"+strconv.Itoa(n))
	}
	for svc := range s.w.Services.All() {
		for _, d := range slices.Backward(svc.Deployments) {
			if !slices.Contains(s.ids, string(d.ID)) {
				s.ids = append(s.ids, string(d.ID))
			}
		}
	}
	for n, id := range s.ids {
		text = strings.ReplaceAll(text, id, fmt.Sprintf("ecs-svc/%d", n+1))
	}
	return text
}

func (s *scenario) serviceCommand(name string, args []string) {
	s.Helper()
	o := options(args[1:])
	ref := world.TaskDefinitionRef{Family: "web", Revision: max(o.number("def"), 1)}
	switch name {
	case "service":
		svc := s.service(args[0], int32(o.number("desired")), ref)
		if _, ok := o.value("min"); ok {
			svc.Configuration.MinimumHealthyPercent, svc.Configuration.MaximumPercent = int32(o.number("min")), int32(o.number("max"))
		}
		svc.Configuration.CircuitBreaker = slices.Contains(args, "breaker")
		svc.Configuration.Rollback = slices.Contains(args, "rollback")
		if text, ok := o.value("grace"); ok {
			grace, err := time.ParseDuration(text)
			if err != nil {
				s.Fatalf("%v", err)
			}
			svc.HealthCheckGrace = grace
		}
		s.put(svc)
	case "update":
		if _, ok := o.value("desired"); ok {
			s.update(args[0], func(svc *world.Service) { svc.DesiredCount = int32(o.number("desired")) })
		}
		if _, ok := o.value("def"); ok {
			s.deploy(args[0], ref)
		}
	case "delete":
		s.update(args[0], func(svc *world.Service) { svc.Status, svc.DesiredCount = world.ServiceDraining, 0 })
	}
}

func (s *scenario) taskCommand(name string, t *world.Task) {
	switch name {
	case "crash":
		s.sim.crash(t)
	case "stop":
		s.stopTask(t)
	case "unhealthy":
		s.sim.health(t, world.Unhealthy)
	case "healthy":
		s.sim.health(t, world.Healthy)
	}
}

func (s *scenario) atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.Fatalf("%v", err)
	}
	return n
}

// options are KEY=VALUE arguments.
type options []string

func (o options) value(key string) (string, bool) {
	for _, arg := range o {
		if k, v, ok := strings.Cut(arg, "="); ok && k == key {
			return v, true
		}
	}
	return "", false
}

func (o options) number(key string) int {
	text, _ := o.value(key)
	n, _ := strconv.Atoi(text) // absent: 0
	return n
}
