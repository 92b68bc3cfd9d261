package etcd

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"seamark/internal/store"
	"seamark/internal/world"
)

// churn registers and deregisters for ever, and prints what it was told is
// durable: "+ key", "- key", and "? key" before a deletion begins.
func churn(dir string) {
	after, err := strconv.ParseInt(os.Getenv("STORE_TEST_CHECKPOINT_AFTER"), 10, 64)
	if err != nil {
		fmt.Println("! checkpoint after:", err)
		os.Exit(1)
	}
	s, err := Open(context.Background(), Options{Dir: dir, Logger: quiet(), MinFreeBytes: 1, checkpointAfter: after})
	if err != nil {
		fmt.Println("! open:", err)
		os.Exit(1)
	}
	say := func(what, key string) {
		// One write for each line, so that none is torn.
		_, _ = os.Stdout.WriteString(what + " " + key + "\n")
	}
	must := func(f func(tx *store.Tx)) {
		if _, err := s.Update(context.Background(), func(tx *store.Tx) error { f(tx); return nil }); err != nil {
			say("! update:", err.Error())
			os.Exit(1)
		}
	}
	for writer := range 8 {
		go func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("%d/%d/%d", os.Getpid(), writer, n)
				must(func(tx *store.Tx) {
					tx.Put(&world.LogGroup{Name: key, CreatedAt: tx.Now})
					tx.Put(&world.Role{Name: key, Description: strings.Repeat("x", 500)})
				})
				say("+", key)
				if n%3 != 2 {
					continue
				}
				say("?", key)
				must(func(tx *store.Tx) {
					tx.Delete(world.KindLogGroup, key)
					tx.Delete(world.KindRole, key)
				})
				say("-", key)
			}
		}()
	}
	select {}
}

// told is what a child said of each key last.
type told map[string]string

// churnFor runs a child and kills it after that time, or once it has said so many
// things.
func (seen told) churnFor(t *testing.T, dir string, d time.Duration, things, checkpointAfter int) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "STORE_TEST_CHILD=churn", "STORE_TEST_DIR="+dir, fmt.Sprint("STORE_TEST_CHECKPOINT_AFTER=", checkpointAfter))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(d, func() { _ = child.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		what, key, _ := strings.Cut(lines.Text(), " ")
		if what == "!" {
			t.Errorf("child: %s", key)
		}
		seen[key] = what
		if things--; things == 0 {
			_ = child.Process.Kill()
		}
	}
	_ = child.Wait() // it was killed
}

// check compares a store with what was told.
func (seen told) check(t *testing.T, w world.World) {
	t.Helper()
	lost, kept := 0, 0
	for key, what := range seen {
		switch there := w.LogGroups.Get(key) != nil; {
		case what == "+" && !there:
			lost++
		case what == "-" && there:
			kept++
		}
	}
	if lost+kept > 0 {
		t.Errorf("%d registrations lost and %d deregistrations undone of %d", lost, kept, len(seen))
	}
	for g := range w.LogGroups.All() {
		if w.Roles.Get(g.Name) == nil {
			t.Errorf("half of the update of %s is there", g.Name)
		}
	}
	if w.LogGroups.Len() != w.Roles.Len() {
		t.Errorf("%d groups and %d roles of the same updates", w.LogGroups.Len(), w.Roles.Len())
	}
}

func TestKill_LosesNothingAcknowledged(t *testing.T) {
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	dir := t.TempDir()
	seen := told{}
	var revision int64
	for round := range rounds {
		before := len(seen)
		// Half of them are killed while they make one checkpoint after the other.
		after := []int{1, checkpointAfter}[round%2]
		if round%3 == 0 { // amid the start, which takes some 100 ms
			seen.churnFor(t, dir, time.Duration(rand.Int64N(int64(150*time.Millisecond))), -1, after)
		} else {
			things := 1 + rand.IntN(1000)
			seen.churnFor(t, dir, time.Minute, things, after)
			if made := len(seen) - before; made < things/3 {
				t.Errorf("only %d keys in %d lines", made, things)
			}
		}
		s := openDir(t, dir)
		w := s.View()
		seen.check(t, w)
		if w.Revision < revision {
			t.Errorf("revision %d after %d", w.Revision, revision)
		}
		revision = w.Revision
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	t.Logf("%d keys, revision %d, %d rounds", len(seen), revision, rounds)
}
