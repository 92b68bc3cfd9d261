package place

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"seamark/internal/plan"
	"seamark/internal/world"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// draft is a world with a /28 in each of two zones: eleven usable addresses, .4
// to .14 and .20 to .30.
func draft() *plan.Draft {
	d := &plan.Draft{World: world.New(), Now: start, Draw: plan.NewDraw([32]byte{1}), Revision: 1, Scope: world.Scope{Region: "us-east-1", Account: "123456789012"}}
	d.Put(&world.VPC{ID: "vpc-1", CIDR: netip.MustParsePrefix("10.0.0.0/16"), DefaultSecurityGroup: "sg-default"})
	d.Put(&world.Subnet{ID: "subnet-a", VPC: "vpc-1", CIDR: netip.MustParsePrefix("10.0.0.0/28"), AvailabilityZone: "us-east-1a"})
	d.Put(&world.Subnet{ID: "subnet-b", VPC: "vpc-1", CIDR: netip.MustParsePrefix("10.0.0.16/28"), AvailabilityZone: "us-east-1b"})
	return d
}

func give(t *testing.T, d *plan.Draft, subnet string) (*world.NetworkInterface, bool) {
	t.Helper()
	n, early, err := Interface(d, d.World.Subnets.Get(subnet), nil, world.OwnedByUser, "")
	if err != nil {
		t.Fatal(err)
	}
	return n, early
}

// TestAddress_Order walks through a subnet's life in one line per step: take
// gives out an address, free N releases 10.0.0.N for a minute, wait lets
// seconds pass.
func TestAddress_Order(t *testing.T) {
	for name, c := range map[string]struct{ steps, want string }{
		"the lowest first":                  {"take take take", "4 5 6"},
		"never used before released":        {"take take free4 wait120 take take", "4 5 6 7"},
		"the longest released of the free":  {"all free9 wait1 free5 wait120 take take", "9 5"},
		"not while it rests":                {"all free9 wait30 free5 wait40 take", "9"},
		"early where there is no other":     {"all free9 wait1 free5 take take", "9! 5!"},
		"a rest ends with its last second":  {"all free9 wait59 take", "9!"},
		"a rest is over after its time":     {"all free9 wait60 take", "9"},
		"exhausted":                         {"all take", "exhausted"},
		"again after everything was given":  {"all free4 wait60 take free4 wait60 take", "4 4"},
		"over before resting, however late": {"all free9 wait58 free5 wait2 take take", "9 5!"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(walk(t, strings.Fields(c.steps)), " "); got != c.want {
				t.Errorf("%s gives %s, want %s", c.steps, got, c.want)
			}
		})
	}
}

func walk(t *testing.T, steps []string) (given []string) {
	t.Helper()
	d := draft()
	have := map[int]*world.NetworkInterface{}
	for _, step := range steps {
		var n int
		switch {
		case step == "take":
			ni, early, err := Interface(d, d.World.Subnets.Get("subnet-a"), nil, world.OwnedByUser, "")
			if err != nil {
				if !errors.Is(err, world.ErrExhausted) {
					t.Fatal(err)
				}
				given = append(given, "exhausted")
				continue
			}
			last := int(ni.Address.As4()[3])
			have[last] = ni
			given = append(given, fmt.Sprint(last)+map[bool]string{true: "!"}[early])
		case step == "all":
			for range 11 {
				ni, _ := give(t, d, "subnet-a")
				have[int(ni.Address.As4()[3])] = ni
			}
		case scan(step, "free%d", &n):
			Release(d, have[n], time.Minute)
		case scan(step, "wait%d", &n):
			d.Now = d.Now.Add(time.Duration(n) * time.Second)
		default:
			t.Fatalf("unknown step %q", step)
		}
	}
	return given
}

func scan(step, format string, n *int) bool {
	_, err := fmt.Sscanf(step, format, n)
	return err == nil
}

func TestAddress_LeavesReservedAddresses(t *testing.T) {
	d := draft()
	var given []string
	for range Size(netip.MustParsePrefix("10.0.0.16/28")) {
		n, _ := give(t, d, "subnet-b")
		given = append(given, n.Address.String())
		if !Usable(netip.MustParsePrefix("10.0.0.16/28"), n.Address) {
			t.Errorf("%s is reserved", n.Address)
		}
	}
	if first, last := given[0], given[len(given)-1]; len(given) != 11 || first != "10.0.0.20" || last != "10.0.0.30" {
		t.Errorf("given %v", given)
	}
	for _, reserved := range []string{"10.0.0.16", "10.0.0.17", "10.0.0.18", "10.0.0.19", "10.0.0.31", "10.0.0.15", "10.0.0.32"} {
		if Usable(netip.MustParsePrefix("10.0.0.16/28"), netip.MustParseAddr(reserved)) {
			t.Errorf("%s is usable", reserved)
		}
	}
}

func TestInterface_HasTheDefaultGroupAndItsOwner(t *testing.T) {
	d := draft()
	n, _ := give(t, d, "subnet-a")
	if !slices.Equal(n.SecurityGroups, []world.SecurityGroupID{"sg-default"}) || n.VPC != "vpc-1" || n.AvailabilityZone != "us-east-1a" {
		t.Errorf("made %+v", n)
	}
	groups := []world.SecurityGroupID{"sg-1", "sg-2"}
	n = InterfaceAt(d, d.World.Subnets.Get("subnet-a"), netip.MustParseAddr("10.0.0.9"), groups, world.OwnedByInstance, "i-1")
	groups[0] = "changed by the caller"
	if !slices.Equal(n.SecurityGroups, []world.SecurityGroupID{"sg-1", "sg-2"}) || n.OwnerID != "i-1" || d.World.NetworkInterfaces.Get(n.Key()) == nil {
		t.Errorf("made %+v", n)
	}
	if !InUse(d.World, "subnet-a", netip.MustParseAddr("10.0.0.9")) || InUse(d.World, "subnet-a", netip.MustParseAddr("10.0.0.10")) {
		t.Error("which addresses are in use is wrong")
	}
	if got := Free(d.World, d.World.Subnets.Get("subnet-a")); got != 9 {
		t.Errorf("%d free", got)
	}
}

