package holdall

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// dueAt is when upkeep has to look at the entry next; zero is never.
func (s *Store) dueAt(e Entry) time.Time {
	due := e.ExpiresAt
	sooner := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	switch e.State {
	case StatePending:
		sooner(e.UpdatedAt.Add(e.TTL + s.cfg.Grace)) // the TTL is that of an upload link
	case StateDeleted:
		sooner(e.DeletedAt.Add(s.cfg.Retention))
	}
	if e.Content != nil {
		for _, g := range e.Content.Garbage {
			sooner(g.Since.Add(s.cfg.Grace))
		}
	}
	return due
}

// SweepReport counts what one Sweep did.
type SweepReport struct {
	Uploads int // unfinished uploads cleared away
	Garbage int // replaced or abandoned blobs deleted
	Purged  int // soft-deleted entries erased after the retention
	Expired int // records removed after their time to live
	Failed  int // entries that could not be dealt with; they come up again in an hour
}

// Sweep makes one pass over all that is due, in every tenant: unfinished
// uploads and replaced bytes past the grace period, soft-deleted entries past
// the retention, expired records, deletions that a crash cut short. Any number
// of sweeps may run at once, beside all other work. It returns when nothing
// is due any more; an error means that it could not go on.
func (s *Store) Sweep(ctx context.Context) (SweepReport, error) {
	sw := &sweep{s: s}
	err := sw.all(ctx, s.catalog)
	if err == nil && !same(s.catalog, s.records) {
		err = sw.all(ctx, s.records)
	}
	return sw.report, wrap("store.sweep", "", "", err)
}

type sweep struct {
	s      *Store
	mu     sync.Mutex
	report SweepReport
}

const (
	sweepBatch   = 500
	sweepWorkers = 8
	sweepRetry   = time.Hour
)

func (sw *sweep) all(ctx context.Context, c Catalog) error {
	until := sw.s.now()
	for {
		due, err := c.Scan(ctx, Scan{DueBy: until, Limit: sweepBatch})
		if err != nil || len(due) == 0 {
			return err
		}
		due, progress := sw.expired(ctx, c, due)
		var wg sync.WaitGroup
		slots := make(chan struct{}, sweepWorkers)
		for _, e := range due {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				moved := sw.one(ctx, c, e)
				sw.mu.Lock()
				defer sw.mu.Unlock()
				progress = progress || moved
			})
		}
		wg.Wait()
		if err := ctx.Err(); err != nil {
			return err
		}
		if !progress {
			return errors.New("nothing of what is due could be dealt with")
		}
	}
}

// expired removes at once what of due has run out, where the catalog can, and
// returns what is to be dealt with one by one. What others have removed or
// changed meanwhile is not due any more, or comes up again. Where the batch
// removes nothing, its entries go one by one too: something is wrong with
// them, or somebody holds them.
func (sw *sweep) expired(ctx context.Context, c Catalog, due []Entry) (rest []Entry, progress bool) {
	b, ok := As[BatchRemover](c)
	if !ok {
		return due, false
	}
	var batch []Entry
	for _, e := range due {
		if sw.s.runOut(e) {
			batch = append(batch, e)
		} else {
			rest = append(rest, e)
		}
	}
	if len(batch) == 0 {
		return due, false
	}
	n, err := b.RemoveBatch(ctx, batch)
	if err != nil || n == 0 {
		return due, false
	}
	sw.add(func(r *SweepReport) { r.Expired += n })
	return rest, true
}

// runOut reports whether nothing is left to do for e but to remove it.
func (s *Store) runOut(e Entry) bool {
	return e.State != StatePurging && e.Expired(s.now())
}

// one deals with an entry that is due and reports whether it is out of the
// way: done, changed by somebody else, or put off.
func (sw *sweep) one(ctx context.Context, c Catalog, e Entry) bool {
	count, err := sw.s.tend(ctx, c, e)
	switch {
	case err == nil:
		sw.add(count)
		return true
	case errors.Is(err, ErrConflict), errors.Is(err, ErrNotFound):
		return true
	}
	sw.add(func(r *SweepReport) { r.Failed++ })
	e, err = c.Get(ctx, Ref{Tenant: e.Tenant, ID: e.ID}) // a step may have changed it
	if err == nil {
		e.DueAt = sw.s.now().Add(sweepRetry)
		_, err = c.Put(ctx, e, IfVersion(e.Version))
	}
	return err == nil
}

func (sw *sweep) add(count func(*SweepReport)) {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	count(&sw.report)
}

