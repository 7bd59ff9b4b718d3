package httpapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

func TestMounts(t *testing.T) {
	mounted := func(pattern string) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle(pattern, h)
			return mux
		}
	}
	for name, c := range map[string]struct {
		base, prefix string
		mount        func(http.Handler) http.Handler
	}{
		"bare":     {"", "", func(h http.Handler) http.Handler { return h }},
		"at base":  {"", "", mounted("/api/v1/")},
		"at root":  {"", "", mounted("/")},
		"own base": {"/files/v2/", "", mounted("/files/v2/")},
		"no base":  {"/", "", mounted("/")},
		"stripped": {"", "/deep/er", func(h http.Handler) http.Handler { return mounted("/deep/er/")(http.StripPrefix("/deep/er", h)) }},
		"base cut": {"/", "/api/v1", func(h http.Handler) http.Handler { return mounted("/api/v1/")(http.StripPrefix("/api/v1", h)) }},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, func(s *setup) { s.opts.BasePath = c.base })
			s := httptest.NewServer(c.mount(e.handler))
			defer s.Close()
			base := c.prefix
			switch c.base {
			case "":
				base += "/api/v1"
			case "/files/v2/":
				base += "/files/v2"
			}
			e.base = s.URL + base + "/storage"
			a := e.do("POST", "/objects/default?path=a%2Fb%20c", root, []byte("hello"))
			id := a.want(201)["id"].(string)
			require.Equal(t, base+"/storage/objects/default/"+id, a.header.Get("Location"))
			require.Equal(t, "hello", string(e.do("GET", s.URL+a.header.Get("Location"), root, nil).body))
			link := e.do("POST", "/objects/default/"+id+"/sign", root, `{"expires_in":60}`).want(200)["url"].(string)
			require.True(t, strings.HasPrefix(link, s.URL+base+"/storage/objects/"), link)
			require.Equal(t, "hello", string(e.do("GET", link, "", nil).body))
			require.Equal(t, "hello", string(e.do("GET", "/files/default/a/b%20c", root, nil).body))
			e.do("PUT", "/records/c/a%2F%2Fb", root, `{"value":1}`).want(201)
			require.Equal(t, "a//b", e.do("GET", "/records/c/a%2F%2Fb", root, nil).want(200)["key"])
			e.do("GET", "/records/c/%2e%2e", root, nil).problem(400, "invalid_path")
			e.do("GET", "/nothing", root, nil).problem(404, "not_found")
			e.do("DELETE", "/buckets", root, nil).problem(405, "method_not_allowed")
			e.do("GET", "/healthz", "", nil).want(200)
		})
	}
}

func TestOrigin(t *testing.T) {
	e := newEnv(t)
	id := e.put("x", "y")
	sign := func(h http.Handler, edit func(*http.Request)) string {
		req := httptest.NewRequest("POST", "/api/v1/storage/objects/default/"+id+"/sign", strings.NewReader(`{"expires_in":60}`))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", root)
		req.Header.Set("X-Forwarded-Host", "evil.example")
		req.Header.Set("X-Forwarded-Proto", "gopher")
		edit(req)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		a := &answer{t, rec.Code, rec.Header(), rec.Body.Bytes()}
		url, _, _ := strings.Cut(a.want(200)["url"].(string), "/api/v1/")
		return url
	}
	require.Equal(t, "http://example.com", sign(e.handler, func(*http.Request) {}))
	require.Equal(t, "https://a.example:8443", sign(e.handler, func(r *http.Request) { r.Host, r.TLS = "a.example:8443", &tls.ConnectionState{} }))
	require.Equal(t, "http://example.com", sign(e.handler, func(r *http.Request) { r.RequestURI = "http://example.com" + r.RequestURI }))
	for _, uri := range []string{"//evil.example/api/v1/storage/objects/default/" + id + "/sign", "/x//y/api/v1/storage/objects/default/" + id + "/sign", "/unrelated"} {
		require.Equal(t, "http://example.com", sign(e.handler, func(r *http.Request) { r.RequestURI = uri }))
	}
	h, err := New(e.store, testAuth{}, &Options{PublicURL: "https://files.example/", SigningKeys: []SigningKey{{"k", bytes.Repeat([]byte("k"), 32)}}})
	require.NoError(t, err)
	require.Equal(t, "https://files.example", sign(h, func(*http.Request) {}))
}

