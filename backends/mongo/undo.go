package mongo

import (
	"context"
	"crypto/rand"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/holdall-go/holdall"
)

// What undoes the write of an object whose bucket turned out to have gone.
// Each does nothing where somebody has changed the object since: he looks at
// the bucket himself.

// asWritten is the condition that d is still as it was written.
func (d *draft) asWritten() bson.D {
	return append(d.fields.Place.where(), bson.E{Key: "_id", Value: d.ID}, bson.E{Key: "op", Value: d.fields.Op})
}

func (b *Backend) undoInsert(ctx context.Context, d *draft) error {
	_, err := b.entries.DeleteOne(ctx, d.asWritten())
	return err
}

// undoReplace is for an object that was live in the bucket before: that one
// was about to be undone as well. Upkeep erases it, and all bytes that it holds.
func (b *Backend) undoReplace(ctx context.Context, d *draft) error {
	return b.retire(ctx, d, holdall.StatePurging)
}

// undoChange returns what puts an object back to where and what it was. Its
// version grows once more, so that nobody takes this for the state before.
func (b *Backend) undoChange(old *document) func(ctx context.Context, d *draft) error {
	return func(ctx context.Context, d *draft) error {
		before, err := newDraft(old.entry())
		if err != nil {
			return err
		}
		err = b.update(ctx, d.asWritten(), before.replacing(d.Version+1))
		if isDuplicate(err) { // its old place has been taken: a user can restore it elsewhere
			return b.retire(ctx, d, holdall.StateDeleted)
		}
		if err == nil && before.live() { // where it goes back to may be going too
			before.Version = d.Version + 1
			return b.settle(ctx, before, func(ctx context.Context, d *draft) error { return b.retire(ctx, d, holdall.StateDeleted) })
		}
		return err
	}
}

// retire takes an object out of the live state. It is due at once, so that
// upkeep gives it the right time.
func (b *Backend) retire(ctx context.Context, d *draft, s holdall.State) error {
	now, op := d.UpdatedAt.UnixMicro(), rand.Text()
	change := bson.D{{Key: "state", Value: string(s)}, {Key: "live", Value: op}, {Key: "op", Value: op}, {Key: "due", Value: now}}
	if s == holdall.StateDeleted {
		change = append(change, bson.E{Key: "deleted", Value: now}, bson.E{Key: "deleted_by", Value: d.UpdatedBy})
	}
	return b.update(ctx, d.asWritten(), bson.D{{Key: "$set", Value: change}, {Key: "$inc", Value: bson.D{{Key: "version", Value: 1}}}})
}
