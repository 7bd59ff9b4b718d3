package holdall

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// maxLinkLifetime is the longest that a link to the blob store works: what S3
// allows.
const maxLinkLifetime = 7 * 24 * time.Hour

// DownloadLink is what [Object.PresignGet] returns.
type DownloadLink struct {
	URL       string
	ExpiresAt time.Time
}

// UploadLink is what [Object.PresignPut] returns.
type UploadLink struct {
	PresignedRequest
	ID        string // of the object to be: what [Object.CompletePut] is called on
	ExpiresAt time.Time
}

// linkEnd is when a link that was made at a time stops working: its signature
// has whole seconds.
func linkEnd(made time.Time, lifetime time.Duration) time.Time {
	return made.Truncate(time.Second).Add(lifetime)
}

// Presigns reports whether the blob store is a [Presigner].
func (s *Store) Presigns() bool {
	_, ok := As[Presigner](s.blobs)
	return ok
}

// PresignGet returns a link by which anybody downloads the bytes that the
// object has now, straight from the blob store, for so many whole seconds. Its
// answer has the object's media type and, unless disposition is nil, the
// Content-Disposition that it returns for the object. It needs read.
// ErrNotFound when there is none that the caller sees; errors.ErrUnsupported
// unless the blob store is a [Presigner].
func (o *Object) PresignGet(ctx context.Context, lifetime time.Duration, disposition func(ObjectInfo) string) (DownloadLink, error) {
	const op = "object.presign_get"
	e, err := o.w.find(ctx, op, Read, o.subject(), StateLive)
	if err != nil {
		return DownloadLink{}, err
	}
	p, err := o.linker(op, lifetime)
	if err != nil {
		return DownloadLink{}, err
	}
	d := PresignedDownload{Lifetime: lifetime, Type: e.Content.Type}
	if disposition != nil {
		d.Disposition = disposition(objectInfo(e))
	}
	expires := linkEnd(o.w.s.now(), lifetime)
	url, err := p.PresignGet(ctx, e.Content.Key, d)
	return DownloadLink{URL: url, ExpiresAt: expires}, wrap(op, KindObject, o.label(), err)
}

// PresignPut returns a request by which anybody uploads one object to the
// path, straight to the blob store, for so many whole seconds. Nothing is
// visible before [Object.CompletePut].
//
// With Size and Checksum in the options it is a PUT that the store takes once,
// and only with these bytes. Without them it is an HTML form of up to MaxSize
// bytes, which can be sent again until it expires; CompletePut then copies
// through this process once what was sent last. Either both are given or none
// (the Checksum of no bytes says the Size). The request has to name the
// ContentType; where that says nothing it is application/octet-stream, and
// CompletePut looks at the bytes as Put does.
//
// It needs write, and answers as Put does; it does not replace.
// errors.ErrUnsupported unless the blob store is a [Presigner].
//
// What is never completed is swept a grace period after the link's end. An
// upload that begins in time and lasts longer than that, or the same PUT once
// more after the object has been purged, leaves bytes that only [Store.Verify] finds.
func (o *Object) PresignPut(ctx context.Context, lifetime time.Duration, opts *PutOptions) (UploadLink, error) {
	up := &upload{op: "object.presign_put", w: o.w}
	if opts != nil {
		up.opts = *opts
	}
	if up.replaces() || up.opts.Late != nil {
		return UploadLink{}, fail(up.op, KindObject, o.path, CodeInvalidRequest, "an upload by a link to the blob store neither replaces nor is named late")
	}
	if err := up.prepare(ctx, o); err != nil {
		return UploadLink{}, err
	}
	p, err := o.linker(up.op, lifetime)
	if err != nil {
		return UploadLink{}, err
	}
	u, err := up.expect(lifetime)
	if err != nil {
		return UploadLink{}, err
	}
	up.entry.State, up.entry.TTL = StatePending, lifetime
	up.entry.DueAt = up.w.s.dueAt(up.entry)
	req, err := p.PresignPut(ctx, up.entry.Content.Key, u)
	if err == nil {
		_, err = up.w.s.catalog.Put(ctx, up.entry, IfAbsent)
	}
	if err != nil {
		return UploadLink{}, wrap(up.op, KindObject, o.path, err)
	}
	return UploadLink{PresignedRequest: req, ID: up.entry.ID, ExpiresAt: linkEnd(up.entry.UpdatedAt, lifetime)}, nil
}

