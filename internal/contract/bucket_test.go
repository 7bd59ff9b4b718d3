package contract

import (
	"fmt"
	"strings"
	"testing"
)

func TestBucketNames(t *testing.T) {
	s := newServer(t)
	quote := func(name string) string { return `{"name":"` + name + `"}` }
	for _, name := range []string{"a", "A", "z-9_", strings.Repeat("n", 63), "0", "-", "_", "record", "records2", "obj_", "obj_01JNY4T8Q3V5W7X9Z0ABCDEFG"} {
		s.do("POST", "/storage/buckets", as(root), js(quote(name))).want(201).has("name", name).
			hasHeader("Location", base+"/storage/buckets/"+name)
		s.do("GET", "/storage/buckets/"+name, as(root)).want(200).has("name", name)
	}
	for _, name := range []string{"", strings.Repeat("n", 64), "a b", "a.b", "a/b", "é", "a:b", "*", "records", "Records", "RECORDS", randomObject, "a\\n"} {
		s.do("POST", "/storage/buckets", as(root), js(quote(name))).code(400, "invalid_name")
	}
	for _, text := range []string{`{}`, `{"name":null}`, `{"name":7}`, `[]`, `"b"`, `null`, `{"name":["b"]}`} {
		s.do("POST", "/storage/buckets", as(root), js(text)).want(400)
	}
	for _, text := range []string{``, `{`, `{"name":"j"}x`, `{"name":"j","name":"k"}`, "{\"name\":\"\xff\"}", `{"name":"j",}`, "\ufeff{\"name\":\"j\"}"} {
		s.do("POST", "/storage/buckets", as(root), js(text)).code(400, "invalid_json")
	}
	for _, name := range []string{"a.b", "%C3%A9", "records"} {
		s.do("GET", "/storage/buckets/"+name, as(root)).code(400, "invalid_name")
	}
}

func TestBucketsAreUniqueInTheTenant(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	s.do("POST", "/storage/buckets", as(root), js(`{"name":"b"}`)).code(409, "bucket_exists")
	s.do("POST", "/storage/buckets", as(root), js(`{"name":"B"}`)).want(201)
	s.do("POST", "/storage/buckets", as(rival), js(`{"name":"b"}`)).want(201)
	s.do("POST", "/storage/buckets", as(root), js(`{"name":"default"}`)).code(409, "bucket_exists")
	s.do("POST", "/storage/buckets", as(caller{tenant: "fresh", user: "u", perms: []string{"*"}}), js(`{"name":"default"}`)).code(409, "bucket_exists")
}

func TestNewBucket(t *testing.T) {
	s := newServer(t)
	now := startOfTime.Format("2006-01-02T15:04:05.000000Z")
	s.do("POST", "/storage/buckets", as(ann), js(`{"name":"b"}`)).must(201).has("public", "false").has("max_file_size", "null").
		has("allowed_types", "null").has("created_by", "ann").has("created_at", now).has("updated_at", now)
	s.do("POST", "/storage/buckets", as(ann), js(`{"name":"c","max_file_size":null,"allowed_types":null}`)).want(201)
	s.do("POST", "/storage/buckets", as(ann), js(`{"name":"d","public":true,"max_file_size":1,"allowed_types":["image/*","text/plain"]}`)).
		want(201).has("public", "true").has("max_file_size", "1")
	s.do("POST", "/storage/buckets", as(ann), js(fmt.Sprintf(`{"name":"e","max_file_size":%d}`, maxObject))).want(201)
	for _, rules := range []string{`"max_file_size":0`, `"max_file_size":-1`, fmt.Sprintf(`"max_file_size":%d`, maxObject+1), `"max_file_size":1.5`,
		`"max_file_size":"1"`, `"max_file_size":1e99`, `"max_file_size":99999999999999999999`, `"public":"yes"`, `"public":1`,
		`"allowed_types":"image/*"`, `"allowed_types":["image"]`, `"allowed_types":[""]`, `"allowed_types":["*/png"]`, `"allowed_types":[1]`, `"allowed_types":[null]`} {
		s.do("POST", "/storage/buckets", as(ann), js(`{"name":"x",`+rules+`}`)).code(400, "invalid_request")
	}
	s.do("GET", "/storage/buckets/x", as(ann)).code(404, "bucket_not_found")
}

