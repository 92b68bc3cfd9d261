package main

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"seamark/internal/api/ec2"
	"seamark/internal/control"
	"seamark/internal/telemetry/logs"
	"seamark/internal/telemetry/metrics"
	"seamark/internal/world"
)

// consoleGroup keeps instances' consoles among the logs. It is no log group of
// the world, so the API does not show it.
const consoleGroup = "seamark/console"

// maxConsole is how much of a console is shown (EC2 API reference, GetConsoleOutput).
const maxConsole = 64 << 10

// console returns the newest part of what an instance printed.
func (d *daemon) console(ctx context.Context, id world.InstanceID) (ec2.Console, error) {
	page, err := d.logs.Get(ctx, logs.GetQuery{Group: consoleGroup, Stream: string(id)})
	if errors.Is(err, logs.ErrNoStream) {
		return ec2.Console{At: time.Now().UTC()}, nil
	}
	if err != nil {
		return ec2.Console{}, err
	}
	c := ec2.Console{At: time.Now().UTC()}
	for _, e := range page.Events {
		c.Output = append(append(c.Output, e.Message...), '\n')
		c.At = e.Time
	}
	if len(c.Output) > maxConsole {
		c.Output = c.Output[len(c.Output)-maxConsole:]
	}
	return c, nil
}

// sweepEvery is how often expired logs and metrics are removed.
const sweepEvery = 10 * time.Minute

// runTelemetry flushes metrics and removes what is past its retention.
func (d *daemon) runTelemetry(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { d.metrics.Run(ctx); return ctx.Err() })
	g.Go(func() error {
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-tick.C:
			}
			if _, err := d.logs.Sweep(ctx, d.keep); err != nil && ctx.Err() == nil {
				d.logger.Warn("remove expired logs", "error", err)
			}
		}
	})
	return g.Wait()
}

// keep says how long a log group's events are kept, and whether it exists.
func (d *daemon) keep(group string) (retention time.Duration, exists bool) {
	if group == consoleGroup {
		return 24 * time.Hour, true
	}
	g := d.store.View().LogGroups.Get(group)
	if g == nil {
		return 0, false
	}
	return time.Duration(g.RetentionDays) * 24 * time.Hour, true
}

// queryMetrics records DNS queries as QueryCount by VPC, which AWS does not
// publish (docs/divergences.md).
type queryMetrics struct{ metrics *metrics.Store }

func (m queryMetrics) RecordQueries(at time.Time, vpc world.VPCID, queries uint64) {
	n := float64(queries)
	m.metrics.Record(metrics.Datum{
		Namespace: "AWS/Route53Resolver", Name: "QueryCount", Dimensions: metrics.Dimensions{{Name: "VPC", Value: string(vpc)}},
		Time: at, Stat: metrics.Set(n, n, 1, 1), Unit: "Count",
	})
}

// Record takes the other metrics of the resolver.
func (m queryMetrics) Record(at time.Time, s control.Sample) {
	var dimensions metrics.Dimensions
	for _, d := range s.Dimensions {
		dimensions = append(dimensions, metrics.Dimension(d))
	}
	m.metrics.Record(metrics.Datum{
		Namespace: "AWS/Route53Resolver", Name: s.Name, Dimensions: dimensions, Time: at, Stat: metrics.Value(s.Value), Unit: "Count",
	})
}

// appendQueries adds lines to a stream of a query log, which it makes first if
// there is none.
func (d *daemon) appendQueries(ctx context.Context, group, stream string, events []control.QueryEvent) error {
	there, err := d.logs.HasStream(group, stream)
	if err != nil {
		return err
	}
	if !there {
		if err := d.logs.CreateStream(group, stream); err != nil && !errors.Is(err, logs.ErrStreamExists) {
			return err
		}
	}
	lines := make([]logs.Event, 0, len(events))
	for _, e := range events {
		lines = append(lines, logs.Event{Time: e.Time, Message: e.Message})
	}
	return d.logs.Put(ctx, group, stream, lines)
}
