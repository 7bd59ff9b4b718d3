package console_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/console"
)

func do(h http.Handler, method, target string, header ...string) (*http.Response, string) {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	res := w.Result()
	body, _ := io.ReadAll(res.Body)
	return res, string(body)
}

func TestPage(t *testing.T) {
	h := console.Handler(console.Options{})
	res, body := do(h, "GET", "/")
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
	require.Equal(t, "no-cache", res.Header.Get("Cache-Control"))
	require.Contains(t, body, `content="/api/v1/storage"`)
	require.NotContains(t, body, "{{")

	etag := res.Header.Get("ETag")
	require.Regexp(t, `^"[0-9a-f]{32}"$`, etag)
	res, body = do(h, "GET", "/index.html", "If-None-Match", etag)
	require.Equal(t, 304, res.StatusCode)
	require.Empty(t, body)

	other, _ := do(console.Handler(console.Options{APIBase: "/other/storage"}), "GET", "/")
	require.NotEqual(t, etag, other.Header.Get("ETag"), "the tag says which API the page is for")
}

func TestHeaders(t *testing.T) {
	h := console.Handler(console.Options{})
	for _, target := range []string{"/", "/session", "/permissions", "/nothing"} {
		res, _ := do(h, "GET", target)
		csp := res.Header.Get("Content-Security-Policy")
		for _, want := range []string{
			"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-src blob:",
			"frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "trusted-types 'none'",
		} {
			require.Contains(t, strings.Split(csp, "; "), want, target)
		}
		require.NotContains(t, csp, "unsafe", target)
		require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"), target)
		require.Equal(t, "no-referrer", res.Header.Get("Referrer-Policy"), target)
	}
}

// The page's own policy would stop anything inline, so there must be none.
func TestNothingInline(t *testing.T) {
	_, body := do(console.Handler(console.Options{}), "GET", "/")
	require.NotRegexp(t, `(?i)<script[^>]*>[^<]`, body)
	require.NotRegexp(t, `(?i)<style|\sstyle=|\son[a-z]+=|javascript:|https?://`, body)
}

func TestAssets(t *testing.T) {
	h := console.Handler(console.Options{})
	_, body := do(h, "GET", "/")
	refs := regexp.MustCompile(`(?:src|href)="\./([^"]+)"`).FindAllStringSubmatch(body, -1)
	require.Len(t, refs, 3, "an icon, a script and a style sheet")
	for _, ref := range refs {
		res, body := do(h, "GET", "/"+ref[1])
		require.Equal(t, 200, res.StatusCode, ref[1])
		require.NotEmpty(t, body)
		require.Equal(t, "public, max-age=31536000, immutable", res.Header.Get("Cache-Control"))
		require.Regexp(t, `^assets/index-[\w-]{8}\.(js|css)$|^assets/icon-[\w-]{8}\.svg$`, ref[1], "the name changes with what is in it")
		res, body = do(h, "HEAD", "/"+ref[1])
		require.Equal(t, 200, res.StatusCode)
		require.Empty(t, body)
	}
}

func TestPaths(t *testing.T) {
	h := http.StripPrefix("/ops/console", console.Handler(console.Options{}))
	res, _ := do(h, "GET", "/ops/console/")
	require.Equal(t, 200, res.StatusCode)
	for _, target := range []string{"/ops/console/assets/", "/ops/console/assets", "/ops/console/../console.go", "/ops/console/assets/%2e%2e/index.html", "/ops/console/dist/index.html"} {
		res, body := do(h, "GET", target)
		require.Equal(t, 404, res.StatusCode, target)
		require.Equal(t, "no-store", res.Header.Get("Cache-Control"), target)
		require.Equal(t, "there is no such page\n", body)
	}
	for target, method := range map[string]string{"/": "POST", "/session": "GET", "/permissions": "DELETE"} {
		res, _ := do(h, method, "/ops/console"+target)
		require.Equal(t, 405, res.StatusCode, target)
		require.NotEmpty(t, res.Header.Get("Allow"), target)
	}
}

func TestAPIBase(t *testing.T) {
	res, body := do(console.Handler(console.Options{APIBase: "https://files.example.com:8443/v2/storage"}), "GET", "/")
	require.Contains(t, body, `content="https://files.example.com:8443/v2/storage"`)
	csp := strings.Split(res.Header.Get("Content-Security-Policy"), "; ")
	require.Contains(t, csp, "connect-src 'self' https://files.example.com:8443")
	require.Contains(t, csp, "media-src blob: 'self' https://files.example.com:8443")

	_, body = do(console.Handler(console.Options{APIBase: `/"><script>alert(1)</script>&/storage`}), "GET", "/")
	require.Contains(t, body, `content="/&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;/storage"`)

	for _, bad := range []string{
		"api/storage", "/api", "//evil.example/storage", "ftp://a/storage", "https:///storage", "https://u:p@a/storage", "/a/storage?x=/storage",
		"/a#/storage", "https://a;script-src *;/storage", "https://a b/storage", "javascript:alert(1)//storage", `\\a/storage`,
	} {
		require.Panics(t, func() { console.Handler(console.Options{APIBase: bad}) }, bad)
	}
}

func TestSession(t *testing.T) {
	asked := 0
	h := console.Handler(console.Options{Token: func(*http.Request) string { asked++; return "secret" }})
	for _, site := range []string{"", "none", "same-site", "cross-site"} {
		res, body := do(h, "POST", "/session", "Sec-Fetch-Site", site)
		require.Equal(t, 200, res.StatusCode)
		require.JSONEq(t, `{"token":""}`, body, site)
	}
	require.Zero(t, asked, "the host is not even asked")

	res, body := do(h, "POST", "/session", "Sec-Fetch-Site", "same-origin")
	require.JSONEq(t, `{"token":"secret"}`, body)
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	require.Empty(t, res.Header.Get("Access-Control-Allow-Origin"))

	_, body = do(console.Handler(console.Options{}), "POST", "/session", "Sec-Fetch-Site", "same-origin")
	require.JSONEq(t, `{"token":""}`, body)
}

func TestPermissions(t *testing.T) {
	h := console.Handler(console.Options{Roles: holdall.Roles{"clerk": {"storage:read", "storage:write"}, "boss": {"*"}}})
	_, body := do(h, "GET", "/permissions?role=clerk&role=nobody")
	require.JSONEq(t, `{"permissions":["storage:read","storage:write"]}`, body)
	_, body = do(h, "GET", "/permissions")
	require.JSONEq(t, `{"permissions":[]}`, body)
}
