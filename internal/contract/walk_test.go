package contract

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

// TestEveryOperationIsAnsweredAsDescribed walks over all operations and all
// statuses that each of them describes.
func TestEveryOperationIsAnsweredAsDescribed(t *testing.T) {
	s := newServer(t)
	s.walkBuckets()
	s.walkObjects()
	s.walkBytes()
	s.walkLinks()
	s.walkApps()
	s.walkRecords()
	s.walkTheRest()
	for name, err := range map[string]error{
		"500": errors.New("a fault nobody knows"),
		"503": holdall.ErrUnavailable,
		"504": context.DeadlineExceeded,
	} {
		t.Run(name, func(t *testing.T) { s.walkFaults(t, name, err) })
	}
	// What needs a race that the walk does not run, or a host's own limits.
	never := map[string]bool{"429": true}
	unreached := []string{"updateBucket 409", "emptyBucket 409", "deleteObject 409", "deleteObjectById 409", "deleteAppFile 409",
		"putRecord 409", "putRecordByBody 409", "batchRecords 409", "patchRecord 409", "deleteRecord 409", "deleteRecordById 409"}
	for id, op := range s.spec.operations() {
		for status := range op.Responses.Map() {
			n, _ := strconv.Atoi(status)
			if s.seen[id][n] == 0 && !never[status] && !slices.Contains(unreached, id+" "+status) {
				t.Errorf("%s was never answered with %s", id, status)
			}
		}
	}
}

const xml = "application/xml"

func (s *server) walkBuckets() {
	accept, noPerm := header("Accept", xml), as(caller{tenant: "acme", user: "eve"})
	s.do("GET", "/storage/buckets", as(ann)).want(200)
	s.do("GET", "/storage/buckets").want(401)
	s.do("GET", "/storage/buckets", noPerm).want(403)
	s.do("GET", "/storage/buckets", as(ann), accept).want(406)
	create := func(want int, opts ...option) { s.t.Helper(); s.do("POST", "/storage/buckets", opts...).want(want) }
	create(201, as(ann), js(`{"name":"b"}`))
	create(400, as(ann), js(`{"name":""}`))
	create(401, js(`{"name":"b"}`))
	create(403, noPerm, js(`{"name":"b"}`))
	create(406, as(ann), accept, js(`{"name":"b"}`))
	create(409, as(ann), js(`{"name":"b"}`))
	create(413, as(ann), js(`{"name":"`+strings.Repeat("x", 20<<20)+`"}`))
	create(415, as(ann), body(xml, `<b/>`))
	for _, c := range []struct {
		method, suffix string
		text           string
	}{{"GET", "", ""}, {"PATCH", "", "{}"}, {"POST", "/empty", ""}, {"DELETE", "", ""}} {
		opts := func(more ...option) []option {
			if c.text != "" {
				more = append(more, js(c.text))
			}
			return more
		}
		target := "/storage/buckets/b" + c.suffix
		s.do(c.method, target, opts()...).want(401)
		s.do(c.method, target, opts(noPerm)...).want(403)
		s.do(c.method, target, opts(as(ann), accept)...).want(406)
		s.do(c.method, "/storage/buckets/a.b"+c.suffix, opts(as(ann))...).want(400)
		s.do(c.method, "/storage/buckets/none"+c.suffix, opts(as(ann))...).want(404)
		s.do(c.method, target, opts(as(ann))...).want(200)
	}
	s.do("PATCH", "/storage/buckets/default", as(ann), js(strings.Repeat(" ", 20<<20))).want(413)
	s.do("PATCH", "/storage/buckets/default", as(ann), body(xml, "x")).want(415)
	s.do("DELETE", "/storage/buckets/default", as(ann)).want(409)
}

