// Package local keeps everything in one folder of a local disk: the durable
// default for a single machine, without a server.
//
// # What is where
//
// Entries and blobs of up to 64 KiB are in holdall.db, a bbolt database.
// Larger blobs are files: blobs/<2 hex>/<id>. What is being written is in tmp.
//
// # Durability
//
// Every write is on the disk when its call returns: it survives kill -9 and,
// on a disk that does not lie about flushes, a power cut. An unacknowledged
// write has happened whole or not at all.
//
// A blob is there when its row in the database is. A large one arrives so:
//
//  1. its file is written in tmp;
//  2. the file and tmp are synced: bytes and name are durable now;
//  3. the row, and the entry where there is one, are committed;
//  4. the file is moved from tmp to its place, without a sync.
//
// After a crash before 3 there is a file in tmp that no row speaks of: Open
// removes it. After a crash behind 3 the file is whole, and either in tmp, from
// where Open moves it on, or in its place: moving a file is one step on the
// journaling file systems that this package is for (ext4, XFS, Btrfs, APFS,
// NTFS). So neither order of the two folders on the disk can lose it, and no
// row ever points at bytes that are missing or short. When the outcome of 3
// itself is unknown, the file is left to the next Open too.
//
// While nobody else writes, 2 and 3 of an upload of up to 4 MiB run side by
// side, and it returns when both have ended. Its commit carries an undo then:
// what the file must be, and what the commit replaced. Until the file is synced
// no other commit can begin; when the sync fails, the undo is carried out. After
// a crash Open looks at the file of such a last commit, by its size and
// CRC-32C, and carries the undo out where the file is not whole. So a reader
// can see an object a moment before its upload is acknowledged.
//
// A large blob is deleted in the reverse order: the file, the folder's sync,
// the row. In between, the row leads to nothing, and deleting goes on from there.
//
// A failed sync is never tried again, since the kernel may have dropped what
// it could not write: the upload fails, or, if it was the database's, all
// writes fail until the folder is opened again.
//
// # Costs
//
// A write costs two fdatasyncs of the database, which all writers that wait at
// the time share: whoever comes first commits for all. A blob over 64 KiB also
// costs the sync of its file and, at the same time and shared too, of tmp. Reads
// take a snapshot of the memory-mapped database and wait for nobody. Memory use
// is a buffer of 256 KiB for each upload under way; the database's pages are
// the kernel's to cache.
//
// The folder should be on a local disk. bbolt needs mmap and file locks, which
// network file systems often lack.
package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
	"github.com/holdall-go/holdall/internal/kvcatalog"
)

const databaseFile = "holdall.db"

// Backend is a [holdall.Catalog] and [holdall.Blobs] in a folder. Use one
// Backend as both, so that an upload is one commit. It is safe for concurrent
// use, and starts no goroutine that outlives a call.
type Backend struct {
	*catalog
	*blobs
	engine *engine
	close  func() error
}

type catalog = kvcatalog.Catalog

var (
	_ holdall.Catalog      = (*Backend)(nil)
	_ holdall.Blobs        = (*Backend)(nil)
	_ holdall.AtomicPutter = (*Backend)(nil)
	_ holdall.BatchPutter  = (*Backend)(nil)
	_ holdall.BatchRemover = (*Backend)(nil)
	_ holdall.Transactor   = (*Backend)(nil)
	_ holdall.FolderLister = (*Backend)(nil)
	_ holdall.BlobCopier   = (*Backend)(nil)
	_ holdall.BlobLister   = (*Backend)(nil)
	_ holdall.Pinger       = (*Backend)(nil)
)

// Options are options of [Open]; nil means the defaults.
type Options struct {
	// LockTimeout is how long Open waits for another process to let go of the
	// folder; 0 is one second.
	LockTimeout time.Duration
}

// Open opens the folder, made if it is absent, and tidies up what a crash left
// in it. One process at a time can have it open: for another Open fails with
// ErrUnavailable. The caller closes the Backend.
func Open(dir string, opts *Options) (*Backend, error) {
	if opts == nil {
		opts = &Options{}
	}
	root, err := openFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("local: open folder %q: %w", dir, unavailable(err))
	}
	b, err := open(root, cmp.Or(opts.LockTimeout, time.Second))
	if errors.Is(err, berrors.ErrTimeout) {
		err = errors.New("another process has it open")
	}
	if err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("local: open folder %q: %w", dir, unavailable(err))
	}
	return b, nil
}

// openFolder makes the folder, durable in its parent, when it is absent.
func openFolder(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return root, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if parent, err := os.Open(filepath.Dir(filepath.Clean(dir))); err == nil {
		_ = syncDir(parent) // one that may not be read or synced was not ours to make durable
		_ = parent.Close()
	}
	return os.OpenRoot(dir)
}

func open(root *os.Root, timeout time.Duration) (*Backend, error) {
	db, err := bbolt.Open(databaseFile, 0o600, &bbolt.Options{
		Timeout:      timeout,
		FreelistType: bbolt.FreelistMapType, // the other kind is slow once much was deleted
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			return root.OpenFile(name, flag, mode)
		},
	})
	if err != nil {
		return nil, err
	}
	f := &files{root: root, busy: map[string]bool{}}
	e, err := newEngine(db)
	if err == nil {
		err = f.prepare()
	}
	b := &Backend{catalog: kvcatalog.New(e), blobs: &blobs{db: e, files: f}, engine: e}
	b.close = sync.OnceValue(func() error { return errors.Join(e.close(), f.tmp.Close(), root.Close()) })
	if err == nil {
		err = b.recoverLast()
	}
	if err == nil {
		err = b.recover()
	}
	if err != nil {
		_ = f.tmp.Close()
		_ = db.Close()
		return nil, err
	}
	return b, nil
}

// prepare makes the folders: those in blobs too, all at once, so that no
// upload has to sync a new one.
func (f *files) prepare() (err error) {
	for _, name := range []string{tmpDir, blobDir} {
		if err := f.root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	last := fmt.Sprintf("%s/%02x", blobDir, 0xff)
	if _, err := f.root.Stat(last); errors.Is(err, fs.ErrNotExist) {
		for i := range 0x100 {
			if err := f.root.Mkdir(fmt.Sprintf("%s/%02x", blobDir, i), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
		if err := f.syncFolder(blobDir); err != nil {
			return err
		}
	}
	if f.tmp, err = f.root.Open(tmpDir); err != nil {
		return err
	}
	return f.syncFolder(".") // the database's name too
}

// recover moves the files in tmp that have a row to their places, and removes
// the others.
func (b *Backend) recover() error {
	list, err := b.files.list(tmpDir)
	if err != nil {
		return err
	}
	return b.engine.View(func(tx kv.Tx) error {
		for _, file := range list {
			key := tmpKey(file.Name())
			if tx.Get(rowKey(fileKey, key)) != nil {
				b.files.settle(key)
			} else if err := b.files.root.Remove(tmpDir + "/" + file.Name()); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close lets go of the folder. Operations under way end first or fail, like
// all later ones, with ErrUnavailable. Closing twice is harmless.
func (b *Backend) Close() error { return b.close() }

// Ping implements [holdall.Pinger]. It reads from the database, and fails when
// that takes no writes any more.
func (b *Backend) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return unavailable(err)
	}
	if err := b.engine.state(); err != nil {
		return err
	}
	return b.engine.View(func(kv.Tx) error { return nil })
}
