package storagetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/holdall-go/holdall"
)

// linkModel is a store of blobs with links that are right by being simple: the
// link says what it allows, and there is nobody to forge it. skip leaves one
// check out.
type linkModel struct {
	*blobModel
	url, skip string
}

func newLinkModel(t *testing.T, skip string) *linkModel {
	m := &linkModel{blobModel: newBlobModel(), skip: skip}
	srv := httptest.NewServer(m)
	t.Cleanup(srv.Close)
	m.url = srv.URL
	return m
}

func (m *linkModel) PresignGet(_ context.Context, key string, d holdall.PresignedDownload) (string, error) {
	return m.url + "/?" + url.Values{"key": {key}, "type": {d.Type}, "disposition": {d.Disposition}}.Encode(), nil
}

func (m *linkModel) PresignPut(_ context.Context, key string, u holdall.PresignedUpload) (holdall.PresignedRequest, error) {
	q := url.Values{"key": {key}, "type": {u.Type}, "size": {fmt.Sprint(u.Size)}, "sum": {u.Checksum}}
	req := holdall.PresignedRequest{Method: http.MethodPost, URL: m.url + "/?" + q.Encode(), Fields: map[string]string{"Content-Type": u.Type}}
	if u.Checksum != "" {
		req.Method, req.Fields, req.Header = http.MethodPut, nil, map[string]string{"Content-Type": u.Type}
	}
	return req, nil
}

func (m *linkModel) StatBlob(ctx context.Context, key string) (int64, string, error) {
	r, err := m.OpenBlob(ctx, key, 0, -1)
	if err != nil {
		return 0, "", err
	}
	data, err := io.ReadAll(r)
	if m.skip == "stat" {
		data = append(data, 'x')
	}
	return int64(len(data)), hexSum(data), err
}

func (m *linkModel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.Method == http.MethodGet {
		m.download(w, r, q)
		return
	}
	contentType, body := r.Header.Get("Content-Type"), io.Reader(r.Body)
	if r.Method == http.MethodPost {
		contentType = r.FormValue("Content-Type")
		file, _, err := r.FormFile("file")
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		body = file
	}
	data, _ := io.ReadAll(body)
	if what := m.wrong(r.Method, q, contentType, data); what != "" && what != m.skip {
		http.Error(w, what, http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blobs[q.Get("key")] = data
}

func (m *linkModel) wrong(method string, q url.Values, contentType string, data []byte) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, taken := m.blobs[q.Get("key")]
	size := fmt.Sprint(len(data))
	switch sum := sha256.Sum256(data); {
	case contentType != q.Get("type"):
		return "type"
	case method == http.MethodPost && len(data) > 1000, method == http.MethodPut && size != q.Get("size"):
		return "size"
	case method == http.MethodPut && fmt.Sprintf("%x", sum) != q.Get("sum"):
		return "checksum"
	case method == http.MethodPut && taken, m.skip == "form once" && taken:
		return "taken"
	}
	return ""
}

func (m *linkModel) download(w http.ResponseWriter, r *http.Request, q url.Values) {
	data, err := m.OpenBlob(r.Context(), q.Get("key"), 0, -1)
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", q.Get("type"))
	if m.skip != "disposition" {
		w.Header().Set("Content-Disposition", q.Get("disposition"))
	}
	_, _ = io.Copy(w, data)
}

func TestCatchesBrokenLinks(t *testing.T) {
	right := newLinkModel(t, "")
	for _, tc := range blobPresignCases {
		if r := watch(t, func(t tb) { tc.on(t, right) }); r.failed || r.skipped {
			t.Errorf("%s fails on a store that is right: %s", tc.name, strings.Join(r.lines, "\n"))
		}
	}
	for skip, group := range map[string]string{"type": "presign/put", "size": "presign/form", "checksum": "presign/put", "taken": "presign/put",
		"form once": "presign/form", "stat": "presign/put", "disposition": "presign/get"} {
		t.Run(skip, func(t *testing.T) {
			mustCatchBlobs(t, group, func() holdall.Blobs { return newLinkModel(t, skip) })
		})
	}
}
