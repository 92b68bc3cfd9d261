package wire

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a body, so that hostile input cannot exhaust
// the stack. AWS's own limits differ by service and are lower.
const maxDepth = 500

var (
	errDepth = errors.New("body is nested too deeply")
	errEnd   = errors.New("unexpected end of input")
)

// scanner reads JSON from memory. It is written for typed decoding: member
// names are matched exactly (encoding/json folds case, AWS does not) and no
// value is built that the model does not ask for.
type scanner struct {
	b     []byte
	i     int
	depth int
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek returns the first byte of the next token, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i >= len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *scanner) unexpected() error {
	if s.i >= len(s.b) {
		return errEnd
	}
	return fmt.Errorf("unexpected character at position %d", s.i)
}

func (s *scanner) expect(c byte) error {
	if s.peek() != c {
		return s.unexpected()
	}
	s.i++
	return nil
}

func (s *scanner) enter() error {
	if s.depth++; s.depth > maxDepth {
		return errDepth
	}
	return nil
}

func (s *scanner) leave() { s.depth-- }

// end checks that nothing but space follows.
func (s *scanner) end() error {
	if s.peek() != 0 || s.i < len(s.b) {
		return s.unexpected()
	}
	return nil
}

func (s *scanner) literal(word string) error {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return s.unexpected()
	}
	s.i += len(word)
	return nil
}

// null consumes a null if one is next.
func (s *scanner) null() (bool, error) {
	if s.peek() != 'n' {
		return false, nil
	}
	return true, s.literal("null")
}

// rawString returns the next string; the bytes are only valid until the next
// call that unescapes.
func (s *scanner) rawString() ([]byte, error) {
	if err := s.expect('"'); err != nil {
		return nil, err
	}
	start := s.i
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			out := s.b[start:s.i]
			s.i++
			return out, validUTF8(out)
		case c == '\\':
			return s.escapedString(start)
		case c < ' ':
			return nil, s.unexpected()
		}
		s.i++
	}
	return nil, errEnd
}

func validUTF8(b []byte) error {
	if !utf8.Valid(b) {
		return errors.New("string is not valid UTF-8")
	}
	return nil
}

// escapedString goes on from the first backslash of a string.
func (s *scanner) escapedString(start int) ([]byte, error) {
	out := append(make([]byte, 0, s.i-start+16), s.b[start:s.i]...)
	for s.i < len(s.b) {
		c := s.b[s.i]
		switch {
		case c == '"':
			s.i++
			return out, validUTF8(out)
		case c == '\\':
			s.i++
			var err error
			if out, err = s.escape(out); err != nil {
				return nil, err
			}
		case c < ' ':
			return nil, s.unexpected()
		default:
			out = append(out, c)
			s.i++
		}
	}
	return nil, errEnd
}

func (s *scanner) escape(out []byte) ([]byte, error) {
	if s.i >= len(s.b) {
		return nil, errEnd
	}
	c := s.b[s.i]
	s.i++
	switch c {
	case '"', '\\', '/':
		return append(out, c), nil
	case 'b':
		return append(out, '\b'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 't':
		return append(out, '\t'), nil
	case 'u':
		r, err := s.hex4()
		if err != nil {
			return nil, err
		}
		return utf8.AppendRune(out, s.surrogate(r)), nil
	}
	s.i--
	return nil, s.unexpected()
}

func (s *scanner) hex4() (rune, error) {
	if len(s.b)-s.i < 4 {
		return 0, errEnd
	}
	n, err := strconv.ParseUint(string(s.b[s.i:s.i+4]), 16, 32)
	if err != nil {
		return 0, s.unexpected()
	}
	s.i += 4
	return rune(n), nil
}

// surrogate joins a pair of \u escapes; a lone half becomes U+FFFD.
func (s *scanner) surrogate(r rune) rune {
	if !utf16.IsSurrogate(r) {
		return r
	}
	if len(s.b)-s.i >= 6 && s.b[s.i] == '\\' && s.b[s.i+1] == 'u' {
		save := s.i
		s.i += 2
		if low, err := s.hex4(); err == nil {
			if full := utf16.DecodeRune(r, low); full != utf8.RuneError {
				return full
			}
		}
		s.i = save
	}
	return utf8.RuneError
}

// number returns the text of the next number and whether it is an integer.
func (s *scanner) number() (text []byte, integer bool, err error) {
	s.space()
	start := s.i
	integer = true
	if s.at('-') {
		s.i++
	}
	if s.at('0') {
		s.i++
	} else if !s.digits() {
		return nil, false, s.unexpected()
	}
	if s.at('.') {
		s.i++
		integer = false
		if !s.digits() {
			return nil, false, s.unexpected()
		}
	}
	if s.at('e') || s.at('E') {
		s.i++
		integer = false
		if s.at('+') || s.at('-') {
			s.i++
		}
		if !s.digits() {
			return nil, false, s.unexpected()
		}
	}
	return s.b[start:s.i], integer, nil
}

func (s *scanner) at(c byte) bool { return s.i < len(s.b) && s.b[s.i] == c }

func (s *scanner) digits() bool {
	start := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > start
}

// object calls member for each member of an object; member must consume the
// value. The key is only valid during the call up to its first read.
func (s *scanner) object(member func(key []byte) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if s.peek() == '}' {
		s.i++
		return nil
	}
	for {
		if s.peek() != '"' {
			return s.unexpected()
		}
		key, err := s.rawString()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		if done, err := s.next('}'); done || err != nil {
			return err
		}
	}
}

// array calls item for each element; item must consume the value.
func (s *scanner) array(item func() error) error {
	if err := s.expect('['); err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if s.peek() == ']' {
		s.i++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if done, err := s.next(']'); done || err != nil {
			return err
		}
	}
}

// next consumes a comma or the closing byte.
func (s *scanner) next(closing byte) (done bool, err error) {
	switch s.peek() {
	case ',':
		s.i++
		return false, nil
	case closing:
		s.i++
		return true, nil
	}
	return false, s.unexpected()
}

// skip consumes any value.
func (s *scanner) skip() error {
	switch s.peek() {
	case '{':
		return s.object(func([]byte) error { return s.skip() })
	case '[':
		return s.array(s.skip)
	case '"':
		_, err := s.rawString()
		return err
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	case 0:
		return s.unexpected()
	}
	_, _, err := s.number()
	return err
}
