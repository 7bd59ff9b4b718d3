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
	ctx    context.Context
	b      *Backend
	key    string
	id     int64
	size   int64 // of the blob
	chunk  int
	pos    int64 // of what comes after the window
	end    int64 // of the range
	window window
	err    error // sticky
}

// window is a part of a blob.
type window struct {
	buf  *[readSize]byte
	rest []byte // that has not been handed out yet
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
			end := r.before(last)
			if err := r.window.take(r, rows, off, end); err != nil {
				return err
			}
			r.pos = end
		}
		return results.Close()
	})
	if err != nil {
		r.window.release()
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

// before is where chunk last begins, or the range ends.
func (r *blobReader) before(last int64) int64 { return min(r.end, last*int64(r.chunk)) }

// take reads the chunks that hold the bytes from pos to end, in whichever
// order they come. Together they must fill the window.
func (w *window) take(r *blobReader, rows pgx.Rows, pos, end int64) error {
	defer rows.Close()
	if w.buf == nil {
		w.buf = readBuffers.Get().(*[readSize]byte)
	}
	chunk := int64(r.chunk)
	data, missing := w.buf[:end-pos], end-pos
	for rows.Next() {
		var seq int64
		var row pgtype.DriverBytes
		if err := rows.Scan(&seq, &row); err != nil {
			return err
		}
		from, to := seq*chunk, seq*chunk+int64(len(row))
		if to != min(r.size, from+chunk) {
			return r.damaged(from)
		}
		if from, to = max(from, pos), min(to, end); from < to {
			missing -= int64(copy(data[from-pos:], row[from-seq*chunk:to-seq*chunk]))
		}
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return err
	}
	if missing != 0 {
		return r.damaged(pos)
	}
	w.rest = data
	return nil
}

func (w *window) release() {
	if w.buf != nil {
		readBuffers.Put(w.buf)
		*w = window{}
	}
}

// damaged is what a reader meets where its blob is deleted under it.
func (r *blobReader) damaged(pos int64) error {
	return fmt.Errorf("postgres: %w: blob %q has nothing at byte %d of %d any more", holdall.ErrNotFound, r.key, pos, r.size)
}

// fetch begins to read the next window into w and moves on behind it. The
// function that it returns does the reading.
func (r *blobReader) fetch(w window) func() (window, error) {
	pos := r.pos
	first, last := r.span(pos, r.end-pos)
	end := r.before(last)
	r.pos = end
	return func() (window, error) {
		err := r.b.read(r.ctx, func(q querier) error {
			rows, err := q.Query(r.ctx, r.b.sql.blobRead, r.id, first, last)
			if err != nil {
				return err
			}
			return w.take(r, rows, pos, end)
		})
		return w, err
	}
}

// Read implements io.Reader.
func (r *blobReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.window.rest) == 0 && r.err == nil {
		if r.pos < r.end {
			r.window, r.err = r.fetch(r.window)()
		} else {
			r.finish(io.EOF)
		}
	}
	if len(r.window.rest) == 0 {
		return 0, r.err
	}
	n := copy(p, r.window.rest)
	r.window.rest = r.window.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo. While a window is written the next one is
// read, and while that is awaited the one after it: two buffers, each of which
// is read, written and read again. An error ends the reader.
func (r *blobReader) WriteTo(w io.Writer) (total int64, err error) {
	if r.err == io.EOF {
		return 0, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	if r.b.tx != nil { // one connection, which w may be using
		return io.Copy(w, struct{ io.Reader }{r})
	}
	type result struct {
		window window
		err    error
	}
	var queue []chan result // in the order of the blob
	ahead := func(to window) {
		if r.pos >= r.end {
			to.release()
			return
		}
		read, done := r.fetch(to), make(chan result, 1)
		go func() {
			got, err := read()
			done <- result{got, err}
		}()
		queue = append(queue, done)
	}
	now := result{window: r.window}
	r.window = window{}
	ahead(window{})
	for {
		if err == nil {
			err = now.err
		}
		if err == nil {
			var n int
			n, err = writeAll(w, now.window.rest)
			total += int64(n)
		}
		if err == nil {
			ahead(now.window)
		} else {
			now.window.release()
		}
		if len(queue) == 0 {
			break
		}
		now, queue = <-queue[0], queue[1:]
	}
	r.err = err
	if err == nil {
		r.err = io.EOF
	}
	return total, err
}

func writeAll(w io.Writer, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

// finish makes err what every Read returns from now on.
func (r *blobReader) finish(err error) {
	r.err = err
	r.window.release()
}

// Close implements io.Closer.
func (r *blobReader) Close() error {
	r.finish(io.ErrClosedPipe)
	return nil
}
