package mongo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/holdall-go/holdall"
)

// A live object needs its live bucket, and a live bucket leaves only while no
// live object is in it. One write changes one document, so both sides write
// first and look afterwards, and whichever looks last sees the other:
//
//   - who lets a bucket leave marks it, looks for live objects, and then
//     completes the change, if the mark is still his, or takes the mark off;
//   - who makes an object live looks at the bucket: without a mark all is well;
//     with one it waits until the mark has gone, or takes off a mark whose
//     owner has been silent for too long; without a bucket it undoes its write.
//
// Every write that leaves an object live looks, also one that finds it live
// already: what it found may be about to be undone.

// markLimit is how long a mark holds others up when its owner dies.
const markLimit = 10 * time.Second

// causal puts what concerns a bucket and its objects into one session, where the
// server has them: a primary that does not know yet that it is none any more
// then does not answer the look from a time before the write.
func (b *Backend) causal(ctx context.Context, d *draft) (context.Context, func()) {
	s := b.server.Load()
	if s == nil || !s.transactions || d.Kind != holdall.KindBucket && !(d.Kind == holdall.KindObject && d.live()) {
		return ctx, func() {}
	}
	session, err := b.db.Client().StartSession()
	if err != nil { // it says so again at the first operation
		return ctx, func() {}
	}
	return mongo.NewSessionContext(ctx, session), func() { session.EndSession(context.WithoutCancel(ctx)) }
}

func bucketPlace(tenant, name string) place {
	return place{Tenant: tenant, Kind: string(holdall.KindBucket), Tier: string(holdall.Shared), Name: name}
}

// bucketOf returns the live bucket that d needs, else ErrNoBucket.
func (b *Backend) bucketOf(ctx context.Context, d *draft) (*document, error) {
	bucket, err := b.find(ctx, liveAt(bucketPlace(d.Tenant, d.Container)), headFields)
	if err == nil && (bucket == nil || bucket.expired(d.UpdatedAt)) {
		err = fmt.Errorf("mongo: %w: %q", holdall.ErrNoBucket, d.Container)
	}
	return bucket, err
}

// settle sees to it that d, which has been written, may stay, or undoes it.
// It does so too when the caller has gone meanwhile.
func (b *Backend) settle(ctx context.Context, d *draft, undo func(context.Context, *draft) error) error {
	if d.Kind != holdall.KindObject || !d.live() {
		return nil
	}
	ctx, cancel := b.detached(ctx)
	defer cancel()
	err := b.passMark(ctx, d)
	if !errors.Is(err, holdall.ErrNoBucket) {
		return err
	}
	if undone := undo(ctx, d); undone != nil && undone != errMissed {
		return fmt.Errorf("%w; what was written could not be undone: %w", err, undone)
	}
	return err
}

// passMark waits until nobody is about to let d's bucket leave.
func (b *Backend) passMark(ctx context.Context, d *draft) error {
	for try := 1; ; try++ {
		bucket, err := b.bucketOf(ctx, d)
		if err != nil || bucket.Leave == "" {
			return err
		}
		if bucket.LeaveUntil > time.Now().UnixMicro() {
			pause(ctx, min(try, 4))
		} else if err := b.unmark(ctx, bucket.Fields.Place, bucket.ID, bucket.Leave); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return failure(ctx, ctx.Err(), true)
		}
	}
}

// changeBucket replaces a bucket at version n.
func (b *Backend) changeBucket(ctx context.Context, d *draft, n int64) error {
	for try := 1; try <= maxTries || ctx.Err() == nil && try < 10_000; try++ {
		where := byID(d.Tenant, d.ID)
		if d.ID == "" {
			where = liveAt(d.fields.Place)
		}
		old, err := b.find(ctx, where, headFields)
		if err == nil {
			err = verdict(old, d, n)
		}
		if err != nil {
			return err
		}
		if d.ID == "" {
			d.ID, d.CreatedAt, d.CreatedBy = old.ID, moment(&old.Origin.Created), old.Origin.CreatedBy
		}
		if leaves(old, d) {
			err = b.leave(ctx, d, old)
		} else {
			err = b.replaceFrom(ctx, d, old.Fields.Place, n)
		}
		if err == errTaken {
			if err = b.makeRoomFor(ctx, d); err == nil {
				continue
			}
		}
		if err != errMissed {
			return err
		}
		pause(ctx, min(try, 4))
	}
	return errBusy
}

// leaves reports whether d takes a live bucket out of that state, or away.
func leaves(old *document, d *draft) bool {
	return old.Fields.Live == "" && (!d.live() || d.Name != old.Fields.Place.Name)
}

// leave replaces a live bucket that may leave only while no live object is in
// it. errMissed asks for another try.
func (b *Backend) leave(ctx context.Context, d *draft, old *document) error {
	if old.Leave != "" && old.LeaveUntil > time.Now().UnixMicro() {
		return errMissed // somebody else is at it
	}
	at := old.Fields.Place
	m := mark{at: at, id: old.ID, token: rand.Text()}
	if err := b.putMark(ctx, m, bson.E{Key: "version", Value: old.Version}); err != nil {
		if err == errMissed || rejected(err) {
			return errMissed
		}
		return failure(ctx, err, false) // a mark without an owner is taken off in time
	}
	err := b.isEmpty(ctx, d, at.Name)
	if err == nil {
		err = b.replaceFrom(ctx, d, at, old.Version, bson.E{Key: "leave", Value: m.token})
	}
	if err != nil {
		ending, cancel := b.detached(ctx)
		defer cancel()
		_ = b.unmark(ending, at, old.ID, m.token) // else it is taken off in time
	}
	return err
}

// putMark marks a live bucket that nobody else has marked, else errMissed.
func (b *Backend) putMark(ctx context.Context, m mark, conditions ...bson.E) error {
	now := time.Now()
	free := bson.A{unmarked, is("leave_until", "$lte", now.UnixMicro())}
	where := append(liveAt(m.at), bson.E{Key: "_id", Value: m.id}, bson.E{Key: "$or", Value: free})
	set := bson.D{{Key: "leave", Value: m.token}, {Key: "leave_until", Value: now.Add(markLimit).UnixMicro()}}
	return b.update(ctx, append(where, conditions...), bson.D{{Key: "$set", Value: set}})
}

var (
	unmarked    = is("leave", "$exists", false)
	withoutMark = bson.E{Key: "$unset", Value: bson.D{{Key: "leave", Value: ""}, {Key: "leave_until", Value: ""}}}
)

// unmark takes a mark off a bucket if it is still there.
func (b *Backend) unmark(ctx context.Context, at place, id, token string) error {
	where := append(at.where(), bson.E{Key: "_id", Value: id}, bson.E{Key: "leave", Value: token})
	err := b.update(ctx, where, bson.D{withoutMark})
	if err != nil && err != errMissed && !rejected(err) {
		return failure(ctx, err, false)
	}
	return nil
}

// isEmpty fails with ErrNotEmpty while live objects are in the bucket.
func (b *Backend) isEmpty(ctx context.Context, d *draft, bucket string) error {
	some, err := b.find(ctx, bson.D{
		{Key: "tenant", Value: d.Tenant}, {Key: "kind", Value: string(holdall.KindObject)}, {Key: "state", Value: string(holdall.StateLive)},
		{Key: "container", Value: bucket}, fresh(d.UpdatedAt),
	}, bson.D{{Key: "_id", Value: 1}})
	if err == nil && some != nil {
		err = fmt.Errorf("mongo: %w: objects are in bucket %q", holdall.ErrNotEmpty, bucket)
	}
	return err
}
