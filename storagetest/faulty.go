package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/holdall-go/holdall"
)

// Fault is what becomes of one call to a backend.
type Fault int

// The faults.
const (
	NoFault Fault = iota
	// Fail is a definite failure: the call is not carried out, and its error
	// matches ErrInjected but no sentinel of package holdall.
	Fail
	// Refuse is a call that never arrived: it is not carried out, but its
	// error matches holdall.ErrUnavailable, so the caller cannot know.
	Refuse
	// LoseReply is an answer that never arrived: the call is carried out, and
	// its error matches holdall.ErrUnavailable.
	LoseReply
)

// ErrInjected is in every error that a [Faulty] makes.
var ErrInjected = errors.New("storagetest: injected fault")

// Faulty lets calls to backends fail on purpose. It stands in front of a
// Catalog and Blobs, and has the optional interfaces AtomicPutter, BatchPutter
// with BatchRemover, and BlobCopier where they do; it has no Unwrap, so that nothing gets round
// it, and therefore no other capability. It is safe for concurrent use.
type Faulty struct {
	backends holdall.Backends
	mu       sync.Mutex
	plan     func(n int, method string) Fault
	calls    []string
	keys     map[string]bool // of all blobs that were ever put
}

// NewFaulty returns a Faulty in front of b that lets every call pass.
func NewFaulty(b holdall.Backends) *Faulty {
	f := &Faulty{keys: map[string]bool{}}
	f.backends = f.front(b)
	return f
}

// Backends returns what a Store is to be made of.
func (f *Faulty) Backends() holdall.Backends { return f.backends }

// Plan asks plan about every call from now on, with its number, from 0, and
// its method, such as "PutBlob". plan is called one call at a time; nil lets
// all pass. It forgets the calls before.
func (f *Faulty) Plan(plan func(n int, method string) Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan, f.calls = plan, nil
}

// Calls returns the methods that were called since the last Plan.
func (f *Faulty) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *Faulty) next(method string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.calls)
	f.calls = append(f.calls, method)
	if f.plan == nil {
		return NoFault
	}
	return f.plan(n, method)
}

func (f *Faulty) noteKey(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys[key] = true
}

