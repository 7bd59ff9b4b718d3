package mongo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/holdall-go/holdall"
)

// transactor is a Backend on a server that has transactions.
type transactor struct{ b *Backend }

// boundTx is the transaction that a Backend works in.
type boundTx struct {
	mu      sync.Mutex // a session takes one operation at a time
	session *mongo.Session
	*told
}

// told is what the tries of one InTx tell each other.
type told struct {
	conflicted bool            // the server refused a step because of others
	marks      map[string]mark // by bucket: put on between the tries
	wanted     []mark          // to be put on
	stale      []mark          // of others, to be taken off
}

// mark is a mark on a bucket that is about to leave.
type mark struct {
	at        place
	id, token string
}

// errAgain ends a try of a transaction that has to begin anew.
var errAgain = fmt.Errorf("mongo: %w: others changed what the transaction needs", holdall.ErrConflict)

// alone waits until no other operation of the transaction runs.
func (t *boundTx) alone() func() {
	if t == nil {
		return func() {}
	}
	t.mu.Lock()
	return t.mu.Unlock
}

// noted remembers an error that makes the transaction begin anew. Any error of
// the server ends a transaction there, so operations avoid those that are
// answers: they look first.
func (t *boundTx) noted(err error) error {
	if t == nil || err == nil {
		return err
	}
	if hasLabel(err, labelTransient) || isDuplicate(err) || rejected(err) || errors.Is(err, errAgain) {
		t.conflicted = true
		return fmt.Errorf("mongo: %w: %w", holdall.ErrConflict, err)
	}
	return err
}

// InTx implements [holdall.Transactor]: snapshot reads, majority writes. It
// calls fn again when others were in the way, ten times at most, and commits
// again, without fn, while the outcome of a commit is unknown.
func (t transactor) InTx(ctx context.Context, fn func(ctx context.Context, tx holdall.Catalog) error) error {
	b := t.b
	all := &told{marks: map[string]mark{}}
	defer b.unmarkAll(ctx, all)
	for try := 1; ; try++ {
		all.conflicted = false
		err := b.tryTx(ctx, all, fn)
		switch {
		case err == nil:
			return nil
		case !all.conflicted:
			return err
		case try == maxTries || ctx.Err() != nil:
			return fmt.Errorf("mongo: %w: %w", holdall.ErrConflict, err)
		}
		if err := b.betweenTries(ctx, all); err != nil {
			return err
		}
		pause(ctx, try)
	}
}

// betweenTries does to marks what a transaction cannot do by itself: others
// have to see it.
func (b *Backend) betweenTries(ctx context.Context, all *told) error {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	for _, m := range all.stale {
		if err := b.unmark(ctx, m.at, m.id, m.token); err != nil {
			return err
		}
	}
	for _, m := range all.wanted {
		switch err := b.putMark(ctx, m); {
		case err == nil:
			all.marks[m.id] = m
		case err != errMissed: // that is somebody else's mark: later
			return failure(ctx, err, false)
		}
	}
	all.stale, all.wanted = nil, nil
	return nil
}

func (b *Backend) tryTx(ctx context.Context, all *told, fn func(ctx context.Context, tx holdall.Catalog) error) error {
	session, err := b.db.Client().StartSession()
	if err != nil {
		return failure(ctx, err, false)
	}
	defer session.EndSession(context.WithoutCancel(ctx)) // aborts what is open, also when fn panics
	err = session.StartTransaction(options.Transaction().SetReadConcern(readconcern.Snapshot()).
		SetWriteConcern(writeconcern.Majority()).SetReadPreference(readpref.Primary()))
	if err != nil {
		return failure(ctx, err, false)
	}
	bound := *b
	bound.lists = b.entries // a transaction reads on the primary
	bound.tx = &boundTx{session: session, told: all}
	err = fn(ctx, &bound)
	defer bound.tx.alone()()
	if err == nil && all.conflicted { // fn did not mind, but nothing of it would happen
		err = errAgain
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		ending, cancel := b.detached(ctx)
		defer cancel()
		_ = session.AbortTransaction(ending) // else it ends with the session
		return err
	}
	return b.commit(ctx, session, all)
}

// commit commits, again while the server may or may not have done so.
func (b *Backend) commit(ctx context.Context, session *mongo.Session, all *told) error {
	for try := 1; ; try++ {
		bounded, cancel := b.bounded(ctx)
		err := session.CommitTransaction(bounded)
		cancel()
		switch {
		case err == nil:
			return nil
		case hasLabel(err, labelUnknownCommit) && try < maxTries && ctx.Err() == nil:
			pause(ctx, try)
			continue
		case hasLabel(err, labelTransient):
			all.conflicted = true
			return err
		}
		return failure(ctx, err, hasLabel(err, labelUnknownCommit) || outcomeUnknown(err))
	}
}

func (b *Backend) unmarkAll(ctx context.Context, all *told) {
	ctx, cancel := b.detached(ctx)
	defer cancel()
	for _, m := range all.marks {
		_ = b.unmark(ctx, m.at, m.id, m.token) // else it is taken off in time
	}
}

