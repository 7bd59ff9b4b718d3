package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/holdall-go/holdall"
)

// Put implements [holdall.Catalog]. One document is written in one step; a
// live object looks at its bucket afterwards (see fence.go).
func (b *Backend) Put(ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
	if err := checkPut(&e, c); err != nil {
		return holdall.Entry{}, err
	}
	d, err := newDraft(e)
	if err != nil {
		return holdall.Entry{}, err
	}
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	if b.tx != nil {
		err = b.tx.put(ctx, b, d, c)
	} else {
		ctx, end := b.causal(ctx, d)
		err = b.put(ctx, d, c)
		end()
	}
	if err != nil {
		return holdall.Entry{}, err
	}
	return d.Entry, nil
}

func checkPut(e *holdall.Entry, c holdall.Condition) error {
	switch {
	case c < holdall.Always:
		return fmt.Errorf("mongo: %w: condition %d", holdall.ErrInvalid, c)
	case c == holdall.Always && e.State != holdall.StateLive:
		return fmt.Errorf("mongo: %w: Always takes a live entry", holdall.ErrInvalid)
	case c <= 0 && e.ID == "":
		return fmt.Errorf("mongo: %w: a new entry needs an id", holdall.ErrInvalid)
	case e.Kind == holdall.KindBucket && (e.Container != "" || e.Tier != holdall.Shared || e.Owner != ""):
		return fmt.Errorf("mongo: %w: a bucket is shared and in no container", holdall.ErrInvalid)
	}
	return nil
}

func (b *Backend) put(ctx context.Context, d *draft, c holdall.Condition) error {
	switch {
	case c == holdall.IfAbsent:
		return b.create(ctx, d)
	case c == holdall.Always:
		return b.upsert(ctx, d)
	case d.Kind == holdall.KindBucket:
		return b.changeBucket(ctx, d, int64(c))
	case d.ID == "":
		return b.replaceAt(ctx, d, int64(c))
	case d.Kind == holdall.KindObject && d.live():
		return b.enliven(ctx, d, int64(c))
	}
	return b.replaceByID(ctx, d, int64(c))
}

// create inserts d.
func (b *Backend) create(ctx context.Context, d *draft) error {
	for range maxTries {
		err := b.insert(ctx, d)
		if err == errTaken {
			err = b.makeRoom(ctx, d)
			if err == errMissed { // what was in the way has gone
				continue
			}
		}
		if err != nil {
			return err
		}
		return b.settle(ctx, d, b.undoInsert)
	}
	return errTaken
}

func (b *Backend) insert(ctx context.Context, d *draft) error {
	d.Version = 1
	doc := document{ID: d.ID, Version: 1, Origin: d.origin(), Fields: d.fields}
	return b.write(ctx, d, func(ctx context.Context) error {
		_, err := b.entries.InsertOne(ctx, &doc)
		return err
	})
}

func (d *draft) origin() origin { return origin{d.CreatedAt.UnixMicro(), d.CreatedBy} }

// makeRoom finds out what a unique index refused d for. It returns nil when that
// is d itself, sent twice; errMissed when it has gone or was an expired entry,
// which it removes; else errTaken. d.ID is not new where it is another entry's
// than the one at d's place.
func (b *Backend) makeRoom(ctx context.Context, d *draft) error {
	if d.live() {
		holder, err := b.find(ctx, liveAt(d.fields.Place), headFields)
		switch {
		case err != nil:
			return err
		case holder == nil:
		case holder.Fields.Op == d.fields.Op:
			d.complete(holder)
			return nil
		case holder.expired(d.UpdatedAt):
			return b.evict(ctx, holder)
		default:
			return errTaken
		}
	}
	holder, err := b.find(ctx, bson.D{{Key: "_id", Value: d.ID}}, headFields)
	switch {
	case err != nil:
		return err
	case holder == nil:
		return errMissed
	case holder.Fields.Op == d.fields.Op:
		return nil
	}
	return errTaken
}

// evict removes an expired entry if it is still as it was, and returns
// errMissed: its place is to be tried again.
func (b *Backend) evict(ctx context.Context, doc *document) error {
	where := append(doc.Fields.Place.where(), bson.E{Key: "_id", Value: doc.ID}, bson.E{Key: "version", Value: doc.Version})
	if _, err := b.entries.DeleteOne(ctx, where); err != nil {
		return failure(ctx, err, outcomeUnknown(err))
	}
	return errMissed
}

// upsert replaces the entry at d's place, or inserts d. It does not use the
// server's own upsert, which loses writes on some servers.
func (b *Backend) upsert(ctx context.Context, d *draft) error {
	created := *d
	for range maxTries {
		err := b.replaceLive(ctx, d, fresh(d.UpdatedAt))
		if err == nil {
			return b.settle(ctx, d, b.undoReplace)
		}
		if err == errMissed {
			*d = created
			if err = b.insert(ctx, d); err == nil {
				return b.settle(ctx, d, b.undoInsert)
			}
		}
		if err == errTaken {
			if err = b.makeRoom(ctx, d); err == nil { // it has been inserted, by a copy of the request
				return b.settle(ctx, d, b.undoInsert)
			}
		}
		if err == errTaken {
			err = b.whatIsTaken(ctx, d)
		}
		if err != errMissed {
			return err
		}
	}
	return errTaken
}

