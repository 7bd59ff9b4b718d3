package httpapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

func TestRecords(t *testing.T) {
	e := newEnv(t)
	a := e.do("PUT", "/records/settings/theme", root, `{"value":{"n":1.10,"big":9007199254740993,"<&>":"\u2028"},"id":"x","version":9,"unknown":null}`)
	m := a.want(201)
	require.Equal(t, `"v1"`, a.header.Get("ETag"))
	require.Equal(t, "/api/v1/storage/records/"+m["id"].(string), a.header.Get("Location"))
	require.Len(t, m, 19)
	require.Equal(t, map[string]any{"n": json.Number("1.10"), "big": json.Number("9007199254740993"), "<&>": "\u2028"}, m["value"])
	for _, name := range []string{"ttl", "expires_at", "deleted_at", "app_id"} {
		require.Contains(t, m, name)
		require.Nil(t, m[name])
	}
	id := m["id"].(string)
	require.True(t, strings.HasPrefix(id, "rec_"))
	for _, p := range []string{"/records/settings/theme", "/records/" + id} {
		a = e.do("GET", p, root, nil)
		require.Equal(t, m, a.want(200))
		require.Equal(t, `"v1"`, a.header.Get("ETag"))
		e.do("GET", p, root, nil, "If-None-Match", `"v1"`).want(304)
		e.do("GET", p, root, nil, "If-None-Match", `"v2"`).want(200)
	}

	// Conditions.
	theme := "/records/settings/theme"
	e.do("PUT", theme, root, `{"value":1}`, "If-None-Match", "*").problem(412, "precondition_failed")
	e.do("PUT", theme, root, `{"value":1}`, "If-Match", `"v2"`).problem(412, "precondition_failed")
	e.do("PUT", theme, root, `{"value":1}`, "If-Match", `W/"v1"`).problem(412, "precondition_failed")
	e.do("PUT", theme, root, `{"value":1}`, "If-Match", `v1`).problem(400, "invalid_request")
	e.do("PUT", theme, root, `{"value":1}`, "If-None-Match", `"v1"`).problem(400, "invalid_request")
	e.do("PUT", theme, root, `{"value":1}`, "If-None-Match", "*", "If-Match", `"v1"`).problem(400, "invalid_request")
	a = e.do("PUT", theme, root, `{"value":null,"ttl":60}`, "If-Match", `"v9", "v1"`)
	m = a.want(200)
	require.Equal(t, `"v2"`, a.header.Get("ETag"))
	require.Empty(t, a.header.Get("Location"))
	require.Nil(t, m["value"])
	require.Equal(t, json.Number("60"), m["ttl"])
	require.Equal(t, "2026-03-01T12:01:00.123456Z", m["expires_at"])
	e.clock.add(time.Minute)
	e.do("GET", theme, root, nil).problem(404, "record_not_found")
	e.do("PUT", theme, root, `{"value":1}`, "If-Match", "*").problem(412, "precondition_failed")
	e.do("PUT", theme, root, `{"value":[]}`).want(201)

	// Merge patch.
	patch := func(body string, headers ...string) *answer {
		return e.do("PATCH", theme, root, body, append([]string{"Content-Type", mergePatch}, headers...)...)
	}
	require.Equal(t, map[string]any{"a": json.Number("1")}, patch(`{"a":1,"b":null}`).want(200)["value"])
	a = patch(`{"a":null,"c":{"d":2}}`, "If-Match", `"v2"`)
	require.Equal(t, map[string]any{"c": map[string]any{"d": json.Number("2")}}, a.want(200)["value"])
	require.Equal(t, `"v3"`, a.header.Get("ETag"))
	require.Equal(t, "x", patch(`"x"`).want(200)["value"])
	patch(`{}`, "If-Match", `"v2"`).problem(412, "precondition_failed")
	patch(`{"a":1,"a":2}`).problem(400, "invalid_json")
	a = e.do("PATCH", theme, root, `{}`)
	a.problem(415, "unsupported_media_type")
	require.Equal(t, mergePatch, a.header.Get("Accept-Patch"))
	e.do("PATCH", "/records/settings/none", root, `{}`, "Content-Type", mergePatch).problem(404, "record_not_found")

	// Delete.
	e.do("DELETE", theme, root, nil, "If-Match", `"v1"`).problem(412, "precondition_failed")
	m = e.do("DELETE", theme, root, nil, "If-Match", `"v4"`).want(200)
	require.Equal(t, true, m["is_deleted"])
	e.do("DELETE", theme, root, nil).problem(404, "record_not_found")
	e.do("GET", theme, root, nil).problem(404, "record_not_found")
	id = e.do("PUT", "/records", root, `{"collection":"settings","key":"a/b c","value":1}`).want(201)["id"].(string)
	e.do("DELETE", "/records/"+id, root, nil).want(200)
	e.do("DELETE", "/records/settings", root, nil).problem(404, "record_not_found")
	require.Len(t, e.do("GET", "/records/settings?deleted=true", root, nil).want(200)["data"], 2)

	e.do("GET", "/records/settings/theme?tier=private", root, nil).problem(400, "tier_needs_app")
	e.do("PUT", "/records/settings/u?tier=shared", root, `{"value":1,"tier":"user"}`).problem(400, "invalid_request")
	e.do("PUT", "/records/settings/u", root, `{"value":1,"tier":"user"}`).want(201)
	e.do("GET", "/records/settings/u", root, nil).problem(404, "record_not_found")
	e.do("GET", "/records/settings/u?tier=user", root, nil).want(200)
	e.do("GET", "/records/settings/u?tier=user", bob, nil).problem(404, "record_not_found")
}

