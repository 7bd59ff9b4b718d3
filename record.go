package holdall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// MaxTTL is the longest time to live of a record: a hundred years.
const MaxTTL = 3_155_760_000 * time.Second

// Collection is a handle on a collection of records, and on one tier of it
// where [Collection.Tier] was called. It does no I/O by itself.
type Collection struct {
	w    *Workspace
	name string
	tier Tier
}

// Record is a handle on a record: by key in a collection and tier, or by id.
// It does no I/O by itself.
type Record struct {
	w          *Workspace
	collection string // "" with an id: whichever
	tier       Tier
	key        string
	id         string
}

// RecordInfo is a record.
type RecordInfo struct {
	ID         string
	Tenant     string
	Tier       Tier
	App        string // the owner in tier Private, else ""
	User       string // the owner in tier User, else ""
	Collection string
	Key        string
	// Value is the JSON value that was put; numbers keep every digit.
	Value     json.RawMessage
	TTL       time.Duration // as it was asked for; 0 is none
	ExpiresAt time.Time     // zero is never
	// Version is 1 and grows by one with every write.
	Version              int64
	CreatedAt, UpdatedAt time.Time
	CreatedBy, UpdatedBy string
	Deleted              bool // soft-deleted
	DeletedAt            time.Time
	DeletedBy            string
}

// VersionTag returns the entity tag of the record, without quotes: "v3".
func (r RecordInfo) VersionTag() string { return versionTag(r.Version) }

// Decode unmarshals the value into v, by encoding/json.
func (r RecordInfo) Decode(v any) error { return json.Unmarshal(r.Value, v) }

func (r RecordInfo) matches(tags []string) bool {
	return tags == nil || slices.Contains(tags, "*") || slices.Contains(tags, r.VersionTag())
}

func recordInfo(e Entry) RecordInfo {
	r := RecordInfo{
		ID: e.ID, Tenant: e.Tenant, Tier: e.Tier, Collection: e.Container, Key: e.Name, Value: e.Value,
		TTL: e.TTL, ExpiresAt: e.ExpiresAt, Version: e.Version,
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt, CreatedBy: e.CreatedBy, UpdatedBy: e.UpdatedBy,
		Deleted: e.State == StateDeleted, DeletedAt: e.DeletedAt, DeletedBy: e.DeletedBy,
	}
	r.App, r.User = owners(e)
	return r
}

// RecordOptions are options of [Record.Put].
type RecordOptions struct {
	// TTL is how long the record lives from now on, in whole seconds up to
	// MaxTTL; 0 is for ever, also where the record had a TTL before.
	TTL time.Duration
	// IfAbsent asks that there is no such record, else ErrPrecondition.
	IfAbsent bool
	// IfMatch asks that the record has one of these version tags ("v3",
	// without quotes; "*" is any), else ErrPrecondition.
	IfMatch []string
}

// PatchOptions are options of [Record.Patch].
type PatchOptions struct {
	// IfMatch asks that the record has one of these version tags ("v3",
	// without quotes; "*" is any), else ErrPrecondition.
	IfMatch []string
}

// Name returns the collection's name.
func (c *Collection) Name() string { return c.name }

// Tier returns a handle on one tier of the collection. Without it records are
// put in, and looked for in, [Private] when the caller comes through an app
// and [Shared] otherwise, and lists show all that the caller sees.
func (c *Collection) Tier(t Tier) *Collection { return &Collection{w: c.w, name: c.name, tier: t} }

// Record returns a handle on the record with that key.
func (c *Collection) Record(key string) *Record {
	return &Record{w: c.w, collection: c.name, tier: c.tier, key: key}
}

// Get returns the record. It needs read. ErrNotFound when there is none that
// the caller sees, or when its time to live has run out. One round trip.
func (r *Record) Get(ctx context.Context) (RecordInfo, error) {
	e, err := r.w.find(ctx, "record.get", Read, r.subject(), StateLive)
	if err != nil {
		return RecordInfo{}, err
	}
	return recordInfo(e), nil
}

// Put stores a value under the key and returns the record; its Version is 1
// when it is new. value is marshalled by encoding/json; a json.RawMessage is
// kept as it is (other []byte becomes a string in base64, as always there). It
// needs write. Without conditions the last write wins.
//
// ErrInvalid for a value outside the JSON grammar of [CheckJSON], ErrTooLarge
// for one over the store's limit, ErrPrecondition when a condition does not
// hold. One round trip, two with several tags or "*" in IfMatch.
func (r *Record) Put(ctx context.Context, value any, opts *RecordOptions) (RecordInfo, error) {
	const op = "record.put"
	var o RecordOptions
	if opts != nil {
		o = *opts
	}
	e, c, err := r.draft(ctx, op, value, o)
	if err != nil {
		return RecordInfo{}, err
	}
	out, err := r.w.s.records.Put(ctx, e, c)
	return r.putResult(op, c, out, err)
}

