package contract

import (
	"fmt"
	"strings"
	"testing"
)

func (s *server) batch(c caller, text string) answer {
	s.t.Helper()
	return s.do("POST", "/storage/records/batch", as(c), js(text))
}

// outcomes is what became of each operation: its status, and its code or the
// record's version.
func (a answer) outcomes() string {
	a.t.Helper()
	results, ok := a.json()["results"].([]any)
	if a.status != 200 || !ok {
		a.t.Errorf("%s: %d %s", a.what, a.status, shorten(string(a.body)))
	}
	var out []string
	for _, r := range results {
		m, _ := r.(map[string]any)
		text := fmt.Sprint(m["status"])
		if code, ok := m["code"]; ok {
			text += fmt.Sprint(" ", code)
		} else if rec, ok := m["record"].(map[string]any); ok {
			text += fmt.Sprint(" v", rec["version"])
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func (a answer) became(want string) answer {
	a.t.Helper()
	if got := a.outcomes(); got != want {
		a.t.Errorf("%s: %s, want %s", a.what, got, want)
	}
	return a
}

func TestBatch(t *testing.T) {
	s := newServer(t)
	s.put(ann, "c", "old", `"value":1`).must(201)
	s.batch(ann, `{"operations":[
		{"op":"put","collection":"c","key":"new","value":{"a":1}},
		{"op":"put","collection":"c","key":"old","value":2},
		{"op":"put","collection":"c","key":"new","value":2,"ttl":60},
		{"op":"delete","collection":"c","key":"old"},
		{"op":"delete","collection":"c","key":"old"},
		{"op":"put","collection":"c","key":"u","value":1,"tier":"user"},
		{"op":"put","collection":"c","key":"p","value":1,"tier":"private"},
		{"op":"put","collection":"c d","key":"x","value":1},
		{"op":"put","collection":"c","key":"","value":1},
		{"op":"put","collection":"c","key":"n","value":null}
	]}`).became("201 v1, 200 v2, 200 v2, 200 v3, 404 record_not_found, 201 v1, 400 tier_needs_app, 400 invalid_name, 400 invalid_name, 201 v1")
	s.do("GET", "/storage/records/c", as(ann)).lists("key", "n new u")
}

// "per item": each operation needs its own permission.
func TestBatchIsAuthorisedItemByItem(t *testing.T) {
	s := newServer(t)
	s.put(ann, "b", "k", `"value":1`).must(201)
	c := with("storage:records:a:write", "storage:records:b:delete")
	s.batch(c, `{"operations":[
		{"op":"put","collection":"a","key":"k","value":1},
		{"op":"put","collection":"b","key":"k","value":1},
		{"op":"delete","collection":"a","key":"k"},
		{"op":"delete","collection":"b","key":"k"},
		{"op":"delete","collection":"c","key":"k"}
	]}`).became("201 v1, 403 permission_denied, 403 permission_denied, 200 v2, 403 permission_denied")
	s.batch(caller{tenant: "acme", user: "eve"}, `{"operations":[{"op":"put","collection":"a","key":"k","value":1}]}`)
	s.do("GET", "/storage/records/a", as(ann)).lists("key", "k").lists("version", "1")
}

func TestBatchesThatAreWrong(t *testing.T) {
	s := newServer(t)
	op := `{"op":"put","collection":"c","key":"k","value":1}`
	for _, text := range []string{`{}`, `{"operations":null}`, `{"operations":[]}`, `{"operations":{}}`, `[]`, `{"operations":[1]}`, `{"operations":[null]}`,
		`{"operations":[` + strings.Repeat(op+",", 1000) + op + `]}`, `{"operations":[` + op + `],"atomic":"yes"}`} {
		s.batch(ann, text).code(400, "invalid_request")
	}
	for _, text := range []string{`{`, `{"operations":[` + op + `],"operations":[]}`, `{"operations":[{"op":"put","collection":"c","key":"k","value":1e999}]}`} {
		s.batch(ann, text).code(400, "invalid_json")
	}
	for _, item := range []string{`{"op":"patch","collection":"c","key":"k","value":1}`, `{"op":"PUT","collection":"c","key":"k","value":1}`, `{"collection":"c","key":"k","value":1}`, `{"op":"put","collection":"c","key":"k"}`, `{"op":"put","collection":"c","key":"k","value":1,"ttl":0}`} {
		a := s.batch(ann, `{"operations":[`+item+`]}`) // refused as a whole or by itself
		if a.status == 200 {
			a.became("400 invalid_request")
		} else {
			a.code(400, "invalid_request")
		}
	}
	s.do("GET", "/storage/records/c", as(ann)).lists("key", "")
	a := s.batch(ann, `{"operations":[`+strings.Repeat(op+",", 999)+op+`]}`).must(200)
	if n := strings.Count(a.outcomes(), "200 v"); n != 999 {
		t.Errorf("%d of 1000 puts of one key replaced", n)
	}
}

// "atomic: all or none (409/412 names the item)".
func TestAtomicBatch(t *testing.T) {
	if !transactions() {
		t.Skip("the server has no transactions")
	}
	s := newServer(t)
	s.put(ann, "c", "old", `"value":1`).must(201)
	s.batch(ann, `{"atomic":true,"operations":[{"op":"put","collection":"c","key":"a","value":1},{"op":"delete","collection":"c","key":"old"}]}`).became("201 v1, 200 v2")
	refused := func(status int, index, more string) {
		t.Helper()
		a := s.batch(ann, `{"atomic":true,"operations":[{"op":"put","collection":"c","key":"b","value":1},{"op":"put","collection":"c","key":"a","value":2},`+more+`]}`).want(status)
		if !strings.Contains(a.get("detail"), index) {
			t.Errorf("the detail does not name the item: %s", a.body)
		}
		s.do("GET", "/storage/records/c", as(ann)).lists("key", "a").lists("version", "1")
	}
	refused(404, "2", `{"op":"delete","collection":"c","key":"none"}`)
	refused(400, "2", `{"op":"put","collection":"c d","key":"x","value":1}`)
	refused(400, "3", `{"op":"put","collection":"c","key":"y","value":1},{"op":"put","collection":"c","key":"x","value":1,"tier":"private"}`)
	c := with("storage:records:c:write")
	a := s.batch(c, `{"atomic":true,"operations":[{"op":"put","collection":"c","key":"b","value":1},{"op":"put","collection":"d","key":"b","value":1}]}`).want(403)
	if !strings.Contains(a.get("detail"), "1") {
		t.Errorf("the detail does not name the item: %s", a.body)
	}
	s.do("GET", "/storage/records/c", as(ann)).lists("key", "a")
}

// Conditions in a batch are spelled as the members of the description say.
func TestBatchConditions(t *testing.T) {
	s := newServer(t)
	s.put(ann, "c", "k", `"value":1`).must(201)
	s.batch(ann, `{"operations":[
		{"op":"put","collection":"c","key":"k","value":2,"if_none_match":"*"},
		{"op":"put","collection":"c","key":"n","value":2,"if_none_match":"*"},
		{"op":"put","collection":"c","key":"k","value":2,"if_match":"\"v7\""},
		{"op":"put","collection":"c","key":"k","value":2,"if_match":"\"v1\""},
		{"op":"delete","collection":"c","key":"k","if_match":"\"v1\""},
		{"op":"delete","collection":"c","key":"k","if_match":"\"v2\""}
	]}`).became("412 precondition_failed, 201 v1, 412 precondition_failed, 200 v2, 412 precondition_failed, 200 v3")
	if !transactions() {
		return
	}
	a := s.batch(ann, `{"atomic":true,"operations":[{"op":"put","collection":"c","key":"z","value":1},{"op":"put","collection":"c","key":"n","value":1,"if_match":"\"v9\""}]}`)
	a.code(412, "precondition_failed")
	if !strings.Contains(a.get("detail"), "1") {
		t.Errorf("the detail does not name the item: %s", a.body)
	}
	s.do("GET", "/storage/records/c", as(ann)).lists("key", "n")
}
