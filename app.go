package holdall

import (
	"context"
	"errors"
)

// AppData counts what DeleteApp erased.
type AppData struct {
	Objects int
	Records int
}

// DeleteApp erases for good all objects and records of tier Private that
// belong to the app, over all buckets and collections: the app is being
// uninstalled. It needs admin of the whole store. A caller that comes through
// another app gets ErrNotFound.
func (w *Workspace) DeleteApp(ctx context.Context, app string) (AppData, error) {
	const op = "app.delete"
	var data AppData
	if err := w.authorize(op, Admin, StoreResource()); err != nil {
		return data, err
	}
	if err := validIdentity(app); err != nil {
		return data, invalid(op, "", app, CodeInvalidName, err)
	}
	if w.p.App != "" && w.p.App != app {
		return data, notFound(op, "", app)
	}
	for _, state := range []State{StatePending, StateLive, StateDeleted} {
		n, err := w.eraseAll(ctx, KindObject, state, app)
		if data.Objects += n; err != nil {
			return data, wrap(op, KindObject, "", err)
		}
		n, err = w.eraseAll(ctx, KindRecord, state, app)
		if data.Records += n; err != nil {
			return data, wrap(op, KindRecord, "", err)
		}
	}
	return data, nil
}

// eraseAll erases the app's private entries that are in the state.
func (w *Workspace) eraseAll(ctx context.Context, kind Kind, state State, app string) (int, error) {
	c, erased := w.catalogOf(kind), 0
	q := Query{Tenant: w.p.Tenant, Kind: kind, State: state, Scopes: []Scope{{Private, app}}, Limit: sweepBatch}
	for stuck := 0; stuck < maxTries; {
		page, err := c.Query(ctx, q)
		if err != nil || len(page.Entries) == 0 {
			return erased, err
		}
		before := erased
		for _, e := range page.Entries {
			err := w.erase(ctx, c, e)
			switch {
			case err == nil:
				erased++
			case !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound):
				return erased, err
			}
		}
		if erased == before {
			stuck++
		}
	}
	return erased, fail("app.delete", kind, "", CodeVersionConflict, "its data is being changed by others; try again")
}

func (w *Workspace) erase(ctx context.Context, c Catalog, e Entry) error {
	switch {
	case e.Kind == KindRecord:
		return c.Remove(ctx, e.Tenant, e.ID, e.Version)
	case w.s.inTx: // it may still roll back: Sweep deletes the bytes
		e.State, e.DueAt = StatePurging, w.s.now()
		_, err := c.Put(ctx, e, IfVersion(e.Version))
		return err
	}
	return w.s.doom(ctx, c, e)
}
