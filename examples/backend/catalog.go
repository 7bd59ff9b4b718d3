// Package backend is the smallest backend that keeps the whole contract: two
// maps under one mutex, none of the optional interfaces, every question
// answered by looking at everything. It is here to be read and copied from;
// package memory is the one to use.
package backend

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/holdall-go/holdall"
)

// Backend is a [holdall.Catalog] and [holdall.Blobs].
type Backend struct {
	mu      sync.Mutex
	entries map[string]holdall.Entry // by id
	bytes   map[string][]byte        // by key
}

var (
	_ holdall.Catalog = (*Backend)(nil)
	_ holdall.Blobs   = (*Backend)(nil)
)

// New returns an empty Backend.
func New() *Backend {
	return &Backend{entries: map[string]holdall.Entry{}, bytes: map[string][]byte{}}
}

// Put implements [holdall.Catalog].
func (b *Backend) Put(ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
	if err := ctx.Err(); err != nil {
		return holdall.Entry{}, err
	}
	if c <= 0 && e.ID == "" {
		return holdall.Entry{}, fmt.Errorf("%w: a new entry needs an id", holdall.ErrInvalid)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	holder, taken := b.holder(e)
	old, replaces, err := b.replaced(e, c, holder, taken)
	if err != nil {
		return holdall.Entry{}, err
	}
	if err := b.keepsBuckets(e, old); err != nil {
		return holdall.Entry{}, err
	}
	e.Version = 1
	if replaces {
		e.Version = old.Version + 1
		if e.ID != old.ID { // put by place
			e.ID, e.CreatedAt, e.CreatedBy = old.ID, old.CreatedAt, old.CreatedBy
		}
	}
	if e.State == holdall.StateLive {
		b.giveUp(e)
	}
	b.entries[e.ID] = clone(e)
	return clone(e), nil
}

// replaced returns the entry that a Put under the condition replaces, if any.
func (b *Backend) replaced(e holdall.Entry, c holdall.Condition, holder holdall.Entry, taken bool) (old holdall.Entry, ok bool, err error) {
	switch c {
	case holdall.Always:
		return holder, taken, nil
	case holdall.IfAbsent:
		_, known := b.entries[e.ID]
		if known || taken && e.State == holdall.StateLive {
			return old, false, holdall.ErrExists
		}
		return old, false, nil
	}
	old, ok = holder, taken
	if e.ID != "" {
		old, ok = b.entries[e.ID]
		ok = ok && old.Tenant == e.Tenant && !(old.State == holdall.StateLive && old.Expired(e.UpdatedAt))
	}
	switch {
	case !ok:
		return old, false, holdall.ErrNotFound
	case old.Version != int64(c):
		return old, false, fmt.Errorf("%w: at version %d", holdall.ErrConflict, old.Version)
	case e.State == holdall.StateLive && taken && holder.ID != old.ID:
		return old, false, holdall.ErrExists
	}
	return old, true, nil
}

// keepsBuckets holds the two rules that tie objects to buckets.
func (b *Backend) keepsBuckets(e, old holdall.Entry) error {
	live := e.State == holdall.StateLive
	if live && e.Kind == holdall.KindObject {
		bucket := holdall.Entry{Kind: holdall.KindBucket, Tenant: e.Tenant, Tier: holdall.Shared, Name: e.Container, UpdatedAt: e.UpdatedAt}
		if _, ok := b.holder(bucket); !ok {
			return holdall.ErrNoBucket
		}
	}
	if !live && old.Kind == holdall.KindBucket && old.State == holdall.StateLive {
		for _, o := range b.entries {
			if o.Kind == holdall.KindObject && o.Tenant == old.Tenant && o.Container == old.Name &&
				o.State == holdall.StateLive && !o.Expired(e.UpdatedAt) {
				return holdall.ErrNotEmpty
			}
		}
	}
	return nil
}

// holder returns the live entry at e's place that has not expired.
func (b *Backend) holder(e holdall.Entry) (holdall.Entry, bool) {
	for _, o := range b.entries {
		if o.State == holdall.StateLive && o.Place() == e.Place() && !o.Expired(e.UpdatedAt) {
			return o, true
		}
	}
	return holdall.Entry{}, false
}

// giveUp removes an expired entry from the place that e takes.
func (b *Backend) giveUp(e holdall.Entry) {
	for id, o := range b.entries {
		if id != e.ID && o.State == holdall.StateLive && o.Place() == e.Place() {
			delete(b.entries, id)
		}
	}
}

// Get implements [holdall.Catalog].
func (b *Backend) Get(ctx context.Context, ref holdall.Ref) (holdall.Entry, error) {
	if err := ctx.Err(); err != nil {
		return holdall.Entry{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, e := range b.entries {
		byID := ref.ID != "" && id == ref.ID && e.Tenant == ref.Tenant
		byPlace := ref.ID == "" && e.State == holdall.StateLive && e.Place() == ref
		if byID || byPlace {
			return clone(e), nil
		}
	}
	return holdall.Entry{}, holdall.ErrNotFound
}

// Query implements [holdall.Catalog].
func (b *Backend) Query(ctx context.Context, q holdall.Query) (holdall.Page, error) {
	if q.Limit < 1 {
		return holdall.Page{}, fmt.Errorf("%w: a query needs a limit", holdall.ErrInvalid)
	}
	all, err := b.matching(ctx, q)
	if err != nil {
		return holdall.Page{}, err
	}
	if q.After != nil {
		all = slices.DeleteFunc(all, func(e holdall.Entry) bool { return q.Sort.Compare(q.Sort.Position(e), *q.After) <= 0 })
	}
	slices.SortFunc(all, func(x, y holdall.Entry) int { return q.Sort.Compare(q.Sort.Position(x), q.Sort.Position(y)) })
	all = all[min(q.Offset, len(all)):]
	n := min(q.Limit, len(all))
	return holdall.Page{Entries: all[:n], More: len(all) > n}, nil
}

// Count implements [holdall.Catalog].
func (b *Backend) Count(ctx context.Context, q holdall.Query) (int64, error) {
	all, err := b.matching(ctx, q)
	return int64(len(all)), err
}

func (b *Backend) matching(ctx context.Context, q holdall.Query) ([]holdall.Entry, error) {
	if q.Tenant == "" {
		return nil, fmt.Errorf("%w: a query needs a tenant", holdall.ErrInvalid)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []holdall.Entry
	for _, e := range b.entries {
		if q.Match(&e) {
			out = append(out, clone(e))
		}
	}
	return out, nil
}

// Remove implements [holdall.Catalog].
func (b *Backend) Remove(ctx context.Context, tenant, id string, version int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.entries[id]
	switch {
	case !ok || e.Tenant != tenant:
		return holdall.ErrNotFound
	case e.Version != version:
		return holdall.ErrConflict
	}
	delete(b.entries, id)
	return nil
}

// Scan implements [holdall.Catalog].
func (b *Backend) Scan(ctx context.Context, s holdall.Scan) ([]holdall.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []holdall.Entry
	for id, e := range b.entries {
		wanted := id > s.After
		switch {
		case s.IDs != nil:
			wanted = slices.Contains(s.IDs, id)
		case !s.DueBy.IsZero():
			wanted = !e.DueAt.IsZero() && !e.DueAt.After(s.DueBy)
		}
		if wanted {
			out = append(out, clone(e))
		}
	}
	slices.SortFunc(out, func(x, y holdall.Entry) int {
		if c := x.DueAt.Compare(y.DueAt); c != 0 && !s.DueBy.IsZero() {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	if s.IDs == nil {
		out = out[:min(s.Limit, len(out))]
	}
	return out, nil
}

// clone copies what an entry shares by reference.
func clone(e holdall.Entry) holdall.Entry {
	e.Value = slices.Clone(e.Value)
	if e.Content != nil {
		c := *e.Content
		c.Garbage = slices.Clone(c.Garbage)
		e.Content = &c
	}
	return e
}
