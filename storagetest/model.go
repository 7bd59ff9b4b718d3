package storagetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/holdall-go/holdall"
)

// model is a Catalog that is right by being simple: a map, a mutex, and every
// rule spelled out once more, apart from the code under test.
type model struct {
	mu      sync.Mutex
	entries map[string]holdall.Entry
}

func newModel() *model { return &model{entries: map[string]holdall.Entry{}} }

func (m *model) Put(ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
	if err := ctx.Err(); err != nil {
		return holdall.Entry{}, err
	}
	if c <= 0 && e.ID == "" {
		return holdall.Entry{}, fmt.Errorf("%w: a new entry needs an id", holdall.ErrInvalid)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old, errs := m.verdict(e, c)
	if len(errs) > 0 {
		return holdall.Entry{}, errs[0]
	}
	return clone(m.apply(old, e)), nil
}

// verdict returns the entry that a Put would replace, or nil, and every error
// that the Put may fail with, none when it must succeed.
func (m *model) verdict(e holdall.Entry, c holdall.Condition) (old *holdall.Entry, errs []error) {
	holder := m.holder(e)
	live := e.State == holdall.StateLive
	switch c {
	case holdall.Always:
		old = holder
	case holdall.IfAbsent:
		if _, taken := m.entries[e.ID]; taken || live && holder != nil {
			errs = append(errs, holdall.ErrExists)
		}
	default:
		old = holder
		if e.ID != "" {
			old = m.present(e)
		}
		if old == nil {
			return nil, []error{holdall.ErrNotFound}
		}
		if old.Version != int64(c) {
			errs = append(errs, holdall.ErrConflict)
		}
		if live && holder != nil && holder.ID != old.ID {
			errs = append(errs, holdall.ErrExists)
		}
	}
	if live && e.Kind == holdall.KindObject && !m.hasBucket(e) {
		errs = append(errs, holdall.ErrNoBucket)
	}
	if old != nil && old.Kind == holdall.KindBucket && old.State == holdall.StateLive && !live && m.hasObjects(*old, e) {
		errs = append(errs, holdall.ErrNotEmpty)
	}
	return old, errs
}

// apply stores e over old.
func (m *model) apply(old *holdall.Entry, e holdall.Entry) holdall.Entry {
	e = clone(e)
	e.Version = 1
	if old != nil {
		e.Version = old.Version + 1
		if e.ID != old.ID {
			e.ID, e.CreatedAt, e.CreatedBy = old.ID, old.CreatedAt, old.CreatedBy
		}
	}
	if e.State == holdall.StateLive {
		for id, o := range m.entries {
			if id != e.ID && o.State == holdall.StateLive && o.Place() == e.Place() {
				delete(m.entries, id) // expired: verdict has seen to that
			}
		}
	}
	m.entries[e.ID] = e
	return e
}

// holder is the live entry at e's place that has not expired when e is put.
func (m *model) holder(e holdall.Entry) *holdall.Entry {
	for _, o := range m.entries {
		if o.State == holdall.StateLive && o.Place() == e.Place() && !o.Expired(e.UpdatedAt) {
			return &o
		}
	}
	return nil
}

// present is the entry with e's ID, unless that is expired when e is put.
func (m *model) present(e holdall.Entry) *holdall.Entry {
	o, ok := m.entries[e.ID]
	if !ok || o.Tenant != e.Tenant || o.State == holdall.StateLive && o.Expired(e.UpdatedAt) {
		return nil
	}
	return &o
}

func (m *model) hasBucket(e holdall.Entry) bool {
	for _, o := range m.entries {
		if o.Kind == holdall.KindBucket && o.Tenant == e.Tenant && o.Name == e.Container &&
			o.State == holdall.StateLive && !o.Expired(e.UpdatedAt) {
			return true
		}
	}
	return false
}

func (m *model) hasObjects(bucket, e holdall.Entry) bool {
	for _, o := range m.entries {
		if o.Kind == holdall.KindObject && o.Tenant == bucket.Tenant && o.Container == bucket.Name &&
			o.State == holdall.StateLive && !o.Expired(e.UpdatedAt) {
			return true
		}
	}
	return false
}

func (m *model) Get(ctx context.Context, ref holdall.Ref) (holdall.Entry, error) {
	if err := ctx.Err(); err != nil {
		return holdall.Entry{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if ref.ID != "" {
		if e, ok := m.entries[ref.ID]; ok && e.Tenant == ref.Tenant {
			return clone(e), nil
		}
		return holdall.Entry{}, holdall.ErrNotFound
	}
	for _, e := range m.entries {
		if e.State == holdall.StateLive && e.Place() == ref {
			return clone(e), nil
		}
	}
	return holdall.Entry{}, holdall.ErrNotFound
}

func (m *model) Query(ctx context.Context, q holdall.Query) (holdall.Page, error) {
	if err := ctx.Err(); err != nil {
		return holdall.Page{}, err
	}
	if q.Tenant == "" {
		return holdall.Page{}, holdall.ErrInvalid
	}
	all := m.matching(q)
	all = all[min(q.Offset, len(all)):]
	n := min(q.Limit, len(all))
	return holdall.Page{Entries: all[:n], More: n < len(all)}, nil
}

func (m *model) Count(ctx context.Context, q holdall.Query) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if q.Tenant == "" {
		return 0, holdall.ErrInvalid
	}
	q.After = nil
	return int64(len(m.matching(q))), nil
}

func (m *model) Remove(ctx context.Context, tenant, id string, version int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[id]
	switch {
	case !ok || e.Tenant != tenant:
		return holdall.ErrNotFound
	case e.Version != version:
		return fmt.Errorf("%w: the version is %d", holdall.ErrConflict, e.Version)
	}
	delete(m.entries, id)
	return nil
}

func (m *model) Scan(ctx context.Context, s holdall.Scan) ([]holdall.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []holdall.Entry
	for id, e := range m.entries {
		switch {
		case len(s.IDs) > 0 && !slices.Contains(s.IDs, id),
			len(s.IDs) == 0 && !s.DueBy.IsZero() && (e.DueAt.IsZero() || e.DueAt.After(s.DueBy)),
			len(s.IDs) == 0 && s.DueBy.IsZero() && id <= s.After:
		default:
			out = append(out, clone(e))
		}
	}
	slices.SortFunc(out, func(a, b holdall.Entry) int {
		if len(s.IDs) == 0 && !s.DueBy.IsZero() {
			return cmp.Or(a.DueAt.Compare(b.DueAt), strings.Compare(a.ID, b.ID))
		}
		return strings.Compare(a.ID, b.ID)
	})
	if len(s.IDs) == 0 {
		out = out[:min(s.Limit, len(out))]
	}
	return out, nil
}

func (m *model) matching(q holdall.Query) []holdall.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []holdall.Entry
	for _, e := range m.entries {
		all = append(all, e)
	}
	return selectEntries(q, all)
}
