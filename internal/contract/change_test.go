package contract

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestPatchObject(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	s.bucket(`{"name":"small","max_file_size":2}`)
	s.bucket(`{"name":"png","allowed_types":["image/png"]}`)
	id := s.uploadID(ann, "b", "p", "hello")
	patch := func(text string, more ...option) answer {
		return s.do("PATCH", "/storage/objects/b/"+id, append([]option{as(ann), js(text)}, more...)...)
	}
	s.advance(time.Second)
	patch(`{"path":"q/r"}`).want(200).has("path", "q/r").has("name", "r").has("version", "2").hasHeader("Etag", `"v2"`).has("id", id).
		has("checksum", sum("hello")).has("updated_at", "2026-03-01T12:00:01.123456Z").has("created_at", "2026-03-01T12:00:00.123456Z")
	patch(`{"metadata":{"a":"1"}}`).want(200).has("metadata", `{"a":"1"}`).has("path", "q/r")
	patch(`{"metadata":{"b":"2"}}`).want(200).has("metadata", `{"b":"2"}`)
	patch(`{"metadata":{}}`).want(200).has("metadata", `{}`)
	patch(`{"content_type":"Text/CSV"}`).want(200).has("content_type", "text/csv").has("version", "6")
	for _, wrong := range []string{`{"path":""}`, `{"path":"/a"}`, `{"path":"a/../b"}`, `{"path":"\n"}`} {
		patch(wrong).code(400, "invalid_path")
	}
	for _, wrong := range []string{`{"path":7}`, `{"metadata":"x"}`, `{"metadata":{"a":1}}`, `{"metadata":{"a":null}}`, `{"metadata":[]}`, `{"content_type":"nonsense"}`, `{"content_type":"a/b, c/d"}`, `{"content_type":"image/*"}`,
		`{"content_type":7}`, `[]`, `7`, `{"bucket":7}`, `{"metadata":{"a":1},"bucket":"b"}`} {
		patch(wrong).code(400, "invalid_request")
	}
	patch(`{"bucket":"a.b"}`).code(400, "invalid_name")
	patch(`{`).code(400, "invalid_json")
	patch(`{"path":"x","path":"y"}`).code(400, "invalid_json")
	patch(`{"bucket":"none"}`).code(404, "bucket_not_found")
	patch(`{"bucket":"small"}`).code(413, "too_large")
	patch(`{"bucket":"png"}`).code(422, "type_not_allowed")
	s.uploadID(ann, "b", "taken", "x")
	patch(`{"path":"taken"}`).code(409, "object_exists")
	patch(`{"path":"q/r"}`).want(200)
	for _, wrong := range []string{`"v1"`, `"v8"`, `W/"v7"`, `"V7"`, `"v07"`, `"7"`, `""`} {
		patch(`{"metadata":{}}`, header("If-Match", wrong)).code(412, "precondition_failed")
	}
	patch(`{"metadata":{}}`, header("If-Match", `"v1", "v7"`)).want(200).has("version", "8")
	patch(`{"metadata":{}}`, header("If-Match", `"v1"`), header("If-Match", `"v8"`)).want(200).has("version", "9") // one list, RFC 9110, section 5.3
	patch(`{"metadata":{}}`, header("If-Match", etag("hello"))).want(200)
	patch(`{"metadata":{}}`, header("If-Match", `*`)).want(200)
	patch(`{"bucket":"default","path":"moved"}`).want(200).has("bucket", "default").has("path", "moved")
	patch(`{"path":"x"}`).code(404, "object_not_found")
	s.do("GET", "/storage/files/default/moved", as(ann)).want(200).text("hello").hasHeader("Content-Type", "text/csv")
	mover := with("storage:default:write")
	s.do("PATCH", "/storage/objects/default/"+id, as(mover), js(`{"bucket":"b"}`)).code(403, "permission_denied")
	s.do("PATCH", "/storage/objects/default/"+id, as(with("storage:b:write")), js(`{"bucket":"b"}`)).code(403, "permission_denied")
	s.do("PATCH", "/storage/objects/default/"+id, as(mover), js(`{"path":"by mover"}`)).want(200).has("updated_by", "eve")
	s.do("PATCH", "/storage/objects/default/"+id, as(ann), body("text/plain", `{"path":"x"}`)).code(415, "unsupported_media_type")
	s.do("PATCH", "/storage/objects/default/"+randomObject, as(ann), js(`{"path":"x"}`)).code(404, "object_not_found")
	s.do("PATCH", "/storage/objects/default/nonsense", as(ann), js(`{"path":"x"}`)).want(404)
}

