package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

func TestBytesHeaders(t *testing.T) {
	e := newEnv(t)
	const data = "0123456789"
	sum := sha256.Sum256([]byte(data))
	etag := `"` + hex.EncodeToString(sum[:]) + `"`
	id := e.put("d/na%22me%20%C3%A9%25.png", data, "Content-Type", "image/png")
	for _, method := range []string{"GET", "HEAD"} {
		for _, p := range []string{"/objects/default/" + id, "/files/default/d/na%22me%20%C3%A9%25.png"} {
			a := e.do(method, p, root, nil)
			a.want(200)
			for name, want := range map[string]string{
				"Content-Type": "image/png", "Content-Length": "10", "ETag": etag, "Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT",
				"Accept-Ranges": "bytes", "Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff",
				"Content-Security-Policy": "sandbox; default-src 'none'", "Referrer-Policy": "",
				"Content-Disposition": `attachment; filename="na_me __.png"; filename*=UTF-8''na%22me%20%C3%A9%25.png`,
			} {
				require.Equal(t, want, a.header.Get(name), "%s %s", method, name)
			}
			if method == "GET" {
				require.Equal(t, data, string(a.body))
			} else {
				require.Empty(t, a.body)
			}
			a = e.do(method, p+"?inline=1", root, nil)
			require.True(t, strings.HasPrefix(a.header.Get("Content-Disposition"), "inline; "))
			a = e.do(method, p, root, nil, "If-None-Match", etag)
			a.want(304)
			require.Empty(t, a.header.Get("Content-Length"))
			require.Equal(t, etag, a.header.Get("ETag"))
			require.Equal(t, "private, no-cache", a.header.Get("Cache-Control"))
		}
	}
	e.do("GET", "/objects/default/"+id+"?inline=maybe", root, nil).problem(400, "invalid_request")
}

func TestInlineOnlyWhatCannotRunScript(t *testing.T) {
	e := newEnv(t)
	for contentType, want := range map[string]string{
		"image/png": "inline", "IMAGE/PNG; x=1": "inline", "text/plain; charset=utf-8": "inline", "video/mp4": "inline", "image/jpeg": "inline",
		"text/html": "attachment", "Text/HTML": "attachment", "image/svg+xml": "attachment", "application/xhtml+xml": "attachment", "text/xml": "attachment",
		"text/javascript": "attachment", "application/pdf": "attachment", "application/x-unknown": "attachment", "audio/x+xml": "attachment", "image/png+xml": "attachment",
	} {
		id := e.put(url.QueryEscape(contentType), "x", "Content-Type", contentType)
		a := e.do("GET", "/objects/default/"+id+"?inline=true", root, nil)
		a.want(200)
		got, _, _ := mime.ParseMediaType(a.header.Get("Content-Disposition"))
		require.Equal(t, want, got, contentType)
	}
}

func TestContentDispositionParses(t *testing.T) {
	for _, name := range []string{"a", "a b.txt", `q"uo\te`, "50%.txt", "日本語.pdf", "é", "'x'", "a;b", "a=b*", "🎒", strings.Repeat("ö", 500)} {
		kind, params, err := mime.ParseMediaType(contentDisposition(false, name))
		require.NoError(t, err, name)
		require.Equal(t, "attachment", kind)
		require.Equal(t, name, params["filename"], "filename* wins")
	}
}