func (s *server) walkObjects() {
	accept, noPerm := header("Accept", xml), as(caller{tenant: "acme", user: "eve"})
	s.bucket(`{"name":"picky","max_file_size":3,"allowed_types":["image/png"]}`)
	for _, target := range []string{"/storage/objects", "/storage/objects/default"} {
		s.do("GET", target, as(ann)).want(200)
		s.do("GET", target).want(401)
		s.do("GET", target, noPerm).want(403)
		s.do("GET", target+"?limit=0", as(ann)).want(400)
		s.do("GET", target, as(ann), accept).want(406)
		up := func(want int, query string, opts ...option) answer {
			s.t.Helper()
			return s.do("POST", target+"?path=p"+strconv.Itoa(len(target))+query, opts...).want(want)
		}
		text := body("text/plain", "hello")
		a := up(201, "", as(ann), text)
		up(201, "&replace=true", as(ann), text)
		up(400, "&tier=x", as(ann), text)
		up(401, "", text)
		up(403, "", noPerm, text)
		up(406, "", as(ann), accept, text)
		up(409, "", as(ann), text)
		up(412, "", as(ann), text, header("If-Match", `"x"`))
		up(413, "2", as(ann), body("text/plain", strings.Repeat("x", maxObject+1)))
		s.do("GET", "/storage/objects/"+a.get("id"), as(ann), header("If-None-Match", `*`)).want(304)
		s.do("GET", "/storage/objects/"+a.get("id"), as(ann), header("If-Match", `"x"`)).want(412)
	}
	form := func(bucket string) option {
		return newForm().field("bucket", bucket).file("f", "f", "text/plain", "x").option()
	}
	gzip := header("Content-Encoding", "gzip") // what is stored are the bytes as sent
	for target, c := range map[string]caller{"/storage/objects": ann, "/storage/objects/default": ann, "/apps/app-a/storage/upload": appA} {
		s.do("POST", target+"?path=gz", as(c), gzip, body("text/plain", "x")).want(415)
	}
	s.do("POST", "/storage/objects", as(ann), form("none")).want(404)
	s.do("POST", "/storage/objects", as(ann), form("picky")).want(422)
	s.do("POST", "/storage/objects/none?path=p", as(ann), body("text/plain", "x")).want(404)
	s.do("POST", "/storage/objects/picky?path=p", as(ann), body("text/plain", "x")).want(422)
	s.do("GET", "/storage/objects/none", as(ann)).want(404)
	s.do("GET", "/storage/objects?bucket=none", as(ann)).want(404)
	s.walkObjectChanges(accept, noPerm)
}

func (s *server) walkObjectChanges(accept, noPerm option) {
	s.uploadID(ann, "default", "taken", "hello")
	for _, c := range []struct{ op, method, suffix, text string }{
		{"patch", "PATCH", "", `{"path":"x"}`}, {"copy", "POST", "/copy", `{"path":"y"}`}, {"delete", "DELETE", "", ""}, {"restore", "POST", "/restore", ""},
	} {
		id := s.uploadID(ann, "default", "of-"+c.op, "hello")
		target := "/storage/objects/default/" + id + c.suffix
		do := func(want int, target, text string, opts ...option) {
			s.t.Helper()
			if text != "" {
				opts = append(opts, js(text))
			}
			s.do(c.method, target, opts...).want(want)
		}
		if c.op == "restore" {
			s.do("DELETE", "/storage/objects/"+id, as(ann)).must(200)
		}
		do(401, target, c.text)
		do(403, target, c.text, noPerm)
		do(406, target, c.text, as(ann), accept)
		do(400, "/storage/objects/a.b/"+id+c.suffix, c.text, as(ann))
		do(404, "/storage/objects/default/"+randomObject+c.suffix, c.text, as(ann))
		switch c.op {
		case "patch", "copy":
			do(409, target, `{"path":"taken"}`, as(ann))
			do(413, target, `{"path":"big","bucket":"picky"}`, as(ann))
			s.do(c.method, target, as(ann), body(xml, "x")).want(415)
			small := s.uploadID(ann, "default", "small-"+c.op, "x")
			do(422, "/storage/objects/default/"+small+c.suffix, `{"path":"q","bucket":"picky"}`, as(ann))
		}
		if c.op == "patch" || c.op == "delete" {
			do(412, target, c.text, as(ann), header("If-Match", `"x"`))
		}
		want := map[string]int{"copy": 201}[c.op]
		do(max(want, 200), target, c.text, as(ann))
	}
	s.walkRestoreRefusals()
	id := s.uploadID(ann, "default", "byid", "x")
	s.do("DELETE", "/storage/objects/"+id).want(401)
	s.do("DELETE", "/storage/objects/"+id, noPerm).want(403)
	s.do("DELETE", "/storage/objects/"+id+"?purge=x", as(ann)).want(400)
	s.do("DELETE", "/storage/objects/"+id, as(ann), accept).want(406)
	s.do("DELETE", "/storage/objects/"+id, as(ann), header("If-Match", `"x"`)).want(412)
	s.do("DELETE", "/storage/objects/"+id, as(ann)).want(200)
	s.do("DELETE", "/storage/objects/"+id, as(ann)).want(404)
	bulk := func(want int, bucket, text string, opts ...option) {
		s.t.Helper()
		s.do("POST", "/storage/objects/"+bucket+"/delete", append(opts, js(text))...).want(want)
	}
	const ids = `{"ids":["` + randomObject + `"]}`
	bulk(200, "default", ids, as(ann))
	bulk(400, "default", `{}`, as(ann))
	bulk(401, "default", ids)
	bulk(403, "default", ids, noPerm)
	bulk(404, "none", ids, as(ann))
	bulk(406, "default", ids, as(ann), accept)
	bulk(413, "default", strings.Repeat(" ", 20<<20), as(ann))
	s.do("POST", "/storage/objects/default/delete", as(ann), body(xml, "x")).want(415)
}

