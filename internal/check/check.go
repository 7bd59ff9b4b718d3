// Package check holds a store against what must be true of it after any
// fault: a killed process, a cut line, a backend that went away.
//
//   - An upload that was acknowledged downloads with its size and SHA-256.
//   - One that was not is whole, or absent.
//   - A deletion that was acknowledged is not undone.
//   - No row points at missing or wrong bytes.
//   - After a sweep past the grace period nothing is left that nothing holds.
//
// A [Ledger] is filled while the faults happen; [Files] and [Store] look
// afterwards. They return every violation that they find, joined.
package check

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
)

// Content is what tells one file's bytes from another's.
type Content struct {
	Size   int64
	SHA256 string // lower-case hex
}

// Of returns the Content of data.
func Of(data []byte) Content {
	sum := sha256.Sum256(data)
	return Content{int64(len(data)), hex.EncodeToString(sum[:])}
}

// Ledger is what a client did, and what it was told. It is safe for
// concurrent use. Uploads to one path must not overlap.
type Ledger struct {
	mu    sync.Mutex
	paths map[string]*history
}

// history is what may be at one path.
type history struct {
	may    map[Content]bool // contents that were sent since the last answer
	acked  Content          // what the last answer left there
	absent bool             // nothing is a possible state too
}

func (l *Ledger) at(path string) *history {
	if l.paths == nil {
		l.paths = map[string]*history{}
	}
	h := l.paths[path]
	if h == nil {
		h = &history{may: map[Content]bool{}, absent: true}
		l.paths[path] = h
	}
	return h
}

// Send notes that an upload begins: from now on its content may be there.
func (l *Ledger) Send(path string, c Content) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at(path).may[c] = true
}

// Stored notes that an upload was acknowledged: from now on its content, and
// nothing else, is there.
func (l *Ledger) Stored(path string, c Content) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*l.at(path) = history{may: map[Content]bool{c: true}, acked: c}
}

// Delete notes that a deletion begins: from now on the path may be empty.
func (l *Ledger) Delete(path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at(path).absent = true
}

// Deleted notes that a deletion was acknowledged: nothing is there.
func (l *Ledger) Deleted(path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*l.at(path) = history{may: map[Content]bool{}, absent: true}
}

// Acknowledged returns what must be there: the files whose last upload was
// acknowledged and which nobody has tried to delete since.
func (l *Ledger) Acknowledged() map[string]Content {
	l.mu.Lock()
	defer l.mu.Unlock()
	must := map[string]Content{}
	for path, h := range l.paths {
		if !h.absent {
			must[path] = h.acked
		}
	}
	return must
}

// judge says what is wrong with having found c at the path.
func (l *Ledger) judge(path string, c Content) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.paths[path]
	switch {
	case h == nil:
		return fmt.Errorf("%s: it is there, and nobody sent it", path)
	case h.may[c]:
		return nil
	case len(h.may) == 0:
		return fmt.Errorf("%s: it was deleted and came back", path)
	}
	return fmt.Errorf("%s: %d bytes with SHA-256 %s are there, which nobody sent whole", path, c.Size, c.SHA256)
}

// View is the files of a store as a client sees them: through a Workspace, or
// over HTTP.
type View interface {
	// List returns all paths, with what the store says about each.
	List(ctx context.Context) iter.Seq2[string, Content]
	// Err returns what ended the last List early.
	Err() error
	// Open returns the bytes. Their end is proven: a cut is an error.
	Open(ctx context.Context, path string) (io.ReadCloser, error)
}

// Report counts what was looked at.
type Report struct {
	Visible      int   // files that are there
	Acknowledged int   // of these, the ones that had to be
	Bytes        int64 // that were downloaded and compared
}

// Files downloads everything that v shows, several at a time, and compares it
// with what the store says about it and with the ledger.
func Files(ctx context.Context, v View, l *Ledger) (Report, error) {
	f := &files{ctx: ctx, view: v, ledger: l, must: l.Acknowledged()}
	f.run()
	for path := range f.must {
		f.note(fmt.Errorf("%s: it was acknowledged and is gone", path))
	}
	return f.report, errors.Join(f.wrong...)
}

const workers = 8

type files struct {
	ctx    context.Context
	view   View
	ledger *Ledger

	mu     sync.Mutex
	must   map[string]Content // not seen yet
	report Report
	wrong  []error
}

func (f *files) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.wrong = append(f.wrong, err)
	}
}

func (f *files) run() {
	var wg sync.WaitGroup
	slots := make(chan struct{}, workers)
	seen := map[string]bool{}
	for path, said := range f.view.List(f.ctx) {
		if seen[path] {
			f.note(fmt.Errorf("%s: it is listed twice", path))
			continue
		}
		seen[path] = true
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			f.note(f.one(path, said))
		})
	}
	wg.Wait()
	f.note(f.view.Err())
}

func (f *files) one(path string, said Content) error {
	r, err := f.view.Open(f.ctx, path)
	if err != nil {
		return fmt.Errorf("%s: it is listed and does not open: %w", path, err)
	}
	defer r.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, r)
	if err != nil {
		return fmt.Errorf("%s: after %d bytes: %w", path, n, err)
	}
	is := Content{n, hex.EncodeToString(hash.Sum(nil))}
	f.mu.Lock()
	f.report.Visible++
	f.report.Bytes += n
	if _, ok := f.must[path]; ok {
		f.report.Acknowledged++
		delete(f.must, path)
	}
	f.mu.Unlock()
	if is != said {
		return fmt.Errorf("%s: its bytes are %v, and the list says %v", path, is, said)
	}
	return f.ledger.judge(path, is)
}
