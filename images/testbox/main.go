// Command testbox is the one program of the image docker.io/seamark/testbox that the tests run in containers: a static
// binary whose subcommands each do one thing a test wants to see a container do.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

// command is one subcommand: it gets the arguments behind its name and returns the process's exit code.
type command struct {
	usage string
	args  int // how many arguments it needs at least
	run   func(b box, args []string) int
}

// box is what a command may touch of the process.
type box struct {
	stdout, stderr io.Writer
}

// commands is the list of subcommands.
func commands() map[string]command {
	return map[string]command{
		"serve":   {"serve PORT [TEXT]: HTTP server; /exit?code=N, /health, /healthy, /unhealthy, /env, /log?text=T, /resolve?name=N", 1, serve},
		"exit":    {"exit CODE: ends with this exit code", 1, exit},
		"sleep":   {"sleep [DURATION]: ends with 0 after the duration, or at SIGTERM with 143; without one, sleeps on", 0, sleep},
		"spam":    {"spam N: writes N numbered lines, odd ones to stdout, even ones to stderr", 1, spam},
		"trap":    {"trap [ignore]: says so at SIGTERM and ends with 0; with ignore, says so and goes on", 0, trap},
		"mem":     {"mem MB: holds that much memory until SIGTERM", 1, mem},
		"health":  {"health URL: ends with 0 when a GET answers 2xx within 2 s, otherwise 1", 1, health},
		"get":     {"get URL: prints the answer of a GET, ends with 0 when it is 2xx", 1, get},
		"write":   {"write FILE TEXT...: writes the text and a newline into the file", 2, write},
		"cat":     {"cat FILE...: prints files", 1, cat},
		"env":     {"env: prints the environment, sorted", 0, env},
		"resolve": {"resolve NAME: prints the addresses of a name, one a line", 1, resolve},
		"id":      {"id: prints user, group, capabilities, seccomp mode and working directory", 0, id},
	}
}

func main() {
	os.Exit(run(box{os.Stdout, os.Stderr}, os.Args[1:]))
}

// run finds the subcommand and runs it. 64 means that it was called wrongly.
func run(b box, args []string) int {
	cmds := commands()
	if len(args) == 0 {
		return usage(b.stderr, cmds)
	}
	c, ok := cmds[args[0]]
	if !ok || len(args)-1 < c.args {
		return usage(b.stderr, cmds)
	}
	return c.run(b, args[1:])
}

func usage(w io.Writer, cmds map[string]command) int {
	lines := make([]string, 0, len(cmds))
	for _, c := range cmds {
		lines = append(lines, "  testbox "+c.usage)
	}
	sort.Strings(lines)
	fmt.Fprintf(w, "usage:\n%s\n", strings.Join(lines, "\n"))
	return 64
}

// fail prints an error and is the exit code 1.
func fail(b box, err error) int {
	fmt.Fprintln(b.stderr, "testbox:", err)
	return 1
}

// badArgument prints what is wrong with an argument and is the exit code 64.
func badArgument(b box, err error) int {
	fmt.Fprintln(b.stderr, "testbox:", err)
	return 64
}

func write(b box, args []string) int {
	if err := os.WriteFile(args[0], []byte(strings.Join(args[1:], " ")+"\n"), 0o644); err != nil {
		return fail(b, err)
	}
	return 0
}

func cat(b box, args []string) int {
	for _, name := range args {
		f, err := os.Open(name)
		if err != nil {
			return fail(b, err)
		}
		_, err = io.Copy(b.stdout, f)
		f.Close()
		if err != nil {
			return fail(b, err)
		}
	}
	return 0
}

func env(b box, _ []string) int {
	vars := os.Environ()
	sort.Strings(vars)
	for _, v := range vars {
		fmt.Fprintln(b.stdout, v)
	}
	return 0
}

func id(b box, _ []string) int {
	wd, err := os.Getwd()
	if err != nil {
		return fail(b, err)
	}
	fmt.Fprintf(b.stdout, "uid %d gid %d\ncwd %s\n", os.Getuid(), os.Getgid(), wd)
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return fail(b, err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if l := s.Text(); strings.HasPrefix(l, "Cap") || strings.HasPrefix(l, "Seccomp:") || strings.HasPrefix(l, "NoNewPrivs:") {
			fmt.Fprintln(b.stdout, l)
		}
	}
	if err := s.Err(); err != nil {
		return fail(b, err)
	}
	return 0
}
