package route53

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"seamark/internal/api/apitest"
	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// play is a world with VPCs, a zone of Cloud Map's, and a client.
type play struct {
	*testing.T
	*sdk.Client
	url     string
	changes *change.Runner
	applied int64 // what the resolver serves, in waiting
}

func start(t *testing.T) *play {
	p := &play{T: t, changes: apitest.Runner(t, world.Relaxed), applied: 1 << 40}
	p.changes.Applied = func() int64 { return p.applied }
	apitest.Change(t, p.changes, func(d *plan.Draft) {
		d.Put(&world.VPC{ID: vpcA})
		d.Put(&world.VPC{ID: vpcB})
		d.Put(&world.Namespace{ID: "ns-1", Name: "map.local", VPC: vpcA, HostedZone: "ZCLOUDMAP"})
		d.Put(&world.HostedZone{ID: "ZCLOUDMAP", Name: "map.local.", Private: true, VPCs: []world.VPCID{vpcA}, Namespace: "ns-1", CallerReference: "op"})
	})
	p.url = apitest.Serve(t, NewService(New(Config{Changes: p.changes, Scope: apitest.Scope()}).Operations()))
	p.Client = sdk.NewFromConfig(apitest.Config(p.url))
	return p
}

func vpcOf(id string) *types.VPC {
	return &types.VPC{VPCId: &id, VPCRegion: types.VPCRegionUsEast1}
}

// zone makes a hosted zone, a private one if VPCs are named.
func (p *play) zone(name string, vpcs ...string) string {
	p.Helper()
	in := &sdk.CreateHostedZoneInput{Name: &name, CallerReference: aws.String(fmt.Sprint(name, vpcs))}
	if len(vpcs) > 0 {
		in.VPC = vpcOf(vpcs[0])
	}
	out, err := p.CreateHostedZone(p.Context(), in)
	if err != nil {
		p.Fatal(err)
	}
	return strings.TrimPrefix(*out.HostedZone.Id, "/hostedzone/")
}

// unchanged fails if f changes the world.
func (p *play) unchanged(f func()) {
	p.Helper()
	before := p.changes.View().Revision
	f()
	if after := p.changes.View(); after.Revision != before {
		p.Errorf("the world changed from revision %d to %d", before, after.Revision)
	}
}

