package wire

import (
	"cmp"
	"net/http"
	"net/url"
	"reflect"
)

// The functions here give the tests of package wire_test, which may import the
// generated packages, the codecs without a server around them.

var testCBOR = func() *cborCodec {
	c, err := newCBORCodec()
	if err != nil {
		panic(err)
	}
	return c
}()

func DecodeJSONInput(s *Service, op *Operation, body []byte, in any) error {
	v := reflect.ValueOf(in).Elem()
	return decodeJSON(s.planner.plan(v.Type()), body, v)
}

func EncodeJSON(s *Service, v any) []byte {
	rv := reflect.ValueOf(v).Elem()
	return appendJSON(nil, s.planner.plan(rv.Type()), rv)
}

func DecodeCBOR(body []byte, v any) error { return testCBOR.decode(body, reflect.ValueOf(v).Elem()) }

func EncodeCBOR(v any) ([]byte, error) { return testCBOR.encode(v) }

func DecodeForm(s *Service, op *Operation, form url.Values, in any) error {
	v := reflect.ValueOf(in).Elem()
	return decodeForm(s.planner.plan(v.Type()), form, v, s.speaks(EC2))
}

func Match(s *Service, method, path string) (*Operation, map[string]string) {
	return s.match(method, path)
}

func DecodeREST(s *Service, labels map[string]string, q url.Values, h http.Header, body []byte, in any) error {
	v := reflect.ValueOf(in).Elem()
	return decodeREST(s.planner.plan(v.Type()), restInput{labels, q, h, body}, v)
}

func EncodeXMLBody(s *Service, v any) []byte {
	rv := reflect.ValueOf(v).Elem()
	return appendXML(nil, s.planner.plan(rv.Type()), rv)
}

func Validate(s *Service, in any) *Error {
	v := reflect.ValueOf(in).Elem()
	return s.validate(s.planner.plan(v.Type()), v)
}

// CompileAllPatterns compiles every pattern of a service's table.
func CompileAllPatterns(s *Service) int {
	n := 0
	for _, c := range s.planner.shapes() {
		if c.match != nil {
			c.match("")
			n++
		}
	}
	return n
}

// PlanAll plans every operation, which panics on a type the codecs do not know.
func PlanAll(s *Service) int {
	for _, op := range s.ops {
		s.planner.plan(op.Handler.in)
		s.planner.plan(op.Handler.out)
	}
	return len(s.ops)
}

func ReadOnly(op string) bool { return readOnlyName(op) }

func OperationNames(s *Service) []string {
	var out []string
	for n := range s.ops {
		out = append(out, n)
	}
	return out
}

// ShapeNames lists the tags' shapes that the constraint table lacks.
func MissingShapes(s *Service) []string {
	var out []string
	PlanAll(s)
	for _, p := range s.planner.structs {
		for _, f := range p.fields {
			if f.shape != "" && s.planner.shapes()[f.shape] == nil {
				out = append(out, f.shape)
			}
		}
	}
	return out
}

// Patterns lists the patterns of a service's table, in RE2.
func Patterns(s *Service) []string {
	var out []string
	for _, c := range s.planner.shapes() {
		if c.Pattern != "" {
			out = append(out, cmp.Or(c.RE, c.Pattern))
		}
	}
	return out
}

func Repeated(pattern string) func(string) bool { return repeated(pattern) }
