package holdall

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

const (
	bucketIDPrefix = "bkt_"
	systemIDPrefix = "sys_"
)

// Workspace is a store as one caller sees it. It is safe for concurrent use;
// it and the handles that hang off it do no I/O by themselves.
type Workspace struct {
	s      *Store
	p      Principal
	grants grants
	bad    error // why the principal is nobody
}

func newWorkspace(s *Store, p Principal) *Workspace {
	return &Workspace{s: s, p: p, grants: newGrants(p, s.cfg.Roles), bad: p.check()}
}

func (p Principal) check() error {
	if err := validIdentity(p.Tenant); err != nil {
		return fmt.Errorf("tenant: %w", err)
	}
	if err := validIdentity(p.User); err != nil {
		return fmt.Errorf("user: %w", err)
	}
	if p.App == "" {
		return nil
	}
	if err := validIdentity(p.App); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	return nil
}

// Principal returns the caller.
func (w *Workspace) Principal() Principal { return w.p }

// Bucket returns a handle on the bucket.
func (w *Workspace) Bucket(name string) *Bucket { return &Bucket{w: w, name: name} }

// ObjectID returns a handle on the object with that id, in whichever bucket.
func (w *Workspace) ObjectID(id string) *Object { return &Object{w: w, id: id} }

// Collection returns a handle on the collection. Collections need no making.
func (w *Workspace) Collection(name string) *Collection { return &Collection{w: w, name: name} }

// RecordID returns a handle on the record with that id, in whichever collection.
func (w *Workspace) RecordID(id string) *Record { return &Record{w: w, id: id} }

func (w *Workspace) identified(op string) error {
	if w.bad != nil {
		return invalid(op, "", "", CodeUnauthenticated, w.bad)
	}
	return nil
}

// scope resolves the tier that something is put in or looked for.
func (w *Workspace) scope(op string, t Tier) (Scope, error) {
	switch {
	case t == Private && w.p.App == "":
		return Scope{}, fail(op, "", "", CodeTierNeedsApp, "tier private needs a caller that comes through an app")
	case t == Private, t == "" && w.p.App != "":
		return Scope{Private, w.p.App}, nil
	case t == User:
		return Scope{User, w.p.User}, nil
	case t == Shared, t == "":
		return Scope{Shared, ""}, nil
	}
	return Scope{}, fail(op, "", "", CodeInvalidRequest, "a tier is one of private, user, shared, not "+quote(string(t)))
}

// visible returns the scopes that the caller sees: the named one, or all.
func (w *Workspace) visible(op string, t Tier) ([]Scope, error) {
	if t != "" {
		s, err := w.scope(op, t)
		return []Scope{s}, err
	}
	all := []Scope{{Shared, ""}, {User, w.p.User}}
	if w.p.App != "" {
		all = append(all, Scope{Private, w.p.App})
	}
	return all, nil
}

func (w *Workspace) sees(e *Entry) bool {
	all, err := w.visible("", "")
	return err == nil && slices.Contains(all, Scope{e.Tier, e.Owner})
}

// subject is what a handle on an object or a record points at.
type subject struct {
	kind      Kind
	container string // "" with an id: whichever
	tier      Tier
	name      string
	id        string
}

func (w *Workspace) catalogOf(k Kind) Catalog {
	if k == KindRecord {
		return w.s.records
	}
	return w.s.catalog
}

// check validates the subject's names.
func (t subject) check(op string) error {
	record := t.kind == KindRecord
	if t.id == "" || t.container != "" {
		if err := (Resource{t.kind.container(), t.container}).valid(); err != nil {
			return invalid(op, t.kind.container(), t.container, CodeInvalidName, err)
		}
	}
	switch {
	case t.id != "":
		return nil
	case record:
		return invalid(op, t.kind, t.name, CodeInvalidName, validKey(t.name))
	}
	return invalid(op, t.kind, t.name, CodeInvalidPath, validPath(t.name))
}

func (t subject) label() string {
	if t.id != "" {
		return t.id
	}
	return t.name
}

