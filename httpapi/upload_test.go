package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

func sumOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestRawUpload(t *testing.T) {
	e := newEnv(t)
	a := e.do("POST", "/objects?path=a/b.csv&tier=user&source=crm&source_type=frontend&checksum="+strings.ToUpper(sumOf("x,y"))+"&metadata="+url.QueryEscape(`{"k":"v"}`)+
		"&created_by=mallory&tenant_id=other&size=9", root, []byte("x,y"))
	m := a.want(201)
	require.Equal(t, `"`+sumOf("x,y")+`"`, a.header.Get("ETag"))
	require.Equal(t, "/api/v1/storage/objects/default/"+m["id"].(string), a.header.Get("Location"))
	for name, want := range map[string]any{
		"bucket": "default", "path": "a/b.csv", "name": "b.csv", "tier": "user", "user_id": "ann", "app_id": nil, "source": "crm", "source_type": "frontend",
		"checksum": sumOf("x,y"), "metadata": map[string]any{"k": "v"}, "created_by": "ann", "tenant_id": "acme", "content_type": "text/csv; charset=utf-8",
	} {
		require.Equal(t, want, m[name], name)
	}
	e.do("POST", "/buckets", root, `{"name":"b2"}`).want(201)
	require.Equal(t, "b2", e.do("POST", "/objects?path=x&bucket=b2", root, []byte("")).want(201)["bucket"])
	e.do("POST", "/objects/b2?path=y&bucket=default", root, []byte("")).problem(400, "invalid_request")
	require.Equal(t, "image/png", e.do("POST", "/objects/b2?path=z", root, []byte("x"), "Content-Type", "IMAGE/PNG").want(201)["content_type"])
	require.Equal(t, "multipart/mixed; boundary=x", e.do("POST", "/objects/b2?path=mixed", root, []byte("--x--"), "Content-Type", "multipart/mixed; boundary=x").want(201)["content_type"])
	require.Equal(t, number(5), e.do("POST", "/objects/b2?path=chunked", root, io.MultiReader(strings.NewReader("12345"))).want(201)["size"])

	for query, code := range map[string]string{
		"": "invalid_path", "path=": "invalid_path", "path=../x": "invalid_path", "path=/x": "invalid_path", "path=a%5Cb": "invalid_path", "path=a%00": "invalid_path",
		"path=%ff": "invalid_path", "path=x&source=%ff": "invalid_request", "path=a&path=b": "invalid_request", "path=x&tier=none": "invalid_request", "path=x&tier=private": "tier_needs_app",
		"path=x&source_type=human": "invalid_request", "path=x&checksum=zz": "invalid_request", "path=x&metadata={": "invalid_json",
		"path=x&metadata=[]": "invalid_request", `path=x&metadata={"a":1}`: "invalid_request", "path=x&replace=maybe": "invalid_request",
		"path=x&checksum=" + sumOf("other"): "checksum_mismatch",
	} {
		e.do("POST", "/objects/default?"+query, root, []byte("data")).problem(400, code)
	}
	e.do("POST", "/objects/none?path=x", root, []byte("data")).problem(404, "bucket_not_found")
	e.do("POST", "/objects/a%20b?path=x", root, []byte("data")).problem(400, "invalid_name")
	e.do("POST", "/objects/default?path=x", caller("", "storage:b2:write"), []byte("data")).problem(403, "permission_denied")
	e.do("POST", "/objects/default?path=x", "", []byte("data")).problem(401, "unauthenticated")
	e.do("POST", "/objects/default?path=x", root, []byte("data"), "Content-Encoding", "gzip").problem(415, "unsupported_media_type")
	e.do("POST", "/objects/default?path=x", root, []byte("data"), "Accept", "text/html").problem(406, "not_acceptable")
	require.Empty(t, paths(e.do("GET", "/objects/default?tier=shared", root, nil).want(200)))
}

func number(n int) any { return json.Number(fmt.Sprint(n)) }

