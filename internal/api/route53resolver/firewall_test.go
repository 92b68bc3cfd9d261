package route53resolver

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"seamark/internal/api/apitest"
	"seamark/internal/plan"
	"seamark/internal/world"
)

func (s *site) domainList(name string, domains ...string) string {
	s.Helper()
	id := s.call("CreateFirewallDomainList", doc{"Name": name, "CreatorRequestId": name}, "FirewallDomainList")["Id"].(string)
	if len(domains) > 0 {
		s.call("UpdateFirewallDomains", doc{"FirewallDomainListId": id, "Operation": "ADD", "Domains": domains})
	}
	return id
}

func (s *site) ruleGroup(name string) string {
	s.Helper()
	return s.call("CreateFirewallRuleGroup", doc{"Name": name, "CreatorRequestId": name}, "FirewallRuleGroup")["Id"].(string)
}

func TestDomainList(t *testing.T) {
	s := newSite(t)
	id := s.domainList("bad", "Bad.example", "*.Worse.example.", "bad.example.")
	if again := s.domainList("bad"); again != id {
		t.Errorf("the same request again made %s", again)
	}
	domains := func() []string {
		return s.list("ListFirewallDomains", doc{"FirewallDomainListId": id}, "Domains", "")
	}
	if got := domains(); !slices.Equal(got, []string{"*.worse.example.", "bad.example."}) {
		t.Errorf("domains %v", got)
	}
	s.applied = s.changes.View().Revision
	s.members(s.call("UpdateFirewallDomains", doc{"FirewallDomainListId": id, "Operation": "REMOVE", "Domains": []string{"BAD.example", "none.example"}}), doc{"Id": id, "Name": "bad", "Status": "UPDATING"})
	if got := domains(); !slices.Equal(got, []string{"*.worse.example."}) {
		t.Errorf("domains %v", got)
	}
	s.applied = -1
	s.call("UpdateFirewallDomains", doc{"FirewallDomainListId": id, "Operation": "REPLACE", "Domains": []string{"*", "x_y.example"}})
	if got := domains(); !slices.Equal(got, []string{"*.", "x_y.example."}) {
		t.Errorf("domains %v", got)
	}
	s.members(s.call("GetFirewallDomainList", doc{"FirewallDomainListId": id}, "FirewallDomainList"), doc{"DomainCount": 2, "Status": "COMPLETE",
		"Arn": "arn:aws:route53resolver:us-east-1:123456789012:firewall-domain-list/" + id})
	if got := s.list("ListFirewallDomainLists", doc{}, "FirewallDomainLists", "Name"); !slices.Equal(got, []string{"bad"}) {
		t.Errorf("lists %v", got)
	}
	out := s.call("ListFirewallDomains", doc{"FirewallDomainListId": id, "MaxResults": 1})
	if got := s.list("ListFirewallDomains", doc{"FirewallDomainListId": id, "MaxResults": 1, "NextToken": out["NextToken"]}, "Domains", ""); !slices.Equal(got, []string{"x_y.example."}) {
		t.Errorf("second page %v", got)
	}
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprintf("d%d.example", i)
	}
	const update, invalid = "UpdateFirewallDomains", "ValidationException"
	with := func(domain string) string {
		return `{"FirewallDomainListId":"` + id + `","Operation":"ADD","Domains":["` + domain + `"]}`
	}
	longest := strings.Repeat(strings.Repeat("a", 49)+".", 5) // 250 with the dot
	s.call(update, with(longest+"bcd"))
	s.refused(
		refusal{"UpdateFirewallConfig", `{"ResourceId":"vpc-1"}`, invalid, "1 validation error detected"},
		refusal{"UpdateResolverConfig", `{"ResourceId":"vpc-1"}`, "InvalidParameterException", "1 validation error detected"},
		refusal{update, with(longest + "bcde"), invalid, "is not valid"},
		refusal{update, with("a..b"), invalid, "'a..b' is not valid"}, refusal{update, with("a.*.b"), invalid, "is not valid"}, refusal{update, with("*x.b"), invalid, "is not valid"},
		refusal{update, with(strings.Repeat("a", 64) + ".b"), invalid, "is not valid"}, refusal{update, with("."), invalid, "is not valid"},
		refusal{update, `{"FirewallDomainListId":"rslvr-fdl-x","Operation":"ADD","Domains":["a.b"]}`, "ResourceNotFoundException", "rslvr-fdl-x"},
		refusal{update, mustJSON(s, doc{"FirewallDomainListId": id, "Operation": "ADD", "Domains": many}), "LimitExceededException", "at most 1000"},
		refusal{"CreateFirewallDomainList", `{"Name":"other","CreatorRequestId":"bad"}`, invalid, "creator request ID 'bad'"},
		refusal{"ImportFirewallDomains", `{"FirewallDomainListId":"` + id + `","Operation":"REPLACE","DomainFileUrl":"s3://b/k"}`, "UnknownOperationException", "ImportFirewallDomains is not built"},
		refusal{"ListFirewallDomains", `{"FirewallDomainListId":"` + id + `","NextToken":"x"}`, invalid, "next token"},
	)
	s.members(s.call("DeleteFirewallDomainList", doc{"FirewallDomainListId": id}, "FirewallDomainList"), doc{"Status": "DELETING"})
}