// checksumOfNothing is the SHA-256 of no bytes: the one checksum that says how
// many there are.
const checksumOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// expect checks what will be uploaded against the bucket's rules, and notes
// it in the entry to be: a form has no Checksum there.
func (up *upload) expect(lifetime time.Duration) (PresignedUpload, error) {
	c := up.entry.Content
	size := max(up.opts.Size, 0)
	if known := size > 0 || up.opts.Checksum == checksumOfNothing; known != (up.opts.Checksum != "") {
		return PresignedUpload{}, fail(up.op, KindObject, up.entry.Name, CodeInvalidRequest,
			"size and checksum belong together: with both it is a PUT of these bytes, with neither a form")
	}
	limit := up.w.s.sizeLimit(bucketInfo(up.bucket).BucketRules)
	if up.opts.MaxSize > 0 {
		limit = min(limit, up.opts.MaxSize)
	}
	if size > limit {
		return PresignedUpload{}, fail(up.op, KindObject, up.entry.Name, CodeTooLarge, fmt.Sprintf("an object here has at most %d bytes", limit))
	}
	declared := declaredType(up.opts.ContentType)
	if declared != "" { // else the first bytes have a say in it
		if err := up.w.s.admits(up.op, up.bucket, up.entry.Name, size, declared); err != nil {
			return PresignedUpload{}, err
		}
	}
	c.Type, c.Size, c.Checksum = cmp.Or(declared, octetStream), size, up.opts.Checksum
	if c.Checksum == "" {
		c.Size = limit
	}
	return PresignedUpload{Lifetime: lifetime, Type: c.Type, Size: c.Size, Checksum: c.Checksum}, nil
}

// linker is what makes links that work for so long.
func (o *Object) linker(op string, lifetime time.Duration) (Presigner, error) {
	if lifetime < time.Second || lifetime > maxLinkLifetime || lifetime%time.Second != 0 {
		return nil, fail(op, KindObject, o.label(), CodeInvalidRequest, "a link works for 1 to 604800 whole seconds")
	}
	return o.presigner(op)
}

func (o *Object) presigner(op string) (Presigner, error) {
	p, ok := As[Presigner](o.w.s.blobs)
	switch {
	case !ok:
		return nil, fail(op, KindObject, o.label(), CodeUnsupported, "this blob store makes no links of its own; leave direct out")
	case o.w.s.inTx:
		return nil, fail(op, KindObject, o.label(), CodeUnsupported, "there are no links to the blob store in a transaction")
	}
	return p, nil
}

// CompletePut makes the object visible that was uploaded by a link of
// [Object.PresignPut]; the handle is the one by its id. The caller is the one
// who got the link, and needs write. It can be called until the upload is
// swept, also after the link has expired. Called again, by several at once
// too, it returns the object.
//
// Size and checksum are verified: ErrInvalid when nothing has arrived yet or
// it is not what was announced, ErrExists when the path was taken meanwhile,
// ErrNoBucket, ErrTooLarge and ErrTypeNotAllowed as the bucket is now.
// ErrNotFound when there is no such upload of this caller,
// errors.ErrUnsupported unless the blob store is a [Presigner]. What has failed
// can be tried again.
func (o *Object) CompletePut(ctx context.Context) (ObjectInfo, error) {
	up := &upload{op: "object.complete_put", w: o.w}
	e, err := o.w.find(ctx, up.op, Write, o.subject(), StatePending, StateLive)
	if err != nil {
		return ObjectInfo{}, err
	}
	byLink := e.State == StateLive || e.TTL > 0 // not an upload of the usual kind under way
	if o.id == "" || !byLink || e.CreatedBy != o.w.p.User {
		return ObjectInfo{}, notFound(up.op, KindObject, o.label())
	}
	p, err := o.presigner(up.op)
	if err != nil {
		return ObjectInfo{}, err
	}
	if e.State == StatePending {
		content := *e.Content
		up.entry, up.entry.Content = e, &content
		if e, err = up.complete(ctx, p); err != nil {
			// Another call may have been faster, or the answer to this one was lost.
			now, notLive := o.w.find(ctx, up.op, Write, o.subject(), StateLive)
			if notLive != nil {
				return ObjectInfo{}, err
			}
			e = now
		}
	}
	return objectInfo(e), nil
}

