package control

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"strconv"
	"time"

	"github.com/miekg/dns"

	"seamark/internal/dataplane"
	"seamark/internal/world"
)

// queryLogEvery is how often the data plane is asked for records.
const queryLogEvery = time.Second

// QueryEvent is one line of a query log.
type QueryEvent struct {
	Time    time.Time
	Message string
}

// QueryLogOptions is what QueryLog needs.
type QueryLogOptions struct {
	View  func() world.World // required
	Scope world.Scope
	// Take takes the records that the data plane has kept, and how many it had no
	// room for.
	Take func(context.Context) ([]dataplane.Query, uint64, error)
	// Append adds lines to a log stream, which it makes if there is none.
	Append func(ctx context.Context, group, stream string, events []QueryEvent) error
	Logger *slog.Logger
}

// QueryLog carries the records of DNS queries to the log groups that query log
// configurations name, in a stream for each VPC.
type QueryLog struct{ o QueryLogOptions }

// NewQueryLog returns a QueryLog that does nothing until Run.
func NewQueryLog(o QueryLogOptions) *QueryLog { return &QueryLog{o} }

// Run carries records until ctx ends. What is kept then is carried by the next
// process, as far as the data plane has room for it.
func (l *QueryLog) Run(ctx context.Context) error {
	tick := time.NewTicker(queryLogEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if l.o.View().QueryLogAssociations.Len() > 0 {
			l.carry(ctx)
		}
	}
}

func (l *QueryLog) carry(ctx context.Context) {
	records, dropped, err := l.o.Take(ctx)
	if err != nil {
		return // between two data planes; the supervisor tells
	}
	if dropped > 0 {
		l.o.Logger.Warn("query log records had no room", "records", dropped)
	}
	byVPC := map[world.VPCID][]dataplane.Query{}
	for _, q := range records {
		byVPC[q.VPC] = append(byVPC[q.VPC], q)
	}
	w := l.o.View()
	for vpc, queries := range byVPC {
		events := queryEvents(w, l.o.Scope, vpc, queries)
		stream := string(vpc) + "_" + l.o.Scope.Account
		for a := range w.QueryLogsIn(vpc) {
			c := w.QueryLogConfigs.Get(a.Config)
			if c == nil || w.LogGroups.Get(c.LogGroup()) == nil {
				continue // the association says so
			}
			if err := l.o.Append(ctx, c.LogGroup(), stream, events); err != nil && ctx.Err() == nil {
				l.o.Logger.Warn("query log", "group", c.LogGroup(), "stream", stream, "lost", len(events), "error", err)
			}
		}
	}
}

// queryRecord is a line of a query log (Route 53 developer guide, "Values that
// appear in VPC Resolver query logs"). Its fields are in AWS's order.
type queryRecord struct {
	Version        string            `json:"version"`
	Account        string            `json:"account_id"`
	Region         string            `json:"region"`
	VPC            string            `json:"vpc_id"`
	Timestamp      string            `json:"query_timestamp"`
	Name           string            `json:"query_name"`
	Type           string            `json:"query_type"`
	Class          string            `json:"query_class"`
	Rcode          string            `json:"rcode"`
	Answers        []queryAnswer     `json:"answers"`
	SourceAddress  string            `json:"srcaddr"`
	SourcePort     string            `json:"srcport"`
	Transport      string            `json:"transport"`
	SourceIDs      map[string]string `json:"srcids"`
	FirewallGroup  string            `json:"firewall_rule_group_id,omitempty"`
	FirewallAction string            `json:"firewall_rule_action,omitempty"`
	FirewallList   string            `json:"firewall_domain_list_id,omitempty"`
}

type queryAnswer struct {
	Data  string `json:"Rdata"`
	Type  string `json:"Type"`
	Class string `json:"Class"`
}

// queryEvents writes the records of one VPC.
func queryEvents(w world.World, scope world.Scope, vpc world.VPCID, queries []dataplane.Query) []QueryEvent {
	instances := map[netip.Addr]string{}
	for n := range w.InterfacesOf(vpc) {
		if n.OwnerKind == world.OwnedByInstance {
			instances[n.Address] = n.OwnerID
		}
	}
	events := make([]QueryEvent, 0, len(queries))
	for _, q := range queries {
		r := queryRecord{
			Version: "1.100000", Account: scope.Account, Region: scope.Region, VPC: string(vpc), Timestamp: q.Time.UTC().Format(time.RFC3339),
			Name: q.Name, Type: dns.Type(q.Type).String(), Class: dns.Class(q.Class).String(), Rcode: rcodeName(q.Rcode), Answers: []queryAnswer{},
			SourceAddress: q.Source.Addr().String(), SourcePort: strconv.Itoa(int(q.Source.Port())), Transport: "UDP", SourceIDs: sourceIDs(w, q, instances),
			FirewallGroup: string(q.FirewallGroup), FirewallAction: q.FirewallAction, FirewallList: string(q.FirewallList),
		}
		if q.TCP {
			r.Transport = "TCP"
		}
		for _, a := range q.Answers {
			r.Answers = append(r.Answers, queryAnswer{a.Data, dns.Type(a.Type).String(), dns.Class(a.Class).String()})
		}
		line, err := json.Marshal(r)
		if err != nil {
			continue // texts always marshal
		}
		events = append(events, QueryEvent{q.Time, string(line)})
	}
	return events
}

// sourceIDs say who asked: an instance, or whoever came in by an endpoint.
func sourceIDs(w world.World, q dataplane.Query, instances map[netip.Addr]string) map[string]string {
	ids := map[string]string{}
	if q.Endpoint == "" {
		if id, ok := instances[q.Source.Addr()]; ok {
			ids["instance"] = id
		}
		return ids
	}
	ids["resolver_endpoint"] = string(q.Endpoint)
	if e := w.ResolverEndpoints.Get(string(q.Endpoint)); e != nil {
		for _, a := range e.Addresses {
			if a.Interface == q.Interface {
				ids["resolver_network_interface"] = a.ID
			}
		}
	}
	return ids
}

func rcodeName(code uint16) string {
	if name, ok := dns.RcodeToString[int(code)]; ok {
		return name
	}
	return "RCODE" + strconv.Itoa(int(code))
}
