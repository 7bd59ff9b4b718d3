package contract

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

// linking is a blob store that makes links: they say what they are good for,
// and the tests follow them with PutBlob.
type linking struct{ *memory.Backend }

func (l linking) PresignGet(_ context.Context, key string, d holdall.PresignedDownload) (string, error) {
	return strings.Join([]string{"get", key, d.Lifetime.String(), d.Type, d.Disposition}, "|"), nil
}

func (l linking) PresignPut(_ context.Context, key string, u holdall.PresignedUpload) (holdall.PresignedRequest, error) {
	if u.Checksum == "" {
		return holdall.PresignedRequest{Method: http.MethodPost, URL: key, Fields: map[string]string{"Content-Type": u.Type}}, nil
	}
	return holdall.PresignedRequest{Method: http.MethodPut, URL: key, Header: map[string]string{"Content-Type": u.Type}}, nil
}

func (l linking) StatBlob(ctx context.Context, key string) (int64, string, error) {
	r, err := l.OpenBlob(ctx, key, 0, -1)
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	return n, "", err
}

// directServer is a server whose blob store makes links.
type directServer struct {
	*server
	blobs linking
}

func newDirectServer(s *server) *directServer {
	b := memory.New()
	return &directServer{s.over(s.t, holdall.Backends{Catalog: b, Blobs: linking{b}}), linking{b}}
}

// directLink is the answer to sign-upload.
type directLink struct {
	URL, Method     string
	Headers, Fields map[string]string
	ID              string
	ExpiresAt       time.Time `json:"expires_at"`
}

// sign asks for a direct upload to the bucket direct.
func (d *directServer) sign(c caller, path, more string) (l directLink) {
	d.t.Helper()
	a := d.do("POST", "/storage/objects/direct/sign-upload", as(c), js(`{"direct":true,"expires_in":60,"path":"`+path+`",`+more+`}`)).must(200)
	if err := json.Unmarshal(a.body, &l); err != nil {
		d.t.Fatal(err)
	}
	return l
}

// send does what the blob store does when a client follows the link.
func (d *directServer) send(l directLink, text string) {
	d.t.Helper()
	err := d.blobs.DeleteBlob(d.t.Context(), l.URL)
	_, putErr := d.blobs.PutBlob(d.t.Context(), l.URL, strings.NewReader(text), -1)
	if err := errors.Join(err, putErr); err != nil {
		d.t.Fatal(err)
	}
}

func (d *directServer) complete(c caller, l directLink) answer {
	d.t.Helper()
	return d.do("POST", "/storage/objects/direct/"+l.ID+"/complete", as(c))
}

func TestDirectUpload(t *testing.T) {
	d := newDirectServer(newServer(t))
	d.bucket(`{"name":"direct","max_file_size":20,"allowed_types":["text/*"]}`)
	writer := with("storage:direct:write")
	for i, more := range []string{`"size":5,"checksum":"` + strings.ToUpper(sum("hello")) + `"`, `"max_size":5`} {
		method := []string{"PUT", "POST"}[i]
		l := d.sign(writer, method, more+`,"content_type":"text/csv"`)
		if l.Method != method || (l.Headers == nil) == (l.Fields == nil) || !l.ExpiresAt.Equal(startOfTime.Truncate(time.Second).Add(time.Minute)) {
			t.Errorf("%s: %+v", method, l)
		}
		if l.Headers["Content-Type"]+l.Fields["Content-Type"] != "text/csv" {
			t.Errorf("%s: %+v", method, l)
		}
		d.send(l, "hello")
		d.do("GET", "/storage/objects/direct", as(ann)).want(200).has("total", "0")
		d.do("GET", "/storage/objects/direct/"+l.ID, as(ann)).code(404, "object_not_found")
		first := d.complete(writer, l).want(201).has("id", l.ID).has("path", method).has("size", "5").has("checksum", sum("hello")).
			has("content_type", "text/csv").has("created_by", "eve").hasHeader("Etag", etag("hello"))
		d.complete(writer, l).want(201).text(string(first.body))
		d.server.send(t, "GET", first.header.Get("Location"), as(ann)).want(200).text("hello")
		d.do("DELETE", "/storage/objects/"+l.ID, as(ann)).must(200)
		d.complete(writer, l).code(404, "object_not_found")
	}
}

