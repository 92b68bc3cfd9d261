package world

import (
	"maps"
	"strings"
)

// Tags are a resource's tags by key.
type Tags map[string]string

// With is a copy of t with more tags; those of a key that t has replace its own.
func (t Tags) With(more Tags) Tags {
	all := make(Tags, len(t)+len(more))
	maps.Copy(all, t)
	maps.Copy(all, more)
	return all
}

// Without is a copy of t without the tags of those keys; one that t lacks is no error.
func (t Tags) Without(keys []string) Tags {
	left := t.With(nil)
	for _, k := range keys {
		delete(left, k)
	}
	return left
}

// ReservedTag says whether only AWS itself may set a tag of that key.
func ReservedTag(key string) bool { return strings.HasPrefix(strings.ToLower(key), "aws:") }