func TestCreateHostedZone(t *testing.T) {
	p := start(t)
	out, err := p.CreateHostedZone(t.Context(), &sdk.CreateHostedZoneInput{
		Name: aws.String("Example.COM"), CallerReference: aws.String("one"), HostedZoneConfig: &types.HostedZoneConfig{Comment: aws.String("hello")},
	})
	if err != nil {
		t.Fatal(err)
	}
	z := out.HostedZone
	if *z.Name != "example.com." || *z.ResourceRecordSetCount != 2 || z.Config.PrivateZone || *z.Config.Comment != "hello" || len(out.DelegationSet.NameServers) != 4 ||
		!strings.HasSuffix(*out.Location, "/2013-04-01"+*z.Id) || out.VPC != nil || out.ChangeInfo.Status != types.ChangeStatusPending {
		t.Errorf("%+v, zone %+v", out, z)
	}
	got, err := p.GetHostedZone(t.Context(), &sdk.GetHostedZoneInput{Id: z.Id})
	if err != nil || len(got.DelegationSet.NameServers) != 4 || len(got.VPCs) != 0 {
		t.Errorf("%+v, error %v", got, err)
	}
	private, err := p.CreateHostedZone(t.Context(), &sdk.CreateHostedZoneInput{
		Name: aws.String("*.corp."), CallerReference: aws.String("two"), VPC: vpcOf(vpcA), HostedZoneConfig: &types.HostedZoneConfig{PrivateZone: true},
	})
	if err != nil || !private.HostedZone.Config.PrivateZone || *private.HostedZone.Name != `\052.corp.` || private.DelegationSet != nil || *private.VPC.VPCId != vpcA {
		t.Errorf("%+v, error %v", private, err)
	}
	in := func(name, ref string, vpc *types.VPC) *sdk.CreateHostedZoneInput {
		return &sdk.CreateHostedZoneInput{Name: &name, CallerReference: &ref, VPC: vpc}
	}
	flagged := in("a.", "x", nil)
	flagged.HostedZoneConfig = &types.HostedZoneConfig{PrivateZone: true}
	reusable := in("a.", "x", nil)
	reusable.DelegationSetId = aws.String("N1")
	abroad := vpcOf(vpcA)
	abroad.VPCRegion = types.VPCRegionEuWest1
	for _, c := range []struct {
		in            *sdk.CreateHostedZoneInput
		code          string
		status        int
		message, what string
	}{
		{in("b.", "one", nil), "HostedZoneAlreadyExists", 409, "A hosted zone has already been created with the specified caller reference.", "reference"},
		{in("a..b", "x", nil), "InvalidDomainName", 400, "", "empty label"},
		{in(".", "x", nil), "InvalidDomainName", 400, "", "root"},
		{in(strings.Repeat("a", 64)+".com", "x", nil), "InvalidDomainName", 400, "", "long label"},
		{in("a.", "x", vpcOf("vpc-12345678")), "InvalidVPCId", 400, "The VPC: vpc-12345678 in Region us-east-1 that you provided was not found.", "VPC"},
		{in("a.", "x", abroad), "InvalidVPCId", 400, "", "Region"},
		{in("a.", "x", &types.VPC{VPCId: aws.String(vpcA)}), "InvalidInput", 400, "", "no Region"},
		{in("MAP.local", "x", vpcOf(vpcA)), "ConflictingDomainExists", 400, "The VPC that you chose, " + vpcA + " in region us-east-1, is already associated with another private hosted zone that has an overlapping name space, map.local..", "same name"},
		{flagged, "InvalidInput", 400, "When you're creating a private hosted zone", "private without VPC"},
		{reusable, "NoSuchDelegationSet", 400, "", "delegation set"},
	} {
		p.unchanged(func() {
			_, err := p.CreateHostedZone(t.Context(), c.in)
			t.Log(c.what)
			refused(t, err, c.code, c.status, c.message)
		})
	}
	// A zone below another, and one of the same name in another VPC, are no conflict.
	p.zone("sub.map.local", vpcA)
	p.zone("map.local", vpcB)
}

func TestDeleteHostedZone(t *testing.T) {
	p := start(t)
	id := p.zone("example.com")
	p.must(id, change1("CREATE", simple("www.example.com", "A", "192.0.2.1")))
	p.must(id, change1("UPSERT", simple("example.com", "SOA", "ns.example.com. me.example.com. 7 1 2 3 4")))
	p.unchanged(func() {
		_, err := p.Client.DeleteHostedZone(t.Context(), &sdk.DeleteHostedZoneInput{Id: &id})
		refused(t, err, "HostedZoneNotEmpty", 400, "The specified hosted zone contains non-required resource record sets  and so cannot be deleted.")
	})
	p.must(id, change1("DELETE", simple("www.example.com", "A", "192.0.2.1")))
	if _, err := p.Client.DeleteHostedZone(t.Context(), &sdk.DeleteHostedZoneInput{Id: &id}); err != nil {
		t.Fatal(err)
	}
	_, err := p.Client.DeleteHostedZone(t.Context(), &sdk.DeleteHostedZoneInput{Id: &id})
	refused(t, err, "NoSuchHostedZone", 404, "No hosted zone found with ID: "+id)
	if w := p.changes.View(); w.RecordSets.Len() != 0 {
		t.Errorf("%d record sets are left", w.RecordSets.Len())
	}
}

// Zones of Cloud Map's are Cloud Map's to edit, but may have further VPCs.
func TestCloudMapZone(t *testing.T) {
	p := start(t)
	id := aws.String("ZCLOUDMAP")
	const message = "The resource hostedzone/ZCLOUDMAP can only be managed through servicediscovery.amazonaws.com (arn:aws:servicediscovery:us-east-1:123456789012:namespace/ns-1)"
	p.unchanged(func() {
		_, err := p.ChangeResourceRecordSets(t.Context(), batchOf(*id, change1("CREATE", simple("x.map.local", "A", "10.0.0.1"))))
		refused(t, err, "AccessDenied", 403, message)
		_, err = p.Client.DeleteHostedZone(t.Context(), &sdk.DeleteHostedZoneInput{Id: id})
		refused(t, err, "AccessDenied", 403, message)
		_, err = p.UpdateHostedZoneComment(t.Context(), &sdk.UpdateHostedZoneCommentInput{Id: id, Comment: aws.String("mine")})
		refused(t, err, "AccessDenied", 403, message)
	})
	if _, err := p.AssociateVPCWithHostedZone(t.Context(), &sdk.AssociateVPCWithHostedZoneInput{HostedZoneId: id, VPC: vpcOf(vpcB)}); err != nil {
		t.Fatal(err)
	}
	_, err := p.DisassociateVPCFromHostedZone(t.Context(), &sdk.DisassociateVPCFromHostedZoneInput{HostedZoneId: id, VPC: vpcOf(vpcA)})
	refused(t, err, "AccessDenied", 403, message)
	if _, err := p.DisassociateVPCFromHostedZone(t.Context(), &sdk.DisassociateVPCFromHostedZoneInput{HostedZoneId: id, VPC: vpcOf(vpcB)}); err != nil {
		t.Fatal(err)
	}
}

