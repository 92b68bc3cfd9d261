//go:build linux

package containerd

import (
	"context"
	"errors"
	"fmt"
	"time"

	eventtypes "github.com/containerd/containerd/api/events"
	"github.com/containerd/containerd/v2/core/events"
	"github.com/containerd/errdefs"
	"github.com/containerd/typeurl/v2"

	"seamark/internal/driver/runtime"
)

// The topics: ends of processes, and an event of our own that tells when a
// subscription has taken effect.
const (
	topicExit = "/tasks/exit"
	topicEcho = "/seamark/subscribed"
)

// Times of subscribing.
const (
	firstSubscription = 2 * time.Second // how long Events waits for it
	echoEvery         = 20 * time.Millisecond
	resubscribeDelay  = 50 * time.Millisecond
)

// Events implements runtime.Driver. When it returns, the subscription is in
// effect: a container that ends from then on is told of. Where containerd does
// not answer within two seconds, it returns all the same, and the first event
// is the empty one.
func (d *Driver) Events(ctx context.Context) <-chan runtime.Event {
	out := make(chan runtime.Event)
	ctx, cancel := context.WithCancel(d.within(ctx))
	stop := context.AfterFunc(d.life, cancel)
	wait, enough := context.WithTimeout(ctx, firstSubscription)
	s, err := d.subscribe(ctx, wait)
	enough()
	d.running.Go(func() {
		defer close(out)
		defer cancel()
		defer stop()
		lost := err != nil
		for ctx.Err() == nil {
			if err == nil && (!lost || send(ctx, out, runtime.Event{At: time.Now()})) {
				err = d.deliver(ctx, s, out)
			}
			if ctx.Err() != nil {
				return
			}
			d.opts.Logger.Debug("containerd's events are subscribed again", "error", err)
			lost = true
			select {
			case <-ctx.Done():
				return
			case <-time.After(resubscribeDelay):
			}
			s, err = d.subscribe(ctx, ctx)
		}
	})
	return out
}

// subscription is a stream of containerd's events that is in effect.
type subscription struct {
	events <-chan *events.Envelope
	errs   <-chan error
	cancel context.CancelFunc
	early  []*events.Envelope // came before it was known to be in effect
}

// subscribe opens a stream, within wait. containerd does not say when a
// subscription has taken effect, so an event is published until it comes back.
func (d *Driver) subscribe(ctx, wait context.Context) (*subscription, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &subscription{cancel: cancel}
	filter := func(topic string) string { return fmt.Sprintf("namespace==%q,topic==%q", d.opts.Namespace, topic) }
	s.events, s.errs = d.client.EventService().Subscribe(ctx, filter(topicExit), filter(topicEcho))
	tick := time.NewTicker(echoEvery)
	defer tick.Stop()
	for {
		if err := d.client.EventService().Publish(d.within(wait), topicEcho, &eventtypes.NamespaceCreate{Name: d.opts.Namespace}); err != nil {
			cancel()
			return nil, err
		}
		err := s.awaitEcho(wait, tick.C)
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, errNoEcho) {
			cancel()
			return nil, err
		}
	}
}

var errNoEcho = errors.New("no echo yet")

func (s *subscription) awaitEcho(wait context.Context, again <-chan time.Time) error {
	for {
		select {
		case e := <-s.events:
			if e.Topic == topicEcho {
				return nil
			}
			s.early = append(s.early, e)
		case err := <-s.errs:
			return ended(err)
		case <-again:
			return errNoEcho
		case <-wait.Done():
			return wait.Err()
		}
	}
}

// ended is the error of a stream; a stream that ends without one is lost too.
func ended(err error) error {
	if err == nil {
		return errors.New("event stream ended")
	}
	return err
}

// deliver passes events on until the stream or ctx ends.
func (d *Driver) deliver(ctx context.Context, s *subscription, out chan<- runtime.Event) error {
	defer s.cancel()
	for _, e := range s.early {
		if err := d.deliverOne(ctx, e, out); err != nil {
			return err
		}
	}
	for {
		select {
		case e := <-s.events:
			if err := d.deliverOne(ctx, e, out); err != nil {
				return err
			}
		case err := <-s.errs:
			return ended(err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *Driver) deliverOne(ctx context.Context, e *events.Envelope, out chan<- runtime.Event) error {
	if e.Topic != topicExit {
		return nil
	}
	decoded, err := typeurl.UnmarshalAny(e.Event)
	if err != nil {
		return fmt.Errorf("decode event: %w", err)
	}
	exit, ok := decoded.(*eventtypes.TaskExit)
	if !ok || exit.ID != exit.ContainerID {
		return nil // a command of Exec
	}
	event := runtime.Event{ID: exit.ContainerID, ExitCode: int32(exit.ExitStatus), At: exit.ExitedAt.AsTime()}
	if event.ExitCode == killedCode {
		event.OOMKilled = d.oomOf(ctx, exit.ContainerID)
	}
	if !send(ctx, out, event) {
		return ctx.Err()
	}
	return nil
}

// oomOf looks for the reason of a kill. Where it cannot be found out the event
// goes without: that the container ended matters more.
func (d *Driver) oomOf(ctx context.Context, id string) bool {
	record, err := d.client.ContainerService().Get(ctx, id)
	if err == nil {
		var killed bool
		if killed, err = d.oomKilled(record.Labels[labelGroup], id, killedCode); err == nil {
			return killed
		}
	}
	if !errdefs.IsNotFound(err) {
		d.opts.Logger.Warn("cannot tell whether a container ran out of memory", "container", id, "error", err)
	}
	return false
}

func send(ctx context.Context, out chan<- runtime.Event, e runtime.Event) bool {
	select {
	case out <- e:
		return true
	case <-ctx.Done():
		return false
	}
}