// keyList returns the keys of all blobs that were ever put.
func (f *Faulty) keyList() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var keys []string
	for k := range f.keys {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// through makes a call, or lets it fail.
func through[T any](f *Faulty, method string, call func() (T, error)) (T, error) {
	var none T
	switch f.next(method) {
	case Fail:
		return none, fmt.Errorf("%s: %w", method, ErrInjected)
	case Refuse:
		return none, fmt.Errorf("%s: %w: %w", method, holdall.ErrUnavailable, ErrInjected)
	case LoseReply:
		if got, err := call(); err == nil {
			if c, ok := any(got).(io.Closer); ok {
				c.Close()
			}
		}
		return none, fmt.Errorf("%s, reply lost: %w: %w", method, holdall.ErrUnavailable, ErrInjected)
	}
	return call()
}

func through0(f *Faulty, method string, call func() error) error {
	_, err := through(f, method, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// front builds what has the capabilities that b has.
func (f *Faulty) front(b holdall.Backends) holdall.Backends {
	catalog, blobs := faultyCatalog{f, b.Catalog}, faultyBlobs{f, b.Blobs}
	batch, batches := holdall.As[holdall.BatchPutter](b.Catalog)
	remover, _ := holdall.As[holdall.BatchRemover](b.Catalog)
	cp, copies := holdall.As[holdall.BlobCopier](b.Blobs)
	out := holdall.Backends{Catalog: &catalog, Blobs: &blobs, Records: b.Records}
	if batches {
		out.Catalog = &faultyBatcher{catalog, batch, remover}
	}
	if copies {
		out.Blobs = &faultyCopier{blobs, cp}
	}
	one, ok := holdall.As[holdall.AtomicPutter](b.Catalog)
	other, ok2 := holdall.As[holdall.AtomicPutter](b.Blobs)
	if ok && ok2 && one == other && batches {
		atomic := faultyAtomic{faultyBatcher{catalog, batch, remover}, blobs, one}
		if copies {
			both := &faultyAtomicCopier{atomic, cp}
			out.Catalog, out.Blobs = both, both
		} else {
			out.Catalog, out.Blobs = &atomic, &atomic
		}
	}
	return out
}

type faultyCatalog struct {
	f *Faulty
	c holdall.Catalog
}

func (c *faultyCatalog) Put(ctx context.Context, e holdall.Entry, cond holdall.Condition) (holdall.Entry, error) {
	return through(c.f, "Put", func() (holdall.Entry, error) { return c.c.Put(ctx, e, cond) })
}

func (c *faultyCatalog) Get(ctx context.Context, ref holdall.Ref) (holdall.Entry, error) {
	return through(c.f, "Get", func() (holdall.Entry, error) { return c.c.Get(ctx, ref) })
}

func (c *faultyCatalog) Query(ctx context.Context, q holdall.Query) (holdall.Page, error) {
	return through(c.f, "Query", func() (holdall.Page, error) { return c.c.Query(ctx, q) })
}

func (c *faultyCatalog) Count(ctx context.Context, q holdall.Query) (int64, error) {
	return through(c.f, "Count", func() (int64, error) { return c.c.Count(ctx, q) })
}

func (c *faultyCatalog) Remove(ctx context.Context, tenant, id string, version int64) error {
	return through0(c.f, "Remove", func() error { return c.c.Remove(ctx, tenant, id, version) })
}

func (c *faultyCatalog) Scan(ctx context.Context, s holdall.Scan) ([]holdall.Entry, error) {
	return through(c.f, "Scan", func() ([]holdall.Entry, error) { return c.c.Scan(ctx, s) })
}

type faultyBatcher struct {
	faultyCatalog
	b holdall.BatchPutter
	r holdall.BatchRemover // may be nil: RemoveBatch matches errors.ErrUnsupported then
}

func (c *faultyBatcher) PutBatch(ctx context.Context, ops []holdall.PutOp) ([]holdall.PutResult, error) {
	return through(c.f, "PutBatch", func() ([]holdall.PutResult, error) { return c.b.PutBatch(ctx, ops) })
}

func (c *faultyBatcher) RemoveBatch(ctx context.Context, es []holdall.Entry) (int, error) {
	if c.r == nil {
		return 0, errors.ErrUnsupported
	}
	return through(c.f, "RemoveBatch", func() (int, error) { return c.r.RemoveBatch(ctx, es) })
}

type faultyBlobs struct {
	f *Faulty
	b holdall.Blobs
}

func (b *faultyBlobs) PutBlob(ctx context.Context, key string, r io.Reader, size int64) (int64, error) {
	b.f.noteKey(key)
	return through(b.f, "PutBlob", func() (int64, error) { return b.b.PutBlob(ctx, key, r, size) })
}

func (b *faultyBlobs) OpenBlob(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	return through(b.f, "OpenBlob", func() (io.ReadCloser, error) { return b.b.OpenBlob(ctx, key, off, n) })
}

func (b *faultyBlobs) DeleteBlob(ctx context.Context, key string) error {
	return through0(b.f, "DeleteBlob", func() error { return b.b.DeleteBlob(ctx, key) })
}

type faultyCopier struct {
	faultyBlobs
	c holdall.BlobCopier
}

func (b *faultyCopier) CopyBlob(ctx context.Context, dst, src string) error {
	return copyThrough(ctx, b.f, b.c, dst, src)
}

func copyThrough(ctx context.Context, f *Faulty, c holdall.BlobCopier, dst, src string) error {
	f.noteKey(dst)
	return through0(f, "CopyBlob", func() error { return c.CopyBlob(ctx, dst, src) })
}

// faultyAtomic is the front of one backend that is Catalog and Blobs.
type faultyAtomic struct {
	faultyBatcher
	faultyBlobs
	a holdall.AtomicPutter
}

func (a *faultyAtomic) AtomicLimit() int64 { return a.a.AtomicLimit() }

func (a *faultyAtomic) PutWithBlob(ctx context.Context, key string, r io.Reader, size int64, seal func() (holdall.Entry, holdall.Condition, error)) (holdall.Entry, error) {
	f := a.faultyBlobs.f
	f.noteKey(key)
	return through(f, "PutWithBlob", func() (holdall.Entry, error) { return a.a.PutWithBlob(ctx, key, r, size, seal) })
}

type faultyAtomicCopier struct {
	faultyAtomic
	c holdall.BlobCopier
}

func (a *faultyAtomicCopier) CopyBlob(ctx context.Context, dst, src string) error {
	return copyThrough(ctx, a.faultyBlobs.f, a.c, dst, src)
}
