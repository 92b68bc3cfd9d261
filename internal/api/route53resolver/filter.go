package route53resolver

import (
	"cmp"
	"slices"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/api/page"
	"seamark/internal/wire"
)

// property is what a resource shows under one filter name.
type property struct {
	name   string
	values []string
}

// checkFilters refuses names that a listing does not have. Each name has a
// second spelling, as in HOST_VPC_ID.
func checkFilters(filters []Filter, names ...string) error {
	for _, f := range filters {
		if f.Name == nil || !slices.ContainsFunc(names, func(n string) bool { return spells(*f.Name, n) }) {
			return ErrInvalidParameterException("The filter name '"+optional.Value(f.Name)+"' is not valid.").With("FieldName", "Filters")
		}
	}
	return nil
}

func spells(given, name string) bool { return given == name || given == upperSnake(name) }

// passes says whether a resource passes all filters: by one of the values of
// each.
func passes(filters []Filter, properties ...property) bool {
	for _, f := range filters {
		found := slices.ContainsFunc(properties, func(p property) bool {
			return spells(*f.Name, p.name) && slices.ContainsFunc(p.values, func(v string) bool { return slices.Contains(f.Values, v) })
		})
		if !found {
			return false
		}
	}
	return true
}

// prop is a property; a value that is absent matches nothing.
func prop(name string, value *string) property {
	if value == nil {
		return property{name: name}
	}
	return property{name, []string{*value}}
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

// listing is how one operation lists.
type listing struct {
	token *string
	max   *int32
	usual int32 // MaxResults where none is given
	// refuse makes the error of a token that is not one.
	refuse func(string) *wire.Error
}

func (l listing) limit() *int32 { return new(optional.Or(l.max, l.usual)) }

// cut returns a page of items that are sorted by key.
func cut[T any](l listing, items []T, key func(T) string) (shown []T, next *string, err error) {
	shown, token, err := page.Cut(items, key, optional.Value(l.token), int(*l.limit()))
	if err != nil {
		return nil, nil, l.refuse("The next token is not valid.")
	}
	if shown == nil {
		shown = []T{}
	}
	return shown, optional.Text(token), nil
}

// sorted sorts items by one of their properties, ascending or descending, and
// then by id, and returns the key that this order goes by.
func sorted[T any](items []T, by func(T) string, id func(T) string, order *string) func(T) string {
	key := func(item T) string { return by(item) + "\x00" + id(item) }
	if optional.Value(order) == SortOrderDescending {
		up := key
		key = func(item T) string { return complement(up(item)) }
	}
	slices.SortFunc(items, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	return key
}

// complement orders strings the other way round.
func complement(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] = 255 - b[i]
	}
	return string(append(b, 255))
}
