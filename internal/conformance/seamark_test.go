package conformance

import (
	"log/slog"
	"net/netip"
	"slices"
	"testing"

	"seamark/internal/dataplane"
	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// startSeamark serves a VPC's table, or that of the public zones, from this
// process, and forwards what is not in it, unless upstream is not valid.
func startSeamark(t testing.TB, w world.World, id world.VPCID, upstream netip.AddrPort) netip.AddrPort {
	t.Helper()
	table, ok := zone.Compile(w, id, zone.Options{Fidelity: world.Relaxed, Region: "us-east-1", Public: true})
	if !ok {
		t.Fatalf("the world has no table %s", id)
	}
	s, err := dataplane.New(dataplane.Options{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	ack, err := s.Replace(t.Context(), 1, dataplane.Snapshot{
		Config: dataplane.Config{Upstreams: slices.DeleteFunc([]netip.AddrPort{upstream}, func(a netip.AddrPort) bool { return !a.IsValid() })},
		VPCs: []dataplane.VPC{{Table: table, Listen: dataplane.Listen{
			Addresses: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(ack.Failed) > 0 {
		t.Fatalf("not served: %v", ack.Failed)
	}
	return ack.Bound[id][0]
}
