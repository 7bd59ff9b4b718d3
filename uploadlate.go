package holdall

import (
	"bytes"
	"context"
	"io"
)

// LateNaming is asked once, after the last byte of an upload and before
// anything of it is visible, where the bytes go and how they are labelled.
// Of the options that it returns, Size, MaxSize and Late do not count; nil
// options are zero. An error of it fails the upload.
type LateNaming func() (*Object, *PutOptions, error)

// lateBuffer is how many bytes of an upload that is named late are kept in
// memory. One that ends within goes on as if it had been named before.
const lateBuffer = 64 << 10

// CheckPut returns the error with which Put would refuse an upload with these
// options before it reads the body, so that a right to upload is not handed
// out in vain. It needs what Put needs, and changes nothing.
func (o *Object) CheckPut(ctx context.Context, opts *PutOptions) error {
	up := &upload{op: "object.put", w: o.w}
	if opts != nil {
		up.opts = *opts
	}
	if err := up.prepare(ctx, o); err != nil || up.opts.ContentType == "" {
		return err
	}
	return o.w.s.admits(up.op, up.bucket, o.path, max(up.opts.Size, 0), sniffType(up.opts.ContentType, nil, o.path))
}

// putLate is Put with the place and the labels known after the body. What is
// known of them before is checked before, all of it afterwards.
func (up *upload) putLate(ctx context.Context, o *Object, r io.Reader) (ObjectInfo, error) {
	if err := up.foresee(ctx, o); err != nil {
		return ObjectInfo{}, err
	}
	up.begin(r)
	head, err := up.body.peek(sniffLen)
	if err != nil {
		return ObjectInfo{}, up.bodyFailed(err)
	}
	head = bytes.Clone(head)
	if err := up.foreseeType(o); err != nil {
		return ObjectInfo{}, err
	}
	whole, err := up.body.buffer(lateBuffer)
	switch {
	case err != nil:
		return ObjectInfo{}, up.bodyFailed(err)
	case whole:
		up.ready = true
		if err := up.resolve(ctx, head, up.body.n); err != nil {
			return ObjectInfo{}, err
		}
		return up.commit(ctx)
	case up.w.s.inTx:
		return ObjectInfo{}, fail(up.op, KindObject, o.path, CodeUnsupported, "an upload of this size in a transaction is named before its body")
	}
	return up.createLate(ctx, o, head)
}

// foresee refuses before the body what no late naming could make right.
func (up *upload) foresee(ctx context.Context, o *Object) error {
	if o.bucket != "" && o.path != "" && o.tier != "" {
		return up.prepare(ctx, o)
	}
	actions := []Action{Write}
	if up.replaces() {
		actions = append(actions, Delete)
	}
	for _, a := range actions {
		if err := o.w.mayIn(up.op, a, o.bucket); err != nil {
			return err
		}
	}
	if o.path != "" {
		if err := validPath(o.path); err != nil {
			return invalid(up.op, KindObject, o.path, CodeInvalidPath, err)
		}
	}
	if err := up.checkOptions(o.path); err != nil {
		return err
	}
	if _, err := o.w.scope(up.op, o.tier); err != nil {
		return err
	}
	if o.bucket == "" {
		return nil
	}
	var err error
	up.bucket, err = o.w.s.bucket(ctx, o.w.p.Tenant, o.bucket)
	return wrap(up.op, KindBucket, o.bucket, err)
}

// mayIn checks the caller's right in the bucket, or in any when it is "".
func (w *Workspace) mayIn(op string, a Action, bucket string) error {
	if bucket != "" {
		return w.Bucket(bucket).admit(op, a)
	}
	if err := w.identified(op); err != nil {
		return err
	}
	if reach := w.grants.reach(a, KindBucket); reach == nil || len(reach) > 0 {
		return nil
	}
	return w.authorize(op, a, Resource{kind: KindBucket})
}

// foreseeType refuses a declared type that the bucket does not take. What the
// name would have a say in is left to resolve.
func (up *upload) foreseeType(o *Object) error {
	declared, ok := canonicalType(up.opts.ContentType)
	if o.bucket == "" || !ok || declared == octetStream {
		return nil
	}
	return up.w.s.admits(up.op, up.bucket, o.path, max(up.opts.Size, 0), declared)
}

// resolve asks for the place and the labels, and checks them with what the
// body has turned out to be.
func (up *upload) resolve(ctx context.Context, head []byte, size int64) error {
	o, opts, err := up.opts.Late()
	if err != nil {
		return err
	}
	if o.w.p.Tenant != up.w.p.Tenant || o.w.s != up.w.s {
		return fail(up.op, KindObject, o.path, CodeInvalidRequest, "an upload cannot be named into another workspace")
	}
	up.w, up.opts, up.old = o.w, PutOptions{}, false
	if opts != nil {
		up.opts = *opts
	}
	up.opts.Size = -1 // the body has been counted
	if err := up.prepare(ctx, o); err != nil {
		return err
	}
	c := up.entry.Content
	c.Type = sniffType(up.opts.ContentType, head, o.path)
	return up.w.s.admits(up.op, up.bucket, o.path, size, c.Type)
}

// createLate stores the bytes under a pending entry and names it afterwards.
func (up *upload) createLate(ctx context.Context, o *Object, head []byte) (ObjectInfo, error) {
	up.old = false
	up.entry = up.w.newObject(subject{kind: KindObject, container: o.bucket}, Scope{Tier: Shared})
	up.entry.Name = up.entry.ID
	up.label(up.w.s.newBlobKey(up.entry.ID))
	pending, err := up.pend(ctx)
	if err != nil {
		return ObjectInfo{}, err
	}
	stored := *up.entry.Content
	err = up.resolve(ctx, head, stored.Size)
	if err == nil {
		err = up.sumHolds(stored.Checksum)
	}
	switch {
	case err != nil:
		up.abandon(ctx, pending)
		return ObjectInfo{}, err
	case up.old:
		// A blob's key names its object, so the bytes of one cannot become
		// another's: they are copied.
		defer up.abandon(ctx, pending)
		up.entry.Content.Size, up.entry.Content.Checksum = stored.Size, stored.Checksum
		return up.commitCopy(ctx, ObjectInfo{ID: pending.ID, BlobKey: stored.Key, Size: stored.Size})
	}
	stored.Type, stored.Source, stored.SourceType = up.entry.Content.Type, up.entry.Content.Source, up.entry.Content.SourceType
	up.entry.ID, up.entry.Content = pending.ID, &stored
	return up.settle(ctx, pending)
}