// Labels are held to their rules however they come.
func TestPatchedMetadataIsCheckedInAMoveToo(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	id := s.uploadID(ann, "default", "p", "x")
	for _, move := range []string{"", `,"bucket":"b"`, `,"path":"q"`} {
		s.do("PATCH", "/storage/objects/default/"+id, as(ann), js(`{"metadata":{"`+strings.Repeat("k", 300<<10)+`":"x"}`+move+`}`)).code(400, "invalid_request")
	}
}

func TestCopyObject(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	s.bucket(`{"name":"small","max_file_size":2}`)
	s.bucket(`{"name":"png","allowed_types":["image/png"]}`)
	a := s.do("POST", "/storage/objects/b?path=p&metadata=%7B%22k%22%3A%22v%22%7D&source=cli", as(ann), body("text/csv", "hello")).must(201)
	id := a.get("id")
	cp := func(c caller, text string) answer {
		return s.do("POST", "/storage/objects/b/"+id+"/copy", as(c), js(text))
	}
	c := cp(bob, `{"bucket":"default","path":"q"}`).must(201)
	c.has("bucket", "default").has("path", "q").has("metadata", `{"k":"v"}`).has("content_type", "text/csv").has("checksum", sum("hello")).
		has("version", "1").has("created_by", "bob").has("tier", "shared").hasHeader("Etag", `"v1"`)
	if c.get("id") == id || c.get("minio_key") == a.get("minio_key") {
		t.Errorf("the copy is not a new object: %s", c.body)
	}
	s.send(t, "GET", c.header.Get("Location"), as(bob)).want(200)
	s.do("GET", "/storage/objects/default/"+c.get("id"), as(bob)).want(200).text("hello")
	cp(bob, `{"path":"q2"}`).want(201).has("bucket", "b")
	cp(bob, `{"bucket":"default","path":"q"}`).code(409, "object_exists")
	cp(bob, `{"path":"p"}`).code(409, "object_exists")
	cp(bob, `{"path":"p","tier":"user"}`).want(201).has("tier", "user").has("user_id", "bob")
	cp(bob, `{"tier":"private"}`).code(400, "tier_needs_app")
	cp(bob, `{"path":"a//b"}`).code(400, "invalid_path")
	cp(bob, `{"path":1}`).code(400, "invalid_request")
	cp(bob, `{"bucket":"none","path":"x"}`).code(404, "bucket_not_found")
	cp(bob, `{"bucket":"small","path":"x"}`).code(413, "too_large")
	cp(bob, `{"bucket":"png","path":"x"}`).code(422, "type_not_allowed")
	cp(with("storage:b:read", "storage:default:write"), `{"bucket":"default","path":"allowed"}`).want(201)
	cp(with("storage:b:read"), `{"bucket":"default","path":"x"}`).code(403, "permission_denied")
	cp(with("storage:default:write", "storage:b:write"), `{"bucket":"default","path":"x"}`).code(403, "permission_denied")
	s.do("POST", "/storage/objects/b/"+randomObject+"/copy", as(ann), js(`{"path":"x"}`)).code(404, "object_not_found")
	s.do("POST", "/storage/objects/default/"+id+"/copy", as(ann), js(`{"path":"x"}`)).code(404, "object_not_found")
}

