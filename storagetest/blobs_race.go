package storagetest

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"

	"github.com/holdall-go/holdall"
)

var blobRaceCases = []blobCase{
	{"race/puts and opens", "16 puts and opens at once do not get into each other's bytes", func(b *blobRun) {
		const n = 16
		keys, data := make([]string, n), make([][]byte, n)
		for i := range keys {
			keys[i], data[i] = b.key(), b.rnd.bytes([]int{10, 70 * kib, 200 * kib, scale(6*mib, mib)}[i%4]+i)
		}
		together(n, func(i int) {
			size := []int64{-1, int64(len(data[i]))}[i%2]
			if got, err := b.store.PutBlob(b.ctx, keys[i], bytes.NewReader(data[i]), size); err != nil || got != int64(len(data[i])) {
				b.Errorf("PutBlob of %d bytes = %d, %v", len(data[i]), got, err)
				return
			}
			b.has(keys[i], data[i])
			b.hasRange(keys[i], 5, 3, data[i][5:8])
		})
		together(n, func(i int) { b.has(keys[i*7%n], data[i*7%n]) })
	}},
	{"race/one key", "of many puts under one key at least one succeeds, and what is there is one of them whole", func(b *blobRun) {
		for _, size := range []int{100, 200 * kib, scale(6*mib, mib)} {
			key := b.key()
			data := b.rnd.bytes(size)
			var won atomic.Int32
			together(8, func(i int) {
				mine := append(bytes.Repeat([]byte{byte(i)}, size), data...)
				switch _, err := b.store.PutBlob(b.ctx, key, bytes.NewReader(mine), int64(len(mine))); {
				case err == nil:
					won.Add(1)
				case class(err) != class(holdall.ErrExists):
					b.Errorf("PutBlob: %v, want success or %v", err, holdall.ErrExists)
				}
			})
			if won.Load() == 0 {
				b.Errorf("nobody won")
				continue
			}
			r, err := b.store.OpenBlob(b.ctx, key, 0, -1)
			if err != nil {
				b.Fatalf("OpenBlob: %v", err)
			}
			got, err := io.ReadAll(r)
			r.Close()
			if err != nil || len(got) != 2*size || !bytes.Equal(got[:size], bytes.Repeat(got[:1], size)) || !bytes.Equal(got[size:], data) {
				b.Errorf("what is there is none of those that were put: %s, %v", digest(got), err)
			}
		}
	}},
	{"race/delete while reading", "a reader whose blob is deleted under it reads right bytes or an error", func(b *blobRun) {
		for _, size := range []int{100 * kib, scale(11*mib, mib)} {
			data := b.rnd.bytes(size)
			key := b.stored(data)
			together(9, func(i int) {
				if i == 8 {
					if err := b.store.DeleteBlob(b.ctx, key); err != nil {
						b.Errorf("DeleteBlob: %v", err)
					}
					return
				}
				r, err := b.store.OpenBlob(b.ctx, key, 0, -1)
				if err != nil {
					if class(err) != class(holdall.ErrNotFound) {
						b.Errorf("OpenBlob: %v", err)
					}
					return
				}
				defer r.Close()
				got, err := io.ReadAll(r)
				if !bytes.HasPrefix(data, got) || err == nil && len(got) != len(data) {
					b.Errorf("read %s, %v; want %s or an error", digest(got), err, digest(data))
				}
			})
			b.absent(key)
		}
	}},
	{"race/cancelled put", "a put that is cancelled while its reader gives fails with the context's error and stores nothing, or succeeds whole", func(b *blobRun) {
		for _, at := range []int{0, 1, 100 * kib, scale(7*mib, mib)} {
			for _, size := range []int64{-1, int64(at) + 100*kib} {
				ctx, cancel := context.WithCancel(b.ctx)
				data := b.rnd.bytes(at + 100*kib)
				given := 0
				r := readerFunc(func(p []byte) (int, error) {
					if given >= at {
						cancel()
					}
					n := copy(p[:min(len(p), 32*kib)], data[given:])
					if given += n; n == 0 {
						return 0, io.EOF
					}
					return n, nil
				})
				key := b.key()
				if _, err := b.store.PutBlob(ctx, key, r, size); err == nil {
					b.has(key, data)
				} else {
					if !gaveUp(err) {
						b.Errorf("cancelled after %d bytes: %v, want %v", at, err, context.Canceled)
					}
					b.unopened(key)
					if err := b.store.DeleteBlob(b.ctx, key); err != nil {
						b.Errorf("DeleteBlob: %v", err)
					}
					b.absent(key)
				}
				cancel()
			}
		}
	}},
}
