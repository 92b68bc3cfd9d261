package ec2

import (
	"iter"
	"slices"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/api/page"
	"seamark/internal/world"
)

// listing is how one kind of resource is described: found by id, filtered by
// property, cut into pages.
type listing[T any] struct {
	rows  iter.Seq[*T]
	id    func(*T) string
	tags  func(*T) world.Tags
	props func(*T) map[string][]string // by filter name
	find  func(id string) (*T, error)
	// findAll, where set, reports all of the unknown ids together.
	findAll func(ids []string) error
	// keep, where set, leaves out rows that the operation does not show.
	keep func(*T) bool
	// names are the filters of the resource beside tag:KEY and tag-key.
	names []string
}

// request is the part that all Describe operations share.
type request struct {
	dryRun     *bool
	ids        []string
	filters    []Filter
	maxResults *int32
	nextToken  *string
}

// describe answers a Describe operation.
func (l listing[T]) describe(r request) (rows []*T, next *string, err error) {
	if err := l.check(r); err != nil {
		return nil, nil, err
	}
	all, err := l.candidates(r.ids)
	if err != nil {
		return nil, nil, err
	}
	all = slices.DeleteFunc(all, func(row *T) bool { return l.keep != nil && !l.keep(row) || !l.passes(row, r.filters) })
	limit := len(all)
	if r.maxResults != nil {
		limit = int(*r.maxResults)
	}
	cut, after, err := page.Cut(all, l.id, optional.Value(r.nextToken), limit)
	if err != nil {
		return nil, nil, fail("InvalidNextToken", "The token '%s' is invalid", optional.Value(r.nextToken))
	}
	if after != "" {
		next = &after
	}
	return cut, next, nil
}

func (l listing[T]) check(r request) error {
	for _, f := range r.filters {
		name := optional.Or(f.Name, "null")
		if !slices.Contains(l.names, name) && name != "tag-key" && !strings.HasPrefix(name, "tag:") {
			return fail("InvalidParameterValue", "The filter '%s' is invalid", name)
		}
	}
	switch {
	case r.maxResults != nil && len(r.ids) > 0:
		return fail("InvalidParameterCombination", "The parameter maxResults cannot be used with the parameter ids in the same request")
	case r.maxResults != nil && (*r.maxResults < 5 || *r.maxResults > 1000):
		return fail("InvalidParameterValue", "Value (%d) for parameter maxResults is invalid. Expecting a value between 5 and 1000.", *r.maxResults)
	}
	return dry(r.dryRun)
}

func (l listing[T]) candidates(ids []string) ([]*T, error) {
	if len(ids) == 0 {
		return slices.Collect(l.rows), nil
	}
	if l.findAll != nil {
		if err := l.findAll(ids); err != nil {
			return nil, err
		}
	}
	var found []*T
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		row, err := l.find(id)
		if err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, nil
}

// passes says whether a row has, for every filter, one of its values.
func (l listing[T]) passes(row *T, filters []Filter) bool {
	if len(filters) == 0 {
		return true
	}
	props := l.props(row)
	for _, f := range filters {
		have := props[*f.Name]
		if key, ok := strings.CutPrefix(*f.Name, "tag:"); ok {
			have = nil
			if v, ok := l.tags(row)[key]; ok {
				have = []string{v}
			}
		}
		if *f.Name == "tag-key" {
			for k := range l.tags(row) {
				have = append(have, k)
			}
		}
		any := slices.ContainsFunc(have, func(value string) bool {
			return slices.ContainsFunc(f.Values, func(pattern string) bool { return wildcard(pattern, value) })
		})
		if !any {
			return false
		}
	}
	return true
}

// wildcard matches "*" and "?"; a backslash takes the next character as it is.
// Where a "*" took too little it takes one more character; only the last "*"
// needs to, so the time is at most the product of the lengths.
func wildcard(pattern, value string) bool {
	star, taken := -1, 0 // the pattern behind the last "*", and what that took
	p, v := 0, 0
	for v < len(value) {
		width, one, literal := token(pattern[p:])
		switch {
		case width > 0 && literal == '*' && !one:
			p += width
			star, taken = p, v
		case width > 0 && (literal == value[v] && one || literal == '?' && !one):
			p += width
			v++
		case star >= 0:
			taken++
			p, v = star, taken
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// token reads the first part of a pattern: its width, and whether it stands for
// itself or, as "*" and "?" do, for others.
func token(pattern string) (width int, itself bool, c byte) {
	switch {
	case pattern == "":
		return 0, false, 0
	case pattern[0] == '\\' && len(pattern) > 1:
		return 2, true, pattern[1]
	}
	return 1, pattern[0] != '*' && pattern[0] != '?', pattern[0]
}