func TestConditions(t *testing.T) {
	e := newEnv(t)
	id := e.put("x", "0123456789")
	p := "/objects/default/" + id
	etag := e.do("HEAD", p, root, nil).header.Get("ETag")
	const before, at, after = "Sun, 01 Mar 2026 11:59:59 GMT", "Sun, 01 Mar 2026 12:00:00 GMT", "Sun, 01 Mar 2026 12:00:01 GMT"
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{[]string{"If-Match", etag}, 200},
		{[]string{"If-Match", "*"}, 200},
		{[]string{"If-Match", `"x", ` + etag}, 200},
		{[]string{"If-Match", `"x"`}, 412},
		{[]string{"If-Match", "W/" + etag}, 412},
		{[]string{"If-Match", "x"}, 400},
		{[]string{"If-Unmodified-Since", at}, 200},
		{[]string{"If-Unmodified-Since", before}, 412},
		{[]string{"If-Unmodified-Since", "nonsense"}, 200},
		{[]string{"If-Match", etag, "If-Unmodified-Since", before}, 200}, // the date does not count then
		{[]string{"If-None-Match", etag}, 304},
		{[]string{"If-None-Match", "W/" + etag}, 304},
		{[]string{"If-None-Match", "*"}, 304},
		{[]string{"If-None-Match", `"x"`}, 200},
		{[]string{"If-None-Match", `nonsense`}, 200},
		{[]string{"If-Modified-Since", at}, 304},
		{[]string{"If-Modified-Since", after}, 304},
		{[]string{"If-Modified-Since", before}, 200},
		{[]string{"If-None-Match", `"x"`, "If-Modified-Since", at}, 200}, // nor here
		{[]string{"If-Match", `"x"`, "If-None-Match", etag}, 412},
		{[]string{"If-None-Match", etag, "Range", "bytes=0-1"}, 304},
		{[]string{"Range", "bytes=0-1", "If-Range", etag}, 206},
		{[]string{"Range", "bytes=0-1", "If-Range", "W/" + etag}, 200},
		{[]string{"Range", "bytes=0-1", "If-Range", `"x"`}, 200},
		{[]string{"Range", "bytes=0-1", "If-Range", at}, 206},
		{[]string{"Range", "bytes=0-1", "If-Range", before}, 200},
		{[]string{"Range", "bytes=0-1", "If-Range", after}, 200},
		{[]string{"Range", "bytes=99-", "If-Range", `"x"`}, 200},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			want := c.status
			if method == "HEAD" && want == 206 {
				want = 200
			}
			a := e.do(method, p, root, nil, c.headers...)
			require.Equal(t, want, a.status, "%s %v", method, c.headers)
		}
	}
}

// A date of this very second may stand for two states (RFC 9110, section 8.8.2.2).
func TestIfRangeOfARecentDate(t *testing.T) {
	e := newEnv(t)
	e.clock.now = time.Now().Add(time.Minute)
	p := "/objects/default/" + e.put("x", "0123456789")
	date := e.do("HEAD", p, root, nil).header.Get("Last-Modified")
	e.do("GET", p, root, nil, "Range", "bytes=0-1", "If-Range", date).want(200)
}

func TestRanges(t *testing.T) {
	e := newEnv(t)
	const data = "0123456789"
	p := "/objects/default/" + e.put("x", data, "Content-Type", "text/plain")
	for header, want := range map[string]string{
		"bytes=0-3": "0-3", "bytes=4-4": "4-4", "bytes=7-": "7-9", "bytes=-2": "8-9", "bytes=-99": "0-9", "bytes=0-99": "0-9", "BYTES=0-0": "0-0",
		"bytes=0-99999999999999999999999": "0-9", "bytes= 1-2 ": "1-2", "bytes=20-30,1-2": "1-2", "bytes=,1-2,": "1-2", "bytes=-99999999999999999999": "0-9",
	} {
		a := e.do("GET", p, root, nil, "Range", header)
		a.want(206)
		require.Equal(t, "bytes "+want+"/10", a.header.Get("Content-Range"), header)
		var from, to int
		fmt.Sscanf(want, "%d-%d", &from, &to)
		require.Equal(t, data[from:to+1], string(a.body))
		require.Equal(t, fmt.Sprint(to-from+1), a.header.Get("Content-Length"))
	}
	for _, header := range []string{"bytes=10-", "bytes=99-100", "bytes=-0", "bytes=10-,20-30", "bytes=99999999999999999999-"} {
		a := e.do("GET", p, root, nil, "Range", header)
		a.problem(416, "range_not_satisfiable")
		require.Equal(t, "bytes */10", a.header.Get("Content-Range"))
	}
	for _, header := range []string{
		"chars=0-1", "bytes", "bytes=", "bytes=a-b", "bytes=5-1", "bytes=1", "bytes=--1", "bytes=0-1,x", "bytes=+1-2", "bytes=0x1-2",
		"bytes=0-5,5-6", "bytes=0-,-1", "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8",
	} {
		a := e.do("GET", p, root, nil, "Range", header)
		a.want(200)
		require.Equal(t, data, string(a.body), header)
		require.Empty(t, a.header.Get("Content-Range"))
	}
	empty := "/objects/default/" + e.put("empty", "")
	e.do("GET", empty, root, nil).want(200)
	e.do("GET", empty, root, nil, "Range", "bytes=0-").problem(416, "range_not_satisfiable")
	require.Equal(t, "bytes */0", e.do("GET", empty, root, nil, "Range", "bytes=-5").header.Get("Content-Range"))
}

