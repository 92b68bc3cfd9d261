package servicediscovery

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"seamark/internal/plan"
	"seamark/internal/world"
)

func TestCreatePrivateDnsNamespace(t *testing.T) {
	h := newHarness(t)
	op := h.do("CreatePrivateDnsNamespace", `{"Name":"myapp.local","Vpc":"`+vpcA+`","Description":"of the guide","CreatorRequestId":"one","Tags":[{"Key":"k","Value":"v"}],"Properties":{"DnsProperties":{"SOA":{"TTL":7}}}}`).text("OperationId")
	if !regexp.MustCompile(`^[a-z2-7]{32}-[0-9a-z]{8}$`).MatchString(op) {
		t.Errorf("operation id %q", op)
	}
	got := h.do("GetOperation", `{"OperationId":"`+op+`"}`)
	id := got.text("Operation", "Targets", "NAMESPACE")
	if !regexp.MustCompile(`^ns-[a-z2-7]{16}$`).MatchString(id) {
		t.Errorf("namespace id %q", id)
	}
	got.want(`"CREATE_NAMESPACE"`, "Operation", "Type")
	got.want(`"SUCCESS"`, "Operation", "Status")
	got.want(`"123456789012"`, "Operation", "OwnerAccount")
	n := h.do("GetNamespace", `{"Id":"`+arnPrefix+`namespace/`+id+`"}`)
	n.want(`"`+id+`"`, "Namespace", "Id")
	n.want(`"`+arnPrefix+`namespace/`+id+`"`, "Namespace", "Arn")
	n.want(`"myapp.local"`, "Namespace", "Name")
	n.want(`"DNS_PRIVATE"`, "Namespace", "Type")
	n.want(`"of the guide"`, "Namespace", "Description")
	n.want(`"one"`, "Namespace", "CreatorRequestId")
	n.want(`0`, "Namespace", "ServiceCount")
	n.want(`7`, "Namespace", "Properties", "DnsProperties", "SOA", "TTL")
	n.want(`"myapp.local"`, "Namespace", "Properties", "HttpProperties", "HttpName")
	h.do("ListTagsForResource", `{"ResourceARN":"`+arnPrefix+`namespace/`+id+`"}`).want(`[{"Key":"k","Value":"v"}]`, "Tags")

	z := h.changes.View().HostedZones.Get(n.text("Namespace", "Properties", "DnsProperties", "HostedZoneId"))
	if z == nil || z.Name != "myapp.local." || !z.Private || z.CallerReference != op || string(z.Namespace) != id || z.SOATTL != 7 || !slices.Equal(z.VPCs, []world.VPCID{vpcA}) {
		t.Errorf("hosted zone %+v", z)
	}
	if want := "Created by AWS Cloud Map namespace with ARN " + arnPrefix + "namespace/" + id; z.Comment != want {
		t.Errorf("comment %q", z.Comment)
	}
}

func TestCreateHttpNamespace(t *testing.T) {
	h := newHarness(t)
	n := h.do("GetNamespace", `{"Id":"`+h.httpNamespace("Web")+`"}`)
	n.want(`"HTTP"`, "Namespace", "Type")
	n.want(`{"DnsProperties":{},"HttpProperties":{"HttpName":"Web"}}`, "Namespace", "Properties")
	n.want(`null`, "Namespace", "Description")
	n.want(`null`, "Namespace", "CreatorRequestId")
	if h.changes.View().HostedZones.Len() != 0 {
		t.Error("an HTTP namespace has a hosted zone")
	}
}

