package httpapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

// testAuth takes a token that is a principal, written down. Nobody but a test
// would believe it.
type testAuth struct{}

func (testAuth) Authenticate(r *http.Request) (p holdall.Principal, ok bool, err error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return p, false, nil
	}
	text, _ := strings.CutPrefix(header, "Bearer ")
	if text == "down" {
		return p, false, fmt.Errorf("keys: %w", holdall.ErrUnavailable)
	}
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(data, &p) != nil {
		return p, false, errors.New("dsn=postgres://secret@host: not a token")
	}
	return p, true, nil
}

func bearer(p holdall.Principal) string {
	data, _ := json.Marshal(p)
	return "Bearer " + base64.RawURLEncoding.EncodeToString(data)
}

func caller(app string, keys ...string) string {
	return bearer(holdall.Principal{Tenant: "acme", User: "ann", App: app, Permissions: keys})
}

var (
	root    = caller("", "*")
	appRoot = caller("crm", "*")
	bob     = bearer(holdall.Principal{Tenant: "acme", User: "bob", Permissions: []string{"*"}})
	other   = bearer(holdall.Principal{Tenant: "other", User: "eve", Permissions: []string{"*"}})
)

// clock is a time that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// env is a server over a memory backend.
type env struct {
	t       testing.TB
	backend *memory.Backend
	store   *holdall.Store
	clock   *clock
	handler http.Handler
	server  *httptest.Server
	base    string // URL up to and with /storage
	log     *logBuffer
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

type setup struct {
	cfg  holdall.Config
	opts Options
	auth Authenticator
}

func newEnv(t testing.TB, edit ...func(*setup)) *env {
	t.Helper()
	e := &env{t: t, backend: memory.New(), clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)}, log: &logBuffer{}}
	s := setup{
		cfg: holdall.Config{Catalog: e.backend, Blobs: e.backend, Now: e.clock.Now},
		opts: Options{
			SigningKeys: []SigningKey{{ID: "k1", Secret: bytes.Repeat([]byte("k"), 32)}}, Now: e.clock.Now,
			Logger: slog.New(slog.NewTextHandler(e.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		},
		auth: testAuth{},
	}
	for _, f := range edit {
		f(&s)
	}
	var err error
	e.store, err = holdall.New(s.cfg)
	require.NoError(t, err)
	e.handler, err = New(e.store, s.auth, &s.opts)
	require.NoError(t, err)
	e.server = newServer(e)
	t.Cleanup(e.server.Close)
	e.base = e.server.URL + "/api/v1/storage"
	return e
}

func newServer(e *env) *httptest.Server { return httptest.NewServer(toTheEnd(e.handler)) }

// toTheEnd reads what a handler leaves of a request. Else net/http closes the
// connection half a second after the answer, and a client that is still
// sending by then may find that, and not the answer.
func toTheEnd(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := r.Body
		h.ServeHTTP(w, r)
		_, _ = io.Copy(io.Discard, body)
	})
}

// answer is what came back, read to the end.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

// do sends a request. path is under /storage, or absolute with "http" in
// front. headers are name, value pairs.
func (e *env) do(method, path, token string, body any, headers ...string) *answer {
	e.t.Helper()
	a, err := e.try(method, path, token, body, headers...)
	require.NoError(e.t, err)
	return a
}

func (e *env) try(method, path, token string, body any, headers ...string) (*answer, error) {
	e.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = e.base + path
	}
	var rd io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		rd = strings.NewReader(b)
	case []byte:
		rd = bytes.NewReader(b)
	case io.Reader:
		rd = b
	}
	req, err := http.NewRequest(method, path, rd)
	require.NoError(e.t, err)
	if s, ok := body.(string); ok && strings.HasPrefix(s, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := noRedirect.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return &answer{e.t, resp.StatusCode, resp.Header, data}, err
}

var noRedirect = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// want asserts the status, and returns the JSON body, if there is one.
func (a *answer) want(status int) map[string]any {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s", a.body)
	require.NotEmpty(a.t, a.header.Get("X-Request-Id"))
	var m map[string]any
	if strings.Contains(a.header.Get("Content-Type"), "json") && len(a.body) > 0 {
		dec := json.NewDecoder(bytes.NewReader(a.body))
		dec.UseNumber()
		require.NoError(a.t, dec.Decode(&m), "%s", a.body)
	}
	return m
}

// problem asserts an error answer.
func (a *answer) problem(status int, code string) string {
	a.t.Helper()
	m := a.want(status)
	require.Equal(a.t, "application/problem+json", a.header.Get("Content-Type"))
	require.Equal(a.t, code, m["code"], "%s", a.body)
	require.Equal(a.t, "about:blank", m["type"])
	require.Equal(a.t, http.StatusText(status), m["title"])
	require.Equal(a.t, json.Number(fmt.Sprint(status)), m["status"])
	require.Len(a.t, m, 5)
	switch status {
	case 401:
		require.Equal(a.t, "Bearer", a.header.Get("WWW-Authenticate"))
	case 503, 429:
		require.NotEmpty(a.t, a.header.Get("Retry-After"))
	}
	detail := m["detail"].(string)
	require.NotEmpty(a.t, detail)
	return detail
}

// put uploads to the default bucket and returns the id.
func (e *env) put(path, data string, headers ...string) string {
	e.t.Helper()
	return e.do("POST", "/objects/default?path="+path, root, []byte(data), headers...).want(201)["id"].(string)
}