func TestRecordsRefused(t *testing.T) {
	e := newEnv(t, func(s *setup) { s.cfg.MaxValueSize = 1000 })
	for body, code := range map[string]string{
		`{}`: "invalid_request", `{"value":1,"ttl":0}`: "invalid_request", `{"value":1,"ttl":-1}`: "invalid_request", `{"value":1,"ttl":1.5}`: "invalid_request",
		`{"value":1,"ttl":"60"}`: "invalid_request", `{"value":1,"ttl":3155760001}`: "invalid_request", `{"value":1,"tier":"x"}`: "invalid_request", `{"value":1,"tier":7}`: "invalid_request",
		`{"value":1e999}`: "invalid_json", `{"value":"\ud800"}`: "invalid_json", `{"value":{"a":1,"\u0061":2}}`: "invalid_json",
		`{"value":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `}`: "invalid_json", `{"value":1}x`: "invalid_json",
	} {
		e.do("PUT", "/records/c/k", root, body).problem(400, code)
	}
	e.do("PUT", "/records/c/k", root, `{"value":`+strings.Repeat("[", 64)+strings.Repeat("]", 64)+`,"ttl":3155760000}`).want(201)
	e.do("PUT", "/records/c/k", root, `{"value":"`+strings.Repeat("x", 998)+`"}`).want(200)
	e.do("PUT", "/records/c/k", root, `{"value":"`+strings.Repeat("x", 999)+`"}`).problem(413, "too_large")
	e.do("PUT", "/records/c/k", root, `{"value":"`+strings.Repeat("x", 70_000)+`"}`).problem(413, "too_large")
	e.do("PUT", "/records/a%20b/k", root, `{"value":1}`).problem(400, "invalid_name")
	e.do("PUT", "/records/c/"+strings.Repeat("k", 513), root, `{"value":1}`).problem(400, "invalid_name")
	e.do("PUT", "/records", root, `{"collection":"c","value":1}`).problem(400, "invalid_name")
	e.do("PUT", "/records", root, `{"collection":7,"key":"k","value":1}`).problem(400, "invalid_request")
	e.do("PUT", "/records/c/k", root, `{"value":1}`, "Content-Type", "text/plain").problem(415, "unsupported_media_type")
	e.do("PUT", "/records/c/k", root, `{"value":1}`, "Content-Type", mergePatch).problem(415, "unsupported_media_type")
	e.do("PUT", "/records/c/k", root, `{"value":1}`, "Content-Encoding", "gzip").problem(415, "unsupported_media_type")
	e.do("PUT", "/records/c/k", root, []byte(`{"value":1}`)).problem(415, "unsupported_media_type")
	e.do("PUT", "/records/c/k", root, `{"value":1}`, "Content-Type", "application/vnd.x+json; charset=utf-8").want(200)
	e.do("PUT", "/records/c/k", caller("", "storage:records:d:write"), `{"value":1}`).problem(403, "permission_denied")
}

// Keys hold what the address of a record has another use for, percent-encoded.
func TestRecordKeys(t *testing.T) {
	e := newEnv(t)
	for i, key := range []string{"a/b", "a//b", "/a", "a/", "a b", "%2F", "a%", "é", "日本/語", "a/../b", "...", "?x#y", "+", "a;b", "batch/x", `"<>\`} {
		p := "/records/c/" + url.PathEscape(key)
		e.do("PUT", p, root, fmt.Sprintf(`{"value":%d}`, i)).want(201)
		m := e.do("GET", p, root, nil).want(200)
		require.Equal(t, key, m["key"])
		require.Equal(t, json.Number(fmt.Sprint(i)), m["value"])
	}
	e.do("PUT", "/records/c/x/y", root, `{"value":1}`).want(201)
	require.Equal(t, "x/y", e.do("GET", "/records/c/x%2Fy", root, nil).want(200)["key"])
	for _, p := range []string{"a//b", "./x", "a/../b", "%2e%2e", "a/%2E/b", "%00", "a%00b", "%ff", "a/%c3%28"} {
		e.do("GET", "/records/c/"+p, root, nil).problem(400, "invalid_path")
	}
	e.do("PUT", "/records", root, `{"collection":"c","key":"..","value":1}`).want(201)
	for _, k := range []string{"%01", "%7f", "%c2%85", "%e2%80%a8"} {
		e.do("GET", "/records/c/"+k, root, nil).problem(400, "invalid_name")
	}
}