func TestCreatePublicDnsNamespace(t *testing.T) {
	h := newHarness(t)
	op := h.do("CreatePublicDnsNamespace", `{"Name":"Example.com","Description":"d","CreatorRequestId":"one","Tags":[{"Key":"k","Value":"v"}],"Properties":{"DnsProperties":{"SOA":{"TTL":7}}}}`).text("OperationId")
	got := h.do("GetOperation", `{"OperationId":"`+op+`"}`)
	got.want(`"CREATE_NAMESPACE"`, "Operation", "Type")
	id := got.text("Operation", "Targets", "NAMESPACE")
	n := h.do("GetNamespace", `{"Id":"`+id+`"}`)
	n.want(`"DNS_PUBLIC"`, "Namespace", "Type")
	n.want(`"Example.com"`, "Namespace", "Name")
	n.want(`7`, "Namespace", "Properties", "DnsProperties", "SOA", "TTL")
	n.want(`"Example.com"`, "Namespace", "Properties", "HttpProperties", "HttpName")
	h.do("ListTagsForResource", `{"ResourceARN":"`+arnPrefix+`namespace/`+id+`"}`).want(`[{"Key":"k","Value":"v"}]`, "Tags")
	zone := n.text("Namespace", "Properties", "DnsProperties", "HostedZoneId")
	z := h.changes.View().HostedZones.Get(zone)
	if z == nil || z.Name != "example.com." || z.Private || len(z.VPCs) != 0 || z.CallerReference != op || string(z.Namespace) != id || z.SOATTL != 7 {
		t.Errorf("hosted zone %+v", z)
	}
	h.do("CreatePublicDnsNamespace", `{"Name":"Example.com","Description":"d","CreatorRequestId":"one","Properties":{"DnsProperties":{"SOA":{"TTL":7}}},"Tags":[{"Key":"k","Value":"v"}]}`).want(`"`+op+`"`, "OperationId")
	h.fails("CreatePublicDnsNamespace", `{"Name":"Example.com","CreatorRequestId":"one"}`, "DuplicateRequest", "", "DuplicateOperationId", op)
	h.fails("CreatePublicDnsNamespace", `{"Name":"example.COM"}`, "NamespaceAlreadyExists", "", "NamespaceId", id, "CreatorRequestId", "one")
	for _, name := range []string{"local", "a..b", "-a.b", "a_b.c", "a b.c", ".a.b", "a.b.", strings.Repeat("a", 64) + ".b"} {
		h.fails("CreatePublicDnsNamespace", `{"Name":"`+name+`"}`, "InvalidInput", "1 validation error detected: Value '"+name+"' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ")
	}
	// The same name in private, and for HTTP, is another namespace.
	for _, other := range []string{h.namespace("Example.com", vpcA), h.httpNamespace("Example.com")} {
		if name := h.do("GetNamespace", `{"Id":"`+other+`"}`).text("Namespace", "Properties", "HttpProperties", "HttpName"); !regexp.MustCompile(`^Example\.com-[0-9a-f]{16}$`).MatchString(name) {
			t.Errorf("HttpName %q", name)
		}
	}
	h.do("UpdatePublicDnsNamespace", `{"Id":"`+id+`","UpdaterRequestId":"u","Namespace":{"Properties":{"DnsProperties":{"SOA":{"TTL":9}}}}}`)
	n = h.do("GetNamespace", `{"Id":"`+id+`"}`)
	n.want(`9`, "Namespace", "Properties", "DnsProperties", "SOA", "TTL")
	n.want(`"d"`, "Namespace", "Description") // omitted: unchanged
	if z := h.changes.View().HostedZones.Get(zone); z.SOATTL != 9 {
		t.Errorf("the zone's TTL is %d", z.SOATTL)
	}
	h.fails("UpdatePrivateDnsNamespace", `{"Id":"`+id+`","Namespace":{"Description":"x"}}`, "InvalidInput", "The namespace "+id+" has the type DNS_PUBLIC, not DNS_PRIVATE.")
	h.do("DeleteNamespace", `{"Id":"`+id+`"}`)
	if h.changes.View().HostedZones.Get(zone) != nil {
		t.Error("the zone is still there")
	}
}

func TestNamespace_SOATTLByDefault(t *testing.T) {
	h := newHarness(t)
	h.do("GetNamespace", `{"Id":"`+h.namespace("a.b", vpcA)+`"}`).want(`15`, "Namespace", "Properties", "DnsProperties", "SOA", "TTL")
}

