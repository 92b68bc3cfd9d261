package route53resolver

import (
	"slices"
	"strings"
	"testing"

	"seamark/internal/api/apitest"
	"seamark/internal/plan"
	"seamark/internal/plan/resolve"
	"seamark/internal/world"
)

// serve has the data plane serve all of an endpoint's interfaces.
func (s *site) serve(id string) {
	s.Helper()
	apitest.Change(s, s.changes, func(d *plan.Draft) {
		var all []world.NetworkInterfaceID
		for _, a := range d.World.ResolverEndpoints.Get(id).Addresses {
			all = append(all, a.Interface)
		}
		resolve.Observe(d, world.ResolverEndpointID(id), all)
	})
}

func TestEndpoint(t *testing.T) {
	s := newSite(t)
	create := doc{
		"CreatorRequestId": "one", "Name": "in", "Direction": "INBOUND", "SecurityGroupIds": []string{"sg-1"}, "Tags": []doc{{"Key": "k", "Value": "v"}},
		"IpAddresses": []doc{{"SubnetId": "subnet-1a", "Ip": "10.0.1.40"}, {"SubnetId": "subnet-1b"}}, "RniEnhancedMetricsEnabled": true,
	}
	e := s.call("CreateResolverEndpoint", create, "ResolverEndpoint")
	id := e["Id"].(string)
	s.members(e, doc{
		"Arn": "arn:aws:route53resolver:us-east-1:123456789012:resolver-endpoint/" + id, "CreatorRequestId": "one", "Direction": "INBOUND", "HostVPCId": "vpc-1",
		"IpAddressCount": 2, "Name": "in", "Protocols": []string{"Do53"}, "ResolverEndpointType": "IPV4", "RniEnhancedMetricsEnabled": true,
		"SecurityGroupIds": []string{"sg-1"}, "Status": "CREATING", "StatusMessage": "Creating the Resolver Endpoint",
	})
	if !strings.HasPrefix(id, "rslvr-in-") || len(id) != len("rslvr-in-")+17 {
		t.Errorf("id %s", id)
	}
	if again := s.call("CreateResolverEndpoint", create, "ResolverEndpoint"); again["Id"] != id {
		t.Errorf("the same request again made %v", again["Id"])
	}
	w := s.changes.View()
	if w.ResolverEndpoints.Len() != 1 || w.NetworkInterfaces.Len() != 2 {
		t.Fatalf("%d endpoints, %d interfaces", w.ResolverEndpoints.Len(), w.NetworkInterfaces.Len())
	}
	for _, a := range w.ResolverEndpoints.Get(id).Addresses {
		n := w.NetworkInterfaces.Get(string(a.Interface))
		if n.OwnerKind != world.OwnedByResolverEndpoint || n.OwnerID != id || n.Address != a.Address || n.Description != "Route 53 Resolver: "+id+":"+a.ID ||
			!slices.Equal(n.SecurityGroups, []world.SecurityGroupID{"sg-1"}) {
			t.Errorf("%+v of %+v", n, a)
		}
	}
	s.serve(id)
	s.members(s.call("GetResolverEndpoint", doc{"ResolverEndpointId": id}, "ResolverEndpoint"), doc{"Status": "OPERATIONAL", "StatusMessage": "This Resolver Endpoint is operational."})
	// One address more is not there at once.
	s.members(s.call("AssociateResolverEndpointIpAddress", doc{"ResolverEndpointId": id, "IpAddress": doc{"SubnetId": "subnet-1b", "Ip": "10.0.2.77"}}, "ResolverEndpoint"), doc{"Status": "UPDATING", "IpAddressCount": 3})
	list := func() []string {
		return s.list("ListResolverEndpointIpAddresses", doc{"ResolverEndpointId": id}, "IpAddresses", "Ip")
	}
	states := s.list("ListResolverEndpointIpAddresses", doc{"ResolverEndpointId": id}, "IpAddresses", "Status")
	if slices.Sort(states); !slices.Equal(states, []string{"ATTACHED", "ATTACHED", "ATTACHING"}) || len(list()) != 3 {
		t.Errorf("addresses %v, %v", list(), states)
	}
	s.call("DisassociateResolverEndpointIpAddress", doc{"ResolverEndpointId": id, "IpAddress": doc{"SubnetId": "subnet-1a", "Ip": "10.0.1.40"}})
	if ips := list(); len(ips) != 2 || slices.Contains(ips, "10.0.1.40") || s.changes.View().NetworkInterfaces.Len() != 2 {
		t.Errorf("addresses %v, %d interfaces", ips, s.changes.View().NetworkInterfaces.Len())
	}
	s.members(s.call("UpdateResolverEndpoint", doc{"ResolverEndpointId": id, "Name": "renamed"}, "ResolverEndpoint"), doc{"Name": "renamed", "RniEnhancedMetricsEnabled": true})
	s.members(s.call("DeleteResolverEndpoint", doc{"ResolverEndpointId": id}, "ResolverEndpoint"), doc{"Status": "DELETING"})
	if w := s.changes.View(); w.ResolverEndpoints.Len() != 0 || w.NetworkInterfaces.Len() != 0 {
		t.Errorf("%d endpoints, %d interfaces are left", w.ResolverEndpoints.Len(), w.NetworkInterfaces.Len())
	}
	s.refused(refusal{"GetResolverEndpoint", `{"ResolverEndpointId":"` + id + `"}`, "ResourceNotFoundException", `[RSLVR-00703] Resolver endpoint with ID "` + id + `" does not exist.`})
}

