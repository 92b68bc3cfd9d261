package etcd

import (
	"context"
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"seamark/internal/world"
)

// earlier reads the objects of formats 1 and 2, which had a key each. The first
// checkpoint takes their place.
func (l loader) earlier(ctx context.Context) ([]world.Object, error) {
	var all []world.Object
	for _, k := range world.Kinds() {
		err := l.pages(ctx, kindPrefix(k), func(page []*mvccpb.KeyValue) error {
			list := make([]world.Object, len(page))
			err := inChunks(len(page), func(i int) (err error) {
				if list[i], err = world.Decode(k, page[i].GetValue()); err != nil {
					return fmt.Errorf("%q: %w", page[i].GetKey(), err)
				}
				return nil
			})
			all = append(all, list...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, l.checkCount(ctx, len(all))
}

// checkCount finds objects of kinds that this program does not know.
func (l loader) checkCount(ctx context.Context, objects int) error {
	known := int64(objects + metaKeys)
	for _, under := range []string{keyJournal, keyChunks} {
		n, err := l.get(ctx, under, clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			return err
		}
		known += n.Count
	}
	all, err := l.get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return err
	}
	if all.Count != known {
		return fmt.Errorf("%d keys, of which this Seamark knows %d: a newer version wrote others", all.Count, known)
	}
	return nil
}
