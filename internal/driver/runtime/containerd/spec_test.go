//go:build linux

package containerd

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/containerd/containerd/v2/core/mount"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"seamark/internal/driver/runtime"
)

func TestArguments_FollowDocker(t *testing.T) {
	i := &image{config: ocispec.ImageConfig{Entrypoint: []string{"/entry"}, Cmd: []string{"cmd"}}}
	for _, c := range []struct{ entrypoint, command, want []string }{
		{nil, nil, []string{"/entry", "cmd"}},
		{nil, []string{"other"}, []string{"/entry", "other"}},
		{nil, []string{}, []string{"/entry"}},
		{[]string{"/new"}, nil, []string{"/new"}},
		{[]string{"/new"}, []string{"x"}, []string{"/new", "x"}},
		{[]string{}, []string{"x"}, []string{"x"}},
	} {
		if got := arguments(runtime.Container{Entrypoint: c.entrypoint, Command: c.command}, i); !slices.Equal(got, c.want) {
			t.Errorf("entry point %q, command %q: %q, want %q", c.entrypoint, c.command, got, c.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	i := &image{config: ocispec.ImageConfig{Env: []string{"A=image", "B=image"}}}
	got := environment(runtime.Container{Hostname: "h", Env: []string{"B=task", "C=1=2", "C="}}, i)
	if want := []string{defaultPath, "A=image", "B=task", "HOSTNAME=h", "C="}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCapabilities(t *testing.T) {
	docker := dockerCapabilities()
	slices.Sort(docker)
	for _, c := range []struct {
		name      string
		machine   bool
		add, drop []string
		want      []string
		refused   string
	}{
		{name: "default", want: docker},
		{name: "drop all", drop: []string{"ALL"}, want: nil},
		{name: "all but one", drop: []string{"ALL"}, add: []string{"NET_BIND_SERVICE"}, want: []string{"CAP_NET_BIND_SERVICE"}},
		{name: "twice", add: []string{"CHOWN", "cap_chown"}, want: docker},
		{name: "dropped wins", add: []string{"SYS_PTRACE"}, drop: []string{"SYS_PTRACE"}, want: docker},
		{name: "host", add: []string{"SYS_ADMIN"}, refused: "SYS_ADMIN"},
		{name: "host, machine", machine: true, add: []string{"SYS_MODULE"}, refused: "SYS_MODULE"},
		{name: "unknown", add: []string{"FLY"}, refused: "FLY"},
	} {
		got, err := capabilities(c.machine, c.add, c.drop)
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v, %v; want a refusal of %s", c.name, got, err, c.refused)
			}
			continue
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
	all, err := capabilities(true, []string{"ALL"}, nil)
	if err != nil || slices.Contains(all, "CAP_SYS_ADMIN") || !slices.Contains(all, "CAP_SYS_NICE") {
		t.Errorf("ALL gives %v, %v", all, err)
	}
}

func TestSetResources_ZeroIsNoLimit(t *testing.T) {
	var got specs.LinuxResources
	setResources(&got, runtime.Resources{})
	want := specs.LinuxResources{CPU: &specs.LinuxCPU{}, Memory: &specs.LinuxMemory{}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	setResources(&got, runtime.Resources{CPUUnits: 1, CPUQuota: 1})
	if *got.CPU.Shares != 2 || *got.CPU.Quota != 1000 {
		t.Errorf("shares %d, quota %d; want the kernel's least, 2 and 1000", *got.CPU.Shares, *got.CPU.Quota)
	}
}

func TestAccounts_Resolve(t *testing.T) {
	a := accounts{passwd: []byte("root:x:0:0::/root:/bin/sh\nweb:x:33:44::/:/x\n"), group: []byte("web:x:44:\nlog:x:7:web\n")}
	for name, want := range map[string]specs.User{
		"":         {},
		"root":     {},
		"web":      {UID: 33, GID: 44, AdditionalGids: []uint32{7}},
		"33":       {UID: 33, GID: 44, AdditionalGids: []uint32{7}},
		"web:log":  {UID: 33, GID: 7},
		"1000":     {UID: 1000},
		"1000:log": {UID: 1000, GID: 7},
	} {
		if got, err := a.resolve(name); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v; want %+v", name, got, err, want)
		}
	}
	if _, err := a.resolve("nobody"); err == nil {
		t.Error("a user that is not there was resolved")
	}
}

func TestReadLayered_AsOverlayfsShows(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("making whiteouts needs root")
	}
	layer := func(files map[string]string) string {
		dir := t.TempDir()
		for name, text := range files {
			name = filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	lower, upper, none := layer(map[string]string{"etc/passwd": "lower"}), layer(map[string]string{"etc/passwd": "upper"}), layer(nil)
	deleted := layer(map[string]string{"etc/x": ""})
	if err := unix.Mknod(filepath.Join(deleted, "etc/passwd"), syscall.S_IFCHR, 0); err != nil {
		t.Fatal(err)
	}
	escape := layer(map[string]string{"etc/x": ""})
	if err := os.Symlink("/etc/passwd", filepath.Join(escape, "etc/passwd")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		dirs []string
		want string
	}{
		{"lower alone", []string{lower}, "lower"},
		{"upper first", []string{upper, lower}, "upper"},
		{"through a layer without", []string{none, lower}, "lower"},
		{"deleted", []string{deleted, lower}, ""},
		{"none at all", []string{none}, ""},
		{"a link to the machine's own", []string{escape}, ""},
	} {
		if got, err := readLayered(c.dirs, "passwd"); err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
	mounts := []mount.Mount{{Type: "overlay", Options: []string{"index=off", "lowerdir=/a:/b"}}}
	if got := layers(mounts); !slices.Equal(got, []string{"/a", "/b"}) {
		t.Errorf("layers %v", got)
	}
}
