package logs

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Environment of the test binary when it runs as a logger process.
const (
	childDir   = "SEAMARK_TEST_LOG_DIR"
	childLines = "SEAMARK_TEST_LOG_LINES"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := writeLines(dir, os.Getenv(childLines)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// writeLines appends numbered lines and prints each number once its line was
// written.
func writeLines(dir, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	w, err := OpenWriter(dir, WriterOptions{Reserve: -1})
	if err != nil {
		return err
	}
	for i := range n {
		if err := w.Append(time.Now(), line(i)); err != nil {
			return err
		}
		fmt.Println(i)
	}
	return w.Close()
}

// line has a length that differs from its neighbours', so that blocks end in
// many places.
func line(i int) []byte { return []byte(fmt.Sprintf("%d %s", i, strings.Repeat("l", i%997))) }

// startChild runs a logger process; acked receives what it acknowledged.
func startChild(t *testing.T, dir string, lines int) (child *exec.Cmd, acked chan int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child = exec.Command(self)
	child.Env = append(os.Environ(), childDir+"="+dir, childLines+"="+strconv.Itoa(lines))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	acked = make(chan int, lines)
	go func() {
		defer close(acked)
		for s := bufio.NewScanner(out); s.Scan(); {
			if n, err := strconv.Atoi(s.Text()); err == nil {
				acked <- n
			}
		}
	}()
	return child, acked
}

// TestProcess_ReaderFollowsWriter tails a stream by its forward token while
// another process writes it: every line once, in order.
func TestProcess_ReaderFollowsWriter(t *testing.T) {
	const lines = 20_000
	s := openStore(t, Options{})
	child, acked := startChild(t, s.Dir("g", "s"), lines)
	if _, ok := <-acked; !ok { // the stream exists now
		t.Fatal("the logger wrote nothing")
	}
	q := GetQuery{Group: "g", Stream: "s", FromHead: true, Limit: 100}
	deadline := time.Now().Add(60 * time.Second)
	for next := 0; next < lines; {
		p, err := s.Get(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Events {
			if e.Message != string(line(next)) {
				t.Fatalf("event %d is %.20q", next, e.Message)
			}
			next++
		}
		q.Token = p.Forward
		if time.Now().After(deadline) {
			t.Fatalf("only %d of %d lines seen", next, lines)
		}
	}
	for range acked {
	}
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
}

// TestProcess_KillKeepsAcknowledged kills logger processes at some moment and
// lets the next one go on: what was acknowledged is there, in order.
func TestProcess_KillKeepsAcknowledged(t *testing.T) {
	s := openStore(t, Options{})
	var want []int
	for round := range 5 {
		child, acked := startChild(t, s.Dir("g", "s"), 1_000_000)
		stop := 200 * (round + 1)
		for n := range acked {
			want = append(want, n)
			if n == stop {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := child.Wait(); err == nil {
			t.Fatal("the logger ended before it was killed")
		}
	}
	got := readForward(t, s, GetQuery{Group: "g", Stream: "s"})
	at := 0
	for _, e := range got {
		// A line may be written and its acknowledgement lost by the kill.
		if at < len(want) && e.Message == string(line(want[at])) {
			at++
		}
	}
	if at != len(want) {
		t.Errorf("%d of %d acknowledged lines found, %d stored", at, len(want), len(got))
	}
	if extra := len(got) - len(want); extra > 5 {
		t.Errorf("%d lines more than acknowledged", extra)
	}
}
