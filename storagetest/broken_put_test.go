package storagetest

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
)

// badPut is a catalog whose writing has a bug.
type badPut struct {
	fullModel
	put    func(m fullModel, ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error)
	get    func(m fullModel, ctx context.Context, r holdall.Ref) (holdall.Entry, error)
	remove func(m fullModel, ctx context.Context, tenant, id string, version int64) error
	batch  func(m fullModel, ctx context.Context, ops []holdall.PutOp) ([]holdall.PutResult, error)
	erase  func(m fullModel, ctx context.Context, es []holdall.Entry) (int, error)
	inTx   func(m fullModel, ctx context.Context, fn func(context.Context, holdall.Catalog) error) error
}

func (b badPut) Put(ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
	if b.put != nil {
		return b.put(b.fullModel, ctx, e, c)
	}
	return b.fullModel.Put(ctx, e, c)
}

func (b badPut) Get(ctx context.Context, r holdall.Ref) (holdall.Entry, error) {
	if b.get != nil {
		return b.get(b.fullModel, ctx, r)
	}
	return b.fullModel.Get(ctx, r)
}

func (b badPut) Remove(ctx context.Context, tenant, id string, version int64) error {
	if b.remove != nil {
		return b.remove(b.fullModel, ctx, tenant, id, version)
	}
	return b.fullModel.Remove(ctx, tenant, id, version)
}

func (b badPut) PutBatch(ctx context.Context, ops []holdall.PutOp) ([]holdall.PutResult, error) {
	if b.batch != nil {
		return b.batch(b.fullModel, ctx, ops)
	}
	return b.fullModel.PutBatch(ctx, ops)
}

func (b badPut) RemoveBatch(ctx context.Context, es []holdall.Entry) (int, error) {
	if b.erase != nil {
		return b.erase(b.fullModel, ctx, es)
	}
	return b.fullModel.RemoveBatch(ctx, es)
}

func (b badPut) InTx(ctx context.Context, fn func(context.Context, holdall.Catalog) error) error {
	if b.inTx != nil {
		return b.inTx(b.fullModel, ctx, fn)
	}
	return b.fullModel.InTx(ctx, fn)
}

// edited is a Put that changes the entry before it is stored.
func edited(edit func(e *holdall.Entry, c *holdall.Condition)) badPut {
	return badPut{put: func(m fullModel, ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
		e = clone(e)
		edit(&e, &c)
		return m.Put(ctx, e, c)
	}}
}

// raw stores an entry as it is, without any rule.
func (m *model) raw(e holdall.Entry) holdall.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries[e.ID] = clone(e)
	return e
}

