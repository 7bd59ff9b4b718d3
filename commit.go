package holdall

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// commit stores bytes and entry by the shortest way that the backends have.
func (up *upload) commit(ctx context.Context) (ObjectInfo, error) {
	s := up.w.s
	if fits, err := up.fitsAtomic(); err != nil {
		return ObjectInfo{}, up.bodyFailed(err)
	} else if fits {
		e, err := s.atomic.PutWithBlob(ctx, up.entry.Content.Key, up.body.reader(), up.body.want, func() (Entry, Condition, error) {
			return up.seal(ctx)
		})
		return up.done(ctx, e, err)
	}
	if s.inTx {
		return ObjectInfo{}, fail(up.op, KindObject, up.entry.Name, CodeUnsupported,
			"the bytes do not fit this transaction's commit; put the object before the transaction, and rename it inside")
	}
	if up.old {
		return up.replace(ctx)
	}
	return up.create(ctx)
}

// fitsAtomic decides whether one commit can take entry and bytes. A body of
// unknown size is read ahead up to the limit.
func (up *upload) fitsAtomic() (bool, error) {
	a := up.w.s.atomic
	if a == nil || up.copyFrom != "" {
		return false, nil
	}
	limit := a.AtomicLimit()
	if limit < 0 || up.body.want >= 0 && up.body.want <= limit {
		return true, nil
	}
	if up.body.want > limit {
		return false, nil
	}
	return up.body.buffer(limit)
}

// seal completes the entry once the bytes are in, for a single commit.
func (up *upload) seal(ctx context.Context) (Entry, Condition, error) {
	if err := up.measure(); err != nil {
		return Entry{}, 0, err
	}
	if !up.old {
		e := up.live(up.entry)
		e.CreatedAt = e.UpdatedAt
		return e, IfAbsent, nil
	}
	e, err := up.w.s.catalog.Get(ctx, Ref{Tenant: up.entry.Tenant, ID: up.entry.ID})
	if err != nil {
		return Entry{}, 0, wrap(up.op, KindObject, up.entry.Name, err)
	}
	if err := up.stillMatches(e); err != nil {
		return Entry{}, 0, err
	}
	return up.swapped(e), IfVersion(e.Version), nil
}

// measure takes size and checksum from the body, which must be whole.
func (up *upload) measure() error {
	c := up.entry.Content
	if up.copyFrom != "" {
		return nil // they are the source's, and the blob store copied them
	}
	n, sum, err := up.body.finish()
	if err != nil {
		return up.bodyFailed(err)
	}
	if err := up.sumHolds(sum); err != nil {
		return err
	}
	c.Size, c.Checksum = n, sum
	return nil
}

func (up *upload) sumHolds(sum string) error {
	if up.opts.Checksum != "" && up.opts.Checksum != sum {
		return fail(up.op, KindObject, up.entry.Name, CodeChecksumMismatch, "the bytes that arrived have the SHA-256 "+sum)
	}
	return nil
}

// live returns e as a live entry of this upload's content.
func (up *upload) live(e Entry) Entry {
	c := *up.entry.Content
	if e.Content != nil {
		c.Edition, c.Garbage = e.Content.Edition, e.Content.Garbage
	}
	c.Edition++
	e.State, e.Content = StateLive, &c
	if up.opts.Metadata != nil {
		e.Value = up.entry.Value
	}
	e.UpdatedAt, e.UpdatedBy = up.w.s.now(), up.w.p.User
	e.DueAt = up.w.s.dueAt(e)
	return e
}

// swapped returns the live entry e with the new bytes, the old ones garbage.
func (up *upload) swapped(e Entry) Entry {
	oldKey := e.Content.Key
	e = up.live(e)
	e.Content.Garbage = slices.DeleteFunc(slices.Clone(e.Content.Garbage), func(g Garbage) bool { return g.Key == e.Content.Key })
	e.Content.Garbage = append(e.Content.Garbage, Garbage{Key: oldKey, Since: e.UpdatedAt})
	e.Content.Garbage = up.w.s.thinned(e.Content.Garbage)
	e.DueAt = up.w.s.dueAt(e)
	return e
}

// create is the upload of a new object: pending entry, bytes, live entry.
func (up *upload) create(ctx context.Context) (ObjectInfo, error) {
	pending, err := up.pend(ctx)
	if err != nil {
		return ObjectInfo{}, err
	}
	return up.settle(ctx, pending)
}

// pend stores the bytes under a pending entry, which has no place of its own.
func (up *upload) pend(ctx context.Context) (Entry, error) {
	s := up.w.s
	pending := up.entry
	pending.State = StatePending
	pending.DueAt = s.dueAt(pending)
	pending, err := s.catalog.Put(ctx, pending, IfAbsent)
	if err != nil {
		return Entry{}, wrap(up.op, KindObject, up.entry.Name, err)
	}
	if err := up.store(ctx); err != nil {
		if up.definite(err) {
			up.abandon(ctx, pending)
		}
		return Entry{}, err
	}
	return pending, nil
}

