// Command chi mounts the REST API on a chi router, behind its middleware and
// with bearer tokens for callers. It is a module of its own so that the
// library does not require chi.
package main

import (
	"log"
	"net/http"
	"os"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/httpapi"
	"github.com/holdall-go/holdall/httpapi/jwtauth"
)

// newRouter is the whole server. secret verifies tokens, HS256, and has at
// least 32 bytes.
func newRouter(store *holdall.Store, secret []byte) (http.Handler, error) {
	auth, err := jwtauth.New(jwtauth.HS256(secret), nil)
	if err != nil {
		return nil, err
	}
	api, err := httpapi.New(store, auth, nil)
	if err != nil {
		return nil, err
	}
	r := chi.NewRouter()
	r.Use(middleware.Recoverer)
	r.Handle("/api/v1/*", api)
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("the program's own page\n"))
	})
	return r, nil
}

func main() {
	backend := memory.New()
	store, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend})
	if err != nil {
		log.Fatal(err)
	}
	h, err := newRouter(store, []byte(os.Getenv("HOLDALL_JWT_SECRET")))
	if err != nil {
		log.Fatal(err)
	}
	srv := &http.Server{
		Addr:              "127.0.0.1:8080",
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	log.Fatal(srv.ListenAndServe())
}