// putResult turns a failed condition into what its caller asked for.
func (r *Record) putResult(op string, c Condition, out Entry, err error) (RecordInfo, error) {
	switch {
	case err == nil:
		return recordInfo(out), nil
	case c == IfAbsent && errors.Is(err, ErrExists):
		return RecordInfo{}, fail(op, KindRecord, r.label(), CodePrecondition, "the record is there already")
	case c != Always && (errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound)):
		return RecordInfo{}, fail(op, KindRecord, r.label(), CodePrecondition, "the record is not at that version")
	}
	return RecordInfo{}, wrap(op, KindRecord, r.label(), err)
}

// draft checks a put and returns the entry and condition that carry it out.
func (r *Record) draft(ctx context.Context, op string, value any, o RecordOptions) (Entry, Condition, error) {
	if r.id != "" {
		return Entry{}, 0, fail(op, KindRecord, r.id, CodeInvalidRequest, "a record is put under a key, not under an id")
	}
	if err := r.w.admit(op, Write, r.subject()); err != nil {
		return Entry{}, 0, err
	}
	scope, err := r.w.scope(op, r.tier)
	if err != nil {
		return Entry{}, 0, err
	}
	if o.TTL < 0 || o.TTL > MaxTTL || o.TTL%time.Second != 0 {
		return Entry{}, 0, fail(op, KindRecord, r.key, CodeInvalidRequest, fmt.Sprintf("a ttl is 1 to %d whole seconds", MaxTTL/time.Second))
	}
	raw, err := r.w.s.encodeValue(op, r.key, value)
	if err != nil {
		return Entry{}, 0, err
	}
	now := r.w.s.now()
	e := Entry{
		ID: r.w.s.newID(recordIDPrefix), Kind: KindRecord, Tenant: r.w.p.Tenant, Container: r.collection,
		Tier: scope.Tier, Owner: scope.Owner, Name: r.key, State: StateLive, Value: raw,
		CreatedAt: now, UpdatedAt: now, CreatedBy: r.w.p.User, UpdatedBy: r.w.p.User, TTL: o.TTL,
	}
	if o.TTL > 0 {
		e.ExpiresAt = now.Add(o.TTL)
	}
	e.DueAt = r.w.s.dueAt(e)
	return r.condition(ctx, op, e, o)
}

// condition resolves IfAbsent and IfMatch. One version tag is left to the
// catalog to compare; other lists are looked at here, and what matched then is compared.
func (r *Record) condition(ctx context.Context, op string, e Entry, o RecordOptions) (Entry, Condition, error) {
	failed := fail(op, KindRecord, r.key, CodePrecondition, "the record is not at that version")
	switch {
	case o.IfAbsent && o.IfMatch != nil:
		return e, 0, fail(op, KindRecord, r.key, CodeInvalidRequest, "a record cannot be both absent and at a version")
	case o.IfAbsent:
		return e, IfAbsent, nil
	case o.IfMatch == nil:
		return e, Always, nil
	case len(o.IfMatch) == 1 && o.IfMatch[0] != "*":
		n, ok := parseVersionTag(o.IfMatch[0])
		if !ok {
			return e, 0, failed
		}
		e.ID = ""
		return e, IfVersion(n), nil
	}
	old, err := r.w.s.records.Get(ctx, e.Place())
	if errors.Is(err, ErrNotFound) || err == nil && (old.Expired(e.UpdatedAt) || !recordInfo(old).matches(o.IfMatch)) {
		return e, 0, failed
	}
	if err != nil {
		return e, 0, wrap(op, KindRecord, r.key, err)
	}
	e.ID = ""
	return e, IfVersion(old.Version), nil
}

// parseVersionTag reads "v3".
func parseVersionTag(tag string) (int64, bool) {
	var n int64
	if _, err := fmt.Sscanf(tag, "v%d", &n); err != nil || n < 1 || versionTag(n) != tag {
		return 0, false
	}
	return n, true
}

// encodeValue marshals a record's value and holds it to the JSON grammar.
func (s *Store) encodeValue(op, key string, value any) (json.RawMessage, error) {
	raw, ok := value.(json.RawMessage)
	if !ok {
		var err error
		if raw, err = json.Marshal(value); err != nil {
			return nil, invalid(op, KindRecord, key, CodeInvalidJSON, err)
		}
	}
	return raw, s.checkValue(op, key, raw)
}

