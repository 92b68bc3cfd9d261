package ecs

import (
	"encoding/json"
	"strconv"

	"seamark/internal/world"
)

// showCluster shows a cluster with the optional parts that include names. The
// parts that are left out appear as empty lists, as AWS shows them.
func (s *Server) showCluster(w world.World, c *world.Cluster, include []string) *Cluster {
	n := count(w, c.Name)
	out := &Cluster{
		ClusterArn:                        new(s.clusterARN(c.Name)),
		ClusterName:                       new(string(c.Name)),
		Status:                            new(c.Status),
		RegisteredContainerInstancesCount: new(int32(0)),
		RunningTasksCount:                 new(n.running.all()),
		PendingTasksCount:                 new(n.pending.all()),
		ActiveServicesCount:               new(n.services),
		Statistics:                        []KeyValuePair{},
		Tags:                              []Tag{},
		Settings:                          []ClusterSetting{},
		CapacityProviders:                 append([]string{}, c.CapacityProviders...),
		DefaultCapacityProviderStrategy:   showStrategy(c.DefaultStrategy),
		ServiceConnectDefaults:            shown[ClusterServiceConnectDefaults](c.ServiceConnectDefaults),
	}
	if has(include, ClusterFieldTags) {
		out.Tags = showTags(c.Tags)
	}
	if has(include, ClusterFieldSettings) {
		out.Settings = []ClusterSetting{{Name: new(ClusterSettingNameContainerInsights), Value: new(insights(c))}}
	}
	if has(include, ClusterFieldStatistics) {
		out.Statistics = n.show()
	}
	if has(include, ClusterFieldConfigurations) {
		out.Configuration = shown[ClusterConfiguration](c.Configuration)
	}
	return out
}

// shown reads what stored wrote. Only stored writes it, so that it can be read.
func shown[T any](b json.RawMessage) *T {
	if len(b) == 0 {
		return nil
	}
	v := new(T)
	if err := json.Unmarshal(b, v); err != nil {
		return nil
	}
	return v
}

func (n census) show() []KeyValuePair {
	var out []KeyValuePair
	for _, item := range []struct {
		name  string
		value int32
	}{
		{"runningEC2TasksCount", n.running.ec2},
		{"runningFargateTasksCount", n.running.fargate},
		{"pendingEC2TasksCount", n.pending.ec2},
		{"pendingFargateTasksCount", n.pending.fargate},
		{"runningExternalTasksCount", 0},
		{"pendingExternalTasksCount", 0},
		{"activeEC2ServiceCount", n.activeServices.ec2},
		{"activeFargateServiceCount", n.activeServices.fargate},
		{"drainingEC2ServiceCount", n.draining.ec2},
		{"drainingFargateServiceCount", n.draining.fargate},
		{"activeExternalServiceCount", 0},
		{"drainingExternalServiceCount", 0},
	} {
		out = append(out, KeyValuePair{Name: new(item.name), Value: new(strconv.Itoa(int(item.value)))})
	}
	return out
}
