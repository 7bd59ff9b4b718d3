package holdall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
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

// PresignGet returns a link by which anybody downloads the bytes that the
// object has now, straight from the blob store, for so many whole seconds. Its
// answer has the object's media type and the given Content-Disposition. It
// needs read. ErrNotFound when there is none that the caller sees;
// errors.ErrUnsupported unless the blob store is a [Presigner].
func (o *Object) PresignGet(ctx context.Context, lifetime time.Duration, disposition string) (DownloadLink, error) {
	const op = "object.presign_get"
	e, err := o.w.find(ctx, op, Read, o.subject(), StateLive)
	if err != nil {
		return DownloadLink{}, err
	}
	p, err := o.presigner(op, lifetime)
	if err != nil {
		return DownloadLink{}, err
	}
	expires := o.w.s.now().Add(lifetime)
	url, err := p.PresignGet(ctx, e.Content.Key, PresignedDownload{Lifetime: lifetime, Type: e.Content.Type, Disposition: disposition})
	return DownloadLink{URL: url, ExpiresAt: expires}, wrap(op, KindObject, o.label(), err)
}

// PresignPut returns a request by which anybody uploads one object to the
// path, straight to the blob store, for so many whole seconds. Nothing is
// visible before [Object.CompletePut]. With Size and Checksum in the options
// it is a PUT that the store takes once, and only with these bytes; without
// them it is an HTML form of up to MaxSize bytes, whose bytes CompletePut
// copies through this process once. The ContentType is asked of the request;
// "" is application/octet-stream. It needs write, and answers as Put does;
// it does not replace. errors.ErrUnsupported unless the blob store is a
// [Presigner].
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
	p, err := o.presigner(up.op, lifetime)
	if err != nil {
		return UploadLink{}, err
	}
	u, err := up.expect(lifetime)
	if err != nil {
		return UploadLink{}, err
	}
	key := up.entry.Content.Key
	if u.Checksum == "" {
		// A form can be sent again, over what it stored: its bytes are copied
		// from a key of their own, which nothing makes live.
		key = up.w.s.newBlobKey(up.entry.ID)
		up.entry.Content.Garbage = []Garbage{{Key: key, Since: up.w.s.now().Add(lifetime), Pending: true}}
	}
	up.entry.State, up.entry.TTL = StatePending, lifetime
	up.entry.DueAt = up.w.s.dueAt(up.entry)
	req, err := p.PresignPut(ctx, key, u)
	if err == nil {
		_, err = up.w.s.catalog.Put(ctx, up.entry, IfAbsent)
	}
	if err != nil {
		return UploadLink{}, wrap(up.op, KindObject, o.path, err)
	}
	return UploadLink{PresignedRequest: req, ID: up.entry.ID, ExpiresAt: up.entry.UpdatedAt.Add(lifetime)}, nil
}

// expect checks what will be uploaded against the bucket's rules, and notes
// it in the entry to be.
func (up *upload) expect(lifetime time.Duration) (PresignedUpload, error) {
	c := up.entry.Content
	c.Type = sniffType(up.opts.ContentType, nil, up.entry.Name)
	limit := up.w.s.sizeLimit(bucketInfo(up.bucket).BucketRules)
	if up.opts.MaxSize > 0 {
		limit = min(limit, up.opts.MaxSize)
	}
	u := PresignedUpload{Lifetime: lifetime, Type: c.Type, Size: limit}
	if up.opts.Size > limit {
		return u, fail(up.op, KindObject, up.entry.Name, CodeTooLarge, fmt.Sprintf("an object here has at most %d bytes", limit))
	}
	if up.opts.Checksum != "" && up.opts.Size > 0 {
		u.Size, u.Checksum = up.opts.Size, up.opts.Checksum
	}
	c.Size, c.Checksum = u.Size, up.opts.Checksum
	return u, up.w.s.admits(up.op, up.bucket, up.entry.Name, max(up.opts.Size, 0), c.Type)
}

func (o *Object) presigner(op string, lifetime time.Duration) (Presigner, error) {
	p, ok := As[Presigner](o.w.s.blobs)
	switch {
	case !ok:
		return nil, fail(op, KindObject, o.label(), CodeUnsupported, "this blob store takes no links of its own")
	case o.w.s.inTx:
		return nil, fail(op, KindObject, o.label(), CodeUnsupported, "there are no links to the blob store in a transaction")
	case lifetime < time.Second || lifetime > maxLinkLifetime || lifetime%time.Second != 0:
		return nil, fail(op, KindObject, o.label(), CodeInvalidRequest, "a link works for 1 to 604800 whole seconds")
	}
	return p, nil
}

