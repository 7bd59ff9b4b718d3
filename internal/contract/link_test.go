package contract

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// follow sends a request to a link as it was answered.
func (s *server) follow(method, link string, opts ...option) answer {
	s.t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.send(s.t, method, u.EscapedPath()+"?"+u.RawQuery, opts...)
}

func TestSignedDownload(t *testing.T) {
	s := newServer(t)
	id := s.uploadID(ann, "default", "p.png", "hello")
	app := s.uploadID(appA, "default", "p.png", "private")
	sign := func(c caller, id, text string) answer {
		return s.do("POST", "/storage/objects/default/"+id+"/sign", as(c), js(text))
	}
	a := sign(with("storage:read"), id, `{"expires_in":60}`).must(200).has("expires_at", "2026-03-01T12:01:00.000000Z")
	link := a.get("url")
	if !strings.HasPrefix(link, s.url.String()+base) {
		t.Errorf("the link is not a whole address of this server: %s", link)
	}
	s.follow("GET", link).want(200).text("hello").hasHeader("Referrer-Policy", "no-referrer")
	s.follow("HEAD", link).want(200).hasHeader("Content-Length", "5").hasHeader("Referrer-Policy", "no-referrer")
	s.follow("GET", link, header("Range", "bytes=1-2")).want(206).text("el")
	s.follow("GET", link, header("If-None-Match", etag("hello"))).want(304)
	s.follow("GET", link, bearer("rubbish")).code(401, "unauthenticated")
	s.follow("GET", sign(appA, app, `{"expires_in":60}`).must(200).get("url")).want(200).text("private")
	for _, method := range []string{"DELETE", "PATCH", "PUT", "POST"} {
		if a := s.follow(method, link, js(`{"path":"x"}`)); a.status < 400 {
			t.Errorf("%s by a link to download: %d", method, a.status)
		}
	}
	for _, text := range []string{`{"expires_in":1}`, `{"expires_in":604800}`, `{"expires_in":60,"inline":false}`} {
		sign(ann, id, text).want(200)
	}
	for _, text := range []string{`{"expires_in":0}`, `{"expires_in":-1}`, `{"expires_in":604801}`, `{"expires_in":1.5}`, `{"expires_in":"60"}`, `{"expires_in":60,"inline":"yes"}`, `{"expires_in":1e9}`, `{"expires_in":99999999999999999999}`} {
		sign(ann, id, text).code(400, "invalid_request")
	}
	sign(ann, id, `{"expires_in":60,"direct":true}`).want(422) // memory cannot presign
	sign(with("storage:write"), id, `{"expires_in":60}`).code(403, "permission_denied")
	sign(ann, randomObject, `{"expires_in":60}`).code(404, "object_not_found")
	s.do("DELETE", "/storage/objects/"+id, as(ann)).must(200)
	s.follow("GET", link).code(404, "object_not_found")
}

func TestSignedLinkInline(t *testing.T) {
	s := newServer(t)
	png := s.do("POST", "/storage/objects/default?path=a", as(ann), body("image/png", "x")).must(201).get("id")
	html := s.do("POST", "/storage/objects/default?path=b", as(ann), body("text/html", "x")).must(201).get("id")
	disposition := func(id, inline string) string {
		link := s.do("POST", "/storage/objects/default/"+id+"/sign", as(ann), js(`{"expires_in":60,"inline":`+inline+`}`)).must(200).get("url")
		first, _, _ := strings.Cut(s.follow("GET", link).want(200).header.Get("Content-Disposition"), ";")
		return first
	}
	for _, c := range [][3]string{{png, "true", "inline"}, {png, "false", "attachment"}, {html, "true", "attachment"}} {
		if got := disposition(c[0], c[1]); got != c[2] {
			t.Errorf("inline %s: %s, want %s", c[1], got, c[2])
		}
	}
}

