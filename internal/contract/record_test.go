package contract

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

const mergePatch = "application/merge-patch+json"

func TestRecordShape(t *testing.T) {
	s := newServer(t)
	now := startOfTime.Format("2006-01-02T15:04:05.000000Z")
	a := s.put(appA, "c.d", "k/e%20y", `"value":{"a":[1,null]},"ttl":60`).must(201).hasHeader("Etag", `"v1"`)
	for name, want := range map[string]string{"tenant_id": "acme", "app_id": "app-a", "user_id": "null", "tier": "private", "collection": "c.d", "key": "k/e y",
		"value": `{"a":[1,null]}`, "ttl": "60", "expires_at": "2026-03-01T12:01:00.123456Z", "version": "1", "created_at": now, "updated_at": now,
		"created_by": "ann", "updated_by": "ann", "is_deleted": "false", "deleted_at": "null", "deleted_by": "null"} {
		a.has(name, want)
	}
	s.send(t, "GET", a.header.Get("Location"), as(appA)).want(200)
	b := s.do("GET", "/storage/records/"+a.get("id"), as(appA)).want(200).hasHeader("Etag", `"v1"`)
	if string(a.body) != string(b.body) {
		t.Errorf("put as %s, read as %s", a.body, b.body)
	}
	s.put(ann, "c", "plain", `"value":1`).must(201).has("ttl", "null").has("expires_at", "null")
}

