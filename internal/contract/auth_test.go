package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func bearer(tok string) option {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+tok) }
}

func TestClaims(t *testing.T) {
	s := newServer(t)
	exp := fmt.Sprint(startOfTime.Add(time.Hour).Unix())
	at := func(d time.Duration) string { return fmt.Sprint(startOfTime.Add(d).Unix()) }
	good := `"sub":"ann","tenant_id":"acme","permissions":["storage:read"],"exp":` + exp
	long := strings.Repeat("x", 128)
	for _, c := range []struct {
		name, payload string
		ok            bool
	}{
		{"all there", good, true},
		{"no sub", strings.Replace(good, `"sub":"ann",`, "", 1), false},
		{"empty sub", strings.Replace(good, `"ann"`, `""`, 1), false},
		{"sub a number", strings.Replace(good, `"ann"`, `7`, 1), false},
		{"sub null", strings.Replace(good, `"ann"`, `null`, 1), false},
		{"sub of 128", strings.Replace(good, `"ann"`, `"`+long+`"`, 1), true},
		{"sub of 129", strings.Replace(good, `"ann"`, `"`+long+`x"`, 1), false},
		{"no tenant_id", strings.Replace(good, `"tenant_id":"acme",`, "", 1), false},
		{"empty tenant_id", strings.Replace(good, `"acme"`, `""`, 1), false},
		{"tenant_id a list", strings.Replace(good, `"acme"`, `["acme"]`, 1), false},
		{"tenant_id in capitals only", strings.Replace(good, `tenant_id`, `TENANT_ID`, 1), false},
		{"tenant_id of 128", strings.Replace(good, `"acme"`, `"`+long+`"`, 1), true},
		{"tenant_id of 128 two-byte characters", strings.Replace(good, `"acme"`, `"`+strings.Repeat("é", 128)+`"`, 1), true},
		{"tenant_id of 129", strings.Replace(good, `"acme"`, `"`+long+`x"`, 1), false},
		{"tenant_id twice", good + `,"tenant_id":"rival"`, false},
		{"app_id", good + `,"app_id":"a"`, true},
		{"empty app_id", good + `,"app_id":""`, false},
		{"app_id a number", good + `,"app_id":1`, false},
		{"app_id null", good + `,"app_id":null`, false},
		{"app_id of 129", good + `,"app_id":"` + long + `x"`, false},
		{"permissions a string", strings.Replace(good, `["storage:read"]`, `"storage:read"`, 1), false},
		{"permissions of numbers", strings.Replace(good, `["storage:read"]`, `["storage:read",1]`, 1), false},
		{"roles a string", good + `,"roles":"reader"`, false},
		{"roles", good + `,"roles":["nobody-knows"]`, true},
		{"no exp", strings.Replace(good, `,"exp":`+exp, "", 1), false},
		{"exp a string", strings.Replace(good, exp, `"`+exp+`"`, 1), false},
		{"expired 29 s ago", strings.Replace(good, exp, at(-29*time.Second), 1), true},
		{"expired 31 s ago", strings.Replace(good, exp, at(-31*time.Second), 1), false},
		{"not before in 29 s", good + `,"nbf":` + at(29*time.Second), true},
		{"not before in 32 s", good + `,"nbf":` + at(32*time.Second), false},
		{"not JSON", `nothing`, false},
	} {
		s.sub(c.name, func(s *server) {
			a := s.do("GET", "/storage/buckets", bearer(token(hs256, "{"+c.payload+"}")))
			if c.ok {
				a.want(200)
			} else {
				a.code(401, "unauthenticated")
			}
		})
	}
}

func TestClaimsInOtherLetterCaseDoNotOverride(t *testing.T) {
	s := newServer(t)
	s.put(rival, "c", "k", `"value":1`).must(201)
	payload, _ := json.Marshal(root.claims(startOfTime))
	for _, more := range []string{`"TENANT_ID":"rival"`, `"Tenant_Id":"rival"`, `"tenant\u005fID":"rival"`} {
		both := strings.TrimSuffix(string(payload), "}") + "," + more + "}"
		s.do("GET", "/storage/records/c", bearer(token(hs256, both))).lists("key", "")
	}
}