// put carries out one Put within the transaction. What it reads there, nobody
// else changes before the commit without a conflict.
func (t *boundTx) put(ctx context.Context, b *Backend, d *draft, c holdall.Condition) error {
	defer t.alone()()
	old, err := t.replaced(ctx, b, d, c)
	if err != nil {
		return t.noted(err)
	}
	if d.Kind == holdall.KindObject && d.live() {
		err = t.holdBucket(ctx, b, d)
	} else if old != nil && d.Kind == holdall.KindBucket && leaves(old, d) {
		err = t.mayLeave(ctx, b, d, old)
	}
	if err == nil && d.live() {
		err = t.clear(ctx, b, d)
	}
	if err != nil {
		return t.noted(err)
	}
	if old == nil {
		d.Version = 1
		_, err = b.entries.InsertOne(ctx, &document{ID: d.ID, Version: 1, Origin: d.origin(), Fields: d.fields})
	} else {
		where := append(old.Fields.Place.where(), bson.E{Key: "_id", Value: old.ID}, bson.E{Key: "version", Value: old.Version})
		d.Version = old.Version + 1
		err = b.update(ctx, where, d.replacing(d.Version))
	}
	if err == errMissed {
		err = errAgain
	}
	if err != nil {
		err = failure(ctx, t.noted(err), false)
	}
	return err
}

// replaced checks the condition and returns the document that d replaces, nil
// for none.
func (t *boundTx) replaced(ctx context.Context, b *Backend, d *draft, c holdall.Condition) (*document, error) {
	here, err := b.find(ctx, liveAt(d.fields.Place), headFields)
	if err != nil {
		return nil, err
	}
	var known *document
	if d.ID != "" {
		if known, err = b.find(ctx, bson.D{{Key: "_id", Value: d.ID}}, headFields); err != nil {
			return nil, err
		}
	}
	outdated := here != nil && here.expired(d.UpdatedAt)
	if outdated && known != nil && known.ID == here.ID && c <= 0 {
		known = nil // its id is free as well
	}
	switch {
	case c > 0 && d.ID != "":
		if known != nil && known.Fields.Place.Tenant != d.Tenant {
			known = nil
		}
		if err := verdict(known, d, int64(c)); err != nil {
			return nil, err
		}
		if d.live() && here != nil && !outdated && here.ID != d.ID {
			return nil, errTaken
		}
		return known, nil
	case c > 0:
		if err := verdict(here, d, int64(c)); err != nil {
			return nil, err
		}
	case c == holdall.IfAbsent && d.live() && here != nil && !outdated, known != nil && (c == holdall.IfAbsent || here == nil || outdated):
		return nil, errTaken
	case c == holdall.IfAbsent || here == nil || outdated:
		return nil, nil
	}
	d.ID, d.CreatedAt, d.CreatedBy = here.ID, moment(&here.Origin.Created), here.Origin.CreatedBy
	return here, nil
}

// clear removes an expired entry from d's place.
func (t *boundTx) clear(ctx context.Context, b *Backend, d *draft) error {
	here, err := b.find(ctx, liveAt(d.fields.Place), headFields)
	if err != nil || here == nil || !here.expired(d.UpdatedAt) {
		return err
	}
	if err := b.evict(ctx, here); err != errMissed {
		return err
	}
	return nil
}

// holdBucket writes to d's bucket, so that it cannot leave, nor be marked,
// before the commit.
func (t *boundTx) holdBucket(ctx context.Context, b *Backend, d *draft) error {
	bucket, err := b.bucketOf(ctx, d)
	if err != nil {
		return err
	}
	if m, mine := t.marks[bucket.ID]; bucket.Leave != "" && !(mine && m.token == bucket.Leave) {
		if bucket.LeaveUntil <= time.Now().UnixMicro() {
			t.stale = append(t.stale, mark{bucket.Fields.Place, bucket.ID, bucket.Leave})
		}
		return errAgain
	}
	where := append(bucket.Fields.Place.where(), bson.E{Key: "_id", Value: bucket.ID})
	if bucket.Leave == "" {
		where = append(where, unmarked...)
	}
	err = b.update(ctx, where, bson.D{{Key: "$set", Value: bson.D{{Key: "held", Value: d.fields.Op}}}})
	if err == errMissed {
		return errAgain
	}
	return err
}

// mayLeave looks for objects in a bucket that is about to leave. Those who are
// not in the transaction have to see its mark, and the transaction has to begin
// after it: so it begins anew.
func (t *boundTx) mayLeave(ctx context.Context, b *Backend, d *draft, old *document) error {
	if m, ok := t.marks[old.ID]; ok && m.token == old.Leave {
		return b.isEmpty(ctx, d, old.Fields.Place.Name)
	}
	t.wanted = append(t.wanted, mark{at: old.Fields.Place, id: old.ID, token: rand.Text()})
	return errAgain
}
