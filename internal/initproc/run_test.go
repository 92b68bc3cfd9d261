//go:build linux

package initproc

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The test binary is the init process of its own tests.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Command {
		os.Exit(Run(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func initOf(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(self, append([]string{Command}, args...)...)
}

func code(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err == nil {
		return 0
	}
	return exit.ExitCode()
}

func TestRun_EndsWithTheProgramsCode(t *testing.T) {
	for _, c := range []struct {
		want int
		args []string
	}{
		{0, []string{"true"}},
		{3, []string{"sh", "-c", "exit 3"}},
		{137, []string{"sh", "-c", "kill -KILL $$"}},
		{127, []string{"no-such-program"}},
		{127, []string{"/no/such/program"}},
		{126, []string{"/etc/passwd"}},
		{64, nil},
	} {
		if got := code(t, initOf(t, c.args...).Run()); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.args, got, c.want)
		}
	}
}

func TestRun_ForwardsSignals(t *testing.T) {
	cmd := initOf(t, "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := code(t, cmd.Wait()); got != 7 {
		t.Errorf("exit code %d, want that of the program's own handler, 7", got)
	}
}

// As process 1 of a PID namespace it inherits orphans; none may stay a zombie.
func TestRun_ReapsOrphans(t *testing.T) {
	if os.Getuid() != 0 {
		if os.Getenv("SEAMARK_REQUIRE_ROOT") == "1" {
			t.Fatal("needs root")
		}
		t.Skip("needs root")
	}
	// Twenty orphans of a shell that ends at once; when none runs any more, no zombie may be left.
	script := `mount -t proc proc /proc
		sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do timeout 0.05 tail -f /dev/null & done'
		n=0
		while grep -qs '^State:.Z' /proc/[0-9]*/status || grep -Eqsx 'tail|timeout' /proc/[0-9]*/comm; do
			n=$((n+1)); [ $n -lt 500 ] || { grep -s '^State:' /proc/[0-9]*/status; break; }
			sleep 0.01
		done
		echo looked`
	cmd := initOf(t, "bash", "-c", script)
	// Unshareflags, unlike Cloneflags, makes the mounts private before anything is mounted.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, Unshareflags: unix.CLONE_NEWNS}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if got := code(t, cmd.Run()); got != 0 || strings.TrimSpace(out.String()) != "looked" {
		t.Errorf("exit code %d, zombies or errors:\n%s", got, out.String())
	}
}