func TestNewRefuses(t *testing.T) {
	b := memory.New()
	store, err := holdall.New(holdall.Config{Catalog: b, Blobs: b})
	require.NoError(t, err)
	for _, o := range []Options{
		{BasePath: "api"}, {BasePath: "/a//b"}, {BasePath: "/a/../b"}, {BasePath: "/{x}"}, {BasePath: "/a%20b"}, {Timeout: -1},
		{PublicURL: "files.example"}, {PublicURL: "https://x/y"}, {PublicURL: "ftp://x"}, {PublicURL: "https://u@x"}, {PublicURL: "https://"},
		{SigningKeys: []SigningKey{{"k", []byte("short")}}}, {SigningKeys: []SigningKey{{}}},
	} {
		_, err := New(store, testAuth{}, &o)
		require.Error(t, err, "%+v", o)
	}
	_, err = New(nil, testAuth{}, nil)
	require.Error(t, err)
	_, err = New(store, nil, nil)
	require.Error(t, err)
}

func TestGuard(t *testing.T) {
	e := newEnv(t)
	for _, p := range []string{
		"//", "/objects//x", "/objects/default/./x", "/objects/../buckets", "/objects/%2e%2e/buckets", "/objects/%2E/x", "/objects/.%2e/x", "/objects/default/%00", "/objects/default/a%00",
		"/objects/%ff", "/objects/%c0%ae%c0%ae", "/records/c/%ed%a0%80", "/objects/default//", "/files/default/a/../../x", "/.", "/..",
	} {
		for _, token := range []string{root, "", "Bearer nonsense"} {
			e.do("GET", p, token, nil).problem(400, "invalid_path")
		}
	}
	// What a client cannot send through net/url, or a mux takes before us.
	for _, p := range []string{"", "*", "api"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.URL.RawPath = p, ""
		rec := httptest.NewRecorder()
		e.handler.ServeHTTP(rec, r)
		require.Equal(t, 400, rec.Code, p)
	}
}

