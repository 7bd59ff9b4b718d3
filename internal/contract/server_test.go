package contract

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is a real server and what the tests know about it.
type server struct {
	t    *testing.T
	url  *url.URL
	spec *spec
	mu   sync.Mutex
	now  time.Time
	seen map[string]map[int]int // operation, status, how often
}

var startOfTime = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

// maxObject is the servers' global limit in bytes.
const maxObject = 1 << 20

var jwtSecret = []byte("a secret of the contract's tests, 32+")

func newServer(t *testing.T) *server {
	t.Helper()
	return startServer(t, func(s *server) http.Handler { return newHandler(t, s.clock, nil) })
}

func startServer(t *testing.T, handler func(*server) http.Handler) *server {
	t.Helper()
	sp, err := loadSpec()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, spec: sp, now: startOfTime, seen: map[string]map[int]int{}}
	srv := httptest.NewServer(toTheEnd(handler(s)))
	t.Cleanup(srv.Close)
	s.url, _ = url.Parse(srv.URL)
	return s
}

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

func (s *server) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *server) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// caller is whom a token is for.
type caller struct {
	tenant, user, app string
	perms             []string
}

var (
	root  = caller{tenant: "acme", user: "root", perms: []string{"*"}}
	ann   = caller{tenant: "acme", user: "ann", perms: []string{"*"}}
	bob   = caller{tenant: "acme", user: "bob", perms: []string{"*"}}
	appA  = caller{tenant: "acme", user: "ann", app: "app-a", perms: []string{"*"}}
	appB  = caller{tenant: "acme", user: "ann", app: "app-b", perms: []string{"*"}}
	rival = caller{tenant: "rival", user: "ann", perms: []string{"*"}}
)

func with(perms ...string) caller { return caller{tenant: "acme", user: "eve", perms: perms} }

func (c caller) claims(now time.Time) map[string]any {
	m := map[string]any{"sub": c.user, "tenant_id": c.tenant, "exp": now.Add(365 * 24 * time.Hour).Unix()}
	if c.perms != nil {
		m["permissions"] = c.perms
	}
	if c.app != "" {
		m["app_id"] = c.app
	}
	return m
}

// token signs a payload, which need not be sound.
func token(header, payload string) string {
	enc := base64.RawURLEncoding.EncodeToString
	text := enc([]byte(header)) + "." + enc([]byte(payload))
	mac := hmac.New(sha256.New, jwtSecret)
	mac.Write([]byte(text))
	return text + "." + enc(mac.Sum(nil))
}

const hs256 = `{"alg":"HS256","typ":"JWT"}`

type option func(*http.Request)

func as(c caller) option {
	return func(r *http.Request) {
		payload, _ := json.Marshal(c.claims(startOfTime))
		r.Header.Set("Authorization", "Bearer "+token(hs256, string(payload)))
	}
}

func header(name, value string) option {
	return func(r *http.Request) { r.Header[name] = append(r.Header[name], value) }
}

func body(contentType, text string) option {
	return func(r *http.Request) {
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	}
}

func chunked(contentType, text string) option {
	return func(r *http.Request) {
		r.Header.Set("Content-Type", contentType)
		r.Body, r.ContentLength = io.NopCloser(struct{ io.Reader }{strings.NewReader(text)}), -1
	}
}

func js(text string) option { return body("application/json", text) }

// answer is what came back.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   []byte
}

var client = &http.Client{
	Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 4},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// do sends a request to an address below base, byte for byte as it is written,
// and holds the answer to the description.
func (s *server) do(method, target string, opts ...option) answer {
	s.t.Helper()
	return s.send(s.t, method, base+target, opts...)
}

func (s *server) send(t *testing.T, method, target string, opts ...option) answer {
	t.Helper()
	path, query, _ := strings.Cut(target, "?")
	req := &http.Request{Method: method, Header: http.Header{}, Host: s.url.Host,
		URL: &url.URL{Scheme: "http", Host: s.url.Host, Opaque: path, RawQuery: query}}
	for _, o := range opts {
		o(req)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	a := answer{t: t, what: method + " " + shorten(target), status: resp.StatusCode, header: resp.Header, body: text}
	s.hold(a, req, path)
	return a
}

var leaks = regexp.MustCompile(`json: |strconv\.|goroutine|/(usr|home|root)/|\.go:\d|holdall: |http: |mime: |multipart: |unexpected EOF`)

// hold checks what every answer must be.
func (s *server) hold(a answer, req *http.Request, path string) {
	a.t.Helper()
	op, err := s.spec.check(req, strings.TrimPrefix(path, base), a.status, a.header, a.body)
	if err != nil {
		a.t.Errorf("%s: %d is not as described: %v\n%s", a.what, a.status, err, shorten(string(a.body)))
	}
	s.mu.Lock()
	if s.seen[op] == nil {
		s.seen[op] = map[int]int{}
	}
	s.seen[op][a.status]++
	s.mu.Unlock()
	if a.status >= 400 && leaks.Match(a.body) {
		a.t.Errorf("%s: the detail is not ours: %s", a.what, a.body)
	}
}

func shorten(s string) string {
	if len(s) > 300 {
		return s[:300] + "…"
	}
	return s
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Errorf("%s: %d, want %d: %s", a.what, a.status, status, shorten(string(a.body)))
	}
	return a
}

