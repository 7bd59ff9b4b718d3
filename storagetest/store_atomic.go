package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/holdall-go/holdall"
)

// atomically runs fn where one backend commits entries and bytes together. It
// is given a catalogRun and a blobRun on that backend.
func atomically(fn func(c *catalogRun, b *blobRun, a holdall.AtomicPutter)) func(s *storeRun) {
	return func(s *storeRun) {
		a, ok := holdall.As[holdall.AtomicPutter](s.inner.Catalog)
		if _, both := holdall.As[holdall.AtomicPutter](s.inner.Blobs); !ok || !both {
			s.Skipf("these backends do not commit entries and bytes together")
			return
		}
		c := newCatalogRun(s.tb, s.inner.Catalog, "atomic")
		b := &blobRun{tb: s.tb, ctx: s.ctx, store: s.inner.Blobs, rnd: s.rnd}
		defer b.clean()
		c.create(c.bucket("b"))
		fn(c, b, a)
	}
}

// within are sizes that PutWithBlob takes.
func within(a holdall.AtomicPutter) []int {
	sizes := []int{0, 1, 1000, 70 * kib}
	if limit := a.AtomicLimit(); limit >= 0 && limit < 8*mib {
		sizes = append(sizes, int(limit)-1, int(limit))
	}
	for i, n := range sizes {
		if limit := a.AtomicLimit(); limit >= 0 && int64(n) > limit {
			sizes[i] = int(limit)
		}
	}
	return sizes
}

// sealed returns an entry for a body, and the seal that hands it out.
func (c *catalogRun) sealed(path, key string, size int, cond holdall.Condition) (holdall.Entry, func() (holdall.Entry, holdall.Condition, error)) {
	e := c.object("b", path)
	e.Content.Key, e.Content.Size = key, int64(size)
	return e, func() (holdall.Entry, holdall.Condition, error) { return e, cond, nil }
}

