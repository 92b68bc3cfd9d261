package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/gen/model"
)

func (g *generator) emitTypes(b *bytes.Buffer) error {
	for _, op := range g.ops {
		o := g.m.Operations[op]
		if err := g.emitStruct(b, op+"Input", o.Input); err != nil {
			return err
		}
		if err := g.emitStruct(b, op+"Output", o.Output); err != nil {
			return err
		}
	}
	for _, n := range g.nested {
		if err := g.emitStruct(b, goName(n), n); err != nil {
			return err
		}
	}
	return nil
}

// emitStruct writes one struct; an empty shape name makes an empty struct.
func (g *generator) emitStruct(b *bytes.Buffer, name, shape string) error {
	s := g.m.Shapes[shape]
	if name != goName(shape) && shape != "" {
		fmt.Fprintf(b, "// %s is the shape %s.\n", name, shape)
	} else if shape != "" {
		fmt.Fprintf(b, "// %s is the shape of that name.\n", name)
	} else {
		fmt.Fprintf(b, "// %s is empty.\n", name)
	}
	fmt.Fprintf(b, "type %s struct {\n", name)
	seen := map[string]string{}
	for _, n := range slices.Sorted(maps.Keys(s.Members)) {
		field := goName(n)
		if was, dup := seen[field]; dup {
			return fmt.Errorf("%s: members %s and %s are both %s", shape, was, n, field)
		}
		seen[field] = n
		typ, err := g.fieldType(s.Members[n].Shape)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "%s %s %s\n", field, typ, quoteTag(g.tag(s, n)))
	}
	b.WriteString("}\n\n")
	return nil
}

// quoteTag writes a struct tag, in backquotes where it can.
func quoteTag(tag string) string {
	if strconv.CanBackquote(tag) {
		return "`" + tag + "`"
	}
	return strconv.Quote(tag)
}

// fieldType is the Go type of a member: pointers for scalars and structures,
// so that absent and zero differ.
func (g *generator) fieldType(shape string) (string, error) {
	t, err := g.valueType(shape)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(t, "[]") || strings.HasPrefix(t, "map[") || t == "json.RawMessage" {
		return t, nil
	}
	return "*" + t, nil
}

// valueType is the Go type of a list element or map value.
func (g *generator) valueType(shape string) (string, error) {
	s := g.m.Shapes[shape]
	switch s.Type {
	case "structure":
		if s.Document {
			return "json.RawMessage", nil
		}
		return goName(shape), nil
	case "list":
		t, err := g.valueType(s.Member.Shape)
		return "[]" + t, err
	case "map":
		t, err := g.valueType(s.Value.Shape)
		return "map[string]" + t, err
	case "string", "character":
		return "string", nil
	case "integer":
		return "int32", nil
	case "long":
		return "int64", nil
	case "boolean":
		return "bool", nil
	case "double", "float":
		return "float64", nil
	case "timestamp":
		return "wire.Time", nil
	case "blob":
		return "[]byte", nil
	}
	return "", fmt.Errorf("shape %q has unknown type %q", shape, s.Type)
}

// tag is the struct tag of member n of s. The json key is the model's member
// name; the wire key holds what differs from the protocols' defaults. See
// wire's plan.go for its grammar.
func (g *generator) tag(s model.Shape, n string) string {
	r := s.Members[n]
	t := g.m.Shapes[r.Shape]
	var opts []string
	add := func(key, value string) {
		if value != "" {
			opts = append(opts, key+"="+value)
		}
	}
	flag := func(name string, on bool) {
		if on {
			opts = append(opts, name)
		}
	}
	if g.speaks("query") || g.speaks("ec2") || g.speaks("rest-xml") {
		g.xmlOptions(n, r, t, add, flag)
	}
	add("in", r.Location)
	flag("payload", s.Payload == n)
	add("ts", first(r.TimestampFormat, t.TimestampFormat))
	flag("req", slices.Contains(s.Required, n))
	flag("secret", t.Sensitive)
	if g.wires[r.Shape] {
		add("s", r.Shape)
	}
	tag := `json:"` + n + `,omitzero"`
	if len(opts) > 0 {
		tag += ` wire:"` + strings.Join(opts, ",") + `"`
	}
	return tag
}

// xmlOptions adds the names that the XML and form protocols use.
func (g *generator) xmlOptions(n string, r model.Ref, t model.Shape, add func(k, v string), flag func(string, bool)) {
	name := first(r.Name, n)
	if name != n {
		add("n", name)
	}
	if g.speaks("ec2") {
		// ec2Query: queryName, else locationName with its first letter raised,
		// else the member's name.
		if q := first(r.QueryName, upperFirst(first(r.Name, n))); q != name {
			add("q", q)
		}
	}
	flag("flat", t.Flattened || r.Flattened)
	flag("attr", r.XMLAttribute)
	if t.Type == "list" && t.Member.Name != "" && t.Member.Name != "member" {
		add("item", t.Member.Name)
	}
	if t.Type == "map" {
		if t.Key.Name != "" && t.Key.Name != "key" {
			add("k", t.Key.Name)
		}
		if t.Value.Name != "" && t.Value.Name != "value" {
			add("v", t.Value.Name)
		}
	}
}