func TestUnknownAddresses(t *testing.T) {
	e := newEnv(t)
	for _, p := range []string{"/", "/nothing", "/objects/", "/objects/b/o/x/y", "/objects/b/o/nothing", "/buckets/b/x", "/files", "/files/b", "/records/batch/", "/openapi.json"} {
		if p == "/records/batch/" {
			continue // an empty key
		}
		e.do("GET", p, root, nil).problem(404, "not_found")
		e.do("GET", p, "", nil).problem(404, "not_found")
		e.do("GET", p, "Bearer nonsense", nil).problem(401, "unauthenticated")
	}
	for p, c := range map[string][2]string{
		"/buckets": {"PUT", "GET, HEAD, POST, OPTIONS"}, "/buckets/b": {"POST", "GET, HEAD, PATCH, DELETE, OPTIONS"}, "/buckets/b/empty": {"GET", "POST, OPTIONS"},
		"/objects": {"PATCH", "GET, HEAD, POST, OPTIONS"}, "/objects/b": {"PATCH", "GET, HEAD, POST, PUT, DELETE, OPTIONS"},
		"/objects/b/o": {"PUT", "GET, HEAD, PATCH, DELETE, OPTIONS"}, "/objects/b/o/sign": {"GET", "POST, OPTIONS"}, "/records": {"POST", "GET, HEAD, PUT, OPTIONS"},
		"/records/c": {"PUT", "GET, HEAD, DELETE, OPTIONS"}, "/records/batch": {"PUT", "GET, HEAD, POST, DELETE, OPTIONS"}, "/records/c/k/l": {"POST", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"},
		"/files/b/x/y": {"POST", "GET, HEAD, OPTIONS"}, "/healthz": {"POST", "GET, HEAD, OPTIONS"},
	} {
		a := e.do(c[0], p, root, nil)
		a.problem(405, "method_not_allowed")
		require.Equal(t, c[1], a.header.Get("Allow"), p)
		a = e.do("OPTIONS", p, "", nil)
		require.Equal(t, 204, a.status)
		require.Equal(t, c[1], a.header.Get("Allow"), p)
		e.do("PROPFIND", p, root, nil).problem(405, "method_not_allowed")
	}
	e.do("OPTIONS", "/nothing", "", nil).problem(404, "not_found")
}

// Every route but the open ones asks for credentials, and bad ones are refused
// everywhere.
func TestCredentials(t *testing.T) {
	e := newEnv(t)
	a := &api{signer: &signer{}, base: "/api/v1"}
	fill := strings.NewReplacer("{bucket}", "default", "{name}", "default", "{id}", "obj_01ARZ3NDEKTSV4RRFFQ69G5FAV", "{collection}", "c", "{key...}", "k", "{path...}", "p", "{appId}", "crm")
	for _, rt := range a.routes() {
		method, path, ok := strings.Cut(rt.pattern, " ")
		if !ok {
			continue
		}
		url := e.server.URL + fill.Replace(path)
		detail := e.do(method, url, "Bearer nonsense", `{}`).problem(401, "unauthenticated")
		require.NotContains(t, detail, "dsn")
		e.do(method, url, "Bearer down", `{}`).problem(503, "unavailable")
		e.do(method, url, bearer(holdall.Principal{User: "ann", Permissions: []string{"*"}}), `{"name":"x","expires_in":1,"path":"x","collection":"c","key":"k","value":1,"ids":["x"],"operations":[{"op":"delete","collection":"c","key":"k"}]}`,
			"Content-Type", map[bool]string{true: mergePatch, false: "application/json"}[method == "PATCH" && strings.Contains(path, "records")])
		if rt.mode&open == 0 {
			e.do(method, url, "", `{}`).problem(401, "unauthenticated")
			e.do(method, url, "", `{}`, "Authorization", "").problem(401, "unauthenticated")
		}
	}
	e.do("GET", "/buckets", bearer(holdall.Principal{User: "ann", Permissions: []string{"*"}}), nil).problem(401, "unauthenticated")
	e.do("GET", "/buckets", caller(""), nil).problem(403, "permission_denied")
}

type authFunc func(*http.Request) (holdall.Principal, bool, error)

func (f authFunc) Authenticate(r *http.Request) (holdall.Principal, bool, error) { return f(r) }

func TestRefusalsKeepToTheirDetail(t *testing.T) {
	refusal := error(&holdall.Error{Op: "auth", Code: holdall.CodeUnauthenticated, Detail: "the token has expired", Err: errors.New("secret cause")})
	e := newEnv(t, func(s *setup) {
		s.auth = authFunc(func(*http.Request) (holdall.Principal, bool, error) { return holdall.Principal{}, false, refusal })
	})
	require.Equal(t, "the token has expired", e.do("GET", "/healthz", "", nil).problem(401, "unauthenticated"))
	refusal = &holdall.Error{Op: "auth", Code: holdall.CodeInternal, Detail: "host=db1", Err: errors.New("secret cause")}
	require.NotContains(t, e.do("GET", "/healthz", "", nil).problem(401, "unauthenticated"), "db1")
}

func TestRequestID(t *testing.T) {
	e := newEnv(t)
	require.Equal(t, "my-id.1:x/y+z=", e.do("GET", "/healthz", "", nil, "X-Request-Id", "my-id.1:x/y+z=").header.Get("X-Request-Id"))
	seen := map[string]bool{}
	for _, bad := range []string{"", "a b", strings.Repeat("x", 129), "é", "a\tb"} {
		id := e.do("GET", "/nothing", "", nil, "X-Request-Id", bad).header.Get("X-Request-Id")
		require.NotEqual(t, bad, id)
		require.Len(t, id, 26)
		require.False(t, seen[id])
		seen[id] = true
	}
}

func TestAccept(t *testing.T) {
	e := newEnv(t)
	for accept, status := range map[string]int{
		"": 200, "*/*": 200, "application/*": 200, "application/json": 200, "text/html, application/json;q=0.1": 200, "text/html,*/*;q=0.8": 200, "nonsense;;, */*": 200,
		"text/html": 406, "application/json;q=0": 406, "application/json;q=0, */*": 406, "image/*": 406, "*/*;q=0": 406, "application/problem+json": 406,
	} {
		require.Equal(t, status, e.do("GET", "/buckets", root, nil, "Accept", accept).status, accept)
	}
	id := e.put("x", "y")
	e.do("GET", "/objects/default/"+id, root, nil, "Accept", "image/png").want(200)
	e.do("GET", "/openapi.yaml", "", nil, "Accept", "text/html").want(200)
	e.do("GET", "/buckets", root, nil, "Accept", "text/html").problem(406, "not_acceptable")
}

func TestHealthAndDescription(t *testing.T) {
	down := &downCatalog{}
	e := newEnv(t, func(s *setup) { down.Catalog, s.cfg.Catalog = s.cfg.Catalog, down })
	for _, url := range []string{e.server.URL + "/healthz", e.base + "/healthz"} {
		down.err = nil
		require.Equal(t, map[string]any{"status": "ok"}, e.do("GET", url, "", nil).want(200))
		down.err = fmt.Errorf("dial tcp db1:5432: %w", holdall.ErrUnavailable)
		detail := e.do("GET", url, "", nil).problem(503, "unavailable")
		require.Contains(t, detail, "catalog")
		require.NotContains(t, detail, "db1")
	}
	a := e.do("GET", "/openapi.yaml", "", nil)
	a.want(200)
	require.Equal(t, "application/yaml", a.header.Get("Content-Type"))
	require.Equal(t, openapiYAML, a.body)
}

// downCatalog fails with err when that is set.
type downCatalog struct {
	holdall.Catalog
	err   error
	panic any
}

func (c *downCatalog) Ping(context.Context) error { return c.err }

func (c *downCatalog) Get(ctx context.Context, ref holdall.Ref) (holdall.Entry, error) {
	if c.panic != nil {
		panic(c.panic)
	}
	if c.err != nil {
		return holdall.Entry{}, c.err
	}
	return c.Catalog.Get(ctx, ref)
}

func TestBackendErrors(t *testing.T) {
	down := &downCatalog{}
	e := newEnv(t, func(s *setup) { down.Catalog, s.cfg.Catalog = s.cfg.Catalog, down })
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{fmt.Errorf("dial tcp db1:5432: %w", holdall.ErrUnavailable), 503, "unavailable"},
		{errors.New("pq: syntax error in SELECT secret FROM db1"), 500, "internal"},
		{context.DeadlineExceeded, 504, "timeout"},
		{context.Canceled, 500, "internal"}, // not the client's own
	} {
		down.err = c.err
		a := e.do("GET", "/buckets/default", root, nil, "X-Request-Id", "find-me-"+c.code)
		detail := a.problem(c.status, c.code)
		require.NotContains(t, detail, "db1")
		require.NotContains(t, detail, "SELECT")
		require.Contains(t, e.log.String(), "find-me-"+c.code)
	}
	require.Contains(t, e.log.String(), "pq: syntax error")
	down.panic = "secret panic"
	a := e.do("GET", "/buckets/default", root, nil)
	require.NotContains(t, a.problem(500, "internal"), "secret")
	require.Contains(t, e.log.String(), "secret panic")
	require.Contains(t, e.log.String(), "goroutine")
	down.panic = http.ErrAbortHandler
	_, err := e.try("GET", "/buckets/default", root, nil)
	require.Error(t, err)
}

