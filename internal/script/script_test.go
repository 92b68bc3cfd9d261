package script

import (
	"flag"
	"testing"
	"testing/synctest"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the expected files in the scripts anew")

func TestScripts(t *testing.T) {
	testscript.RunT(bubbleT{t}, testscript.Params{
		Dir: "../../testdata/script", Setup: setUp, Cmds: commands(), UpdateScripts: *update,
	})
}

// bubbleT runs each script in a bubble of its own, with its own virtual clock.
type bubbleT struct{ *testing.T }

// Parallel does nothing: it is not allowed inside a bubble, and done outside.
func (bubbleT) Parallel() {}

// Verbose implements testscript.T.
func (bubbleT) Verbose() bool { return testing.Verbose() }

// Run implements testscript.T.
func (b bubbleT) Run(name string, f func(testscript.T)) {
	b.T.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { f(bubbleT{t}) })
	})
}

type hostKey struct{}

// setUp gives a script a host on which nothing runs yet.
func setUp(env *testscript.Env) error {
	h := newHost(env.T().(bubbleT).T, env.WorkDir)
	env.Values[hostKey{}] = h
	env.Defer(h.close)
	return nil
}

func hostOf(ts *testscript.TestScript) *host { return ts.Value(hostKey{}).(*host) }
