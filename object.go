package holdall

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Object is a handle on an object: by path in a bucket and tier, or by id.
// It does no I/O by itself.
type Object struct {
	w      *Workspace
	bucket string // "" with an id: whichever
	tier   Tier
	path   string
	id     string
}

// ObjectInfo is what the store knows about an object.
type ObjectInfo struct {
	ID          string
	Tenant      string
	Tier        Tier
	App         string // the owner in tier Private, else ""
	User        string // the owner in tier User, else ""
	Bucket      string
	Path        string
	Size        int64  // bytes
	ContentType string // media type, with its parameters
	Checksum    string // SHA-256, lower-case hex
	BlobKey     string // where the bytes are in the blob store
	Metadata    map[string]string
	Source      string
	SourceType  string
	// Version is 1 and grows by one with every update and replacement.
	Version              int64
	CreatedAt, UpdatedAt time.Time
	CreatedBy, UpdatedBy string
	Deleted              bool // soft-deleted
	DeletedAt            time.Time
	DeletedBy            string
}

// Name returns the last segment of the path.
func (o ObjectInfo) Name() string { return pathBase(o.Path) }

// ETag returns the entity tag of the bytes, without quotes: their checksum.
func (o ObjectInfo) ETag() string { return o.Checksum }

// VersionTag returns the entity tag of the metadata, without quotes: "v3".
func (o ObjectInfo) VersionTag() string { return versionTag(o.Version) }

func versionTag(n int64) string { return "v" + strconv.FormatInt(n, 10) }

func objectInfo(e Entry) ObjectInfo {
	o := ObjectInfo{
		ID: e.ID, Tenant: e.Tenant, Tier: e.Tier, Bucket: e.Container, Path: e.Name, Metadata: map[string]string{},
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt, CreatedBy: e.CreatedBy, UpdatedBy: e.UpdatedBy,
		Deleted: e.State == StateDeleted, DeletedAt: e.DeletedAt, DeletedBy: e.DeletedBy,
	}
	o.App, o.User = owners(e)
	if c := e.Content; c != nil {
		o.Size, o.ContentType, o.Checksum, o.BlobKey = c.Size, c.Type, c.Checksum, c.Key
		o.Source, o.SourceType, o.Version = c.Source, c.SourceType, c.Edition
	}
	_ = json.Unmarshal(e.Value, &o.Metadata) // written by encodeMetadata
	return o
}

func owners(e Entry) (app, user string) {
	switch e.Tier {
	case Private:
		return e.Owner, ""
	case User:
		return "", e.Owner
	}
	return "", ""
}

func encodeMetadata(m map[string]string) json.RawMessage {
	if len(m) == 0 {
		return json.RawMessage("{}")
	}
	b, _ := json.Marshal(m) // strings, valid UTF-8: cannot fail
	return b
}

// matches reports whether a list of entity tags, as If-Match has it, names
// the object as it is now. A nil list asks for nothing.
func (o ObjectInfo) matches(tags []string) bool {
	return tags == nil || slices.Contains(tags, "*") || slices.Contains(tags, o.ETag()) || slices.Contains(tags, o.VersionTag())
}

// ObjectUpdate says what to change; nil leaves a thing as it is.
type ObjectUpdate struct {
	Path        *string
	Bucket      *string
	Metadata    map[string]string // replaces all of it; empty and not nil clears
	ContentType *string
	// IfMatch asks that the object has one of these entity tags (checksum or
	// version tag, without quotes; "*" is any), else ErrPrecondition.
	IfMatch []string
}

// DeleteOptions are options of [Object.Delete] and [Record.Delete].
type DeleteOptions struct {
	// Purge erases at once and for good, a soft-deleted one too. It needs
	// admin besides delete.
	Purge bool
	// IfMatch asks that it has one of these entity tags, else ErrPrecondition.
	IfMatch []string
}

// Stat returns the object. It needs read. ErrNotFound when there is none that
// the caller sees. One round trip.
func (o *Object) Stat(ctx context.Context) (ObjectInfo, error) {
	e, err := o.w.find(ctx, "object.stat", Read, o.subject(), StateLive)
	if err != nil {
		return ObjectInfo{}, err
	}
	return objectInfo(e), nil
}

// Open returns a reader of the object's bytes as they are now: a replacement
// or deletion meanwhile does not mix into it. It needs read. ErrNotFound when
// there is none that the caller sees. The bytes are asked for at the first
// read; ctx bounds all reads. The caller closes the reader.
func (o *Object) Open(ctx context.Context) (*Reader, error) {
	e, err := o.w.find(ctx, "object.open", Read, o.subject(), StateLive)
	if err != nil {
		return nil, err
	}
	return newReader(ctx, o.w.s.blobs, objectInfo(e)), nil
}

