package storagetest

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/holdall-go/holdall"
)

// removals runs fn where the catalog removes batches itself.
func removals(fn func(c *catalogRun, b holdall.BatchRemover)) func(c *catalogRun) {
	return func(c *catalogRun) {
		b, ok := holdall.As[holdall.BatchRemover](c.cat)
		if !ok {
			c.Skipf("this catalog is no BatchRemover: the root package removes one by one")
			return
		}
		fn(c, b)
	}
}

// removeBatch removes es and expects that many of them to go: the first n.
func (c *catalogRun) removeBatch(b holdall.BatchRemover, n int, es ...holdall.Entry) {
	c.Helper()
	if got, err := b.RemoveBatch(c.ctx, es); err != nil || got != n {
		c.Errorf("RemoveBatch of %d = %d, %v, want %d", len(es), got, err, n)
	}
	ids := make([]string, n)
	for i, e := range es[:n] {
		ids[i] = e.ID
		delete(c.known, e.ID)
	}
	if n > 0 {
		if left := c.mine(c.cat.Scan(c.ctx, holdall.Scan{IDs: ids})); len(left) > 0 {
			c.Errorf("%d of %d that RemoveBatch removed are still there", len(left), n)
		}
	}
	c.unchanged()
}

var removeCases = []catalogCase{
	{"remove batch/versions", "RemoveBatch erases what Remove would, in any state, and leaves alone the rest", removals(func(c *catalogRun, b holdall.BatchRemover) {
		c.create(c.bucket("b"))
		var es []holdall.Entry
		for _, s := range []holdall.State{holdall.StateLive, holdall.StatePending, holdall.StateDeleted, holdall.StatePurging} {
			es = append(es, c.put(c.put(moved(c.object("b", string(s)), s), holdall.IfAbsent), holdall.IfVersion(1)))
		}
		r := c.put(c.record("c", "k"), holdall.IfAbsent)
		changed := c.put(c.record("c", "changed"), holdall.IfAbsent)
		c.put(changed, holdall.IfVersion(1)) // and changed has the version before
		ahead := c.put(c.record("c", "ahead"), holdall.IfAbsent)
		ahead.Version++
		foreign := c.put(c.record("c", "foreign"), holdall.IfAbsent)
		foreign.Tenant = c.other
		never := c.record("c", "never")
		never.Version = 1
		es = append(es, r)
		c.removeBatch(b, len(es), append(es, changed, ahead, foreign, never)...)
		for _, e := range es {
			c.gone(c.tenant, e.ID)
		}
		c.removeBatch(b, 0, es...)
		c.put(c.record("c", "k"), holdall.IfAbsent) // the place is free
	})},
	{"remove batch/sizes", "RemoveBatch takes none, one and a thousand, of two tenants", removals(func(c *catalogRun, b holdall.BatchRemover) {
		c.removeBatch(b, 0)
		var es []holdall.Entry
		for i := range scale(1000, 100) {
			e := c.record("c", fmt.Sprint(i))
			if i%2 == 0 {
				e = in(c.other, e)
			}
			es = append(es, e)
		}
		es = c.create(es...)
		c.removeBatch(b, 1, es[0])
		c.removeBatch(b, len(es)-1, es[1:]...)
	})},
	{"remove batch/race", "of batches over the same entries each entry is removed by one, beside those who change them", removals(func(c *catalogRun, b holdall.BatchRemover) {
		var es []holdall.Entry
		for i := range 60 {
			es = append(es, c.record("c", fmt.Sprint(i)))
		}
		es = c.create(es...)
		var removed, kept atomic.Int64
		together(8, func(w int) {
			if w == 0 { // every third gets away, or is gone before
				for i := 0; i < len(es); i += 3 {
					if _, err := c.cat.Put(c.ctx, es[i], holdall.IfVersion(1)); err == nil {
						kept.Add(1)
					}
				}
				return
			}
			from := w * 5
			for range 3 {
				n, err := b.RemoveBatch(c.ctx, slices.Concat(es[from:], es[:from]))
				if err != nil {
					c.Errorf("RemoveBatch: %v", err)
				}
				removed.Add(int64(n))
			}
		})
		n, err := b.RemoveBatch(c.ctx, es) // what the others held just then
		if got := removed.Load() + int64(n) + kept.Load(); err != nil || got != int64(len(es)) {
			c.Errorf("%d of %d were removed or kept, %v", got, len(es), err)
		}
		var ids []string
		for _, e := range es {
			ids = append(ids, e.ID)
		}
		left := c.mine(c.cat.Scan(c.ctx, holdall.Scan{IDs: ids}))
		if len(left) != int(kept.Load()) {
			c.Errorf("%d are left, want %d", len(left), kept.Load())
		}
		clear(c.known)
		for _, e := range left {
			c.known[e.ID] = e
		}
		c.leave()
	})},
}
