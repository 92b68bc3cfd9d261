package admin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"seamark/internal/world"
)

// Listen makes the socket, which this user alone can use, in place of one that
// an earlier process left.
func Listen(ctx context.Context, socket string) (net.Listener, error) {
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Serve answers on l until ctx ends. Sessions end with it.
func Serve(ctx context.Context, l net.Listener, b Backend, logger *slog.Logger) error {
	s := &http.Server{
		Handler: handler(b, logger), ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}

func handler(b Backend, logger *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		s, err := b.Status(r.Context())
		reply(w, s, err)
	})
	mux.HandleFunc("GET /images", func(w http.ResponseWriter, r *http.Request) {
		images, err := b.Images(r.Context())
		reply(w, images, err)
	})
	mux.HandleFunc("POST /images", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Path string }
		if !read(w, r, &in) {
			return
		}
		names, err := b.LoadImage(r.Context(), in.Path)
		reply(w, names, err)
	})
	mux.HandleFunc("POST /sessions", func(w http.ResponseWriter, r *http.Request) {
		var in SessionRequest
		if read(w, r, &in) {
			hold(w, r, b, in, logger)
		}
	})
	return mux
}

// hold opens a session, answers with it and keeps it until the client goes.
func hold(w http.ResponseWriter, r *http.Request, b Backend, in SessionRequest, logger *slog.Logger) {
	s, end, err := b.OpenSession(r.Context(), in)
	if err != nil {
		reply(w, nil, err)
		return
	}
	defer end()
	reply(w, s, nil)
	if err := http.NewResponseController(w).Flush(); err != nil {
		logger.Warn("answer a session", "error", err)
		return
	}
	<-r.Context().Done()
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(into); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func reply(w http.ResponseWriter, body any, err error) {
	switch {
	case errors.Is(err, world.ErrNotFound):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body) // the client has gone: nobody to tell
	}
}