func TestListRecords(t *testing.T) {
	e := newEnv(t)
	for i := range 5 {
		e.do("PUT", fmt.Sprintf("/records/c/k%d", i), root, fmt.Sprintf(`{"value":{"n":%d,"tags":["t%d"]}}`, i, i%2)).want(201)
	}
	e.do("PUT", "/records/d/other", root, `{"value":0}`).want(201)
	keys := func(query string) []string {
		list := []string{}
		for _, r := range e.do("GET", "/records"+query, root, nil).want(200)["data"].([]any) {
			list = append(list, r.(map[string]any)["key"].(string))
		}
		return list
	}
	require.Len(t, keys(""), 6)
	require.Equal(t, []string{"other"}, keys("?collection=d"))
	require.Equal(t, []string{"k3", "k4"}, keys("/c?where="+url.QueryEscape(`{"n":{"gt":2}}`)))
	require.Equal(t, []string{"k3", "k1"}, keys("/c?sort=-key&where="+url.QueryEscape(`{"tags":{"contains":"t1"}}`)))
	require.Equal(t, []string{"k1", "k2"}, keys("/c?offset=1&limit=2"))
	require.Equal(t, []string{"k4"}, keys("/c?q=4&prefix=k"))
	require.Empty(t, keys("/nothing"))
	for _, w := range []string{`{`, `[]`, `{"n":{"regex":"x"}}`, `{"n":{"gt":null}}`, `{"a":"` + strings.Repeat("x", maxFilter) + `"}`} {
		e.do("GET", "/records/c?where="+url.QueryEscape(w), root, nil).problem(400, "invalid_filter")
	}
	e.do("GET", "/records/c?sort=path", root, nil).problem(400, "invalid_request")
	e.do("GET", "/records/a%20b", root, nil).problem(400, "invalid_name")
	e.do("GET", "/records", caller("", "storage:default:read"), nil).problem(403, "permission_denied")
}