// "An expired or altered one is 403": in every parameter, in the address, and
// in what is added, repeated, dropped or spelled otherwise.
func TestAlteredLinks(t *testing.T) {
	s := newServer(t)
	id := s.uploadID(ann, "default", "p", "hello")
	other := s.uploadID(ann, "default", "q", "other")
	s.bucket(`{"name":"b"}`)
	link := s.do("POST", "/storage/objects/default/"+id+"/sign", as(ann), js(`{"expires_in":60,"inline":true}`)).must(200).get("url")
	path, raw, _ := strings.Cut(strings.TrimPrefix(link, s.url.String()), "?")
	query, err := url.ParseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(path, raw string) {
		t.Helper()
		for _, method := range []string{"GET", "HEAD"} {
			a := s.send(t, method, path+"?"+raw)
			if a.status == 401 && !strings.Contains(raw, "signature") {
				continue // no signed link at all
			}
			if a.status != 403 {
				t.Errorf("%s %s?%s: %d", method, path, raw, a.status)
			}
			if got := a.header.Get("Referrer-Policy"); got != "no-referrer" {
				t.Errorf("%s: Referrer-Policy %q", a.what, got)
			}
		}
	}
	s.send(t, "GET", path+"?"+raw).want(200)
	for name := range query {
		for what, alter := range map[string]func(url.Values){
			"empty":   func(q url.Values) { q.Set(name, "") },
			"longer":  func(q url.Values) { q.Set(name, q.Get(name)+"0") },
			"front":   func(q url.Values) { q.Set(name, "0"+q.Get(name)) },
			"space":   func(q url.Values) { q.Set(name, q.Get(name)+" ") },
			"newline": func(q url.Values) { q.Set(name, q.Get(name)+"\n") },
			"shorter": func(q url.Values) { q.Set(name, q.Get(name)[1:]) },
			"twice":   func(q url.Values) { q.Add(name, q.Get(name)) },
			"capital": func(q url.Values) { q[strings.ToUpper(name)] = q[name]; delete(q, name) },
		} {
			q := url.Values{}
			for k, v := range query {
				q[k] = slices.Clone(v)
			}
			alter(q)
			t.Run(name+" "+what, func(*testing.T) { refused(path, q.Encode()) })
		}
	}
	for _, more := range []string{"&tier=user", "&x=1", "&x", "&inline=0", "&=", "&a;b=c", "&%zz=1", "&signature", "&download=1"} {
		refused(path, raw+more)
	}
	refused(strings.Replace(path, id, other, 1), raw)
	refused(strings.Replace(path, id, randomObject, 1), raw)
	refused(strings.Replace(path, "default", "b", 1), raw)
	for _, kid := range []string{"old", "new", "NOW"} {
		q, _ := url.ParseQuery(raw)
		q.Set("kid", kid)
		refused(path, q.Encode())
	}
	for name := range query { // with a part of a signature missing it is no signed link: anonymous, or refused
		q, _ := url.ParseQuery(raw)
		q.Del(name)
		if a := s.send(t, "GET", path+"?"+q.Encode()); a.status != 401 && a.status != 403 && a.status != 404 {
			t.Errorf("without %s: %d", name, a.status)
		}
	}
	if a := s.send(t, "GET", base+"/storage/files/default/p?"+raw); a.status < 400 {
		t.Errorf("the link opens another route: %d", a.status)
	}
	if a := s.send(t, "GET", base+"/storage/objects/"+id+"?"+raw); a.status < 400 {
		t.Errorf("the link opens the metadata: %d", a.status)
	}
	s.advance(59 * time.Second)
	s.send(t, "GET", path+"?"+raw).want(200)
	s.advance(time.Second)
	refused(path, raw)
	s.send(t, "GET", path+"?"+raw).code(403, "permission_denied")
}

// What an altered link gets is the same whether there is such an object.
func TestAlteredLinksTellNothing(t *testing.T) {
	s := newServer(t)
	id := s.uploadID(ann, "default", "p", "hello")
	link := s.do("POST", "/storage/objects/default/"+id+"/sign", as(ann), js(`{"expires_in":60}`)).must(200).get("url")
	s.follow("GET", link+"0").want(403).sameAs(s.follow("GET", strings.Replace(link, id, randomObject, 1)))
}

type uploadLink struct {
	URL, Method string
	Headers     map[string]string
}

