package main

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"seamark/internal/gen/model"
)

func modelPatterns(t *testing.T) map[string]bool {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "models", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, p := range paths {
		m, err := model.Load(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range m.Shapes {
			if s.Pattern != "" {
				out[s.Pattern] = true
			}
		}
	}
	return out
}

// TestTranslatePattern_allModels proves that no pattern is skipped and that the
// table of hand translations holds nothing that the models no longer have.
func TestTranslatePattern_allModels(t *testing.T) {
	patterns := modelPatterns(t)
	for _, p := range slices.Sorted(maps.Keys(patterns)) {
		if _, err := translatePattern(p); err != nil {
			t.Error(err)
		}
	}
	for p := range handTranslated() {
		if !patterns[p] {
			t.Errorf("no model has the pattern %q any more", p)
		}
	}
}

func TestTranslatePattern_byHand(t *testing.T) {
	const (
		account    = `^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`
		resolver   = `(?!^[0-9]+$)([a-zA-Z0-9\-_' ']+)`
		notBlank   = `^(?!\s*$).+`
		mapService = `((?=^.{1,127}$)^([a-zA-Z0-9_][a-zA-Z0-9-_]{0,61}[a-zA-Z0-9_]|[a-zA-Z0-9])(\.([a-zA-Z0-9_][a-zA-Z0-9-_]{0,61}[a-zA-Z0-9_]|[a-zA-Z0-9]))*$)|(^\.$)`
		httpName   = `^(?!arn:)[!-~]{1,1024}$`
		scheduled  = `(?!((^[ ]+.*)|(.*([\u0000-\u001f]|[\u007f-\u009f]|[:/|])+.*)|(.*[ ]+$))).+`
		date       = `^([\-]?\d{4}(?!\d{2}\b))((-?)((0[1-9]|1[0-2])(\3([12]\d|0[1-9]|3[01]))?|W([0-4]\d|5[0-2])(-?[1-7])?|(00[1-9]|0[1-9]\d|[12]\d{2}|3([0-5]\d|6[1-6])))([T\s]((([01]\d|2[0-3])((:?)[0-5]\d)?|24\:?00)([\.,]\d(?!:))?)?(\17[0-5]\d([\.,]\d)?)?([zZ]|([\-])([01]\d|2[0-3]):?([0-5]\d)?)?)?)?$`
	)
	long := func(n int) string { return string(slices.Repeat([]byte("a"), n)) }
	for _, c := range []struct {
		pattern, value string
		want           bool
	}{
		{account, "my-alias", true}, {account, "my--alias", false}, {account, "-a-", false}, {account, "a", false},
		{resolver, "rule 1", true}, {resolver, "123", false}, {resolver, "a:b", false},
		{notBlank, "x", true}, {notBlank, "   ", false}, {notBlank, "", false},
		{mapService, "web", true}, {mapService, "_http._tcp.web", true}, {mapService, ".", true},
		{mapService, "web.", false}, {mapService, "-web", false}, {mapService, "a." + long(63), true},
		{mapService, long(64), false}, {mapService, long(60) + "." + long(60) + "." + long(20), false},
		{httpName, "prod", true}, {httpName, "arn:aws", false}, {httpName, "a b", false},
		{httpName, long(1024), true}, {httpName, long(1025), false},
		{scheduled, "nightly", true}, {scheduled, " nightly", false}, {scheduled, "a:b", false}, {scheduled, "a\tb", false},
		{date, "2024-01-31T10:00:00Z", true}, {date, "2024", true}, {date, "tomorrow", false},
	} {
		p, err := translatePattern(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		got := regexp.MustCompile(`^(?:` + p.RE + `)$`).MatchString(c.value)
		if p.Not != "" && regexp.MustCompile(p.Not).MatchString(c.value) {
			got = false
		}
		if got != c.want {
			t.Errorf("%q against %q: %v, want %v", c.value, c.pattern, got, c.want)
		}
	}
}
