package wire

import "context"

// RequestInfo is what a handler may know of its request beside the input.
type RequestInfo struct {
	RequestID    string
	Service      string // Go package name of the service: "ecs"
	Operation    string
	Region       string // the server's region
	Account      string
	PrincipalARN string // empty when requests are not verified
	AccessKeyID  string
	UserID       string
	Host         string // Host header as sent
	RemoteAddr   string

	notices []string
}

// Notice tells the caller something that the API has no member for, in the
// response header X-Seamark-Notice: what AWS would have done otherwise. It is
// called by the handler, before it returns. The text is one line of ASCII.
func (r *RequestInfo) Notice(text string) { r.notices = append(r.notices, text) }

type requestKey struct{}

// RequestFrom returns the request that ctx belongs to, or a zero RequestInfo
// for a context that does not come from a Mux.
func RequestFrom(ctx context.Context) *RequestInfo {
	if r, ok := ctx.Value(requestKey{}).(*RequestInfo); ok {
		return r
	}
	return &RequestInfo{}
}

// WithRequest returns a context that carries r. The Mux does this for every
// request; tests that call handlers directly may too.
func WithRequest(ctx context.Context, r *RequestInfo) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}
