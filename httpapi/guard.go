package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// guardPath refuses, on the path as it was sent, what a mux would redirect or
// what reads one way before decoding and another after it.
func guardPath(escaped string) error {
	rest, ok := strings.CutPrefix(escaped, "/")
	if !ok {
		return errors.New("a path begins with /")
	}
	segments := strings.Split(rest, "/")
	for i, s := range segments {
		name, err := url.PathUnescape(s)
		switch {
		case err != nil:
			return errors.New("a % in a path is followed by two hexadecimal digits")
		case name == "" && i < len(segments)-1:
			return errors.New(`a path has no empty segment; a "/" that belongs to a name is sent as %2F`)
		case name == "." || name == "..":
			return fmt.Errorf("a path has no segment %q, encoded or not", name)
		case strings.ContainsRune(name, 0):
			return errors.New("a path has no U+0000")
		case !utf8.ValidString(name):
			return errors.New("a path is valid UTF-8 once it is decoded")
		}
	}
	return nil
}

// mountPrefix returns what the host has taken off the path before it handed
// the request on.
func mountPrefix(r *http.Request) string {
	full, _, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(full, "/") { // absolute form (RFC 9112, section 3.2.2)
		u, err := url.ParseRequestURI(r.RequestURI)
		if err != nil {
			return ""
		}
		full = u.EscapedPath()
	}
	prefix, ok := strings.CutSuffix(full, r.URL.EscapedPath())
	if !ok || prefix == "" || guardPath(prefix) != nil {
		return ""
	}
	return strings.TrimSuffix(prefix, "/")
}

// location returns the address of something under the base path, without the
// origin. Segments are encoded here.
func (a *api) location(r *http.Request, segments ...string) string {
	var b strings.Builder
	b.WriteString(mountPrefix(r) + a.base)
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}

// absolute puts the origin in front of a location.
func (a *api) absolute(r *http.Request, location string) string {
	switch {
	case a.origin != "":
		return a.origin + location
	case r.TLS != nil:
		return "https://" + r.Host + location
	}
	return "http://" + r.Host + location
}
