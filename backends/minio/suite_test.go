package minio

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	miniogo "github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/local"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/backends/postgres"
	"github.com/holdall-go/holdall/internal/leak"
	"github.com/holdall-go/holdall/internal/pgtest"
	"github.com/holdall-go/holdall/internal/s3test"
	"github.com/holdall-go/holdall/storagetest"
)

func TestMain(m *testing.M) {
	os.Exit(leak.Run(m, pgtest.Stop, s3test.Stop))
}

// onEach runs fn on every S3 server that tests have.
func onEach(t *testing.T, fn func(t *testing.T, s *s3test.Server)) {
	for _, k := range []*s3test.Kind{s3test.MinIO, s3test.VersityGW} {
		t.Run(k.Name, func(t *testing.T) { fn(t, s3test.Shared(t, k)) })
	}
}

// backend returns a backend over a new bucket.
func backend(t testing.TB, s *s3test.Server, opts *Options) *Backend {
	t.Helper()
	return patient(t, s.Client(t), s.Bucket(t), opts)
}

// patient returns a backend that a slow machine, or one that stands still for
// a while, does not make fail.
func patient(t testing.TB, c *miniogo.Client, bucket string, opts *Options) *Backend {
	t.Helper()
	b, err := New(c, bucket, opts)
	require.NoError(t, err)
	b.timeout, b.stall, b.cleanup = 5*time.Minute, 5*time.Minute, 5*time.Minute
	return b
}

func TestBlobs(t *testing.T) {
	onEach(t, func(t *testing.T, s *s3test.Server) {
		storagetest.Blobs(t, func(t *testing.T) holdall.Blobs {
			t.Parallel()
			return backend(t, s, nil)
		})
	})
}

// catalogs are what the entries go to in the tests of whole stores.
var catalogs = map[string]func(t *testing.T) holdall.Catalog{
	"memory": func(*testing.T) holdall.Catalog { return memory.New() },
	"local": func(t *testing.T) holdall.Catalog {
		b, err := local.Open(t.TempDir(), nil)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, b.Close()) })
		return b
	},
	"postgres": func(t *testing.T) holdall.Catalog {
		o := &postgres.Options{Schema: "test " + strings.ToLower(rand.Text())}
		b, err := postgres.Open(t.Context(), pgtest.DSN(t)+" pool_max_conns=5", o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, b.Close()) })
		require.NoError(t, postgres.Migrate(t.Context(), b.Pool(), o))
		return b
	},
}

// TestStore holds whole stores to what they promise: entries in a catalog of
// another kind, bytes here. Each case has a catalog and a bucket of its own,
// so that they can wait side by side.
func TestStore(t *testing.T) {
	testStore(t, s3test.Shared(t, s3test.MinIO), "memory")
}

// TestOtherPairs is TestStore with the other catalogs, and on the other
// server, to which it makes no difference what the catalog is. make test runs
// it without the race detector, under which each pair takes minutes.
func TestOtherPairs(t *testing.T) {
	onEach(t, func(t *testing.T, s *s3test.Server) {
		for name := range catalogs {
			if s.Kind == s3test.MinIO && name != "memory" || s.Kind != s3test.MinIO && name == "memory" {
				t.Run(name, func(t *testing.T) { testStore(t, s, name) })
			}
		}
	})
}

func testStore(t *testing.T, s *s3test.Server, catalog string) {
	storagetest.Store(t, func(t *testing.T) holdall.Backends {
		t.Parallel()
		return holdall.Backends{Catalog: catalogs[catalog](t), Blobs: backend(t, s, &Options{Prefix: "a/b"})}
	})
}
