package wire

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

const (
	maxViolations = 10   // reported per request
	maxShown      = 2048 // bytes of a value that a message repeats
)

// checks are the constraint rows of a struct's fields, by field index.
type checks struct{ rows []*check }

func buildChecks(p *structPlan, t shapeTable) *checks {
	c := &checks{rows: make([]*check, len(p.fields))}
	for i := range p.fields {
		c.rows[i] = t[p.fields[i].shape]
	}
	return c
}

// violation is one broken constraint.
type violation struct {
	path    string // "tags.1.member.key"; for EC2 the parameter, "Tag.1.Key"
	value   string // as shown; empty for a missing or secret value
	text    string // "Member must not be null"
	missing bool
	secret  bool
	check   *check
}

func (v violation) String() string {
	subject := "Value '" + v.value + "' at"
	switch {
	case v.missing:
		subject = "Value null at"
	case v.secret:
		subject = "Value at"
	}
	return subject + " '" + v.path + "' failed to satisfy constraint: " + v.text
}

// validator walks an input. Paths are AWS's for model-driven services, or the
// request's parameter names for EC2.
type validator struct {
	params bool // EC2: name request parameters
	found  []violation
}

func (w *validator) add(v violation) {
	if len(w.found) < maxViolations {
		w.found = append(w.found, v)
	}
}

func (w *validator) structure(p *structPlan, v reflect.Value, path string) {
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := f.present(v)
		if ok {
			w.value(f.node, fv, p.checked.rows[i], w.join(path, f), f.secret)
			continue
		}
		if f.required {
			w.add(violation{path: w.join(path, f), text: "Member must not be null", missing: true})
		}
	}
}