func TestCreateNamespace_Refused(t *testing.T) {
	h := newHarness(t)
	id := h.namespace("myapp.local", vpcA)
	web := h.httpNamespace("web")
	long := strings.Repeat("a", 64)
	ttl := func(n string) string {
		return `{"Name":"x","Vpc":"` + vpcA + `","Properties":{"DnsProperties":{"SOA":{"TTL":` + n + `}}}}`
	}
	for _, c := range []struct{ op, body, code, message string }{
		{"CreatePrivateDnsNamespace", `{"Name":"x"}`, "InvalidInput", "1 validation error detected: Value null at 'vpc'"},
		{"CreatePrivateDnsNamespace", `{"Vpc":"` + vpcA + `"}`, "InvalidInput", "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"},
		{"CreatePrivateDnsNamespace", `{"Name":"x","Vpc":"vpc-12345678"}`, "InvalidInput", "The VPC ID vpc-12345678 does not exist."},
		{"CreatePrivateDnsNamespace", `{"Name":"arn:x","Vpc":"` + vpcA + `"}`, "InvalidInput", "1 validation error detected: Value 'arn:x' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(?!arn:)[!-~]{1,253}$"},
		{"CreatePrivateDnsNamespace", `{"Name":"a b","Vpc":"` + vpcA + `"}`, "InvalidInput", "1 validation error detected"},
		{"CreatePrivateDnsNamespace", `{"Name":"a..b","Vpc":"` + vpcA + `"}`, "InvalidInput", "The namespace name a..b is not a valid DNS name."},
		{"CreatePrivateDnsNamespace", `{"Name":"` + long + `.b","Vpc":"` + vpcA + `"}`, "InvalidInput", "The namespace name " + long},
		{"CreatePrivateDnsNamespace", `{"Name":".","Vpc":"` + vpcA + `"}`, "InvalidInput", "The namespace name . is"},
		{"CreatePrivateDnsNamespace", ttl("-1"), "InvalidInput", "1 validation error detected: Value '-1' at 'properties.dnsProperties.sOA.tTL' failed to satisfy constraint: Member must have value greater than or equal to 0"},
		{"CreatePrivateDnsNamespace", ttl("2147483648"), "InvalidInput", "1 validation error detected"},
		{"CreateHttpNamespace", `{"Name":"` + strings.Repeat("a", 1025) + `"}`, "InvalidInput", "2 validation errors detected"},
		{"CreateHttpNamespace", `{"Name":"x","Description":"` + strings.Repeat("a", 1025) + `"}`, "InvalidInput", "1 validation error detected"},
		{"CreateHttpNamespace", `{"Name":"x","Tags":[{"Key":"aws:x","Value":""}]}`, "InvalidInput", "Tag keys must not start with aws:."},
		{"CreateHttpNamespace", `{"Name":"x","Tags":[{"Key":"","Value":""}]}`, "InvalidInput", "1 validation error detected"},
		{"CreateHttpNamespace", `{"Name":"x","Tags":[{"Key":"k"}]}`, "InvalidInput", "1 validation error detected"},
		{"CreateHttpNamespace", `{"Name":"x","Tags":[` + tags(51) + `]}`, "TooManyTagsException", "A resource can have at most 50 tags."},
		{"GetNamespace", `{"Id":"ns-none"}`, "NamespaceNotFound", "Can't find a namespace with ID ns-none."},
		{"GetNamespace", `{"Id":"arn:aws:servicediscovery:us-east-1:999999999999:namespace/` + id + `"}`, "NamespaceNotFound", ""},
		{"GetNamespace", `{"Id":"` + arnPrefix + `service/` + id + `"}`, "NamespaceNotFound", ""},
		{"DeleteNamespace", `{"Id":"ns-none"}`, "NamespaceNotFound", ""},
		{"UpdateHttpNamespace", `{"Id":"ns-none","Namespace":{"Description":"x"}}`, "NamespaceNotFound", ""},
		{"UpdateHttpNamespace", `{"Id":"` + id + `","Namespace":{"Description":"x"}}`, "InvalidInput", "The namespace " + id + " has the type DNS_PRIVATE, not HTTP."},
		{"UpdatePrivateDnsNamespace", `{"Id":"` + web + `","Namespace":{"Description":"x"}}`, "InvalidInput", ""},
		{"UpdatePrivateDnsNamespace", `{"Id":"` + id + `","Namespace":{"Properties":{"DnsProperties":{"SOA":{"TTL":2147483648}}}}}`, "InvalidInput", "1 validation error detected"},
		{"GetOperation", `{"OperationId":"none"}`, "OperationNotFound", "Can't find an operation with ID none."},
	} {
		h.fails(c.op, c.body, c.code, c.message)
	}
	h.fails("CreatePrivateDnsNamespace", `{"Name":"MyApp.local.","Vpc":"`+vpcA+`","CreatorRequestId":"other"}`, "NamespaceAlreadyExists", "", "NamespaceId", id, "CreatorRequestId", "")
	h.fails("CreateHttpNamespace", `{"Name":"web"}`, "NamespaceAlreadyExists", "", "NamespaceId", web)
	h.service(id, "web", dnsA)
	h.fails("DeleteNamespace", `{"Id":"`+id+`"}`, "ResourceInUse", "Namespace has associated services; delete the services before deleting the namespace")
}

