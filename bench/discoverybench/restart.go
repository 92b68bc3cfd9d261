//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"seamark/bench/registry"
	"seamark/bench/rig"
	"seamark/internal/api/ec2"
)

// goalReady is the goal for a control plane's return.
const goalReady = 3 * time.Second

// measureRestarts kills the control plane again and again while DNS is asked
// for random names, from an EC2 instance: it stays where it is.
func measureRestarts(ctx context.Context, o options, st *stage, r *report) error {
	if err := st.boot(ctx); err != nil {
		return fmt.Errorf("an instance to ask from: %w", err)
	}
	size := fmt.Sprintf("kill -9 of the control plane, %d instances → ", o.instances)
	ready := &rig.Series{Name: size + "API ready", Goal: goalReady}
	served := &rig.Series{Name: size + "DNS known to be up to date"}
	cpu := &rig.Series{Name: "CPU time of the new control plane until then, on all cores"}
	r.ready = append(r.ready, ready, served, cpu)
	r.probes = &probes{}
	end := r.probes.begin(st.resolver, len(st.services))
	for range o.restarts {
		if err := st.restart(ctx, ready, served, cpu); err != nil {
			return errors.Join(err, end())
		}
		// The new process goes on with work that the old one had: look, too, while
		// that settles.
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
	if err := end(); err != nil {
		return err
	}
	m, err := st.instance.Memory(ctx, "with the same, after the last restart, and the EC2 instance that asks", goalMemory)
	r.memory = append(r.memory, m)
	return err
}

// boot starts an EC2 instance and asks from it from now on.
func (st *stage) boot(ctx context.Context) error {
	var out ec2.RunInstancesOutput
	in := ec2.RunInstancesInput{ImageId: new("ami-00000000000000000"), InstanceType: new("t3.micro"), SubnetId: &st.subnet, MinCount: new(int32(1)), MaxCount: new(int32(1))}
	if err := st.ec2(ctx, "RunInstances", &in, &out); err != nil {
		return err
	}
	id := *out.Instances[0].InstanceId
	err := rig.Poll(ctx, 10*time.Millisecond, func() (bool, error) {
		var seen ec2.DescribeInstancesOutput
		if err := st.ec2(ctx, "DescribeInstances", &ec2.DescribeInstancesInput{InstanceIds: []string{id}}, &seen); err != nil {
			return false, err
		}
		return *seen.Reservations[0].Instances[0].State.Name == "running", nil
	})
	if err != nil {
		return err
	}
	return st.place(ctx, id)
}

func (st *stage) restart(ctx context.Context, ready, served, cpu *rig.Series) error {
	begin := time.Now()
	if err := st.instance.End(syscall.SIGKILL); err != nil {
		return err
	}
	if _, err := st.instance.Up(ctx, upFlags()...); err != nil {
		return err
	}
	ready.Add(time.Since(begin))
	if err := st.caughtUp(ctx); err != nil {
		return err
	}
	served.Add(time.Since(begin))
	s, err := st.instance.Status(ctx)
	if err != nil {
		return err
	}
	used, err := rig.ProcessCPU(s.PID)
	cpu.Add(used)
	return err
}

// probes are questions for random services, each answer checked.
type probes struct {
	asked, lost, nxdomain, wrong int
	first                        string // of what was wrong
}

// begin asks a thousand times a second until end is called.
func (p *probes) begin(r *registry.Resolver, services int) (end func() error) {
	stop := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				p.ask(r, rand.IntN(services))
			}
		}
	})
	return func() error {
		close(stop)
		running.Wait()
		if p.asked == 0 {
			return errors.New("DNS was never asked")
		}
		return nil
	}
}

// ask checks that one answer has as many addresses as there must be, and only
// the service's own.
func (p *probes) ask(r *registry.Resolver, service int) {
	p.asked++
	a, err := r.Ask(dnsName(service))
	problem := ""
	switch {
	case err != nil:
		p.lost++
		problem = err.Error()
	case a.Rcode == dns.RcodeNameError:
		p.nxdomain++
		problem = "NXDOMAIN"
	case a.Rcode != dns.RcodeSuccess || len(a.Addresses) != min(8, perService):
		p.wrong++
		problem = fmt.Sprintf("%s with %d addresses", dns.RcodeToString[a.Rcode], len(a.Addresses))
	default:
		for _, address := range a.Addresses {
			if serviceOf(address) != service {
				p.wrong++
				problem = "an address of another service"
				break
			}
		}
	}
	if problem != "" && p.first == "" {
		p.first = dnsName(service) + ": " + problem
	}
}

func (p *probes) markdown() string {
	if p == nil {
		return ""
	}
	good := p.lost+p.nxdomain+p.wrong == 0
	text := fmt.Sprintf("\nDNS meanwhile, asked from an EC2 instance for random services: %d queries, %d unanswered, %d NXDOMAIN, %d otherwise wrong. Goal: none: %s.\n",
		p.asked, p.lost, p.nxdomain, p.wrong, rig.Verdict(good))
	if p.first != "" {
		text += "The first was " + p.first + ".\n"
	}
	return text
}