// settle makes the pending entry, whose bytes are stored, live, or clears it
// away.
func (up *upload) settle(ctx context.Context, pending Entry) (ObjectInfo, error) {
	out, err := up.flip(ctx, &pending)
	switch {
	case errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNoBucket), errors.Is(err, ErrConflict):
		up.discard(ctx)
		return ObjectInfo{}, up.overdue()
	case err != nil:
		up.abandon(ctx, pending) // if it has become live after all, this does nothing
	}
	return up.done(ctx, out, err)
}

// flip makes the pending entry live. Upkeep may have stamped it anew meanwhile.
func (up *upload) flip(ctx context.Context, pending *Entry) (Entry, error) {
	e := up.live(up.entry)
	e.CreatedAt = e.UpdatedAt
	for try := 1; ; try++ {
		out, err := up.w.s.catalog.Put(ctx, e, IfVersion(pending.Version))
		if !errors.Is(err, ErrConflict) || try == maxTries {
			return out, err
		}
		now, getErr := up.w.s.catalog.Get(ctx, Ref{Tenant: e.Tenant, ID: e.ID})
		if getErr != nil || now.State != StatePending {
			return out, cmp.Or(getErr, err)
		}
		*pending = now
	}
}

// overdue is the failure of an upload that upkeep has given up on.
func (up *upload) overdue() error {
	return fail(up.op, KindObject, up.entry.Name, CodeVersionConflict, "the upload took longer than the grace period; nothing was stored")
}

// discard deletes bytes that no entry will hold.
func (up *upload) discard(ctx context.Context) {
	ctx, cancel := detached(ctx)
	defer cancel()
	_ = up.w.s.blobs.DeleteBlob(ctx, up.entry.Content.Key)
}

// store streams or copies the bytes into the blob store and measures them.
func (up *upload) store(ctx context.Context) error {
	s, key := up.w.s, up.entry.Content.Key
	if up.copyFrom != "" {
		copier, _ := As[BlobCopier](s.blobs)
		return wrap(up.op, KindObject, up.entry.Name, copier.CopyBlob(ctx, key, up.copyFrom))
	}
	n, err := s.blobs.PutBlob(ctx, key, up.body.reader(), up.body.want)
	if failed := up.body.failure(); failed != nil {
		return up.bodyFailed(failed)
	}
	if err != nil {
		return wrap(up.op, KindObject, up.entry.Name, err)
	}
	if err := up.measure(); err != nil {
		return err
	}
	if n != up.entry.Content.Size {
		return fail(up.op, KindObject, up.entry.Name, CodeInternal, "the blob store kept another number of bytes than it was given")
	}
	return nil
}

// abandon clears a failed upload away at once instead of leaving it to Sweep.
func (up *upload) abandon(ctx context.Context, pending Entry) {
	ctx, cancel := detached(ctx)
	defer cancel()
	pending.State, pending.DueAt = StatePurging, up.w.s.now()
	doomed, err := up.w.s.catalog.Put(ctx, pending, IfVersion(pending.Version))
	if errors.Is(err, ErrConflict) {
		if doomed, err = up.w.s.catalog.Get(ctx, Ref{Tenant: pending.Tenant, ID: pending.ID}); doomed.State != StatePurging && err == nil {
			return // it has become live after all
		}
	}
	switch {
	case err == nil:
		_, _ = up.w.s.purge(ctx, up.w.s.catalog, doomed) // what fails is left to Sweep
	case errors.Is(err, ErrNotFound): // upkeep was done with it before the bytes were in
		_ = up.w.s.blobs.DeleteBlob(ctx, pending.Content.Key)
	}
}

// definite reports whether an upload that failed with err has certainly had
// no effect and will have none: a reply that was lost, or not waited for, may
// have been a success.
func (up *upload) definite(err error) bool {
	return up.body != nil && up.body.failure() != nil ||
		!errors.Is(err, ErrUnavailable) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// detached outlives the caller's context for a moment, to clean up after it.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}

func (up *upload) done(ctx context.Context, e Entry, err error) (ObjectInfo, error) {
	switch {
	case errors.Is(err, ErrExists) && CodeOf(err) == CodeInternal:
		return ObjectInfo{}, up.taken(up.entry.Name)
	case up.body != nil && up.body.failure() != nil:
		return ObjectInfo{}, up.bodyFailed(up.body.failure())
	case err != nil:
		return ObjectInfo{}, wrap(up.op, KindObject, up.entry.Name, err)
	}
	if up.old {
		up.thinOut(ctx, e)
	}
	return objectInfo(e), nil
}
