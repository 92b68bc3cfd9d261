package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"seamark/internal/store"
)

const (
	// upkeepInterval is how often free space and the journal are looked at.
	upkeepInterval = 200 * time.Millisecond
	// Defragmentation copies the database and holds up writers meanwhile (1 s
	// for some 200 MiB). It pays when most of a large file is free.
	defragmentAbove = 128 << 20
	// retryCheckpoint is the pause after one that could not be made.
	retryCheckpoint = time.Second
	// alarmInterval is how often making room below the quota is tried.
	alarmInterval = 5 * time.Second
	upkeepTimeout = time.Minute
)

// upkeep makes checkpoints, and keeps the embedded server's disk in order.
type upkeep struct {
	*backend
	disk *disk // nil: an existing cluster's
}

// disk is where the embedded server writes.
type disk struct {
	dir      string
	database string // the file
	minFree  int64
	quota    int64
}

// startUpkeep starts the goroutine that looks after space. Close ends it.
func (b *backend) startUpkeep(o Options) {
	ctx, cancel := context.WithCancel(b.health.alive)
	b.stopUpkeep = cancel
	u := &upkeep{backend: b}
	if b.defragment != nil {
		u.disk = &disk{dir: o.Dir, database: database(o.Dir), minFree: o.MinFreeBytes, quota: o.QuotaBytes}
		b.space = func() error { return checkSpace(o.Dir, o.MinFreeBytes) }
		u.releasePages() // load has read everything
	}
	b.upkeepDone.Go(func() { u.run(ctx) })
}

func (u *upkeep) run(ctx context.Context) {
	var cleared time.Time // an alarm may be left from an earlier run
	tick := time.NewTicker(upkeepInterval)
	defer tick.Stop()
	var rest calm
	var failed time.Time // when a checkpoint could not be made
	for {
		if u.disk != nil && (cleared.IsZero() || u.health.quota.Load() != nil && time.Since(cleared) >= alarmInterval) {
			u.clearAlarm(ctx)
			cleared = time.Now()
		}
		select {
		case <-ctx.Done():
			return
		case <-u.journal.full:
		case <-tick.C:
		}
		u.lookAtDisk()
		if u.journal.due() && u.Ready() == nil && time.Since(failed) >= retryCheckpoint {
			err := u.tidy(ctx)
			if errors.Is(err, errNotWriter) {
				return // that process looks after the state now
			}
			if err != nil {
				u.complain(ctx, err)
				failed = time.Now()
			}
		}
		if rest.due(u.etcdRevision.Load(), time.Now()) {
			u.giveBack()
		}
	}
}

func (u *upkeep) lookAtDisk() {
	if u.disk == nil {
		return
	}
	err := u.space()
	changed := set(&u.health.disk, err)
	switch {
	case changed && err != nil:
		u.log.Error("updates are refused", "err", err)
	case changed:
		u.log.Info("updates are accepted again")
	}
}

// overQuota records that etcd refused a commit because its database is as
// large as it may be.
func (b *backend) overQuota() error {
	err := fmt.Errorf("%w: the database of the state is as large as its quota allows", store.ErrNoSpace)
	if set(&b.health.quota, err) {
		b.log.Error("updates are refused", "err", err)
	}
	return err
}

// tidy makes a checkpoint, drops what it takes the place of, and shrinks the file if
// that is worth it.
func (u *upkeep) tidy(ctx context.Context) error {
	// Without a bound: a large state takes its time, and each step has one.
	if err := u.checkpoint(ctx, u.lookAtDisk); err != nil {
		return fmt.Errorf("make a checkpoint: %w", err)
	}
	if u.disk == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, upkeepTimeout)
	defer cancel()
	if err := u.compact(ctx); err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	defer u.releasePages()
	status, err := u.client.Status(ctx, "")
	if err != nil {
		return fmt.Errorf("look at the size: %w", err)
	}
	if free := status.DbSize - status.DbSizeInUse; free > defragmentAbove && free > status.DbSizeInUse {
		return u.shrink(status)
	}
	return nil
}

// releasePages is called where the whole database was read. Defragmentation
// runs on the same goroutine, so that the mapping stays.
func (u *upkeep) releasePages() {
	if err := releasePages(u.disk.database); err != nil {
		u.log.Debug("pages of the state not released", "err", err)
	}
}

// compact drops all versions but the latest.
func (u *upkeep) compact(ctx context.Context) error {
	_, err := u.client.Compact(ctx, u.etcdRevision.Load(), clientv3.WithCompactPhysical())
	if err != nil && !errors.Is(err, rpctypes.ErrCompacted) {
		return err
	}
	return nil
}

func (u *upkeep) shrink(status *clientv3.StatusResponse) error {
	// The copy must fit without stopping updates.
	if err := checkSpace(u.disk.dir, u.disk.minFree+status.DbSizeInUse); err != nil {
		u.log.Debug("state not defragmented", "err", err)
		return nil
	}
	start := time.Now()
	if err := u.backend.defragment(); err != nil {
		return fmt.Errorf("defragment: %w", err)
	}
	u.log.Info("state defragmented", "size", status.DbSize, "used", status.DbSizeInUse, "took", time.Since(start))
	return nil
}

// clearAlarm makes room and ends etcd's alarm about the quota, which would
// otherwise refuse writes for ever.
func (u *upkeep) clearAlarm(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, upkeepTimeout)
	defer cancel()
	alarms, err := u.client.AlarmList(ctx)
	if err != nil {
		u.complain(ctx, fmt.Errorf("list alarms: %w", err))
		return
	}
	for _, alarm := range alarms.Alarms {
		if alarm.GetAlarm() != etcdserverpb.AlarmType_NOSPACE {
			continue
		}
		if err := u.makeRoom(ctx); err != nil {
			u.complain(ctx, fmt.Errorf("make room: %w", err))
			return
		}
		member := clientv3.AlarmMember{MemberID: alarm.GetMemberID(), Alarm: alarm.GetAlarm()}
		if _, err := u.client.AlarmDisarm(ctx, &member); err != nil {
			u.complain(ctx, fmt.Errorf("end an alarm: %w", err))
			return
		}
	}
	if set(&u.health.quota, nil) {
		u.log.Info("updates are accepted again")
	}
}

// makeRoom brings the database below nine tenths of the quota, or fails.
func (u *upkeep) makeRoom(ctx context.Context) error {
	if err := u.compact(ctx); err != nil {
		return err
	}
	status, err := u.client.Status(ctx, "")
	if err != nil {
		return err
	}
	if status.DbSizeInUse > u.disk.quota/10*9 {
		return fmt.Errorf("%w: %d bytes of %d are in use", store.ErrNoSpace, status.DbSizeInUse, u.disk.quota)
	}
	return u.backend.defragment()
}

// complain logs a failure that will be tried again.
func (u *upkeep) complain(ctx context.Context, err error) {
	if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		u.log.Warn("upkeep of the state failed", "err", err)
	}
}
