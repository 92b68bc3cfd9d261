//go:build linux

package containerd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"seamark/internal/driver/runtime"
)

// wait is how long anything may take.
const wait = 20 * time.Second

// run starts a container and takes it away at the test's end.
func run(t *testing.T, d *Driver, c runtime.Container) int {
	t.Helper()
	t.Cleanup(func() {
		if err := d.Remove(context.Background(), c.ID); err != nil { // the test's own context has ended
			t.Error(err)
		}
	})
	pid, err := d.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// output runs a command in a container and returns what it wrote.
func output(t *testing.T, d *Driver, id string, command ...string) string {
	t.Helper()
	r, err := d.Exec(t.Context(), id, command, wait)
	if err != nil || r.ExitCode != 0 {
		t.Fatalf("%v: exit code %d, %v\n%s", command, r.ExitCode, err, r.Output)
	}
	return r.Output
}

func contains(t *testing.T, what, text string, wants ...string) {
	t.Helper()
	for _, w := range wants {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q:\n%s", what, w, text)
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(wait); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", wait, what)
		}
	}
}

// kept returns all bytes of a log's segments.
func kept(t *testing.T, dir string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

func TestContainer(t *testing.T) {
	m := newMachine(t)
	d := m.driver(t)
	for _, c := range []struct {
		name string
		test func(t *testing.T, m *machine, d *Driver)
	}{
		{"GroupSharesNetworkVolumeAndShim", groupShares},
		{"HasDockersRights", hasDockersRights},
		{"MachineHasMore", machineHasMore},
		{"UserAndEnvironment", userAndEnvironment},
		{"FilesAndMounts", filesAndMounts},
		{"Limits", limits},
		{"GroupLimitKills", groupLimitKills},
		{"OutputIsKept", outputIsKept},
		{"InitReaps", initReaps},
		{"ExecKeepsTheBeginning", execKeepsTheBeginning},
		{"RefusesWhatReachesTheMachine", refuses},
		{"StartsAtOnce", startsAtOnce},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare := m.unchanged(t)
			t.Run("run", func(t *testing.T) { c.test(t, m, d) })
			for _, g := range m.groups(t) {
				if err := d.RemoveGroup(t.Context(), g); err != nil {
					t.Error(err)
				}
			}
			compare()
		})
	}
}

func groupShares(t *testing.T, m *machine, d *Driver) {
	volume := t.TempDir()
	mount := []runtime.Mount{{Source: volume, Destination: "/vol"}}
	server, client := m.box("serve", "8080", "hello"), m.box("sleep")
	server.ID, server.Group, server.Mounts = "server", "task", mount
	client.ID, client.Group, client.Mounts = "client", "task", mount
	run(t, d, server)
	run(t, d, client)

	eventually(t, "the other container's port answers", func() bool {
		r, err := d.Exec(t.Context(), "client", []string{"/testbox", "get", "http://127.0.0.1:8080/"}, wait)
		return err == nil && r.ExitCode == 0 && r.Output == "hello box\n"
	})
	output(t, d, "server", "/testbox", "write", "/vol/note", "from the server")
	if got := output(t, d, "client", "/testbox", "cat", "/vol/note"); got != "from the server\n" {
		t.Errorf("the other container reads %q from the volume", got)
	}
	if got, err := os.ReadFile(filepath.Join(volume, "note")); err != nil || string(got) != "from the server\n" {
		t.Errorf("the host reads %q from the volume, %v", got, err)
	}
	shims := 0
	for _, p := range m.processes(t) {
		if strings.Contains(p, "containerd-shim-runc-v2") {
			shims++
		}
	}
	if shims != 1 {
		t.Errorf("%d shims for one group:\n%s", shims, strings.Join(m.processes(t), "\n"))
	}
}

// dockerMask is the set of Docker's default capabilities as the kernel prints it.
const dockerMask = "00000000a80425fb"

