package route53resolver

import (
	"context"
	"slices"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/api/page"
	"seamark/internal/change"
	"seamark/internal/world"
)

// Config is what the API needs.
type Config struct {
	Changes *change.Runner // required
	Scope   world.Scope
}

// Server is the part of the Route 53 Resolver API that can be answered
// truthfully without endpoints and rules of one's own, which are not built yet.
type Server struct{ cfg Config }

// New returns the API over cfg.
func New(cfg Config) *Server { return &Server{cfg} }

// Operations lists what is built.
func (s *Server) Operations() Operations {
	return Operations{
		GetResolverEndpoint:   s.GetResolverEndpoint,
		ListResolverEndpoints: s.ListResolverEndpoints,
	}
}

// GetResolverEndpoint finds none: endpoints cannot be made yet.
func (s *Server) GetResolverEndpoint(_ context.Context, in *GetResolverEndpointInput) (*GetResolverEndpointOutput, error) {
	return nil, ErrResourceNotFoundException(`[RSLVR-00703] Resolver endpoint with ID "` + *in.ResolverEndpointId + `" does not exist.`)
}

// endpointFilters are the filters of ListResolverEndpoints. Each has a second
// spelling, as in HOST_VPC_ID.
var endpointFilters = []string{"CreatorRequestId", "Direction", "HostVPCId", "IpAddressCount", "Name", "SecurityGroupIds", "Status"}

// ListResolverEndpoints lists the endpoints that pass the filters: none, as
// none can be made yet. Filters are checked all the same.
func (s *Server) ListResolverEndpoints(_ context.Context, in *ListResolverEndpointsInput) (*ListResolverEndpointsOutput, error) {
	for _, f := range in.Filters {
		known := func(name string) bool { return name == *f.Name || upperSnake(name) == *f.Name }
		if !slices.ContainsFunc(endpointFilters, known) {
			return nil, ErrInvalidParameterException("The filter name '" + *f.Name + "' is not valid.")
		}
	}
	limit := optional.Or(in.MaxResults, 10)
	endpoints, _, err := page.Cut([]ResolverEndpoint{}, func(e ResolverEndpoint) string { return *e.Id }, optional.Value(in.NextToken), int(limit))
	if err != nil {
		return nil, ErrInvalidNextTokenException("The next token is not valid.")
	}
	return &ListResolverEndpointsOutput{ResolverEndpoints: endpoints, MaxResults: &limit}, nil
}

// upperSnake spells HostVPCId as HOST_VPC_ID.
func upperSnake(name string) string {
	var b strings.Builder
	for i, r := range name {
		upper := r >= 'A' && r <= 'Z'
		afterLower := i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z'
		beforeLower := i > 0 && i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z'
		if upper && (afterLower || beforeLower) {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}
