package holdall

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// PutOptions are options of [Object.Put].
type PutOptions struct {
	// Size is the number of bytes to expect; 0 or less is not known. Another
	// number fails the upload.
	Size int64
	// MaxSize bounds this upload below the bucket's limit, in bytes; 0 does not.
	MaxSize int64
	// ContentType is the media type. Where it is "", not one type/subtype or
	// application/octet-stream, the first bytes and the path's extension decide.
	ContentType string
	// Metadata are the user's own labels; nil keeps those of what is replaced.
	Metadata map[string]string
	// Checksum is the SHA-256 to expect, in hex; "" asks for nothing.
	Checksum string
	// Source says which program the object comes from; "" is "edm".
	Source string
	// SourceType is frontend, backend, server, system or api; "" is "api".
	SourceType string
	// Replace lets the upload replace the bytes of what is at the path; it
	// keeps the id. Without it an occupied path is ErrExists.
	Replace bool
	// IfMatch replaces what is at the path when it has one of these entity
	// tags (checksum or version tag, without quotes; "*" is any), else
	// ErrPrecondition. It implies Replace.
	IfMatch []string
	// Late, when it is not nil, names the object after the body, for forms
	// whose fields may follow the file. The handle and the options that are
	// given before say what is known already and is checked before the body is
	// read; "" as bucket, tier or path is not known. Replace and IfMatch must
	// be known. A body over 64 KiB that replaces an object is copied once.
	Late LateNaming
}

// upload is one Put on its way.
type upload struct {
	op     string
	w      *Workspace
	opts   PutOptions
	body   *body
	bucket Entry
	entry  Entry // what will be live
	old    bool  // entry replaces the bytes of a live object
	// copyFrom is the key of a blob to copy, when the bytes need not pass here.
	copyFrom string
}

// Put stores the bytes of r up to io.EOF as the object at the handle's path:
// they become visible all at once when Put returns without an error, and not
// at all otherwise. An error of r other than io.EOF fails the upload. It needs
// write, and delete too when it may replace.
//
// ErrExists when the path is taken, ErrPrecondition when IfMatch does not
// hold, ErrTooLarge and ErrTypeNotAllowed by the bucket's rules, ErrInvalid
// for bad names or options and for a wrong checksum, ErrNotFound when there is
// no such bucket. What can be refused without reading r is.
//
// Memory does not grow with the size. It costs a look-up of the bucket and of
// the path, then one commit where catalog and blobs are one backend and the
// body fits it; else a pending entry, the bytes and the live entry.
func (o *Object) Put(ctx context.Context, r io.Reader, opts *PutOptions) (ObjectInfo, error) {
	up := &upload{op: "object.put", w: o.w}
	if opts != nil {
		up.opts = *opts
	}
	if up.opts.Late != nil {
		return up.putLate(ctx, o, r)
	}
	if err := up.prepare(ctx, o); err != nil {
		return ObjectInfo{}, err
	}
	up.begin(r)
	head, err := up.body.peek(sniffLen)
	if err != nil {
		return ObjectInfo{}, up.bodyFailed(err)
	}
	c := up.entry.Content
	c.Type = sniffType(up.opts.ContentType, head, o.path)
	if err := o.w.s.admits(up.op, up.bucket, o.path, max(up.opts.Size, 0), c.Type); err != nil {
		return ObjectInfo{}, err
	}
	return up.commit(ctx)
}

const sniffLen = 512 // what http.DetectContentType looks at

// begin takes the body on, under the limits that are known.
func (up *upload) begin(r io.Reader) {
	if up.opts.Size <= 0 {
		up.opts.Size = -1
	}
	limit := up.w.s.sizeLimit(bucketInfo(up.bucket).BucketRules)
	if up.opts.MaxSize > 0 {
		limit = min(limit, up.opts.MaxSize)
	}
	up.body = newBody(r, up.opts.Size, limit)
}

func (up *upload) replaces() bool { return up.opts.Replace || up.opts.IfMatch != nil }

