// Package store keeps the world: one immutable value in memory, made durable
// change by change.
//
// Everybody reads with View, which costs a pointer load. Everybody writes with
// Update, whose function sees the newest world and writes to it; updates run
// one after the other, so an update never conflicts with another. Update
// returns once its changes are durable and View shows them.
//
//	revision, err := s.Update(ctx, func(tx *store.Tx) error {
//		old := tx.World.DiscoveryServices.Get(id)
//		if old == nil {
//			return fmt.Errorf("service %q: %w", id, world.ErrNotFound)
//		}
//		next := *old // objects in a world are never changed in place
//		next.Description = "new"
//		tx.Put(&next)
//		return nil
//	})
//
// # Promises
//
// What Update acknowledged survives the end of the process and of the machine.
// An update is whole or absent. An update that fails has changed nothing,
// except that one which ends with ErrUnavailable may turn out to be durable
// after all (the answer of the log was lost); View shows it if it does.
//
// Updates that wait at the same time are executed one after the other and made
// durable together (group commit). While one group is written, the next one is
// executed on top of it; if a group cannot be written, it and what was executed
// on top of it fails and none of it is ever visible.
//
// # Concurrency
//
// All methods may be called from any goroutine. The function given to Update
// and the callbacks given to Subscribe run on the store's own goroutine: they
// must be fast and must not call Update, which would wait for itself.
//
// Package store holds the interface and the Committer, which does all of the
// above over a Backend. Package store/etcd is the backend for use, store/mem
// the one for tests, store/storetest the suite that both pass.
package store
