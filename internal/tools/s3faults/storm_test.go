package s3faults

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall/backends/minio"
	"github.com/holdall-go/holdall/internal/s3test"
)

// storms say which requests are refused as too many, by their number.
var storms = map[string]func(n int64) bool{
	"every other request": func(n int64) bool { return n%2 == 0 },
	"two of three":        func(n int64) bool { return n%3 != 0 },
	"bursts of ten":       func(n int64) bool { return n/10%2 == 0 },
	"all":                 func(int64) bool { return true },
}

// A store that refuses requests because there are too many of them is asked
// again; what it goes on refusing is unavailable, and nothing of it is left.
func TestStorms(t *testing.T) {
	for _, k := range []*s3test.Kind{s3test.MinIO, s3test.VersityGW} {
		for name, refuses := range storms {
			t.Run(k.Name+"/"+name, func(t *testing.T) {
				t.Parallel()
				storm(t, s3test.Shared(t, k), refuses)
			})
		}
	}
}

func storm(t *testing.T, s *s3test.Server, refuses func(n int64) bool) {
	var blowing atomic.Bool
	var requests, refused atomic.Int64
	front := s.Front(t, func(w http.ResponseWriter) bool {
		if !blowing.Load() || !refuses(requests.Add(1)) {
			return false
		}
		refused.Add(1)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")
		return true
	})
	bucket := s.Bucket(t)
	direct, err := minio.New(s.Client(t), bucket, patient)
	require.NoError(t, err)
	over, err := minio.New(front.Client(t), bucket, &minio.Options{Timeout: 5 * time.Second})
	require.NoError(t, err)
	b := newBench(t)
	b.uploadAmid(direct, over, func() { blowing.Store(true) })
	front.Close()
	require.NotZero(t, refused.Load())
	t.Logf("%d of %d requests refused: %+v", refused.Load(), requests.Load(), b.settle(direct))
}
