// Package model is the committed form of an AWS service model: the operations,
// shapes, constraints and wire traits that Seamark serves, without any
// documentation text. modelimport writes it, the generator reads it.
//
// The vocabulary follows botocore's service-2.json ("C2J"), so that a value can
// be compared with its source by eye. Only traits that reach the wire, the
// validation or the generated Go names are kept.
package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
)

// Model is one service.
type Model struct {
	Source     Source               `json:"source"`
	Service    Service              `json:"service"`
	Operations map[string]Operation `json:"operations"`
	// Others names the operations of the service that are out of scope: they
	// have no shapes here and are answered by name only.
	Others []string         `json:"others,omitempty"`
	Shapes map[string]Shape `json:"shapes"`
}

// Source says where a model came from.
type Source struct {
	Package string `json:"package"`
	Version string `json:"version"`
	Path    string `json:"path"`
}

// Service is what the dispatcher needs to know of a service.
type Service struct {
	ID              string   `json:"id"`
	FullName        string   `json:"fullName"`
	APIVersion      string   `json:"apiVersion"`
	SigningName     string   `json:"signingName"`
	Protocols       []string `json:"protocols"` // json, query, ec2, rest-xml, smithy-rpc-v2-cbor; the service's own order
	JSONVersion     string   `json:"jsonVersion,omitempty"`
	TargetPrefix    string   `json:"targetPrefix,omitempty"`
	XMLNamespace    string   `json:"xmlNamespace,omitempty"`
	QueryCompatible bool     `json:"queryCompatible,omitempty"` // awsQueryCompatible: x-amzn-query-error on JSON and CBOR errors
}

// Operation is one action with its HTTP binding.
type Operation struct {
	Method    string   `json:"method"`
	URI       string   `json:"uri"`
	Status    int      `json:"status,omitempty"` // success status; 0 is 200
	Input     string   `json:"input,omitempty"`
	Output    string   `json:"output,omitempty"`
	Errors    []string `json:"errors,omitempty"`
	Wrapper   string   `json:"wrapper,omitempty"`   // query: name of the result element
	InputRoot string   `json:"inputRoot,omitempty"` // rest-xml: name of the request's root element
	Host      string   `json:"hostPrefix,omitempty"`
	NoAuth    bool     `json:"noAuth,omitempty"`   // authtype none: AssumeRoleWithWebIdentity
	ReadOnly  bool     `json:"readOnly,omitempty"` // only where the model says so
	Gzip      bool     `json:"gzip,omitempty"`     // clients may compress the request
	Paginator *Pager   `json:"paginator,omitempty"`
}

// Pager says how an operation is paged (paginators-1.json).
type Pager struct {
	InputToken  []string `json:"inputToken"`
	OutputToken []string `json:"outputToken"`
	LimitKey    string   `json:"limitKey,omitempty"`
	ResultKey   []string `json:"resultKey,omitempty"`
	MoreResults string   `json:"moreResults,omitempty"`
}

// Shape is one named type. Type is structure, list, map, string, character,
// integer, long, float, double, boolean, blob or timestamp.
type Shape struct {
	Type            string         `json:"type"`
	Members         map[string]Ref `json:"members,omitempty"`
	Required        []string       `json:"required,omitempty"`
	Member          *Ref           `json:"member,omitempty"`
	Key             *Ref           `json:"key,omitempty"`
	Value           *Ref           `json:"value,omitempty"`
	Enum            []string       `json:"enum,omitempty"`
	Min             *float64       `json:"min,omitempty"`
	Max             *float64       `json:"max,omitempty"`
	Pattern         string         `json:"pattern,omitempty"`
	Flattened       bool           `json:"flattened,omitempty"`
	Payload         string         `json:"payload,omitempty"`
	TimestampFormat string         `json:"timestampFormat,omitempty"`
	Document        bool           `json:"document,omitempty"`
	Union           bool           `json:"union,omitempty"`
	EventStream     bool           `json:"eventstream,omitempty"`
	Sensitive       bool           `json:"sensitive,omitempty"`
	Exception       bool           `json:"exception,omitempty"`
	Fault           bool           `json:"fault,omitempty"`
	Error           *Error         `json:"error,omitempty"`
}

// Error is the error trait of an exception shape.
type Error struct {
	Code   string `json:"code,omitempty"`
	Status int    `json:"status,omitempty"`
	Sender bool   `json:"senderFault,omitempty"`
}

// Ref is the use of a shape by a member, list or map.
type Ref struct {
	Shape           string `json:"shape"`
	Name            string `json:"locationName,omitempty"`
	QueryName       string `json:"queryName,omitempty"`
	Location        string `json:"location,omitempty"` // uri, querystring, header, headers, statusCode
	TimestampFormat string `json:"timestampFormat,omitempty"`
	Flattened       bool   `json:"flattened,omitempty"`
	XMLAttribute    bool   `json:"xmlAttribute,omitempty"`
	Token           bool   `json:"idempotencyToken,omitempty"`
	Streaming       bool   `json:"streaming,omitempty"`
	Deprecated      bool   `json:"deprecated,omitempty"`
}

// Load reads a committed model.
func Load(path string) (*Model, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	var m Model
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("model %s: %w", path, err)
	}
	return &m, nil
}

// Marshal writes the model with one operation or shape per line, sorted, so
// that the same model always has the same bytes and a change shows as a short
// difference.
func (m *Model) Marshal() ([]byte, error) {
	var w writer
	w.line("{")
	w.field("source", m.Source, ",")
	w.field("service", m.Service, ",")
	w.line(`"operations": {`)
	writeMap(&w, m.Operations)
	w.line("},")
	if len(m.Others) > 0 {
		others := slices.Clone(m.Others)
		slices.Sort(others)
		w.field("others", others, ",")
	}
	w.line(`"shapes": {`)
	writeMap(&w, m.Shapes)
	w.line("}")
	w.line("}")
	return w.b.Bytes(), w.err
}

type writer struct {
	b   bytes.Buffer
	err error
}

func (w *writer) line(s string) { w.b.WriteString(s + "\n") }

func (w *writer) field(name string, v any, end string) {
	var val bytes.Buffer
	e := json.NewEncoder(&val)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil && w.err == nil {
		w.err = fmt.Errorf("marshal %s: %w", name, err)
		return
	}
	key, err := json.Marshal(name)
	if err != nil && w.err == nil {
		w.err = err
		return
	}
	w.line(string(key) + ": " + string(bytes.TrimSpace(val.Bytes())) + end)
}

func writeMap[T any](w *writer, m map[string]T) {
	names := slices.Sorted(maps.Keys(m))
	for i, n := range names {
		end := ","
		if i == len(names)-1 {
			end = ""
		}
		w.field(n, m[n], end)
	}
}
