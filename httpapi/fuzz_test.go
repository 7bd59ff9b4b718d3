package httpapi

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRange holds every set of ranges that is honoured to the rules: inside,
// not empty, few, apart from each other.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-0", "bytes=-1", "bytes=5-,0-1", "bytes=0-9,9-", "bytes=99999999999999999999-", "chars=1-2", "bytes=,,1-2 , 3-4", "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16"} {
		f.Add(s, int64(10))
	}
	f.Add("bytes=-9223372036854775807", int64(1)<<62)
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		ranges, ok := parseRange(header, size)
		if !ok && ranges != nil || len(ranges) > maxRanges {
			t.Fatalf("%v %t", ranges, ok)
		}
		for i, r := range ranges {
			if r.off < 0 || r.n < 1 || r.off > size-r.n {
				t.Fatalf("%v is not inside %d bytes", r, size)
			}
			for _, s := range ranges[:i] {
				if r.off < s.off+s.n && s.off < r.off+r.n {
					t.Fatalf("%v and %v overlap", r, s)
				}
			}
		}
		if overlapping(ranges) {
			t.Fatal(ranges)
		}
	})
}

// FuzzETags reads back what it writes.
func FuzzETags(f *testing.F) {
	for _, s := range []string{`"a"`, `W/"a", "b"`, `*`, ``, `"a`, `a"`, `"a" "b"`, `,"a",`, "\"\t\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		tags, anyTag, ok := parseETags([]string{header})
		if !ok || anyTag {
			return
		}
		var written []string
		for _, tag := range tags {
			written = append(written, map[bool]string{true: "W/"}[tag.weak]+`"`+tag.tag+`"`)
		}
		again, _, ok := parseETags([]string{strings.Join(written, ", ")})
		if !ok || len(again) != len(tags) {
			t.Fatalf("%q: %v, then %v", header, tags, again)
		}
		for i := range tags {
			if tags[i] != again[i] {
				t.Fatalf("%q: %v, then %v", header, tags, again)
			}
		}
	})
}

// FuzzGuard sends any path: there is never a redirect, nor a panic, and what gets through
// reads one way only.
func FuzzGuard(f *testing.F) {
	for _, s := range []string{"/", "//", "/api/v1/storage/records/c/a%2F%2Fb", "/api/v1/storage/records/c/%2e%2e", "/a/./b", "/a/../b", "/%00", "/%ff", "/%zz", "*", "", "/api/v1/storage/files/b", "/api/v1/storage/records/c", "/a/%2E%2e/b", "/api/v1/storage/objects/%2F/"} {
		f.Add(s)
	}
	e := newEnv(f)
	f.Fuzz(func(t *testing.T, path string) {
		plain, err := url.PathUnescape(path)
		if err != nil {
			return // net/http answers 400
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.URL.RawPath, r.RequestURI = plain, path, path
		r.Header.Set("Authorization", root)
		rec := httptest.NewRecorder()
		e.handler.ServeHTTP(rec, r)
		if rec.Code >= 300 && rec.Code < 400 || rec.Code >= 500 {
			t.Fatalf("%q: %d %s", path, rec.Code, rec.Body)
		}
		if guardPath(r.URL.EscapedPath()) != nil {
			if rec.Code != 400 {
				t.Fatalf("%q: %d", path, rec.Code)
			}
			return
		}
		if !utf8.ValidString(plain) || strings.Contains(plain, "\x00") {
			t.Fatalf("%q got through", path)
		}
		for s := range strings.SplitSeq(r.URL.EscapedPath(), "/") {
			if d, _ := url.PathUnescape(s); d == "." || d == ".." {
				t.Fatalf("%q got through", path)
			}
		}
	})
}

// FuzzMultipart sends any bytes as a form: what is not one stores nothing.
func FuzzMultipart(f *testing.F) {
	good := formBody(field("path", "x"), file("data"), field("tier", "user"))
	for _, s := range []string{
		good, formBody(file("data"), field("path", "y")), formBody(), "", "--" + boundary + "--", strings.TrimSuffix(good, "--\r\n"), strings.ReplaceAll(good, "\r\n", "\n"),
		"preamble\r\n" + good + "epilogue", formBody(file("a"), file("b")), formBody(field("metadata", `{"a":"b"}`), file("")),
	} {
		f.Add(s)
	}
	e := newEnv(f)
	f.Fuzz(func(t *testing.T, body string) {
		e.t = t
		r := httptest.NewRequest("POST", "/api/v1/storage/objects/default", strings.NewReader(body))
		r.Header.Set("Authorization", root)
		r.Header.Set("Content-Type", formType)
		rec := httptest.NewRecorder()
		e.handler.ServeHTTP(rec, r)
		list := e.do("GET", "/objects/default", root, nil).want(200)["data"].([]any)
		for _, o := range list { // whatever comes of it, the next input finds nothing
			e.do("DELETE", "/objects/"+o.(map[string]any)["id"].(string)+"?purge=true", root, nil).want(200)
		}
		switch {
		case rec.Code == http.StatusCreated:
			if !strings.Contains(body, "\n--"+boundary+"--") || len(list) != 1 {
				t.Fatalf("stored %v from %q", list, body)
			}
		case rec.Code != 400 && rec.Code != 413:
			t.Fatalf("%d %s for %q", rec.Code, rec.Body, body)
		case len(list) != 0:
			t.Fatalf("stored %v from %q", list, body)
		}
		blobs, err := e.backend.ListBlobs(t.Context(), "", 10)
		if err != nil || len(blobs) != 0 {
			t.Fatalf("blobs %v left by %q", blobs, body)
		}
	})
}
