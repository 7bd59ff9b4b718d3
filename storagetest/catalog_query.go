package storagetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

// walk reads all of q in pages of limit entries, by After or by Offset.
func (c *catalogRun) walk(q holdall.Query, limit int, byOffset bool) []holdall.Entry {
	c.Helper()
	var all []holdall.Entry
	q.Limit = limit
	for {
		page, err := c.cat.Query(c.ctx, q)
		if err != nil {
			c.Fatalf("Query(%s): %v", describe(q), err)
		}
		n := len(page.Entries)
		switch {
		case n > limit:
			c.Fatalf("Query(%s) returned %d entries", describe(q), n)
		case len(page.Folders) > 0:
			c.Fatalf("Query(%s) returned folders", describe(q))
		case n == 0 && len(all) > 0:
			c.Fatalf("Query(%s) returned nothing, although the page before it said that there is more", describe(q))
		case page.More && n < limit:
			c.Fatalf("Query(%s) returned %d entries and more to come: such a page must be full", describe(q), n)
		}
		all = append(all, page.Entries...)
		if !page.More {
			return all
		}
		if len(all) > len(c.known) {
			c.Fatalf("Query(%s) does not come to an end", describe(q))
		}
		if byOffset {
			q.Offset += n
		} else {
			p := q.Sort.Position(page.Entries[n-1])
			q.After = &p
		}
	}
}

// same checks that q, at each of the page sizes, finds what the reference
// finds in what this case has stored, and that Count agrees.
func (c *catalogRun) same(q holdall.Query, sizes ...int) []holdall.Entry {
	c.Helper()
	want := selectEntries(q, c.all())
	for _, size := range sizes {
		for _, byOffset := range []bool{false, true} {
			got := c.walk(q, size, byOffset)
			if d := diffLists(want, got); d != "" {
				c.Errorf("Query(%s) in pages of %d, by offset %t: %s", describe(q), size, byOffset, d)
				return want
			}
		}
	}
	q.Limit, q.Offset = 1, 1 // must not matter
	n, err := c.cat.Count(c.ctx, q)
	q.After = nil
	if all := len(selectEntries(q, c.all())); err != nil || n != int64(all) {
		c.Errorf("Count(%s) = %d, %v; want %d", describe(q), n, err, all)
	}
	return want
}

func (c *catalogRun) all() []holdall.Entry {
	var all []holdall.Entry
	for _, e := range c.known {
		all = append(all, e)
	}
	return all
}

func diffLists(want, got []holdall.Entry) string {
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("%d entries, want %d; the first missing one is %s", len(got), len(want), label(want[i]))
		case i >= len(want):
			return fmt.Sprintf("%d entries, want %d; the first that should not be there is %s", len(got), len(want), label(got[i]))
		case want[i].ID != got[i].ID:
			return fmt.Sprintf("entry %d of %d is %s, want %s", i, len(want), label(got[i]), label(want[i]))
		}
		if d := diff(want[i], got[i]); d != "" {
			return fmt.Sprintf("%s: %s", label(want[i]), d)
		}
	}
	return ""
}

// describe writes the fields of q that are set.
func describe(q holdall.Query) string {
	var b strings.Builder
	add := func(name string, set bool, v any) {
		if set {
			fmt.Fprintf(&b, " %s=%s", name, shorten(fmt.Sprintf("%+v", v)))
		}
	}
	fmt.Fprintf(&b, "%s %s", q.Kind, q.State)
	add("Containers", q.Containers != nil, q.Containers)
	add("Scopes", q.Scopes != nil, q.Scopes)
	add("IDs", q.IDs != nil, q.IDs)
	add("Name", q.Name != "", fmt.Sprintf("%+q", q.Name))
	add("Prefix", q.Prefix != "", fmt.Sprintf("%+q", q.Prefix))
	add("Direct", q.Direct, true)
	add("Contains", q.Contains != "", fmt.Sprintf("%+q", q.Contains))
	add("Type", q.Type != "", q.Type)
	add("CreatedAfter", !q.CreatedAfter.IsZero(), q.CreatedAfter)
	add("CreatedBefore", !q.CreatedBefore.IsZero(), q.CreatedBefore)
	add("AliveAt", !q.AliveAt.IsZero(), q.AliveAt)
	if q.Where != nil {
		add("Where", true, q.Where.String())
	}
	add("Sort", q.Sort != holdall.Sort{}, q.Sort)
	if q.After != nil {
		add("After", true, *q.After)
	}
	add("Offset", q.Offset != 0, q.Offset)
	add("Limit", q.Limit != 0, q.Limit)
	return b.String()
}

