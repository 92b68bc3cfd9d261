//go:build linux

package main

import (
	"context"
	"errors"
	"syscall"
	"time"

	"seamark/bench/rig"
)

// goalStart is the goal for every start.
const goalStart = time.Second

// measureFirstStarts starts on empty data directories.
func measureFirstStarts(ctx context.Context, o options, r *report) error {
	first := r.series("first start on an empty data directory → API ready", goalStart)
	for range o.runs {
		s, err := rig.NewInstance(o.Binary)
		if err != nil {
			return err
		}
		// Images are imported beside; without them the instance ends sooner.
		took, err := s.Up(ctx, "--images", s.Dir)
		err = errors.Join(err, s.Remove(context.WithoutCancel(ctx)))
		if err != nil {
			return err
		}
		first.Add(took)
	}
	return nil
}

// measureColdStarts starts on a data directory with state, with no other
// process of the instance running, as after a reboot.
func measureColdStarts(ctx context.Context, o options, s *rig.Instance, r *report) error {
	cold := r.series("start on an existing data directory, engine not running → API ready", goalStart)
	for range o.runs {
		if err := s.Down(ctx); err != nil {
			return err
		}
		took, err := s.Up(ctx)
		if err != nil {
			return err
		}
		cold.Add(took)
	}
	return nil
}

// measureRestarts ends the data plane and the control plane again and again
// while a service of two tasks runs.
func measureRestarts(ctx context.Context, o options, st *stage, r *report) error {
	answers := r.series("kill -9 of the data plane → answered again", 300*time.Millisecond)
	warm := r.series("start after SIGTERM, engine and data plane adopted, 2 tasks → API ready", goalStart)
	killed := r.series("start after kill -9, likewise → API ready", goalStart)
	svc, err := st.startService(ctx, "steady")
	if err != nil {
		return err
	}
	if err := r.memoryOf(ctx, st.instance, "with the service of 2 nginx tasks"); err != nil {
		return err
	}
	for range o.runs {
		gap, err := st.killDataPlane(ctx, svc)
		if err != nil {
			return err
		}
		answers.Add(gap)
		for _, how := range []struct {
			signal syscall.Signal
			series *rig.Series
		}{{syscall.SIGTERM, warm}, {syscall.SIGKILL, killed}} {
			// A new control plane also means a new supervisor: it restarts a data
			// plane at once, where one that had just done so would pause.
			if err := st.instance.End(how.signal); err != nil {
				return err
			}
			took, err := st.instance.Up(ctx)
			if err != nil {
				return err
			}
			how.series.Add(took)
		}
		if err := st.reopen(ctx); err != nil {
			return err
		}
	}
	return st.sameTasks(ctx, svc)
}
