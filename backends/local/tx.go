package local

import (
	"context"
	"sync"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
	"github.com/holdall-go/holdall/internal/kvcatalog"
)

// InTx implements [holdall.Transactor] in one commit. The catalog that fn gets
// is also [holdall.Blobs] and a [holdall.AtomicPutter], of which the same
// holds: what is put or deleted there happens with the transaction. Other
// writers wait until fn has returned; readers do not.
func (b *Backend) InTx(ctx context.Context, fn func(ctx context.Context, tx holdall.Catalog) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	later := &afterwards{doomed: map[string]bool{}}
	err = errAborted // if fn panics
	defer func() { later.run(b.blobs, err) }()
	return b.engine.Update(ctx, kv.Exclusive, func(tx kv.Tx) error {
		db, end := kv.Bind(tx)
		defer end()
		return fn(ctx, &txBackend{kvcatalog.New(db), &blobs{db, b.files, later}})
	})
}

// txBackend is the backend within a transaction.
type txBackend struct {
	*catalog
	*blobs
}

// afterwards is what happens to files once a transaction has ended.
type afterwards struct {
	mu      sync.Mutex
	arrived []*incoming
	doomed  map[string]bool
}

func (a *afterwards) put(in *incoming) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.arrived = append(a.arrived, in)
}

func (a *afterwards) doom(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.doomed[key] = true
}

// dooms reports whether the transaction has deleted the blob of a file.
func (a *afterwards) dooms(key string) bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.doomed[key]
}

// run does it, after the transaction that returned err. Its context is none
// that could be cancelled: the transaction has happened. A file that cannot
// be deleted now keeps its row, by which Verify finds it.
func (a *afterwards) run(b *blobs, err error) {
	for _, in := range a.arrived {
		_ = b.finish(in, err)
	}
	if err != nil {
		return
	}
	for key := range a.doomed {
		_ = b.DeleteBlob(context.Background(), key)
	}
}
