package pattern

import (
	"strconv"
	"strings"
)

// selector names properties: $.a.b[0].c[*]['d.e'].
type selector []step

// step goes one level down: to a property, an element, or every element.
type step struct {
	name  string
	index int
	kind  stepKind
}

type stepKind byte

const (
	stepName stepKind = iota
	stepIndex
	stepEvery
)

// each calls f for what the selector selects until f returns true, and returns
// that. A property that is missing is not selected.
func (p selector) each(doc any, f func(any) bool) bool {
	for i, st := range p {
		switch st.kind {
		case stepName:
			object, ok := doc.(map[string]any)
			if !ok {
				return false
			}
			if doc, ok = object[st.name]; !ok {
				return false
			}
		case stepIndex:
			list, ok := doc.([]any)
			if !ok || st.index >= len(list) {
				return false
			}
			doc = list[st.index]
		case stepEvery:
			list, _ := doc.([]any)
			for _, element := range list {
				if p[i+1:].each(element, f) {
					return true
				}
			}
			return false
		}
	}
	return f(doc)
}

// isProperty says which characters a property name has without brackets.
func isProperty(r rune) bool { return isWord(r) || r == '-' }

func readSelector(s *source) (selector, error) {
	if !s.take("$") {
		return nil, s.unexpected()
	}
	var p selector
	for {
		dot := s.take(".")
		switch {
		case s.take("["):
			st, err := readBracket(s)
			if err != nil {
				return nil, err
			}
			p = append(p, st)
		case dot:
			name := s.while(isProperty)
			if name == "" {
				return nil, s.unexpected()
			}
			p = append(p, step{name: name})
		case len(p) == 0:
			return nil, s.unexpected()
		default:
			return p, nil
		}
	}
}

// readBracket reads what follows "[": an index, a star or a quoted name.
func readBracket(s *source) (step, error) {
	if q := s.peek(); q == '\'' || q == '"' {
		s.at++
		name, after, ok := strings.Cut(s.rest(), string(q)+"]")
		if !ok || name == "" {
			return step{}, badCharacter(string(q))
		}
		s.at = len(s.text) - len(after)
		return step{name: name}, nil
	}
	if s.take("*]") {
		return step{kind: stepEvery}, nil
	}
	digits := s.while(func(r rune) bool { return r >= '0' && r <= '9' })
	index, err := strconv.Atoi(digits)
	if err != nil || !s.take("]") {
		return step{}, s.unexpected()
	}
	return step{kind: stepIndex, index: index}, nil
}
