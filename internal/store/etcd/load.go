package etcd

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"seamark/internal/store"
	"seamark/internal/world"
)

// loader reads the state at one of etcd's revisions.
type loader struct {
	client *clientv3.Client
	at     int64
}

// state is what a loader found.
type state struct {
	world        world.World
	objects      int
	revision     int64 // of the world, as far as checkpoint and journal tell; 0: neither is there
	checkpointed int64 // bytes of the checkpoint
	journal      int64 // bytes of the entries since
}

// changes are the last that the journal says of each object. No value: deleted.
type changes map[world.Ref][]byte

// load reads the last checkpoint, or where there was none yet the objects of an
// earlier format, and what the journal says beyond.
func (l loader) load(ctx context.Context) (s state, err error) {
	base, err := l.base(ctx, &s)
	if err != nil {
		return s, err
	}
	changed := changes{}
	if err := l.journal(ctx, &s, changed); err != nil {
		return s, err
	}
	err = s.assemble(base, changed)
	return s, err
}

func (l loader) base(ctx context.Context, s *state) ([]world.Object, error) {
	point, err := l.get(ctx, keyCheckpoint)
	if err != nil {
		return nil, err
	}
	if len(point.Kvs) == 0 {
		return l.earlier(ctx)
	}
	if s.revision, err = strconv.ParseInt(string(point.Kvs[0].GetValue()), 10, 64); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	var list []world.Object
	err = l.pages(ctx, chunksOf(s.revision), func(page []*mvccpb.KeyValue) error {
		objects, err := decodeChunks(page)
		list = append(list, objects...)
		for _, kv := range page {
			s.checkpointed += int64(len(kv.GetValue()))
		}
		return err
	})
	return list, err
}

// decodeChunks decodes chunks in parallel.
func decodeChunks(page []*mvccpb.KeyValue) ([]world.Object, error) {
	lists := make([][]world.Object, len(page))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, kv := range page {
		g.Go(func() error {
			return parseWrites(kv.GetValue(), func(w store.Write) error {
				o, err := world.Decode(w.Kind, w.Value)
				lists[i] = append(lists[i], o)
				return err
			})
		})
	}
	err := g.Wait()
	var all []world.Object
	for _, list := range lists {
		all = append(all, list...)
	}
	return all, err
}

// journal collects the entries after s.revision. Each says on which revision it was
// made, so that a missing one shows.
func (l loader) journal(ctx context.Context, s *state, changed changes) error {
	return l.pages(ctx, keyJournal, func(page []*mvccpb.KeyValue) error {
		for _, kv := range page {
			revision, err := strconv.ParseInt(strings.TrimPrefix(string(kv.GetKey()), keyJournal), 10, 64)
			if err != nil {
				return fmt.Errorf("key %q: %w", kv.GetKey(), err)
			}
			if revision <= s.revision {
				continue // the checkpoint has it
			}
			base, err := parseEntry(kv.GetValue(), func(w store.Write) error {
				changed[w.Ref] = w.Value
				return nil
			})
			if err != nil {
				return fmt.Errorf("%q: %w", kv.GetKey(), err)
			}
			if s.revision != 0 && base != s.revision {
				return fmt.Errorf("%q was made on revision %d, and what comes before it is %d", kv.GetKey(), base, s.revision)
			}
			s.revision = revision
			s.journal += int64(len(kv.GetValue()) + entryOverhead)
		}
		return nil
	})
}

// assemble makes the world.
func (s *state) assemble(base []world.Object, changed changes) error {
	later, err := changed.decode()
	if err != nil {
		return err
	}
	kinds := map[world.Kind][]world.Object{}
	for _, o := range base {
		if _, again := changed[world.RefOf(o)]; !again {
			kinds[o.Kind()] = append(kinds[o.Kind()], o)
		}
	}
	for _, o := range later {
		kinds[o.Kind()] = append(kinds[o.Kind()], o)
	}
	s.world = world.New()
	for k, list := range kinds {
		s.world.Fill(k, list)
		s.objects += len(list)
	}
	return nil
}

// decode decodes what was not deleted, in parallel.
func (c changes) decode() ([]world.Object, error) {
	var puts []store.Write
	for r, value := range c {
		if value != nil {
			puts = append(puts, store.Write{Ref: r, Value: value})
		}
	}
	list := make([]world.Object, len(puts))
	return list, inChunks(len(puts), func(i int) (err error) {
		if list[i], err = world.Decode(puts[i].Kind, puts[i].Value); err != nil {
			return fmt.Errorf("%q: %w", puts[i].Key, err)
		}
		return nil
	})
}

// inChunks calls each for the numbers below n, on all cores.
func inChunks(n int, each func(i int) error) error {
	const size = 1000
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < n; from += size {
		g.Go(func() error {
			for i := from; i < min(from+size, n); i++ {
				if err := each(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// pageKeys is how many chunks or entries are read at once. For each page, etcd walks
// the index to the end of the range; an entry may have 9 MiB, and has some kilobytes
// as a rule.
const pageKeys = 128

// pages reads what has a prefix, in the order of keys.
func (l loader) pages(ctx context.Context, prefix string, each func([]*mvccpb.KeyValue) error) error {
	from, end := prefix, clientv3.GetPrefixRangeEnd(prefix)
	for {
		page, err := l.get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(pageKeys))
		if err != nil {
			return err
		}
		if err := each(page.Kvs); err != nil {
			return err
		}
		if !page.More {
			return nil
		}
		from = string(page.Kvs[len(page.Kvs)-1].GetKey()) + "\x00"
	}
}

func (l loader) get(ctx context.Context, key string, o ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	return l.client.Get(ctx, key, append(o, clientv3.WithRev(l.at), clientv3.WithSerializable())...)
}
