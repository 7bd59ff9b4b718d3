package storagetest

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/holdall-go/holdall"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// blobSizes lie around the buffers, pages, parts and limits that stores have.
func blobSizes() []int {
	sizes := []int{0, 1, 2, 4 * kib, 8120, 8121, 64*kib - 1, 64 * kib, 64*kib + 1, 128*kib - 1, 128 * kib, 128*kib + 1, mib}
	return append(sizes, [][]int{{4 * mib, 5*mib - 1, 5 * mib, 5*mib + 1, 10*mib + 3}, {}}[scale(0, 1)]...)
}

var blobPutCases = []blobCase{
	{"put/sizes", "blobs of any size come back as they were put, their size known or not", func(b *blobRun) {
		for _, n := range blobSizes() {
			data := b.rnd.bytes(n)
			for _, size := range []int64{int64(n), -1, -77} {
				key := b.key()
				// A reader that is nothing but a reader: no Len, no Seek, no WriteTo.
				got, err := b.store.PutBlob(b.ctx, key, struct{ io.Reader }{bytes.NewReader(data)}, size)
				if err != nil || got != int64(n) {
					b.Fatalf("PutBlob of %d bytes, size %d = %d, %v", n, size, got, err)
				}
				b.has(key, data)
			}
		}
	}},
	{"put/readers that can more", "a reader that can seek or write itself is stored from where it stands", func(b *blobRun) {
		data := b.rnd.bytes(300 * kib)
		for name, r := range map[string]interface {
			io.ReadSeeker
			io.WriterTo
		}{"bytes.Reader": bytes.NewReader(data), "strings.Reader": strings.NewReader(string(data))} {
			if _, err := r.Seek(1000, io.SeekStart); err != nil {
				b.Fatalf("%s: %v", name, err)
			}
			key := b.key()
			if n, err := b.store.PutBlob(b.ctx, key, r, int64(len(data)-1000)); err != nil || n != int64(len(data)-1000) {
				b.Fatalf("PutBlob of a %s at 1000 = %d, %v", name, n, err)
			}
			b.has(key, data[1000:])
		}
	}},
	{"put/another size than declared", "a reader that is shorter or longer than size is an error, and nothing is stored", func(b *blobRun) {
		for _, n := range blobSizes() {
			data := b.rnd.bytes(n)
			for _, size := range []int64{int64(n) - 1, int64(n) + 1, int64(n) + 10*mib, int64(n) * 2, 0} {
				if size < 0 || size == int64(n) {
					continue
				}
				b.refuses(bytes.NewReader(data), size, nil, fmt.Sprintf("%d bytes declared as %d", n, size))
			}
		}
	}},
	{"put/keys", "every key that the root package may make works, up to 96 bytes, and keys are apart from each other", func(b *blobRun) {
		u := unique()
		contents := map[string][]byte{}
		for _, k := range []string{
			"aa/" + u, "aa/" + u + ".", "aa/" + u + ".a", "aa/" + u + ".A", "aA/" + u + ".a", "aa/" + u + "-a", "ab/" + u, "0/" + u, "aa/." + u, "aa/-" + u, "aa/.." + u,
			"a/" + strings.Repeat("k", 94-len(u)) + u, strings.Repeat("k", 94-len(u)) + "/" + u, "aa/" + u + ".tmp", "aa/" + u + ".part",
		} {
			b.keys = append(b.keys, k)
			data := []byte("this is " + k)
			if _, err := b.store.PutBlob(b.ctx, k, bytes.NewReader(data), -1); err != nil {
				b.Errorf("PutBlob(%q): %v", k, err)
			}
			contents[k] = data
		}
		for k, data := range contents {
			b.has(k, data)
		}
		for k := range contents {
			if err := b.store.DeleteBlob(b.ctx, k); err != nil {
				b.Errorf("DeleteBlob(%q): %v", k, err)
			}
			delete(contents, k)
			b.absent(k)
			for other, data := range contents {
				b.has(other, data)
			}
		}
	}},
	{"put/twice", "a key that is put again is ErrExists, or one of the two whole blobs is there: never a mix", func(b *blobRun) {
		for _, n := range []int{10, 200 * kib, scale(6*mib, mib)} {
			first, second := b.rnd.bytes(n), b.rnd.bytes(n+n/2)
			key := b.stored(first)
			_, err := b.store.PutBlob(b.ctx, key, bytes.NewReader(second), int64(len(second)))
			if err != nil {
				if class(err) != class(holdall.ErrExists) {
					b.Errorf("PutBlob again: %v, want %v", err, holdall.ErrExists)
				}
				b.has(key, first)
				continue
			}
			b.oneOf(key, first, second)
		}
	}},
	{"put/after a delete", "a key whose blob was deleted, and one whose put broke off, can be put", func(b *blobRun) {
		key := b.stored(b.rnd.bytes(100 * kib))
		for range 3 {
			if err := b.store.DeleteBlob(b.ctx, key); err != nil {
				b.Fatalf("DeleteBlob: %v", err)
			}
			if _, err := b.store.PutBlob(b.ctx, key, io.MultiReader(bytes.NewReader(b.rnd.bytes(90*kib)), failing{errBroken}), -1); err == nil {
				b.Fatalf("PutBlob of a reader that fails succeeded")
			}
			data := b.rnd.bytes(70 * kib)
			if _, err := b.store.PutBlob(b.ctx, key, bytes.NewReader(data), -1); err != nil {
				b.Fatalf("PutBlob: %v", err)
			}
			b.has(key, data)
		}
	}},
	{"delete/absent", "deleting what is not there is no error, once, twice, and after a put that broke off", func(b *blobRun) {
		key := b.key()
		for range 2 {
			if err := b.store.DeleteBlob(b.ctx, key); err != nil {
				b.Errorf("DeleteBlob of an absent key: %v", err)
			}
		}
		key = b.stored([]byte("x"))
		for range 2 {
			if err := b.store.DeleteBlob(b.ctx, key); err != nil {
				b.Errorf("DeleteBlob: %v", err)
			}
			b.absent(key)
		}
	}},
}

// oneOf checks that key holds one of the two.
func (b *blobRun) oneOf(key string, first, second []byte) {
	b.Helper()
	r, err := b.store.OpenBlob(b.ctx, key, 0, -1)
	if err != nil {
		b.Errorf("OpenBlob: %v", err)
		return
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, first) && !bytes.Equal(got, second) {
		b.Errorf("read %s, %v; want %s or %s", digest(got), err, digest(first), digest(second))
	}
}
