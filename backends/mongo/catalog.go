package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/holdall-go/holdall"
)

// Get implements [holdall.Catalog].
func (b *Backend) Get(ctx context.Context, ref holdall.Ref) (holdall.Entry, error) {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	where := liveAt(placeOf(ref))
	if ref.ID != "" {
		where = byID(ref.Tenant, ref.ID)
	}
	defer b.tx.alone()()
	doc, err := b.find(ctx, where, allFields)
	if err != nil {
		return holdall.Entry{}, b.tx.noted(err)
	}
	if doc == nil {
		return holdall.Entry{}, fmt.Errorf("mongo: %w: no such entry", holdall.ErrNotFound)
	}
	return doc.entry(), nil
}

// Remove implements [holdall.Catalog]. It reads the entry's place first, since
// a write to one document has to name the whole shard key.
func (b *Backend) Remove(ctx context.Context, tenant, id string, version int64) error {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	defer b.tx.alone()()
	for {
		doc, err := b.find(ctx, byID(tenant, id), headFields)
		switch {
		case err != nil:
			return b.tx.noted(err)
		case doc == nil:
			return fmt.Errorf("mongo: %w: no entry %.80q", holdall.ErrNotFound, id)
		case doc.Version != version:
			return fmt.Errorf("mongo: %w: entry %s is not at version %d", holdall.ErrConflict, id, version)
		}
		where := append(doc.Fields.Place.where(), bson.E{Key: "_id", Value: id}, bson.E{Key: "version", Value: version})
		res, err := b.entries.DeleteOne(ctx, where)
		switch {
		case err != nil && rejected(err) && b.tx == nil && ctx.Err() == nil:
			pause(ctx, 1)
		case err != nil:
			return b.tx.noted(failure(ctx, err, outcomeUnknown(err)))
		case res.DeletedCount > 0:
			return nil
		}
	}
}

// Scan implements [holdall.Catalog].
func (b *Backend) Scan(ctx context.Context, s holdall.Scan) ([]holdall.Entry, error) {
	opts := options.Find().SetProjection(allFields)
	var where bson.D
	switch {
	case len(s.IDs) > 0:
		where = is("_id", "$in", s.IDs)
	case s.Limit < 1:
		return nil, fmt.Errorf("mongo: %w: a scan with limit %d", holdall.ErrInvalid, s.Limit)
	case !s.DueBy.IsZero():
		where = is("due", "$lte", s.DueBy.UnixMicro())
		opts.SetSort(bson.D{{Key: "due", Value: 1}, {Key: "_id", Value: 1}}).SetLimit(int64(s.Limit))
	default:
		where = is("_id", "$gt", s.After)
		opts.SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(s.Limit))
	}
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	return b.read(ctx, b.entries, where, opts)
}

// read returns the entries that a find selects.
func (b *Backend) read(ctx context.Context, from *mongo.Collection, where bson.D, opts *options.FindOptionsBuilder) ([]holdall.Entry, error) {
	defer b.tx.alone()()
	cursor, err := from.Find(ctx, where, opts)
	if err != nil {
		return nil, b.tx.noted(failure(ctx, err, false))
	}
	var docs []document
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, b.tx.noted(failure(ctx, err, false))
	}
	list := make([]holdall.Entry, len(docs))
	for i := range docs {
		list[i] = docs[i].entry()
	}
	return list, nil
}