func (s *server) walkRestoreRefusals() {
	for rules, want := range map[string]int{`{"max_file_size":1}`: 413, `{"allowed_types":["image/png"]}`: 422, ``: 409} {
		name := "r" + strconv.Itoa(want)
		s.bucket(`{"name":"` + name + `"}`)
		id := s.uploadID(ann, name, "p", "hello")
		s.do("DELETE", "/storage/objects/"+id, as(ann)).must(200)
		if rules == "" {
			s.uploadID(ann, name, "p", "x")
		} else {
			s.do("PATCH", "/storage/buckets/"+name, as(ann), js(rules)).must(200)
		}
		s.do("POST", "/storage/objects/"+name+"/"+id+"/restore", as(ann)).want(want)
	}
}

func (s *server) walkBytes() {
	noPerm := as(caller{tenant: "acme", user: "eve", app: "app-a"})
	id := s.uploadID(ann, "default", "bytes", "hello")
	app := s.uploadID(appA, "default", "bytes", "hello")
	for target, absent := range map[string][2]string{
		"/storage/objects/default/" + id: {"/storage/objects/default/" + randomObject, "/storage/objects/a.b/" + id},
		"/storage/files/default/bytes":   {"/storage/files/default/none", "/storage/files/default/bytes?tier=x"},
		"/apps/app-a/storage/" + app:     {"/apps/app-a/storage/" + randomObject, "/apps/app-a/storage/" + app + "?inline=x"},
	} {
		s.do("GET", target, as(appA), header("Range", "bytes=0-1")).want(206)
		s.do("GET", target, as(appA), header("Range", "bytes=9-")).want(416)
		for _, m := range []string{"GET", "HEAD"} {
			s.do(m, target, as(appA)).want(200)
			s.do(m, target, as(appA), header("If-None-Match", etag("hello"))).want(304)
			s.do(m, absent[1], as(appA)).want(400)
			s.do(m, target, bearer("x")).want(401)
			s.do(m, target, noPerm).want(403)
			s.do(m, absent[0], as(appA)).want(404)
			s.do(m, target, as(appA), header("If-Match", `"x"`)).want(412)
		}
	}
}

