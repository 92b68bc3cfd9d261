//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	sdtypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"seamark/bench/rig"
	"seamark/internal/admin"
)

// pollEvery is the pause between two questions to DNS.
const pollEvery = 500 * time.Microsecond

// measureServices creates a service of two tasks, ends one of their containers,
// and deletes it, each time with a new name.
func measureServices(ctx context.Context, o options, st *stage, r *report) error {
	m := serviceSeries{
		response: r.series("ecs CreateService: request → response", 0),
		one:      r.series("ecs CreateService(desired 2) sent → the first task answered by DNS", 0),
		both:     r.series("ecs CreateService(desired 2) sent → both tasks answered by DNS", 1500*time.Millisecond),
		crash:    r.series("kill -9 of a container → its address gone from DNS", 50*time.Millisecond),
	}
	for i := range o.runs {
		if err := m.measure(ctx, st, fmt.Sprintf("web-%d", i)); err != nil {
			return err
		}
	}
	return nil
}

type serviceSeries struct{ response, one, both, crash *rig.Series }

func (m serviceSeries) measure(ctx context.Context, st *stage, name string) error {
	id, arn, err := st.registry(ctx, name)
	if err != nil {
		return err
	}
	dnsName := name + "." + domain + "."
	sent, answered, err := st.createService(ctx, name, arn)
	if err != nil {
		return err
	}
	one, err := st.probe.until(ctx, dnsName, pollEvery, func(a answer) bool { return len(a.addresses) > 0 })
	if err != nil {
		return err
	}
	both, err := st.probe.until(ctx, dnsName, pollEvery, func(a answer) bool { return len(a.addresses) == 2 })
	if err != nil {
		return err
	}
	m.response.Add(answered.Sub(sent))
	m.one.Add(one.Sub(sent))
	m.both.Add(both.Sub(sent))
	gone, err := crash(ctx, st, name, dnsName)
	if err != nil {
		return err
	}
	m.crash.Add(gone)
	return st.deleteService(ctx, name, id)
}

// crash ends a container's process and waits until its address is not answered.
func crash(ctx context.Context, st *stage, service, dnsName string) (time.Duration, error) {
	s, err := st.instance.Status(ctx)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(s.Tasks, func(t admin.Task) bool { return t.Service == service && len(t.PIDs) == 1 })
	if i < 0 {
		return 0, errors.New("no task with a process")
	}
	t := s.Tasks[i]
	begin := time.Now()
	if err := syscall.Kill(t.PIDs[0], syscall.SIGKILL); err != nil {
		return 0, err
	}
	at, err := st.probe.until(ctx, dnsName, pollEvery, func(a answer) bool {
		return a.err == nil && !slices.Contains(a.addresses, t.Address)
	})
	return at.Sub(begin), err
}

// measureRegistry registers instances by hand and makes them unhealthy, beside
// one that stays healthy.
func measureRegistry(ctx context.Context, o options, st *stage, r *report) error {
	m := registrySeries{
		st:          st,
		registered:  r.series("RegisterInstance sent → answered by DNS", 0),
		fresh:       r.series("RegisterInstance's response → answered by DNS", 0),
		unhealthy:   r.series("UpdateInstanceCustomHealthStatus sent → gone from DNS", 0),
		freshHealth: r.series("UpdateInstanceCustomHealthStatus's response → gone from DNS", 0),
	}
	id, _, err := st.registry(ctx, "registry")
	if err != nil {
		return err
	}
	m.service = id
	if _, err := m.register(ctx, "base", "10.0.2.200"); err != nil {
		return err
	}
	for i := range o.changes {
		if err := m.measure(ctx, fmt.Sprintf("i-%d", i)); err != nil {
			return err
		}
	}
	return nil
}

type registrySeries struct {
	st      *stage
	service string

	registered, fresh, unhealthy, freshHealth *rig.Series
}

func (m *registrySeries) register(ctx context.Context, id, address string) (answered time.Time, err error) {
	_, err = m.st.discovery.RegisterInstance(ctx, &servicediscovery.RegisterInstanceInput{
		ServiceId: &m.service, InstanceId: &id, Attributes: map[string]string{"AWS_INSTANCE_IPV4": address},
	})
	return time.Now(), err
}

func (m *registrySeries) measure(ctx context.Context, id string) error {
	const name, address = "registry." + domain + ".", "10.0.2.201"
	has := func(a answer) bool {
		return slices.ContainsFunc(a.addresses, func(ip netip.Addr) bool { return ip.String() == address })
	}
	err := m.change(ctx, m.registered, m.fresh, name, has, func() (time.Time, error) { return m.register(ctx, id, address) })
	if err != nil {
		return err
	}
	hasNot := func(a answer) bool { return a.err == nil && len(a.addresses) > 0 && !has(a) }
	err = m.change(ctx, m.unhealthy, m.freshHealth, name, hasNot, func() (time.Time, error) {
		_, err := m.st.discovery.UpdateInstanceCustomHealthStatus(ctx, &servicediscovery.UpdateInstanceCustomHealthStatusInput{
			ServiceId: &m.service, InstanceId: &id, Status: sdtypes.CustomHealthStatusUnhealthy,
		})
		return time.Now(), err
	})
	if err != nil {
		return err
	}
	_, err = m.st.discovery.DeregisterInstance(ctx, &servicediscovery.DeregisterInstanceInput{ServiceId: &m.service, InstanceId: aws.String(id)})
	return err
}

// change makes a call while DNS is asked without pause, and files how long
// after the request and after its response DNS answered so; 0 where that came
// before the response did.
func (m *registrySeries) change(ctx context.Context, sent, response *rig.Series, name string, ok func(answer) bool, call func() (time.Time, error)) error {
	type outcome struct {
		at  time.Time
		err error
	}
	seen := make(chan outcome, 1)
	begin := time.Now()
	go func() {
		at, err := m.st.probe.until(ctx, name, 50*time.Microsecond, ok)
		seen <- outcome{at, err}
	}()
	answered, err := call()
	o := <-seen
	if err := errors.Join(err, o.err); err != nil {
		return err
	}
	sent.Add(o.at.Sub(begin))
	response.Add(max(0, o.at.Sub(answered)))
	return nil
}
