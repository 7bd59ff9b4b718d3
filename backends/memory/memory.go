// Package memory keeps everything in memory: for tests, for trying things
// out, and as the reference for what the other backends do.
package memory

import (
	"context"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
	"github.com/holdall-go/holdall/internal/kvcatalog"
)

// Backend is a [holdall.Catalog] and [holdall.Blobs] in memory. Use one
// Backend as both, so that an upload is one step. It is safe for concurrent use.
//
// Reads see a snapshot and wait for nobody; writes to the catalog run one at
// a time. Nothing survives the process. Memory use is that of the bytes, plus
// about 1 KiB for each entry; a blob whose size is known beforehand takes
// exactly that much.
type Backend struct {
	*catalog
	*blobs
	db *kv.Memory
}

type catalog = kvcatalog.Catalog

var (
	_ holdall.Catalog      = (*Backend)(nil)
	_ holdall.Blobs        = (*Backend)(nil)
	_ holdall.AtomicPutter = (*Backend)(nil)
	_ holdall.BatchPutter  = (*Backend)(nil)
	_ holdall.BatchRemover = (*Backend)(nil)
	_ holdall.Transactor   = (*Backend)(nil)
	_ holdall.FolderLister = (*Backend)(nil)
	_ holdall.BlobCopier   = (*Backend)(nil)
	_ holdall.BlobLister   = (*Backend)(nil)
	_ holdall.Pinger       = (*Backend)(nil)
)

// New returns an empty Backend.
func New() *Backend {
	db := kv.NewMemory()
	b := &Backend{catalog: kvcatalog.New(db), blobs: &blobs{}, db: db}
	b.blobs.all.Store(&kv.Tree[*blob]{})
	return b
}

// Ping implements [holdall.Pinger]. It fails only when ctx is done.
func (b *Backend) Ping(ctx context.Context) error { return ctx.Err() }