func TestBatch(t *testing.T) {
	e := newEnv(t)
	e.do("PUT", "/records/c/old", root, `{"value":0}`).want(201)
	m := e.do("POST", "/records/batch", caller("", "storage:records:c:write", "storage:records:c:delete"), `{"operations":[
		{"op":"put","collection":"c","key":"new","value":{"a":1.0},"ttl":5},
		{"op":"put","collection":"c","key":"old","value":1},
		{"op":"put","collection":"c","key":"old","value":1,"if_none_match":"*"},
		{"op":"put","collection":"c","key":"old","value":2,"if_match":"\"v2\""},
		{"op":"delete","collection":"c","key":"old","if_match":"\"v2\""},
		{"op":"delete","collection":"c","key":"old"},
		{"op":"delete","collection":"c","key":"none"},
		{"op":"put","collection":"d","key":"x","value":1},
		{"op":"put","collection":"c","key":"","value":1}
	]}`).want(200)
	var got []string
	for _, r := range m["results"].([]any) {
		res := r.(map[string]any)
		require.Len(t, res, 2)
		if code, failed := res["code"]; failed {
			got = append(got, fmt.Sprint(res["status"], " ", code))
			continue
		}
		got = append(got, fmt.Sprint(res["status"], " ", res["record"].(map[string]any)["key"]))
	}
	require.Equal(t, []string{"201 new", "200 old", "412 precondition_failed", "200 old", "412 precondition_failed", "200 old",
		"404 record_not_found", "403 permission_denied", "400 invalid_name"}, got)

	d := e.do("POST", "/records/batch", root, `{"atomic":true,"operations":[
		{"op":"put","collection":"c","key":"x","value":1},{"op":"put","collection":"c","key":"new","value":1,"if_none_match":"*"}]}`).problem(412, "precondition_failed")
	require.Contains(t, d, "operations[1]")
	e.do("GET", "/records/c/x", root, nil).problem(404, "record_not_found")
	e.do("POST", "/records/batch", root, `{"atomic":true,"operations":[{"op":"put","collection":"c","key":"x","value":1}]}`).want(200)

	for body, detail := range map[string]string{
		`{}`: "operations", `{"operations":{}}`: "operations", `{"operations":[]}`: "1 to 1000", `{"operations":[{},1]}`: "operations[1]",
		`{"atomic":1,"operations":[{"op":"delete","collection":"c","key":"k"}]}`: "atomic",
		`{"operations":[` + strings.Repeat(`{},`, holdall.MaxBatch) + `{}]}`:     "at most 1000",
	} {
		require.Contains(t, e.do("POST", "/records/batch", root, body).problem(400, "invalid_request"), detail)
	}
	// What is wrong with one operation is that one's result.
	for item, detail := range map[string]string{
		`{"op":"get","collection":"c","key":"k"}`: "op:", `{"op":"put","collection":"c","key":"k"}`: "value:", `{}`: "op:",
		`{"op":"put","collection":1,"key":"k","value":1}`: "collection:", `{"op":"put","collection":"c","key":"k","value":1,"if_match":"v1"}`: "if_match:",
		`{"op":"delete","collection":"c","key":"k","if_none_match":"\"v1\""}`: "if_none_match:", `{"op":"put","collection":"c","key":"k","value":1,"ttl":0}`: "ttl:",
	} {
		bad := map[string]any{"status": number(400), "code": "invalid_request"}
		m := e.do("POST", "/records/batch", root, `{"operations":[`+item+`,{"op":"put","collection":"c","key":"good","value":1},`+item+`]}`).want(200)
		results := m["results"].([]any)
		require.Equal(t, []any{bad, bad}, []any{results[0], results[2]})
		require.Equal(t, "good", results[1].(map[string]any)["record"].(map[string]any)["key"])
		require.Equal(t, []any{bad}, e.do("POST", "/records/batch", root, `{"operations":[`+item+`]}`).want(200)["results"])
		d := e.do("POST", "/records/batch", root, `{"atomic":true,"operations":[{"op":"put","collection":"c","key":"x","value":1},`+item+`]}`).problem(400, "invalid_request")
		require.Contains(t, d, "operations[1]: ")
		require.Contains(t, d, detail)
	}
	e.do("GET", "/records/c/x", root, nil).want(200) // from before
	many := strings.Repeat(`{"op":"put","collection":"c","key":"k","value":1},`, 999) + `{"op":"put","collection":"c","key":"k","value":1}`
	require.Len(t, e.do("POST", "/records/batch", root, `{"operations":[`+many+`]}`).want(200)["results"], 1000)
	e.do("GET", "/records/batch", root, nil).want(200) // a collection like any other
}
