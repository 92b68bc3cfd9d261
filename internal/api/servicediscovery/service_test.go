package servicediscovery

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestCreateService(t *testing.T) {
	h := newHarness(t)
	ns := h.namespace("myapp.local", vpcA)
	r := h.do("CreateService", `{"Name":"web","NamespaceId":"`+arnPrefix+`namespace/`+ns+`","Description":"d","CreatorRequestId":"one","Tags":[{"Key":"k","Value":"v"}],`+
		`"DnsConfig":{"NamespaceId":"`+ns+`","DnsRecords":[{"Type":"A","TTL":300}]},"HealthCheckCustomConfig":{"FailureThreshold":3}}`)
	id := r.text("Service", "Id")
	if !regexp.MustCompile(`^srv-[a-z2-7]{16}$`).MatchString(id) {
		t.Errorf("service id %q", id)
	}
	for _, got := range []reply{r, h.do("GetService", `{"Id":"`+id+`"}`), h.do("GetService", `{"Id":"`+arnPrefix+`service/`+id+`"}`)} {
		got.want(`"`+arnPrefix+`service/`+id+`"`, "Service", "Arn")
		got.want(`"web"`, "Service", "Name")
		got.want(`"`+ns+`"`, "Service", "NamespaceId")
		got.want(`"d"`, "Service", "Description")
		got.want(`"one"`, "Service", "CreatorRequestId")
		got.want(`"DNS_HTTP"`, "Service", "Type")
		got.want(`0`, "Service", "InstanceCount")
		got.want(`{"DnsRecords":[{"TTL":300,"Type":"A"}],"NamespaceId":"`+ns+`","RoutingPolicy":"MULTIVALUE"}`, "Service", "DnsConfig")
		got.want(`{"FailureThreshold":1}`, "Service", "HealthCheckCustomConfig") // whatever was asked for
		got.want(`"123456789012"`, "Service", "ResourceOwner")
		got.want(`"123456789012"`, "Service", "CreatedByAccount")
	}
	h.do("GetNamespace", `{"Id":"`+ns+`"}`).want(`1`, "Namespace", "ServiceCount")
	h.do("ListTagsForResource", `{"ResourceARN":"`+arnPrefix+`service/`+id+`"}`).want(`[{"Key":"k","Value":"v"}]`, "Tags")
	h.do("ListServices", `{}`).want(`{"DnsRecords":[{"TTL":300,"Type":"A"}],"RoutingPolicy":"MULTIVALUE"}`, "Services", 0, "DnsConfig")
}

// config is a request for a service with records: "A 60" and so on.
func config(namespace, policy string, records ...string) string {
	var list []string
	for _, r := range records {
		kind, ttl, _ := strings.Cut(r, " ")
		list = append(list, `{"Type":"`+kind+`","TTL":`+ttl+`}`)
	}
	if policy != "" {
		policy = `"RoutingPolicy":"` + policy + `",`
	}
	return `{"Name":"s","NamespaceId":"` + namespace + `","DnsConfig":{` + policy + `"DnsRecords":[` + strings.Join(list, ",") + `]}}`
}