// CompletePut makes the object visible that was uploaded by a link of
// [Object.PresignPut]; the handle is the one by its id. The caller is the one
// who got the link. Size and checksum are verified: ErrInvalid when nothing
// has arrived yet or it is not what was announced, ErrExists when the path was
// taken meanwhile, ErrNoBucket, ErrTooLarge and ErrTypeNotAllowed as the
// bucket is now. It needs write. Called again, it returns the object.
func (o *Object) CompletePut(ctx context.Context) (ObjectInfo, error) {
	up := &upload{op: "object.complete_put", w: o.w}
	pending, err := o.w.find(ctx, up.op, Write, o.subject(), StatePending, StateLive)
	if err != nil {
		return ObjectInfo{}, err
	}
	if pending.CreatedBy != o.w.p.User || o.id == "" {
		return ObjectInfo{}, notFound(up.op, KindObject, o.label())
	}
	if pending.State == StateLive {
		return objectInfo(pending), nil
	}
	if pending.TTL == 0 { // an upload of the usual kind, under way
		return ObjectInfo{}, notFound(up.op, KindObject, o.label())
	}
	if up.bucket, err = o.w.s.bucket(ctx, pending.Tenant, pending.Container); err != nil {
		return ObjectInfo{}, wrap(up.op, KindBucket, pending.Container, err)
	}
	content := *pending.Content
	up.entry, up.entry.TTL, up.entry.Content = pending, 0, &content
	if err := up.arrived(ctx); err != nil {
		return ObjectInfo{}, err
	}
	if err := o.w.s.admits(up.op, up.bucket, up.entry.Name, content.Size, content.Type); err != nil {
		return ObjectInfo{}, err
	}
	return up.settleDirect(ctx, pending)
}

// settleDirect is settle, where somebody else may have done it already.
func (up *upload) settleDirect(ctx context.Context, pending Entry) (ObjectInfo, error) {
	out, err := up.flip(ctx, &pending)
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNoBucket) {
		now, getErr := up.w.s.catalog.Get(ctx, Ref{Tenant: pending.Tenant, ID: pending.ID})
		if getErr == nil && now.State == StateLive {
			return objectInfo(now), nil
		}
		return ObjectInfo{}, up.overdue()
	}
	return up.done(ctx, out, err)
}

// arrived verifies what the link has stored, and puts its size and checksum
// into the entry to be.
func (up *upload) arrived(ctx context.Context) error {
	c := up.entry.Content
	want, announced := c.Size, c.Checksum
	form := len(c.Garbage) > 0
	var size int64
	var sum string
	var err error
	if form {
		size, sum, err = up.land(ctx, c.Garbage[0].Key, c.Key, want)
	} else if size, sum, err = up.stat(ctx, c.Key); err == nil && sum == "" {
		size, sum, err = up.reread(ctx, c.Key)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return fail(up.op, KindObject, up.entry.ID, CodeInvalidRequest, "nothing has been uploaded by the link yet")
	case err != nil:
		return wrap(up.op, KindObject, up.entry.ID, err)
	case announced != "" && sum != announced:
		return fail(up.op, KindObject, up.entry.ID, CodeChecksumMismatch, "the bytes that arrived have the SHA-256 "+sum)
	case !form && size != want:
		return fail(up.op, KindObject, up.entry.ID, CodeInvalidRequest, fmt.Sprintf("%d bytes arrived, not %d", size, want))
	}
	c.Size, c.Checksum = size, sum
	return nil
}

// stat asks the blob store what it knows of a blob.
func (up *upload) stat(ctx context.Context, key string) (int64, string, error) {
	p, ok := As[Presigner](up.w.s.blobs)
	if !ok {
		return 0, "", nil
	}
	return p.StatBlob(ctx, key)
}

// land copies the blob that a form has stored to the key that will be live. A
// copy that is there already is whole, and another call's.
func (up *upload) land(ctx context.Context, from, to string, limit int64) (int64, string, error) {
	r, err := up.w.s.blobs.OpenBlob(ctx, from, 0, -1)
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	b := newBody(r, -1, limit)
	_, err = up.w.s.blobs.PutBlob(ctx, to, b, -1)
	if errors.Is(err, ErrExists) {
		return up.reread(ctx, to)
	}
	if err != nil {
		return 0, "", err
	}
	return b.finish()
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
