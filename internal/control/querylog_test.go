package control

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"seamark/internal/dataplane"
	"seamark/internal/resolver"
	"seamark/internal/world"
)

// A query log's lines are AWS's, field by field.
func TestQueryEvents(t *testing.T) {
	w := world.New()
	w.Put(&world.NetworkInterface{ID: "eni-i", VPC: "vpc-1", Address: netip.MustParseAddr("10.0.1.50"), OwnerKind: world.OwnedByInstance, OwnerID: "i-1"})
	w.Put(&world.NetworkInterface{ID: "eni-t", VPC: "vpc-1", Address: netip.MustParseAddr("10.0.1.51"), OwnerKind: world.OwnedByTask, OwnerID: "task"})
	w.Put(&world.ResolverEndpoint{ID: "rslvr-in-1", VPC: "vpc-1", Addresses: []world.EndpointAddress{{ID: "rni-1", Interface: "eni-e"}}})
	at := time.Date(2021, 2, 4, 17, 51, 55, 7, time.UTC)
	events := queryEvents(w, world.Scope{Region: "us-east-1", Account: "111122223333"}, "vpc-1", []dataplane.Query{
		{VPC: "vpc-1", Time: at, Name: "web.myapp.local.", Type: 1, Class: 1, Source: netip.MustParseAddrPort("10.0.1.50:56067"),
			Answers: []resolver.LoggedAnswer{{Data: "10.0.1.10", Type: 1, Class: 1}}},
		{VPC: "vpc-1", Time: at, Name: "bad.example.", Type: 65280, Class: 1, Rcode: 3, TCP: true, Source: netip.MustParseAddrPort("10.0.1.51:1"),
			FirewallGroup: "rslvr-frg-1", FirewallAction: "BLOCK", FirewallList: "rslvr-fdl-1"},
		{VPC: "vpc-1", Time: at, Name: "x.", Type: 28, Class: 1, Rcode: 4000, Source: netip.MustParseAddrPort("192.168.0.1:53"), Endpoint: "rslvr-in-1", Interface: "eni-e"},
	})
	head := `{"version":"1.100000","account_id":"111122223333","region":"us-east-1","vpc_id":"vpc-1","query_timestamp":"2021-02-04T17:51:55Z",`
	want := []QueryEvent{
		{at, head + `"query_name":"web.myapp.local.","query_type":"A","query_class":"IN","rcode":"NOERROR",` +
			`"answers":[{"Rdata":"10.0.1.10","Type":"A","Class":"IN"}],"srcaddr":"10.0.1.50","srcport":"56067","transport":"UDP","srcids":{"instance":"i-1"}}`},
		{at, head + `"query_name":"bad.example.","query_type":"TYPE65280","query_class":"IN","rcode":"NXDOMAIN","answers":[],"srcaddr":"10.0.1.51","srcport":"1","transport":"TCP",` +
			`"srcids":{},"firewall_rule_group_id":"rslvr-frg-1","firewall_rule_action":"BLOCK","firewall_domain_list_id":"rslvr-fdl-1"}`},
		{at, head + `"query_name":"x.","query_type":"AAAA","query_class":"IN","rcode":"RCODE4000","answers":[],"srcaddr":"192.168.0.1","srcport":"53","transport":"UDP",` +
			`"srcids":{"resolver_endpoint":"rslvr-in-1","resolver_network_interface":"rni-1"}}`},
	}
	if !slices.Equal(events, want) {
		t.Errorf("got\n%v\nexpected\n%v", events, want)
	}
}

// Records go to every group that the VPC's configurations name and that exists,
// and nobody asks for records where nothing is associated.
func TestQueryLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world.New()
		var taken int
		lines := map[string]int{}
		l := NewQueryLog(QueryLogOptions{
			View: func() world.World { return w }, Scope: world.Scope{Account: "111122223333"}, Logger: slog.New(slog.DiscardHandler),
			Take: func(context.Context) ([]dataplane.Query, uint64, error) {
				taken++
				if taken == 2 {
					return nil, 0, errors.New("between two data planes")
				}
				return []dataplane.Query{{VPC: "vpc-1", Name: "a."}, {VPC: "vpc-2", Name: "b."}, {VPC: "vpc-1", Name: "c."}}, 1, nil
			},
			Append: func(_ context.Context, group, stream string, events []QueryEvent) error {
				lines[group+" "+stream] += len(events)
				return nil
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		time.Sleep(queryLogEvery)
		synctest.Wait()
		if taken != 0 {
			t.Errorf("asked %d times for nothing", taken)
		}
		for _, c := range []struct{ id, group string }{{"1", "dns"}, {"2", "other"}, {"3", "gone"}} {
			w.Put(&world.QueryLogConfig{ID: "rqlc-" + c.id, Destination: "arn:aws:logs:us-east-1:111122223333:log-group:" + c.group + ":*"})
			w.Put(&world.QueryLogAssociation{ID: "rqlca-" + c.id, Config: "rqlc-" + c.id, VPC: "vpc-1"})
		}
		w.Put(&world.LogGroup{Name: "dns"})
		w.Put(&world.LogGroup{Name: "other"})
		time.Sleep(3 * queryLogEvery)
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if taken != 3 || len(lines) != 2 || lines["dns vpc-1_111122223333"] != 4 || lines["other vpc-1_111122223333"] != 4 {
			t.Errorf("asked %d times: %v", taken, lines)
		}
	})
}