// tags are n tags in JSON.
func tags(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`{"Key":"k%d","Value":""}`, i)
	}
	return strings.Join(list, ",")
}

func TestNamespace_NamesThatAreTakenElsewhere(t *testing.T) {
	h := newHarness(t)
	private := h.namespace("web", vpcA)
	other := h.namespace("web", vpcB)
	web := h.httpNamespace("web")
	names := map[string]bool{}
	for _, id := range []string{private, other, web} {
		n := h.do("GetNamespace", `{"Id":"`+id+`"}`)
		n.want(`"web"`, "Namespace", "Name")
		names[n.text("Namespace", "Properties", "HttpProperties", "HttpName")] = true
	}
	if len(names) != 3 || !names["web"] {
		t.Errorf("names for DiscoverInstances: %v", names)
	}
	h.do("DeleteNamespace", `{"Id":"`+private+`"}`)
	h.fails("DiscoverInstances", `{"NamespaceName":"web","ServiceName":"x"}`, "NamespaceNotFound", "")
}

func TestCreateNamespace_Token(t *testing.T) {
	h := newHarness(t)
	body := `{"Name":"a","Vpc":"` + vpcA + `","CreatorRequestId":"one"}`
	op := h.do("CreatePrivateDnsNamespace", body).text("OperationId")
	revision := h.changes.View().Revision
	h.do("CreatePrivateDnsNamespace", body).want(`"`+op+`"`, "OperationId")
	if h.changes.View().Revision != revision {
		t.Error("the repeated request changed something")
	}
	h.fails("CreatePrivateDnsNamespace", `{"Name":"b","Vpc":"`+vpcA+`","CreatorRequestId":"one"}`, "DuplicateRequest", "", "DuplicateOperationId", op)
	h.fails("CreateHttpNamespace", `{"Name":"a","CreatorRequestId":"one"}`, "DuplicateRequest", "", "DuplicateOperationId", op)
	id := h.do("GetOperation", `{"OperationId":"`+op+`"}`).text("Operation", "Targets", "NAMESPACE")
	h.fails("CreatePrivateDnsNamespace", `{"Name":"a","Vpc":"`+vpcA+`","CreatorRequestId":"two"}`, "NamespaceAlreadyExists", "", "NamespaceId", id, "CreatorRequestId", "one")
	h.do("DeleteNamespace", `{"Id":"`+id+`"}`)
	if again := h.do("CreatePrivateDnsNamespace", body).text("OperationId"); again == op {
		t.Error("the token of a deleted namespace makes nothing")
	}
}

// TestCreateNamespace_ZoneInTheWay: Route 53 refuses the zone, so the operation
// fails and nothing is left but its record.
func TestCreateNamespace_ZoneInTheWay(t *testing.T) {
	h := newHarness(t)
	h.change(func(d *plan.Draft) {
		d.Put(&world.HostedZone{ID: "Z1", Name: "taken.", Private: true, VPCs: []world.VPCID{vpcA}})
	})
	op := h.do("CreatePrivateDnsNamespace", `{"Name":"Taken","Vpc":"`+vpcA+`"}`).text("OperationId")
	got := h.do("GetOperation", `{"OperationId":"`+op+`"}`)
	got.want(`"FAIL"`, "Operation", "Status")
	got.want(`"CANNOT_CREATE_HOSTED_ZONE"`, "Operation", "ErrorCode")
	if message := got.text("Operation", "ErrorMessage"); !strings.HasPrefix(message, "The VPC that you chose, "+vpcA+" in region us-east-1, is already associated with another private hosted zone that has an overlapping name space, taken..") {
		t.Errorf("message %q", message)
	}
	w := h.changes.View()
	if w.Namespaces.Len() != 0 || w.HostedZones.Len() != 1 {
		t.Errorf("%d namespaces, %d zones", w.Namespaces.Len(), w.HostedZones.Len())
	}
	h.namespace("taken", vpcB)
}

