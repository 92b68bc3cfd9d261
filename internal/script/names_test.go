package script

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"seamark/internal/world"
)

// names gives drawn ids short names, in the order in which things came to be:
// t1, t2 for tasks, d1, d2 for deployments.
type names struct {
	short map[string]string
	long  map[string]string
	count map[string]int
}

func (n *names) add(prefix, id string) {
	if n.short == nil {
		n.short, n.long, n.count = map[string]string{}, map[string]string{}, map[string]int{}
	}
	if _, known := n.short[id]; known {
		return
	}
	n.count[prefix]++
	name := fmt.Sprintf("%s%d", prefix, n.count[prefix])
	n.short[id], n.long[name] = name, id
}

// learn names what is new in the world.
func (n *names) learn(w world.World) {
	tasks := slices.SortedFunc(w.Tasks.All(), func(a, b *world.Task) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), a.Address.Compare(b.Address))
	})
	for _, t := range tasks {
		n.add("t", string(t.ID))
	}
	for s := range w.Services.All() {
		for _, d := range slices.Backward(s.Deployments) {
			n.add("d", string(d.ID))
		}
	}
}

var (
	longTask       = regexp.MustCompile(`[0-9a-f]{32}`)
	longDeployment = regexp.MustCompile(`ecs-svc/[0-9]{19}`)
	runtimeDigits  = regexp.MustCompile(`\b(t[0-9]+)-[0-9]{10}\b`)
)

// shorten replaces the ids of a text.
func (h *host) shorten(text string) string {
	h.names.learn(h.view())
	replace := func(id string) string {
		if name, ok := h.names.short[id]; ok {
			return name
		}
		return id
	}
	text = longDeployment.ReplaceAllStringFunc(longTask.ReplaceAllStringFunc(text, replace), replace)
	return runtimeDigits.ReplaceAllString(text, "$1")
}

// lengthen returns the id of a short name, or what was given.
func (h *host) lengthen(name string) string {
	h.names.learn(h.view())
	if id, ok := h.names.long[name]; ok {
		return id
	}
	return name
}

// container finds the runtime's id of "t1/app".
func (h *host) container(name string) string {
	h.Helper()
	task, container, _ := strings.Cut(name, "/")
	t := h.view().Tasks.Get(h.lengthen(task))
	if t == nil {
		h.Fatalf("no task %q", task)
	}
	if container == "" {
		return t.Observed.Containers[0].RuntimeID
	}
	c := t.Observed.Container(container)
	if c == nil {
		h.Fatalf("task %s has no container %q", task, container)
	}
	return c.RuntimeID
}
