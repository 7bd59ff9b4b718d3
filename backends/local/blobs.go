package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/body"
	"github.com/holdall-go/holdall/internal/kv"
	"github.com/holdall-go/holdall/internal/kvcatalog"
)

// maxTries is how often an upload decides anew when others change its entry.
const maxTries = 10

// The first byte of the keys that lead to blobs; the catalog has others.
const (
	smallKey = 'b'
	fileKey  = 'f'
)

// blobs is the bytes: a blob is there when its row is. Within a transaction,
// what is to happen to files afterwards waits in later.
type blobs struct {
	db    kv.DB
	files *files
	later *afterwards // nil outside transactions
}

func rowKey(kind byte, key string) []byte { return append([]byte{kind}, key...) }

// AtomicLimit implements [holdall.AtomicPutter]: there is no limit.
func (*blobs) AtomicLimit() int64 { return -1 }

// PutBlob implements [holdall.Blobs]. Up to 64 KiB it costs one commit that
// is shared with others; above, the sync of a file and, at the same time and
// shared, of tmp, then such a commit.
func (b *blobs) PutBlob(ctx context.Context, key string, r io.Reader, size int64) (int64, error) {
	in, err := b.receive(ctx, key, r, size)
	if err != nil {
		return 0, err
	}
	err = b.commit(ctx, in, func(kv.Tx) error { return nil })
	return in.size, b.finish(in, err)
}

// PutWithBlob implements [holdall.AtomicPutter], at the cost of PutBlob.
func (b *blobs) PutWithBlob(ctx context.Context, key string, r io.Reader, size int64, seal func() (holdall.Entry, holdall.Condition, error)) (e holdall.Entry, err error) {
	in, err := b.receive(ctx, key, r, size)
	if err != nil {
		return holdall.Entry{}, err
	}
	for try := 1; ; try++ {
		draft, cond, err := seal()
		if err == nil {
			err = b.commit(ctx, in, func(tx kv.Tx) error {
				e, err = kvcatalog.Put(tx, draft, cond)
				return err
			})
		}
		if try == maxTries || !errors.Is(err, holdall.ErrConflict) {
			return e, b.finish(in, err)
		}
	}
}

// commit makes the blob durable and puts its row, after what else the commit
// does, which fails before its first write.
func (b *blobs) commit(ctx context.Context, in *incoming, put func(kv.Tx) error) error {
	fn := func(tx kv.Tx) error {
		err := absent(tx, in.key)
		if err == nil {
			err = put(tx)
		}
		if err != nil {
			return err
		}
		if in.file == nil {
			tx.Put(rowKey(smallKey, in.key), in.small)
		} else {
			tx.Put(rowKey(fileKey, in.key), fileRow(in.size))
		}
		return nil
	}
	if e, ok := b.db.(*engine); ok && in.file != nil && !in.safe && in.sum != 0 && in.size <= maxAlongside {
		u := &undo{Key: in.key, Size: in.size, Sum: in.sum}
		if tried, err := e.alongside(u, fn, func() error { return b.files.persist(in) }); tried {
			return err
		}
	}
	if err := b.files.persist(in); err != nil {
		return err
	}
	return b.db.Update(ctx, kv.Shared, fn)
}

// absent fails with ErrExists when the blob is there.
func absent(tx kv.Tx, key string) error {
	if tx.Get(rowKey(smallKey, key)) != nil || tx.Get(rowKey(fileKey, key)) != nil {
		return fmt.Errorf("%w: blob %q", holdall.ErrExists, key)
	}
	return nil
}

// finish settles or drops the file after the commit that returned err. When
// the outcome is unknown the file stays where recover decides about it.
func (b *blobs) finish(in *incoming, err error) error {
	switch {
	case in.file == nil:
	case err == nil && b.later != nil:
		b.later.put(in)
	case err == nil:
		b.files.at("committed", in.key)
		b.files.settle(in.key)
		b.files.release(in.key)
	case errors.Is(err, errUnknown):
		b.files.release(in.key)
	default:
		b.files.drop(in)
	}
	return err
}

// find returns a blob's row.
func (b *blobs) find(key string) (row []byte, kind byte, err error) {
	if err := checkKey(key); err != nil {
		return nil, 0, err
	}
	err = b.db.View(func(tx kv.Tx) error {
		for _, kind = range []byte{smallKey, fileKey} {
			if row = slices.Clone(tx.Get(rowKey(kind, key))); row != nil && !b.later.dooms(key) {
				return nil
			}
		}
		return fmt.Errorf("%w: blob %q", holdall.ErrNotFound, key)
	})
	return row, kind, err
}

// OpenBlob implements [holdall.Blobs]. Nothing of the database is held while
// the reader lives. The reader is an io.WriterTo that hands the *os.File of a
// large blob to the writer, so that net/http can use sendfile.
func (b *blobs) OpenBlob(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	row, kind, err := b.find(key)
	if err != nil {
		return nil, err
	}
	if kind == smallKey {
		data := row[8:]
		n, err := body.Range(off, n, int64(len(data)))
		if err != nil {
			return nil, err
		}
		return newSmallReader(ctx, data[off:off+n]), nil
	}
	n, err = body.Range(off, n, rowSize(row))
	if err != nil {
		return nil, err
	}
	file, err := b.files.open(key, os.O_RDONLY)
	if errors.Is(err, holdall.ErrNotFound) {
		return nil, err
	}
	if err == nil {
		if _, err = file.Seek(off, io.SeekStart); err == nil {
			return &fileReader{ctx: ctx, f: file, left: n}, nil
		}
		_ = file.Close()
	}
	return nil, unavailable(err)
}

// DeleteBlob implements [holdall.Blobs]. It costs one commit and, above 64
// KiB, a folder's sync before that. Readers that are open go on.
func (b *blobs) DeleteBlob(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, kind, err := b.find(key)
	switch {
	case errors.Is(err, holdall.ErrNotFound):
		return b.files.discard(key)
	case err != nil:
		return err
	case kind == fileKey && b.later != nil:
		b.later.doom(key)
		return nil
	case kind == fileKey:
		if err := b.removeFile(ctx, key); err != nil {
			return err
		}
	}
	return b.db.Update(ctx, kv.Shared, func(tx kv.Tx) error {
		tx.Delete(rowKey(kind, key))
		return nil
	})
}

// removeFile removes the file of a row. The commit of the row must be
// confirmed first: it would be undone after a crash if its file were gone.
func (b *blobs) removeFile(ctx context.Context, key string) error {
	if e, ok := b.db.(*engine); ok {
		if err := e.confirm(ctx); err != nil {
			return err
		}
	}
	return b.files.remove(key)
}

// CopyBlob implements [holdall.BlobCopier], at the cost of PutBlob. Where the
// file system can, the copy shares the disk space.
func (b *blobs) CopyBlob(ctx context.Context, dst, src string) error {
	rc, err := b.OpenBlob(ctx, src, 0, -1)
	if err != nil {
		return err
	}
	defer rc.Close()
	from, ok := rc.(*fileReader)
	if !ok {
		_, err := b.PutBlob(ctx, dst, rc, -1)
		return err
	}
	if err := checkKey(dst); err != nil {
		return err
	}
	in := &incoming{key: dst, size: from.left}
	if err := b.begin(in); err != nil {
		return err
	}
	_, err = copyFile(ctx, in.file, from.f, from.left)
	switch {
	case err == nil:
		err = b.commit(ctx, in, func(kv.Tx) error { return nil })
	case ctx.Err() == nil:
		err = unavailable(err)
	}
	return b.finish(in, err)
}