// unchecked is a Put that looks first and writes later.
func unchecked(m fullModel, ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
	m.mu.Lock()
	old, errs := m.verdict(e, c)
	m.mu.Unlock()
	if len(errs) > 0 {
		return holdall.Entry{}, errs[0]
	}
	for range 20 {
		runtime.Gosched()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if old != nil {
		e.ID, e.Version = old.ID, old.Version+1
	} else {
		e.Version = 1
	}
	m.entries[e.ID] = clone(e)
	return e, nil
}

// without is a Put that knows no error of one kind: where the model would
// refuse by that alone, it stores anyway.
func without(unknown error) badPut {
	return badPut{put: func(m fullModel, ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
		m.mu.Lock()
		old, errs := m.verdict(e, c)
		m.mu.Unlock()
		if len(errs) != 1 || class(errs[0]) != class(unknown) {
			return m.Put(ctx, e, c)
		}
		e.Version = 1
		if old != nil {
			e.ID, e.Version = old.ID, old.Version+1
		}
		return m.raw(e), nil
	}}
}

func TestCatchesBrokenPuts(t *testing.T) {
	takesMinutes(t)
	for _, tc := range []struct {
		bug, group string
		b          badPut
	}{
		{"version stays", "put/versions", badPut{put: func(m fullModel, ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
			got, err := m.Put(ctx, e, c)
			if got.Version > 2 {
				got.Version = 2
				m.raw(got)
			}
			return got, err
		}}},
		{"no expiry", "create/", edited(func(e *holdall.Entry, c *holdall.Condition) { e.UpdatedAt = epoch })},
		{"expiry by the wall clock", "put/expiry", edited(func(e *holdall.Entry, c *holdall.Condition) { e.UpdatedAt = time.Now().UTC() })},
		{"upsert with the new id", "upsert/", badPut{put: func(m fullModel, ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
			got, err := m.Put(ctx, e, c)
			if err == nil && c == holdall.Always && got.ID != e.ID {
				_ = m.Remove(ctx, got.Tenant, got.ID, got.Version)
				got.ID = e.ID
				m.raw(got)
			}
			return got, err
		}}},
		{"create over what is there", "create/", without(holdall.ErrExists)},
		{"move onto what is there", "place/move onto a taken", without(holdall.ErrExists)},
		{"version is not compared", "replace by", without(holdall.ErrConflict)},
		{"no bucket is needed", "bucket/object", without(holdall.ErrNoBucket)},
		{"full buckets leave", "bucket/leaves", without(holdall.ErrNotEmpty)},
		{"place without owner", "place/", edited(func(e *holdall.Entry, c *holdall.Condition) { e.Owner = "" })},
		{"names lose a trailing space", "place/bytes", edited(func(e *holdall.Entry, c *holdall.Condition) { e.Name = strings.TrimRight(e.Name, " ") })},
		{"values become floats", "fidelity/JSON", edited(func(e *holdall.Entry, c *holdall.Condition) { floats(e) })},
		{"times in milliseconds", "fidelity/", edited(func(e *holdall.Entry, c *holdall.Condition) { e.DueAt = e.DueAt.Truncate(time.Millisecond) })},
		{"1970 is zero", "fidelity/times", edited(func(e *holdall.Entry, c *holdall.Condition) {
			if e.DueAt.UnixMicro() == 0 {
				e.DueAt = time.Time{}
			}
		})},
		{"local times", "fidelity/fields", edited(func(e *holdall.Entry, c *holdall.Condition) { e.CreatedAt = e.CreatedAt.In(time.FixedZone("", 3600)) })},
		{"no nil content", "fidelity/zero", edited(func(e *holdall.Entry, c *holdall.Condition) {
			if e.Content == nil {
				e.Content = &holdall.Content{}
			}
		})},
		{"keeps what was passed", "fidelity/no aliasing", badPut{put: func(m fullModel, ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
			got, err := m.Put(ctx, e, c)
			if err == nil {
				m.mu.Lock()
				e.Version = got.Version
				m.entries[got.ID] = e
				m.mu.Unlock()
			}
			return got, err
		}}},
		{"look first, write later: create", "race/create", badPut{put: unchecked}},
		{"look first, write later: counter", "race/counter", badPut{put: unchecked}},
		{"look first, write later: bucket", "race/bucket", badPut{put: unchecked}},
		{"look first, write later: moves", "race/moves", badPut{put: unchecked}},
		{"ids of all tenants", "place/get", badPut{get: func(m fullModel, ctx context.Context, r holdall.Ref) (holdall.Entry, error) {
			found, err := m.Scan(ctx, holdall.Scan{IDs: []string{r.ID}})
			if r.ID == "" || err != nil || len(found) == 0 {
				return m.Get(ctx, r)
			}
			return found[0], nil
		}}},
		{"get hides the expired", "put/expired", badPut{get: func(m fullModel, ctx context.Context, r holdall.Ref) (holdall.Entry, error) {
			e, err := m.Get(ctx, r)
			if err == nil && e.Expired(e.UpdatedAt) {
				return holdall.Entry{}, holdall.ErrNotFound
			}
			return e, err
		}}},
		{"remove at any version", "remove/", badPut{remove: func(m fullModel, ctx context.Context, tenant, id string, _ int64) error {
			e, err := m.Get(ctx, holdall.Ref{Tenant: tenant, ID: id})
			if err != nil {
				return err
			}
			return m.Remove(ctx, tenant, id, e.Version)
		}}},
		{"batch in another order", "batch/one place", badPut{batch: func(m fullModel, ctx context.Context, ops []holdall.PutOp) ([]holdall.PutResult, error) {
			results := make([]holdall.PutResult, len(ops))
			for i := len(ops) - 1; i >= 0; i-- {
				results[i].Entry, results[i].Err = m.Put(ctx, ops[i].Entry, ops[i].Condition)
			}
			return results, nil
		}}},
		{"batch stops at an error", "batch/each", badPut{batch: func(m fullModel, ctx context.Context, ops []holdall.PutOp) ([]holdall.PutResult, error) {
			results := make([]holdall.PutResult, len(ops))
			for i, op := range ops {
				if results[i].Entry, results[i].Err = m.Put(ctx, op.Entry, op.Condition); results[i].Err != nil {
					break
				}
			}
			return results, nil
		}}},
		{"batch removal at any version", "remove batch/versions", badPut{erase: func(m fullModel, ctx context.Context, es []holdall.Entry) (int, error) {
			for i, e := range es {
				if now, err := m.Get(ctx, holdall.Ref{Tenant: e.Tenant, ID: e.ID}); err == nil {
					es[i].Version = now.Version
				}
			}
			return m.RemoveBatch(ctx, es)
		}}},
		{"batch removal counts what was asked", "remove batch/", badPut{erase: func(m fullModel, ctx context.Context, es []holdall.Entry) (int, error) {
			_, err := m.RemoveBatch(ctx, es)
			return len(es), err
		}}},
		{"batch removal forgets the last", "remove batch/sizes", badPut{erase: func(m fullModel, ctx context.Context, es []holdall.Entry) (int, error) {
			n, err := m.RemoveBatch(ctx, es[:max(len(es)-1, 0)])
			return min(n+1, len(es)), err
		}}},
		{"batch removal across tenants", "remove batch/versions", badPut{erase: func(m fullModel, ctx context.Context, es []holdall.Entry) (int, error) {
			for i, e := range es {
				if all, _ := m.Scan(ctx, holdall.Scan{IDs: []string{e.ID}}); len(all) == 1 {
					es[i].Tenant = all[0].Tenant
				}
			}
			return m.RemoveBatch(ctx, es)
		}}},
		{"no rollback", "tx/rollback", badPut{inTx: func(m fullModel, ctx context.Context, fn func(context.Context, holdall.Catalog) error) error {
			return fn(ctx, m)
		}}},
		{"dirty reads", "tx/nothing", badPut{inTx: func(m fullModel, ctx context.Context, fn func(context.Context, holdall.Catalog) error) error {
			before := newModel()
			for id, e := range m.entries {
				before.entries[id] = clone(e)
			}
			err := fn(ctx, m)
			if err != nil {
				runtime.Gosched()
				for _, e := range before.entries {
					m.raw(e)
				}
			}
			return err
		}}},
		{"a failed operation ends it", "tx/failed", badPut{inTx: func(m fullModel, ctx context.Context, fn func(context.Context, holdall.Catalog) error) error {
			return m.InTx(ctx, func(ctx context.Context, tx holdall.Catalog) error {
				broken := false
				return fn(ctx, badPut{fullModel: fullModel{tx.(*model)}, put: func(m fullModel, ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
					if broken {
						return holdall.Entry{}, holdall.ErrUnavailable
					}
					got, err := m.Put(ctx, e, c)
					broken = err != nil
					return got, err
				}})
			})
		}}},
		{"simulation finds what no table has", "simulation/", edited(func(e *holdall.Entry, c *holdall.Condition) {
			if e.Kind == holdall.KindRecord && e.Name == "a%" && e.State == holdall.StateDeleted {
				e.State = holdall.StatePurging
			}
		})},
	} {
		t.Run(tc.bug, func(t *testing.T) {
			mustCatch(t, tc.group, func() holdall.Catalog {
				b := tc.b
				b.fullModel = fullModel{newModel()}
				return b
			})
		})
	}
}
