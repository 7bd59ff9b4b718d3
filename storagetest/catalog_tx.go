package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/holdall-go/holdall"
)

// transactions runs fn where the catalog has transactions.
func transactions(fn func(c *catalogRun, t holdall.Transactor)) func(c *catalogRun) {
	return func(c *catalogRun) {
		t, ok := holdall.As[holdall.Transactor](c.cat)
		if !ok {
			c.Skipf("this catalog is no Transactor")
			return
		}
		fn(c, t)
	}
}

var errGiveUp = errors.New("the function gives up")

// gather runs fn in a transaction that must commit and learns what it put.
func (c *catalogRun) inTx(t holdall.Transactor, fn func(in *catalogRun) error) error {
	c.Helper()
	var inner *catalogRun
	err := t.InTx(c.ctx, func(ctx context.Context, tx holdall.Catalog) error {
		again := *c
		inner = &again
		inner.ctx, inner.cat, inner.known = ctx, tx, map[string]holdall.Entry{}
		for id, e := range c.known {
			inner.known[id] = e
		}
		return fn(inner)
	})
	if err == nil {
		c.known = inner.known
	}
	return err
}

var transactionCases = []catalogCase{
	{"tx/commit", "when fn returns nil, all it wrote is there", transactions(func(c *catalogRun, t holdall.Transactor) {
		old := c.put(c.record("c", "old"), holdall.IfAbsent)
		gone := c.put(c.record("c", "gone"), holdall.IfAbsent)
		err := c.inTx(t, func(in *catalogRun) error {
			in.create(in.bucket("b"), in.object("b", "x"), in.record("c", "new"))
			in.put(valued(old, `1`), holdall.IfVersion(1))
			in.remove(gone)
			return nil
		})
		if err != nil {
			c.Fatalf("InTx: %v", err)
		}
		c.unchanged()
		c.gone(c.tenant, gone.ID)
		c.at(c.record("c", "new").Place())
	})},
	{"tx/rollback", "when fn returns an error, nothing it did happened, and InTx returns that error", transactions(func(c *catalogRun, t holdall.Transactor) {
		old := c.put(c.record("c", "old"), holdall.IfAbsent)
		stay := c.put(c.record("c", "stay"), holdall.IfAbsent)
		n := c.record("c", "new")
		err := c.inTx(t, func(in *catalogRun) error {
			in.create(n)
			in.put(valued(old, `1`), holdall.IfVersion(1))
			in.remove(stay)
			return fmt.Errorf("on purpose: %w", errGiveUp)
		})
		if !errors.Is(err, errGiveUp) {
			c.Errorf("InTx: %v, want fn's error", err)
		}
		c.unchanged()
		c.gone(c.tenant, n.ID)
		c.put(old, holdall.IfVersion(1))
	})},
	{"tx/panic", "when fn panics, nothing it did happened and the catalog works on", transactions(func(c *catalogRun, t holdall.Transactor) {
		n := c.record("c", "new")
		func() {
			defer func() { _ = recover() }()
			if err := c.inTx(t, func(in *catalogRun) error { in.create(n); panic("on purpose") }); err == nil {
				c.Errorf("InTx returned nil although fn panicked")
			}
		}()
		c.gone(c.tenant, n.ID)
		c.create(n)
		if err := c.inTx(t, func(in *catalogRun) error { in.create(in.record("c", "after")); return nil }); err != nil {
			c.Errorf("InTx after the panic: %v", err)
		}
	})},
	{"tx/reads its writes", "what fn wrote, it reads, by every way of reading", transactions(func(c *catalogRun, t holdall.Transactor) {
		old := c.put(c.record("c", "old"), holdall.IfAbsent)
		err := c.inTx(t, func(in *catalogRun) error {
			in.remove(in.put(valued(old, `1`), holdall.IfVersion(1)))
			for i := range 5 {
				in.everywhere(in.put(in.record("c", fmt.Sprint(i)), holdall.IfAbsent))
			}
			in.gone(in.tenant, old.ID)
			q := in.objects()
			q.Kind = holdall.KindRecord
			in.same(q, 2, 10)
			return errGiveUp
		})
		if !errors.Is(err, errGiveUp) {
			c.Errorf("InTx: %v", err)
		}
		c.unchanged()
	})},
	{"tx/failed op", "an operation that fails inside leaves the transaction usable, and commits nothing of its own", transactions(func(c *catalogRun, t holdall.Transactor) {
		old := c.put(c.record("c", "old"), holdall.IfAbsent)
		err := c.inTx(t, func(in *catalogRun) error {
			in.create(in.record("c", "before"))
			in.refuse(in.record("c", "old"), holdall.IfAbsent, holdall.ErrExists)
			in.refuse(old, holdall.IfVersion(9), holdall.ErrConflict)
			in.refuse(in.object("nowhere", "x"), holdall.IfAbsent, holdall.ErrNoBucket)
			in.gone(in.tenant, "rec_"+unique())
			if err := in.cat.Remove(in.ctx, in.tenant, old.ID, 9); class(err) != class(holdall.ErrConflict) {
				in.Errorf("Remove at a wrong version: %v", err)
			}
			in.create(in.record("c", "after"))
			return nil
		})
		if err != nil {
			c.Fatalf("InTx: %v", err)
		}
		c.unchanged()
		c.at(c.record("c", "before").Place())
		c.at(c.record("c", "after").Place())
	})},
	{"tx/nothing shines through", "what a transaction wrote that did not commit is never read outside", transactions(func(c *catalogRun, t holdall.Transactor) {
		e := c.put(valued(c.record("c", "k"), `"clean"`), holdall.IfAbsent)
		done := make(chan struct{})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					got, err := c.cat.Get(c.ctx, e.Place())
					if err != nil || string(got.Value) != `"clean"` {
						c.Errorf("read %s, %v beside a transaction that rolls back", got.Value, err)
						return
					}
				}
			})
		}
		for range 20 {
			err := t.InTx(c.ctx, func(ctx context.Context, tx holdall.Catalog) error {
				if _, err := tx.Put(ctx, valued(e, `"dirty"`), holdall.IfVersion(1)); err != nil {
					return err
				}
				return errGiveUp
			})
			if !errors.Is(err, errGiveUp) {
				c.Errorf("InTx: %v", err)
			}
		}
		close(done)
		wg.Wait()
	})},
	{"tx/transfers", "transactions that race keep a sum: each is done whole, again, or not at all", transactions(func(c *catalogRun, t holdall.Transactor) {
		const accounts, workers, each = 4, 8, 10
		var ids []string
		for i := range accounts {
			ids = append(ids, c.put(valued(c.record("c", fmt.Sprint(i)), `100`), holdall.IfAbsent).ID)
		}
		together(workers, func(w int) {
			for i := range each {
				from, to := ids[(w+i)%accounts], ids[(w+2*i+1)%accounts]
				if from == to {
					continue
				}
				c.retry(func() error {
					return t.InTx(c.ctx, func(ctx context.Context, tx holdall.Catalog) error {
						if err := addTo(ctx, tx, c.tenant, from, -1); err != nil {
							return err
						}
						return addTo(ctx, tx, c.tenant, to, 1)
					})
				})
			}
		})
		sum := 0
		for _, id := range ids {
			sum += number(c.byID(c.tenant, id))
		}
		if sum != accounts*100 {
			c.Errorf("the sum of all accounts is %d, want %d", sum, accounts*100)
		}
	})},
	{"tx/cancelled", "a transaction whose context ends before it commits did not happen", transactions(func(c *catalogRun, t holdall.Transactor) {
		ctx, cancel := context.WithTimeout(c.ctx, time.Hour)
		n := c.record("c", "new")
		err := t.InTx(ctx, func(ctx context.Context, tx holdall.Catalog) error {
			_, err := tx.Put(ctx, n, holdall.IfAbsent)
			cancel()
			return errors.Join(err, ctx.Err())
		})
		if !errors.Is(err, context.Canceled) {
			c.Errorf("InTx: %v, want %v", err, context.Canceled)
		}
		c.gone(c.tenant, n.ID)
	})},
}

// retry calls fn until it does not fail with ErrConflict.
func (c *catalogRun) retry(fn func() error) {
	c.Helper()
	for range 10_000 {
		err := fn()
		if err == nil {
			return
		}
		if !errors.Is(err, holdall.ErrConflict) {
			c.Errorf("%v; want success or %v", err, holdall.ErrConflict)
			return
		}
	}
	c.Errorf("10000 conflicts in a row: nobody gets on")
}

// addTo adds n to the number in an entry if nobody else has changed it since it was read.
func addTo(ctx context.Context, cat holdall.Catalog, tenant, id string, n int) error {
	e, err := cat.Get(ctx, holdall.Ref{Tenant: tenant, ID: id})
	if err != nil {
		return err
	}
	_, err = cat.Put(ctx, valued(e, fmt.Sprint(number(e)+n)), holdall.IfVersion(e.Version))
	return err
}

func number(e holdall.Entry) int {
	var n int
	_, _ = fmt.Sscan(string(e.Value), &n)
	return n
}
