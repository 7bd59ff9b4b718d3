package httpapi

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuckets(t *testing.T) {
	e := newEnv(t)
	a := e.do("POST", "/buckets", root, `{"name":"pics","public":true,"max_file_size":1000,"allowed_types":["image/*","Application/PDF; x=1"],"created_by":"mallory","tenant_id":"other","nonsense":[]}`)
	m := a.want(201)
	require.Equal(t, "/api/v1/storage/buckets/pics", a.header.Get("Location"))
	require.Equal(t, map[string]any{
		"name": "pics", "public": true, "max_file_size": json.Number("1000"), "allowed_types": []any{"image/*", "application/pdf"},
		"created_at": "2026-03-01T12:00:00.123456Z", "updated_at": "2026-03-01T12:00:00.123456Z", "created_by": "ann",
	}, m)
	require.Equal(t, m, e.do("GET", "/buckets/pics", root, nil).want(200))

	e.do("POST", "/buckets", root, `{"name":"pics"}`).problem(409, "bucket_exists")
	e.do("POST", "/buckets", root, `{"name":"default"}`).problem(409, "bucket_exists")
	for _, name := range []string{"", "a b", "records", "Records", "obj_01ARZ3NDEKTSV4RRFFQ69G5FAV", strings.Repeat("x", 64), "ä"} {
		e.do("POST", "/buckets", root, `{"name":"`+name+`"}`).problem(400, "invalid_name")
	}
	for _, body := range []string{
		`{"name":7}`, `{"name":"x","public":"yes"}`, `{"name":"x","max_file_size":0}`,
		`{"name":"x","max_file_size":-1}`, `{"name":"x","max_file_size":1.5}`, `{"name":"x","max_file_size":"9"}`,
		`{"name":"x","max_file_size":67108865}`, `{"name":"x","max_file_size":99999999999999999999}`,
		`{"name":"x","allowed_types":"image/*"}`, `{"name":"x","allowed_types":[null]}`, `{"name":"x","allowed_types":[1]}`,
		`{"name":"x","allowed_types":["nonsense"]}`, `{"name":"x","allowed_types":[]}`,
	} {
		e.do("POST", "/buckets", root, body).problem(400, "invalid_request")
	}
	e.do("GET", "/buckets/x", root, nil).problem(404, "bucket_not_found")

	m = e.do("PATCH", "/buckets/pics", root, `{"max_file_size":null}`).want(200)
	require.Nil(t, m["max_file_size"])
	require.Contains(t, m, "max_file_size")
	require.Len(t, m["allowed_types"], 2)
	m = e.do("PATCH", "/buckets/pics", root, `{"allowed_types":null,"public":false}`).want(200)
	require.Nil(t, m["allowed_types"])
	require.Equal(t, false, m["public"])
	e.do("PATCH", "/buckets/none", root, `{}`).problem(404, "bucket_not_found")

	m = e.do("GET", "/buckets", root, nil).want(200)
	require.Equal(t, json.Number("2"), m["total"])
	names := []any{}
	for _, b := range m["data"].([]any) {
		names = append(names, b.(map[string]any)["name"])
	}
	require.Equal(t, []any{"default", "pics"}, names)
	require.Nil(t, m["data"].([]any)[0].(map[string]any)["created_by"])
	m = e.do("GET", "/buckets", caller("", "storage:pics:read"), nil).want(200)
	require.Len(t, m["data"], 1)
	e.do("GET", "/buckets", caller("", "storage:pics:write"), nil).problem(403, "permission_denied")
	e.do("GET", "/buckets/pics", other, nil).problem(404, "bucket_not_found")

	e.do("DELETE", "/buckets/default", root, nil).problem(409, "bucket_protected")
	for _, token := range []string{root, bob} {
		e.do("POST", "/objects/pics?tier=user&path=p", token, []byte("x")).want(201)
	}
	e.do("DELETE", "/buckets/pics", root, nil).problem(409, "bucket_not_empty")
	m = e.do("POST", "/buckets/pics/empty", root, nil).want(200)
	require.Equal(t, map[string]any{"deleted": json.Number("2")}, m)
	require.Empty(t, e.do("DELETE", "/buckets/pics", root, nil).want(200))
	e.do("DELETE", "/buckets/pics", root, nil).problem(404, "bucket_not_found")
	for _, c := range [][2]string{{"POST", "/buckets"}, {"PATCH", "/buckets/b"}, {"DELETE", "/buckets/b"}, {"POST", "/buckets/b/empty"}} {
		e.do(c[0], c[1], caller("", "storage:read", "storage:write", "storage:delete"), `{"name":"b"}`).problem(403, "permission_denied")
	}
}
