package ecs

import (
	"slices"
	"strings"

	"seamark/internal/api/page"
)

// cut returns one page of keys and the token of the next one. maxResults is
// between 1 and 100; without it a page has byDefault keys.
func cut(keys []string, token *string, maxResults *int32, byDefault int) ([]string, *string, error) {
	return cutBy(keys, func(k string) string { return k }, token, maxResults, byDefault)
}

// cutBy is cut for items that are sorted by key.
func cutBy[T any](items []T, key func(T) string, token *string, maxResults *int32, byDefault int) ([]T, *string, error) {
	limit := byDefault
	if maxResults != nil {
		limit = int(*maxResults)
	}
	if limit < 1 || limit > 100 {
		return nil, nil, invalid("maxResults must be between 1 and 100, but was %d", limit)
	}
	got, next, err := page.Cut(items, key, val(token), limit)
	if err != nil {
		return nil, nil, invalid("Invalid token")
	}
	if got == nil {
		got = []T{}
	}
	return got, given(next), nil
}

// descending turns a key around, so that listings in descending order can be
// cut as if they ascended.
func descending(key string) string {
	b := []byte(key)
	for i := range b {
		b[i] = ^b[i]
	}
	return string(b) + "\xff"
}

// sorted returns keys in ascending order, each once.
func sorted(keys []string) []string {
	slices.SortFunc(keys, strings.Compare)
	return slices.Compact(keys)
}

// missing is the failure of an identifier that names nothing.
func missing(arn string) Failure { return Failure{Arn: &arn, Reason: new("MISSING")} }
