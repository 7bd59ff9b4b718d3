// Command nethttp mounts the REST API on the mux of a server that has routes
// and a login of its own.
package main

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/httpapi"
)

// sessions is the login that the server has already: here a fixed table of
// session cookies.
type sessions map[string]holdall.Principal

// Authenticate implements [httpapi.Authenticator]. No cookie is a caller who
// is not known; a wrong one is an error, not an anonymous caller.
func (s sessions) Authenticate(r *http.Request) (holdall.Principal, bool, error) {
	cookie, err := r.Cookie("session")
	if err != nil {
		return holdall.Principal{}, false, nil
	}
	p, ok := s[cookie.Value]
	if !ok {
		return holdall.Principal{}, false, holdall.ErrUnauthenticated
	}
	return p, true, nil
}

// newHandler is the whole server: its own routes and the store's.
func newHandler(store *holdall.Store, who sessions) (http.Handler, error) {
	api, err := httpapi.New(store, who, &httpapi.Options{Logger: slog.Default()})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/v1/", api)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("the program's own page\n"))
	})
	return crossOriginProtection(mux), nil
}

// crossOriginProtection keeps other sites' pages from using the cookie. A
// server whose clients send an Authorization header does not need it.
func crossOriginProtection(h http.Handler) http.Handler {
	return http.NewCrossOriginProtection().Handler(h)
}

func main() {
	backend := memory.New()
	store, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend})
	if err != nil {
		log.Fatal(err)
	}
	h, err := newHandler(store, sessions{
		"try-me": {Tenant: "acme", User: "ann", Permissions: []string{"storage:*"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, h, store); err != nil {
		log.Fatal(err)
	}
}

// serve runs the server and the store's upkeep until ctx is done.
func serve(ctx context.Context, h http.Handler, store *holdall.Store) error {
	srv := &http.Server{
		Addr:              "127.0.0.1:8080",
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	go func() { _ = store.Run(ctx, nil) }() // ends with ctx
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return store.Close()
}
