package wire

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// form is a query request's parameters as a tree: Tag.1.Key=x is
// {Tag: {1: {Key: x}}}. It is built once and walked by the plan.
type form struct {
	value string
	has   bool
	kids  map[string]*form
}

// maxSegments bounds the depth of a parameter name; the deepest of the models
// has less than twenty.
const maxSegments = 64

func parseForm(values url.Values) (*form, error) {
	root := &form{}
	for key, vs := range values {
		if strings.Count(key, ".") > maxSegments {
			return nil, errDepth
		}
		n := root
		for seg := range strings.SplitSeq(key, ".") {
			n = n.child(seg)
		}
		n.value, n.has = vs[0], true
	}
	return root, nil
}

func (n *form) child(seg string) *form {
	if n.kids == nil {
		n.kids = map[string]*form{}
	}
	c := n.kids[seg]
	if c == nil {
		c = &form{}
		n.kids[seg] = c
	}
	return c
}

// bare reports a value where the model has members or items: Vpc=a or, for a
// list, VpcId=vpc-1. An empty value stands for an empty structure or list.
func (n *form) bare() bool { return n.value != "" && len(n.kids) == 0 }

// stray returns the name of a child that is no index, in a stable order.
func (n *form) stray() (string, bool) {
	for _, k := range slices.Sorted(maps.Keys(n.kids)) {
		if _, err := strconv.Atoi(k); err != nil {
			return k, true
		}
	}
	return "", false
}

// ordered returns the children with numeric names in their order. Gaps are
// allowed, as AWS allows them.
func (n *form) ordered() []*form {
	type numbered struct {
		i int
		f *form
	}
	var found []numbered
	for k, c := range n.kids {
		if i, err := strconv.Atoi(k); err == nil && i >= 0 {
			found = append(found, numbered{i, c})
		}
	}
	slices.SortFunc(found, func(a, b numbered) int { return a.i - b.i })
	out := make([]*form, len(found))
	for i := range found {
		out[i] = found[i].f
	}
	return out
}

// paramError is a parameter whose text does not fit its type.
type paramError struct{ path, value, want string }

func (e *paramError) Error() string {
	return fmt.Sprintf("value (%s) for parameter %s is invalid: must be %s", e.value, e.path, e.want)
}

// unknownParam is a parameter that the model does not have. EC2 refuses it,
// the other query services ignore it.
type unknownParam struct{ path string }

func (e *unknownParam) Error() string { return "The parameter " + e.path + " is not recognized" }

// queryDecoder reads a form into a struct.
type queryDecoder struct{ ec2 bool }

func (d queryDecoder) structure(p *structPlan, n *form, v reflect.Value, path string) error {
	names := p.xml
	if d.ec2 {
		names = p.query
	}
	for _, name := range slices.Sorted(maps.Keys(n.kids)) {
		i, known := names[name]
		if !known {
			if d.ec2 && !(path == "" && protocolParam(name)) {
				return &unknownParam{joinPath(path, name)}
			}
			continue
		}
		f := &p.fields[i]
		if err := d.value(f, f.node, n.kids[name], f.target(v), joinPath(path, name), d.ec2 || f.flat); err != nil {
			return err
		}
	}
	return nil
}

// protocolParam tells the parameters of the protocol from those of the operation.
func protocolParam(name string) bool {
	switch name {
	case "Action", "Version", "AWSAccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "Timestamp", "Expires", "SecurityToken":
		return true
	}
	return strings.HasPrefix(name, "X-Amz-")
}

func joinPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (d queryDecoder) value(f *field, nd *node, n *form, v reflect.Value, path string, flat bool) error {
	switch nd.kind {
	case kindStruct:
		if n.bare() {
			return &paramError{path, n.value, "a structure: " + path + ".Member=value"}
		}
		return d.structure(nd.st, n, v, path)
	case kindList:
		if n.bare() {
			return &paramError{path, n.value, "a numbered list: " + path + ".1=value"}
		}
		return d.list(f, nd, n, v, path, flat)
	case kindMap:
		return d.mapping(f, nd, n, v, path, flat)
	}
	if len(n.kids) > 0 {
		return &paramError{path, "", "a single value"}
	}
	if err := setText(nd, v, n.value, f.ts); err != nil {
		return &paramError{path, n.value, err.Error()}
	}
	return nil
}

func (d queryDecoder) list(f *field, nd *node, n *form, v reflect.Value, path string, flat bool) error {
	if !flat {
		if c := n.kids[f.itemName()]; c != nil {
			n, path = c, path+"."+f.itemName()
		} else if c := n.kids["member"]; c != nil {
			n, path = c, path+".member"
		}
	}
	if name, found := n.stray(); found && d.ec2 {
		return &unknownParam{joinPath(path, name)}
	}
	items := n.ordered()
	out := reflect.MakeSlice(nd.typ, len(items), len(items))
	for i, c := range items {
		if err := d.value(f, nd.elem, c, out.Index(i), path+"."+strconv.Itoa(i+1), flat); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

func (d queryDecoder) mapping(f *field, nd *node, n *form, v reflect.Value, path string, flat bool) error {
	if c := n.kids["entry"]; c != nil && !flat {
		n = c
	}
	out := reflect.MakeMap(nd.typ)
	for i, c := range n.ordered() {
		at := path + "." + strconv.Itoa(i+1)
		k, val := c.kids[f.mapKey], c.kids[f.mapVal]
		if k == nil || val == nil {
			return &paramError{at, "", "a " + f.mapKey + " with a " + f.mapVal}
		}
		e := reflect.New(nd.elem.typ).Elem()
		if err := d.value(f, nd.elem, val, e, at, flat); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(k.value), e)
	}
	v.Set(out)
	return nil
}