// Update renames, moves or re-labels the object without touching its bytes.
// It needs write, in the target bucket too, whose rules must admit the
// object. ErrNotFound when there is none, ErrExists when the place is taken,
// ErrPrecondition when IfMatch does not hold. Its version grows by one, also
// when nothing is asked for.
func (o *Object) Update(ctx context.Context, u ObjectUpdate) (ObjectInfo, error) {
	const op = "object.update"
	if err := o.checkUpdate(op, u); err != nil {
		return ObjectInfo{}, err
	}
	e, err := o.w.change(ctx, op, Write, o.subject(), func(e *Entry) error {
		if !objectInfo(*e).matches(u.IfMatch) {
			return fail(op, KindObject, o.label(), CodePrecondition, "the object has changed: it is at "+versionTag(e.Content.Edition))
		}
		return o.apply(ctx, op, e, u)
	}, StateLive)
	if err != nil {
		return ObjectInfo{}, err
	}
	return objectInfo(e), nil
}

// checkUpdate refuses before any look-up what can be refused without.
func (o *Object) checkUpdate(op string, u ObjectUpdate) error {
	if err := o.w.admit(op, Write, o.subject()); err != nil {
		return err
	}
	if u.Path != nil {
		if err := validPath(*u.Path); err != nil {
			return invalid(op, KindObject, *u.Path, CodeInvalidPath, err)
		}
	}
	if u.ContentType != nil {
		if _, ok := canonicalType(*u.ContentType); !ok {
			return fail(op, KindObject, o.label(), CodeInvalidRequest, "content_type is one type/subtype, not "+quote(*u.ContentType))
		}
	}
	if u.Bucket != nil {
		if err := (&Bucket{w: o.w, name: *u.Bucket}).admit(op, Write); err != nil {
			return err
		}
	}
	return invalid(op, KindObject, o.label(), CodeInvalidRequest, validMetadata(u.Metadata))
}

func (o *Object) apply(ctx context.Context, op string, e *Entry, u ObjectUpdate) error {
	c := *e.Content
	if u.Path != nil {
		e.Name = *u.Path
	}
	if u.Metadata != nil {
		e.Value = encodeMetadata(u.Metadata)
	}
	if u.ContentType != nil {
		c.Type = sniffType(*u.ContentType, nil, e.Name)
	}
	moved := u.Bucket != nil && *u.Bucket != e.Container
	if moved {
		e.Container = *u.Bucket
	}
	if moved || u.ContentType != nil {
		bucket, err := o.w.s.bucket(ctx, e.Tenant, e.Container)
		if err != nil {
			return wrap(op, KindBucket, e.Container, err)
		}
		if err := o.w.s.admits(op, bucket, e.Name, c.Size, c.Type); err != nil {
			return err
		}
	}
	c.Edition++
	e.Content, e.UpdatedAt, e.UpdatedBy = &c, o.w.s.now(), o.w.p.User
	return nil
}

// Delete soft-deletes the object, or erases it with Purge, and returns it as
// it was left. It needs delete, and admin for Purge. ErrNotFound when there is
// none that the caller sees; a soft-deleted one can only be purged.
func (o *Object) Delete(ctx context.Context, opts *DeleteOptions) (ObjectInfo, error) {
	const op = "object.delete"
	var d DeleteOptions
	if opts != nil {
		d = *opts
	}
	if d.Purge {
		return o.purge(ctx, d)
	}
	e, err := o.w.change(ctx, op, Delete, o.subject(), func(e *Entry) error {
		if !objectInfo(*e).matches(d.IfMatch) {
			return fail(op, KindObject, o.label(), CodePrecondition, "the object has changed: it is at "+versionTag(e.Content.Edition))
		}
		*e = o.w.tombstone(*e)
		return nil
	}, StateLive)
	if err != nil {
		return ObjectInfo{}, err
	}
	return objectInfo(e), nil
}

func (o *Object) purge(ctx context.Context, d DeleteOptions) (ObjectInfo, error) {
	const op = "object.purge"
	var info ObjectInfo
	if err := o.w.admit(op, Admin, o.subject()); err != nil {
		return info, err
	}
	states := []State{StateLive}
	if o.id != "" {
		states = append(states, StateDeleted)
	}
	e, err := o.w.change(ctx, op, Delete, o.subject(), func(e *Entry) error {
		if _, ok := o.w.grants.decide(Admin, BucketResource(e.Container)); !ok {
			return notFound(op, KindObject, o.label())
		}
		if info = objectInfo(*e); !info.matches(d.IfMatch) {
			return fail(op, KindObject, o.label(), CodePrecondition, "the object has changed: it is at "+info.VersionTag())
		}
		now := o.w.s.now()
		if e.State == StateLive {
			e.DeletedAt, e.DeletedBy = now, o.w.p.User
		}
		e.State, e.DueAt = StatePurging, now
		return nil
	}, states...)
	if err != nil {
		return ObjectInfo{}, err
	}
	info.Deleted, info.DeletedAt, info.DeletedBy = true, e.DeletedAt, e.DeletedBy
	if o.w.s.inTx {
		return info, nil // the transaction may still roll back: Sweep deletes the bytes
	}
	_, err = o.w.s.purge(ctx, o.w.s.catalog, e)
	return info, wrap(op, KindObject, o.label(), err)
}

