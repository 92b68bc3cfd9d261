package main

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"seamark/internal/admin"
	"seamark/internal/control"
	"seamark/internal/dataplane"
	"seamark/internal/node"
	"seamark/internal/world"
)

// backend is what the admin socket gives access to.
type backend struct{ d *daemon }

func (b *backend) Status(ctx context.Context) (admin.Status, error) {
	d := b.d
	w := d.store.View()
	s := admin.Status{
		InstanceID: d.dir.InstanceID(), Version: version, PID: os.Getpid(), StartedAt: d.started,
		Endpoint: d.endpoint(), Runtime: d.o.runtime, Fidelity: d.o.fidelity, DataDir: d.o.dataDir, RunDir: d.runDir,
		Revision: w.Revision, Applied: d.answers.Applied(),
	}
	if err := d.store.Ready(); err != nil {
		s.Refusing = err.Error()
	}
	if d.machine.enginePID != nil {
		s.Engine = &admin.Process{PID: d.machine.enginePID()}
	}
	if p, err := d.machine.plane.status(ctx); err == nil {
		s.DataPlane = &admin.Process{PID: p.PID, StartedAt: p.StartedAt}
		for v := range w.VPCs.All() {
			if r, ok := p.VPCs[v.ID]; ok {
				s.Resolvers = append(s.Resolvers, admin.Resolver{
					VPC: v.ID, Bound: r.Bound, Failed: r.Failed, Queries: r.Counters.Queries, Inbound: inbound(r.Endpoints),
				})
			}
		}
	}
	for t := range w.Tasks.All() {
		if t.LastStatus != world.TaskStopped {
			s.Tasks = append(s.Tasks, taskStatus(t))
		}
	}
	return s, nil
}

// inbound are the endpoints that listen somewhere.
func inbound(endpoints map[world.ResolverEndpointID]dataplane.EndpointStatus) []admin.Inbound {
	var out []admin.Inbound
	for _, id := range slices.Sorted(maps.Keys(endpoints)) {
		e := admin.Inbound{ID: id}
		for _, a := range endpoints[id].Addresses {
			if a.Bound.IsValid() {
				e.Bound = append(e.Bound, a.Bound)
			}
		}
		if len(e.Bound) > 0 {
			out = append(out, e)
		}
	}
	return out
}

func taskStatus(t *world.Task) admin.Task {
	s := admin.Task{ID: t.ID, Cluster: string(t.Cluster), Service: t.Service, Status: string(t.LastStatus), Address: t.Address}
	for _, c := range t.Observed.Containers {
		if c.PID != 0 {
			s.PIDs = append(s.PIDs, c.PID)
		}
	}
	return s
}

func (b *backend) LoadImage(ctx context.Context, path string) ([]string, error) {
	return b.d.machine.runtime.ImportImage(ctx, path)
}

func (b *backend) Images(ctx context.Context) ([]admin.Image, error) {
	images, err := b.d.machine.runtime.Images(ctx)
	if err != nil {
		return nil, err
	}
	var list []admin.Image
	for _, i := range images {
		list = append(list, admin.Image{Name: i.Name, Digest: i.Digest, Size: i.Size})
	}
	return list, nil
}

// attachTimeout bounds the wait for a session's interface.
const attachTimeout = 10 * time.Second

func (b *backend) OpenSession(ctx context.Context, r admin.SessionRequest) (admin.Session, func(), error) {
	if n := b.joined(r.Target); n != nil {
		s, err := b.session(ctx, n)
		return s, func() {}, err
	}
	request := control.SessionRequest{Target: r.Target, Subnet: world.SubnetID(r.Subnet)}
	for _, g := range r.SecurityGroups {
		request.SecurityGroups = append(request.SecurityGroups, world.SecurityGroupID(g))
	}
	n, err := b.d.sessions.Begin(ctx, request)
	if err != nil {
		return admin.Session{}, nil, err
	}
	end := func() {
		if err := b.d.sessions.End(context.WithoutCancel(ctx), n.ID); err != nil {
			b.d.logger.Warn("end a session", "interface", n.ID, "error", err)
		}
	}
	s, err := b.session(ctx, n)
	if err != nil {
		end()
		return admin.Session{}, nil, err
	}
	return s, end, nil
}

// joined is the interface of the task or instance that target names, or nil.
func (b *backend) joined(target string) *world.NetworkInterface {
	w := b.d.store.View()
	id := target[strings.LastIndex(target, "/")+1:]
	if t := w.Tasks.Get(id); t != nil {
		return w.NetworkInterfaces.Get(string(t.Interface))
	}
	if i := w.Instances.Get(id); i != nil {
		return w.NetworkInterfaces.Get(string(i.Interface))
	}
	return nil
}

// session waits for the interface and says how to use it.
func (b *backend) session(ctx context.Context, n *world.NetworkInterface) (admin.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, attachTimeout)
	defer cancel()
	path, err := b.d.node.WaitAttached(ctx, n.VPC, n.ID)
	if err != nil {
		return admin.Session{}, fmt.Errorf("interface %s: %w", n.ID, err)
	}
	w := b.d.store.View()
	v := w.VPCs.Get(string(n.VPC))
	if v == nil {
		return admin.Session{}, fmt.Errorf("VPC %s: %w", n.VPC, world.ErrNotFound)
	}
	return admin.Session{
		Namespace: path, Address: n.Address, VPC: n.VPC, Resolver: netip.AddrPortFrom(v.Resolver(), 53),
		Resolv: node.ResolvConf(w, v, b.d.o.region),
		Hosts:  fmt.Sprintf("127.0.0.1 localhost\n%s %s\n", n.Address, world.PrivateDNSName(b.d.o.region, n.Address)),
	}, nil
}
