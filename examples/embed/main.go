// Command embed keeps files and records in a folder, inside a program that
// serves several tenants.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/local"
)

func main() {
	dir := "holdall-data"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := run(context.Background(), dir, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string, out io.Writer) (err error) {
	backend, err := local.Open(dir, nil)
	if err != nil {
		return err
	}
	store, err := holdall.New(holdall.Config{
		Catalog: backend,
		Blobs:   backend,
		Roles:   holdall.Roles{"clerk": {"storage:read", "storage:write", "storage:delete"}},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	// Upkeep: what is deleted, replaced or broken off is cleared away in time.
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = store.Run(ctx, nil) // ends with ctx
	}()
	defer func() { stop(); <-done }() // before the store is closed

	return work(ctx, store, out)
}

func work(ctx context.Context, store *holdall.Store, out io.Writer) error {
	// Who calls comes from the program's own sessions, never from the client.
	ann := store.As(holdall.Principal{Tenant: "acme", User: "ann", Roles: []string{"clerk"}})

	offer := ann.Bucket("default").Object("offers/2026/oranges.txt")
	info, err := offer.Put(ctx, strings.NewReader("ten crates"), &holdall.PutOptions{Replace: true})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, info.Path, info.Size, "bytes", info.ContentType)

	rec, err := ann.Collection("offers").Record("oranges").Put(ctx, map[string]any{"file": info.ID, "total": 80}, nil)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, rec.Collection, rec.Key, "at version", rec.Version)

	r, err := offer.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(out, r)
	return err
}