func TestReplace(t *testing.T) {
	e := newEnv(t)
	id := e.put("x", "one")
	first := e.do("HEAD", "/objects/default/"+id, root, nil).header.Get("ETag")
	up := func(query string, headers ...string) *answer {
		return e.do("POST", "/objects/default?path=x"+query, root, []byte("two"), headers...)
	}
	up("").problem(409, "object_exists")
	up("", "If-None-Match", "*").problem(409, "object_exists")
	up("&replace=false").problem(409, "object_exists")
	up("", "If-Match", `"`+sumOf("other")+`"`).problem(412, "precondition_failed")
	up("&replace=true", "If-None-Match", "*").problem(400, "invalid_request")
	up("", "If-None-Match", `"x"`).problem(400, "invalid_request")
	e.do("POST", "/objects/default?path=x&replace=true", caller("", "storage:write"), []byte("two")).problem(403, "permission_denied")
	m := up("", "If-Match", first).want(201)
	require.Equal(t, id, m["id"])
	require.Equal(t, number(2), m["version"])
	up("", "If-Match", first).problem(412, "precondition_failed")
	require.Equal(t, number(3), up("&replace=true").want(201)["version"])
	e.do("POST", "/objects/default?path=new", root, []byte("two"), "If-Match", "*").problem(412, "precondition_failed")
	m = e.form("/objects/default?replace=true", root, file(strings.Repeat("z", 100_000)), field("path", "x")).want(201)
	require.Equal(t, id, m["id"])
	e.form("/objects/default", root, field("path", "x"), file("y")).problem(409, "object_exists")
	e.form("/objects/default", root, file("y"), field("path", "x")).problem(409, "object_exists")
}

func TestLimitsOfABucket(t *testing.T) {
	e := newEnv(t)
	e.do("POST", "/buckets", root, `{"name":"pics","max_file_size":100,"allowed_types":["image/png","text/csv"]}`).want(201)
	png := "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 92)
	for _, size := range []int{101, 1000, 100_000, 1 << 20} {
		body := png + strings.Repeat("x", size-100)
		e.do("POST", "/objects/pics?path=x", root, []byte(body)).problem(413, "too_large")
		e.do("POST", "/objects/pics?path=x", root, io.MultiReader(strings.NewReader(body))).problem(413, "too_large")
		e.form("/objects/pics", root, field("path", "x"), file(body)).problem(413, "too_large")
		e.form("/objects", root, file(body), field("path", "x"), field("bucket", "pics")).problem(413, "too_large")
	}
	e.do("POST", "/objects/pics?path=x", root, []byte("GIF89a")).problem(422, "type_not_allowed")
	e.form("/objects/pics", root, part{name: "f", file: true, filename: "a.png", contentType: "text/html", value: png}).problem(422, "type_not_allowed")
	e.form("/objects", root, part{name: "f", file: true, filename: "a.png", contentType: "text/html", value: png}, field("bucket", "pics")).problem(422, "type_not_allowed")
	e.form("/objects/pics", root, part{name: "f", file: true, filename: "a.txt", value: "a,b"}).problem(422, "type_not_allowed")
	e.form("/objects/pics", root, part{name: "f", file: true, filename: "a.txt", value: "a,b"}, field("path", "late.csv")).want(201)
	e.form("/objects/pics", root, file(png)).want(201)
	require.Equal(t, []string{"late.csv", "local.txt"}, paths(e.do("GET", "/objects/pics", root, nil).want(200)))
	list, err := e.backend.ListBlobs(t.Context(), "", 1000)
	require.NoError(t, err)
	require.Len(t, list, 2, "what was refused is gone")
}

// nothingStored asserts that no object is visible and, after a sweep past the
// grace period, that no bytes are left.
func nothingStored(t testing.TB, e *env) {
	t.Helper()
	m := e.do("GET", "/objects?limit=1000", root, nil).want(200)
	require.Empty(t, paths(m))
	e.clock.add(2 * holdall.DefaultGrace)
	_, err := e.store.Sweep(t.Context())
	require.NoError(t, err)
	list, err := e.backend.ListBlobs(t.Context(), "", 1000)
	require.NoError(t, err)
	require.Empty(t, list)
}

// An upload that breaks off at any byte leaves nothing.
func TestAbortedUploads(t *testing.T) {
	const size = 70_000 // over what is kept in memory for a late name
	form := formBody(field("path", "x"), field("tier", "user"), file(strings.Repeat("z", size)), field("source", "crm"))
	for name, request := range map[string]string{
		"raw":     fmt.Sprintf("POST /api/v1/storage/objects/default?path=x HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s", root, size, strings.Repeat("z", size)),
		"form":    fmt.Sprintf("POST /api/v1/storage/objects/default HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", root, formType, len(form), form),
		"chunked": fmt.Sprintf("POST /api/v1/storage/objects/default HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", root, formType, len(form), form),
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			head := strings.Index(request, "\r\n\r\n") + 4
			offsets := []int{head, head + 1}
			for last := range 60 {
				offsets = append(offsets, len(request)-1-last)
			}
			for range 30 {
				offsets = append(offsets, head+rand.IntN(len(request)-head))
			}
			for _, cut := range offsets {
				sendRaw(t, e, request[:cut])
			}
			waitIdle(t, e)
			nothingStored(t, e)
		})
	}
}

