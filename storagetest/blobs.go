package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/holdall-go/holdall"
)

// Blobs proves that what open returns is a [holdall.Blobs], and that each
// optional interface it has does what it says. open is called for every case;
// see the package comment for what it may share.
func Blobs(t *testing.T, open func(t *testing.T) holdall.Blobs) {
	for _, tc := range blobCases() {
		t.Run(tc.name, func(t *testing.T) { tc.on(t, open(t)) })
	}
}

// blobCase is one rule. why is printed when it does not hold.
type blobCase struct {
	name, why string
	run       func(b *blobRun)
}

func blobCases() []blobCase {
	return slices.Concat(blobPutCases, blobReaderCases, blobReadCases, blobRaceCases, blobCopyCases, blobListCases, blobPresignCases)
}

func (tc blobCase) on(t tb, store holdall.Blobs) {
	t.Helper()
	defer explain(t, tc.name, tc.why)
	b := &blobRun{tb: t, ctx: t.Context(), store: store, rnd: newSource(tc.name)}
	defer b.clean()
	tc.run(b)
}

// blobRun is one case at work on a store of blobs.
type blobRun struct {
	tb
	ctx   context.Context
	store holdall.Blobs
	rnd   *source
	keys  []string
}

// key makes a new key as the root package makes them.
func (b *blobRun) key() string {
	k := fmt.Sprintf("%02x/%s.%s", b.rnd.intn(256), unique(), unique())
	b.keys = append(b.keys, k)
	return k
}

// clean deletes what the case stored: the bytes are many.
func (b *blobRun) clean() {
	for _, k := range b.keys {
		if err := b.store.DeleteBlob(context.WithoutCancel(b.ctx), k); err != nil {
			b.Errorf("DeleteBlob(%s): %v", k, err)
		}
	}
}

// stored puts data under a new key.
func (b *blobRun) stored(data []byte) string {
	b.Helper()
	key := b.key()
	n, err := b.store.PutBlob(b.ctx, key, bytes.NewReader(data), int64(len(data)))
	if err != nil || n != int64(len(data)) {
		b.Fatalf("PutBlob of %d bytes = %d, %v", len(data), n, err)
	}
	return key
}

// has checks that key holds data.
func (b *blobRun) has(key string, data []byte) {
	b.Helper()
	b.hasRange(key, 0, -1, data)
}

// hasRange checks that n bytes of key from off on are data.
func (b *blobRun) hasRange(key string, off, n int64, data []byte) {
	b.Helper()
	r, err := b.store.OpenBlob(b.ctx, key, off, n)
	if err != nil {
		b.Errorf("OpenBlob(%d, %d): %v", off, n, err)
		return
	}
	got, err := io.ReadAll(r)
	if err != nil {
		b.Errorf("reading %d bytes from %d: %v", n, off, err)
	}
	if err := r.Close(); err != nil {
		b.Errorf("Close: %v", err)
	}
	if !bytes.Equal(got, data) {
		b.Errorf("OpenBlob(%d, %d) gave %s, want %s", off, n, digest(got), digest(data))
	}
}

// absent checks that key holds nothing and is not listed either.
func (b *blobRun) absent(key string) {
	b.Helper()
	b.unopened(key)
	if l, ok := holdall.As[holdall.BlobLister](b.store); ok {
		if _, found := b.find(l, key); found {
			b.Errorf("the key is absent, but listed")
		}
	}
}

func (b *blobRun) unopened(key string) {
	b.Helper()
	r, err := b.store.OpenBlob(b.ctx, key, 0, -1)
	if err == nil {
		got, _ := io.ReadAll(r)
		r.Close()
		b.Errorf("OpenBlob succeeded and gave %s; nothing must be there", digest(got))
		return
	}
	if class(err) != class(holdall.ErrNotFound) {
		b.Errorf("OpenBlob: %v, want %v", err, holdall.ErrNotFound)
	}
}

// digest names bytes by their number and the beginning of their hash.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return fmt.Sprintf("%d bytes (%x…)", len(data), sum[:4])
}