// slowCatalog waits for the end of the request.
type slowCatalog struct {
	holdall.Catalog
	entered chan struct{}
}

func (c *slowCatalog) Get(ctx context.Context, _ holdall.Ref) (holdall.Entry, error) {
	c.entered <- struct{}{}
	<-ctx.Done()
	return holdall.Entry{}, fmt.Errorf("reading: %w", ctx.Err())
}

func TestTimeout(t *testing.T) {
	slow := &slowCatalog{entered: make(chan struct{}, 10)}
	e := newEnv(t, func(s *setup) {
		slow.Catalog, s.cfg.Catalog = s.cfg.Catalog, slow
		s.opts.Timeout = 20 * time.Millisecond
	})
	e.do("GET", "/buckets/default", root, nil).problem(504, "timeout")
}

// A client that goes away is noted, and gets nothing.
func TestClientGoesAway(t *testing.T) {
	slow := &slowCatalog{entered: make(chan struct{}, 10)}
	e := newEnv(t, func(s *setup) { slow.Catalog, s.cfg.Catalog = s.cfg.Catalog, slow })
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", e.base+"/buckets/default", nil)
	req.Header.Set("Authorization", root)
	go func() {
		<-slow.entered
		cancel()
	}()
	_, err := noRedirect.Do(req)
	require.ErrorIs(t, err, context.Canceled)
	e.server.Close() // waits for the request
	require.Contains(t, e.log.String(), "aborted=true")
	require.NotContains(t, e.log.String(), "level=ERROR")
}

