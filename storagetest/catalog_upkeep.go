package storagetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

// mine keeps what is of this case's tenants: Scan sees everybody's.
func (c *catalogRun) mine(es []holdall.Entry, err error) []holdall.Entry {
	c.Helper()
	if err != nil {
		c.Fatalf("Scan: %v", err)
	}
	return slices.DeleteFunc(slices.Clone(es), func(e holdall.Entry) bool { return e.Tenant != c.tenant && e.Tenant != c.other })
}

// mixed stores entries of every kind, state and of two tenants, due one after
// another but for every fifth, which never is.
func (c *catalogRun) mixed() []holdall.Entry {
	c.Helper()
	c.create(c.bucket("b"), in(c.other, c.bucket("b")))
	states := []holdall.State{holdall.StateLive, holdall.StatePending, holdall.StateDeleted, holdall.StatePurging}
	var out []holdall.Entry
	for i := range 24 {
		e := c.object("b", fmt.Sprint(i))
		if i%2 == 0 {
			e = c.record("c", fmt.Sprint(i))
		}
		if i%3 == 0 {
			e = in(c.other, e)
		}
		if i%5 != 0 {
			e.DueAt = epoch.Add(time.Duration(i*7%24) * time.Microsecond)
		}
		out = append(out, c.put(moved(e, states[i%4]), holdall.IfAbsent))
	}
	return out
}

