//go:build linux

package blackbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"seamark/internal/api/ec2"
)

// TestIn runs programs of this host inside VPCs.
func TestIn(t *testing.T) {
	s := start(t, options{})
	g := s.stage(stageOptions{})
	g.service("web", g.define("web", serving("hello")), 1)
	g.awaitStable("web")
	task := g.running("web")[0]
	t.Run("security groups apply", func(t *testing.T) { groupsApply(t, g, addressOf(task)) })
	t.Run("exit codes and signals", func(t *testing.T) { exitsPass(t, g) })
	t.Run("its own resolution", func(t *testing.T) { ownResolution(t, g, *task.TaskArn) })
	t.Run("what is not there", func(t *testing.T) { notThere(t, g) })
	t.Run("killed", func(t *testing.T) { inIsKilled(t, g) })
	t.Run("environment", func(t *testing.T) { environment(t, g) })
	t.Run("forward", func(t *testing.T) { forward(t, g, *task.TaskArn) })
}

func groupsApply(t *testing.T, g *stage, address netip.Addr) {
	closed := g.makeGroup("closed", "")
	inner := g.makeGroup("inner", "")
	g.onlyFrom(g.group, inner)
	url := "http://" + netip.AddrPortFrom(address, 8080).String()
	for group, want := range map[string]int{inner: 0, closed: 28} { // 28: curl's code of a timeout
		out, code := g.seamark("in", "--security-group", group, g.vpc, "--", "curl", "-sS", "-m", "2", url)
		if code != want {
			t.Errorf("as a member of %s: exit code %d, want %d\n%s", group, code, want, out)
		}
	}
}

// onlyFrom lets nobody in but the members of a group.
func (g *stage) onlyFrom(group, source string) {
	g.t.Helper()
	all, first, last, tcp := "10.0.0.0/16", int32(0), int32(65535), "tcp"
	revoke := &ec2.RevokeSecurityGroupIngressInput{GroupId: &group, IpProtocol: &tcp, FromPort: &first, ToPort: &last, CidrIp: &all}
	if err := g.ec2("RevokeSecurityGroupIngress", revoke, &ec2.RevokeSecurityGroupIngressOutput{}); err != nil {
		g.t.Fatal(err)
	}
	allow := &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: []ec2.IpPermission{
		{IpProtocol: &tcp, FromPort: &first, ToPort: &last, UserIdGroupPairs: []ec2.UserIdGroupPair{{GroupId: &source}}},
	}}
	if err := g.ec2("AuthorizeSecurityGroupIngress", allow, &ec2.AuthorizeSecurityGroupIngressOutput{}); err != nil {
		g.t.Fatal(err)
	}
}

func exitsPass(t *testing.T, g *stage) {
	for command, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -TERM $$": 128 + 15, "kill -KILL $$": 128 + 9} {
		if out, code := g.seamark("in", g.vpc, "--", "sh", "-c", command); code != want || out != "" {
			t.Errorf("%s: exit code %d, want %d; %s", command, code, want, out)
		}
	}
	if out, code := g.seamark("in", g.vpc, "--", "/nonexistent"); code == 0 || !strings.Contains(out, "/nonexistent") {
		t.Errorf("no program: exit code %d, %s", code, out)
	}
	// A signal to `in` reaches the program, whose exit code is passed on.
	cmd, out := g.inProgress(t, g.vpc, "sh", "-c", `trap 'echo got it; exit 5' TERM; echo ready; while :; do read -t 1 x; done`)
	expectLine(t, out, "ready")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	expectLine(t, out, "got it")
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 5 {
		t.Errorf("after SIGTERM: %v", err)
	}
	g.noSessions(t)
}

// inProgress starts `seamark in` and returns its standard output.
func (s *server) inProgress(t *testing.T, target string, command ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	if strings.Contains(strings.Join(command, " "), "read -t") {
		command[0] = "bash"
	}
	cmd := exec.Command(s.binary, append([]string{"in", "--data-dir", s.dataDir, target, "--"}, command...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() }) // it has ended
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(out)
}

func expectLine(t *testing.T, from *bufio.Reader, want string) {
	t.Helper()
	line, err := from.ReadString('\n')
	if err != nil || strings.TrimSpace(line) != want {
		t.Fatalf("it says %q, %v, want %q", line, err, want)
	}
}

// noSessions waits until no interface of a session is left, in the API and in
// the kernel.
func (g *stage) noSessions(t *testing.T) {
	t.Helper()
	g.eventually("no session's interface is left", func() error {
		var out ec2.DescribeNetworkInterfacesOutput
		if err := g.ec2("DescribeNetworkInterfaces", &ec2.DescribeNetworkInterfacesInput{}, &out); err != nil {
			return err
		}
		if n, tasks := len(out.NetworkInterfaces), len(g.status().Tasks); n != tasks {
			return fmt.Errorf("%d interfaces, %d tasks", n, tasks)
		}
		paths, err := filepath.Glob(filepath.Join(g.client.RunDir, "netns", "vpc-*", "eni-*"))
		if err != nil || len(paths) != len(g.status().Tasks) {
			return fmt.Errorf("%v, %w", paths, err)
		}
		return nil
	})
}