func TestDirectUploadRefusals(t *testing.T) {
	d := newDirectServer(newServer(t))
	d.bucket(`{"name":"direct","max_file_size":20,"allowed_types":["text/*"]}`)
	sign := func(c caller, more string) answer {
		return d.do("POST", "/storage/objects/direct/sign-upload", as(c), js(`{"direct":true,"path":"p.txt",`+more+`}`))
	}
	hello := `"checksum":"` + sum("hello") + `"`
	for _, more := range []string{`"expires_in":0`, `"expires_in":604801`, `"expires_in":60,"size":5`, `"expires_in":60,` + hello, `"expires_in":60,"size":0,` + hello,
		`"expires_in":60,"size":-1,` + hello, `"expires_in":60,"size":"5",` + hello, `"expires_in":60,"size":5,"checksum":"x"`, `"expires_in":60,"size":5,"checksum":7`,
		`"expires_in":60,"max_size":0`, `"expires_in":60,"content_type":"nonsense"`} {
		sign(ann, more).code(400, "invalid_request")
	}
	d.do("POST", "/storage/objects/direct/sign-upload", as(ann), js(`{"direct":"yes","path":"p.txt","expires_in":60}`)).code(400, "invalid_request")
	sign(ann, `"expires_in":60,"size":21,`+hello).code(413, "too_large")
	sign(ann, `"expires_in":60,"size":5,"max_size":4,`+hello).code(413, "too_large")
	sign(ann, `"expires_in":60,"content_type":"image/png"`).code(422, "type_not_allowed")
	sign(with("storage:direct:read"), `"expires_in":60`).code(403, "permission_denied")
	d.uploadID(ann, "direct", "p.txt", "x")
	sign(ann, `"expires_in":60`).code(409, "object_exists")

	l := d.sign(ann, "q.txt", `"size":5,`+hello)
	d.send(l, "hullo")
	d.complete(ann, l).code(400, "checksum_mismatch")
	d.send(l, "hell")
	d.complete(ann, l).code(400, "invalid_request")
	l = d.sign(ann, "q.txt", `"max_size":5`)
	d.send(l, "hello!")
	d.complete(ann, l).code(413, "too_large")
	for _, c := range []caller{bob, rival} {
		d.complete(c, l).sameAs(d.complete(c, directLink{ID: randomObject}))
	}
	d.do("POST", "/storage/objects/default/"+l.ID+"/complete", as(ann)).code(404, "object_not_found")
	d.do("POST", "/storage/objects/direct/"+l.ID+"/complete").code(401, "unauthenticated")
	d.advance(48 * time.Hour)
	d.send(l, "hello") // after the link's end, which the blob store would refuse
	d.complete(ann, l).want(201)
}

// What the blob store answers cannot run script either.
func TestDirectDownload(t *testing.T) {
	d := newDirectServer(newServer(t))
	for contentType, inline := range map[string]string{"image/png": "inline", "text/html": "attachment", "image/svg+xml": "attachment"} {
		id := d.do("POST", "/storage/objects/default?replace=true&path=a", as(ann), body(contentType, "x")).must(201).get("id")
		for asked, want := range map[string]string{"true": inline, "false": "attachment"} {
			a := d.do("POST", "/storage/objects/default/"+id+"/sign", as(with("storage:read")), js(`{"direct":true,"expires_in":60,"inline":`+asked+`}`)).must(200).
				has("expires_at", "2026-03-01T12:01:00.000000Z")
			if link := strings.Split(a.get("url"), "|"); link[2] != "1m0s" || link[3] != contentType || !strings.HasPrefix(link[4], want+`; filename="a"`) {
				t.Errorf("inline %s of %s: %s", asked, contentType, link)
			}
		}
		d.do("POST", "/storage/objects/default/"+id+"/sign", as(with("storage:write")), js(`{"direct":true,"expires_in":60}`)).code(403, "permission_denied")
		d.do("POST", "/storage/objects/default/"+randomObject+"/sign", as(ann), js(`{"direct":true,"expires_in":60}`)).code(404, "object_not_found")
	}
}
