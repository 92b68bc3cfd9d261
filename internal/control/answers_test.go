package control

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seamark/internal/dataplane"
	"seamark/internal/plan/zone"
	"seamark/internal/store"
	"seamark/internal/store/mem"
	"seamark/internal/world"
)

// recorded is a data plane that keeps what it was told.
type recorded struct {
	mu       sync.Mutex
	fail     error
	replaced int
	synced   int
	tables   map[world.VPCID]zone.VPC
	deltas   int
	set      int // VPCs by Sync
}

func (r *recorded) Replace(_ context.Context, revision int64, s dataplane.Snapshot) (dataplane.Ack, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return dataplane.Ack{}, r.fail
	}
	r.replaced++
	r.tables = map[world.VPCID]zone.VPC{}
	for _, v := range s.VPCs {
		r.tables[v.Table.ID] = v.Table
	}
	return dataplane.Ack{Revision: revision}, nil
}

func (r *recorded) Sync(_ context.Context, revision int64, changes []dataplane.Change) (dataplane.Ack, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return dataplane.Ack{}, r.fail
	}
	r.synced++
	for _, c := range changes {
		switch {
		case c.Set != nil:
			r.set++
			r.tables[c.Set.Table.ID] = c.Set.Table
		case c.Delta != nil:
			r.deltas++
		case c.Remove != "":
			delete(r.tables, c.Remove)
		}
	}
	return dataplane.Ack{Revision: revision}, nil
}