func TestPutRecord(t *testing.T) {
	s := newServer(t)
	put := func(members string, more ...option) answer { return s.put(ann, "c", "k", members, more...) }
	match, none := func(v string) option { return header("If-Match", v) }, header("If-None-Match", "*")
	put(`"value":0`, match(`"v1"`)).code(412, "precondition_failed")
	put(`"value":0`, match(`*`)).code(412, "precondition_failed")
	id := put(`"value":1`, none).must(201).get("id")
	put(`"value":2`, none).code(412, "precondition_failed")
	put(`"value":2`).want(200).has("version", "2").has("id", id).hasHeader("Etag", `"v2"`)
	for _, wrong := range []string{`"v1"`, `"v3"`, `W/"v2"`, `"V2"`, `"v02"`, `"2"`, `""`} {
		put(`"value":3`, match(wrong)).code(412, "precondition_failed")
	}
	for _, odd := range []string{`v2`, `"v2`, `"v1",,x`} {
		if a := put(`"value":3`, match(odd)); a.status != 400 && a.status != 412 {
			t.Errorf("If-Match %q: %d", odd, a.status)
		}
	}
	put(`"value":3`, match(`"v2"`)).want(200).has("version", "3")
	put(`"value":4`, match(`"v1" , "v3"`)).want(200).has("version", "4")
	put(`"value":5`, match(`*`)).want(200).has("version", "5").has("created_by", "ann")
	s.put(bob, "c", "k", `"value":6`).want(200).has("version", "6").has("created_by", "ann").has("updated_by", "bob")
	put(`"value":7`, none, match(`"v6"`)).want(400)
	put(`"value":null`).want(200).has("value", "null")
	put(``).code(400, "invalid_request")
	put(`"ttl":1`).code(400, "invalid_request")
	for _, text := range []string{"", "{", `{"value":1,"value":2}`, `{"value":01}`, `{"value":NaN}`, `{"value":"\ud800"}`, `{"value":"\u0000"}`, `{"value":{"\u0000":1}}`, `{"value":1e999}`, `{"value":1}{}`, "{\"value\":\"\xff\"}",
		`{"value":{"a":1,"a":2}}`, `{"value":{"a":1,"\u0061":2}}`, `{"value":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `}`, `{"value":'x'}`, `{"value":1,}`, `{"value":"` + "\t" + `"}`} {
		s.do("PUT", "/storage/records/c/j", as(ann), js(text)).code(400, "invalid_json")
	}
	for _, text := range []string{`[]`, `null`, `7`, `"x"`} {
		s.do("PUT", "/storage/records/c/j", as(ann), js(text)).code(400, "invalid_request")
	}
	s.do("PUT", "/storage/records/c/j", as(ann), js(`{"value":`+strings.Repeat("[", 64)+strings.Repeat("]", 64)+`}`)).want(201)
	big := strings.Repeat("x", 1<<20-2)
	s.put(ann, "c", "big", `"value":"`+big+`"`).want(201)
	s.put(ann, "c", "big", `"value":"`+big+`x"`).code(413, "too_large")
	s.do("PUT", "/storage/records/c/j", as(ann), body("text/plain", `{"value":1}`)).code(415, "unsupported_media_type")
	s.do("PUT", "/storage/records/c/j", as(ann), body("", `{"value":1}`)).want(415)
	s.do("PUT", "/storage/records/c/j", as(ann), body("Application/JSON; charset=UTF-8", `{"value":1}`)).want(200)
}

func TestPutRecordByBody(t *testing.T) {
	s := newServer(t)
	put := func(text string, more ...option) answer {
		return s.do("PUT", "/storage/records", append([]option{as(ann), js(text)}, more...)...)
	}
	put(`{"collection":"c","key":"a//../b","value":1}`).want(201).has("key", "a//../b")
	put(`{"collection":"c","key":"a//../b","value":2}`).want(200).has("version", "2")
	put(`{"collection":"c","key":"a//../b","value":2}`, header("If-None-Match", "*")).code(412, "precondition_failed")
	put(`{"collection":"c","key":"a//../b","value":2,"tier":"user"}`, header("If-None-Match", "*")).want(201)
	put(`{"key":"k","value":1}`).want(400)
	put(`{"collection":"c","value":1}`).want(400)
	put(`{"collection":"c","key":"k"}`).code(400, "invalid_request")
	put(`{"collection":"c","key":7,"value":1}`).want(400)
	s.do("GET", "/storage/records?collection=c&tier=shared", as(ann)).lists("key", "a//../b")
}

func TestCollectionAndKeyNames(t *testing.T) {
	s := newServer(t)
	for _, c := range []string{"a", "A.b-c_9", ".", "..", strings.Repeat("c", 128), "batch", "records", "rec_"} {
		a := s.do("PUT", "/storage/records", as(ann), js(`{"collection":"`+c+`","key":"k","value":1}`)).want(201)
		s.do("GET", "/storage/records/"+a.get("id"), as(ann)).want(200).has("collection", c)
	}
	for _, c := range []string{"", strings.Repeat("c", 129), "a b", "a/b", "ä", "a:b", "*"} {
		s.do("PUT", "/storage/records", as(ann), js(`{"collection":"`+c+`","key":"k","value":1}`)).code(400, "invalid_name")
	}
	for _, k := range []string{"k", "/", "a/b", "..", " ", "ä", "*", `\\`, strings.Repeat("k", 512), strings.Repeat("é", 256)} {
		s.do("PUT", "/storage/records", as(ann), js(`{"collection":"c","key":"`+k+`","value":1}`)).want(201)
	}
	for _, k := range []string{"", strings.Repeat("k", 513), "é" + strings.Repeat("k", 511), `\u0000`, `a\nb`, `\u007f`, `\u0085`} {
		a := s.do("PUT", "/storage/records", as(ann), js(`{"collection":"c","key":"`+k+`","value":1}`)).want(400)
		if c := a.get("code"); c != "invalid_name" && (k != `\u0000` || c != "invalid_json") {
			t.Errorf("key %q: %s", k, c)
		}
	}
	for raw, key := range map[string]string{"x": "x", "x/y": "x/y", "x%2Fz": "x/z", "%C3%A9": "é", "a%20b": "a b", "q%3Fr": "q?r", "50%25": "50%", "a+b": "a+b"} {
		s.do("PUT", "/storage/records/p/"+raw, as(ann), js(`{"value":1}`)).want(201).has("key", key)
		s.do("GET", "/storage/records/p/"+raw, as(ann)).want(200).has("key", key)
	}
	for _, raw := range []string{"a//b", "a/../b", "%2e%2e", "a/%2E%2e/b", "%00", "%ff", "a%c3"} {
		s.do("GET", "/storage/records/p/"+raw, as(ann)).want(400)
		s.do("PUT", "/storage/records/p/"+raw, as(ann), js(`{"value":1}`)).want(400)
	}
}

// "The value comes back as the same JSON value: numbers keep every digit,
// object members keep their names whatever characters these hold."
func TestValuesComeBack(t *testing.T) {
	s := newServer(t)
	for i, v := range []string{`9007199254740993`, `0.1000000000000000055511151231257827`, `-0`, `12345678901234567890123456789.5`, `true`, `null`, `""`, `"\u2028\"\\\/é😀"`, `[]`, `{}`, `{"":3,"$set":2,"__proto__":4,"a b":5,"a.b":1,"ключ":6}`, `[[[]],{"a":[{}]}]`, `"<script>&"`} {
		key := fmt.Sprint(i)
		s.put(ann, "c", key, `"value":`+v).must(201)
		got := s.do("GET", "/storage/records/c/"+key, as(ann)).must(200).get("value")
		if strings.HasPrefix(v, `"`) { // get undoes the quotes of strings
			continue
		}
		if got != v && (v != "-0" || got != "0") { // one value, and no digit is lost
			t.Errorf("%s came back as %s", v, got)
		}
	}
}

