package wire

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// Protocol is one of AWS's wire protocols, by the name that models use.
type Protocol string

// The protocols of the models in scope.
const (
	JSON    Protocol = "json"               // awsJson 1.0 and 1.1
	Query   Protocol = "query"              // awsQuery
	EC2     Protocol = "ec2"                // ec2Query
	RESTXML Protocol = "rest-xml"           // restXml
	CBOR    Protocol = "smithy-rpc-v2-cbor" // rpcv2Cbor
)

// ServiceSpec describes a service; generated code fills it from the model.
type ServiceSpec struct {
	Package      string // Go package name, used as the service's name in logs
	ID           string // serviceId, "ECS"
	APIVersion   string
	SigningName  string // name in the credential scope
	Protocols    []Protocol
	JSONVersion  string // "1.0" or "1.1"
	TargetPrefix string // X-Amz-Target before the dot, also the CBOR service name
	XMLNamespace string
	// QueryCompatible asks for x-amzn-query-error on JSON and CBOR errors.
	QueryCompatible bool
	// Constraints is the table of constrained shapes, as JSON; it is parsed
	// when the first request needs it.
	Constraints string
	// Others are operations of the service without shapes here.
	Others []string
}

// Service is a service that a Mux can serve.
type Service struct {
	ServiceSpec
	ops     map[string]*Operation
	others  map[string]bool
	routes  []route
	planner *planner
}

// Operation is one action of a service.
type Operation struct {
	Name       string
	Method     string // HTTP method; empty means POST
	URI        string // rest-xml: URI template
	Status     int    // success status; 0 means 200
	Wrapper    string // query: the result element
	InputRoot  string // rest-xml: the request's root element
	OutputRoot string // rest-xml: the response's root element
	NoAuth     bool   // the model allows unsigned calls
	ReadOnly   bool   // the model says that it changes nothing
	Handler    Handler
}

// Handler is an operation's typed function behind an untyped face.
type Handler struct {
	in, out reflect.Type
	call    func(ctx context.Context, in any) (any, error) // nil: not built
}

// Handle wraps an operation's function. A nil function keeps the types, so
// that the operation is known, and answers that it is not built.
func Handle[I, O any](f func(context.Context, *I) (*O, error)) Handler {
	h := Handler{in: reflect.TypeFor[I](), out: reflect.TypeFor[O]()}
	if f == nil {
		return h
	}
	h.call = func(ctx context.Context, in any) (any, error) {
		out, err := f(ctx, in.(*I))
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = new(O)
		}
		return out, nil
	}
	return h
}

// NewService binds operations to a service.
func NewService(spec ServiceSpec, ops []Operation) *Service {
	s := &Service{
		ServiceSpec: spec,
		ops:         make(map[string]*Operation, len(ops)),
		others:      make(map[string]bool, len(spec.Others)),
	}
	for i := range ops {
		s.ops[ops[i].Name] = &ops[i]
	}
	for _, name := range spec.Others {
		s.others[name] = true
	}
	s.planner = newPlanner(sync.OnceValue(func() shapeTable { return parseShapes(spec.Constraints) }))
	s.routes = buildRoutes(s)
	return s
}

// Operation returns a modelled operation by name.
func (s *Service) Operation(name string) (*Operation, bool) {
	op, ok := s.ops[name]
	return op, ok
}

// Known reports whether AWS has an operation of that name in this service,
// with or without shapes here.
func (s *Service) Known(name string) bool {
	_, ok := s.ops[name]
	return ok || s.others[name]
}

// Built reports whether the operation has a handler.
func (o *Operation) Built() bool { return o.Handler.call != nil }

// NewInput returns a pointer to an empty input struct.
func (o *Operation) NewInput() any { return reflect.New(o.Handler.in).Interface() }

// NewOutput returns a pointer to an empty output struct.
func (o *Operation) NewOutput() any { return reflect.New(o.Handler.out).Interface() }

func (s *Service) speaks(p Protocol) bool { return slices.Contains(s.Protocols, p) }

func (o *Operation) status() int {
	if o.Status == 0 {
		return 200
	}
	return o.Status
}

// String names the service for logs and panics.
func (s *Service) String() string { return fmt.Sprintf("%s %s", s.ID, s.APIVersion) }
