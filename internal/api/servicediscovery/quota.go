package servicediscovery

import (
	"strconv"

	"seamark/internal/world"
)

// AWS's default quotas that a customer can have raised (Cloud Map developer
// guide, "Cloud Map quotas"). They count only where Config.Quotas says so; the
// others, such as attributes of an instance, always do.
const (
	maxNamespaces         = 50
	maxServiceInstances   = 1000
	maxNamespaceInstances = 2000 // of a DNS namespace
	maxHTTPInstances      = 6000 // of an HTTP namespace
)

// namespaceQuota says whether there may be one more namespace.
func (s *Server) namespaceQuota(w world.World) error {
	if s.cfg.Quotas && w.Namespaces.Len() >= maxNamespaces {
		return exceeded("namespaces", maxNamespaces)
	}
	return nil
}

// instanceQuota says whether a service may have one more instance.
func (s *Server) instanceQuota(w world.World, n *world.Namespace, ds *world.DiscoveryService) error {
	if !s.cfg.Quotas {
		return nil
	}
	if count(w.InstancesOf(ds.ID)) >= maxServiceInstances {
		return exceeded("instances in the service "+string(ds.ID), maxServiceInstances)
	}
	most, all := maxNamespaceInstances, 0
	if n.Type == NamespaceTypeHttp {
		most = maxHTTPInstances
	}
	for of := range w.ServicesOf(n.ID) {
		all += count(w.InstancesOf(of.ID))
	}
	if all >= most {
		return exceeded("instances in the namespace "+string(n.ID), most)
	}
	return nil
}

func count[T any](rows world.Rows[T]) (n int) {
	for range rows {
		n++
	}
	return n
}

func exceeded(what string, quota int) error {
	return ErrResourceLimitExceeded("The quota on the number of " + what + " is reached: " + strconv.Itoa(quota) + ".")
}