func TestTTL(t *testing.T) {
	s := newServer(t)
	for _, ttl := range []string{"1", "3155760000", "null"} {
		s.put(ann, "c", "ok", `"value":1,"ttl":`+ttl).has("ttl", ttl)
	}
	for _, ttl := range []string{"0", "-1", "1.5", "3155760001", `"60"`, "true", "[]", "1e30", "99999999999999999999", "1e-5"} {
		s.put(ann, "c", "bad", `"value":1,"ttl":`+ttl).code(400, "invalid_request")
	}
	id := s.put(ann, "c", "k", `"value":{"a":1},"ttl":60`).must(201).has("expires_at", "2026-03-01T12:01:00.123456Z").get("id")
	s.advance(30 * time.Second)
	s.do("PATCH", "/storage/records/c/k", as(ann), body(mergePatch, `{"b":2}`)).want(200).has("expires_at", "2026-03-01T12:01:00.123456Z").has("ttl", "60")
	s.advance(30*time.Second - time.Microsecond)
	s.do("GET", "/storage/records/c/k", as(ann)).want(200)
	s.advance(time.Microsecond) // "not found, from that second on"
	s.do("GET", "/storage/records/c/k", as(ann)).code(404, "record_not_found")
	s.do("GET", "/storage/records/"+id, as(ann)).code(404, "record_not_found")
	s.do("PATCH", "/storage/records/c/k", as(ann), body(mergePatch, `{}`)).code(404, "record_not_found")
	s.do("DELETE", "/storage/records/c/k", as(ann)).code(404, "record_not_found")
	s.do("GET", "/storage/records/c?prefix=k", as(ann)).lists("key", "").has("total", "0")
	s.put(ann, "c", "k", `"value":2`, header("If-Match", `*`)).code(412, "precondition_failed")
	s.put(ann, "c", "k", `"value":2`, header("If-None-Match", `*`)).want(201).has("version", "1").has("ttl", "null")
	s.put(ann, "c", "t", `"value":1,"ttl":60`).must(201)
	s.put(ann, "c", "t", `"value":1`).must(200).has("ttl", "null").has("expires_at", "null")
}

func TestGetRecord(t *testing.T) {
	s := newServer(t)
	s.put(ann, "c", "k", `"value":1`).must(201)
	s.put(ann, "c", "k", `"value":2,"tier":"user"`).must(201)
	s.do("GET", "/storage/records/c/k", as(ann)).want(200).has("value", "1").hasHeader("Etag", `"v1"`)
	s.do("HEAD", "/storage/records/c/k", as(ann)).want(200).hasHeader("Etag", `"v1"`)
	s.do("GET", "/storage/records/c/k?tier=user", as(ann)).want(200).has("value", "2")
	s.do("GET", "/storage/records/c/k?tier=user", as(bob)).code(404, "record_not_found")
	s.do("GET", "/storage/records/c/k?tier=x", as(ann)).code(400, "invalid_request")
	for tag, status := range map[string]int{`"v1"`: 304, `W/"v1"`: 304, `"v0", "v1"`: 304, `*`: 304, `"v2"`: 200, `v1`: 200} {
		s.do("GET", "/storage/records/c/k", as(ann), header("If-None-Match", tag)).want(status)
	}
	s.do("GET", "/storage/records/c/K", as(ann)).code(404, "record_not_found")
	s.do("GET", "/storage/records/C/k", as(ann)).code(404, "record_not_found")
	s.do("GET", "/storage/records/"+randomRecord, as(ann)).code(404, "record_not_found")
	s.do("GET", "/storage/records/never", as(ann)).lists("key", "")
}

