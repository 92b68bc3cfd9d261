package route53

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// checkValues checks each value by its type.
func (b *batch) checkValues(r *world.RecordSet) {
	single := r.Type == RRTypeCname || r.Type == RRTypeSoa
	if single && len(r.Values) > 1 {
		b.problem("Invalid Resource Record: FATAL problem: %sRRDATANotSingleValue (%s record can have only one value) encountered with '%s'", r.Type, r.Type, strings.Join(r.Values, ", "))
	}
	for i, v := range r.Values {
		if slices.Contains(r.Values[:i], v) {
			b.problem("Duplicate Resource Record: '%s'", v)
			continue
		}
		if problem := valueProblem(r.Type, v); problem != "" {
			b.problem("Invalid Resource Record: FATAL problem: %s encountered with '%s'", problem, v)
		}
	}
}

// valueProblem names what is wrong with a value, with the word that Route 53 has
// for it where that is known, or is empty.
func valueProblem(typ, value string) string {
	text, ok := zone.ZoneFile(value)
	if !ok || value == "" || unsupported(value) {
		return "UnsupportedCharacter (Value contains unsupported characters)"
	}
	a, err := netip.ParseAddr(value)
	switch typ {
	case RRTypeA:
		if err != nil || !a.Is4() {
			return "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"
		}
		return ""
	case RRTypeAaaa:
		if err != nil || !a.Is6() || a.Zone() != "" {
			return "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"
		}
		return ""
	case RRTypeTxt, RRTypeSpf:
		if problem := textProblem(text); problem != "" {
			return problem
		}
	case RRTypeMx:
		if len(strings.Fields(value)) != 2 {
			return "MXRRDATANotTwoFields (MX record doesn't have 2 fields)"
		}
	case RRTypeSrv:
		if len(strings.Fields(value)) != 4 {
			return "SRVRRDATANotFourFields (SRV record doesn't have 4 fields)"
		}
	case RRTypeCname, RRTypeNs, RRTypePtr:
		if _, err := dnsName(value); err != nil || strings.Contains(value, " ") {
			return typ + "RRDATAInvalidDomainName (Value is not a valid domain name)"
		}
	}
	return parseProblem(typ, text)
}

// unsupported says whether there are characters that Route 53 takes as escape codes
// only: all but printable ASCII (Route 53 developer guide, "Special characters in a
// TXT record value"). Blanks between fields are no characters of a value.
func unsupported(value string) bool {
	quoted := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\t' && !quoted:
		case c < ' ' || c > '~':
			return true
		case c == '\\' && i+1 < len(value) && value[i+1] == '"':
			i++
		case c == '"':
			quoted = !quoted
		}
	}
	return false
}

// textProblem: text is one or more strings in quotation marks, of at most 255
// octets each. The value is in zone-file form.
func textProblem(value string) string {
	quoted := false
	length := 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			quoted = !quoted
			length = 0
		case !quoted && c != ' ' && c != '\t':
			return "InvalidCharacterString (Value should be enclosed in quotation marks)"
		case c == '\\' && i+3 < len(value) && value[i+1] >= '0' && value[i+1] <= '9':
			i += 3
			length++
		case c == '\\':
			i++
			length++
		case quoted:
			length++
		}
		if length > 255 {
			return "CharacterStringTooLong (Value is too long)"
		}
	}
	if quoted || !strings.Contains(value, `"`) {
		return "InvalidCharacterString (Value should be enclosed in quotation marks)"
	}
	return ""
}

// parseProblem has the value, in zone-file form, read as the resolver will read it.
func parseProblem(typ, value string) string {
	if rr, err := dns.NewRR(fmt.Sprintf(". 0 IN %s %s", typ, value)); err != nil || rr == nil {
		return typ + "RRDATAInvalid (Value is not valid for a record of type " + typ + ")"
	}
	return ""
}