var (
	ann  = holdall.Scope{Tier: holdall.User, Owner: "ann"}
	bob  = holdall.Scope{Tier: holdall.User, Owner: "bob"}
	app  = holdall.Scope{Tier: holdall.Private, Owner: "app"}
	team = holdall.Scope{Tier: holdall.Shared}
)

var types = []string{"text/plain", "text/plain;charset=utf-8", "text/html", "image/png", "image/svg+xml", "image/svg", "textual/plain", "text/plainer", "application/octet-stream", ""}

// corpus stores objects that differ in everything a Query looks at, among
// entries of other kinds, states and tenants, and returns how many there are.
func (c *catalogRun) corpus() int {
	c.Helper()
	buckets := []string{"b", "b-2", "B"}
	for _, name := range buckets {
		c.create(c.bucket(name), in(c.other, c.bucket(name)))
	}
	names := []string{"a", "a/b", "a/c/d", "A/b", "a%", "ab", "report.PDF", "Straße/1", "x_y", "xay"}
	n := 0
	for i, name := range names {
		for j, scope := range []holdall.Scope{ann, bob, app, team} {
			e := inTier(c.object(buckets[(i+j)%3], name), scope.Tier, scope.Owner)
			e.Content.Type = types[(i*3+j)%len(types)]
			e.Content.Size = int64(i % 4)
			e.CreatedAt = epoch.Add(time.Duration(i%5) * time.Microsecond)
			e.UpdatedAt = epoch.Add(time.Duration(j%3) * time.Hour)
			if i%3 == 0 {
				e.ExpiresAt = epoch.Add(time.Duration(10+i) * time.Hour)
			}
			e = valued(e, fmt.Sprintf(`{"n":%d,"tag":["%s"],"o":{"deep":%t}}`, i, scope.Tier, j%2 == 0))
			c.create(e)
			n++
		}
		c.create(moved(c.object("b", name), holdall.StateDeleted), c.record("b", name), in(c.other, c.object("b", name)))
	}
	return n
}

func (c *catalogRun) objects() holdall.Query {
	return holdall.Query{Tenant: c.tenant, Kind: holdall.KindObject, State: holdall.StateLive}
}

