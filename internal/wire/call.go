package wire

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"seamark/internal/wire/sigv4"
)

// call is one request on its way through the Mux.
type call struct {
	mux    *Mux
	w      http.ResponseWriter
	r      *http.Request
	start  time.Time
	info   RequestInfo
	target target
	op     *Operation
	buffer *[]byte
	body   []byte
	values url.Values // of a form
	status int        // 0 until the response is written
	code   string     // error code, for the log
	cause  error      // what the client is not told
}

func (c *call) serve() {
	defer c.finish()
	c.target = c.mux.dispatch(c.r)
	out, err := c.answer()
	if err != nil {
		c.fail(err)
		return
	}
	c.succeed(out)
}

// finish writes the log line, also for a handler that panicked.
func (c *call) finish() {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares so: a wrapped one is a panic to it
			panic(p)
		}
		c.mux.cfg.Logger.Error("handler panicked", "request_id", c.info.RequestID,
			"service", c.info.Service, "operation", c.info.Operation, "panic", p, "stack", string(debug.Stack()))
		if c.status == 0 {
			c.fail(c.conduct().internalError())
		}
	}
	c.release()
	c.log()
}

func (c *call) log() {
	level := slog.LevelInfo
	if c.cause != nil {
		level = slog.LevelError
	}
	ctx, h := c.r.Context(), c.mux.cfg.Logger.Handler()
	if !h.Enabled(ctx, level) {
		return
	}
	// Not by the Logger, which looks for its caller each time.
	now := time.Now()
	line := slog.NewRecord(now, level, "request", 0)
	line.AddAttrs(slog.String("service", c.info.Service), slog.String("operation", c.info.Operation),
		slog.Int("status", c.status), slog.Duration("duration", now.Sub(c.start)),
		slog.String("request_id", c.info.RequestID))
	if c.code != "" {
		line.AddAttrs(slog.String("error_code", c.code))
	}
	if c.cause != nil {
		line.AddAttrs(slog.String("error", c.cause.Error()))
	}
	_ = h.Handle(ctx, line) // as the Logger does: there is nobody to tell
}

// conduct is the service's, or the protocol's where there is no service.
func (c *call) conduct() conduct {
	if c.target.service == nil {
		return conduct{internal: "InternalFailure"}
	}
	return c.target.service.conduct()
}

// answer takes the request through all steps and returns the output.
func (c *call) answer() (any, error) {
	t := &c.target
	if t.service != nil {
		c.info.Service, c.info.Operation = t.service.Package, t.name
	}
	unsigned, err := c.authenticate()
	if err != nil {
		return nil, err
	}
	err = c.findOperation()
	if unsigned && (err != nil || !c.op.NoAuth) {
		// Without a signature nothing says which service an unknown action is of.
		return nil, c.authError(&sigv4.Error{Reason: sigv4.Missing, Message: "Missing Authentication Token"})
	}
	if err != nil {
		return nil, err
	}
	if err := c.gate(); err != nil {
		return nil, err
	}
	in := reflect.New(c.op.Handler.in)
	if err := c.decode(in.Elem()); err != nil {
		return nil, err
	}
	ctx := context.WithValue(c.r.Context(), requestKey{}, &c.info)
	return c.op.Handler.call(ctx, in.Interface())
}

// authenticate verifies the request's signature and reads its body. unsigned
// is true for a request without a signature that an operation might allow.
func (c *call) authenticate() (unsigned bool, err error) {
	limit := c.mux.cfg.MaxBody
	pending, err := c.begin()
	if err != nil {
		if unsigned = c.mayBeUnsigned(err); !unsigned {
			return false, c.authError(err)
		}
		limit = min(limit, maxUnsignedBody)
	}
	if err := c.readBody(limit); err != nil {
		return false, c.bodyError(err)
	}
	if pending != nil {
		if err := pending.Finish(sha256.Sum256(c.body)); err != nil {
			return false, c.authError(err)
		}
		cred := pending.Credential
		c.info.AccessKeyID, c.info.PrincipalARN, c.info.UserID = pending.AccessKeyID, cred.PrincipalARN, cred.UserID
		if cred.Account != "" {
			c.info.Account = cred.Account
		}
	}
	if err := c.inflate(c.mux.cfg.MaxBody); err != nil {
		return false, c.bodyError(err)
	}
	return unsigned, nil
}

// begin checks everything but the signature; nil without a Verifier.
func (c *call) begin() (*sigv4.Request, error) {
	v := c.mux.cfg.Verifier
	if v == nil {
		return nil, nil
	}
	want := sigv4.Expect{Regions: []string{c.mux.cfg.Region}}
	if s := c.target.service; s != nil {
		want.Service = s.SigningName
		if s.conduct().global {
			want.Regions = append(want.Regions, "us-east-1")
		}
	} else if scope, ok := sigv4.ScopeOf(c.r); ok {
		want.Service = scope.Service // no service to compare with: answered as unknown below
	}
	return v.Begin(c.r, want)
}