// complete verifies what the link has stored and makes it live.
func (up *upload) complete(ctx context.Context, p Presigner) (Entry, error) {
	var err error
	if up.bucket, err = up.w.s.bucket(ctx, up.entry.Tenant, up.entry.Container); err != nil {
		return Entry{}, wrap(up.op, KindBucket, up.entry.Container, err)
	}
	c := up.entry.Content
	size, sum, err := p.StatBlob(ctx, c.Key)
	if err == nil && sum == "" && c.Checksum != "" {
		size, sum, err = up.reread(ctx, c.Key)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return Entry{}, fail(up.op, KindObject, up.entry.ID, CodeInvalidRequest, "nothing has been uploaded by the link yet")
	case err != nil:
		return Entry{}, wrap(up.op, KindObject, up.entry.ID, err)
	case c.Checksum == "" && size > c.Size:
		return Entry{}, fail(up.op, KindObject, up.entry.ID, CodeTooLarge, fmt.Sprintf("%d bytes arrived, more than %d", size, c.Size))
	case c.Checksum != "" && size != c.Size:
		return Entry{}, fail(up.op, KindObject, up.entry.ID, CodeInvalidRequest, fmt.Sprintf("%d bytes arrived, not %d", size, c.Size))
	case c.Checksum != "" && sum != c.Checksum:
		return Entry{}, fail(up.op, KindObject, up.entry.ID, CodeChecksumMismatch, "the bytes that arrived have the SHA-256 "+sum)
	}
	if err := up.sniff(ctx); err != nil {
		return Entry{}, err
	}
	if err := up.w.s.admits(up.op, up.bucket, up.entry.Name, size, c.Type); err != nil {
		return Entry{}, err
	}
	if c.Checksum == "" {
		return up.land(ctx, size)
	}
	return up.reveal(ctx)
}

// sniff finds out a media type that nobody declared.
func (up *upload) sniff(ctx context.Context) error {
	c := up.entry.Content
	if c.Type != octetStream {
		return nil
	}
	r, err := up.w.s.blobs.OpenBlob(ctx, c.Key, 0, sniffLen)
	if err != nil {
		return wrap(up.op, KindObject, up.entry.ID, err)
	}
	defer r.Close()
	head, err := io.ReadAll(r)
	c.Type = sniffType("", head, up.entry.Name)
	return wrap(up.op, KindObject, up.entry.ID, err)
}

// land copies what a form has stored to a key that no link leads to, and
// makes that live. The entry holds the key from before the first byte is there,
// and each call has one of its own: what fails, or comes second, is in
// nobody's way.
func (up *upload) land(ctx context.Context, size int64) (Entry, error) {
	form := Garbage{Key: up.entry.Content.Key, Since: up.entry.UpdatedAt.Add(up.entry.TTL), Pending: true}
	r, err := up.w.s.blobs.OpenBlob(ctx, form.Key, 0, -1)
	if err != nil {
		return Entry{}, wrap(up.op, KindObject, up.entry.ID, err)
	}
	defer r.Close()
	up.body = newBody(r, size, size)
	key := up.w.s.newBlobKey(up.entry.ID)
	up.entry.Content.Key = key
	if _, err := up.edit(ctx, func(e Entry) (Entry, error) {
		since := slices.MaxFunc([]time.Time{form.Since, up.w.s.now()}, time.Time.Compare)
		e.Content.Garbage = append(e.Content.Garbage, Garbage{Key: key, Since: since, Pending: true})
		e.DueAt = up.w.s.dueAt(e)
		return e, up.stillPending(e)
	}); err != nil {
		return Entry{}, err
	}
	var out Entry
	if err = up.store(ctx); err == nil {
		out, err = up.reveal(ctx, form)
	}
	switch {
	case err == nil:
		_ = up.w.s.blobs.DeleteBlob(ctx, form.Key) // the form may bring it back: the key stays in the entry until Sweep
		return out, nil
	case up.definite(err):
		up.discard(ctx)
	}
	if up.body.failure() != nil {
		// It was the blob store that broke off, or the form was sent again.
		err = &Error{Op: up.op, Kind: KindObject, Name: up.entry.Name, Code: CodeUnavailable, Err: err}
	}
	return Entry{}, err
}

func (up *upload) stillPending(e Entry) error {
	switch {
	case e.State != StatePending:
		return up.overdue()
	case len(e.Content.Garbage) > maxReplaced:
		return fail(up.op, KindObject, e.Name, CodeVersionConflict, "this upload has been completed in vain too often; ask for a new link")
	}
	return nil
}

// reveal makes the pending entry live. Of its garbage, the key that it has
// now goes, and left is added.
func (up *upload) reveal(ctx context.Context, left ...Garbage) (Entry, error) {
	return up.edit(ctx, func(e Entry) (Entry, error) {
		if err := up.stillPending(e); err != nil {
			return e, err
		}
		e = up.live(e)
		e.TTL, e.CreatedAt = 0, e.UpdatedAt
		c := e.Content
		c.Garbage = append(slices.DeleteFunc(c.Garbage, func(g Garbage) bool { return g.Key == c.Key }), left...)
		e.DueAt = up.w.s.dueAt(e)
		return e, nil
	})
}

// reread reads a blob for its size and checksum.
func (up *upload) reread(ctx context.Context, key string) (int64, string, error) {
	r, err := up.w.s.blobs.OpenBlob(ctx, key, 0, -1)
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	b := newBody(r, -1, math.MaxInt64)
	if _, err := io.Copy(io.Discard, b); err != nil {
		return 0, "", err
	}
	return b.finish()
}
