package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

func TestMountedAPI(t *testing.T) {
	backend := memory.New()
	store, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend})
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHandler(store, sessions{"s1": {Tenant: "acme", User: "ann", Permissions: []string{"storage:*"}}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()

	for _, c := range []struct {
		why, session, method, path, body string
		status                           int
		answer                           string
	}{
		{"its own page", "", "GET", "/", "", 200, "the program's own page\n"},
		{"nobody", "", "GET", "/api/v1/storage/buckets", "", 401, ""},
		{"a wrong session", "s2", "GET", "/api/v1/storage/buckets", "", 401, ""},
		{"an upload", "s1", "POST", "/api/v1/storage/objects/default?path=a.txt", "hello", 201, ""},
		{"its bytes", "s1", "GET", "/api/v1/storage/files/default/a.txt", "", 200, "hello"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, srv.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "text/plain")
		if c.session != "" {
			req.AddCookie(&http.Cookie{Name: "session", Value: c.session})
		}
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || c.answer != "" && string(got) != c.answer {
			t.Errorf("%s: %d %q %v, want %d %q", c.why, resp.StatusCode, got, err, c.status, c.answer)
		}
	}
}