func TestCreateService_Records(t *testing.T) {
	for _, c := range []struct {
		policy  string
		records []string
		want    string // the routing policy, or the start of the refusal
	}{
		{"", []string{"A 60"}, "MULTIVALUE"},
		{"", []string{"AAAA 60"}, "MULTIVALUE"},
		{"", []string{"SRV 60"}, "MULTIVALUE"},
		{"", []string{"A 60", "AAAA 60"}, "MULTIVALUE"},
		{"", []string{"A 60", "SRV 60"}, "MULTIVALUE"},
		{"", []string{"SRV 1", "AAAA 2"}, "MULTIVALUE"},
		{"", []string{"A 60", "AAAA 60", "SRV 60"}, "MULTIVALUE"},
		{"", []string{"CNAME 60"}, "WEIGHTED"},
		{"WEIGHTED", []string{"CNAME 60"}, "WEIGHTED"},
		{"WEIGHTED", []string{"A 60"}, "WEIGHTED"},
		{"MULTIVALUE", []string{"A 60"}, "MULTIVALUE"},
		{"", []string{"A 0"}, "MULTIVALUE"},
		{"", []string{"A 2147483647"}, "MULTIVALUE"},

		{"MULTIVALUE", []string{"CNAME 60"}, "The routing policy for a CNAME record must be WEIGHTED."},
		{"", []string{"CNAME 60", "A 60"}, "A CNAME record cannot be combined with other record types."},
		{"", []string{"A 60", "A 30"}, "DnsRecords must not contain the same record type twice."},
		{"", nil, "DnsRecords must not be empty."},
		{"RANDOM", []string{"A 60"}, "1 validation error detected: Value 'RANDOM' at 'dnsConfig.routingPolicy' failed to satisfy constraint: Member must satisfy enum value set: [MULTIVALUE, WEIGHTED]"},
		{"", []string{"MX 60"}, "1 validation error detected: Value 'MX' at 'dnsConfig.dnsRecords.1.member.type' failed to satisfy constraint: Member must satisfy enum value set: [SRV, A, AAAA, CNAME]"},
		{"", []string{"A -1"}, "1 validation error detected: Value '-1' at 'dnsConfig.dnsRecords.1.member.tTL' failed to satisfy constraint: Member must have value greater than or equal to 0"},
		{"", []string{"A 2147483648"}, "1 validation error detected: Value '2147483648' at 'dnsConfig.dnsRecords.1.member.tTL' failed to satisfy constraint: Member must have value less than or equal to 2147483647"},
	} {
		t.Run(c.policy+" "+strings.Join(c.records, ","), func(t *testing.T) {
			h := newHarness(t)
			body := config(h.namespace("a", vpcA), c.policy, c.records...)
			if c.want != "WEIGHTED" && c.want != "MULTIVALUE" {
				h.fails("CreateService", body, "InvalidInput", c.want)
				return
			}
			h.do("CreateService", body).want(`"`+c.want+`"`, "Service", "DnsConfig", "RoutingPolicy")
		})
	}
}

func TestCreateService_Names(t *testing.T) {
	h := newHarness(t)
	ns := h.namespace("myapp.local", vpcA)
	for _, name := range []string{"web", "_http._tcp", "a.b", ".", "a", strings.Repeat("a", 63), "x_"} {
		h.service(ns, name, dnsA)
	}
	for _, name := range []string{"", ".a", "a.", "*", "-a", "a..b", "a b", strings.Repeat("a", 64), strings.Repeat("a.", 64), "ä"} {
		h.fails("CreateService", `{"Name":"`+name+`","NamespaceId":"`+ns+`"`+dnsA+`}`, "InvalidInput", "1 validation error detected: Value '"+name+"' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ")
	}
	label := strings.Repeat("n", 63)
	deep := h.namespace(strings.Repeat(label+".", 3)+"nn", vpcA)
	h.fails("CreateService", `{"Name":"`+strings.Repeat("a", 59)+`","NamespaceId":"`+deep+`"`+dnsA+`}`, "InvalidInput", "The DNS name "+strings.Repeat("a", 59)+"."+label)
	h.service(deep, strings.Repeat("a", 58), dnsA)
	h.fails("CreateService", `{"Name":".","NamespaceId":"`+h.namespace("b", vpcA)+`","DnsConfig":{"DnsRecords":[{"Type":"CNAME","TTL":1}]}}`, "InvalidInput", "A CNAME record is not permitted at the name of the namespace itself.")
}

