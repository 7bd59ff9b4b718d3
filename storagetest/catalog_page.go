package storagetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

// pageSizes are all sizes from 1 to one more than n, or those that matter
// where that is a lot.
func pageSizes(n int) []int {
	if n <= scale(50, 12) {
		sizes := make([]int, n+1)
		for i := range sizes {
			sizes[i] = i + 1
		}
		return sizes
	}
	return []int{1, 2, 3, 7, n / 2, n - 1, n, n + 1}
}

var nameCases = []catalogCase{
	{"names/byte order", "names sort byte for byte in both directions, and pages of every size put them together again", func(c *catalogRun) {
		for i, name := range hardNames()[:45] {
			c.create(c.record([]string{"c", "C", "d"}[i%3], name))
		}
		q := c.objects()
		q.Kind = holdall.KindRecord
		for _, q.Sort.Desc = range []bool{false, true} {
			c.same(q, pageSizes(45)...)
		}
	}},
	{"names/the rest", "names beyond ASCII, at the end of Unicode and of a kilobyte sort by their bytes too", func(c *catalogRun) {
		for _, name := range hardNames()[45:] {
			c.create(c.record("c", name), inTier(c.record("c", name), holdall.User, "ann"))
		}
		q := c.objects()
		q.Kind = holdall.KindRecord
		for _, q.Sort.Desc = range []bool{false, true} {
			c.same(q, 1, 4, 5, 1000)
		}
	}},
	{"names/prefix", "Prefix is literal: % _ \\ and quotes mean themselves, letter case counts, and the last code point has a successor", func(c *catalogRun) {
		for _, name := range hardNames() {
			c.create(c.record("c", name))
		}
		q := c.objects()
		q.Kind = holdall.KindRecord
		for _, q.Prefix = range append(somePrefixes(), hardNames()...) {
			c.same(q, 5)
		}
		for _, q.Prefix = range somePrefixes() {
			q.Direct, q.Sort.Desc = true, true
			c.same(q, 3)
		}
	}},
	{"names/exact", "Name selects exactly that name", func(c *catalogRun) {
		for _, name := range hardNames() {
			c.create(c.record("c", name), inTier(c.record("c", name), holdall.User, "ann"))
		}
		q := c.objects()
		q.Kind = holdall.KindRecord
		for _, q.Name = range hardNames() {
			c.same(q, 1)
		}
		q.Name, q.Prefix = "a/b", "a%"
		c.same(q, 1)
	}},
	{"names/contains", "Contains looks for a folded text in the folded name, literally", func(c *catalogRun) {
		for _, name := range append(hardNames(), "Report.PDF", "ÅNGSTRÖM", "Straße", "ΣΊΣΥΦΟΣ", "ǅ", "100% sure", "under_score") {
			c.create(c.record("c", name))
		}
		q := c.objects()
		q.Kind = holdall.KindRecord
		for _, text := range append(somePrefixes(), "PORT", "ång", "STRASS", "straß", "σίσυφος", "ς", "ǆ", "% S", "r_s", "K", "\u212a", "İ", "i", "😀", "/", "b") {
			q.Contains = holdall.Fold(text)
			c.same(q, 6)
		}
	}},
	{"names/beside longer ones", "After a name comes the name that it begins, and one container's end is not the next one's", func(c *catalogRun) {
		for _, container := range []string{"a", "aa", "a0", "b"} {
			for _, name := range []string{"x", "x ", "x!", "x0", "xx", "x/y", "x\U0010ffff", "y"} {
				c.create(c.record(container, name))
			}
		}
		for _, q := range []holdall.Query{{Containers: []string{"a"}}, {Containers: []string{"aa", "a"}}, {}, {Prefix: "x"}} {
			q.Tenant, q.Kind, q.State = c.tenant, holdall.KindRecord, holdall.StateLive
			for _, q.Sort.Desc = range []bool{false, true} {
				c.same(q, pageSizes(9)...)
			}
		}
	}},
}

