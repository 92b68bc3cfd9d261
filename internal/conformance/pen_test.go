package conformance

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/miekg/dns"

	"seamark/internal/api/apitest"
	"seamark/internal/api/route53"
	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// pen writes zones through the API of Route 53, in the SDK's words.
type pen struct {
	t       testing.TB
	changes *change.Runner
	client  *sdk.Client
}

// newPen is an account with one VPC.
func newPen(t testing.TB) *pen {
	t.Helper()
	r := apitest.Runner(t, world.Relaxed)
	apitest.Change(t, r, func(d *plan.Draft) {
		d.Put(&world.VPC{ID: vpcID, CIDR: netip.MustParsePrefix("10.0.0.0/16"), EnableDNSSupport: true, EnableDNSHostnames: true})
	})
	url := apitest.Serve(t, route53.NewService(route53.New(route53.Config{Changes: r, Scope: apitest.Scope()}).Operations()))
	return &pen{t, r, sdk.NewFromConfig(apitest.Config(url))}
}

// write makes a zone of a zone file: a private one where a VPC is named.
func (p *pen) write(origin, vpc string) {
	p.t.Helper()
	in := &sdk.CreateHostedZoneInput{Name: &origin, CallerReference: &origin}
	if vpc != "" {
		in.VPC = &r53.VPC{VPCId: &vpc, VPCRegion: apitest.Region}
	}
	out, err := p.client.CreateHostedZone(p.t.Context(), in)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, batch := range batches(recordSets(readZone(p.t, zonePath(origin)))) {
		_, err := p.client.ChangeResourceRecordSets(p.t.Context(), &sdk.ChangeResourceRecordSetsInput{HostedZoneId: out.HostedZone.Id, ChangeBatch: &batch})
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

// batches are as large as Route 53 takes them; an UPSERT's records count twice.
func batches(sets []r53.ResourceRecordSet) []r53.ChangeBatch {
	const records = 1000
	out := []r53.ChangeBatch{{}}
	n := 0
	for _, s := range sets {
		if n += 2 * len(s.ResourceRecords); n > records {
			out, n = append(out, r53.ChangeBatch{}), 2*len(s.ResourceRecords)
		}
		last := &out[len(out)-1]
		last.Changes = append(last.Changes, r53.Change{Action: r53.ChangeActionUpsert, ResourceRecordSet: &s})
	}
	return out
}

// recordSets writes records the way Route 53 takes them: one set for a name and
// type, octets that need an escape code as \ooo in octal.
func recordSets(rrs []dns.RR) []r53.ResourceRecordSet {
	var out []r53.ResourceRecordSet
	at := map[string]int{}
	for _, rr := range rrs {
		h := rr.Header()
		typ := dns.TypeToString[h.Rrtype]
		key := h.Name + " " + typ
		if _, ok := at[key]; !ok {
			at[key] = len(out)
			out = append(out, r53.ResourceRecordSet{Name: aws.String(octal(h.Name)), Type: r53.RRType(typ), TTL: aws.Int64(int64(h.Ttl))})
		}
		s := &out[at[key]]
		s.ResourceRecords = append(s.ResourceRecords, r53.ResourceRecord{Value: aws.String(octal(strings.TrimPrefix(rr.String(), h.String())))})
	}
	return out
}
