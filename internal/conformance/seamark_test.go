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

// startSeamark serves the VPC's table from this process, and forwards what is
// not in it, unless upstream is not valid.
func startSeamark(t testing.TB, w world.World, upstream netip.AddrPort) netip.AddrPort {
	t.Helper()
	table, ok := zone.Compile(w, vpcID, zone.Options{Fidelity: world.Relaxed, Region: "us-east-1"})
	if !ok {
		t.Fatal("the world has no VPC")
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
	return ack.Bound[vpcID][0]
}
