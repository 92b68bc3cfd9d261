//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"seamark/internal/admin"
)

// instance is a Seamark on a scratch directory.
type instance struct {
	binary, dir, data, address string
	daemon                     *exec.Cmd
	ended                      chan error
}

// access is what `seamark up` writes for other commands.
type access struct {
	Endpoint  string `json:"endpoint"`
	Region    string `json:"region"`
	AccessKey string `json:"accessKeyId"`
	Secret    string `json:"secretAccessKey"`
	RunDir    string `json:"runDir"`
}

func newInstance(binary string) (*instance, error) {
	// Not under /tmp: where that is a tmpfs, the store's syncs would cost nothing.
	dir, err := os.MkdirTemp("/var/tmp", "seamark-bench-")
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return &instance{binary: binary, dir: dir, data: filepath.Join(dir, "data"), address: address}, nil
}

// freeAddress is a loopback address that nobody listens on now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// up starts the daemon and returns how long it took until its API answered.
func (s *instance) up(ctx context.Context, flags ...string) (time.Duration, error) {
	log, err := os.OpenFile(filepath.Join(s.dir, "seamark.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	s.daemon = exec.Command(s.binary, append([]string{"up", "--data-dir", s.data, "--listen", s.address}, flags...)...)
	s.daemon.Stdout, s.daemon.Stderr = log, log
	s.daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	begin := time.Now()
	if err := s.daemon.Start(); err != nil {
		return 0, err
	}
	s.ended = make(chan error, 1)
	go func(c *exec.Cmd, ended chan<- error) { ended <- c.Wait() }(s.daemon, s.ended)
	err = poll(ctx, time.Millisecond, func() (bool, error) { return s.answers(ctx) })
	took := time.Since(begin)
	if err != nil {
		return took, err
	}
	// The API answers a moment before the other commands find the instance.
	return took, poll(ctx, 5*time.Millisecond, func() (bool, error) {
		st, err := s.status(ctx)
		return err == nil && st.PID == s.daemon.Process.Pid, nil
	})
}

// answers asks for the API's health once.
func (s *instance) answers(ctx context.Context) (bool, error) {
	select {
	case err := <-s.ended:
		return false, fmt.Errorf("seamark up ended: %w\n%s", err, s.logText())
	default:
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/_seamark/health", nil)
	if err != nil {
		return false, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, nil //nolint:nilerr // nobody listens yet; ctx bounds the patience
	}
	return resp.StatusCode == http.StatusOK, resp.Body.Close()
}

// end sends a signal to the daemon and waits for its end.
func (s *instance) end(sig syscall.Signal) error {
	if err := s.daemon.Process.Signal(sig); err != nil {
		return err
	}
	http.DefaultClient.CloseIdleConnections()
	select {
	case <-s.ended: //nolint:errcheck // how it ended does not matter
		return nil
	case <-time.After(30 * time.Second):
		return errors.New("seamark up does not end")
	}
}

// down ends the instance with everything that it made.
func (s *instance) down(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, s.binary, "down", "--data-dir", s.data).CombinedOutput()
	http.DefaultClient.CloseIdleConnections()
	if err != nil {
		return fmt.Errorf("seamark down: %w\n%s", err, out)
	}
	return nil
}

func (s *instance) remove(ctx context.Context) error {
	if err := s.down(ctx); err != nil {
		return err
	}
	return os.RemoveAll(s.dir)
}

func (s *instance) access() (access, error) {
	var c access
	b, err := os.ReadFile(filepath.Join(s.data, "client.json"))
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(b, &c)
}

func (s *instance) admin() (*admin.Client, error) {
	c, err := s.access()
	if err != nil {
		return nil, err
	}
	return admin.NewClient(filepath.Join(c.RunDir, "admin.sock")), nil
}

func (s *instance) status(ctx context.Context) (admin.Status, error) {
	a, err := s.admin()
	if err != nil {
		return admin.Status{}, err
	}
	return a.Status(ctx)
}

// awaitImage waits until an image was imported.
func (s *instance) awaitImage(ctx context.Context, name string) error {
	return poll(ctx, 20*time.Millisecond, func() (bool, error) {
		a, err := s.admin()
		if err != nil {
			return false, err
		}
		images, err := a.Images(ctx)
		for _, i := range images {
			if strings.Contains(i.Name, name) {
				return true, nil
			}
		}
		return false, err
	})
}

func (s *instance) logText() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "seamark.log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// patience bounds each wait.
const patience = 60 * time.Second

// poll calls f until it says true, fails, or patience is over.
func poll(ctx context.Context, every time.Duration, f func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if ok, err := f(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
