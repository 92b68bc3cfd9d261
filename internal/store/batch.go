package store

import (
	"seamark/internal/world"
)

// batch is a Batch that grows while it waits for its turn, with those who wait
// for it.
type batch struct {
	Batch
	at      map[world.Ref]int // index of each object in Writes
	bytes   int
	commits []Commit
	waiting []waiter
}

// waiter is a caller of Update whose answer depends on a batch.
type waiter struct {
	request  *request
	revision int64
	err      error // of the update's function
}

// mostRoom bounds the room that a batch is made with because the last one had
// so many writes.
const mostRoom = 128

// newBatch is an empty batch after base, with room for so many writes.
func newBatch(base int64, room int) *batch {
	return &batch{Batch: Batch{Base: base, Revision: base, Writes: make([]Write, 0, room)}, at: make(map[world.Ref]int, room)}
}

// fits says whether the writes can be added within the limits.
func (b *batch) fits(writes []Write, l Limits) bool {
	return len(b.Writes)+len(writes) <= l.Writes && b.bytes+size(writes) <= l.Bytes
}

// add appends an update. Of two writes to one object the later one counts.
func (b *batch) add(c Commit, writes []Write) {
	b.Revision = c.World.Revision
	b.World = c.World
	b.commits = append(b.commits, c)
	for _, w := range writes {
		if n, ok := b.at[w.Ref]; ok {
			b.bytes += w.size() - b.Writes[n].size()
			b.Writes[n] = w
			continue
		}
		b.at[w.Ref] = len(b.Writes)
		b.bytes += w.size()
		b.Writes = append(b.Writes, w)
	}
}

// answer tells everybody who waits for the batch. With a failure nothing of
// the batch happened, so that answers made on top of it are void, too.
func (b *batch) answer(failure error) {
	for _, w := range b.waiting {
		switch {
		case failure != nil:
			w.request.done <- answer{err: failure}
		case w.err != nil:
			w.request.done <- answer{err: w.err}
		default:
			w.request.done <- answer{revision: w.revision}
		}
	}
	b.waiting = nil
}

// encode turns changes into their stored form.
func encode(changes []Change) ([]Write, error) {
	writes := make([]Write, 0, len(changes))
	for _, c := range changes {
		w := Write{Ref: c.Ref}
		if c.New != nil {
			value, err := world.Encode(c.New)
			if err != nil {
				return nil, err
			}
			w.Value = value
		}
		writes = append(writes, w)
	}
	return writes, nil
}

func size(writes []Write) int {
	n := 0
	for _, w := range writes {
		n += w.size()
	}
	return n
}