func TestTokensThatAreNotValid(t *testing.T) {
	s := newServer(t)
	payload, _ := json.Marshal(root.claims(startOfTime))
	good := token(hs256, string(payload))
	s.do("GET", "/storage/buckets", bearer(good)).must(200)
	parts := strings.Split(good, ".")
	for name, authorization := range map[string]string{
		"empty":            "",
		"Bearer alone":     "Bearer",
		"Bearer and space": "Bearer ",
		"another scheme":   "Basic cm9vdDpyb290",
		"token alone":      good,
		"alg none":         "Bearer " + token(`{"alg":"none"}`, string(payload)),
		"no signature":     "Bearer " + parts[0] + "." + parts[1] + ".",
		"alg in the token": "Bearer " + token(`{"alg":"HS512"}`, string(payload)),
		"unknown crit":     "Bearer " + token(`{"alg":"HS256","crit":["x"],"x":1}`, string(payload)),
		"padded":           "Bearer " + good + "=",
		"another byte":     "Bearer " + parts[0] + "." + parts[1] + "A." + parts[2],
		"over 8 KiB":       "Bearer " + token(hs256, strings.TrimSuffix(string(payload), "}")+`,"x":"`+strings.Repeat("x", 9000)+`"}`),
		"two tokens":       "Bearer " + good + " " + good,
	} {
		s.sub(name, func(s *server) {
			s.do("GET", "/storage/buckets", header("Authorization", authorization)).code(401, "unauthenticated")
		})
	}
	s.do("GET", "/storage/buckets", header("Authorization", "Bearer "+good), header("Authorization", "Bearer "+good)).want(401)
	s.do("GET", "/storage/buckets", header("Authorization", "bearer "+good)).want(200) // RFC 9110, section 11.1
}

// everyOperation calls every operation with a token, without looking at what
// becomes of it.
func everyOperation(s *server, call func(operation, method, target string, more ...option)) {
	for _, r := range s.spec.routes {
		target := strings.NewReplacer("{name}", "b", "{bucket}", "open", "{target}", "open", "{id}", randomObject,
			"{path}", "a.txt", "{appId}", "app-a", "{collection}", "c", "{key}", "k").Replace(r.template)
		for method, op := range r.item.Operations() {
			var more []option
			switch {
			case method == "PATCH" && strings.Contains(target, "/records/"):
				more = append(more, body("application/merge-patch+json", "{}"))
			case method == "POST" || method == "PUT" || method == "PATCH":
				more = append(more, js("{}"))
			}
			call(op.OperationID, method, target, more...)
		}
	}
}

