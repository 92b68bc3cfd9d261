package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// vpcExceptions are the differences between the resolver of a VPC and BIND.
func vpcExceptions() []exception {
	return []exception{
		{"AA is clear in every answer", clearAA},
		{"ANY gets one set, the first by type", oneSet},
		{"without RD, a CNAME is followed through all zones of the VPC, and not to the outside", goOn},
		{"a circle of CNAMEs is SERVFAIL without records", emptyFailure},
		{"of a set that does not fit, any records that do are sent, with EDNS, too", anyThatFit},
		{"a service of Cloud Map answers with eight instances at most, or, where weighted, with one", someOf},
		{"answers have no additional section but for EDNS", noAdditional},
		{"DS of a zone's own name is answered by the zone, not by its parent", dsOfZone},
		{"AD is clear in every answer", clearAD},
		{"TTLs from outside count down from when each resolver asked", countedDown},
		{"names are spelled as in the question, or as they were given", spelling},
	}
}

// publicExceptions are the differences between the name server of public zones
// and BIND.
func publicExceptions() []exception {
	return []exception{
		{"ANY gets one set, the first by type", oneSetOfPublic},
		{"a circle of CNAMEs is SERVFAIL without records", failureOfPublic},
		{"a referral whose glue does not fit is truncated", wholeReferral},
		{"answers have no additional section but for EDNS", noAdditionalToAnswers},
		{"a referral has the addresses of all its servers that the zones have", allServers},
		{"AD is clear in every answer", clearAD},
		{"names are spelled as in the question, or as they were given", spelling},
	}
}

func noAdditionalToAnswers(c *comparison, q question, ours reply, theirs *reply) bool {
	return len(theirs.Answer) > 0 && len(theirs.Authority) == 0 && noAdditional(c, q, ours, theirs)
}

// allServers: BIND leaves out the addresses that the zone is an authority for, or
// another one.
func allServers(_ *comparison, _ question, ours reply, theirs *reply) bool {
	missing := slices.DeleteFunc(slices.Clone(ours.Additional), func(line string) bool { return slices.Contains(theirs.Additional, line) })
	for _, line := range missing {
		owner, _, _ := strings.Cut(line, " ")
		if !slices.ContainsFunc(ours.Authority, func(ns string) bool { return strings.HasSuffix(ns, " IN NS "+owner) }) {
			return false
		}
	}
	if len(missing) == 0 || len(theirs.Additional)+len(missing) != len(ours.Additional) {
		return false
	}
	theirs.Additional = ours.Additional
	return true
}

func oneSetOfPublic(c *comparison, q question, ours reply, theirs *reply) bool {
	applied := oneSet(c, q, ours, theirs)
	theirs.AA = theirs.AA || applied
	return applied
}

func failureOfPublic(c *comparison, q question, ours reply, theirs *reply) bool {
	applied := emptyFailure(c, q, ours, theirs)
	theirs.AA = theirs.AA && !applied
	return applied
}

// wholeReferral: BIND leaves out the glue that does not fit.
func wholeReferral(c *comparison, q question, ours reply, theirs *reply) bool {
	if !ours.TC || theirs.TC || q.way.tcp || len(theirs.Additional) == 0 {
		return false
	}
	q.way.tcp = true
	whole := c.instead(q)
	if len(whole.Additional) <= len(theirs.Additional) {
		return false
	}
	theirs.TC, theirs.Answer, theirs.Authority, theirs.Additional = true, nil, nil, nil
	return true
}

// outsideExceptions are the differences over what is forwarded.
func outsideExceptions() []exception {
	return []exception{
		{"without RD, names that are not the VPC's are REFUSED and not looked for in a cache", notFromCache},
		{"of a set that does not fit, any records that do are sent, with EDNS, too", anyThatFit},
		{"AD is clear in every answer", clearAD},
		{"ANY gets one set, the first by type", oneSet},
		{"TTLs from outside count down from when each resolver asked", countedDown},
		{"names are spelled as in the question, or as they were given", spelling},
	}
}

// madeExceptions are the differences over names that a resolver makes up.
func madeExceptions() []exception {
	return []exception{
		{"AA is clear in every answer", clearAA},
		{"the SOA of made-up names is that of RFC 6303 with a TTL of 60 s, and there is no other record at their apex", madeSOA},
	}
}

// madeSOA is all of a name's that BIND has more of, or other values in.
func madeSOA(_ *comparison, q question, ours reply, theirs *reply) bool {
	if strings.HasSuffix(q.name, "localhost.") {
		return false
	}
	if len(theirs.Answer) > 0 { // SOA and NS of the apex
		theirs.Answer, theirs.Authority = nil, []string{"SOA"}
	}
	if len(theirs.Authority) != 1 || len(ours.Authority) != 1 || !strings.Contains(ours.Authority[0], " 60 IN SOA ") || !strings.Contains(theirs.Authority[0], "SOA") {
		return false
	}
	theirs.Authority = ours.Authority
	return true
}

