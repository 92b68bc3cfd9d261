package node

import (
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"

	"seamark/internal/driver/runtime"
	"seamark/internal/store"
	"seamark/internal/world"
)

// userDataPath is where cloud-init keeps the user data of an instance.
const userDataPath = "/var/lib/cloud/instance/user-data.txt"

// reconcileInstance brings one EC2 instance to where its state says it should be.
func (n *Node) reconcileInstance(ctx context.Context, key string) (time.Time, error) {
	w := n.o.Store.View()
	i := w.Instances.Get(key)
	if i == nil || i.Node != n.o.Name {
		return time.Time{}, nil
	}
	switch i.State {
	case world.InstancePending, world.InstanceRunning:
		return n.runInstance(ctx, w, i)
	case world.InstanceShuttingDown:
		return n.shutDown(ctx, w, i)
	}
	return time.Time{}, nil
}

func (n *Node) runInstance(ctx context.Context, w world.World, i *world.Instance) (time.Time, error) {
	if s, ok := n.found.get(string(i.ID)); ok {
		return time.Time{}, n.reportInstance(ctx, i.ID, s)
	}
	if i.Observed.Failure != "" || !n.attached.has(i.VPC, i.Interface) {
		return time.Time{}, nil
	}
	if _, ok, err := n.images.get(string(i.ID), n.o.InstanceImage); err != nil || !ok {
		if err != nil {
			return time.Time{}, n.instanceFailed(ctx, i.ID, err)
		}
		return time.Time{}, nil
	}
	spec, err := n.instanceSpec(w, i)
	if err != nil {
		return time.Time{}, err
	}
	if err := n.startFound(ctx, spec); err != nil {
		return time.Time{}, err
	}
	s, _ := n.found.get(spec.ID)
	return time.Time{}, n.reportInstance(ctx, i.ID, s)
}

func (n *Node) instanceSpec(w world.World, i *world.Instance) (runtime.Container, error) {
	dir := filepath.Join(n.o.Dir, string(i.ID))
	resolv, hosts, err := n.resolverFiles(dir, w, i.VPC, i.Address)
	if err != nil {
		return runtime.Container{}, err
	}
	c := runtime.Container{
		ID: string(i.ID), Group: string(i.ID), Image: n.o.InstanceImage, Machine: true,
		Hostname: n.hostname(i.Address), Network: n.o.Network.Paths().Interface(i.Interface),
		ResolvConf: resolv, Hosts: hosts,
		Resources: runtime.Resources{PIDs: 8192, GroupMemoryBytes: instanceMemory(i.Type) << 20},
		Log:       runtime.Log{Dir: n.o.ConsoleDir(i.ID)},
		Labels:    map[string]string{"seamark.instance": hex.EncodeToString([]byte(i.ID))},
	}
	if i.ImageID != world.TestMachineImage {
		c.Env = []string{"SEAMARK_NOTICE=" + i.ImageID + " is not an image of Seamark's: in relaxed fidelity any AMI id boots this machine"}
	}
	if len(i.UserData) > 0 {
		path := filepath.Join(dir, "user-data.txt")
		if err := os.WriteFile(path, i.UserData, 0o700); err != nil {
			return runtime.Container{}, err
		}
		c.Mounts = append(c.Mounts, runtime.Mount{Source: path, Destination: userDataPath, ReadOnly: true})
	}
	return c, nil
}

// instanceMemory is the memory of an instance type in MiB, of the sizes that
// people test with; others get what a large one has.
func instanceMemory(kind string) int64 {
	switch kind {
	case "t2.nano", "t3.nano", "t3a.nano", "t4g.nano":
		return 512
	case "t2.micro", "t3.micro", "t3a.micro", "t4g.micro":
		return 1024
	case "t2.small", "t3.small", "t3a.small", "t4g.small":
		return 2048
	case "t2.medium", "t3.medium", "t3a.medium", "t4g.medium":
		return 4096
	}
	return 8192
}

func (n *Node) reportInstance(ctx context.Context, id world.InstanceID, s runtime.Status) error {
	return n.observeInstance(ctx, id, func(o *world.InstanceObserved) {
		o.Running, o.PID = s.State == runtime.StateRunning, s.PID
		if s.State == runtime.StateStopped {
			code := s.ExitCode
			o.ExitCode = &code
		}
	})
}

func (n *Node) instanceFailed(ctx context.Context, id world.InstanceID, err error) error {
	return n.observeInstance(ctx, id, func(o *world.InstanceObserved) { o.Failure = err.Error() })
}

func (n *Node) shutDown(ctx context.Context, w world.World, i *world.Instance) (time.Time, error) {
	if s, ok := n.found.get(string(i.ID)); ok && s.State == runtime.StateRunning {
		return n.stopContainer(ctx, string(i.ID), 10*time.Second)
	}
	if w.NetworkInterfaces.Get(string(i.Interface)) != nil {
		return time.Time{}, n.observeInstance(ctx, i.ID, func(o *world.InstanceObserved) { o.Running, o.PID, o.Stopped = false, 0, true })
	}
	if n.attached.has(i.VPC, i.Interface) {
		return time.Time{}, nil
	}
	if err := n.removeGroup(ctx, string(i.ID), []string{string(i.ID)}); err != nil {
		return time.Time{}, err
	}
	return time.Time{}, n.observeInstance(ctx, i.ID, func(o *world.InstanceObserved) {
		o.Running, o.Released, o.PID = false, true, 0
	})
}

func (n *Node) observeInstance(ctx context.Context, id world.InstanceID, f func(*world.InstanceObserved)) error {
	_, err := n.o.Store.Update(ctx, func(tx *store.Tx) error {
		i := tx.World.Instances.Get(string(id))
		if i == nil {
			return nil
		}
		next := *i
		f(&next.Observed)
		if !sameInstance(&i.Observed, &next.Observed) {
			tx.Put(&next)
		}
		return nil
	})
	return err
}

func sameInstance(a, b *world.InstanceObserved) bool {
	code := (a.ExitCode == nil) == (b.ExitCode == nil) && (a.ExitCode == nil || *a.ExitCode == *b.ExitCode)
	return code && a.Running == b.Running && a.Stopped == b.Stopped && a.Released == b.Released && a.Failure == b.Failure && a.PID == b.PID
}
