package backend

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/holdall-go/holdall"
)

// PutBlob implements [holdall.Blobs]. The lock is taken once the bytes are
// all there: a client may take hours to send them.
func (b *Backend) PutBlob(ctx context.Context, key string, r io.Reader, size int64) (int64, error) {
	var buf bytes.Buffer
	n, err := io.Copy(&buf, reader{ctx, r})
	switch {
	case err != nil:
		return 0, err
	case size >= 0 && n != size:
		return 0, fmt.Errorf("%w: %d bytes came where %d were announced", holdall.ErrInvalid, n, size)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.bytes[key]; ok {
		return 0, holdall.ErrExists
	}
	b.bytes[key] = buf.Bytes()
	return n, nil
}

// OpenBlob implements [holdall.Blobs].
func (b *Backend) OpenBlob(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	b.mu.Lock()
	data, ok := b.bytes[key]
	b.mu.Unlock()
	size := int64(len(data))
	switch {
	case !ok:
		return nil, holdall.ErrNotFound
	case off < 0 || off > size:
		return nil, fmt.Errorf("%w: offset %d of %d bytes", holdall.ErrInvalid, off, size)
	case n < 0 || n > size-off:
		n = size - off
	}
	return io.NopCloser(reader{ctx, bytes.NewReader(data[off : off+n])}), nil
}

// DeleteBlob implements [holdall.Blobs].
func (b *Backend) DeleteBlob(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.bytes, key)
	return nil
}

// reader ends in the error of its context once that is done.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