func TestPatchRecord(t *testing.T) {
	s := newServer(t)
	s.put(ann, "c", "k", `"value":{"a":"b","c":{"d":"e","f":"g"}}`).must(201)
	patch := func(text string, more ...option) answer {
		return s.do("PATCH", "/storage/records/c/k", append([]option{as(bob), body(mergePatch, text)}, more...)...)
	}
	patch(`{"a":"z","c":{"f":null}}`).want(200).has("value", `{"a":"z","c":{"d":"e"}}`).has("version", "2").hasHeader("Etag", `"v2"`).has("updated_by", "bob").has("created_by", "ann")
	patch(`{"n":9007199254740993}`, header("If-Match", `"v2"`)).want(200).has("value", `{"a":"z","c":{"d":"e"},"n":9007199254740993}`)
	patch(`{"n":1}`, header("If-Match", `"v2"`)).code(412, "precondition_failed")
	patch(`{}`).want(200).has("version", "4")
	patch(`["x"]`).want(200).has("value", `["x"]`)
	patch(`{"a":{"b":null,"c":1}}`).want(200).has("value", `{"a":{"c":1}}`)
	patch(`7`).want(200).has("value", "7")
	patch(`null`).want(200).has("value", "null")
	patch(`{`).code(400, "invalid_json")
	patch(`{"a":1,"a":2}`).code(400, "invalid_json")
	patch(`{"a":1e999}`).code(400, "invalid_json")
	patch(`"`+strings.Repeat("x", 1<<20)+`"`).code(413, "too_large")
	s.put(ann, "c", "k", `"value":{"a":"`+strings.Repeat("x", 700<<10)+`"}`).must(200)
	patch(`{"b":"`+strings.Repeat("x", 700<<10)+`"}`).code(413, "too_large")
	s.do("PATCH", "/storage/records/c/k", as(ann), js(`{}`)).code(415, "unsupported_media_type")
	s.do("PATCH", "/storage/records/c/k", as(ann), body("Application/Merge-Patch+JSON; x=y", `{}`)).want(200)
	s.do("PATCH", "/storage/records/c/none", as(ann), body(mergePatch, `{}`)).code(404, "record_not_found")
	s.do("PATCH", "/storage/records/c/k", as(with("storage:records:d:write")), body(mergePatch, `{}`)).code(403, "permission_denied")
}

func TestDeleteRecord(t *testing.T) {
	s := newServer(t)
	id := s.put(ann, "c", "k", `"value":1`).must(201).get("id")
	s.do("DELETE", "/storage/records/c/k", as(ann), header("If-Match", `"v2"`)).code(412, "precondition_failed")
	s.do("DELETE", "/storage/records/c/k", as(bob), header("If-Match", `"v1"`)).want(200).has("id", id).has("is_deleted", "true").has("deleted_by", "bob").has("value", "1")
	s.do("DELETE", "/storage/records/c/k", as(ann)).code(404, "record_not_found")
	s.do("DELETE", "/storage/records/"+id, as(ann)).code(404, "record_not_found")
	s.do("GET", "/storage/records/c/k", as(ann)).code(404, "record_not_found")
	fresh := s.put(ann, "c", "k", `"value":2`, header("If-None-Match", "*")).must(201).has("version", "1").get("id")
	if fresh == id {
		t.Error("a new record has the id of the deleted one")
	}
	s.do("DELETE", "/storage/records/"+fresh, as(with("storage:records:d:delete"))).want(404)
	s.do("DELETE", "/storage/records/"+fresh, as(with("storage:read"))).code(403, "permission_denied")
	s.do("DELETE", "/storage/records/"+fresh, as(ann), header("If-Match", `"v9"`)).code(412, "precondition_failed")
	s.do("DELETE", "/storage/records/"+fresh, as(ann)).want(200)
	s.do("DELETE", "/storage/records/"+randomRecord, as(ann)).code(404, "record_not_found")
	s.do("DELETE", "/storage/records/c", as(ann)).code(404, "record_not_found")
}

