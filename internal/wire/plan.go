package wire

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// kind is what a value is on the wire.
type kind uint8

const (
	kindString kind = iota
	kindInt
	kindFloat
	kindBool
	kindTime
	kindBlob
	kindDocument
	kindList
	kindMap
	kindStruct
)

// node is the plan of one value: how to read and write its Go type.
type node struct {
	kind kind
	typ  reflect.Type
	elem *node       // element of a list or map
	st   *structPlan // of a structure
}

// location is where REST binds a member.
type location uint8

const (
	inBody location = iota
	inPath
	inQuery
	inHeader
	inStatus
)

// field is the plan of one struct member.
//
// The tag's grammar, written by internal/gen: the json key holds the model's
// member name; the wire key holds comma-separated options, each only where it
// differs from its default:
//
//	n=NAME     element name in XML and forms            (member name)
//	q=NAME     name in EC2 query requests               (n)
//	item=NAME  element name of list items               ("member")
//	k=, v=     element names of map keys and values     ("key", "value")
//	flat       list or map without a surrounding element
//	attr       XML attribute
//	in=WHERE   uri, querystring, header, statusCode     (body)
//	payload    the member is the whole REST body
//	ts=FORMAT  timestamp format                         (the protocol's)
//	req        must be present
//	secret     value does not appear in messages
//	s=SHAPE    row of the constraint table
type field struct {
	index    int
	member   string // model name
	label    string // model name with a lower first letter, for messages
	key      []byte // `"member":` for JSON
	xml      string
	query    string // EC2 request name
	item     string
	mapKey   string
	mapVal   string
	ts       string
	shape    string
	in       location
	ptr      bool
	flat     bool
	attr     bool
	payload  bool
	required bool
	secret   bool
	node     *node
}

// structPlan is the plan of a struct type.
type structPlan struct {
	typ     reflect.Type
	fields  []field
	members map[string]int // by model name
	xml     map[string]int // by element name
	query   map[string]int // by EC2 request name
	payload int            // index into fields, -1 without
	checked *checks        // filled by the validator
}

// planner makes and keeps the plans of a service's types.
type planner struct {
	complete sync.Map // reflect.Type to *structPlan: what plan has returned
	shapes   func() shapeTable

	mu      sync.Mutex
	structs map[reflect.Type]*structPlan
}

func newPlanner(shapes func() shapeTable) *planner {
	return &planner{structs: map[reflect.Type]*structPlan{}, shapes: shapes}
}

// plan returns the plan of a struct type, complete with all it reaches.
func (p *planner) plan(t reflect.Type) *structPlan {
	if sp, ok := p.complete.Load(t); ok {
		return sp.(*structPlan)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	sp := p.planStruct(t)
	p.complete.Store(t, sp)
	return sp
}

func (p *planner) planStruct(t reflect.Type) *structPlan {
	if sp, ok := p.structs[t]; ok {
		return sp
	}
	n := t.NumField()
	sp := &structPlan{
		typ: t, fields: make([]field, 0, n), payload: -1,
		members: make(map[string]int, n), xml: make(map[string]int, n), query: make(map[string]int, n),
	}
	p.structs[t] = sp // before the members: shapes may contain themselves
	for i := range n {
		f := parseField(i, t.Field(i))
		ft := t.Field(i).Type
		if ft.Kind() == reflect.Pointer {
			f.ptr, ft = true, ft.Elem()
		}
		f.node = p.planValue(ft)
		if f.payload {
			sp.payload = i
		}
		sp.members[f.member] = i
		sp.xml[f.elementName()] = i
		sp.query[f.query] = i
		sp.fields = append(sp.fields, f)
	}
	sp.checked = buildChecks(sp, p.shapes())
	return sp
}

// elementName is the XML element a field is read from: a flat list's items
// stand directly in the parent, under the item name if there is one.
func (f *field) elementName() string {
	if f.flat && f.item != "" && f.node != nil && f.node.kind == kindList {
		return f.item
	}
	return f.xml
}

func (f *field) itemName() string {
	if f.item != "" {
		return f.item
	}
	return "member"
}

func (p *planner) planValue(t reflect.Type) *node {
	n := &node{typ: t}
	switch t {
	case reflect.TypeFor[Time]():
		n.kind = kindTime
		return n
	case reflect.TypeFor[json.RawMessage]():
		n.kind = kindDocument
		return n
	}
	switch t.Kind() {
	case reflect.String:
		n.kind = kindString
	case reflect.Int32, reflect.Int64:
		n.kind = kindInt
	case reflect.Float64:
		n.kind = kindFloat
	case reflect.Bool:
		n.kind = kindBool
	case reflect.Struct:
		n.kind, n.st = kindStruct, p.planStruct(t)
	case reflect.Map:
		n.kind, n.elem = kindMap, p.planValue(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			n.kind = kindBlob
			break
		}
		n.kind, n.elem = kindList, p.planValue(t.Elem())
	default:
		// Only generated types get here, so this is a defect of the generator.
		panic(fmt.Sprintf("wire: no plan for Go type %s", t))
	}
	return n
}

func parseField(index int, sf reflect.StructField) field {
	name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
	f := field{index: index, member: name, label: lowerFirst(name), key: []byte(`"` + name + `":`), xml: name, mapKey: "key", mapVal: "value"}
	for opt := range strings.SplitSeq(sf.Tag.Get("wire"), ",") {
		key, value, _ := strings.Cut(opt, "=")
		f.option(key, value)
	}
	if f.query == "" {
		f.query = f.xml
	}
	return f
}

func (f *field) option(key, value string) {
	switch key {
	case "n":
		f.xml = value
	case "q":
		f.query = value
	case "item":
		f.item = value
	case "k":
		f.mapKey = value
	case "v":
		f.mapVal = value
	case "flat":
		f.flat = true
	case "attr":
		f.attr = true
	case "in":
		f.in = map[string]location{"uri": inPath, "querystring": inQuery, "header": inHeader, "statusCode": inStatus}[value]
	case "payload":
		f.payload = true
	case "ts":
		f.ts = value
	case "req":
		f.required = true
	case "secret":
		f.secret = true
	case "s":
		f.shape = value
	}
}

func lowerFirst(s string) string {
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return s
	}
	return string(s[0]|0x20) + s[1:]
}

// target returns the settable value behind a field, allocating its pointer.
func (f *field) target(st reflect.Value) reflect.Value {
	v := st.Field(f.index)
	if !f.ptr {
		return v
	}
	p := reflect.New(f.node.typ)
	v.Set(p)
	return p.Elem()
}

// present returns the value of a field for encoding; false when it is absent.
func (f *field) present(st reflect.Value) (reflect.Value, bool) {
	v := st.Field(f.index)
	if v.IsNil() {
		return v, false
	}
	if f.ptr {
		return v.Elem(), true
	}
	return v, true
}
