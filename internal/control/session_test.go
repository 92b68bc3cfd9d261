package control

import (
	"errors"
	"net/netip"
	"testing"

	"seamark/internal/change"
	"seamark/internal/store"
	"seamark/internal/store/mem"
	"seamark/internal/world"
)

func TestSessions(t *testing.T) {
	s := mem.New(mem.Options{})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	_, err := s.Update(t.Context(), func(tx *store.Tx) error {
		for _, o := range []world.Object{
			&world.VPC{ID: "vpc-1", CIDR: netip.MustParsePrefix("10.0.0.0/16"), DefaultSecurityGroup: "sg-1"},
			&world.VPC{ID: "vpc-2", CIDR: netip.MustParsePrefix("10.0.0.0/16"), DefaultSecurityGroup: "sg-2"},
			&world.SecurityGroup{ID: "sg-1", VPC: "vpc-1"}, &world.SecurityGroup{ID: "sg-2", VPC: "vpc-2"},
			&world.Subnet{ID: "subnet-1", VPC: "vpc-1", CIDR: netip.MustParsePrefix("10.0.1.0/28")},
			&world.Subnet{ID: "subnet-2", VPC: "vpc-1", CIDR: netip.MustParsePrefix("10.0.2.0/24")},
			&world.NetworkInterface{ID: "eni-user", VPC: "vpc-1", Subnet: "subnet-1", Address: netip.MustParseAddr("10.0.1.4"), OwnerKind: world.OwnedByUser},
		} {
			tx.Put(o)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sessions := NewSessions(&change.Runner{Store: s})
	for name, c := range map[string]struct {
		request SessionRequest
		subnet  world.SubnetID
		err     error
	}{
		"a VPC":                   {SessionRequest{Target: "vpc-1"}, "subnet-2", nil},
		"a subnet":                {SessionRequest{Target: "subnet-1"}, "subnet-1", nil},
		"a VPC's subnet":          {SessionRequest{Target: "vpc-1", Subnet: "subnet-1"}, "subnet-1", nil},
		"with its group":          {SessionRequest{Target: "vpc-1", SecurityGroups: []world.SecurityGroupID{"sg-1"}}, "subnet-2", nil},
		"nothing":                 {SessionRequest{Target: "vpc-gone"}, "", world.ErrNotFound},
		"no such subnet":          {SessionRequest{Target: "vpc-1", Subnet: "subnet-gone"}, "", world.ErrNotFound},
		"a VPC without subnets":   {SessionRequest{Target: "vpc-2"}, "", world.ErrNotFound},
		"another VPC's group":     {SessionRequest{Target: "vpc-1", SecurityGroups: []world.SecurityGroupID{"sg-2"}}, "", world.ErrNotFound},
		"a group that is no more": {SessionRequest{Target: "vpc-1", SecurityGroups: []world.SecurityGroupID{"sg-9"}}, "", world.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.View().Revision
			n, err := sessions.Begin(t.Context(), c.request)
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			if err != nil {
				if s.View().Revision != before {
					t.Error("a refusal changed something")
				}
				return
			}
			kept := s.View().NetworkInterfaces.Get(n.Key())
			if n.Subnet != c.subnet || kept == nil || kept.OwnerKind != world.OwnedBySession || kept.Description != "seamark in "+c.request.Target {
				t.Errorf("made %+v", kept)
			}
		})
	}
	if err := sessions.End(t.Context(), "eni-user"); err != nil || s.View().NetworkInterfaces.Get("eni-user") == nil {
		t.Errorf("a user's interface was ended: %v", err)
	}
	if err := sessions.EndAll(t.Context()); err != nil || s.View().NetworkInterfaces.Len() != 1 {
		t.Errorf("%v, %d interfaces left", err, s.View().NetworkInterfaces.Len())
	}
}