func TestCreateService_Refused(t *testing.T) {
	h := newHarness(t)
	ns, other, web, public := h.namespace("a", vpcA), h.namespace("b", vpcA), h.httpNamespace("web"), h.publicNamespace("example.com")
	id := h.service(ns, "taken", dnsA+`,"CreatorRequestId":"one"`)
	plain := h.service(ns, "api", `,"Type":"HTTP"`)
	health := `,"HealthCheckConfig":{"Type":"HTTP"}`
	for _, c := range []struct{ body, code, message string }{
		{`{"Name":"s","NamespaceId":"ns-12345678"` + dnsA + `}`, "NamespaceNotFound", "Can't find a namespace with ID ns-12345678."},
		{`{"Name":"s"` + dnsA + `}`, "InvalidInput", "NamespaceId must be specified."},
		{`{"NamespaceId":"` + ns + `"` + dnsA + `}`, "InvalidInput", "1 validation error detected: Value null at 'name'"},
		{`{"Name":"s","NamespaceId":"` + ns + `","DnsConfig":{"NamespaceId":"` + other + `","DnsRecords":[{"Type":"A","TTL":1}]}}`, "InvalidInput", "NamespaceId and DnsConfig.NamespaceId must be the same."},
		{`{"Name":"s","NamespaceId":"` + ns + `"}`, "InvalidInput", "DnsConfig must be specified for a service in a DNS namespace, or Type must be HTTP."},
		{`{"Name":"s","NamespaceId":"` + ns + `","Type":"HTTP"` + dnsA + `}`, "InvalidInput", "DnsConfig must not be specified when Type is HTTP."},
		{`{"Name":"s","NamespaceId":"` + ns + `","Type":"DNS_HTTP"` + dnsA + `}`, "InvalidInput", "1 validation error detected"},
		{`{"Name":"s","NamespaceId":"` + web + `"` + dnsA + `}`, "InvalidInput", "DnsConfig must not be specified for a service in an HTTP namespace."},
		{`{"Name":"s","NamespaceId":"` + ns + `"` + dnsA + health + custom + `}`, "InvalidInput", "HealthCheckConfig and HealthCheckCustomConfig cannot both be specified."},
		{`{"Name":"s","NamespaceId":"` + ns + `"` + dnsA + health + `}`, "InvalidInput", "HealthCheckConfig cannot be specified for a service in a private DNS namespace."},
		{`{"Name":"s","NamespaceId":"` + web + `","HealthCheckConfig":{"Type":"TCP","ResourcePath":"/"}}`, "InvalidInput", "ResourcePath cannot be specified for a health check of type TCP."},
		{`{"Name":"s","NamespaceId":"` + web + `"` + health + custom + `}`, "InvalidInput", "HealthCheckConfig and HealthCheckCustomConfig cannot both be specified."},
		{`{"Name":"s","NamespaceId":"` + web + `","HealthCheckConfig":{"ResourcePath":"/"}}`, "InvalidInput", "1 validation error detected: Value null at 'healthCheckConfig.type'"},
		{`{"Name":"s","NamespaceId":"` + web + `","HealthCheckConfig":{"Type":"UDP"}}`, "InvalidInput", "1 validation error detected: Value 'UDP' at 'healthCheckConfig.type'"},
		{`{"Name":"s","NamespaceId":"` + web + `","HealthCheckConfig":{"Type":"HTTP","FailureThreshold":0}}`, "InvalidInput", "1 validation error detected"},
		{`{"Name":"s","NamespaceId":"` + web + `","HealthCheckConfig":{"Type":"HTTP","FailureThreshold":11}}`, "InvalidInput", "1 validation error detected"},
		{`{"Name":"s","NamespaceId":"` + web + `","HealthCheckConfig":{"Type":"HTTP","ResourcePath":"/` + strings.Repeat("x", 255) + `"}}`, "InvalidInput", "1 validation error detected"},
		{`{"Name":"s","NamespaceId":"` + web + `","HealthCheckConfig":{"Type":"HTTP","ResourcePath":"/a b"}}`, "InvalidInput", "ResourcePath is not a valid path: /a b"},
		{`{"Name":"s","NamespaceId":"` + public + `","DnsConfig":{"DnsRecords":[{"Type":"CNAME","TTL":1}]}` + health + `}`, "InvalidInput", "HealthCheckConfig cannot be specified for a service with CNAME records."},
		{`{"Name":"s","NamespaceId":"` + ns + `"` + dnsA + `,"HealthCheckCustomConfig":{"FailureThreshold":0}}`, "InvalidInput", "1 validation error detected"},
		{`{"Name":"s","NamespaceId":"` + ns + `"` + dnsA + `,"HealthCheckCustomConfig":{"FailureThreshold":11}}`, "InvalidInput", "1 validation error detected"},
		{`{"Name":"s","NamespaceId":"` + ns + `"` + dnsA + `,"Tags":[` + tags(51) + `]}`, "TooManyTagsException", ""},
		{`{"Name":"other","NamespaceId":"` + ns + `","CreatorRequestId":"one"` + dnsA + `}`, "InvalidInput", "The CreatorRequestId one was used for the service " + id},
	} {
		h.fails("CreateService", c.body, c.code, c.message)
	}
	for _, body := range []string{
		`{"Name":"taken","NamespaceId":"` + ns + `"` + dnsA + `}`,
		`{"Name":"Taken","NamespaceId":"` + ns + `"` + dnsA + `}`,
		`{"Name":"taken","NamespaceId":"` + ns + `","Type":"HTTP"}`,
		`{"Name":"taken","NamespaceId":"` + ns + `","Description":"x","CreatorRequestId":"one"` + dnsA + `}`,
	} {
		h.fails("CreateService", body, "ServiceAlreadyExists", "Service already exists.", "ServiceId", id, "ServiceArn", arnPrefix+"service/"+id, "CreatorRequestId", "one")
	}
	h.service(ns, "API", `,"Type":"HTTP"`) // not in DNS: the case counts
	h.service(web, "s", "")
	h.service(web, "S", "")
	h.fails("CreateService", `{"Name":"api","NamespaceId":"`+ns+`"`+dnsA+`}`, "ServiceAlreadyExists", "", "ServiceId", plain)
	for _, op := range []string{"GetService", "DeleteService"} {
		h.fails(op, `{"Id":"srv-none"}`, "ServiceNotFound", "Can't find a service with ID srv-none.")
		h.fails(op, `{"Id":"arn:aws:servicediscovery:eu-west-1:123456789012:service/`+id+`"}`, "ServiceNotFound", "")
	}
}

