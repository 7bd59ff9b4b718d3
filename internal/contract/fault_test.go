package contract

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

// over starts another server, over other backends, whose answers count too.
func (s *server) over(t *testing.T, b holdall.Backends) *server {
	o := startServer(t, func(o *server) http.Handler { return newHandler(t, o.clock, &b) })
	o.seen = s.seen
	return o
}

// plain hides what a catalog can do besides.
type plain struct{ holdall.Catalog }

// walkFaults calls every operation over a catalog that fails.
func (s *server) walkFaults(t *testing.T, status string, fault error) {
	down := s.over(t, holdall.Backends{Catalog: broken{fault}, Blobs: memory.New()})
	want, _ := strconv.Atoi(status)
	bodies := map[string]option{
		"createBucket": js(`{"name":"b"}`), "updateBucket": js(`{}`), "deleteObjects": js(`{"ids":["` + randomObject + `"]}`),
		"signUpload": js(`{"path":"p","expires_in":60}`), "signDownload": js(`{"expires_in":60}`), "updateObject": js(`{"path":"p"}`), "copyObject": js(`{"path":"p"}`),
		"putRecord": js(`{"value":1}`), "putRecordByBody": js(`{"collection":"c","key":"k","value":1}`), "patchRecord": body(mergePatch, `{}`),
		"batchRecords":    js(`{"atomic":true,"operations":[{"op":"delete","collection":"c","key":"k"}]}`),
		"uploadToDefault": body("text/plain", "x"), "upload": body("text/plain", "x"), "uploadAppFile": body("text/plain", "x"),
	}
	everyOperation(down, func(op, method, target string, _ ...option) {
		switch op {
		case "openapi", "redeemUpload": // needs no backend; needs a link
			return
		case "health":
			down.do(method, target).want(503)
			return
		case "deleteObjectById":
			target = "/storage/objects/" + randomObject
		case "deleteRecordById":
			target = "/storage/records/" + randomRecord
		case "uploadToDefault", "upload", "uploadAppFile":
			target += "?path=p"
		}
		opts := []option{as(appA)}
		if b := bodies[op]; b != nil {
			opts = append(opts, b)
		}
		down.do(method, target, opts...).want(want)
	})
	link := s.signUpload(ann, "default", `{"path":"fault","expires_in":60}`)
	link.URL = strings.Replace(link.URL, s.url.Host, down.url.Host, 1)
	down.use(link, "x").want(want)
}

// broken is a catalog in which everything fails.
type broken struct{ err error }

func (b broken) Ping(context.Context) error { return b.err }
func (b broken) Put(context.Context, holdall.Entry, holdall.Condition) (holdall.Entry, error) {
	return holdall.Entry{}, b.err
}
func (b broken) Get(context.Context, holdall.Ref) (holdall.Entry, error) {
	return holdall.Entry{}, b.err
}
func (b broken) Query(context.Context, holdall.Query) (holdall.Page, error) {
	return holdall.Page{}, b.err
}
func (b broken) Count(context.Context, holdall.Query) (int64, error) { return 0, b.err }
func (b broken) Remove(context.Context, string, string, int64) error { return b.err }
func (b broken) Scan(context.Context, holdall.Scan) ([]holdall.Entry, error) {
	return nil, b.err
}
func (b broken) InTx(ctx context.Context, fn func(context.Context, holdall.Catalog) error) error {
	return fn(ctx, b)
}
