package storagetest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/holdall-go/holdall"
)

// badQuery is a catalog whose reading has a bug.
type badQuery struct {
	fullModel
	edit    func(q *holdall.Query)                                    // changes the query
	match   func(q holdall.Query, e holdall.Entry) bool               // for the right one
	order   func(s holdall.Sort, a, b holdall.Entry) int              // for the right one
	page    func(q holdall.Query, p holdall.Page) holdall.Page        // changes the page
	count   func(n int64) int64                                       // changes the count
	folders func(q holdall.Query, p holdall.Page) holdall.Page        // changes the folder page
	scan    func(s holdall.Scan, all []holdall.Entry) []holdall.Entry // for the right one
}

func (b badQuery) rows(q holdall.Query) []holdall.Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.edit != nil {
		b.edit(&q)
	}
	match, order := matches, func(s holdall.Sort, x, y holdall.Entry) int { return comparePositions(s, s.Position(x), s.Position(y)) }
	if b.match != nil {
		match = b.match
	}
	if b.order != nil {
		order = b.order
	}
	var out []holdall.Entry
	for _, e := range b.entries {
		if match(q, e) {
			out = append(out, clone(e))
		}
	}
	slices.SortFunc(out, func(x, y holdall.Entry) int { return cmp.Or(order(q.Sort, x, y), byID(x, y)) })
	if q.After == nil {
		return out
	}
	i := 0
	for i < len(out) && comparePositions(q.Sort, q.Sort.Position(out[i]), *q.After) <= 0 {
		i++
	}
	return out[i:]
}

func (b badQuery) Query(_ context.Context, q holdall.Query) (holdall.Page, error) {
	if q.Tenant == "" {
		return holdall.Page{}, holdall.ErrInvalid
	}
	all := b.rows(q)
	all = all[min(q.Offset, len(all)):]
	n := min(q.Limit, len(all))
	p := holdall.Page{Entries: all[:n], More: n < len(all)}
	if b.page != nil {
		p = b.page(q, p)
	}
	return p, nil
}

func (b badQuery) Count(_ context.Context, q holdall.Query) (int64, error) {
	if q.Tenant == "" {
		return 0, holdall.ErrInvalid
	}
	q.After = nil
	n := int64(len(b.rows(q)))
	if b.count != nil {
		n = b.count(n)
	}
	return n, nil
}

func (b badQuery) ListFolder(ctx context.Context, q holdall.Query, only bool) (holdall.Page, error) {
	if b.edit != nil {
		b.edit(&q)
	}
	p, err := b.fullModel.ListFolder(ctx, q, only)
	if b.folders != nil {
		p = b.folders(q, p)
	}
	return p, err
}

func (b badQuery) Scan(ctx context.Context, s holdall.Scan) ([]holdall.Entry, error) {
	if b.scan == nil {
		return b.fullModel.Scan(ctx, s)
	}
	all, err := b.fullModel.Scan(ctx, holdall.Scan{Limit: 1 << 30})
	return b.scan(s, all), err
}

// but is the right match with one more way to match.
func but(wrong func(q *holdall.Query, e *holdall.Entry) (also bool)) func(holdall.Query, holdall.Entry) bool {
	return func(q holdall.Query, e holdall.Entry) bool {
		if wrong(&q, &e) {
			return true
		}
		return matches(q, e)
	}
}

func floats(e *holdall.Entry) {
	var v any
	if json.Unmarshal(e.Value, &v) == nil {
		e.Value, _ = json.Marshal(v)
	}
}

