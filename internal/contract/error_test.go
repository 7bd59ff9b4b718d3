package contract

import (
	"slices"
	"strings"
	"testing"
)

// "Every answer carries X-Request-Id (the caller's, when it is a sane token;
// else a new one)."
func TestRequestID(t *testing.T) {
	s := newServer(t)
	for _, target := range []string{"/storage/buckets", "/storage/nowhere", "/storage/objects/default/" + randomObject, "/storage/healthz", "/storage/objects/a//b"} {
		for _, sane := range []string{"a", "abc-123_X.9", "01JNY4T8Q3V5W7X9Z0ABCDEFGH", strings.Repeat("x", 64)} {
			s.do("GET", target, as(ann), header("X-Request-Id", sane)).hasHeader("X-Request-Id", sane)
		}
		seen := map[string]bool{}
		for _, insane := range []string{"", " ", "a b", "a\tb", "ä", strings.Repeat("x", 1000)} {
			got := s.do("GET", target, as(ann), header("X-Request-Id", insane)).header.Get("X-Request-Id")
			if got == "" || got == insane || seen[got] {
				t.Errorf("%s: %q for %q", target, got, insane)
			}
			seen[got] = true
		}
	}
	s.do("GET", "/storage/buckets").want(401).hasHeader("Www-Authenticate", "Bearer")
}

func TestAddressesThatAreNowhere(t *testing.T) {
	s := newServer(t)
	for _, target := range []string{"", "/", "/storage", "/storage/", "/storage/nowhere", "/storage/buckets/a/b", "/storage/buckets/", "/storage/files", "/storage/files/b", "/apps", "/apps/a", "/apps/a/b", "/Storage/buckets", "/storage/objects/a/b/c"} {
		s.do("GET", target, as(ann)).code(404, "not_found")
	}
	for _, target := range []string{"/storage//buckets", "/storage/./buckets", "/storage/x/../buckets", "/storage/%2e%2e/buckets", "//storage/buckets", "/storage/buckets/%00"} {
		if a := s.do("GET", target, as(ann)); a.status != 400 && a.status != 404 {
			t.Errorf("%s: %d", target, a.status)
		}
	}
}

// Every address of the description answers every other method with 405 and
// the methods that it does take.
func TestMethodsThatAreNotAllowed(t *testing.T) {
	s := newServer(t)
	fill := strings.NewReplacer("{name}", "default", "{bucket}", "default", "{target}", "default", "{id}", randomObject, "{path}", "a", "{appId}", "app-a", "{collection}", "c", "{key}", "k")
	for _, r := range s.spec.routes {
		target := fill.Replace(r.template)
		taken := map[string]bool{"OPTIONS": true}
		for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			if op, _ := s.spec.operation(m, target); op != nil {
				taken[m] = true
			}
		}
		for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "BREW", "get", "TRACE"} {
			if taken[m] {
				continue
			}
			s.sub(m+" "+target, func(s *server) {
				a := s.do(m, target, as(appA)).code(405, "method_not_allowed")
				taken["HEAD"] = taken["GET"] // net/http answers it with GET
				for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
					if slices.Contains(strings.Split(a.header.Get("Allow"), ", "), m) != taken[m] {
						s.t.Errorf("Allow is %q; of %s the description says %v", a.header.Get("Allow"), m, taken[m])
					}
				}
			})
			break
		}
	}
}

func TestMediaTypesOfBodies(t *testing.T) {
	s := newServer(t)
	for _, c := range [][3]string{
		{"POST", "/storage/buckets", `{"name":"x"}`}, {"PATCH", "/storage/buckets/default", `{}`}, {"PATCH", "/storage/objects/default/" + randomObject, `{}`},
		{"POST", "/storage/objects/default/" + randomObject + "/copy", `{}`}, {"POST", "/storage/objects/default/" + randomObject + "/sign", `{"expires_in":1}`},
		{"POST", "/storage/objects/default/sign-upload", `{"path":"x","expires_in":1}`}, {"POST", "/storage/objects/default/delete", `{"ids":["x"]}`},
		{"PUT", "/storage/records/c/k", `{"value":1}`}, {"PUT", "/storage/records", `{"collection":"c","key":"k","value":1}`}, {"POST", "/storage/records/batch", `{"operations":[]}`},
	} {
		for _, ct := range []string{"text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", "nonsense"} {
			s.do(c[0], c[1], as(ann), body(ct, c[2])).code(415, "unsupported_media_type")
		}
		for _, ct := range []string{"application/json", "Application/Json", "application/json; charset=utf-8", "application/json;charset=UTF-8"} {
			if a := s.do(c[0], c[1], as(ann), body(ct, c[2])); a.status == 415 {
				t.Errorf("%s with %s: %d", a.what, ct, a.status)
			}
		}
	}
}

func TestAccept(t *testing.T) {
	s := newServer(t)
	for accept, ok := range map[string]bool{"*/*": true, "application/*": true, "application/json": true, "text/html, application/json;q=0.5": true, "Application/JSON": true, "": true,
		"application/problem+json, application/json": true, "text/html": false, "application/xml": false, "application/json;q=0": false, "*/*;q=0": false} {
		a := s.do("GET", "/storage/buckets", as(ann), header("Accept", accept))
		if ok {
			a.want(200)
		} else {
			a.code(406, "not_acceptable")
		}
	}
	id := s.uploadID(ann, "default", "p", "x")
	s.do("GET", "/storage/objects/default/"+id, as(ann), header("Accept", "image/*")).want(200) // bytes are what they are
}

func TestHealthAndDescription(t *testing.T) {
	s := newServer(t)
	s.do("GET", "/storage/healthz").want(200)
	a := s.do("GET", "/storage/openapi.yaml").want(200)
	if !strings.HasPrefix(string(a.body), "openapi: 3.1") {
		t.Errorf("%s", shorten(string(a.body)))
	}
	if _, err := parseSpec(a.body); err != nil {
		t.Error(err)
	}
}

func TestJSONBodiesAreBounded(t *testing.T) {
	s := newServer(t)
	huge := `{"name":"x","junk":"` + strings.Repeat("x", 20<<20) + `"}`
	for _, o := range []option{js(huge), chunked("application/json", huge)} {
		s.do("POST", "/storage/buckets", as(ann), o).code(413, "too_large")
		s.do("PUT", "/storage/records/c/k", as(ann), o).code(413, "too_large")
		s.do("PATCH", "/storage/objects/default/"+randomObject, as(ann), o).code(413, "too_large")
	}
	s.do("PATCH", "/storage/records/c/k", as(ann), chunked(mergePatch, huge)).code(413, "too_large")
}