func TestAssociations(t *testing.T) {
	p := start(t)
	public, private := p.zone("example.com"), p.zone("corp", vpcA)
	associate := func(zone, vpc string) error {
		_, err := p.AssociateVPCWithHostedZone(t.Context(), &sdk.AssociateVPCWithHostedZoneInput{HostedZoneId: &zone, VPC: vpcOf(vpc)})
		return err
	}
	disassociate := func(zone, vpc string) error {
		_, err := p.DisassociateVPCFromHostedZone(t.Context(), &sdk.DisassociateVPCFromHostedZoneInput{HostedZoneId: &zone, VPC: vpcOf(vpc)})
		return err
	}
	p.unchanged(func() {
		refused(t, associate(public, vpcA), "PublicZoneVPCAssociation", 400, "")
		refused(t, associate(private, "vpc-12345678"), "InvalidVPCId", 400, "")
		refused(t, associate(private, vpcA), "ConflictingDomainExists", 400, "")
		refused(t, associate("ZNONE", vpcA), "NoSuchHostedZone", 404, "")
		refused(t, disassociate(private, vpcA), "LastVPCAssociation", 400, "The VPC: "+vpcA+" is the last VPC associated")
		refused(t, disassociate(private, vpcB), "VPCAssociationNotFound", 404, "")
	})
	if err := associate(private, vpcB); err != nil {
		t.Fatal(err)
	}
	if err := disassociate(private, vpcA); err != nil {
		t.Fatal(err)
	}
	got, err := p.GetHostedZone(t.Context(), &sdk.GetHostedZoneInput{Id: &private})
	if err != nil || len(got.VPCs) != 1 || *got.VPCs[0].VPCId != vpcB {
		t.Errorf("%+v, error %v", got, err)
	}
	foreign := &types.VPC{VPCId: aws.String("vpc-0abc"), VPCRegion: types.VPCRegionEuWest1}
	if _, err := p.CreateVPCAssociationAuthorization(t.Context(), &sdk.CreateVPCAssociationAuthorizationInput{HostedZoneId: &private, VPC: foreign}); err != nil {
		t.Fatal(err)
	}
	list, err := p.ListVPCAssociationAuthorizations(t.Context(), &sdk.ListVPCAssociationAuthorizationsInput{HostedZoneId: &private})
	if err != nil || len(list.VPCs) != 1 || *list.VPCs[0].VPCId != "vpc-0abc" {
		t.Errorf("%+v, error %v", list, err)
	}
	for _, code := range []string{"", "VPCAssociationAuthorizationNotFound"} {
		_, err := p.DeleteVPCAssociationAuthorization(t.Context(), &sdk.DeleteVPCAssociationAuthorizationInput{HostedZoneId: &private, VPC: foreign})
		if code == "" {
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		refused(t, err, code, 404, "")
	}
}

func TestListHostedZonesByName(t *testing.T) {
	p := start(t)
	for _, name := range []string{"b.example.com", "example.org", "a.example.com", "example.com"} {
		p.zone(name)
	}
	var got []string
	in := &sdk.ListHostedZonesByNameInput{MaxItems: aws.Int32(2)}
	for {
		out, err := p.Client.ListHostedZonesByName(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, z := range out.HostedZones {
			got = append(got, *z.Name)
		}
		if !out.IsTruncated {
			break
		}
		in.DNSName, in.HostedZoneId = out.NextDNSName, out.NextHostedZoneId
	}
	if want := "example.com. a.example.com. b.example.com. map.local. example.org."; strings.Join(got, " ") != want {
		t.Errorf("%v, expected %s", got, want)
	}
	_, err := p.Client.ListHostedZonesByName(t.Context(), &sdk.ListHostedZonesByNameInput{HostedZoneId: aws.String("Z1")})
	refused(t, err, "InvalidInput", 400, "")
}

func TestGetChange(t *testing.T) {
	p := start(t)
	id := p.zone("example.com")
	p.applied = p.changes.View().Revision
	out, err := p.ChangeResourceRecordSets(t.Context(), batchOf(id, change1("CREATE", simple("www.example.com", "A", "192.0.2.1"))))
	if err != nil {
		t.Fatal(err)
	}
	status := func() types.ChangeStatus {
		got, err := p.Client.GetChange(t.Context(), &sdk.GetChangeInput{Id: out.ChangeInfo.Id})
		if err != nil {
			t.Fatal(err)
		}
		if !got.ChangeInfo.SubmittedAt.Equal(*out.ChangeInfo.SubmittedAt) || *got.ChangeInfo.Id != *out.ChangeInfo.Id {
			t.Errorf("change %+v, expected %+v", got.ChangeInfo, out.ChangeInfo)
		}
		return got.ChangeInfo.Status
	}
	if out.ChangeInfo.Status != types.ChangeStatusPending || status() != types.ChangeStatusPending {
		t.Error("in sync before the resolver serves it")
	}
	p.applied++
	if status() != types.ChangeStatusInsync {
		t.Error("not in sync although the resolver serves it")
	}
	_, err = p.Client.GetChange(t.Context(), &sdk.GetChangeInput{Id: aws.String("C2682BO37G0ITF")})
	refused(t, err, "NoSuchChange", 404, "")
	future := world.NewChangeID(1<<40, p.changes.View().HostedZones.Get(id).CreatedAt)
	_, err = p.Client.GetChange(t.Context(), &sdk.GetChangeInput{Id: aws.String(string(future))})
	refused(t, err, "NoSuchChange", 404, "")
}

func TestTagsAndLimits(t *testing.T) {
	p := start(t)
	id := p.zone("corp", vpcA)
	change := func(add map[string]string, remove ...string) error {
		in := &sdk.ChangeTagsForResourceInput{ResourceType: types.TagResourceTypeHostedzone, ResourceId: &id, RemoveTagKeys: remove}
		for k, v := range add {
			in.AddTags = append(in.AddTags, types.Tag{Key: &k, Value: &v})
		}
		_, err := p.Client.ChangeTagsForResource(t.Context(), in)
		return err
	}
	for _, err := range []error{change(map[string]string{"a": "1", "b": "2"}), change(map[string]string{"b": "3"}, "a", "none")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	out, err := p.Client.ListTagsForResources(t.Context(), &sdk.ListTagsForResourcesInput{ResourceType: types.TagResourceTypeHostedzone, ResourceIds: []string{id}})
	if err != nil || len(out.ResourceTagSets) != 1 || len(out.ResourceTagSets[0].Tags) != 1 || *out.ResourceTagSets[0].Tags[0].Value != "3" {
		t.Errorf("%+v, error %v", out, err)
	}
	p.unchanged(func() {
		refused(t, change(map[string]string{"aws:x": ""}), "InvalidInput", 400, "")
		_, err = p.Client.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceType: types.TagResourceTypeHealthcheck, ResourceId: aws.String("none")})
		refused(t, err, "NoSuchHealthCheck", 404, "")
	})
	limit, err := p.Client.GetHostedZoneLimit(t.Context(), &sdk.GetHostedZoneLimitInput{HostedZoneId: &id, Type: types.HostedZoneLimitTypeMaxVpcsAssociatedByZone})
	if err != nil || *limit.Limit.Value != 300 || limit.Count != 1 {
		t.Errorf("%+v, error %v", limit, err)
	}
	account, err := p.Client.GetAccountLimit(t.Context(), &sdk.GetAccountLimitInput{Type: types.AccountLimitTypeMaxHostedZonesByOwner})
	if err != nil || *account.Limit.Value != 500 || account.Count != 2 {
		t.Errorf("%+v, error %v", account, err)
	}
}
