package route53resolver

import (
	"slices"
	"strings"
	"testing"
)

func TestRule(t *testing.T) {
	s := newSite(t)
	out := s.endpoint("out", "OUTBOUND")
	id := s.forward("Corp.Example.", out)
	s.members(s.call("GetResolverRule", doc{"ResolverRuleId": id}, "ResolverRule"), doc{
		"Arn": "arn:aws:route53resolver:us-east-1:123456789012:resolver-rule/" + id, "DomainName": "corp.example.", "RuleType": "FORWARD", "ResolverEndpointId": out,
		"TargetIps": []doc{{"Ip": "10.0.1.99", "Port": 53, "Protocol": "Do53"}, {"Ip": "10.0.1.98", "Port": 5353, "Protocol": "Do53"}},
		"Status":    "COMPLETE", "OwnerId": "123456789012", "ShareStatus": "NOT_SHARED",
	})
	if again := s.forward("Corp.Example.", out); again != id {
		t.Errorf("the same request again made %s", again)
	}
	system := s.call("CreateResolverRule", doc{"CreatorRequestId": "s", "RuleType": "SYSTEM", "DomainName": "in.corp.example"}, "ResolverRule")["Id"].(string)
	// An association is COMPLETE when DNS answers by it.
	s.applied = s.changes.View().Revision
	a := s.call("AssociateResolverRule", doc{"ResolverRuleId": id, "VPCId": "vpc-1", "Name": "assoc"}, "ResolverRuleAssociation")
	s.members(a, doc{"Name": "assoc", "ResolverRuleId": id, "VPCId": "vpc-1", "Status": "CREATING"})
	get := func() doc {
		return s.call("GetResolverRuleAssociation", doc{"ResolverRuleAssociationId": a["Id"]}, "ResolverRuleAssociation")
	}
	s.members(get(), doc{"Status": "CREATING"})
	s.applied = s.changes.View().Revision
	s.members(get(), doc{"Status": "COMPLETE"})
	updated := s.call("UpdateResolverRule", doc{"ResolverRuleId": id, "Config": doc{"Name": "new", "TargetIps": []doc{{"Ip": "10.0.1.97"}}}}, "ResolverRule")
	s.members(updated, doc{"Name": "new", "Status": "UPDATING", "ResolverEndpointId": out, "TargetIps": []doc{{"Ip": "10.0.1.97", "Port": 53, "Protocol": "Do53"}}})
	s.applied = -1
	s.members(s.call("GetResolverRule", doc{"ResolverRuleId": id}, "ResolverRule"), doc{"Status": "COMPLETE"})
	s.call("AssociateResolverRule", doc{"ResolverRuleId": system, "VPCId": "vpc-1"})
	s.refused(
		refusal{"DeleteResolverRule", `{"ResolverRuleId":"` + id + `"}`, "ResourceInUseException", "disassociate"},
		refusal{"AssociateResolverRule", `{"ResolverRuleId":"` + id + `","VPCId":"vpc-1"}`, "ResourceExistsException", "already associated"},
	)
	s.members(s.call("DisassociateResolverRule", doc{"ResolverRuleId": id, "VPCId": "vpc-1"}, "ResolverRuleAssociation"), doc{"Status": "DELETING", "Id": a["Id"]})
	s.members(s.call("DeleteResolverRule", doc{"ResolverRuleId": id}, "ResolverRule"), doc{"Status": "DELETING"})
	s.call("DeleteResolverEndpoint", doc{"ResolverEndpointId": out})
}

