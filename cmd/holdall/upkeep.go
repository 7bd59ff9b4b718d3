package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/holdall-go/holdall"
)

func setupSweep(a *app, fs *flag.FlagSet) func(context.Context, []string) error {
	var s storeFlags
	s.define(fs)
	return func(ctx context.Context, args []string) error {
		if len(args) > 0 {
			return usagef("it takes no arguments")
		}
		store, err := s.open(ctx, false, nil)
		if err != nil {
			return err
		}
		r, err := store.Sweep(ctx)
		fmt.Fprintf(a.stdout, "%d unfinished uploads, %d replaced or abandoned blobs, %d deleted entries past the retention and %d expired records cleared away; %d failed\n",
			r.Uploads, r.Garbage, r.Purged, r.Expired, r.Failed)
		if err == nil && r.Failed > 0 {
			err = errors.New("some entries could not be dealt with; they are put off by an hour")
		}
		return errors.Join(err, store.Close())
	}
}

func setupVerify(a *app, fs *flag.FlagSet) func(context.Context, []string) error {
	var s storeFlags
	var opts holdall.VerifyOptions
	s.define(fs)
	fs.BoolVar(&opts.Read, "read", false, "read all bytes and compare checksums")
	fs.BoolVar(&opts.Repair, "repair", false, "delete orphans, and soft-delete files whose bytes are missing or wrong")
	return func(ctx context.Context, args []string) error {
		if len(args) > 0 {
			return usagef("it takes no arguments")
		}
		store, err := s.open(ctx, false, nil)
		if err != nil {
			return err
		}
		return errors.Join(a.verify(ctx, store, &opts), store.Close())
	}
}

func (a *app) verify(ctx context.Context, store *holdall.Store, opts *holdall.VerifyOptions) error {
	found, left := 0, 0
	for f, err := range store.Verify(ctx, opts) {
		if err != nil {
			return err
		}
		found++
		if !f.Repaired {
			left++
		}
		a.printFinding(f)
	}
	fmt.Fprintf(a.stdout, "%d problems found, %d repaired\n", found, found-left)
	if left > 0 {
		return fmt.Errorf("%d problems are left", left)
	}
	return nil
}

func (a *app) printFinding(f holdall.Finding) {
	repaired := ""
	if f.Repaired {
		repaired = " (repaired)"
	}
	if f.Problem == holdall.ProblemOrphan {
		fmt.Fprintf(a.stdout, "%s: blob %s, %d bytes, belongs to nothing%s\n", f.Problem, f.BlobKey, f.Size, repaired)
		return
	}
	fmt.Fprintf(a.stdout, "%s: tenant %q, bucket %s, path %q (%s), blob %s: %d bytes where %d should be%s\n",
		f.Problem, f.Object.Tenant, f.Object.Bucket, f.Object.Path, f.Object.ID, f.BlobKey, f.Size, f.Object.Size, repaired)
}
