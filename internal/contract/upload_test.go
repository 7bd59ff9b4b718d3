package contract

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
)

// form writes a multipart form by hand.
type form struct {
	buf bytes.Buffer
	w   *multipart.Writer
}

func newForm() *form {
	f := &form{}
	f.w = multipart.NewWriter(&f.buf)
	return f
}

func (f *form) field(name, value string) *form {
	_ = f.w.WriteField(name, value) // a buffer takes everything
	return f
}

func (f *form) file(field, filename, contentType, text string) *form {
	return f.part(fmt.Sprintf(`form-data; name="%s"; filename="%s"`, field, filename), contentType, text)
}

func (f *form) part(disposition, contentType, text string) *form {
	h := textproto.MIMEHeader{"Content-Disposition": {disposition}}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	w, _ := f.w.CreatePart(h)
	_, _ = io.WriteString(w, text)
	return f
}

func (f *form) option() option {
	_ = f.w.Close()
	return body(f.w.FormDataContentType(), f.buf.String())
}

func TestMultipartUpload(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	post := func(target string, f *form) answer { return s.do("POST", target, as(ann), f.option()) }
	want := func(a answer, path string) {
		t.Helper()
		a.must(201).has("path", path).has("size", "5").has("checksum", sum("hello")).hasHeader("Etag", etag("hello"))
	}
	want(post("/storage/objects/b", newForm().file("file", "a.txt", "text/plain", "hello")), "a.txt")
	want(post("/storage/objects/b", newForm().file("any name", "a.txt", "text/plain", "hello").field("path", "late/p")), "late/p")
	want(post("/storage/objects/b", newForm().field("path", "early/p").file("path2", "a.txt", "text/plain", "hello")), "early/p")
	a := post("/storage/objects/b", newForm().field("tier", "user").field("metadata", `{"k":"v"}`).file("f", "x.bin", "", "hello").
		field("source", "scanner").field("source_type", "system").field("checksum", strings.ToUpper(sum("hello"))).field("path", "all"))
	want(a, "all")
	a.has("tier", "user").has("user_id", "ann").has("metadata", `{"k":"v"}`).has("source", "scanner").has("source_type", "system").
		has("name", "all").has("bucket", "b").has("content_type", "text/plain; charset=utf-8")
	want(post("/storage/objects", newForm().file("f", "d.txt", "text/plain", "hello")), "d.txt")
	want(post("/storage/objects", newForm().file("f", "e.txt", "text/plain", "hello").field("bucket", "b")), "e.txt")
	s.do("GET", "/storage/objects/default", as(ann)).lists("path", "d.txt")
	post("/storage/objects", newForm().file("f", "e.txt", "text/plain", "hello").field("bucket", "none")).code(404, "bucket_not_found")
	post("/storage/objects", newForm().file("f", "e.txt", "text/plain", "hello").field("bucket", "a.b")).code(400, "invalid_name")
	a = post("/storage/objects/b", newForm().file("f", "defaults", "application/x-thing", "hello"))
	a.must(201).has("source", "edm").has("source_type", "api").has("tier", "shared").has("metadata", "{}").has("content_type", "application/x-thing")
}

