package httpapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func paths(m map[string]any) []string {
	list := []string{}
	for _, o := range m["data"].([]any) {
		list = append(list, o.(map[string]any)["path"].(string))
	}
	return list
}

func TestObjectLifeCycle(t *testing.T) {
	e := newEnv(t)
	id := e.put("a/b.txt", "hello")
	a := e.do("GET", "/objects/"+id, root, nil)
	m := a.want(200)
	require.Equal(t, `"v1"`, a.header.Get("ETag"))
	for _, name := range []string{"app_id", "user_id", "deleted_at", "deleted_by"} {
		require.Contains(t, m, name)
		require.Nil(t, m[name])
	}
	require.Len(t, m, 24)
	e.do("GET", "/objects/"+id, root, nil, "If-None-Match", `"v1"`).want(304)
	e.do("GET", "/objects/"+id, root, nil, "If-None-Match", `W/"v1", "x"`).want(304)
	e.do("GET", "/objects/"+id, root, nil, "If-Match", `"v2"`).problem(412, "precondition_failed")

	// Change.
	url := "/objects/default/" + id
	e.do("PATCH", url, root, `{"path":"c.md"}`, "If-Match", `"v7"`).problem(412, "precondition_failed")
	e.do("PATCH", url, root, `{"path":"c.md"}`, "If-Match", `v1`).problem(400, "invalid_request")
	a = e.do("PATCH", url, root, `{"path":"c.md","metadata":{"k":"é"},"content_type":"text/markdown","created_by":"x","size":1}`, "If-Match", `"v1"`)
	m = a.want(200)
	require.Equal(t, `"v2"`, a.header.Get("ETag"))
	require.Equal(t, "c.md", m["path"])
	require.Equal(t, "c.md", m["name"])
	require.Equal(t, map[string]any{"k": "é"}, m["metadata"])
	require.Equal(t, "text/markdown", m["content_type"])
	require.Equal(t, json.Number("5"), m["size"])
	m = e.do("PATCH", url, root, `{"metadata":null}`).want(200)
	require.Equal(t, map[string]any{}, m["metadata"])
	for body, code := range map[string]string{
		`{"path":"../x"}`: "invalid_path", `{"path":null}`: "invalid_request", `{"path":1}`: "invalid_request",
		`{"metadata":{"a":1}}`: "invalid_request", `{"metadata":[]}`: "invalid_request", `{"content_type":"x"}`: "invalid_request",
		`{"bucket":"a b"}`: "invalid_name", `{"path":"a","path":"b"}`: "invalid_json", `[]`: "invalid_request",
		`{"path":"\ud800"}`: "invalid_json", `{"path":"a\u0000"}`: "invalid_json", "{\"path\":\"\xff\"}": "invalid_json", `{`: "invalid_json", ``: "invalid_json",
	} {
		e.do("PATCH", url, root, body, "Content-Type", "application/json").problem(400, code)
	}
	e.do("PATCH", url, root, `{}`, "Content-Type", "text/plain").problem(415, "unsupported_media_type")
	e.do("PATCH", url, root, `{"path":"`+strings.Repeat("x", 1<<20)+`"}`).problem(413, "too_large")
	e.put("taken", "x")
	e.do("PATCH", url, root, `{"path":"taken"}`).problem(409, "object_exists")
	e.do("PATCH", url, root, `{"bucket":"none"}`).problem(404, "bucket_not_found")
	e.do("POST", "/buckets", root, `{"name":"small","max_file_size":3,"allowed_types":["text/markdown"]}`).want(201)
	e.do("PATCH", url, root, `{"bucket":"small"}`).problem(413, "too_large")
	e.do("PATCH", "/objects/small/"+id, root, `{}`).problem(404, "object_not_found")

	// Copy.
	a = e.do("POST", url+"/copy", root, `{"path":"copy/c.md"}`)
	m = a.want(201)
	require.Equal(t, "/api/v1/storage/objects/default/"+m["id"].(string), a.header.Get("Location"))
	require.Equal(t, `"v1"`, a.header.Get("ETag"))
	require.NotEqual(t, id, m["id"])
	e.do("POST", url+"/copy", root, `{}`).problem(409, "object_exists")
	e.do("POST", url+"/copy", root, `{"bucket":"small"}`).problem(413, "too_large")
	m = e.do("POST", url+"/copy", root, `{"tier":"user"}`).want(201)
	require.Equal(t, "user", m["tier"])
	require.Equal(t, "ann", m["user_id"])
	m = e.do("POST", "/objects/default/"+m["id"].(string)+"/copy", root, `{"path":"mine"}`).want(201)
	require.Equal(t, "user", m["tier"], "a copy does not leave its tier unasked")
	e.do("POST", url+"/copy", root, `{"tier":"private","path":"q"}`).problem(400, "tier_needs_app")

	// Delete, restore, purge.
	m = e.do("DELETE", url, root, nil, "If-Match", `"v3"`).want(200)
	require.Equal(t, true, m["is_deleted"])
	require.Equal(t, "ann", m["deleted_by"])
	require.NotNil(t, m["deleted_at"])
	e.do("DELETE", url, root, nil).problem(404, "object_not_found")
	e.do("GET", url, root, nil).problem(404, "object_not_found")
	m = e.do("GET", "/objects/default?deleted=true", root, nil).want(200)
	require.Equal(t, []string{"c.md"}, paths(m))
	e.do("GET", "/objects/default?deleted=true", caller("", "storage:read"), nil).problem(403, "permission_denied")
	e.put("c.md", "new")
	e.do("POST", url+"/restore", root, nil).problem(409, "object_exists")
	e.do("PATCH", "/objects/default/"+idAt(e, "c.md"), root, `{"path":"away"}`).want(200)
	a = e.do("POST", url+"/restore", root, nil)
	require.Equal(t, false, a.want(200)["is_deleted"])
	require.NotEmpty(t, a.header.Get("ETag"))
	e.do("POST", url+"/restore", root, nil).problem(404, "object_not_found")
	e.do("DELETE", "/objects/"+id, caller("", "storage:delete"), nil).want(200)
	e.do("DELETE", "/objects/"+id+"?purge=true", caller("", "storage:delete"), nil).problem(403, "permission_denied")
	e.do("DELETE", "/objects/"+id+"?purge=yes", root, nil).problem(400, "invalid_request")
	e.do("DELETE", "/objects/"+id+"?purge=true", root, nil).want(200)
	e.do("POST", url+"/restore", root, nil).problem(404, "object_not_found")
	e.do("DELETE", "/objects/default", root, nil).problem(404, "object_not_found")
}

