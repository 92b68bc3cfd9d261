package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// server is the state of `serve`.
type server struct {
	box
	text    string
	host    string
	started time.Time
	sick    atomic.Bool
	ending  chan int // an exit code that a request asked for
}

func serve(b box, args []string) int {
	host, err := os.Hostname()
	if err != nil {
		return fail(b, err)
	}
	s := &server{box: b, text: "testbox", host: host, started: time.Now(), ending: make(chan int, 1)}
	if len(args) > 1 {
		s.text = args[1]
	}
	l, err := net.Listen("tcp", ":"+args[0])
	if err != nil {
		return fail(b, err)
	}
	fmt.Fprintf(b.stdout, "serve: listening on %s\n", l.Addr())
	return s.run(l)
}

// run serves until SIGTERM (exit code 0, open requests finish first) or until a request asks for an exit code.
func (s *server) run(l net.Listener) int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM, syscall.SIGQUIT, os.Interrupt)
	srv := &http.Server{Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return fail(s.box, err)
	case code := <-s.ending:
		fmt.Fprintf(s.stderr, "serve: asked to exit with %d\n", code)
		return code
	case sig := <-term:
		fmt.Fprintf(s.stdout, "serve: %s\n", sig)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fail(s.box, err)
	}
	return 0
}

// routes logs each request the way a test can find it: "GET /path from 10.0.1.5:4242".
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "%s %s\n", s.text, s.host) })
	mux.HandleFunc("/health", s.health)
	mux.HandleFunc("/healthy", func(w http.ResponseWriter, _ *http.Request) { s.sick.Store(false); fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/unhealthy", func(w http.ResponseWriter, _ *http.Request) { s.sick.Store(true); fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/exit", s.exit)
	mux.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) { env(box{w, w}, nil) })
	mux.HandleFunc("/log", s.log)
	mux.HandleFunc("/resolve", s.resolve)
	mux.HandleFunc("/uptime", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, time.Since(s.started)) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(s.stdout, "%s %s from %s\n", r.Method, r.URL.Path, r.RemoteAddr)
		mux.ServeHTTP(w, r)
	})
}

func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	if s.sick.Load() {
		http.Error(w, "unhealthy", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "healthy")
}

func (s *server) exit(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.FormValue("code"))
	if err != nil {
		http.Error(w, "code: "+err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintln(w, "exiting with", code)
	if err := http.NewResponseController(w).Flush(); err != nil {
		fmt.Fprintln(s.stderr, "serve:", err)
	}
	select {
	case s.ending <- code:
	default: // an earlier request has already asked
	}
}

func (s *server) log(w http.ResponseWriter, r *http.Request) {
	out := s.stdout
	if r.FormValue("to") == "stderr" {
		out = s.stderr
	}
	fmt.Fprintln(out, r.FormValue("text"))
	fmt.Fprintln(w, "ok")
}

func (s *server) resolve(w http.ResponseWriter, r *http.Request) {
	addrs, err := lookup(r.Context(), r.FormValue("name"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	for _, a := range addrs {
		fmt.Fprintln(w, a)
	}
}

// lookup resolves a name within 5 s and sorts the addresses.
func lookup(ctx context.Context, name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupHost(ctx, name)
	sort.Strings(addrs)
	return addrs, err
}

func resolve(b box, args []string) int {
	addrs, err := lookup(context.Background(), args[0])
	if err != nil {
		return fail(b, err)
	}
	for _, a := range addrs {
		fmt.Fprintln(b.stdout, a)
	}
	return 0
}

func health(b box, args []string) int {
	return fetch(box{io.Discard, b.stderr}, args[0], 2*time.Second)
}

func get(b box, args []string) int {
	return fetch(b, args[0], 10*time.Second)
}

// fetch prints the answer of a GET; its exit code is 0 when the status is 2xx.
func fetch(b box, url string, timeout time.Duration) int {
	client := http.Client{Timeout: timeout}
	resp, err := client.Get(url)
	if err != nil {
		return fail(b, err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(b.stdout, resp.Body); err != nil {
		return fail(b, err)
	}
	if resp.StatusCode/100 != 2 {
		return fail(b, fmt.Errorf("%s: %s", url, resp.Status))
	}
	return 0
}