// failing has calls fail with err.
func (r *recorded) failing(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

func (r *recorded) Status(context.Context) (dataplane.Status, error) { return dataplane.Status{}, nil }
func (r *recorded) Close() error                                     { return nil }
func (r *recorded) TakeQueries(context.Context) ([]dataplane.Query, uint64, error) {
	return nil, 0, nil
}

// bench runs an Answers in a bubble.
type bench struct {
	*testing.T
	store   *mem.Store
	answers *Answers
	plane   *recorded
	network sync.Map // ids of VPCs with a network
	told    []world.TaskID
}

func run(t *testing.T, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, store: mem.New(mem.Options{}), plane: &recorded{}}
		b.network.Store(world.VPCID("vpc-1"), true)
		b.answers = NewAnswers(AnswersOptions{
			Store: b.store, Zone: zone.Options{Fidelity: world.Relaxed, Region: "us-east-1"}, Logger: slog.New(slog.DiscardHandler),
			Listen: func(v *world.VPC) (dataplane.Listen, bool) {
				_, ok := b.network.Load(v.ID)
				return dataplane.Listen{}, ok
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- b.answers.Run(ctx, func(now Applied) { b.told = append(b.told, now.Tasks...) })
		}()
		synctest.Wait()
		f(b)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		if err := b.store.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (b *bench) put(objects ...world.Object) int64 {
	b.Helper()
	revision, err := b.store.Update(b.Context(), func(tx *store.Tx) error {
		for _, o := range objects {
			tx.Put(o)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	synctest.Wait()
	return revision
}

func vpc(id world.VPCID) *world.VPC {
	return &world.VPC{ID: id, CIDR: netip.MustParsePrefix("10.0.0.0/16"), EnableDNSSupport: true}
}

func TestAnswers_AppliedFollowsWhatIsServed(t *testing.T) {
	run(t, func(b *bench) {
		first := b.put(vpc("vpc-1"), &world.Task{ID: "t1", Registration: world.Registration{Revision: 1}})
		if got := b.answers.Applied(); got != 0 || len(b.told) != 0 {
			t.Errorf("without a data plane: %d is applied, told %v", got, b.told)
		}
		b.answers.Use(b.plane)
		synctest.Wait()
		if got := b.answers.Applied(); got != first || !slices.Equal(b.told, []world.TaskID{"t1"}) || len(b.plane.tables) != 1 {
			t.Errorf("%d is applied, told %v, %d tables", got, b.told, len(b.plane.tables))
		}
		// What concerns no table is served at once.
		if revision := b.put(&world.Cluster{Name: "c"}); b.answers.Applied() != revision || b.plane.synced != 0 {
			t.Errorf("%d of %d is applied after %d calls", b.answers.Applied(), revision, b.plane.synced)
		}
	})
}

func TestAnswers_SendsOnlyWhatDiffers(t *testing.T) {
	run(t, func(b *bench) {
		b.answers.Use(b.plane)
		b.put(vpc("vpc-1"), vpc("vpc-2"),
			&world.Namespace{ID: "ns-1", Name: "myapp.local", VPC: "vpc-1", HostedZone: "Z1"},
			&world.HostedZone{ID: "Z1", Name: "myapp.local.", Private: true, VPCs: []world.VPCID{"vpc-1"}, Namespace: "ns-1"},
			&world.DiscoveryService{ID: "srv-1", Namespace: "ns-1", Name: "web", Records: []world.DNSRecord{{Type: "A", TTL: 5}}})
		if _, ok := b.plane.tables["vpc-2"]; ok {
			t.Error("a VPC without a network is served")
		}
		replaced := b.plane.replaced
		b.put(&world.DiscoveryInstance{Service: "srv-1", ID: "i", Health: world.Healthy, Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.9"}})
		if b.plane.deltas != 1 || b.plane.replaced != replaced {
			t.Errorf("%d deltas, replaced %d times, was %d", b.plane.deltas, b.plane.replaced, replaced)
		}
		b.network.Store(world.VPCID("vpc-2"), true)
		b.answers.Rebind(b.Context(), "vpc-2")
		synctest.Wait()
		if _, ok := b.plane.tables["vpc-2"]; !ok || b.plane.replaced != replaced {
			t.Error("a VPC that got its network is not served")
		}
		_, err := b.store.Update(b.Context(), func(tx *store.Tx) error { tx.Delete(world.KindVPC, "vpc-2"); return nil })
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(b.plane.tables) != 1 {
			t.Errorf("%d VPCs are served", len(b.plane.tables))
		}
	})
}

func TestAnswers_GivesEverythingAgainAfterAFailure(t *testing.T) {
	run(t, func(b *bench) {
		b.answers.Use(b.plane)
		applied := b.put(vpc("vpc-1"))
		b.plane.failing(dataplane.ErrNeedSnapshot)
		b.network.Store(world.VPCID("vpc-2"), true)
		missed := b.put(vpc("vpc-2"))
		if got := b.answers.Applied(); got != applied {
			t.Errorf("%d is applied, %d was the last that was acknowledged", got, applied)
		}
		b.plane.failing(nil)
		time.Sleep(retryPlane)
		synctest.Wait()
		if b.answers.Applied() != missed || len(b.plane.tables) != 2 {
			t.Errorf("%d of %d is applied, %d tables", b.answers.Applied(), missed, len(b.plane.tables))
		}
		// Another one, as the supervisor starts it, is given everything at once.
		b.plane.failing(dataplane.ErrClosed)
		b.put(vpc("vpc-1"))
		other := &recorded{}
		b.answers.Use(other)
		synctest.Wait()
		if other.replaced != 1 || len(other.tables) != 2 {
			t.Errorf("replaced %d times, %d tables", other.replaced, len(other.tables))
		}
	})
}

func TestAnswers_NeverGoesBack(t *testing.T) {
	run(t, func(b *bench) {
		revision := b.put(vpc("vpc-1"))
		old := b.store.View()
		newest := b.put(vpc("vpc-2"))
		// A commit that is told late, as the first of a batch that View shows whole.
		b.answers.onCommit(store.Commit{World: old, Changes: []store.Change{{Ref: world.RefOf(vpc("vpc-1")), New: vpc("vpc-1")}}})
		b.answers.Use(b.plane)
		synctest.Wait()
		if b.answers.Applied() != newest {
			t.Errorf("%d is applied, want %d and not %d", b.answers.Applied(), newest, revision)
		}
	})
}

func TestAnswers_ForgetsTasksThatAreGone(t *testing.T) {
	run(t, func(b *bench) {
		b.put(&world.Task{ID: "t1", Registration: world.Registration{Revision: 1}})
		_, err := b.store.Update(b.Context(), func(tx *store.Tx) error { tx.Delete(world.KindTask, "t1"); return nil })
		if err != nil {
			t.Fatal(err)
		}
		b.answers.Use(b.plane)
		synctest.Wait()
		if len(b.told) != 0 || len(b.answers.waiting) != 0 {
			t.Errorf("told %v, %d wait", b.told, len(b.answers.waiting))
		}
	})
}

// Nothing in a new network starts before its resolver listens; without a data
// plane it does after a while.
func TestAnswers_RebindReturnsOnceToldOrLate(t *testing.T) {
	run(t, func(b *bench) {
		b.network.Store(world.VPCID("vpc-1"), true)
		b.put(vpc("vpc-1"))
		begin := time.Now()
		b.answers.Rebind(b.Context(), "vpc-1")
		if waited := time.Since(begin); waited != awaitMost {
			t.Errorf("without a data plane: after %v", waited)
		}
		b.plane.fail = errors.New("no")
		b.answers.Use(b.plane)
		synctest.Wait()
		begin = time.Now()
		time.AfterFunc(awaitMost/4, func() {
			b.plane.mu.Lock()
			defer b.plane.mu.Unlock()
			b.plane.fail = nil
		})
		time.AfterFunc(awaitMost/2, func() { b.answers.Use(b.plane) })
		b.answers.Rebind(b.Context(), "vpc-1")
		if _, ok := b.plane.tables["vpc-1"]; !ok || time.Since(begin) != awaitMost/2 {
			t.Errorf("told: %v, after %v", ok, time.Since(begin))
		}
	})
}

// A VPC that gets IPv6 has one more address to answer at.
func TestAnswers_BindsANewAddress(t *testing.T) {
	run(t, func(b *bench) {
		b.answers.Use(b.plane)
		b.network.Store(world.VPCID("vpc-1"), true)
		b.put(vpc("vpc-1"))
		b.answers.Rebind(b.Context(), "vpc-1")
		synctest.Wait()
		before := b.plane.set
		same := *vpc("vpc-1")
		same.Tags = world.Tags{"a": "b"}
		b.put(&same)
		if b.plane.set != before {
			t.Error("a tag made the VPC be set again")
		}
		six := same
		six.IPv6 = []world.IPv6Block{{CIDR: netip.MustParsePrefix("fd5e:a::/56")}}
		b.put(&six)
		if b.plane.set != before+1 {
			t.Errorf("set %d times, was %d", b.plane.set, before)
		}
	})
}
