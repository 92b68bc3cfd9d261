package servicediscovery

import (
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"seamark/internal/api/optional"
	"seamark/internal/api/page"
	"seamark/internal/world"
)

// filter is one filter of a listing. All of a listing's filters must match.
type filter struct {
	name, condition *string
	values          []string
}

func (f filter) cond() string { return optional.Or(f.condition, "EQ") }

// checkFilters refuses filters and conditions that a listing does not have.
func checkFilters(filters []filter, allowed map[string][]string) error {
	for _, f := range filters {
		conditions, ok := allowed[*f.name]
		switch {
		case !ok:
			return invalid("The filter %s is not valid for this operation.", *f.name)
		case !slices.Contains(conditions, f.cond()):
			return invalid("The condition %s is not valid for the filter %s.", f.cond(), *f.name)
		case (f.cond() == "EQ" || f.cond() == "BEGINS_WITH") && len(f.values) != 1:
			return invalid("The condition %s takes exactly one value.", f.cond())
		case f.cond() == "BETWEEN" && !between(f.values):
			return invalid("The condition BETWEEN takes two times in seconds since 1970, the start first.")
		case len(f.values) == 0:
			return invalid("The condition %s takes at least one value.", f.cond())
		}
	}
	return nil
}

// allMatch says whether an object with those properties passes all filters.
func allMatch(filters []filter, of map[string]string) bool {
	for _, f := range filters {
		if !f.match(of[*f.name]) {
			return false
		}
	}
	return true
}

func (f filter) match(value string) bool {
	switch f.cond() {
	case "BEGINS_WITH":
		return strings.HasPrefix(value, f.values[0])
	case "BETWEEN":
		at, from, to := seconds(value), seconds(f.values[0]), seconds(f.values[1])
		return from <= at && at <= to
	case "IN":
		return slices.Contains(f.values, value)
	}
	return value == f.values[0]
}

// shortIDs makes ids of the ARNs that filters by id may have as values.
func (s *Server) shortIDs(filters []filter) {
	for i, f := range filters {
		switch *f.name {
		case "NAMESPACE_ID":
			filters[i].values = []string{s.namespaceID(f.values[0])}
		case "SERVICE_ID":
			filters[i].values = []string{s.serviceID(f.values[0])}
		}
	}
}

// between says whether values are two times in order.
func between(values []string) bool {
	return len(values) == 2 && seconds(values[0]) <= seconds(values[1]) // NaN is not
}

// seconds reads a time in seconds since 1970; what is no number is NaN.
func seconds(s string) float64 {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return math.NaN()
	}
	return n
}

func epoch(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1e3, 'f', 3, 64) }

// rows cuts a page of at most 100 rows, the default and the most, out of those
// whose key starts with prefix.
func rows[T any, P interface {
	*T
	world.Object
}](t world.Table[T], prefix string, token *string, limit *int32) (cut []*T, next *string, err error) {
	after := func(key string) iter.Seq[*T] { return t.After(prefix, key) }
	cut, behind, err := page.Walk(after, func(row *T) string { return P(row).Key() }, optional.Value(token), int(optional.Or(limit, 100)))
	if err != nil {
		return nil, nil, invalid("The NextToken is not valid.")
	}
	return cut, optional.Text(behind), nil
}
