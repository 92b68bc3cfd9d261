package logs

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// maxComponent is the longest file name this package makes. File systems
// allow 255 bytes; names in CloudWatch Logs have up to 512 characters, so a
// long one is spread over several directories.
const maxComponent = 200

// continued ends the name of a directory that holds the next part of a long
// name. Escaped names have no such byte of their own.
const continued = "+"

// StreamDir is the directory of a stream's segments. The path is a function of
// the names alone, and no two streams share one.
func StreamDir(root, group, stream string) string {
	return filepath.Join(groupDir(root, group), path(stream))
}

func groupDir(root, group string) string { return filepath.Join(root, path(group)) }

// path turns a name into one path component, or several for a long name.
func path(name string) string {
	escaped := escape(name, false)
	if len(escaped) <= maxComponent {
		return escaped
	}
	// Any byte may begin a component now, so no dot may stay as it is.
	escaped = escape(name, true)
	var parts []string
	for len(escaped) > maxComponent {
		parts = append(parts, escaped[:maxComponent]+continued)
		escaped = escaped[maxComponent:]
	}
	return filepath.Join(append(parts, escaped)...)
}

// escape writes bytes that a file name cannot have as %XX. A leading dot is
// one of them: such names are kept for this package's own use.
func escape(name string, dots bool) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		plain := r >= ' ' && r != 0x7f && !strings.ContainsRune("/%+", r)
		switch {
		case r == utf8.RuneError && size == 1, r == '.' && (dots || i == 0):
			plain = false
		}
		for ; size > 0; size-- {
			if plain {
				b.WriteByte(name[i])
			} else {
				fmt.Fprintf(&b, "%%%02X", name[i])
			}
			i++
		}
	}
	return b.String()
}

// unescape is the inverse of escape; ok is false for what escape never writes.
func unescape(s string) (name string, ok bool) {
	if s == "" {
		return "", false
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		hi, lo := unhex(s[i+1]), unhex(s[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		b = append(b, byte(hi<<4|lo))
		i += 2
	}
	return string(b), true
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