func TestEndpoint_Refusals(t *testing.T) {
	s := newSite(t)
	in, out := s.endpoint("in", "INBOUND"), s.endpoint("out", "OUTBOUND")
	rule := s.forward("corp.example", out)
	with := func(more string) string {
		return s.edited(doc{"CreatorRequestId": "x", "Direction": "INBOUND", "SecurityGroupIds": []string{"sg-1"}, "IpAddresses": []doc{{"SubnetId": "subnet-1a"}, {"SubnetId": "subnet-1b"}}}, more)
	}
	const create, invalid, wrong = "CreateResolverEndpoint", "InvalidParameterException", "InvalidRequestException"
	s.refused(
		refusal{create, with(`"Direction":"INBOUND_DELEGATION"`), wrong, "Direction INBOUND_DELEGATION is not built in Seamark yet."},
		refusal{create, with(`"Direction":"SIDEWAYS"`), invalid, "enum value set"},
		refusal{create, with(`"Protocols":["DoH"]`), wrong, "Protocol DoH is not built"},
		refusal{create, with(`"ResolverEndpointType":"DUALSTACK"`), wrong, "DUALSTACK is not built"},
		refusal{create, with(`"Dns64Enabled":true`), wrong, "Dns64Enabled is not built"},
		refusal{create, with(`"TargetNameServerMetricsEnabled":true`), wrong, "TargetNameServerMetricsEnabled is not built"},
		refusal{create, with(`"PreferredInstanceType":"m5.large"`), wrong, "Outpost is not built"},
		refusal{create, with(`"Tags":[{"Key":"aws:x","Value":""}]`), "InvalidTagException", "aws:"},
		refusal{create, with(`"IpAddresses":[{"SubnetId":"subnet-1a"}]`), invalid, "greater than or equal to 2"},
		refusal{create, with(`"IpAddresses":[` + strings.Repeat(`{"SubnetId":"subnet-1a"},`, 6) + `{"SubnetId":"subnet-1a"}]`), "LimitExceededException", "at most 6"},
		refusal{create, with(`"IpAddresses":[{"SubnetId":"subnet-9"},{"SubnetId":"subnet-1b"}]`), invalid, "'subnet-9' does not exist"},
		refusal{create, with(`"IpAddresses":[{"SubnetId":"subnet-1a"},{"SubnetId":"subnet-2b"}]`), wrong, "in one VPC"},
		refusal{create, with(`"IpAddresses":[{"SubnetId":"subnet-1a","Ip":"10.0.9.1"},{"SubnetId":"subnet-1b"}]`), wrong, "is reserved"},
		refusal{create, with(`"IpAddresses":[{"SubnetId":"subnet-1a","Ip":"10.0.1.2"},{"SubnetId":"subnet-1b"}]`), wrong, "is reserved"},
		refusal{create, with(`"IpAddresses":[{"SubnetId":"subnet-1a","Ip":"10.0.1.4"},{"SubnetId":"subnet-1b"}]`), "ResourceExistsException", "already in use"},
		refusal{create, with(`"IpAddresses":[{"SubnetId":"subnet-1a","Ip":"10.0.1.70"},{"SubnetId":"subnet-1a","Ip":"10.0.1.70"}]`), "ResourceExistsException", "already in use"},
		refusal{create, with(`"IpAddresses":[{"SubnetId":"subnet-1a","Ip":"10.0.1.x"},{"SubnetId":"subnet-1b"}]`), invalid, "'10.0.1.x' is not valid"},
		refusal{create, with(`"IpAddresses":[{"SubnetId":"subnet-1a","Ipv6":"fd00::17"},{"SubnetId":"subnet-1b"}]`), wrong, "IPv6 address of a Resolver endpoint is not built"},
		refusal{create, with(`"SecurityGroupIds":[]`), invalid, "1 to 10 security groups"},
		refusal{create, with(`"SecurityGroupIds":["sg-9"]`), invalid, "'sg-9' does not exist"},
		refusal{create, with(`"SecurityGroupIds":["sg-2"]`), wrong, "not in the VPC"},
		refusal{create, with(`"CreatorRequestId":"in"`), "ResourceExistsException", "creator request ID 'in'"},
		refusal{create, with(`"Name":"123"`), invalid, "regular expression"},
		refusal{"AssociateResolverEndpointIpAddress", `{"ResolverEndpointId":"rslvr-in-x","IpAddress":{"SubnetId":"subnet-1a"}}`, "ResourceNotFoundException", "[RSLVR-00703]"},
		refusal{"AssociateResolverEndpointIpAddress", `{"ResolverEndpointId":"` + in + `","IpAddress":{}}`, invalid, "SubnetId"},
		refusal{"AssociateResolverEndpointIpAddress", `{"ResolverEndpointId":"` + in + `","IpAddress":{"SubnetId":"subnet-2a"}}`, wrong, "in one VPC"},
		refusal{"DisassociateResolverEndpointIpAddress", `{"ResolverEndpointId":"` + in + `","IpAddress":{"IpId":"rni-1"}}`, "ResourceNotFoundException", "not one of"},
		refusal{"DisassociateResolverEndpointIpAddress", `{"ResolverEndpointId":"` + in + `","IpAddress":{}}`, "ResourceNotFoundException", "not one of"},
		refusal{"DisassociateResolverEndpointIpAddress", `{"ResolverEndpointId":"` + in + `","IpAddress":{"SubnetId":"subnet-1a","Ip":"10.0.1.4"}}`, wrong, "at least 2 IP addresses"},
		refusal{"UpdateResolverEndpoint", `{"ResolverEndpointId":"` + in + `","ResolverEndpointType":"IPV6"}`, wrong, "IPV6 is not built"},
		refusal{"UpdateResolverEndpoint", `{"ResolverEndpointId":"` + in + `","UpdateIpAddresses":[{"IpId":"rni-1","Ipv6":"fd00::17"}]}`, wrong, "not built"},
		refusal{"DeleteResolverEndpoint", `{"ResolverEndpointId":"` + out + `"}`, wrong, rule},
		refusal{"ListResolverEndpointIpAddresses", `{"ResolverEndpointId":"rslvr-in-x"}`, "ResourceNotFoundException", "[RSLVR-00703]"},
		refusal{"ListResolverEndpoints", `{"Filters":[{"Name":"VpcId","Values":["x"]}]}`, invalid, "'VpcId' is not valid"},
		refusal{"ListResolverEndpoints", `{"MaxResults":101}`, invalid, "less than or equal to 100"},
		refusal{"ListResolverEndpoints", `{"NextToken":"x"}`, "InvalidNextTokenException", ""},
		refusal{"CreateOutpostResolver", `{}`, "UnknownOperationException", "CreateOutpostResolver is not built"},
		refusal{"UpdateResolverDnssecConfig", `{"ResourceId":"vpc-1","Validation":"ENABLE"}`, "UnknownOperationException", "UpdateResolverDnssecConfig is not built"},
	)
}

