package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdall-go/holdall"
)

// fullModel is the model with every optional interface of a Catalog.
type fullModel struct{ *model }

func (f fullModel) PutBatch(ctx context.Context, ops []holdall.PutOp) ([]holdall.PutResult, error) {
	results := make([]holdall.PutResult, len(ops))
	for i, op := range ops {
		results[i].Entry, results[i].Err = f.Put(ctx, op.Entry, op.Condition)
	}
	return results, nil
}

func (f fullModel) RemoveBatch(ctx context.Context, es []holdall.Entry) (n int, err error) {
	for _, e := range es {
		if f.Remove(ctx, e.Tenant, e.ID, e.Version) == nil {
			n++
		}
	}
	return n, nil
}

func (f fullModel) ListFolder(_ context.Context, q holdall.Query, foldersOnly bool) (holdall.Page, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]holdall.Entry, 0, len(f.entries))
	for _, e := range f.entries {
		all = append(all, e)
	}
	rows := selectFolder(q, all, foldersOnly)
	n := min(q.Limit, len(rows))
	page := holdall.Page{More: n < len(rows)}
	for _, r := range rows[:n] {
		if r.folder {
			page.Folders = append(page.Folders, r.at.Name)
		} else {
			page.Entries = append(page.Entries, clone(f.entries[r.id]))
		}
	}
	return page, nil
}

// InTx runs fn on a copy and keeps that when fn succeeds. It locks out all others.
func (f fullModel) InTx(ctx context.Context, fn func(context.Context, holdall.Catalog) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	tx := newModel()
	for id, e := range f.entries {
		tx.entries[id] = clone(e)
	}
	if err := fn(ctx, tx); err != nil {
		return err
	}
	f.model.entries = tx.entries
	return nil
}

// blobModel is Blobs in a map, with every optional interface.
type blobModel struct {
	mu    sync.Mutex
	blobs map[string][]byte
}

func newBlobModel() *blobModel { return &blobModel{blobs: map[string][]byte{}} }

func (m *blobModel) PutBlob(ctx context.Context, key string, r io.Reader, size int64) (int64, error) {
	data, err := io.ReadAll(r)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return 0, fmt.Errorf("reading the body: %w", err)
	}
	if size >= 0 && int64(len(data)) != size {
		return 0, fmt.Errorf("%w: %d bytes, not %d", holdall.ErrInvalid, len(data), size)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.blobs[key]; taken {
		return 0, holdall.ErrExists
	}
	m.blobs[key] = data
	return int64(len(data)), nil
}

type blobReader struct{ *bytes.Reader }

func (blobReader) Close() error { return nil }

func (m *blobModel) OpenBlob(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.blobs[key]
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !ok:
		return nil, holdall.ErrNotFound
	case off < 0 || off > int64(len(data)):
		return nil, holdall.ErrInvalid
	}
	data = data[off:]
	if n >= 0 && n < int64(len(data)) {
		data = data[:n]
	}
	return blobReader{bytes.NewReader(data)}, nil
}

func (m *blobModel) DeleteBlob(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.blobs, key)
	return nil
}

func (m *blobModel) CopyBlob(_ context.Context, dst, src string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.blobs[src]
	if !ok {
		return holdall.ErrNotFound
	}
	if _, taken := m.blobs[dst]; taken {
		return holdall.ErrExists
	}
	m.blobs[dst] = data
	return nil
}

func (m *blobModel) ListBlobs(_ context.Context, after string, limit int) ([]holdall.BlobInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []holdall.BlobInfo
	for k, data := range m.blobs {
		if k > after {
			out = append(out, holdall.BlobInfo{Key: k, Size: int64(len(data)), ModTime: time.Now()})
		}
	}
	slices.SortFunc(out, func(a, b holdall.BlobInfo) int { return strings.Compare(a.Key, b.Key) })
	return out[:min(limit, len(out))], nil
}

// oneModel is a backend that is both, without a commit of its own for both.
type oneModel struct {
	fullModel
	*blobModel
}

func newOneModel() *oneModel { return &oneModel{fullModel{newModel()}, newBlobModel()} }

// atomicModel commits entries and bytes together, up to 1000 bytes.
type atomicModel struct{ *oneModel }

func (a *atomicModel) AtomicLimit() int64 { return 1000 }

func (a *atomicModel) PutWithBlob(ctx context.Context, key string, r io.Reader, size int64, seal func() (holdall.Entry, holdall.Condition, error)) (holdall.Entry, error) {
	data, err := io.ReadAll(r)
	if err == nil && size >= 0 && int64(len(data)) != size {
		err = holdall.ErrInvalid
	}
	if err != nil {
		return holdall.Entry{}, err
	}
	var got holdall.Entry
	for range 10 {
		e, cond, err := seal()
		if err != nil {
			return holdall.Entry{}, err
		}
		a.blobModel.mu.Lock()
		if got, err = a.Put(ctx, e, cond); err == nil {
			a.blobs[key] = data
		}
		a.blobModel.mu.Unlock()
		if err == nil {
			return got, nil
		}
		if !errors.Is(err, holdall.ErrConflict) {
			return holdall.Entry{}, err
		}
	}
	return holdall.Entry{}, holdall.ErrConflict
}