// Lists together have as many domains as AWS allows, and one list as many bytes
// as fit into the store.
func TestDomainList_Bounds(t *testing.T) {
	s := newSite(t)
	id := s.domainList("a")
	apitest.Change(t, s.changes, func(d *plan.Draft) {
		full := make([]string, world.MaxFirewallDomains-1)
		for i := range full {
			full[i] = fmt.Sprintf("d%06d.example.", i)
		}
		d.Put(&world.FirewallDomainList{ID: "rslvr-fdl-full", Domains: full})
	})
	s.call("UpdateFirewallDomains", doc{"FirewallDomainListId": id, "Operation": "ADD", "Domains": []string{"a.example"}})
	s.refused(refusal{"UpdateFirewallDomains", `{"FirewallDomainListId":"` + id + `","Operation":"ADD","Domains":["b.example"]}`, "LimitExceededException", "100000 domains"})
	apitest.Change(t, s.changes, func(d *plan.Draft) {
		long := make([]string, 26_000)
		for i := range long {
			long[i] = fmt.Sprintf("%060d.%s", i, strings.Repeat(strings.Repeat("x", 59)+".", 3))
		}
		d.Put(&world.FirewallDomainList{ID: "rslvr-fdl-full", Domains: long})
	})
	s.refused(refusal{"UpdateFirewallDomains", `{"FirewallDomainListId":"rslvr-fdl-full","Operation":"ADD","Domains":["b.example"]}`, "LimitExceededException", "bytes"})
}

