//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/miekg/dns"

	"seamark/bench/rig"
)

// server is a DNS server that runs, and the namespace from which it is asked.
type server struct {
	name    string
	records int // in the answer to A
	inC     bool
	pid     int
	client  *os.File
	address netip.AddrPort
	close   func() error
}

// find looks for a program in PATH, in the directories of the system's
// daemons, and in a directory of the benchmark's own.
func find(program, own string) (string, error) {
	for _, dir := range []string{own, "/usr/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return filepath.Abs(path)
		}
	}
	return exec.LookPath(program)
}

// versionOf is the first line that a program says of itself.
func versionOf(ctx context.Context, path string, args []string) string {
	// Some say it and fail; what they say is what matters.
	out, _ := exec.CommandContext(ctx, path, args...).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return "unknown version"
}

// start runs a peer with so many records for each name, in namespaces of its own.
func (p peer) start(ctx context.Context, l *launcher, path, scratch string, perName int) (*server, error) {
	dir := filepath.Join(scratch, fmt.Sprintf("%s-%d", p.program, perName))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	files := p.files(setting{dir: dir, listen: serverAddress.String(), records: records(perName), cores: runtime.NumCPU()})
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	nets, err := newPair(l)
	if err != nil {
		return nil, err
	}
	output := filepath.Join(dir, "output")
	log, err := os.Create(output)
	if err != nil {
		return nil, errors.Join(err, nets.close())
	}
	cmd := exec.Command(path, p.args(dir)...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, dir
	err = l.start(nets.server, cmd)
	if err := errors.Join(err, log.Close()); err != nil {
		return nil, errors.Join(err, nets.close())
	}
	s := &server{
		name: p.name, records: perName, inC: p.inC, pid: cmd.Process.Pid,
		client: nets.client, address: netip.AddrPortFrom(serverAddress, 53),
		close: func() error {
			err := cmd.Process.Kill()
			_ = cmd.Wait() // it was killed
			return errors.Join(err, nets.close())
		},
	}
	if err := s.await(ctx); err != nil {
		text, _ := os.ReadFile(output) // the reason is worth more than why there is none
		return nil, errors.Join(fmt.Errorf("%s does not answer: %w\n%s", p.name, err, text), s.close())
	}
	return s, nil
}

// await waits until the server answers, and then checks how.
func (s *server) await(ctx context.Context) error {
	var last error
	err := rig.Poll(ctx, 20*time.Millisecond, func() (bool, error) {
		m, err := s.ask(ctx, serviceName(0)+"."+domain+".", typeA)
		// BIND answers SERVFAIL until it has loaded the zone.
		last = err
		return err == nil && m.Rcode != dns.RcodeServerFailure, nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return s.verify(ctx)
}
