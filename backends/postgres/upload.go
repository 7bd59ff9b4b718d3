package postgres

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/body"
)

const (
	// windowSize is how much of a body is gathered before a connection is
	// asked for, in bytes.
	windowSize = 2 << 20
	// batchSize is up to where bytes go as parameters in one round trip; more
	// goes by COPY.
	batchSize = 128 << 10
)

var windows = sync.Pool{New: func() any { return new([windowSize]byte) }}

// upload is a blob on its way in.
type upload struct {
	b     *Backend
	key   string
	id    int64
	chunk int
	buf   []byte // the window
	free  func() // gives the window back; not called while COPY may read it
	size  int64  // as announced; negative is not known
	seq   int    // of the next chunk
}

// newUpload readies a window. One that holds the whole announced size has
// room for one byte more, so that the body's end is seen.
func (b *Backend) newUpload(ctx context.Context, key string, size int64) (*upload, error) {
	id, chunk, err := b.newBlob(ctx)
	if err != nil {
		return nil, err
	}
	u := &upload{b: b, key: key, id: id, chunk: chunk, size: size, free: func() {}}
	if size >= 0 && size < batchSize {
		u.buf = make([]byte, size+1)
		return u, nil
	}
	w := windows.Get().(*[windowSize]byte)
	u.buf, u.free = w[:b.window/chunk*chunk], func() { windows.Put(w) }
	return u, nil
}

// PutBlob implements [holdall.Blobs]. What ends within the first 2 MiB takes
// one commit. Of more, each 2 MiB are gathered first and then sent in a
// transaction of their own, so no connection is held while r is waited for.
func (b *Backend) PutBlob(ctx context.Context, key string, r io.Reader, size int64) (int64, error) {
	u, err := b.newUpload(ctx, key, size)
	if err != nil {
		return 0, err
	}
	n, err := body.Fill(ctx, r, u.buf)
	switch {
	case err == io.EOF:
		if err := body.Size(int64(n), size); err != nil {
			u.free()
			return 0, err
		}
		err = u.b.oneCommit(ctx, n, func(q querier) error { return u.whole(ctx, q, n) })
		return u.done(int64(n), err)
	case err != nil:
		u.free()
		return 0, err
	}
	total, err := u.long(ctx, r)
	if err != nil && u.seq > 0 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endingLimit)
		defer cancel()
		_ = b.DeleteBlob(ctx, key) // what fails is left to whoever holds the key
	}
	return u.done(total, err)
}

// done returns what PutBlob does. A window of an upload that failed is not used
// again: the driver may still be reading it.
func (u *upload) done(n int64, err error) (int64, error) {
	if err != nil {
		return 0, keyTaken(u.key, err)
	}
	u.free()
	return n, nil
}

func keyTaken(key string, err error) error {
	if e := pgError(err); e != nil && e.ConstraintName == "blobs_key" {
		return fmt.Errorf("postgres: %w: blob %q", holdall.ErrExists, key)
	}
	return err
}

// oneCommit runs fn as a batch that commits by itself where the bytes go in
// one, else in a transaction.
func (b *Backend) oneCommit(ctx context.Context, n int, fn func(q querier) error) error {
	if n <= batchSize {
		return b.write(ctx, fn)
	}
	return b.transaction(ctx, fn)
}

// whole stores the n bytes in the window as the complete blob.
func (u *upload) whole(ctx context.Context, q querier, n int) error {
	if n <= batchSize {
		batch := &pgx.Batch{}
		u.queue(batch, n)
		return q.SendBatch(ctx, batch).Close()
	}
	if _, err := q.Exec(ctx, u.b.sql.blobInsert, u.id, u.key, int64(n), u.chunk); err != nil {
		return err
	}
	return u.copy(ctx, q, 0, n)
}

// queueBlob adds to a batch what says that the blob is there, with n bytes.
func (u *upload) queueBlob(batch *pgx.Batch, n int) {
	batch.Queue(u.b.sql.blobInsert, u.id, u.key, int64(n), u.chunk)
}

// queue adds to a batch what stores the n bytes in the window as the blob.
func (u *upload) queue(batch *pgx.Batch, n int) {
	u.queueBlob(batch, n)
	if n > 0 {
		var list [][]byte
		for data := u.buf[:n]; len(data) > 0; data = data[min(u.chunk, len(data)):] {
			list = append(list, data[:min(u.chunk, len(data))])
		}
		batch.Queue(u.b.sql.blobChunksInsert, u.id, list)
	}
}

// copy sends the n bytes in the window as chunks from seq on.
func (u *upload) copy(ctx context.Context, q querier, seq, n int) error {
	return u.copyAs(ctx, q, u.b.sql.blobChunksCopy, seq, n)
}

func (u *upload) copyAs(ctx context.Context, q querier, sql string, seq, n int) error {
	rows := &chunkRows{blob: u.id, seq: seq, data: u.buf[:n], chunk: u.chunk}
	_, err := q.Conn().PgConn().CopyFrom(ctx, rows, sql)
	return err
}

// long stores a body of which the window holds the beginning.
func (u *upload) long(ctx context.Context, r io.Reader) (int64, error) {
	n, total := len(u.buf), int64(0)
	var end error
	for {
		total += int64(n)
		if end == nil && u.size >= 0 && total >= u.size { // there is no more to come
			end = io.EOF
			if err := body.End(ctx, r); err != nil {
				return 0, err
			}
		}
		if end == io.EOF {
			if err := body.Size(total, u.size); err != nil {
				return 0, err
			}
		}
		if err := u.window(ctx, n, total, end == io.EOF); err != nil {
			return 0, err
		}
		if end == io.EOF {
			return total, nil
		}
		if n, end = body.Fill(ctx, r, u.buf); end != nil && end != io.EOF {
			return 0, end
		}
	}
}

// window stores the n bytes in the window, and completes the blob with the last.
func (u *upload) window(ctx context.Context, n int, total int64, last bool) error {
	err := u.b.transaction(ctx, func(q querier) error {
		if err := u.proceed(ctx, q, last); err != nil {
			return err
		}
		if n > 0 {
			if err := u.copy(ctx, q, u.seq, n); err != nil {
				return err
			}
		}
		if !last {
			return nil
		}
		_, err := q.Exec(ctx, u.b.sql.blobFinish, u.id, total)
		return err
	})
	if err == nil {
		u.seq += (n + u.chunk - 1) / u.chunk
	}
	return err
}

// proceed begins the blob, or makes sure that it is as the last window has
// left it. Only the last commit waits for the disk.
func (u *upload) proceed(ctx context.Context, q querier, last bool) error {
	wait := last || u.b.tx != nil // the host's commit is the host's
	sql, args := u.b.sql.blobNext, []any{u.id, u.seq}
	switch {
	case u.seq == 0 && wait:
		sql, args = u.b.sql.blobInsert, []any{u.id, u.key, nil, u.chunk}
	case u.seq == 0:
		sql, args = u.b.sql.blobStart, []any{u.id, u.key, nil, u.chunk}
	case wait:
		sql = u.b.sql.blobLast
	}
	tag, err := q.Exec(ctx, sql, args...)
	if err == nil && tag.RowsAffected() == 0 {
		err = errDeletedMeanwhile
	}
	return err
}

var errDeletedMeanwhile = fmt.Errorf("postgres: the blob was deleted while it was stored, or lost its beginning in a crash: %w", holdall.ErrUnavailable)
