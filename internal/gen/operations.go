package main

import (
	"bytes"
	"fmt"
	"strings"

	"seamark/internal/gen/model"
)

func (g *generator) emitOperations(b *bytes.Buffer) error {
	sv := g.m.Service
	fmt.Fprintf(b, "// Operations holds the handler of each operation of %s. A nil field is\n// an operation that is not built: clients get an error that names it.\ntype Operations struct {\n", sv.FullName)
	for _, op := range g.ops {
		fmt.Fprintf(b, "%s func(context.Context, *%sInput) (*%sOutput, error)\n", op, op, op)
	}
	b.WriteString("}\n\n")
	fmt.Fprintf(b, "// NewService binds handlers to %s (%s).\nfunc NewService(ops Operations) *wire.Service {\nreturn wire.NewService(wire.ServiceSpec{\n", sv.FullName, sv.APIVersion)
	fmt.Fprintf(b, "Package: %q,\nID: %q,\nAPIVersion: %q,\nSigningName: %q,\n", g.pkg, sv.ID, sv.APIVersion, sv.SigningName)
	fmt.Fprintf(b, "Protocols: []wire.Protocol{%s},\n", protocolList(sv.Protocols))
	optional(b, "JSONVersion", sv.JSONVersion)
	optional(b, "TargetPrefix", sv.TargetPrefix)
	optional(b, "XMLNamespace", sv.XMLNamespace)
	if sv.QueryCompatible {
		b.WriteString("QueryCompatible: true,\n")
	}
	b.WriteString("Constraints: constraints,\n")
	if len(g.m.Others) > 0 {
		b.WriteString("Others: []string{\n")
		for _, n := range g.m.Others {
			fmt.Fprintf(b, "%q,\n", n)
		}
		b.WriteString("},\n")
	}
	b.WriteString("}, []wire.Operation{\n")
	for _, op := range g.ops {
		g.emitOperation(b, op, g.m.Operations[op])
	}
	b.WriteString("})\n}\n")
	return nil
}

func (g *generator) emitOperation(b *bytes.Buffer, name string, o model.Operation) {
	fields := []string{fmt.Sprintf("Name: %q", name)}
	add := func(key, value string) {
		if value != "" {
			fields = append(fields, fmt.Sprintf("%s: %q", key, value))
		}
	}
	if g.speaks("rest-xml") {
		add("Method", o.Method)
		add("URI", o.URI)
		add("InputRoot", o.InputRoot)
		add("OutputRoot", o.Output)
	}
	if o.Status != 0 && o.Status != 200 {
		fields = append(fields, fmt.Sprintf("Status: %d", o.Status))
	}
	add("Wrapper", o.Wrapper)
	if o.NoAuth {
		fields = append(fields, "NoAuth: true")
	}
	if o.ReadOnly {
		fields = append(fields, "ReadOnly: true")
	}
	fields = append(fields, fmt.Sprintf("Handler: wire.Handle(ops.%s)", name))
	fmt.Fprintf(b, "{%s},\n", strings.Join(fields, ", "))
}

func protocolList(names []string) string {
	consts := map[string]string{
		"json": "wire.JSON", "query": "wire.Query", "ec2": "wire.EC2",
		"rest-xml": "wire.RESTXML", "smithy-rpc-v2-cbor": "wire.CBOR",
	}
	var out []string
	for _, n := range names {
		out = append(out, consts[n])
	}
	return strings.Join(out, ", ")
}

func optional(b *bytes.Buffer, key, value string) {
	if value != "" {
		fmt.Fprintf(b, "%s: %q,\n", key, value)
	}
}