func (s *server) signUpload(c caller, bucket, text string) uploadLink {
	s.t.Helper()
	a := s.do("POST", "/storage/objects/"+bucket+"/sign-upload", as(c), js(text)).must(200).has("method", "PUT")
	var l uploadLink
	if err := json.Unmarshal(a.body, &l); err != nil {
		s.t.Fatal(err)
	}
	return l
}

func (s *server) use(l uploadLink, text string, opts ...option) answer {
	s.t.Helper()
	opts = append([]option{body("", text)}, opts...)
	for name, value := range l.Headers {
		opts = append(opts, header(name, value))
	}
	return s.follow(l.Method, l.URL, opts...)
}

func TestSignedUpload(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b","max_file_size":20,"allowed_types":["text/plain","text/csv"]}`)
	writer := with("storage:b:write")
	l := s.signUpload(writer, "b", `{"path":"d/p.csv","content_type":"text/csv","max_size":5,"expires_in":60}`)
	a := s.use(l, "hello").want(201).has("path", "d/p.csv").has("bucket", "b").has("content_type", "text/csv").has("created_by", "eve").has("tenant_id", "acme").
		hasHeader("Etag", etag("hello")).hasHeader("Referrer-Policy", "no-referrer")
	s.send(t, "GET", a.header.Get("Location"), as(ann)).want(200)
	if a := s.use(l, "again"); a.status != 403 && a.status != 409 { // "one upload …, once"
		t.Errorf("the same link again: %d", a.status)
	}
	s.do("DELETE", "/storage/objects/b/"+a.get("id"), as(ann)).must(200)
	if a := s.use(l, "again"); a.status != 403 {
		t.Errorf("the same link again, when the path is free: %d", a.status)
	}
	if a := s.use(s.signUpload(writer, "b", `{"path":"big","content_type":"text/plain","max_size":5,"expires_in":60}`), "hello!"); a.status != 413 {
		t.Errorf("over max_size: %d", a.status)
	}
	if a := s.use(s.signUpload(writer, "b", `{"path":"big","content_type":"text/plain","expires_in":60}`), strings.Repeat("x", 21)); a.status != 413 {
		t.Errorf("over the bucket's limit: %d", a.status)
	}
	for name, opts := range map[string][]option{
		"length":  {body("", strings.Repeat("x", 6))},
		"chunked": {chunked("text/plain", strings.Repeat("x", 6))},
	} {
		l := s.signUpload(writer, "b", `{"path":"size-`+name+`","content_type":"text/plain","max_size":5,"expires_in":60}`)
		s.use(l, "", opts...).code(413, "too_large")
	}
	sign := func(c caller, text string) answer {
		return s.do("POST", "/storage/objects/b/sign-upload", as(c), js(text))
	}
	sign(with("storage:b:read"), `{"path":"x","expires_in":60}`).code(403, "permission_denied")
	for _, text := range []string{`{"path":"x","expires_in":0}`, `{"path":"x","expires_in":604801}`, `{"path":"x","expires_in":"1"}`, `{"path":"x","expires_in":60,"max_size":0}`, `{"path":"x","expires_in":60,"max_size":-1}`,
		`{"path":"x","expires_in":60,"max_size":"5"}`, `{"path":7,"expires_in":60}`} {
		sign(ann, text).code(400, "invalid_request")
	}
	for _, path := range []string{"", "/x", "a//b", "..", `a\\b`} {
		sign(ann, `{"path":"`+path+`","expires_in":60}`).code(400, "invalid_path")
	}
	sign(ann, `{"expires_in":60}`).want(400)
	sign(ann, `{"path":"x","expires_in":60,"direct":true}`).want(422)
	s.do("POST", "/storage/objects/none/sign-upload", as(ann), js(`{"path":"x","expires_in":60}`)).code(404, "bucket_not_found")
	app := s.signUpload(appA, "b", `{"path":"of app","content_type":"text/plain","expires_in":60}`)
	s.use(app, "x").want(201).has("tier", "private").has("app_id", "app-a")
}