func TestListResolverEndpoints(t *testing.T) {
	s := newSite(t)
	ids := []string{s.endpoint("a", "INBOUND"), s.endpoint("b", "INBOUND"), s.endpoint("c", "OUTBOUND")}
	s.serve(ids[1])
	find := func(name string, values ...string) []string {
		return s.list("ListResolverEndpoints", doc{"Filters": []doc{{"Name": name, "Values": values}}}, "ResolverEndpoints", "Name")
	}
	for _, c := range []struct {
		name   string
		values []string
		want   string
	}{
		{"CreatorRequestId", []string{"a"}, "a"}, {"CREATOR_REQUEST_ID", []string{"b", "c"}, "bc"}, {"Direction", []string{"OUTBOUND"}, "c"}, {"DIRECTION", []string{"INBOUND"}, "ab"},
		{"HostVPCId", []string{"vpc-1"}, "abc"}, {"HOST_VPC_ID", []string{"vpc-2"}, ""}, {"IpAddressCount", []string{"2"}, "abc"}, {"IP_ADDRESS_COUNT", []string{"3"}, ""},
		{"Name", []string{"c"}, "c"}, {"SecurityGroupIds", []string{"sg-1"}, "abc"}, {"SECURITY_GROUP_IDS", []string{"sg-2"}, ""}, {"Status", []string{"OPERATIONAL"}, "b"}, {"STATUS", []string{"CREATING"}, "ac"},
	} {
		got := find(c.name, c.values...)
		if slices.Sort(got); strings.Join(got, "") != c.want {
			t.Errorf("%s %v: %v, expected %s", c.name, c.values, got, c.want)
		}
	}
	if got := s.list("ListResolverEndpoints", `{"Filters":[{"Name":"Direction","Values":["INBOUND"]},{"Name":"Name","Values":["c"]}]}`, "ResolverEndpoints", "Name"); len(got) != 0 {
		t.Errorf("two filters: %v", got)
	}
	seen, token := []string{}, ""
	for range 3 {
		body := doc{"MaxResults": 1}
		if token != "" {
			body["NextToken"] = token
		}
		out := s.call("ListResolverEndpoints", body)
		s.members(out, doc{"MaxResults": 1})
		seen = append(seen, out["ResolverEndpoints"].([]any)[0].(doc)["Id"].(string))
		token, _ = out["NextToken"].(string)
	}
	slices.Sort(ids)
	if !slices.Equal(seen, ids) || token != "" {
		t.Errorf("pages %v, then %q", seen, token)
	}
}