// tend does what an entry's state asks for. The returned function counts it.
func (s *Store) tend(ctx context.Context, c Catalog, e Entry) (func(*SweepReport), error) {
	now := s.now()
	at := s.dueAt(e)
	due := !at.IsZero() && !at.After(now)
	switch {
	case e.State == StatePurging && e.Kind == KindBucket:
		return func(*SweepReport) {}, s.purgeBucket(ctx, e)
	case e.State == StatePurging:
		n, err := s.purge(ctx, c, e)
		return func(r *SweepReport) { r.Garbage += n }, err
	case !due: // there is nothing to do any more, or the grace or retention is longer now than when it was stamped
		e.DueAt = at
		_, err := c.Put(ctx, e, IfVersion(e.Version))
		return func(*SweepReport) {}, err
	case s.runOut(e):
		return func(r *SweepReport) { r.Expired++ }, c.Remove(ctx, e.Tenant, e.ID, e.Version)
	case e.State == StatePending:
		return func(r *SweepReport) { r.Uploads++ }, s.doom(ctx, c, e)
	case e.State == StateDeleted && !e.DeletedAt.Add(s.cfg.Retention).After(now):
		return func(r *SweepReport) { r.Purged++ }, s.doom(ctx, c, e)
	}
	n, err := s.collect(ctx, c, e)
	return func(r *SweepReport) { r.Garbage += n }, err
}

// doom moves an entry past the point of no return, then erases it. An upload
// that commits after that finds its entry changed, and fails.
func (s *Store) doom(ctx context.Context, c Catalog, e Entry) error {
	e.State, e.DueAt = StatePurging, s.now()
	e, err := c.Put(ctx, e, IfVersion(e.Version))
	if err == nil {
		_, err = s.purge(ctx, c, e)
	}
	return err
}

// purge deletes all bytes of a purging entry, then the entry, and returns how
// many blobs it deleted. Where an upload that replaces its bytes may still be
// under way, the entry stays until the grace period is over.
func (s *Store) purge(ctx context.Context, c Catalog, e Entry) (int, error) {
	n := 0
	if e.Content == nil {
		return n, c.Remove(ctx, e.Tenant, e.ID, e.Version)
	}
	keys := []string{e.Content.Key}
	var wait time.Time
	for _, g := range e.Content.Garbage {
		keys = append(keys, g.Key)
		if t := g.Since.Add(s.cfg.Grace); g.Pending && t.After(wait) {
			wait = t
		}
	}
	for _, k := range keys {
		if err := s.blobs.DeleteBlob(ctx, k); err != nil {
			return n, err
		}
		n++
	}
	if wait.After(s.now()) {
		e.DueAt = wait
		_, err := c.Put(ctx, e, IfVersion(e.Version))
		return n, err
	}
	return n, c.Remove(ctx, e.Tenant, e.ID, e.Version)
}

// collect deletes the garbage of an entry that is past the grace period: it
// marks the keys, so that no upload makes one of them live any more, deletes
// the bytes, and takes the keys off the entry.
func (s *Store) collect(ctx context.Context, c Catalog, e Entry) (int, error) {
	now := s.now()
	content := *e.Content
	content.Garbage = slices.Clone(content.Garbage)
	var doomed []string
	for i, g := range content.Garbage {
		if !g.Since.Add(s.cfg.Grace).After(now) {
			content.Garbage[i].Doomed = true
			doomed = append(doomed, g.Key)
		}
	}
	e.Content = &content
	e, err := c.Put(ctx, e, IfVersion(e.Version))
	if err != nil {
		return 0, err
	}
	for _, k := range doomed {
		if err := s.blobs.DeleteBlob(ctx, k); err != nil {
			return 0, err
		}
	}
	left := *e.Content
	left.Garbage = slices.DeleteFunc(slices.Clone(left.Garbage), func(g Garbage) bool { return slices.Contains(doomed, g.Key) })
	e.Content = &left
	e.DueAt = s.dueAt(e)
	_, err = c.Put(ctx, e, IfVersion(e.Version))
	return len(doomed), err
}

// purgeBucket erases what is left in a bucket that is being deleted, then the
// bucket's own entry. Its name is free for a new bucket only after that.
func (s *Store) purgeBucket(ctx context.Context, bucket Entry) error {
	q := Query{Tenant: bucket.Tenant, Kind: KindObject, State: StateDeleted, Containers: []string{bucket.Name}, Limit: sweepBatch}
	for range maxTries {
		page, err := s.catalog.Query(ctx, q)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			if err := s.doom(ctx, s.catalog, e); err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		if len(page.Entries) == 0 {
			err := s.catalog.Remove(ctx, bucket.Tenant, bucket.ID, bucket.Version)
			if errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) {
				err = nil // somebody else finished it
			}
			return err
		}
	}
	return nil // a very full trash: Sweep goes on with it
}

// finishBucketDelete completes the deletion of a bucket of that name, if one
// was cut short, so that a new bucket does not inherit its trash.
func (s *Store) finishBucketDelete(ctx context.Context, tenant, name string) error {
	page, err := s.catalog.Query(ctx, Query{Tenant: tenant, Kind: KindBucket, State: StatePurging, Name: name, Limit: 10})
	for _, e := range page.Entries {
		if s.inTx {
			return fmt.Errorf("a bucket of that name is still being deleted: %w", ErrUnavailable)
		}
		if err := s.purgeBucket(ctx, e); err != nil {
			return err
		}
	}
	return err
}
