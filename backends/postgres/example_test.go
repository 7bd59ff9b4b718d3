package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/postgres"
	"github.com/holdall-go/holdall/internal/pgtest"
)

// A shop keeps its orders in tables of its own. An order and its invoice are
// stored in one transaction: both or neither.
func ExampleBackend_WithTx() {
	var ( // from the host's own setup
		ctx     context.Context
		pool    *pgxpool.Pool
		backend *postgres.Backend
		store   *holdall.Store
	)
	placeOrder := func(id int, invoice string) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "INSERT INTO orders (id) VALUES ($1)", id); err != nil {
				return err
			}
			b := backend.WithTx(tx)
			shop := store.With(holdall.Backends{Catalog: b, Blobs: b}).As(holdall.Principal{Tenant: "shop", User: "till", Permissions: []string{"*"}})
			_, err := shop.Bucket("default").Object(fmt.Sprintf("invoices/%d.txt", id)).Put(ctx, strings.NewReader(invoice), nil)
			return err
		})
	}
	_ = placeOrder
}

// TestOrderAndInvoice runs what the example shows.
func TestOrderAndInvoice(t *testing.T) {
	ctx := t.Context()
	o := &postgres.Options{Schema: "order and invoice", MaxWait: time.Minute}
	backend, err := postgres.Open(ctx, pgtest.DSN(t), o)
	require.NoError(t, err)
	defer backend.Close()
	pool := backend.Pool()
	require.NoError(t, postgres.Migrate(ctx, pool, o))
	_, err = pool.Exec(ctx, `CREATE TABLE "order and invoice".orders (id int PRIMARY KEY)`)
	require.NoError(t, err)
	defer pool.Exec(context.Background(), `DROP SCHEMA "order and invoice" CASCADE`)
	store, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend})
	require.NoError(t, err)
	caller := holdall.Principal{Tenant: "shop", User: "till", Permissions: []string{"*"}}
	placeOrder := func(id int, path string) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `INSERT INTO "order and invoice".orders (id) VALUES ($1)`, id); err != nil {
				return err
			}
			b := backend.WithTx(tx)
			shop := store.With(holdall.Backends{Catalog: b, Blobs: b}).As(caller)
			_, err := shop.Bucket("default").Object(path).Put(ctx, strings.NewReader("to pay: 12.50"), nil)
			return err
		})
	}
	require.NoError(t, placeOrder(17, "17.txt"))
	require.ErrorIs(t, placeOrder(18, "17.txt"), holdall.ErrExists, "the invoice's place is taken")
	var orders int
	require.NoError(t, pool.QueryRow(ctx, `SELECT count(*) FROM "order and invoice".orders`).Scan(&orders))
	require.Equal(t, 1, orders)
	info, err := store.As(caller).Bucket("default").Object("17.txt").Stat(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 13, info.Size)
}