// must is want for what later steps need.
func (a answer) must(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: %d, want %d: %s", a.what, a.status, status, shorten(string(a.body)))
	}
	return a
}

func (a answer) code(status int, code string) answer {
	a.t.Helper()
	if got, _ := a.json()["code"].(string); a.status != status || got != code {
		a.t.Errorf("%s: %d %s, want %d %s: %s", a.what, a.status, got, status, code, shorten(string(a.body)))
	}
	return a
}

func (a answer) json() map[string]any {
	var m map[string]any
	dec := json.NewDecoder(bytes.NewReader(a.body))
	dec.UseNumber()
	_ = dec.Decode(&m) // a nil map says enough
	return m
}

// get returns a member as text: "<missing>" and "<nil>" are what they say.
func (a answer) get(name string) string {
	v, ok := a.json()[name]
	if !ok {
		return "<missing>"
	}
	if s, ok := v.(string); ok {
		return s
	}
	text, _ := json.Marshal(v)
	return string(text)
}

func (a answer) has(name, want string) answer {
	a.t.Helper()
	if got := a.get(name); got != want {
		a.t.Errorf("%s: %s is %s, want %s", a.what, name, got, want)
	}
	return a
}

func (a answer) hasHeader(name, want string) answer {
	a.t.Helper()
	if got := a.header.Values(name); len(got) != 1 || got[0] != want {
		a.t.Errorf("%s: %s is %q, want %q", a.what, name, got, want)
	}
	return a
}

func (a answer) text(want string) answer {
	a.t.Helper()
	if string(a.body) != want {
		a.t.Errorf("%s: body %q, want %q", a.what, shorten(string(a.body)), shorten(want))
	}
	return a
}

// column returns one member of every item of a list.
func (a answer) column(name string) string {
	a.t.Helper()
	items, ok := a.json()["data"].([]any)
	if !ok {
		a.t.Errorf("%s: data is not a list: %s", a.what, shorten(string(a.body)))
	}
	out := []string{}
	for _, item := range items {
		m, _ := item.(map[string]any)
		out = append(out, fmt.Sprint(m[name]))
	}
	return strings.Join(out, " ")
}

func (a answer) lists(name, want string) answer {
	a.t.Helper()
	if got := a.want(200).column(name); got != want {
		a.t.Errorf("%s: %q, want %q", a.what, got, want)
	}
	return a
}

// The things that most tests begin with.

func (s *server) upload(c caller, bucket, path, text string, opts ...option) answer {
	s.t.Helper()
	opts = append([]option{as(c), body("text/plain", text)}, opts...)
	return s.do("POST", "/storage/objects/"+bucket+"?path="+url.QueryEscape(path), opts...)
}

func (s *server) uploadID(c caller, bucket, path, text string) string {
	s.t.Helper()
	return s.upload(c, bucket, path, text).must(201).get("id")
}

func (s *server) bucket(rules string) {
	s.t.Helper()
	s.do("POST", "/storage/buckets", as(root), js(rules)).must(201)
}

func (s *server) put(c caller, collection, key, members string, opts ...option) answer {
	s.t.Helper()
	opts = append([]option{as(c), js("{" + members + "}")}, opts...)
	return s.do("PUT", "/storage/records/"+collection+"/"+key, opts...)
}

func sum(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

func etag(text string) string { return `"` + sum(text) + `"` }

const randomObject = "obj_01JNY4T8Q3V5W7X9Z0ABCDEFGH"
const randomRecord = "rec_01JNY4T8Q3V5W7X9Z0ABCDEFGH"

var idPattern = regexp.MustCompile(`(obj|rec)_[0-9A-Z]{26}`)

// sameAs holds two refusals to each other, ids aside.
func (a answer) sameAs(b answer) {
	a.t.Helper()
	x, y := idPattern.ReplaceAllString(string(a.body), "ID"), idPattern.ReplaceAllString(string(b.body), "ID")
	if a.status != b.status || x != y || a.header.Get("Content-Type") != b.header.Get("Content-Type") {
		a.t.Errorf("%s and %s can be told apart:\n%d %s\n%d %s", a.what, b.what, a.status, x, b.status, y)
	}
}

// each runs one subtest per row with a server's t set to it.
func (s *server) sub(name string, f func(s *server)) {
	s.t.Run(name, func(t *testing.T) {
		f(&server{t: t, url: s.url, spec: s.spec, now: s.now, seen: s.seen})
	})
}
