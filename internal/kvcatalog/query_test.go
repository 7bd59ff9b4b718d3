package kvcatalog

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
)

var (
	epoch   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tenants = []string{"t", "t\x00", "", "tt"}
	owners  = []string{"", "o", "\xff\x00", strings.Repeat("o", 200)}
	names   = []string{"a", "a/b", "a/c", "a/b/c", "a!", "a0", "b", "b/", "B", "é", "a/é", "ab/x", "\U0010ffff", "\U0010ffff/x", "z"}
)

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func randomEntry(r *rand.Rand, i int) holdall.Entry {
	e := holdall.Entry{
		ID: fmt.Sprintf("rec_%04d", r.IntN(10000)*1000+i), Kind: pick(r, kinds[1:]), Tenant: pick(r, tenants[:2]),
		Container: pick(r, []string{"", "c", "c\x00d", "cc"}), Tier: pick(r, tiers[1:]), Owner: pick(r, owners),
		Name: pick(r, names), State: pick(r, states),
		CreatedAt: epoch.Add(time.Duration(r.IntN(5)) * time.Second), UpdatedAt: epoch.Add(time.Duration(r.IntN(5)) * time.Second),
		CreatedBy: "me", Value: json.RawMessage(fmt.Sprintf(`{"n":%d}`, r.IntN(3))),
	}
	if r.IntN(3) == 0 {
		e.ExpiresAt = epoch.Add(time.Minute + time.Duration(r.IntN(3))*time.Second)
		e.DueAt = e.ExpiresAt
	}
	if r.IntN(2) == 0 {
		e.Content = &holdall.Content{Key: "k", Size: int64(r.IntN(3)), Type: pick(r, []string{"a/b", "a/c;x=y", "b/a"})}
	}
	return e
}

func randomQuery(r *rand.Rand, all []holdall.Entry) holdall.Query {
	maybe := func(one int) bool { return r.IntN(one) == 0 }
	q := holdall.Query{Tenant: pick(r, tenants[:2]), Kind: pick(r, kinds[1:]), State: pick(r, states), Limit: 1 + r.IntN(4)}
	if maybe(2) {
		q.State = holdall.StateLive
	}
	if maybe(3) {
		q.Containers = []string{"c", pick(r, []string{"", "c\x00d", "none"}), "c"}[:r.IntN(4)]
	}
	if maybe(3) {
		q.Scopes = []holdall.Scope{{Tier: holdall.Shared}, {Tier: holdall.User, Owner: "o"}, {Tier: holdall.Private, Owner: owners[2]}}[:r.IntN(4)]
	}
	if maybe(2) {
		q.Prefix = pick(r, []string{"a", "a/", "b", "\U0010ffff", "a/b/", "é"})
	}
	if maybe(6) {
		q.Name = pick(r, names)
	}
	if maybe(5) {
		q.Contains = pick(r, []string{"a", "/", "c"})
	}
	q.Direct = maybe(5)
	if maybe(5) {
		q.Type = pick(r, []string{"a/b", "a/*", "a/c"})
	}
	if maybe(5) {
		q.AliveAt = epoch.Add(time.Minute + time.Second)
	}
	if maybe(5) {
		q.CreatedAfter = epoch.Add(time.Second)
	}
	if maybe(5) {
		q.CreatedBefore = epoch.Add(3 * time.Second)
	}
	if maybe(6) {
		for range r.IntN(20) {
			q.IDs = append(q.IDs, pick(r, all).ID)
		}
	}
	q.Sort.Desc = maybe(2)
	if maybe(3) {
		q.Sort.Field = pick(r, []holdall.SortField{holdall.SortName, holdall.SortCreated, holdall.SortUpdated, holdall.SortSize})
	}
	return q
}

// reference answers a query from a list of all entries.
func reference(all []holdall.Entry, q holdall.Query) holdall.Page {
	var m []holdall.Entry
	for i := range all {
		if q.Match(&all[i]) && (q.After == nil || q.Sort.Compare(q.Sort.Position(all[i]), *q.After) > 0) {
			m = append(m, all[i])
		}
	}
	slices.SortFunc(m, func(a, b holdall.Entry) int { return q.Sort.Compare(q.Sort.Position(a), q.Sort.Position(b)) })
	m = m[min(q.Offset, len(m)):]
	n := min(q.Limit, len(m))
	return holdall.Page{Entries: m[:n], More: n < len(m)}
}

// referenceFolder lists one level from a list of all entries.
func referenceFolder(all []holdall.Entry, q holdall.Query, only bool) holdall.Page {
	type item struct {
		pos    holdall.Position
		folder bool
		entry  holdall.Entry
	}
	var items []item
	seen := map[string]bool{}
	for i := range all {
		e := all[i]
		if !q.Match(&e) {
			continue
		}
		if before, _, ok := strings.Cut(e.Name[len(q.Prefix):], "/"); ok {
			f := q.Prefix + before + "/"
			if !seen[f] {
				items = append(items, item{holdall.Position{Name: f}, true, e})
			}
			seen[f] = true
		} else if !only {
			items = append(items, item{q.Sort.Position(e), false, e})
		}
	}
	slices.SortFunc(items, func(a, b item) int { return q.Sort.Compare(a.pos, b.pos) })
	items = slices.DeleteFunc(items, func(i item) bool {
		if q.After == nil {
			return false
		}
		if i.folder && i.pos.Name == q.After.Name {
			return true
		}
		return q.Sort.Compare(i.pos, *q.After) <= 0
	})
	page := holdall.Page{More: len(items) > q.Limit}
	for _, i := range items[:min(q.Limit, len(items))] {
		if i.folder {
			page.Folders = append(page.Folders, i.pos.Name)
		} else {
			page.Entries = append(page.Entries, i.entry)
		}
	}
	return page
}

