package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/httpapi/jwtauth"
)

func TestMountedOnChi(t *testing.T) {
	secret := []byte("a secret of no less than 32 bytes")
	backend := memory.New()
	store, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend})
	if err != nil {
		t.Fatal(err)
	}
	h, err := newRouter(store, secret)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwtauth.Mint(secret, holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"storage:*"}}, time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()

	for _, c := range []struct {
		why, token, method, path, body string
		status                         int
		answer                         string
	}{
		{"its own page", "", "GET", "/", "", 200, "the program's own page\n"},
		{"nobody", "", "GET", "/api/v1/storage/buckets", "", 401, ""},
		{"an upload", token, "POST", "/api/v1/storage/objects/default?path=a%2Fb%20c.txt", "hello", 201, ""},
		{"its bytes", token, "GET", "/api/v1/storage/files/default/a/b%20c.txt", "", 200, "hello"},
		{"a record", token, "PUT", "/api/v1/storage/records/settings/ui%2Ftheme", `{"value":1}`, 201, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, srv.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if c.token != "" {
			req.Header.Set("Authorization", "Bearer "+c.token)
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
