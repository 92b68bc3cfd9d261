package wire

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"seamark/internal/wire/sigv4"
)

const (
	defaultMaxBody = 16 << 20
	// maxUnsignedBody bounds what is read of a request that nobody signed,
	// for the few operations that allow it (AssumeRoleWithWebIdentity).
	maxUnsignedBody = 64 << 10
)

// Config configures a Mux.
type Config struct {
	Logger *slog.Logger // required
	// Verifier checks signatures; nil accepts every request unsigned, which
	// is for tests and for callers that authenticate otherwise.
	Verifier *sigv4.Verifier
	Region   string // required; scopes of other regions are refused
	Account  string // required; 12 digits
	MaxBody  int64  // bytes of a body, also after decompression; 0: 16 MiB
	// Gate may refuse an operation after authentication, for example changes
	// while the disk is full. An error that is not an *Error becomes a 503.
	Gate func(service, operation string, readOnly bool) error
}

// Mux serves AWS services on one address.
type Mux struct {
	cfg      Config
	byName   map[string]*Service // signing name
	byTarget map[string]*Service // X-Amz-Target prefix, CBOR service name
	byAPI    map[string]*Service // API version of form requests without a scope
	rest     []*Service
	custom   *http.ServeMux
	hasOwn   bool
	cbor     *cborCodec
	buffers  sync.Pool
}

// NewMux returns a Mux without services.
func NewMux(cfg Config) *Mux {
	if cfg.MaxBody == 0 {
		cfg.MaxBody = defaultMaxBody
	}
	codec, err := newCBORCodec()
	if err != nil {
		panic(fmt.Sprintf("wire: %v", err)) // the options are constants
	}
	return &Mux{
		cfg:      cfg,
		byName:   map[string]*Service{},
		byTarget: map[string]*Service{},
		byAPI:    map[string]*Service{},
		custom:   http.NewServeMux(),
		cbor:     codec,
		buffers:  sync.Pool{New: func() any { b := make([]byte, 0, 8<<10); return &b }},
	}
}

// Add serves s. Services are added before the Mux serves requests; adding two
// that answer to one name is a programming error and panics.
func (m *Mux) Add(s *Service) {
	if m.byName[s.SigningName] != nil {
		panic("wire: two services are signed as " + s.SigningName)
	}
	m.byName[s.SigningName] = s
	if s.TargetPrefix != "" {
		m.byTarget[s.TargetPrefix] = s
	}
	if s.speaks(Query) || s.speaks(EC2) {
		m.byAPI[s.APIVersion] = s
	}
	if s.speaks(RESTXML) {
		m.rest = append(m.rest, s)
	}
}

// Handle serves a path that is no AWS API, unauthenticated, by a pattern of
// http.ServeMux such as "GET /_seamark/health". It must not overlap with AWS
// paths: patterns are tried first, but for "/", which is all that most protocols use.
func (m *Mux) Handle(pattern string, h http.Handler) {
	m.custom.Handle(pattern, h)
	m.hasOwn = true
}

// ServeHTTP answers one request.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m.hasOwn && r.URL.Path != "/" {
		if h, pattern := m.custom.Handler(r); pattern != "" {
			h.ServeHTTP(w, r)
			return
		}
	}
	c := &call{mux: m, w: w, r: r, start: time.Now()}
	c.info = RequestInfo{
		RequestID: newRequestID(), Region: m.cfg.Region, Account: m.cfg.Account,
		Host: r.Host, RemoteAddr: r.RemoteAddr,
	}
	c.serve()
}