var atomicCases = []storeCase{
	{"atomic/both", "PutWithBlob stores entry and bytes together, whatever the size up to its limit", atomically(func(c *catalogRun, b *blobRun, a holdall.AtomicPutter) {
		for i, n := range within(a) {
			for _, size := range []int64{-1, int64(n)} {
				data, key := b.rnd.bytes(n), b.key()
				e, seal := c.sealed(fmt.Sprint(i, " ", size), key, n, holdall.IfAbsent)
				got, err := a.PutWithBlob(c.ctx, key, struct{ io.Reader }{bytes.NewReader(data)}, size, seal)
				if err != nil {
					c.Fatalf("PutWithBlob of %d bytes, size %d: %v", n, size, err)
				}
				if d := diff(withVersion(e, 1), got); d != "" {
					c.Error(d)
				}
				if d := diff(got, c.byID(c.tenant, e.ID)); d != "" {
					c.Error(d)
				}
				b.has(key, data)
			}
		}
	})},
	{"atomic/seal comes last", "seal is called once all bytes are in, may use the backend, and its error is returned and nothing stored", atomically(func(c *catalogRun, b *blobRun, a holdall.AtomicPutter) {
		for _, n := range within(a) {
			key, ended := b.key(), false
			e, _ := c.sealed("x", key, n, holdall.IfAbsent)
			body := io.MultiReader(bytes.NewReader(b.rnd.bytes(n)), readerFunc(func([]byte) (int, error) { ended = true; return 0, io.EOF }))
			_, err := a.PutWithBlob(c.ctx, key, body, -1, func() (holdall.Entry, holdall.Condition, error) {
				if !ended {
					c.Errorf("seal was called before the end of %d bytes", n)
				}
				c.gone(c.tenant, e.ID)
				return holdall.Entry{}, 0, errGiveUp
			})
			if !errors.Is(err, errGiveUp) {
				c.Errorf("PutWithBlob: %v, want seal's error", err)
			}
			c.gone(c.tenant, e.ID)
			b.absent(key)
		}
	})},
	{"atomic/broken bodies", "a body that fails or has another size than declared stores neither entry nor bytes", atomically(func(c *catalogRun, b *blobRun, a holdall.AtomicPutter) {
		for _, n := range within(a) {
			data := b.rnd.bytes(n)
			for what, body := range map[string]struct {
				r    io.Reader
				size int64
			}{
				"unexpected EOF": {io.MultiReader(bytes.NewReader(data), failing{io.ErrUnexpectedEOF}), -1},
				"broken":         {io.MultiReader(bytes.NewReader(data), failing{errBroken}), int64(n)},
				"short":          {bytes.NewReader(data), int64(n) + 1},
				"long":           {io.MultiReader(bytes.NewReader(data), strings.NewReader("x")), int64(n)},
			} {
				key := b.key()
				e, seal := c.sealed("x", key, n, holdall.IfAbsent)
				if _, err := a.PutWithBlob(c.ctx, key, body.r, body.size, seal); err == nil {
					c.Errorf("%s, %d bytes: PutWithBlob succeeded", what, n)
				}
				c.gone(c.tenant, e.ID)
				c.nothing(e.Place())
				b.absent(key)
			}
		}
	})},
	{"atomic/refused entries", "an entry that Put would refuse is refused, and the bytes are not stored", atomically(func(c *catalogRun, b *blobRun, a holdall.AtomicPutter) {
		c.create(c.object("b", "taken"))
		for _, r := range []struct {
			path, bucket string
			cond         holdall.Condition
			want         error
		}{
			{"taken", "b", holdall.IfAbsent, holdall.ErrExists}, {"x", "nowhere", holdall.IfAbsent, holdall.ErrNoBucket}, {"x", "b", holdall.IfVersion(1), holdall.ErrNotFound},
		} {
			for _, n := range within(a) {
				key := b.key()
				e, _ := c.sealed(r.path, key, n, r.cond)
				e.Container = r.bucket
				_, err := a.PutWithBlob(c.ctx, key, bytes.NewReader(b.rnd.bytes(n)), int64(n), func() (holdall.Entry, holdall.Condition, error) { return e, r.cond, nil })
				if class(err) != class(r.want) {
					c.Errorf("PutWithBlob to %s/%s, %s: %v, want %v", r.bucket, r.path, condition(r.cond), err, r.want)
				}
				b.absent(key)
				c.gone(c.tenant, e.ID)
			}
		}
		c.unchanged()
	})},
	{"atomic/conflicts", "while Put answers ErrConflict, seal is asked again, and not for ever", atomically(func(c *catalogRun, b *blobRun, a holdall.AtomicPutter) {
		e := c.create(c.object("b", "x"))[0]
		for _, conflicts := range []int{0, 1, 3, 1000} {
			key, calls := b.key(), 0
			_, err := a.PutWithBlob(c.ctx, key, strings.NewReader("body"), -1, func() (holdall.Entry, holdall.Condition, error) {
				now := c.byID(c.tenant, e.ID)
				if calls++; calls <= conflicts {
					return now, holdall.IfVersion(now.Version + 1), nil
				}
				now.Content.Key = key
				return now, holdall.IfVersion(now.Version), nil
			})
			if conflicts < 1000 {
				if err != nil || calls != conflicts+1 {
					c.Errorf("after %d conflicts: %d calls of seal, %v", conflicts, calls, err)
				}
				b.has(key, []byte("body"))
				continue
			}
			if class(err) != class(holdall.ErrConflict) || calls > 10 {
				c.Errorf("with conflicts for ever: %d calls of seal, %v; want at most ten, and %v", calls, err, holdall.ErrConflict)
			}
			b.absent(key)
		}
	})},
	{"atomic/race", "of many PutWithBlob onto one place one wins, and only its bytes are stored", atomically(func(c *catalogRun, b *blobRun, a holdall.AtomicPutter) {
		const n = 16
		keys, entries := make([]string, n), make([]holdall.Entry, n)
		for i := range n {
			keys[i] = b.key()
			entries[i], _ = c.sealed("x", keys[i], 4, holdall.IfAbsent)
		}
		var t tally
		together(n, func(i int) {
			t.add(a.PutWithBlob(c.ctx, keys[i], strings.NewReader("body"), 4, func() (holdall.Entry, holdall.Condition, error) { return entries[i], holdall.IfAbsent, nil }))
		})
		t.only(c, 1, n-1, holdall.ErrExists)
		for _, key := range keys {
			if len(t.wins) == 1 && t.wins[0].Content.Key == key {
				b.has(key, []byte("body"))
			} else {
				b.absent(key)
			}
		}
	})},
}