// A type that is none is refused, never echoed.
func TestSignedUploadOfATypeThatIsNone(t *testing.T) {
	s := newServer(t)
	for _, ct := range []string{"nonsense", "image/*", "a/b, c/d", "text/", "a b/c"} {
		s.do("POST", "/storage/objects/default/sign-upload", as(ann), js(`{"path":"x","expires_in":60,"content_type":"`+ct+`"}`)).code(400, "invalid_request")
	}
}

// The bucket's rules are those of the moment of the upload.
func TestSignedUploadObeysTheBucketAsItIs(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	one := s.signUpload(ann, "b", `{"path":"one","content_type":"text/plain","expires_in":60}`)
	two := s.signUpload(ann, "b", `{"path":"two","content_type":"text/plain","expires_in":60}`)
	three := s.signUpload(ann, "b", `{"path":"three","content_type":"text/plain","expires_in":60}`)
	s.do("PATCH", "/storage/buckets/b", as(root), js(`{"allowed_types":["image/png"]}`)).must(200)
	s.use(one, "hello").code(422, "type_not_allowed")
	s.do("PATCH", "/storage/buckets/b", as(root), js(`{"allowed_types":null,"max_file_size":2}`)).must(200)
	s.use(two, "hello").code(413, "too_large")
	s.uploadID(ann, "b", "three", "x")
	s.use(three, "x").code(409, "object_exists")
	s.do("GET", "/storage/objects/b", as(ann)).lists("path", "three")
}

func TestAlteredUploadLinks(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	s.bucket(`{"name":"c"}`)
	l := s.signUpload(ann, "b", `{"path":"p","content_type":"text/plain","max_size":9,"expires_in":60}`)
	u, _ := url.Parse(l.URL)
	for name := range u.Query() {
		for what, alter := range map[string]func(url.Values){
			"changed": func(q url.Values) { q.Set(name, q.Get(name)+"0") },
			"twice":   func(q url.Values) { q.Add(name, q.Get(name)) },
			"dropped": func(q url.Values) { q.Del(name) },
		} {
			q := u.Query()
			alter(q)
			altered := l
			altered.URL = u.Scheme + "://" + u.Host + u.EscapedPath() + "?" + q.Encode()
			a := s.use(altered, "hello")
			if a.status != 403 && (what != "dropped" || a.status != 401) {
				t.Errorf("%s %s: %d", name, what, a.status)
			}
		}
	}
	for _, more := range []string{"&x=1", "&path=q", "&tier=user", "&replace=true", "&max_size=99", "&;", "&%zz"} {
		altered := l
		altered.URL += more
		s.use(altered, "hello").want(403)
	}
	moved := l
	moved.URL = strings.Replace(l.URL, "/objects/b", "/objects/c", 1)
	s.use(moved, "hello").want(403)
	s.follow("GET", l.URL).want(401)
	if a := s.follow("POST", l.URL, body("text/plain", "hello")); a.status != 401 && a.status != 403 {
		t.Errorf("POST by a link to PUT: %d", a.status)
	}
	s.do("GET", "/storage/objects/b", as(ann)).lists("path", "")
	if a := s.use(l, "hello", body("text/html", "hello")); a.status == 201 && a.get("content_type") == "text/html" {
		t.Errorf("another type than was signed: %s", a.body)
	}
	late := s.signUpload(ann, "b", `{"path":"late","content_type":"text/plain","expires_in":60}`)
	s.advance(time.Minute)
	s.use(late, "hello").code(403, "permission_denied")
	s.do("PUT", "/storage/objects/b", as(ann), body("text/plain", "x")).want(403)
}

// Of many that use one link at the same time one wins, and a use that failed
// leaves the link good.
func TestUploadLinkIsForOnce(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	l := s.signUpload(ann, "b", `{"path":"p","content_type":"text/plain","max_size":5,"expires_in":60}`)
	s.use(l, "too long").code(413, "too_large")
	var wg sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		wg.Go(func() { statuses[i] = s.use(l, fmt.Sprint("no ", i)).status })
	}
	wg.Wait()
	slices.Sort(statuses)
	if statuses[0] != 201 || statuses[1] < 400 {
		t.Errorf("eight uses of one link: %v", statuses)
	}
	s.do("GET", "/storage/objects/b", as(ann)).has("total", "1")
}
