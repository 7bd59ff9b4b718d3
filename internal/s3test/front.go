package s3test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// Front is a way to a server that can be drained: once Close has returned,
// nothing that was sent over it is under way any more, so that what is seen of
// the server then is final. A server goes on with a request whose client is
// gone, or killed.
type Front struct {
	Server // under the front's address
	http   *httptest.Server
}

// Front opens a way to the server, which ends with the test. answered may
// answer a request in the server's place, and says whether it did; nil answers
// none.
func (s *Server) Front(t testing.TB, answered func(w http.ResponseWriter) bool) *Front {
	to := &url.URL{Scheme: "http", Host: s.Addr}
	if s.Secure {
		to.Scheme = "https"
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out = r.Out.WithContext(context.WithoutCancel(r.In.Context())) // its answer is waited for
			r.SetURL(to)
			r.Out.Host = r.In.Host // it is signed
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	f := &Front{http: httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answered == nil || !answered(w) {
			proxy.ServeHTTP(w, r)
		}
	}))}
	f.Server = Server{Kind: s.Kind, Addr: f.http.Listener.Addr().String(), Key: s.Key, Secret: s.Secret}
	t.Cleanup(f.Close)
	return f
}

// Close takes no more requests and waits until the server has answered those
// that it has, whether or not anybody listens. Closing twice is harmless.
func (f *Front) Close() { f.http.Close() }
