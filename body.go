package holdall

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
)

// body is the bytes of an upload on their way to the blob store: counted,
// hashed and bounded as they pass. It ends in io.EOF only when they are all
// there. Any other end is a failure that a backend can neither mistake for
// the end nor hide: put asks the body, not the backend, whether it was whole.
type body struct {
	r     io.Reader
	hash  hash.Hash
	n     int64  // bytes read from r
	limit int64  // most bytes that may come
	want  int64  // bytes that must come; negative: not known
	head  []byte // read ahead, not handed out yet
	empty int    // reads in a row that gave nothing
	err   error  // sticky: io.EOF or a *bodyError
}

// bodyError hides the reader's own error from == comparisons: to minio-go and
// io.ReadFull an io.ErrUnexpectedEOF looks like a clean end.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "reading the body: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

var (
	errBodyShort = errors.New("it ended before the announced size")
	errBodyLong  = errors.New("it is longer than the announced size")
)

// hashStep bounds one read in bytes, so that what was just copied is hashed
// while it is in the processor's cache.
const hashStep = 32 << 10

func newBody(r io.Reader, want, limit int64) *body {
	return &body{r: r, hash: sha256.New(), want: want, limit: limit}
}

// peek returns up to n first bytes without handing them out.
func (b *body) peek(n int) ([]byte, error) {
	buf := make([]byte, n)
	got := 0
	for got < n && b.err == nil {
		m, _ := b.fill(buf[got:])
		got += m
	}
	b.head = buf[:got]
	return b.head, b.failure()
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if len(b.head) > 0 {
		n := copy(p, b.head)
		b.head = b.head[n:]
		return n, nil
	}
	return b.fill(p)
}

func (b *body) fill(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	p = p[:min(len(p), hashStep)]
	n, err := b.r.Read(p)
	if n < 0 || n > len(p) {
		return 0, b.fail(errors.New("the reader returned an impossible count"))
	}
	if err := b.take(p[:n]); err != nil {
		return 0, err
	}
	switch {
	case err == io.EOF:
		b.end()
	case err != nil:
		return n, b.fail(err)
	case n > 0:
		b.empty = 0
		return n, nil
	default:
		if b.empty++; b.empty >= 100 {
			return 0, b.fail(io.ErrNoProgress)
		}
	}
	return n, b.err
}

// take counts and hashes what has come.
func (b *body) take(p []byte) error {
	if b.n += int64(len(p)); b.n > b.limit {
		return b.fail(ErrTooLarge)
	}
	if b.want >= 0 && b.n > b.want {
		return b.fail(errBodyLong)
	}
	b.hash.Write(p)
	return nil
}

// end notes that the reader has ended in io.EOF.
func (b *body) end() {
	b.err = io.EOF
	if b.want >= 0 && b.n < b.want {
		b.err = &bodyError{errBodyShort}
	}
}

// reader is the body as a backend gets it: with a WriteTo where the bytes are
// in memory already, so that they need not be copied twice.
func (b *body) reader() io.Reader {
	switch b.r.(type) {
	case *bytes.Reader, *bytes.Buffer:
		return memoryBody{b}
	}
	return b
}

// memoryBody is a body whose reader holds its bytes in memory.
type memoryBody struct{ *body }

// WriteTo implements io.WriterTo.
func (m memoryBody) WriteTo(w io.Writer) (int64, error) {
	out := &bodyWriter{b: m.body, w: w}
	out.pass(m.head)
	m.head = nil
	if out.err == nil && m.err == nil {
		_, _ = m.r.(io.WriterTo).WriteTo(out) // out keeps its only errors
		if out.err == nil {
			m.end()
		}
	}
	if out.err == nil {
		out.err = m.failure()
	}
	return out.n, out.err
}

// bodyWriter takes the bytes of b as they come and hands them on to w.
type bodyWriter struct {
	b   *body
	w   io.Writer
	n   int64
	err error
}

func (o *bodyWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && o.err == nil; {
		step := rest[:min(len(rest), 4*hashStep)]
		rest = rest[len(step):]
		if o.err = o.b.take(step); o.err == nil {
			o.pass(step)
		}
	}
	return len(p), o.err
}

func (o *bodyWriter) pass(p []byte) {
	if len(p) == 0 {
		return
	}
	n, err := o.w.Write(p)
	o.n += int64(n)
	o.err = err
}

// SHA256 returns the hash of all bytes once they have been handed out up to
// io.EOF, else nil. A backend that finds it need not hash them again.
func (b *body) SHA256() []byte {
	if b.err != io.EOF || len(b.head) > 0 {
		return nil
	}
	return b.hash.Sum(nil)
}

func (b *body) fail(err error) error {
	b.err = &bodyError{err}
	return b.err
}

// failure returns what made the body fail, or nil.
func (b *body) failure() error {
	if b.err == io.EOF {
		return nil
	}
	return b.err
}

// finish proves the end: a backend that was told the size may not have read
// on to io.EOF. It returns the number of bytes and their SHA-256 in hex.
func (b *body) finish() (int64, string, error) {
	if len(b.head) > 0 {
		return 0, "", fmt.Errorf("the blob store left %d bytes unread", len(b.head))
	}
	var one [1]byte
	for b.err == nil {
		if n, _ := b.fill(one[:]); n > 0 {
			return 0, "", b.fail(errBodyLong)
		}
	}
	if err := b.failure(); err != nil {
		return 0, "", err
	}
	return b.n, hex.EncodeToString(b.hash.Sum(nil)), nil
}

// buffer reads the body ahead up to limit bytes and reports whether it ended
// there; what was read is handed out later.
func (b *body) buffer(limit int64) (bool, error) {
	var ahead bytes.Buffer
	ahead.Write(b.head)
	b.head = nil
	_, err := io.CopyN(&ahead, b, limit+1-int64(ahead.Len()))
	b.head = ahead.Bytes()
	if b.failure() != nil {
		return false, b.failure()
	}
	if err == nil { // limit+1 bytes came
		return false, nil
	}
	b.want = b.n
	return true, nil
}