func TestRecordLists(t *testing.T) {
	s := newServer(t)
	for i, v := range []string{`{"n":9007199254740993,"s":"Ab","t":["x","y"],"o":{"p":1}}`, `{"n":9007199254740992,"s":"b","t":"x"}`, `{"n":"9007199254740993","s":null}`, `5`, `{"n":1e2,"s":"Abc","t":[]}`} {
		s.put(ann, "c", fmt.Sprint("k", i), `"value":`+v).must(201)
		s.advance(time.Second)
	}
	s.put(ann, "c", "k1", `"value":{"n":9007199254740992,"s":"b","t":"x"}`).must(200)
	for where, want := range map[string]string{
		`{}`:                                     "k0 k1 k2 k3 k4",
		`{"n":9007199254740993}`:                 "k0",
		`{"n":9007199254740992}`:                 "k1",
		`{"n":{"eq":100}}`:                       "k4",
		`{"n":{"gt":100}}`:                       "k0 k1",
		`{"n":{"gte":100}}`:                      "k0 k1 k4",
		`{"n":{"lt":100}}`:                       "",
		`{"n":{"gt":"1"}}`:                       "k2",
		`{"s":{"ne":"b"}}`:                       "k0 k2 k3 k4",
		`{"s":null}`:                             "k2",
		`{"s":{"ne":null}}`:                      "k0 k1 k3 k4",
		`{"s":{"exists":false}}`:                 "k3",
		`{"s":{"exists":true}}`:                  "k0 k1 k2 k4",
		`{"s":{"prefix":"Ab"}}`:                  "k0 k4",
		`{"s":{"in":["b",null]}}`:                "k1 k2",
		`{"s":{"nin":["b",null]}}`:               "k0 k3 k4",
		`{"t":{"contains":"x"}}`:                 "k0",
		`{"o.p":1}`:                              "k0",
		`{"or":[{"o.p":1},{"n":1e2}]}`:           "k0 k4",
		`{"and":[{"n":{"gt":0}},{"s":"b"}]}`:     "k1",
		`{"not":{"s":"b"}}`:                      "k0 k2 k3 k4",
		`{"n":{"gt":100},"s":"b"}`:               "k1",
		`{"n":{"gt":100,"lt":9007199254740993}}`: "k1",
	} {
		s.do("GET", "/storage/records/c?where="+url.QueryEscape(where), as(ann)).lists("key", want)
		s.do("GET", "/storage/records?where="+url.QueryEscape(where), as(ann)).lists("key", want)
	}
	deep := strings.Repeat(`{"not":`, 11) + `{"a":1}` + strings.Repeat("}", 11)
	for _, where := range []string{``, `{`, `[]`, `7`, `null`, `{"a":{"regex":"x"}}`, `{"a":{"$gt":1}}`, `{"a":{}}`, `{"a":[1]}`, `{"a":{"in":1}}`, `{"a":{"in":[[1]]}}`, `{"a":{"gt":true}}`, `{"a":{"gt":null}}`, `{"a":{"prefix":1}}`,
		`{"a":{"contains":[1]}}`, `{"a":{"exists":1}}`, `{"or":{}}`, `{"or":[]}`, `{"or":[1]}`, `{"not":[]}`, `{"a":{"eq":{"b":1}}}`, `{"a":{"EQ":1}}`, `{"a":1,"a":2}`, `{"":1}`, `{"a..b":1}`, deep, `{"a":{"in":[` + strings.Repeat("1,", 1000) + `1]}}`} {
		if where == "" {
			continue // as if left out
		}
		s.do("GET", "/storage/records/c?where="+url.QueryEscape(where), as(ann)).code(400, "invalid_filter")
	}
	for query, want := range map[string]string{"sort=key": "k0 k1 k2 k3 k4", "sort=-key": "k4 k3 k2 k1 k0", "sort=created_at": "k0 k1 k2 k3 k4", "sort=-created_at": "k4 k3 k2 k1 k0",
		"sort=updated_at": "k0 k2 k3 k4 k1", "sort=-updated_at": "k1 k4 k3 k2 k0", "prefix=k2": "k2", "prefix=%25": "", "q=K3": "k3", "limit=2&offset=1": "k1 k2", "tier=user": "", "total=false&limit=1": "k0"} {
		s.do("GET", "/storage/records/c?"+query, as(ann)).lists("key", want)
	}
	s.do("GET", "/storage/records/c?total=false", as(ann)).has("total", "null")
	s.do("GET", "/storage/records/c?sort=size", as(ann)).code(400, "invalid_request")
	s.do("GET", "/storage/records/c?sort=path", as(ann)).code(400, "invalid_request")
	s.do("GET", "/storage/records/c", as(with("storage:records:d:read"))).code(403, "permission_denied")
	s.do("GET", "/storage/records/c", as(with("storage:c:read"))).code(403, "permission_denied")
	s.do("GET", "/storage/records/c", as(rival)).lists("key", "")
	s.do("GET", "/storage/records/a%20b", as(ann)).code(400, "invalid_name")
}