func (w *validator) join(path string, f *field) string {
	name := f.label
	if w.params {
		name = f.query
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func (w *validator) index(path string, i int) string {
	if w.params {
		return path + "." + strconv.Itoa(i+1)
	}
	return path + "." + strconv.Itoa(i+1) + ".member"
}

func (w *validator) value(n *node, v reflect.Value, c *check, path string, secret bool) {
	switch n.kind {
	case kindStruct:
		w.structure(n.st, v, path)
		return
	case kindList:
		w.list(n, v, c, path)
		return
	case kindMap:
		w.mapping(n, v, c, path)
		return
	}
	if c == nil {
		return
	}
	for _, text := range scalarFailures(n.kind, v, c) {
		w.fail(v, c, path, text, secret || c.Secret)
	}
}

func (w *validator) fail(v reflect.Value, c *check, path, text string, secret bool) {
	f := violation{path: path, text: text, secret: secret, check: c}
	if !secret {
		f.value = shown(v)
	}
	w.add(f)
}

func scalarFailures(k kind, v reflect.Value, c *check) []string {
	switch k {
	case kindString:
		return c.stringFailures(v.String())
	case kindInt:
		return c.rangeFailures(float64(v.Int()))
	case kindFloat:
		if math.IsNaN(v.Float()) {
			return nil
		}
		return c.rangeFailures(v.Float())
	case kindBlob:
		return c.lengthFailures(v.Len())
	}
	return nil
}

func (w *validator) list(n *node, v reflect.Value, c *check, path string) {
	if c != nil {
		for _, text := range c.lengthFailures(v.Len()) {
			w.fail(v, c, path, text, c.Secret)
		}
	}
	if simple(n.elem.kind) {
		w.elements(n, v, c, path)
		return
	}
	var ec *check
	if c != nil {
		ec = c.elem
	}
	for i := range v.Len() {
		if len(w.found) >= maxViolations {
			return
		}
		w.value(n.elem, v.Index(i), ec, w.index(path, i), false)
	}
}

// elements checks a list of scalars, which AWS reports as one violation of the
// whole list.
func (w *validator) elements(n *node, v reflect.Value, c *check, path string) {
	if c == nil || c.elem == nil {
		return
	}
	for i := range v.Len() {
		if len(scalarFailures(n.elem.kind, v.Index(i), c.elem)) == 0 {
			continue
		}
		if w.params {
			w.fail(v.Index(i), c.elem, w.index(path, i), c.elem.all(), c.elem.Secret)
		} else {
			w.fail(v, c.elem, path, "Member must satisfy constraint: "+c.elem.all(), c.elem.Secret)
		}
		return
	}
}

func (w *validator) mapping(n *node, v reflect.Value, c *check, path string) {
	if c != nil {
		for _, text := range c.lengthFailures(v.Len()) {
			w.fail(v, c, path, text, c.Secret)
		}
	}
	var badKey, badValue bool
	for _, k := range sortedMapKeys(v) {
		e := v.MapIndex(k)
		if !simple(n.elem.kind) {
			var ec *check
			if c != nil {
				ec = c.elem
			}
			w.value(n.elem, e, ec, path+"."+k.String()+".member", false)
		}
		if c == nil {
			continue
		}
		if c.key != nil && !badKey && len(c.key.stringFailures(k.String())) > 0 {
			badKey = true
			w.fail(v, c.key, path, "Map keys must satisfy constraint: "+c.key.all(), c.Secret)
		}
		if c.elem != nil && simple(n.elem.kind) && !badValue && len(scalarFailures(n.elem.kind, e, c.elem)) > 0 {
			badValue = true
			w.fail(v, c.elem, path, "Map value must satisfy constraint: "+c.elem.all(), c.Secret || c.elem.Secret)
		}
	}
}

func simple(k kind) bool { return k != kindStruct && k != kindList && k != kindMap }

// shown writes a value in the manner of Java's toString, cut to a bound.
func shown(v reflect.Value) string {
	var b strings.Builder
	show(&b, v)
	s := b.String()
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + "..."
	}
	return s
}

func show(b *strings.Builder, v reflect.Value) {
	if b.Len() > maxShown {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		show(b, v.Elem())
	case reflect.Slice:
		b.WriteByte('[')
		for i := 0; i < v.Len() && b.Len() <= maxShown; i++ {
			if i > 0 {
				b.WriteString(", ")
			}
			show(b, v.Index(i))
		}
		b.WriteByte(']')
	case reflect.Map:
		b.WriteByte('{')
		for i, k := range sortedMapKeys(v) {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(k.String() + "=")
			show(b, v.MapIndex(k))
		}
		b.WriteByte('}')
	case reflect.Struct:
		showStruct(b, v)
	default:
		fmt.Fprint(b, v.Interface())
	}
}

func showStruct(b *strings.Builder, v reflect.Value) {
	if t, ok := reflect.TypeAssert[Time](v); ok {
		b.WriteString(t.format(formatISO8601))
		return
	}
	b.WriteString(v.Type().Name() + "(")
	first := true
	for i := range v.NumField() {
		fv := v.Field(i)
		if fv.IsNil() {
			continue
		}
		if !first {
			b.WriteString(", ")
		}
		first = false
		f := parseField(i, v.Type().Field(i))
		b.WriteString(f.label + "=")
		if f.secret {
			b.WriteString("***Sensitive Data Redacted***")
			continue
		}
		show(b, fv)
	}
	b.WriteByte(')')
}

// validate checks an input against the model and returns the service's own
// error, or nil.
func (s *Service) validate(p *structPlan, in reflect.Value) *Error {
	w := validator{params: s.speaks(EC2)}
	w.structure(p, in, "")
	if len(w.found) == 0 {
		return nil
	}
	if w.params {
		return parameterError(w.found[0])
	}
	return s.conductOf(in.Type().Name()).validationError(constraintMessage(w.found))
}

// constraintMessage is AWS's sentence over all violations.
func constraintMessage(found []violation) string {
	texts := make([]string, len(found))
	for i, v := range found {
		texts[i] = v.String()
	}
	noun := " validation errors detected: "
	if len(found) == 1 {
		noun = " validation error detected: "
	}
	return strconv.Itoa(len(found)) + noun + strings.Join(texts, "; ")
}

// parameterError is EC2's error for one violation.
func parameterError(v violation) *Error {
	if v.missing {
		return Errorf(400, "MissingParameter", "The request must contain the parameter %s", v.path)
	}
	c := v.check
	hint := ""
	switch {
	case c == nil:
	case len(c.Enum) > 0 && len(c.Enum) <= 40:
		hint = " Expecting one of: " + strings.Join(c.Enum, ", ") + "."
	case strings.Contains(v.text, "value less") && c.Max != nil:
		hint = " Expecting a value less than or equal to " + number(*c.Max) + "."
	case strings.Contains(v.text, "value greater") && c.Min != nil:
		hint = " Expecting a value greater than or equal to " + number(*c.Min) + "."
	}
	return Errorf(400, "InvalidParameterValue", "Value (%s) for parameter %s is invalid.%s", v.value, lowerFirst(v.path), hint)
}
