package httpapi

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

// call is what is known about a request besides the request itself.
type call struct {
	id        string // X-Request-Id
	principal holdall.Principal
	known     bool         // whether there is a principal
	code      holdall.Code // of the error that was answered
}

type callKey struct{}

func callOf(r *http.Request) *call { return r.Context().Value(callKey{}).(*call) }

// ServeHTTP implements http.Handler.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{id: requestID(r)}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	rec := &recorder{ResponseWriter: w}
	rec.Header().Set("X-Request-Id", c.id)
	defer a.finish(rec, r, time.Now())
	if err := a.admit(r, c); err != nil {
		a.fail(rec, r, err)
		return
	}
	a.mux.ServeHTTP(rec, r)
}

// admit refuses paths that could be read in two ways, and bad credentials.
func (a *api) admit(r *http.Request, c *call) error {
	if err := guardPath(r.URL.EscapedPath()); err != nil {
		return &failure{code: holdall.CodeInvalidPath, detail: err.Error()}
	}
	var err error
	if c.principal, c.known, err = a.auth.Authenticate(r); err != nil {
		return notAuthenticated(err)
	}
	return nil
}

// finish ends a request: it catches a panic and writes the log.
func (a *api) finish(w *recorder, r *http.Request, start time.Time) {
	p := recover()
	if p != nil && p != http.ErrAbortHandler {
		a.log.ErrorContext(r.Context(), "panic", "request_id", callOf(r).id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		if w.status == 0 {
			a.writeProblem(w, r, &failure{code: holdall.CodeInternal, detail: internalDetail})
			p = nil
		} else {
			p = http.ErrAbortHandler
		}
	}
	a.logRequest(w, r, start, p != nil)
	if p != nil {
		panic(p) // net/http closes the connection, so that no client takes this for an end
	}
}

func (a *api) logRequest(w *recorder, r *http.Request, start time.Time, aborted bool) {
	if !a.log.Enabled(r.Context(), slog.LevelInfo) {
		return
	}
	c := callOf(r)
	attrs := []slog.Attr{
		slog.String("request_id", c.id), slog.String("method", r.Method), slog.String("path", r.URL.EscapedPath()),
		slog.String("query", redact(r.URL.RawQuery)), slog.Int("status", w.status), slog.Int64("bytes", w.bytes),
		slog.Duration("duration", time.Since(start)),
	}
	if c.known {
		attrs = append(attrs, slog.String("tenant", c.principal.Tenant), slog.String("user", c.principal.User))
	}
	if c.code != "" {
		attrs = append(attrs, slog.String("code", string(c.code)))
	}
	if aborted {
		attrs = append(attrs, slog.Bool("aborted", true))
	}
	a.log.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
}

// redact returns a query that is fit for a log. Of one that does not parse
// nothing is: who knows where a secret is in it.
func redact(query string) string {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "(malformed)"
	}
	for name, list := range values {
		lower := strings.ToLower(name)
		if lower == paramSignature || strings.Contains(lower, "token") || strings.Contains(lower, "secret") || strings.Contains(lower, "password") {
			for i := range list {
				list[i] = "REDACTED"
			}
		}
	}
	return values.Encode()
}

// requestID returns the id that the caller gave, if it is fit for a header and
// a log line, or a new one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	visible := func(c rune) bool { return c > ' ' && c < 0x7F }
	if id == "" || len(id) > 128 || strings.ContainsFunc(id, func(c rune) bool { return !visible(c) }) {
		return rand.Text()
	}
	return id
}

// recorder notes what is answered. It keeps the fast path of the writer that
// it wraps: a file reaches a TCP connection by sendfile.
type recorder struct {
	http.ResponseWriter
	status int // 0 until the header is written
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	w.begin()
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom.
func (w *recorder) ReadFrom(src io.Reader) (int64, error) {
	w.begin()
	n, err := io.Copy(w.ResponseWriter, src)
	w.bytes += n
	return n, err
}

func (w *recorder) begin() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

// Flush implements http.Flusher.
func (w *recorder) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