// packetExceptions are the differences over packets that are not the usual query.
func packetExceptions() []exception {
	return []exception{
		{"AA is clear in every answer", clearAA},
		{"EDNS options are passed over, whatever is in them", noOptions},
		{"rcodes of what is no query that a resolver has to know", otherRcode},
		{"RA is set in errors, and RD as it was", flagsOfErrors},
		{"errors have neither a TSIG record nor, with FORMERR and NOTIMP, question and OPT", bareErrors},
	}
}

// noOptions compares with the answer to the same query without options.
func noOptions(c *comparison, q question, _ reply, theirs *reply) bool {
	if !strings.HasPrefix(q.name, "EDNS with a ") || strings.HasPrefix(q.name, "EDNS with an ") {
		return false
	}
	*theirs = c.instead(question{"a.corp.test.", dns.TypeA, way{set: true, edns: 1232}})
	theirs.AA = false
	return true
}

// otherRcodes are ours, by the packet, where BIND's differ. BIND takes octets
// after a message for padding, answers NOTIFY, knows UPDATE but not from us, and
// has words of its own for classes, types and transfers that do not exist.
func otherRcodes() map[string]int {
	return map[string]int{
		"a notification": dns.RcodeNotImplemented, "an update": dns.RcodeNotImplemented,
		"class CLASS255": dns.RcodeRefused, "class NONE": dns.RcodeRefused, "class CLASS0": dns.RcodeRefused, "class CLASS65400": dns.RcodeRefused,
		"type None": dns.RcodeFormatError, "type AXFR": dns.RcodeRefused, "type IXFR": dns.RcodeRefused,
		"type TKEY": dns.RcodeNotImplemented, "type TSIG": dns.RcodeNotImplemented, "type NXNAME": dns.RcodeNotImplemented,
		"an octet too many": dns.RcodeFormatError, "many octets too many": dns.RcodeFormatError,
	}
}

func otherRcode(_ *comparison, q question, _ reply, theirs *reply) bool {
	code, ok := otherRcodes()[q.name]
	if ok {
		theirs.Rcode, theirs.Answer, theirs.Authority = dns.RcodeToString[code], nil, nil
	}
	return ok
}

func flagsOfErrors(_ *comparison, _ question, _ reply, theirs *reply) bool {
	if theirs.None || theirs.Rcode == dns.RcodeToString[dns.RcodeSuccess] {
		return false
	}
	theirs.RA, theirs.RD = true, true // every packet here that is answered has RD
	return true
}

func bareErrors(_ *comparison, q question, _ reply, theirs *reply) bool {
	switch theirs.Rcode {
	case dns.RcodeToString[dns.RcodeNotAuth]:
		theirs.Additional = nil
	case dns.RcodeToString[dns.RcodeFormatError], dns.RcodeToString[dns.RcodeNotImplemented]:
		if !strings.HasPrefix(q.name, "type ") {
			theirs.Question, theirs.EDNS = "", ""
		}
	default:
		return false
	}
	return true
}

func clearAA(_ *comparison, _ question, _ reply, theirs *reply) bool {
	was := theirs.AA
	theirs.AA = false
	return was
}

func clearAD(_ *comparison, _ question, _ reply, theirs *reply) bool {
	was := theirs.AD
	theirs.AD = false
	return was
}

func noAdditional(_ *comparison, _ question, _ reply, theirs *reply) bool {
	was := len(theirs.Additional) > 0
	theirs.Additional = nil
	return was
}

// oneSet compares with what the others have of the set that ours chose. They,
// too, answer with one over UDP, but with another.
func oneSet(c *comparison, q question, ours reply, theirs *reply) bool {
	if q.typ != dns.TypeANY || len(ours.Answer) == 0 || len(theirs.Answer) == 0 && !theirs.TC {
		return false
	}
	asked := theirs.Question
	q.typ = dns.StringToType[strings.Fields(ours.Answer[0])[3]]
	*theirs = c.instead(q)
	theirs.Question, theirs.AA = asked, false
	return true
}

// goOn compares with what the others answer when RD allows them to follow a
// CNAME out of its zone, up to where the VPC's zones end.
func goOn(c *comparison, q question, _ reply, theirs *reply) bool {
	if !q.way.noRD || len(theirs.Answer) == 0 || !strings.Contains(theirs.Answer[0], " CNAME ") {
		return false
	}
	q.way.noRD = false
	*theirs = c.instead(q)
	theirs.RD, theirs.AA = false, false
	for i, line := range theirs.Answer {
		f := strings.Fields(line)
		if f[3] == "CNAME" && !isPrivate(f[4]) {
			theirs.Answer, theirs.Authority, theirs.Rcode = theirs.Answer[:i+1], nil, dns.RcodeToString[dns.RcodeSuccess]
			break
		}
	}
	return true
}

func emptyFailure(_ *comparison, _ question, _ reply, theirs *reply) bool {
	if theirs.Rcode != dns.RcodeToString[dns.RcodeServerFailure] {
		return false
	}
	theirs.Answer = nil
	theirs.EDNS, _, _ = strings.Cut(theirs.EDNS, ", option 15 ") // RFC 8914, which Seamark does not speak
	return true
}

