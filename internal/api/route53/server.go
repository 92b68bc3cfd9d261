package route53

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"seamark/internal/api/commit"
	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/plan/zone"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// Config is what the API needs.
type Config struct {
	Changes *change.Runner // required
	Scope   world.Scope
}

// Server is the Route 53 API.
type Server struct{ cfg Config }

// New returns the API over cfg.
func New(cfg Config) *Server { return &Server{cfg} }

// Operations lists what is built.
func (s *Server) Operations() Operations {
	return Operations{
		AssociateVPCWithHostedZone:        s.AssociateVPCWithHostedZone,
		ChangeResourceRecordSets:          s.ChangeResourceRecordSets,
		ChangeTagsForResource:             s.ChangeTagsForResource,
		CreateHealthCheck:                 s.CreateHealthCheck,
		CreateHostedZone:                  s.CreateHostedZone,
		CreateVPCAssociationAuthorization: s.CreateVPCAssociationAuthorization,
		DeleteHealthCheck:                 s.DeleteHealthCheck,
		DeleteHostedZone:                  s.DeleteHostedZone,
		DeleteVPCAssociationAuthorization: s.DeleteVPCAssociationAuthorization,
		DisassociateVPCFromHostedZone:     s.DisassociateVPCFromHostedZone,
		GetAccountLimit:                   s.GetAccountLimit,
		GetChange:                         s.GetChange,
		GetHealthCheck:                    s.GetHealthCheck,
		GetHealthCheckCount:               s.GetHealthCheckCount,
		GetHealthCheckStatus:              s.GetHealthCheckStatus,
		GetHostedZone:                     s.GetHostedZone,
		GetHostedZoneCount:                s.GetHostedZoneCount,
		GetHostedZoneLimit:                s.GetHostedZoneLimit,
		ListHealthChecks:                  s.ListHealthChecks,
		ListHostedZones:                   s.ListHostedZones,
		ListHostedZonesByName:             s.ListHostedZonesByName,
		ListHostedZonesByVPC:              s.ListHostedZonesByVPC,
		ListResourceRecordSets:            s.ListResourceRecordSets,
		ListTagsForResource:               s.ListTagsForResource,
		ListTagsForResources:              s.ListTagsForResources,
		ListVPCAssociationAuthorizations:  s.ListVPCAssociationAuthorizations,
		TestDNSAnswer:                     s.TestDNSAnswer,
		UpdateHealthCheck:                 s.UpdateHealthCheck,
		UpdateHostedZoneComment:           s.UpdateHostedZoneComment,
	}
}

// change runs f in one transaction.
func (s *Server) change(ctx context.Context, f func(d *plan.Draft) error) error {
	return commit.Do(ctx, s.cfg.Changes, f)
}

// invalid is InvalidInput, Route 53's answer to what breaks a rule.
func invalid(format string, args ...any) error { return ErrInvalidInput(fmt.Sprintf(format, args...)) }

// zone finds a zone by its id, with or without "/hostedzone/".
func (s *Server) zone(w world.World, id string) (*world.HostedZone, error) {
	id = zoneID(id)
	if z := w.HostedZones.Get(id); z != nil {
		return z, nil
	}
	return nil, ErrNoSuchHostedZone("No hosted zone found with ID: " + id)
}

func zoneID(id string) string { return strings.TrimPrefix(strings.TrimPrefix(id, "/"), "hostedzone/") }

// ownZone finds a zone that may be edited here: those that Cloud Map made may
// not.
func (s *Server) ownZone(w world.World, id string) (*world.HostedZone, error) {
	z, err := s.zone(w, id)
	if err != nil || z.Namespace == "" {
		return z, err
	}
	return nil, wire.Errorf(403, "AccessDenied", "The resource hostedzone/%s can only be managed through %s (%s)", z.ID, cloudMap, s.namespaceARN(z))
}

func (s *Server) namespaceARN(z *world.HostedZone) string {
	return s.cfg.Scope.ARN("servicediscovery", "namespace/"+string(z.Namespace))
}

// submitted is the ChangeInfo of what the draft changes.
func submitted(d *plan.Draft, comment *string) *ChangeInfo {
	id := world.NewChangeID(d.Revision, d.Now)
	_, at, _ := id.Of()
	return &ChangeInfo{Id: new("/change/" + string(id)), Status: new(ChangeStatusPending), SubmittedAt: wire.At(at), Comment: comment}
}

// GetChange says whether the resolver serves a change.
func (s *Server) GetChange(_ context.Context, in *GetChangeInput) (*GetChangeOutput, error) {
	id := world.ChangeID(strings.TrimPrefix(strings.TrimPrefix(*in.Id, "/"), "change/"))
	revision, at, ok := id.Of()
	if !ok || revision > s.cfg.Changes.View().Revision {
		return nil, ErrNoSuchChange("Could not find resource with ID: " + string(id))
	}
	status := ChangeStatusInsync
	if s.cfg.Changes.Applied != nil && s.cfg.Changes.Applied() < revision {
		status = ChangeStatusPending
	}
	return &GetChangeOutput{ChangeInfo: &ChangeInfo{Id: new("/change/" + string(id)), Status: &status, SubmittedAt: wire.At(at)}}, nil
}

// cloudMap is the principal of the service that owns Cloud Map's zones.
const cloudMap = "servicediscovery.amazonaws.com"

// maxItems is the size of a page: the most there may be unless asked for fewer.
func maxItems(s *string, most int) (int, error) {
	if s == nil {
		return most, nil
	}
	n, err := strconv.Atoi(*s)
	if err != nil || n < 1 {
		return 0, invalid("MaxItems must be a number from 1 to %d.", most)
	}
	return min(n, most), nil
}

// dnsName is a name in the form that Route 53 writes. Text that is no DNS name
// is refused.
func dnsName(text string) (string, error) {
	name, ok := zone.Written(text)
	if !ok || strings.ContainsAny(text, "\n\r\t") {
		return "", ErrInvalidDomainName("The domain name " + strconv.Quote(text) + " is not valid.")
	}
	return name, nil
}