func TestMultipleRanges(t *testing.T) {
	e := newEnv(t)
	data := make([]byte, 100_000)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	p := "/objects/default/" + e.put("x", string(data), "Content-Type", "image/png")
	for _, ranges := range [][][2]int{{{0, 0}, {2, 5}}, {{50_000, 99_999}, {0, 10}}, {{0, 9}, {10, 19}, {20, 29}, {30, 39}, {40, 49}, {50, 59}, {60, 69}, {70, 79}}} {
		var specs []string
		for _, r := range ranges {
			specs = append(specs, fmt.Sprintf("%d-%d", r[0], r[1]))
		}
		a := e.do("GET", p, root, nil, "Range", "bytes="+strings.Join(specs, ", "))
		a.want(206)
		require.Empty(t, a.header.Get("Content-Range"))
		require.Equal(t, fmt.Sprint(len(a.body)), a.header.Get("Content-Length"))
		media, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
		require.NoError(t, err)
		require.Equal(t, "multipart/byteranges", media)
		parts := multipart.NewReader(bytes.NewReader(a.body), params["boundary"])
		for _, r := range ranges {
			part, err := parts.NextPart()
			require.NoError(t, err)
			require.Equal(t, "image/png", part.Header.Get("Content-Type"))
			require.Equal(t, fmt.Sprintf("bytes %d-%d/100000", r[0], r[1]), part.Header.Get("Content-Range"))
			got, err := io.ReadAll(part)
			require.NoError(t, err)
			require.True(t, bytes.Equal(data[r[0]:r[1]+1], got))
		}
		_, err = parts.NextPart()
		require.Equal(t, io.EOF, err)
	}
}

// spyBlobs counts the bytes that leave a blob store, and fails when told.
type spyBlobs struct {
	holdall.Blobs
	asked atomic.Int64
	read  atomic.Int64
	cut   atomic.Int64 // how many bytes come before the reader fails; 0 is all
}

func (s *spyBlobs) OpenBlob(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	s.asked.Add(n)
	rc, err := s.Blobs.OpenBlob(ctx, key, off, n)
	if err != nil {
		return nil, err
	}
	return &spyReader{rc, s, s.cut.Load()}, nil
}

type spyReader struct {
	rc   io.ReadCloser
	s    *spyBlobs
	left int64
}

func (r *spyReader) Read(p []byte) (int, error) {
	if r.s.cut.Load() > 0 {
		if r.left <= 0 {
			return 0, io.ErrUnexpectedEOF
		}
		p = p[:min(int64(len(p)), r.left)]
	}
	n, err := r.rc.Read(p)
	r.left -= int64(n)
	r.s.read.Add(int64(n))
	return n, err
}

func (r *spyReader) Close() error { return r.rc.Close() }

func spied(spy *spyBlobs) func(*setup) {
	return func(s *setup) { spy.Blobs, s.cfg.Blobs = s.cfg.Blobs, spy }
}

func TestOnlyTheAskedRangeLeavesTheBackend(t *testing.T) {
	spy := &spyBlobs{}
	e := newEnv(t, spied(spy))
	p := "/objects/default/" + e.put("x", strings.Repeat("x", 1<<20))
	for header, want := range map[string]int64{"bytes=5-14": 10, "bytes=-7": 7, "bytes=0-0,100-109": 11, "chars=0-1": 1 << 20, "bytes=2000000-": 0} {
		spy.asked.Store(0)
		spy.read.Store(0)
		e.do("GET", p, root, nil, "Range", header)
		require.Equal(t, want, spy.asked.Load(), header)
		require.Equal(t, want, spy.read.Load(), header)
	}
	spy.asked.Store(0)
	e.do("HEAD", p, root, nil).want(200)
	e.do("GET", p, root, nil, "If-Modified-Since", time.Now().UTC().Format(http.TimeFormat)).want(304)
	require.Zero(t, spy.asked.Load())
}

// Bytes that are missing are a 500; bytes that end early break the connection
// instead of looking like an end.
func TestDamagedBytes(t *testing.T) {
	spy := &spyBlobs{}
	e := newEnv(t, spied(spy))
	id := e.put("x", strings.Repeat("x", 100_000))
	p := "/objects/default/" + id
	spy.cut.Store(70_000)
	for _, header := range []string{"", "bytes=0-99998", "bytes=0-0,5-99999"} {
		a, err := e.try("GET", p, root, nil, "Range", header)
		require.Error(t, err, header)
		require.NotContains(t, string(a.body), "internal", "nothing but bytes of the object")
	}
	spy.cut.Store(0)
	o, err := e.store.As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"*"}}).ObjectID(id).Stat(t.Context())
	require.NoError(t, err)
	require.NoError(t, e.backend.DeleteBlob(t.Context(), o.BlobKey))
	for _, header := range []string{"", "bytes=0-1", "bytes=0-0,5-6"} {
		a := e.do("GET", p, root, nil, "Range", header)
		a.problem(500, "internal")
		require.NotContains(t, string(a.body), o.BlobKey)
		require.Empty(t, a.header.Get("ETag"))
	}
	require.Contains(t, e.log.String(), "the bytes are missing")
}

