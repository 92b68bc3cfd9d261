package ecs

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// The states of a cluster.
const (
	clusterActive   = "ACTIVE"
	clusterInactive = "INACTIVE"
)

func (s *Server) createCluster(ctx context.Context, in *CreateClusterInput) (*CreateClusterOutput, error) {
	name, err := s.clusterName(in.ClusterName)
	if err != nil {
		return nil, err
	}
	var out *Cluster
	err = s.do(ctx, func(d *plan.Draft) error {
		wish, err := s.newCluster(d.World, name, in)
		if err != nil {
			return err
		}
		if c := d.World.Clusters.Get(string(name)); c != nil && c.Status == clusterActive {
			if !sameCluster(c, wish, in) {
				return invalid("Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
			}
			out = s.showCluster(d.World, c, allOfCluster())
			return nil
		}
		wish.CreatedAt = d.Now
		d.Put(wish)
		out = s.showCluster(d.World, wish, allOfCluster())
		return nil
	})
	return &CreateClusterOutput{Cluster: out}, err
}

func (s *Server) newCluster(w world.World, name world.ClusterName, in *CreateClusterInput) (*world.Cluster, error) {
	c := &world.Cluster{Name: name, Status: clusterActive}
	var err error
	if c.Tags, err = newTags(in.Tags); err != nil {
		return nil, err
	}
	if c.CapacityProviders, err = s.providers(in.CapacityProviders); err != nil {
		return nil, err
	}
	if c.DefaultStrategy, err = newStrategy(in.DefaultCapacityProviderStrategy, c.CapacityProviders); err != nil {
		return nil, err
	}
	if c.Settings, err = mergedSettings(nil, in.Settings); err != nil {
		return nil, err
	}
	if c.Configuration, err = stored(in.Configuration); err != nil {
		return nil, err
	}
	c.ServiceConnectDefaults, err = s.connectDefaults(w, in.ServiceConnectDefaults)
	return c, err
}

// sameCluster says whether a repeated CreateCluster asks for the cluster that
// is there. What the request leaves out is not compared.
func sameCluster(c, wish *world.Cluster, in *CreateClusterInput) bool {
	switch {
	case in.CapacityProviders != nil && !slices.Equal(c.CapacityProviders, wish.CapacityProviders),
		in.DefaultCapacityProviderStrategy != nil && !slices.Equal(c.DefaultStrategy, wish.DefaultStrategy),
		in.Settings != nil && insights(c) != insights(wish),
		in.Configuration != nil && string(c.Configuration) != string(wish.Configuration),
		in.ServiceConnectDefaults != nil && string(c.ServiceConnectDefaults) != string(wish.ServiceConnectDefaults):
		return false
	}
	return true
}

func (s *Server) updateCluster(ctx context.Context, in *UpdateClusterInput) (*UpdateClusterOutput, error) {
	c, err := s.changeCluster(ctx, in.Cluster, func(w world.World, c *world.Cluster) (err error) {
		if c.Settings, err = mergedSettings(c.Settings, in.Settings); err != nil {
			return err
		}
		if in.Configuration != nil {
			if c.Configuration, err = stored(in.Configuration); err != nil {
				return err
			}
		}
		if in.ServiceConnectDefaults != nil {
			c.ServiceConnectDefaults, err = s.connectDefaults(w, in.ServiceConnectDefaults)
		}
		return err
	})
	return &UpdateClusterOutput{Cluster: c}, err
}

func (s *Server) updateClusterSettings(ctx context.Context, in *UpdateClusterSettingsInput) (*UpdateClusterSettingsOutput, error) {
	c, err := s.changeCluster(ctx, in.Cluster, func(_ world.World, c *world.Cluster) (err error) {
		c.Settings, err = mergedSettings(c.Settings, in.Settings)
		return err
	})
	return &UpdateClusterSettingsOutput{Cluster: c}, err
}

// changeCluster commits a changed copy of an active cluster and shows it.
func (s *Server) changeCluster(ctx context.Context, ref *string, change func(world.World, *world.Cluster) error) (*Cluster, error) {
	var out *Cluster
	err := s.do(ctx, func(d *plan.Draft) error {
		c, err := s.activeCluster(d.World, ref)
		if err != nil {
			return err
		}
		next := *c
		if err := change(d.World, &next); err != nil {
			return err
		}
		d.Put(&next)
		out = s.showCluster(d.World, &next, allOfCluster())
		return nil
	})
	return out, err
}

func (s *Server) deleteCluster(ctx context.Context, in *DeleteClusterInput) (*DeleteClusterOutput, error) {
	var out *Cluster
	err := s.do(ctx, func(d *plan.Draft) error {
		c, err := s.activeCluster(d.World, in.Cluster)
		if err != nil {
			return err
		}
		if err := clusterInUse(d.World, c.Name); err != nil {
			return err
		}
		next := *c
		next.Status, next.DeletedAt = clusterInactive, d.Now
		d.Put(&next)
		out = s.showCluster(d.World, &next, allOfCluster())
		return nil
	})
	return &DeleteClusterOutput{Cluster: out}, err
}

func clusterInUse(w world.World, name world.ClusterName) error {
	for svc := range w.Services.Prefix(string(name) + "/") {
		if svc.Status != world.ServiceInactive {
			return ErrClusterContainsServicesException("The Cluster cannot be deleted while Services are active.")
		}
	}
	for t := range w.TasksOfCluster(name) {
		if t.LastStatus != world.TaskStopped {
			return ErrClusterContainsTasksException("The Cluster cannot be deleted while Tasks are active.")
		}
	}
	return nil
}

// mergedSettings are settings with changes applied.
func mergedSettings(settings map[string]string, changes []ClusterSetting) (map[string]string, error) {
	merged := map[string]string{}
	maps.Copy(merged, settings)
	for _, c := range changes {
		name, value := val(c.Name), val(c.Value)
		switch {
		case name != ClusterSettingNameContainerInsights:
			return nil, invalid("Invalid setting name '%s'. The setting name must be containerInsights.", name)
		case value != "enabled" && value != "disabled" && value != "enhanced":
			return nil, invalid("Invalid setting value '%s' for containerInsights. The value must be enhanced, enabled or disabled.", value)
		}
		merged[name] = value
	}
	return merged, nil
}

func insights(c *world.Cluster) string {
	if v := c.Settings[ClusterSettingNameContainerInsights]; v != "" {
		return v
	}
	return "disabled"
}

// stored is the JSON of a member that is only shown again.
func stored[T any](v *T) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}

// connectDefaults is the default Service Connect namespace of a cluster. It
// must exist: AWS would create an HTTP namespace of a name that does not.
func (s *Server) connectDefaults(w world.World, in *ClusterServiceConnectDefaultsRequest) (json.RawMessage, error) {
	ref := ""
	if in != nil {
		ref = val(in.Namespace)
	}
	if ref == "" {
		return nil, nil
	}
	for n := range w.Namespaces.All() {
		arn := s.scope.ARN("servicediscovery", "namespace/"+string(n.ID))
		if ref == arn || strings.EqualFold(ref, n.Name) {
			return stored(&ClusterServiceConnectDefaults{Namespace: &arn})
		}
	}
	return nil, ErrNamespaceNotFoundException("The namespace " + ref + " was not found.")
}
