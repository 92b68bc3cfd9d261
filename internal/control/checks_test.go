package control

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seamark/internal/change"
	"seamark/internal/healthcheck"
	"seamark/internal/store"
	"seamark/internal/store/mem"
	"seamark/internal/world"
)

// checking runs Checks over a store in virtual time. up are the addresses that
// take connections, in a VPC after its id.
type checking struct {
	*testing.T
	store *mem.Store
	mu    sync.Mutex
	up    map[string]bool
	dials map[string]int
}

func runChecks(t *testing.T, inside bool, before []world.Object, f func(c *checking)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &checking{T: t, store: mem.New(mem.Options{}), up: map[string]bool{}, dials: map[string]int{}}
		c.put(before...)
		checks := NewChecks(&change.Runner{Store: c.store}, inside, healthcheck.Options{Dial: c.dial, Logger: slog.New(slog.DiscardHandler), Workers: 4})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- checks.Run(ctx) }()
		synctest.Wait()
		f(c)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := c.store.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (c *checking) dial(_ context.Context, vpc world.VPCID, _, address string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dials[string(vpc)+address]++
	if !c.up[string(vpc)+address] {
		return nil, errors.New("refused")
	}
	near, far := net.Pipe()
	return near, far.Close()
}

func (c *checking) set(address string, up bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.up[address] = up
}

func (c *checking) dialled(address string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dials[address]
}

func (c *checking) put(objects ...world.Object) {
	c.Helper()
	_, err := c.store.Update(c.Context(), func(tx *store.Tx) error {
		for _, o := range objects {
			tx.Put(o)
		}
		return nil
	})
	if err != nil {
		c.Fatal(err)
	}
	synctest.Wait()
}

func (c *checking) health(key string) world.HealthStatus {
	return c.store.View().DiscoveryInstances.Get(key).Health
}

// after lets time pass.
func (c *checking) after(d time.Duration) {
	time.Sleep(d) // virtual time
	synctest.Wait()
}

// web is a namespace with a service; check is its health check.
func web(vpc world.VPCID, check *world.HealthCheckConfig) []world.Object {
	return []world.Object{
		&world.Namespace{ID: "ns-1", VPC: vpc},
		&world.DiscoveryService{ID: "srv-1", Namespace: "ns-1", HealthCheck: check},
	}
}

func endpoint(id, address string) *world.DiscoveryInstance {
	return &world.DiscoveryInstance{Service: "srv-1", ID: id, Health: world.HealthUnknown,
		Attributes: map[string]string{"AWS_INSTANCE_IPV4": address, "AWS_INSTANCE_PORT": "80"}}
}

func byTCP(threshold int32) *world.HealthCheckConfig {
	return &world.HealthCheckConfig{Type: "TCP", FailureThreshold: threshold}
}

func TestChecks_FollowTheEndpoint(t *testing.T) {
	runChecks(t, true, web("", byTCP(3)), func(c *checking) {
		c.set("192.0.2.1:80", true)
		c.put(endpoint("i", "192.0.2.1"))
		if got := c.health("srv-1/i"); got != world.Healthy {
			c.Fatalf("%s soon after the registration", got)
		}
		revision := c.store.View().Revision
		c.after(10 * time.Minute)
		if now := c.store.View().Revision; now != revision {
			c.Errorf("ten minutes of the same health wrote %d revisions", now-revision)
		}
		c.set("192.0.2.1:80", false)
		c.after(2 * time.Minute)
		if got := c.health("srv-1/i"); got != world.Unhealthy {
			c.Errorf("%s two minutes after the endpoint went", got)
		}
		c.set("192.0.2.1:80", true)
		c.after(2 * time.Minute)
		if i := c.store.View().DiscoveryInstances.Get("srv-1/i"); i.Health != world.Healthy || !i.WasHealthy {
			c.Errorf("%+v two minutes after it came back", i)
		}
	})
}

// A check that comes or goes with an update of the service takes its instances
// along; one that is deregistered is not looked at again.
func TestChecks_FollowTheWorld(t *testing.T) {
	runChecks(t, true, web("", nil), func(c *checking) {
		c.put(endpoint("i", "192.0.2.1"))
		c.after(time.Hour)
		if n := c.dialled("192.0.2.1:80"); n != 0 {
			c.Errorf("%d checks of a service without", n)
		}
		c.put(web("", byTCP(1))[1])
		if got := c.health("srv-1/i"); got != world.Unhealthy {
			c.Errorf("%s after the service got a check", got)
		}
		c.put(web("", nil)[1])
		n := c.dialled("192.0.2.1:80")
		c.after(time.Hour)
		if more := c.dialled("192.0.2.1:80") - n; more != 0 {
			c.Errorf("%d checks after the service lost its check", more)
		}
		c.put(web("", byTCP(1))[1])
		if _, err := c.store.Update(c.Context(), func(tx *store.Tx) error { tx.Delete(world.KindDiscoveryInstance, "srv-1/i"); return nil }); err != nil {
			c.Fatal(err)
		}
		n = c.dialled("192.0.2.1:80")
		c.after(time.Hour)
		if more := c.dialled("192.0.2.1:80") - n; more != 0 {
			c.Errorf("%d checks of an instance that is gone", more)
		}
	})
}

// What was registered before the start is checked again, each at its place in
// the interval.
func TestChecks_GoOnAfterARestart(t *testing.T) {
	i := endpoint("i", "192.0.2.1")
	i.Health = world.Healthy
	runChecks(t, true, append(web("", byTCP(2)), i), func(c *checking) {
		c.after(65 * time.Second)
		if got := c.health("srv-1/i"); got != world.Unhealthy {
			c.Errorf("%s after two failures", got)
		}
	})
}

func TestChecks_InsideTheVPC(t *testing.T) {
	runChecks(t, true, web("vpc-1", byTCP(1)), func(c *checking) {
		c.set("vpc-110.0.1.5:80", true)
		c.put(endpoint("i", "10.0.1.5"))
		if got := c.health("srv-1/i"); got != world.Healthy {
			c.Error(got)
		}
	})
	runChecks(t, false, web("vpc-1", byTCP(1)), func(c *checking) {
		c.put(endpoint("i", "10.0.1.5"))
		c.after(time.Hour)
		if got, n := c.health("srv-1/i"), c.dialled("vpc-110.0.1.5:80"); got != world.HealthUnknown || n != 0 {
			c.Errorf("%s, %d checks where nobody reaches into VPCs", got, n)
		}
	})
}
