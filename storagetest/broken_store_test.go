package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/holdall-go/holdall"
)

// badAtomic is a backend with one commit for both that has a bug.
type badAtomic struct {
	*atomicModel
	put func(a *atomicModel, ctx context.Context, key string, r io.Reader, size int64, seal func() (holdall.Entry, holdall.Condition, error)) (holdall.Entry, error)
}

func (b *badAtomic) PutWithBlob(ctx context.Context, key string, r io.Reader, size int64, seal func() (holdall.Entry, holdall.Condition, error)) (holdall.Entry, error) {
	return b.put(b.atomicModel, ctx, key, r, size, seal)
}

func TestCatchesBrokenStores(t *testing.T) {
	takesMinutes(t)
	pair := func(c func(fullModel) holdall.Catalog, b func(*blobModel) holdall.Blobs) func() holdall.Backends {
		return func() holdall.Backends {
			catalog, blobs := fullModel{newModel()}, newBlobModel()
			out := holdall.Backends{Catalog: catalog, Blobs: blobs}
			if c != nil {
				out.Catalog = c(catalog)
			}
			if b != nil {
				out.Blobs = b(blobs)
			}
			return out
		}
	}
	atomic := func(put func(a *atomicModel, ctx context.Context, key string, r io.Reader, size int64, seal func() (holdall.Entry, holdall.Condition, error)) (holdall.Entry, error)) func() holdall.Backends {
		return func() holdall.Backends {
			b := &badAtomic{&atomicModel{newOneModel()}, put}
			return holdall.Backends{Catalog: b, Blobs: b}
		}
	}
	keeps := func(m *blobModel) holdall.Blobs {
		return badBlobs{blobModel: m, del: func(*blobModel, string) error { return nil }}
	}
	writesLate := func(m fullModel) holdall.Catalog { return badPut{fullModel: m, put: unchecked} }
	for _, tc := range []struct {
		bug, group string
		open       func() holdall.Backends
	}{
		{"deletes no bytes", "faults/upload", pair(nil, keeps)},
		{"deletes no bytes of the purged", "object/life", pair(nil, keeps)},
		{"deletes no bytes of the retained", "object/retention", pair(nil, keeps)},
		{"writes late: uploads", "race/uploads", pair(writesLate, nil)},
		{"writes late: bucket delete", "race/bucket delete", pair(writesLate, nil)},
		{"writes late: patches", "race/patches", pair(writesLate, nil)},
		{"leaks tenants by id", "isolation/objects", pair(func(m fullModel) holdall.Catalog {
			return badPut{fullModel: m, get: func(m fullModel, ctx context.Context, r holdall.Ref) (holdall.Entry, error) {
				found, err := m.Scan(ctx, holdall.Scan{IDs: []string{r.ID}})
				if r.ID == "" || err != nil || len(found) == 0 {
					return m.Get(ctx, r)
				}
				return found[0], nil
			}}
		}, nil)},
		{"leaks owners in lists", "isolation/", pair(func(m fullModel) holdall.Catalog {
			return badQuery{fullModel: m, edit: func(q *holdall.Query) { q.Scopes = nil }}
		}, nil)},
		{"expired keys stay taken", "record/ttl", pair(func(m fullModel) holdall.Catalog {
			return badPut{fullModel: m, put: func(m fullModel, ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
				if c == holdall.IfAbsent && e.State == holdall.StateLive {
					if _, err := m.Get(ctx, e.Place()); err == nil {
						return holdall.Entry{}, holdall.ErrExists
					}
				}
				return m.Put(ctx, e, c)
			}}
		}, nil)},
		{"wrong folders", "list/folders", pair(func(m fullModel) holdall.Catalog {
			return badQuery{fullModel: m, folders: func(q holdall.Query, p holdall.Page) holdall.Page {
				if len(p.Folders) > 1 {
					p.Folders = p.Folders[1:]
				}
				return p
			}}
		}, nil)},
		{"ranges begin at 0", "object/range", pair(nil, func(m *blobModel) holdall.Blobs {
			return badBlobs{blobModel: m, open: func(m *blobModel, ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
				return m.OpenBlob(ctx, key, 0, n)
			}}
		})},
		{"a broken put leaves its bytes under another key", "upload/broken", pair(nil, func(m *blobModel) holdall.Blobs {
			return badBlobs{blobModel: m, del: func(m *blobModel, key string) error {
				m.mu.Lock()
				defer m.mu.Unlock()
				if len(m.blobs[key]) > 1000 {
					return nil
				}
				delete(m.blobs, key)
				return nil
			}, put: func(m *blobModel, ctx context.Context, key string, r io.Reader, size int64) (int64, error) {
				data, err := io.ReadAll(r)
				m.mu.Lock()
				m.blobs[key] = data
				m.mu.Unlock()
				return int64(len(data)), err
			}}
		})},
		{"seal before the end", "atomic/seal", atomic(func(a *atomicModel, ctx context.Context, key string, r io.Reader, size int64, seal func() (holdall.Entry, holdall.Condition, error)) (holdall.Entry, error) {
			e, cond, err := seal()
			if err != nil {
				return holdall.Entry{}, err
			}
			return a.PutWithBlob(ctx, key, r, size, func() (holdall.Entry, holdall.Condition, error) { return e, cond, nil })
		})},
		{"bytes of a refused entry", "atomic/refused", atomic(func(a *atomicModel, ctx context.Context, key string, r io.Reader, size int64, seal func() (holdall.Entry, holdall.Condition, error)) (holdall.Entry, error) {
			data, err := io.ReadAll(r)
			if err != nil {
				return holdall.Entry{}, err
			}
			_, _ = a.PutBlob(ctx, key, bytes.NewReader(data), -1)
			return a.PutWithBlob(ctx, key, bytes.NewReader(data), size, seal)
		})},
		{"seal's error is hidden", "atomic/seal", atomic(func(a *atomicModel, ctx context.Context, key string, r io.Reader, size int64, seal func() (holdall.Entry, holdall.Condition, error)) (holdall.Entry, error) {
			e, err := a.PutWithBlob(ctx, key, r, size, seal)
			if err != nil {
				err = errors.New("it did not work")
			}
			return e, err
		})},
		{"seal is asked once", "atomic/conflicts", atomic(func(a *atomicModel, ctx context.Context, key string, r io.Reader, size int64, seal func() (holdall.Entry, holdall.Condition, error)) (holdall.Entry, error) {
			e, cond, err := seal()
			if err != nil {
				return holdall.Entry{}, err
			}
			return a.PutWithBlob(ctx, key, r, size, func() (holdall.Entry, holdall.Condition, error) { return e, cond, nil })
		})},
	} {
		t.Run(tc.bug, func(t *testing.T) { mustCatchStore(t, tc.group, tc.open) })
	}
}
