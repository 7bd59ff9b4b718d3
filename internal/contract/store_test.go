package contract

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/backends/minio"
	"github.com/holdall-go/holdall/backends/mongo"
	"github.com/holdall-go/holdall/backends/postgres"
	"github.com/holdall-go/holdall/internal/leak"
	"github.com/holdall-go/holdall/internal/mongotest"
	"github.com/holdall-go/holdall/internal/pgtest"
	"github.com/holdall-go/holdall/internal/s3test"
)

var storeName = flag.String("store", "memory", "the backends that all tests run over: a `name` of the table stores")

// stores are the backends that the contract is proven over. Each call gives
// empty ones, and skips or fails where their server is not to be had.
var stores = map[string]func(t *testing.T) holdall.Backends{
	"memory": func(*testing.T) holdall.Backends {
		b := memory.New()
		return holdall.Backends{Catalog: b, Blobs: b}
	},
	"postgres": func(t *testing.T) holdall.Backends {
		b := openPostgres(t)
		return holdall.Backends{Catalog: b, Blobs: b}
	},
	"mongo and minio": func(t *testing.T) holdall.Backends {
		b := openMinIO(t)
		return holdall.Backends{Catalog: openMongo(t), Blobs: linkless{b, b, b}}
	},
}

// linkless is a blob store without links of its own, which have tests of their
// own over a real one: cmd/holdall follows them.
type linkless struct {
	holdall.Blobs
	holdall.BlobCopier
	holdall.BlobLister
}

// transactions reports whether the store can do a batch all or nothing: the
// server that stands in for MongoDB cannot.
func transactions() bool { return *storeName != "mongo and minio" || mongotest.Real() }

func TestMain(m *testing.M) {
	os.Exit(leak.Run(m, pgtest.Stop, mongotest.Stop, s3test.Stop))
}

// TestOtherStores runs all tests again over every other store of the table.
func TestOtherStores(t *testing.T) {
	if *storeName != "memory" {
		t.Skip("this is such a run")
	}
	for name, open := range stores {
		if name == "memory" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			open(t) // skips where there is no server
			args := []string{"-store=" + name, "-test.timeout=20m"}
			if testing.Short() {
				args = append(args, "-test.short")
			}
			out, err := exec.CommandContext(t.Context(), os.Args[0], args...).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// openPostgres returns a backend in a new schema, which goes with the test.
func openPostgres(t *testing.T) *postgres.Backend {
	t.Helper()
	ctx := context.Background()
	o := &postgres.Options{Schema: "contract_" + strings.ToLower(ulid.Make().String())}
	b, err := postgres.Open(ctx, pgtest.DSN(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := b.Pool().Exec(ctx, fmt.Sprintf("DROP SCHEMA IF EXISTS %s CASCADE", o.Schema)); err != nil {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := postgres.Migrate(ctx, b.Pool(), o); err != nil {
		t.Fatal(err)
	}
	return b
}

// openMongo returns a backend over a new, empty collection.
func openMongo(t *testing.T) *mongo.Backend {
	t.Helper()
	b, err := mongo.Open(t.Context(), mongotest.URI(t), &mongo.Options{Collection: "contract_" + strings.ToLower(ulid.Make().String()), Timeout: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := b.EnsureIndexes(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// openMinIO returns a backend over a new bucket.
func openMinIO(t *testing.T) *minio.Backend {
	t.Helper()
	s := s3test.Shared(t, s3test.MinIO)
	b, err := minio.Open(t.Context(), s.URL(s.Bucket(t), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
