package holdall

import (
	"context"
	"errors"
	"io"
)

// Reader reads an object's bytes, as they were when it was opened. It asks
// the blob store for a range at the first read after Open or Seek, and only
// then. It is not safe for concurrent use. The caller closes it.
type Reader struct {
	ctx   context.Context
	blobs Blobs
	info  ObjectInfo
	pos   int64
	rc    io.ReadCloser // open at pos, to the end; nil when nothing is open
	shut  bool
}

var (
	_ io.ReadSeekCloser = (*Reader)(nil)
	_ io.WriterTo       = (*Reader)(nil)
)

var errReaderClosed = errors.New("holdall: the reader is closed")

func newReader(ctx context.Context, blobs Blobs, info ObjectInfo) *Reader {
	return &Reader{ctx: ctx, blobs: blobs, info: info}
}

// Info returns the object that is read.
func (r *Reader) Info() ObjectInfo { return r.info }

// Size returns the number of bytes of the object.
func (r *Reader) Size() int64 { return r.info.Size }

// Read implements io.Reader. Bytes that are missing in the blob store are
// io.ErrUnexpectedEOF, never an early io.EOF.
func (r *Reader) Read(p []byte) (int, error) {
	if err := r.start(); err != nil {
		return 0, err
	}
	if r.pos >= r.info.Size {
		return 0, io.EOF
	}
	n, err := r.rc.Read(p)
	r.pos += int64(n)
	if err == io.EOF && r.pos < r.info.Size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// WriteTo implements io.WriterTo: it writes the rest of the object to w, by
// the blob store's fast path where it has one. A file of the local backend
// reaches a TCP connection without passing through this process's memory.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	if err := r.start(); err != nil {
		return 0, err
	}
	if r.pos >= r.info.Size {
		return 0, nil
	}
	n, err := io.Copy(w, r.rc)
	r.pos += n
	if err == nil && r.pos < r.info.Size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// start opens what follows pos, if that is not open already.
func (r *Reader) start() error {
	if r.shut {
		return errReaderClosed
	}
	if r.rc != nil || r.pos >= r.info.Size {
		return nil
	}
	rc, err := r.Range(r.pos, r.info.Size-r.pos)
	r.rc = rc
	return err
}

// Range opens n bytes from offset off, apart from the reader's own position:
// only they leave the backend. It fails when they are not all inside the
// object. The caller closes what it gets.
func (r *Reader) Range(off, n int64) (io.ReadCloser, error) {
	const op = "object.read"
	if off < 0 || n < 0 || off > r.info.Size-n {
		return nil, fail(op, KindObject, r.info.ID, CodeInvalidRequest, "the range is not inside the object")
	}
	rc, err := r.blobs.OpenBlob(r.ctx, r.info.BlobKey, off, n)
	if errors.Is(err, ErrNotFound) {
		// The row says that the bytes are there: this is damage, not absence.
		return nil, &Error{Op: op, Kind: KindObject, Name: r.info.ID, Code: CodeInternal, Err: errors.New("the bytes are missing")}
	}
	return rc, wrap(op, KindObject, r.info.ID, err)
}

// Seek implements io.Seeker. It costs nothing by itself.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.info.Size
	}
	if whence < io.SeekStart || whence > io.SeekEnd || offset < 0 {
		return 0, fail("object.read", KindObject, r.info.ID, CodeInvalidRequest, "no such position")
	}
	if offset != r.pos {
		_ = r.drop() // it was only read
		r.pos = offset
	}
	return offset, nil
}

// Close frees what the reader holds. Closing twice is harmless.
func (r *Reader) Close() error {
	r.shut = true
	return r.drop()
}

func (r *Reader) drop() error {
	rc := r.rc
	if rc == nil {
		return nil
	}
	r.rc = nil
	return rc.Close()
}
