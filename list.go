package holdall

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"
)

// ListOptions say what to list and how. Everything that is set must hold.
type ListOptions struct {
	Prefix string // of the path or key, literally
	// Delimiter "/" lists one folder level: what lies deeper shows as
	// Listing.Folders. "" lists everything.
	Delimiter     string
	Search        string // substring of the path or key, letter case ignored (see Fold)
	Tier          Tier   // "" is every tier that the caller sees
	ContentType   string // of objects: "image/png" or "image/*"
	CreatedAfter  time.Time
	CreatedBefore time.Time
	// Where filters by the value of a record or the metadata of an object.
	Where *Filter
	// Sort is "path" (objects) or "key" (records), "created_at", "updated_at"
	// (records) or "size" (objects); "-" before it turns it round. "" is by
	// path or key, in byte order.
	Sort    string
	Deleted bool // soft-deleted ones only; needs delete besides read

	Limit   int    // of one page, 1 to 1000; 0 is 50
	Offset  int    // skips as many; its cost grows with it
	Cursor  string // from Listing.NextCursor of the same list; its cost does not grow
	NoTotal bool   // do not count
}

// Listing is one page of a list.
type Listing[T any] struct {
	Items      []T
	Folders    []string // with a Delimiter: the folders that stand among the items, each ending in it
	Total      int64    // items over all pages; −1 with NoTotal
	NextCursor string   // "" at the end
}

const (
	defaultLimit = 50
	maxLimit     = 1000
)

// List returns the objects of the bucket that the caller sees, a page at a
// time as it is ranged over. It needs read. It ends at the first error.
func (b *Bucket) List(ctx context.Context, opts *ListOptions) iter.Seq2[ObjectInfo, error] {
	return pages(opts, func(o *ListOptions) (Listing[ObjectInfo], error) { return b.ListPage(ctx, o) })
}

// ListPage returns one page of the objects of the bucket that the caller
// sees. It needs read. ErrNotFound when there is no such bucket, ErrInvalid
// for options that cannot be.
func (b *Bucket) ListPage(ctx context.Context, opts *ListOptions) (Listing[ObjectInfo], error) {
	const op = "object.list"
	if err := b.admit(op, Read); err != nil {
		return Listing[ObjectInfo]{}, err
	}
	if _, err := b.w.s.bucket(ctx, b.w.p.Tenant, b.name); err != nil {
		return Listing[ObjectInfo]{}, wrap(op, KindBucket, b.name, err)
	}
	return list(ctx, b.w, op, KindObject, b.name, b.tier, opts, objectInfo)
}

// Objects returns the caller's objects over all buckets in which it may read,
// a page at a time as it is ranged over. It ends at the first error.
func (w *Workspace) Objects(ctx context.Context, opts *ListOptions) iter.Seq2[ObjectInfo, error] {
	return pages(opts, func(o *ListOptions) (Listing[ObjectInfo], error) { return w.ObjectsPage(ctx, o) })
}

// ObjectsPage returns one page of the caller's objects over all buckets in
// which it may read. ErrForbidden when there is none.
func (w *Workspace) ObjectsPage(ctx context.Context, opts *ListOptions) (Listing[ObjectInfo], error) {
	return list(ctx, w, "object.list", KindObject, "", "", opts, objectInfo)
}

// List returns the records of the collection that the caller sees, a page at
// a time as it is ranged over. It needs read. It ends at the first error.
func (c *Collection) List(ctx context.Context, opts *ListOptions) iter.Seq2[RecordInfo, error] {
	return pages(opts, func(o *ListOptions) (Listing[RecordInfo], error) { return c.ListPage(ctx, o) })
}

// ListPage returns one page of the records of the collection that the caller
// sees. It needs read. A collection that was never put to is an empty list.
func (c *Collection) ListPage(ctx context.Context, opts *ListOptions) (Listing[RecordInfo], error) {
	const op = "record.list"
	if err := validCollection(c.name); err != nil {
		return Listing[RecordInfo]{}, invalid(op, KindRecord, c.name, CodeInvalidName, err)
	}
	return list(ctx, c.w, op, KindRecord, c.name, c.tier, opts, recordInfo)
}

// Records returns the caller's records over all collections in which it may
// read, a page at a time as it is ranged over. It ends at the first error.
func (w *Workspace) Records(ctx context.Context, opts *ListOptions) iter.Seq2[RecordInfo, error] {
	return pages(opts, func(o *ListOptions) (Listing[RecordInfo], error) { return w.RecordsPage(ctx, o) })
}

// RecordsPage returns one page of the caller's records over all collections
// in which it may read. ErrForbidden when there is none.
func (w *Workspace) RecordsPage(ctx context.Context, opts *ListOptions) (Listing[RecordInfo], error) {
	return list(ctx, w, "record.list", KindRecord, "", "", opts, recordInfo)
}

