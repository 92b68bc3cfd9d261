package route53

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"seamark/internal/api/apitest"
	"seamark/internal/plan"
	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

func simple(name, typ string, values ...string) *types.ResourceRecordSet {
	r := &types.ResourceRecordSet{Name: &name, Type: types.RRType(typ), TTL: aws.Int64(60)}
	for _, v := range values {
		r.ResourceRecords = append(r.ResourceRecords, types.ResourceRecord{Value: &v})
	}
	return r
}

func alias(name, typ, zone, target string) *types.ResourceRecordSet {
	return &types.ResourceRecordSet{Name: &name, Type: types.RRType(typ), AliasTarget: &types.AliasTarget{HostedZoneId: &zone, DNSName: &target}}
}

// with gives a record set an identifier and changes it.
func with(r *types.ResourceRecordSet, id string, f func(*types.ResourceRecordSet)) *types.ResourceRecordSet {
	r.SetIdentifier = &id
	f(r)
	return r
}

func weight(n int64) func(*types.ResourceRecordSet) {
	return func(r *types.ResourceRecordSet) { r.Weight = &n }
}

func change1(action string, r *types.ResourceRecordSet) types.Change {
	return types.Change{Action: types.ChangeAction(action), ResourceRecordSet: r}
}

func batchOf(zone string, changes ...types.Change) *sdk.ChangeResourceRecordSetsInput {
	return &sdk.ChangeResourceRecordSetsInput{HostedZoneId: &zone, ChangeBatch: &types.ChangeBatch{Changes: changes}}
}

func (p *play) must(zone string, changes ...types.Change) {
	p.Helper()
	if _, err := p.ChangeResourceRecordSets(p.Context(), batchOf(zone, changes...)); err != nil {
		p.Fatal(err)
	}
}