func TestDeleteAndRestoreObject(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	id := s.uploadID(ann, "b", "p", "hello")
	s.do("DELETE", "/storage/objects/b/"+id, as(ann), header("If-Match", `"v9"`)).code(412, "precondition_failed")
	s.do("POST", "/storage/objects/b/"+id+"/restore", as(ann)).code(404, "object_not_found")
	s.do("DELETE", "/storage/objects/b/"+id, as(bob)).want(200).has("id", id).has("is_deleted", "true").has("deleted_by", "bob").has("deleted_at", "2026-03-01T12:00:00.123456Z")
	for _, target := range []string{"/storage/objects/b/" + id, "/storage/objects/" + id} {
		s.do("DELETE", target, as(ann)).code(404, "object_not_found")
		s.do("GET", target, as(ann)).code(404, "object_not_found")
	}
	s.do("GET", "/storage/files/b/p", as(ann)).code(404, "object_not_found")
	s.do("POST", "/storage/objects/b/"+id+"/restore", as(ann)).want(200).has("is_deleted", "false").has("deleted_at", "null").has("deleted_by", "null").has("checksum", sum("hello"))
	s.do("DELETE", "/storage/objects/"+id, as(ann)).want(200)
	s.uploadID(ann, "b", "p", "other")
	s.do("POST", "/storage/objects/b/"+id+"/restore", as(ann)).code(409, "object_exists")
	s.do("DELETE", "/storage/objects/b/"+id+"?purge=true", as(with("storage:delete"))).code(403, "permission_denied")
	s.do("DELETE", "/storage/objects/b/"+id+"?purge=true", as(with("storage:admin"))).code(403, "permission_denied")
	s.do("DELETE", "/storage/objects/b/"+id+"?purge=maybe", as(ann)).code(400, "invalid_request")
	s.do("DELETE", "/storage/objects/b/"+id+"?purge=false", as(ann)).code(404, "object_not_found")
	s.do("DELETE", "/storage/objects/b/"+id+"?purge=true", as(ann)).want(200)
	s.do("GET", "/storage/objects/b?deleted=true", as(ann)).lists("path", "")
	s.do("DELETE", "/storage/objects/b/"+id+"?purge=true", as(ann)).code(404, "object_not_found")
	live := s.uploadID(ann, "b", "live", "x")
	s.do("DELETE", "/storage/objects/default/"+live, as(ann)).code(404, "object_not_found")
	s.do("DELETE", "/storage/objects/b/"+live+"?purge=true", as(with("storage:delete", "storage:admin"))).want(200)
	s.do("GET", "/storage/objects/b/"+live, as(ann)).code(404, "object_not_found")
	s.do("DELETE", "/storage/objects/b", as(ann)).want(404)
	s.do("DELETE", "/storage/objects/"+s.uploadID(ann, "b", "z", "x"), as(with("storage:default:delete"))).want(404)
}

func TestRestoreObeysTheBucketsRules(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	id := s.uploadID(ann, "b", "p", "hello")
	s.do("DELETE", "/storage/objects/"+id, as(ann)).must(200)
	s.do("PATCH", "/storage/buckets/b", as(ann), js(`{"max_file_size":2}`)).must(200)
	s.do("POST", "/storage/objects/b/"+id+"/restore", as(ann)).code(413, "too_large")
	s.do("PATCH", "/storage/buckets/b", as(ann), js(`{"max_file_size":null,"allowed_types":["image/*"]}`)).must(200)
	s.do("POST", "/storage/objects/b/"+id+"/restore", as(ann)).code(422, "type_not_allowed")
	s.do("PATCH", "/storage/buckets/b", as(ann), js(`{"allowed_types":null}`)).must(200)
	s.do("POST", "/storage/objects/b/"+id+"/restore", as(with("storage:delete", "storage:read"))).code(403, "permission_denied")
	s.do("POST", "/storage/objects/b/"+id+"/restore", as(ann)).want(200)
}

func TestBulkDelete(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	one, two := s.uploadID(ann, "b", "1", "x"), s.uploadID(ann, "b", "2", "x")
	other := s.uploadID(ann, "default", "3", "x")
	hidden := s.do("POST", "/storage/objects/b?path=h&tier=user", as(bob), body("text/plain", "x")).must(201).get("id")
	bulk := func(c caller, text string) answer { return s.do("POST", "/storage/objects/b/delete", as(c), js(text)) }
	a := bulk(ann, fmt.Sprintf(`{"ids":[%q,%q,%q,%q,"nonsense",%q,""]}`, one, other, hidden, randomObject, one)).must(200)
	a.has("deleted", `["`+one+`"]`)
	if n := strings.Count(string(a.body), `"code":"object_not_found"`); n != 6 {
		t.Errorf("%d ids not found: %s", n, a.body)
	}
	s.do("GET", "/storage/objects/b", as(ann)).lists("path", "2")
	s.do("GET", "/storage/objects/default", as(ann)).lists("path", "3")
	bulk(with("storage:write"), `{"ids":["`+two+`"]}`).code(403, "permission_denied")
	for _, wrong := range []string{`{}`, `{"ids":null}`, `{"ids":[]}`, `{"ids":"x"}`, `{"ids":[1]}`, `{"ids":[null]}`, `[]`, `{"ids":[` + strings.Repeat(`"x",`, 1000) + `"x"]}`} {
		bulk(ann, wrong).code(400, "invalid_request")
	}
	bulk(ann, `{"ids":[`+strings.Repeat(`"x",`, 999)+`"`+two+`"]}`).want(200).has("deleted", `["`+two+`"]`)
	s.do("POST", "/storage/objects/b/"+two+"/restore", as(ann)).want(200)
}

func TestBulkDeleteInABucketThatIsNotThere(t *testing.T) {
	s := newServer(t)
	s.do("POST", "/storage/objects/none/delete", as(ann), js(`{"ids":["x"]}`)).code(404, "bucket_not_found")
}