func TestMultipartFormsThatAreWrong(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	good := func() *form { return newForm().file("f", "p", "text/plain", "hello") }
	many := newForm()
	for i := range 101 {
		many.field(fmt.Sprint("f", i), "x")
	}
	for name, c := range map[string]struct {
		form   *form
		status int
		code   string
	}{
		"no file":               {newForm().field("path", "p"), 400, "invalid_request"},
		"two files":             {good().file("g", "q", "text/plain", "hello"), 400, "invalid_request"},
		"metadata not JSON":     {good().field("metadata", "{"), 400, ""},
		"metadata of numbers":   {good().field("metadata", `{"a":1}`), 400, ""},
		"metadata of null":      {good().field("metadata", `{"a":null}`), 400, ""},
		"metadata a list":       {good().field("metadata", `["a"]`), 400, ""},
		"metadata twice":        {good().field("metadata", `{"a":"1","a":"2"}`), 400, ""},
		"bad source_type":       {good().field("source_type", "robot"), 400, "invalid_request"},
		"bad tier":              {good().field("tier", "open"), 400, "invalid_request"},
		"private without app":   {good().field("tier", "private"), 400, "tier_needs_app"},
		"checksum too short":    {good().field("checksum", "abc"), 400, "invalid_request"},
		"another checksum":      {good().field("checksum", sum("other")), 400, "checksum_mismatch"},
		"another, field first":  {newForm().field("checksum", sum("other")).file("f", "p", "text/plain", "hello"), 400, "checksum_mismatch"},
		"bad path":              {good().field("path", "../p"), 400, "invalid_path"},
		"path twice":            {good().field("path", "p").field("path", "q"), 400, "invalid_request"},
		"empty file name":       {newForm().part(`form-data; name="f"; filename=""`, "text/plain", "hello"), 400, ""},
		"over 100 parts":        {many.file("f", "p", "text/plain", "hello"), 400, "invalid_request"},
		"64 KiB of fields":      {good().field("junk", strings.Repeat("x", 70<<10)), 413, "too_large"},
		"file over the limit":   {newForm().file("f", "p", "text/plain", strings.Repeat("x", maxObject+1)), 413, "too_large"},
		"late field over limit": {newForm().file("f", "p", "text/plain", strings.Repeat("x", maxObject+1)).field("path", "q"), 413, "too_large"},
	} {
		s.sub(name, func(s *server) {
			a := s.do("POST", "/storage/objects/b", as(ann), c.form.option())
			if c.code == "" {
				a.want(c.status)
			} else {
				a.code(c.status, c.code)
			}
			s.do("GET", "/storage/objects/b", as(ann)).lists("path", "").has("total", "0")
		})
	}
	_ = good().w.Close()
	for name, ct := range map[string]string{"no boundary": "multipart/form-data", "another boundary": "multipart/form-data; boundary=zzz", "empty boundary": `multipart/form-data; boundary=""`} {
		s.sub(name, func(s *server) {
			s.do("POST", "/storage/objects/b", as(ann), body(ct, good().buf.String())).code(400, "invalid_request")
		})
	}
	s.do("GET", "/storage/objects/b", as(ann)).lists("path", "")
}

// "Missing closing boundary: 400, nothing stored", and so at every byte.
func TestMultipartCutAnywhereStoresNothing(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	f := newForm().field("path", "p").file("f", "x", "text/plain", "hello").field("source", "s")
	_ = f.w.Close()
	whole := f.buf.String()
	end := strings.LastIndex(whole, "--") // the form ends with these two
	for n := 0; n < end+2; n += 5 {
		a := s.do("POST", "/storage/objects/b", as(ann), body(f.w.FormDataContentType(), whole[:n]))
		if a.status != 400 {
			t.Errorf("cut at byte %d, after %q: %d", n, whole[max(0, n-20):n], a.status)
		}
		s.do("POST", "/storage/objects/b", as(ann), chunked(f.w.FormDataContentType(), whole[:n]))
	}
	s.do("POST", "/storage/objects/b", as(ann), body(f.w.FormDataContentType(), whole[:end])).want(400)
	s.do("GET", "/storage/objects/b", as(ann)).lists("path", "")
	s.do("POST", "/storage/objects/b", as(ann), body(f.w.FormDataContentType(), whole)).want(201)
}

// wire speaks to the server without a client's help.
func (s *server) wire(text string, cutOff bool) (*http.Response, error) {
	conn, err := net.Dial("tcp", s.url.Host)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		return nil, err
	}
	if cutOff {
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			return nil, err
		}
	}
	return http.ReadResponse(bufio.NewReader(conn), nil)
}

// "An upload that breaks off, at any byte, leaves nothing visible."
func TestRawUploadThatBreaksOff(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	req, _ := http.NewRequest("POST", "/", nil)
	as(ann)(req)
	head := "POST " + base + "/storage/objects/b?path=p HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nAuthorization: " + req.Header.Get("Authorization") + "\r\n"
	for name, rest := range map[string]string{
		"before the body":      "Content-Length: 5\r\n\r\n",
		"a byte short":         "Content-Length: 5\r\n\r\nhell",
		"no chunk":             "Transfer-Encoding: chunked\r\n\r\n",
		"half a chunk":         "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
		"no last chunk":        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"half of last chunk":   "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0",
		"chunk of a bad size":  "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
		"checksum yet cut off": "Content-Length: 6\r\n\r\nhello",
	} {
		s.sub(name, func(s *server) {
			if resp, err := s.wire(head+rest, true); err == nil && resp.StatusCode < 400 {
				s.t.Errorf("%s", resp.Status)
			}
			s.do("GET", "/storage/objects/b", as(ann)).lists("path", "")
		})
	}
	if resp, err := s.wire(head+"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false); err != nil || resp.StatusCode != 201 {
		t.Errorf("the whole of it: %v %v", resp, err)
	}
}