// TestCLI walks through the API with the command line.
func TestCLI(t *testing.T) {
	s := newSite(t)
	url := apitest.Serve(t, s.service())
	run := func(args ...string) string {
		t.Helper()
		exit, out := apitest.CLI(t, url, append([]string{"route53resolver"}, args...)...)
		if exit != 0 {
			t.Fatalf("%v: exit %d, %s", args, exit, out)
		}
		return strings.Trim(out, `"`)
	}
	out := run("create-resolver-endpoint", "--creator-request-id", "1", "--direction", "OUTBOUND", "--security-group-ids", "sg-1",
		"--ip-addresses", "SubnetId=subnet-1a", "SubnetId=subnet-1b,Ip=10.0.2.50", "--query", "ResolverEndpoint.Id")
	rule := run("create-resolver-rule", "--creator-request-id", "1", "--rule-type", "FORWARD", "--domain-name", "Corp.example", "--resolver-endpoint-id", out,
		"--target-ips", "Ip=10.0.1.99", "--query", "ResolverRule.Id")
	if got := run("associate-resolver-rule", "--resolver-rule-id", rule, "--vpc-id", "vpc-1", "--query", "ResolverRuleAssociation.VPCId"); got != "vpc-1" {
		t.Errorf("associated with %s", got)
	}
	if got := run("list-resolver-rules", "--filters", "Name=Type,Values=FORWARD", "--query", "ResolverRules[0].DomainName"); got != "corp.example." {
		t.Errorf("listed %s", got)
	}
	list := run("create-firewall-domain-list", "--name", "bad", "--query", "FirewallDomainList.Id")
	if got := run("update-firewall-domains", "--firewall-domain-list-id", list, "--operation", "ADD", "--domains", "*.Bad.example", "--query", "Status"); got != "COMPLETE" {
		t.Errorf("domains are %s", got)
	}
	if exit, out := apitest.CLI(t, url, "route53resolver", "list-resolver-endpoints", "--filters", "Name=VpcId,Values=vpc-12345678"); exit == 0 || !strings.Contains(out, "(InvalidParameterException)") {
		t.Errorf("exit %d, %s", exit, out)
	}
}
