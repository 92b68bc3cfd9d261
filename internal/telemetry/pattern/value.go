package pattern

import (
	"regexp"
	"strconv"
	"strings"
)

// op is a comparison.
type op string

const (
	opEqual        op = "="
	opNotEqual     op = "!="
	opLess         op = "<"
	opLessEqual    op = "<="
	opGreater      op = ">"
	opGreaterEqual op = ">="
)

// readOp reads a comparison; longer ones first.
func readOp(s *source) (op, bool) {
	for _, o := range []op{opNotEqual, opLessEqual, opGreaterEqual, opEqual, opLess, opGreater} {
		if s.take(string(o)) {
			return o, true
		}
	}
	return "", false
}

// value is the right side of a comparison.
type value struct {
	text   glob
	re     *regexp.Regexp
	number float64
	// isNumber: written as a number without quotes.
	isNumber bool
	// quoted: what was meant is text, whatever it looks like.
	quoted bool
}

// bareSymbols is what a value without quotes may have beside letters and digits.
const bareSymbols = ".*-+:/@#$~"

// readValue reads a quoted string, a regular expression, or a bare word.
func readValue(s *source) (value, error) {
	var v value
	var err error
	switch s.peek() {
	case '"':
		var text string
		text, err = s.quoted()
		v.text, v.quoted = newGlob(text), true
		return v, err
	case '%':
		v.re, err = s.regex()
		return v, err
	}
	word := s.while(func(r rune) bool {
		return isWord(r) || strings.ContainsRune(bareSymbols, r)
	})
	if word == "" {
		return v, s.unexpected()
	}
	v.text = newGlob(word)
	v.number, v.isNumber = parseNumber(word)
	return v, nil
}

// parseNumber reads a decimal number with sign and exponent. It takes nothing
// else that Go would, such as Inf or 0x10.
func parseNumber(s string) (float64, bool) {
	if strings.Trim(s, "0123456789.eE+-") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// compareNumbers holds f against the value.
func (v value) compareNumbers(o op, f float64) bool {
	switch o {
	case opEqual:
		return f == v.number
	case opNotEqual:
		return f != v.number
	case opLess:
		return f < v.number
	case opLessEqual:
		return f <= v.number
	case opGreater:
		return f > v.number
	default:
		return f >= v.number
	}
}

// matchText reports whether the value's text or expression is that of s.
func (v value) matchText(s string) bool {
	if v.re != nil {
		return v.re.MatchString(s)
	}
	return v.text.match(s)
}

// check refuses comparisons that make no sense.
func (v value) check(o op) error {
	if o != opEqual && o != opNotEqual && !v.isNumber {
		return invalid("%s needs a number", o)
	}
	return nil
}

// glob is a text in which * stands for anything.
type glob struct {
	parts []string // the texts between the stars
}

func newGlob(s string) glob { return glob{parts: strings.Split(s, "*")} }

// wild reports whether the glob has a star.
func (g glob) wild() bool { return len(g.parts) > 1 }

func (g glob) match(s string) bool {
	if !g.wild() {
		return len(g.parts) == 1 && s == g.parts[0]
	}
	s, ok := strings.CutPrefix(s, g.parts[0])
	if !ok {
		return false
	}
	last := len(g.parts) - 1
	for _, part := range g.parts[1:last] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, g.parts[last])
}