func (s *server) walkLinks() {
	accept, noPerm := header("Accept", xml), as(caller{tenant: "acme", user: "eve"})
	id := s.uploadID(ann, "default", "links", "hello")
	for _, c := range []struct{ target, absent, text, bad string }{
		{"/storage/objects/default/" + id + "/sign", "/storage/objects/default/" + randomObject + "/sign", `{"expires_in":60}`, `{"expires_in":0}`},
		{"/storage/objects/default/sign-upload", "/storage/objects/none/sign-upload", `{"path":"signed","expires_in":60}`, `{"path":"","expires_in":60}`},
	} {
		s.do("POST", c.target, as(ann), js(c.text)).want(200)
		s.do("POST", c.target, as(ann), js(c.bad)).want(400)
		s.do("POST", c.target, js(c.text)).want(401)
		s.do("POST", c.target, noPerm, js(c.text)).want(403)
		s.do("POST", c.absent, as(ann), js(c.text)).want(404)
		s.do("POST", c.target, as(ann), accept, js(c.text)).want(406)
		s.do("POST", c.target, as(ann), js(strings.Repeat(" ", 20<<20))).want(413)
		s.do("POST", c.target, as(ann), body(xml, "x")).want(415)
		s.do("POST", c.target, as(ann), js(strings.Replace(c.text, "{", `{"direct":true,`, 1))).want(422)
	}
	s.do("POST", "/storage/objects/default/sign-upload", as(ann), js(`{"path":"links","expires_in":60}`)).want(409)
	s.do("POST", "/storage/objects/default/"+id+"/complete", as(ann)).code(422, "invalid_request")
	s.walkRedeem()
	s.walkDirect()
}

func (s *server) walkDirect() {
	d := newDirectServer(s)
	d.bucket(`{"name":"direct"}`)
	put, form := d.sign(ann, "put", `"size":5,"checksum":"`+sum("hello")+`"`), d.sign(ann, "form", `"max_size":5`)
	target := "/storage/objects/direct/" + put.ID + "/complete"
	d.do("POST", target, as(ann)).code(400, "invalid_request")
	d.do("POST", target).want(401)
	d.do("POST", target, as(caller{tenant: "acme", user: "ann"})).want(403)
	d.do("POST", target, as(bob)).code(404, "object_not_found")
	d.do("POST", target, as(ann), header("Accept", xml)).want(406)
	d.send(put, "hello")
	d.do("PATCH", "/storage/buckets/direct", as(ann), js(`{"allowed_types":["image/png"]}`)).must(200)
	d.do("POST", target, as(ann)).code(422, "type_not_allowed")
	d.do("PATCH", "/storage/buckets/direct", as(ann), js(`{"allowed_types":null,"max_file_size":4}`)).must(200)
	d.do("POST", target, as(ann)).code(413, "too_large")
	d.do("PATCH", "/storage/buckets/direct", as(ann), js(`{"max_file_size":null}`)).must(200)
	d.do("POST", target, as(ann)).want(201)
	d.uploadID(ann, "direct", "form", "taken")
	d.send(form, "hello")
	d.complete(ann, form).code(409, "object_exists")
	d.do("POST", "/storage/objects/direct/"+put.ID+"/sign", as(ann), js(`{"direct":true,"expires_in":60}`)).want(200)
}

func (s *server) walkRedeem() {
	s.bucket(`{"name":"links"}`)
	link := func(path string) uploadLink {
		return s.signUpload(ann, "links", `{"path":"`+path+`","max_size":5,"expires_in":60}`)
	}
	once := link("once")
	late := link("once")
	s.do("PUT", "/storage/objects/%00?signature=x").want(400)
	s.use(once, "hello").want(201)
	s.use(once, "hello").want(403)
	s.use(late, "hello").want(409)
	s.use(link("big"), "hello!").want(413)
	s.use(link("token"), "hello", header("Authorization", "Bearer x")).want(401)
	s.use(link("coded"), "hello", header("Content-Encoding", "gzip")).want(415)
	s.use(link("accept"), "hello", header("Accept", xml)).want(406)
	text := link("type")
	gone := link("gone")
	s.do("PATCH", "/storage/buckets/links", as(ann), js(`{"allowed_types":["image/png"]}`)).must(200)
	s.use(text, "hello").want(422)
	s.do("POST", "/storage/buckets/links/empty", as(ann)).must(200)
	s.do("DELETE", "/storage/buckets/links", as(ann)).must(200)
	s.use(gone, "hello").want(404)
}

