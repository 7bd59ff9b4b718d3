package contract

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestObjectShape(t *testing.T) {
	s := newServer(t)
	now := startOfTime.Format("2006-01-02T15:04:05.000000Z")
	a := s.upload(appA, "default", "d/e.txt", "hello").must(201)
	for name, want := range map[string]string{
		"tenant_id": "acme", "app_id": "app-a", "user_id": "null", "tier": "private", "bucket": "default", "name": "e.txt", "path": "d/e.txt",
		"size": "5", "content_type": "text/plain", "checksum": sum("hello"), "metadata": "{}", "created_at": now, "updated_at": now,
		"created_by": "ann", "updated_by": "ann", "source": "edm", "source_type": "api", "is_deleted": "false", "deleted_at": "null",
		"deleted_by": "null", "schema_version": "1", "version": "1",
	} {
		a.has(name, want)
	}
	b := s.do("GET", "/storage/objects/"+a.get("id"), as(appA)).want(200).hasHeader("Etag", `"v1"`)
	if string(a.body) != string(b.body) {
		t.Errorf("uploaded as %s, read as %s", a.body, b.body)
	}
	s.do("GET", "/storage/objects/"+a.get("id"), as(appA), header("If-None-Match", `"v1"`)).want(304)
	s.do("GET", "/storage/objects/"+a.get("id"), as(appA), header("If-None-Match", `"v2"`)).want(200)
	s.do("GET", "/storage/objects/"+randomObject, as(appA)).code(404, "object_not_found")
	s.do("GET", "/storage/objects/nothing", as(appA)).code(404, "bucket_not_found")
	s.do("GET", "/storage/objects/obj_short", as(appA)).code(404, "bucket_not_found")
}

// "Bytes answers carry …", on all three routes of bytes, to GET and to HEAD.
func TestHeadersOfBytes(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"open","public":true}`)
	id := s.uploadID(appA, "default", "d/n.txt", "hello")
	pub := s.uploadID(ann, "open", "d/n.txt", "hello")
	for target, cache := range map[string]string{
		"/storage/objects/default/" + id:              "private, no-cache",
		"/storage/files/default/d/n.txt?tier=private": "private, no-cache",
		"/apps/app-a/storage/" + id:                   "private, no-cache",
		"/storage/objects/open/" + pub:                "public, max-age=3600",
		"/storage/files/open/d/n.txt":                 "public, max-age=3600",
		"/storage/files/open/d/n.txt?tier=shared":     "public, max-age=3600",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			a := s.do(method, target, as(appA)).want(200)
			a.hasHeader("Content-Type", "text/plain").hasHeader("Content-Length", "5").hasHeader("Etag", etag("hello")).
				hasHeader("Last-Modified", startOfTime.Format(http.TimeFormat)).hasHeader("Accept-Ranges", "bytes").
				hasHeader("Cache-Control", cache).hasHeader("X-Content-Type-Options", "nosniff").
				hasHeader("Content-Security-Policy", "sandbox; default-src 'none'")
			disposition, params, err := mime.ParseMediaType(a.header.Get("Content-Disposition"))
			if err != nil || disposition != "attachment" || params["filename"] != "n.txt" {
				t.Errorf("%s: %q", a.what, a.header.Get("Content-Disposition"))
			}
			if method == "GET" {
				a.text("hello")
			}
		}
	}
	if a := s.do("GET", "/storage/objects/open/"+s.do("POST", "/storage/objects/open?path=mine&tier=user", as(ann), body("text/plain", "x")).get("id"), as(ann)); a.header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("the user tier of a public bucket is cached by everyone: %q", a.header.Get("Cache-Control"))
	}
}

func TestContentDisposition(t *testing.T) {
	s := newServer(t)
	for i, name := range []string{"plain.txt", `quo"te.txt`, "semi;colon.txt", "日本語.txt", "ä b%41.txt", "a'b.txt", "\u202egnp.exe", strings.Repeat("長", 100)} {
		path := fmt.Sprintf("%d/%s", i, name)
		id := s.uploadID(ann, "default", path, "x")
		a := s.do("GET", "/storage/objects/default/"+id, as(ann)).want(200)
		got := a.header.Values("Content-Disposition")
		_, params, err := mime.ParseMediaType(got[0])
		if len(got) != 1 || err != nil || params["filename"] != name || !strings.Contains(got[0], "filename*=UTF-8''") || !strings.Contains(got[0], "filename=") {
			t.Errorf("%q: %q %q %v", name, got, params, err)
		}
		if strings.ContainsFunc(got[0], func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("%q: not ASCII", got[0])
		}
	}
}

