package main

import (
	"fmt"
	"regexp"
	"strconv"
)

// pattern is a model's pattern in RE2: the whole value must match RE and must
// not match Not anywhere. Not stands in for lookahead, which RE2 lacks.
type pattern struct{ RE, Not string }

// handTranslated holds the patterns that no rule covers, by the model's text.
// Java's Matcher.matches, which AWS uses, needs the whole value to match.
func handTranslated() map[string]pattern {
	const label = `([a-zA-Z0-9_][a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_]|[a-zA-Z0-9])`
	const dateRest = `((-?)((0[1-9]|1[0-2])(-?([12]\d|0[1-9]|3[01]))?|W([0-4]\d|5[0-2])(-?[1-7])?|` +
		`(00[1-9]|0[1-9]\d|[12]\d{2}|3([0-5]\d|6[1-6])))([T\s]((([01]\d|2[0-3])((:?)[0-5]\d)?|24:?00)([.,]\d)?)?` +
		`(:?[0-5]\d([.,]\d)?)?([zZ]|(-)([01]\d|2[0-3]):?([0-5]\d)?)?)?)?`
	return map[string]pattern{
		// iam accountAliasType: no two hyphens in a row.
		`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`: {RE: `[a-z0-9][a-z0-9-]{1,61}[a-z0-9]`, Not: `--`},
		// ssm StringDateTime: the back references (same separator twice) are
		// relaxed to "either".
		`^([\-]?\d{4}(?!\d{2}\b))((-?)((0[1-9]|1[0-2])(\3([12]\d|0[1-9]|3[01]))?|W([0-4]\d|5[0-2])(-?[1-7])?|(00[1-9]|0[1-9]\d|[12]\d{2}|3([0-5]\d|6[1-6])))([T\s]((([01]\d|2[0-3])((:?)[0-5]\d)?|24\:?00)([\.,]\d(?!:))?)?(\17[0-5]\d([\.,]\d)?)?([zZ]|([\-])([01]\d|2[0-3]):?([0-5]\d)?)?)?)?$`: {
			RE: `-?\d{4}` + dateRest, Not: `^-?\d{6}$`},
		// sts arnType and application-autoscaling XmlString mean the XML
		// character range, whose astral half Java's \u cannot write.
		`[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+`: {
			RE: `[\x09\x0A\x0D\x20-\x7E\x{85}\x{A0}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]+`},
		`[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*`: {
			RE: `[\x20-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*`},
		// route53resolver Name: not only digits.
		`(?!^[0-9]+$)([a-zA-Z0-9\-_' ']+)`: {RE: `[a-zA-Z0-9\-_' ]+`, Not: `^[0-9]+$`},
		// ssm OpsItemTitle and others: not only blanks.
		`^(?!\s*$).+`: {RE: `.+`, Not: `^\s*$`},
		// servicediscovery names.
		`((?=^.{1,127}$)^([a-zA-Z0-9_][a-zA-Z0-9-_]{0,61}[a-zA-Z0-9_]|[a-zA-Z0-9])(\.([a-zA-Z0-9_][a-zA-Z0-9-_]{0,61}[a-zA-Z0-9_]|[a-zA-Z0-9]))*$)|(^\.$)`: {
			RE: label + `(\.` + label + `)*|\.`, Not: `^.{128}`},
		`^(?!arn:)[!-~]{1,1024}$`: {RE: `[!-~]+`, Not: `^arn:|^.{1000}.{25}`},
		`^(?!arn:)[!-~]{1,253}$`:  {RE: `[!-~]{1,253}`, Not: `^arn:`},
		`^[!-~]{1,1024}$`:         {RE: `[!-~]+`, Not: `^.{1000}.{25}`},
		// ssm TargetLocationsURL; the shape's own max bounds the length.
		`^https:\/\/[-a-zA-Z0-9@:%._\+~#=]{1,253}\.s3(\.[a-z\d-]{9,16})?\.amazonaws\.com\/.{1,2000}`: {
			RE: `https://[-a-zA-Z0-9@:%._+~#=]{1,253}\.s3(\.[a-z\d-]{9,16})?\.amazonaws\.com/.+`},
		// ssm InstancePropertyFilterValue; RE2 counts to 1000 only.
		`^.{1,100000}$`: {RE: `.+`},
		// application-autoscaling PolicyName: Java's Print is ASCII.
		`\p{Print}+`: {RE: `[\x20-\x7E]+`},
		// application-autoscaling ScheduledActionName.
		`(?!((^[ ]+.*)|(.*([\u0000-\u001f]|[\u007f-\u009f]|[:/|])+.*)|(.*[ ]+$))).+`: {
			RE: `.+`, Not: `^ |[\x00-\x1f\x7f-\x{9f}:/|]| $`},
	}
}

// translatePattern turns a model's pattern into RE2.
func translatePattern(p string) (pattern, error) {
	out, ok := handTranslated()[p]
	if !ok {
		out = pattern{RE: unicodeEscapes(p)}
	}
	for _, re := range []string{`^(?:` + out.RE + `)$`, out.Not} {
		if _, err := regexp.Compile(re); err != nil {
			return pattern{}, fmt.Errorf("%q needs a translation by hand: %w", p, err)
		}
	}
	return out, nil
}

// unicodeEscapes writes Java's \uXXXX as \x{XXXX}.
func unicodeEscapes(p string) string {
	re := regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)
	return re.ReplaceAllStringFunc(p, func(m string) string {
		n, err := strconv.ParseUint(m[2:], 16, 32)
		if err != nil {
			return m
		}
		return fmt.Sprintf(`\x{%X}`, n)
	})
}
