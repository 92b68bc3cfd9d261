//go:build linux

package containerd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/protobuf/types/known/anypb"

	"seamark/internal/driver/runtime"
)

// Bounds of a command that runs in a container.
const (
	maxOutput = 4 << 10
	// killLimit is how long the command may take to go once it was killed,
	// and its output to end: a process that it left behind may hold it open.
	killLimit = 5 * time.Second
	tailLimit = 250 * time.Millisecond
)

// Exec implements runtime.Driver. The command has the container's user,
// environment, working directory and limits.
func (d *Driver) Exec(ctx context.Context, id string, command []string, timeout time.Duration) (result runtime.ExecResult, err error) {
	ctx = d.within(ctx)
	defer func() { err = unavailable(err) }()
	process, err := d.processOf(ctx, id)
	if err != nil {
		return runtime.ExecResult{}, fmt.Errorf("exec in container %s: %w", id, err)
	}
	process.Args = command
	result, err = d.exec(ctx, id, process, timeout)
	if err != nil {
		return result, fmt.Errorf("exec in container %s: %w", id, err)
	}
	return result, nil
}

// processOf returns the process of the container's specification.
func (d *Driver) processOf(ctx context.Context, id string) (*specs.Process, error) {
	record, err := d.client.ContainerService().Get(ctx, id)
	if errdefs.IsNotFound(err) {
		return nil, runtime.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	var s struct {
		Process *specs.Process `json:"process"`
	}
	if err := json.Unmarshal(record.Spec.GetValue(), &s); err != nil || s.Process == nil {
		return nil, errors.Join(errors.New("its specification has no process"), err)
	}
	return s.Process, nil
}

func (d *Driver) exec(ctx context.Context, id string, process *specs.Process, timeout time.Duration) (result runtime.ExecResult, err error) {
	spec, err := typeurl.MarshalAnyToProto(process)
	if err != nil {
		return result, err
	}
	var out head
	dir := filepath.Join(d.opts.RunDir, "exec")
	io, err := cio.NewCreator(cio.WithStreams(nil, &out, &out), cio.WithFIFODir(dir))("x")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, io.Close()) }()
	e := execution{driver: d, container: id, id: execID()}
	if err := e.start(ctx, spec, io.Config()); err != nil {
		io.Cancel()
		return result, err
	}
	code, waitErr := e.wait(ctx, timeout)
	if err := e.delete(ctx); err != nil && waitErr == nil {
		waitErr = err
	}
	drain(io)
	return runtime.ExecResult{ExitCode: code, Output: out.String()}, waitErr
}

// drain waits for the rest of the output, a little.
func drain(io cio.IO) {
	ended := make(chan struct{})
	go func() { // ends with the copying, which Cancel ends
		io.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(tailLimit):
	}
	io.Cancel()
	<-ended
}

// execSerial makes ids of executions. They need to be unique within a
// container and across restarts of this process only while one is under way.
var execSerial atomic.Uint64

func execID() string {
	return fmt.Sprintf("x%x-%x", time.Now().UnixNano(), execSerial.Add(1))
}

// execution is one command in a container.
type execution struct {
	driver        *Driver
	container, id string
}

func (e execution) start(ctx context.Context, spec *anypb.Any, files cio.Config) error {
	service := e.driver.client.TaskService()
	_, err := service.Exec(ctx, &tasks.ExecProcessRequest{
		ContainerID: e.container, ExecID: e.id, Stdout: files.Stdout, Stderr: files.Stderr,
		Spec: spec,
	})
	if err = errgrpc.ToNative(err); errdefs.IsNotFound(err) {
		return runtime.ErrNotFound // there is a record, but nothing runs
	}
	if err != nil {
		return err
	}
	if _, err := service.Start(ctx, &tasks.StartRequest{ContainerID: e.container, ExecID: e.id}); err != nil {
		err = errgrpc.ToNative(err)
		return errors.Join(err, e.delete(ctx))
	}
	return nil
}

// wait returns the command's exit code. One that takes too long is killed.
func (e execution) wait(ctx context.Context, timeout time.Duration) (int32, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	code, err := e.await(limited)
	cancel()
	if err == nil || limited.Err() == nil {
		return code, err
	}
	reason := ctx.Err()
	if reason == nil {
		reason = fmt.Errorf("%w after %v", runtime.ErrTimeout, timeout)
	}
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), killLimit)
	defer cancel()
	_, err = e.driver.client.TaskService().Kill(ctx, &tasks.KillRequest{
		ContainerID: e.container, ExecID: e.id, Signal: uint32(syscall.SIGKILL),
	})
	if err = errgrpc.ToNative(err); err != nil && !errdefs.IsNotFound(err) {
		return 0, errors.Join(reason, err)
	}
	if code, err = e.await(ctx); err != nil && !errdefs.IsNotFound(err) {
		return 0, errors.Join(reason, err)
	}
	return code, reason
}

func (e execution) await(ctx context.Context) (int32, error) {
	got, err := e.driver.client.TaskService().Wait(ctx, &tasks.WaitRequest{ContainerID: e.container, ExecID: e.id})
	if err != nil {
		return 0, errgrpc.ToNative(err)
	}
	return int32(got.ExitStatus), nil
}

func (e execution) delete(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killLimit)
	defer cancel()
	_, err := e.driver.client.TaskService().DeleteProcess(ctx, &tasks.DeleteProcessRequest{ContainerID: e.container, ExecID: e.id})
	if err = errgrpc.ToNative(err); errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// head keeps the beginning of what is written to it.
type head struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if room := maxOutput - h.buf.Len(); room > 0 {
		h.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.buf.String()
}
