package minio

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/internal/s3test"
	"github.com/holdall-go/holdall/storagetest"
)

func TestMain(m *testing.M) { os.Exit(s3test.Run(m)) }

// onEach runs fn on every S3 server that tests have.
func onEach(t *testing.T, fn func(t *testing.T, s *s3test.Server)) {
	for _, k := range []*s3test.Kind{s3test.MinIO, s3test.VersityGW} {
		t.Run(k.Name, func(t *testing.T) { fn(t, s3test.Shared(t, k)) })
	}
}

// backend returns a backend over a new bucket.
func backend(t testing.TB, s *s3test.Server, opts *Options) *Backend {
	t.Helper()
	b, err := New(s.Client(t), s.Bucket(t), opts)
	require.NoError(t, err)
	return b
}

func TestBlobs(t *testing.T) {
	onEach(t, func(t *testing.T, s *s3test.Server) {
		b := backend(t, s, nil)
		storagetest.Blobs(t, func(*testing.T) holdall.Blobs { return b })
	})
}

// TestStore holds whole stores to what they promise: entries here, bytes there.
func TestStore(t *testing.T) {
	s := s3test.Shared(t, s3test.MinIO)
	b := backend(t, s, &Options{Prefix: "a/b"})
	storagetest.Store(t, func(*testing.T) holdall.Backends {
		return holdall.Backends{Catalog: memory.New(), Blobs: b}
	})
}
