package logs

import (
	"container/heap"
	"context"
)

// merge yields the events of many segments in one order. A segment is opened
// when its first possible event is due, not before.
type merge struct {
	back bool
	heap []*cursor
}

func newMerge(back bool, cursors []*cursor) *merge {
	m := &merge{back: back, heap: cursors}
	heap.Init(m)
	return m
}

// next returns the next event and its stream; false: there is none.
func (m *merge) next(ctx context.Context) (entry, string, bool, error) {
	for len(m.heap) > 0 {
		c := m.heap[0]
		if len(c.batch) > 0 {
			e := c.batch[0]
			c.batch = c.batch[1:]
			// A cursor without a batch stands at its bound, comes first and
			// is read when the next event is asked for.
			heap.Fix(m, 0)
			return e, c.stream.name, true, nil
		}
		if err := m.advance(ctx, c); err != nil {
			return entry{}, "", false, err
		}
	}
	return entry{}, "", false, nil
}

// advance loads the first cursor's next batch, or removes the cursor.
func (m *merge) advance(ctx context.Context, c *cursor) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	more, err := c.load()
	if err != nil {
		return err
	}
	if more {
		heap.Fix(m, 0)
	} else {
		heap.Pop(m)
	}
	return nil
}

// The methods of heap.Interface.

func (m *merge) Len() int { return len(m.heap) }
func (m *merge) Less(i, j int) bool {
	if m.back {
		i, j = j, i
	}
	return m.heap[i].head().compare(m.heap[j].head()) < 0
}
func (m *merge) Swap(i, j int) { m.heap[i], m.heap[j] = m.heap[j], m.heap[i] }
func (m *merge) Push(x any)    { m.heap = append(m.heap, x.(*cursor)) }
func (m *merge) Pop() any {
	last := m.heap[len(m.heap)-1]
	m.heap = m.heap[:len(m.heap)-1]
	return last
}
