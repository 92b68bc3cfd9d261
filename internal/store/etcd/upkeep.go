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
	// upkeepInterval is how often free space is looked at.
	upkeepInterval = 200 * time.Millisecond
	// compactAfter is the least number of written keys between compactions.
	// A compaction reads every key, so that it also waits for as many writes
	// as there are keys: its cost for each write stays the same.
	compactAfter = 10_000
	// Defragmentation copies the database and holds up writers meanwhile (1 s
	// for some 200 MiB). It pays when most of a large file is free.
	defragmentAbove = 128 << 20
	// alarmInterval is how often making room below the quota is tried.
	alarmInterval = 5 * time.Second
	upkeepTimeout = time.Minute
)

// upkeep keeps the embedded server's disk in order.
type upkeep struct {
	*backend
	dir      string
	database string // the file
	minFree  int64
	quota    int64
}

// startUpkeep starts the goroutine that looks after space. Close ends it.
func (b *backend) startUpkeep(o Options) {
	ctx, cancel := context.WithCancel(b.health.alive)
	b.stopUpkeep = cancel
	if b.defragment == nil {
		return
	}
	u := &upkeep{backend: b, dir: o.Dir, database: database(o.Dir), minFree: o.MinFreeBytes, quota: o.QuotaBytes}
	b.space = func() error { return checkSpace(o.Dir, o.MinFreeBytes) }
	u.releasePages() // load has read everything
	b.upkeepDone.Go(func() { u.run(ctx) })
}

func (u *upkeep) run(ctx context.Context) {
	// An alarm may be left from an earlier run.
	u.clearAlarm(ctx)
	cleared := time.Now()
	tick := time.NewTicker(upkeepInterval)
	defer tick.Stop()
	var rest calm
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		u.lookAtDisk()
		if u.health.quota.Load() != nil && time.Since(cleared) >= alarmInterval {
			u.clearAlarm(ctx)
			cleared = time.Now()
		}
		if u.written.Load() >= max(compactAfter, u.live.Load()) {
			u.tidy(ctx)
		}
		if rest.due(u.etcdRevision.Load(), time.Now()) {
			u.giveBack()
		}
	}
}

func (u *upkeep) lookAtDisk() {
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

// tidy drops what was overwritten, and shrinks the file if that is worth it.
func (u *upkeep) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, upkeepTimeout)
	defer cancel()
	if err := u.compact(ctx); err != nil {
		u.complain(ctx, "compact the state", err)
		return
	}
	status, err := u.client.Status(ctx, "")
	if err != nil {
		u.complain(ctx, "look at the size of the state", err)
		return
	}
	if free := status.DbSize - status.DbSizeInUse; free > defragmentAbove && free > status.DbSizeInUse {
		u.shrink(ctx, status)
	}
	u.releasePages()
}

// releasePages is called where the whole database was read. Defragmentation
// runs on the same goroutine, so that the mapping stays.
func (u *upkeep) releasePages() {
	if err := releasePages(u.database); err != nil {
		u.log.Debug("pages of the state not released", "err", err)
	}
}

// compact drops all versions but the latest.
func (u *upkeep) compact(ctx context.Context) error {
	start, written, at := time.Now(), u.written.Load(), u.etcdRevision.Load()
	_, err := u.client.Compact(ctx, at, clientv3.WithCompactPhysical())
	if err != nil && !errors.Is(err, rpctypes.ErrCompacted) {
		return err
	}
	u.written.Add(-written)
	count, err := u.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly(), clientv3.WithSerializable())
	if err != nil {
		return err
	}
	u.live.Store(count.Count)
	u.log.Debug("state compacted", "written", written, "keys", count.Count, "took", time.Since(start))
	return nil
}

func (u *upkeep) shrink(ctx context.Context, status *clientv3.StatusResponse) {
	// The copy must fit without stopping updates.
	if err := checkSpace(u.dir, u.minFree+status.DbSizeInUse); err != nil {
		u.log.Debug("state not defragmented", "err", err)
		return
	}
	start := time.Now()
	if err := u.backend.defragment(); err != nil {
		u.complain(ctx, "defragment the state", err)
		return
	}
	u.log.Info("state defragmented", "size", status.DbSize, "used", status.DbSizeInUse, "took", time.Since(start))
}

// clearAlarm makes room and ends etcd's alarm about the quota, which would
// otherwise refuse writes for ever.
func (u *upkeep) clearAlarm(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, upkeepTimeout)
	defer cancel()
	alarms, err := u.client.AlarmList(ctx)
	if err != nil {
		u.complain(ctx, "list alarms", err)
		return
	}
	for _, alarm := range alarms.Alarms {
		if alarm.GetAlarm() != etcdserverpb.AlarmType_NOSPACE {
			continue
		}
		if err := u.makeRoom(ctx); err != nil {
			u.complain(ctx, "make room", err)
			return
		}
		member := clientv3.AlarmMember{MemberID: alarm.GetMemberID(), Alarm: alarm.GetAlarm()}
		if _, err := u.client.AlarmDisarm(ctx, &member); err != nil {
			u.complain(ctx, "end an alarm", err)
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
	if status.DbSizeInUse > u.quota/10*9 {
		return fmt.Errorf("%w: %d bytes of %d are in use", store.ErrNoSpace, status.DbSizeInUse, u.quota)
	}
	return u.backend.defragment()
}

// complain logs a failure that will be tried again.
func (u *upkeep) complain(ctx context.Context, what string, err error) {
	if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		u.log.Warn("upkeep of the state failed", "step", what, "err", err)
	}
}
