package servicediscovery

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"seamark/internal/world"
)

// What is sampled is as many, of those that searching everything finds.
func TestSample_IsOfWhatSearchFinds(t *testing.T) {
	filters := []string{HealthStatusFilterHealthy, HealthStatusFilterUnhealthy, HealthStatusFilterAll, HealthStatusFilterHealthyOrElseAll}
	sampled := 0
	rapid.Check(t, func(t *rapid.T) {
		w := world.New()
		ds := &world.DiscoveryService{ID: "srv-b", CustomHealth: rapid.Bool().Draw(t, "custom")}
		mostly := rapid.SampledFrom([]world.HealthStatus{world.Healthy, world.Unhealthy, world.HealthUnknown}).Draw(t, "mostly")
		for i := range rapid.IntRange(0, 200).Draw(t, "size") {
			health := mostly
			if rapid.IntRange(0, 9).Draw(t, "other") == 0 {
				health = rapid.SampledFrom([]world.HealthStatus{world.Healthy, world.Unhealthy}).Draw(t, "health")
			}
			w.Put(&world.DiscoveryInstance{Service: ds.ID, ID: fmt.Sprint(i), Health: health, Attributes: map[string]string{"zone": fmt.Sprint(i % 3)}})
		}
		for _, other := range []world.DiscoveryServiceID{"srv-a", "srv-c", "srv-b0"} {
			w.Put(&world.DiscoveryInstance{Service: other, ID: "i", Health: world.Healthy, Attributes: map[string]string{"zone": "0"}})
		}
		in := &DiscoverInstancesInput{}
		if rapid.Bool().Draw(t, "parameters") {
			in.QueryParameters = map[string]string{"zone": "0"}
		}
		filter, n := rapid.SampledFrom(filters).Draw(t, "filter"), rapid.IntRange(1, 30).Draw(t, "n")
		got, ok := sample(w, ds, in, n, filter)
		if !ok {
			return
		}
		sampled++
		all := map[*world.DiscoveryInstance]bool{}
		for _, i := range search(w, ds, in, filter) {
			all[i] = true
		}
		if len(got) != min(n, len(all)) {
			t.Fatalf("%d of %d, %d wanted", len(got), len(all), n)
		}
		for _, i := range got {
			if !all[i] {
				t.Fatalf("%s %s is twice, or not what was asked for", i.Key(), i.Health)
			}
			delete(all, i)
		}
	})
	if sampled == 0 {
		t.Error("nothing was sampled")
	}
}

// Each instance comes first as often as any other.
func TestSample_IsFair(t *testing.T) {
	w := world.New()
	ds := &world.DiscoveryService{ID: "srv-b"}
	for i := range 50 {
		w.Put(&world.DiscoveryInstance{Service: ds.ID, ID: fmt.Sprint(i)})
	}
	const rounds, n = 5000, 5
	first, any := map[string]int{}, map[string]int{}
	for range rounds {
		got, ok := sample(w, ds, &DiscoverInstancesInput{}, n, HealthStatusFilterAll)
		if !ok {
			t.Fatal("not sampled")
		}
		first[got[0].ID]++
		for _, i := range got {
			any[i.ID]++
		}
	}
	// 100 and 500 are expected; five standard deviations are 50 and 106.
	for i := range 50 {
		if f, a := first[fmt.Sprint(i)], any[fmt.Sprint(i)]; f < 40 || f > 160 || a < 390 || a > 610 {
			t.Errorf("instance %d: %d times first, %d times at all", i, f, a)
		}
	}
}

func BenchmarkDiscover(b *testing.B) {
	for _, size := range []int{1000, 10_000} {
		w := world.New()
		ds := &world.DiscoveryService{ID: "srv-b", CustomHealth: true}
		for i := range size {
			w.Put(&world.DiscoveryInstance{Service: ds.ID, ID: fmt.Sprint(i), Health: world.Healthy})
		}
		in := &DiscoverInstancesInput{}
		b.Run(fmt.Sprint("search/", size), func(b *testing.B) {
			for b.Loop() {
				draw(search(w, ds, in, HealthStatusFilterAll), 100)
			}
		})
		b.Run(fmt.Sprint("sample/", size), func(b *testing.B) {
			for b.Loop() {
				sample(w, ds, in, 100, HealthStatusFilterAll)
			}
		})
	}
}
