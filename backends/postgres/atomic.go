package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/body"
)

// sealFunc completes an entry once its bytes are in.
type sealFunc = func() (holdall.Entry, holdall.Condition, error)

// AtomicLimit implements [holdall.AtomicPutter]: nearly 2 MiB, what is gathered
// in memory before a connection is asked for. Within a transaction, which
// holds a connection anyway, there is no limit.
func (b *Backend) AtomicLimit() int64 {
	if b.tx != nil {
		return -1
	}
	return int64(b.window) - 64<<10 // whole chunks, whatever the server's pages are, and one byte
}

// PutWithBlob implements [holdall.AtomicPutter]. A new object of up to 128 KiB
// takes one round trip, a larger one two.
func (b *Backend) PutWithBlob(ctx context.Context, key string, r io.Reader, size int64, seal func() (holdall.Entry, holdall.Condition, error)) (holdall.Entry, error) {
	if b.tx != nil {
		return b.putWithin(ctx, key, r, size, seal)
	}
	u, err := b.newUpload(ctx, key, size)
	if err != nil {
		return holdall.Entry{}, err
	}
	n, err := body.Fill(ctx, r, u.buf)
	switch {
	case err == nil && (size < 0 || size >= int64(n)):
		err = fmt.Errorf("postgres: %w: %d bytes for one commit", holdall.ErrTooLarge, n)
	case err == nil || err == io.EOF:
		err = body.Size(int64(n), size)
	}
	if err != nil {
		u.free()
		return holdall.Entry{}, err
	}
	e, err := decide(seal, func(e holdall.Entry, c holdall.Condition) (holdall.Entry, error) { return u.putBoth(ctx, n, e, c) })
	if err == nil {
		u.free()
	}
	return e, keyTaken(key, err)
}

// decide puts what seal returns, and asks again while others change it.
func decide(seal sealFunc, put func(holdall.Entry, holdall.Condition) (holdall.Entry, error)) (holdall.Entry, error) {
	for try := 1; ; try++ {
		e, c, err := seal()
		if err != nil {
			return holdall.Entry{}, err
		}
		e, err = put(e, c)
		if err == nil || try == maxTries || !errors.Is(err, holdall.ErrConflict) {
			return e, err
		}
	}
}

// putBoth stores the n bytes in the window and the entry in one commit.
func (u *upload) putBoth(ctx context.Context, n int, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
	e = normal(e)
	if err := checkPut(&e, c); err != nil {
		return holdall.Entry{}, err
	}
	var out holdall.Entry
	var err error
	if c == holdall.IfAbsent {
		out, err = u.putNew(ctx, n, e)
	} else {
		out, err = u.putAfter(ctx, n, e, c, false)
	}
	if err == errExpired {
		out, err = u.putAfter(ctx, n, e, c, true)
	}
	if err == errExpired {
		err = taken(&e)
	}
	return out, err
}

// putAfter stores the bytes and then the entry in one transaction; with evict
// it first removes an expired entry from the place. It takes three round trips,
// a fourth where the bytes go by COPY.
func (u *upload) putAfter(ctx context.Context, n int, e holdall.Entry, c holdall.Condition, evict bool) (out holdall.Entry, err error) {
	s := u.b.sql
	err = u.b.transaction(ctx, func(q querier) error {
		batch := &pgx.Batch{}
		if evict {
			batch.Queue(s.evict, append(placeArgs(e.Place()), e.UpdatedAt)...)
		}
		if n > batchSize {
			if err := u.copy(ctx, q, 0, n); err != nil {
				return err
			}
			u.queueBlob(batch, n)
		} else {
			u.queue(batch, n)
		}
		sql, args := s.putStatement(&e, c)
		batch.Queue(sql, args...)
		out = e
		err := putLast(q.SendBatch(ctx, batch), batch.Len(), &out)
		if err != nil {
			err = s.explain(ctx, q, &e, c, err)
		}
		return err
	})
	return out, err
}

// putLast reads the results of n statements, the last of which puts e.
func putLast(results pgx.BatchResults, n int, e *holdall.Entry) error {
	defer results.Close()
	for range n - 1 {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	if err := readPut(results.QueryRow(), e); err != nil {
		return err
	}
	return results.Close()
}

// putNew stores bytes and a new entry in one batch, which commits only when
// every statement of it has succeeded. Where the bytes go by COPY, that begins
// the transaction and the batch ends it. errExpired is not the last word.
func (u *upload) putNew(ctx context.Context, n int, e holdall.Entry) (holdall.Entry, error) {
	s := u.b.sql
	err := u.b.write(ctx, func(q querier) error {
		batch := &pgx.Batch{}
		if n > batchSize {
			defer rollbackOpen(ctx, q)
			if err := u.copyAs(ctx, q, beginCommitted+u.b.sql.blobChunksCopy, 0, n); err != nil {
				return err
			}
			u.queueBlob(batch, n)
		} else {
			u.queue(batch, n)
		}
		batch.Queue(s.insertOrFail.of(isFenced(&e)), rowArgs(&e)...)
		if n > batchSize {
			batch.Queue("COMMIT")
		}
		err := q.SendBatch(ctx, batch).Close()
		if err != nil {
			err = s.explain(ctx, q, &e, holdall.IfAbsent, err)
		}
		return err
	})
	e.Version = 1
	return e, err
}

// beginCommitted goes before a statement that the transaction begins with, in
// one round trip.
const beginCommitted = "BEGIN ISOLATION LEVEL READ COMMITTED; "

// rollbackOpen rolls back what is open on a connection. After a commit it does
// nothing.
func rollbackOpen(ctx context.Context, q querier) {
	if c := q.Conn(); !c.IsClosed() && c.PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endingLimit)
		defer cancel()
		_, _ = c.Exec(ctx, "ROLLBACK") // the pool closes a connection on which it fails
	}
}

// putWithin is PutWithBlob in a transaction. The bytes go first; where the
// entry does not follow they are deleted again.
func (b *Backend) putWithin(ctx context.Context, key string, r io.Reader, size int64, seal sealFunc) (holdall.Entry, error) {
	if _, err := b.PutBlob(ctx, key, r, size); err != nil {
		return holdall.Entry{}, err
	}
	e, err := decide(seal, func(e holdall.Entry, c holdall.Condition) (holdall.Entry, error) { return b.Put(ctx, e, c) })
	if err != nil && ctx.Err() == nil {
		if failed := b.DeleteBlob(ctx, key); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	return e, err
}
