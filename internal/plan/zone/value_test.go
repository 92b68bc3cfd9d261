package zone

import "testing"

// The values on the left are as Route 53 takes them, those on the right as a zone
// file has them.
func TestZoneFile(t *testing.T) {
	for value, want := range map[string]string{
		`192.0.2.1`:                  `192.0.2.1`,
		`"plain; (text) @"`:          `"plain; (text) @"`,
		`"\101\102c"`:                `"\065\066c"`,
		`"ex\344mple.com"`:           `"ex\228mple.com"`,
		`"\000" "\377"`:              `"\000" "\255"`,
		`"a \"quoted\; b\\" "x;"`:    `"a \"quoted\; b\\" "x;"`,
		`"\1010"`:                    `"\0650"`,
		`a\052b.example.com`:         `a\042b.example.com`,
		`10 m;a(i)l@.example.com`:    `10 m\059a\040i\041l\064.example.com`,
		`0 issue "ca.net; policy=1"`: `0 issue "ca.net; policy=1"`,
	} {
		if got, ok := ZoneFile(value); !ok || got != want {
			t.Errorf("%s: %s, %v; expected %s", value, got, ok, want)
		}
	}
	for _, value := range []string{`"\400"`, `"\8"`, `"\12"`, `"\108"`, `"\12`, `a\`} {
		if got, ok := ZoneFile(value); ok {
			t.Errorf("%s is taken for %s", value, got)
		}
	}
}

func TestWrittenValue(t *testing.T) {
	for value, want := range map[string]string{
		`192.0.2.1`: `192.0.2.1`, `"\065\"\228\\"`: `"\101\"\344\\"`, `1 1 80 a\032b.local.`: `1 1 80 a\040b.local.`, `\059`: `\073`,
	} {
		if got := WrittenValue(value); got != want {
			t.Errorf("%s: %s, expected %s", value, got, want)
		}
		if back, ok := ZoneFile(want); !ok || back != value {
			t.Errorf("%s: back %s, %v", want, back, ok)
		}
	}
}
