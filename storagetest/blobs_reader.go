package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing/iotest"
)

var errBroken = errors.New("the reader broke on purpose")

// failing is a reader that only fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// stutter is a reader that often returns 0 bytes and no error.
type stutter struct {
	r io.Reader
	n int
}

func (s *stutter) Read(p []byte) (int, error) {
	if s.n++; s.n%5 != 0 {
		return 0, nil
	}
	return s.r.Read(p[:min(len(p), 999)])
}

var scribble = bytes.Repeat([]byte{0xEE}, 4096)

// greedy is a reader that scribbles over the rest of its buffer, as a Reader may.
type greedy struct{ r io.Reader }

func (g greedy) Read(p []byte) (int, error) {
	n, err := g.r.Read(p[:min(len(p), 1000)])
	for rest := p[n:]; len(rest) > 0; {
		rest = rest[copy(rest, scribble):]
	}
	return n, err
}

// lateError fails along with its last bytes rather than after them.
type lateError struct {
	data []byte
	err  error
}

func (l *lateError) Read(p []byte) (int, error) {
	n := copy(p, l.data)
	if l.data = l.data[n:]; len(l.data) == 0 {
		return n, l.err
	}
	return n, nil
}

// refuses puts what must fail with cause, where that is not nil, and leave
// nothing behind.
func (b *blobRun) refuses(r io.Reader, size int64, cause error, what string) {
	b.Helper()
	key := b.key()
	n, err := b.store.PutBlob(b.ctx, key, r, size)
	if err == nil {
		b.Errorf("%s: PutBlob = %d and no error; it must fail", what, n)
	} else if cause != nil && !errors.Is(err, cause) {
		b.Errorf("%s: PutBlob: %v; the reader's own error must be in it: %v", what, err, cause)
	}
	b.absent(key)
	if b.Failed() {
		b.Fatalf("that was with %s", what)
	}
}

// breaksOff puts readers that fail at a place, after their last bytes and
// along with them.
func (b *blobRun) breaksOff(at int, causes []error, sizes ...int64) {
	b.Helper()
	data := b.rnd.bytes(at)
	for _, cause := range causes {
		for _, size := range sizes {
			what := fmt.Sprintf("a reader that fails with %q after %d bytes, size %d", cause, at, size)
			b.refuses(io.MultiReader(bytes.NewReader(data), failing{cause}), size, cause, what)
			if at > 0 {
				b.refuses(&lateError{data: data, err: cause}, size, cause, what+", along with the last ones")
			}
		}
	}
}

var blobReaderCases = []blobCase{
	{"reader/kinds", "what a reader gives is stored, whatever the steps it gives it in", func(b *blobRun) {
		for _, n := range []int{0, 1, 1000, 64*kib + 1, 300 * kib} {
			data := b.rnd.bytes(n)
			for name, wrap := range map[string]func(io.Reader) io.Reader{
				"one byte at a time": iotest.OneByteReader, "half of what is asked": iotest.HalfReader, "the error with the last bytes": iotest.DataErrReader,
				"nothing and no error": func(r io.Reader) io.Reader { return &stutter{r: r} },
				"scribbling":           func(r io.Reader) io.Reader { return greedy{r} },
			} {
				for _, size := range []int64{int64(n), -1} {
					key := b.key()
					got, err := b.store.PutBlob(b.ctx, key, wrap(bytes.NewReader(data)), size)
					if err != nil || got != int64(n) {
						b.Fatalf("%s, %d bytes, size %d: PutBlob = %d, %v", name, n, size, got, err)
					}
					b.has(key, data)
				}
			}
		}
	}},
	{"reader/fails", "any error of the reader but io.EOF fails the put, wherever it comes, and nothing is stored", func(b *blobRun) {
		causes := []error{errBroken, io.ErrUnexpectedEOF, context.Canceled, context.DeadlineExceeded, io.ErrClosedPipe, fmt.Errorf("wrapped: %w", io.EOF)}
		for _, at := range []int{0, 1, 4 * kib, 64*kib - 1, 64 * kib, 64*kib + 1, 128 * kib, mib} {
			b.breaksOff(at, causes, -1, int64(at), int64(at)+100)
		}
		for _, at := range [][]int{{5 * mib, 5*mib + 1, 11 * mib}, nil}[scale(0, 1)] {
			b.breaksOff(at, causes[:2], -1, int64(at))
		}
	}},
	{"reader/slow ones hold nothing", "while one put waits for its reader, others on the same store come to their end", func(b *blobRun) {
		const slow = 8
		release := make(chan struct{})
		waiting := make(chan struct{}, slow)
		data := b.rnd.bytes(100 * kib)
		keys := make([]string, slow)
		done := make(chan error, slow)
		for i := range keys {
			keys[i] = b.key()
			wait := readerFunc(func([]byte) (int, error) {
				waiting <- struct{}{}
				<-release
				return 0, io.EOF
			})
			go func() {
				_, err := b.store.PutBlob(b.ctx, keys[i], io.MultiReader(bytes.NewReader(data), wait), -1)
				done <- err
			}()
		}
		for range slow {
			<-waiting
		}
		for range 5 {
			b.has(b.stored(data), data)
		}
		for _, k := range keys {
			b.unopened(k)
		}
		close(release)
		for range keys {
			if err := <-done; err != nil {
				b.Errorf("PutBlob of a slow reader: %v", err)
			}
		}
		for _, k := range keys {
			b.has(k, data)
		}
	}},
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
