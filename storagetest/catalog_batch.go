package storagetest

import (
	"fmt"
	"time"

	"github.com/holdall-go/holdall"
)

// batches runs fn where the catalog takes batches itself.
func batches(fn func(c *catalogRun, b holdall.BatchPutter)) func(c *catalogRun) {
	return func(c *catalogRun) {
		b, ok := holdall.As[holdall.BatchPutter](c.cat)
		if !ok {
			c.Skipf("this catalog is no BatchPutter: the root package puts one by one")
			return
		}
		fn(c, b)
	}
}

// batch puts ops and checks each result against a reference that does them one
// by one, beginning with what this case has stored.
func (c *catalogRun) batch(b holdall.BatchPutter, ops ...holdall.PutOp) []holdall.PutResult {
	c.Helper()
	reference := newModel()
	for id, e := range c.known {
		reference.entries[id] = clone(e)
	}
	results, err := b.PutBatch(c.ctx, ops)
	if err != nil || len(results) != len(ops) {
		c.Fatalf("PutBatch of %d = %d results, %v", len(ops), len(results), err)
	}
	for i, op := range ops {
		want, wantErr := reference.Put(c.ctx, op.Entry, op.Condition)
		got := results[i]
		if !agree(got.Err, wantErr) {
			c.Errorf("result %d, %s, %s: %v, want %v", i, label(op.Entry), condition(op.Condition), got.Err, wantErr)
			continue
		}
		if wantErr == nil && diff(want, got.Entry) != "" {
			c.Errorf("result %d, %s, %s: %s", i, label(op.Entry), condition(op.Condition), diff(want, got.Entry))
		}
	}
	c.known = reference.entries
	c.unchanged()
	return results
}

// agree reports whether two errors say the same. Where both the bucket is
// missing and the id is in use, either may be said.
func agree(got, want error) bool {
	g, w := class(got), class(want)
	exists, noBucket := class(holdall.ErrExists), class(holdall.ErrNoBucket)
	return g == w || g == exists && w == noBucket || g == noBucket && w == exists
}

func op(e holdall.Entry, cond holdall.Condition) holdall.PutOp {
	return holdall.PutOp{Entry: e, Condition: cond}
}

var batchCases = []catalogCase{
	{"batch/each on its own", "a batch does what Put does for each op: one that fails does not stop the others", batches(func(c *catalogRun, b holdall.BatchPutter) {
		old := c.create(c.record("c", "one"), c.record("c", "two"), c.record("c", "three"), c.bucket("b"))
		wrong := old[1]
		byPlace := c.record("c", "three")
		byPlace.ID = ""
		expired := c.record("c", "ran out")
		expired.ExpiresAt = expired.UpdatedAt
		c.create(expired)
		c.batch(b,
			op(c.record("c", "new"), holdall.IfAbsent), op(c.record("c", "one"), holdall.IfAbsent), op(valued(old[0], `1`), holdall.IfVersion(1)),
			op(wrong, holdall.IfVersion(7)), op(c.record("c", "absent"), holdall.IfVersion(1)), op(byPlace, holdall.IfVersion(1)),
			op(c.object("nowhere", "x"), holdall.IfAbsent), op(c.object("b", "x"), holdall.IfAbsent), op(c.record("c", "ran out"), holdall.IfAbsent),
			op(moved(old[3], holdall.StateDeleted), holdall.IfVersion(1)), op(c.record("c", "last"), holdall.Always),
		)
	})},
	{"batch/one place twice", "ops on one place or one id in a batch happen in their order", batches(func(c *catalogRun, b holdall.BatchPutter) {
		c.create(c.record("c", "k"))
		fresh := c.record("c", "f")
		c.batch(b,
			op(valued(c.record("c", "k"), `1`), holdall.Always), op(valued(c.record("c", "k"), `2`), holdall.Always), op(c.record("c", "k"), holdall.IfAbsent),
			op(fresh, holdall.IfAbsent), op(valued(fresh, `1`), holdall.IfVersion(1)), op(valued(fresh, `2`), holdall.IfVersion(1)), op(moved(fresh, holdall.StateDeleted), holdall.IfVersion(2)),
			op(c.record("c", "f"), holdall.IfAbsent), op(moved(fresh, holdall.StateLive), holdall.IfVersion(3)),
		)
	})},
	{"batch/bucket and objects", "a bucket and its objects can come in one batch, in order", batches(func(c *catalogRun, b holdall.BatchPutter) {
		bucket, x := c.bucket("b"), c.object("b", "x")
		c.batch(b,
			op(c.object("b", "early"), holdall.IfAbsent), op(bucket, holdall.IfAbsent), op(x, holdall.IfAbsent),
			op(moved(bucket, holdall.StateDeleted), holdall.IfVersion(1)), op(moved(x, holdall.StateDeleted), holdall.IfVersion(1)),
			op(moved(bucket, holdall.StateDeleted), holdall.IfVersion(1)), op(c.object("b", "late"), holdall.Always),
		)
	})},
	{"batch/sizes", "a batch of none, of one and of a thousand", batches(func(c *catalogRun, b holdall.BatchPutter) {
		c.batch(b)
		c.batch(b, op(c.record("c", "k"), holdall.Always))
		var ops []holdall.PutOp
		for i := range scale(1000, 100) {
			ops = append(ops, op(valued(c.record("c", fmt.Sprint("key ", i*7%scale(900, 90))), fmt.Sprint(i)), holdall.Always))
		}
		c.batch(b, ops...)
	})},
	{"batch/random", "random ops in batches give what they give one by one", batches(func(c *catalogRun, b holdall.BatchPutter) {
		s := newSimulation(c)
		for range scale(20, 5) {
			var ops []holdall.PutOp
			for range 1 + c.rnd.intn(15) {
				e, cond := s.randomPut()
				e.ExpiresAt = time.Time{} // what has expired may stay or go
				ops = append(ops, op(e, cond))
			}
			c.batch(b, ops...)
		}
	})},
}
