// Package pattern is the filter pattern language of CloudWatch Logs: terms and
// phrases, JSON selectors, and space-delimited fields.
//
// A pattern is compiled once and then matched against any number of messages.
// Compile never panics, whatever the text; matching takes time in proportion
// to the message, also for regular expressions, which are RE2.
//
// The language is that of "Filter pattern syntax" in the CloudWatch Logs User
// Guide. Where the guide is silent: a term matches as a substring; a JSON
// condition holds only for a property of its own type, and != also for every
// other type, but nothing holds for a property that is missing except NOT
// EXISTS.
//
//	p, err := pattern.Compile(`{ $.status >= 500 && $.path = "/api/*" }`)
//	ok := p.Match([]byte(`{"status": 503, "path": "/api/x"}`)) // true
package pattern

import (
	"fmt"
	"strings"
)

// maxLength bounds the text of a pattern; the API allows 1,024 characters.
const maxLength = 8 << 10

// maxDepth bounds nested parentheses.
const maxDepth = 64

// Error says why a text is no pattern, in AWS's words where they are known.
type Error struct{ Reason string }

// Error is the text that clients see.
func (e *Error) Error() string { return "Invalid filter pattern: " + e.Reason }

func invalid(format string, args ...any) error { return &Error{Reason: fmt.Sprintf(format, args...)} }

// badCharacter is AWS's refusal of a character that must be quoted.
func badCharacter(c string) error { return invalid("Invalid character(s) in term '%s'", c) }

// Pattern is a compiled filter pattern. It is safe for concurrent use.
type Pattern struct{ m matcher }

// matcher is one of the three kinds of pattern.
type matcher interface{ match(message []byte) bool }

// Match reports whether the pattern selects the message.
func (p *Pattern) Match(message []byte) bool { return p.m == nil || p.m.match(message) }

// All reports whether the pattern selects every message.
func (p *Pattern) All() bool { return p.m == nil }

// Compile reads a pattern. Its errors are of type *Error.
func Compile(text string) (*Pattern, error) {
	if len(text) > maxLength {
		return nil, invalid("longer than %d bytes", maxLength)
	}
	s := &source{text: strings.TrimSpace(text)}
	var m matcher
	var err error
	switch {
	case s.text == "" || s.text == `""`:
	case s.text[0] == '{':
		m, err = compileJSON(s)
	case s.text[0] == '[':
		m, err = compileFields(s)
	default:
		m, err = compileTerms(s)
	}
	if err != nil {
		return nil, err
	}
	return &Pattern{m: m}, nil
}