func TestCreateService_Token(t *testing.T) {
	h := newHarness(t)
	ns := h.namespace("a", vpcA)
	rest := dnsA + `,"CreatorRequestId":"one"`
	id := h.service(ns, "web", rest)
	revision := h.changes.View().Revision
	if again := h.service(ns, "web", rest); again != id || h.changes.View().Revision != revision {
		t.Errorf("the repeated request made %s", again)
	}
	h.do("DeleteService", `{"Id":"`+id+`"}`)
	if again := h.service(ns, "web", rest); again == id {
		t.Error("a deleted service was found again")
	}
}

func TestUpdateService(t *testing.T) {
	h := newHarness(t)
	ns := h.namespace("a", vpcA)
	id := h.service(ns, "web", `,"Description":"old","DnsConfig":{"DnsRecords":[{"Type":"A","TTL":60},{"Type":"SRV","TTL":60}]}`+custom)
	update := func(change string) reply {
		t.Helper()
		op := h.do("UpdateService", `{"Id":"`+arnPrefix+`service/`+id+`","Service":{`+change+`}}`).text("OperationId")
		got := h.do("GetOperation", `{"OperationId":"`+op+`"}`)
		got.want(`"UPDATE_SERVICE"`, "Operation", "Type")
		got.want(`{"SERVICE":"`+id+`"}`, "Operation", "Targets")
		return h.do("GetService", `{"Id":"`+id+`"}`)
	}
	got := update(`"Description":"new","DnsConfig":{"DnsRecords":[{"Type":"A","TTL":5},{"Type":"SRV","TTL":6}]}`)
	got.want(`"new"`, "Service", "Description")
	got.want(`[{"TTL":5,"Type":"A"},{"TTL":6,"Type":"SRV"}]`, "Service", "DnsConfig", "DnsRecords")
	got.want(`{"FailureThreshold":1}`, "Service", "HealthCheckCustomConfig")
	got = update(`"DnsConfig":{"DnsRecords":[{"Type":"A","TTL":7}]}`)
	got.want(`"new"`, "Service", "Description")
	got.want(`[{"TTL":7,"Type":"A"}]`, "Service", "DnsConfig", "DnsRecords")
	for change, message := range map[string]string{
		`"DnsConfig":{"DnsRecords":[{"Type":"A","TTL":7},{"Type":"AAAA","TTL":7}]}`:             "The record type AAAA cannot be added to an existing service.",
		`"DnsConfig":{"DnsRecords":[]}`:                                                         "DnsRecords must not be empty.",
		`"DnsConfig":{"DnsRecords":[{"Type":"A","TTL":7},{"Type":"A","TTL":8}]}`:                "DnsRecords must not contain the same record type twice.",
		`"DnsConfig":{"DnsRecords":[{"Type":"A","TTL":2147483648}]}`:                            "1 validation error detected",
		`"DnsConfig":{"DnsRecords":[{"Type":"A","TTL":7}]},"HealthCheckConfig":{"Type":"HTTP"}`: "HealthCheckConfig and HealthCheckCustomConfig cannot both be specified.",
	} {
		h.fails("UpdateService", `{"Id":"`+id+`","Service":{`+change+`}}`, "InvalidInput", message)
	}
	got = update(`"Description":"only"`)
	got.want(`null`, "Service", "DnsConfig")
	got.want(`"HTTP"`, "Service", "Type")
	h.fails("UpdateService", `{"Id":"srv-none","Service":{}}`, "ServiceNotFound", "")
	web := h.service(h.httpNamespace("web"), "s", "")
	h.fails("UpdateService", `{"Id":"`+web+`","Service":{"Description":"x"}}`, "InvalidInput", "A service in an HTTP namespace cannot be updated.")
}

