package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

// Authenticator says who sends a request. [jwtauth.Verifier] is one.
// It must be safe for concurrent use.
//
// [jwtauth.Verifier]: https://pkg.go.dev/github.com/holdall-go/holdall/httpapi/jwtauth#Verifier
type Authenticator interface {
	// Authenticate returns the caller. ok false without an error means that
	// the request carries no credentials: it is anonymous. An error makes the
	// request 401, or 503 when it matches [holdall.ErrUnavailable]; the client
	// sees the Detail of a [*holdall.Error], and nothing of any other.
	Authenticate(r *http.Request) (p holdall.Principal, ok bool, err error)
}

// Options are settings of [New]. The zero value, or nil, means the defaults.
type Options struct {
	// BasePath is what all routes begin with; "" is "/api/v1", "/" is nothing.
	BasePath string
	// SigningKeys sign links: the first signs, all verify. Without any, no
	// signed link is made or honoured: there are only those to the blob store,
	// or, where that makes none, no routes for links (404).
	SigningKeys []SigningKey
	// PublicURL is the origin of signed links, such as
	// "https://files.example.com". "" takes it from each request: its Host and
	// whether it came over TLS, which is wrong behind a proxy that ends TLS.
	PublicURL string
	// PublicTenant names the tenant whose public buckets an anonymous request
	// reads, by its Host for instance. Nil, or an answer of "", leaves it to
	// [holdall.Store.OpenPublic].
	PublicTenant func(*http.Request) string
	// Logger gets a line for each request, and the causes of 5xx answers.
	// Signatures are redacted, tokens never there. Nil is none.
	Logger *slog.Logger
	// Timeout bounds requests that move no file; 0 is 30 seconds. Running out
	// is 504.
	Timeout time.Duration
	// Now is the clock that signed links expire by; nil is time.Now.
	Now func() time.Time
}

// api is the handler.
type api struct {
	store        *holdall.Store
	auth         Authenticator
	base         string
	origin       string
	publicTenant func(*http.Request) string
	signer       *signer
	log          *slog.Logger
	timeout      time.Duration
	now          func() time.Time
	mux          *http.ServeMux
}