// "`attachment`, or `inline` when `?inline=1` and the type cannot run script."
func TestInline(t *testing.T) {
	s := newServer(t)
	for ct, inline := range map[string]bool{
		"image/png": true, "text/plain": true, "image/jpeg": true, "Image/PNG; x=y": true,
		"text/html": false, "TEXT/HTML": false, "text/html; charset=utf-8": false, "image/svg+xml": false, "application/xhtml+xml": false,
		"text/xml": false, "application/xml": false, "application/atom+xml": false, "text/javascript": false, "application/javascript": false,
		"application/x-unknown": false, "application/octet-stream": false, "multipart/x-mixed-replace": false,
	} {
		path := strings.NewReplacer("/", "-", ";", "-", " ", "").Replace(ct)
		id := s.do("POST", "/storage/objects/default?path="+path, as(ann), body(ct, "\x00\x01")).must(201).get("id")
		for query, asked := range map[string]bool{"": false, "?inline=1": true, "?inline=0": false} {
			a := s.do("GET", "/storage/objects/default/"+id+query, as(ann)).want(200)
			want := "attachment;"
			if asked && inline {
				want = "inline;"
			}
			if !strings.HasPrefix(a.header.Get("Content-Disposition"), want) {
				t.Errorf("%s %s: %q", ct, query, a.header.Get("Content-Disposition"))
			}
		}
	}
}

func TestRanges(t *testing.T) {
	s := newServer(t)
	const text = "0123456789abcdefghij"
	id := s.uploadID(ann, "default", "p", text)
	empty := s.uploadID(ann, "default", "empty", "")
	get := func(rng string, more ...option) answer {
		return s.do("GET", "/storage/objects/default/"+id, append(more, as(ann), header("Range", rng))...)
	}
	for rng, want := range map[string]string{
		"bytes=0-0": "0", "bytes=0-4": "01234", "bytes=5-": text[5:], "bytes=-3": "hij", "bytes=-99": text, "bytes=19-19": "j",
		"bytes=10-999": text[10:], "bytes=0-19": text, "Bytes=0-1": "01", "bytes= 0-1": "01",
	} {
		a := get(rng).want(206).text(want)
		from := strings.Index(text, want)
		a.hasHeader("Content-Range", fmt.Sprintf("bytes %d-%d/20", from, from+len(want)-1)).hasHeader("Content-Length", fmt.Sprint(len(want)))
	}
	for _, rng := range []string{"bytes=20-", "bytes=20-30", "bytes=999-", "bytes=-0"} {
		get(rng).code(416, "range_not_satisfiable").hasHeader("Content-Range", "bytes */20")
	}
	for _, rng := range []string{"items=0-4", "bytes", "bytes=0-4,2-6", "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8", "bytes=0-19,0-19"} {
		get(rng).want(200).text(text)
	}
	for _, rng := range []string{"bytes=5-4", "bytes=a-b", "bytes=-", "bytes=", "bytes=0-4;5-6", "bytes=+0-4", "bytes=0x0-4"} { // RFC 9110, section 14.2: ignored, or refused
		if a := get(rng); a.status != 200 && a.status != 416 {
			t.Errorf("Range %q: %d", rng, a.status)
		}
	}
	s.do("HEAD", "/storage/objects/default/"+id, as(ann), header("Range", "bytes=0-4")).want(200).hasHeader("Content-Length", "20") // only GET has ranges: RFC 9110, section 14.2
	s.do("GET", "/storage/objects/default/"+empty, as(ann)).want(200).hasHeader("Content-Length", "0").text("")
	if a := s.do("GET", "/storage/objects/default/"+empty, as(ann), header("Range", "bytes=0-")); a.status != 416 && a.status != 200 {
		t.Errorf("a range of nothing: %d", a.status)
	}
}

