//go:build linux

package laws

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// block is a piece of shell in a document that is marked to be run:
//
//	<!-- run: any -->                  on the simulated runtime and on containerd
//	<!-- run: root, prints: RE -->     on containerd only; its output must match RE
//
// Blocks of a document run in one shell, in their order, against a Seamark of
// their own.
type block struct {
	root   bool
	prints *regexp.Regexp
	text   string
}

var marked = regexp.MustCompile("(?ms)^<!-- run: (any|root)(?:, prints: (.*?))? -->\n```sh\n(.*?)^```")

func blocks(t *testing.T, text string) []block {
	t.Helper()
	var out []block
	for _, m := range marked.FindAllStringSubmatch(text, -1) {
		b := block{root: m[1] == "root", text: m[3]}
		if m[2] != "" {
			b.prints = regexp.MustCompile("(?m)" + m[2])
		}
		out = append(out, b)
	}
	return out
}

// TestCommands runs what the documents show.
func TestCommands(t *testing.T) {
	found := 0
	documents(t, func(path, text string) {
		list := blocks(t, text)
		if strings.Count(text, "<!-- run:") != len(list) {
			t.Errorf("%s: a mark is not followed by a block of sh", path)
		}
		if len(list) == 0 {
			return
		}
		found++
		t.Run(path+"/simulated", func(t *testing.T) { runBlocks(t, list, "simulated") })
		t.Run(path+"/containerd", func(t *testing.T) { runBlocks(t, list, "containerd") })
	})
	if found == 0 {
		t.Error("no document has a block that is run")
	}
}

// need skips where something is missing, and fails where CI demands all.
func need(t *testing.T, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("SEAMARK_REQUIRE_ROOT") == "1":
		t.Fatalf("needs %s", what)
	default:
		t.Skipf("needs %s", what)
	}
}

func runBlocks(t *testing.T, list []block, runtime string) {
	if testing.Short() {
		t.Skip("builds and starts Seamark")
	}
	_, err := exec.LookPath("aws")
	need(t, err == nil, "the aws command line")
	if runtime == "containerd" {
		need(t, os.Geteuid() == 0, "root")
		_, err := os.Stat(filepath.Join(root(t), "bin/engine/containerd"))
		need(t, err == nil, "bin/engine (make engine)")
		_, err = os.Stat(filepath.Join(root(t), "images/out/nginx.tar"))
		need(t, err == nil, "images/out/nginx.tar (make images)")
	}
	// Not t.TempDir: its path may be too long, and is on a tmpfs on some machines.
	dir, err := os.MkdirTemp("/var/tmp", "seamark-docs-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	output := shell(t, dir, script(list, runtime))
	parts := strings.Split(output, mark)
	if len(parts) != len(wanted(list, runtime))+1 {
		t.Fatalf("not all blocks were run:\n%s\n%s", output, daemonLog(dir))
	}
	for i, b := range wanted(list, runtime) {
		if b.prints != nil && !b.prints.MatchString(parts[i+1]) {
			t.Errorf("output of\n%s\nhas no match for %s:\n%s", b.text, b.prints, parts[i+1])
		}
	}
}

func wanted(list []block, runtime string) []block {
	var out []block
	for _, b := range list {
		if !b.root || runtime == "containerd" {
			out = append(out, b)
		}
	}
	return out
}

// mark is printed before each block.
const mark = "=== the next block ===\n"

// script runs the blocks and ends whatever they started.
func script(list []block, runtime string) string {
	var b strings.Builder
	end := `kill $(jobs -p) || true; wait`
	if runtime == "containerd" {
		end = `seamark down || kill $(jobs -p) || true; wait`
	}
	fmt.Fprintf(&b, "set -eu\ntrap '{ %s; } > end.log 2>&1' EXIT\n", end)
	// Debian 12's CLI does not know AWS_ENDPOINT_URL; the README says so.
	b.WriteString("aws() { command aws --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"; }\n")
	for _, block := range wanted(list, runtime) {
		fmt.Fprintf(&b, "printf %%s '%s'\n%s", mark, block.text)
	}
	return b.String()
}

// shell runs a script with a `seamark` that takes a free port.
func shell(t *testing.T, dir, text string) string {
	t.Helper()
	runtime := "simulated"
	if strings.Contains(text, "seamark down") {
		runtime = "containerd"
	}
	binary := filepath.Join(dir, "bin", "seamark.bin")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "./cmd/seamark")
	build.Dir = root(t)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	wrapper := fmt.Sprintf("#!/bin/sh\ncase $1 in\nup) shift; exec %[1]s up --listen 127.0.0.1:0 --runtime %[2]s --engine %[3]s/bin/engine --images %[3]s/images/out \"$@\" ;;\ndown) exec %[1]s down --engine %[3]s/bin/engine ;;\nesac\nexec %[1]s \"$@\"\n", binary, runtime, root(t))
	if err := os.WriteFile(filepath.Join(dir, "bin", "seamark"), []byte(wrapper), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", text)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "HOME="+dir, "AWS_PAGER=",
		"SEAMARK_DATA_DIR="+filepath.Join(dir, "data"))
	// SIGTERM lets the script end what it started; the group is for what does not end.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, daemonLog(dir))
	}
	return string(out)
}

// daemonLog is the end of what Seamark logged.
func daemonLog(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, "seamark.log"))
	if err != nil {
		return err.Error()
	}
	return "seamark.log:\n" + string(b[max(0, len(b)-4000):])
}
