package holdall

import (
	"context"
	"errors"
)

// Copy makes a new object at dst's path with the same bytes, media type and
// metadata. It needs read here and write there, where the bucket's rules must
// admit it. ErrNotFound when there is nothing to copy, ErrExists when the
// place is taken, ErrInvalid when dst is of another tenant or store. The bytes
// stay inside the blob store where it can copy.
func (o *Object) Copy(ctx context.Context, dst *Object) (ObjectInfo, error) {
	up := &upload{op: "object.copy", w: o.w}
	if dst.w.s != o.w.s || dst.w.p.Tenant != o.w.p.Tenant {
		return ObjectInfo{}, fail(up.op, KindObject, dst.path, CodeInvalidRequest, "a copy stays in its workspace; take the target's handle from the same one")
	}
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

// commitCopy gives the entry the bytes that from has.
func (up *upload) commitCopy(ctx context.Context, from ObjectInfo) (ObjectInfo, error) {
	s := up.w.s
	if _, ok := As[BlobCopier](s.blobs); ok && !s.inTx && (s.atomic == nil || from.Size > smallCopy) {
		up.copyFrom, up.body = from.BlobKey, nil
		return up.commit(ctx)
	}
	r := newReader(ctx, s.blobs, from)
	defer r.Close()
	up.body = newBody(r, from.Size, from.Size)
	out, err := up.commit(ctx)
	if errors.Is(err, ErrInvalid) && up.body.failure() != nil {
		// It was our own blob that broke off, not what the caller sent.
		err = &Error{Op: up.op, Kind: KindObject, Name: up.entry.Name, Code: CodeUnavailable, Err: err}
	}
	return out, err
}

// smallCopy is the size in bytes up to which one commit that carries the bytes
// beats the three steps of a copy inside the blob store.
const smallCopy = 64 << 10
