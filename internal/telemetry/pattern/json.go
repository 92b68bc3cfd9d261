package pattern

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// jsonPattern selects messages that are JSON objects or arrays.
type jsonPattern struct{ cond condition }

func (p *jsonPattern) match(message []byte) bool {
	trimmed := bytes.TrimLeft(message, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(trimmed))
	d.UseNumber()
	var doc any
	if d.Decode(&doc) != nil {
		return false
	}
	if _, err := d.Token(); err != io.EOF {
		return false // more than one value
	}
	return p.cond.holds(doc)
}

// condition is a part of a JSON pattern.
type condition interface{ holds(doc any) bool }

// anyOf and allOf are || and &&.
type (
	anyOf []condition
	allOf []condition
)

func (c anyOf) holds(doc any) bool {
	for _, x := range c {
		if x.holds(doc) {
			return true
		}
	}
	return false
}

func (c allOf) holds(doc any) bool {
	for _, x := range c {
		if !x.holds(doc) {
			return false
		}
	}
	return true
}

// comparison holds when one of the selected properties compares so.
type comparison struct {
	path selector
	op   op
	val  value
}

func (c comparison) holds(doc any) bool {
	return c.path.each(doc, func(property any) bool { return c.compare(property) })
}

func (c comparison) compare(property any) bool {
	equal := false
	switch p := property.(type) {
	case string:
		equal = !c.val.isNumber && c.val.matchText(p)
	case json.Number:
		if c.val.isNumber {
			f, err := p.Float64()
			return err == nil && c.val.compareNumbers(c.op, f)
		}
		equal = !c.val.quoted && (c.val.re != nil || c.val.text.wild()) && c.val.matchText(p.String())
	}
	switch c.op {
	case opEqual:
		return equal
	case opNotEqual:
		return !equal
	default:
		return false // an order needs two numbers
	}
}

// is holds when one of the selected properties is that constant.
type is struct {
	path selector
	want any // nil, true or false
}

func (c is) holds(doc any) bool {
	return c.path.each(doc, func(property any) bool { return property == c.want })
}

// notExists holds when nothing is selected.
type notExists struct{ path selector }

func (c notExists) holds(doc any) bool {
	return !c.path.each(doc, func(any) bool { return true })
}

func compileJSON(s *source) (matcher, error) {
	if !strings.HasSuffix(s.text, "}") {
		return nil, invalid("If a filter pattern starts with '{' it must end with '}'")
	}
	s.at++ // the brace
	cond, err := readAny(s)
	if err != nil {
		return nil, err
	}
	if s.space(); !s.take("}") || !s.end() {
		return nil, s.unexpected()
	}
	return &jsonPattern{cond: cond}, nil
}

func readAny(s *source) (condition, error) {
	var list anyOf
	for {
		c, err := readAll(s)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
		if s.space(); !s.take("||") {
			break
		}
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return list, nil
}

func readAll(s *source) (condition, error) {
	var list allOf
	for {
		c, err := readOne(s)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
		if s.space(); !s.take("&&") {
			break
		}
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return list, nil
}

func readOne(s *source) (condition, error) {
	s.space()
	if s.take("(") {
		if err := s.enter(); err != nil {
			return nil, err
		}
		defer s.leave()
		c, err := readAny(s)
		if err != nil {
			return nil, err
		}
		if s.space(); !s.take(")") {
			return nil, s.unexpected()
		}
		return c, nil
	}
	path, err := readSelector(s)
	if err != nil {
		return nil, err
	}
	s.space()
	if o, ok := readOp(s); ok {
		s.space()
		v, err := readValue(s)
		if err == nil {
			err = v.check(o)
		}
		return comparison{path: path, op: o, val: v}, err
	}
	return readKeywords(s, path)
}

// readKeywords reads IS NULL, IS TRUE, IS FALSE or NOT EXISTS.
func readKeywords(s *source, path selector) (condition, error) {
	from := s.at
	first := s.while(isWord)
	s.space()
	switch second := s.while(isWord); first + " " + second {
	case "IS NULL":
		return is{path: path, want: nil}, nil
	case "IS TRUE":
		return is{path: path, want: true}, nil
	case "IS FALSE":
		return is{path: path, want: false}, nil
	case "NOT EXISTS":
		return notExists{path: path}, nil
	}
	s.at = from
	return nil, s.unexpected()
}
