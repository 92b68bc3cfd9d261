package zone

import "strings"

// Limits of RFC 1035 section 2.3.4.
const (
	maxLabel = 63
	maxName  = 255 // octets on the wire
)

// labels splits a name as Route 53 writes it: dots separate labels, \ooo is an
// octet in octal, \. is a dot inside a label. The final dot may be missing.
// Letters become lower case. It reports false for what is not a DNS name.
func labels(name string) ([]string, bool) {
	if name == "" || name == "." {
		return nil, true
	}
	name = strings.TrimSuffix(name, ".")
	var out []string
	var label []byte
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '.':
			out = append(out, string(label))
			label = nil
		case c == '\\' && isOctal(name[i+1:]):
			label = append(label, lower(name[i+1]&7<<6|name[i+2]&7<<3|name[i+3]&7))
			i += 3
		case c == '\\' && i+1 < len(name):
			i++
			label = append(label, lower(name[i]))
		default:
			label = append(label, lower(c))
		}
	}
	out = append(out, string(label))
	return out, legal(out)
}

func isOctal(s string) bool {
	return len(s) >= 3 && s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' && s[2] <= '7'
}

func legal(labels []string) bool {
	length := 1
	for _, l := range labels {
		if l == "" || len(l) > maxLabel {
			return false
		}
		length += len(l) + 1
	}
	return length <= maxName
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// present writes labels as a zone file does (RFC 1035 section 5.1), with the
// final dot.
func present(labels []string) string {
	if len(labels) == 0 {
		return "."
	}
	var b strings.Builder
	for _, l := range labels {
		for i := range len(l) {
			presentOctet(&b, l[i])
		}
		b.WriteByte('.')
	}
	return b.String()
}

func presentOctet(b *strings.Builder, c byte) {
	switch {
	case c < ' ' || c > '~':
		decimalOctet(b, c)
	case strings.IndexByte(`. '@;()"\`, c) >= 0:
		b.WriteByte('\\')
		b.WriteByte(c)
	default:
		b.WriteByte(c)
	}
}

// plain says whether a name is in the table's form and in that of Route 53 as
// it stands, but for the final dot, which may be missing. Nearly all names are:
// others are taken apart.
func plain(name string) bool {
	name = strings.TrimSuffix(name, ".")
	label := 0
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_':
			label++
		case c == '.' && label > 0 && label <= maxLabel:
			label = 0
		default:
			return false
		}
	}
	return label > 0 && label <= maxLabel && len(name)+2 <= maxName
}

// dotted is a plain name with the final dot.
func dotted(name string) string {
	if strings.HasSuffix(name, ".") {
		return name
	}
	return name + "."
}

// canonical is the table's form of a name as Route 53 writes it.
func canonical(name string) (string, bool) {
	if plain(name) {
		return dotted(name), true
	}
	l, ok := labels(name)
	return present(l), ok
}

// Written is a name as Route 53 writes it: lower case, with the final dot, and
// what is no letter, digit, hyphen, underscore or dot as \ooo in octal (Route 53
// developer guide, "DNS domain name format"). It reports false for what is not a
// DNS name.
func Written(name string) (string, bool) {
	l, ok := labels(name)
	return write(l), ok
}

// written is Written of a canonical name.
func written(name string) (string, bool) {
	l, ok := parsed(name)
	return write(l), ok
}

func write(l []string) string {
	if len(l) == 0 {
		return "."
	}
	var b strings.Builder
	for _, label := range l {
		for i := range len(label) {
			c := label[i]
			if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
				b.WriteByte(c)
				continue
			}
			octalOctet(&b, c)
		}
		b.WriteByte('.')
	}
	return b.String()
}

// below makes a name under a canonical origin. The name "." is the origin.
func below(name, origin string) (string, bool) {
	if plain(name) && plain(origin) {
		owner := dotted(name) + origin
		return owner, len(owner)+1 <= maxName
	}
	l, ok := labels(name)
	if !ok {
		return "", false
	}
	if len(l) == 0 {
		return origin, true
	}
	owner := present(l)
	if origin != "." {
		owner += origin
	}
	o, ok := parsed(origin)
	return owner, ok && legal(append(l, o...))
}

// parsed splits a canonical name back into labels.
func parsed(name string) ([]string, bool) {
	var out []string
	var label []byte
	if name == "." {
		return nil, true
	}
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '.':
			out = append(out, string(label))
			label = nil
		case c != '\\':
			label = append(label, c)
		case i+3 < len(name) && name[i+1] >= '0' && name[i+1] <= '9':
			label = append(label, (name[i+1]-'0')*100+(name[i+2]-'0')*10+name[i+3]-'0')
			i += 3
		case i+1 < len(name):
			i++
			label = append(label, name[i])
		}
	}
	return out, legal(out)
}

// inside says whether a canonical name is at or under a canonical origin.
func inside(name, origin string) bool {
	if origin == "." || name == origin {
		return true
	}
	head, ok := strings.CutSuffix(name, origin)
	if !ok || !strings.HasSuffix(head, ".") {
		return false
	}
	// A dot that a backslash hides separates nothing: count the backslashes.
	slashes := len(head) - 1 - len(strings.TrimRight(head[:len(head)-1], `\`))
	return slashes%2 == 0
}

// InstanceName is the name under a service that SRV records of an instance
// point to: the instance id, whose dots separate labels. It reports false for
// an id that Route 53 would refuse as a name.
func InstanceName(id string) (string, bool) {
	l, ok := labels(strings.ReplaceAll(id, `\`, `\134`))
	if !ok || len(l) == 0 || strings.HasSuffix(id, ".") {
		return "", false
	}
	return present(l), true
}