// TestChangeBatch_refusals: each rule with its own message, and nothing changed.
func TestChangeBatch_refusals(t *testing.T) {
	p := start(t)
	id, other := p.zone("example.com"), p.zone("other.com")
	p.must(id,
		change1("CREATE", simple("www.example.com", "A", "192.0.2.1", "192.0.2.2")),
		change1("CREATE", simple("alias.example.com", "CNAME", "www.example.com")),
		change1("CREATE", with(simple("w.example.com", "A", "192.0.2.1"), "one", weight(1))),
	)
	create := func(r *types.ResourceRecordSet) []types.Change { return []types.Change{change1("CREATE", r)} }
	many := simple("many.example.com", "TXT")
	for n := range 1001 {
		many.ResourceRecords = append(many.ResourceRecords, types.ResourceRecord{Value: aws.String(fmt.Sprintf("%q", fmt.Sprint(n)))})
	}
	long := simple("long.example.com", "TXT")
	for n := range 9 {
		long.ResourceRecords = append(long.ResourceRecords, types.ResourceRecord{Value: aws.String(strings.Repeat(fmt.Sprintf("%q ", strings.Repeat(fmt.Sprint(n), 197)), 19))})
	}
	bare := &types.ResourceRecordSet{Name: aws.String("x.example.com"), Type: "A"}
	both := alias("x.example.com", "A", id, "www.example.com")
	both.TTL = aws.Int64(1)
	const batch, input = "InvalidChangeBatch", "InvalidInput"
	for what, c := range map[string]struct {
		changes       []types.Change
		code, message string
	}{
		"exists":         {create(simple("WWW.example.com.", "A", "192.0.2.9")), batch, "[Tried to create resource record set [name='www.example.com.', type='A'] but it already exists]"},
		"exists by id":   {create(with(simple("w.example.com", "A", "192.0.2.9"), "one", weight(1))), batch, "[Tried to create resource record set [name='w.example.com.', type='A', set identifier='one'] but it already exists]"},
		"not found":      {[]types.Change{change1("DELETE", simple("no.example.com", "A", "192.0.2.1"))}, batch, "[Tried to delete resource record set [name='no.example.com.', type='A'] but it was not found]"},
		"other values":   {[]types.Change{change1("DELETE", simple("www.example.com", "A", "192.0.2.1"))}, batch, "[Tried to delete resource record set [name='www.example.com.', type='A'] but the values provided do not match the current values]"},
		"outside":        {create(simple("a.notexample.com", "A", "192.0.2.1")), batch, "[RRSet with DNS name a.notexample.com. is not permitted in zone example.com.]"},
		"bad name":       {create(simple("a..example.com", "A", "192.0.2.1")), batch, "[FATAL problem: DomainNameInvalid"},
		"address":        {create(simple("a.example.com", "A", "300.0.2.1")), batch, "[Invalid Resource Record: FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '300.0.2.1']"},
		"IPv6 address":   {create(simple("a.example.com", "AAAA", "192.0.2.1")), batch, "[Invalid Resource Record: FATAL problem: AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address) encountered with '192.0.2.1']"},
		"unquoted text":  {create(simple("a.example.com", "TXT", "hello")), batch, "[Invalid Resource Record: FATAL problem: InvalidCharacterString (Value should be enclosed in quotation marks) encountered with 'hello']"},
		"long text":      {create(simple("a.example.com", "TXT", `"`+strings.Repeat("x", 256)+`"`)), batch, "[Invalid Resource Record: FATAL problem: CharacterStringTooLong"},
		"MX":             {create(simple("a.example.com", "MX", "mail.example.com")), batch, "[Invalid Resource Record: FATAL problem: MXRRDATANotTwoFields"},
		"SRV":            {create(simple("a.example.com", "SRV", "1 1 mail.example.com")), batch, "[Invalid Resource Record: FATAL problem: SRVRRDATANotFourFields"},
		"SRV port":       {create(simple("a.example.com", "SRV", "1 1 99999 mail.example.com")), batch, "[Invalid Resource Record: FATAL problem: SRVRRDATAInvalid"},
		"CAA":            {create(simple("a.example.com", "CAA", "issue")), batch, "[Invalid Resource Record: FATAL problem: CAARRDATAInvalid"},
		"escape":         {create(simple("a.example.com", "TXT", `"\401"`)), batch, "[Invalid Resource Record: FATAL problem: UnsupportedCharacter (Value contains unsupported characters) encountered with '\"\\401\"']"},
		"decimal escape": {create(simple("a.example.com", "SPF", `"\089"`)), batch, "[Invalid Resource Record: FATAL problem: UnsupportedCharacter"},
		"escape in name": {create(simple("a.example.com", "MX", `10 a\9.example.com`)), batch, "[Invalid Resource Record: FATAL problem: UnsupportedCharacter"},
		"not ASCII":      {create(simple("a.example.com", "TXT", `"exämple"`)), batch, "[Invalid Resource Record: FATAL problem: UnsupportedCharacter"},
		"second line":    {create(simple("a.example.com", "TXT", "\"a\"\nb 1 IN A 192.0.2.1")), batch, "[Invalid Resource Record: FATAL problem: UnsupportedCharacter"},
		"twice":          {create(simple("a.example.com", "A", "192.0.2.1", "192.0.2.1")), batch, "[Duplicate Resource Record: '192.0.2.1']"},
		"two CNAMEs":     {create(simple("a.example.com", "CNAME", "a.com", "b.com")), batch, "[Invalid Resource Record: FATAL problem: CNAMERRDATANotSingleValue"},
		"apex CNAME":     {create(simple("example.com", "CNAME", "a.com")), batch, "[RRSet of type CNAME with DNS name example.com. is not permitted at apex in zone example.com.]"},
		"CNAME and A":    {create(simple("www.example.com", "CNAME", "a.com")), batch, "[RRSet of type CNAME with DNS name www.example.com. is not permitted as it conflicts with other records with the same DNS name in zone example.com.]"},
		"A and CNAME":    {create(simple("alias.example.com", "A", "192.0.2.1")), batch, "[RRSet of type CNAME with DNS name alias.example.com. is not permitted as it conflicts"},
		"simple, others": {create(simple("w.example.com", "A", "192.0.2.1")), batch, "[RRSet with DNS name w.example.com., type A cannot be created as other RRSets exist with the same name and type.]"},
		"other policy":   {create(with(simple("w.example.com", "A", "192.0.2.1"), "two", func(r *types.ResourceRecordSet) { r.Region = "us-east-1" })), batch, "[RRSet with DNS name w.example.com., type A cannot be created as other RRSets exist with the same name and type.]"},
		"same Region": {[]types.Change{
			change1("CREATE", with(simple("l.example.com", "A", "192.0.2.1"), "one", func(r *types.ResourceRecordSet) { r.Region = "us-east-1" })),
			change1("CREATE", with(simple("l.example.com", "A", "192.0.2.1"), "two", func(r *types.ResourceRecordSet) { r.Region = "us-east-1" })),
		}, batch, "[RRSet with DNS name l.example.com., type A, SetIdentifier two cannot be created as another latency RRSet for us-east-1 exists"},
		"no SOA":         {[]types.Change{change1("DELETE", simple("example.com", "SOA", "ns. me. 1 2 3 4 5"))}, batch, "[A HostedZone must contain exactly one SOA record.]"},
		"no NS":          {[]types.Change{change1("DELETE", simple("example.com", "NS", "ns."))}, batch, "[A HostedZone must contain at least one NS record for the zone itself.]"},
		"SOA elsewhere":  {create(simple("a.example.com", "SOA", "ns. me. 1 2 3 4 5")), batch, "[A HostedZone must contain exactly one SOA record.]"},
		"second SOA":     {create(simple("example.com", "SOA", "ns. me. 1 2 3 4 5")), batch, "[Tried to create resource record set [name='example.com.', type='SOA'] but it already exists]"},
		"no target":      {create(alias("a.example.com", "A", id, "none.example.com")), batch, "[Tried to create an alias that targets none.example.com., type A in zone " + id + ", but that target was not found]"},
		"target outside": {create(alias("a.example.com", "A", id, "www.other.com")), batch, "[Tried to create an alias that targets www.other.com., type A in zone " + id + ", but the alias target name does not lie within the target zone]"},
		"other zone":     {create(alias("a.example.com", "A", other, "www.other.com")), batch, "[Tried to create an alias that targets www.other.com., type A in zone " + other + ", but the alias target name"},
		"records":        {create(many), batch, "[Number of records limit of 1000 exceeded.]"},
		"characters":     {create(long), batch, "[RDATA character limit of 32000 exceeded.]"},
		"all at once":    {[]types.Change{change1("CREATE", simple("a.example.com", "A", "x")), change1("CREATE", simple("b.example.com", "A", "y")), change1("CREATE", simple("c.example.com", "A", "192.0.2.1"))}, batch, "[Invalid Resource Record: FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with 'x', Invalid Resource Record: FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with 'y']"},
		"nothing":        {create(bare), input, "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found none in Change with [Action=CREATE, Name=x.example.com, Type=A, SetIdentifier=null]"},
		"alias with TTL": {create(both), input, "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found more than one in Change with"},
		"no identifier": {create(func() *types.ResourceRecordSet {
			r := simple("x.example.com", "A", "192.0.2.1")
			r.Weight = aws.Int64(1)
			return r
		}()), input, "Invalid request: Missing field 'SetIdentifier' in Change with [Action=CREATE, Name=x.example.com, Type=A, SetIdentifier=null]"},
		"no policy":    {create(with(simple("x.example.com", "A", "192.0.2.1"), "one", func(*types.ResourceRecordSet) {})), input, "Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, or MultiValueAnswer], but found none"},
		"two policies": {create(with(simple("x.example.com", "A", "192.0.2.1"), "one", func(r *types.ResourceRecordSet) { r.Weight, r.Region = aws.Int64(1), "us-east-1" })), input, "Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, or MultiValueAnswer], but found more than one"},
		"primary":      {create(with(simple("x.example.com", "A", "192.0.2.1"), "one", func(r *types.ResourceRecordSet) { r.Failover = "PRIMARY" })), input, "Invalid request: Missing field 'HealthCheckId'"},
		"multivalue":   {create(with(alias("x.example.com", "A", id, "www.example.com"), "one", func(r *types.ResourceRecordSet) { r.MultiValueAnswer = aws.Bool(true) })), input, "Invalid request: MultiValueAnswer is not permitted"},
		"place":        {create(with(simple("x.example.com", "A", "192.0.2.1"), "one", func(r *types.ResourceRecordSet) { r.GeoLocation = &types.GeoLocation{ContinentCode: aws.String("XX")} })), input, "Invalid request: GeoLocation ContinentCode XX is not valid"},
		"checked, simple": {create(func() *types.ResourceRecordSet {
			r := simple("x.example.com", "A", "192.0.2.1")
			r.HealthCheckId = aws.String("h")
			return r
		}()), input, "Invalid request: HealthCheckId is not permitted"},
		"traffic policy": {create(&types.ResourceRecordSet{Name: aws.String("x.example.com"), Type: "A", TrafficPolicyInstanceId: aws.String("t")}), input, "Invalid request: TrafficPolicyInstanceId is not built in Seamark yet"},
		"weight":         {create(with(simple("x.example.com", "A", "192.0.2.1"), "one", weight(256))), input, "1 validation error detected"},
	} {
		t.Run(what, func(t *testing.T) {
			p.unchanged(func() {
				// The last change of each batch would succeed by itself.
				good := change1("UPSERT", simple("good.example.com", "A", "192.0.2.1"))
				_, err := p.ChangeResourceRecordSets(t.Context(), batchOf(id, append(c.changes, good)...))
				refused(t, err, c.code, 400, c.message)
			})
		})
	}
	p.unchanged(func() {
		_, err := p.ChangeResourceRecordSets(t.Context(), batchOf(id, change1("CREATE", with(simple("x.example.com", "A", "192.0.2.1"), "one", func(r *types.ResourceRecordSet) { r.Weight, r.HealthCheckId = aws.Int64(1), aws.String("none") }))))
		refused(t, err, "NoSuchHealthCheck", 404, "A health check with id none does not exist.")
		_, err = p.ChangeResourceRecordSets(t.Context(), batchOf("ZNONE", change1("CREATE", simple("x.example.com", "A", "192.0.2.1"))))
		refused(t, err, "NoSuchHostedZone", 404, "")
	})
}

