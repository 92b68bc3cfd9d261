package resolve

import (
	"testing"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// An endpoint's states follow from what serves: nothing yet, a part, all, one
// more address, one lost, one taken away.
func TestObserve(t *testing.T) {
	a, b, c := world.EndpointAddress{Interface: "eni-a"}, world.EndpointAddress{Interface: "eni-b"}, world.EndpointAddress{Interface: "eni-c"}
	e := &world.ResolverEndpoint{ID: "rslvr-in-1", Addresses: []world.EndpointAddress{b, a}}
	for i, step := range []struct {
		addresses []world.EndpointAddress
		serving   []world.NetworkInterfaceID
		status    string
		each      []string
		unchanged bool
	}{
		{serving: nil, status: "CREATING", each: []string{"ATTACHING", "ATTACHING"}, unchanged: true},
		{serving: []world.NetworkInterfaceID{"eni-a"}, status: "CREATING", each: []string{"ATTACHING", "ATTACHED"}},
		{serving: []world.NetworkInterfaceID{"eni-b", "eni-a", "eni-other"}, status: "OPERATIONAL", each: []string{"ATTACHED", "ATTACHED"}},
		{serving: []world.NetworkInterfaceID{"eni-a", "eni-b"}, status: "OPERATIONAL", each: []string{"ATTACHED", "ATTACHED"}, unchanged: true},
		{addresses: []world.EndpointAddress{b, a, c}, serving: []world.NetworkInterfaceID{"eni-a", "eni-b"}, status: "UPDATING", each: []string{"ATTACHED", "ATTACHED", "ATTACHING"}, unchanged: true},
		{serving: []world.NetworkInterfaceID{"eni-a", "eni-b", "eni-c"}, status: "OPERATIONAL", each: []string{"ATTACHED", "ATTACHED", "ATTACHED"}},
		{serving: []world.NetworkInterfaceID{"eni-a", "eni-c"}, status: "AUTO_RECOVERING", each: []string{"REMAP_ATTACHING", "ATTACHED", "ATTACHED"}},
		{addresses: []world.EndpointAddress{a, c}, serving: []world.NetworkInterfaceID{"eni-a", "eni-c"}, status: "OPERATIONAL", each: []string{"ATTACHED", "ATTACHED"}},
	} {
		if step.addresses != nil {
			next := *e
			next.Addresses = step.addresses
			e = &next
		}
		d := &plan.Draft{World: world.New()}
		d.World.Put(e)
		Observe(d, e.ID, step.serving)
		if d.Empty() != step.unchanged {
			t.Errorf("step %d: unchanged is %v", i, d.Empty())
		}
		e = d.World.ResolverEndpoints.Get(string(e.ID))
		if got := Status(e); got != step.status {
			t.Errorf("step %d: %s, expected %s", i, got, step.status)
		}
		for j, want := range step.each {
			if got := AddressStatus(e, e.Addresses[j]); got != want {
				t.Errorf("step %d, address %d: %s, expected %s", i, j, got, want)
			}
		}
	}
	d := &plan.Draft{World: world.New()}
	if Observe(d, "rslvr-in-gone", nil); !d.Empty() {
		t.Error("an endpoint that is gone was put")
	}
}