func TestUpdateBucket(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b","public":true,"max_file_size":10,"allowed_types":["text/plain"]}`)
	patch := func(text string) answer { return s.do("PATCH", "/storage/buckets/b", as(ann), js(text)) }
	s.advance(1e9)
	patch(`{"max_file_size":20}`).want(200).has("max_file_size", "20").has("public", "true").has("allowed_types", `["text/plain"]`).
		has("created_by", "root").has("updated_at", "2026-03-01T12:00:01.123456Z")
	patch(`{"max_file_size":null}`).want(200).has("max_file_size", "null").has("allowed_types", `["text/plain"]`)
	patch(`{"allowed_types":null,"public":false}`).want(200).has("allowed_types", "null").has("public", "false")
	patch(`{}`).want(200)
	patch(`{"max_file_size":0}`).code(400, "invalid_request")
	patch(fmt.Sprintf(`{"max_file_size":%d}`, maxObject+1)).code(400, "invalid_request")
	patch(`{"max_file_size":"x"}`).code(400, "invalid_request")
	patch(`[]`).want(400)
	s.do("PATCH", "/storage/buckets/none", as(ann), js(`{}`)).code(404, "bucket_not_found")
	s.do("PATCH", "/storage/buckets/b", as(rival), js(`{}`)).code(404, "bucket_not_found")
	s.do("PATCH", "/storage/buckets/default", as(ann), js(`{"max_file_size":5}`)).want(200).has("created_by", "null")
}

// "allowed_types: … parameters (; charset=) are ignored and letter case does
// not matter."
func TestAllowedTypes(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b","allowed_types":["Text/Plain; charset=utf-8","IMAGE/*"]}`)
	n := 0
	put := func(ct, text string) answer {
		n++
		return s.do("POST", fmt.Sprintf("/storage/objects/b?path=p%d", n), as(ann), body(ct, text))
	}
	for _, ct := range []string{"text/plain", "TEXT/PLAIN", "text/plain;charset=latin1", "text/plain ; x=y", "image/png", "Image/GIF"} {
		put(ct, "hello").want(201)
	}
	for _, ct := range []string{"text/html", "text/plainx", "application/json", "image/svg+xml", "Image/SVG+XML; x=y", "imagex/png", "video/mp4"} {
		put(ct, "hello").code(422, "type_not_allowed")
	}
	put("", "%PDF-1.7").code(422, "type_not_allowed")
	put("application/octet-stream", "just text").want(201)
	s.do("GET", "/storage/objects/b?prefix=p7", as(ann)).lists("path", "")
	s.bucket(`{"name":"svg","allowed_types":["image/svg+xml"]}`)
	s.do("POST", "/storage/objects/svg?path=x", as(ann), body("image/svg+xml", "<svg/>")).want(201)
}

func TestEmptyAndDeleteBucket(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"b"}`)
	s.do("POST", "/storage/objects/b?path=p&tier=user", as(bob), body("text/plain", "x")).must(201)
	s.do("POST", "/storage/objects/b?path=p", as(appA), body("text/plain", "x")).must(201)
	id := s.uploadID(ann, "b", "p", "x")
	s.uploadID(ann, "default", "p", "x")
	s.do("DELETE", "/storage/buckets/b", as(ann)).code(409, "bucket_not_empty")
	s.do("POST", "/storage/buckets/b/empty", as(with("storage:read", "storage:write", "storage:delete"))).code(403, "permission_denied")
	s.do("POST", "/storage/buckets/b/empty", as(root)).want(200).has("deleted", "3")
	s.do("POST", "/storage/buckets/b/empty", as(root)).want(200).has("deleted", "0")
	s.do("GET", "/storage/objects/default", as(root)).lists("path", "p")
	s.do("GET", "/storage/objects/b?deleted=true", as(ann)).lists("path", "p")
	s.do("DELETE", "/storage/buckets/b", as(ann)).want(200)
	s.do("POST", "/storage/objects/b/"+id+"/restore", as(ann)).want(404)
	s.bucket(`{"name":"b"}`)
	s.do("POST", "/storage/objects/b/"+id+"/restore", as(ann)).code(404, "object_not_found")
	s.do("GET", "/storage/objects/b?deleted=true", as(ann)).lists("path", "")
	s.do("DELETE", "/storage/buckets/none", as(root)).code(404, "bucket_not_found")
	s.do("POST", "/storage/buckets/none/empty", as(root)).code(404, "bucket_not_found")
	s.do("DELETE", "/storage/buckets/default", as(root)).code(409, "bucket_protected")
	s.do("POST", "/storage/buckets/default/empty", as(root)).want(200)
	s.do("DELETE", "/storage/buckets/default", as(root)).code(409, "bucket_protected")
	s.uploadID(ann, "b", "p", "x")
	s.do("DELETE", "/storage/buckets/b", as(rival)).code(404, "bucket_not_found")
	s.do("DELETE", "/storage/buckets/b", as(ann)).code(409, "bucket_not_empty")
	s.do("GET", "/storage/objects/b/"+s.uploadID(ann, "b", "q", "x"), as(with("storage:other:read"))).want(403)
}

func TestDefaultBucketIsThereFromTheStart(t *testing.T) {
	s := newServer(t)
	s.do("GET", "/storage/buckets", as(with("storage:read"))).lists("name", "default")
	s.do("GET", "/storage/buckets/default", as(rival)).want(200).has("name", "default").has("created_by", "null")
	s.do("GET", "/storage/objects/default", as(rival)).lists("path", "")
}
