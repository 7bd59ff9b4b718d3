package minio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	miniogo "github.com/minio/minio-go/v7"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/body"
)

// OpenBlob implements [holdall.Blobs] by one request, whatever the range. A
// download that the line cuts is resumed a few times where it stopped.
func (b *Backend) OpenBlob(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if off < 0 {
		return nil, fmt.Errorf("%w: offset %d", holdall.ErrInvalid, off)
	}
	r := &reader{b: b, parent: ctx, key: key, pos: off, end: -1}
	if n >= 0 && n <= math.MaxInt64-off {
		r.end = off + n
	}
	err := holdall.ErrInvalid
	if n != 0 {
		err = r.open()
	}
	if errors.Is(err, holdall.ErrInvalid) {
		// The range has no byte: it is empty, or begins at the end or behind it.
		r.end = off
		err = b.openEmpty(ctx, key, off)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// openEmpty checks a range of no bytes.
func (b *Backend) openEmpty(ctx context.Context, key string, off int64) error {
	return b.do(ctx, func(ctx context.Context) error {
		info, err := b.core.StatObject(ctx, b.bucket, b.name(key), miniogo.StatObjectOptions{})
		if err == nil {
			_, err = body.Range(off, 0, info.Size)
		}
		return err
	})
}

// resumes is how often one download goes on after a cut.
const resumes = 4

// reader is a download.
type reader struct {
	b        *Backend
	parent   context.Context
	key      string
	pos, end int64 // in the blob; end is -1 before it is known
	resumed  int
	err      error // sticky

	body   io.ReadCloser // nil: the next Read asks for what follows pos
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  *time.Timer
}

// open asks for the bytes from pos to end.
func (r *reader) open() error {
	ctx, cancel := context.WithCancelCause(r.parent)
	deadline := time.AfterFunc(r.b.timeout, func() { cancel(errTimeout) })
	defer deadline.Stop()
	body, err := r.get(ctx)
	if err != nil {
		cancel(nil)
		return explain(r.parent, ctx, err)
	}
	r.body, r.ctx, r.cancel = body, ctx, cancel
	r.stall = time.AfterFunc(time.Hour, func() { cancel(errStalled) })
	r.stall.Stop()
	return nil
}

func (r *reader) get(ctx context.Context) (io.ReadCloser, error) {
	var opts miniogo.GetObjectOptions
	ranged := r.pos > 0 || r.end >= 0
	if ranged {
		last := int64(0) // to the end
		if r.end > 0 {
			last = r.end - 1
		}
		if err := opts.SetRange(r.pos, last); err != nil {
			return nil, err
		}
	}
	body, info, header, err := r.b.core.GetObject(ctx, r.b.bucket, r.b.name(r.key), opts)
	if err != nil {
		return nil, err
	}
	got := header.Get("Content-Range")
	var from int64
	_, scanErr := fmt.Sscanf(got, "bytes %d-", &from)
	end := r.pos + info.Size
	if info.Size < 0 || ranged && (scanErr != nil || from != r.pos) || r.end >= 0 && end > r.end {
		body.Close()
		return nil, fmt.Errorf("%w: the store answered a range with other bytes: %q", holdall.ErrUnavailable, got)
	}
	r.end = end
	return body, nil
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	switch {
	case r.err != nil:
		return 0, r.err
	case r.pos == r.end:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	case r.body == nil:
		if r.err = r.open(); r.err != nil {
			return 0, r.err
		}
	}
	r.stall.Reset(r.b.stall)
	n, err := r.body.Read(p[:min(int64(len(p)), r.end-r.pos)])
	r.stall.Stop()
	r.pos += int64(n)
	if err == nil || r.pos == r.end {
		return n, nil
	}
	r.cut(err)
	return n, r.err
}

// cut deals with a body that ended too early: the next Read resumes it, or
// fails.
func (r *reader) cut(err error) {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	err = explain(r.parent, r.ctx, err)
	alive := r.ctx.Err() == nil
	r.release()
	if r.resumed++; !alive || r.resumed > resumes {
		r.err = err
	}
}

func (r *reader) release() {
	if r.body != nil {
		r.body.Close()
		r.cancel(nil)
		r.stall.Stop()
		r.body = nil
	}
}

// Close frees the connection. Closing twice is harmless.
func (r *reader) Close() error {
	r.release()
	if r.err == nil {
		r.err = io.ErrClosedPipe
	}
	return nil
}
