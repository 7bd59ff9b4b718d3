package minio

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	miniogo "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall/internal/s3test"
)

// shelf is a store inside the process, of what the tests of time limits need:
// they run in a bubble of [testing/synctest], where time passes when nothing
// else can happen, and which no connection leaves.
type shelf struct {
	mu      sync.Mutex
	objects map[string][]byte            // by path
	open    map[string]map[string][]byte // the parts that came, by path
}

// shelfBackend returns a backend over a shelf, behind a line. Its limits are
// those that a host gets.
func shelfBackend(t *testing.T) (*Backend, *shelf, *line) {
	t.Helper()
	s := &shelf{objects: map[string][]byte{}, open: map[string]map[string][]byte{}}
	l := &line{tries: map[string]int{}, next: s}
	client, err := miniogo.New("shelf:9000", &miniogo.Options{Creds: credentials.NewStaticV4("key", "secret", ""), Region: s3test.Region, Transport: l, MaxRetries: 3})
	require.NoError(t, err)
	b, err := New(client, "files", nil)
	require.NoError(t, err)
	return b, s, l
}

func (s *shelf) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	path, query := req.URL.Path, req.URL.Query()
	switch kind(req) {
	case "put":
		s.objects[path] = body
	case "begin":
		s.open[path] = map[string][]byte{}
		return shelved([]byte("<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")), nil
	case "part":
		s.open[path][query.Get("partNumber")] = body
	case "complete":
		var whole []byte
		for n := range len(s.open[path]) {
			whole = append(whole, s.open[path][strconv.Itoa(n+1)]...)
		}
		s.objects[path] = whole
		delete(s.open, path)
		return shelved([]byte("<CompleteMultipartUploadResult><Bucket>files</Bucket><ETag>1</ETag></CompleteMultipartUploadResult>")), nil
	case "abort":
		delete(s.open, path)
		resp := shelved(nil)
		resp.StatusCode = http.StatusNoContent
		return resp, nil
	case "get", "head":
		data, ok := s.objects[path]
		if !ok {
			resp, err, _ := refused(miniogo.NoSuchKey, http.StatusNotFound)
			return resp, err
		}
		return shelved(data), nil
	default:
		return nil, fmt.Errorf("the shelf does not know %s %s", req.Method, req.URL)
	}
	return shelved(nil), nil
}

func shelved(body []byte) *http.Response {
	header := http.Header{}
	header.Set("ETag", `"1"`)
	header.Set("Last-Modified", time.Unix(0, 0).UTC().Format(http.TimeFormat))
	header.Set("Content-Length", strconv.Itoa(len(body)))
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
}
