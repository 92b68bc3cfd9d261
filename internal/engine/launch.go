//go:build linux

package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// record is engine.json.
type record struct {
	PID       int    `json:"pid"`
	StartTime uint64 `json:"startTime"` // /proc/PID/stat field 22
	Socket    string `json:"socket"`
}

// adopt returns the engine that an earlier control plane left, or nil. One
// that lives but does not answer is ended.
func (e *Engine) adopt(ctx context.Context) (*process, error) {
	p, err := e.find(ctx)
	if err != nil || p == nil {
		return nil, err
	}
	if err = e.await(ctx, p); err == nil {
		return p, e.record(p)
	}
	e.opts.Logger.Warn("container engine does not answer; it is replaced", "pid", p.pid, "error", err)
	defer p.close()
	return nil, p.end(ctx)
}

// find looks for the recorded process. Without a record it asks the socket who
// listens: the control plane may have been killed between starting the engine
// and writing the record.
func (e *Engine) find(ctx context.Context) (*process, error) {
	text, err := os.ReadFile(e.opts.stateFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("container engine: %w", err)
	}
	var r record
	if json.Unmarshal(text, &r) == nil && r.PID > 0 && r.StartTime > 0 { // a torn record is as good as none
		p, err := open(r.PID, r.StartTime)
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, os.ErrProcessDone) {
			return nil, fmt.Errorf("container engine: %w", err)
		}
	}
	pid := listener(ctx, e.opts.socket())
	if pid == 0 {
		return nil, nil
	}
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !bytes.Contains(cmdline, []byte(e.opts.config())) {
		return nil, fmt.Errorf("container engine: process %d, which is not ours, listens on %s", pid, e.opts.socket())
	}
	p, err := open(pid, 0)
	if errors.Is(err, os.ErrProcessDone) {
		return nil, nil
	}
	return p, err
}

// listener returns the process that listens on a socket, or 0.
func listener(ctx context.Context, socket string) int {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return 0
	}
	defer c.Close()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	_ = raw.Control(func(fd uintptr) { // fails only for a closed connection
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}

// launch starts containerd and waits until it answers.
func (e *Engine) launch(ctx context.Context) (*process, error) {
	began := time.Now()
	if err := e.writeConfig(); err != nil {
		return nil, fmt.Errorf("container engine: %w", err)
	}
	p, err := e.spawn()
	if err != nil {
		return nil, fmt.Errorf("start container engine: %w", err)
	}
	if err := errors.Join(e.record(p), e.cgroups.AddProcess(e.cgroup(), p.pid)); err != nil {
		return nil, errors.Join(fmt.Errorf("start container engine: %w", err), e.abandon(p))
	}
	if err := e.await(ctx, p); err != nil {
		err = fmt.Errorf("start container engine: %w; the end of %s:\n%s", err, e.logFile(), e.lastLog())
		return nil, errors.Join(err, e.abandon(p))
	}
	e.opts.Logger.Info("container engine started", "pid", p.pid, "socket", e.Socket(),
		"snapshotter", e.snapshotter, "took", time.Since(began).Round(time.Millisecond))
	return p, nil
}

// abandon ends a process that did not become an engine.
func (e *Engine) abandon(p *process) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	defer p.close()
	return p.end(ctx)
}

// spawn starts the process in a session of its own: a signal to the control
// plane's terminal or session must not reach it.
func (e *Engine) spawn() (*process, error) {
	log, err := e.openLog()
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(e.opts.BinDir, "containerd"), "--config", e.opts.config())
	cmd.Dir = "/"
	cmd.Env = environment(e.opts.BinDir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p, err := open(cmd.Process.Pid, 0)
	if err != nil {
		_ = cmd.Process.Kill() // the error below says what is wrong
		_, _ = cmd.Process.Wait()
		return nil, err
	}
	p.child = cmd.Process
	return p, nil
}

// environment puts the engine's directory first: containerd finds its shim,
// and the shim finds runc, through PATH.
func environment(bin string) []string {
	path := os.Getenv("PATH")
	if path == "" {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	return []string{"PATH=" + bin + ":" + path}
}

// record writes engine.json in one step.
func (e *Engine) record(p *process) error {
	text, err := json.Marshal(record{PID: p.pid, StartTime: p.start, Socket: e.opts.socket()})
	if err != nil {
		return err
	}
	draft := e.opts.stateFile() + ".new"
	if err := os.WriteFile(draft, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(draft, e.opts.stateFile())
}

// poll is how often await looks while containerd starts, which takes 30 ms.
const poll = 3 * time.Millisecond

// await returns when the engine answers on its socket: an error when it ends
// before, or ctx does.
func (e *Engine) await(ctx context.Context, p *process) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if p.exited() {
			p.reap()
			return errors.New("containerd has ended")
		}
		var d net.Dialer
		c, err := d.DialContext(ctx, "unix", e.opts.socket())
		if err == nil {
			_ = c.Close()
			return healthy(ctx, e.opts.socket())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("containerd does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// answerLimit is how long an engine that accepts connections may take to
// answer. One that is loading many shims is slow.
const answerLimit = 10 * time.Second

func healthy(ctx context.Context, socket string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil {
		return fmt.Errorf("containerd does not answer: %w", err)
	}
	if answer.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("containerd is %s", strings.ToLower(answer.Status.String()))
	}
	return nil
}
