package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing/iotest"

	"github.com/holdall-go/holdall"
)

var blobReadCases = []blobCase{
	{"read/ranges", "a range gives exactly its bytes: n bytes, all of the rest when n is negative, cut at the end", func(b *blobRun) {
		for _, size := range []int64{0, 1, 5, 64*kib + 1, 200 * kib, int64(scale(11*mib, mib))} {
			data := b.rnd.bytes(int(size))
			key := b.stored(data)
			for _, off := range []int64{0, 1, 2, size / 2, 8119, 8120, 64*kib - 1, 64 * kib, 128 * kib, 5*mib - 1, 5 * mib, size - 1, size} {
				for _, n := range []int64{-1, -5, 0, 1, 2, 8120, 64 * kib, size / 3, size - off - 1, size - off, size - off + 1, size, 1 << 40, 1<<63 - 1} {
					if off < 0 || off > size || size > mib && n > 64*kib && off > 0 {
						continue // of a large blob not every range is as large
					}
					end := size
					if n >= 0 && n < size-off {
						end = off + n
					}
					b.hasRange(key, off, n, data[off:end])
				}
				if b.Failed() {
					return
				}
			}
		}
	}},
	{"read/beyond", "an offset that is negative or past the end is ErrInvalid; at the very end there are no bytes", func(b *blobRun) {
		for _, size := range []int64{0, 5, 200 * kib} {
			key := b.stored(b.rnd.bytes(int(size)))
			for _, off := range []int64{-1, -1 << 63, size + 1, size + 100, 1 << 40, 1<<63 - 1} {
				for _, n := range []int64{-1, 0, 1, 1<<63 - 1} {
					if r, err := b.store.OpenBlob(b.ctx, key, off, n); class(err) != class(holdall.ErrInvalid) {
						b.Errorf("OpenBlob(%d, %d) of %d bytes: %v, want %v", off, n, size, err, holdall.ErrInvalid)
						if err == nil {
							r.Close()
						}
					}
				}
			}
			b.hasRange(key, size, -1, nil)
			b.hasRange(key, size, 1, nil)
		}
	}},
	{"read/absent", "a key that was never put is ErrNotFound, at whatever offset", func(b *blobRun) {
		for _, off := range []int64{0, 1, 100} {
			if r, err := b.store.OpenBlob(b.ctx, b.key(), off, -1); class(err) != class(holdall.ErrNotFound) {
				b.Errorf("OpenBlob at %d: %v, want %v", off, err, holdall.ErrNotFound)
				if err == nil {
					r.Close()
				}
			}
		}
	}},
	{"read/as a reader", "what OpenBlob returns is a proper io.Reader, by Read in any steps and by WriteTo", func(b *blobRun) {
		data := b.rnd.bytes(150 * kib)
		key := b.stored(data)
		open := func() io.ReadCloser {
			r, err := b.store.OpenBlob(b.ctx, key, 7, int64(len(data)-20))
			if err != nil {
				b.Fatalf("OpenBlob: %v", err)
			}
			return r
		}
		want := data[7 : len(data)-13]
		r := open()
		if err := iotest.TestReader(struct{ io.Reader }{r}, want); err != nil {
			b.Errorf("not a proper reader: %v", err)
		}
		if n, err := r.Read(make([]byte, 10)); n != 0 || err != io.EOF {
			b.Errorf("Read behind the end = %d, %v; want io.EOF again", n, err)
		}
		r.Close()

		r = open()
		if w, ok := r.(io.WriterTo); ok {
			head := make([]byte, 1000)
			if _, err := io.ReadFull(r, head); err != nil {
				b.Errorf("Read: %v", err)
			}
			var rest bytes.Buffer
			n, err := w.WriteTo(&rest)
			if got := append(head, rest.Bytes()...); err != nil || n != int64(rest.Len()) || !bytes.Equal(got, want) {
				b.Errorf("WriteTo after 1000 bytes = %d, %v, together %s; want %s", n, err, digest(got), digest(want))
			}
			if n, err := w.WriteTo(&rest); n != 0 || err != nil {
				b.Errorf("WriteTo behind the end = %d, %v", n, err)
			}
		}
		r.Close()
	}},
	{"read/into a writer that fails", "WriteTo says how much a writer took that fails or takes too little, with its error, and ends; the blob is unharmed", func(b *blobRun) {
		data := b.rnd.bytes(scale(11*mib, 5*mib))
		key := b.stored(data)
		for _, w := range []*fullWriter{{room: 0, err: errFull}, {room: 1000, err: errFull}, {room: 3 * mib, err: errFull}, {room: 4 * mib}} {
			r, err := b.store.OpenBlob(b.ctx, key, 0, -1)
			if err != nil {
				b.Fatalf("OpenBlob: %v", err)
			}
			if from, ok := r.(io.WriterTo); ok {
				want, room := w.err, w.room
				if want == nil {
					want = io.ErrShortWrite
				}
				if n, err := from.WriteTo(w); n != int64(room) || !errors.Is(err, want) {
					b.Errorf("WriteTo a writer that takes %d bytes = %d, %v; want %v", room, n, err, want)
				}
				if !bytes.Equal(w.got, data[:room]) {
					b.Errorf("the writer got %s; want %s", digest(w.got), digest(data[:room]))
				}
			}
			r.Close()
		}
		b.has(key, data)
	}},
	{"read/closed early", "a reader that is closed unread or half read leaves nothing behind: a thousand of them do no harm", func(b *blobRun) {
		data := b.rnd.bytes(scale(6*mib, 300*kib))
		key := b.stored(data)
		for i := range scale(1000, 100) {
			r, err := b.store.OpenBlob(b.ctx, key, int64(i), -1)
			if err != nil {
				b.Fatalf("OpenBlob the %dth time: %v", i, err)
			}
			if i%2 == 0 {
				if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
					b.Fatalf("Read: %v", err)
				}
			}
			if err := r.Close(); err != nil {
				b.Fatalf("Close: %v", err)
			}
		}
		b.has(key, data)
	}},
	{"read/while open ones wait", "readers that nobody reads from hold up neither puts nor other readers nor deletes", func(b *blobRun) {
		data := b.rnd.bytes(scale(6*mib, 300*kib))
		key := b.stored(data)
		var idle []io.ReadCloser
		for range 20 {
			r, err := b.store.OpenBlob(b.ctx, key, 0, -1)
			if err != nil {
				b.Fatalf("OpenBlob: %v", err)
			}
			defer r.Close()
			idle = append(idle, r)
		}
		small := b.rnd.bytes(100)
		b.has(b.stored(small), small)
		b.has(key, data)
		if err := b.store.DeleteBlob(b.ctx, key); err != nil {
			b.Errorf("DeleteBlob: %v", err)
		}
		b.unopened(key)
		for _, r := range idle {
			got, err := io.ReadAll(r)
			if !bytes.HasPrefix(data, got) || err == nil && len(got) != len(data) {
				b.Errorf("reading on after the delete gave %s, %v; want the right bytes or an error", digest(got), err)
			}
		}
	}},
	{"read/context", "ctx bounds the reads: after its end a read gives right bytes or an error, never a short end", func(b *blobRun) {
		data := b.rnd.bytes(scale(11*mib, mib))
		key := b.stored(data)
		for _, before := range []int{0, 1, 100 * kib} {
			ctx, cancel := context.WithCancel(b.ctx)
			r, err := b.store.OpenBlob(ctx, key, 0, -1)
			if err != nil {
				b.Fatalf("OpenBlob: %v", err)
			}
			head := make([]byte, before)
			if _, err := io.ReadFull(r, head); err != nil {
				b.Fatalf("Read: %v", err)
			}
			cancel()
			rest, err := io.ReadAll(r)
			got := append(head, rest...)
			if !bytes.HasPrefix(data, got) || err == nil && len(got) != len(data) {
				b.Errorf("cancelled after %d bytes: %s in all, %v; want the right bytes or an error", before, digest(got), err)
			}
			if err != nil && !gaveUp(err) {
				b.Errorf("cancelled after %d bytes: %v, want %v", before, err, context.Canceled)
			}
			r.Close()
		}
		ctx, cancel := context.WithCancel(b.ctx)
		cancel()
		if r, err := b.store.OpenBlob(ctx, key, 0, -1); err == nil {
			r.Close()
		} else if !gaveUp(err) {
			b.Errorf("OpenBlob with a cancelled context: %v, want %v", err, context.Canceled)
		}
	}},
}

var errFull = errors.New("the writer is full")

// fullWriter takes so many bytes and then fails with err, or by taking too
// few without a word.
type fullWriter struct {
	room int
	err  error
	got  []byte
}

func (w *fullWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.room-len(w.got))
	w.got = append(w.got, p[:n]...)
	if n < len(p) {
		return n, w.err
	}
	return n, nil
}