func TestRawUpload(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b","max_file_size":10}`)
	target := "/storage/objects/b?path=d/e.txt&tier=user&source=cli&source_type=backend&checksum=" + sum("hello") + "&metadata=%7B%22k%22%3A%22v%22%7D"
	a := s.do("POST", target, as(ann), body("text/csv", "hello")).must(201)
	a.has("path", "d/e.txt").has("name", "e.txt").has("tier", "user").has("source", "cli").has("source_type", "backend").
		has("metadata", `{"k":"v"}`).has("content_type", "text/csv").hasHeader("Etag", etag("hello"))
	location := a.header.Get("Location")
	if !strings.Contains(location, a.get("id")) {
		t.Errorf("Location %q does not name the object", location)
	}
	s.send(t, "GET", location, as(ann)).want(200)
	s.do("POST", "/storage/objects/b", as(ann), body("text/plain", "hello")).want(400)
	s.do("POST", "/storage/objects/b?path=", as(ann), body("text/plain", "hello")).code(400, "invalid_path")
	s.do("POST", "/storage/objects/b?path=x&path=y", as(ann), body("text/plain", "hello")).code(400, "invalid_request")
	s.do("POST", "/storage/objects?path=x", as(ann), body("text/plain", "hello")).want(201).has("bucket", "default")
	s.do("POST", "/storage/objects/none?path=x", as(ann), body("text/plain", "hello")).code(404, "bucket_not_found")
	s.do("POST", "/storage/objects/b?path=empty", as(ann), body("text/plain", "")).want(201).has("size", "0").has("checksum", sum(""))
	s.do("POST", "/storage/objects/b?path=chunked", as(ann), chunked("text/plain", "hello")).want(201).has("size", "5")
	s.do("POST", "/storage/objects/b?path=ten", as(ann), chunked("text/plain", "0123456789")).want(201)
	s.do("POST", "/storage/objects/b?path=eleven", as(ann), chunked("text/plain", "0123456789x")).code(413, "too_large")
	s.do("POST", "/storage/objects/b?path=eleven", as(ann), body("text/plain", "0123456789x")).code(413, "too_large")
	s.do("POST", "/storage/objects/default?path=big", as(ann), chunked("text/plain", strings.Repeat("x", maxObject+1))).code(413, "too_large")
	s.do("POST", "/storage/objects/b?path=sum&checksum="+sum("other"), as(ann), body("text/plain", "hello")).code(400, "checksum_mismatch")
	s.do("GET", "/storage/objects/b?tier=shared", as(ann)).lists("path", "chunked empty ten")
}

func TestContentTypeIsWorkedOut(t *testing.T) {
	s := newServer(t)
	for i, c := range []struct{ declared, path, bytes, want string }{
		{"application/pdf", "a", "hello", "application/pdf"},
		{"Text/HTML; Charset=utf-8", "a", "x", "text/html; charset=utf-8"},
		{"application/octet-stream", "a.png", "\x89PNG\r\n\x1a\n", "image/png"},
		{"", "a.pdf", "%PDF-1.4", "application/pdf"},
		{"nonsense", "a", "%PDF-1.4", "application/pdf"},
		{"image/*", "a", "%PDF-1.4", "application/pdf"},
		{"", "a.json", "{}", "application/json"},
		{"application/octet-stream", "a", "\x00\x01\x02", "application/octet-stream"},
	} {
		got := s.do("POST", fmt.Sprintf("/storage/objects/default?path=%d/%s", i, c.path), as(ann), body(c.declared, c.bytes)).must(201).get("content_type")
		if got != c.want {
			t.Errorf("%+v is %q", c, got)
		}
	}
}

