package route53resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"seamark/internal/plan"
	"seamark/internal/store"
	"seamark/internal/world"
)

// mostDomains is how many domains one request changes at most (Route 53
// developer guide, "Quotas on Route 53 Resolver DNS Firewall").
const mostDomains = 1000

// mostOctets is how long a name is at most in text without its final dot, so that
// it has 255 octets on the wire (RFC 1035, section 2.3.4).
const mostOctets = 253

// firewallStamp is how the firewall's operations write times, to the microsecond.
const firewallStamp = "2006-01-02T15:04:05.000000Z"

func domainListRequest(l *world.FirewallDomainList) world.ResolverRequest { return l.ResolverRequest }

// CreateFirewallDomainList makes a list without domains.
func (s *Server) CreateFirewallDomainList(ctx context.Context, in *CreateFirewallDomainListInput) (*CreateFirewallDomainListOutput, error) {
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	var made *world.FirewallDomainList
	err = s.change(ctx, func(d *plan.Draft) error {
		made, err = repeated(d.World.FirewallDomainLists.All(), domainListRequest, in.CreatorRequestId, in, ErrValidationException)
		if made != nil || err != nil {
			return err
		}
		made = &world.FirewallDomainList{ID: world.FirewallDomainListID(d.Draw.EC2("rslvr-fdl")), Name: *in.Name, Tags: tags, ResolverRequest: newRequest(d, in.CreatorRequestId, in)}
		d.Put(made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateFirewallDomainListOutput{FirewallDomainList: new(s.showDomainList(made))}, nil
}

func domainList(w world.World, id string) (*world.FirewallDomainList, error) {
	if l := w.FirewallDomainLists.Get(id); l != nil {
		return l, nil
	}
	return nil, ErrResourceNotFoundException(fmt.Sprintf("Firewall domain list with ID '%s' does not exist.", id)).With("ResourceType", "FirewallDomainList")
}

// GetFirewallDomainList shows a list without its domains.
func (s *Server) GetFirewallDomainList(_ context.Context, in *GetFirewallDomainListInput) (*GetFirewallDomainListOutput, error) {
	l, err := domainList(s.view(), *in.FirewallDomainListId)
	if err != nil {
		return nil, err
	}
	return &GetFirewallDomainListOutput{FirewallDomainList: new(s.showDomainList(l))}, nil
}

// ListFirewallDomainLists lists lists by id. AWS's own lists are not among them.
func (s *Server) ListFirewallDomainLists(_ context.Context, in *ListFirewallDomainListsInput) (*ListFirewallDomainListsOutput, error) {
	var all []FirewallDomainListMetadata
	for l := range s.view().FirewallDomainLists.All() {
		all = append(all, FirewallDomainListMetadata{Arn: s.arn("firewall-domain-list", string(l.ID)), CreatorRequestId: &l.CreatorRequestID, Id: new(string(l.ID)), Name: &l.Name})
	}
	shown, next, err := cut(listing{in.NextToken, in.MaxResults, 100, ErrValidationException}, all, func(l FirewallDomainListMetadata) string { return *l.Id })
	if err != nil {
		return nil, err
	}
	return &ListFirewallDomainListsOutput{FirewallDomainLists: shown, NextToken: next}, nil
}

// ListFirewallDomains lists a list's domains.
func (s *Server) ListFirewallDomains(_ context.Context, in *ListFirewallDomainsInput) (*ListFirewallDomainsOutput, error) {
	l, err := domainList(s.view(), *in.FirewallDomainListId)
	if err != nil {
		return nil, err
	}
	shown, next, err := cut(listing{in.NextToken, in.MaxResults, 100, ErrValidationException}, l.Domains, func(d string) string { return d })
	if err != nil {
		return nil, err
	}
	return &ListFirewallDomainsOutput{Domains: shown, NextToken: next}, nil
}

// UpdateFirewallDomains adds, removes or replaces a list's domains.
func (s *Server) UpdateFirewallDomains(ctx context.Context, in *UpdateFirewallDomainsInput) (*UpdateFirewallDomainsOutput, error) {
	given, err := firewallDomains(in.Domains)
	if err != nil {
		return nil, err
	}
	var next world.FirewallDomainList
	err = s.change(ctx, func(d *plan.Draft) error {
		l, err := domainList(d.World, *in.FirewallDomainListId)
		if err != nil {
			return err
		}
		next = *l
		switch *in.Operation {
		case FirewallDomainUpdateOperationAdd:
			next.Domains = union(l.Domains, given)
		case FirewallDomainUpdateOperationRemove:
			next.Domains = slices.DeleteFunc(slices.Clone(l.Domains), func(name string) bool { _, found := slices.BinarySearch(given, name); return found })
		default:
			next.Domains = given
		}
		if err := domainsFit(d.World, &next); err != nil {
			return err
		}
		next.ModifiedAt, next.Revision = d.Now, d.Revision
		d.Put(&next)
		return nil
	})
	if errors.Is(err, store.ErrTooLarge) {
		return nil, ErrLimitExceededException("The domain list is too large for the store.").With("ResourceType", "FirewallDomainList")
	}
	if err != nil {
		return nil, err
	}
	shown := s.showDomainList(&next)
	return &UpdateFirewallDomainsOutput{Id: shown.Id, Name: shown.Name, Status: shown.Status, StatusMessage: shown.StatusMessage}, nil
}

// firewallDomains are domains as lists keep them: sorted, each once.
func firewallDomains(given []string) ([]string, error) {
	if len(given) > mostDomains {
		return nil, ErrLimitExceededException("A request can change at most 1000 domains.").With("ResourceType", "FirewallDomain")
	}
	out := make([]string, 0, len(given))
	for _, text := range given {
		name, ok := firewallDomain(text)
		if !ok {
			return nil, ErrValidationException(fmt.Sprintf("The domain '%s' is not valid.", text))
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// firewallDomain reads a domain: labels of letters, digits, hyphens and
// underscores, or an asterisk in front for all names below; the asterisk alone
// stands for all names (Route 53 Resolver API reference, UpdateFirewallDomains).
func firewallDomain(text string) (string, bool) {
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	below, wild := strings.CutPrefix(name, "*.")
	if name == "*" {
		return "*.", true
	}
	labels := name
	if wild {
		labels = below
	}
	for label := range strings.SplitSeq(labels, ".") {
		if !hostLabel(label) {
			return "", false
		}
	}
	return name + ".", len(name) <= mostOctets
}

// union of two sorted lists.
func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// domainsFit keeps a list's size, and all lists', within bounds.
func domainsFit(w world.World, next *world.FirewallDomainList) error {
	count, bytes := len(next.Domains), 0
	for l := range w.FirewallDomainLists.All() {
		if l.ID != next.ID {
			count += len(l.Domains)
		}
	}
	for _, name := range next.Domains {
		bytes += len(name) + len(`"",`)
	}
	switch {
	case count > world.MaxFirewallDomains:
		return ErrLimitExceededException(fmt.Sprintf("An account can have at most %d domains in its lists.", world.MaxFirewallDomains)).With("ResourceType", "FirewallDomain")
	case bytes > world.MaxFirewallListBytes:
		return ErrLimitExceededException(fmt.Sprintf("A domain list can take at most %d bytes.", world.MaxFirewallListBytes)).With("ResourceType", "FirewallDomainList")
	}
	return nil
}

// DeleteFirewallDomainList removes a list that no rule names.
func (s *Server) DeleteFirewallDomainList(ctx context.Context, in *DeleteFirewallDomainListInput) (*DeleteFirewallDomainListOutput, error) {
	var gone FirewallDomainList
	err := s.change(ctx, func(d *plan.Draft) error {
		l, err := domainList(d.World, *in.FirewallDomainListId)
		if err != nil {
			return err
		}
		for g := range d.World.GroupsNaming(l.ID) {
			return ErrConflictException(fmt.Sprintf("The domain list '%s' cannot be deleted while the rule group '%s' refers to it.", l.ID, g.ID))
		}
		gone = s.showDomainList(l)
		d.Delete(l)
		return nil
	})
	if err != nil {
		return nil, err
	}
	gone.Status, gone.StatusMessage = new(FirewallDomainListStatusDeleting), new("Deleting the Firewall Domain List")
	return &DeleteFirewallDomainListOutput{FirewallDomainList: &gone}, nil
}

func (s *Server) showDomainList(l *world.FirewallDomainList) FirewallDomainList {
	status, message := s.status(l.Revision, FirewallDomainListStatusComplete, FirewallDomainListStatusUpdating), "Created Firewall Domain List"
	switch {
	case status == FirewallDomainListStatusUpdating:
		message = "Updating the Firewall Domain List"
	case l.ModifiedAt.After(l.CreatedAt):
		message = "Finished domain list update"
	}
	return FirewallDomainList{
		Arn: s.arn("firewall-domain-list", string(l.ID)), CreationTime: new(l.CreatedAt.Format(firewallStamp)), CreatorRequestId: &l.CreatorRequestID,
		DomainCount: new(int32(len(l.Domains))), Id: new(string(l.ID)), ModificationTime: new(l.ModifiedAt.Format(firewallStamp)),
		Name: &l.Name, Status: &status, StatusMessage: &message,
	}
}
