package wire

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// xmlDecoder reads elements into plans.
type xmlDecoder struct {
	d     *xml.Decoder
	depth int
}

// newXMLDecoder returns a decoder that stands inside the root element.
func newXMLDecoder(body []byte) (*xmlDecoder, xml.StartElement, error) {
	x := &xmlDecoder{d: xml.NewDecoder(bytes.NewReader(body))}
	for {
		t, err := x.d.Token()
		if err != nil {
			return nil, xml.StartElement{}, xmlError(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			return x, t, nil
		case xml.Directive:
			return nil, xml.StartElement{}, errors.New("document type declarations are not allowed")
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, xml.StartElement{}, errors.New("content is not allowed in prolog")
			}
		}
	}
}

func xmlError(err error) error {
	if errors.Is(err, io.EOF) {
		return errEnd
	}
	return err
}

func (x *xmlDecoder) token() (xml.Token, error) {
	t, err := x.d.Token()
	if err != nil {
		return nil, xmlError(err)
	}
	return t, nil
}

// skip passes over the rest of an element.
func (x *xmlDecoder) skip() error {
	if err := x.d.Skip(); err != nil {
		return xmlError(err)
	}
	return nil
}

// structure reads members up to the end of the element that was entered.
func (x *xmlDecoder) structure(p *structPlan, start xml.StartElement, v reflect.Value) error {
	if x.depth++; x.depth > maxDepth {
		return errDepth
	}
	defer func() { x.depth-- }()
	if err := x.attributes(p, start, v); err != nil {
		return err
	}
	for {
		t, err := x.token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			return nil
		case xml.StartElement:
			i, known := p.xml[t.Name.Local]
			if !known || p.fields[i].in != inBody || p.fields[i].attr {
				if err := x.skip(); err != nil {
					return err
				}
				continue
			}
			if err := x.member(&p.fields[i], t, v); err != nil {
				return err
			}
		}
	}
}

func (x *xmlDecoder) attributes(p *structPlan, start xml.StartElement, v reflect.Value) error {
	for _, a := range start.Attr {
		for i := range p.fields {
			f := &p.fields[i]
			if !f.attr || localName(f.xml) != a.Name.Local {
				continue
			}
			if err := x.set(f, f.node, f.target(v), a.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// localName cuts a prefix such as xsi: from an attribute's name.
func localName(s string) string {
	if _, after, ok := strings.Cut(s, ":"); ok {
		return after
	}
	return s
}

// member reads one element of a field. Flat lists and maps add to what earlier
// elements left.
func (x *xmlDecoder) member(f *field, start xml.StartElement, st reflect.Value) error {
	if !f.flat || (f.node.kind != kindList && f.node.kind != kindMap) {
		return x.value(f, f.node, start, f.target(st))
	}
	v := st.Field(f.index)
	if f.node.kind == kindMap {
		if v.IsNil() {
			v.Set(reflect.MakeMap(f.node.typ))
		}
		return x.entry(f, f.node, v)
	}
	e := reflect.New(f.node.elem.typ).Elem()
	if err := x.value(f, f.node.elem, start, e); err != nil {
		return err
	}
	v.Set(reflect.Append(v, e))
	return nil
}

func (x *xmlDecoder) value(f *field, n *node, start xml.StartElement, v reflect.Value) error {
	switch n.kind {
	case kindStruct:
		return x.structure(n.st, start, v)
	case kindList:
		return x.list(f, n, v)
	case kindMap:
		return x.mapping(f, n, v)
	}
	s, err := x.text()
	if err != nil {
		return err
	}
	return x.set(f, n, v, s)
}

func (x *xmlDecoder) set(f *field, n *node, v reflect.Value, s string) error {
	if err := setText(n, v, s, f.ts); err != nil {
		return fmt.Errorf("the value of element %s must be %w", f.xml, err)
	}
	return nil
}

// each calls fn for every child element up to the end of the current one.
func (x *xmlDecoder) each(fn func(xml.StartElement) error) error {
	for {
		t, err := x.token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			return nil
		case xml.StartElement:
			if err := fn(t); err != nil {
				return err
			}
		}
	}
}

func (x *xmlDecoder) list(f *field, n *node, v reflect.Value) error {
	out := reflect.MakeSlice(n.typ, 0, 4)
	err := x.each(func(start xml.StartElement) error {
		e := reflect.New(n.elem.typ).Elem()
		if err := x.value(f, n.elem, start, e); err != nil {
			return err
		}
		out = reflect.Append(out, e)
		return nil
	})
	v.Set(out)
	return err
}

func (x *xmlDecoder) mapping(f *field, n *node, v reflect.Value) error {
	v.Set(reflect.MakeMap(n.typ))
	return x.each(func(xml.StartElement) error { return x.entry(f, n, v) })
}

// entry reads <entry><key>…</key><value>…</value></entry>, standing inside it.
func (x *xmlDecoder) entry(f *field, n *node, m reflect.Value) error {
	var key string
	var hasKey bool
	e := reflect.New(n.elem.typ).Elem()
	err := x.each(func(start xml.StartElement) error {
		switch start.Name.Local {
		case f.mapKey:
			var err error
			key, err = x.text()
			hasKey = true
			return err
		case f.mapVal:
			return x.value(f, n.elem, start, e)
		}
		return x.skip()
	})
	if err == nil && !hasKey {
		err = fmt.Errorf("an entry of %s has no %s", f.xml, f.mapKey)
	}
	if err == nil {
		m.SetMapIndex(reflect.ValueOf(key), e)
	}
	return err
}

// text reads character data up to the end of the element.
func (x *xmlDecoder) text() (string, error) {
	var b strings.Builder
	for {
		t, err := x.token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.StartElement:
			if err := x.skip(); err != nil {
				return "", err
			}
		case xml.EndElement:
			return b.String(), nil
		}
	}
}

// finish checks that the document ends after its root element.
func (x *xmlDecoder) finish() error {
	for {
		t, err := x.d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return xmlError(err)
		}
		if c, ok := t.(xml.CharData); ok && len(bytes.TrimSpace(c)) == 0 {
			continue
		}
		if _, ok := t.(xml.Comment); ok {
			continue
		}
		return errors.New("content is not allowed after the root element")
	}
}
