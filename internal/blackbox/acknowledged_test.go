//go:build linux

package blackbox

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"seamark/bench/registry"
)

// TestAcknowledged kills the control plane amid registrations and
// deregistrations: what was acknowledged is answered by API and DNS after the
// restart, and what was deregistered is not. Changes that were under way may be
// there or not, but API and DNS agree.
func TestAcknowledged(t *testing.T) {
	const moments, clients, services, changes = 5, 4, 8, 100
	s := start(t, options{})
	vpc := s.makeVPC("10.0.0.0/16")
	s.makeSubnet(vpc, "10.0.1.0/24", region+"a")
	namespace := s.makeNamespace("myapp.local", vpc)
	books := s.ledgers(namespace, clients, services)
	made := 0
	for n := range moments {
		err := registry.Crash(s.registryAccess(), books, 1+rand.Int64N(2*changes-1), func() error {
			s.kill()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s.up()
		s.eventually("DNS is up to date", func() error {
			if st := s.status(); st.Applied < st.Revision {
				return fmt.Errorf("%d of %d", st.Applied, st.Revision)
			}
			return nil
		})
		s.check(n, books, s.session(vpc))
	}
	for _, l := range books {
		made += l.Acknowledged
	}
	t.Logf("%d changes were acknowledged", made)
}

func (s *server) registryAccess() registry.Access {
	return registry.Access{Endpoint: s.client.Endpoint, Region: s.client.Region, AccessKey: s.client.AccessKey, Secret: s.client.Secret}
}

// ledgers makes services, the same number for each client.
func (s *server) ledgers(namespace string, clients, services int) []*registry.Ledger {
	s.t.Helper()
	c, err := registry.Dial(s.registryAccess())
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	books := make([]*registry.Ledger, clients)
	for n := range books {
		books[n], err = registry.NewLedger(c, namespace, "myapp.local", n, services, rand.New(rand.NewPCG(rand.Uint64(), 0)))
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return books
}

// check compares the ledgers with API and DNS.
func (s *server) check(n int, books []*registry.Ledger, from place) {
	s.t.Helper()
	c, err := registry.Dial(s.registryAccess())
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	conn, err := from.dial("udp", from.resolver)
	if err != nil {
		s.t.Fatal(err)
	}
	r := registry.NewResolver(conn)
	defer r.Close()
	for _, l := range books {
		if err := l.Check(c, r); err != nil {
			s.t.Errorf("after kill %d: %v", n+1, err)
		}
	}
}