// A batch is one change: what it removes makes room for what it creates, in
// whatever order, and an alias may come before its target.
func TestChangeBatch(t *testing.T) {
	p := start(t)
	id := p.zone("example.com")
	p.must(id, change1("CREATE", alias("a.example.com", "A", id, "www.example.com")), change1("CREATE", simple("www.example.com", "A", "192.0.2.1")))
	p.must(id,
		change1("DELETE", alias("a.example.com", "A", id, "WWW.example.com")),
		change1("CREATE", simple("a.example.com", "CNAME", "www.example.com")),
		change1("UPSERT", simple("www.example.com", "A", "192.0.2.2", "192.0.2.1")),
	)
	p.must(id, change1("DELETE", simple("www.example.com", "A", "192.0.2.1", "192.0.2.2")))
	p.must(id,
		change1("CREATE", simple("example.com", "MX", "10 mail", "20 mail2.example.com.")),
		change1("CREATE", simple("*.example.com", "TXT", `"a" "b"`)),
		change1("CREATE", simple("sub.example.com", "NS", "ns.sub.example.com")),
		change1("CREATE", simple("s.example.com", "SRV", "1 2 80 www.example.com")),
		change1("CREATE", simple("c.example.com", "CAA", `0 issue "ca.example"`)),
		change1("CREATE", simple("h.example.com", "HTTPS", "1 . alpn=h2")),
		change1("CREATE", simple("n.example.com", "NAPTR", `100 50 "s" "http" "" _http._tcp.example.com.`)),
		change1("CREATE", simple("p.example.com", "PTR", "www.example.com")),
		change1("CREATE", with(simple("geo.example.com", "A", "192.0.2.1"), "world", func(r *types.ResourceRecordSet) { r.GeoLocation = &types.GeoLocation{CountryCode: aws.String("*")} })),
	)
	// Each of them is a record set that the table has.
	w := p.changes.View()
	if n := w.RecordSets.Len(); n != 10 {
		t.Errorf("%d record sets", n)
	}
	if r := w.RecordSets.Get(world.RecordSetKey(world.HostedZoneID(id), `\052.example.com.`, "TXT", "")); r == nil {
		t.Error("no wildcard")
	}
}

