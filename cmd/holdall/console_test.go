package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFromThisMachine(t *testing.T) {
	for _, c := range []struct {
		from, host, header string
		want               bool
	}{
		{"127.0.0.1:5000", "127.0.0.1:8080", "", true},
		{"127.0.0.1:5000", "localhost:8080", "", true},
		{"127.0.0.1:5000", "LOCALHOST", "", true},
		{"[::1]:5000", "[::1]:8080", "", true},
		{"[::1]:5000", "[::1]", "", true},
		{"[::ffff:127.0.0.1]:5000", "localhost:8080", "", true},
		{"192.0.2.7:5000", "localhost:8080", "", false},                // from another machine
		{"127.0.0.1:5000", "evil.example:8080", "", false},             // DNS rebinding
		{"127.0.0.1:5000", "localhost.evil.example", "", false},        // and cunning ones
		{"127.0.0.1:5000", "127.0.0.1.evil.example:8080", "", false},   //
		{"127.0.0.1:5000", "192.0.2.7:8080", "", false},                // through a proxy that keeps Host
		{"127.0.0.1:5000", "", "", false},                              //
		{"127.0.0.1:5000", "localhost:8080", "X-Forwarded-For", false}, // through one that does not
		{"127.0.0.1:5000", "localhost:8080", "Forwarded", false},       //
		{"127.0.0.1:5000", "localhost:8080", "Via", false},             //
		{"@", "localhost:8080", "", false},                             // a socket
	} {
		r := httptest.NewRequest("POST", "/console/session", nil)
		r.RemoteAddr, r.Host = c.from, c.host
		if c.header != "" {
			r.Header.Set(c.header, "192.0.2.7")
		}
		require.Equal(t, c.want, fromThisMachine(r), "%+v", c)
	}
}

func TestServeConsole(t *testing.T) {
	p := newProgram(t)
	session := func(s *serving, change func(*http.Request)) string {
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/console/session", nil)
		require.NoError(t, err)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		change(r)
		res, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return string(body)
	}
	nothing := func(*http.Request) {}

	s := p.serve("--dev", "--catalog", "memory:")
	res, err := http.Get(s.url + "/console")
	require.NoError(t, err)
	page, err := io.ReadAll(res.Body)
	res.Body.Close()
	require.NoError(t, err)
	require.Equal(t, "/console/", res.Request.URL.Path, "it was sent on")
	require.Contains(t, string(page), "<title>Holdall</title>")
	require.True(t, strings.HasPrefix(session(s, nothing), `{"token":"ey`))
	require.JSONEq(t, `{"token":""}`, session(s, func(r *http.Request) { r.Host = "evil.example" }))
	require.JSONEq(t, `{"token":""}`, session(s, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }))
	require.Zero(t, s.stop())

	p.env = append(p.env, envJWTSecret+"="+strings.Repeat("s", minSecret))
	s = p.serve("--catalog", "memory:")
	require.JSONEq(t, `{"token":""}`, session(s, nothing), "without --dev nobody is signed in")
	require.Zero(t, s.stop())
}