// oneField are queries with one field set each.
func (c *catalogRun) oneField() []func(*holdall.Query) {
	hour := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Hour) }
	some := []string{"obj_" + unique()}
	for id := range c.known {
		if len(some) < 20 {
			some = append(some, id)
		}
	}
	return []func(*holdall.Query){
		func(q *holdall.Query) {},
		func(q *holdall.Query) { q.Containers = []string{"b"} },
		func(q *holdall.Query) { q.Containers = []string{"B", "b-2", "none"} },
		func(q *holdall.Query) { q.Scopes = []holdall.Scope{ann} },
		func(q *holdall.Query) { q.Scopes = []holdall.Scope{app, ann, team} },
		func(q *holdall.Query) { q.Scopes = []holdall.Scope{{Tier: holdall.Private, Owner: "ann"}} },
		func(q *holdall.Query) { q.IDs = some },
		func(q *holdall.Query) { q.Name = "a/b" },
		func(q *holdall.Query) { q.Prefix = "a" },
		func(q *holdall.Query) { q.Prefix = "a/" },
		func(q *holdall.Query) { q.Direct = true },
		func(q *holdall.Query) { q.Prefix, q.Direct = "a/", true },
		func(q *holdall.Query) { q.Contains = holdall.Fold(".Pdf") },
		func(q *holdall.Query) { q.Contains = holdall.Fold("A") },
		func(q *holdall.Query) { q.Contains = "%" },
		func(q *holdall.Query) { q.Type = "text/plain" },
		func(q *holdall.Query) { q.Type = "text/*" },
		func(q *holdall.Query) { q.Type = "image/svg" },
		func(q *holdall.Query) { q.CreatedAfter = epoch.Add(time.Microsecond) },
		func(q *holdall.Query) { q.CreatedBefore = epoch.Add(3 * time.Microsecond) },
		func(q *holdall.Query) { q.AliveAt = hour(13) },
		func(q *holdall.Query) { q.AliveAt = hour(13).Add(-time.Microsecond) },
		func(q *holdall.Query) { q.Where = mustFilter(`{"n":{"gte":3,"lt":7}}`) },
		func(q *holdall.Query) { q.Where = mustFilter(`{"or":[{"o.deep":true},{"tag":{"contains":"shared"}}]}`) },
		func(q *holdall.Query) { q.State = holdall.StateDeleted },
		func(q *holdall.Query) { q.Kind = holdall.KindRecord },
		func(q *holdall.Query) { q.Kind = holdall.KindBucket },
	}
}

func mustFilter(src string) *holdall.Filter {
	f, err := holdall.ParseFilter([]byte(src))
	if err != nil {
		panic(fmt.Sprintf("storagetest: filter %s: %v", src, err))
	}
	return f
}

var sorts = []holdall.Sort{
	{}, {Desc: true}, {Field: holdall.SortName}, {Field: holdall.SortCreated}, {Field: holdall.SortCreated, Desc: true},
	{Field: holdall.SortUpdated}, {Field: holdall.SortUpdated, Desc: true}, {Field: holdall.SortSize}, {Field: holdall.SortSize, Desc: true},
}

