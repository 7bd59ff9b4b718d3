package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/holdall-go/holdall/internal/check"
)

// roundTrip uploads the tree, restarts the server, lists it by folders and
// downloads all of it.
func roundTrip(ctx context.Context, c config, binary string, tree []file) error {
	store := filepath.Join(c.work, "roundtrip")
	s, err := start(ctx, binary, store, time.Hour)
	if err != nil {
		return err
	}
	var ledger check.Ledger
	began := time.Now()
	err = uploadAll(ctx, newClient(s, c.workers), c.workers, tree, &ledger)
	printRate("uploaded", tree, began)
	if err = errors.Join(err, s.stop()); err != nil {
		return err
	}
	if s, err = start(ctx, binary, store, time.Hour); err != nil {
		return err
	}
	cl := newClient(s, c.workers)
	began = time.Now()
	n, err := walkFolders(ctx, cl, folders(tree))
	if err != nil {
		return errors.Join(err, s.kill())
	}
	fmt.Printf("listed %d folders in %.1f s after a restart\n", n, time.Since(began).Seconds())
	began = time.Now()
	r, err := check.Files(ctx, cl, &ledger)
	printRate("downloaded and compared", tree, began)
	if err == nil && r.Acknowledged != len(tree) {
		err = fmt.Errorf("%d of %d files came back", r.Acknowledged, len(tree))
	}
	return errors.Join(err, s.stop())
}

func printRate(what string, tree []file, began time.Time) {
	var bytes int64
	for _, f := range tree {
		bytes += f.content.Size
	}
	took := time.Since(began).Seconds()
	fmt.Printf("%s %d files, %d bytes in %.1f s: %.0f files/s, %.1f MB/s\n",
		what, len(tree), bytes, took, float64(len(tree))/took, float64(bytes)/1e6/took)
}

func uploadAll(ctx context.Context, cl *client, workers int, tree []file, l *check.Ledger) error {
	jobs := make(chan file)
	var wg sync.WaitGroup
	errs := make(chan error, workers)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range workers {
		wg.Go(func() {
			for f := range jobs {
				if err := uploadOne(ctx, cl, f, l); err != nil {
					errs <- err
					cancel()
					return
				}
			}
		})
	}
	for _, f := range tree {
		select {
		case jobs <- f:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(jobs)
	wg.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

func uploadOne(ctx context.Context, cl *client, f file, l *check.Ledger) error {
	body, err := os.Open(f.name)
	if err != nil {
		return err
	}
	defer body.Close()
	l.Send(f.path, f.content)
	o, err := cl.put(ctx, f.path, body, f.content.Size, false)
	if err != nil {
		return err
	}
	l.Stored(f.path, f.content)
	if o.content() != f.content {
		return fmt.Errorf("%s: the server acknowledged %v for %v", f.path, o.content(), f.content)
	}
	return nil
}

// walkFolders lists every folder from the root on and compares what is in it.
func walkFolders(ctx context.Context, cl *client, want map[string]map[string]bool) (int, error) {
	open, n := []string{""}, 0
	for len(open) > 0 {
		dir := open[len(open)-1]
		open = open[:len(open)-1]
		n++
		got := map[string]bool{}
		for p, err := range cl.pages(ctx, dir, "/") {
			if err != nil {
				return n, err
			}
			for _, o := range p.Data {
				got[o.Path] = true
			}
			for _, f := range p.Folders {
				got[f] = true
				open = append(open, f)
			}
		}
		for child := range want[dir] {
			if !got[child] {
				return n, fmt.Errorf("folder %q does not list %q", dir, child)
			}
		}
		if len(got) != len(want[dir]) {
			return n, fmt.Errorf("folder %q lists %d children, not %d", dir, len(got), len(want[dir]))
		}
	}
	if n != len(want) {
		return n, fmt.Errorf("%d folders were found of %d", n, len(want))
	}
	return n, nil
}
