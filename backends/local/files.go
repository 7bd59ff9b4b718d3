package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/holdall-go/holdall"
)

const (
	blobDir = "blobs"
	tmpDir  = "tmp"
)

// files is the folder's files. Their names are made of blob keys, which users
// have no say in, and everything goes through an os.Root.
type files struct {
	root    *os.Root
	tmp     *os.File // the open folder, for syncs
	tmpSync flusher
	step    func(step, key string) // for tests: called at each step of the protocol

	mu   sync.Mutex
	busy map[string]bool // keys of puts under way
}

// checkKey holds keys to what [holdall.Blobs] promises of them, so that none
// can name another file.
func checkKey(key string) error {
	dir, name, ok := strings.Cut(key, "/")
	for _, c := range []byte(dir + name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.')
	}
	if !ok || strings.Trim(dir, ".") == "" || strings.Trim(name, ".") == "" {
		return fmt.Errorf("%w: blob key %q", holdall.ErrInvalid, key)
	}
	return nil
}

// tmpPath is where a blob's file is written, blobPath where it moves once its
// row is committed. No key has a '_'.
func tmpPath(key string) string  { return tmpDir + "/" + strings.Replace(key, "/", "_", 1) }
func blobPath(key string) string { return blobDir + "/" + key }
func tmpKey(name string) string  { return strings.Replace(name, "_", "/", 1) }

// reserve keeps other puts away from the key until release, else ErrExists.
func (f *files) reserve(key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy[key] {
		return fmt.Errorf("%w: blob %q is being put", holdall.ErrExists, key)
	}
	f.busy[key] = true
	return nil
}

func (f *files) release(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.busy, key)
}

func (f *files) writing(key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.busy[key]
}

// syncTmp makes the names in tmp durable.
func (f *files) syncTmp() error {
	err := f.tmpSync.do(func() error { return syncDir(f.tmp) })
	f.at("folder synced", "")
	return err
}

// settle moves the file of a committed row from tmp to its place. It needs no
// sync: a move that a power cut takes back is done again by recover. When it
// fails, the file is read where it is.
func (f *files) settle(key string) {
	err := f.root.Rename(tmpPath(key), blobPath(key))
	if errors.Is(err, fs.ErrNotExist) {
		dir, _, _ := strings.Cut(key, "/") // not two hex digits: prepare made those
		_ = f.root.Mkdir(blobDir+"/"+dir, 0o700)
		if f.syncFolder(blobDir) == nil {
			_ = f.root.Rename(tmpPath(key), blobPath(key))
		}
	}
	f.at("moved", key)
}

func (f *files) syncFolder(name string) error {
	dir, err := f.root.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return syncDir(dir)
}

// syncDir makes what was created, moved and removed in a folder durable.
// Windows has no such call: NTFS journals names by itself.
func syncDir(dir *os.File) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return dir.Sync()
}

// open opens the file of a committed row, which may move just now.
func (f *files) open(key string, flag int) (*os.File, error) {
	for _, path := range []string{blobPath(key), tmpPath(key), blobPath(key)} {
		file, err := f.root.OpenFile(path, flag, 0)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	return nil, fmt.Errorf("%w: the file of blob %q", holdall.ErrNotFound, key)
}

// remove removes the file of a committed row, which goes after it. One that
// was moved is removed durably: after a power cut nobody would look for it
// there. One in tmp may come back, since recover removes it then. It looks
// into tmp first: files move from there and never back.
func (f *files) remove(key string) error {
	f.at("removing", key)
	err := f.root.Remove(tmpPath(key))
	if errors.Is(err, fs.ErrNotExist) {
		if err = f.root.Remove(blobPath(key)); err == nil || errors.Is(err, fs.ErrNotExist) {
			dir, _, _ := strings.Cut(key, "/")
			err = f.syncFolder(blobDir + "/" + dir)
		}
	}
	f.at("removed", key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unavailable(err)
	}
	return nil
}

// discard removes a file that has no row.
func (f *files) discard(key string) error {
	if f.writing(key) {
		return nil // its put will find out
	}
	if err := f.root.Remove(tmpPath(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unavailable(err)
	}
	return nil
}

// list returns the names in a folder.
func (f *files) list(name string) ([]fs.DirEntry, error) {
	dir, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.ReadDir(-1)
}

// copyFile copies bytes inside the kernel where it can, in steps between
// which ctx is looked at.
func copyFile(ctx context.Context, w io.Writer, r io.Reader, n int64) (int64, error) {
	var done int64
	for done < n {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		m, err := io.Copy(w, &io.LimitedReader{R: r, N: min(n-done, copyStep)})
		done += m
		if err != nil {
			return done, err
		}
		if m == 0 {
			return done, io.ErrUnexpectedEOF
		}
	}
	return done, nil
}

// copyStep is in bytes.
const copyStep = 4 << 20

func (f *files) at(step, key string) {
	if f.step != nil {
		f.step(step, key)
	}
}

// flusher lets callers share runs of something slow. Each caller's run begins
// after its call.
type flusher struct {
	mu   sync.Mutex // held by the run
	sync sync.Mutex // guards next
	next *flush
}

type flush struct {
	once sync.Once
	err  error
}

func (f *flusher) do(fn func() error) error {
	f.sync.Lock()
	if f.next == nil {
		f.next = &flush{}
	}
	mine := f.next
	f.sync.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	mine.once.Do(func() {
		f.sync.Lock()
		f.next = nil // who comes from now on needs another run
		f.sync.Unlock()
		mine.err = fn()
	})
	return mine.err
}
