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
	ready  bool  // the body is in memory and small
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
// body fits it; else a pending entry, the bytes and the live entry. The path
// is not looked up for a new object whose body is in memory (bytes.Reader,
// bytes.Buffer, strings.Reader) and has at most 1 MiB: that commit decides.
func (o *Object) Put(ctx context.Context, r io.Reader, opts *PutOptions) (ObjectInfo, error) {
	up := &upload{op: "object.put", w: o.w}
	if opts != nil {
		up.opts = *opts
	}
	if up.opts.Late != nil {
		return up.putLate(ctx, o, r)
	}
	up.ready = inMemory(r)
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

const (
	sniffLen = 512 // what http.DetectContentType looks at
	// smallBody is up to how many bytes in memory it does not pay to look
	// first whether they may come.
	smallBody = 1 << 20
)

func inMemory(r io.Reader) bool {
	switch r := r.(type) {
	case *bytes.Reader:
		return r.Len() <= smallBody
	case *bytes.Buffer:
		return r.Len() <= smallBody
	case *strings.Reader:
		return r.Len() <= smallBody
	}
	return false
}

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
	if err := up.findPlace(ctx, o, scope); err != nil {
		return err
	}
	up.label(o.w.s.newBlobKey(up.entry.ID))
	return nil
}

// findPlace looks what is at the path. Where one commit takes the entry and
// its few bytes, and nothing may be replaced, that commit finds it out.
func (up *upload) findPlace(ctx context.Context, o *Object, scope Scope) error {
	if up.ready && up.w.s.atomic != nil && !up.replaces() {
		up.entry = o.w.newObject(o.subject(), scope)
		return nil
	}
	old, err := o.w.s.catalog.Get(ctx, o.w.place(o.subject(), scope))
	switch {
	case errors.Is(err, ErrNotFound):
		if up.opts.IfMatch != nil {
			return fail(up.op, KindObject, o.path, CodePrecondition, "there is no object at the path to replace")
		}
		up.entry = o.w.newObject(o.subject(), scope)
		return nil
	case err != nil:
		return wrap(up.op, KindObject, o.path, err)
	case !up.replaces():
		return up.taken(o.path)
	}
	up.entry, up.old = old, true
	return up.stillMatches(old)
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

// bodyFailed gives the failure of a body its code.
func (up *upload) bodyFailed(err error) error {
	name := up.entry.Name
	switch {
	case CodeOf(err) != CodeInternal, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, ErrTooLarge):
		return fail(up.op, KindObject, name, CodeTooLarge, fmt.Sprintf("an object here has at most %d bytes", up.body.limit))
	}
	detail := "the body broke off"
	for _, known := range []error{errBodyShort, errBodyLong} {
		if errors.Is(err, known) {
			detail = "the body has another size than announced: " + known.Error()
		}
	}
	return &Error{Op: up.op, Kind: KindObject, Name: name, Code: CodeInvalidRequest, Detail: detail, Err: err}
}
