// Package httpapi serves a [holdall.Store] over REST: the buckets, objects,
// records and links of the HTTP contract that openapi.yaml describes.
//
//	auth, err := jwtauth.New(jwtauth.HS256(secret), nil)
//	api, err := httpapi.New(store, auth, nil)
//	mux.Handle("/api/v1/", api)
//
// # Mounting
//
// The handler routes on the path of the request, which begins with
// [Options.BasePath]. It works on any mux, at the base path or at "/", and
// behind [http.StripPrefix] under a prefix; links that it answers with carry
// the prefix, without being told. A mux in front of it sees a request first:
// [http.ServeMux] redirects a path with "//" in it, where this handler would
// answer 400.
//
// # Callers
//
// The host says who calls with an [Authenticator]. Only public downloads,
// signed links, the health check and the description answer to a request
// without credentials; one with bad credentials is 401 everywhere.
//
// # The server around it
//
// Uploads and downloads take as long as they take, so slow and silent clients
// are bounded by the host's own [http.Server]: ReadHeaderTimeout (say 10 s),
// IdleTimeout (two minutes) and MaxHeaderBytes (64 KiB is plenty).
// ReadTimeout and WriteTimeout bound a whole upload or download and cut off
// honest slow ones; set them to the longest transfer that is to be allowed, which should
// be shorter than [holdall.Config.Grace]. Requests that move no
// file are bounded by [Options.Timeout]. Compression, CORS and rate limits are
// middleware of the host; a wrapper of the http.ResponseWriter should have an
// Unwrap method and io.ReaderFrom, or downloads lose their fast path.
package httpapi
