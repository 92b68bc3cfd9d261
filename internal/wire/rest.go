package wire

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
)

// restInput is where a rest-xml request keeps its members.
type restInput struct {
	labels map[string]string
	query  url.Values
	header http.Header
	body   []byte
}

// decodeREST reads labels, query string, headers and body into the struct v.
func decodeREST(p *structPlan, r restInput, v reflect.Value) error {
	for i := range p.fields {
		f := &p.fields[i]
		if f.in == inBody || f.in == inStatus {
			continue
		}
		if err := decodeBound(f, r, v); err != nil {
			return err
		}
	}
	if len(r.body) == 0 {
		return nil
	}
	target := v
	if p.payload >= 0 {
		f := &p.fields[p.payload]
		target = f.target(v)
		if f.node.kind != kindStruct {
			return setText(f.node, target, string(r.body), f.ts)
		}
		p = f.node.st
	}
	x, start, err := newXMLDecoder(r.body)
	if err != nil {
		return err
	}
	if err := x.structure(p, start, target); err != nil {
		return err
	}
	return x.finish()
}

// decodeBound reads one member that is bound to the path, query or a header.
func decodeBound(f *field, r restInput, v reflect.Value) error {
	var values []string
	switch f.in {
	case inPath:
		if s, ok := r.labels[f.xml]; ok {
			values = []string{s}
		}
	case inQuery:
		values = r.query[f.xml]
	case inHeader:
		values = r.header.Values(f.xml)
	}
	if len(values) == 0 {
		return nil
	}
	if f.node.kind == kindList {
		t := f.target(v)
		t.Set(reflect.MakeSlice(f.node.typ, len(values), len(values)))
		for i, s := range values {
			if err := setBound(f, f.node.elem, t.Index(i), s); err != nil {
				return err
			}
		}
		return nil
	}
	return setBound(f, f.node, f.target(v), values[0])
}

func setBound(f *field, n *node, v reflect.Value, s string) error {
	ts := f.ts
	if ts == "" && f.in == inHeader {
		ts = formatHTTP
	}
	if err := setText(n, v, s, ts); err != nil {
		return fmt.Errorf("the value of %s must be %w", f.xml, err)
	}
	return nil
}

// encodeREST writes header members into h and returns the body and the status,
// which an output member may override.
func encodeREST(s *Service, op *Operation, p *structPlan, v reflect.Value, h http.Header) ([]byte, int) {
	status := op.status()
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := f.present(v)
		if !ok {
			continue
		}
		switch f.in {
		case inHeader:
			ts := f.ts
			if ts == "" {
				ts = formatHTTP
			}
			h.Set(f.xml, text(f.node, fv, ts))
		case inStatus:
			status = int(fv.Int())
		}
	}
	root := op.OutputRoot
	if p.payload >= 0 {
		f := &p.fields[p.payload]
		fv, ok := f.present(v)
		if !ok {
			return nil, status
		}
		if f.node.kind != kindStruct {
			return []byte(text(f.node, fv, f.ts)), status
		}
		root, p, v = f.xml, f.node.st, fv
	}
	b := append([]byte(xmlHeader), '<')
	b = append(append(b, root...), ` xmlns="`...)
	b = append(append(b, s.XMLNamespace...), `">`...)
	b = appendXML(b, p, v)
	return closeTag(b, root), status
}

const xmlHeader = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