// whatIsTaken returns errMissed where an entry has come to d's place, which an
// upsert replaces when it is tried again, and errTaken where it is d's id.
func (b *Backend) whatIsTaken(ctx context.Context, d *draft) error {
	holder, err := b.find(ctx, liveAt(d.fields.Place), headFields)
	switch {
	case err != nil:
		return err
	case holder == nil:
		return errTaken
	}
	return errMissed
}

// replaceLive replaces the live entry at d's place under further conditions,
// and completes d with what it keeps.
func (b *Backend) replaceLive(ctx context.Context, d *draft, conditions ...bson.E) error {
	where := append(liveAt(d.fields.Place), conditions...)
	change := bson.D{{Key: "$set", Value: d.set}, {Key: "$inc", Value: bson.D{{Key: "version", Value: 1}}}}
	opts := options.FindOneAndUpdate().SetReturnDocument(options.After).SetProjection(headFields)
	return b.write(ctx, d, func(ctx context.Context) error {
		var doc document
		err := b.entries.FindOneAndUpdate(ctx, where, change, opts).Decode(&doc)
		if err == nil {
			d.complete(&doc)
		}
		return err
	})
}

// replaceAt replaces the live entry at d's place if it is at version n.
func (b *Backend) replaceAt(ctx context.Context, d *draft, n int64) error {
	for range maxTries {
		err := b.replaceLive(ctx, d, bson.E{Key: "version", Value: n}, fresh(d.UpdatedAt))
		switch {
		case err == nil && d.live():
			return b.settle(ctx, d, b.undoReplace)
		case err != errMissed:
			return err
		}
		holder, err := b.find(ctx, liveAt(d.fields.Place), headFields)
		if err == nil {
			err = verdict(holder, d, n)
		}
		if err != nil {
			return err
		}
	}
	return errBusy
}

var errBusy = fmt.Errorf("mongo: %w: others kept changing it", holdall.ErrConflict)

// verdict says why an entry is not to be replaced by d at version n, nil when
// nothing is in the way.
func verdict(old *document, d *draft, n int64) error {
	switch {
	case old == nil, old.expired(d.UpdatedAt):
		return fmt.Errorf("mongo: %w: no entry to replace", holdall.ErrNotFound)
	case old.Version != n:
		return fmt.Errorf("mongo: %w: version %d is asked for, it is %d", holdall.ErrConflict, n, old.Version)
	}
	return nil
}

// replaceByID replaces the entry with d's id if it is at version n. It takes
// the entry to be at d's place, and looks for it only where it is not.
func (b *Backend) replaceByID(ctx context.Context, d *draft, n int64) error {
	at := d.fields.Place
	for range maxTries {
		err := b.replaceFrom(ctx, d, at, n)
		switch {
		case err == errTaken:
			if err = b.makeRoomFor(ctx, d); err != nil {
				return err
			}
			continue
		case err != errMissed:
			return err
		}
		old, err := b.find(ctx, byID(d.Tenant, d.ID), headFields)
		if err == nil {
			err = verdict(old, d, n)
		}
		if err != nil {
			return err
		}
		at = old.Fields.Place
	}
	return errBusy
}

// makeRoomFor is makeRoom for an entry that moves: nil asks for another try.
func (b *Backend) makeRoomFor(ctx context.Context, d *draft) error {
	if !d.live() {
		return errTaken
	}
	holder, err := b.find(ctx, liveAt(d.fields.Place), headFields)
	switch {
	case err != nil || holder == nil:
		return err
	case !holder.expired(d.UpdatedAt) || holder.ID == d.ID:
		return errTaken
	}
	if err = b.evict(ctx, holder); err == errMissed {
		err = nil
	}
	return err
}

// replaceFrom replaces the entry with d's id that is at a place, at version n.
func (b *Backend) replaceFrom(ctx context.Context, d *draft, at place, n int64, conditions ...bson.E) error {
	where := append(at.where(), bson.E{Key: "_id", Value: d.ID}, bson.E{Key: "version", Value: n},
		bson.E{Key: "$or", Value: bson.A{is("live", "$ne", ""), bson.D{fresh(d.UpdatedAt)}}})
	where = append(where, conditions...)
	change := d.replacing(n + 1)
	err := b.write(ctx, d, func(ctx context.Context) error { return b.update(ctx, where, change) })
	if err == nil {
		d.Version = n + 1
	}
	return err
}

// replacing is what a put by id does to a document. It takes the mark off a
// bucket: whose owner asks for the version that this changes.
func (d *draft) replacing(version int64) bson.D {
	change := bson.D{{Key: "$set", Value: replacement{Version: version, Origin: d.origin(), Fields: d.fields}}}
	if d.Kind == holdall.KindBucket {
		change = append(change, withoutMark)
	}
	return change
}

// enliven replaces the entry with d's id, at version n, by a live object.
func (b *Backend) enliven(ctx context.Context, d *draft, n int64) error {
	for range maxTries {
		old, err := b.find(ctx, byID(d.Tenant, d.ID), allFields)
		if err == nil {
			err = verdict(old, d, n)
		}
		if err != nil {
			return err
		}
		undo := b.undoReplace
		if old.Fields.Live != "" || old.Fields.Place.Container != d.Container {
			undo = b.undoChange(old)
			if _, err := b.bucketOf(ctx, d); err != nil {
				return err
			}
		}
		switch err = b.replaceFrom(ctx, d, old.Fields.Place, n); err {
		case nil:
			return b.settle(ctx, d, undo)
		case errTaken:
			if err := b.makeRoomFor(ctx, d); err != nil {
				return err
			}
		case errMissed:
		default:
			return err
		}
	}
	return errBusy
}