func fill(t *testing.T, r *rand.Rand) (*Catalog, []holdall.Entry) {
	t.Helper()
	ctx := context.Background()
	c := New(kv.NewMemory())
	for _, tenant := range tenants[:2] {
		for _, name := range []string{"", "c", "c\x00d", "cc"} {
			_, err := c.Put(ctx, holdall.Entry{ID: "bkt_" + tenant + "/" + name, Kind: holdall.KindBucket, Tenant: tenant,
				Tier: holdall.Shared, Name: name + "x", State: holdall.StateLive}, holdall.IfAbsent)
			if name == "" {
				require.NoError(t, err)
			}
			_, err = c.Put(ctx, holdall.Entry{ID: "bkt_" + tenant + "//" + name, Kind: holdall.KindBucket, Tenant: tenant,
				Tier: holdall.Shared, Name: strings.ReplaceAll(name, "\x00", ""), State: holdall.StateLive}, holdall.IfAbsent)
			require.NoError(t, err)
		}
	}
	var all []holdall.Entry
	for i := range 400 {
		e := randomEntry(r, i)
		if e.Kind == holdall.KindObject && strings.Contains(e.Container, "\x00") {
			e.Container = "c"
		}
		stored, err := c.Put(ctx, e, holdall.IfAbsent)
		if err == nil {
			all = append(all, stored)
		} else {
			require.ErrorIs(t, err, holdall.ErrExists)
		}
	}
	for range 40 { // move some, take some out
		i := r.IntN(len(all))
		e := randomEntry(r, 0)
		e.ID, e.Tenant, e.Kind = all[i].ID, all[i].Tenant, holdall.KindRecord
		stored, err := c.Put(ctx, e, holdall.IfVersion(all[i].Version))
		if err == nil {
			all[i] = stored
		}
		i = r.IntN(len(all))
		require.NoError(t, c.Remove(ctx, all[i].Tenant, all[i].ID, all[i].Version))
		all = slices.Delete(all, i, i+1)
	}
	return c, all
}

func TestQueriesMeanWhatMatchSays(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	ctx := context.Background()
	for range 10 {
		c, all := fill(t, r)
		for range 400 {
			q := randomQuery(r, all)
			total := q
			total.Limit = 1 << 20
			n, err := c.Count(ctx, q)
			require.NoError(t, err)
			require.EqualValues(t, len(reference(all, total).Entries), n, "%+v", q)
			if r.IntN(4) == 0 {
				q.Offset = r.IntN(5)
			}
			for { // page through
				got, err := c.Query(ctx, q)
				require.NoError(t, err)
				want := reference(all, q)
				same(t, want, got, q)
				if len(got.Entries) == 0 {
					break
				}
				pos := q.Sort.Position(got.Entries[len(got.Entries)-1])
				q.After, q.Offset = &pos, 0
			}
		}
	}
}

func TestFoldersMeanWhatNamesSay(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	ctx := context.Background()
	for range 10 {
		c, all := fill(t, r)
		for range 400 {
			q := randomQuery(r, all)
			q.Sort.Field, q.Direct = holdall.SortName, false
			only := r.IntN(3) == 0
			for {
				got, err := c.ListFolder(ctx, q, only)
				require.NoError(t, err)
				same(t, referenceFolder(all, q, only), got, q)
				if len(got.Entries)+len(got.Folders) == 0 {
					break
				}
				q.After = last(q, got)
			}
		}
	}
}

func last(q holdall.Query, p holdall.Page) *holdall.Position {
	var pos holdall.Position
	if n := len(p.Entries); n > 0 {
		pos = q.Sort.Position(p.Entries[n-1])
	}
	if n := len(p.Folders); n > 0 {
		f := holdall.Position{Name: p.Folders[n-1]}
		if len(p.Entries) == 0 || q.Sort.Compare(f, pos) > 0 {
			pos = f
		}
	}
	return &pos
}

func same(t *testing.T, want, got holdall.Page, q holdall.Query) {
	t.Helper()
	require.Equal(t, ids(want.Entries), ids(got.Entries), "%+v after %+v", q, q.After)
	require.Equal(t, want.Folders, got.Folders, "%+v after %+v", q, q.After)
	require.Equal(t, want.More, got.More, "%+v after %+v", q, q.After)
	for i := range want.Entries {
		require.Equal(t, want.Entries[i], got.Entries[i])
	}
}

func ids(list []holdall.Entry) []string {
	out := make([]string, 0, len(list))
	for _, e := range list {
		out = append(out, e.Name+" "+e.ID)
	}
	return out
}

func TestScans(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	ctx := context.Background()
	c, all := fill(t, r)
	var want, got []string
	for _, e := range all {
		want = append(want, e.ID)
	}
	slices.Sort(want)
	for after := "c"; ; {
		page, err := c.Scan(ctx, holdall.Scan{After: after, Limit: 7})
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			got = append(got, e.ID)
		}
		after = got[len(got)-1]
	}
	require.Equal(t, want, got)

	by := epoch.Add(time.Minute + time.Second)
	page, err := c.Scan(ctx, holdall.Scan{DueBy: by, Limit: 1000})
	require.NoError(t, err)
	due := 0
	for _, e := range all {
		if !e.DueAt.IsZero() && !e.DueAt.After(by) {
			due++
		}
	}
	require.Len(t, page, due)
	require.True(t, slices.IsSortedFunc(page, func(a, b holdall.Entry) int { return a.DueAt.Compare(b.DueAt) }))

	page, err = c.Scan(ctx, holdall.Scan{IDs: []string{all[3].ID, "none", all[1].ID, all[3].ID}})
	require.NoError(t, err)
	require.Equal(t, []holdall.Entry{all[3], all[1]}, page)
}