func TestDeleteService(t *testing.T) {
	h := newHarness(t)
	id := h.service(h.namespace("a", vpcA), "web", dnsA)
	h.register(id, "i", `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
	h.fails("DeleteService", `{"Id":"`+id+`"}`, "ResourceInUse", "Service contains registered instances; delete the instances before deleting the service")
	h.do("DeregisterInstance", `{"ServiceId":"`+id+`","InstanceId":"i"}`)
	if r := h.do("DeleteService", `{"Id":"`+id+`"}`); r.raw != "{}" {
		t.Errorf("answer %s", r.raw)
	}
	h.fails("GetService", `{"Id":"`+id+`"}`, "ServiceNotFound", "")
}

func TestListServices(t *testing.T) {
	h := newHarness(t)
	a, b := h.namespace("a", vpcA), h.namespace("b", vpcA)
	for i := range 3 {
		h.service(a, fmt.Sprintf("a%d", i), dnsA)
	}
	h.service(b, "b0", dnsA)
	for f, want := range map[string][]string{
		``: {"a0", "a1", "a2", "b0"},
		`{"Name":"NAMESPACE_ID","Values":["` + a + `"]}`:                            {"a0", "a1", "a2"},
		`{"Name":"NAMESPACE_ID","Values":["` + arnPrefix + `namespace/` + b + `"]}`: {"b0"},
		`{"Name":"NAMESPACE_ID","Values":["ns-none"]}`:                              nil,
		`{"Name":"RESOURCE_OWNER","Values":["OTHER_ACCOUNTS"]}`:                     nil,
	} {
		got := h.do("ListServices", `{"Filters":[`+f+`]}`).list("Services", "Name")
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: %v, expected %v", f, got, want)
		}
	}
	first := h.do("ListServices", `{"MaxResults":3}`)
	second := h.do("ListServices", `{"MaxResults":3,"NextToken":"`+first.text("NextToken")+`"}`)
	second.want(`null`, "NextToken")
	names := append(first.list("Services", "Name"), second.list("Services", "Name")...)
	if slices.Sort(names); !slices.Equal(names, []string{"a0", "a1", "a2", "b0"}) {
		t.Errorf("pages of %v", names)
	}
	h.fails("ListServices", `{"NextToken":"x"}`, "InvalidInput", "The NextToken is not valid.")
	h.fails("ListServices", `{"Filters":[{"Name":"TYPE","Values":["HTTP"]}]}`, "InvalidInput", "1 validation error detected")
}

func TestServiceAttributes(t *testing.T) {
	h := newHarness(t)
	id := h.service(h.namespace("a", vpcA), "web", dnsA)
	get := func(want string) {
		t.Helper()
		r := h.do("GetServiceAttributes", `{"ServiceId":"`+id+`"}`)
		r.want(want, "ServiceAttributes", "Attributes")
		r.want(`"`+arnPrefix+`service/`+id+`"`, "ServiceAttributes", "ServiceArn")
	}
	get(`{}`)
	h.do("UpdateServiceAttributes", `{"ServiceId":"`+arnPrefix+`service/`+id+`","Attributes":{"a":"1","b":"2"}}`)
	h.do("UpdateServiceAttributes", `{"ServiceId":"`+id+`","Attributes":{"b":"3","c":"4"}}`)
	get(`{"a":"1","b":"3","c":"4"}`)
	h.do("DeleteServiceAttributes", `{"ServiceId":"`+id+`","Attributes":["a","none"]}`)
	get(`{"b":"3","c":"4"}`)
	var more []string
	for i := range 29 {
		more = append(more, fmt.Sprintf(`"k%d":""`, i))
	}
	h.fails("UpdateServiceAttributes", `{"ServiceId":"`+id+`","Attributes":{`+strings.Join(more, ",")+`}}`, "ServiceAttributesLimitExceededException", "")
	h.do("UpdateServiceAttributes", `{"ServiceId":"`+id+`","Attributes":{`+strings.Join(more[:28], ",")+`}}`)
	for _, op := range []string{"GetServiceAttributes", "UpdateServiceAttributes", "DeleteServiceAttributes"} {
		attributes := map[string]string{"UpdateServiceAttributes": `,"Attributes":{"a":"b"}`, "DeleteServiceAttributes": `,"Attributes":["a"]`}[op]
		h.fails(op, `{"ServiceId":"srv-none"`+attributes+`}`, "ServiceNotFound", "")
	}
	for _, body := range []string{
		`{"ServiceId":"` + id + `","Attributes":{}}`,
		`{"ServiceId":"` + id + `","Attributes":{"` + strings.Repeat("k", 256) + `":""}}`,
		`{"ServiceId":"` + id + `","Attributes":{"k":"` + strings.Repeat("v", 1025) + `"}}`,
	} {
		h.fails("UpdateServiceAttributes", body, "InvalidInput", "1 validation error detected")
	}
}

func TestTags(t *testing.T) {
	h := newHarness(t)
	ns := h.namespace("a", vpcA)
	service := h.service(ns, "web", dnsA)
	for _, arn := range []string{arnPrefix + "namespace/" + ns, arnPrefix + "service/" + service} {
		of := func(rest string) string { return `{"ResourceARN":"` + arn + `"` + rest + `}` }
		h.do("ListTagsForResource", of("")).want(`[]`, "Tags")
		h.do("TagResource", of(`,"Tags":[{"Key":"b","Value":"1"},{"Key":"a","Value":""}]`))
		h.do("TagResource", of(`,"Tags":[{"Key":"b","Value":"2"}]`))
		h.do("ListTagsForResource", of("")).want(`[{"Key":"a","Value":""},{"Key":"b","Value":"2"}]`, "Tags")
		h.do("UntagResource", of(`,"TagKeys":["a","none"]`))
		h.do("ListTagsForResource", of("")).want(`[{"Key":"b","Value":"2"}]`, "Tags")
		h.fails("TagResource", of(`,"Tags":[`+tags(50)+`]`), "TooManyTagsException", "A resource can have at most 50 tags.", "ResourceName", arn)
		h.fails("TagResource", of(`,"Tags":[{"Key":"AWS:x","Value":""}]`), "InvalidInput", "Tag keys must not start with aws:.")
		h.fails("TagResource", of(`,"Tags":[{"Key":"`+strings.Repeat("k", 129)+`","Value":""}]`), "InvalidInput", "1 validation error detected")
		h.fails("TagResource", of(`,"Tags":[{"Key":"k","Value":"`+strings.Repeat("v", 257)+`"}]`), "InvalidInput", "1 validation error detected")
	}
	for _, arn := range []string{"x", arnPrefix + "namespace/none", arnPrefix + "service/" + ns, "arn:aws:servicediscovery:us-east-1:999999999999:namespace/" + ns} {
		h.fails("ListTagsForResource", `{"ResourceARN":"`+arn+`"}`, "ResourceNotFoundException", "The resource "+arn+" was not found.")
		h.fails("TagResource", `{"ResourceARN":"`+arn+`","Tags":[]}`, "ResourceNotFoundException", "")
		h.fails("UntagResource", `{"ResourceARN":"`+arn+`","TagKeys":[]}`, "ResourceNotFoundException", "")
	}
}
