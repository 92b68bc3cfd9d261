package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

func (g *generator) emitErrors(b *bytes.Buffer) error {
	for _, n := range g.exceptions() {
		s := g.m.Shapes[n]
		status, code, sender := 400, "", true
		if s.Fault {
			status, sender = 500, false
		}
		if s.Error != nil {
			code = s.Error.Code
			if s.Error.Status != 0 {
				status = s.Error.Status
			}
			sender = s.Error.Sender || status < 500
		}
		name := "Err" + goName(n)
		fmt.Fprintf(b, "// %s is the exception %s, HTTP %d%s.\n", name, n, status, g.extraMembers(n))
		fmt.Fprintf(b, "func %s(msg string) *wire.Error {\nreturn &wire.Error{Code: %q, Message: msg, Status: %d", name, n, status)
		if code != "" && code != n {
			fmt.Fprintf(b, ", QueryCode: %q", code)
		}
		if sender {
			b.WriteString(", Sender: true")
		}
		if m := g.messageMember(n); m != "message" {
			fmt.Fprintf(b, ", MessageName: %q", m)
		}
		b.WriteString("}\n}\n\n")
	}
	return nil
}

// messageMember is the wire name of an exception's text.
func (g *generator) messageMember(shape string) string {
	for n := range g.m.Shapes[shape].Members {
		if strings.EqualFold(n, "message") {
			return n
		}
	}
	return "message"
}

// extraMembers lists an exception's members beside the text, which callers add
// by With.
func (g *generator) extraMembers(shape string) string {
	var out []string
	for _, n := range slices.Sorted(maps.Keys(g.m.Shapes[shape].Members)) {
		if !strings.EqualFold(n, "message") {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "; members for With: " + strings.Join(out, ", ")
}
