package ecs

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"seamark/internal/store"
	"seamark/internal/store/mem"
)

// A disk that is full refuses changes with a 503 and goes on answering reads.
func TestServer_diskFull(t *testing.T) {
	h := newHarness(t)
	h.do("CreateCluster", `{"clusterName":"c"}`)
	disk := h.changes.Store.(*mem.Store).Disk()
	disk.Refuse(store.ErrNoSpace)
	status, b := h.post("CreateCluster", `{"clusterName":"d"}`)
	if status != http.StatusServiceUnavailable || !strings.Contains(string(b), store.ErrNoSpace.Error()) {
		t.Errorf("a change on a full disk: %d %s", status, b)
	}
	h.do("DescribeClusters", `{"clusters":["c","d"]}`).want(`"c"`, "clusters", 0, "clusterName")
	disk.Refuse(nil)
	h.do("ListClusters", `{}`).want(`["`+clusterARNPrefix+`c"]`, "clusterArns")
}

// What is not built has no handler, so that clients are told so by name.
func TestOperations_built(t *testing.T) {
	var built []string
	ops := reflect.ValueOf(New(Config{}).Operations())
	for i := range ops.NumField() {
		if !ops.Field(i).IsNil() {
			built = append(built, ops.Type().Field(i).Name)
		}
	}
	want := `CreateCluster CreateService DeleteCluster DeleteService DeleteTaskDefinitions DeregisterTaskDefinition DescribeCapacityProviders DescribeClusters DescribeServices ` +
		`DescribeTaskDefinition DescribeTasks ListClusters ListServices ListTagsForResource ListTaskDefinitionFamilies ListTaskDefinitions ListTasks ` +
		`PutClusterCapacityProviders RegisterTaskDefinition RunTask StartTask StopTask TagResource UntagResource UpdateCluster UpdateClusterSettings UpdateService`
	if got := strings.Join(built, " "); got != want {
		t.Errorf("built are\n%s\nwant\n%s", got, want)
	}
	h := newHarness(t)
	h.fails("ExecuteCommand", `{"task":"x","command":"sh","interactive":true}`, "UnknownOperationException", "The action ExecuteCommand is not built in Seamark yet.")
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{"": false, "a": true, "A-z_09": true, "a b": false, "a.b": false, "ä": false, strings.Repeat("a", 255): true, strings.Repeat("a", 256): false} {
		if validName(name) != want || matches(namePattern, name) != want {
			t.Errorf("%.20q: %v by hand, %v by pattern, want %v", name, validName(name), matches(namePattern, name), want)
		}
	}
}
