package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/holdall-go/holdall"
)

// direct is the files of a store that this process has opened.
type direct struct {
	store *holdall.Store
	ws    *holdall.Workspace
}

func (d *direct) object(at place) *holdall.Object {
	return d.bucket(at).Object(at.path)
}

func (d *direct) bucket(at place) *holdall.Bucket {
	b := d.ws.Bucket(at.bucket)
	if at.tier != "" {
		b = b.Tier(holdall.Tier(at.tier))
	}
	return b
}

func (d *direct) put(ctx context.Context, at place, r io.Reader, opts putOptions) (string, error) {
	o, err := d.object(at).Put(ctx, r, &holdall.PutOptions{Size: opts.size, Replace: opts.replace})
	return o.Checksum, plain(err)
}

func (d *direct) get(ctx context.Context, at place) (*download, error) {
	r, err := d.object(at).Open(ctx)
	if err != nil {
		return nil, plain(err)
	}
	return &download{ReadCloser: r, size: r.Size(), sum: r.Info().Checksum}, nil
}

func (d *direct) buckets(ctx context.Context) ([]string, error) {
	infos, err := d.ws.Buckets(ctx)
	var names []string
	for _, b := range infos {
		names = append(names, b.Name)
	}
	return names, plain(err)
}

func (d *direct) list(ctx context.Context, at place, recursive bool) iter.Seq2[item, error] {
	opts := holdall.ListOptions{Prefix: at.path, Limit: 1000, NoTotal: true}
	if !recursive {
		opts.Delimiter = "/"
	}
	return func(yield func(item, error) bool) {
		for {
			page, err := d.bucket(at).ListPage(ctx, &opts)
			if err != nil {
				yield(item{}, plain(err))
				return
			}
			var items []item
			for _, o := range page.Items {
				items = append(items, item{o.Path, o.Size, o.Checksum, o.CreatedAt})
			}
			if !yieldMerged(page.Folders, items, yield) {
				return
			}
			if opts.Cursor = page.NextCursor; opts.Cursor == "" {
				return
			}
		}
	}
}

// yieldMerged yields the folders and items of a page in one order, by name.
func yieldMerged(folders []string, items []item, yield func(item, error) bool) bool {
	for len(folders) > 0 || len(items) > 0 {
		var next item
		if len(items) == 0 || len(folders) > 0 && folders[0] < items[0].name {
			next, folders = item{name: folders[0]}, folders[1:]
		} else {
			next, items = items[0], items[1:]
		}
		if !yield(next, nil) {
			return false
		}
	}
	return true
}

// plain writes an error as a server's answer would read, and what is behind
// it where that is this machine's own trouble.
func plain(err error) error {
	var e *holdall.Error
	if !errors.As(err, &e) {
		return err
	}
	text := cmp.Or(e.Detail, strings.ReplaceAll(string(e.Code), "_", " "))
	if e.Err != nil && (e.Code == holdall.CodeInternal || e.Code == holdall.CodeUnavailable) {
		return fmt.Errorf("%s (%s): %w", text, e.Code, e.Err)
	}
	return fmt.Errorf("%s (%s)", text, e.Code)
}

func (d *direct) close() error { return d.store.Close() }
