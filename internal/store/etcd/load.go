package etcd

import (
	"context"
	"fmt"
	"runtime"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"seamark/internal/world"
)

const (
	// pageSize is how many objects are read at once. For each page, etcd walks
	// the index to the end of the range, so that there must not be many.
	pageSize = 20_000
	// chunkSize is how many of them are decoded on one goroutine.
	chunkSize = 1000
)

// loader reads a world at one of etcd's revisions.
type loader struct {
	client *clientv3.Client
	at     int64
}

// load reads one page after the other and decodes them in parallel.
func (l loader) load(ctx context.Context) (w world.World, objects int64, err error) {
	w = world.New()
	for _, k := range world.Kinds() {
		list, err := l.kind(ctx, k)
		if err != nil {
			return w, objects, err
		}
		w.Fill(k, list)
		objects += int64(len(list))
	}
	return w, objects, l.check(ctx, objects)
}

func (l loader) kind(ctx context.Context, k world.Kind) ([]world.Object, error) {
	from := kindPrefix(k)
	end := clientv3.GetPrefixRangeEnd(from)
	var pages [][]world.Object
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for {
		resp, err := l.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(pageSize),
			clientv3.WithRev(l.at), clientv3.WithSerializable())
		if err != nil {
			// The reason may be a page that failed to decode.
			if decode := g.Wait(); decode != nil {
				return nil, decode
			}
			return nil, err
		}
		page := make([]world.Object, len(resp.Kvs))
		pages = append(pages, page)
		for at := 0; at < len(page); at += chunkSize {
			end := min(at+chunkSize, len(page))
			g.Go(func() error { return decode(k, resp.Kvs[at:end], page[at:end]) })
		}
		if !resp.More {
			break
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].GetKey()) + "\x00"
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var list []world.Object
	for _, page := range pages {
		list = append(list, page...)
	}
	return list, nil
}

func decode(k world.Kind, kvs []*mvccpb.KeyValue, into []world.Object) error {
	for i, kv := range kvs {
		o, err := world.Decode(k, kv.GetValue())
		if err != nil {
			return fmt.Errorf("%q: %w", kv.GetKey(), err)
		}
		into[i] = o
	}
	return nil
}