func hasDockersRights(t *testing.T, m *machine, d *Driver) {
	c := m.box("sleep")
	c.ID = "rights"
	run(t, d, c)
	contains(t, "id", output(t, d, c.ID, "/testbox", "id"),
		"uid 0 gid 0", "CapEff:\t"+dockerMask, "CapBnd:\t"+dockerMask, "NoNewPrivs:\t0", "Seccomp:\t2")
	contains(t, "mounts", output(t, d, c.ID, "/testbox", "cat", "/proc/self/mountinfo"),
		" /proc/sys ro", " /sys ro", " /proc/keys ", " /sys/fs/cgroup ")
	// An entry of its own control group, not of the machine's tree.
	if got := output(t, d, c.ID, "/testbox", "cat", "/proc/self/cgroup"); strings.Contains(got, "seamark") {
		t.Errorf("sees where the machine has its control group:\n%s", got)
	}
	contains(t, "sysctl", output(t, d, c.ID, "/testbox", "cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start"), "0\n")
}

func machineHasMore(t *testing.T, m *machine, d *Driver) {
	c := m.box("sleep")
	c.ID, c.Machine, c.Network = "instance", true, m.newNetns(t, "instance-net")
	c.ReadonlyRootfs = true // so that only the tmpfs at /run is writable
	run(t, d, c)
	id := output(t, d, c.ID, "/testbox", "id")
	var mask uint64
	for line := range strings.Lines(id) {
		if _, err := fmt.Sscanf(line, "CapEff:\t%x", &mask); err == nil {
			break
		}
	}
	for name, bit := range map[string]uint{"NET_ADMIN": 12, "NET_RAW": 13, "SYS_PTRACE": 19, "SYS_CHROOT": 18} {
		if mask&(1<<bit) == 0 {
			t.Errorf("an instance lacks %s:\n%s", name, id)
		}
	}
	for name, bit := range map[string]uint{"SYS_ADMIN": 21, "SYS_MODULE": 16, "SYS_RAWIO": 17, "SYS_TIME": 25, "DAC_READ_SEARCH": 2} {
		if mask&(1<<bit) != 0 {
			t.Errorf("an instance has %s:\n%s", name, id)
		}
	}
	output(t, d, c.ID, "/testbox", "write", "/run/pid", "1")
}

func userAndEnvironment(t *testing.T, m *machine, d *Driver) {
	c := m.box("sleep")
	c.ID, c.User, c.WorkingDir, c.Hostname = "user", "1000:2000", "/proc", "named"
	c.Env = []string{"A=1", "PATH=/x:/", "A=2"}
	run(t, d, c)
	contains(t, "id", output(t, d, c.ID, "/testbox", "id"), "uid 1000 gid 2000", "cwd /proc", "CapEff:\t0000000000000000", "CapBnd:\t"+dockerMask)
	env := output(t, d, c.ID, "/testbox", "env")
	contains(t, "environment", env, "A=2\n", "PATH=/x:/\n", "HOSTNAME=named\n", "HOME=/\n")
	if strings.Contains(env, "A=1") {
		t.Errorf("an earlier value is there too:\n%s", env)
	}
	contains(t, "host name", output(t, d, c.ID, "/testbox", "cat", "/proc/sys/kernel/hostname"), "named\n")
}