func idAt(e *env, path string) string {
	for _, o := range e.do("GET", "/objects/default?limit=1000", root, nil).want(200)["data"].([]any) {
		if o.(map[string]any)["path"] == path {
			return o.(map[string]any)["id"].(string)
		}
	}
	e.t.Fatalf("nothing at %s", path)
	return ""
}

func TestListObjects(t *testing.T) {
	e := newEnv(t)
	for i, p := range []string{"a/1.txt", "a/2.png", "b.txt", "c%d_e", "Straße"} {
		e.put(url.QueryEscape(p), strings.Repeat("x", i+1))
		e.clock.add(time.Second)
	}
	e.do("POST", "/buckets", root, `{"name":"b2"}`).want(201)
	e.do("POST", "/objects/b2?path=z", root, []byte("z")).want(201)
	list := func(query string) map[string]any { return e.do("GET", "/objects"+query, root, nil).want(200) }

	m := list("/default")
	require.Equal(t, []string{"Straße", "a/1.txt", "a/2.png", "b.txt", "c%d_e"}, paths(m))
	require.Equal(t, json.Number("5"), m["total"])
	require.Nil(t, m["next_cursor"])
	require.Contains(t, m, "next_cursor")
	require.NotContains(t, m, "folders")
	require.Len(t, paths(list("")), 6)
	require.Equal(t, []string{"z"}, paths(list("?bucket=b2")))
	require.Equal(t, []string{"c%d_e"}, paths(list("/default?prefix=c%25")))
	require.Equal(t, []string{"Straße"}, paths(list("/default?q=sTRA")))
	require.Equal(t, []string{"c%d_e", "b.txt", "a/2.png", "a/1.txt", "Straße"}, paths(list("/default?sort=-path")))
	require.Equal(t, []string{"a/1.txt", "a/2.png"}, paths(list("/default?sort=size&limit=2")))
	require.Equal(t, []string{"b.txt"}, paths(list("/default?sort=created_at&created_after=2026-03-01T12:00:01.123456Z&created_before=2026-03-01T14:00:03.123456%2B02:00")))
	m = list("/default?delimiter=/")
	require.Equal(t, []any{"a/"}, m["folders"])
	require.Equal(t, []string{"Straße", "b.txt", "c%d_e"}, paths(m))
	require.Equal(t, []any{}, list("/default?delimiter=/&prefix=a/")["folders"])
	m = list("/default?total=false&content_type=text/*")
	require.Nil(t, m["total"])
	require.Contains(t, m, "total")

	all, cursor := []string{}, ""
	for {
		m = list("/default?limit=2&cursor=" + cursor)
		all = append(all, paths(m)...)
		if m["next_cursor"] == nil {
			break
		}
		cursor = m["next_cursor"].(string)
	}
	require.Equal(t, paths(list("/default")), all)
	e.do("GET", "/objects/default?cursor=x", root, nil).problem(400, "invalid_cursor")
	e.do("GET", "/objects/default?prefix=a&cursor="+firstCursor(e), root, nil).problem(400, "invalid_cursor")

	for _, q := range []string{
		"limit=0", "limit=", "limit=%2B5", "created_after=", "total=", "limit=1001", "limit=x", "limit=1&limit=2", "limit=1.0", "offset=-1", "offset=x", "offset=99999999999999999999", "tier=none", "sort=name",
		"sort=-", "delimiter=x", "total=no", "deleted=2", "created_after=yesterday", "created_before=2026-03-01", "prefix=%ff",
		"prefix=%00", "q=%zz", "a;b", "content_type=x",
	} {
		e.do("GET", "/objects/default?"+q, root, nil).problem(400, "invalid_request")
	}
	e.do("GET", "/objects/default?tier=private", root, nil).problem(400, "tier_needs_app")
	e.do("GET", "/objects/default?where={", root, nil).problem(400, "invalid_filter")
	e.do("GET", "/objects/none", root, nil).problem(404, "bucket_not_found")
	e.do("GET", "/objects/a%2Fb", root, nil).problem(400, "invalid_name")
	e.do("GET", "/objects?unknown=1&unknown=2&limit=5", root, nil).want(200)
	e.do("GET", "/objects/default", caller("", "storage:b2:read"), nil).problem(403, "permission_denied")
	e.do("GET", "/objects/none", caller("", "storage:b2:read"), nil).problem(403, "permission_denied")
	require.Equal(t, []string{"z"}, paths(e.do("GET", "/objects", caller("", "storage:b2:read"), nil).want(200)))
	e.do("GET", "/objects", caller("", "storage:records:read"), nil).problem(403, "permission_denied")
}