func TestSeveralRanges(t *testing.T) {
	s := newServer(t)
	const text = "0123456789abcdefghij"
	id := s.uploadID(ann, "default", "p", text)
	for rng, want := range map[string][]string{
		"bytes=0-1,4-5": {"01", "45"},
		"bytes=0-0, -1": {"0", "j"},
		"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-": {"0", "2", "4", "6", "8", "a", "c", "efghij"},
	} {
		a := s.do("GET", "/storage/objects/default/"+id, as(ann), header("Range", rng)).must(206)
		_, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
		if err != nil || !strings.HasPrefix(a.header.Get("Content-Type"), "multipart/byteranges") {
			t.Fatalf("%s: %q %v", rng, a.header.Get("Content-Type"), err)
		}
		parts := multipart.NewReader(strings.NewReader(string(a.body)), params["boundary"])
		for _, w := range want {
			part, err := parts.NextPart()
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(part)
			if err != nil || string(got) != w || part.Header.Get("Content-Type") != "text/plain" || part.Header.Get("Content-Range") == "" {
				t.Errorf("%s: part %q with %v, want %q", rng, got, part.Header, w)
			}
		}
		if _, err := parts.NextPart(); err != io.EOF {
			t.Errorf("%s: after the last part: %v", rng, err)
		}
	}
}

// TestConditionsOnBytes holds RFC 9110, section 13, in its order of precedence.
func TestConditionsOnBytes(t *testing.T) {
	s := newServer(t)
	id := s.uploadID(ann, "default", "p", "hello")
	tag := etag("hello")
	at := func(d time.Duration) string { return startOfTime.Add(d).UTC().Format(http.TimeFormat) }
	for _, c := range []struct {
		headers string // separated by |
		status  int
	}{
		{"If-None-Match: " + tag, 304},
		{"If-None-Match: W/" + tag, 304},
		{`If-None-Match: "x", ` + tag, 304},
		{"If-None-Match: *", 304},
		{`If-None-Match: "x"`, 200},
		{"If-None-Match: " + sum("hello"), 200},
		{"If-Match: " + tag, 200},
		{`If-Match: "x", ` + tag, 200},
		{"If-Match: *", 200},
		{`If-Match: "x"`, 412},
		{"If-Match: W/" + tag, 412},
		{"If-Modified-Since: " + at(0), 304},
		{"If-Modified-Since: " + at(time.Hour), 304},
		{"If-Modified-Since: " + at(-time.Second), 200},
		{"If-Modified-Since: yesterday", 200},
		{"If-Unmodified-Since: " + at(0), 200},
		{"If-Unmodified-Since: " + at(-time.Second), 412},
		{"If-Unmodified-Since: rubbish", 200},
		{`If-None-Match: "x"|If-Modified-Since: ` + at(time.Hour), 200},
		{"If-Match: " + tag + "|If-Unmodified-Since: " + at(-time.Hour), 200},
		{"If-Match: " + tag + "|If-None-Match: " + tag, 304},
		{`If-Match: "x"|If-None-Match: ` + tag, 412},
		{"Range: bytes=0-1|If-Range: " + tag, 206},
		{`Range: bytes=0-1|If-Range: "x"`, 200},
		{"Range: bytes=0-1|If-Range: W/" + tag, 200},
		{"Range: bytes=0-1|If-Range: " + at(0), 206},
		{"Range: bytes=0-1|If-Range: " + at(time.Hour), 200},
		{"Range: bytes=0-1|If-None-Match: " + tag, 304},
		{`Range: bytes=0-1|If-Match: "x"`, 412},
		{"Range: bytes=99-|If-Range: \"x\"", 200},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			s.sub(method+" "+c.headers, func(s *server) {
				opts := []option{as(ann)}
				for line := range strings.SplitSeq(c.headers, "|") {
					name, value, _ := strings.Cut(line, ": ")
					opts = append(opts, header(name, value))
				}
				want := c.status
				if method == "HEAD" && want == 206 { // only GET has ranges: RFC 9110, section 14.2
					want = 200
				}
				s.do(method, "/storage/objects/default/"+id, opts...).want(want)
			})
		}
	}
	s.do("GET", "/storage/objects/default/"+id, as(ann), header("If-None-Match", tag)).hasHeader("Etag", tag).hasHeader("Cache-Control", "private, no-cache")
	s.do("GET", "/storage/objects/default/"+id, as(ann), header("If-Match", `"x"`)).code(412, "precondition_failed")
}

