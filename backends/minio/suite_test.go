package minio

import (
	"os"
	"testing"

	miniogo "github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
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

// A bucket that keeps versions, and keys with a prefix.
func TestBlobsOfVersionedBucket(t *testing.T) {
	s := s3test.Shared(t, s3test.MinIO)
	b := backend(t, s, &Options{Prefix: "some/prefix"})
	require.NoError(t, s.Client(t).EnableVersioning(t.Context(), b.bucket))
	storagetest.Blobs(t, func(*testing.T) holdall.Blobs { return b })
	for o := range b.core.ListObjectsIter(t.Context(), b.bucket, miniogo.ListObjectsOptions{WithVersions: true, Recursive: true}) {
		t.Errorf("a version was left: %s %s, delete marker %t", o.Key, o.VersionID, o.IsDeleteMarker)
	}
}
