package pattern

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

// access is the line of the user guide's examples of space-delimited events.
const access = `127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534`

// trail is like the user guide's JSON example.
const trail = `{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
 "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "ThisFlag": true, "ThatFlag": false,
 "errorCode": 400, "latency": 1.5, "a.b": "dotted", "detail-type": "x", "deep": {"er": {"x": -3e2}}, "text": "400"}`

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, message string
		want             bool
	}{
		// Everything.
		{"", "x", true},
		{" ", "", true},
		{`""`, "x", true},
		// Terms.
		{"ERROR", "[ERROR 400] BAD REQUEST", true},
		{"ERROR", "[error 400] bad request", false},
		{"ERROR", "", false},
		{"ERROR REQUEST", "[ERROR 400] BAD REQUEST", true},
		{"ERROR UNAUTHORIZED", "[ERROR 400] BAD REQUEST", false},
		{"  ERROR\tREQUEST ", "[ERROR 400] BAD REQUEST", true},
		{"?ERROR ?REQUEST", "[ERROR 419] MISSING", true},
		{"?ERROR ?REQUEST", "[INFO] REQUEST", true},
		{"?ERROR ?REQUEST", "[INFO] x", false},
		{"?ERROR ?REQUEST INFO", "[INFO] x", true}, // the question marks are ignored
		{"ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false},
		{"ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", true},
		{"-ERROR", "fine", true},
		{`"INTERNAL SERVER ERROR"`, "[ERROR 500] INTERNAL SERVER ERROR", true},
		{`"SERVER INTERNAL"`, "[ERROR 500] INTERNAL SERVER ERROR", false},
		{`"HEAD / HTTP"`, `10.0.1.5 - - "HEAD / HTTP/1.1" 200`, true},
		{`-"HEAD / HTTP" 200`, `10.0.1.5 - - "HEAD / HTTP/1.1" 200`, false},
		{`?"a b" ?c`, `x a b`, true},
		{`"say \"hi\" \\"`, `say "hi" \`, true},
		{"größe", "die größe", true},
		{`%ERR.R|WARN%`, "a WARN", true},
		{`-%ERR.R% x`, "ERROR x", false},
		{`%127\.0\.0\.[1-9]%`, "from 127.0.0.7", true},
		{`%127\.0\.0\.[1-9]%`, "from 127x0.0.7", false},
		// JSON.
		{`{ $.eventType = "UpdateTrail" }`, trail, true},
		{`{$.eventType=UpdateTrail}`, trail, true},
		{`{ $.eventType = "updatetrail" }`, trail, false},
		{`{ $.eventType = "Update*" }`, trail, true},
		{`{ $.eventType = "*date*ail" }`, trail, true},
		{`{ $.eventType = %^Up.*l$% }`, trail, true},
		{`{ $.sourceIPAddress != 123.123.* }`, trail, true},
		{`{ $.sourceIPAddress = 111.111.* }`, trail, true},
		{`{ $.arrayKey[0] = "value" }`, trail, true},
		{`{ $.arrayKey[1] = "value" }`, trail, false},
		{`{ $.arrayKey[7] = "value" }`, trail, false},
		{`{ $.arrayKey[*] = "another value" }`, trail, true},
		{`{ $.objectList[1].id = 2 }`, trail, true},
		{`{ $.objectList[*].id > 1 }`, trail, true},
		{`{ $.objectList[*].id > 2 }`, trail, false},
		{`{ $.SomeObject IS NULL }`, trail, true},
		{`{ $.Missing IS NULL }`, trail, false},
		{`{ $.Missing NOT EXISTS }`, trail, true},
		{`{ $.SomeObject NOT EXISTS }`, trail, false},
		{`{ $.ThisFlag IS TRUE }`, trail, true},
		{`{ $.ThatFlag IS TRUE }`, trail, false},
		{`{ $.ThatFlag IS FALSE }`, trail, true},
		{`{ $.errorCode = 400 }`, trail, true},
		{`{ $.errorCode = 4e2 }`, trail, true},
		{`{ $.errorCode = "400" }`, trail, false},
		{`{ $.errorCode = 4* }`, trail, true},
		{`{ $.errorCode != 4* }`, trail, false},
		{`{ $.errorCode >= 400 && $.errorCode < 500 }`, trail, true},
		{`{ $.errorCode > 400 }`, trail, false},
		{`{ $.errorCode <= 399.5 }`, trail, false},
		{`{ $.deep.er.x = -300 }`, trail, true},
		{`{ $.deep.er.x < -2.9e2 }`, trail, true},
		{`{ $.text = 400 }`, trail, false},
		{`{ $.text != 400 }`, trail, true}, // another type
		{`{ $.text = "400" }`, trail, true},
		{`{ $.deep != "x" }`, trail, true}, // another type
		{`{ $.Missing != "x" }`, trail, false},
		{`{ $.text > 1 }`, trail, false},
		{`{ $.['a.b'] = "dotted" }`, trail, true},
		{`{ $["a.b"] = "dotted" }`, trail, true},
		{`{ $.detail-type = "x" }`, trail, true},
		{`{ ($.errorCode = 1 || $.latency > 1) && $.ThisFlag IS TRUE }`, trail, true},
		{`{ $.errorCode = 400 || $.x = 1 && $.y = 2 }`, trail, true}, // && binds more
		{`{ ($.errorCode = 400 || $.x = 1) && $.y = 2 }`, trail, false},
		{`{ $.errorCode = 400 }`, "errorCode 400", false},
		{`{ $.errorCode = 400 }`, `{"errorCode": 400} trailing`, false},
		{`{ $.errorCode = 400 }`, `{"errorCode": 400`, false},
		{`{ $.errorCode = 400 }`, "  " + `{"errorCode": 400}` + "\n", true},
		{`{ $[0].a = 1 }`, `[{"a": 1}]`, true},
		{`{ $.a = 1 }`, `[1]`, false},
		{`{ $.a NOT EXISTS }`, `[1]`, true},
		{`{ $.a NOT EXISTS }`, `no json`, false},
		// Space-delimited.
		{`[ip, server, username, timestamp, request, status_code, bytes]`, access, true},
		{`[ip, server, username, timestamp, request, status_code]`, access, false},
		{`[ip, server, username, timestamp, request, status_code, bytes, more]`, access, false},
		{`[ip, server, username, timestamp, request =*.html*, status_code = 4*, bytes]`, access, true},
		{`[ip, server, username, timestamp, request, status_code = 5*, bytes]`, access, false},
		{`[ip, server, username, timestamp = 10/Oct/2000*, request, status_code, bytes]`, access, true},
		{`[ip, server, username, timestamp, request = "GET /index.html HTTP/1.0", status_code = 404 || status_code = 410, bytes > 1000]`, access, true},
		{`[ip, server, username, timestamp, request, status_code, bytes > 1000 && bytes < 1500]`, access, false},
		{`[..., request, status_code >= 400, bytes]`, access, true},
		{`[ip = 127.*, ...]`, access, true},
		{`[ip != 127.*, ...]`, access, false},
		{`[ip, ..., bytes = 1534]`, access, true},
		{`[ip, ..., bytes = 1534.0]`, access, true},
		{`[ip=%127\.0\.0\.[1-9]%, ...]`, access, true},
		{`[...]`, "", true},
		{`[w1=ERROR, w2]`, "ERROR x", true},
		{`[w1!=ERROR&&w1!=%WARN%, w2]`, "WARNING x", false},
		{`[w1!=ERROR&&w1!=%WARN%, w2]`, "INFO x", true},
		{`[w1, w2]`, "a   b\n", true},
		{`[w1, w2 > 1]`, "a b", false},
		{`[w1, w2]`, `a "b c`, false},
		{`[w1]`, `""`, true},
	} {
		p, err := Compile(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if got := p.Match([]byte(c.message)); got != c.want {
			t.Errorf("%s on %.40s: %v", c.pattern, c.message, got)
		}
	}
}

func TestCompile_Errors(t *testing.T) {
	for pattern, want := range map[string]string{
		`a:b`:                                `Invalid filter pattern: Invalid character(s) in term ':'`,
		`"open`:                              `Invalid filter pattern: Invalid character(s) in term '"'`,
		`foo\`:                               `Invalid filter pattern: Invalid character(s) in term '\'`,
		`a (b`:                               `Invalid filter pattern: Invalid character(s) in term '('`,
		`?`:                                  `Invalid filter pattern: unexpected end`,
		`- a`:                                `Invalid filter pattern: Invalid character(s) in term ' '`,
		`%a(b)%`:                             `Invalid filter pattern: Invalid character(s) in term '('`,
		`%a b%`:                              `Invalid filter pattern: Invalid character(s) in term ' '`,
		`%é%`:                                `Invalid filter pattern: Invalid character(s) in term 'é'`,
		`%open`:                              `Invalid filter pattern: Invalid character(s) in term '%'`,
		`%%`:                                 `Invalid filter pattern: empty regular expression`,
		`%a% %b% %c%`:                        `Invalid filter pattern: more than 2 regular expressions`,
		`%[%`:                                `Invalid filter pattern: regular expression %[%: `,
		`%a{1001}%`:                          `Invalid filter pattern: regular expression `,
		`{ $.a = 1`:                          `Invalid filter pattern: If a filter pattern starts with '{' it must end with '}'`,
		`[a, b`:                              `Invalid filter pattern: If a filter pattern starts with '[' it must end with ']'`,
		`{ }`:                                `Invalid filter pattern: Invalid character(s) in term '}'`,
		`{ $ = 1 }`:                          `Invalid filter pattern: Invalid character(s) in term ' '`,
		`{ $.a }`:                            `Invalid filter pattern: Invalid character(s) in term '}'`,
		`{ $.a = }`:                          `Invalid filter pattern: Invalid character(s) in term '}'`,
		`{ $.a = 1 } }`:                      `Invalid filter pattern: Invalid character(s) in term ' '`,
		`{ $.a = 1 & $.b = 2 }`:              `Invalid filter pattern: Invalid character(s) in term '&'`,
		`{ $.a > "x" }`:                      `Invalid filter pattern: > needs a number`,
		`{ $."sc-status" = 5* }`:             `Invalid filter pattern: Invalid character(s) in term '"'`,
		`{ $.a[x] = 1 }`:                     `Invalid filter pattern: Invalid character(s) in term 'x'`,
		`{ $.a[99999999999999999999] = 1 }`:  `Invalid filter pattern: Invalid character(s) in term ']'`,
		`{ ($.a = 1 }`:                       `Invalid filter pattern: Invalid character(s) in term '}'`,
		`{ $.a IS MAYBE }`:                   `Invalid filter pattern: Invalid character(s) in term 'I'`,
		`[a, , b]`:                           `Invalid filter pattern: Invalid character(s) in term ','`,
		`[a, ..., b, ...]`:                   `Invalid filter pattern: more than one '...'`,
		`[a = 1 && b = 2]`:                   `Invalid filter pattern: conditions of one field name two: 'a' and 'b'`,
		`[a || a = 2]`:                       `Invalid filter pattern: Invalid character(s) in term ' '`,
		`[]`:                                 `Invalid filter pattern: Invalid character(s) in term ']'`,
		strings.Repeat("a", 10_000):          `Invalid filter pattern: longer than 8192 bytes`,
		"{" + strings.Repeat("(", 100) + "}": `Invalid filter pattern: more than 64 nested parentheses`,
	} {
		_, err := Compile(pattern)
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60s: %v\nwant %s", pattern, err, want)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, g := range []string{"", "*", "a", "a*", "*a", "a*b", "*a*", "a**b", "a*b*c", "*a*b*"} {
		re := regexp.MustCompile("^" + strings.ReplaceAll(g, "*", ".*") + "$")
		for _, s := range []string{"", "a", "b", "ab", "aab", "abab", "xaxbx", "abc", "acb", "abcbc", "ba"} {
			if got, want := newGlob(g).match(s), re.MatchString(s); got != want {
				t.Errorf("%q on %q: %v", g, s, got)
			}
		}
	}
}

// FuzzCompile looks for texts that panic, and for patterns that panic later.
func FuzzCompile(f *testing.F) {
	for _, p := range []string{"", "a -b ?c", `"x \" y" %a.b%`, `{ $.a[*].b-c['d.e'][0] >= -1e5 && ($.b IS NULL || $.c NOT EXISTS) }`, `[a, b = "x*" || b != %y%, ..., c > 1]`} {
		f.Add(p, trail)
		f.Add(p, access)
	}
	f.Fuzz(func(t *testing.T, text, message string) {
		p, err := Compile(text)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("error of type %T", err)
			}
			return
		}
		if again := p.Match([]byte(message)); again != p.Match([]byte(message)) {
			t.Error("two answers for one message")
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for _, text := range []string{"ERROR", "?ERROR ?WARN", `{ $.errorCode = 400 }`, `[..., status = 4*, bytes]`, `%ERR.R|WARN%`} {
		p, err := Compile(text)
		if err != nil {
			b.Fatal(err)
		}
		message := []byte(access)
		if text[0] == '{' {
			message = []byte(trail)
		}
		b.Run(text, func(b *testing.B) {
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				p.Match(message)
			}
		})
	}
}
