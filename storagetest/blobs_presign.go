package storagetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"sync"
	"time"

	"github.com/holdall-go/holdall"
)

var blobPresignCases = []blobCase{
	{"presign/put", "a link to PUT stores the bytes that it was made for, once, and refuses all others", func(b *blobRun) {
		p := b.presigner()
		for _, n := range []int{0, 1, 100_000} {
			data := b.rnd.bytes(n)
			key := b.key()
			req := b.presignPut(p, key, holdall.PresignedUpload{Lifetime: time.Hour, Type: "text/csv", Size: int64(n), Checksum: hexSum(data)})
			if req.Method != http.MethodPut || req.Fields != nil {
				b.Fatalf("PresignPut with a checksum = %+v, want a PUT", req)
			}
			if _, _, err := p.StatBlob(b.ctx, key); class(err) != class(holdall.ErrNotFound) {
				b.Errorf("StatBlob of what is not there yet: %v, want ErrNotFound", err)
			}
			other := holdall.PresignedRequest{Method: req.Method, URL: req.URL, Header: maps.Clone(req.Header)}
			other.Header["Content-Type"] = "text/html"
			b.refused("another type", other, data)
			b.refused("more bytes", req, append(bytes.Clone(data), 'x'))
			if n > 0 {
				wrong := bytes.Clone(data)
				wrong[n/2] ^= 1
				b.refused("other bytes", req, wrong)
				b.refused("fewer bytes", req, data[:n-1])
			}
			b.absent(key)
			b.accepted(req, data)
			b.has(key, data)
			b.stat(p, key, data)
			b.refused("the same again", req, data)
		}
	}},
	{"presign/form", "a form takes what its policy allows, each time over what was there", func(b *blobRun) {
		p := b.presigner()
		key := b.key()
		req := b.presignPut(p, key, holdall.PresignedUpload{Lifetime: time.Hour, Type: "text/csv", Size: 1000})
		if req.Method != http.MethodPost || req.Header != nil {
			b.Fatalf("PresignPut without a checksum = %+v, want a form", req)
		}
		other := holdall.PresignedRequest{Method: req.Method, URL: req.URL, Fields: maps.Clone(req.Fields)}
		other.Fields["Content-Type"] = "text/html"
		b.refused("another type", other, []byte("x"))
		b.refused("more bytes", req, b.rnd.bytes(1001))
		b.absent(key)
		for _, n := range []int{1000, 10, 0} {
			data := b.rnd.bytes(n)
			b.accepted(req, data)
			b.has(key, data)
			b.stat(p, key, data)
		}
	}},
	{"presign/get", "a download link answers with the bytes, the type and the disposition that it was made for", func(b *blobRun) {
		p := b.presigner()
		data := b.rnd.bytes(1000)
		const disposition = `attachment; filename="a _.csv"; filename*=UTF-8''a%20%C3%BC.csv`
		u, err := p.PresignGet(b.ctx, b.stored(data), holdall.PresignedDownload{Lifetime: time.Hour, Type: "text/csv; charset=utf-8", Disposition: disposition})
		if err != nil {
			b.Fatalf("PresignGet: %v", err)
		}
		status, header, got := b.send(holdall.PresignedRequest{Method: http.MethodGet, URL: u}, nil)
		if status != http.StatusOK || !bytes.Equal(got, data) || header.Get("Content-Type") != "text/csv; charset=utf-8" || header.Get("Content-Disposition") != disposition {
			b.Errorf("the link answers %d, %q, %q, %s; want 200 and what it was made for", status, header.Get("Content-Type"), header.Get("Content-Disposition"), digest(got))
		}
	}},
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// presigner returns the store as one, or skips the case.
func (b *blobRun) presigner() holdall.Presigner {
	p, ok := holdall.As[holdall.Presigner](b.store)
	if !ok {
		b.Skipf("this store is no Presigner: links to it are unsupported")
	}
	return p
}

func (b *blobRun) presignPut(p holdall.Presigner, key string, u holdall.PresignedUpload) holdall.PresignedRequest {
	b.Helper()
	req, err := p.PresignPut(b.ctx, key, u)
	if err != nil {
		b.Fatalf("PresignPut: %v", err)
	}
	return req
}

// stat checks what StatBlob says about a blob.
func (b *blobRun) stat(p holdall.Presigner, key string, data []byte) {
	b.Helper()
	size, sum, err := p.StatBlob(b.ctx, key)
	if err != nil || size != int64(len(data)) || sum != "" && sum != hexSum(data) {
		b.Errorf("StatBlob = %d, %q, %v; want %d and %s, or no checksum", size, sum, err, len(data), hexSum(data))
	}
}

func (b *blobRun) accepted(req holdall.PresignedRequest, data []byte) {
	b.Helper()
	if status, _, answer := b.send(req, data); status/100 != 2 {
		b.Fatalf("%d bytes by a link that allows them: %d %s", len(data), status, answer)
	}
}

func (b *blobRun) refused(what string, req holdall.PresignedRequest, data []byte) {
	b.Helper()
	if status, _, _ := b.send(req, data); status/100 != 4 {
		b.Errorf("%s by a link: %d, want a refusal", what, status)
	}
}

// send follows a link, without any credentials.
func (b *blobRun) send(link holdall.PresignedRequest, data []byte) (int, http.Header, []byte) {
	b.Helper()
	body, contentType := data, ""
	if link.Method == http.MethodPost {
		body, contentType = b.form(link.Fields, data)
	}
	req, err := http.NewRequestWithContext(b.ctx, link.Method, link.URL, bytes.NewReader(body))
	if err != nil {
		b.Fatalf("the link is no URL: %v", err)
	}
	for name, value := range link.Header {
		req.Header.Set(name, value)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if len(body) > 0 {
		// A store that refuses does not read the body, and a client that is still
		// sending it would not see the answer (RFC 9110, section 10.1.1).
		req.Header.Set("Expect", "100-continue")
	}
	req.Close = true // nor may a later request use the connection
	resp, err := linkClient().Do(req)
	if err != nil {
		b.Fatalf("following a link: %v", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatalf("following a link: %v", err)
	}
	return resp.StatusCode, resp.Header, answer
}

// linkClient waits for the store to ask for a body before it sends it.
var linkClient = sync.OnceValue(func() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ExpectContinueTimeout = 30 * time.Second
	return &http.Client{Transport: t}
})

// form is what a browser sends for an HTML form with a file.
func (b *blobRun) form(fields map[string]string, data []byte) (body []byte, contentType string) {
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for name, value := range fields {
		_ = w.WriteField(name, value) // a buffer does not fail
	}
	file, _ := w.CreateFormFile("file", "from my disk.bin")
	_, _ = file.Write(data)
	_ = w.Close()
	return buf.Bytes(), w.FormDataContentType()
}
