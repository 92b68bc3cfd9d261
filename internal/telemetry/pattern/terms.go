package pattern

import (
	"bytes"
	"regexp"
	"unicode"
)

// terms is a pattern of words, phrases and regular expressions.
type terms struct {
	all  []finder // each must be there
	none []finder // none may be there
	any  []finder // one must be there; not looked at when there are others
}

// finder finds a text or an expression.
type finder struct {
	text []byte
	re   *regexp.Regexp
}

func (f finder) in(message []byte) bool {
	if f.re != nil {
		return f.re.Match(message)
	}
	return bytes.Contains(message, f.text)
}

func (t *terms) match(message []byte) bool {
	for _, f := range t.all {
		if !f.in(message) {
			return false
		}
	}
	for _, f := range t.none {
		if f.in(message) {
			return false
		}
	}
	// The user guide: question marks beside other terms are ignored.
	if len(t.all)+len(t.none) > 0 {
		return true
	}
	for _, f := range t.any {
		if f.in(message) {
			return true
		}
	}
	return false
}

func compileTerms(s *source) (matcher, error) {
	t := &terms{}
	for s.space(); !s.end(); s.space() {
		into := &t.all
		switch {
		case s.take("?"):
			into = &t.any
		case s.take("-"):
			into = &t.none
		}
		f, err := compileTerm(s)
		if err != nil {
			return nil, err
		}
		*into = append(*into, f)
	}
	return t, nil
}

func compileTerm(s *source) (finder, error) {
	var f finder
	var err error
	switch s.peek() {
	case '"':
		var text string
		text, err = s.quoted()
		f.text = []byte(text)
	case '%':
		f.re, err = s.regex()
	default:
		word := s.while(isWord)
		if word == "" {
			return f, s.unexpected()
		}
		f.text = []byte(word)
	}
	if err != nil {
		return f, err
	}
	if r := rune(s.peek()); !s.end() && !unicode.IsSpace(r) {
		return f, s.unexpected()
	}
	return f, nil
}
