package httpapi

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAppFiles(t *testing.T) {
	e := newEnv(t)
	app := e.server.URL + "/api/v1/apps/crm/storage"
	a := e.do("POST", app+"/upload", appRoot, []byte(formBody(file("hello"), field("tier", "shared"), field("bucket", "default"), field("app_id", "erp"))), "Content-Type", formType)
	m := a.want(201)
	require.Equal(t, map[string]any{"file_id": m["file_id"], "name": "local.txt", "content_type": "text/plain; charset=utf-8", "size": number(5)}, m)
	id := m["file_id"].(string)
	require.Equal(t, "/api/v1/apps/crm/storage/"+id, a.header.Get("Location"))
	require.Equal(t, `"`+sumOf("hello")+`"`, a.header.Get("ETag"))
	e.do("POST", app+"/upload?path=local.txt", appRoot, []byte("x")).problem(409, "object_exists")
	e.do("POST", app+"/upload?path=raw/b", appRoot, []byte("x")).want(201)
	e.do("POST", app+"/upload?path=c", caller("crm", "storage:read"), []byte("x")).problem(403, "permission_denied")

	a = e.do("GET", app+"/"+id, appRoot, nil)
	a.want(200)
	require.Equal(t, "hello", string(a.body))
	e.do("GET", app+"/"+id, appRoot, nil, "Range", "bytes=0-0").want(206)
	shared := e.put("shared", "x")
	mine := e.do("POST", "/objects/default?path=u&tier=user", appRoot, []byte("x")).want(201)["id"].(string)
	m = e.do("GET", app, appRoot, nil).want(200)
	require.Equal(t, []string{"local.txt", "raw/b"}, paths(m))
	require.Equal(t, "private", m["data"].([]any)[0].(map[string]any)["tier"])
	require.Equal(t, []string{"local.txt"}, paths(e.do("GET", app+"?delimiter=/&tier=shared", appRoot, nil).want(200)))
	for _, foreign := range []string{shared, mine, "upload", "obj_01ARZ3NDEKTSV4RRFFQ69G5FAV"} {
		e.do("GET", app+"/"+foreign, appRoot, nil).problem(404, "object_not_found")
		e.do("DELETE", app+"/"+foreign, appRoot, nil).problem(404, "object_not_found")
	}

	for _, token := range []string{root, caller("erp", "*"), bob} {
		e.do("GET", app, token, nil).problem(404, "not_found")
		absent := string(e.do("GET", app+"/obj_01ARZ3NDEKTSV4RRFFQ69G5FAV", appRoot, nil).body)
		for _, method := range []string{"GET", "DELETE"} {
			a := e.do(method, app+"/"+id, token, nil)
			a.problem(404, "object_not_found")
			require.Equal(t, absent, string(a.body))
		}
		e.do("POST", app+"/upload?path=z", token, []byte("x")).problem(404, "not_found")
		e.do("DELETE", app, token, nil).problem(404, "not_found")
	}
	// Without the permission it is the same for every app.
	for _, a := range []string{"crm", "erp"} {
		e.do("GET", strings.Replace(app, "crm", a, 1), caller("crm", "storage:write"), nil).problem(403, "permission_denied")
		e.do("DELETE", strings.Replace(app, "crm", a, 1), caller("crm", "storage:default:*"), nil).problem(403, "permission_denied")
	}
	e.do("GET", app, "", nil).problem(401, "unauthenticated")

	m = e.do("DELETE", app+"/"+id, appRoot, nil).want(200)
	require.Equal(t, true, m["is_deleted"])
	e.do("DELETE", app+"/"+id, appRoot, nil).problem(404, "object_not_found")
	e.do("PUT", "/records/c/k", appRoot, `{"value":1}`).want(201)
	m = e.do("DELETE", app, appRoot, nil).want(200)
	require.Equal(t, map[string]any{"objects": number(2), "records": number(1)}, m)
	require.Empty(t, paths(e.do("GET", app, appRoot, nil).want(200)))
	e.do("GET", "/objects/"+shared, root, nil).want(200)
	require.Equal(t, 405, e.do("PUT", app, appRoot, nil).status)
}