// New returns the handler of the HTTP contract over store. It fails when an
// option makes no sense: a short signing key, a PublicURL that is not an
// origin, a BasePath that is not a path. The handler is safe for concurrent
// use and starts no goroutine; the host closes store.
func New(store *holdall.Store, auth Authenticator, opts *Options) (http.Handler, error) {
	if store == nil || auth == nil {
		return nil, errors.New("httpapi: a store and an authenticator are needed")
	}
	if opts == nil {
		opts = &Options{}
	}
	a := &api{
		store: store, auth: auth, origin: strings.TrimSuffix(opts.PublicURL, "/"),
		base: strings.TrimSuffix(cmp.Or(opts.BasePath, "/api/v1"), "/"), publicTenant: opts.PublicTenant,
		log: opts.Logger, timeout: cmp.Or(opts.Timeout, 30*time.Second), now: opts.Now, mux: http.NewServeMux(),
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.now == nil {
		a.now = time.Now
	}
	var err error
	if a.signer, err = newSigner(opts.SigningKeys); err != nil {
		return nil, err
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	for _, rt := range a.routes() {
		a.mux.Handle(rt.pattern, a.serveRoute(rt))
	}
	return a, nil
}

func (a *api) check() error {
	if a.base != "" && (!strings.HasPrefix(a.base, "/") || guardPath(a.base) != nil || strings.ContainsAny(a.base, "{}%? ")) {
		return fmt.Errorf("httpapi: the base path %q is not a plain path that begins with /", a.base)
	}
	if a.timeout < 0 {
		return errors.New("httpapi: the timeout is negative")
	}
	if a.origin == "" {
		return nil
	}
	u, err := url.Parse(a.origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != a.origin {
		return fmt.Errorf("httpapi: the public URL %q is not an origin such as https://files.example.com", a.origin)
	}
	return nil
}

// apiFunc serves a request or says why not.
type apiFunc func(w http.ResponseWriter, r *http.Request) error

// route is one row of the routing table.
type route struct {
	pattern string // of http.ServeMux
	serve   apiFunc
	mode    mode
}

// mode says how a route is entered.
type mode int

const (
	open mode = 1 << iota // to requests without credentials too
	long                  // takes as long as the file, or what is stored, makes it
	raw                   // answers with something other than JSON
)

func (a *api) routes() []route {
	storage, apps := a.base+"/storage", a.base+"/apps/{appId}/storage"
	list := []route{
		{"GET " + storage + "/buckets", a.listBuckets, 0},
		{"POST " + storage + "/buckets", a.createBucket, 0},
		{"GET " + storage + "/buckets/{name}", a.getBucket, 0},
		{"PATCH " + storage + "/buckets/{name}", a.updateBucket, 0},
		{"DELETE " + storage + "/buckets/{name}", a.deleteBucket, long},
		{"POST " + storage + "/buckets/{name}/empty", a.emptyBucket, long},

		{"GET " + storage + "/objects", a.listAllObjects, 0},
		{"POST " + storage + "/objects", a.upload, long},
		{"GET " + storage + "/objects/{bucket}", a.listObjectsOrStat, 0},
		{"POST " + storage + "/objects/{bucket}", a.upload, long},
		{"DELETE " + storage + "/objects/{bucket}", a.deleteObjectByID, 0},
		{"GET " + storage + "/objects/{bucket}/{id}", a.download, open | long | raw},
		{"PATCH " + storage + "/objects/{bucket}/{id}", a.updateObject, 0},
		{"DELETE " + storage + "/objects/{bucket}/{id}", a.deleteObject, 0},
		{"POST " + storage + "/objects/{bucket}/{id}/copy", a.copyObject, long},
		{"POST " + storage + "/objects/{bucket}/{id}/restore", a.restoreObject, 0},
		{"POST " + storage + "/objects/{bucket}/delete", a.deleteObjects, 0},
		{"GET " + storage + "/files/{bucket}/{path...}", a.downloadByPath, open | long | raw},

		{"GET " + storage + "/records", a.listAllRecords, 0},
		{"PUT " + storage + "/records", a.putRecordByBody, 0},
		{"POST " + storage + "/records/batch", a.batchRecords, 0},
		{"GET " + storage + "/records/{collection}", a.listRecordsOrGet, 0},
		{"DELETE " + storage + "/records/{collection}", a.deleteRecordByID, 0},
		{"GET " + storage + "/records/{collection}/{key...}", a.getRecord, 0},
		{"PUT " + storage + "/records/{collection}/{key...}", a.putRecord, 0},
		{"PATCH " + storage + "/records/{collection}/{key...}", a.patchRecord, 0},
		{"DELETE " + storage + "/records/{collection}/{key...}", a.deleteRecord, 0},

		{"POST " + apps + "/upload", a.uploadAppFile, long},
		{"GET " + apps, a.listAppFiles, 0},
		{"DELETE " + apps, a.deleteApp, long},
		{"GET " + apps + "/{id}", a.downloadAppFile, long | raw},
		{"DELETE " + apps + "/{id}", a.deleteAppFile, 0},

		{"GET /healthz", a.health, open},
		{"GET " + storage + "/healthz", a.health, open},
		{"GET " + storage + "/openapi.yaml", a.openapi, open | raw},

		// Without these, http.ServeMux would redirect them to the same path with
		// a slash behind, which a {…...} pattern matches.
		{storage + "/files/{bucket}", a.unrouted, open | raw},
		{storage + "/records/{collection}", a.unrouted, open | raw},
		{"/", a.unrouted, open | raw},
	}
	if a.signer != nil || a.store.Presigns() {
		list = append(list,
			route{"POST " + storage + "/objects/{bucket}/{id}/sign", a.signDownload, 0},
			route{"POST " + storage + "/objects/{bucket}/sign-upload", a.signUpload, 0},
			route{"POST " + storage + "/objects/{bucket}/{id}/complete", a.completeUpload, long},
		)
	}
	if a.signer != nil {
		list = append(list, route{"PUT " + storage + "/objects/{bucket}", a.redeemUpload, open | long})
	}
	return list
}

// serveRoute lets in who may come in, and turns an error into its answer.
func (a *api) serveRoute(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := a.enter(rt, r)
		if err == nil && rt.mode&long == 0 {
			ctx, cancel := context.WithTimeout(r.Context(), a.timeout)
			defer cancel()
			r = r.WithContext(ctx)
		}
		if err == nil {
			err = rt.serve(w, r)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	})
}

func (a *api) enter(rt route, r *http.Request) error {
	if rt.mode&open == 0 && !callOf(r).known {
		return errAnonymous
	}
	if rt.mode&raw == 0 && !acceptsJSON(r.Header.Values("Accept")) {
		return &failure{code: codeNotAcceptable, detail: "this answers with application/json, which Accept rules out"}
	}
	return nil
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
}

// unrouted answers what no route takes: 405 where another method would do,
// else 404.
func (a *api) unrouted(w http.ResponseWriter, r *http.Request) error {
	var allowed []string
	for _, m := range methods {
		probe := r.Clone(r.Context())
		probe.Method = m
		if _, pattern := a.mux.Handler(probe); !strings.HasPrefix(pattern, "/") {
			allowed = append(allowed, m)
		}
	}
	if allowed == nil {
		return &failure{code: holdall.CodeNotFound, detail: "there is no such address here"}
	}
	w.Header().Set("Allow", strings.Join(append(allowed, http.MethodOptions), ", "))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return &failure{code: codeMethodNotAllowed, detail: "this address takes " + w.Header().Get("Allow")}
}

// workspace is the store as the caller of the request sees it.
func (a *api) workspace(r *http.Request) *holdall.Workspace { return a.store.As(callOf(r).principal) }
