package route53

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"seamark/internal/api/apitest"
	"seamark/internal/plan"
	"seamark/internal/world"
)

const (
	vpcA = "vpc-0000000000000000a"
	vpcB = "vpc-0000000000000000b"
)

// serve serves a world with two VPCs and three zones: one of Cloud Map's, with
// instances, and two plain ones, of which one is public.
func serve(t *testing.T) string {
	t.Helper()
	r := apitest.Runner(t, world.Relaxed)
	apitest.Change(t, r, func(d *plan.Draft) {
		d.Put(&world.VPC{ID: vpcA})
		d.Put(&world.VPC{ID: vpcB})
		d.Put(&world.Namespace{ID: "ns-1", Name: "my app.local", HostedZone: "ZCLOUDMAP"})
		d.Put(&world.HostedZone{ID: "ZCLOUDMAP", Name: "my*app.local.", Private: true, VPCs: []world.VPCID{vpcA}, Namespace: "ns-1", CallerReference: "op-1", Comment: "Created by AWS Cloud Map"})
		d.Put(&world.HostedZone{ID: "ZPLAIN", Name: "plain.", Private: true, VPCs: []world.VPCID{vpcA, vpcB}, CallerReference: "ref"})
		d.Put(&world.RecordSet{Zone: "ZPLAIN", Name: "a.plain.", Type: "A"})
		d.Put(&world.HostedZone{ID: "ZPUBLIC", Name: "example.com.", CallerReference: "ref-2"})
		both := []world.DNSRecord{{Type: "A"}, {Type: "AAAA"}}
		d.Put(&world.DiscoveryService{ID: "srv-1", Namespace: "ns-1", Name: "web", Records: both})
		d.Put(&world.DiscoveryInstance{Service: "srv-1", ID: "v4", Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1"}})
		d.Put(&world.DiscoveryInstance{Service: "srv-1", ID: "dual", Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_IPV6": "2001:db8::1"}})
		d.Put(&world.DiscoveryService{ID: "srv-2", Namespace: "ns-1", Name: "srv", Records: []world.DNSRecord{{Type: "SRV"}}})
		d.Put(&world.DiscoveryInstance{Service: "srv-2", ID: "i", Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "80"}})
		d.Put(&world.DiscoveryService{ID: "srv-3", Namespace: "ns-1", Name: "api"})
		d.Put(&world.DiscoveryInstance{Service: "srv-3", ID: "i", Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1"}})
	})
	return apitest.Serve(t, NewService(New(Config{Changes: r, Scope: apitest.Scope()}).Operations()))
}

func refused(t *testing.T, err error, code string, status int, message string) {
	t.Helper()
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorCode() != code || !strings.HasPrefix(api.ErrorMessage(), message) {
		t.Errorf("error %v, expected %s: %s", err, code, message)
	}
	if res, ok := errors.AsType[*smithyhttp.ResponseError](err); !ok || res.HTTPStatusCode() != status {
		t.Errorf("error %v, expected HTTP %d", err, status)
	}
}

func TestGetHostedZone(t *testing.T) {
	c := sdk.NewFromConfig(apitest.Config(serve(t)))
	for _, id := range []string{"ZCLOUDMAP", "/hostedzone/ZCLOUDMAP"} {
		out, err := c.GetHostedZone(t.Context(), &sdk.GetHostedZoneInput{Id: &id})
		if err != nil {
			t.Fatal(err)
		}
		z := out.HostedZone
		if *z.Id != "/hostedzone/ZCLOUDMAP" || *z.Name != `my\052app.local.` || *z.CallerReference != "op-1" || !z.Config.PrivateZone || *z.Config.Comment != "Created by AWS Cloud Map" {
			t.Errorf("zone %+v", z)
		}
		if *z.LinkedService.ServicePrincipal != "servicediscovery.amazonaws.com" || *z.LinkedService.Description != "arn:aws:servicediscovery:us-east-1:123456789012:namespace/ns-1" {
			t.Errorf("linked service %+v", z.LinkedService)
		}
		// NS, SOA; A; A and AAAA; SRV and its target's A.
		if *z.ResourceRecordSetCount != 7 {
			t.Errorf("%d record sets", *z.ResourceRecordSetCount)
		}
		if len(out.VPCs) != 1 || *out.VPCs[0].VPCId != vpcA || out.VPCs[0].VPCRegion != types.VPCRegionUsEast1 {
			t.Errorf("VPCs %+v", out.VPCs)
		}
	}
	plain, err := c.GetHostedZone(t.Context(), &sdk.GetHostedZoneInput{Id: aws.String("ZPLAIN")})
	if err != nil || plain.HostedZone.LinkedService != nil || *plain.HostedZone.ResourceRecordSetCount != 3 || len(plain.VPCs) != 2 {
		t.Errorf("zone %+v, error %v", plain, err)
	}
	_, err = c.GetHostedZone(t.Context(), &sdk.GetHostedZoneInput{Id: aws.String("ZNONE")})
	refused(t, err, "NoSuchHostedZone", 404, "No hosted zone found with ID: ZNONE")
	count, err := c.GetHostedZoneCount(t.Context(), &sdk.GetHostedZoneCountInput{})
	if err != nil || *count.HostedZoneCount != 3 {
		t.Errorf("count %+v, error %v", count, err)
	}
}

func TestListHostedZones(t *testing.T) {
	c := sdk.NewFromConfig(apitest.Config(serve(t)))
	list := func(in *sdk.ListHostedZonesInput) (ids []string) {
		t.Helper()
		pages := sdk.NewListHostedZonesPaginator(c, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, z := range page.HostedZones {
				ids = append(ids, strings.TrimPrefix(*z.Id, "/hostedzone/"))
			}
		}
		return ids
	}
	for _, limit := range []int32{1, 2, 3, 100} {
		if got := list(&sdk.ListHostedZonesInput{MaxItems: aws.Int32(limit)}); !slices.Equal(got, []string{"ZCLOUDMAP", "ZPLAIN", "ZPUBLIC"}) {
			t.Errorf("by %d: %v", limit, got)
		}
	}
	if got := list(&sdk.ListHostedZonesInput{HostedZoneType: types.HostedZoneTypePrivateHostedZone}); !slices.Equal(got, []string{"ZCLOUDMAP", "ZPLAIN"}) {
		t.Errorf("private %v", got)
	}
	first, err := c.ListHostedZones(t.Context(), &sdk.ListHostedZonesInput{MaxItems: aws.Int32(1)})
	if err != nil || !first.IsTruncated || *first.NextMarker != "ZPLAIN" || *first.MaxItems != 1 {
		t.Errorf("page %+v, error %v", first, err)
	}
	// The marker's zone may be gone by the time of the next page.
	second, err := c.ListHostedZones(t.Context(), &sdk.ListHostedZonesInput{Marker: aws.String("ZPLAINA")})
	if err != nil || len(second.HostedZones) != 1 || second.IsTruncated {
		t.Errorf("page %+v, error %v", second, err)
	}
	_, err = c.ListHostedZones(t.Context(), &sdk.ListHostedZonesInput{MaxItems: aws.Int32(0)})
	refused(t, err, "InvalidInput", 400, "")
	_, err = c.ListHostedZones(t.Context(), &sdk.ListHostedZonesInput{DelegationSetId: aws.String("N1")})
	refused(t, err, "NoSuchDelegationSet", 400, "")
	_, err = c.ListHostedZones(t.Context(), &sdk.ListHostedZonesInput{HostedZoneType: "Public"})
	refused(t, err, "InvalidInput", 400, "1 validation error detected")
}

func TestListHostedZonesByVPC(t *testing.T) {
	c := sdk.NewFromConfig(apitest.Config(serve(t)))
	list := func(vpc, region, token string) (*sdk.ListHostedZonesByVPCOutput, error) {
		in := &sdk.ListHostedZonesByVPCInput{VPCId: &vpc, VPCRegion: types.VPCRegion(region), MaxItems: aws.Int32(1)}
		if token != "" {
			in.NextToken = &token
		}
		return c.ListHostedZonesByVPC(t.Context(), in)
	}
	first, err := list(vpcA, "us-east-1", "")
	if err != nil {
		t.Fatal(err)
	}
	if z := first.HostedZoneSummaries; len(z) != 1 || *z[0].HostedZoneId != "ZCLOUDMAP" || *z[0].Owner.OwningService != "servicediscovery.amazonaws.com" || first.NextToken == nil {
		t.Fatalf("page %+v", first)
	}
	second, err := list(vpcA, "us-east-1", *first.NextToken)
	if err != nil {
		t.Fatal(err)
	}
	if z := second.HostedZoneSummaries; len(z) != 1 || *z[0].HostedZoneId != "ZPLAIN" || *z[0].Owner.OwningAccount != apitest.Account || second.NextToken != nil {
		t.Errorf("page %+v", second)
	}
	for _, c := range []struct{ vpc, region string }{{"vpc-12345678", "us-east-1"}, {vpcA, "eu-west-1"}} {
		_, err := list(c.vpc, c.region, "")
		refused(t, err, "InvalidVPCId", 400, fmt.Sprintf("The VPC: %s in Region %s that you provided was not found.", c.vpc, c.region))
	}
	_, err = list(vpcA, "us-east-1", "x")
	refused(t, err, "InvalidInput", 400, "")
}

// TestNotBuilt: what cannot be done says so, and is not taken for a success.
func TestNotBuilt(t *testing.T) {
	c := sdk.NewFromConfig(apitest.Config(serve(t)))
	_, err := c.CreateTrafficPolicy(t.Context(), &sdk.CreateTrafficPolicyInput{Name: aws.String("x"), Document: aws.String("{}")})
	if api, ok := errors.AsType[smithy.APIError](err); !ok || !strings.Contains(api.ErrorMessage(), "CreateTrafficPolicy is not built") {
		t.Errorf("error %v", err)
	}
}

func TestCLI(t *testing.T) {
	url := serve(t)
	if exit, out := apitest.CLI(t, url, "route53", "list-hosted-zones", "--query", "HostedZones[].Id", "--output", "text"); exit != 0 || strings.Join(strings.Fields(out), " ") != "/hostedzone/ZCLOUDMAP /hostedzone/ZPLAIN /hostedzone/ZPUBLIC" {
		t.Errorf("exit %d, %s", exit, out)
	}
	if exit, out := apitest.CLI(t, url, "route53", "get-hosted-zone", "--id", "ZNONE"); exit == 0 || !strings.Contains(out, "An error occurred (NoSuchHostedZone) when calling the GetHostedZone operation: No hosted zone found with ID: ZNONE") {
		t.Errorf("exit %d, %s", exit, out)
	}
}