func (s *server) walkApps() {
	accept := header("Accept", xml)
	noPerm := as(caller{tenant: "acme", user: "eve", app: "app-a"})
	up := func(want int, query string, opts ...option) answer {
		s.t.Helper()
		return s.do("POST", "/apps/app-a/storage/upload?path=app"+query, opts...).want(want)
	}
	text := body("text/plain", "hello")
	id := up(201, "", as(appA), text).get("file_id")
	up(201, "&replace=true", as(appA), text)
	up(400, "&checksum=x", as(appA), text)
	up(401, "", text)
	up(403, "", noPerm, text)
	up(404, "", as(appB), text)
	up(406, "", as(appA), accept, text)
	up(409, "", as(appA), text)
	up(412, "", as(appA), text, header("If-Match", `"x"`))
	up(413, "2", as(appA), body("text/plain", strings.Repeat("x", maxObject+1)))
	s.do("PATCH", "/storage/buckets/default", as(ann), js(`{"allowed_types":["image/png"]}`)).must(200)
	up(422, "3", as(appA), text)
	s.do("PATCH", "/storage/buckets/default", as(ann), js(`{"allowed_types":null}`)).must(200)
	for method, target := range map[string]string{"GET": "/apps/app-a/storage", "DELETE": "/apps/app-a/storage/" + id} {
		s.do(method, target, as(appB)).want(404)
		s.do(method, target).want(401)
		s.do(method, target, noPerm).want(403)
		s.do(method, target, as(appA), accept).want(406)
	}
	s.do("GET", "/apps/app-a/storage?limit=0", as(appA)).want(400)
	s.do("GET", "/apps/app-a/storage", as(appA)).want(200)
	s.do("DELETE", "/apps/app-a/storage/"+id+"?purge=x", as(appA)).want(400)
	s.do("DELETE", "/apps/app-a/storage/"+id, as(appA), header("If-Match", `"x"`)).want(412)
	s.do("DELETE", "/apps/app-a/storage/"+id, as(appA)).want(200)
	s.do("DELETE", "/apps/%00/storage", as(appA)).want(400)
	s.do("DELETE", "/apps/app-a/storage", as(appA)).want(200)
	s.do("DELETE", "/apps/app-a/storage").want(401)
	s.do("DELETE", "/apps/app-a/storage", noPerm).want(403)
	s.do("DELETE", "/apps/app-a/storage", as(appB)).want(404)
	s.do("DELETE", "/apps/app-a/storage", as(appA), accept).want(406)
}

func (s *server) walkRecords() {
	accept, noPerm := header("Accept", xml), as(caller{tenant: "acme", user: "eve"})
	big := `{"collection":"c","key":"k","value":"` + strings.Repeat("x", 20<<20) + `"}`
	for _, target := range []string{"/storage/records", "/storage/records/c/k"} {
		const text = `{"collection":"c","key":"k","value":1}`
		s.do("PUT", target, as(ann), js(text)).want(201)
		s.do("PUT", target, as(ann), js(text)).want(200)
		s.do("PUT", target, as(ann), js(`{`)).want(400)
		s.do("PUT", target, js(text)).want(401)
		s.do("PUT", target, noPerm, js(text)).want(403)
		s.do("PUT", target, as(ann), accept, js(text)).want(406)
		s.do("PUT", target, as(ann), js(text), header("If-None-Match", "*")).want(412)
		s.do("PUT", target, as(ann), js(big)).want(413)
		s.do("PUT", target, as(ann), body(xml, "x")).want(415)
		if target == "/storage/records" {
			s.do("DELETE", "/storage/records/c/k", as(ann)).must(200)
		}
	}
	for _, target := range []string{"/storage/records", "/storage/records/c"} {
		s.do("GET", target, as(ann)).want(200)
		s.do("GET", target+"?limit=0", as(ann)).want(400)
		s.do("GET", target).want(401)
		s.do("GET", target, noPerm).want(403)
		s.do("GET", target, as(ann), accept).want(406)
	}
	id := s.do("GET", "/storage/records/c/k", as(ann)).must(200).get("id")
	for target, absent := range map[string]string{"/storage/records/c/k": "/storage/records/c/none", "/storage/records/" + id: "/storage/records/" + randomRecord} {
		s.do("GET", target, as(ann), header("If-None-Match", "*")).want(304)
		s.do("GET", target, as(ann), header("If-Match", `"x"`)).want(412)
		s.do("GET", absent, as(ann)).want(404)
	}
	s.do("GET", "/storage/records/c/k?tier=x", as(ann)).want(400)
	s.do("GET", "/storage/records/c/k").want(401)
	s.do("GET", "/storage/records/c/k", noPerm).want(403)
	s.do("GET", "/storage/records/c/k", as(ann), accept).want(406)
	patch := func(want int, key, text string, opts ...option) {
		s.t.Helper()
		s.do("PATCH", "/storage/records/c/"+key, append([]option{body(mergePatch, text)}, opts...)...).want(want)
	}
	patch(200, "k", `{}`, as(ann))
	patch(400, "k", `{`, as(ann))
	patch(401, "k", `{}`)
	patch(403, "k", `{}`, noPerm)
	patch(404, "none", `{}`, as(ann))
	patch(406, "k", `{}`, as(ann), accept)
	patch(412, "k", `{}`, as(ann), header("If-Match", `"x"`))
	patch(413, "k", big, as(ann))
	s.do("PATCH", "/storage/records/c/k", as(ann), body(xml, "x")).want(415)
	s.walkRecordDeletes(accept, noPerm)
}

