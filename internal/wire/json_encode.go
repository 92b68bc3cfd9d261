package wire

import (
	"encoding/base64"
	"math"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"
)

// appendJSON writes a struct as an awsJson body.
func appendJSON(b []byte, p *structPlan, v reflect.Value) []byte {
	b = append(b, '{')
	comma := false
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := f.present(v)
		if !ok {
			continue
		}
		if comma {
			b = append(b, ',')
		}
		comma = true
		b = append(b, f.key...)
		b = appendJSONValue(b, f.node, fv, f.ts)
	}
	return append(b, '}')
}

func appendJSONValue(b []byte, n *node, v reflect.Value, ts string) []byte {
	switch n.kind {
	case kindStruct:
		return appendJSON(b, n.st, v)
	case kindString:
		return appendJSONString(b, v.String())
	case kindInt:
		return strconv.AppendInt(b, v.Int(), 10)
	case kindBool:
		return strconv.AppendBool(b, v.Bool())
	case kindFloat:
		return appendJSONFloat(b, v.Float())
	case kindBlob:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, v.Bytes())
		return append(b, '"')
	case kindDocument:
		return append(b, v.Bytes()...)
	case kindTime:
		t := v.Interface().(Time)
		if ts == "" || ts == formatEpoch {
			return t.appendEpoch(b)
		}
		return appendJSONString(b, t.format(ts))
	case kindMap:
		return appendJSONMap(b, n, v, ts)
	}
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONValue(b, n.elem, v.Index(i), ts)
	}
	return append(b, ']')
}

// appendJSONMap writes maps in key order, so that equal answers are equal bytes.
func appendJSONMap(b []byte, n *node, v reflect.Value, ts string) []byte {
	b = append(b, '{')
	if m, ok := reflect.TypeAssert[map[string]string](v); ok {
		var few [16]string
		keys := few[:0]
		for k := range m {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for i, k := range keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendJSONString(b, k), ':')
			b = appendJSONString(b, m[k])
		}
		return append(b, '}')
	}
	for i, k := range sortedMapKeys(v) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendJSONString(b, k.String()), ':')
		b = appendJSONValue(b, n.elem, v.MapIndex(k), ts)
	}
	return append(b, '}')
}

func sortedMapKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		if a.String() < b.String() {
			return -1
		}
		return 1
	})
	return keys
}

// appendJSONFloat writes a number, or the strings that awsJson uses where JSON
// has no number.
func appendJSONFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	n := len(b)
	b = strconv.AppendFloat(b, f, format, -1, 64)
	// A whole Double is 5.0 in AWS's answers, which typed clients tell from an
	// integer.
	if format == 'f' && !slices.Contains(b[n:], '.') {
		b = append(b, '.', '0')
	}
	return b
}

const hexDigits = "0123456789abcdef"

// appendJSONString writes a quoted string; invalid UTF-8 becomes U+FFFD.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(b, s[start:i]...)
				b = append(b, "\ufffd"...)
				start = i + 1
			}
			i += size
			continue
		}
		b = append(b, s[start:i]...)
		b = appendEscape(b, c)
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