func TestFirewallRules(t *testing.T) {
	s := newSite(t)
	bad, good := s.domainList("bad", "bad.example"), s.domainList("good", "good.example")
	g := s.ruleGroup("g")
	create := doc{"CreatorRequestId": "r1", "FirewallRuleGroupId": g, "FirewallDomainListId": bad, "Priority": 20, "Action": "BLOCK", "BlockResponse": "OVERRIDE",
		"BlockOverrideDnsType": "CNAME", "BlockOverrideDomain": "Safe.example", "BlockOverrideTtl": 60, "Name": "block", "Qtype": "AAAA"}
	r := s.call("CreateFirewallRule", create, "FirewallRule")
	s.members(r, doc{"FirewallRuleGroupId": g, "FirewallDomainListId": bad, "Priority": 20, "Action": "BLOCK", "BlockResponse": "OVERRIDE", "BlockOverrideDomain": "safe.example.",
		"BlockOverrideDnsType": "CNAME", "BlockOverrideTtl": 60, "Qtype": "AAAA", "FirewallDomainRedirectionAction": "INSPECT_REDIRECTION_DOMAIN"})
	s.members(s.call("CreateFirewallRule", create, "FirewallRule"), doc{"Name": "block"})
	s.call("CreateFirewallRule", doc{"CreatorRequestId": "r2", "FirewallRuleGroupId": g, "FirewallDomainListId": good, "Priority": 10, "Action": "ALLOW", "Name": "allow",
		"FirewallDomainRedirectionAction": "TRUST_REDIRECTION_DOMAIN"})
	if got := s.list("ListFirewallRules", doc{"FirewallRuleGroupId": g}, "FirewallRules", "Name"); !slices.Equal(got, []string{"allow", "block"}) {
		t.Errorf("rules %v", got)
	}
	for filter, want := range map[string]string{`"Action":"BLOCK"`: "block", `"Priority":10`: "allow", `"Action":"ALERT"`: ""} {
		if got := s.list("ListFirewallRules", `{"FirewallRuleGroupId":"`+g+`",`+filter+`}`, "FirewallRules", "Name"); strings.Join(got, "") != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
	s.members(s.call("GetFirewallRuleGroup", doc{"FirewallRuleGroupId": g}, "FirewallRuleGroup"), doc{"RuleCount": 2, "Status": "COMPLETE"})
	s.members(s.call("UpdateFirewallRule", doc{"FirewallRuleGroupId": g, "FirewallDomainListId": bad, "Qtype": "AAAA", "Action": "ALERT", "Priority": 5}, "FirewallRule"),
		doc{"Action": "ALERT", "Priority": 5, "BlockResponse": nil, "BlockOverrideDomain": nil, "Name": "block"})
	rule := func(more string) string {
		return s.edited(doc{"CreatorRequestId": "x", "Name": "x", "FirewallRuleGroupId": g, "FirewallDomainListId": bad, "Priority": 30, "Action": "BLOCK", "BlockResponse": "NODATA"}, more)
	}
	const op, update, invalid = "CreateFirewallRule", "UpdateFirewallRule", "ValidationException"
	s.refused(
		refusal{op, rule(`"FirewallDomainListId":null`), invalid, "needs a domain list"},
		refusal{op, rule(`"DnsThreatProtection":"DGA"`), invalid, "DnsThreatProtection is not built"},
		refusal{op, rule(`"FirewallDomainListId":"rslvr-fdl-x"`), "ResourceNotFoundException", "rslvr-fdl-x"},
		refusal{op, rule(`"FirewallRuleGroupId":"rslvr-frg-x"`), "ResourceNotFoundException", "rslvr-frg-x"},
		refusal{op, rule(`"Qtype":"AAAA"`), invalid, "has a rule for the domain list"},
		refusal{op, rule(`"Qtype":"BOGUS"`), invalid, "'BOGUS' is not valid"},
		refusal{op, rule(`"Qtype":"TYPE70000"`), invalid, "is not valid"},
		refusal{op, rule(`"Priority":10`), invalid, "priority 10 already"},
		refusal{op, rule(`"Action":"ALLOW"`), invalid, "for the action BLOCK only"},
		refusal{op, rule(`"BlockResponse":null`), invalid, "needs a block response"},
		refusal{op, rule(`"BlockResponse":"OVERRIDE"`), invalid, "needs BlockOverrideDnsType"},
		refusal{op, rule(`"BlockOverrideTtl":5`), invalid, "OVERRIDE only"},
		refusal{op, rule(`"BlockResponse":"OVERRIDE","BlockOverrideDnsType":"CNAME","BlockOverrideTtl":5,"BlockOverrideDomain":"a..b"`), invalid, "'a..b' is not valid"},
		refusal{op, rule(`"CreatorRequestId":"r1"`), invalid, "creator request ID 'r1'"},
		refusal{update, `{"FirewallRuleGroupId":"` + g + `","FirewallDomainListId":"` + bad + `","Priority":1}`, "ResourceNotFoundException", "has no rule"}, // it has a Qtype
		refusal{update, `{"FirewallRuleGroupId":"` + g + `","FirewallDomainListId":"` + good + `","Priority":5}`, invalid, "priority 5 already"},
		refusal{update, `{"FirewallRuleGroupId":"` + g + `","FirewallDomainListId":"` + good + `","Action":"BLOCK"}`, invalid, "needs a block response"},
		refusal{update, `{"FirewallRuleGroupId":"` + g + `"}`, invalid, "named by its domain list"},
		refusal{"DeleteFirewallRule", `{"FirewallRuleGroupId":"` + g + `","FirewallDomainListId":"rslvr-fdl-x"}`, "ResourceNotFoundException", "has no rule"},
		refusal{"DeleteFirewallDomainList", `{"FirewallDomainListId":"` + bad + `"}`, "ConflictException", g},
		refusal{"CreateFirewallRuleGroup", `{"Name":"other","CreatorRequestId":"g"}`, invalid, "creator request ID 'g'"},
		refusal{"ListFirewallRules", `{"FirewallRuleGroupId":"rslvr-frg-x"}`, "ResourceNotFoundException", "rslvr-frg-x"},
	)
	s.call("DeleteFirewallRule", doc{"FirewallRuleGroupId": g, "FirewallDomainListId": bad, "Qtype": "AAAA"})
	s.call("DeleteFirewallDomainList", doc{"FirewallDomainListId": bad})
	s.members(s.call("DeleteFirewallRuleGroup", doc{"FirewallRuleGroupId": g}, "FirewallRuleGroup"), doc{"Status": "DELETING"})
}

func TestFirewallAssociation(t *testing.T) {
	s := newSite(t)
	g, other, third := s.ruleGroup("g"), s.ruleGroup("other"), s.ruleGroup("third")
	associate := func(id, group, vpc string, priority int) doc {
		return doc{"CreatorRequestId": id, "Name": id, "FirewallRuleGroupId": group, "VpcId": vpc, "Priority": priority, "MutationProtection": "ENABLED"}
	}
	s.applied = s.changes.View().Revision
	a := s.call("AssociateFirewallRuleGroup", associate("a", g, "vpc-1", 101), "FirewallRuleGroupAssociation")
	id := a["Id"].(string)
	s.members(a, doc{"Status": "UPDATING", "MutationProtection": "ENABLED", "Priority": 101, "VpcId": "vpc-1", "Arn": "arn:aws:route53resolver:us-east-1:123456789012:firewall-rule-group-association/" + id})
	s.applied = -1
	s.members(s.call("GetFirewallRuleGroupAssociation", doc{"FirewallRuleGroupAssociationId": id}, "FirewallRuleGroupAssociation"), doc{"Status": "COMPLETE"})
	s.members(s.call("AssociateFirewallRuleGroup", associate("a", g, "vpc-1", 101), "FirewallRuleGroupAssociation"), doc{"Id": id})
	s.call("AssociateFirewallRuleGroup", associate("b", other, "vpc-1", 102))
	for filter, want := range map[string]string{
		`{}`: "ab", `{"VpcId":"vpc-2"}`: "", `{"Priority":102}`: "b", `{"FirewallRuleGroupId":"` + g + `"}`: "a", `{"Status":"UPDATING"}`: "", `{"Status":"COMPLETE","VpcId":"vpc-1"}`: "ab",
	} {
		got := s.list("ListFirewallRuleGroupAssociations", filter, "FirewallRuleGroupAssociations", "Name")
		if slices.Sort(got); strings.Join(got, "") != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
	const op, update, conflict = "AssociateFirewallRuleGroup", "UpdateFirewallRuleGroupAssociation", "ConflictException"
	s.refused(
		refusal{op, mustJSON(s, associate("x", g, "vpc-2", 100)), "ValidationException", "greater than 100"},
		refusal{op, mustJSON(s, associate("x", g, "vpc-2", 9900)), "ValidationException", "less than 9900"},
		refusal{op, mustJSON(s, associate("x", "rslvr-frg-x", "vpc-2", 200)), "ResourceNotFoundException", "rslvr-frg-x"},
		refusal{op, mustJSON(s, associate("x", g, "vpc-9", 200)), "ResourceNotFoundException", "vpc-9"},
		refusal{op, mustJSON(s, associate("x", g, "vpc-1", 200)), conflict, "already associated"},
		refusal{op, mustJSON(s, associate("x", third, "vpc-1", 102)), conflict, "priority 102 already"},
		refusal{op, mustJSON(s, associate("a", g, "vpc-2", 101)), conflict, "creator request ID 'a'"},
		refusal{update, `{"FirewallRuleGroupAssociationId":"` + id + `","Priority":300}`, conflict, "is protected"},
		refusal{update, `{"FirewallRuleGroupAssociationId":"` + id + `","Priority":102,"MutationProtection":"DISABLED"}`, conflict, "priority 102 already"},
		refusal{update, `{"FirewallRuleGroupAssociationId":"x"}`, "ResourceNotFoundException", "'x' does not exist"},
		refusal{"DisassociateFirewallRuleGroup", `{"FirewallRuleGroupAssociationId":"` + id + `"}`, conflict, "is protected"},
		refusal{"DeleteFirewallRuleGroup", `{"FirewallRuleGroupId":"` + g + `"}`, conflict, "vpc-1"},
	)
	s.members(s.call(update, doc{"FirewallRuleGroupAssociationId": id, "Priority": 300, "MutationProtection": "DISABLED", "Name": "new"}, "FirewallRuleGroupAssociation"),
		doc{"Priority": 300, "MutationProtection": "DISABLED", "Name": "new"})
	s.members(s.call("DisassociateFirewallRuleGroup", doc{"FirewallRuleGroupAssociationId": id}, "FirewallRuleGroupAssociation"), doc{"Status": "DELETING"})
	s.call("DeleteFirewallRuleGroup", doc{"FirewallRuleGroupId": g})
}

func TestConfigs(t *testing.T) {
	s := newSite(t)
	s.members(s.call("GetResolverConfig", doc{"ResourceId": "vpc-1"}, "ResolverConfig"), doc{"AutodefinedReverse": "ENABLED", "ResourceId": "vpc-1", "Id": "rslvr-rc-1", "OwnerId": "123456789012"})
	s.members(s.call("GetFirewallConfig", doc{"ResourceId": "vpc-1"}, "FirewallConfig"), doc{"FirewallFailOpen": "DISABLED", "Id": "rslvr-fc-1"})
	s.applied = s.changes.View().Revision
	s.members(s.call("UpdateResolverConfig", doc{"ResourceId": "vpc-1", "AutodefinedReverseFlag": "DISABLE"}, "ResolverConfig"), doc{"AutodefinedReverse": "DISABLING"})
	s.applied = -1
	s.members(s.call("UpdateFirewallConfig", doc{"ResourceId": "vpc-1", "FirewallFailOpen": "ENABLED"}, "FirewallConfig"), doc{"FirewallFailOpen": "ENABLED"})
	s.members(s.call("GetResolverConfig", doc{"ResourceId": "vpc-1"}, "ResolverConfig"), doc{"AutodefinedReverse": "DISABLED"})
	if a, b := s.list("ListResolverConfigs", doc{}, "ResolverConfigs", "ResourceId"), s.list("ListFirewallConfigs", doc{}, "FirewallConfigs", "ResourceId"); !slices.Equal(a, []string{"vpc-1"}) || !slices.Equal(b, a) {
		t.Errorf("configurations of %v and %v", a, b)
	}
	s.refused(
		refusal{"GetResolverConfig", `{"ResourceId":"vpc-9"}`, "ResourceNotFoundException", "vpc-9"},
		refusal{"GetFirewallConfig", `{"ResourceId":"vpc-9"}`, "ResourceNotFoundException", "vpc-9"},
		refusal{"UpdateResolverConfig", `{"ResourceId":"vpc-1","AutodefinedReverseFlag":"USE_LOCAL_RESOURCE_SETTING"}`, "InvalidRequestException", "is not built"},
		refusal{"UpdateFirewallConfig", `{"ResourceId":"vpc-1","FirewallFailOpen":"USE_LOCAL_RESOURCE_SETTING"}`, "ValidationException", "is not built"},
		refusal{"UpdateFirewallConfig", `{"ResourceId":"vpc-9","FirewallFailOpen":"ENABLED"}`, "ResourceNotFoundException", "vpc-9"},
	)
}

func TestTags(t *testing.T) {
	s := newSite(t)
	out, g := s.endpoint("out", "OUTBOUND"), s.ruleGroup("g")
	for kind, id := range map[string]string{
		"resolver-endpoint": out, "resolver-rule": s.forward("corp.example", out), "resolver-query-log-config": s.queryLog("log", "/dns"),
		"firewall-domain-list": s.domainList("bad"), "firewall-rule-group": g,
		"firewall-rule-group-association": s.call("AssociateFirewallRuleGroup", doc{"CreatorRequestId": "a", "Name": "a", "FirewallRuleGroupId": g, "VpcId": "vpc-1", "Priority": 101}, "FirewallRuleGroupAssociation")["Id"].(string),
	} {
		arn := "arn:aws:route53resolver:us-east-1:123456789012:" + kind + "/" + id
		s.call("TagResource", doc{"ResourceArn": arn, "Tags": []doc{{"Key": "b", "Value": "2"}, {"Key": "a", "Value": ""}, {"Key": "c", "Value": "3"}}})
		s.call("UntagResource", doc{"ResourceArn": arn, "TagKeys": []string{"c", "none"}})
		first := s.call("ListTagsForResource", doc{"ResourceArn": arn, "MaxResults": 1})
		s.members(first, doc{"Tags": []doc{{"Key": "a", "Value": ""}}})
		s.members(s.call("ListTagsForResource", doc{"ResourceArn": arn, "NextToken": first["NextToken"]}), doc{"Tags": []doc{{"Key": "b", "Value": "2"}}})
		s.refused(
			refusal{"TagResource", `{"ResourceArn":"` + arn + `x","Tags":[]}`, "ResourceNotFoundException", "does not exist"},
			refusal{"TagResource", `{"ResourceArn":"` + arn + `","Tags":[{"Key":"AWS:x","Value":""}]}`, "InvalidTagException", "aws:"},
		)
	}
}