func firstCursor(e *env) string {
	return e.do("GET", "/objects/default?limit=1", root, nil).want(200)["next_cursor"].(string)
}

func TestBulkDelete(t *testing.T) {
	e := newEnv(t)
	a, b := e.put("a", "x"), e.put("b", "x")
	e.do("POST", "/objects/default?path=c&tier=user", bob, []byte("x")).want(201)
	bobs := e.do("GET", "/objects/default?tier=user", bob, nil).want(200)["data"].([]any)[0].(map[string]any)["id"].(string)
	m := e.do("POST", "/objects/default/delete", root, fmt.Sprintf(`{"ids":[%q,"nonsense",%q,%q,%q]}`, a, bobs, b, a)).want(200)
	require.Equal(t, []any{a, b}, m["deleted"])
	errs := []any{}
	for _, id := range []string{"nonsense", bobs, a} {
		errs = append(errs, map[string]any{"id": id, "code": "object_not_found"})
	}
	require.Equal(t, errs, m["errors"])
	for _, body := range []string{`{}`, `{"ids":[]}`, `{"ids":"x"}`, `{"ids":[1]}`, `{"ids":[null]}`, `{"ids":["` + strings.Repeat(`x","`, 1000) + `x"]}`} {
		e.do("POST", "/objects/default/delete", root, body).problem(400, "invalid_request")
	}
	e.do("POST", "/objects/default/delete", caller("", "storage:write"), `{"ids":["x"]}`).problem(403, "permission_denied")
}

// What a caller may not see has the same answer as what is not there.
func TestIsolation(t *testing.T) {
	e := newEnv(t)
	const random = "obj_01ARZ3NDEKTSV4RRFFQ69G5FAV"
	mine := e.do("POST", "/objects/default?path=m&tier=user", root, []byte("x")).want(201)["id"].(string)
	private := e.do("POST", "/objects/default?path=p", appRoot, []byte("x")).want(201)
	require.Equal(t, "private", private["tier"])
	require.Equal(t, "crm", private["app_id"])
	shared := e.put("s", "x")
	for _, c := range []struct{ token, id string }{
		{bob, mine}, {root, private["id"].(string)}, {caller("other", "*"), private["id"].(string)}, {other, shared}, {other, mine},
	} {
		for _, call := range [][2]string{
			{"GET", "/objects/"}, {"GET", "/objects/default/"}, {"HEAD", "/objects/default/"}, {"DELETE", "/objects/"}, {"DELETE", "/objects/default/"},
			{"PATCH", "/objects/default/"}, {"POST", "/objects/default/%s/copy"}, {"POST", "/objects/default/%s/restore"}, {"POST", "/objects/default/%s/sign"},
		} {
			at := func(id string) string {
				if strings.Contains(call[1], "%s") {
					return fmt.Sprintf(call[1], id)
				}
				return call[1] + id
			}
			body := `{"expires_in":1,"path":"stolen"}`
			got, want := e.do(call[0], at(c.id), c.token, body), e.do(call[0], at(random), c.token, body)
			require.Equal(t, 404, got.status, "%v %s", call, got.body)
			require.Equal(t, string(want.body), string(got.body))
		}
	}
}