func TestRule_Refusals(t *testing.T) {
	s := newSite(t)
	in, out := s.endpoint("in", "INBOUND"), s.endpoint("out", "OUTBOUND")
	id := s.forward("corp.example", out)
	other := s.call("CreateResolverRule", doc{"CreatorRequestId": "o", "RuleType": "SYSTEM", "DomainName": "CORP.example."}, "ResolverRule")["Id"].(string)
	s.call("AssociateResolverRule", doc{"ResolverRuleId": id, "VPCId": "vpc-1"})
	rule := func(more string) string {
		return s.edited(doc{"CreatorRequestId": "x", "RuleType": "FORWARD", "DomainName": "a.example", "ResolverEndpointId": out, "TargetIps": []doc{{"Ip": "10.0.0.9"}}}, more)
	}
	const create, update, invalid, wrong = "CreateResolverRule", "UpdateResolverRule", "InvalidParameterException", "InvalidRequestException"
	s.refused(
		refusal{create, rule(`"RuleType":"DELEGATE"`), wrong, "DELEGATE is not built"},
		refusal{create, rule(`"RuleType":"RECURSIVE"`), invalid, "RECURSIVE"},
		refusal{create, rule(`"RuleType":"SYSTEM"`), wrong, "SYSTEM type resolver rule"},
		refusal{create, rule(`"DomainName":"a..example"`), invalid, "'a..example' is not valid"},
		refusal{create, rule(`"DomainName":"a b.example"`), invalid, "is not valid"},
		refusal{create, rule(`"DomainName":null`), invalid, "needs a domain name"},
		refusal{create, rule(`"ResolverEndpointId":"rslvr-out-x"`), "ResourceNotFoundException", "[RSLVR-00703]"},
		refusal{create, rule(`"ResolverEndpointId":"` + in + `"`), wrong, "inbound resolver endpoints"},
		refusal{create, rule(`"ResolverEndpointId":null`), invalid, "needs a Resolver endpoint"},
		refusal{create, rule(`"TargetIps":null`), invalid, "needs target IP addresses"},
		refusal{create, rule(`"TargetIps":[]`), invalid, "greater than or equal to 1"},
		refusal{create, rule(`"TargetIps":[{"Ip":"10.0.0.256"}]`), invalid, "10.0.0.256:53"},
		refusal{create, rule(`"TargetIps":[{"Ip":"10.0.0.9","Port":0}]`), invalid, "10.0.0.9:0"},
		refusal{create, rule(`"TargetIps":[{"Ip":"10.0.0.9","Port":65536}]`), invalid, "65535"},
		refusal{create, rule(`"TargetIps":[{"Ipv6":"fd00::1"}]`), wrong, "IPv6 target of a rule is not built"},
		refusal{create, rule(`"TargetIps":[{"Ip":"10.0.0.9","Protocol":"DoH"}]`), wrong, "DNS over HTTPS is not built"},
		refusal{create, rule(`"TargetIps":[` + strings.Repeat(`{"Ip":"10.0.0.9"},`, 6) + `{"Ip":"10.0.0.9"}]`), "LimitExceededException", "at most 6"},
		refusal{create, rule(`"CreatorRequestId":"o"`), "ResourceExistsException", "creator request ID 'o'"},
		refusal{update, `{"ResolverRuleId":"rslvr-rr-x","Config":{}}`, "ResourceNotFoundException", "rslvr-rr-x"},
		refusal{update, `{"ResolverRuleId":"` + other + `","Config":{"TargetIps":[{"Ip":"10.0.0.9"}]}}`, wrong, "SYSTEM"},
		refusal{update, `{"ResolverRuleId":"` + id + `","Config":{"ResolverEndpointId":"` + in + `"}}`, wrong, "inbound"},
		refusal{update, `{"ResolverRuleId":"` + autodefined + `","Config":{"Name":"x"}}`, wrong, "cannot be changed"},
		refusal{"DeleteResolverRule", `{"ResolverRuleId":"` + autodefined + `"}`, wrong, "cannot be changed"},
		refusal{"GetResolverRule", `{"ResolverRuleId":"rslvr-rr-x"}`, "ResourceNotFoundException", "rslvr-rr-x"},
		refusal{"AssociateResolverRule", `{"ResolverRuleId":"rslvr-rr-x","VPCId":"vpc-1"}`, "ResourceNotFoundException", "rslvr-rr-x"},
		refusal{"AssociateResolverRule", `{"ResolverRuleId":"` + id + `","VPCId":"vpc-9"}`, invalid, "'vpc-9' does not exist"},
		refusal{"AssociateResolverRule", `{"ResolverRuleId":"` + other + `","VPCId":"vpc-1"}`, wrong, "Conflict with resolver rule '" + id + "'"},
		refusal{"DisassociateResolverRule", `{"ResolverRuleId":"` + id + `","VPCId":"vpc-2"}`, "ResourceNotFoundException", "'vpc-2' does not exist"},
		refusal{"GetResolverRuleAssociation", `{"ResolverRuleAssociationId":"x"}`, "ResourceNotFoundException", "'x' does not exist"},
		refusal{"ListResolverRules", `{"Filters":[{"Name":"Id","Values":["x"]}]}`, invalid, "'Id' is not valid"},
		refusal{"ListResolverRuleAssociations", `{"Filters":[{"Values":["x"]}]}`, invalid, "is not valid"},
	)
}

// The rule that every account has is listed first, and so is its association
// with each VPC.
func TestRule_Lists(t *testing.T) {
	s := newSite(t)
	id := s.forward("corp.example", s.endpoint("out", "OUTBOUND"))
	s.call("AssociateResolverRule", doc{"ResolverRuleId": id, "VPCId": "vpc-2", "Name": "mine"})
	if got := s.list("ListResolverRules", doc{}, "ResolverRules", "Id"); !slices.Equal(got, []string{autodefined, id}) {
		t.Errorf("rules %v", got)
	}
	s.members(s.call("GetResolverRule", doc{"ResolverRuleId": autodefined}, "ResolverRule"), doc{"DomainName": ".", "RuleType": "RECURSIVE", "Name": "Internet Resolver", "OwnerId": "Route 53 Resolver"})
	for filter, want := range map[string]string{
		`{"Name":"TYPE","Values":["RECURSIVE"]}`: autodefined, `{"Name":"Type","Values":["FORWARD"]}`: id, `{"Name":"DomainName","Values":["corp.example."]}`: id,
		`{"Name":"DOMAIN_NAME","Values":["."]}`: autodefined, `{"Name":"Status","Values":["COMPLETE"]}`: autodefined + id, `{"Name":"Name","Values":["x"]}`: "",
		`{"Name":"RESOLVER_ENDPOINT_ID","Values":["x"]}`: "", `{"Name":"CreatorRequestId","Values":["corp.example"]}`: id,
	} {
		if got := s.list("ListResolverRules", `{"Filters":[`+filter+`]}`, "ResolverRules", "Id"); strings.Join(got, "") != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
	names := s.list("ListResolverRuleAssociations", doc{}, "ResolverRuleAssociations", "Name")
	if !slices.Equal(names, []string{"System Rule Association", "System Rule Association", "mine"}) {
		t.Errorf("associations %v", names)
	}
	for filter, want := range map[string]int{
		`{"Name":"VPCId","Values":["vpc-2"]}`: 2, `{"Name":"VPC_ID","Values":["vpc-1"]}`: 1, `{"Name":"ResolverRuleId","Values":["` + id + `"]}`: 1,
		`{"Name":"RESOLVER_RULE_ID","Values":["` + autodefined + `"]}`: 2, `{"Name":"Name","Values":["mine"]}`: 1, `{"Name":"STATUS","Values":["COMPLETE"]}`: 3,
	} {
		if got := s.list("ListResolverRuleAssociations", `{"Filters":[`+filter+`]}`, "ResolverRuleAssociations", "Id"); len(got) != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
}