// container is the kind whose names permission keys hold.
func (k Kind) container() Kind {
	if k == KindObject {
		return KindBucket
	}
	return k
}

// admit checks the subject's names and the caller's right to the action on
// it. A subject whose container is not known yet passes when the action is
// allowed in any; find decides then.
func (w *Workspace) admit(op string, action Action, t subject) error {
	if err := w.identified(op); err != nil {
		return err
	}
	if err := t.check(op); err != nil {
		return err
	}
	kind := t.kind.container()
	if reach := w.grants.reach(action, kind); t.container == "" && (reach == nil || len(reach) > 0) {
		return nil
	}
	return w.authorize(op, action, Resource{kind, t.container})
}

// find returns the subject's entry in one of the states, when the caller may
// do action on it and sees it; everything else is the same "not found".
func (w *Workspace) find(ctx context.Context, op string, action Action, t subject, states ...State) (Entry, error) {
	if err := w.admit(op, action, t); err != nil {
		return Entry{}, err
	}
	e, err := w.lookup(ctx, op, t, states)
	if errors.Is(err, ErrNotFound) {
		return Entry{}, notFound(op, t.kind, t.label())
	}
	if err != nil {
		return Entry{}, wrap(op, t.kind, t.label(), err)
	}
	_, allowed := w.grants.decide(action, Resource{t.kind.container(), e.Container})
	if !allowed || !w.sees(&e) || e.Kind != t.kind || !slices.Contains(states, e.State) || e.Expired(w.s.now()) ||
		t.container != "" && e.Container != t.container || t.tier != "" && e.Tier != t.tier {
		return Entry{}, notFound(op, t.kind, t.label())
	}
	return e, nil
}

func (w *Workspace) lookup(ctx context.Context, op string, t subject, states []State) (Entry, error) {
	c := w.catalogOf(t.kind)
	if t.id != "" {
		if !IsObjectID(t.id) && !IsRecordID(t.id) {
			return Entry{}, ErrNotFound
		}
		return c.Get(ctx, Ref{Tenant: w.p.Tenant, ID: t.id})
	}
	s, err := w.scope(op, t.tier)
	if err != nil {
		return Entry{}, err
	}
	if slices.Contains(states, StateLive) {
		return c.Get(ctx, w.place(t, s))
	}
	return w.lastDeleted(ctx, t, s)
}

func (w *Workspace) place(t subject, s Scope) Ref {
	return Ref{Tenant: w.p.Tenant, Kind: t.kind, Container: t.container, Tier: s.Tier, Owner: s.Owner, Name: t.name}
}

// lastDeleted returns what was soft-deleted last at a place.
func (w *Workspace) lastDeleted(ctx context.Context, t subject, s Scope) (Entry, error) {
	page, err := w.catalogOf(t.kind).Query(ctx, Query{
		Tenant: w.p.Tenant, Kind: t.kind, State: StateDeleted, Containers: []string{t.container}, Scopes: []Scope{s},
		Name: t.name, Limit: 1000,
	})
	if err == nil && len(page.Entries) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Entry{}, err
	}
	return slices.MaxFunc(page.Entries, func(a, b Entry) int { return a.DeletedAt.Compare(b.DeletedAt) }), nil
}

// maxTries bounds the optimistic loops: each turn means that somebody else's
// change went through.
const maxTries = 100

// change applies edit to the subject's entry and puts it back, again when
// somebody else was faster. edit sees the entry as it is and may refuse.
func (w *Workspace) change(ctx context.Context, op string, action Action, t subject, edit func(*Entry) error, states ...State) (Entry, error) {
	for range maxTries {
		e, err := w.find(ctx, op, action, t, states...)
		if err != nil {
			return Entry{}, err
		}
		if err := edit(&e); err != nil {
			return Entry{}, err
		}
		out, err := w.catalogOf(t.kind).Put(ctx, e, IfVersion(e.Version))
		if errors.Is(err, ErrConflict) {
			continue
		}
		return out, wrap(op, t.kind, t.label(), err)
	}
	return Entry{}, fail(op, t.kind, t.label(), CodeVersionConflict, "it is being changed by others; try again")
}