// anyThatFit: there are to be no fewer than BIND's, which sends none with EDNS, and
// each is to be one of those that BIND has in all.
func anyThatFit(c *comparison, q question, ours reply, theirs *reply) bool {
	if !ours.TC || !theirs.TC || len(ours.Answer) < len(theirs.Answer) || q.way.set && len(theirs.Answer) > 0 {
		return false
	}
	q.way.tcp = true
	whole := c.instead(q)
	for i := range whole.Answer {
		whole.Answer[i] = ageless(folded(whole.Answer[i]))
	}
	for i, line := range ours.Answer {
		if i > 0 && ours.Answer[i-1] == line || !slices.Contains(whole.Answer, ageless(folded(line))) {
			return false
		}
	}
	theirs.Answer = ours.Answer
	return true
}

// ageless is a record of the outside without its TTL: BIND may be asked a second
// later than we were. See countedDown.
func ageless(line string) string {
	f := strings.Fields(line)
	if !isPrivate(f[0]) {
		f[1] = "TTL"
	}
	return strings.Join(f, " ")
}

// someOf is for services of Cloud Map. Any choice will do, if it is of the right
// number and of what there is.
func someOf(_ *comparison, _ question, ours reply, theirs *reply) bool {
	if len(theirs.Answer) == 0 {
		return false
	}
	var want int
	switch owner, _, _ := strings.Cut(theirs.Answer[0], "."); strings.ToLower(owner) {
	case "many":
		want = 8
	case "weighted":
		want = 1
	default:
		return false
	}
	for i := range theirs.Answer {
		theirs.Answer[i] = folded(theirs.Answer[i])
	}
	for i, line := range ours.Answer {
		if i > 0 && ours.Answer[i-1] == line || !slices.Contains(theirs.Answer, folded(line)) {
			return false
		}
	}
	if len(ours.Answer) == want {
		theirs.Answer = ours.Answer
	}
	return true
}

func dsOfZone(_ *comparison, q question, ours reply, theirs *reply) bool {
	if q.typ != dns.TypeDS || !slices.Contains(privateZones(), strings.ToLower(q.name)) {
		return false
	}
	theirs.Rcode, theirs.Authority = dns.RcodeToString[dns.RcodeSuccess], ours.Authority
	return len(ours.Authority) == 1 && strings.Contains(ours.Authority[0], "SOA")
}

// spelling: names are equal whatever their case (RFC 4343), text is not.
func spelling(_ *comparison, _ question, ours reply, theirs *reply) bool {
	a, b := spelledAlike(ours.Answer, theirs.Answer), spelledAlike(ours.Authority, theirs.Authority)
	return a || b
}

func spelledAlike(ours, theirs []string) bool {
	applied := false
	for i := range min(len(ours), len(theirs)) {
		if ours[i] != theirs[i] && folded(ours[i]) == folded(theirs[i]) {
			theirs[i] = ours[i]
			applied = true
		}
	}
	return applied
}

// folded is a record with its names in lower case.
func folded(line string) string {
	f := strings.SplitN(line, " ", 5)
	switch f[3] {
	case "CNAME", "NS", "SOA", "MX", "SRV", "PTR", "NAPTR", "SVCB", "HTTPS":
		return strings.ToLower(line)
	}
	f[0] = strings.ToLower(f[0])
	return strings.Join(f, " ")
}

func notFromCache(_ *comparison, q question, _ reply, theirs *reply) bool {
	if !q.way.noRD || isPrivate(q.name) {
		return false
	}
	theirs.Rcode, theirs.Answer, theirs.Authority, theirs.TC = dns.RcodeToString[dns.RcodeRefused], nil, nil, false
	return true
}

// countedDown gives records of the outside our TTL, where the two are near.
func countedDown(_ *comparison, _ question, ours reply, theirs *reply) bool {
	a, b := sameAge(ours.Answer, theirs.Answer), sameAge(ours.Authority, theirs.Authority)
	return a || b
}

func sameAge(ours, theirs []string) bool {
	applied := false
	for i := range min(len(ours), len(theirs)) {
		a, b := strings.Fields(ours[i]), strings.Fields(theirs[i])
		if isPrivate(b[0]) || a[1] == b[1] {
			continue
		}
		var x, y int
		if _, err := fmt.Sscan(a[1]+" "+b[1], &x, &y); err == nil && max(x-y, y-x) <= 120 {
			b[1] = a[1]
			theirs[i] = strings.Join(b, " ")
			applied = true
		}
	}
	return applied
}

// isPrivate says whether a name is in one of the VPC's zones.
func isPrivate(name string) bool { return isWithin(name, privateZones()) }

func isWithin(name string, origins []string) bool {
	return slices.ContainsFunc(origins, func(origin string) bool { return dns.IsSubDomain(origin, name) })
}