func TestFilesByPath(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	for _, path := range []string{"a", "a/b", "ä/ö", "a b", "100%", "a%2Fb", "x?y", "x#y", "a+b"} {
		s.uploadID(ann, "b", path, path)
	}
	for raw, want := range map[string]string{
		"a": "a", "a/b": "a/b", "a%2Fb": "a/b", "%C3%A4/%C3%B6": "ä/ö", "a%20b": "a b", "100%25": "100%", "a%252Fb": "a%2Fb", "x%3Fy": "x?y", "x%23y": "x#y", "a+b": "a+b", "%61": "a",
	} {
		s.do("GET", "/storage/files/b/"+raw, as(ann)).want(200).text(want)
	}
	for _, raw := range []string{"a//b", "a/../a", "a/./b", "%2e%2e/a", "a/%2e%2e", "a/%2E", "..", "%00", "a%00b", "%ff", "a/%c3", "a/", "a%5Cb", "%0a", "a%E2%80%A8", "/a", "a%2F%2Fb", "a%2F..%2Fb"} {
		s.do("GET", "/storage/files/b/"+raw, as(ann)).code(400, "invalid_path")
	}
	s.do("GET", "/storage/files/b/none", as(ann)).code(404, "object_not_found")
	s.do("GET", "/storage/files/b/A", as(ann)).code(404, "object_not_found")
	s.do("GET", "/storage/files/none/a", as(ann)).want(404)
	s.do("GET", "/storage/files/b/a?tier=user", as(ann)).code(404, "object_not_found")
	s.do("GET", "/storage/files/b/a?tier=shared", as(appA)).want(200)
	s.do("GET", "/storage/files/b/a", as(appA)).want(200) // shared, whoever asks
}

// "Public buckets: the two bytes routes answer without Authorization, for
// tier shared only. Nothing else does."
func TestPublicBuckets(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"open","public":true}`)
	s.bucket(`{"name":"closed"}`)
	id := s.uploadID(ann, "open", "p", "hello")
	mine := s.do("POST", "/storage/objects/open?path=mine&tier=user", as(ann), body("text/plain", "x")).must(201).get("id")
	app := s.uploadID(appA, "open", "app", "x")
	closed := s.uploadID(ann, "closed", "p", "x")
	for _, method := range []string{"GET", "HEAD"} {
		s.do(method, "/storage/objects/open/"+id).want(200)
		s.do(method, "/storage/files/open/p").want(200)
		s.do(method, "/storage/files/open/p?tier=shared").want(200)
		for _, target := range []string{
			"/storage/objects/open/" + mine, "/storage/objects/open/" + app, "/storage/files/open/mine?tier=user", "/storage/files/open/app?tier=private",
			"/storage/objects/closed/" + closed, "/storage/files/closed/p", "/storage/objects/open/" + closed, "/storage/objects/closed/" + id,
			"/storage/objects/open/" + randomObject, "/storage/files/open/none", "/storage/files/none/p",
		} {
			if a := s.do(method, target); a.status != 401 && a.status != 404 {
				t.Errorf("%s %s: %d", method, target, a.status)
			}
		}
	}
	s.do("GET", "/storage/objects/closed/"+closed).sameAs(s.do("GET", "/storage/objects/closed/"+randomObject))
	s.do("GET", "/storage/objects/open/"+mine).sameAs(s.do("GET", "/storage/objects/open/"+randomObject))
	s.do("GET", "/storage/objects/"+id).want(401)
	s.do("GET", "/storage/objects/open/"+id, as(with("storage:closed:read"))).want(403) // a caller who is known is judged as such, or served
	s.do("GET", "/storage/objects/open/"+id, header("Range", "bytes=1-2")).want(206).text("el")
	s.do("GET", "/storage/objects/open/"+id, header("If-None-Match", etag("hello"))).want(304)
	s.do("PATCH", "/storage/buckets/open", as(root), js(`{"public":false}`)).must(200)
	if a := s.do("GET", "/storage/objects/open/"+id); a.status != 401 && a.status != 404 {
		t.Errorf("a bucket that is public no more: %d", a.status)
	}
}