func filesAndMounts(t *testing.T, m *machine, d *Driver) {
	dir := t.TempDir()
	for _, f := range []string{"resolv", "hosts", "data"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("this is "+f+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := m.box("sleep")
	c.ID, c.ReadonlyRootfs = "files", true
	c.ResolvConf, c.Hosts = filepath.Join(dir, "resolv"), filepath.Join(dir, "hosts")
	c.Mounts = []runtime.Mount{{Source: dir, Destination: "/a/b", ReadOnly: true}, {Source: t.TempDir(), Destination: "/a"}}
	c.Tmpfs = []runtime.Tmpfs{{Destination: "/tmp", SizeBytes: 1 << 20, Options: []string{"mode=1777"}}}
	run(t, d, c)
	for file, want := range map[string]string{"/etc/resolv.conf": "resolv", "/etc/hosts": "hosts", "/a/b/data": "data"} {
		if got := output(t, d, c.ID, "/testbox", "cat", file); got != "this is "+want+"\n" {
			t.Errorf("%s holds %q", file, got)
		}
	}
	output(t, d, c.ID, "/testbox", "write", "/a/x", "1")
	output(t, d, c.ID, "/testbox", "write", "/tmp/x", "1")
	for _, file := range []string{"/x", "/a/b/x", "/etc/hosts", "/etc/resolv.conf"} {
		r, err := d.Exec(t.Context(), c.ID, []string{"/testbox", "write", file, "1"}, wait)
		if err != nil || r.ExitCode == 0 || !strings.Contains(r.Output, "read-only file system") {
			t.Errorf("write to %s: exit code %d, %v, %s", file, r.ExitCode, err, r.Output)
		}
	}
	contains(t, "mounts", output(t, d, c.ID, "/testbox", "cat", "/proc/self/mounts"), "tmpfs /tmp tmpfs rw,nosuid,nodev,noexec,relatime,size=1024k")
}

// cgroupFile reads a limit of the container or, with no id, of its group.
func (m *machine) cgroupFile(t *testing.T, group, id, v1, v2 string) string {
	t.Helper()
	path := filepath.Join("/sys/fs/cgroup", v1[:strings.IndexByte(v1, '.')], "seamark-"+m.id(), group, id, v1)
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		path = filepath.Join("/sys/fs/cgroup", "seamark-"+m.id(), group, id, v2)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func limits(t *testing.T, m *machine, d *Driver) {
	c := m.box("sleep")
	c.ID, c.Group = "limited", "limits"
	c.Resources = runtime.Resources{
		CPUUnits: 256, CPUQuota: 4096, MemoryBytes: 32 << 20, PIDs: 50,
		GroupCPUQuota: 512, GroupMemoryBytes: 64 << 20,
	}
	c.Ulimits = []runtime.Ulimit{{Name: "nofile", Soft: 100, Hard: 200}, {Name: "core", Soft: 0, Hard: 0}}
	run(t, d, c)
	for _, want := range []struct{ id, v1, v2, value1, value2 string }{
		{"", "memory.limit_in_bytes", "memory.max", "67108864", "67108864"},
		{"", "cpu.cfs_quota_us", "cpu.max", "50000", "50000 100000"},
		{"limited", "memory.limit_in_bytes", "memory.max", "33554432", "33554432"},
		{"limited", "cpu.cfs_quota_us", "cpu.max", "50000", "50000 100000"}, // no more than the group
		{"limited", "cpu.shares", "cpu.weight", "256", ""},
		{"limited", "pids.max", "pids.max", "50", "50"},
	} {
		got := m.cgroupFile(t, c.Group, want.id, want.v1, want.v2)
		if got != want.value1 && got != want.value2 && want.value2 != "" {
			t.Errorf("%s of %q is %s, want %s", want.v1, want.id, got, want.value1)
		}
	}
	rl := output(t, d, c.ID, "/testbox", "cat", "/proc/self/limits")
	for line := range strings.Lines(rl) {
		f := strings.Fields(line)
		if strings.HasPrefix(line, "Max open files") && f[4] != "200" { // a Go program raises its own soft limit
			t.Errorf("limit of open files: %s", line)
		}
		if strings.HasPrefix(line, "Max core file size") && !slices.Equal(f[4:6], []string{"0", "0"}) {
			t.Errorf("limit of core files: %s", line)
		}
	}
}

// Memory that the group has used up ends the container that uses it, and
// marks no other.
func groupLimitKills(t *testing.T, m *machine, d *Driver) {
	events := d.Events(t.Context())
	calm, greedy := m.box("sleep"), m.box("mem", "128")
	calm.ID, greedy.ID = "calm", "greedy"
	for _, c := range []*runtime.Container{&calm, &greedy} {
		c.Group, c.Resources = "pressed", runtime.Resources{GroupMemoryBytes: 48 << 20}
		run(t, d, *c)
	}
	e := <-events
	if e.ID != "greedy" || e.ExitCode != 137 || !e.OOMKilled {
		t.Errorf("event %+v, want that greedy ran out of memory", e)
	}
	if err := d.Signal(t.Context(), "calm", runtime.KillSignal); err != nil {
		t.Fatal(err)
	}
	if e := <-events; e.ID != "calm" || e.ExitCode != 137 || e.OOMKilled {
		t.Errorf("event %+v, want that calm was killed, not for memory", e)
	}
}

func outputIsKept(t *testing.T, m *machine, d *Driver) {
	c := m.box("spam", "1000")
	c.ID, c.Log = "spam", runtime.Log{Dir: filepath.Join(t.TempDir(), "a dir & more")}
	events := d.Events(t.Context())
	run(t, d, c)
	if e := <-events; e.ID != c.ID || e.ExitCode != 0 {
		t.Fatalf("event %+v", e)
	}
	eventually(t, "the last lines of both streams are kept", func() bool {
		return bytes.Contains(kept(t, c.Log.Dir), []byte("line 999 of 1000")) && bytes.Contains(kept(t, c.Log.Dir), []byte("line 1000 of 1000"))
	})
	if n := bytes.Count(kept(t, c.Log.Dir), []byte(" of 1000")); n != 1000 {
		t.Errorf("%d lines were kept, want 1000", n)
	}
}

func initReaps(t *testing.T, m *machine, d *Driver) {
	c := m.box("trap")
	c.ID, c.InitProcess, c.ReadonlyRootfs, c.Log.Dir = "init", true, true, filepath.Join(t.TempDir(), "log")
	events := d.Events(t.Context())
	run(t, d, c)
	contains(t, "process 1", strings.ReplaceAll(output(t, d, c.ID, "/testbox", "cat", "/proc/1/cmdline"), "\x00", " "),
		"/.seamark-init init /testbox trap")
	eventually(t, "the program handles signals", func() bool { return bytes.Contains(kept(t, c.Log.Dir), []byte("trap: ready")) })
	if err := d.Signal(t.Context(), c.ID, runtime.StopSignal); err != nil {
		t.Fatal(err)
	}
	if e := <-events; e.ID != c.ID || e.ExitCode != 0 {
		t.Errorf("event %+v, want exit code 0 of the program's own handler", e)
	}
}

func execKeepsTheBeginning(t *testing.T, m *machine, d *Driver) {
	c := m.box("sleep")
	c.ID = "loud"
	run(t, d, c)
	got := output(t, d, c.ID, "/testbox", "spam", "5000")
	if len(got) != maxOutput || !strings.HasPrefix(got, "line ") || strings.Contains(got, "5000 of") {
		t.Errorf("%d bytes of output, want the first %d of either stream:\n%.80s", len(got), maxOutput, got)
	}
}

func refuses(t *testing.T, m *machine, d *Driver) {
	for name, change := range map[string]func(*runtime.Container){
		"SYS_ADMIN":     func(c *runtime.Container) { c.CapAdd = []string{"SYS_ADMIN"} },
		"vm.swappiness": func(c *runtime.Container) { c.Sysctls = map[string]string{"vm.swappiness": "1"} },
		"group":         func(c *runtime.Container) { c.Group = "../x" },
		"id":            func(c *runtime.Container) { c.ID = "a/b" },
		"no-such-user":  func(c *runtime.Container) { c.User = "no-such-user" },
		"reserved":      func(c *runtime.Container) { c.Labels = map[string]string{labelGroup: "x"} },
		"no command":    func(c *runtime.Container) { c.Command = []string{} },
	} {
		c := m.box("sleep")
		c.ID = "refused"
		change(&c)
		if _, err := d.Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// startsAtOnce starts many containers of one group and of several at the same
// time.
func startsAtOnce(t *testing.T, m *machine, d *Driver) {
	type result struct {
		id  string
		err error
	}
	results := make(chan result)
	const n = 10
	for i := range n {
		c := m.box("sleep")
		c.ID, c.Group = fmt.Sprintf("many-%d", i), fmt.Sprintf("many-group-%d", i%3)
		go func() {
			_, err := d.Start(t.Context(), c)
			results <- result{c.ID, err}
		}()
	}
	for range n {
		if r := <-results; r.err != nil {
			t.Errorf("%s: %v", r.id, r.err)
		}
	}
	for i := range n {
		go func() {
			id := fmt.Sprintf("many-%d", i)
			results <- result{id, d.Remove(t.Context(), id)}
		}()
	}
	for range n {
		if r := <-results; r.err != nil {
			t.Errorf("remove %s: %v", r.id, r.err)
		}
	}
}
