package storagetest

import (
	"context"
	"fmt"
	"sync"

	"github.com/holdall-go/holdall"
)

// tally counts what racing calls ended with.
type tally struct {
	mu   sync.Mutex
	wins []holdall.Entry
	errs map[string]int // by class
}

func (t *tally) add(e holdall.Entry, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.wins = append(t.wins, e)
		return
	}
	if t.errs == nil {
		t.errs = map[string]int{}
	}
	t.errs[class(err)]++
}

// only checks that there were so many winners and that all others failed with
// the one error.
func (t *tally) only(c *catalogRun, winners, losers int, lost error) {
	c.Helper()
	if len(t.wins) != winners || t.errs[class(lost)] != losers {
		c.Errorf("%d won and the others got %v; want %d winners and %d times %q", len(t.wins), t.errs, winners, losers, class(lost))
	}
}

var raceCases = []catalogCase{
	{"race/create", "of many puts on one place under IfAbsent exactly one wins: 80 on 10 places have 10 winners", func(c *catalogRun) {
		c.create(c.bucket("b"))
		for range scale(5, 1) {
			results := make([]tally, 10)
			var entries []holdall.Entry
			for i := range 80 {
				entries = append(entries, c.object("b", fmt.Sprint("x", i%10)))
			}
			together(80, func(i int) { results[i%10].add(c.cat.Put(c.ctx, entries[i], holdall.IfAbsent)) })
			for i := range results {
				results[i].only(c, 1, 7, holdall.ErrExists)
				if c.Failed() {
					return
				}
				c.remove(c.at(results[i].wins[0].Place()))
			}
		}
	}},
	{"race/upsert", "Always puts on one place all succeed and count every version exactly once", func(c *catalogRun) {
		c.create(c.bucket("b"))
		const n = 40
		var t tally
		var entries []holdall.Entry
		for range n {
			entries = append(entries, c.object("b", "x"))
		}
		together(n, func(i int) { t.add(c.cat.Put(c.ctx, entries[i], holdall.Always)) })
		t.only(c, n, 0, nil)
		seen := map[int64]int{}
		for _, e := range t.wins {
			seen[e.Version]++
			if e.ID != t.wins[0].ID {
				c.Errorf("two ids at one place: %s and %s", e.ID, t.wins[0].ID)
			}
		}
		for v := int64(1); v <= n; v++ {
			if seen[v] != 1 {
				c.Errorf("version %d was handed out %d times", v, seen[v])
			}
		}
	}},
	{"race/counter", "counting by read and IfVersion loses nothing, by id and by place", func(c *catalogRun) {
		const workers, each = 8, 15
		e := c.put(valued(c.record("c", "k"), `0`), holdall.IfAbsent)
		together(workers, func(w int) {
			for range each {
				c.retry(func() error {
					if w%2 == 0 {
						return addTo(c.ctx, c.cat, c.tenant, e.ID, 1)
					}
					old, err := c.cat.Get(c.ctx, e.Place())
					if err != nil {
						return err
					}
					next := valued(old, fmt.Sprint(number(old)+1))
					next.ID = ""
					_, err = c.cat.Put(c.ctx, next, holdall.IfVersion(old.Version))
					return err
				})
			}
		})
		got := c.byID(c.tenant, e.ID)
		if number(got) != workers*each || got.Version != workers*each+1 {
			c.Errorf("the counter is %s at version %d, want %d at %d", got.Value, got.Version, workers*each, workers*each+1)
		}
	}},
	{"race/one version", "of many puts under one IfVersion exactly one wins", func(c *catalogRun) {
		e := c.put(c.record("c", "k"), holdall.IfAbsent)
		for v := int64(1); v <= 5; v++ {
			var t tally
			together(16, func(i int) { t.add(c.cat.Put(c.ctx, valued(e, fmt.Sprint(i)), holdall.IfVersion(v))) })
			t.only(c, 1, 15, holdall.ErrConflict)
		}
	}},
	{"race/expired place", "an expired entry gives up its place to exactly one of many", func(c *catalogRun) {
		for range scale(10, 2) {
			name := unique()
			old := c.record("c", name)
			old.ExpiresAt = old.UpdatedAt
			if _, err := c.cat.Put(c.ctx, old, holdall.IfAbsent); err != nil {
				c.Fatalf("Put: %v", err)
			}
			var t tally
			var entries []holdall.Entry
			for range 16 {
				entries = append(entries, c.record("c", name))
			}
			together(16, func(i int) { t.add(c.cat.Put(c.ctx, entries[i], holdall.IfAbsent)) })
			t.only(c, 1, 15, holdall.ErrExists)
		}
	}},
	{"race/moves onto one place", "of many entries that move onto one place exactly one gets there; the others stay where they are", func(c *catalogRun) {
		c.create(c.bucket("b"), c.bucket("b2"))
		for round := range scale(5, 2) {
			var entries []holdall.Entry
			for i := range 12 {
				e := moved(c.object([]string{"b", "b2"}[i%2], fmt.Sprint(round, " ", i)), []holdall.State{holdall.StateLive, holdall.StateDeleted, holdall.StatePending}[i%3])
				entries = append(entries, c.put(e, holdall.IfAbsent))
			}
			var t tally
			together(len(entries), func(i int) {
				to := moved(entries[i], holdall.StateLive)
				to.Container, to.Name = "b", fmt.Sprint("target ", round)
				t.add(c.cat.Put(c.ctx, to, holdall.IfVersion(1)))
			})
			t.only(c, 1, 11, holdall.ErrExists)
			for _, e := range t.wins {
				c.known[e.ID] = e
			}
			c.unchanged()
		}
	}},
	{"race/remove or replace", "of a Remove and a Put at one version exactly one happens", func(c *catalogRun) {
		for range scale(20, 5) {
			e := c.put(c.record("c", unique()), holdall.IfAbsent)
			errs := make([]error, 2)
			together(2, func(i int) {
				if i == 0 {
					errs[0] = c.cat.Remove(c.ctx, c.tenant, e.ID, 1)
				} else {
					_, errs[1] = c.cat.Put(c.ctx, e, holdall.IfVersion(1))
				}
			})
			removed := errs[0] == nil && class(errs[1]) == class(holdall.ErrNotFound)
			replaced := errs[1] == nil && class(errs[0]) == class(holdall.ErrConflict)
			if removed == replaced {
				c.Errorf("Remove: %v, Put: %v; want one of the two to happen", errs[0], errs[1])
			}
			delete(c.known, e.ID)
			if removed {
				c.gone(c.tenant, e.ID)
			}
		}
	}},
	{"race/bucket leaves while objects come", "a bucket that leaves and objects that come exclude each other, and somebody always succeeds", func(c *catalogRun) {
		for round := range scale(30, 6) {
			c.bucketRound(fmt.Sprint("b", round))
			if c.Failed() {
				return
			}
		}
	}},
	{"race/cancel", "a put that is cancelled at any moment has happened whole or not at all", func(c *catalogRun) {
		c.create(c.bucket("b"))
		for range scale(40, 10) {
			fresh := c.object("b", unique())
			old := c.put(c.record("c", unique()), holdall.IfAbsent)
			next := valued(old, `"next"`)
			ctx, cancel := context.WithCancel(c.ctx)
			var created, replaced error
			together(3, func(i int) {
				switch i {
				case 0:
					cancel()
				case 1:
					_, created = c.cat.Put(ctx, fresh, holdall.IfAbsent)
				case 2:
					_, replaced = c.cat.Put(ctx, next, holdall.IfVersion(1))
				}
			})
			delete(c.known, old.ID)
			c.either("create", created, fresh.ID, nil, withVersion(fresh, 1))
			c.either("replace", replaced, old.ID, &old, withVersion(next, 2))
		}
	}},
	{"race/cancelled before", "a call whose context has ended returns, with success or the context's error", func(c *catalogRun) {
		e := c.put(c.record("c", "k"), holdall.IfAbsent)
		ctx, cancel := context.WithCancel(c.ctx)
		cancel()
		q := holdall.Query{Tenant: c.tenant, Kind: holdall.KindRecord, State: holdall.StateLive, Limit: 5}
		_, put := c.cat.Put(ctx, c.record("c", "k2"), holdall.IfAbsent)
		_, get := c.cat.Get(ctx, e.Place())
		_, query := c.cat.Query(ctx, q)
		_, count := c.cat.Count(ctx, q)
		_, scan := c.cat.Scan(ctx, holdall.Scan{IDs: []string{e.ID}})
		remove := c.cat.Remove(ctx, c.tenant, e.ID, 1)
		for name, err := range map[string]error{"Put": put, "Get": get, "Query": query, "Count": count, "Scan": scan, "Remove": remove} {
			if err != nil && !gaveUp(err) {
				c.Errorf("%s: %v, want %v", name, err, context.Canceled)
			}
		}
	}},
}

