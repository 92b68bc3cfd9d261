// Package page cuts ordered listings into pages, as all of the AWS APIs do it.
package page

import (
	"encoding/base64"
	"errors"
	"iter"
	"strings"
)

// ErrToken is a token that no listing of Seamark's gave out.
var ErrToken = errors.New("invalid pagination token")

const version = "v1:"

// Cut returns the page of items that starts behind token (empty: at the
// start), at most limit items long, and the token of the next page (empty: this
// was the last). items are sorted by key; the token remembers the key of the last item,
// so items that come and go between two pages lose or repeat nothing else.
func Cut[T any](items []T, key func(T) string, token string, limit int) (page []T, next string, err error) {
	after, err := decode(token)
	if err != nil {
		return nil, "", err
	}
	start := 0
	if token != "" {
		for start < len(items) && key(items[start]) <= after {
			start++
		}
	}
	end := min(start+limit, len(items))
	page = items[start:end]
	if end < len(items) {
		next = encode(key(items[end-1]))
	}
	return page, next, nil
}

// Walk is Cut for rows that can be entered anywhere: after yields, in order,
// the items behind a key (empty: all of them). Only the page's own are visited.
func Walk[T any](after func(key string) iter.Seq[T], key func(T) string, token string, limit int) (page []T, next string, err error) {
	from, err := decode(token)
	if err != nil {
		return nil, "", err
	}
	for item := range after(from) {
		if len(page) == limit {
			return page, encode(key(page[limit-1])), nil
		}
		page = append(page, item)
	}
	return page, "", nil
}

func encode(key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(version + key))
}

func decode(token string) (string, error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", ErrToken
	}
	key, ok := strings.CutPrefix(string(b), version)
	if !ok {
		return "", ErrToken
	}
	return key, nil
}
