package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// emitEnums writes one untyped string constant per enum value. A constant
// whose name is taken, by a type or by another value, is left out: the string
// itself serves as well.
func (g *generator) emitEnums(b *bytes.Buffer) error {
	names := slices.Sorted(maps.Keys(g.m.Shapes))
	owner := map[string]int{}
	for _, n := range names {
		for _, v := range g.m.Shapes[n].Enum {
			owner[goName(n)+enumName(v)]++
		}
	}
	for _, n := range names {
		var lines []string
		for _, v := range g.m.Shapes[n].Enum {
			c := goName(n) + enumName(v)
			if _, taken := g.idents[c]; taken || owner[c] > 1 || c == goName(n) {
				continue
			}
			lines = append(lines, fmt.Sprintf("%s = %q\n", c, v))
		}
		if len(lines) == 0 {
			continue
		}
		fmt.Fprintf(b, "// Values of %s.\nconst (\n", n)
		for _, l := range lines {
			b.WriteString(l)
		}
		b.WriteString(")\n\n")
	}
	return nil
}