// prepare checks all that can be checked without the body.
func (up *upload) prepare(ctx context.Context, o *Object) error {
	if o.id != "" {
		return fail(up.op, KindObject, o.id, CodeInvalidRequest, "an upload goes to a path, not to an id")
	}
	if err := o.w.admit(up.op, Write, o.subject()); err != nil {
		return err
	}
	if up.replaces() {
		if err := o.w.authorize(up.op, Delete, BucketResource(o.bucket)); err != nil {
			return err
		}
	}
	if err := up.checkOptions(o.path); err != nil {
		return err
	}
	scope, err := o.w.scope(up.op, o.tier)
	if err != nil {
		return err
	}
	if up.bucket, err = o.w.s.bucket(ctx, o.w.p.Tenant, o.bucket); err != nil {
		return wrap(up.op, KindBucket, o.bucket, err)
	}
	if err := o.w.s.admits(up.op, up.bucket, o.path, up.opts.Size, ""); err != nil && errors.Is(err, ErrTooLarge) {
		return err
	}
	old, err := o.w.s.catalog.Get(ctx, o.w.place(o.subject(), scope))
	switch {
	case errors.Is(err, ErrNotFound):
		if up.opts.IfMatch != nil {
			return fail(up.op, KindObject, o.path, CodePrecondition, "there is no object at the path to replace")
		}
		up.entry = o.w.newObject(o.subject(), scope)
	case err != nil:
		return wrap(up.op, KindObject, o.path, err)
	case !up.replaces():
		return up.taken(o.path)
	default:
		up.entry, up.old = old, true
		if err := up.stillMatches(old); err != nil {
			return err
		}
	}
	up.label(o.w.s.newBlobKey(up.entry.ID))
	return nil
}

func (up *upload) taken(path string) error {
	return fail(up.op, KindObject, path, CodeObjectExists, "an object is at this path; replace it, or choose another")
}

func (up *upload) stillMatches(e Entry) error {
	if e.State != StateLive || !objectInfo(e).matches(up.opts.IfMatch) {
		return fail(up.op, KindObject, e.Name, CodePrecondition, "the object has changed since")
	}
	return nil
}

var sourceTypes = []string{"frontend", "backend", "server", "system", "api"}

func (up *upload) checkOptions(path string) error {
	o := &up.opts
	if o.SourceType != "" && !slices.Contains(sourceTypes, o.SourceType) {
		return fail(up.op, KindObject, path, CodeInvalidRequest, "source_type is one of "+strings.Join(sourceTypes, ", "))
	}
	if err := validIdentity(o.Source); o.Source != "" && err != nil {
		return invalid(up.op, KindObject, path, CodeInvalidRequest, fmt.Errorf("source: %w", err))
	}
	if o.Checksum != "" {
		sum, ok := validChecksum(o.Checksum)
		if !ok {
			return fail(up.op, KindObject, path, CodeInvalidRequest, "checksum is a SHA-256 in 64 hex digits")
		}
		o.Checksum = sum
	}
	return invalid(up.op, KindObject, path, CodeInvalidRequest, validMetadata(o.Metadata))
}

// newObject returns the entry of an object that is not there yet.
func (w *Workspace) newObject(t subject, s Scope) Entry {
	now := w.s.now()
	return Entry{
		ID: w.s.newID(objectIDPrefix), Kind: KindObject, Tenant: w.p.Tenant, Container: t.container,
		Tier: s.Tier, Owner: s.Owner, Name: t.name,
		CreatedAt: now, UpdatedAt: now, CreatedBy: w.p.User, UpdatedBy: w.p.User, Content: &Content{},
	}
}

// label puts what the options say into the entry to be. What they leave out
// stays as it is in an object whose bytes are replaced.
func (up *upload) label(key string) {
	was := *up.entry.Content
	up.entry.Content = &Content{
		Key:        key,
		Source:     cmp.Or(up.opts.Source, was.Source, "edm"),
		SourceType: cmp.Or(up.opts.SourceType, was.SourceType, "api"),
	}
	if !up.old || up.opts.Metadata != nil {
		up.entry.Value = encodeMetadata(up.opts.Metadata)
	}
}