var upkeepCases = []catalogCase{
	{"remove/versions", "Remove erases an entry in any state at its version only: ErrConflict else, ErrNotFound when it is gone", func(c *catalogRun) {
		c.create(c.bucket("b"))
		for _, s := range []holdall.State{holdall.StateLive, holdall.StatePending, holdall.StateDeleted, holdall.StatePurging} {
			e := c.put(moved(c.object("b", string(s)), s), holdall.IfAbsent)
			e = c.put(e, holdall.IfVersion(1))
			for _, r := range []struct {
				tenant  string
				version int64
				want    error
			}{
				{c.tenant, 1, holdall.ErrConflict}, {c.tenant, 3, holdall.ErrConflict}, {c.tenant, 0, holdall.ErrConflict},
				{c.other, 2, holdall.ErrNotFound}, {c.tenant, 2, nil}, {c.tenant, 2, holdall.ErrNotFound},
			} {
				if r.want == nil {
					c.remove(e)
				} else if err := c.cat.Remove(c.ctx, r.tenant, e.ID, r.version); class(err) != class(r.want) {
					c.Errorf("Remove(%s) at version %d: %v, want %v", label(e), r.version, err, r.want)
				}
				c.unchanged()
			}
			c.gone(c.tenant, e.ID)
			c.nothing(e.Place())
			c.put(c.object("b", string(s)), holdall.IfAbsent) // the place is free
		}
		if err := c.cat.Remove(c.ctx, c.tenant, "obj_"+unique(), 1); class(err) != class(holdall.ErrNotFound) {
			c.Errorf("Remove of what never was: %v, want %v", err, holdall.ErrNotFound)
		}
	}},
	{"remove/id comes back", "an id that was removed can be put again and begins at version 1", func(c *catalogRun) {
		e := c.put(c.record("c", "k"), holdall.IfAbsent)
		e = c.put(e, holdall.IfVersion(1))
		c.remove(e)
		if e = c.put(e, holdall.IfAbsent); e.Version != 1 {
			c.Errorf("version %d, want 1", e.Version)
		}
	}},
	{"scan/by ids", "Scan finds entries by id in every tenant and state, and does not mind ids that are not there", func(c *catalogRun) {
		all := c.mixed()
		ids := []string{"obj_" + unique()}
		for _, e := range all {
			ids = append(ids, e.ID)
		}
		got := c.mine(c.cat.Scan(c.ctx, holdall.Scan{IDs: ids}))
		slices.SortFunc(got, byID)
		slices.SortFunc(all, byID)
		if d := diffLists(all, got); d != "" {
			c.Error(d)
		}
		if got := c.mine(c.cat.Scan(c.ctx, holdall.Scan{IDs: ids[:1]})); len(got) != 0 {
			c.Errorf("an id that nobody has found %d entries", len(got))
		}
	}},
	{"scan/due", "DueBy finds what is due at that microsecond or before, the earliest first, and nothing that is never due", func(c *catalogRun) {
		all := c.mixed()
		for _, by := range []time.Time{epoch.Add(-time.Microsecond), epoch, epoch.Add(11 * time.Microsecond), epoch.Add(time.Hour)} {
			var want []holdall.Entry
			for _, e := range all {
				if !e.DueAt.IsZero() && !e.DueAt.After(by) {
					want = append(want, e)
				}
			}
			slices.SortFunc(want, func(a, b holdall.Entry) int { return a.DueAt.Compare(b.DueAt) })
			scan := holdall.Scan{DueBy: by, Limit: 100_000}
			if d := diffLists(want, c.mine(c.cat.Scan(c.ctx, scan))); d != "" {
				c.Errorf("due by %s: %s", stamp(by), d)
			}
		}
		c.leave()
	}},
	{"scan/due pages", "a Scan by DueBy returns the earliest up to Limit; what is done with is not due again", func(c *catalogRun) {
		all := c.mixed()
		seen := map[string]bool{}
		for range 100_000 {
			page, err := c.cat.Scan(c.ctx, holdall.Scan{DueBy: epoch.Add(time.Hour), Limit: 5 + c.foreignDue()})
			if err != nil {
				c.Fatalf("Scan: %v", err)
			}
			if !slices.IsSortedFunc(page, func(a, b holdall.Entry) int { return a.DueAt.Compare(b.DueAt) }) {
				c.Errorf("the page is not in the order of DueAt")
			}
			page = c.mine(page, nil)
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				if seen[e.ID] {
					c.Fatalf("%s is due again", label(e))
				}
				seen[e.ID] = true
				e.DueAt = time.Time{}
				c.put(e, holdall.IfVersion(1))
			}
		}
		for _, e := range all {
			if seen[e.ID] == e.DueAt.IsZero() {
				c.Errorf("%s, due %s, was found %t", label(e), stamp(e.DueAt), seen[e.ID])
			}
		}
	}},
	{"scan/all", "a Scan of all goes through every tenant and state in the order of ids, in pages of every size", func(c *catalogRun) {
		c.mixed()
		for _, limit := range []int{1, 2, 3, 10, 1000} {
			if limit < 10 && c.crowded() {
				continue
			}
			var got []holdall.Entry
			for after, more := "", true; more; {
				page, err := c.cat.Scan(c.ctx, holdall.Scan{After: after, Limit: limit})
				if err != nil || len(page) > limit {
					c.Fatalf("Scan behind %q: %d entries, %v", after, len(page), err)
				}
				if more = len(page) > 0; more {
					if !slices.IsSortedFunc(page, byID) || page[0].ID <= after {
						c.Fatalf("the page behind %q is not in the order of ids", after)
					}
					after = page[len(page)-1].ID
				}
				got = append(got, c.mine(page, nil)...)
			}
			want := c.all()
			slices.SortFunc(want, byID)
			if d := diffLists(want, got); d != "" {
				c.Errorf("in pages of %d: %s", limit, d)
			}
		}
		c.leave()
	}},
}

// settleDue removes what the case stored that is due some time: in a shared
// store, a sweep of another case would come upon it.
func (c *catalogRun) settleDue() {
	c.Helper()
	for _, e := range c.all() {
		if !e.DueAt.IsZero() && !c.Failed() {
			c.remove(e)
		}
	}
}

func byID(a, b holdall.Entry) int { return strings.Compare(a.ID, b.ID) }

// foreignDue is how many entries of others are due before ours.
func (c *catalogRun) foreignDue() int {
	c.Helper()
	page, err := c.cat.Scan(c.ctx, holdall.Scan{DueBy: epoch.Add(time.Hour), Limit: 100_000})
	if err != nil {
		c.Fatalf("Scan: %v", err)
	}
	return len(page) - len(c.mine(page, nil))
}

// crowded reports whether a shared store holds so many entries of others that
// reading them one by one takes too long.
func (c *catalogRun) crowded() bool {
	page, err := c.cat.Scan(c.ctx, holdall.Scan{Limit: 500})
	return err == nil && len(page) == 500
}

// leave removes what this case stored but live buckets, which Remove is never
// called for, so that it is not in the way of others.
func (c *catalogRun) leave() {
	c.Helper()
	for _, e := range c.all() {
		if e.Kind != holdall.KindBucket || e.State != holdall.StateLive {
			c.remove(e)
		}
	}
}