func (s *server) walkRecordDeletes(accept, noPerm option) {
	for _, byID := range []bool{false, true} {
		target := "/storage/records/c/d"
		if id := s.put(ann, "c", "d", `"value":1`).must(201).get("id"); byID {
			target = "/storage/records/" + id
		}
		s.do("DELETE", target+"?purge=x", as(ann)).want(400)
		s.do("DELETE", target).want(401)
		s.do("DELETE", target, noPerm).want(403)
		s.do("DELETE", target, as(ann), accept).want(406)
		s.do("DELETE", target, as(ann), header("If-Match", `"x"`)).want(412)
		s.do("DELETE", target, as(ann)).want(200)
		s.do("DELETE", target, as(ann)).want(404)
	}
	const op = `{"op":"put","collection":"c","key":"k","value":1}`
	atomic := s
	if !transactions() {
		b := memory.New()
		atomic = s.over(s.t, holdall.Backends{Catalog: b, Blobs: b})
		atomic.put(ann, "c", "k", `"value":1`).must(201)
	}
	batch := func(want int, text string, opts ...option) {
		s.t.Helper()
		atomic.do("POST", "/storage/records/batch", append([]option{js(text)}, opts...)...).want(want)
	}
	batch(200, `{"operations":[`+op+`]}`, as(ann))
	batch(400, `{}`, as(ann))
	batch(401, `{"operations":[`+op+`]}`)
	batch(403, `{"atomic":true,"operations":[`+op+`]}`, noPerm)
	batch(404, `{"atomic":true,"operations":[{"op":"delete","collection":"c","key":"none"}]}`, as(ann))
	batch(406, `{"operations":[`+op+`]}`, as(ann), accept)
	batch(412, `{"atomic":true,"operations":[{"op":"put","collection":"c","key":"k","value":1,"if_none_match":"*"}]}`, as(ann))
	batch(413, `{"atomic":true,"operations":[{"op":"put","collection":"c","key":"k","value":"`+strings.Repeat("x", 1<<20)+`"}]}`, as(ann))
	s.do("POST", "/storage/records/batch", as(ann), body(xml, "x")).want(415)
	bare := s.over(s.t, holdall.Backends{Catalog: plain{memory.New()}, Blobs: memory.New()})
	bare.do("POST", "/storage/records/batch", as(ann), js(`{"atomic":true,"operations":[`+op+`]}`)).code(422, "invalid_request")
}

func (s *server) walkTheRest() {
	s.do("GET", "/storage/healthz").want(200)
	s.do("GET", "/storage/healthz", bearer("x")).want(401)
	s.do("GET", "/storage/healthz", header("Accept", xml)).want(406)
	s.do("GET", "/storage/openapi.yaml").want(200)
	s.do("GET", "/storage/openapi.yaml", bearer("x")).want(401)
	down := s.over(s.t, holdall.Backends{Catalog: broken{holdall.ErrUnavailable}, Blobs: memory.New()})
	down.do("GET", "/storage/healthz").code(503, "unavailable")
}
