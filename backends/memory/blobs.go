package memory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/body"
	"github.com/holdall-go/holdall/internal/kv"
)

// chunkSize is the largest of a blob's chunks, in bytes.
const chunkSize = 128 << 10

// blobs is the bytes, by key.
type blobs struct {
	mu  sync.Mutex // for writers
	all atomic.Pointer[kv.Tree[*blob]]
	// below is what a transaction adds to, or nil. A nil blob in all hides
	// the one below.
	below *blobs
}

// blob is immutable.
type blob struct {
	chunks [][]byte
	size   int64
	stored time.Time
}

func (b *blobs) get(key string) *blob {
	v, ok := b.all.Load().Get([]byte(key))
	if !ok && b.below != nil {
		return b.below.get(key)
	}
	return v
}

// set puts a blob, or takes it away when v is nil.
func (b *blobs) set(key string, v *blob) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.store(key, v)
}

func (b *blobs) store(key string, v *blob) {
	t := *b.all.Load()
	if v == nil && b.below == nil {
		t = t.Delete([]byte(key))
	} else {
		t = t.Put([]byte(key), v)
	}
	b.all.Store(&t)
}

// add puts a blob under a key that must be new.
func (b *blobs) add(key string, v *blob) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.get(key) != nil {
		return fmt.Errorf("%w: blob %q", holdall.ErrExists, key)
	}
	b.store(key, v)
	return nil
}

// merge takes over what a transaction has changed.
func (b *blobs) merge(tx *blobs) {
	w := tx.all.Load().Walk()
	for k, v := w.Seek(nil); k != nil; k, v = w.Next() {
		b.set(string(k), v)
	}
}

// PutBlob implements [holdall.Blobs].
func (b *blobs) PutBlob(ctx context.Context, key string, r io.Reader, size int64) (int64, error) {
	if b.get(key) != nil {
		return 0, fmt.Errorf("%w: blob %q", holdall.ErrExists, key)
	}
	v, err := readBlob(ctx, r, size)
	if err != nil {
		return 0, err
	}
	return v.size, b.add(key, v)
}

// scratch holds buffers that bodies are read into, a chunk at a time.
var scratch = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// readBlob reads r into chunks. Each is read into a buffer that stays in the
// processor's cache and then copied to memory of exactly its size: that is
// faster than clearing new memory to read into it, and an announced size
// takes no memory beforehand.
func readBlob(ctx context.Context, r io.Reader, size int64) (*blob, error) {
	if w, ok := r.(io.WriterTo); ok {
		v := &incoming{ctx: ctx, blob: blob{stored: time.Now()}}
		if _, err := w.WriteTo(v); err != nil {
			return nil, err
		}
		return &v.blob, body.Size(v.size, size)
	}
	buf := scratch.Get().(*[chunkSize]byte)
	defer scratch.Put(buf)
	v := &blob{stored: time.Now()}
	if size > 0 {
		v.chunks = make([][]byte, 0, min(size/chunkSize+1, 1<<10))
	}
	for {
		n, err := body.Fill(ctx, r, buf[:])
		if n > 0 {
			v.chunks = append(v.chunks, bytes.Clone(buf[:n]))
		}
		v.size += int64(n)
		switch {
		case err == io.EOF:
			return v, body.Size(v.size, size)
		case err != nil:
			return nil, err
		case size >= 0 && v.size > size:
			return nil, body.Size(v.size, size)
		}
	}
}

// incoming is a blob that a reader writes itself to.
type incoming struct {
	ctx context.Context
	blob
}

func (v *incoming) Write(p []byte) (int, error) {
	if err := v.ctx.Err(); err != nil {
		return 0, err
	}
	v.chunks = append(v.chunks, bytes.Clone(p))
	v.size += int64(len(p))
	return len(p), nil
}

// OpenBlob implements [holdall.Blobs]. The reader is an io.WriterTo.
func (b *blobs) OpenBlob(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v := b.get(key)
	if v == nil {
		return nil, fmt.Errorf("%w: blob %q", holdall.ErrNotFound, key)
	}
	n, err := body.Range(off, n, v.size)
	if err != nil {
		return nil, err
	}
	i := 0
	for i < len(v.chunks) && off >= int64(len(v.chunks[i])) {
		off -= int64(len(v.chunks[i]))
		i++
	}
	return &reader{ctx: ctx, chunks: v.chunks[i:], off: off, left: n}, nil
}

// DeleteBlob implements [holdall.Blobs]. Readers that are open go on.
func (b *blobs) DeleteBlob(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.set(key, nil)
	return nil
}

// CopyBlob implements [holdall.BlobCopier]. The copies share their memory.
func (b *blobs) CopyBlob(ctx context.Context, dst, src string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v := b.get(src)
	if v == nil {
		return fmt.Errorf("%w: blob %q", holdall.ErrNotFound, src)
	}
	return b.add(dst, &blob{v.chunks, v.size, time.Now()})
}

// ListBlobs implements [holdall.BlobLister].
func (b *Backend) ListBlobs(ctx context.Context, after string, limit int) ([]holdall.BlobInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var list []holdall.BlobInfo
	w := b.blobs.all.Load().Walk()
	for k, v := w.Seek([]byte(after)); k != nil && len(list) < limit; k, v = w.Next() {
		if string(k) != after {
			list = append(list, holdall.BlobInfo{Key: string(k), Size: v.size, ModTime: v.stored})
		}
	}
	return list, nil
}

// reader reads a range of a blob.
type reader struct {
	ctx    context.Context
	chunks [][]byte
	off    int64 // in the first chunk
	left   int64
	shut   bool
}

// next returns the bytes that come next, at most limit, or an error when
// there are none.
func (r *reader) next(limit int) ([]byte, error) {
	switch {
	case r.shut:
		return nil, io.ErrClosedPipe
	case r.ctx.Err() != nil:
		return nil, r.ctx.Err()
	case r.left == 0:
		return nil, io.EOF
	}
	p := r.chunks[0][r.off:]
	p = p[:min(int64(len(p)), r.left, int64(limit))]
	r.left -= int64(len(p))
	if r.off += int64(len(p)); r.off == int64(len(r.chunks[0])) {
		r.chunks, r.off = r.chunks[1:], 0
	}
	return p, nil
}

func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	from, err := r.next(len(p))
	return copy(p, from), err
}

// WriteTo implements io.WriterTo: the bytes go out as they lie.
func (r *reader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		p, err := r.next(chunkSize)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		n, err := w.Write(p)
		total += int64(n)
		if err != nil {
			return total, err
		}
		if n < len(p) {
			return total, io.ErrShortWrite
		}
	}
}

func (r *reader) Close() error {
	r.shut = true
	return nil
}
