package kvcatalog

import (
	"bytes"
	"slices"
	"strings"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
)

// filter is what a query asks of a single entry besides its branch. Together
// with branchesOf it means what [holdall.Query.Match] says, from the
// encoding.
type filter struct {
	q *holdall.Query
	// lo and hi bound the names; hi nil is no bound.
	lo, hi []byte
	ids    map[string]bool // nil is all
	// anyName says that every name within the bounds will do, anyRow that
	// every entry with such a name will, anyMortal that only its expiry matters.
	anyName, anyRow, anyMortal bool
}

func newFilter(q *holdall.Query) *filter {
	f := &filter{q: q, lo: []byte(q.Prefix), anyName: !q.Direct && q.Contains == ""}
	f.hi = kv.After(f.lo)
	if q.Name != "" {
		f.lo, f.hi = []byte(q.Name), nameEnd(q.Name)
		f.anyName = f.anyName && strings.HasPrefix(q.Name, q.Prefix)
	}
	if q.IDs != nil {
		f.ids = make(map[string]bool, len(q.IDs))
		for _, id := range q.IDs {
			f.ids[id] = true
		}
	}
	f.anyMortal = q.Type == "" && q.CreatedAfter.IsZero() && q.CreatedBefore.IsZero() && q.Where == nil && q.IDs == nil
	f.anyRow = f.anyMortal && q.AliveAt.IsZero()
	return f
}

// nameEnd returns what comes after a name, whatever id follows it, and before
// every longer one: names hold no control characters.
func nameEnd(name string) []byte { return append([]byte(name), 1) }

// wholeBranches reports whether every entry of a branch will do that does
// not expire.
func (f *filter) wholeBranches() bool {
	return f.anyName && f.anyMortal && f.q.Prefix == "" && f.q.Name == ""
}

func (f *filter) name(name []byte) bool {
	return f.anyName || bytes.HasPrefix(name, []byte(f.q.Prefix)) &&
		!(f.q.Direct && bytes.IndexByte(name[len(f.q.Prefix):], '/') >= 0) &&
		(f.q.Contains == "" || strings.Contains(holdall.Fold(string(name)), f.q.Contains))
}

func (f *filter) row(data []byte) (bool, error) {
	if f.anyRow {
		return true, nil
	}
	r, err := parseRow(data)
	return err == nil && f.match(&r), err
}

func (f *filter) match(r *row) bool {
	q := f.q
	return (q.AliveAt.IsZero() || !r.expired(q.AliveAt)) &&
		(q.CreatedAfter.IsZero() || r.created.After(q.CreatedAfter)) &&
		(q.CreatedBefore.IsZero() || r.created.Before(q.CreatedBefore)) &&
		(q.Type == "" || r.hasContent && holdall.MatchType(q.Type, string(r.mediaType))) &&
		(f.ids == nil || f.ids[string(r.id)]) &&
		(q.Where == nil || q.Where.Match(r.value))
}

// branchesOf returns the branches that q may find entries in.
func branchesOf(tx kv.Tx, q *holdall.Query) ([]branch, error) {
	prefix, ok := kindPrefix(q.State, q.Tenant, q.Kind)
	if !ok {
		return nil, nil
	}
	containers := distinct(q.Containers)
	switch {
	case q.Containers == nil && q.Scopes == nil:
		return discover(tx, prefix)
	case q.Containers == nil:
		var err error
		if containers, err = containersOf(tx, prefix); err != nil {
			return nil, err
		}
	}
	var found []branch
	for _, container := range containers {
		if q.Scopes == nil {
			more, err := discover(tx, appendString(bytes.Clone(prefix), container))
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
			continue
		}
		for _, s := range distinct(q.Scopes) {
			place := holdall.Ref{Tenant: q.Tenant, Kind: q.Kind, Container: container, Tier: s.Tier, Owner: s.Owner}
			if b, ok := newBranch(q.State, place); ok {
				found = append(found, b)
			}
		}
	}
	return found, nil
}

// distinct returns the values of list, each once, in the order of their first
// places.
func distinct[T comparable](list []T) []T {
	out := make([]T, 0, len(list))
	seen := make(map[T]bool, len(list))
	for _, v := range list {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return slices.Clip(out)
}
