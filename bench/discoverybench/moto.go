//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"syscall"
	"time"

	"seamark/bench/registry"
	"seamark/bench/rig"
)

// measureMoto asks moto's server, where it is installed, for a service of ten
// instances: the same client, the same request.
func measureMoto(ctx context.Context, o options, r *report) (err error) {
	one := r.rate("the same of moto_server, 10 instances", 0)
	path, err := exec.LookPath("moto_server")
	if err != nil {
		one.absent = "not installed"
		return nil
	}
	address, err := rig.FreeAddress()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	server := exec.CommandContext(ctx, path, "-H", host, "-p", port)
	// A process group of its own: the command may be a wrapper.
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := server.Start(); err != nil {
		one.absent = "does not start"
		return nil
	}
	defer func() {
		_ = syscall.Kill(-server.Process.Pid, syscall.SIGKILL) // it may have ended
		_ = server.Wait()                                      // how it ended does not matter
	}()
	err = rig.Poll(ctx, 50*time.Millisecond, func() (bool, error) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false, nil //nolint:nilerr // nobody listens yet; Poll bounds the patience
		}
		return true, conn.Close()
	})
	if err != nil {
		return err
	}
	return one.moto(ctx, o, registry.Access{Endpoint: "http://" + address, Region: "us-east-1", AccessKey: "test", Secret: "test"})
}

// moto fills the server and asks it, one request after the other on a
// connection each: it serves one at a time.
func (r *rate) moto(ctx context.Context, o options, a registry.Access) (err error) {
	c, err := registry.Dial(a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	namespace, err := c.Namespace("Http", domain, "")
	if err != nil {
		return err
	}
	id, err := c.Service(namespace, "of-10", false)
	if err != nil {
		return err
	}
	for n := range 10 {
		if err := c.Register(id, instanceID(n), addressOf(n)); err != nil {
			return err
		}
	}
	body := registry.DiscoverBody(domain, "of-10", 100)
	for range o.rounds {
		begin, made := time.Now(), 0
		for ; time.Since(begin) < o.lasts && ctx.Err() == nil; made++ {
			if _, err := c.Call("DiscoverInstances", body); err != nil {
				return fmt.Errorf("moto: %w", err)
			}
		}
		r.rounds = append(r.rounds, round{requests: made, took: time.Since(begin)})
	}
	return ctx.Err()
}
