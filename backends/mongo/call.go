package mongo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/holdall-go/holdall"
)

const maxTries = 10

// bounded returns a context with a deadline, in the session of the
// transaction where there is one.
func (b *Backend) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if b.tx != nil {
		ctx = mongo.NewSessionContext(ctx, b.tx.session)
	}
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, b.timeout, errTimeout)
}

// detached returns a context for what has to be finished although the caller's
// has ended. It stays in the same session, and has the time of an operation
// without a deadline, but outlasts at least a mark whose owner has died.
func (b *Backend) detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), max(b.timeout, 2*markLimit))
}

// Outcomes of a write that are no failures of it.
var (
	errMissed = errors.New("no document meets the condition")
	errTaken  = fmt.Errorf("mongo: %w: the place or the id", holdall.ErrExists)
)

// write runs fn, one write of d to one document, again where that is safe and
// may help. When the reply is lost it looks whether d was written. It fails with
// errMissed when no document met the condition and with errTaken when a
// unique index refused it.
func (b *Backend) write(ctx context.Context, d *draft, fn func(ctx context.Context) error) error {
	for try := 1; ; try++ {
		err := fn(ctx)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, mongo.ErrNoDocuments), err == errMissed:
			return errMissed
		case isDuplicate(err):
			return errTaken
		case rejected(err) && try < maxTries && ctx.Err() == nil:
			pause(ctx, try)
			continue
		case !outcomeUnknown(err):
			return failure(ctx, err, false)
		case ctx.Err() == nil && b.written(ctx, d):
			return nil
		}
		return failure(ctx, err, true)
	}
}

// written reports whether d is in the database, and completes it as it is there.
func (b *Backend) written(ctx context.Context, d *draft) bool {
	var doc document
	where := append(d.fields.Place.where(), bson.E{Key: "op", Value: d.fields.Op})
	if err := b.entries.FindOne(ctx, where, options.FindOne().SetProjection(headFields)).Decode(&doc); err != nil {
		return false
	}
	d.complete(&doc)
	return true
}

// complete takes over what the catalog decides about an entry.
func (d *draft) complete(doc *document) {
	d.ID, d.Version = doc.ID, doc.Version
	d.CreatedAt, d.CreatedBy = moment(&doc.Origin.Created), doc.Origin.CreatedBy
}

// headFields is what decides about replacing an entry.
var headFields = bson.D{
	{Key: "version", Value: 1}, {Key: "created", Value: 1}, {Key: "created_by", Value: 1},
	{Key: "tenant", Value: 1}, {Key: "kind", Value: 1}, {Key: "container", Value: 1}, {Key: "tier", Value: 1}, {Key: "owner", Value: 1}, {Key: "name", Value: 1},
	{Key: "state", Value: 1}, {Key: "live", Value: 1}, {Key: "op", Value: 1}, {Key: "expires", Value: 1},
	{Key: "leave", Value: 1}, {Key: "leave_until", Value: 1},
}

// allFields is all but the mirror.
var allFields = bson.D{{Key: mirrorField, Value: 0}}

// find returns the first document that meets the condition, nil when there is none.
func (b *Backend) find(ctx context.Context, where, projection bson.D) (*document, error) {
	var doc document
	err := b.entries.FindOne(ctx, where, options.FindOne().SetProjection(projection)).Decode(&doc)
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		return nil, nil
	case err != nil:
		return nil, failure(ctx, err, false)
	}
	return &doc, nil
}

// update changes the one document that meets the condition, else errMissed.
func (b *Backend) update(ctx context.Context, where, change bson.D) error {
	res, err := b.entries.UpdateOne(ctx, where, change)
	if err == nil && res.MatchedCount == 0 {
		err = errMissed
	}
	return err
}

func liveAt(p place) bson.D { return append(p.where(), bson.E{Key: "live", Value: ""}) }

func byID(tenant, id string) bson.D {
	return bson.D{{Key: "_id", Value: id}, {Key: "tenant", Value: tenant}}
}

// fresh is the condition that an entry has not run out.
func fresh(now time.Time) bson.E {
	return bson.E{Key: "expires", Value: bson.D{{Key: "$not", Value: bson.D{{Key: "$lte", Value: now.UnixMicro()}}}}}
}

// pause waits a little before another try, longer each time.
func pause(ctx context.Context, try int) {
	t := time.NewTimer(rand.N(time.Duration(try) * 5 * time.Millisecond))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
