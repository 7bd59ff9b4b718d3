package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/body"
)

// readSize is about how much one read of a blob asks for, in bytes.
const readSize = 2 << 20

var readBuffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// blobReader reads a range in windows of about 2 MiB. Between them it holds
// no connection.
type blobReader struct {
	ctx   context.Context
	b     *Backend
	key   string
	id    int64
	size  int64 // of the blob
	chunk int
	pos   int64 // of what comes after the window
	end   int64 // of the range
	buf   *[readSize]byte
	rest  []byte // of the window
	err   error  // sticky
}

var _ io.WriterTo = (*blobReader)(nil)

// OpenBlob implements [holdall.Blobs]. The first 2 MiB come with the one round
// trip that it takes. The reader is an io.WriterTo.
func (b *Backend) OpenBlob(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	r := &blobReader{ctx: ctx, b: b, key: key}
	guess := b.ids.chunkSize()
	err := b.read(ctx, func(q querier) error {
		r.chunk = guess
		batch := &pgx.Batch{}
		batch.Queue(b.sql.blobOpen, key)
		ahead := off >= 0 && off/int64(guess) < 1<<30
		var first, last int64
		if ahead {
			first, last = r.span(off, n)
			batch.Queue(b.sql.blobHead, key, first, last)
		}
		results := q.SendBatch(ctx, batch)
		defer results.Close()
		if err := results.QueryRow().Scan(&r.id, &r.size, &r.chunk); err != nil {
			if errors.Is(err, pgx.ErrNoRows) {
				err = fmt.Errorf("postgres: %w: blob %q", holdall.ErrNotFound, key)
			}
			return err
		}
		length, err := body.Range(off, n, r.size)
		if err != nil {
			return err
		}
		r.pos, r.end = off, off+length
		if length > 0 && ahead && r.chunk == guess {
			rows, err := results.Query()
			if err != nil {
				return err
			}
			return r.take(rows, last)
		}
		return results.Close()
	})
	if err != nil {
		r.release()
		return nil, err
	}
	return r, nil
}

// span returns the chunks to ask for to read n bytes from off on, those of
// one window at most.
func (r *blobReader) span(off, n int64) (first, last int64) {
	most := int64(readSize / r.chunk)
	first = off / int64(r.chunk)
	last = first + most
	if n >= 0 && n < readSize {
		last = min(last, (off+n+int64(r.chunk)-1)/int64(r.chunk))
	}
	return first, max(last, first)
}

// take reads the chunks before last into the window, from pos on, in whichever
// order they come. Together they must fill it.
func (r *blobReader) take(rows pgx.Rows, last int64) error {
	defer rows.Close()
	if r.buf == nil {
		r.buf = readBuffers.Get().(*[readSize]byte)
	}
	chunk := int64(r.chunk)
	end := min(r.end, last*chunk)
	window, missing := r.buf[:end-r.pos], end-r.pos
	for rows.Next() {
		var seq int64
		var data pgtype.DriverBytes
		if err := rows.Scan(&seq, &data); err != nil {
			return err
		}
		from, to := seq*chunk, seq*chunk+int64(len(data))
		if to != min(r.size, from+chunk) {
			return r.damaged(from)
		}
		if from, to = max(from, r.pos), min(to, end); from < to {
			missing -= int64(copy(window[from-r.pos:], data[from-seq*chunk:to-seq*chunk]))
		}
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return err
	}
	if missing != 0 {
		return r.damaged(r.pos)
	}
	r.rest, r.pos = window, end
	return nil
}

// damaged is what a reader meets where its blob is deleted under it.
func (r *blobReader) damaged(pos int64) error {
	return fmt.Errorf("postgres: %w: blob %q has nothing at byte %d of %d any more", holdall.ErrNotFound, r.key, pos, r.size)
}

// fill makes rest non-empty, or sets err.
func (r *blobReader) fill() {
	if len(r.rest) > 0 || r.err != nil {
		return
	}
	if r.pos >= r.end {
		r.err = io.EOF
		r.release()
		return
	}
	r.err = r.b.read(r.ctx, func(q querier) error {
		first, last := r.span(r.pos, r.end-r.pos)
		rows, err := q.Query(r.ctx, r.b.sql.blobRead, r.id, first, last)
		if err != nil {
			return err
		}
		return r.take(rows, last)
	})
}

// Read implements io.Reader.
func (r *blobReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	r.fill()
	if len(r.rest) == 0 {
		return 0, r.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo.
func (r *blobReader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		r.fill()
		switch {
		case len(r.rest) > 0:
		case r.err == io.EOF:
			return total, nil
		default:
			return total, r.err
		}
		n, err := w.Write(r.rest)
		total += int64(n)
		if err == nil && n < len(r.rest) {
			err = io.ErrShortWrite
		}
		r.rest = r.rest[min(n, len(r.rest)):]
		if err != nil {
			return total, err
		}
	}
}

// Close implements io.Closer.
func (r *blobReader) Close() error {
	r.rest, r.err = nil, io.ErrClosedPipe
	r.release()
	return nil
}

func (r *blobReader) release() {
	if r.buf != nil {
		readBuffers.Put(r.buf)
		r.buf = nil
	}
}
