package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"
)

func setupList(a *app, fs *flag.FlagSet) func(context.Context, []string) error {
	var f filesFlags
	f.define(fs)
	recursive := fs.Bool("r", false, "list all levels")
	long := fs.Bool("l", false, "show sizes, times and checksums")
	return func(ctx context.Context, args []string) error {
		if len(args) > 1 {
			return usagef("it takes one BUCKET or BUCKET/PREFIX at most")
		}
		var at place
		if len(args) == 1 {
			var err error
			if at, err = f.place(args[0]); err != nil {
				return err
			}
		}
		store, err := f.open(ctx, a, false)
		if err != nil {
			return err
		}
		if len(args) == 0 {
			err = a.listBuckets(ctx, store)
		} else {
			err = a.list(ctx, store, at, *recursive, *long)
		}
		return errors.Join(err, store.close())
	}
}

func (a *app) listBuckets(ctx context.Context, store files) error {
	names, err := store.buckets(ctx)
	for _, name := range names {
		fmt.Fprintln(a.stdout, name)
	}
	return err
}

func (a *app) list(ctx context.Context, store files, at place, recursive, long bool) error {
	for it, err := range store.list(ctx, at, recursive) {
		switch {
		case err != nil:
			return err
		case !long:
			fmt.Fprintln(a.stdout, it.name)
		case it.folder():
			fmt.Fprintf(a.stdout, "%64s %20s %12s %s\n", "", "", "", it.name)
		default:
			fmt.Fprintf(a.stdout, "%s %s %12d %s\n", it.sum, it.created.UTC().Format(time.RFC3339), it.size, it.name)
		}
	}
	return nil
}
