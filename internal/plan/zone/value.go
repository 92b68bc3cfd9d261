package zone

import "strings"

// ZoneFile is a record's value as Route 53 writes it in zone-file form (RFC 1035
// section 5.1). Route 53's \ooo is an octet in octal, a zone file's \ddd in
// decimal (Route 53 developer guide, "TXT record type" and "DNS domain name
// format"). Outside of quotation marks Route 53 knows neither comments,
// parentheses nor @ for the origin: they are octets there. It reports false for a
// backslash before digits that are no octet in octal, and one at the end.
func ZoneFile(value string) (string, bool) {
	if !strings.ContainsAny(value, `\;()@`) {
		return value, true
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && isOctal(value[i+1:]):
			decimalOctet(&b, value[i+1]&7<<6|value[i+2]&7<<3|value[i+3]&7)
			i += 3
		case c == '\\' && (i+1 == len(value) || value[i+1] >= '0' && value[i+1] <= '9'):
			return "", false
		case c == '\\':
			i++
			b.WriteByte(c)
			b.WriteByte(value[i])
		case !quoted && strings.IndexByte(`;()@`, c) >= 0:
			decimalOctet(&b, c)
		default:
			quoted = quoted != (c == '"')
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// WrittenValue is a record's value in zone-file form as Route 53 writes it: the
// inverse of ZoneFile.
func WrittenValue(value string) string {
	if strings.IndexByte(value, '\\') < 0 {
		return value
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && i+3 < len(value) && value[i+1] >= '0' && value[i+1] <= '9':
			octalOctet(&b, (value[i+1]-'0')*100+(value[i+2]-'0')*10+value[i+3]-'0')
			i += 3
		case c == '\\' && i+1 < len(value):
			i++
			b.WriteByte(c)
			b.WriteByte(value[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// zoneFile has the values of a record set in zone-file form. Those that are none
// are left out: the API takes none of them.
func zoneFile(values []string) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		if text, ok := ZoneFile(v); ok {
			out = append(out, text)
		}
	}
	return out
}

func decimalOctet(b *strings.Builder, c byte) {
	b.Write([]byte{'\\', '0' + c/100, '0' + c/10%10, '0' + c%10})
}

func octalOctet(b *strings.Builder, c byte) {
	b.Write([]byte{'\\', '0' + c>>6, '0' + c>>3&7, '0' + c&7})
}
