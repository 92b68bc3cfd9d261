// Package guide walks through the seven steps of the guide "AWS ECS DNS
// services" against a running Seamark: through the public API, with the AWS SDK
// for Go, printing each call as the aws command that a user would type and what
// came back. It ends inside the VPC, with DNS answers and an HTTP answer.
//
// EC2 is called with package wire/client: linking the SDK's EC2 client takes
// gigabytes of memory.
package guide

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
)

// Options is what a walk needs.
type Options struct {
	Endpoint  string // http://127.0.0.1:4566
	Region    string
	AccessKey string
	Secret    string
	Image     string // nginx:latest
	Out       io.Writer
	// Inside opens a place inside a VPC to ask and dial from. Nil: there is none
	// (simulated runtime), and the steps that need one are left out.
	Inside func(ctx context.Context, vpc string) (Place, error)
	// Resolver returns the address of a VPC's resolver where Inside is nil.
	Resolver func(ctx context.Context, vpc string) (netip.AddrPort, error)
	// Keep leaves everything running.
	Keep bool
}

// Place is an interface of one's own inside a VPC.
type Place interface {
	Dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error)
	Resolver() netip.AddrPort
	Close() error
}

// Walk is one walk through the guide with the ids that its steps return.
type Walk struct {
	o          Options
	ecs        *ecs.Client
	discovery  *servicediscovery.Client
	logs       *cloudwatchlogs.Client
	cloudwatch *cloudwatch.Client
	started    time.Time

	vpc, other           string
	subnets              []string
	group                string
	namespace, service   string
	serviceARN           string
	definition, instance string
	undo                 []undo
}

// undo takes back one step.
type undo struct {
	command string
	call    func(context.Context) error
}

// patience bounds each wait for something to come true.
const patience = 60 * time.Second

// Run walks through the guide, and takes everything back unless it is to be kept.
func Run(ctx context.Context, o Options) error {
	w := newWalk(o)
	err := w.steps(ctx)
	if err == nil && o.Keep {
		w.next()
		return nil
	}
	if err == nil {
		w.next()
	}
	return errors.Join(err, w.cleanUp(context.WithoutCancel(ctx)))
}

func newWalk(o Options) *Walk {
	cfg := aws.Config{
		Region: o.Region, BaseEndpoint: aws.String(o.Endpoint), RetryMaxAttempts: 5,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: o.AccessKey, SecretAccessKey: o.Secret}, nil
		}),
	}
	return &Walk{
		o: o, started: time.Now(), ecs: ecs.NewFromConfig(cfg), discovery: servicediscovery.NewFromConfig(cfg),
		logs: cloudwatchlogs.NewFromConfig(cfg), cloudwatch: cloudwatch.NewFromConfig(cfg),
	}
}

func (w *Walk) steps(ctx context.Context) error {
	for n, step := range []struct {
		title string
		run   func(context.Context) error
	}{
		{"Create VPC and networking", w.network},
		{"Create ECS cluster", w.cluster},
		{"Create Cloud Map namespace", w.namespaceStep},
		{"Create Cloud Map service", w.discoveryService},
		{"Create task definition", w.taskDefinition},
		{"Create ECS service with service discovery", w.ecsService},
		{"Verify DNS resolution", w.verify},
	} {
		w.printf("\n\x1b[1m── Step %d of 7: %s\x1b[0m\n", n+1, step.title)
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("step %d, %s: %w", n+1, step.title, err)
		}
	}
	w.printf("\n\x1b[1m── Observe\x1b[0m\n")
	return w.observe(ctx)
}

func (w *Walk) printf(format string, args ...any) { fmt.Fprintf(w.o.Out, format, args...) }

// command prints what a user would type.
func (w *Walk) command(format string, args ...any) { w.printf("$ "+format+"\n", args...) }

// result prints what came back.
func (w *Walk) result(format string, args ...any) { w.printf("  "+format+"\n", args...) }

// later remembers how to take a step back; the last step is taken back first.
func (w *Walk) later(command string, call func(context.Context) error) {
	w.undo = append(w.undo, undo{command, call})
}

// cleanUp takes the steps back. Each is tried until it succeeds: tasks take a
// moment to leave their subnets.
func (w *Walk) cleanUp(ctx context.Context) error {
	w.printf("\n\x1b[1m── Clean up\x1b[0m\n")
	var errs []error
	for _, u := range slices.Backward(w.undo) {
		w.command("%s", u.command)
		if err := until(ctx, func(ctx context.Context) error { return u.call(ctx) }); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", u.command, err))
		}
	}
	return errors.Join(errs...)
}

// until tries f until it succeeds or patience is over.
func until(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// next prints what to try.
func (w *Walk) next() {
	if w.o.Keep {
		w.printf("\nEverything is still running. Try next:\n")
	} else {
		w.printf("\nWith KEEP=1 (or --keep) everything stays up. Then try:\n")
	}
	w.printf(`  seamark status                                    what runs, with addresses and process ids
  seamark in %[1]s -- dig web.myapp.local     any program of this host, inside the VPC
  seamark in %[1]s -- curl -I http://web.myapp.local
  seamark forward %[1]s/web.myapp.local 8080:80    and open http://127.0.0.1:8080
  eval "$(seamark env)"; aws ecs update-service --cluster %[2]s --service %[3]s --desired-count 4
  seamark down                                      stop and remove everything
`, w.vpc, clusterName, serviceName)
}
