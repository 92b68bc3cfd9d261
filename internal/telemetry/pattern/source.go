package pattern

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxRegexes is how many regular expressions AWS allows in one pattern.
const maxRegexes = 2

// source is the text of a pattern and how far it was read.
type source struct {
	text    string
	at      int
	regexes int
	depth   int
}

func (s *source) rest() string { return s.text[s.at:] }
func (s *source) end() bool    { return s.at >= len(s.text) }

// peek is the next byte, 0 at the end.
func (s *source) peek() byte {
	if s.end() {
		return 0
	}
	return s.text[s.at]
}

func (s *source) space() {
	s.at = len(s.text) - len(strings.TrimLeftFunc(s.rest(), unicode.IsSpace))
}

// take reads token if it comes next.
func (s *source) take(token string) bool {
	if !strings.HasPrefix(s.rest(), token) {
		return false
	}
	s.at += len(token)
	return true
}

// while reads the longest run of characters that ok accepts.
func (s *source) while(ok func(rune) bool) string {
	from := s.at
	for !s.end() {
		r, n := utf8.DecodeRuneInString(s.rest())
		if !ok(r) || r == utf8.RuneError && n == 1 {
			break
		}
		s.at += n
	}
	return s.text[from:s.at]
}

// unexpected is the error for whatever comes next.
func (s *source) unexpected() error {
	if s.end() {
		return invalid("unexpected end")
	}
	r, _ := utf8.DecodeRuneInString(s.rest())
	return badCharacter(string(r))
}

// quoted reads a string in double quotes, in which a backslash takes the
// meaning of the next character away.
func (s *source) quoted() (string, error) {
	s.at++ // the quote
	var b strings.Builder
	for !s.end() {
		c := s.text[s.at]
		s.at++
		switch {
		case c == '"':
			return b.String(), nil
		case c == '\\' && !s.end():
			b.WriteByte(s.text[s.at])
			s.at++
		default:
			b.WriteByte(c)
		}
	}
	return "", badCharacter(`"`)
}

// regexSymbols is what AWS's regular expressions have beside letters and
// digits; there are no groups, and nothing outside ASCII.
const regexSymbols = `:_#=@/;,-^$?[]{}|\*+.`

// regex reads an expression between percent signs.
func (s *source) regex() (*regexp.Regexp, error) {
	s.at++ // the percent sign
	body, after, ok := strings.Cut(s.rest(), "%")
	if !ok {
		return nil, badCharacter("%")
	}
	s.at = len(s.text) - len(after)
	if s.regexes++; s.regexes > maxRegexes {
		return nil, invalid("more than %d regular expressions", maxRegexes)
	}
	for _, r := range body {
		if !isWord(r) && !strings.ContainsRune(regexSymbols, r) || r > unicode.MaxASCII {
			return nil, badCharacter(string(r))
		}
	}
	if body == "" {
		return nil, invalid("empty regular expression")
	}
	re, err := regexp.Compile(body)
	if err != nil {
		return nil, invalid("regular expression %%%s%%: %v", body, err)
	}
	return re, nil
}

// enter counts one level of nesting, which leave ends.
func (s *source) enter() error {
	if s.depth++; s.depth > maxDepth {
		return invalid("more than %d nested parentheses", maxDepth)
	}
	return nil
}

func (s *source) leave() { s.depth-- }

// isWord says which characters a term may have without quotes.
func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