func ownResolution(t *testing.T, g *stage, task string) {
	for _, target := range []string{g.vpc, g.subnets[1], task} {
		out, code := g.seamark("in", target, "--", "sh", "-c", "cat /etc/resolv.conf; getent hosts web.myapp.local; env")
		if code != 0 || !strings.Contains(out, "nameserver 10.0.0.2") || !strings.Contains(out, "web.myapp.local") {
			t.Errorf("in %s: exit code %d\n%s", target, code, out)
		}
		if strings.Contains(strings.ToLower(out), "_proxy=") {
			t.Errorf("in %s there is a proxy:\n%s", target, out)
		}
	}
	if host := read(t, "/etc/resolv.conf"); strings.Contains(host, "10.0.0.2") {
		t.Errorf("the host's own resolv.conf has become\n%s", host)
	}
}

func notThere(t *testing.T, g *stage) {
	for _, target := range []string{"vpc-12345678", "subnet-12345678", "nonsense"} {
		if out, code := g.seamark("in", target, "--", "true"); code != 1 || !strings.Contains(out, target) {
			t.Errorf("in %s: exit code %d\n%s", target, code, out)
		}
	}
	if out, code := g.seamark("in", "--security-group", "sg-12345678", g.vpc, "--", "true"); code != 1 || !strings.Contains(out, "sg-12345678") {
		t.Errorf("in a group that is not there: exit code %d\n%s", code, out)
	}
}

// inIsKilled: the interface is gone all the same, and the program with it.
func inIsKilled(t *testing.T, g *stage) {
	cmd, out := g.inProgress(t, g.vpc, "sh", "-c", "echo $$; exec sleep 600")
	line, err := out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(line, &pid); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it was killed and says that all is well")
	}
	g.noSessions(t)
	g.eventually("the program has ended", func() error {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("process %d: %w", pid, err)
		}
		return nil
	})
}

// environment: what `env` prints points the CLI at this server, in any shell.
func environment(t *testing.T, g *stage) {
	script := fmt.Sprintf(`eval "$(%s env --data-dir %s)" && aws --endpoint-url "$AWS_ENDPOINT_URL" sts get-caller-identity --query Account --output text && echo "$AWS_REGION ${AWS_PROFILE-none} ${AWS_ENDPOINT_URL_ECS-none} $NO_PROXY"`, g.binary, g.dataDir)
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = append(os.Environ(), "AWS_PROFILE=production", "AWS_SESSION_TOKEN=x", "AWS_ENDPOINT_URL_ECS=http://192.0.2.1", "AWS_PAGER=", "NO_PROXY=example.com")
	out, code := output(t, cmd)
	want := "123456789012\nus-east-1 none none example.com,127.0.0.1,localhost\n"
	if code != 0 || out != want {
		t.Errorf("exit code %d: %q, want %q", code, out, want)
	}
}

// forward carries HTTP from a port of loopback to a task, and to a name.
func forward(t *testing.T, g *stage, task string) {
	g.allow(g.group, "10.0.0.0/16", 8080, 8080)
	for _, target := range []string{task, g.vpc + "/web.myapp.local"} {
		cmd := exec.Command(g.binary, "forward", "--data-dir", g.dataDir, target, "0:8080")
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(stderr).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		address := strings.TrimSuffix(strings.Fields(line)[1], ",")
		if host, _, err := net.SplitHostPort(address); err != nil || host != "127.0.0.1" {
			t.Errorf("it listens on %s", address)
		}
		for range 3 {
			fetched(t, "http://"+address+"/", "hello")
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("forward to %s: after SIGTERM: %v", target, err)
		}
		if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			t.Errorf("%s still listens", address)
			_ = conn.Close()
		}
	}
	g.noSessions(t)
}

func fetched(t *testing.T, url, want string) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Error(err)
		return
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil || !strings.HasPrefix(string(body), want) {
		t.Errorf("%s: %q, %v", url, body, err)
	}
}

// TestEnvWhenDown: no command reaches a real account.
func TestEnvWhenDown(t *testing.T) {
	s := prepare(t, options{})
	never := func() {
		t.Helper()
		script := fmt.Sprintf(`out=$(%s env --data-dir %s); echo "exit $?"; eval "$out"; echo "$AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID ${AWS_PROFILE-none}"`, s.binary, s.dataDir)
		cmd := exec.Command("sh", "-c", script)
		cmd.Env = append(os.Environ(), "AWS_PROFILE=production", "AWS_ACCESS_KEY_ID=AKIAREAL")
		out, _ := output(t, cmd)
		if !strings.Contains(out, "exit 1\n") || !strings.Contains(out, "http://127.0.0.1:9 seamark-not-running none\n") {
			t.Errorf("env says:\n%s", out)
		}
	}
	never()
	s.up()
	s.kill() // its client file is still there
	never()
}