// Restore brings a soft-deleted object back: the one with the handle's id, or
// what was deleted last at its path. It needs write. ErrNotFound when there is
// none, ErrExists when the path was taken meanwhile.
func (o *Object) Restore(ctx context.Context) (ObjectInfo, error) {
	const op = "object.restore"
	e, err := o.w.change(ctx, op, Write, o.subject(), func(e *Entry) error {
		bucket, err := o.w.s.bucket(ctx, e.Tenant, e.Container)
		if err != nil {
			return wrap(op, KindBucket, e.Container, err)
		}
		if err := o.w.s.admits(op, bucket, e.Name, e.Content.Size, e.Content.Type); err != nil {
			return err
		}
		*e = o.w.revived(*e)
		return nil
	}, StateDeleted)
	if err != nil {
		return ObjectInfo{}, err
	}
	return objectInfo(e), nil
}

// DeleteResult is what became of one id of a bulk deletion.
type DeleteResult struct {
	ID  string
	Err error // nil: soft-deleted
}

// DeleteObjects soft-deletes up to 1000 objects of the bucket by id and says
// for each what became of it, in their order. It needs delete. ErrNotFound
// when there is no such bucket. Two round trips where the backend can put
// batches.
func (b *Bucket) DeleteObjects(ctx context.Context, ids []string) ([]DeleteResult, error) {
	const op = "object.delete"
	if err := b.admit(op, Delete); err != nil {
		return nil, err
	}
	if len(ids) == 0 || len(ids) > 1000 {
		return nil, fail(op, KindBucket, b.name, CodeInvalidRequest, fmt.Sprintf("a bulk deletion takes 1 to 1000 ids, not %d", len(ids)))
	}
	scopes, _ := b.w.visible(op, "")
	page, err := b.w.s.catalog.Query(ctx, Query{Tenant: b.w.p.Tenant, Kind: KindObject, State: StateLive,
		Containers: []string{b.name}, Scopes: scopes, IDs: ids, Limit: len(ids)})
	if err != nil {
		return nil, wrap(op, KindBucket, b.name, err)
	}
	if len(page.Entries) == 0 { // perhaps there is not even a bucket
		if _, err := b.w.s.bucket(ctx, b.w.p.Tenant, b.name); err != nil {
			return nil, wrap(op, KindBucket, b.name, err)
		}
	}
	ops := make([]PutOp, len(page.Entries))
	for i, e := range page.Entries {
		ops[i] = PutOp{b.w.tombstone(e), IfVersion(e.Version)}
	}
	puts, err := putBatch(ctx, b.w.s.catalog, ops)
	if err != nil {
		return nil, wrap(op, KindBucket, b.name, err)
	}
	outcome := make(map[string]error, len(puts))
	for i, p := range puts {
		if p.Err != nil { // somebody was faster: take it one by one
			_, p.Err = b.ObjectID(ops[i].Entry.ID).Delete(ctx, nil)
		}
		outcome[ops[i].Entry.ID] = p.Err
	}
	results := make([]DeleteResult, len(ids))
	for i, id := range ids {
		err, found := outcome[id]
		if !found {
			err = notFound(op, KindObject, id)
		}
		results[i] = DeleteResult{id, err}
		outcome[id] = notFound(op, KindObject, id) // named twice: gone by then
	}
	return results, nil
}

func (o *Object) subject() subject {
	return subject{KindObject, o.bucket, o.tier, o.path, o.id}
}

func (o *Object) label() string { return o.subject().label() }

// tombstone returns e soft-deleted by the caller.
func (w *Workspace) tombstone(e Entry) Entry {
	e.State, e.DeletedAt, e.DeletedBy = StateDeleted, w.s.now(), w.p.User
	e.DueAt = w.s.dueAt(e)
	return e
}

// revived returns e live again.
func (w *Workspace) revived(e Entry) Entry {
	e.State, e.DeletedAt, e.DeletedBy = StateLive, time.Time{}, ""
	e.UpdatedAt, e.UpdatedBy = w.s.now(), w.p.User
	e.DueAt = w.s.dueAt(e)
	return e
}