var queryCases = []catalogCase{
	{"query/one field", "each field of a Query selects what it says, and Count counts the same", func(c *catalogRun) {
		n := c.corpus()
		for i, set := range c.oneField() {
			q := c.objects()
			set(&q)
			if found := len(c.same(q, 3, 1000)); q.State == holdall.StateLive && q.Kind == holdall.KindObject && i > 0 && found == n && q.Contains == "" {
				c.Fatalf("the case proves nothing: %s selects all", describe(q))
			}
		}
	}},
	{"query/fields together", "everything that is set must hold, in every order", func(c *catalogRun) {
		c.corpus()
		fields := c.oneField()
		for range scale(150, 40) {
			q := c.objects()
			for range 1 + c.rnd.intn(4) {
				pick(c.rnd, fields)(&q)
			}
			q.Sort = pick(c.rnd, sorts)
			c.same(q, 1+c.rnd.intn(8))
		}
	}},
	{"query/nil and empty", "nil Containers, Scopes or IDs are all; an empty list is none", func(c *catalogRun) {
		c.corpus()
		for _, set := range []func(*holdall.Query){
			func(q *holdall.Query) { q.Containers = []string{} },
			func(q *holdall.Query) { q.Scopes = []holdall.Scope{} },
			func(q *holdall.Query) { q.IDs = []string{} },
		} {
			q := c.objects()
			set(&q)
			if n := len(c.same(q, 10)); n != 0 {
				c.Fatalf("the reference finds %d", n)
			}
		}
	}},
	{"query/tenant", "a query without a tenant is ErrInvalid; with a tenant that has nothing it finds nothing", func(c *catalogRun) {
		c.corpus()
		q := c.objects()
		q.Tenant, q.Limit = "", 10
		if _, err := c.cat.Query(c.ctx, q); class(err) != class(holdall.ErrInvalid) {
			c.Errorf("Query without a tenant: %v, want %v", err, holdall.ErrInvalid)
		}
		if _, err := c.cat.Count(c.ctx, q); class(err) != class(holdall.ErrInvalid) {
			c.Errorf("Count without a tenant: %v, want %v", err, holdall.ErrInvalid)
		}
		for _, t := range []string{"tenant-" + unique(), "%", c.tenant + "x", c.tenant[:len(c.tenant)-1], strings.ToUpper(c.tenant)} {
			q.Tenant = t
			c.same(q, 10)
		}
		q.Tenant = c.other
		c.same(q, 3)
	}},
	{"query/thousand IDs", "a query takes 1000 IDs and finds those that are the tenant's", func(c *catalogRun) {
		c.corpus()
		q := c.objects()
		for id := range c.known {
			q.IDs = append(q.IDs, id)
		}
		for len(q.IDs) < 1000 {
			q.IDs = append(q.IDs, "obj_"+unique())
		}
		c.same(q, 7)
	}},
	{"query/types", "Type looks at type and subtype alone: parameters do not count, and a wildcard stands for a whole subtype", func(c *catalogRun) {
		c.create(c.bucket("b"))
		for i, t := range append(types, "text/plain;a=b;c=d", "text/x", "x-text/plain", "image/*", "text/plain2") {
			e := c.object("b", fmt.Sprint(i))
			e.Content.Type = t
			c.create(e)
		}
		none := c.object("b", "none")
		none.Content = nil
		c.create(none)
		for _, p := range []string{"text/plain", "text/*", "image/*", "image/svg", "image/svg+xml", "application/*", "x/*", "text/pl", "tex/*", "text/plain%", "t_xt/plain"} {
			q := c.objects()
			q.Type = p
			c.same(q, 4)
		}
	}},
	{"query/times", "CreatedAfter and CreatedBefore exclude their own microsecond; AliveAt excludes what ends at it", func(c *catalogRun) {
		for i := range 7 {
			e := c.record("c", fmt.Sprint(i))
			e.CreatedAt = epoch.Add(time.Duration(i) * time.Microsecond)
			if i > 0 {
				e.ExpiresAt = epoch.Add(time.Duration(i) * time.Microsecond)
			}
			c.create(e)
		}
		for i := range 7 {
			q := c.objects()
			q.Kind = holdall.KindRecord
			at := epoch.Add(time.Duration(i) * time.Microsecond)
			q.CreatedAfter = at
			c.same(q, 3)
			q.CreatedAfter, q.CreatedBefore = epoch.Add(time.Microsecond), at
			c.same(q, 3)
			q.CreatedAfter, q.CreatedBefore, q.AliveAt = time.Time{}, time.Time{}, at
			c.same(q, 3)
		}
	}},
	{"query/after and offset", "After and Offset together skip from the position on", func(c *catalogRun) {
		n := c.corpus()
		for _, s := range sorts {
			q := c.objects()
			q.Sort = s
			all := selectEntries(q, c.all())
			p := s.Position(all[n/3])
			q.After, q.Offset, q.Limit = &p, 4, 5
			page, err := c.cat.Query(c.ctx, q)
			if err != nil {
				c.Fatalf("Query(%s): %v", describe(q), err)
			}
			if d := diffLists(all[n/3+5:n/3+10], page.Entries); d != "" || !page.More {
				c.Errorf("Query(%s): %s; more %t", describe(q), d, page.More)
			}
			q.Offset = n
			if page, err = c.cat.Query(c.ctx, q); err != nil || len(page.Entries) != 0 || page.More {
				c.Errorf("Query(%s) far behind the end: %d entries, more %t, %v", describe(q), len(page.Entries), page.More, err)
			}
		}
	}},
}
