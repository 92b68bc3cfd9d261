package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"seamark/internal/gen/model"
)

// row is one line of the constraint table; wire reads it back (constraint.go).
type row struct {
	Min     *float64 `json:"min,omitempty"`
	Max     *float64 `json:"max,omitempty"`
	Pattern string   `json:"pattern,omitempty"` // as the model writes it, for messages
	RE      string   `json:"re,omitempty"`      // as Go's regexp wants it, where that differs
	Not     string   `json:"not,omitempty"`     // what no part of the value may match
	Enum    []string `json:"enum,omitempty"`
	Member  string   `json:"member,omitempty"` // constrained shape of list elements
	Key     string   `json:"key,omitempty"`
	Value   string   `json:"value,omitempty"`
	Secret  bool     `json:"secret,omitempty"`
}

func bounded(s model.Shape) bool {
	return s.Min != nil || s.Max != nil || s.Pattern != "" || len(s.Enum) > 0
}

// constrainedShapes is the set of shapes other than structures that carry a
// constraint themselves or in their elements.
func (g *generator) constrainedShapes() map[string]bool {
	in := g.inputShapes()
	out := map[string]bool{}
	var has func(name string, depth int) bool
	has = func(name string, depth int) bool {
		s := g.m.Shapes[name]
		if s.Type == "structure" || depth > 8 {
			return false
		}
		found := bounded(s)
		for _, r := range []*model.Ref{s.Member, s.Key, s.Value} {
			if r != nil && has(r.Shape, depth+1) {
				found = true
			}
		}
		if found {
			out[name] = true
		}
		return found
	}
	for n := range in {
		has(n, 0)
	}
	return out
}

// inputShapes is the set of shapes that requests can hold; output-only shapes
// need no constraints.
func (g *generator) inputShapes() map[string]bool {
	seen := map[string]bool{}
	var walk func(string)
	walk = func(n string) {
		if n == "" || seen[n] {
			return
		}
		seen[n] = true
		s := g.m.Shapes[n]
		for _, r := range s.Members {
			walk(r.Shape)
		}
		for _, r := range []*model.Ref{s.Member, s.Key, s.Value} {
			if r != nil {
				walk(r.Shape)
			}
		}
	}
	for _, op := range g.ops {
		walk(g.m.Operations[op].Input)
	}
	return seen
}

func (g *generator) emitConstraints(b *bytes.Buffer) error {
	b.WriteString("// constraints is the table of constrained shapes, one JSON object by shape name.\nconst constraints = `{` +\n")
	names := slices.Sorted(maps.Keys(g.wires))
	for i, n := range names {
		r, err := g.row(n)
		if err != nil {
			return err
		}
		var line bytes.Buffer
		e := json.NewEncoder(&line)
		e.SetEscapeHTML(false)
		if err := e.Encode(map[string]row{n: r}); err != nil {
			return fmt.Errorf("constraint of %s: %w", n, err)
		}
		text := bytes.TrimSpace(line.Bytes())
		text = text[1 : len(text)-1]
		if i < len(names)-1 {
			text = append(text, ',')
		}
		if strconv.CanBackquote(string(text)) {
			fmt.Fprintf(b, "`%s` +\n", text)
		} else {
			fmt.Fprintf(b, "%s +\n", strconv.Quote(string(text)))
		}
	}
	b.WriteString("`}`\n")
	return nil
}

func (g *generator) row(name string) (row, error) {
	s := g.m.Shapes[name]
	r := row{Min: s.Min, Max: s.Max, Pattern: s.Pattern, Enum: s.Enum, Secret: s.Sensitive}
	if s.Pattern != "" {
		re, err := translatePattern(s.Pattern)
		if err != nil {
			return row{}, fmt.Errorf("pattern of %s: %w", name, err)
		}
		if re.RE != s.Pattern {
			r.RE = re.RE
		}
		r.Not = re.Not
	}
	for _, e := range []struct {
		ref *model.Ref
		to  *string
	}{{s.Member, &r.Member}, {s.Key, &r.Key}, {s.Value, &r.Value}} {
		if e.ref != nil && g.wires[e.ref.Shape] {
			*e.to = e.ref.Shape
		}
	}
	return r, nil
}
