package storetest

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"seamark/internal/store"
	"seamark/internal/world"
)

// reload puts and deletes at random, opens again now and then, and compares
// what is there with what was there before.
func reload(t *testing.T, on Storage) {
	s := on.Open(t)
	defer func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	// The storage outlives each check, so that later ones start with what
	// earlier ones left.
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(1, 10).Draw(rt, "updates") {
			objects := rapid.SliceOfN(anyObject(), 0, 30).Draw(rt, "objects")
			deletions := rapid.SliceOfN(anyObject(), 0, 10).Draw(rt, "deletions")
			update(t, s, func(tx *store.Tx) {
				for _, o := range objects {
					tx.Put(o)
				}
				for _, o := range deletions {
					tx.Delete(o.Kind(), o.Key())
				}
			})
		}
		if rapid.IntRange(0, 4).Draw(rt, "reopen") > 0 {
			return
		}
		before := s.View()
		if err := s.Close(); err != nil {
			rt.Fatalf("close: %v", err)
		}
		s = on.Open(t)
		equal(rt, "opened again", s.View(), before)
	})
}

// anyObject draws objects of a few kinds under few keys, so that they meet.
func anyObject() *rapid.Generator[world.Object] {
	return rapid.Custom(func(t *rapid.T) world.Object {
		n := rapid.IntRange(0, 40).Draw(t, "n")
		text := rapid.StringN(0, 20, -1).Draw(t, "text")
		at := time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			return &world.LogGroup{Name: text, RetentionDays: int32(n), CreatedAt: at}
		case 1:
			attributes := rapid.MapOfN(rapid.String(), rapid.String(), 0, 9).Draw(t, "attributes")
			return &world.DiscoveryInstance{Service: world.DiscoveryServiceID(fmt.Sprint("srv-", n%5)), ID: text, Attributes: attributes, PendingAt: at}
		case 2:
			return &world.Namespace{ID: world.NamespaceID(fmt.Sprint("ns-", n)), Name: text, VPC: world.VPCID(fmt.Sprint("vpc-", n%3)), CreatedAt: at}
		case 3:
			return &world.RecordSet{Zone: world.HostedZoneID(fmt.Sprint("Z", n%3)), Name: text, Type: "TXT", TTL: int64(n), Values: []string{text}, Weight: new(int64(n))}
		default:
			return &world.Operation{ID: world.OperationID(fmt.Sprint(n)), Type: text, CreatedAt: at}
		}
	})
}