// pages ranges over the items of all pages.
func pages[T any](opts *ListOptions, page func(*ListOptions) (Listing[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		o := ListOptions{}
		if opts != nil {
			o = *opts
		}
		if o.Limit == 0 {
			o.Limit = maxLimit
		}
		o.NoTotal = true
		for {
			l, err := page(&o)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range l.Items {
				if !yield(item, nil) {
					return
				}
			}
			if o.Cursor, o.Offset = l.NextCursor, 0; o.Cursor == "" {
				return
			}
		}
	}
}

// list is the one list: of objects or records, in one container or in all.
func list[T any](ctx context.Context, w *Workspace, op string, kind Kind, container string, tier Tier, opts *ListOptions, info func(Entry) T) (Listing[T], error) {
	var o ListOptions
	if opts != nil {
		o = *opts
	}
	if o.Tier == "" {
		o.Tier = tier
	}
	q, err := w.listQuery(op, kind, container, o)
	if err != nil {
		return Listing[T]{}, err
	}
	c := w.catalogOf(kind)
	page, next, err := runList(ctx, c, op, q, o)
	if err != nil {
		return Listing[T]{}, wrap(op, kind, container, err)
	}
	out := Listing[T]{Items: make([]T, len(page.Entries)), Folders: page.Folders, Total: -1, NextCursor: next}
	for i, e := range page.Entries {
		out.Items[i] = info(e)
	}
	if !o.NoTotal {
		out.Total, err = c.Count(ctx, q)
	}
	return out, wrap(op, kind, container, err)
}

// listQuery checks the options and the caller's right to what they ask for.
func (w *Workspace) listQuery(op string, kind Kind, container string, o ListOptions) (Query, error) {
	q := Query{Tenant: w.p.Tenant, Kind: kind, State: StateLive, Prefix: o.Prefix, Contains: Fold(o.Search),
		CreatedAfter: o.CreatedAfter, CreatedBefore: o.CreatedBefore, Where: o.Where,
		Limit: o.Limit, Offset: o.Offset, Direct: o.Delimiter != ""}
	var err error
	if q.Containers, err = w.listReach(op, kind, container, o.Deleted); err != nil {
		return q, err
	}
	if q.Scopes, err = w.visible(op, o.Tier); err != nil {
		return q, err
	}
	if o.Deleted {
		q.State = StateDeleted
	}
	if kind == KindRecord { // objects do not expire, and cost less to count so
		q.AliveAt = w.s.now()
	}
	if q.Limit == 0 {
		q.Limit = defaultLimit
	}
	if kind == KindRecord && o.ContentType != "" {
		return q, fail(op, kind, "", CodeInvalidRequest, "records have no content type")
	}
	if q.Type, err = typePattern(o.ContentType); err != nil {
		return q, invalid(op, kind, "", CodeInvalidRequest, err)
	}
	if q.Sort, err = parseSort(kind, o.Sort); err != nil {
		return q, invalid(op, kind, "", CodeInvalidRequest, err)
	}
	return q, invalid(op, kind, "", CodeInvalidRequest, checkListOptions(q, o))
}

// listReach returns the containers to list; nil is all.
func (w *Workspace) listReach(op string, kind Kind, container string, deleted bool) ([]string, error) {
	actions := []Action{Read}
	if deleted {
		actions = append(actions, Delete)
	}
	var reach []string
	for _, a := range actions {
		if err := w.identified(op); err != nil {
			return nil, err
		}
		r := Resource{kind.container(), container}
		may := w.grants.reach(a, r.kind)
		if container != "" || may != nil && len(may) == 0 {
			if err := w.authorize(op, a, r); err != nil {
				return nil, err
			}
			continue
		}
		reach = intersect(reach, may)
	}
	if container != "" {
		return []string{container}, nil
	}
	return reach, nil
}

// intersect keeps what is in both lists; nil is everything.
func intersect(a, b []string) []string {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	both := []string{}
	for _, s := range a {
		for _, t := range b {
			if s == t {
				both = append(both, s)
			}
		}
	}
	return both
}

func typePattern(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	s = strings.ToLower(s)
	if s == "*/*" {
		return "", nil
	}
	return s, validAllowedType(s)
}

func parseSort(kind Kind, s string) (Sort, error) {
	name, desc := strings.CutPrefix(s, "-")
	fields := map[string]SortField{"": SortName, "path": SortName, "created_at": SortCreated, "size": SortSize}
	allowed := "path, created_at, size"
	if kind == KindRecord {
		fields = map[string]SortField{"": SortName, "key": SortName, "created_at": SortCreated, "updated_at": SortUpdated}
		allowed = "key, created_at, updated_at"
	}
	f, ok := fields[name]
	if !ok || s == "-" {
		return Sort{}, fmt.Errorf("sort is one of %s, with - before it for descending, not %s", allowed, quote(s))
	}
	return Sort{f, desc}, nil
}

func checkListOptions(q Query, o ListOptions) error {
	switch {
	case q.Limit < 1 || q.Limit > maxLimit:
		return fmt.Errorf("limit is 1 to %d, not %d", maxLimit, q.Limit)
	case q.Offset < 0:
		return fmt.Errorf("offset is 0 or more, not %d", q.Offset)
	case q.Offset > 0 && o.Cursor != "":
		return fmt.Errorf("a list goes by offset or by cursor, not by both")
	case o.Delimiter != "" && o.Delimiter != "/":
		return fmt.Errorf("delimiter is /, not %s", quote(o.Delimiter))
	case len(o.Prefix) > 1024 || len(o.Search) > 1024:
		return fmt.Errorf("a prefix or search text has at most 1024 bytes")
	}
	for _, s := range []string{o.Prefix, o.Search} {
		if s != "" && strings.ContainsFunc(strings.ToValidUTF8(s, "\x00"), isControl) {
			return fmt.Errorf("a prefix or search text is valid UTF-8 without control characters")
		}
	}
	return nil
}