func (c *call) mayBeUnsigned(err error) bool {
	var e *sigv4.Error
	s := c.target.service
	return errors.As(err, &e) && e.Reason == sigv4.Missing && c.target.form && s != nil && s.allowsUnsigned()
}

func (c *call) bodyError(err error) error {
	if errors.Is(err, errTooLarge) {
		c.w.Header().Set("Connection", "close")
		return tooLarge(c.target.proto)
	}
	return malformed(c.target.proto, err)
}

// findOperation completes the target: a form names its operation in the body.
func (c *call) findOperation() error {
	t := &c.target
	if t.form {
		if err := c.readForm(); err != nil {
			return err
		}
	}
	if t.service == nil {
		return unknownService(t.proto, c.r)
	}
	op, ok := t.service.Operation(t.name)
	if !ok || !op.Built() {
		return unknownOperation(t.proto, t.service, t.name)
	}
	c.op = op
	return nil
}

func (c *call) readForm() error {
	t := &c.target
	values, err := formValues(c.r, c.body)
	if err != nil {
		return malformed(t.proto, err)
	}
	c.values = values
	t.name = values.Get("Action")
	if t.service == nil && c.mux.cfg.Verifier == nil {
		// Unsigned requests to a server without verification.
		if s := c.mux.byAPI[values.Get("Version")]; s != nil {
			t.service = s
			if s.speaks(EC2) {
				t.proto = EC2
			}
		}
	}
	if t.service != nil {
		c.info.Service, c.info.Operation = t.service.Package, t.name
	}
	if t.name == "" {
		return Errorf(http.StatusBadRequest, "MissingAction", "The request must contain the parameter Action")
	}
	return nil
}

func (c *call) gate() error {
	if c.mux.cfg.Gate == nil {
		return nil
	}
	err := c.mux.cfg.Gate(c.target.service.Package, c.op.Name, c.op.ReadOnly || readOnlyName(c.op.Name))
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	c.cause = err
	return Unavailable("The service is temporarily unable to handle the request.")
}

// readOnlyName tells reads from changes by AWS's naming.
func readOnlyName(op string) bool {
	for _, p := range [...]string{
		"Describe", "List", "Get", "Discover", "Filter", "Search", "BatchGet", "BatchCheck", "Test", "Lookup",
		"Simulate", "Decode", "Preview", "Estimate", "Validate",
	} {
		if strings.HasPrefix(op, p) {
			return true
		}
	}
	return false
}

// decode reads and validates the input.
func (c *call) decode(in reflect.Value) error {
	s := c.target.service
	p := s.planner.plan(c.op.Handler.in)
	var err error
	switch c.target.proto {
	case JSON:
		err = decodeJSON(p, c.body, in)
	case CBOR:
		err = c.mux.cbor.decode(c.body, in)
	case RESTXML:
		err = c.decodeREST(p, in)
	default:
		err = decodeForm(p, c.values, in, c.target.proto == EC2)
	}
	if err != nil {
		return inputError(c.target.proto, err)
	}
	if v := s.validate(p, in); v != nil {
		return v
	}
	return nil
}

func (c *call) decodeREST(p *structPlan, in reflect.Value) error {
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return err
	}
	return decodeREST(p, restInput{labels: c.target.labels, query: query, header: c.r.Header, body: c.body}, in)
}

// decodeForm reads a query request's parameters.
func decodeForm(p *structPlan, values url.Values, in reflect.Value, ec2 bool) error {
	root, err := parseForm(values)
	if err != nil {
		return err
	}
	return queryDecoder{ec2: ec2}.structure(p, root, in, "")
}

// inputError words a decoding error for its protocol.
func inputError(proto Protocol, err error) error {
	var param *paramError
	var unknown *unknownParam
	switch {
	case errors.As(err, &param) && proto == EC2:
		return Errorf(http.StatusBadRequest, "InvalidParameterValue", "Value (%s) for parameter %s is invalid. The value must be %s.",
			param.value, lowerFirst(param.path), param.want)
	case errors.As(err, &param):
		return Errorf(http.StatusBadRequest, "MalformedInput", "Value '%s' at '%s' is invalid: it must be %s", param.value, param.path, param.want)
	case errors.As(err, &unknown):
		return Errorf(http.StatusBadRequest, "UnknownParameter", "%s", unknown.Error())
	}
	return malformed(proto, err)
}

// unknownService answers a request that no service here is for.
func unknownService(p Protocol, r *http.Request) *Error {
	what := "this request"
	if scope, ok := sigv4.ScopeOf(r); ok {
		what = "the service " + scope.Service
	}
	if t := r.Header.Get("X-Amz-Target"); t != "" {
		what = "the target " + t
	}
	code := "UnknownOperationException"
	if p == Query || p == EC2 {
		code = "InvalidAction"
	}
	return Errorf(http.StatusNotFound, code, "Seamark does not serve %s.", what)
}
