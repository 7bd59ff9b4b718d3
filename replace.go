package holdall

import (
	"context"
	"errors"
	"slices"
)

// thinned ends the grace period of replaced blobs beyond maxReplaced.
func (s *Store) thinned(list []Garbage) []Garbage {
	kept, now := 0, s.now()
	for i := len(list) - 1; i >= 0; i-- {
		g := &list[i]
		if g.Pending || !g.Since.Add(s.cfg.Grace).After(now) {
			continue
		}
		if kept++; kept > maxReplaced {
			g.Since = now.Add(-s.cfg.Grace)
		}
	}
	return list
}

// thinOut collects what thinned has let go, now and then, so that an object
// that is replaced all the time does not wait for Sweep with a long list.
func (up *upload) thinOut(ctx context.Context, e Entry) {
	if !up.w.s.inTx && len(e.Content.Garbage) >= 2*maxReplaced {
		_, _ = up.w.s.collect(ctx, up.w.s.catalog, e) // what fails is left to Sweep
	}
}

// maxReplaced is how many replaced blobs an object holds on to within the
// grace period, for those who are reading them. Beyond it the oldest goes.
const maxReplaced = 16

// replace swaps the bytes of a live object. Its entry holds the new key as
// garbage from before the first byte is stored until the swap.
func (up *upload) replace(ctx context.Context) (ObjectInfo, error) {
	key := up.entry.Content.Key
	if _, err := up.edit(ctx, func(e Entry) (Entry, error) {
		e.Content.Garbage = append(e.Content.Garbage, Garbage{Key: key, Since: up.w.s.now(), Pending: true})
		e.DueAt = up.w.s.dueAt(e)
		return e, up.stillMatches(e)
	}); err != nil {
		return ObjectInfo{}, err
	}
	err := up.store(ctx)
	if err == nil {
		var out Entry
		if out, err = up.edit(ctx, func(e Entry) (Entry, error) {
			if err := up.stillMatches(e); err != nil {
				return e, err
			}
			if !slices.ContainsFunc(e.Content.Garbage, func(g Garbage) bool { return g.Key == key && !g.Doomed }) {
				return e, up.overdue()
			}
			return up.swapped(e), nil
		}); err == nil {
			up.thinOut(ctx, out)
			return objectInfo(out), nil
		}
	}
	if up.definite(err) {
		up.discard(ctx) // the key stays in the entry until Sweep
	}
	return ObjectInfo{}, err
}

// edit changes the entry of the object that is being replaced, again when
// somebody else was faster.
func (up *upload) edit(ctx context.Context, edit func(Entry) (Entry, error)) (Entry, error) {
	for range maxTries {
		e, err := up.w.s.catalog.Get(ctx, Ref{Tenant: up.entry.Tenant, ID: up.entry.ID})
		if err != nil {
			return e, wrap(up.op, KindObject, up.entry.Name, err)
		}
		c := *e.Content
		c.Garbage = slices.Clone(c.Garbage)
		e.Content = &c
		if e, err = edit(e); err != nil {
			return e, err
		}
		out, err := up.w.s.catalog.Put(ctx, e, IfVersion(e.Version))
		if !errors.Is(err, ErrConflict) {
			return out, wrap(up.op, KindObject, up.entry.Name, err)
		}
	}
	return Entry{}, fail(up.op, KindObject, up.entry.Name, CodeVersionConflict, "it is being changed by others; try again")
}
