package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

func TestSignedDownload(t *testing.T) {
	e := newEnv(t)
	id := e.do("POST", "/objects/default?path=x.png&tier=user", root, []byte("hello"), "Content-Type", "image/png").want(201)["id"].(string)
	sign := "/objects/default/" + id + "/sign"
	m := e.do("POST", sign, caller("", "storage:read"), `{"expires_in":60}`).want(200)
	require.Len(t, m, 2)
	require.Equal(t, "2026-03-01T12:01:00.000000Z", m["expires_at"])
	link := m["url"].(string)
	require.True(t, strings.HasPrefix(link, e.base+"/objects/default/"+id+"?"))
	for _, method := range []string{"GET", "HEAD"} {
		a := e.do(method, link, "", nil)
		a.want(200)
		require.Equal(t, "no-referrer", a.header.Get("Referrer-Policy"))
		require.Equal(t, "private, no-cache", a.header.Get("Cache-Control"))
		require.True(t, strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment"))
	}
	require.Equal(t, "hello", string(e.do("GET", link, bob, nil).body), "a link holds whoever follows it")
	e.do("GET", link, "", nil, "Range", "bytes=0-0").want(206)
	e.do("GET", link, "Bearer nonsense", nil).problem(401, "unauthenticated")
	inline := e.do("POST", sign, root, `{"expires_in":60,"inline":true}`).want(200)["url"].(string)
	require.True(t, strings.HasPrefix(e.do("GET", inline, "", nil).header.Get("Content-Disposition"), "inline"))

	other := e.put("y", "other")
	u, _ := url.Parse(link)
	for _, bad := range []string{
		link + "&inline=1", link + "&x=y", link + "&x", link + "&tenant=acme", link + "&signature=x", link + ";", link + "&%zz",
		strings.Replace(link, "tenant=acme", "tenant=other", 1), strings.Replace(link, "expires=", "expires=1", 1), strings.Replace(link, "kid=k1", "kid=k2", 1),
		strings.Replace(link, id, other, 1), strings.Replace(link, "/default/", "/b2/", 1), strings.Replace(inline, "inline=1", "inline=2", 1),
		link[:len(link)-1], strings.Replace(link, "signature=", "SIGNATURE=", 1), strings.Split(link, "&signature=")[0], e.base + "/objects/default/" + id + "?signature=", e.base + "/objects/default/" + other + "?" + u.RawQuery,
	} {
		a := e.do("GET", bad, "", nil)
		a.problem(403, "permission_denied")
		require.Equal(t, "no-referrer", a.header.Get("Referrer-Policy"))
		if strings.Contains(bad, "signature=") {
			e.do("GET", bad, root, nil).problem(403, "permission_denied") // a link is a link
		}
	}
	e.do("PUT", link, "", []byte("x")).problem(405, "method_not_allowed")
	require.NotContains(t, e.log.String(), u.Query().Get("signature"))

	e.clock.add(time.Minute - 100*time.Millisecond)
	e.do("GET", link, "", nil).problem(403, "permission_denied")

	for body, code := range map[string]int{
		`{}`: 400, `{"expires_in":0}`: 400, `{"expires_in":604801}`: 400, `{"expires_in":"60"}`: 400, `{"expires_in":1.5}`: 400, `{"expires_in":604800}`: 200,
		`{"expires_in":60,"inline":"yes"}`: 400, `{"expires_in":60,"direct":true}`: 422, `{"expires_in":60,"direct":false,"inline":null}`: 200, `[]`: 400,
	} {
		require.Equal(t, code, e.do("POST", sign, root, body, "Content-Type", "application/json").status, body)
	}
	e.do("POST", sign, caller("", "storage:write"), `{"expires_in":60}`).problem(403, "permission_denied")
	e.do("POST", sign, bob, `{"expires_in":60}`).problem(404, "object_not_found")
	fresh := e.do("POST", sign, root, `{"expires_in":60}`).want(200)["url"].(string)
	e.do("DELETE", "/objects/"+id, root, nil).want(200)
	e.do("GET", fresh, "", nil).problem(404, "object_not_found")
}

func TestSignedUpload(t *testing.T) {
	e := newEnv(t)
	e.do("POST", "/buckets", root, `{"name":"in","allowed_types":["image/png"]}`).want(201)
	sign := func(body string) string {
		t.Helper()
		m := e.do("POST", "/objects/in/sign-upload", caller("crm", "storage:in:write"), body).want(200)
		require.Equal(t, "PUT", m["method"])
		return m["url"].(string)
	}
	m := e.do("POST", "/objects/in/sign-upload", caller("crm", "storage:in:write"), `{"path":"a/b.png","content_type":"image/png","max_size":10,"expires_in":60}`).want(200)
	require.Equal(t, map[string]any{"Content-Type": "image/png"}, m["headers"])
	link := m["url"].(string)
	for _, bad := range []string{
		strings.Replace(link, "b.png", "c.png", 1), strings.Replace(link, "max_size=10", "max_size=11", 1), strings.Replace(link, "image%2Fpng", "text%2Fhtml", 1),
		strings.Replace(link, "user=ann", "user=bob", 1), strings.Replace(link, "app=crm", "app=erp", 1), strings.Replace(link, "tenant=acme", "tenant=other", 1),
		strings.Replace(link, "once=", "once=X", 1), strings.Replace(link, "/objects/in", "/objects/default", 1), link + "&tier=user", link + "&replace=true", link + "&path=x",
		e.base + "/objects/in?signature=",
	} {
		e.do("PUT", bad, "", []byte("x")).problem(403, "permission_denied")
	}
	e.do("PUT", "/objects/in", "", []byte("x")).problem(401, "unauthenticated")
	e.do("PUT", "/objects/in", root, []byte("x")).problem(403, "permission_denied")
	e.do("GET", link, "", nil).problem(401, "unauthenticated")

	// A failed upload leaves the link good; a success uses it up.
	e.do("PUT", link, "", bytes.Repeat([]byte("x"), 11)).problem(413, "too_large")
	a := e.do("PUT", link, "", []byte("data"), "Content-Type", "text/html")
	m = a.want(201)
	require.Equal(t, "no-referrer", a.header.Get("Referrer-Policy"))
	for name, want := range map[string]any{"path": "a/b.png", "content_type": "image/png", "created_by": "ann", "tier": "private", "app_id": "crm", "bucket": "in"} {
		require.Equal(t, want, m[name])
	}
	require.Contains(t, e.do("PUT", link, "", []byte("data")).problem(403, "permission_denied"), "used")
	e.do("DELETE", "/objects/"+m["id"].(string), appRoot, nil).want(200)
	e.do("PUT", link, "", []byte("data")).problem(403, "permission_denied")

	link = sign(`{"path":"late","expires_in":60,"tier":"user"}`)
	e.do("PUT", link, "", []byte("text")).problem(422, "type_not_allowed")
	e.do("PUT", link, "", []byte("text"), "Content-Encoding", "gzip").problem(415, "unsupported_media_type")
	require.Equal(t, "user", e.do("PUT", link, "", []byte("x"), "Content-Type", "image/png").want(201)["tier"])
	link = sign(`{"path":"expired","expires_in":60}`)
	e.clock.add(time.Minute)
	e.do("PUT", link, "", []byte("x"), "Content-Type", "image/png").problem(403, "permission_denied")

	for body, want := range map[string]string{
		`{"expires_in":60}`: "400 invalid_path", `{"path":"../x","expires_in":60}`: "400 invalid_path", `{"path":7,"expires_in":60}`: "400 invalid_request",
		`{"path":"x"}`: "400 invalid_request", `{"path":"x","expires_in":60,"max_size":0}`: "400 invalid_request",
		`{"path":"x","expires_in":60,"content_type":"nonsense"}`: "400 invalid_request", `{"path":"x","expires_in":60,"content_type":"a/b/c"}`: "400 invalid_request",
		`{"path":"x","expires_in":60,"content_type":"text/html"}`: "422 type_not_allowed", `{"path":"x","expires_in":60,"tier":"none"}`: "400 invalid_request",
		`{"path":"x","expires_in":60,"direct":true}`: "422 invalid_request", `{"path":"late","tier":"user","expires_in":60}`: "409 object_exists",
	} {
		a := e.do("POST", "/objects/in/sign-upload", root, body)
		require.Equal(t, want, fmt.Sprint(a.status, " ", a.want(a.status)["code"]), body)
	}
	e.do("POST", "/objects/none/sign-upload", root, `{"path":"x","expires_in":60}`).problem(404, "bucket_not_found")
	e.do("POST", "/objects/in/sign-upload", caller("", "storage:default:write"), `{"path":"x","expires_in":60}`).problem(403, "permission_denied")
}

// One of many who follow an upload link at once wins.
func TestSignedUploadIsOnce(t *testing.T) {
	e := newEnv(t)
	link := e.do("POST", "/objects/default/sign-upload", root, `{"path":"x","expires_in":60}`).want(200)["url"].(string)
	results := make(chan int, 20)
	for range 20 {
		go func() {
			req, _ := http.NewRequest("PUT", link, strings.NewReader("x"))
			resp, err := noRedirect.Do(req)
			if err != nil {
				results <- 0
				return
			}
			resp.Body.Close()
			results <- resp.StatusCode
		}()
	}
	count := map[int]int{}
	for range 20 {
		count[<-results]++
	}
	require.Equal(t, map[int]int{201: 1, 403: 19}, count)
}

func TestLinksWithoutKeys(t *testing.T) {
	e := newEnv(t, func(s *setup) { s.opts.SigningKeys = nil })
	id := e.put("x", "y")
	e.do("POST", "/objects/default/"+id+"/sign", root, `{"expires_in":60}`).problem(404, "not_found")
	e.do("POST", "/objects/default/sign-upload", root, `{"path":"z","expires_in":60}`).problem(405, "method_not_allowed")
	e.do("PUT", "/objects/default?signature=x", root, []byte("x")).problem(405, "method_not_allowed")
	e.do("GET", "/objects/default/"+id+"?signature=x", root, nil).problem(403, "permission_denied")
}

// linking is a blob store that makes links, and keeps nothing.
type linking struct{ holdall.Blobs }

func (linking) PresignGet(_ context.Context, key string, _ holdall.PresignedDownload) (string, error) {
	return "https://store/" + key, nil
}

func (linking) PresignPut(_ context.Context, key string, _ holdall.PresignedUpload) (holdall.PresignedRequest, error) {
	return holdall.PresignedRequest{Method: "POST", URL: "https://store/" + key}, nil
}

func (linking) StatBlob(context.Context, string) (int64, string, error) {
	return 0, "", holdall.ErrUnavailable
}

// Links to the blob store need no key of this server, and are the only ones then.
func TestDirectLinksWithoutKeys(t *testing.T) {
	e := newEnv(t, func(s *setup) { s.opts.SigningKeys, s.cfg.Blobs = nil, linking{s.cfg.Blobs} })
	id := e.put("x", "y")
	require.Contains(t, e.do("POST", "/objects/default/"+id+"/sign", root, `{"expires_in":60,"direct":true}`).want(200)["url"], "https://store/")
	upload := e.do("POST", "/objects/default/sign-upload", root, `{"path":"z","expires_in":60,"direct":true}`).want(200)
	e.do("POST", "/objects/default/"+upload["id"].(string)+"/complete", root, nil).problem(503, "unavailable")
	e.do("POST", "/objects/default/"+id+"/sign", root, `{"expires_in":60}`).problem(422, "invalid_request")
	e.do("POST", "/objects/default/sign-upload", root, `{"path":"z","expires_in":60}`).problem(422, "invalid_request")
	e.do("PUT", "/objects/default?signature=x", root, []byte("x")).problem(405, "method_not_allowed")
}

func TestKeyRotation(t *testing.T) {
	old, fresh := SigningKey{"old", bytes.Repeat([]byte("o"), 32)}, SigningKey{"new", bytes.Repeat([]byte("n"), 32)}
	e := newEnv(t, func(s *setup) { s.opts.SigningKeys = []SigningKey{old} })
	id := e.put("x", "y")
	link := e.do("POST", "/objects/default/"+id+"/sign", root, `{"expires_in":60}`).want(200)["url"].(string)
	serve := func(keys ...SigningKey) int {
		h, err := New(e.store, testAuth{}, &Options{SigningKeys: keys, Now: e.clock.Now})
		require.NoError(t, err)
		e.handler = h
		s := newServer(e)
		defer s.Close()
		return e.do("GET", strings.Replace(link, e.server.URL, s.URL, 1), "", nil).status
	}
	require.Equal(t, 200, serve(fresh, old))
	require.Equal(t, 403, serve(fresh))
}