func TestSubnet(t *testing.T) {
	in := func(zones ...string) (peers []*world.Task) {
		for _, z := range zones {
			peers = append(peers, &world.Task{AvailabilityZone: "us-east-1" + z})
		}
		return peers
	}
	for name, c := range map[string]struct {
		used  int // interfaces in subnet-a
		peers []*world.Task
		want  world.SubnetID
	}{
		"the first of equals":               {0, nil, "subnet-a"},
		"the zone with fewer peers":         {0, in("a"), "subnet-b"},
		"the one with more free addresses":  {3, nil, "subnet-b"},
		"the zone counts before addresses":  {3, in("b"), "subnet-a"},
		"one that is full is passed over":   {11, in("b", "b"), "subnet-b"},
		"peers elsewhere change nothing":    {0, in("f", "f"), "subnet-a"},
		"an equal number of peers and more": {1, in("a", "b"), "subnet-b"},
	} {
		t.Run(name, func(t *testing.T) {
			d := draft()
			for range c.used {
				give(t, d, "subnet-a")
			}
			s, err := Subnet(d.World, []world.SubnetID{"subnet-a", "subnet-b"}, c.peers)
			if err != nil || s.ID != c.want {
				t.Errorf("picked %v, %v", s, err)
			}
		})
	}
	d := draft()
	for range 11 {
		give(t, d, "subnet-a")
	}
	if _, err := Subnet(d.World, []world.SubnetID{"subnet-a"}, nil); !Exhausted(err) {
		t.Errorf("a full subnet: %v", err)
	}
	if _, err := Subnet(d.World, []world.SubnetID{"subnet-gone"}, nil); !errors.Is(err, world.ErrNotFound) {
		t.Errorf("a deleted subnet: %v", err)
	}
}

func TestTask(t *testing.T) {
	d := draft()
	ref := world.TaskDefinitionRef{Family: "web", Revision: 1}
	d.Put(&world.TaskDefinition{TaskDefinitionRef: ref, NetworkMode: "awsvpc", Containers: []world.ContainerDefinition{{Name: "app"}, {Name: "side"}}})
	wish := world.Task{Cluster: "c", TaskDefinition: ref, Network: world.NetworkConfiguration{Subnets: []world.SubnetID{"subnet-a"}}}
	task, err := Task(d, wish, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := d.World.NetworkInterfaces.Get(string(task.Interface))
	if n == nil || n.Address != task.Address || n.OwnerID != string(task.ID) || n.AttachmentID != task.Attachment || n.MAC != task.MAC {
		t.Errorf("task %+v has interface %+v", task, n)
	}
	if task.LastStatus != world.TaskProvisioning || task.DesiredStatus != world.TaskRunning || task.Node != Node || task.CreatedAt != start || len(task.ID) != 32 {
		t.Errorf("task %+v", task)
	}
	for i, name := range []string{"app", "side"} {
		c := task.Observed.Containers[i]
		if c.Name != name || c.LastStatus != "PENDING" || c.Health != world.HealthUnknown || !strings.HasPrefix(c.RuntimeID, string(task.ID)+"-") || c.ID == "" {
			t.Errorf("container %+v", c)
		}
	}
	if a, b := task.Observed.Containers[0], task.Observed.Containers[1]; a.RuntimeID == b.RuntimeID || a.ID == b.ID {
		t.Error("two containers have one id")
	}
}

func TestTask_ChangesNothingWhenItFails(t *testing.T) {
	d := draft()
	ref := world.TaskDefinitionRef{Family: "web", Revision: 1}
	d.Put(&world.TaskDefinition{TaskDefinitionRef: ref, NetworkMode: "awsvpc"})
	for range 11 {
		give(t, d, "subnet-a")
	}
	before := d.World
	wish := world.Task{TaskDefinition: ref, Network: world.NetworkConfiguration{Subnets: []world.SubnetID{"subnet-a"}}}
	if _, err := Task(d, wish, nil); !Exhausted(err) {
		t.Errorf("a full subnet: %v", err)
	}
	wish.TaskDefinition.Revision = 2
	if _, err := Task(d, wish, nil); !errors.Is(err, world.ErrNotFound) {
		t.Errorf("no task definition: %v", err)
	}
	if d.World.Tasks.Len() != 0 || d.World.NetworkInterfaces.Len() != before.NetworkInterfaces.Len() {
		t.Error("a task that was not placed left something")
	}
}

func TestTask_WithoutItsOwnNetwork(t *testing.T) {
	d := draft()
	ref := world.TaskDefinitionRef{Family: "web", Revision: 1}
	d.Put(&world.TaskDefinition{TaskDefinitionRef: ref, NetworkMode: "bridge"})
	task, err := Task(d, world.Task{TaskDefinition: ref}, nil)
	if err != nil || task.LastStatus != world.TaskPending || task.Interface != "" {
		t.Errorf("task %+v, %v", task, err)
	}
}