// commit stores bytes and entry by the shortest way that the backends have.
func (up *upload) commit(ctx context.Context) (ObjectInfo, error) {
	s := up.w.s
	if fits, err := up.fitsAtomic(); err != nil {
		return ObjectInfo{}, up.bodyFailed(err)
	} else if fits {
		e, err := s.atomic.PutWithBlob(ctx, up.entry.Content.Key, up.body, up.body.want, func() (Entry, Condition, error) {
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
	s := up.w.s
	pending := up.entry
	pending.State = StatePending
	pending.DueAt = s.dueAt(pending)
	pending, err := s.catalog.Put(ctx, pending, IfAbsent)
	if err != nil {
		return ObjectInfo{}, wrap(up.op, KindObject, up.entry.Name, err)
	}
	if err := up.store(ctx); err != nil {
		if up.definite(err) {
			up.abandon(ctx, pending)
		}
		return ObjectInfo{}, err
	}
	e := up.live(up.entry)
	e.CreatedAt = e.UpdatedAt
	out, err := s.catalog.Put(ctx, e, IfVersion(pending.Version))
	if err != nil {
		up.abandon(ctx, pending) // if it has become live after all, this does nothing
	}
	return up.done(ctx, out, err)
}

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
				return e, fail(up.op, KindObject, e.Name, CodeUnavailable, "the upload took longer than the grace period")
			}
			return up.swapped(e), nil
		}); err == nil {
			up.thinOut(ctx, out)
			return objectInfo(out), nil
		}
	}
	if up.definite(err) {
		ctx, cancel := detached(ctx)
		defer cancel()
		_ = up.w.s.blobs.DeleteBlob(ctx, key) // the key stays in the entry until Sweep
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

// store streams or copies the bytes into the blob store and measures them.
func (up *upload) store(ctx context.Context) error {
	s, key := up.w.s, up.entry.Content.Key
	if up.copyFrom != "" {
		copier, _ := As[BlobCopier](s.blobs)
		return wrap(up.op, KindObject, up.entry.Name, copier.CopyBlob(ctx, key, up.copyFrom))
	}
	n, err := s.blobs.PutBlob(ctx, key, up.body, up.body.want)
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
	if err == nil {
		_, _ = up.w.s.purge(ctx, up.w.s.catalog, doomed) // what fails is left to Sweep
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

// bodyFailed gives the failure of a body its code.
func (up *upload) bodyFailed(err error) error {
	name := up.entry.Name
	switch {
	case CodeOf(err) != CodeInternal, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, ErrTooLarge):
		return fail(up.op, KindObject, name, CodeTooLarge, fmt.Sprintf("an object here has at most %d bytes", up.body.limit))
	}
	return &Error{Op: up.op, Kind: KindObject, Name: name, Code: CodeInvalidRequest, Detail: "the body broke off or had another size than announced", Err: err}
}

// Copy makes a new object at dst's path with the same bytes, media type and
// metadata. It needs read here and write there, where the bucket's rules must
// admit it. ErrNotFound when there is nothing to copy, ErrExists when the
// place is taken. The bytes stay inside the blob store where it can copy.
func (o *Object) Copy(ctx context.Context, dst *Object) (ObjectInfo, error) {
	up := &upload{op: "object.copy", w: o.w}
	src, err := o.w.find(ctx, up.op, Read, o.subject(), StateLive)
	if err != nil {
		return ObjectInfo{}, err
	}
	from := objectInfo(src)
	up.opts = PutOptions{Size: from.Size, ContentType: from.ContentType, Metadata: from.Metadata, Checksum: from.Checksum,
		Source: from.Source, SourceType: from.SourceType}
	if err := up.prepare(ctx, &Object{w: o.w, bucket: dst.bucket, tier: dst.tier, path: dst.path, id: dst.id}); err != nil {
		return ObjectInfo{}, err
	}
	c := up.entry.Content
	c.Type, c.Size, c.Checksum = from.ContentType, from.Size, from.Checksum
	if err := o.w.s.admits(up.op, up.bucket, dst.path, from.Size, from.ContentType); err != nil {
		return ObjectInfo{}, err
	}
	return up.commitCopy(ctx, from)
}

// smallCopy is the size in bytes up to which one commit that carries the bytes
// beats the three steps of a copy inside the blob store.
const smallCopy = 64 << 10

// buffer reads the body ahead up to limit bytes and reports whether it ended
// there; what was read is handed out later.
func (b *body) buffer(limit int64) (bool, error) {
	var ahead bytes.Buffer
	ahead.Write(b.head)
	b.head = nil
	_, err := io.CopyN(&ahead, b, limit+1-int64(ahead.Len()))
	b.head = ahead.Bytes()
	if b.failure() != nil {
		return false, b.failure()
	}
	if err == nil { // limit+1 bytes came
		return false, nil
	}
	b.want = b.n
	return true, nil
}
