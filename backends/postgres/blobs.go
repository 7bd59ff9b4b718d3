package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

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
	u.buf, u.free = w[:windowSize/chunk*chunk], func() { windows.Put(w) }
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

// queue adds to a batch what stores the n bytes in the window.
func (u *upload) queue(batch *pgx.Batch, n int) {
	batch.Queue(u.b.sql.blobInsert, u.id, u.key, int64(n), u.chunk)
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
	rows := &chunkRows{blob: u.id, seq: seq, data: u.buf[:n], chunk: u.chunk}
	_, err := q.Conn().PgConn().CopyFrom(ctx, rows, u.b.sql.blobChunksCopy)
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

// chunkRows is a window as COPY takes it (PostgreSQL documentation, COPY,
// binary format).
type chunkRows struct {
	blob  int64
	seq   int
	data  []byte // that is left
	chunk int
	out   []byte // that is ready to be read
	head  [64]byte
	state int
}

const (
	copySignature = "PGCOPY\n\xff\r\n\x00" // then flags and the length of an extension, both 0
	copyEnd       = "\xff\xff"
)

// Read implements io.Reader.
func (c *chunkRows) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(c.out) == 0 && !c.next() {
			if n == 0 {
				return 0, io.EOF
			}
			break
		}
		m := copy(p[n:], c.out)
		n, c.out = n+m, c.out[m:]
	}
	return n, nil
}

// next readies what comes next: the signature, then for each row its head and
// its data, then the end.
func (c *chunkRows) next() bool {
	n := min(c.chunk, len(c.data))
	switch {
	case c.state == 0:
		c.out = append(append(c.head[:0], copySignature...), 0, 0, 0, 0, 0, 0, 0, 0)
		c.state = 1
	case c.state == 1 && n > 0:
		h := binary.BigEndian.AppendUint16(c.head[:0], 3) // fields
		h = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(h, 8), uint64(c.blob))
		h = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(h, 4), uint32(c.seq))
		c.out = binary.BigEndian.AppendUint32(h, uint32(n))
		c.state = 2
	case c.state == 1:
		c.out = append(c.head[:0], copyEnd...)
		c.state = 3
	case c.state == 2:
		c.out, c.data = c.data[:n], c.data[n:]
		c.seq++
		c.state = 1
	default:
		return false
	}
	return true
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
