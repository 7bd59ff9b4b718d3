package mongo

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/holdall-go/holdall"
)

// Query implements [holdall.Catalog]. Where it names scopes, an index serves
// its conditions and its order, and a page costs what it holds, or skips.
func (b *Backend) Query(ctx context.Context, q holdall.Query) (holdall.Page, error) {
	if err := checkQuery(&q, true); err != nil || matchesNothing(&q) {
		return holdall.Page{}, err
	}
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	if err := b.narrow(ctx, &q); err != nil || matchesNothing(&q) {
		return holdall.Page{}, err
	}
	list, err := b.page(ctx, &q)
	if err != nil {
		return holdall.Page{}, err
	}
	return holdall.Page{Entries: list[:min(len(list), q.Limit)], More: len(list) > q.Limit}, nil
}

// page returns one entry more than q asks for where there is one.
func (b *Backend) page(ctx context.Context, q *holdall.Query) ([]holdall.Entry, error) {
	opts := options.Find().SetProjection(allFields).SetSort(orderOf(q)).SetLimit(int64(q.Limit) + 1)
	if q.Offset > 0 {
		opts.SetSkip(int64(q.Offset))
	}
	if q.Limit < 1<<20 {
		opts.SetBatchSize(int32(q.Limit) + 1) // one reply
	}
	return b.read(ctx, b.lists, conditions(q), opts)
}

// Count implements [holdall.Catalog]. It costs what matches.
func (b *Backend) Count(ctx context.Context, q holdall.Query) (int64, error) {
	if err := checkQuery(&q, false); err != nil || matchesNothing(&q) {
		return 0, err
	}
	q.Sort, q.After, q.Offset, q.Limit = holdall.Sort{}, nil, 0, 0
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	if err := b.narrow(ctx, &q); err != nil || matchesNothing(&q) {
		return 0, err
	}
	defer b.tx.alone()()
	n, err := b.lists.CountDocuments(ctx, conditions(&q))
	if err != nil {
		return 0, b.tx.noted(failure(ctx, err, false))
	}
	return n, nil
}

func checkQuery(q *holdall.Query, page bool) error {
	switch {
	case q.Tenant == "" || q.Kind == "" || q.State == "":
		return fmt.Errorf("mongo: %w: a query needs a tenant, a kind and a state", holdall.ErrInvalid)
	case page && (q.Limit < 1 || q.Offset < 0):
		return fmt.Errorf("mongo: %w: limit %d, offset %d", holdall.ErrInvalid, q.Limit, q.Offset)
	case !slices.Contains([]holdall.SortField{"", holdall.SortName, holdall.SortCreated, holdall.SortUpdated, holdall.SortSize}, q.Sort.Field):
		return fmt.Errorf("mongo: %w: sort by %.80q", holdall.ErrInvalid, q.Sort.Field)
	}
	return nil
}

func matchesNothing(q *holdall.Query) bool {
	empty := func(n int, isNil bool) bool { return n == 0 && !isNil }
	return empty(len(q.Containers), q.Containers == nil) || empty(len(q.Scopes), q.Scopes == nil) || empty(len(q.IDs), q.IDs == nil) ||
		strings.Contains(q.Contains, "\x00") // no name has it, and no pattern may
}

// narrow names what q leaves open and the indexes begin with, so that they
// serve its order too. The server skips from container to container for that.
func (b *Backend) narrow(ctx context.Context, q *holdall.Query) error {
	switch {
	case q.IDs != nil || b.tx != nil: // not every server lists distinct values in a transaction
		return nil
	case q.Kind == holdall.KindBucket:
		if q.Containers == nil {
			q.Containers = []string{""}
		}
		if q.Scopes == nil {
			q.Scopes = []holdall.Scope{{Tier: holdall.Shared}}
		}
		return nil
	case q.Containers != nil || q.Scopes == nil:
		return nil
	}
	where := bson.D{{Key: "tenant", Value: q.Tenant}, {Key: "kind", Value: string(q.Kind)}, {Key: "state", Value: string(q.State)}}
	q.Containers = []string{}
	found := b.lists.Distinct(ctx, "container", where)
	err := found.Err() // Decode does not look at it
	if err == nil {
		err = found.Decode(&q.Containers)
	}
	if err != nil {
		return failure(ctx, err, false)
	}
	return nil
}

// where collects conditions that must all hold.
type where struct {
	fields bson.D // each with a document of operators
	also   bson.A // documents
}

// add adds a condition on a field. An operator that the field has already goes
// beside it: not every server takes a member twice.
func (w *where) add(field, op string, value any) {
	for i, f := range w.fields {
		if f.Key != field {
			continue
		}
		ops := f.Value.(bson.D)
		if slices.ContainsFunc(ops, func(o bson.E) bool { return o.Key == op }) {
			w.also = append(w.also, is(field, op, value))
		} else {
			w.fields[i].Value = append(ops, bson.E{Key: op, Value: value})
		}
		return
	}
	w.fields = append(w.fields, bson.E{Key: field, Value: bson.D{{Key: op, Value: value}}})
}

