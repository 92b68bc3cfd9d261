package route53resolver

import (
	"fmt"
	"slices"
	"testing"

	"seamark/internal/api/apitest"
	"seamark/internal/plan"
	"seamark/internal/world"
)

const logGroup = "arn:aws:logs:us-east-1:123456789012:log-group:"

func (s *site) queryLog(name, group string) string {
	s.Helper()
	return s.call("CreateResolverQueryLogConfig", doc{"Name": name, "DestinationArn": logGroup + group, "CreatorRequestId": name}, "ResolverQueryLogConfig")["Id"].(string)
}

func TestQueryLog(t *testing.T) {
	s := newSite(t)
	id := s.queryLog("log", "/dns:*")
	if again := s.queryLog("log", "/dns:*"); again != id {
		t.Errorf("the same request again made %s", again)
	}
	s.members(s.call("GetResolverQueryLogConfig", doc{"ResolverQueryLogConfigId": id}, "ResolverQueryLogConfig"), doc{
		"Arn": "arn:aws:route53resolver:us-east-1:123456789012:resolver-query-log-config/" + id, "Status": "CREATED", "AssociationCount": 0, "DestinationArn": logGroup + "/dns:*",
	})
	s.applied = s.changes.View().Revision
	a := s.call("AssociateResolverQueryLogConfig", doc{"ResolverQueryLogConfigId": id, "ResourceId": "vpc-1"}, "ResolverQueryLogConfigAssociation")
	s.members(a, doc{"Status": "CREATING", "Error": "NONE", "ResourceId": "vpc-1", "ResolverQueryLogConfigId": id})
	get := func() doc {
		return s.call("GetResolverQueryLogConfigAssociation", doc{"ResolverQueryLogConfigAssociationId": a["Id"]}, "ResolverQueryLogConfigAssociation")
	}
	s.applied = -1
	s.members(get(), doc{"Status": "ACTIVE", "Error": "NONE"})
	apitest.Change(t, s.changes, func(d *plan.Draft) { d.Delete(d.World.LogGroups.Get("/dns")) })
	s.members(get(), doc{"Status": "ACTION_NEEDED", "Error": "DESTINATION_NOT_FOUND"})
	missing := s.queryLog("missing", "/other")
	b := s.call("AssociateResolverQueryLogConfig", doc{"ResolverQueryLogConfigId": missing, "ResourceId": "vpc-1"}, "ResolverQueryLogConfigAssociation")
	s.members(b, doc{"Status": "FAILED", "Error": "DESTINATION_NOT_FOUND"})
	apitest.Change(t, s.changes, func(d *plan.Draft) { d.Put(&world.LogGroup{Name: "/dns"}) })
	s.members(get(), doc{"Status": "ACTIVE", "Error": "NONE"})

	s.refused(refusal{"DeleteResolverQueryLogConfig", `{"ResolverQueryLogConfigId":"` + id + `"}`, "InvalidRequestException", "while VPCs are associated"})
	s.members(s.call("DisassociateResolverQueryLogConfig", doc{"ResolverQueryLogConfigId": id, "ResourceId": "vpc-1"}, "ResolverQueryLogConfigAssociation"), doc{"Status": "DELETING"})
	s.members(s.call("DeleteResolverQueryLogConfig", doc{"ResolverQueryLogConfigId": id}, "ResolverQueryLogConfig"), doc{"Status": "DELETING"})
}

