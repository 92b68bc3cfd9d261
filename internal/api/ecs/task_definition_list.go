package ecs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"seamark/internal/world"
)

// listTaskDefinitions lists revisions by family and number. familyPrefix is,
// despite its name, the whole name of a family (ECS API reference).
func (s *Server) listTaskDefinitions(_ context.Context, in *ListTaskDefinitionsInput) (*ListTaskDefinitionsOutput, error) {
	status := cmp.Or(val(in.Status), definitionActive)
	w := s.view()
	rows := w.TaskDefinitions.All()
	if family := val(in.FamilyPrefix); family != "" {
		rows = w.TaskDefinitions.Prefix(family + "/")
	}
	var found []*world.TaskDefinition
	for d := range rows {
		if d.Status == status {
			found = append(found, d)
		}
	}
	key := definitionKey
	if val(in.Sort) == SortOrderDesc {
		key = func(d *world.TaskDefinition) string { return descending(definitionKey(d)) }
	}
	slices.SortFunc(found, func(a, b *world.TaskDefinition) int { return strings.Compare(key(a), key(b)) })
	page, next, err := cutBy(found, key, in.NextToken, in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	out := &ListTaskDefinitionsOutput{TaskDefinitionArns: []string{}, NextToken: next}
	for _, d := range page {
		out.TaskDefinitionArns = append(out.TaskDefinitionArns, s.definitionARN(d.TaskDefinitionRef))
	}
	return out, nil
}

// definitionKey sorts by family, then by number.
func definitionKey(d *world.TaskDefinition) string {
	return fmt.Sprintf("%s\x00%010d", d.Family, d.Revision)
}

// listTaskDefinitionFamilies lists families: ACTIVE are those with an ACTIVE
// revision, INACTIVE those with none but INACTIVE ones.
func (s *Server) listTaskDefinitionFamilies(_ context.Context, in *ListTaskDefinitionFamiliesInput) (*ListTaskDefinitionFamiliesOutput, error) {
	states := map[world.FamilyName]string{}
	for d := range s.view().TaskDefinitions.Prefix(val(in.FamilyPrefix)) {
		if !strings.HasPrefix(string(d.Family), val(in.FamilyPrefix)) || states[d.Family] == definitionActive {
			continue
		}
		if d.Status == definitionActive || d.Status == definitionInactive {
			states[d.Family] = d.Status
		}
	}
	status := val(in.Status)
	var families []string
	for family, state := range states {
		if status == "" || status == TaskDefinitionFamilyStatusAll || status == state {
			families = append(families, string(family))
		}
	}
	page, next, err := cut(sorted(families), in.NextToken, in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	return &ListTaskDefinitionFamiliesOutput{Families: page, NextToken: next}, nil
}