// TestCreateNamespace_EscapedNames: DNS reads a backslash as an escape, so names
// that differ as texts can be one name, of which a VPC has one zone.
func TestCreateNamespace_EscapedNames(t *testing.T) {
	h := newHarness(t)
	id := h.namespace("ab.local", vpcA)
	for _, name := range []string{`a\\b.local`, `\\141b.local`, `AB.local`} {
		h.fails("CreatePrivateDnsNamespace", `{"Name":"`+name+`","Vpc":"`+vpcA+`"}`, "NamespaceAlreadyExists", "", "NamespaceId", id)
	}
	h.change(func(d *plan.Draft) {
		d.Put(&world.HostedZone{ID: "Z1", Name: `\052.taken.`, Private: true, VPCs: []world.VPCID{vpcA}})
	})
	op := h.do("CreatePrivateDnsNamespace", `{"Name":"*.taken","Vpc":"`+vpcA+`"}`).text("OperationId")
	h.do("GetOperation", `{"OperationId":"`+op+`"}`).want(`"CANNOT_CREATE_HOSTED_ZONE"`, "Operation", "ErrorCode")
	h.namespace("(x)", vpcA)
	for z := range h.changes.View().ZonesIn(vpcA) {
		if z.Namespace != "" && z.Name != "ab.local." && z.Name != `\050x\051.` {
			t.Errorf("zone %s", z.Name)
		}
	}
}

func TestOperation_EndsWhenTheResolverAnswersSo(t *testing.T) {
	h := newHarness(t)
	h.applied.Store(0)
	op := h.do("CreatePrivateDnsNamespace", `{"Name":"a","Vpc":"`+vpcA+`"}`).text("OperationId")
	status := func(want string) {
		t.Helper()
		h.do("GetOperation", `{"OperationId":"`+op+`"}`).want(`"`+want+`"`, "Operation", "Status")
		h.do("ListOperations", `{}`).want(`[{"Id":"`+op+`","Status":"`+want+`"}]`, "Operations")
	}
	status("PENDING")
	revision := h.changes.View().Revision
	h.applied.Store(revision - 1)
	status("PENDING")
	h.applied.Store(revision)
	status("SUCCESS")
}

func TestUpdateNamespace(t *testing.T) {
	h := newHarness(t)
	id, web := h.namespace("a", vpcA), h.httpNamespace("web")
	body := `{"Id":"` + id + `","UpdaterRequestId":"u","Namespace":{"Description":"new","Properties":{"DnsProperties":{"SOA":{"TTL":60}}}}}`
	op := h.do("UpdatePrivateDnsNamespace", body).text("OperationId")
	h.do("GetOperation", `{"OperationId":"`+op+`"}`).want(`{"NAMESPACE":"`+id+`"}`, "Operation", "Targets")
	h.do("GetOperation", `{"OperationId":"`+op+`"}`).want(`"UPDATE_NAMESPACE"`, "Operation", "Type")
	n := h.do("GetNamespace", `{"Id":"`+id+`"}`)
	n.want(`"new"`, "Namespace", "Description")
	n.want(`60`, "Namespace", "Properties", "DnsProperties", "SOA", "TTL")
	if z := h.changes.View().HostedZones.Get(n.text("Namespace", "Properties", "DnsProperties", "HostedZoneId")); z.SOATTL != 60 {
		t.Errorf("the zone's TTL is %d", z.SOATTL)
	}
	h.do("UpdatePrivateDnsNamespace", body).want(`"`+op+`"`, "OperationId")
	h.fails("UpdatePrivateDnsNamespace", `{"Id":"`+id+`","UpdaterRequestId":"u","Namespace":{"Description":"newer"}}`, "DuplicateRequest", "", "DuplicateOperationId", op)
	h.do("UpdatePrivateDnsNamespace", `{"Id":"`+id+`","Namespace":{"Description":""}}`)
	n = h.do("GetNamespace", `{"Id":"`+id+`"}`)
	n.want(`null`, "Namespace", "Description")
	n.want(`60`, "Namespace", "Properties", "DnsProperties", "SOA", "TTL")
	h.do("UpdateHttpNamespace", `{"Id":"`+web+`","Namespace":{"Description":"d"}}`)
	h.do("GetNamespace", `{"Id":"`+web+`"}`).want(`"d"`, "Namespace", "Description")
}

