package store

import (
	"strings"
	"testing"

	"seamark/internal/world"
)

func TestGuard(t *testing.T) {
	if newGuard(world.New()) != nil {
		t.Error("checks although nobody asked")
	}
	t.Setenv(CheckVariable, "1")
	w := world.New()
	loaded := &world.Role{Name: "loaded"}
	w.Put(loaded)
	g := newGuard(w)
	role := &world.Role{Name: "a", Tags: world.Tags{"k": "v"}}
	g.commit([]Change{{Ref: world.RefOf(role), New: role}})
	g.checkAll()
	for name, change := range map[string]func() (undo func()){
		"field":         func() func() { role.Path = "/"; return func() { role.Path = "" } },
		"map":           func() func() { role.Tags["k"] = "w"; return func() { role.Tags["k"] = "v" } },
		"loaded object": func() func() { loaded.Path = "/"; return func() { loaded.Path = "" } },
	} {
		undo := change()
		if what := panicOf(g.checkAll); !strings.Contains(what, "was changed after it was put") {
			t.Errorf("%s: %q", name, what)
		}
		undo()
	}
	g.commit([]Change{{Ref: world.RefOf(role), Old: role}})
	role.Path = "/"
	g.checkAll() // it is no longer in the world
}

func panicOf(f func()) (what string) {
	defer func() {
		if p := recover(); p != nil {
			what = p.(string)
		}
	}()
	f()
	return ""
}
