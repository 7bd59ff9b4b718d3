package contract

import (
	"fmt"
	"strings"
	"testing"
)

func TestAppFiles(t *testing.T) {
	s := newServer(t)
	form := newForm().field("path", "d/f.txt").file("file", "x", "text/plain", "hello")
	a := s.do("POST", "/apps/app-a/storage/upload", as(appA), form.option()).must(201).
		has("name", "f.txt").has("content_type", "text/plain").has("size", "5")
	id := a.get("file_id")
	s.send(t, "GET", a.header.Get("Location"), as(appA)).want(200)
	s.do("GET", "/storage/objects/"+id, as(appA)).want(200).has("tier", "private").has("app_id", "app-a").has("bucket", "default").has("path", "d/f.txt")
	s.do("GET", "/apps/app-a/storage/"+id, as(appA)).want(200).text("hello").hasHeader("Etag", etag("hello"))
	s.do("HEAD", "/apps/app-a/storage/"+id, as(appA)).want(200)
	s.do("GET", "/apps/app-a/storage/"+id, as(appA), header("Range", "bytes=0-1")).want(206).text("he")
	s.do("POST", "/apps/app-a/storage/upload?path=raw", as(appA), body("text/csv", "x")).must(201).has("name", "raw")
	s.do("POST", "/apps/app-a/storage/upload?path=raw", as(appA), body("text/csv", "x")).code(409, "object_exists")
	for _, tier := range []string{"shared", "user"} { // the tier is given
		a := s.do("POST", "/apps/app-a/storage/upload", as(appA), newForm().field("tier", tier).field("bucket", "other").file("f", "t-"+tier, "text/plain", "x").option())
		if a.status == 201 {
			s.do("GET", "/storage/objects/"+a.get("file_id"), as(appA)).has("tier", "private").has("bucket", "default")
		} else {
			a.code(400, "invalid_request")
		}
	}
	s.do("POST", "/storage/objects/default?path=shared", as(appA), body("text/plain", "x"))
	shared := s.uploadID(ann, "default", "shared", "x")
	other := s.uploadID(appB, "default", "other", "x")
	list := s.do("GET", "/apps/app-a/storage", as(appA)).must(200)
	if text := string(list.body); !strings.Contains(text, id) || strings.Contains(text, shared) || strings.Contains(text, other) {
		t.Errorf("list: %s", list.body)
	}
	for _, hidden := range []string{shared, other, randomObject, "nonsense"} {
		s.do("GET", "/apps/app-a/storage/"+hidden, as(appA)).want(404)
		s.do("DELETE", "/apps/app-a/storage/"+hidden, as(appA)).want(404)
	}
	s.do("GET", "/apps/app-a/storage/"+shared, as(appA)).sameAs(s.do("GET", "/apps/app-a/storage/"+randomObject, as(appA)))
	reader := caller{tenant: "acme", user: "eve", app: "app-a", perms: []string{"storage:read"}}
	s.do("GET", "/apps/app-a/storage/"+id, as(reader)).want(200)
	s.do("DELETE", "/apps/app-a/storage/"+id, as(reader)).code(403, "permission_denied")
	s.do("POST", "/apps/app-a/storage/upload?path=r", as(reader), body("text/plain", "x")).code(403, "permission_denied")
	s.do("DELETE", "/apps/app-a/storage/"+id, as(appA)).want(200).has("is_deleted", "true")
	s.do("DELETE", "/apps/app-a/storage/"+id, as(appA)).want(404)
	s.do("GET", "/apps/app-a/storage/"+id, as(appA)).want(404)
}

// "the caller's app_id must be {appId}, else 404."
func TestAppFilesOfAnotherApp(t *testing.T) {
	s := newServer(t)
	id := s.uploadID(appA, "default", "p", "x")
	for name, c := range map[string]caller{"another app": appB, "no app": ann, "another tenant": {tenant: "rival", user: "u", app: "app-a", perms: []string{"*"}}} {
		s.sub(name, func(s *server) {
			s.do("GET", "/apps/app-a/storage/"+id, as(c)).want(404)
			s.do("DELETE", "/apps/app-a/storage/"+id, as(c)).want(404)
			if c.tenant == "acme" {
				s.do("GET", "/apps/app-a/storage", as(c)).want(404).sameAs(s.do("GET", "/apps/nothing/storage", as(c)))
				s.do("POST", "/apps/app-a/storage/upload?path=x", as(c), body("text/plain", "x")).want(404)
				s.do("DELETE", "/apps/app-a/storage", as(c)).want(404)
			} else {
				s.do("GET", "/apps/app-a/storage", as(c)).lists("path", "")
				s.do("DELETE", "/apps/app-a/storage", as(c)).want(200).has("objects", "0")
			}
		})
	}
	s.do("GET", "/apps/APP-A/storage", as(appA)).want(404)
	s.do("GET", "/apps/app-a/storage/"+id, as(appA)).want(200)
	s.do("DELETE", "/apps/app-b/storage", as(caller{tenant: "acme", user: "eve", perms: []string{"storage:read"}})).want(403)
}

// "DELETE /apps/{appId}/storage (admin): … all its private objects and records
// go", and nothing else.
func TestDeleteApp(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	id := s.uploadID(appA, "default", "p", "x")
	s.uploadID(appA, "b", "p", "x")
	gone := s.uploadID(appA, "b", "gone", "x")
	s.do("DELETE", "/storage/objects/"+gone, as(appA)).must(200)
	s.do("POST", "/storage/objects/b?path=shared&tier=shared", as(appA), body("text/plain", "x")).must(201)
	s.do("POST", "/storage/objects/b?path=user&tier=user", as(appA), body("text/plain", "x")).must(201)
	for i := range 3 {
		s.put(appA, fmt.Sprint("c", i), "k", `"value":1`).must(201)
	}
	s.put(appA, "c", "shared", `"value":1,"tier":"shared"`).must(201)
	s.uploadID(appB, "default", "p", "x")
	s.put(appB, "c", "k", `"value":1`).must(201)
	writer := caller{tenant: "acme", user: "eve", app: "app-a", perms: []string{"storage:read", "storage:write", "storage:delete", "storage:default:admin"}}
	s.do("DELETE", "/apps/app-a/storage", as(writer)).code(403, "permission_denied")
	s.do("DELETE", "/apps/app-a/storage", as(appA)).want(200).has("objects", "3").has("records", "3")
	s.do("DELETE", "/apps/app-a/storage", as(appA)).want(200).has("objects", "0").has("records", "0")
	s.do("GET", "/storage/objects", as(appA)).lists("path", "shared user")
	s.do("GET", "/storage/objects?deleted=true", as(appA)).lists("path", "")
	s.do("GET", "/storage/records", as(appA)).lists("key", "shared")
	s.do("GET", "/storage/objects/"+id, as(appA)).code(404, "object_not_found")
	s.do("GET", "/storage/objects?tier=private", as(appB)).lists("path", "p")
	s.do("GET", "/storage/records?tier=private", as(appB)).lists("key", "k")
}