// bucketRound races one bucket's end against objects that come into it by
// each way there is.
func (c *catalogRun) bucketRound(name string) {
	c.Helper()
	home := c.put(c.bucket(name+"-home"), holdall.IfAbsent)
	b := c.put(c.bucket(name), holdall.IfAbsent)
	pending := c.put(moved(c.object(name, "pending"), holdall.StatePending), holdall.IfAbsent)
	dead := c.put(moved(c.object(name, "dead"), holdall.StateDeleted), holdall.IfAbsent)
	mover := c.put(c.object(home.Name, "mover"), holdall.IfAbsent)
	mover.Container = name
	ops := []holdall.PutOp{
		op(moved(b, holdall.StateDeleted), holdall.IfVersion(1)),
		op(c.object(name, "created"), holdall.IfAbsent), op(inTier(c.object(name, "upserted"), holdall.User, "ann"), holdall.Always),
		op(moved(pending, holdall.StateLive), holdall.IfVersion(1)), op(moved(dead, holdall.StateLive), holdall.IfVersion(1)), op(mover, holdall.IfVersion(1)),
	}
	errs := make([]error, len(ops))
	together(len(ops), func(i int) { _, errs[i] = c.cat.Put(c.ctx, ops[i].Entry, ops[i].Condition) })

	want := holdall.ErrNotEmpty
	if errs[0] == nil {
		want = nil
	}
	came := 0
	for i, err := range errs[1:] {
		switch class(err) {
		case class(nil):
			came++
		case class(holdall.ErrNoBucket):
		default:
			c.Errorf("object %d: %v; want success or %v", i, err, holdall.ErrNoBucket)
		}
	}
	q := holdall.Query{Tenant: c.tenant, Kind: holdall.KindObject, State: holdall.StateLive, Containers: []string{name}}
	n, err := c.cat.Count(c.ctx, q)
	if err != nil || n != int64(came) {
		c.Errorf("%d live objects are in the bucket, %v; %d puts succeeded", n, err, came)
	}
	if class(errs[0]) != class(want) || (errs[0] == nil) != (came == 0) {
		c.Errorf("the bucket's end: %v, objects that came: %d; want one or the other", errs[0], came)
	}
}

// either checks that an entry is as it was before, nil for absent, or as it
// was to be, and the latter for sure when there was no error.
func (c *catalogRun) either(what string, err error, id string, before *holdall.Entry, after holdall.Entry) {
	c.Helper()
	if err != nil && !gaveUp(err) {
		c.Errorf("%s: %v, want %v", what, err, context.Canceled)
	}
	got, getErr := c.cat.Get(c.ctx, holdall.Ref{Tenant: c.tenant, ID: id})
	switch {
	case getErr == nil && diff(after, got) == "":
	case err != nil && before == nil && class(getErr) == class(holdall.ErrNotFound):
	case err != nil && before != nil && getErr == nil && diff(*before, got) == "":
	default:
		c.Errorf("%s ended with %v and left %s, %v: neither what was nor what was to be", what, err, label(got), getErr)
	}
}