func TestQueryLog_Refusals(t *testing.T) {
	s := newSite(t)
	id := s.queryLog("log", "/dns")
	s.call("AssociateResolverQueryLogConfig", doc{"ResolverQueryLogConfigId": id, "ResourceId": "vpc-1"})
	to := func(arn string) string { return `{"Name":"x","CreatorRequestId":"x","DestinationArn":"` + arn + `"}` }
	const create, invalid, wrong, missing = "CreateResolverQueryLogConfig", "InvalidParameterException", "InvalidRequestException", "ResourceNotFoundException"
	s.refused(
		refusal{create, to("arn:aws:s3:::bucket"), wrong, "S3 is not built"},
		refusal{create, to("arn:aws:firehose:us-east-1:123456789012:deliverystream/x"), wrong, "Firehose is not built"},
		refusal{create, to("/dns"), invalid, "'/dns' is not valid"},
		refusal{create, to("arn:aws:logs:us-east-1:123456789012:log-group:"), invalid, "is not valid"},
		refusal{create, to("arn:aws:logs:us-east-1:123456789012:log-group:a:log-stream:b"), invalid, "is not valid"},
		refusal{create, to("arn:aws:logs:eu-west-1:123456789012:log-group:a"), invalid, "is not valid"},
		refusal{create, to("arn:aws:logs:us-east-1:999999999999:log-group:a"), invalid, "is not valid"},
		refusal{create, `{"Name":"other","CreatorRequestId":"log","DestinationArn":"` + logGroup + `/dns"}`, "ResourceExistsException", "creator request ID 'log'"},
		refusal{"GetResolverQueryLogConfig", `{"ResolverQueryLogConfigId":"rqlc-x"}`, missing, "rqlc-x"},
		refusal{"DeleteResolverQueryLogConfig", `{"ResolverQueryLogConfigId":"rqlc-x"}`, missing, "rqlc-x"},
		refusal{"AssociateResolverQueryLogConfig", `{"ResolverQueryLogConfigId":"rqlc-x","ResourceId":"vpc-1"}`, missing, "rqlc-x"},
		refusal{"AssociateResolverQueryLogConfig", `{"ResolverQueryLogConfigId":"` + id + `","ResourceId":"vpc-9"}`, invalid, "vpc-9"},
		refusal{"AssociateResolverQueryLogConfig", `{"ResolverQueryLogConfigId":"` + id + `","ResourceId":"vpc-1"}`, "ResourceExistsException", "already associated"},
		refusal{"DisassociateResolverQueryLogConfig", `{"ResolverQueryLogConfigId":"` + id + `","ResourceId":"vpc-2"}`, missing, "vpc-2"},
		refusal{"GetResolverQueryLogConfigAssociation", `{"ResolverQueryLogConfigAssociationId":"rqlca-x"}`, missing, "rqlca-x"},
		refusal{"ListResolverQueryLogConfigs", `{"SortBy":"Nothing"}`, invalid, "'Nothing' is not valid"},
		refusal{"ListResolverQueryLogConfigs", `{"Filters":[{"Name":"VpcId","Values":["x"]}]}`, invalid, "'VpcId' is not valid"},
		refusal{"ListResolverQueryLogConfigAssociations", `{"NextToken":"x"}`, invalid, "next token"},
	)
}

// TestQueryLog_SortsNumbers: nine associations are fewer than ten.
func TestQueryLog_SortsNumbers(t *testing.T) {
	s := newSite(t)
	many, few := s.queryLog("many", "/dns"), s.queryLog("few", "/dns")
	apitest.Change(t, s.changes, func(d *plan.Draft) {
		for i := range 19 {
			config := many
			if i >= 10 {
				config = few
			}
			d.Put(&world.QueryLogAssociation{ID: fmt.Sprintf("rqlca-%d", i), Config: config, VPC: world.VPCID(fmt.Sprintf("vpc-x%d", i))})
		}
	})
	if got := s.list("ListResolverQueryLogConfigs", `{"SortBy":"AssociationCount"}`, "ResolverQueryLogConfigs", "Name"); !slices.Equal(got, []string{"few", "many"}) {
		t.Errorf("%v", got)
	}
}

// Listings sort by any of their members, both ways, and over pages.
func TestQueryLog_Sorts(t *testing.T) {
	s := newSite(t)
	for _, name := range []string{"b", "a", "c"} {
		s.queryLog(name, "/dns")
	}
	s.call("AssociateResolverQueryLogConfig", doc{"ResolverQueryLogConfigId": s.queryLog("a", "/dns"), "ResourceId": "vpc-1"})
	for order, want := range map[string][]string{"ASCENDING": {"a", "b", "c"}, "DESCENDING": {"c", "b", "a"}} {
		var got []string
		token := ""
		for range 3 {
			body := doc{"SortBy": "Name", "SortOrder": order, "MaxResults": 1}
			if token != "" {
				body["NextToken"] = token
			}
			out := s.call("ListResolverQueryLogConfigs", body)
			s.members(out, doc{"TotalCount": 3, "TotalFilteredCount": 3})
			got = append(got, out["ResolverQueryLogConfigs"].([]any)[0].(doc)["Name"].(string))
			token, _ = out["NextToken"].(string)
		}
		if !slices.Equal(got, want) || token != "" {
			t.Errorf("%s: %v, then %q", order, got, token)
		}
	}
	out := s.call("ListResolverQueryLogConfigs", `{"Filters":[{"Name":"AssociationCount","Values":["1"]},{"Name":"DESTINATION","Values":["CloudWatchLogs"]}]}`)
	s.members(out, doc{"TotalCount": 3, "TotalFilteredCount": 1})
	if got := s.list("ListResolverQueryLogConfigAssociations", `{"SortBy":"CreationTime","Filters":[{"Name":"ResourceId","Values":["vpc-1"]}]}`, "ResolverQueryLogConfigAssociations", "Status"); !slices.Equal(got, []string{"ACTIVE"}) {
		t.Errorf("associations %v", got)
	}
}
