package script

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/smithy-go"

	"seamark/internal/wire"
)

// call sends an operation, named as the CLI names it, through the wire layer and
// returns the answer as JSON. The service must have been started.
func (h *host) call(service, command string, input map[string]any) ([]byte, error) {
	if h.process == nil {
		return nil, fmt.Errorf("could not connect: Seamark does not run")
	}
	s := h.process.aws[service]
	if s == nil {
		return nil, fmt.Errorf("no service %q", service)
	}
	op, ok := s.Operation(operationName(command))
	if !ok {
		return nil, fmt.Errorf("%s has no operation %q", service, command)
	}
	body, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	switch s.Protocols[0] {
	case wire.EC2:
		return h.callEC2(s, op, body)
	case wire.RESTXML:
		return h.callRoute53(op, body)
	}
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set("X-Amz-Target", s.TargetPrefix+"."+op.Name)
	r.Header.Set("Content-Type", "application/x-amz-json-"+s.JSONVersion)
	status, answer := h.send(r)
	if status >= 300 {
		return nil, jsonError(answer)
	}
	return indent(answer)
}

// callEC2 goes through the form and the XML of EC2's protocol.
func (h *host) callEC2(s *wire.Service, op *wire.Operation, body []byte) ([]byte, error) {
	in, out := op.NewInput(), op.NewOutput()
	strict := json.NewDecoder(bytes.NewReader(body))
	strict.DisallowUnknownFields()
	if err := strict.Decode(in); err != nil {
		return nil, fmt.Errorf("input of %s: %w", op.Name, err)
	}
	form, err := wire.EncodeQuery(s, op, in)
	if err != nil {
		return nil, err
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, answer := h.send(r)
	if status >= 300 {
		fault, err := wire.DecodeQueryError(status, answer)
		if err != nil {
			return nil, err
		}
		return nil, fault
	}
	if err := wire.DecodeQueryResponse(s, op, answer, out); err != nil {
		return nil, err
	}
	answer, err = json.Marshal(out)
	if err != nil {
		return nil, err
	}
	return indent(answer)
}

// callRoute53 goes through the SDK, which alone knows the paths and the XML.
func (h *host) callRoute53(op *wire.Operation, body []byte) ([]byte, error) {
	c := sdk.New(sdk.Options{
		Region: scope().Region, BaseEndpoint: awssdk.String("http://seamark"), HTTPClient: inProcess{h}, Retryer: awssdk.NopRetryer{},
		Credentials: awssdk.CredentialsProviderFunc(func(context.Context) (awssdk.Credentials, error) {
			return awssdk.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "secret"}, nil
		}),
	})
	method := reflect.ValueOf(c).MethodByName(op.Name)
	in := reflect.New(method.Type().In(1).Elem())
	strict := json.NewDecoder(bytes.NewReader(body))
	strict.DisallowUnknownFields()
	if err := strict.Decode(in.Interface()); err != nil {
		return nil, fmt.Errorf("input of %s: %w", op.Name, err)
	}
	out := method.Call([]reflect.Value{reflect.ValueOf(h.Context()), in})
	if err, failed := reflect.TypeAssert[error](out[1]); failed {
		if api, ok := errors.AsType[smithy.APIError](err); ok {
			return nil, fmt.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage())
		}
		return nil, err
	}
	answer, err := json.Marshal(out[0].Interface())
	if err != nil {
		return nil, err
	}
	return indent(answer)
}

// inProcess is an HTTP client without a network.
type inProcess struct{ h *host }

func (c inProcess) Do(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	c.h.process.api.ServeHTTP(w, r)
	return w.Result(), nil
}

func (h *host) send(r *http.Request) (int, []byte) {
	w := httptest.NewRecorder()
	h.process.api.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

func jsonError(answer []byte) error {
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
		Upper   string `json:"Message"`
	}
	if err := json.Unmarshal(answer, &e); err != nil {
		return fmt.Errorf("%w in %s", err, answer)
	}
	return fmt.Errorf("%s: %s", e.Type, e.Message+e.Upper)
}

func indent(answer []byte) ([]byte, error) {
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		return nil, fmt.Errorf("%w in %s", err, answer)
	}
	b, err := json.MarshalIndent(v, "", "  ") // sorted by key
	return append(b, '\n'), err
}

// operationName turns create-private-dns-namespace into CreatePrivateDnsNamespace.
func operationName(command string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(command, "-") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}

// input reads the arguments of a call: @FILE is a JSON document to start from,
// with $VARIABLES; a.b.c=VALUE sets a member. A VALUE is JSON where it can be,
// [x,y] a list of strings, and a string otherwise.
func (h *host) input(args []string, getenv func(string) string) (map[string]any, error) {
	in := map[string]any{}
	for _, arg := range args {
		if file, ok := strings.CutPrefix(arg, "@"); ok {
			b, err := os.ReadFile(filepath.Join(h.dir, file))
			if err != nil {
				return nil, err
			}
			if err := json.Unmarshal([]byte(os.Expand(string(b), getenv)), &in); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			continue
		}
		path, text, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, fmt.Errorf("argument %q: want MEMBER=VALUE or @FILE", arg)
		}
		at := in
		members := strings.Split(path, ".")
		for _, m := range members[:len(members)-1] {
			next, ok := at[m].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[m] = next
			}
			at = next
		}
		at[members[len(members)-1]] = h.value(text)
	}
	return in, nil
}

func (h *host) value(text string) any {
	var v any
	if json.Unmarshal([]byte(text), &v) == nil {
		return v
	}
	if list, ok := strings.CutPrefix(text, "["); ok {
		var items []any
		for item := range strings.SplitSeq(strings.TrimSuffix(list, "]"), ",") {
			items = append(items, h.lengthen(item))
		}
		return items
	}
	return h.lengthen(text)
}

// member walks down a JSON answer: services.0.status.
func member(answer []byte, path string) (string, error) {
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		return "", err
	}
	for part := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[part]
		case []any:
			n := -1
			if _, err := fmt.Sscan(part, &n); err != nil || n < 0 || n >= len(at) {
				return "", fmt.Errorf("%s: no element %s in %d", path, part, len(at))
			}
			v = at[n]
		default:
			return "", fmt.Errorf("%s: nothing at %s", path, part)
		}
	}
	if s, ok := v.(string); ok {
		return s, nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}
