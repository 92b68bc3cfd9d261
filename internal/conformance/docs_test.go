package conformance

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestExceptionsDocumented holds docs/conformance.md and the exceptions together.
func TestExceptionsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| difference | why |\n|---|---|\n")
	var said []string
	for _, m := range regexp.MustCompile(`(?m)^\| (.*?) \|`).FindAllStringSubmatch(table, -1) {
		said = append(said, m[1])
	}
	var are []string
	for _, e := range slices.Concat(vpcExceptions(), publicExceptions(), outsideExceptions(), madeExceptions(), packetExceptions()) {
		if !slices.Contains(are, e.what) {
			are = append(are, e.what)
		}
	}
	for _, what := range are {
		if !slices.Contains(said, what) {
			t.Errorf("docs/conformance.md does not say %q", what)
		}
	}
	for _, what := range said {
		if !slices.Contains(are, what) {
			t.Errorf("docs/conformance.md says %q, which is no exception", what)
		}
	}
}
