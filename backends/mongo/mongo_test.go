package mongo

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/local"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/internal/leak"
	"github.com/holdall-go/holdall/internal/mongotest"
	"github.com/holdall-go/holdall/storagetest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if !mongotest.Real() { // what stands in for one reads whole collections
		_ = flag.Set("test.short", "true")
	}
	os.Exit(leak.Run(m, mongotest.Stop))
}

var bg = context.Background()

// open returns a Backend in a new database, which goes with the test: the
// server of the tests reads whole collections, so they are kept small.
func open(t testing.TB) *Backend {
	t.Helper()
	return openAt(t, mongotest.URI(t), nil)
}

func openAt(t testing.TB, uri string, monitor *event.CommandMonitor) *Backend {
	t.Helper()
	b := openBare(t, uri, "holdall_"+strings.ToLower(ulid.Make().String()), monitor)
	require.NoError(t, b.EnsureIndexes(bg))
	t.Cleanup(func() { _ = b.db.Drop(bg) }) // the server may have been killed
	return b
}

// openBare returns a Backend in the database as it is.
func openBare(t testing.TB, uri, database string, monitor *event.CommandMonitor) *Backend {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri).SetMonitor(monitor))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Disconnect(bg)) })
	b, err := New(client.Database(database), &Options{Timeout: 2 * time.Minute}) // tests share a server that does one thing at a time
	require.NoError(t, err)
	return b
}

func TestCatalog(t *testing.T) {
	storagetest.Catalog(t, func(t *testing.T) holdall.Catalog {
		t.Parallel()
		return open(t)
	})
}

// TestStore takes turns with the bytes: memory and files.
func TestStore(t *testing.T) {
	n := 0
	storagetest.Store(t, func(t *testing.T) holdall.Backends {
		n++
		inFiles := n%2 == 0
		t.Parallel()
		if !inFiles {
			return holdall.Backends{Catalog: open(t), Blobs: memory.New()}
		}
		files, err := local.Open(t.TempDir(), nil)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, files.Close()) })
		return holdall.Backends{Catalog: open(t), Blobs: files}
	})
}
