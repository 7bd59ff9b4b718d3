package memory

import (
	"context"
	"errors"
	"io"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
	"github.com/holdall-go/holdall/internal/kvcatalog"
)

// maxTries is how often an upload decides anew when others change its entry.
const maxTries = 10

// AtomicLimit implements [holdall.AtomicPutter]: there is no limit.
func (*blobs) AtomicLimit() int64 { return -1 }

// PutWithBlob implements [holdall.AtomicPutter].
func (b *Backend) PutWithBlob(ctx context.Context, key string, r io.Reader, size int64, seal func() (holdall.Entry, holdall.Condition, error)) (holdall.Entry, error) {
	return putWithBlob(ctx, b, b.blobs, key, r, size, seal)
}

// InTx implements [holdall.Transactor]. The catalog that fn gets is also
// [holdall.Blobs] and a [holdall.AtomicPutter], of which the same holds: what
// is put or deleted there happens with the transaction. Other writers wait
// until fn has returned; readers do not.
func (b *Backend) InTx(ctx context.Context, fn func(ctx context.Context, tx holdall.Catalog) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.db.Update(ctx, kv.Exclusive, func(tx kv.Tx) error {
		bound, end := kv.Bind(tx)
		defer end()
		t := &txBackend{kvcatalog.New(bound), &blobs{below: b.blobs}}
		t.blobs.all.Store(&kv.Tree[*blob]{})
		if err := fn(ctx, t); err != nil {
			return err
		}
		b.blobs.merge(t.blobs)
		return nil
	})
}

// txBackend is the backend within a transaction.
type txBackend struct {
	*catalog
	*blobs
}

func (t *txBackend) PutWithBlob(ctx context.Context, key string, r io.Reader, size int64, seal func() (holdall.Entry, holdall.Condition, error)) (holdall.Entry, error) {
	return putWithBlob(ctx, t, t.blobs, key, r, size, seal)
}

// putWithBlob puts the bytes first: nobody knows their key until the entry
// is there.
func putWithBlob(ctx context.Context, c holdall.Catalog, b *blobs, key string, r io.Reader, size int64, seal func() (holdall.Entry, holdall.Condition, error)) (holdall.Entry, error) {
	if _, err := b.PutBlob(ctx, key, r, size); err != nil {
		return holdall.Entry{}, err
	}
	for try := 1; ; try++ {
		e, cond, err := seal()
		if err == nil {
			e, err = c.Put(ctx, e, cond)
		}
		if err == nil {
			return e, nil
		}
		if try == maxTries || !errors.Is(err, holdall.ErrConflict) {
			b.set(key, nil)
			return holdall.Entry{}, err
		}
	}
}
