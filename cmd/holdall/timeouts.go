package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"
)

// The server's patience. There is no ReadTimeout and no WriteTimeout: they
// bound a whole request, and would cut off a large file on a slow line. What
// is bounded instead is silence.
const (
	headerTimeout = 10 * time.Second // for all headers of a request
	idleTimeout   = 2 * time.Minute  // between requests on a connection
	stallTimeout  = time.Minute      // without one byte of a body that is awaited
	maxHeader     = 64 << 10         // bytes
)

func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           boundStalls(h, stallTimeout),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// boundStalls fails the read of a request's body for which no byte came for
// so long. A download is not bounded: one that is not fetched costs an open
// file, and TCP keep-alive ends it once the client is gone.
func boundStalls(h http.Handler, patience time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &patientBody{ReadCloser: r.Body, control: http.NewResponseController(w), patience: patience}
		}
		h.ServeHTTP(w, r)
	})
}

type patientBody struct {
	io.ReadCloser
	control  *http.ResponseController
	patience time.Duration
}

func (b *patientBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(b.patience)) // best effort
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		// The connection is watched while the handler works on: that must not
		// look like a client that went away.
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
