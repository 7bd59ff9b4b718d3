package contract

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/backends/postgres"
	"github.com/holdall-go/holdall/internal/pgtest"
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
}

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

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
