package wire_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"seamark/internal/wire"
)

// TestRepeated_asRegexp asks every pattern of the models, and some that are
// nearly of the kind, both ways.
func TestRepeated_asRegexp(t *testing.T) {
	patterns := []string{
		`a*`, `[ab]{2,}`, `([ab])+`, `(^[ab])+`, `^[ab]+$|c`, `[^a]{0,3}`, `.{1,3}`, `[\s\S]+`, `(?i)[a-c]+`, `[ab]+c`, `\d{3}`, `(?:[ab]{1,2})`, `^`, ``, `[ab]`, `(?m)^[ab]+$`,
	}
	for _, s := range emptyServices() {
		patterns = append(patterns, wire.Patterns(s)...)
	}
	known, random := 0, rand.New(rand.NewPCG(1, 2))
	for _, p := range patterns {
		match := wire.Repeated(p)
		if match == nil {
			continue
		}
		known++
		re := regexp.MustCompile(`^(?:` + p + `)$`)
		for range 500 {
			if s := someText(random); match(s) != re.MatchString(s) {
				t.Fatalf("%q with %q: %v, package regexp has it the other way", p, s, match(s))
			}
		}
	}
	t.Logf("%d of %d patterns", known, len(patterns))
	if known < 50 {
		t.Errorf("only %d of %d patterns are matched directly", known, len(patterns))
	}
}

func someText(random *rand.Rand) string {
	pieces := [...]string{"a", "b", "ab", "aa", "Z", "9", "-", "_", " ", "!", "~", ".", "/", ":", "*", "\n", "\x00", "\x7f", "é", "𝒳", "\xff", "\ufffd", strings.Repeat("a", 63), strings.Repeat("b", 255), strings.Repeat("7", 1024)}
	var b strings.Builder
	few := pieces[:1+random.IntN(len(pieces))]
	for range random.IntN(5) {
		b.WriteString(few[random.IntN(len(few))])
	}
	return b.String()
}