func TestPaths(t *testing.T) {
	s := newServer(t)
	for _, path := range []string{"a", "a/b", "A", "ä", "a\u0308", " ", "a b", "...", ".a", "a.", "%2F", "a%b", "~", "a:b", "CON", "a*?<>|\"", "日本/語", "\u200b", strings.Repeat("x", 1024), "a/" + strings.Repeat("é", 511)} {
		s.upload(ann, "default", path, "x").want(201).has("path", path)
	}
	for _, path := range []string{"/a", "a/", "a//b", ".", "..", "a/./b", "a/../b", "a/..", "a\\b", "a\x00b", "a\nb", "\x7f", "\u0085", "\u2028", "a\u2029", strings.Repeat("x", 1025), "é" + strings.Repeat("x", 1023)} {
		s.upload(ann, "default", path, "x").code(400, "invalid_path")
	}
}

func TestPathsThatAreNotUTF8(t *testing.T) {
	s := newServer(t)
	for _, path := range []string{"\xff", "a\xc3", "\xed\xa0\x80"} {
		s.upload(ann, "default", path, "x").code(400, "invalid_path")
		s.do("POST", "/storage/objects", as(ann), newForm().file("f", "p", "", "x").field("path", path).option()).code(400, "invalid_path")
	}
}

func TestTheSamePathAgain(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	again := func(c caller, query, text string, more ...option) answer {
		return s.do("POST", "/storage/objects/b?path=p"+query, append([]option{as(c), body("text/plain", text)}, more...)...)
	}
	match := func(v string) option { return header("If-Match", v) }
	id := again(ann, "", "one").must(201).get("id")
	again(ann, "", "two").code(409, "object_exists")
	again(ann, "", "two", header("If-None-Match", "*")).code(409, "object_exists")
	again(ann, "&replace=false", "two").code(409, "object_exists")
	again(ann, "&replace=yes", "two").code(400, "invalid_request")
	for _, wrong := range []string{etag("other"), `"` + strings.ToUpper(sum("one")) + `"`, "W/" + etag("one"), etag("other") + ", " + etag("third"), `""`} {
		again(ann, "", "two", match(wrong)).code(412, "precondition_failed")
	}
	for _, odd := range []string{sum("one"), etag("one") + "x", `"unclosed`, ""} { // not entity tags: never a match
		if a := again(ann, "", "two", match(odd)); a.status != 400 && a.status != 412 {
			t.Errorf("If-Match %q: %d", odd, a.status)
		}
	}
	again(with("storage:write"), "&replace=true", "two").code(403, "permission_denied")
	again(with("storage:write"), "", "two", match(etag("one"))).code(403, "permission_denied")
	again(with("storage:delete"), "&replace=true", "two").code(403, "permission_denied")
	again(with("storage:write", "storage:delete"), "", "two", match(etag("other")+`, "x",`+etag("one"))).want(201).has("id", id).has("version", "2").
		has("created_by", "ann").has("updated_by", "eve").hasHeader("Etag", etag("two"))
	again(ann, "", "three", match(etag("one"))).code(412, "precondition_failed")
	again(ann, "&replace=true", "three").want(201).has("id", id).has("version", "3").has("checksum", sum("three"))
	again(ann, "", "four", match("*")).want(201).has("version", "4")
	again(ann, "&replace=true", "five", match(etag("other"))).code(412, "precondition_failed")
	s.do("GET", "/storage/objects/b/"+id, as(ann)).want(200).text("four")
	s.do("POST", "/storage/objects/b?path=new", as(ann), body("text/plain", "x"), match("*")).code(412, "precondition_failed")
	s.do("POST", "/storage/objects/b?path=new", as(ann), body("text/plain", "x"), match(etag("x"))).code(412, "precondition_failed")
	s.do("POST", "/storage/objects/b?path=new&replace=true", as(ann), body("text/plain", "x")).want(201)
	s.do("POST", "/storage/objects/b?path=new2", as(ann), body("text/plain", "x"), header("If-None-Match", "*")).want(201)
	form := newForm().file("f", "p", "text/plain", "six")
	s.do("POST", "/storage/objects/b?replace=true", as(ann), form.option()).want(201).has("id", id)
}
