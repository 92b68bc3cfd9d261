package wire

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
)

// decodeJSON reads an awsJson body into the struct in. An empty body is an
// empty object, as AWS accepts it.
func decodeJSON(p *structPlan, body []byte, in reflect.Value) error {
	s := &scanner{b: body}
	if s.peek() == 0 && s.i >= len(body) {
		return nil
	}
	if c := s.peek(); c != '{' {
		if err := s.skip(); err != nil {
			return err
		}
		return errors.New("Unexpected field type") //nolint:staticcheck // AWS's wording
	}
	if err := s.structure(p, in); err != nil {
		return err
	}
	return s.end()
}

func (s *scanner) structure(p *structPlan, v reflect.Value) error {
	return s.object(func(key []byte) error {
		i, known := p.members[string(key)]
		if !known {
			return s.skip()
		}
		f := &p.fields[i]
		if null, err := s.null(); null || err != nil {
			return err
		}
		return s.value(f.node, f.target(v), f.ts)
	})
}

// value decodes the next value, which is not null, into v.
func (s *scanner) value(n *node, v reflect.Value, ts string) error {
	if err := s.typeCheck(n); err != nil {
		return err
	}
	switch n.kind {
	case kindStruct:
		return s.structure(n.st, v)
	case kindList:
		return s.list(n, v, ts)
	case kindMap:
		return s.mapping(n, v, ts)
	case kindDocument:
		return s.document(v)
	case kindBool:
		return s.boolean(v)
	case kindInt:
		return s.integer(v)
	case kindFloat:
		return s.float(v)
	case kindTime:
		return s.timestamp(v, ts)
	}
	b, err := s.rawString()
	if err != nil {
		return err
	}
	if n.kind == kindBlob {
		return setBlob(v, string(b))
	}
	v.SetString(string(b))
	return nil
}

func (s *scanner) list(n *node, v reflect.Value, ts string) error {
	out := reflect.MakeSlice(n.typ, 0, 4)
	zero := reflect.Zero(n.elem.typ)
	err := s.array(func() error {
		if err := s.notNull("list"); err != nil {
			return err
		}
		out = reflect.Append(out, zero)
		return s.value(n.elem, out.Index(out.Len()-1), ts)
	})
	v.Set(out)
	return err
}

func (s *scanner) mapping(n *node, v reflect.Value, ts string) error {
	out := reflect.MakeMap(n.typ)
	err := s.object(func(key []byte) error {
		k := reflect.ValueOf(string(key))
		if err := s.notNull("map"); err != nil {
			return err
		}
		e := reflect.New(n.elem.typ).Elem()
		if err := s.value(n.elem, e, ts); err != nil {
			return err
		}
		out.SetMapIndex(k, e)
		return nil
	})
	v.Set(out)
	return err
}

// notNull refuses null elements: no list or map of these models is sparse.
func (s *scanner) notNull(in string) error {
	null, err := s.null()
	if err == nil && null {
		err = fmt.Errorf("null value in a %s", in)
	}
	return err
}

func (s *scanner) document(v reflect.Value) error {
	s.space()
	start := s.i
	if err := s.skip(); err != nil {
		return err
	}
	v.SetBytes(append([]byte(nil), s.b[start:s.i]...))
	return nil
}

func (s *scanner) boolean(v reflect.Value) error {
	if s.peek() == 't' {
		v.SetBool(true)
		return s.literal("true")
	}
	v.SetBool(false)
	return s.literal("false")
}

// integer accepts 3 and 3.0, as AWS does, and refuses 3.5 and what does not fit.
func (s *scanner) integer(v reflect.Value) error {
	text, integer, err := s.number()
	if err != nil {
		return err
	}
	if integer {
		if i, err := strconv.ParseInt(string(text), 10, v.Type().Bits()); err == nil {
			v.SetInt(i)
			return nil
		}
	} else if f, err := strconv.ParseFloat(string(text), 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 && !v.OverflowInt(int64(f)) {
		v.SetInt(int64(f))
		return nil
	}
	return convertError("NUMBER_VALUE", kindInt, v.Type())
}

func (s *scanner) float(v reflect.Value) error {
	if s.peek() != '"' {
		text, _, err := s.number()
		if err != nil {
			return err
		}
		f, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			return convertError("NUMBER_VALUE", kindFloat, v.Type())
		}
		v.SetFloat(f)
		return nil
	}
	b, err := s.rawString()
	if err != nil {
		return err
	}
	switch string(b) {
	case "NaN":
		v.SetFloat(math.NaN())
	case "Infinity":
		v.SetFloat(math.Inf(1))
	case "-Infinity":
		v.SetFloat(math.Inf(-1))
	default:
		return convertError("STRING_VALUE", kindFloat, v.Type())
	}
	return nil
}

func (s *scanner) timestamp(v reflect.Value, ts string) error {
	t := v.Addr().Interface().(*Time)
	if s.peek() != '"' {
		text, _, err := s.number()
		if err != nil {
			return err
		}
		return t.parseEpoch(string(text))
	}
	b, err := s.rawString()
	if err != nil {
		return err
	}
	return t.parse(string(b), ts)
}

// typeCheck compares the next token with what the model wants and words a
// mismatch as AWS does.
func (s *scanner) typeCheck(n *node) error {
	c := s.peek()
	if c == 0 {
		return s.unexpected()
	}
	var got string
	switch {
	case n.kind == kindDocument:
		return nil
	case c == '{':
		if n.kind == kindStruct || n.kind == kindMap {
			return nil
		}
		return errors.New("Start of structure or map found where not expected.") //nolint:staticcheck // AWS's wording
	case c == '[':
		if n.kind == kindList {
			return nil
		}
		return errors.New("Start of list found where not expected") //nolint:staticcheck // AWS's wording
	case c == '"':
		if n.kind == kindString || n.kind == kindBlob || n.kind == kindTime || n.kind == kindFloat {
			return nil
		}
		got = "STRING_VALUE"
	case c == 't' || c == 'f':
		if n.kind == kindBool {
			return nil
		}
		got = map[byte]string{'t': "TRUE_VALUE", 'f': "FALSE_VALUE"}[c]
	default:
		if n.kind == kindInt || n.kind == kindFloat || n.kind == kindTime {
			return nil
		}
		got = "NUMBER_VALUE"
	}
	if err := s.skip(); err != nil { // broken syntax is the better message
		return err
	}
	return convertError(got, n.kind, n.typ)
}

// convertError is AWS's "STRING_VALUE can not be converted to an Integer".
func convertError(got string, k kind, t reflect.Type) error {
	switch k {
	case kindStruct, kindMap, kindList:
		return errors.New("Unexpected field type") //nolint:staticcheck // AWS's wording
	case kindInt:
		if t.Kind() == reflect.Int64 {
			return fmt.Errorf("%s can not be converted to a Long", got)
		}
		return fmt.Errorf("%s can not be converted to an Integer", got)
	case kindFloat:
		return fmt.Errorf("%s can not be converted to a Double", got)
	case kindBool:
		return fmt.Errorf("%s can not be converted to a Boolean", got)
	case kindTime:
		return fmt.Errorf("%s can not be converted to a Timestamp", got)
	case kindBlob:
		return fmt.Errorf("%s can not be converted to a Blob", got)
	}
	return fmt.Errorf("%s can not be converted to a String", got)
}

// setBlob decodes base64, with or without padding.
func setBlob(v reflect.Value, s string) error {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		if b, err = base64.RawStdEncoding.DecodeString(s); err != nil {
			return errors.New("invalid base64 in a blob")
		}
	}
	v.SetBytes(b)
	return nil
}
