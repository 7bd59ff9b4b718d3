package kvcatalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
)

// Catalog keeps entries in a store of keys and values. It is a
// [holdall.Catalog], a [holdall.BatchPutter], a [holdall.BatchRemover] and a
// [holdall.FolderLister].
type Catalog struct{ db kv.DB }

var (
	_ holdall.Catalog      = (*Catalog)(nil)
	_ holdall.BatchPutter  = (*Catalog)(nil)
	_ holdall.BatchRemover = (*Catalog)(nil)
	_ holdall.FolderLister = (*Catalog)(nil)
)

// New returns the catalog in db. It uses the keys that begin with 'd', 'e',
// 'i' and 'n'; others are free for the backend.
func New(db kv.DB) *Catalog { return &Catalog{db} }

// Put implements [holdall.Catalog].
func (c *Catalog) Put(ctx context.Context, e holdall.Entry, cond holdall.Condition) (stored holdall.Entry, err error) {
	err = c.update(ctx, func(tx kv.Tx) error {
		stored, err = Put(tx, e, cond)
		return err
	})
	return stored, err
}

// PutBatch implements [holdall.BatchPutter], in one commit.
func (c *Catalog) PutBatch(ctx context.Context, ops []holdall.PutOp) ([]holdall.PutResult, error) {
	results := make([]holdall.PutResult, len(ops))
	err := c.update(ctx, func(tx kv.Tx) error {
		for i, op := range ops {
			results[i].Entry, results[i].Err = Put(tx, op.Entry, op.Condition)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// Remove implements [holdall.Catalog].
func (c *Catalog) Remove(ctx context.Context, tenant, id string, version int64) error {
	return c.update(ctx, func(tx kv.Tx) error { return Remove(tx, tenant, id, version) })
}

// RemoveBatch implements [holdall.BatchRemover], in one commit.
func (c *Catalog) RemoveBatch(ctx context.Context, es []holdall.Entry) (n int, err error) {
	err = c.update(ctx, func(tx kv.Tx) error {
		n = 0
		for _, e := range es {
			switch err := Remove(tx, e.Tenant, e.ID, e.Version); {
			case err == nil:
				n++
			case !errors.Is(err, holdall.ErrNotFound) && !errors.Is(err, holdall.ErrConflict):
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Get implements [holdall.Catalog].
func (c *Catalog) Get(ctx context.Context, ref holdall.Ref) (e holdall.Entry, err error) {
	err = c.view(ctx, func(tx kv.Tx) error {
		found, err := get(tx, ref)
		if err == nil && found == nil {
			err = fmt.Errorf("%w: no such entry", holdall.ErrNotFound)
		}
		if err == nil {
			e = *found
		}
		return err
	})
	return e, err
}

// Query implements [holdall.Catalog]. By name it costs what the page holds,
// wherever the page is; in another order, or with an Offset, what matches.
func (c *Catalog) Query(ctx context.Context, q holdall.Query) (page holdall.Page, err error) {
	err = c.view(ctx, func(tx kv.Tx) error {
		page, err = query(ctx, tx, &q)
		return err
	})
	return page, err
}

// ListFolder implements [holdall.FolderLister]. It jumps over what lies in a folder.
func (c *Catalog) ListFolder(ctx context.Context, q holdall.Query, foldersOnly bool) (page holdall.Page, err error) {
	if err := checkQuery(&q); err != nil {
		return page, err
	}
	if !byName(q.Sort) {
		return page, fmt.Errorf("%w: folders sorted by %q", holdall.ErrInvalid, q.Sort.Field)
	}
	err = c.view(ctx, func(tx kv.Tx) error {
		l := &listing{ctx: ctx, tx: tx, q: &q, f: newFilter(&q)}
		page, err = l.byName(true, foldersOnly)
		return err
	})
	return page, err
}

// Count implements [holdall.Catalog]. Whole buckets and collections, tiers and
// states have their numbers ready; all else costs what it looks at.
func (c *Catalog) Count(ctx context.Context, q holdall.Query) (n int64, err error) {
	err = c.view(ctx, func(tx kv.Tx) error {
		n, err = count(ctx, tx, &q)
		return err
	})
	return n, err
}

// Scan implements [holdall.Catalog].
func (c *Catalog) Scan(ctx context.Context, s holdall.Scan) (list []holdall.Entry, err error) {
	err = c.view(ctx, func(tx kv.Tx) error {
		list, err = scan(ctx, tx, s)
		return err
	})
	return list, err
}

func (c *Catalog) update(ctx context.Context, fn func(kv.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.db.Update(ctx, kv.Shared, fn)
}

func (c *Catalog) view(ctx context.Context, fn func(kv.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.db.View(fn)
}

// get returns the entry that ref names, or nil.
func get(tx kv.Tx, ref holdall.Ref) (*holdall.Entry, error) {
	var key []byte
	if ref.ID != "" {
		key = tx.Get(idKeyOf(ref.ID))
	} else if b, ok := newBranch(holdall.StateLive, ref); ok {
		key = b.key(ref.Name, "")
	}
	if key == nil {
		return nil, nil
	}
	e, err := readEntry(tx, key)
	if err != nil || e == nil || e.Tenant != ref.Tenant {
		return nil, err
	}
	return e, nil
}

func readEntry(tx kv.Tx, key []byte) (*holdall.Entry, error) {
	data := tx.Get(key)
	if data == nil {
		return nil, nil
	}
	b, _, err := parseBranch(key)
	if err != nil {
		return nil, err
	}
	r, err := parseRow(data)
	if err != nil {
		return nil, err
	}
	e, err := r.entry(&b, b.name(key))
	return &e, err
}

func scan(ctx context.Context, tx kv.Tx, s holdall.Scan) (list []holdall.Entry, err error) {
	if len(s.IDs) > 0 {
		for _, id := range distinct(s.IDs) {
			if list, err = appendByKey(list, tx, tx.Get(idKeyOf(id))); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	if s.Limit < 1 {
		return nil, fmt.Errorf("%w: a scan with limit %d", holdall.ErrInvalid, s.Limit)
	}
	prefix, from := idKey, append(idKeyOf(s.After), 0)
	var end []byte
	if s.After == "" {
		from = []byte{idKey}
	}
	if !s.DueBy.IsZero() {
		prefix, from, end = dueKey, []byte{dueKey}, kv.After(dueBound(s.DueBy))
	}
	c := tx.Cursor()
	for key, value := c.Seek(from); len(key) > 0 && key[0] == byte(prefix) && len(list) < s.Limit; key, value = c.Next() {
		if end != nil && bytes.Compare(key, end) >= 0 {
			break
		}
		if end != nil {
			value = tx.Get(idKeyOf(string(key[9:])))
		}
		if list, err = appendByKey(list, tx, value); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func appendByKey(list []holdall.Entry, tx kv.Tx, key []byte) ([]holdall.Entry, error) {
	if key == nil {
		return list, nil
	}
	e, err := readEntry(tx, key)
	if err != nil || e == nil {
		return list, err
	}
	return append(list, *e), nil
}
