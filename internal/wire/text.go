package wire

import (
	"encoding/base64"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// setText sets a scalar from the text that forms, XML and HTTP headers carry.
// Its errors complete the sentence "must be …".
func setText(n *node, v reflect.Value, s, ts string) error {
	switch n.kind {
	case kindString:
		v.SetString(s)
	case kindInt:
		i, err := strconv.ParseInt(strings.TrimSpace(s), 10, v.Type().Bits())
		if err != nil {
			return errors.New("an integer")
		}
		v.SetInt(i)
	case kindFloat:
		f, err := parseFloat(strings.TrimSpace(s))
		if err != nil {
			return errors.New("a number")
		}
		v.SetFloat(f)
	case kindBool:
		switch strings.ToLower(strings.TrimSpace(s)) {
		case "true", "1":
			v.SetBool(true)
		case "false", "0":
			v.SetBool(false)
		default:
			return errors.New("true or false")
		}
	case kindTime:
		if err := v.Addr().Interface().(*Time).parse(strings.TrimSpace(s), ts); err != nil {
			return errors.New("a timestamp")
		}
	case kindBlob:
		// Line breaks are common in base64 that people paste into forms.
		if err := setBlob(v, strings.Map(dropSpace, s)); err != nil {
			return errors.New("base64")
		}
	case kindDocument:
		v.SetBytes([]byte(s))
	default:
		return errors.New("a single value")
	}
	return nil
}

func dropSpace(r rune) rune {
	switch r {
	case ' ', '\n', '\r', '\t':
		return -1
	}
	return r
}

// parseFloat takes the names of the XML and Smithy protocols for what is not a
// number; Go's hexadecimal and underscore forms are refused.
func parseFloat(s string) (float64, error) {
	switch s {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	if strings.ContainsAny(s, "xX_pPnN") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(s, 64)
}

// text writes a scalar as forms, XML and HTTP headers carry it.
func text(n *node, v reflect.Value, ts string) string {
	switch n.kind {
	case kindInt:
		return strconv.FormatInt(v.Int(), 10)
	case kindFloat:
		return floatText(v.Float())
	case kindBool:
		return strconv.FormatBool(v.Bool())
	case kindTime:
		return v.Interface().(Time).format(ts)
	case kindBlob:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case kindDocument:
		return string(v.Bytes())
	}
	return v.String()
}

func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return strings.Trim(string(appendJSONFloat(nil, f)), `"`)
}
