//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"seamark/bench/registry"
	"seamark/bench/rig"
)

// kills is what became of registrations amid which the control plane was killed.
type kills struct {
	kills, changes int
	problems       []error
}

const (
	ledgers         = 8
	ledgerServices  = 16
	changesEachKill = 200 // on average: 10,000 for 50 kills
)

// measureKills registers and deregisters from several clients at once, kills
// the control plane at random moments, and compares what API and DNS answer
// after the restart with what was acknowledged.
func measureKills(ctx context.Context, o options, st *stage, r *report) error {
	if err := st.boot(ctx); err != nil {
		return fmt.Errorf("an instance to ask from: %w", err)
	}
	books, err := st.ledgers()
	if err != nil {
		return err
	}
	for range o.kills {
		moment := 1 + rand.Int64N(2*changesEachKill-1)
		if err := registry.Crash(st.access, books, moment, func() error { return st.instance.End(syscall.SIGKILL) }); err != nil {
			return err
		}
		if _, err := st.instance.Up(ctx, upFlags()...); err != nil {
			return err
		}
		if err := st.caughtUp(ctx); err != nil {
			return err
		}
		r.kills.kills++
		if err := st.check(books); err != nil {
			r.kills.problems = append(r.kills.problems, err)
		}
	}
	for _, l := range books {
		r.kills.changes += l.Acknowledged
	}
	return nil
}

func (st *stage) ledgers() ([]*registry.Ledger, error) {
	var books []*registry.Ledger
	return books, st.withClient(func(c *registry.Client) error {
		for n := range ledgers {
			l, err := registry.NewLedger(c, st.namespace, domain, n, ledgerServices, rand.New(rand.NewPCG(rand.Uint64(), 0)))
			if err != nil {
				return err
			}
			books = append(books, l)
		}
		return nil
	})
}

// caughtUp waits until the data plane answers what the store holds.
func (st *stage) caughtUp(ctx context.Context) error {
	return rig.Poll(ctx, time.Millisecond, func() (bool, error) {
		s, err := st.instance.Status(ctx)
		return err == nil && s.Applied >= s.Revision, err
	})
}

func (st *stage) check(books []*registry.Ledger) error {
	var problems []error
	return st.withClient(func(c *registry.Client) error {
		for _, l := range books {
			problems = append(problems, l.Check(c, st.resolver))
		}
		return errors.Join(problems...)
	})
}

func (k kills) markdown() string {
	text := fmt.Sprintf("\nKilled at %d random moments of %d acknowledged registrations and deregistrations, %d clients at once: after %d restarts API or DNS differed from what was acknowledged. Goal: none: %s.\n",
		k.kills, k.changes, ledgers, len(k.problems), rig.Verdict(len(k.problems) == 0))
	if len(k.problems) > 0 {
		text += fmt.Sprintf("The first: %v.\n", k.problems[0])
	}
	return text
}
