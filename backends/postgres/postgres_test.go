package postgres

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/leak"
	"github.com/holdall-go/holdall/internal/pgtest"
	"github.com/holdall-go/holdall/storagetest"
)

func TestMain(m *testing.M) { os.Exit(leak.Run(m, pgtest.Stop)) }

var bg = context.Background()

// patience bounds a hang, not what a slow machine may take.
const patience = 5 * time.Minute

// await waits until ok.
func await(t testing.TB, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, patience, time.Millisecond)
}

// open returns a Backend in a new schema, which goes with the test.
func open(t testing.TB, opts *Options) *Backend {
	t.Helper()
	return openAt(t, pgtest.DSN(t), opts)
}

func openAt(t testing.TB, dsn string, opts *Options) *Backend {
	t.Helper()
	o := Options{}
	if opts != nil {
		o = *opts
	}
	if o.MaxWait == 0 {
		o.MaxWait = patience
	}
	if o.Schema == "" {
		o.Schema = "test " + strings.ToLower(ulid.Make().String())
	}
	b, err := Open(bg, dsn+" pool_max_conns=20", &o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	require.NoError(t, Migrate(bg, b.pool, &o))
	t.Cleanup(func() {
		_, err := b.pool.Exec(bg, fmt.Sprintf("DROP SCHEMA IF EXISTS %s CASCADE", quoted(o.Schema)))
		require.NoError(t, err)
	})
	return b
}

func TestConnectTimeout(t *testing.T) {
	t.Setenv("PGCONNECT_TIMEOUT", "")
	for setting, want := range map[string]time.Duration{"": connectTimeout, "connect_timeout=2": 2 * time.Second, "connect_timeout=70": 70 * time.Second} {
		cfg, err := poolConfig("host=127.0.0.1 " + setting)
		require.NoError(t, err)
		require.Equal(t, want, cfg.ConnConfig.ConnectTimeout, setting)
	}
}

func TestCatalog(t *testing.T) {
	b := open(t, nil)
	storagetest.Catalog(t, func(*testing.T) holdall.Catalog { return b })
}

func TestBlobs(t *testing.T) {
	b := open(t, nil)
	storagetest.Blobs(t, func(*testing.T) holdall.Blobs { return b })
}

// TestStore has small windows, so that a body of many is still small.
func TestStore(t *testing.T) {
	storagetest.Store(t, func(t *testing.T) holdall.Backends {
		t.Parallel()
		b := open(t, nil)
		b.window = 192 << 10
		return holdall.Backends{Catalog: b, Blobs: b}
	})
}
