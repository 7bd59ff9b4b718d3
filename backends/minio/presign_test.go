package minio

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/internal/s3test"
)

// request sends a request as a client without any credentials does.
func request(t *testing.T, method, url string, header map[string]string, body []byte) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	require.NoError(t, err)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	if len(body) > 0 { // a store that refuses does not read it
		req.Header.Set("Expect", "100-continue")
	}
	req.Close = true
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ExpectContinueTimeout = 30 * time.Second
	resp, err := (&http.Client{Transport: transport}).Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(answer)
}

// form sends what a browser sends for an HTML form with a file.
func form(t *testing.T, r holdall.PresignedRequest, change map[string]string, body []byte) int {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for name, value := range r.Fields {
		if other, ok := change[name]; ok {
			value = other
		}
		require.NoError(t, w.WriteField(name, value))
	}
	file, err := w.CreateFormFile("file", "from my disk.bin")
	require.NoError(t, err)
	_, err = file.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	status, _, _ := request(t, r.Method, r.URL, map[string]string{"Content-Type": w.FormDataContentType()}, buf.Bytes())
	return status
}

func linkStore(t *testing.T, s *s3test.Server) (*holdall.Workspace, *Backend) {
	b := backend(t, s, &Options{Prefix: "p"})
	store, err := holdall.New(holdall.Config{Catalog: memory.New(), Blobs: b})
	require.NoError(t, err)
	return store.As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"*"}}), b
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func TestUploadByLink(t *testing.T) {
	s := s3test.Shared(t, s3test.MinIO)
	w, _ := linkStore(t, s)
	data := random(100_000)
	at := w.Bucket("default").Object("dir/file.bin")
	link, err := at.PresignPut(t.Context(), time.Hour, &holdall.PutOptions{Size: int64(len(data)), Checksum: sum(data), ContentType: "application/x-thing"})
	require.NoError(t, err)
	require.Equal(t, http.MethodPut, link.Method)

	other := bytes.Clone(data)
	other[5] ^= 1
	for what, try := range map[string]func() int{
		"other bytes":     func() int { st, _, _ := request(t, link.Method, link.URL, link.Header, other); return st },
		"fewer bytes":     func() int { st, _, _ := request(t, link.Method, link.URL, link.Header, data[:10]); return st },
		"another type":    func() int { return putWith(t, link, "Content-Type", "text/html", data) },
		"no checksum":     func() int { return putWith(t, link, "X-Amz-Checksum-Sha256", "", data) },
		"may be replaced": func() int { return putWith(t, link, "If-None-Match", "", data) },
		"another key": func() int {
			st, _, _ := request(t, link.Method, strings.Replace(link.URL, "/p/", "/q/", 1), link.Header, data)
			return st
		},
	} {
		require.GreaterOrEqual(t, try(), 400, what)
	}
	_, err = w.ObjectID(link.ID).CompletePut(t.Context())
	require.ErrorIs(t, err, holdall.ErrInvalid)

	status, _, answer := request(t, link.Method, link.URL, link.Header, data)
	require.Equal(t, 200, status, answer)
	status, _, _ = request(t, link.Method, link.URL, link.Header, data)
	require.Equal(t, http.StatusPreconditionFailed, status, "the link works once")

	info, err := w.ObjectID(link.ID).CompletePut(t.Context())
	require.NoError(t, err)
	require.Equal(t, sum(data), info.Checksum)
	require.EqualValues(t, len(data), info.Size)
	require.Equal(t, "application/x-thing", info.ContentType)

	get, err := at.PresignGet(t.Context(), time.Hour, func(holdall.ObjectInfo) string { return `attachment; filename="file.bin"` })
	require.NoError(t, err)
	status, header, got := request(t, http.MethodGet, get.URL, nil, nil)
	require.Equal(t, 200, status)
	require.Equal(t, string(data), got)
	require.Equal(t, "application/x-thing", header.Get("Content-Type"))
	require.Equal(t, `attachment; filename="file.bin"`, header.Get("Content-Disposition"))
	status, _, got = request(t, http.MethodGet, get.URL, map[string]string{"Range": "bytes=5-9"}, nil)
	require.Equal(t, http.StatusPartialContent, status)
	require.Equal(t, string(data[5:10]), got)
	status, _, _ = request(t, http.MethodGet, strings.Replace(get.URL, "X-Amz-Expires=3600", "X-Amz-Expires=3601", 1), nil, nil)
	require.Equal(t, http.StatusForbidden, status)
}

func putWith(t *testing.T, link holdall.UploadLink, name, value string, data []byte) int {
	t.Helper()
	header := map[string]string{}
	for k, v := range link.Header {
		header[k] = v
	}
	if header[name] = value; value == "" {
		delete(header, name)
	}
	status, _, _ := request(t, link.Method, link.URL, header, data)
	return status
}

func TestUploadByForm(t *testing.T) {
	s := s3test.Shared(t, s3test.MinIO)
	w, b := linkStore(t, s)
	sign := func(path string, size int) holdall.UploadLink {
		link, err := w.Bucket("default").Object(path).PresignPut(t.Context(), time.Hour, &holdall.PutOptions{MaxSize: int64(size), ContentType: "image/png"})
		require.NoError(t, err)
		require.Equal(t, http.MethodPost, link.Method)
		return link
	}
	// What is refused is small: a server asks for a form before it has seen what
	// to refuse, and then closes the connection, which can lose the answer.
	short := random(1000)
	link := sign("short", len(short))
	require.GreaterOrEqual(t, form(t, link.PresignedRequest, nil, append(short, 1)), 400, "too large")
	require.GreaterOrEqual(t, form(t, link.PresignedRequest, map[string]string{"Content-Type": "text/html"}, short), 400, "another type")
	require.GreaterOrEqual(t, form(t, link.PresignedRequest, map[string]string{"key": "p/other"}, short), 400, "another key")
	require.Less(t, form(t, link.PresignedRequest, nil, short), 300)

	data := random(6 << 20)
	link = sign("long", len(data))
	require.Less(t, form(t, link.PresignedRequest, nil, data), 300)
	info, err := w.ObjectID(link.ID).CompletePut(t.Context())
	require.NoError(t, err)
	require.Equal(t, sum(data), info.Checksum)

	require.Less(t, form(t, link.PresignedRequest, nil, data[:10]), 300, "a form can be sent again")
	requireBlob(t, b, info.BlobKey, data)
}

// Links are for the address that clients reach the store by.
func TestPublicAddress(t *testing.T) {
	s := s3test.Shared(t, s3test.MinIO)
	b, err := Open(t.Context(), s.URL(s.Bucket(t), "&public=https://files.example.com"))
	require.NoError(t, err)
	got, err := b.PresignGet(t.Context(), "aa/x", holdall.PresignedDownload{Lifetime: time.Minute, Type: "text/plain"})
	require.NoError(t, err)
	u, err := url.Parse(got)
	require.NoError(t, err)
	require.Equal(t, "https://files.example.com", u.Scheme+"://"+u.Host)
	_, err = b.PresignGet(t.Context(), "aa/x", holdall.PresignedDownload{Lifetime: 8 * 24 * time.Hour})
	require.Error(t, err)
}
