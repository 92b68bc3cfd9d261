package place

import "seamark/internal/world"

// Provider picks the capacity provider for one more task when each has started
// as many as have says: the base first, then whoever is furthest below the
// share of its weight (ECS developer guide, "Capacity provider strategy").
func Provider(strategy []world.CapacityProviderStrategyItem, have map[string]int32) string {
	best, bestLoad := "", 0.0
	for _, i := range strategy {
		n := have[i.CapacityProvider]
		if n < i.Base {
			return i.CapacityProvider
		}
		if i.Weight == 0 {
			continue
		}
		if load := float64(n-i.Base+1) / float64(i.Weight); best == "" || load < bestLoad {
			best, bestLoad = i.CapacityProvider, load
		}
	}
	return best
}
