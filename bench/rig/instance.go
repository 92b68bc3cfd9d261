//go:build linux

package rig

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

// Instance is a Seamark on a scratch directory.
type Instance struct {
	Dir string // the scratch directory

	binary, data, address string
	daemon                *exec.Cmd
	ended                 chan error
}

// Access is what `seamark up` writes for other commands.
type Access struct {
	Endpoint  string `json:"endpoint"`
	Region    string `json:"region"`
	AccessKey string `json:"accessKeyId"`
	Secret    string `json:"secretAccessKey"`
	RunDir    string `json:"runDir"`
}

// NewInstance makes an instance of a binary that does not run yet.
func NewInstance(binary string) (*Instance, error) {
	// Not under /tmp: where that is a tmpfs, the store's syncs would cost nothing.
	dir, err := os.MkdirTemp("/var/tmp", "seamark-bench-")
	if err != nil {
		return nil, err
	}
	address, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	return &Instance{Dir: dir, binary: binary, data: filepath.Join(dir, "data"), address: address}, nil
}

// FreeAddress is a loopback address that nobody listens on now.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Up starts the daemon and returns how long it took until its API answered.
func (s *Instance) Up(ctx context.Context, flags ...string) (time.Duration, error) {
	log, err := os.OpenFile(filepath.Join(s.Dir, "seamark.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
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
	err = Poll(ctx, time.Millisecond, func() (bool, error) { return s.answers(ctx) })
	took := time.Since(begin)
	if err != nil {
		return took, err
	}
	// The API answers a moment before the other commands find the instance.
	return took, Poll(ctx, 5*time.Millisecond, func() (bool, error) {
		st, err := s.Status(ctx)
		return err == nil && st.PID == s.daemon.Process.Pid, nil
	})
}

// answers asks for the API's health once.
func (s *Instance) answers(ctx context.Context) (bool, error) {
	select {
	case err := <-s.ended:
		return false, fmt.Errorf("seamark up ended: %w\n%s", err, s.LogText())
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

// End sends a signal to the daemon and waits for its end.
func (s *Instance) End(sig syscall.Signal) error {
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

// Down ends the instance with everything that it made.
func (s *Instance) Down(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, s.binary, "down", "--data-dir", s.data).CombinedOutput()
	http.DefaultClient.CloseIdleConnections()
	if err != nil {
		return fmt.Errorf("seamark down: %w\n%s", err, out)
	}
	return nil
}

// Remove ends the instance and removes its directory.
func (s *Instance) Remove(ctx context.Context) error {
	if err := s.Down(ctx); err != nil {
		return err
	}
	return os.RemoveAll(s.Dir)
}

// Access reads what the running instance wrote for clients.
func (s *Instance) Access() (Access, error) {
	var c Access
	b, err := os.ReadFile(filepath.Join(s.data, "client.json"))
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(b, &c)
}

// Admin is the instance's side door.
func (s *Instance) Admin() (*admin.Client, error) {
	c, err := s.Access()
	if err != nil {
		return nil, err
	}
	return admin.NewClient(filepath.Join(c.RunDir, "admin.sock")), nil
}

// Status asks the side door for the instance's status.
func (s *Instance) Status(ctx context.Context) (admin.Status, error) {
	a, err := s.Admin()
	if err != nil {
		return admin.Status{}, err
	}
	return a.Status(ctx)
}

// AwaitImage waits until an image was imported.
func (s *Instance) AwaitImage(ctx context.Context, name string) error {
	return Poll(ctx, 20*time.Millisecond, func() (bool, error) {
		a, err := s.Admin()
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

// LogText is all that the instance has logged.
func (s *Instance) LogText() string {
	b, err := os.ReadFile(filepath.Join(s.Dir, "seamark.log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// patience bounds each wait.
const patience = 60 * time.Second

// Poll calls f until it says true, fails, or patience is over.
func Poll(ctx context.Context, every time.Duration, f func() (bool, error)) error {
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