func TestListResourceRecordSets(t *testing.T) {
	p := start(t)
	id := p.zone("example.com")
	p.must(id,
		change1("CREATE", simple("b.example.com", "A", "192.0.2.1")), change1("CREATE", simple("a.b.example.com", "A", "192.0.2.1")),
		change1("CREATE", simple("a.example.com", "TXT", `"x"`)), change1("CREATE", simple("example.com", "A", "192.0.2.1")),
		change1("CREATE", with(simple("a.example.com", "A", "192.0.2.1"), "two", weight(0))), change1("CREATE", with(simple("a.example.com", "A", "192.0.2.1"), "one", weight(1))),
		change1("UPSERT", simple("example.com", "NS", "ns1.example.net")),
	)
	want := []string{
		"example.com. A ", "example.com. NS ", "example.com. SOA ", "a.example.com. A one", "a.example.com. A two", "a.example.com. TXT ", "b.example.com. A ", "a.b.example.com. A ",
	}
	show := func(r types.ResourceRecordSet) string {
		return fmt.Sprintf("%s %s %s", *r.Name, r.Type, aws.ToString(r.SetIdentifier))
	}
	for _, limit := range []int32{1, 2, 3, 300} {
		var got []string
		pages := sdk.NewListResourceRecordSetsPaginator(p.Client, &sdk.ListResourceRecordSetsInput{HostedZoneId: &id, MaxItems: &limit})
		for pages.HasMorePages() {
			out, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range out.ResourceRecordSets {
				got = append(got, show(r))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("by %d: %q", limit, got)
		}
	}
	for start, first := range map[[3]string]int{{"a.example.com"}: 3, {"a.example.com", "TXT"}: 5, {"a.example.com", "A", "p"}: 4, {"aa.example.com"}: 6, {"z.example.com"}: 8} {
		in := &sdk.ListResourceRecordSetsInput{HostedZoneId: &id, StartRecordName: &start[0], StartRecordType: types.RRType(start[1])}
		if start[2] != "" {
			in.StartRecordIdentifier = &start[2]
		}
		out, err := p.ListResourceRecordSets(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range out.ResourceRecordSets {
			got = append(got, show(r))
		}
		if !slices.Equal(got, want[first:]) {
			t.Errorf("from %q: %q", start, got)
		}
	}
	_, err := p.ListResourceRecordSets(t.Context(), &sdk.ListResourceRecordSetsInput{HostedZoneId: &id, StartRecordType: "A"})
	refused(t, err, "InvalidInput", 400, "")
}

// What Cloud Map writes is listed as AWS shows it.
func TestListResourceRecordSets_CloudMap(t *testing.T) {
	p := start(t)
	apitest.Change(t, p.changes, func(d *plan.Draft) {
		d.Put(&world.DiscoveryService{ID: "srv-1", Namespace: "ns-1", Name: "web", RoutingPolicy: "MULTIVALUE", Records: []world.DNSRecord{{Type: "A", TTL: 10}, {Type: "SRV", TTL: 20}}})
		d.Put(&world.DiscoveryInstance{Service: "srv-1", ID: "i/1", Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "80"}})
		d.Put(&world.DiscoveryService{ID: "srv-2", Namespace: "ns-1", Name: "db", RoutingPolicy: "WEIGHTED", Records: []world.DNSRecord{{Type: "CNAME", TTL: 5}}})
		d.Put(&world.DiscoveryInstance{Service: "srv-2", ID: "one", Attributes: map[string]string{"AWS_INSTANCE_CNAME": "DB.example.com"}})
		d.Put(&world.DiscoveryService{ID: "srv-3", Namespace: "ns-1", Name: "lb", RoutingPolicy: "WEIGHTED", Records: []world.DNSRecord{{Type: "A", TTL: 5}}})
		d.Put(&world.DiscoveryInstance{Service: "srv-3", ID: "one", Attributes: map[string]string{"AWS_ALIAS_DNS_NAME": "LB-1.elb.amazonaws.com"}})
	})
	out, err := p.ListResourceRecordSets(t.Context(), &sdk.ListResourceRecordSetsInput{HostedZoneId: aws.String("ZCLOUDMAP")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range out.ResourceRecordSets {
		text := fmt.Sprintf("%s %s %d %s", *r.Name, r.Type, aws.ToInt64(r.TTL), aws.ToString(r.SetIdentifier))
		if a := r.AliasTarget; a != nil {
			text += fmt.Sprintf(" alias %s %s %v", *a.HostedZoneId, *a.DNSName, a.EvaluateTargetHealth)
		}
		for _, v := range r.ResourceRecords {
			text += " " + *v.Value
		}
		if r.MultiValueAnswer != nil {
			text += " multi"
		}
		if r.Weight != nil {
			text += fmt.Sprint(" weight ", *r.Weight)
		}
		got = append(got, text)
	}
	want := []string{
		"map.local. NS 172800  ns-1536.awsdns-00.co.uk. ns-0.awsdns-00.com. ns-1024.awsdns-00.org. ns-512.awsdns-00.net.",
		"map.local. SOA 0  ns-1536.awsdns-00.co.uk. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400",
		"db.map.local. CNAME 5 one db.example.com. weight 1",
		"lb.map.local. A 0 one alias Z35SXDOTRQ7X7K lb-1.elb.amazonaws.com. true weight 1",
		"web.map.local. A 10 i/1 10.0.0.1 multi", `web.map.local. SRV 20 i/1 1 1 80 i/1.web.map.local. multi`,
		`i\0571.web.map.local. A 20  10.0.0.1`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	z, err := p.GetHostedZone(t.Context(), &sdk.GetHostedZoneInput{Id: aws.String("ZCLOUDMAP")})
	if err != nil || *z.HostedZone.ResourceRecordSetCount != int64(len(want)) {
		t.Errorf("%+v, error %v", z, err)
	}
}

// Values are listed as they were given, and answered as the octets that they stand
// for: \ooo is octal.
func TestValues_octal(t *testing.T) {
	p := start(t)
	id := p.zone("example.com")
	given := map[string]string{
		"TXT": `"\101 ex\344mple; \"quoted\"" "\000\377"`, "SPF": `"v=spf1 \055all"`, "MX": `10 a\052b.example.com`, "CAA": `0 issue "\143a.net; a=b"`,
	}
	for typ, value := range given {
		p.must(id, change1("CREATE", simple("v.example.com", typ, value)))
	}
	out, err := p.ListResourceRecordSets(t.Context(), &sdk.ListResourceRecordSetsInput{HostedZoneId: &id, StartRecordName: aws.String("v.example.com")})
	if err != nil || len(out.ResourceRecordSets) != len(given) {
		t.Fatal(out, err)
	}
	for _, r := range out.ResourceRecordSets {
		if got := *r.ResourceRecords[0].Value; got != given[string(r.Type)] {
			t.Errorf("%s is listed as %s, was given as %s", r.Type, got, given[string(r.Type)])
		}
	}
	table, _ := zone.Compile(p.changes.View(), zone.PublicID, zone.Options{Public: true})
	answered := map[uint16]string{}
	for _, s := range table.Zones[0].Names[0].Sets {
		answered[s.Type] = s.Records[0]
	}
	if want := map[uint16]string{16: `"\065 ex\228mple; \"quoted\"" "\000\255"`, 99: `"v=spf1 \045all"`, 15: `10 a\042b.example.com`, 257: `0 issue "\099a.net; a=b"`}; !maps.Equal(answered, want) {
		t.Errorf("answered %v, expected %v", answered, want)
	}
	p.must(id, change1("DELETE", simple("v.example.com", "TXT", given["TXT"])))
	answer, err := p.Client.TestDNSAnswer(t.Context(), &sdk.TestDNSAnswerInput{HostedZoneId: &id, RecordName: aws.String("v.example.com"), RecordType: "MX"})
	if err != nil || len(answer.RecordData) != 1 || answer.RecordData[0] != given["MX"] {
		t.Errorf("%+v, error %v", answer, err)
	}
}

// The target of an alias may be deleted. The alias stays, without an answer, and
// is in nobody's way; it cannot be put again until there is a target.
func TestAliasTarget_deleted(t *testing.T) {
	p := start(t)
	id := p.zone("example.com")
	target := simple("www.example.com", "A", "192.0.2.1")
	p.must(id, change1("CREATE", target), change1("CREATE", alias("a.example.com", "A", id, "www.example.com")))
	answer := func(want ...string) {
		t.Helper()
		out, err := p.Client.TestDNSAnswer(t.Context(), &sdk.TestDNSAnswerInput{HostedZoneId: &id, RecordName: aws.String("a.example.com"), RecordType: "A"})
		if err != nil || *out.ResponseCode != "NOERROR" || !slices.Equal(out.RecordData, want) {
			t.Errorf("%+v, error %v", out, err)
		}
	}
	answer("192.0.2.1")
	p.must(id, change1("DELETE", target))
	answer()
	p.must(id, change1("CREATE", simple("a.example.com", "TXT", `"beside it"`)))
	p.unchanged(func() {
		_, err := p.ChangeResourceRecordSets(t.Context(), &sdk.ChangeResourceRecordSetsInput{HostedZoneId: &id,
			ChangeBatch: &types.ChangeBatch{Changes: []types.Change{change1("UPSERT", alias("a.example.com", "A", id, "www.example.com"))}}})
		refused(t, err, "InvalidChangeBatch", 400, "[Tried to create an alias that targets www.example.com., type A in zone "+id+", but that target was not found]")
	})
	p.must(id, change1("CREATE", simple("www.example.com", "A", "192.0.2.2")))
	answer("192.0.2.2")
	p.must(id, change1("DELETE", alias("a.example.com", "A", id, "www.example.com")))
}

func TestTestDNSAnswer(t *testing.T) {
	p := start(t)
	id := p.zone("example.com")
	p.must(id,
		change1("CREATE", simple("www.example.com", "A", "192.0.2.1", "192.0.2.2")), change1("CREATE", simple("c.example.com", "CNAME", "www.example.com")),
		change1("CREATE", alias("a.example.com", "A", id, "www.example.com")), change1("CREATE", simple("*.w.example.com", "TXT", `"wild"`)),
		change1("CREATE", simple("deep.er.example.com", "A", "192.0.2.3")),
		change1("CREATE", with(simple("w8.example.com", "A", "192.0.2.8"), "one", weight(0))), change1("CREATE", with(simple("w8.example.com", "A", "192.0.2.9"), "two", weight(3))),
	)
	for question, want := range map[string]string{
		"www.example.com A": "NOERROR 192.0.2.1 192.0.2.2", "WWW.example.com AAAA": "NOERROR", "c.example.com A": "NOERROR www.example.com", "a.example.com A": "NOERROR 192.0.2.1 192.0.2.2",
		"x.y.w.example.com TXT": `NOERROR "wild"`, "x.w.example.com A": "NOERROR", "er.example.com A": "NOERROR", "none.example.com A": "NXDOMAIN", "w8.example.com A": "NOERROR 192.0.2.9",
		"example.com SOA": "NOERROR ns-2048.awsdns-64.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400",
	} {
		name, typ, _ := strings.Cut(question, " ")
		out, err := p.Client.TestDNSAnswer(t.Context(), &sdk.TestDNSAnswerInput{HostedZoneId: &id, RecordName: &name, RecordType: types.RRType(typ)})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(out.RecordData)
		if got := strings.Join(append([]string{*out.ResponseCode}, out.RecordData...), " "); got != want {
			t.Errorf("%s: %q, expected %q", question, got, want)
		}
	}
	_, err := p.Client.TestDNSAnswer(t.Context(), &sdk.TestDNSAnswerInput{HostedZoneId: &id, RecordName: aws.String("www.other.com"), RecordType: "A"})
	refused(t, err, "InvalidInput", 400, "")
}

func TestHealthChecks(t *testing.T) {
	p := start(t)
	made := map[string]string{}
	create := func(reference string, c *types.HealthCheckConfig) error {
		out, err := p.Client.CreateHealthCheck(t.Context(), &sdk.CreateHealthCheckInput{CallerReference: &reference, HealthCheckConfig: c})
		if err == nil {
			if id := *out.HealthCheck.Id; made[reference] != "" && made[reference] != id || !strings.HasSuffix(*out.Location, id) {
				t.Errorf("%s is %s, at %s", reference, id, *out.Location)
			}
			made[reference] = *out.HealthCheck.Id
		}
		return err
	}
	web := &types.HealthCheckConfig{Type: "HTTPS", FullyQualifiedDomainName: aws.String("www.example.com"), ResourcePath: aws.String("/health")}
	for range 2 { // the second is the first again
		if err := create("web", web); err != nil {
			t.Fatal(err)
		}
	}
	got, err := p.Client.GetHealthCheck(t.Context(), &sdk.GetHealthCheckInput{HealthCheckId: aws.String(made["web"])})
	if err != nil {
		t.Fatal(err)
	}
	if c := got.HealthCheck.HealthCheckConfig; *c.Port != 443 || *c.RequestInterval != 30 || *c.FailureThreshold != 3 || !*c.EnableSNI || *got.HealthCheck.HealthCheckVersion != 1 {
		t.Errorf("%+v, config %+v", got.HealthCheck, c)
	}
	ip := aws.String("192.0.2.1")
	p.unchanged(func() {
		refused(t, create("web", &types.HealthCheckConfig{Type: "TCP", IPAddress: ip, Port: aws.Int32(1)}), "HealthCheckAlreadyExists", 409, "")
		for what, c := range map[string]*types.HealthCheckConfig{
			"no endpoint":  {Type: "HTTP"},
			"no port":      {Type: "TCP", IPAddress: ip},
			"no string":    {Type: "HTTP_STR_MATCH", IPAddress: ip},
			"string":       {Type: "HTTP", IPAddress: ip, SearchString: aws.String("x")},
			"interval":     {Type: "HTTP", IPAddress: ip, RequestInterval: aws.Int32(20)},
			"path":         {Type: "TCP", IPAddress: ip, Port: aws.Int32(1), ResourcePath: aws.String("/")},
			"alarm":        {Type: "CLOUDWATCH_METRIC"},
			"no children":  {Type: "CALCULATED", HealthThreshold: aws.Int32(1)},
			"no child":     {Type: "CALCULATED", HealthThreshold: aws.Int32(1), ChildHealthChecks: []string{"none"}},
			"endpoint":     {Type: "CALCULATED", HealthThreshold: aws.Int32(1), ChildHealthChecks: []string{made["web"]}, IPAddress: ip},
			"children":     {Type: "HTTP", IPAddress: ip, ChildHealthChecks: []string{made["web"]}},
			"address":      {Type: "HTTP", IPAddress: aws.String("192.0.2")},
			"two Regions":  {Type: "HTTP", IPAddress: ip, Regions: []types.HealthCheckRegion{"us-east-1", "us-west-1"}},
			"unknown type": {Type: "GOPHER"},
		} {
			t.Log(what)
			refused(t, create(what, c), "InvalidInput", 400, "")
		}
	})
	if err := create("all", &types.HealthCheckConfig{Type: "CALCULATED", HealthThreshold: aws.Int32(1), ChildHealthChecks: []string{made["web"]}}); err != nil {
		t.Fatal(err)
	}
	update := &sdk.UpdateHealthCheckInput{HealthCheckId: aws.String(made["web"]), HealthCheckVersion: aws.Int64(1), Port: aws.Int32(8443), ResetElements: []types.ResettableElementName{"ResourcePath"}}
	updated, err := p.Client.UpdateHealthCheck(t.Context(), update)
	if err != nil || *updated.HealthCheck.HealthCheckVersion != 2 || *updated.HealthCheck.HealthCheckConfig.Port != 8443 || updated.HealthCheck.HealthCheckConfig.ResourcePath != nil {
		t.Errorf("%+v, error %v", updated, err)
	}
	p.unchanged(func() {
		_, err := p.Client.UpdateHealthCheck(t.Context(), update)
		refused(t, err, "HealthCheckVersionMismatch", 409, "")
	})
	var listed []string
	pages := sdk.NewListHealthChecksPaginator(p.Client, &sdk.ListHealthChecksInput{MaxItems: aws.Int32(1)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range out.HealthChecks {
			listed = append(listed, *h.Id)
		}
	}
	if !slices.Equal(listed, slices.Sorted(maps.Values(made))) {
		t.Errorf("listed %v, made %v", listed, made)
	}
	testHealth(p, made)
	if _, err := p.Client.DeleteHealthCheck(t.Context(), &sdk.DeleteHealthCheckInput{HealthCheckId: aws.String(made["all"])}); err != nil {
		t.Fatal(err)
	}
	_, err = p.Client.DeleteHealthCheck(t.Context(), &sdk.DeleteHealthCheckInput{HealthCheckId: aws.String(made["all"])})
	refused(t, err, "NoSuchHealthCheck", 404, "A health check with id "+made["all"]+" does not exist.")
}

// testHealth: what a check saw decides what is answered.
func testHealth(p *play, made map[string]string) {
	id := p.zone("failover.com")
	p.must(id,
		change1("CREATE", with(simple("www.failover.com", "A", "192.0.2.1"), "first", func(r *types.ResourceRecordSet) { r.Failover, r.HealthCheckId = "PRIMARY", aws.String(made["all"]) })),
		change1("CREATE", with(simple("www.failover.com", "A", "192.0.2.2"), "second", func(r *types.ResourceRecordSet) { r.Failover = "SECONDARY" })),
	)
	for _, c := range []struct {
		status world.HealthStatus
		answer string
		seen   int
	}{{"", "192.0.2.1", 0}, {world.Unhealthy, "192.0.2.2", 1}, {world.Healthy, "192.0.2.1", 1}} {
		apitest.Change(p.T, p.changes, func(d *plan.Draft) {
			h := *d.World.HealthChecks.Get(made["web"])
			h.Observed = world.HealthCheckObservation{Status: c.status, Text: "seen", At: d.Now}
			d.Put(&h)
		})
		out, err := p.Client.TestDNSAnswer(p.Context(), &sdk.TestDNSAnswerInput{HostedZoneId: &id, RecordName: aws.String("www.failover.com"), RecordType: "A"})
		if err != nil || !slices.Equal(out.RecordData, []string{c.answer}) {
			p.Errorf("%s: %+v, error %v", c.status, out, err)
		}
		status, err := p.Client.GetHealthCheckStatus(p.Context(), &sdk.GetHealthCheckStatusInput{HealthCheckId: aws.String(made["web"])})
		if err != nil || len(status.HealthCheckObservations) != c.seen {
			p.Errorf("%s: %+v, error %v", c.status, status, err)
		}
	}
	_, err := p.Client.GetHealthCheckStatus(p.Context(), &sdk.GetHealthCheckStatusInput{HealthCheckId: aws.String(made["all"])})
	refused(p.T, err, "InvalidInput", 400, "")
}

// The real CLI makes a zone, changes a record, waits, pages and deletes.
func TestCLI_zone(t *testing.T) {
	p := start(t)
	run := func(want string, args ...string) string {
		t.Helper()
		exit, out := apitest.CLI(t, p.url, append([]string{"route53"}, args...)...)
		if exit != 0 && !strings.Contains(want, "error") || !strings.Contains(out, want) {
			t.Fatalf("%v: exit %d, %s", args, exit, out)
		}
		return strings.TrimSpace(out)
	}
	id := run("/hostedzone/Z", "create-hosted-zone", "--name", "example.com", "--caller-reference", "cli", "--query", "HostedZone.Id", "--output", "text")
	batch := func(action, value string) string {
		return fmt.Sprintf(`{"Changes":[{"Action":%q,"ResourceRecordSet":{"Name":"www.example.com","Type":"A","TTL":60,"ResourceRecords":[{"Value":%q}]}}]}`, action, value)
	}
	change := run("/change/C", "change-resource-record-sets", "--hosted-zone-id", id, "--change-batch", batch("CREATE", "192.0.2.1"), "--query", "ChangeInfo.Id", "--output", "text")
	run("", "wait", "resource-record-sets-changed", "--id", change)
	run("An error occurred (InvalidChangeBatch) when calling the ChangeResourceRecordSets operation: [Tried to create resource record set [name='www.example.com.', type='A'] but it already exists]",
		"change-resource-record-sets", "--hosted-zone-id", id, "--change-batch", batch("CREATE", "192.0.2.1"))
	run("www.example.com.", "list-resource-record-sets", "--hosted-zone-id", id, "--page-size", "1", "--query", "ResourceRecordSets[].Name", "--output", "text")
	run("192.0.2.1", "test-dns-answer", "--hosted-zone-id", id, "--record-name", "www.example.com", "--record-type", "A")
	run("/change/C", "change-resource-record-sets", "--hosted-zone-id", id, "--change-batch", batch("DELETE", "192.0.2.1"))
	run("/change/C", "delete-hosted-zone", "--id", id)
}