func TestRedact(t *testing.T) {
	for query, want := range map[string]string{
		"": "", "a=b": "a=b", "signature=abc&x=1": "signature=REDACTED&x=1", "Access_Token=abc": "Access_Token=REDACTED", "signature=a&signature=b": "signature=REDACTED&signature=REDACTED",
		"a;signature=x": "(malformed)", "%zz": "(malformed)",
	} {
		require.Equal(t, want, redact(query))
	}
}

// A file reaches the connection by the writer's own io.ReaderFrom, which is
// what makes sendfile possible, and a wrapper without one still works.
func TestFastPath(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(name, []byte("hello"), 0o600))
	e := newEnv(t, func(s *setup) { s.cfg.Blobs = fileBlobs{s.cfg.Blobs, name} })
	id := e.put("x", "hello")
	for _, plain := range []bool{false, true} {
		w := &fastWriter{ResponseRecorder: httptest.NewRecorder()}
		var rw http.ResponseWriter = w
		if plain {
			rw = struct{ http.ResponseWriter }{w}
		}
		req := httptest.NewRequest("GET", "/api/v1/storage/objects/default/"+id, nil)
		req.Header.Set("Authorization", root)
		e.handler.ServeHTTP(rw, req)
		require.Equal(t, "hello", w.Body.String())
		require.Equal(t, !plain, w.file)
	}
	require.Contains(t, e.log.String(), "bytes=5 ")
	rec := &recorder{ResponseWriter: httptest.NewRecorder()}
	require.NoError(t, http.NewResponseController(rec).Flush())
	rec.Flush()
}

type fileBlobs struct {
	holdall.Blobs
	name string
}

func (b fileBlobs) OpenBlob(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return os.Open(b.name)
}

type fastWriter struct {
	*httptest.ResponseRecorder
	file bool
}

func (w *fastWriter) ReadFrom(r io.Reader) (int64, error) {
	_, w.file = r.(interface {
		io.Reader
		Stat() (os.FileInfo, error)
	})
	return io.Copy(w.Body, r)
}
