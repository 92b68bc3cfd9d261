package ecs

import (
	"strings"
	"testing"

	"seamark/internal/plan"
	"seamark/internal/plan/place"
	"seamark/internal/world"
)

const strategyFargate = `"capacityProviders":["FARGATE"],"defaultCapacityProviderStrategy":[{"capacityProvider":"FARGATE","weight":1}]`

func TestCreateCluster_guide(t *testing.T) {
	h := newHarness(t)
	body := `{"clusterName":"my-ecs-cluster",` + strategyFargate + `,"tags":[{"key":"Environment","value":"production"}]}`
	golden(t, "create_cluster.json", h.do("CreateCluster", body).raw)
	golden(t, "create_cluster.json", h.do("CreateCluster", body).raw)
	golden(t, "describe_cluster.json", h.do("DescribeClusters", `{"clusters":["my-ecs-cluster"]}`).raw)
}

func TestCreateCluster_isIdempotent(t *testing.T) {
	h := newHarness(t)
	h.do("CreateCluster", `{}`).want(`"default"`, "cluster", "clusterName")
	h.do("CreateCluster", `{"clusterName":"default"}`).want(`"ACTIVE"`, "cluster", "status")
	before := h.changes.View().Revision
	h.do("CreateCluster", `{"clusterName":"`+clusterARNPrefix+`default"}`)
	if after := h.changes.View().Revision; after != before {
		t.Error("the second CreateCluster wrote something")
	}
	h.fails("CreateCluster", `{`+strategyFargate+`}`, "InvalidParameterException", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
	h.fails("CreateCluster", `{"settings":[{"name":"containerInsights","value":"enabled"}]}`, "InvalidParameterException", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
}

func TestCluster_refuses(t *testing.T) {
	h := newHarness(t)
	h.do("CreateCluster", `{"clusterName":"c",`+strategyFargate+`}`)
	item := func(provider string) string { return `{"capacityProvider":"` + provider + `","weight":1}` }
	for name, c := range map[string]struct{ op, body, code, message string }{
		"name":          {"CreateCluster", `{"clusterName":"a b"}`, "InvalidParameterException", `Cluster must match ^[a-zA-Z0-9\-_]{1,255}$, but was a b`},
		"long":          {"CreateCluster", `{"clusterName":"` + strings.Repeat("a", 256) + `"}`, "InvalidParameterException", `Cluster must match ^[a-zA-Z0-9\-_]{1,255}$, but was ` + strings.Repeat("a", 256)},
		"provider":      {"CreateCluster", `{"clusterName":"d","capacityProviders":["EC2"]}`, "InvalidParameterException", "The specified capacity provider was not found. Specify a valid capacity provider and try again."},
		"associated":    {"CreateCluster", `{"clusterName":"d","capacityProviders":["FARGATE"],"defaultCapacityProviderStrategy":[` + item("FARGATE_SPOT") + `]}`, "InvalidParameterException", "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and try again."},
		"twice":         {"CreateCluster", `{"clusterName":"d","capacityProviders":["FARGATE"],"defaultCapacityProviderStrategy":[` + item("FARGATE") + `,` + item("FARGATE") + `]}`, "InvalidParameterException", "The specified capacity provider strategy cannot contain the capacity provider FARGATE more than once."},
		"bases":         {"CreateCluster", `{"clusterName":"d","capacityProviders":["FARGATE","FARGATE_SPOT"],"defaultCapacityProviderStrategy":[{"capacityProvider":"FARGATE","base":1},{"capacityProvider":"FARGATE_SPOT","base":1}]}`, "InvalidParameterException", "Only one capacity provider in a capacity provider strategy can have a base defined."},
		"items":         {"CreateCluster", `{"clusterName":"d","defaultCapacityProviderStrategy":[` + strings.TrimSuffix(strings.Repeat(item("FARGATE")+",", 21), ",") + `]}`, "InvalidParameterException", "The specified capacity provider strategy can have at most 20 items."},
		"setting":       {"CreateCluster", `{"clusterName":"d","settings":[{"name":"containerInsights","value":"on"}]}`, "InvalidParameterException", "Invalid setting value 'on' for containerInsights. The value must be enhanced, enabled or disabled."},
		"namespace":     {"CreateCluster", `{"clusterName":"d","serviceConnectDefaults":{"namespace":"nowhere"}}`, "NamespaceNotFoundException", "The namespace nowhere was not found."},
		"tag":           {"CreateCluster", `{"clusterName":"d","tags":[{"key":"aws:x","value":"y"}]}`, "InvalidParameterException", "Tag keys beginning with aws: are reserved for AWS use."},
		"tag twice":     {"CreateCluster", `{"clusterName":"d","tags":[{"key":"x"},{"key":"x"}]}`, "InvalidParameterException", "Duplicate tag key: x"},
		"tag null":      {"CreateCluster", `{"clusterName":"d","tags":[{"value":"x"}]}`, "InvalidParameterException", "Tag key should not be null or empty."},
		"unknown":       {"UpdateCluster", `{"cluster":"x"}`, "ClusterNotFoundException", "Cluster not found."},
		"settings":      {"UpdateClusterSettings", `{"cluster":"c","settings":[{"name":"containerInsights","value":"x"}]}`, "InvalidParameterException", "Invalid setting value 'x' for containerInsights. The value must be enhanced, enabled or disabled."},
		"put":           {"PutClusterCapacityProviders", `{"cluster":"c","capacityProviders":["x"],"defaultCapacityProviderStrategy":[]}`, "InvalidParameterException", "The specified capacity provider was not found. Specify a valid capacity provider and try again."},
		"delete":        {"DeleteCluster", `{"cluster":"x"}`, "ClusterNotFoundException", "Cluster not found."},
		"arn":           {"DeleteCluster", `{"cluster":"arn:aws:ecs"}`, "InvalidParameterException", "Invalid identifier: Unexpected number of separators"},
		"arn parts":     {"DeleteCluster", `{"cluster":"arn:aws:ecs:us-east-1:123456789012:cluster"}`, "InvalidParameterException", "Invalid identifier: Unexpected number of separators"},
		"arn type":      {"DeleteCluster", `{"cluster":"` + serviceARNPrefix + `c/s"}`, "InvalidParameterException", "Unsupported resource type: service"},
		"arn region":    {"DeleteCluster", `{"cluster":"arn:aws:ecs:eu-west-1:123456789012:cluster/c"}`, "InvalidParameterException", "Invalid identifier: Identifier is for eu-west-1. Your region is us-east-1"},
		"arn account":   {"DeleteCluster", `{"cluster":"arn:aws:ecs:us-east-1:210987654321:cluster/c"}`, "InvalidParameterException", "Invalid identifier: Identifier is for 210987654321. Your accountId is 123456789012"},
		"describe many": {"DescribeClusters", `{"clusters":[` + strings.TrimSuffix(strings.Repeat(`"c",`, 101), ",") + `]}`, "InvalidParameterException", "Clusters can have at most 100 items."},
	} {
		t.Run(name, func(t *testing.T) {
			g := *h
			g.T = t
			g.fails(c.op, c.body, c.code, c.message)
		})
	}
}

func TestCluster_life(t *testing.T) {
	h := newHarness(t)
	h.do("DescribeClusters", `{}`).want(`[{"arn":"`+clusterARNPrefix+`default","reason":"MISSING"}]`, "failures")
	h.do("CreateCluster", `{"clusterName":"b","serviceConnectDefaults":{"namespace":"myapp.local"},"configuration":{"executeCommandConfiguration":{"logging":"NONE"}}}`).
		want(`{"namespace":"arn:aws:servicediscovery:us-east-1:123456789012:namespace/ns-1"}`, "cluster", "serviceConnectDefaults")
	h.do("CreateCluster", `{"clusterName":"a","tags":[{"key":"k","value":"v"}]}`)
	h.do("ListClusters", `{}`).want(`["`+clusterARNPrefix+`a","`+clusterARNPrefix+`b"]`, "clusterArns")
	r := h.do("ListClusters", `{"maxResults":1}`)
	r.want(`["`+clusterARNPrefix+`a"]`, "clusterArns")
	r = h.do("ListClusters", `{"nextToken":"`+r.text("nextToken")+`"}`)
	r.want(`["`+clusterARNPrefix+`b"]`, "clusterArns")
	r.want(`null`, "nextToken")

	r = h.do("DescribeClusters", `{"clusters":["a","`+clusterARNPrefix+`b","c"],"include":["TAGS","SETTINGS","CONFIGURATIONS","STATISTICS","ATTACHMENTS"]}`)
	r.want(`[{"key":"k","value":"v"}]`, "clusters", 0, "tags")
	r.want(`[{"name":"containerInsights","value":"disabled"}]`, "clusters", 0, "settings")
	r.want(`{"executeCommandConfiguration":{"logging":"NONE"}}`, "clusters", 1, "configuration")
	r.want(`[{"arn":"`+clusterARNPrefix+`c","reason":"MISSING"}]`, "failures")

	h.do("UpdateClusterSettings", `{"cluster":"a","settings":[{"name":"containerInsights","value":"enhanced"}]}`).want(`[{"name":"containerInsights","value":"enhanced"}]`, "cluster", "settings")
	h.do("UpdateCluster", `{"cluster":"a","settings":[{"name":"containerInsights","value":"enabled"}],"configuration":{"executeCommandConfiguration":{"logging":"DEFAULT"}}}`).
		want(`{"executeCommandConfiguration":{"logging":"DEFAULT"}}`, "cluster", "configuration")
	r = h.do("PutClusterCapacityProviders", `{"cluster":"a","capacityProviders":["FARGATE","FARGATE_SPOT"],"defaultCapacityProviderStrategy":[{"capacityProvider":"FARGATE_SPOT","weight":2,"base":1}]}`)
	r.want(`["FARGATE","FARGATE_SPOT"]`, "cluster", "capacityProviders")
	r.want(`[{"base":1,"capacityProvider":"FARGATE_SPOT","weight":2}]`, "cluster", "defaultCapacityProviderStrategy")

	h.do("DeleteCluster", `{"cluster":"a"}`).want(`"INACTIVE"`, "cluster", "status")
	h.do("DescribeClusters", `{"clusters":["a"]}`).want(`"INACTIVE"`, "clusters", 0, "status")
	h.do("ListClusters", `{}`).want(`["`+clusterARNPrefix+`b"]`, "clusterArns")
	for op, body := range map[string]string{
		"UpdateCluster": `{"cluster":"a"}`, "DeleteCluster": `{"cluster":"a"}`, "ListServices": `{"cluster":"a"}`, "ListTasks": `{"cluster":"a"}`,
		"RunTask": `{"cluster":"a","taskDefinition":"x"}`, "CreateService": `{"cluster":"a","serviceName":"s"}`,
	} {
		h.fails(op, body, "ClusterNotFoundException", "The referenced cluster was inactive.")
	}
	h.do("CreateCluster", `{"clusterName":"a"}`).want(`[]`, "cluster", "capacityProviders")
}

func TestDeleteCluster_inUse(t *testing.T) {
	h := newHarness(t)
	h.do("CreateCluster", `{"clusterName":"c",`+strategyFargate+`}`)
	h.change(func(d *plan.Draft) {
		d.Put(&world.Service{Cluster: "c", Name: "s", Status: world.ServiceDraining, Strategy: []world.CapacityProviderStrategyItem{{CapacityProvider: "FARGATE"}}})
		d.Put(&world.Task{ID: "t", Cluster: "c", LastStatus: world.TaskStopping, LaunchType: "FARGATE"})
	})
	h.fails("DeleteCluster", `{"cluster":"c"}`, "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
	h.fails("PutClusterCapacityProviders", `{"cluster":"c","capacityProviders":[],"defaultCapacityProviderStrategy":[]}`, "ResourceInUseException", "The specified capacity provider is in use and cannot be removed.")
	r := h.do("DescribeClusters", `{"clusters":["c"],"include":["STATISTICS"]}`)
	r.want(`0`, "clusters", 0, "activeServicesCount")
	r.want(`{"name":"drainingFargateServiceCount","value":"1"}`, "clusters", 0, "statistics", 9)
	h.change(func(d *plan.Draft) { d.Put(&world.Service{Cluster: "c", Name: "s", Status: world.ServiceInactive}) })
	h.fails("DeleteCluster", `{"cluster":"c"}`, "ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
	h.change(func(d *plan.Draft) { d.Put(&world.Task{ID: "t", Cluster: "c", LastStatus: world.TaskStopped}) })
	h.do("DeleteCluster", `{"cluster":"c"}`).want(`"INACTIVE"`, "cluster", "status")
}

func TestDescribeCapacityProviders(t *testing.T) {
	h := newHarness(t)
	golden(t, "capacity_providers.json", h.do("DescribeCapacityProviders", `{}`).raw)
	r := h.do("DescribeCapacityProviders", `{"capacityProviders":["FARGATE_SPOT","mine"]}`)
	r.want(`"FARGATE_SPOT"`, "capacityProviders", 0, "name")
	r.want(`[{"arn":"arn:aws:ecs:us-east-1:123456789012:capacity-provider/mine","reason":"MISSING"}]`, "failures")
	r = h.do("DescribeCapacityProviders", `{"maxResults":1}`)
	r.want(`"FARGATE"`, "capacityProviders", 0, "name")
	h.do("DescribeCapacityProviders", `{"nextToken":"`+r.text("nextToken")+`"}`).want(`"FARGATE_SPOT"`, "capacityProviders", 0, "name")
}

func TestPickProvider(t *testing.T) {
	strategy := []world.CapacityProviderStrategyItem{{CapacityProvider: "FARGATE", Base: 2, Weight: 1}, {CapacityProvider: "FARGATE_SPOT", Weight: 3}}
	have := map[string]int32{}
	for range 10 {
		have[place.Provider(strategy, have)]++
	}
	if have["FARGATE"] != 4 || have["FARGATE_SPOT"] != 6 {
		t.Errorf("ten tasks are spread as %v, want 2 of the base and 2 to 6 by weight", have)
	}
	if got := place.Provider(nil, have); got != "" {
		t.Errorf("without a strategy the provider is %q", got)
	}
}