func TestPublic(t *testing.T) {
	e := newEnv(t)
	e.do("POST", "/buckets", root, `{"name":"www","public":true}`).want(201)
	up := func(path, token string) string {
		return e.do("POST", "/objects/www?path="+path, token, []byte("hi"), "Content-Type", "image/png").want(201)["id"].(string)
	}
	id, mine, private := up("a/x.png", root), up("m&tier=user", root), up("p", appRoot)
	for _, p := range []string{"/objects/www/" + id, "/files/www/a/x.png"} {
		for _, token := range []string{"", root} {
			a := e.do("GET", p, token, nil)
			a.want(200)
			require.Equal(t, "hi", string(a.body))
			require.Equal(t, "public, max-age=3600", a.header.Get("Cache-Control"))
			require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
		}
		e.do("HEAD", p+"?inline=1", "", nil).want(200)
		e.do("GET", p, "", nil, "Range", "bytes=0-0").want(206)
		e.do("GET", p, "Bearer nonsense", nil).problem(401, "unauthenticated")
		e.do("GET", p, other, nil).problem(404, "object_not_found")
	}
	a := e.do("GET", "/objects/www/"+mine, root, nil)
	require.Equal(t, "private, no-cache", a.header.Get("Cache-Control"), "public is for tier shared")
	secret := e.put("s", "x")
	for _, p := range []string{
		"/objects/www/" + mine, "/objects/www/" + private, "/objects/default/" + secret, "/objects/www/" + secret, "/objects/none/" + id, "/files/www/m", "/files/www/p",
		"/files/www/a/x.png?tier=user", "/files/www/none", "/files/default/s", "/objects/www/nonsense", "/files/a%20b/x",
		"/objects/www", "/objects/" + id, "/objects", "/buckets", "/buckets/www", "/records", "/records/c/k",
	} {
		e.do("GET", p, "", nil).problem(401, "unauthenticated")
	}
	e.do("PATCH", "/buckets/www", root, `{"public":false}`).want(200)
	e.do("GET", "/objects/www/"+id, "", nil).problem(401, "unauthenticated")
	a = e.do("GET", "/objects/www/"+id, root, nil)
	require.Equal(t, "private, no-cache", a.header.Get("Cache-Control"))
}

func TestPublicTenant(t *testing.T) {
	e := newEnv(t, func(s *setup) {
		s.opts.PublicTenant = func(r *http.Request) string { return r.Header.Get("X-Test-Tenant") }
	})
	for _, token := range []string{root, other} {
		e.do("POST", "/buckets", token, `{"name":"www","public":true}`).want(201)
	}
	e.do("POST", "/objects/www?path=x", other, []byte("of the other")).want(201)
	e.do("GET", "/files/www/x", "", nil).problem(401, "unauthenticated") // acme had the name first
	a := e.do("GET", "/files/www/x", "", nil, "X-Test-Tenant", "other")
	a.want(200)
	require.Equal(t, "of the other", string(a.body))
}

func TestDownloadByPath(t *testing.T) {
	e := newEnv(t)
	e.put("a", "shared")
	e.do("POST", "/objects/default?path=a&tier=user", root, []byte("mine")).want(201)
	e.do("POST", "/objects/default?path=a", appRoot, []byte("private")).want(201)
	for query, want := range map[string]string{"": "shared", "?tier=user": "mine", "?tier=private": "private"} {
		a := e.do("GET", "/files/default/a"+query, appRoot, nil)
		a.want(200)
		require.Equal(t, want, string(a.body))
	}
	e.do("GET", "/files/default/a?tier=private", root, nil).problem(400, "tier_needs_app")
	e.do("GET", "/files/default/b", root, nil).problem(404, "object_not_found")
	e.do("GET", "/files/default/", root, nil).problem(400, "invalid_path")
	e.do("GET", "/files/default", root, nil).problem(404, "not_found")
	e.do("GET", "/files/default/a%2F%2Fb", root, nil).problem(400, "invalid_path")
	e.do("GET", "/files/default/a%5Cb", root, nil).problem(400, "invalid_path")
}