// sendRaw writes bytes to a connection, says that no more come, and waits for
// the server to be done with it.
func sendRaw(t *testing.T, e *env, text string) {
	t.Helper()
	conn, err := net.Dial("tcp", e.server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		require.Equal(t, 400, resp.StatusCode)
		resp.Body.Close()
	}
}

// waitIdle waits for the requests that are under way.
func waitIdle(t *testing.T, e *env) {
	t.Helper()
	e.server.Close()
	e.server = newServer(e)
	t.Cleanup(e.server.Close)
	e.base = e.server.URL + "/api/v1/storage"
}

// zeros is a body of n bytes that takes no memory.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), z.n))
	clear(p[:n])
	z.n -= int64(n)
	return n, nil
}

// nullBlobs takes bytes and keeps none, and watches the memory meanwhile.
type nullBlobs struct {
	holdall.Blobs
	peak atomic.Uint64
	size atomic.Int64
}

func (b *nullBlobs) PutBlob(_ context.Context, _ string, r io.Reader, _ int64) (int64, error) {
	buf := make([]byte, 64<<10)
	total, next := int64(0), int64(0)
	for {
		n, err := r.Read(buf)
		if total += int64(n); total >= next {
			next += 32 << 20
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.peak.Store(max(b.peak.Load(), m.HeapAlloc))
		}
		if err == io.EOF {
			b.size.Store(total)
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

func TestUploadsOfAnySizeTakeFlatMemory(t *testing.T) {
	size := int64(256 << 20)
	if raceEnabled {
		size = 64 << 20
	}
	blobs := &nullBlobs{Blobs: memory.New()}
	e := newEnv(t, func(s *setup) { s.cfg.Blobs, s.cfg.MaxObjectSize = blobs, size })
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	head := fmt.Sprintf("--%s\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n", boundary)
	tail := fmt.Sprintf("\r\n--%s\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\nlate\r\n--%s--\r\n", boundary, boundary)
	for name, send := range map[string]func() *answer{
		"raw": func() *answer { return e.do("POST", "/objects/default?path=raw", root, &zeros{size}) },
		"form": func() *answer {
			return e.do("POST", "/objects/default", root, io.MultiReader(strings.NewReader(head), &zeros{size}, strings.NewReader(tail)), "Content-Type", formType)
		},
	} {
		blobs.peak.Store(0)
		m := send().want(201)
		require.Equal(t, json.Number(fmt.Sprint(size)), m["size"], name)
		require.EqualValues(t, size, blobs.size.Load())
		grown := int64(blobs.peak.Load()) - int64(before.HeapAlloc)
		require.Less(t, grown, int64(8<<20), name)
		t.Logf("%s: %d MiB with %d KiB more heap", name, size>>20, grown>>10)
	}
}

// A path that is taken is refused before the body is sent.
func TestRefusedBeforeTheBody(t *testing.T) {
	e := newEnv(t)
	e.put("taken", "x")
	server := httptest.NewServer(e.handler) // the other waits for the body
	defer server.Close()
	for _, request := range []string{
		"POST /api/v1/storage/objects/default?path=taken HTTP/1.1\r\nHost: x\r\nAuthorization: " + root + "\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n",
		"POST /api/v1/storage/objects/default?path=taken HTTP/1.1\r\nHost: x\r\nAuthorization: " + root + "\r\nContent-Length: 1000000\r\n\r\n",
		"POST /api/v1/storage/objects/default HTTP/1.1\r\nHost: x\r\nAuthorization: " + root + "\r\nContent-Length: 1000000\r\nContent-Type: " + formType + "\r\n\r\n" +
			strings.TrimSuffix(formBody(field("path", "taken"), field("tier", "shared"), file("x")), "\r\n--"+boundary+"--\r\n"),
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		_, err = io.WriteString(conn, request)
		require.NoError(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, 409, resp.StatusCode)
	}
}

// Eighty uploads race for ten paths: one each wins.
func TestUploadRace(t *testing.T) {
	e := newEnv(t)
	results := make(chan int, 80)
	for i := range 80 {
		go func() {
			body := bytes.NewReader(bytes.Repeat([]byte{byte(i)}, 1000))
			req, _ := http.NewRequest("POST", fmt.Sprintf("%s/objects/default?path=p%d", e.base, i%10), body)
			req.Header.Set("Authorization", root)
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
	for range 80 {
		count[<-results]++
	}
	require.Equal(t, map[int]int{201: 10, 409: 70}, count)
}