// either adds that one of the documents holds.
func (w *where) either(docs ...bson.D) {
	list := make(bson.A, len(docs))
	for i, d := range docs {
		list[i] = d
	}
	w.also = append(w.also, bson.D{{Key: "$or", Value: list}})
}

func (w *where) doc() bson.D {
	if len(w.also) == 0 {
		return w.fields
	}
	return append(slices.Clone(w.fields), bson.E{Key: "$and", Value: w.also})
}

// conditions compiles q: one document per scope, so that each can be looked
// for, in order, in an index.
func conditions(q *holdall.Query) bson.D {
	if q.Scopes == nil {
		return inScope(q, nil)
	}
	var branches bson.A
	for _, s := range distinct(q.Scopes) {
		branches = append(branches, inScope(q, &s))
	}
	if len(branches) == 1 {
		return branches[0].(bson.D)
	}
	return bson.D{{Key: "$or", Value: branches}}
}

func inScope(q *holdall.Query, s *holdall.Scope) bson.D {
	w := &where{}
	w.add("tenant", "$eq", q.Tenant)
	w.add("kind", "$eq", string(q.Kind))
	w.add("state", "$eq", string(q.State))
	switch len(q.Containers) {
	case 0:
	case 1:
		w.add("container", "$eq", q.Containers[0])
	default:
		w.add("container", "$in", distinct(q.Containers))
	}
	if s != nil {
		w.add("tier", "$eq", string(s.Tier))
		w.add("owner", "$eq", s.Owner)
	}
	if q.IDs != nil {
		w.add("_id", "$in", distinct(q.IDs))
	}
	w.named(q)
	w.behind(q)
	w.content(q)
	return w.doc()
}

func (w *where) named(q *holdall.Query) {
	if q.Name != "" {
		w.add("name", "$eq", q.Name)
	}
	lo, hi := q.NameRange()
	if lo != "" {
		w.add("name", "$gte", lo)
	}
	if hi != "" {
		w.add("name", "$lt", hi)
	}
	if q.Direct { // as many as in the prefix: none behind it
		w.add("slashes", "$eq", strings.Count(q.Prefix, "/"))
	}
	if q.Contains != "" {
		w.add("folded", "$regex", regexp.QuoteMeta(q.Contains))
	}
}

// behind adds that an entry stands behind q.After: a bound that an index can
// use, and what decides among those on it.
func (w *where) behind(q *holdall.Query) {
	p := q.After
	if p == nil {
		return
	}
	beyond, from := "$gt", "$gte"
	if q.Sort.Desc {
		beyond, from = "$lt", "$lte"
	}
	if field := sortField(q.Sort.Field); field != "name" {
		w.add(field, from, p.Number)
		w.either(is(field, beyond, p.Number), is("_id", beyond, p.ID))
		return
	}
	w.add("name", from, p.Name)
	here, tier := bson.E{Key: "container", Value: p.Container}, bson.E{Key: "tier", Value: string(p.Tier)}
	w.either(is("name", beyond, p.Name), is("container", beyond, p.Container),
		append(bson.D{here}, is("tier", beyond, string(p.Tier))...),
		append(bson.D{here, tier}, is("_id", beyond, p.ID)...))
}

// content adds the conditions that no index serves.
func (w *where) content(q *holdall.Query) {
	if top, ok := strings.CutSuffix(q.Type, "*"); ok {
		lo, hi := holdall.Query{Prefix: top}.NameRange()
		w.add("type", "$gte", lo)
		if hi != "" {
			w.add("type", "$lt", hi)
		}
		w.add("content", "$ne", nil)
	} else if q.Type != "" {
		w.add("type", "$eq", q.Type)
	}
	if !q.CreatedAfter.IsZero() {
		w.add("created", "$gt", q.CreatedAfter.UnixMicro())
	}
	if !q.CreatedBefore.IsZero() { // what is stored has microseconds: round up
		w.add("created", "$lt", q.CreatedBefore.Add(time.Microsecond-1).UnixMicro())
	}
	if !q.AliveAt.IsZero() {
		w.fields = append(w.fields, fresh(q.AliveAt))
	}
	if q.Where != nil {
		w.also = append(w.also, compile(q.Where))
	}
}

func sortField(f holdall.SortField) string {
	switch f {
	case holdall.SortCreated:
		return "created"
	case holdall.SortUpdated:
		return "updated"
	case holdall.SortSize:
		return "size"
	}
	return "name"
}

// orderOf leaves out what is the same in all entries: an index then serves
// the rest.
func orderOf(q *holdall.Query) bson.D {
	way := 1
	if q.Sort.Desc {
		way = -1
	}
	field := sortField(q.Sort.Field)
	order := bson.D{{Key: field, Value: way}}
	if field == "name" && len(q.Containers) != 1 {
		order = append(order, bson.E{Key: "container", Value: way})
	}
	if field == "name" && len(q.Scopes) != 1 {
		order = append(order, bson.E{Key: "tier", Value: way})
	}
	return append(order, bson.E{Key: "_id", Value: way})
}

func distinct[T comparable](list []T) []T {
	var out []T
	seen := make(map[T]bool, len(list))
	for _, v := range list {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
