// Command orders keeps the rows of its orders and their invoices, which are
// files of the library, in one PostgreSQL database, and writes both in one
// transaction.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/postgres"
)

func main() {
	if err := run(context.Background(), os.Getenv("DATABASE_URL"), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dsn string, out io.Writer) error {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool, nil); err != nil {
		return err
	}
	backend, err := postgres.New(pool, nil)
	if err != nil {
		return err
	}
	store, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend})
	if err != nil {
		return err
	}
	if _, err := pool.Exec(ctx, "CREATE TABLE IF NOT EXISTS orders (id int PRIMARY KEY)"); err != nil {
		return err
	}
	s := shop{pool, backend, store}
	for _, total := range []string{"12.50", ""} {
		if err := s.placeOrder(ctx, 1001, total); err != nil {
			fmt.Fprintln(out, "order 1001:", err)
			continue
		}
		fmt.Fprintln(out, "order 1001 is placed")
	}
	return s.list(ctx, out)
}

type shop struct {
	pool    *pgxpool.Pool
	backend *postgres.Backend
	store   *holdall.Store
}

var till = holdall.Principal{Tenant: "shop", User: "till", Permissions: []string{"storage:read", "storage:write", "storage:delete"}}

// placeOrder stores the order and its invoice, or neither.
func (s shop) placeOrder(ctx context.Context, id int, total string) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		bound := s.backend.WithTx(tx)
		files := s.store.With(holdall.Backends{Catalog: bound, Blobs: bound}).As(till)
		invoice := files.Bucket("default").Object(fmt.Sprintf("invoices/%d.txt", id))
		if _, err := invoice.Put(ctx, strings.NewReader("to pay: "+total), &holdall.PutOptions{Replace: true}); err != nil {
			return err
		}
		if total == "" {
			return errors.New("an order needs a total")
		}
		_, err := tx.Exec(ctx, "INSERT INTO orders (id) VALUES ($1)", id)
		return err
	})
}

// list prints the invoices that are there.
func (s shop) list(ctx context.Context, out io.Writer) error {
	for o, err := range s.store.As(till).Objects(ctx, &holdall.ListOptions{Prefix: "invoices/"}) {
		if err != nil {
			return err
		}
		r, err := s.store.As(till).ObjectID(o.ID).Open(ctx)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(r)
		_ = r.Close()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %s\n", o.Path, text)
	}
	return nil
}
