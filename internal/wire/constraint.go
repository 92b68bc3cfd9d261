package wire

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// shapeTable is a service's constraint table by shape name.
type shapeTable map[string]*check

// check is one row of the constraint table: what a value of that shape must
// satisfy. Rows are written by internal/gen.
type check struct {
	Min     *float64 `json:"min"`
	Max     *float64 `json:"max"`
	Pattern string   `json:"pattern"` // as AWS prints it
	RE      string   `json:"re"`      // in RE2, where that differs
	Not     string   `json:"not"`     // in RE2: must match nowhere
	Enum    []string `json:"enum"`
	Member  string   `json:"member"` // row of a list's elements
	Key     string   `json:"key"`    // row of a map's keys
	Value   string   `json:"value"`  // row of a map's values
	Secret  bool     `json:"secret"`

	elem, key *check // resolved Member or Value, and Key
	match     func(string) bool
}

// parseShapes reads a table. It is generated and tested, so a broken one is a
// defect of the build.
func parseShapes(text string) shapeTable {
	t := shapeTable{}
	if text == "" {
		return t
	}
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		panic(fmt.Sprintf("wire: constraint table: %v", err))
	}
	for _, c := range t {
		c.elem, c.key = t[c.Member+c.Value], t[c.Key]
		c.match = c.matcher()
	}
	return t
}

// matcher compiles the pattern on first use: a service has hundreds, a run
// needs few.
func (c *check) matcher() func(string) bool {
	if c.Pattern == "" {
		return nil
	}
	compiled := sync.OnceValue(func() func(string) bool {
		re := c.RE
		if re == "" {
			re = c.Pattern
		}
		match := repeated(re)
		if match == nil {
			match = regexp.MustCompile(`^(?:` + re + `)$`).MatchString
		}
		if c.Not == "" {
			return match
		}
		not := regexp.MustCompile(c.Not)
		return func(s string) bool { return match(s) && !not.MatchString(s) }
	})
	return func(s string) bool { return compiled()(s) }
}

// lengthFailures returns the constraints on length that n breaks, in AWS's words.
func (c *check) lengthFailures(n int) []string {
	var out []string
	if c.Max != nil && float64(n) > *c.Max {
		out = append(out, "Member must have length less than or equal to "+number(*c.Max))
	}
	if c.Min != nil && float64(n) < *c.Min {
		out = append(out, "Member must have length greater than or equal to "+number(*c.Min))
	}
	return out
}

func (c *check) rangeFailures(f float64) []string {
	var out []string
	if c.Max != nil && f > *c.Max {
		out = append(out, "Member must have value less than or equal to "+number(*c.Max))
	}
	if c.Min != nil && f < *c.Min {
		out = append(out, "Member must have value greater than or equal to "+number(*c.Min))
	}
	return out
}

func (c *check) stringFailures(s string) []string {
	out := c.lengthFailures(length(s))
	if c.match != nil && !c.match(s) {
		out = append(out, "Member must satisfy regular expression pattern: "+c.Pattern)
	}
	if len(c.Enum) > 0 && !slices.Contains(c.Enum, s) {
		out = append(out, c.enumText())
	}
	return out
}

func (c *check) enumText() string {
	return "Member must satisfy enum value set: [" + strings.Join(c.Enum, ", ") + "]"
}

// all lists every constraint of the row: AWS prints them all when an element
// of a list or map fails, whichever it was.
func (c *check) all() string {
	var out []string
	if c.Max != nil {
		out = append(out, "Member must have length less than or equal to "+number(*c.Max))
	}
	if c.Min != nil {
		out = append(out, "Member must have length greater than or equal to "+number(*c.Min))
	}
	if c.Pattern != "" {
		out = append(out, "Member must satisfy regular expression pattern: "+c.Pattern)
	}
	if len(c.Enum) > 0 {
		out = append(out, c.enumText())
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// length counts as Java does, in UTF-16 units.
func length(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