// "An invalid token is 401 on every route, public bytes included; only a
// request without one is anonymous."
func TestInvalidTokenIs401OnEveryRoute(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"open","public":true}`)
	id := s.uploadID(root, "open", "a.txt", "hello")
	everyOperation(s, func(op, method, target string, more ...option) {
		s.sub(op, func(s *server) {
			a := s.do(method, target, append(more, bearer("rubbish"))...)
			if op == "health" || op == "openapi" { // open to everyone: either answer is sound
				return
			}
			a.want(401)
		})
	})
	for _, target := range []string{"/storage/objects/open/" + id, "/storage/files/open/a.txt"} {
		s.do("GET", target).want(200)
		s.do("GET", target, bearer("rubbish")).code(401, "unauthenticated")
	}
}

// Only the two routes of bytes, health and the description answer anonymously.
func TestAnonymousCallersAre401(t *testing.T) {
	s := newServer(t)
	s.bucket(`{"name":"open","public":true}`)
	s.uploadID(root, "open", "a.txt", "hello")
	open := map[string]bool{"health": true, "openapi": true, "download": true, "downloadHead": true, "downloadByPath": true, "downloadByPathHead": true}
	everyOperation(s, func(op, method, target string, more ...option) {
		if !open[op] {
			s.sub(op, func(s *server) { s.do(method, target, more...).want(401) })
		}
	})
}

// The order of the answers: 401, then 403, then 404.
func TestOrderOfAnswers(t *testing.T) {
	s := newServer(t)
	nobody := with("storage:elsewhere:read")
	for _, c := range []struct {
		method, there, absent string
		more                  []option
	}{
		{"GET", "/storage/buckets/default", "/storage/buckets/nowhere", nil},
		{"PATCH", "/storage/buckets/default", "/storage/buckets/nowhere", []option{js(`{"public":false}`)}},
		{"DELETE", "/storage/buckets/default", "/storage/buckets/nowhere", nil},
		{"POST", "/storage/buckets/default/empty", "/storage/buckets/nowhere/empty", nil},
		{"GET", "/storage/objects/default", "/storage/objects/nowhere", nil},
		{"GET", "/storage/objects/default/THERE", "/storage/objects/default/ABSENT", nil},
		{"HEAD", "/storage/objects/default/THERE", "/storage/objects/default/ABSENT", nil},
		{"GET", "/storage/files/default/there", "/storage/files/default/absent", nil},
		{"PATCH", "/storage/objects/default/THERE", "/storage/objects/default/ABSENT", []option{js(`{"path":"x"}`)}},
		{"DELETE", "/storage/objects/default/THERE", "/storage/objects/default/ABSENT", nil},
		{"POST", "/storage/objects/default/THERE/copy", "/storage/objects/default/ABSENT/copy", []option{js(`{"path":"x"}`)}},
		{"POST", "/storage/objects/default/THERE/restore", "/storage/objects/default/ABSENT/restore", nil},
		{"POST", "/storage/objects/default/THERE/sign", "/storage/objects/default/ABSENT/sign", []option{js(`{"expires_in":60}`)}},
		{"POST", "/storage/objects/default/sign-upload", "/storage/objects/nowhere/sign-upload", []option{js(`{"path":"x","expires_in":60}`)}},
		{"POST", "/storage/objects/default?path=there", "/storage/objects/nowhere?path=there", []option{body("text/plain", "x")}},
		{"POST", "/storage/objects/default/delete", "/storage/objects/nowhere/delete", []option{js(`{"ids":["` + randomObject + `"]}`)}},
		{"GET", "/storage/records/c/there", "/storage/records/c/absent", nil},
		{"PUT", "/storage/records/c/there", "/storage/records/c/absent", []option{js(`{"value":1}`)}},
		{"PATCH", "/storage/records/c/there", "/storage/records/c/absent", []option{body("application/merge-patch+json", "{}")}},
		{"DELETE", "/storage/records/c/there", "/storage/records/c/absent", nil},
	} {
		s.sub(c.method+" "+c.there, func(s *server) {
			id := s.upload(root, "default", "there", "x")
			s.put(root, "c", "there", `"value":1`)
			if id.status == 409 {
				id = s.do("GET", "/storage/objects/default?prefix=there", as(root)).must(200)
			}
			there := strings.Replace(c.there, "THERE", idPattern.FindString(string(id.body)), 1)
			absent := strings.Replace(c.absent, "ABSENT", randomObject, 1)
			s.do(c.method, there, c.more...).want(401).sameAs(s.do(c.method, absent, c.more...))
			a := s.do(c.method, there, append(c.more, as(nobody))...)
			if c.method != "HEAD" {
				a.code(403, "permission_denied")
			}
			b := s.do(c.method, absent, append(c.more, as(nobody))...)
			a.want(403)
			if strings.Contains(c.absent, "nowhere") { // the detail names the bucket
				b.want(403)
			} else {
				a.sameAs(b)
			}
		})
	}
}
