package holdall

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCursorIsBoundToItsList(t *testing.T) {
	q := Query{Tenant: "acme", Kind: KindObject, State: StateLive, Containers: []string{"b"}, Scopes: []Scope{{Shared, ""}}, Limit: 10}
	at := position{Name: "a/b", Container: "b", Tier: Shared, ID: "obj_x"}
	text := cursor{List: fingerprint(q), At: &at}.String()
	got, err := parseCursor(text, q)
	require.NoError(t, err)
	require.Equal(t, at, *got.At)

	q.Limit = 20
	_, err = parseCursor(text, q)
	require.NoError(t, err, "the size of a page may change")

	for name, edit := range map[string]func(*Query){
		"tenant":     func(q *Query) { q.Tenant = "other" },
		"kind":       func(q *Query) { q.Kind = KindRecord },
		"state":      func(q *Query) { q.State = StateDeleted },
		"containers": func(q *Query) { q.Containers = nil },
		"scopes":     func(q *Query) { q.Scopes = []Scope{{User, "ann"}} },
		"prefix":     func(q *Query) { q.Prefix = "a" },
		"direct":     func(q *Query) { q.Direct = true },
		"search":     func(q *Query) { q.Contains = "A" },
		"type":       func(q *Query) { q.Type = "image/*" },
		"where":      func(q *Query) { q.Where, _ = ParseFilter([]byte(`{"a":1}`)) },
		"sort":       func(q *Query) { q.Sort.Field = SortSize },
		"direction":  func(q *Query) { q.Sort.Desc = true },
	} {
		other := q
		edit(&other)
		_, err := parseCursor(text, other)
		require.Error(t, err, name)
	}
}

func FuzzCursor(f *testing.F) {
	q := Query{Tenant: "acme", Kind: KindObject}
	f.Add(cursor{List: fingerprint(q)}.String())
	f.Add(cursor{List: fingerprint(q), At: &position{Name: "é", Number: -5}, Items: true}.String())
	f.Add("e30")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCursor(text, q)
		if err == nil {
			require.Equal(t, text, c.String(), "one cursor has one text")
			require.Equal(t, fingerprint(q), c.List)
		}
	})
}

func FuzzPermission(f *testing.F) {
	for _, s := range []string{"*", "storage:*", "storage:read", "storage:b:read", "storage:records:*", "storage:records:c:write", "storage:*:read", "storage::", ""} {
		f.Add(s, "b", "c")
	}
	f.Fuzz(func(t *testing.T, key, bucket, collection string) {
		if validBucketName(bucket) != nil || validCollection(collection) != nil {
			t.Skip()
		}
		g := grants{key: {}}
		p, ok := parsePermission(key)
		for _, a := range []Action{Read, Write, Delete, Admin} {
			for _, r := range []Resource{BucketResource(bucket), CollectionResource(collection)} {
				_, allowed := g.decide(a, r)
				applies := ok && (p.all || (p.action == "" || p.action == a) &&
					(p.name == "" && (!p.records && p.action != "" || p.records && r.kind == KindRecord) ||
						p.name == r.name && p.records == (r.kind == KindRecord)))
				require.Equal(t, applies, allowed, "%q for %s on %v", key, a, r)
			}
		}
	})
}
