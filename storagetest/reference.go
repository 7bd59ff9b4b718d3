package storagetest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/holdall-go/holdall"
)

// selectEntries returns those of all that q asks for, in its order, behind
// q.After. It is the reference that Query, Count and ListFolder are held to.
func selectEntries(q holdall.Query, all []holdall.Entry) []holdall.Entry {
	var out []holdall.Entry
	for _, e := range all {
		if matches(q, e) && (q.After == nil || comparePositions(q.Sort, q.Sort.Position(e), *q.After) > 0) {
			out = append(out, clone(e))
		}
	}
	slices.SortFunc(out, func(a, b holdall.Entry) int {
		return comparePositions(q.Sort, q.Sort.Position(a), q.Sort.Position(b))
	})
	return out
}

func comparePositions(s holdall.Sort, a, b holdall.Position) int {
	c := cmp.Or(cmp.Compare(a.Number, b.Number), strings.Compare(a.Name, b.Name), strings.Compare(a.Container, b.Container),
		strings.Compare(string(a.Tier), string(b.Tier)), strings.Compare(a.ID, b.ID))
	if s.Desc {
		return -c
	}
	return c
}

func matches(q holdall.Query, e holdall.Entry) bool {
	switch {
	case e.Tenant != q.Tenant, e.Kind != q.Kind, e.State != q.State,
		!anyOf(q.Containers, e.Container), !anyOf(q.Scopes, holdall.Scope{Tier: e.Tier, Owner: e.Owner}), !anyOf(q.IDs, e.ID),
		q.Name != "" && q.Name != e.Name,
		!strings.HasPrefix(e.Name, q.Prefix),
		q.Direct && strings.ContainsRune(e.Name[len(q.Prefix):], '/'),
		!strings.Contains(holdall.Fold(e.Name), q.Contains),
		q.Type != "" && (e.Content == nil || !typeMatches(q.Type, e.Content.Type)),
		!q.CreatedAfter.IsZero() && !q.CreatedAfter.Before(e.CreatedAt),
		!q.CreatedBefore.IsZero() && !e.CreatedAt.Before(q.CreatedBefore),
		!q.AliveAt.IsZero() && !e.ExpiresAt.IsZero() && !q.AliveAt.Before(e.ExpiresAt):
		return false
	}
	return q.Where.Match(e.Value)
}

func anyOf[T comparable](wanted []T, got T) bool {
	return wanted == nil || slices.Contains(wanted, got)
}

func typeMatches(pattern, stored string) bool {
	stored, _, _ = strings.Cut(stored, ";")
	if pattern == stored {
		return true
	}
	top, sub, _ := strings.Cut(pattern, "/")
	storedTop, _, _ := strings.Cut(stored, "/")
	return sub == "*" && top == storedTop
}

// selectFolder returns what ListFolder would on one endless page: entries
// directly under q.Prefix and folders, in one order.
func selectFolder(q holdall.Query, all []holdall.Entry, foldersOnly bool) []row {
	after := q.After
	q.After = nil
	seen := map[string]bool{}
	var rows []row
	for _, e := range selectEntries(q, all) {
		rest := e.Name[len(q.Prefix):]
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			if folder := e.Name[:len(q.Prefix)+i+1]; !seen[folder] {
				seen[folder] = true
				rows = append(rows, row{at: holdall.Position{Name: folder}, folder: true})
			}
		} else if !foldersOnly {
			rows = append(rows, row{at: q.Sort.Position(e), id: e.ID})
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return comparePositions(q.Sort, a.at, b.at) })
	if after == nil {
		return rows
	}
	return slices.DeleteFunc(rows, func(r row) bool { return comparePositions(q.Sort, r.at, *after) <= 0 })
}

// row is one line of a folder: an entry or a folder.
type row struct {
	at     holdall.Position
	id     string
	folder bool
}
