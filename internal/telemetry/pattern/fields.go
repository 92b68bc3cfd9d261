package pattern

import (
	"bytes"
	"strings"
)

// fields selects messages by their space-delimited parts.
type fields struct {
	before []field // from the first part on
	after  []field // up to the last, where rest is set
	rest   bool    // there was a "..."
}

// field is one part. It holds when one group of checks holds as a whole, or
// when there are none.
type field struct {
	name string
	any  [][]check
}

// check compares a part.
type check struct {
	op  op
	val value
}

func (p *fields) match(message []byte) bool {
	parts := split(message)
	least := len(p.before) + len(p.after)
	if len(parts) < least || !p.rest && len(parts) > least {
		return false
	}
	for i, f := range p.before {
		if !f.holds(parts[i]) {
			return false
		}
	}
	for i, f := range p.after {
		if !f.holds(parts[len(parts)-len(p.after)+i]) {
			return false
		}
	}
	return true
}

func (f field) holds(part []byte) bool {
	if len(f.any) == 0 {
		return true
	}
	text := string(part)
	for _, all := range f.any {
		ok := true
		for _, c := range all {
			ok = ok && c.holds(text)
		}
		if ok {
			return true
		}
	}
	return false
}

func (c check) holds(part string) bool {
	if c.val.isNumber {
		if f, ok := parseNumber(part); ok {
			return c.val.compareNumbers(c.op, f)
		}
	}
	switch c.op {
	case opEqual:
		return c.val.matchText(part)
	case opNotEqual:
		return !c.val.matchText(part)
	default:
		return false // an order needs two numbers
	}
}

// split cuts a message at its spaces. What stands in brackets or double quotes
// is one part, without them.
func split(message []byte) [][]byte {
	var parts [][]byte
	for {
		message = bytes.TrimLeft(message, " \t\r\n")
		if len(message) == 0 {
			return parts
		}
		var part []byte
		part, message = cutPart(message)
		parts = append(parts, part)
	}
}

func cutPart(b []byte) (part, rest []byte) {
	if end, ok := map[byte]byte{'"': '"', '[': ']'}[b[0]]; ok {
		if i := bytes.IndexByte(b[1:], end); i >= 0 {
			return b[1 : i+1], b[i+2:]
		}
	}
	if i := bytes.IndexAny(b, " \t\r\n"); i >= 0 {
		return b[:i], b[i:]
	}
	return b, nil
}

func compileFields(s *source) (matcher, error) {
	if !strings.HasSuffix(s.text, "]") {
		return nil, invalid("If a filter pattern starts with '[' it must end with ']'")
	}
	s.at++ // the bracket
	p := &fields{}
	for {
		s.space()
		if s.take("...") {
			if p.rest {
				return nil, invalid("more than one '...'")
			}
			p.rest = true
		} else {
			f, err := readField(s)
			if err != nil {
				return nil, err
			}
			if p.rest {
				p.after = append(p.after, f)
			} else {
				p.before = append(p.before, f)
			}
		}
		s.space()
		switch {
		case s.take(","):
		case s.take("]") && s.end():
			return p, nil
		default:
			return nil, s.unexpected()
		}
	}
}

// readField reads a name, or comparisons of one name joined by && and ||.
func readField(s *source) (field, error) {
	var f field
	for {
		all, err := readChecks(s, &f)
		if err != nil {
			return f, err
		}
		if len(all) > 0 {
			f.any = append(f.any, all)
		}
		if s.space(); !s.take("||") {
			return f, nil
		}
		if len(all) == 0 {
			return f, s.unexpected()
		}
	}
}

// readChecks reads comparisons joined by &&. A name alone has none.
func readChecks(s *source, f *field) ([]check, error) {
	var all []check
	for {
		s.space()
		name := s.while(isProperty)
		switch {
		case name == "":
			return nil, s.unexpected()
		case f.name == "":
			f.name = name
		case f.name != name:
			return nil, invalid("conditions of one field name two: '%s' and '%s'", f.name, name)
		}
		s.space()
		o, ok := readOp(s)
		if !ok {
			if len(all) > 0 || len(f.any) > 0 {
				return nil, s.unexpected()
			}
			return nil, nil
		}
		s.space()
		v, err := readValue(s)
		if err == nil {
			err = v.check(o)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, check{op: o, val: v})
		if s.space(); !s.take("&&") {
			return all, nil
		}
	}
}
