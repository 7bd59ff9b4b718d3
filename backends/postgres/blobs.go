package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/holdall-go/holdall"
)

const (
	// pageOverhead is what a page and a row of blob_chunks need besides the
	// data: a chunk fills one page.
	pageOverhead = 72
	idBlock      = 1000 // the increment of the sequence
)

// blobIDs hands out the ids of blobs from blocks that it takes from the server.
type blobIDs struct {
	mu        sync.Mutex
	next, end int64
	chunk     int // bytes; 0 is not known yet
}

func (i *blobIDs) take() (id int64, chunk int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.next == i.end {
		return 0, 0
	}
	id, i.next = i.next, i.next+1
	return id, i.chunk
}

func (i *blobIDs) refill(from int64, chunk int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.next, i.end, i.chunk = from, from+idBlock, chunk
}

// chunkSize is that of new blobs, or a guess.
func (i *blobIDs) chunkSize() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.chunk == 0 {
		return 8192 - pageOverhead
	}
	return i.chunk
}

// newBlob returns an unused id, and the size of a chunk for this server.
func (b *Backend) newBlob(ctx context.Context) (id int64, chunk int, err error) {
	for {
		if id, chunk = b.ids.take(); chunk > 0 {
			return id, chunk, nil
		}
		var from int64
		var page int
		err = b.read(ctx, func(q querier) error { return q.QueryRow(ctx, b.sql.blobSetup).Scan(&from, &page) })
		if err != nil {
			return 0, 0, err
		}
		b.ids.refill(from, page-pageOverhead)
	}
}

const (
	// deleteAtOnce is the size in bytes up to which a blob goes in one statement.
	deleteAtOnce = 64 << 20
	deleteStep   = 8192 // chunks of a larger one that go in one transaction
)

// DeleteBlob implements [holdall.Blobs]. A blob over 64 MiB goes in steps, so
// that no transaction gets long; it cannot be opened from the first one on.
func (b *Backend) DeleteBlob(ctx context.Context, key string) error {
	var gone int
	err := b.write(ctx, func(q querier) error { return q.QueryRow(ctx, b.sql.blobDeleteSmall, key, deleteAtOnce).Scan(&gone) })
	if err != nil || gone > 0 {
		return err
	}
	var id int64
	err = b.write(ctx, func(q querier) error {
		err := q.QueryRow(ctx, b.sql.blobDeleteMark, key).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			id, err = 0, nil
		}
		return err
	})
	if err != nil || id == 0 {
		return err
	}
	for {
		var n int64
		err := b.write(ctx, func(q querier) error {
			tag, err := q.Exec(ctx, b.sql.blobDeleteSome, id, deleteStep)
			n = tag.RowsAffected()
			return err
		})
		if err != nil {
			return err
		}
		if n < deleteStep {
			break
		}
	}
	return b.write(ctx, func(q querier) error {
		_, err := q.Exec(ctx, b.sql.blobDelete, id)
		return err
	})
}

// ListBlobs implements [holdall.BlobLister].
func (b *Backend) ListBlobs(ctx context.Context, after string, limit int) (list []holdall.BlobInfo, err error) {
	err = b.read(ctx, func(q querier) error {
		rows, err := q.Query(ctx, b.sql.blobList, after, max(limit, 0))
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (i holdall.BlobInfo, err error) {
			var at time.Time
			err = row.Scan(&i.Key, &i.Size, &at)
			i.ModTime = at.UTC()
			return i, err
		})
		return err
	})
	return list, err
}

// copyStep is how many chunks one transaction of CopyBlob copies.
const copyStep = 1024

// CopyBlob implements [holdall.BlobCopier]. The bytes stay in the server.
func (b *Backend) CopyBlob(ctx context.Context, dst, src string) error {
	var from int64
	var size int64
	var chunk int
	err := b.read(ctx, func(q querier) error { return q.QueryRow(ctx, b.sql.blobOpen, src).Scan(&from, &size, &chunk) })
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("postgres: %w: blob %q", holdall.ErrNotFound, src)
	}
	if err != nil {
		return err
	}
	id, _, err := b.newBlob(ctx)
	if err != nil {
		return err
	}
	u := &upload{b: b, key: dst, id: id, chunk: chunk}
	for last := false; !last; {
		n := min(copyStep, int((size+int64(chunk)-1)/int64(chunk))-u.seq)
		last = u.seq+n >= int((size+int64(chunk)-1)/int64(chunk))
		if err := u.copyFrom(ctx, from, n, size, last); err != nil {
			if u.seq > 0 {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endingLimit)
				defer cancel()
				_ = b.DeleteBlob(ctx, dst) // what fails is left to whoever holds the key
			}
			return keyTaken(dst, err)
		}
		u.seq += n
	}
	return nil
}

// copyFrom takes over the next n chunks of another blob.
func (u *upload) copyFrom(ctx context.Context, from int64, n int, size int64, last bool) error {
	return u.b.transaction(ctx, func(q querier) error {
		if err := u.proceed(ctx, q, last); err != nil {
			return err
		}
		tag, err := q.Exec(ctx, u.b.sql.blobCopy, u.id, from, u.seq, u.seq+n)
		if err == nil && tag.RowsAffected() != int64(n) {
			err = fmt.Errorf("postgres: %w: the source was deleted while it was copied", holdall.ErrNotFound)
		}
		if err == nil && last {
			_, err = q.Exec(ctx, u.b.sql.blobFinish, u.id, size)
		}
		return err
	})
}