func TestCatchesBrokenQueries(t *testing.T) {
	takesMinutes(t)
	for _, tc := range []struct {
		bug, group string
		b          badQuery
	}{
		{"prefix ignores case", "names/prefix", badQuery{match: but(func(q *holdall.Query, e *holdall.Entry) bool {
			return q.Prefix != "" && len(e.Name) >= len(q.Prefix) && strings.EqualFold(e.Name[:len(q.Prefix)], q.Prefix) &&
				e.Tenant == q.Tenant && e.Kind == q.Kind && e.State == q.State
		})}},
		{"prefix is a pattern", "names/prefix", badQuery{match: but(func(q *holdall.Query, e *holdall.Entry) bool {
			if i := strings.IndexByte(q.Prefix, '%'); i >= 0 {
				q.Prefix = q.Prefix[:i]
			}
			return false
		})}},
		{"prefix range ends at U+10FFFF", "names/prefix", badQuery{match: func(q holdall.Query, e holdall.Entry) bool {
			return matches(q, e) && (q.Prefix == "" || e.Name < q.Prefix+"\U0010ffff")
		}}},
		{"direct is ignored", "query/", badQuery{edit: func(q *holdall.Query) { q.Direct = false }}},
		{"contains is not folded", "names/contains", badQuery{match: func(q holdall.Query, e holdall.Entry) bool {
			return matches(q, e) && strings.Contains(e.Name, q.Contains)
		}}},
		{"contains folds ASCII alone", "names/contains", badQuery{match: but(func(q *holdall.Query, e *holdall.Entry) bool {
			if !strings.Contains(strings.ToLower(e.Name), q.Contains) {
				q.Contains = "\x00"
			}
			return false
		})}},
		{"type with parameters", "query/", badQuery{match: func(q holdall.Query, e holdall.Entry) bool {
			return matches(q, e) && (q.Type == "" || strings.HasSuffix(q.Type, "*") || e.Content.Type == q.Type)
		}}},
		{"type wildcard without slash", "query/types", badQuery{match: but(func(q *holdall.Query, e *holdall.Entry) bool {
			if e.Content != nil && strings.HasSuffix(q.Type, "/*") && strings.HasPrefix(e.Content.Type, q.Type[:len(q.Type)-2]) {
				q.Type = ""
			}
			return false
		})}},
		{"created_after includes", "query/times", badQuery{edit: func(q *holdall.Query) {
			if !q.CreatedAfter.IsZero() {
				q.CreatedAfter = q.CreatedAfter.Add(-1000)
			}
		}}},
		{"alive at the end", "query/times", badQuery{edit: func(q *holdall.Query) {
			if !q.AliveAt.IsZero() {
				q.AliveAt = q.AliveAt.Add(-1000)
			}
		}}},
		{"leaks a tenant", "query/", badQuery{match: but(func(q *holdall.Query, e *holdall.Entry) bool { q.Tenant = e.Tenant; return false })}},
		{"tenants ignore case", "query/tenant", badQuery{match: but(func(q *holdall.Query, e *holdall.Entry) bool {
			if strings.EqualFold(q.Tenant, e.Tenant) {
				q.Tenant = e.Tenant
			}
			return false
		})}},
		{"state is ignored", "query/", badQuery{match: but(func(q *holdall.Query, e *holdall.Entry) bool { q.State = e.State; return false })}},
		{"scope without its owner", "query/", badQuery{match: but(func(q *holdall.Query, e *holdall.Entry) bool {
			for _, s := range q.Scopes {
				if s.Tier == e.Tier {
					q.Scopes = nil
					break
				}
			}
			return false
		})}},
		{"empty list is all", "query/nil and empty", badQuery{edit: func(q *holdall.Query) {
			if len(q.Containers) == 0 {
				q.Containers = nil
			}
		}}},
		{"filter sees floats", "filter/", badQuery{match: but(func(q *holdall.Query, e *holdall.Entry) bool { floats(e); return false })}},
		{"filter ne needs the member", "filter/operators", badQuery{match: func(q holdall.Query, e holdall.Entry) bool {
			return matches(q, e) && (q.Where == nil || q.Where.Op != holdall.OpNe || strings.Contains(string(e.Value), `"m"`))
		}}},
		{"filter is ignored", "filter/random", badQuery{edit: func(q *holdall.Query) { q.Where = nil }}},
		{"names sort without case", "names/byte order", badQuery{order: func(s holdall.Sort, a, b holdall.Entry) int {
			c := cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), comparePositions(holdall.Sort{}, holdall.Sort{}.Position(a), holdall.Sort{}.Position(b)))
			if s.Desc {
				return -c
			}
			return c
		}}},
		{"names sort by UTF-16", "names/the rest", badQuery{order: func(s holdall.Sort, a, b holdall.Entry) int {
			c := cmp.Or(slices.Compare(utf16.Encode([]rune(a.Name)), utf16.Encode([]rune(b.Name))), strings.Compare(string(a.Tier), string(b.Tier)))
			if s.Desc {
				return -c
			}
			return c
		}}},
		{"ties are not turned round", "page/ties", badQuery{order: func(s holdall.Sort, a, b holdall.Entry) int {
			s.Desc = false
			return comparePositions(s, s.Position(a), s.Position(b))
		}}},
		{"count is off", "query/one field", badQuery{count: func(n int64) int64 { return n + 1 }}},
		{"count stops at 5", "query/one field", badQuery{count: func(n int64) int64 { return min(n, 5) }}},
		{"more after a full last page", "page/", badQuery{page: func(q holdall.Query, p holdall.Page) holdall.Page {
			p.More = len(p.Entries) == q.Limit
			return p
		}}},
		{"no more at all", "page/", badQuery{page: func(q holdall.Query, p holdall.Page) holdall.Page { p.More = false; return p }}},
		{"after includes its entry", "page/", badQuery{edit: func(q *holdall.Query) {
			if q.After != nil {
				p := *q.After
				p.ID = p.ID[:max(0, len(p.ID)-1)]
				q.After = &p
			}
		}}},
		{"after looks at the name alone", "page/ties", badQuery{edit: func(q *holdall.Query) {
			if q.After != nil {
				q.After = &holdall.Position{Name: q.After.Name, Number: q.After.Number, Container: "\U0010ffff", ID: "~"}
			}
		}}},
		{"folders twice", "folder/", badQuery{folders: func(q holdall.Query, p holdall.Page) holdall.Page {
			if q.After != nil && strings.HasSuffix(q.After.Name, "/") && len(p.Folders)+len(p.Entries) < q.Limit {
				p.Folders = append([]string{q.After.Name}, p.Folders...)
			}
			return p
		}}},
		{"folders of other tiers", "folder/only what matches", badQuery{edit: func(q *holdall.Query) { q.Scopes = nil }}},
		{"folder page too long", "folder/", badQuery{folders: func(q holdall.Query, p holdall.Page) holdall.Page {
			p.Folders = append(p.Folders, "zzzz/")
			return p
		}}},
		{"scan of what is never due", "scan/", badQuery{scan: func(s holdall.Scan, all []holdall.Entry) []holdall.Entry {
			return slices.DeleteFunc(all, func(e holdall.Entry) bool { return e.DueAt.After(s.DueBy) && !s.DueBy.IsZero() })
		}}},
		{"scan of the live only", "scan/", badQuery{scan: func(s holdall.Scan, all []holdall.Entry) []holdall.Entry {
			return slices.DeleteFunc(all, func(e holdall.Entry) bool {
				return e.State != holdall.StateLive || e.ID <= s.After || len(s.IDs) > 0 && !slices.Contains(s.IDs, e.ID)
			})
		}}},
	} {
		t.Run(tc.bug, func(t *testing.T) {
			mustCatch(t, tc.group, func() holdall.Catalog {
				b := tc.b
				b.fullModel = fullModel{newModel()}
				return b
			})
		})
	}
}
