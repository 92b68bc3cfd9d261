package world

import (
	"slices"
	"testing"
)

func ids[T any](rows Rows[T], id func(*T) string) []string {
	var out []string
	for row := range rows {
		out = append(out, id(row))
	}
	return out
}

func TestWorld_FindsByName(t *testing.T) {
	w := New()
	w.Put(&Namespace{ID: "ns-1", HTTPName: "a"})
	w.Put(&Namespace{ID: "ns-2", HTTPName: "ab"})
	w.Put(&DiscoveryService{ID: "srv-1", Namespace: "ns-1", Name: "Web"})
	w.Put(&DiscoveryService{ID: "srv-2", Namespace: "ns-1", Name: "web"})
	w.Put(&DiscoveryService{ID: "srv-3", Namespace: "ns-2", Name: "web"})
	w.Put(&DiscoveryInstance{Service: "srv-1", ID: "i-1", CreatorRequestID: "token"})
	w.Put(&DiscoveryInstance{Service: "srv-1", ID: "i-2"})
	w.Put(&DiscoveryInstance{Service: "srv-2", ID: "i-3", CreatorRequestID: "token"})
	for _, c := range []struct {
		what      string
		got, want []string
	}{
		{"namespace a", ids(w.NamespacesNamed("a"), (*Namespace).Key), []string{"ns-1"}},
		{"namespace b", ids(w.NamespacesNamed("b"), (*Namespace).Key), nil},
		{"service WEB", ids(w.ServicesNamed("ns-1", "WEB"), (*DiscoveryService).Key), []string{"srv-1", "srv-2"}},
		{"service we", ids(w.ServicesNamed("ns-1", "we"), (*DiscoveryService).Key), nil},
		{"request", ids(w.InstancesRequested("srv-1", "token"), (*DiscoveryInstance).Key), []string{"srv-1/i-1"}},
		{"no request", ids(w.InstancesRequested("srv-1", ""), (*DiscoveryInstance).Key), nil},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v, expected %v", c.what, c.got, c.want)
		}
	}
}

func TestTable_After(t *testing.T) {
	w := New()
	if got := ids(w.DiscoveryInstances.After("", ""), (*DiscoveryInstance).Key); got != nil {
		t.Errorf("an empty table has %v", got)
	}
	var all []string
	for n := range 300 {
		i := instance(n)
		i.Service = DiscoveryServiceID([]string{"srv-a", "srv-b", "srv-c"}[n%3])
		w.Put(i)
		if n%3 == 1 {
			all = append(all, i.Key())
		}
	}
	slices.Sort(all)
	for at, key := range all {
		if got := ids(w.DiscoveryInstances.After("srv-b/", key), (*DiscoveryInstance).Key); !slices.Equal(got, all[at+1:]) {
			t.Fatalf("after %s: %d rows, expected %d", key, len(got), len(all)-at-1)
		}
	}
	for key, want := range map[string]int{"": 100, "srv-a/zzz": 100, "srv-b/": 100, "srv-b/zzz": 0, "srv-c/": 0} {
		if got := ids(w.DiscoveryInstances.After("srv-b/", key), (*DiscoveryInstance).Key); len(got) != want {
			t.Errorf("after %q: %d rows, expected %d", key, len(got), want)
		}
	}
}

// A service of a state that an earlier Seamark wrote counts on.
func TestInstancesRevision(t *testing.T) {
	w := New()
	old := &DiscoveryService{ID: "srv-1", InstancesRevision: 7}
	w.Put(old)
	if got := w.InstancesRevision(old); got != 7 {
		t.Errorf("%d before the first change", got)
	}
	w.Put(&InstancesRevision{Service: "srv-1", Count: 8})
	if got := w.InstancesRevision(old); got != 8 {
		t.Errorf("%d after it", got)
	}
}

func TestDigits(t *testing.T) {
	for n, want := range map[int64]string{0: "00000000000000000000", 42: "00000000000000000042", 1<<63 - 1: "09223372036854775807"} {
		if got := digits(n); got != want {
			t.Errorf("%d is %q", n, got)
		}
	}
}