func TestDeleteNamespace(t *testing.T) {
	h := newHarness(t)
	id := h.namespace("a", vpcA)
	op := h.do("DeleteNamespace", `{"Id":"`+arnPrefix+`namespace/`+id+`"}`).text("OperationId")
	got := h.do("GetOperation", `{"OperationId":"`+op+`"}`)
	got.want(`"DELETE_NAMESPACE"`, "Operation", "Type")
	got.want(`"`+id+`"`, "Operation", "Targets", "NAMESPACE")
	if h.changes.View().HostedZones.Len() != 0 {
		t.Error("the zone is still there")
	}
	h.fails("DeleteNamespace", `{"Id":"`+id+`"}`, "NamespaceNotFound", "")
}

func TestListNamespaces(t *testing.T) {
	h := newHarness(t)
	h.namespace("app.local", vpcA)
	h.namespace("app.local", vpcB)
	h.namespace("other", vpcA)
	h.httpNamespace("app")
	filters := func(f string) string { return `{"Filters":[` + f + `]}` }
	for f, want := range map[string][]string{
		``:                                  {"app", "app.local", "app.local", "other"},
		`{"Name":"TYPE","Values":["HTTP"]}`: {"app"},
		`{"Name":"TYPE","Values":["DNS_PRIVATE"]}`:                                                     {"app.local", "app.local", "other"},
		`{"Name":"NAME","Values":["app.local"]}`:                                                       {"app.local", "app.local"},
		`{"Name":"HTTP_NAME","Values":["app.local"]}`:                                                  {"app.local"},
		`{"Name":"RESOURCE_OWNER","Values":["SELF"]}`:                                                  {"app", "app.local", "app.local", "other"},
		`{"Name":"RESOURCE_OWNER","Values":["OTHER_ACCOUNTS"]}`:                                        nil,
		`{"Name":"NAME","Values":["app"],"Condition":"BEGINS_WITH"}`:                                   {"app", "app.local", "app.local"},
		`{"Name":"NAME","Values":["app"],"Condition":"BEGINS_WITH"},{"Name":"TYPE","Values":["HTTP"]}`: {"app"},
		`{"Name":"NAME","Values":["APP"]}`:                                                             nil,
	} {
		got := h.do("ListNamespaces", filters(f)).list("Namespaces", "Name")
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: %v, expected %v", f, got, want)
		}
	}
	for f, message := range map[string]string{
		`{"Name":"TYPE","Values":["HTTP","DNS_PRIVATE"]}`:             "The condition EQ takes exactly one value.",
		`{"Name":"TYPE","Values":["HTTP"],"Condition":"BEGINS_WITH"}`: "The condition BEGINS_WITH is not valid for the filter TYPE.",
		`{"Name":"NAME","Values":["a"],"Condition":"IN"}`:             "The condition IN is not valid for the filter NAME.",
		`{"Name":"NAMESPACE_ID","Values":["a"]}`:                      "1 validation error detected: Value 'NAMESPACE_ID' at 'filters.1.member.name' failed to satisfy constraint: Member must satisfy enum value set: [TYPE, NAME, HTTP_NAME, RESOURCE_OWNER]",
		`{"Name":"NAME","Values":[]}`:                                 "The condition EQ takes exactly one value.",
	} {
		h.fails("ListNamespaces", filters(f), "InvalidInput", message)
	}
}

// TestListNamespaces_Pages: AWS cuts a page first and filters it then.
func TestListNamespaces_Pages(t *testing.T) {
	h := newHarness(t)
	for i := range 5 {
		h.httpNamespace(fmt.Sprintf("n%d", i))
	}
	h.namespace("private", vpcA)
	var names []string
	pages, token := 0, ""
	for {
		body, err := json.Marshal(map[string]any{"MaxResults": 2, "NextToken": token, "Filters": []any{map[string]any{"Name": "TYPE", "Values": []string{"HTTP"}}}})
		if err != nil {
			t.Fatal(err)
		}
		r := h.do("ListNamespaces", string(body))
		names = append(names, r.list("Namespaces", "Name")...)
		pages++
		next, more := r.at("NextToken").(string)
		if !more {
			break
		}
		token = next
	}
	if slices.Sort(names); pages != 3 || !slices.Equal(names, []string{"n0", "n1", "n2", "n3", "n4"}) {
		t.Errorf("%d pages of %v", pages, names)
	}
	for _, body := range []string{`{"NextToken":"x"}`, `{"MaxResults":0}`, `{"MaxResults":101}`, `{"NextToken":"` + strings.Repeat("a", 4097) + `"}`} {
		h.fails("ListNamespaces", body, "InvalidInput", "")
	}
}

