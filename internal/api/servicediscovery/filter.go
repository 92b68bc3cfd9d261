package servicediscovery

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"seamark/internal/api/page"
	"seamark/internal/world"
)

// filter is one filter of a listing. All of a listing's filters must match.
type filter struct {
	name, condition *string
	values          []string
}

func (f filter) cond() string { return or(f.condition, "EQ") }

// checkFilters refuses filters and conditions that a listing does not have.
func checkFilters(filters []filter, allowed map[string][]string) error {
	for _, f := range filters {
		conditions, ok := allowed[*f.name]
		switch {
		case !ok:
			return ErrInvalidInput(fmt.Sprintf("The filter %s is not valid for this operation.", *f.name))
		case !slices.Contains(conditions, f.cond()):
			return ErrInvalidInput(fmt.Sprintf("The condition %s is not valid for the filter %s.", f.cond(), *f.name))
		case (f.cond() == "EQ" || f.cond() == "BEGINS_WITH") && len(f.values) != 1:
			return ErrInvalidInput(fmt.Sprintf("The condition %s takes exactly one value.", f.cond()))
		case f.cond() == "BETWEEN" && len(f.values) != 2:
			return ErrInvalidInput("The condition BETWEEN takes exactly two values.")
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
		at, err := strconv.ParseFloat(value, 64)
		from, errFrom := strconv.ParseFloat(f.values[0], 64)
		to, errTo := strconv.ParseFloat(f.values[1], 64)
		return err == nil && errFrom == nil && errTo == nil && from <= at && at <= to
	case "IN":
		return slices.Contains(f.values, value)
	}
	return value == f.values[0] || strings.HasPrefix(f.values[0], "arn:") && strings.HasSuffix(f.values[0], "/"+value)
}

func epoch(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1e3, 'f', 3, 64) }

// cutRows cuts a page of at most 100 rows, the default and the most.
func cutRows[T any, P interface {
	*T
	world.Object
}](rows iter.Seq[*T], token *string, limit *int32) (cut []*T, next *string, err error) {
	all := slices.Collect(rows)
	cut, after, err := page.Cut(all, func(row *T) string { return P(row).Key() }, or(token, ""), int(or(limit, 100)))
	if err != nil {
		return nil, nil, ErrInvalidInput("The NextToken is not valid.")
	}
	return cut, optional(after), nil
}
