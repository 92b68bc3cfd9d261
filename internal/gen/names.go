package main

import (
	"strings"
	"unicode"
)

// goName makes a model name an exported Go identifier: the first letter is
// raised and whatever Go does not allow is left out.
func goName(s string) string {
	var b strings.Builder
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' {
			continue
		}
		if b.Len() == 0 {
			r = unicode.ToUpper(r)
		}
		b.WriteRune(r)
	}
	return strings.TrimLeft(b.String(), "_")
}

// upperFirst raises the first letter, as the EC2 query protocol does.
func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// enumName makes an enum value the second half of a constant's name, in the
// manner of the AWS SDKs: "tcp" is Tcp, "PENDING_VALIDATION" is
// PendingValidation, "t3.micro" is T3Micro.
func enumName(value string) string {
	var b strings.Builder
	words := strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, w := range words {
		if w == strings.ToUpper(w) {
			w = strings.ToLower(w)
		}
		b.WriteString(upperFirst(w))
	}
	return b.String()
}

func first(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}