var pageCases = []catalogCase{
	{"page/every size and order", "the pages of every size, in every order, by After and by Offset, add up to the whole list", func(c *catalogRun) {
		n := c.corpus()
		for _, s := range sorts {
			q := c.objects()
			q.Sort = s
			c.same(q, pageSizes(n)...)
		}
	}},
	{"page/ties", "entries with one name, one size and one time still have one order, by container, tier and id", func(c *catalogRun) {
		buckets := []string{"a", "b", "c"}
		for _, b := range buckets {
			c.create(c.bucket(b))
			for _, s := range []holdall.Scope{ann, bob, app, team} {
				e := inTier(c.object(b, "same"), s.Tier, s.Owner)
				e.CreatedAt, e.UpdatedAt = epoch, epoch
				c.create(e)
			}
		}
		for _, s := range sorts {
			q := c.objects()
			q.Sort = s
			c.same(q, pageSizes(12)...)
		}
	}},
	{"page/deleted ones", "entries that share a place, as deleted ones may, page in the order of their ids", func(c *catalogRun) {
		for range 9 {
			e := moved(c.object("b", "same"), holdall.StateDeleted)
			e.CreatedAt = epoch
			c.create(e)
		}
		for _, s := range sorts {
			q := c.objects()
			q.State, q.Sort = holdall.StateDeleted, s
			c.same(q, pageSizes(9)...)
		}
	}},
	{"page/sort numbers", "times and sizes sort as numbers, large, small and before 1970", func(c *catalogRun) {
		for i, size := range []int64{0, 1, 9, 10, 99, 100, 1 << 31, 1 << 40, 1<<53 + 1, 1 << 53, 1<<63 - 1} {
			e := moved(c.object("b", fmt.Sprint(i)), holdall.StateDeleted)
			e.Content.Size = size
			e.CreatedAt = time.Unix(size%1e9-1000, 1000*(size%7)).UTC()
			e.UpdatedAt = time.Unix(-size%1e9, 999999000).UTC()
			c.create(e)
		}
		e := moved(c.object("b", "none"), holdall.StateDeleted)
		e.Content = nil
		c.create(e)
		for _, s := range sorts {
			q := c.objects()
			q.State, q.Sort = holdall.StateDeleted, s
			c.same(q, 1, 2, 5, 20)
		}
	}},
	{"page/behind what is gone", "After is a position, not an entry: paging goes on behind an entry that was removed, or never was", func(c *catalogRun) {
		c.corpus()
		for _, s := range sorts {
			q := c.objects()
			q.Sort = s
			ghost := c.object("b", "a/bb")
			ghost.CreatedAt, ghost.UpdatedAt = epoch.Add(2*time.Microsecond), epoch.Add(time.Hour)
			for _, e := range []holdall.Entry{ghost, inTier(ghost, "zzz", ""), {ID: "~", Name: "\U0010ffff", Container: "zz"}, {}} {
				p := s.Position(e)
				q.After = &p
				c.same(q, 4)
				q.After = nil
			}
		}
	}},
	{"page/while writing", "an entry that stays is listed exactly once, whatever is written and removed between the pages", func(c *catalogRun) {
		for _, desc := range []bool{false, true} {
			prefix := fmt.Sprint(desc, "/")
			var stay []string
			for i := range 40 {
				stay = append(stay, c.put(c.record("c", fmt.Sprintf("%s%02d", prefix, i)), holdall.IfAbsent).ID)
			}
			q := holdall.Query{Tenant: c.tenant, Kind: holdall.KindRecord, State: holdall.StateLive, Prefix: prefix, Sort: holdall.Sort{Desc: desc}, Limit: 3}
			seen := map[string]int{}
			for more := true; more; {
				page, err := c.cat.Query(c.ctx, q)
				if err != nil {
					c.Fatalf("Query(%s): %v", describe(q), err)
				}
				for _, e := range page.Entries {
					seen[e.ID]++
				}
				if more = page.More; more {
					last := page.Entries[len(page.Entries)-1]
					p := q.Sort.Position(last)
					q.After = &p
					c.disturb(last)
				}
			}
			for _, id := range stay {
				if seen[id] != 1 {
					c.Errorf("%s was listed %d times, descending %t", label(c.known[id]), seen[id], desc)
				}
			}
		}
	}},
}

// disturb writes before and behind e's name, removes some of that again, and
// changes an entry that stays.
func (c *catalogRun) disturb(e holdall.Entry) {
	c.Helper()
	for _, name := range []string{e.Name + "!", e.Name[:len(e.Name)-1], strings.TrimRight(e.Name, "0123456789") + "x" + unique()} {
		got, err := c.cat.Put(c.ctx, c.record("c", name), holdall.Always)
		if err == nil && c.rnd.chance(2) {
			err = c.cat.Remove(c.ctx, got.Tenant, got.ID, got.Version)
		}
		if err != nil {
			c.Fatalf("writing between pages: %v", err)
		}
	}
	if old, ok := c.known[e.ID]; ok {
		old.UpdatedAt = c.tick()
		c.put(old, holdall.IfVersion(old.Version))
	}
}