func (s *Store) checkValue(op, key string, raw json.RawMessage) error {
	if len(raw) > s.cfg.MaxValueSize {
		return fail(op, KindRecord, key, CodeTooLarge, fmt.Sprintf("a value has at most %d bytes of JSON, not %d", s.cfg.MaxValueSize, len(raw)))
	}
	return invalid(op, KindRecord, key, CodeInvalidJSON, CheckJSON(raw, MaxDepth))
}

// Patch applies a JSON merge patch (RFC 7396) to the value and returns the
// record; its time to live runs on as it was. It needs write. A patch of
// another writer in between is not lost: the patch is applied anew.
// ErrNotFound when there is no such record, ErrPrecondition when IfMatch does
// not hold, ErrInvalid for a patch that is not JSON, ErrTooLarge when the
// result is. Two round trips.
func (r *Record) Patch(ctx context.Context, patch json.RawMessage, opts *PatchOptions) (RecordInfo, error) {
	const op = "record.patch"
	var ifMatch []string
	if opts != nil {
		ifMatch = opts.IfMatch
	}
	if err := r.w.admit(op, Write, r.subject()); err != nil {
		return RecordInfo{}, err
	}
	if err := r.w.s.checkValue(op, r.label(), patch); err != nil {
		return RecordInfo{}, err
	}
	e, err := r.w.change(ctx, op, Write, r.subject(), func(e *Entry) error {
		if !recordInfo(*e).matches(ifMatch) {
			return r.changed(op, *e)
		}
		merged, err := mergePatch(e.Value, patch)
		if err != nil {
			return invalid(op, KindRecord, r.label(), CodeInvalidJSON, err)
		}
		e.Value, e.UpdatedAt, e.UpdatedBy = merged, r.w.s.now(), r.w.p.User
		return r.w.s.checkValue(op, r.label(), merged)
	}, StateLive)
	if err != nil {
		return RecordInfo{}, err
	}
	return recordInfo(e), nil
}

func (r *Record) changed(op string, e Entry) error {
	return fail(op, KindRecord, r.label(), CodePrecondition, "the record has changed: it is at "+versionTag(e.Version))
}

// Delete soft-deletes the record, or erases it with Purge, and returns it as
// it was left. It needs delete, and admin for Purge. ErrNotFound when there is
// none that the caller sees. Two round trips.
func (r *Record) Delete(ctx context.Context, opts *DeleteOptions) (RecordInfo, error) {
	const op = "record.delete"
	var d DeleteOptions
	if opts != nil {
		d = *opts
	}
	if d.Purge {
		return r.purge(ctx, d)
	}
	e, err := r.w.change(ctx, op, Delete, r.subject(), func(e *Entry) error {
		if !recordInfo(*e).matches(d.IfMatch) {
			return r.changed(op, *e)
		}
		*e = r.w.tombstone(*e)
		return nil
	}, StateLive)
	if err != nil {
		return RecordInfo{}, err
	}
	return recordInfo(e), nil
}

func (r *Record) purge(ctx context.Context, d DeleteOptions) (RecordInfo, error) {
	const op = "record.purge"
	if err := r.w.admit(op, Admin, r.subject()); err != nil {
		return RecordInfo{}, err
	}
	states := []State{StateLive}
	if r.id != "" {
		states = append(states, StateDeleted)
	}
	for range maxTries {
		e, err := r.w.find(ctx, op, Delete, r.subject(), states...)
		if err != nil {
			return RecordInfo{}, err
		}
		if _, ok := r.w.grants.decide(Admin, CollectionResource(e.Container)); !ok {
			return RecordInfo{}, notFound(op, KindRecord, r.label())
		}
		if !recordInfo(e).matches(d.IfMatch) {
			return RecordInfo{}, r.changed(op, e)
		}
		err = r.w.s.records.Remove(ctx, e.Tenant, e.ID, e.Version)
		if !errors.Is(err, ErrConflict) {
			return recordInfo(r.w.tombstone(e)), wrap(op, KindRecord, r.label(), err)
		}
	}
	return RecordInfo{}, fail(op, KindRecord, r.label(), CodeVersionConflict, "it is being changed by others; try again")
}

// Restore brings a soft-deleted record back: the one with the handle's id, or
// what was deleted last under its key. It needs write. ErrNotFound when there
// is none, ErrConflict when the key was taken meanwhile.
func (r *Record) Restore(ctx context.Context) (RecordInfo, error) {
	e, err := r.w.change(ctx, "record.restore", Write, r.subject(), func(e *Entry) error {
		*e = r.w.revived(*e)
		return nil
	}, StateDeleted)
	if err != nil {
		return RecordInfo{}, err
	}
	return recordInfo(e), nil
}

func (r *Record) subject() subject {
	return subject{KindRecord, r.collection, r.tier, r.key, r.id}
}

func (r *Record) label() string { return r.subject().label() }
