package storagetest

import (
	"slices"
	"time"

	"github.com/holdall-go/holdall"
)

// find looks for key in what the store lists.
func (b *blobRun) find(l holdall.BlobLister, key string) (holdall.BlobInfo, bool) {
	b.Helper()
	// Some keys are behind this one without its last byte, and none between.
	infos, err := l.ListBlobs(b.ctx, key[:len(key)-1], 100)
	if err != nil {
		b.Fatalf("ListBlobs: %v", err)
	}
	i := slices.IndexFunc(infos, func(i holdall.BlobInfo) bool { return i.Key == key })
	if i < 0 {
		return holdall.BlobInfo{}, false
	}
	return infos[i], true
}

// lister runs fn where the store lists its blobs.
func lister(fn func(b *blobRun, l holdall.BlobLister)) func(b *blobRun) {
	return func(b *blobRun) {
		l, ok := holdall.As[holdall.BlobLister](b.store)
		if !ok {
			b.Skipf("this store is no BlobLister: Verify cannot see what nobody holds")
			return
		}
		fn(b, l)
	}
}

var blobListCases = []blobCase{
	{"list/pages", "pages of every size add up to all blobs in the byte order of their keys, with their sizes", lister(func(b *blobRun, l holdall.BlobLister) {
		sizes := map[string]int{}
		for i := range 20 {
			data := b.rnd.bytes([]int{0, 1, 5000, 70 * kib, 300 * kib}[i%5])
			sizes[b.stored(data)] = len(data)
		}
		for _, limit := range []int{1, 3, 19, 20, 21, 1000} {
			seen := map[string]bool{}
			for after, more := "", true; more; {
				if limit < 19 {
					after = b.skipForeign(l, after, sizes)
				}
				infos, err := l.ListBlobs(b.ctx, after, limit)
				if err != nil || len(infos) > limit {
					b.Fatalf("ListBlobs behind %q: %d of at most %d, %v", after, len(infos), limit, err)
				}
				for _, info := range infos {
					if info.Key <= after {
						b.Fatalf("%q is not behind %q", info.Key, after)
					}
					after = info.Key
					if size, ours := sizes[info.Key]; ours {
						if seen[info.Key] || info.Size != int64(size) || info.ModTime.IsZero() {
							b.Errorf("%q: size %d, want %d; time %v; seen before %t", info.Key, info.Size, size, info.ModTime, seen[info.Key])
						}
						seen[info.Key] = true
					}
				}
				more = len(infos) > 0
			}
			if len(seen) != len(sizes) {
				b.Errorf("in pages of %d, %d of %d were listed", limit, len(seen), len(sizes))
			}
		}
	})},
	{"list/time", "ModTime is when the blob was stored, by the store's clock", lister(func(b *blobRun, l holdall.BlobLister) {
		first, _ := b.find(l, b.stored([]byte("x")))
		second, _ := b.find(l, b.stored(b.rnd.bytes(200*kib)))
		const skew = time.Hour // of a server's clock, and of one that counts seconds
		for _, info := range []holdall.BlobInfo{first, second} {
			if age := time.Since(info.ModTime); age < -skew || age > skew {
				b.Errorf("ModTime is %v, which is %v ago", info.ModTime, age)
			}
		}
		if second.ModTime.Before(first.ModTime.Add(-time.Second)) {
			b.Errorf("a later blob has an earlier time: %v, %v", first.ModTime, second.ModTime)
		}
	})},
	{"list/delete", "a deleted blob is not listed any more", lister(func(b *blobRun, l holdall.BlobLister) {
		for _, n := range []int{0, 10, 70 * kib, scale(6*mib, mib)} {
			key := b.stored(b.rnd.bytes(n))
			if info, ok := b.find(l, key); !ok || info.Size != int64(n) {
				b.Errorf("listed %t with %d bytes, want %d", ok, info.Size, n)
			}
			if err := b.store.DeleteBlob(b.ctx, key); err != nil {
				b.Errorf("DeleteBlob: %v", err)
			}
			b.absent(key)
		}
	})},
}

// skipForeign returns the last key behind after that comes before all keys of
// this case behind it: in a shared store, small pages would never end.
func (b *blobRun) skipForeign(l holdall.BlobLister, after string, ours map[string]int) string {
	b.Helper()
	for {
		infos, err := l.ListBlobs(b.ctx, after, 1000)
		if err != nil {
			b.Fatalf("ListBlobs: %v", err)
		}
		for _, info := range infos {
			if _, ok := ours[info.Key]; ok {
				return after
			}
			after = info.Key
		}
		if len(infos) == 0 {
			return after
		}
	}
}

var blobCopyCases = []blobCase{
	{"copy/whole", "CopyBlob makes an independent copy, and ErrNotFound of what is absent", func(b *blobRun) {
		cp, ok := holdall.As[holdall.BlobCopier](b.store)
		if !ok {
			b.Skipf("this store is no BlobCopier: the root package copies by OpenBlob and PutBlob")
			return
		}
		for _, n := range blobSizes() {
			data := b.rnd.bytes(n)
			src, dst, third := b.stored(data), b.key(), b.key()
			if err := cp.CopyBlob(b.ctx, dst, src); err != nil {
				b.Fatalf("CopyBlob of %d bytes: %v", n, err)
			}
			b.has(dst, data)
			if err := cp.CopyBlob(b.ctx, third, dst); err != nil {
				b.Fatalf("CopyBlob of a copy: %v", err)
			}
			for _, gone := range []string{src, dst} {
				if err := b.store.DeleteBlob(b.ctx, gone); err != nil {
					b.Errorf("DeleteBlob: %v", err)
				}
				b.absent(gone)
				b.has(third, data)
			}
			dst = b.key()
			if err := cp.CopyBlob(b.ctx, dst, src); class(err) != class(holdall.ErrNotFound) {
				b.Errorf("CopyBlob of what is absent: %v, want %v", err, holdall.ErrNotFound)
			}
			b.absent(dst)
		}
	}},
	{"copy/taken", "a copy onto a taken key is ErrExists, or one of the two is there whole", func(b *blobRun) {
		cp, ok := holdall.As[holdall.BlobCopier](b.store)
		if !ok {
			b.Skipf("this store is no BlobCopier")
			return
		}
		first, second := b.rnd.bytes(100*kib), b.rnd.bytes(50*kib)
		src, dst := b.stored(first), b.stored(second)
		if err := cp.CopyBlob(b.ctx, dst, src); err != nil && class(err) != class(holdall.ErrExists) {
			b.Errorf("CopyBlob: %v, want success or %v", err, holdall.ErrExists)
		}
		b.oneOf(dst, first, second)
		b.has(src, first)
	}},
}
