package wire

import (
	"fmt"
	"net/url"
	"reflect"
	"strconv"
)

// EncodeQuery writes an operation's input as the parameters of a query or EC2
// query request, Action and Version included. It is the client's half of what
// a Mux decodes.
func EncodeQuery(s *Service, op *Operation, in any) (url.Values, error) {
	v := reflect.ValueOf(in)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Type().Elem() != op.Handler.in {
		return nil, fmt.Errorf("input of %s is a %T, want *%s", op.Name, in, op.Handler.in)
	}
	e := queryEncoder{ec2: s.speaks(EC2), values: url.Values{}}
	e.structure(s.planner.plan(op.Handler.in), v.Elem(), "")
	e.values.Set("Action", op.Name)
	e.values.Set("Version", s.APIVersion)
	return e.values, nil
}

type queryEncoder struct {
	ec2    bool
	values url.Values
}

func (e queryEncoder) structure(p *structPlan, v reflect.Value, path string) {
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := f.present(v)
		if !ok {
			continue
		}
		name := f.elementName()
		if e.ec2 {
			name = f.query
		}
		e.value(f, f.node, fv, joinPath(path, name), e.ec2 || f.flat)
	}
}

func (e queryEncoder) value(f *field, n *node, v reflect.Value, path string, flat bool) {
	switch n.kind {
	case kindStruct:
		e.structure(n.st, v, path)
	case kindList:
		e.list(f, n, v, path, flat)
	case kindMap:
		if !flat {
			path += ".entry"
		}
		for i, k := range sortedMapKeys(v) {
			at := path + "." + strconv.Itoa(i+1) + "."
			e.values.Set(at+f.mapKey, k.String())
			e.value(f, n.elem, v.MapIndex(k), at+f.mapVal, flat)
		}
	default:
		e.values.Set(path, text(n, v, f.ts))
	}
}

func (e queryEncoder) list(f *field, n *node, v reflect.Value, path string, flat bool) {
	if v.Len() == 0 {
		if !e.ec2 { // an empty list is sent as an empty parameter
			e.values.Set(path, "")
		}
		return
	}
	if !flat {
		path += "." + f.itemName()
	}
	for i := range v.Len() {
		e.value(f, n.elem, v.Index(i), path+"."+strconv.Itoa(i+1), flat)
	}
}