func TestListOperations(t *testing.T) {
	h := newHarness(t)
	ns := h.namespace("a", vpcA)
	other := h.httpNamespace("b")
	service := h.service(ns, "web", dnsA)
	reg := h.register(service, "i", `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
	h.applied.Store(h.changes.View().Revision)
	dereg := h.do("DeregisterInstance", `{"ServiceId":"`+service+`","InstanceId":"i"}`).text("OperationId")
	at := h.do("GetOperation", `{"OperationId":"`+reg+`"}`).at("Operation", "UpdateDate").(float64)
	for f, want := range map[string]int{
		``: 4,
		`{"Name":"NAMESPACE_ID","Values":["` + ns + `"]}`:                                                   3,
		`{"Name":"NAMESPACE_ID","Values":["` + arnPrefix + `namespace/` + ns + `"]}`:                        3,
		`{"Name":"NAMESPACE_ID","Values":["` + other + `"]}`:                                                1,
		`{"Name":"NAMESPACE_ID","Values":["` + ns + `"]},{"Name":"TYPE","Values":["CREATE_NAMESPACE"]}`:     1,
		`{"Name":"SERVICE_ID","Values":["` + service + `"]}`:                                                2,
		`{"Name":"STATUS","Values":["PENDING"]}`:                                                            1,
		`{"Name":"STATUS","Values":["SUCCESS","FAIL"],"Condition":"IN"}`:                                    3,
		`{"Name":"TYPE","Values":["REGISTER_INSTANCE","DEREGISTER_INSTANCE"],"Condition":"IN"}`:             2,
		`{"Name":"TYPE","Values":["UPDATE_SERVICE"]}`:                                                       0,
		fmt.Sprintf(`{"Name":"UPDATE_DATE","Values":["%f","%f"],"Condition":"BETWEEN"}`, at-60, at+60):      4,
		fmt.Sprintf(`{"Name":"UPDATE_DATE","Values":["%f","%f"],"Condition":"BETWEEN"}`, at-60, at-30):      0,
		`{"Name":"SERVICE_ID","Values":["` + service + `"]},{"Name":"TYPE","Values":["REGISTER_INSTANCE"]}`: 1,
	} {
		if got := h.do("ListOperations", `{"Filters":[`+f+`]}`).at("Operations").([]any); len(got) != want {
			t.Errorf("%s: %d operations, expected %d", f, len(got), want)
		}
	}
	h.do("ListOperations", `{"Filters":[{"Name":"STATUS","Values":["PENDING"]}]}`).want(`[{"Id":"`+dereg+`","Status":"PENDING"}]`, "Operations")
	for f, message := range map[string]string{
		`{"Name":"UPDATE_DATE","Values":["5","1"],"Condition":"BETWEEN"}`: "The condition BETWEEN takes two times",
		`{"Name":"UPDATE_DATE","Values":["1"],"Condition":"BETWEEN"}`:     "The condition BETWEEN takes two times",
		`{"Name":"UPDATE_DATE","Values":["x","y"],"Condition":"BETWEEN"}`: "The condition BETWEEN takes two times",
		`{"Name":"UPDATE_DATE","Values":["1"]}`:                           "The condition EQ is not valid for the filter UPDATE_DATE.",
		`{"Name":"STATUS","Values":[],"Condition":"IN"}`:                  "The condition IN takes at least one value.",
		`{"Name":"NAMESPACE_ID","Values":["a","b"],"Condition":"IN"}`:     "The condition IN is not valid for the filter NAMESPACE_ID.",
	} {
		h.fails("ListOperations", `{"Filters":[`+f+`]}`, "InvalidInput", message)
	}
}
