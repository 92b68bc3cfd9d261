package wire

import (
	"reflect"
	"unicode/utf8"
)

// appendXML writes the body members of a struct as elements.
func appendXML(b []byte, p *structPlan, v reflect.Value) []byte {
	for i := range p.fields {
		f := &p.fields[i]
		if f.in != inBody || f.attr {
			continue
		}
		if fv, ok := f.present(v); ok {
			b = appendElement(b, f, f.node, f.xml, fv)
		}
	}
	return b
}

func openTag(b []byte, name string) []byte { return append(append(append(b, '<'), name...), '>') }

func closeTag(b []byte, name string) []byte { return append(append(append(b, "</"...), name...), '>') }

func appendElement(b []byte, f *field, n *node, name string, v reflect.Value) []byte {
	switch n.kind {
	case kindStruct:
		b = append(append(b, '<'), name...)
		b = appendAttributes(b, n.st, v)
		b = append(b, '>')
		return closeTag(appendXML(b, n.st, v), name)
	case kindList:
		return appendXMLList(b, f, n, name, v)
	case kindMap:
		return appendXMLMap(b, f, n, name, v)
	}
	b = openTag(b, name)
	b = appendXMLText(b, text(n, v, f.ts))
	return closeTag(b, name)
}

func appendAttributes(b []byte, p *structPlan, v reflect.Value) []byte {
	for i := range p.fields {
		f := &p.fields[i]
		if !f.attr {
			continue
		}
		fv, ok := f.present(v)
		if !ok {
			continue
		}
		b = append(append(append(b, ' '), f.xml...), `="`...)
		b = append(appendXMLText(b, text(f.node, fv, f.ts)), '"')
	}
	return b
}

func appendXMLList(b []byte, f *field, n *node, name string, v reflect.Value) []byte {
	item := f.itemName()
	if f.flat {
		if f.item == "" {
			item = name
		}
	} else {
		b = openTag(b, name)
	}
	for i := range v.Len() {
		b = appendElement(b, f, n.elem, item, v.Index(i))
	}
	if !f.flat {
		b = closeTag(b, name)
	}
	return b
}

func appendXMLMap(b []byte, f *field, n *node, name string, v reflect.Value) []byte {
	entry := "entry"
	if f.flat {
		entry = name
	} else {
		b = openTag(b, name)
	}
	for _, k := range sortedMapKeys(v) {
		b = openTag(b, entry)
		b = closeTag(appendXMLText(openTag(b, f.mapKey), k.String()), f.mapKey)
		b = appendElement(b, f, n.elem, f.mapVal, v.MapIndex(k))
		b = closeTag(b, entry)
	}
	if !f.flat {
		b = closeTag(b, name)
	}
	return b
}

// appendXMLText escapes text for an element or an attribute. Characters that
// XML 1.0 cannot carry become U+FFFD.
func appendXMLText(b []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		esc := xmlEscape(r, size)
		if esc != "" {
			b = append(append(b, s[start:i]...), esc...)
			start = i + size
		}
		i += size
	}
	return append(b, s[start:]...)
}

func xmlEscape(r rune, size int) string {
	switch r {
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '&':
		return "&amp;"
	case '"':
		return "&quot;"
	case '\r':
		return "&#xD;" // a parser would fold it into a newline
	case '\t', '\n':
		return ""
	}
	if r < ' ' || r == 0xFFFE || r == 0xFFFF || (r == utf8.RuneError && size == 1) {
		return "\ufffd"
	}
	return ""
}
