package route53

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// Bounds of one request (Route 53 developer guide, "Quotas"). An UPSERT counts
// twice.
const (
	maxRecords    = 1000
	maxCharacters = 32000
)

// ChangeResourceRecordSets makes all changes of a batch, or none.
func (s *Server) ChangeResourceRecordSets(ctx context.Context, in *ChangeResourceRecordSetsInput) (*ChangeResourceRecordSetsOutput, error) {
	if err := wellFormed(in.ChangeBatch.Changes); err != nil {
		return nil, err
	}
	var info *ChangeInfo
	err := s.change(ctx, func(d *plan.Draft) error {
		z, err := s.ownZone(d.World, *in.HostedZoneId)
		if err != nil {
			return err
		}
		if problems := oversized(in.ChangeBatch.Changes); problems != nil {
			return invalidBatch(problems)
		}
		b := newBatch(d, z)
		for _, c := range in.ChangeBatch.Changes {
			if err := b.apply(c); err != nil {
				return err
			}
		}
		b.together()
		if len(b.problems) > 0 {
			return invalidBatch(b.problems)
		}
		info = submitted(d, in.ChangeBatch.Comment)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ChangeResourceRecordSetsOutput{ChangeInfo: info}, nil
}

// invalidBatch is InvalidChangeBatch with all that is wrong.
func invalidBatch(problems []string) error {
	return ErrInvalidChangeBatch("["+strings.Join(problems, ", ")+"]").With("messages", problems)
}

func oversized(changes []Change) []string {
	records, characters := 0, 0
	for _, c := range changes {
		times := 1
		if *c.Action == ChangeActionUpsert {
			times = 2
		}
		for _, r := range c.ResourceRecordSet.ResourceRecords {
			records += times
			characters += times * utf8.RuneCountInString(*r.Value)
		}
	}
	var problems []string
	if records > maxRecords {
		problems = append(problems, fmt.Sprintf("Number of records limit of %d exceeded.", maxRecords))
	}
	if characters > maxCharacters {
		problems = append(problems, fmt.Sprintf("RDATA character limit of %d exceeded.", maxCharacters))
	}
	return problems
}

// batch is a change batch under way on a draft, which is thrown away if there
// are problems.
type batch struct {
	d        *plan.Draft
	zone     *world.HostedZone
	apex     string // the zone's name, as Route 53 writes it
	names    []string
	aliases  []string // keys of the aliases that were put
	problems []string
}

func (b *batch) problem(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(b.problems, text) {
		b.problems = append(b.problems, text)
	}
}

// apply makes one change. What is wrong with it goes into the problems; an error
// is for another exception than InvalidChangeBatch.
func (b *batch) apply(c Change) error {
	r, ok := b.recordSet(c.ResourceRecordSet)
	if !ok {
		return nil
	}
	if r.HealthCheck != "" && *c.Action != ChangeActionDelete && b.d.World.HealthChecks.Get(string(r.HealthCheck)) == nil {
		return noSuchHealthCheck(string(r.HealthCheck))
	}
	had := b.existing(r)
	if *c.Action == ChangeActionDelete {
		b.remove(r, had)
		return nil
	}
	if *c.Action == ChangeActionCreate && had != nil {
		b.problem("Tried to create resource record set [%s] but it already exists", identity(r))
		return nil
	}
	before := len(b.problems)
	b.checkPlace(r)
	b.checkValues(r)
	b.checkAlias(r)
	if len(b.problems) == before {
		b.d.Put(r)
		b.names = append(b.names, r.Name)
		if r.Alias != nil {
			b.aliases = append(b.aliases, r.Key())
		}
	}
	return nil
}

// existing is the record set of the same name, type and identifier, or nil. NS
// and SOA of the zone exist although Route 53 made them.
func (b *batch) existing(r *world.RecordSet) *world.RecordSet {
	if r.SetIdentifier == "" && essential(b.zone, r) {
		for _, have := range listed(b.d.World, b.zone) {
			if have.Key() == r.Key() {
				return have
			}
		}
	}
	return b.d.World.RecordSets.Get(r.Key())
}

func (b *batch) remove(r, had *world.RecordSet) {
	switch {
	case essential(b.zone, r) && r.Type == RRTypeSoa:
		b.problem("A HostedZone must contain exactly one SOA record.")
	case essential(b.zone, r):
		b.problem("A HostedZone must contain at least one NS record for the zone itself.")
	case had == nil:
		b.problem("Tried to delete resource record set [%s] but it was not found", identity(r))
	case !same(r, had):
		b.problem("Tried to delete resource record set [%s] but the values provided do not match the current values", identity(r))
	default:
		b.d.Delete(had)
		b.names = append(b.names, r.Name)
	}
}

// same compares record sets in all that a DELETE must repeat. The order of
// values does not count.
func same(a, b *world.RecordSet) bool {
	x, y := *a, *b
	x.Values, y.Values = slices.Sorted(slices.Values(a.Values)), slices.Sorted(slices.Values(b.Values))
	return reflect.DeepEqual(x, y)
}

// identity names a record set as Route 53's messages do.
func identity(r *world.RecordSet) string {
	text := fmt.Sprintf("name='%s', type='%s'", r.Name, r.Type)
	if r.SetIdentifier != "" {
		text += fmt.Sprintf(", set identifier='%s'", r.SetIdentifier)
	}
	return text
}

// maxSets is how many record sets may share a name and type (Route 53 quotas).
const maxSets = 100

// together checks what must hold between the record sets of each name that was
// changed, as they are after the whole batch.
func (b *batch) together() {
	slices.Sort(b.names)
	for _, name := range slices.Compact(b.names) {
		sets := slices.Collect(b.d.World.RecordSetsNamed(b.zone.ID, name))
		b.checkCNAME(name, sets)
		for start := 0; start < len(sets); {
			end := start + 1
			for end < len(sets) && sets[end].Type == sets[start].Type {
				end++
			}
			b.checkRouting(sets[start:end])
			start = end
		}
	}
	slices.Sort(b.aliases)
	for _, key := range slices.Compact(b.aliases) {
		if r := b.d.World.RecordSets.Get(key); r != nil && r.Alias != nil && r.Alias.Zone == b.zone.ID {
			b.checkTarget(r)
		}
	}
}

// checkCNAME: a name with a CNAME has nothing else (RFC 1034 section 3.6.2).
func (b *batch) checkCNAME(name string, sets []*world.RecordSet) {
	isCNAME := func(r *world.RecordSet) bool { return r.Type == RRTypeCname }
	if !slices.ContainsFunc(sets, isCNAME) {
		return
	}
	if name == b.apex {
		b.problem("RRSet of type CNAME with DNS name %s is not permitted at apex in zone %s", name, b.apex)
		return
	}
	if slices.ContainsFunc(sets, func(r *world.RecordSet) bool { return !isCNAME(r) }) {
		b.problem("RRSet of type CNAME with DNS name %s is not permitted as it conflicts with other records with the same DNS name in zone %s", name, b.apex)
	}
}

// checkRouting: sets of one name and type have one policy, and are told apart by
// what the policy chooses by.
func (b *batch) checkRouting(sets []*world.RecordSet) {
	first := sets[0]
	if len(sets) > maxSets {
		b.problem("RRSet with DNS name %s, type %s cannot be created as there are %d RRSets with the same name and type already.", first.Name, first.Type, maxSets)
	}
	seen := map[string]bool{}
	for _, r := range sets {
		if r.Routing() != first.Routing() {
			b.problem("RRSet with DNS name %s, type %s cannot be created as other RRSets exist with the same name and type.", r.Name, r.Type)
			return
		}
		by := r.Failover + r.Region
		if r.Location != nil {
			by = r.Location.Continent + "/" + r.Location.Country + "/" + r.Location.Subdivision
		}
		if by != "" && seen[by] {
			b.problem("RRSet with DNS name %s, type %s, SetIdentifier %s cannot be created as another %s RRSet for %s exists with the same name and type.",
				r.Name, r.Type, r.SetIdentifier, r.Routing(), by)
		}
		seen[by] = true
	}
}

// checkTarget: what an alias of this zone leads to must be there when the alias is put,
// after the batch, in which the order does not count. Later it may be deleted.
func (b *batch) checkTarget(r *world.RecordSet) {
	for t := range b.d.World.RecordSetsNamed(b.zone.ID, r.Alias.Name) {
		if t.Type == r.Type {
			return
		}
	}
	b.problem("Tried to create an alias that targets %s, type %s in zone %s, but that target was not found", r.Alias.Name, r.Type, b.zone.ID)
}
