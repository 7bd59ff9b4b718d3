// Package console serves a web page on which people look after the files,
// buckets and records of a store. The page is a client of the REST API of
// package httpapi like any other: it can do what the token of whoever is
// signed in allows, and no more.
//
//	mux.Handle("/console/", http.StripPrefix("/console", console.Handler(console.Options{})))
package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

// dist is what "make console" builds from ui.
//
//go:embed dist
var dist embed.FS

// Options are settings of [Handler]. The zero value is fit for a server that
// serves the API beside the console under the API's own default path.
type Options struct {
	// APIBase is where the page reaches the API, with "/storage" at its end: a
	// path on its own origin, or the URL of another origin, which then must
	// allow this one by CORS. "" is "/api/v1/storage".
	APIBase string
	// Roles is the table that [holdall.Config.Roles] has. The page asks it what
	// the roles in a token grant, so as not to offer what would be refused; it
	// decides nothing. The table is not published: a role has to be asked for
	// by name.
	Roles holdall.Roles
	// Token signs people in who are known to the host by other means: it
	// returns a bearer token of the API for whoever sends the request, or ""
	// for nobody, and then the page asks for one. It is only called for
	// requests that a browser says the page itself has sent (Sec-Fetch-Site),
	// and it must not trust anything in a request that another program of the
	// same machine or network could have written. Nil is nobody. It must be
	// safe for concurrent use.
	Token func(*http.Request) string
}

// file is one embedded file, ready to be served.
type file struct {
	contentType string
	cache       string
	etag        string
	body        string
}

type handler struct {
	files map[string]file // by path, without the leading slash
	csp   string
	opts  Options
}

// Handler returns the console. It is to be mounted at a path that ends in a
// slash, with that path stripped but for the slash: the page refers to its own
// files by relative addresses, so any path will do. It panics when APIBase is
// neither a path nor an http or https URL, or does not end in "/storage": that
// is a slip of the program, found at its start. The handler is safe for concurrent use.
func Handler(opts Options) http.Handler {
	if opts.APIBase == "" {
		opts.APIBase = "/api/v1/storage"
	}
	origin, err := originOf(opts.APIBase)
	if err != nil {
		panic(err)
	}
	h := &handler{files: map[string]file{}, csp: policy(origin), opts: opts}
	if err := h.load(); err != nil {
		panic(err) // the embedded files do not change after the build
	}
	return h
}

// originOf returns the origin of the API where it is another one, else "".
func originOf(base string) (string, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil || !strings.HasSuffix(base, "/storage"):
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.ContainsAny(base, " ;,\\"):
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(base, "/"):
		return "", nil
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		return u.Scheme + "://" + u.Host, nil
	}
	return "", fmt.Errorf("console: APIBase %q is neither a path such as /api/v1/storage nor an http URL that ends so", base)
}

// policy is the Content-Security-Policy (CSP Level 3). Nothing inline runs.
// What users stored is shown from blob: URLs, and from signed links of the API
// where it is sound or pictures that move.
func policy(apiOrigin string) string {
	self := strings.TrimSpace("'self' " + apiOrigin)
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "font-src 'self'",
		"connect-src " + self, "img-src 'self' blob:", "media-src blob: " + self, "frame-src blob:",
		"frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'",
		"require-trusted-types-for 'script'", "trusted-types 'none'",
	}, "; ")
}

// load reads the embedded files. The names of assets carry a hash of what is
// in them, so they never change; the page itself does.
func (h *handler) load() error {
	return fs.WalkDir(dist, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		f := file{contentType: mediaTypes[path.Ext(name)], cache: "public, max-age=31536000, immutable", body: string(body)}
		if f.contentType == "" {
			return fmt.Errorf("console: %s is of no known type", name)
		}
		if !strings.HasPrefix(name, "dist/assets/") {
			f.cache = "no-cache"
		}
		if name == "dist/index.html" {
			f.body = strings.Replace(f.body, "{{api-base}}", html.EscapeString(h.opts.APIBase), 1)
		}
		sum := sha256.Sum256([]byte(f.body))
		f.etag = `"` + hex.EncodeToString(sum[:16]) + `"`
		h.files[strings.TrimPrefix(name, "dist/")] = f
		return nil
	})
}

// mediaTypes are given here since those of package mime depend on the machine.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", h.csp)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch name := strings.TrimPrefix(r.URL.Path, "/"); name {
	case "session":
		h.session(w, r)
	case "permissions":
		h.permissions(w, r)
	case "":
		h.file(w, r, "index.html")
	default:
		h.file(w, r, name)
	}
}

func (h *handler) file(w http.ResponseWriter, r *http.Request, name string) {
	if !allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	f, ok := h.files[name]
	if !ok {
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "there is no such page", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", f.contentType)
	w.Header().Set("Cache-Control", f.cache)
	w.Header().Set("ETag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(f.body))
}

// session answers with a token for whoever the host says has opened the page.
func (h *handler) session(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, http.MethodPost) {
		return
	}
	token := ""
	if h.opts.Token != nil && r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		token = h.opts.Token(r)
	}
	answer(w, map[string]string{"token": token})
}

// permissions answers with the permission keys that ?role= (any number of
// them) grants.
func (h *handler) permissions(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, http.MethodGet) {
		return
	}
	keys := []string{}
	for _, role := range r.URL.Query()["role"] {
		keys = append(keys, h.opts.Roles[role]...)
	}
	answer(w, map[string][]string{"permissions": keys})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v) // the client has gone
}

func allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, m := range methods {
		if r.Method == m {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	http.Error(w, "this address takes "+strings.Join(methods, ", "), http.StatusMethodNotAllowed)
	return false
}
