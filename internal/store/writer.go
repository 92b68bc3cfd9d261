package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// retryResolve is the pause between attempts to learn what became of a batch.
const retryResolve = 100 * time.Millisecond

// write hands batches to the backend, one at a time.
func (c *Committer) write() {
	ctx := context.Background()
	for b := range c.toWrite {
		err := c.backend.Commit(ctx, b.Batch)
		if errors.Is(err, ErrOutcomeUnknown) {
			err = c.resolve(ctx, b, err)
		}
		c.results <- outcome{err: err}
	}
}

// resolve asks until the fate of b is known, and returns nil if it was
// written. When that takes longer than the patience of callers, they are told
// so. After Close it gives up.
func (c *Committer) resolve(ctx context.Context, b *batch, cause error) error {
	c.log.Warn("outcome of a commit is unknown", "revision", b.Revision, "err", cause)
	failure := fmt.Errorf("%w: %w", ErrUnavailable, cause)
	deadline := time.Now().Add(c.patience)
	told := false
	for {
		written, err := c.backend.Resolve(ctx, b.Batch)
		switch {
		case err == nil && written:
			return nil
		case err == nil, errors.Is(err, ErrFenced):
			return errors.Join(err, failure)
		}
		if !told && !time.Now().Before(deadline) {
			told = true
			c.log.Error("state cannot be written", "revision", b.Revision, "err", err)
			c.results <- outcome{err: failure, unknown: true}
		}
		select {
		case <-time.After(retryResolve):
		case <-c.stop:
			return failure
		}
	}
}
