package holdall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bucket is a handle on a bucket, and on one tier of it where [Bucket.Tier]
// was called. It does no I/O by itself.
type Bucket struct {
	w    *Workspace
	name string
	tier Tier
}

// BucketRules are what a bucket asks of its objects.
type BucketRules struct {
	// Public lets anyone read what is in tier [Shared], without being known.
	Public bool
	// MaxObjectSize bounds each object, in bytes; 0 is the store's own limit,
	// which a bucket cannot exceed.
	MaxObjectSize int64
	// AllowedTypes are media types such as "application/pdf" or "image/*"; nil
	// is any. Parameters and letter case do not count.
	AllowedTypes []string
}

// BucketInfo is a bucket.
type BucketInfo struct {
	Name string
	BucketRules
	CreatedAt, UpdatedAt time.Time
	CreatedBy            string // "" for the default bucket
}

// BucketUpdate says what to change; nil leaves a rule as it is.
type BucketUpdate struct {
	Public        *bool
	MaxObjectSize *int64    // to 0: the store's own limit
	AllowedTypes  *[]string // to nil: any
}

// Name returns the bucket's name.
func (b *Bucket) Name() string { return b.name }

// Tier returns a handle on one tier of the bucket. Without it things are put
// in, and looked for in, [Private] when the caller comes through an app and
// [Shared] otherwise, and lists show all that the caller sees.
func (b *Bucket) Tier(t Tier) *Bucket { return &Bucket{w: b.w, name: b.name, tier: t} }

// Object returns a handle on the object at the path.
func (b *Bucket) Object(path string) *Object {
	return &Object{w: b.w, bucket: b.name, tier: b.tier, path: path}
}

// ObjectID returns a handle on the object with that id in this bucket, and in
// this tier where [Bucket.Tier] named one.
func (b *Bucket) ObjectID(id string) *Object {
	return &Object{w: b.w, bucket: b.name, tier: b.tier, id: id}
}

// Buckets returns the buckets in which the caller may read, or all of them for
// a caller that may administer the store, by name. ErrForbidden when there
// can be none.
func (w *Workspace) Buckets(ctx context.Context) ([]BucketInfo, error) {
	const op = "bucket.list"
	reach, err := w.bucketReach(op)
	if err != nil {
		return nil, err
	}
	if reach == nil || slices.Contains(reach, DefaultBucket) {
		if _, err := w.s.bucket(ctx, w.p.Tenant, DefaultBucket); err != nil {
			return nil, wrap(op, KindBucket, DefaultBucket, err)
		}
	}
	q := Query{Tenant: w.p.Tenant, Kind: KindBucket, State: StateLive, Limit: 1000}
	infos := []BucketInfo{}
	for {
		page, err := w.s.catalog.Query(ctx, q)
		if err != nil {
			return nil, wrap(op, KindBucket, "", err)
		}
		for _, e := range page.Entries {
			if reach == nil || slices.Contains(reach, e.Name) {
				infos = append(infos, bucketInfo(e))
			}
		}
		if !page.More {
			return infos, nil
		}
		last := q.Sort.Position(page.Entries[len(page.Entries)-1])
		q.After = &last
	}
}

// bucketReach returns the buckets to list; nil is all.
func (w *Workspace) bucketReach(op string) ([]string, error) {
	if err := w.identified(op); err != nil {
		return nil, err
	}
	if _, admin := w.grants.decide(Admin, StoreResource()); admin {
		return nil, nil
	}
	reach := w.grants.reach(Read, KindBucket)
	if reach != nil && len(reach) == 0 {
		return nil, w.authorize(op, Read, Resource{kind: KindBucket})
	}
	return reach, nil
}

// Create makes the bucket; nil rules ask for nothing. It needs admin.
// ErrExists when it is there, ErrInvalid for a bad name or rule.
func (b *Bucket) Create(ctx context.Context, rules *BucketRules) (BucketInfo, error) {
	const op = "bucket.create"
	if err := b.admit(op, Admin); err != nil {
		return BucketInfo{}, err
	}
	var r BucketRules
	if rules != nil {
		r = *rules
	}
	if err := b.w.s.checkRules(op, b.name, &r); err != nil {
		return BucketInfo{}, err
	}
	if b.name == DefaultBucket {
		return BucketInfo{}, fail(op, KindBucket, b.name, CodeBucketExists, "every tenant has its default bucket from the start")
	}
	if err := b.w.s.finishBucketDelete(ctx, b.w.p.Tenant, b.name); err != nil {
		return BucketInfo{}, wrap(op, KindBucket, b.name, err)
	}
	e, err := b.w.s.createBucket(ctx, b.w.p.Tenant, b.name, b.w.p.User, r)
	if err != nil {
		return BucketInfo{}, wrap(op, KindBucket, b.name, err)
	}
	if err := b.w.s.announce(ctx, e); err != nil {
		return BucketInfo{}, wrap(op, KindBucket, b.name, err)
	}
	return bucketInfo(e), nil
}

// Stat returns the bucket. It needs read. ErrNotFound when there is none.
func (b *Bucket) Stat(ctx context.Context) (BucketInfo, error) {
	const op = "bucket.stat"
	if err := b.admit(op, Read); err != nil {
		return BucketInfo{}, err
	}
	e, err := b.w.s.bucket(ctx, b.w.p.Tenant, b.name)
	if err != nil {
		return BucketInfo{}, wrap(op, KindBucket, b.name, err)
	}
	return bucketInfo(e), nil
}

// Update changes the bucket's rules; what is in it stays as it is. It needs
// admin. ErrNotFound when there is none, ErrInvalid for a bad rule.
func (b *Bucket) Update(ctx context.Context, u BucketUpdate) (BucketInfo, error) {
	const op = "bucket.update"
	if err := b.admit(op, Admin); err != nil {
		return BucketInfo{}, err
	}
	e, err := b.change(ctx, op, func(e *Entry) error {
		r := bucketInfo(*e).BucketRules
		if u.Public != nil {
			r.Public = *u.Public
		}
		if u.MaxObjectSize != nil {
			r.MaxObjectSize = *u.MaxObjectSize
		}
		if u.AllowedTypes != nil {
			r.AllowedTypes = *u.AllowedTypes
		}
		if err := b.w.s.checkRules(op, b.name, &r); err != nil {
			return err
		}
		e.Value, e.UpdatedAt, e.UpdatedBy = encodeRules(r), b.w.s.now(), b.w.p.User
		return nil
	})
	if err != nil {
		return BucketInfo{}, err
	}
	if err := b.w.s.announce(ctx, e); err != nil {
		return BucketInfo{}, wrap(op, KindBucket, b.name, err)
	}
	return bucketInfo(e), nil
}

// Empty soft-deletes every object of the bucket that was there when it was
// called, in every tier and of every owner, and returns how many. It needs
// admin. One round trip for each thousand where the backend can.
func (b *Bucket) Empty(ctx context.Context) (int, error) {
	const op = "bucket.empty"
	if err := b.admit(op, Admin); err != nil {
		return 0, err
	}
	if _, err := b.w.s.bucket(ctx, b.w.p.Tenant, b.name); err != nil {
		return 0, wrap(op, KindBucket, b.name, err)
	}
	now, deleted, stuck := b.w.s.now(), 0, 0
	q := Query{Tenant: b.w.p.Tenant, Kind: KindObject, State: StateLive, Containers: []string{b.name},
		CreatedBefore: now.Add(time.Microsecond), Limit: 1000}
	for stuck < maxTries {
		page, err := b.w.s.catalog.Query(ctx, q)
		if err != nil || len(page.Entries) == 0 {
			return deleted, wrap(op, KindBucket, b.name, err)
		}
		ops := make([]PutOp, len(page.Entries))
		for i, e := range page.Entries {
			ops[i] = PutOp{b.w.tombstone(e), IfVersion(e.Version)}
		}
		results, err := putBatch(ctx, b.w.s.catalog, ops)
		if err != nil {
			return deleted, wrap(op, KindBucket, b.name, err)
		}
		n := 0
		for _, r := range results {
			if r.Err == nil {
				n++
			}
		}
		if deleted += n; n == 0 {
			stuck++
		}
	}
	return deleted, fail(op, KindBucket, b.name, CodeVersionConflict, "its objects are being changed by others; try again")
}

// Delete removes the bucket and purges what was soft-deleted in it. It needs
// admin. ErrNotEmpty while a live object of any tier is in it, ErrNotFound
// when there is none, ErrConflict for the default bucket.
func (b *Bucket) Delete(ctx context.Context) error {
	const op = "bucket.delete"
	if err := b.admit(op, Admin); err != nil {
		return err
	}
	if b.name == DefaultBucket {
		return fail(op, KindBucket, b.name, CodeBucketProtected, "every tenant keeps its default bucket")
	}
	e, err := b.change(ctx, op, func(e *Entry) error {
		now := b.w.s.now()
		e.State, e.DueAt = StatePurging, now
		e.DeletedAt, e.DeletedBy = now, b.w.p.User
		return nil
	})
	if err != nil {
		return err
	}
	if b.w.s.inTx {
		return nil // the transaction may still roll back: Sweep does the rest
	}
	return wrap(op, KindBucket, b.name, b.w.s.purgeBucket(ctx, e))
}

func (b *Bucket) admit(op string, action Action) error {
	if err := b.w.identified(op); err != nil {
		return err
	}
	if err := validBucketName(b.name); err != nil {
		return invalid(op, KindBucket, b.name, CodeInvalidName, err)
	}
	return b.w.authorize(op, action, BucketResource(b.name))
}

// change edits the bucket's own entry, again when somebody else was faster.
func (b *Bucket) change(ctx context.Context, op string, edit func(*Entry) error) (Entry, error) {
	for range maxTries {
		e, err := b.w.s.bucket(ctx, b.w.p.Tenant, b.name)
		if err != nil {
			return Entry{}, wrap(op, KindBucket, b.name, err)
		}
		if err := edit(&e); err != nil {
			return Entry{}, err
		}
		out, err := b.w.s.catalog.Put(ctx, e, IfVersion(e.Version))
		if errors.Is(err, ErrConflict) {
			continue
		}
		return out, wrap(op, KindBucket, b.name, err)
	}
	return Entry{}, fail(op, KindBucket, b.name, CodeVersionConflict, "it is being changed by others; try again")
}

func bucketPlace(tenant, name string) Ref {
	return Ref{Tenant: tenant, Kind: KindBucket, Tier: Shared, Name: name}
}

// bucket returns the live bucket. The default bucket is made when it is first
// asked for.
func (s *Store) bucket(ctx context.Context, tenant, name string) (Entry, error) {
	e, err := s.catalog.Get(ctx, bucketPlace(tenant, name))
	if err == nil || name != DefaultBucket || !errors.Is(err, ErrNotFound) {
		return e, err
	}
	e, err = s.createBucket(ctx, tenant, name, "", BucketRules{})
	if errors.Is(err, ErrExists) {
		return s.catalog.Get(ctx, bucketPlace(tenant, name))
	}
	return e, err
}

func (s *Store) createBucket(ctx context.Context, tenant, name, by string, r BucketRules) (Entry, error) {
	now := s.now()
	return s.catalog.Put(ctx, Entry{
		ID: s.newID(bucketIDPrefix), Kind: KindBucket, Tenant: tenant, Tier: Shared, Name: name, State: StateLive,
		CreatedAt: now, UpdatedAt: now, CreatedBy: by, UpdatedBy: by, Value: encodeRules(r),
	}, IfAbsent)
}

// checkRules validates rules and puts them into their stored form.
func (s *Store) checkRules(op, name string, r *BucketRules) error {
	if r.MaxObjectSize < 0 || r.MaxObjectSize > s.cfg.MaxObjectSize {
		return fail(op, KindBucket, name, CodeInvalidRequest,
			fmt.Sprintf("the largest object is 1 to %d bytes, not %d", s.cfg.MaxObjectSize, r.MaxObjectSize))
	}
	if len(r.AllowedTypes) > 100 {
		return fail(op, KindBucket, name, CodeInvalidRequest, "at most 100 allowed types")
	}
	if r.AllowedTypes != nil && len(r.AllowedTypes) == 0 {
		return fail(op, KindBucket, name, CodeInvalidRequest, "an empty list of allowed types would let nothing in; leave it out to allow any")
	}
	types := slices.Clone(r.AllowedTypes)
	for i, t := range types {
		essence, _, _ := strings.Cut(t, ";")
		if err := validAllowedType(strings.TrimSpace(essence)); err != nil {
			return invalid(op, KindBucket, name, CodeInvalidRequest, err)
		}
		types[i] = strings.ToLower(strings.TrimSpace(essence))
	}
	r.AllowedTypes = types
	return nil
}

// storedRules is the JSON form of BucketRules in a bucket's entry.
type storedRules struct {
	Public        bool     `json:"public,omitempty"`
	MaxObjectSize int64    `json:"max_object_size,omitempty"`
	AllowedTypes  []string `json:"allowed_types,omitempty"`
}

func encodeRules(r BucketRules) json.RawMessage {
	b, _ := json.Marshal(storedRules(r)) // strings, a number and a bool: cannot fail
	return b
}

func bucketInfo(e Entry) BucketInfo {
	var r storedRules
	_ = json.Unmarshal(e.Value, &r) // written by encodeRules
	return BucketInfo{Name: e.Name, BucketRules: BucketRules(r),
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt, CreatedBy: e.CreatedBy}
}

// admits checks one object against the bucket's rules. Every way into a
// bucket passes here: upload, replace, copy, move, restore.
func (s *Store) admits(op string, bucket Entry, path string, size int64, contentType string) error {
	r := bucketInfo(bucket)
	if limit := s.sizeLimit(r.BucketRules); size > limit {
		return fail(op, KindObject, path, CodeTooLarge, fmt.Sprintf("an object in bucket %s has at most %d bytes", r.Name, limit))
	}
	if !typeAllowed(contentType, r.AllowedTypes) {
		return fail(op, KindObject, path, CodeTypeNotAllowed,
			fmt.Sprintf("bucket %s takes %s, not %s", r.Name, strings.Join(r.AllowedTypes, ", "), contentType))
	}
	return nil
}

func (s *Store) sizeLimit(r BucketRules) int64 {
	if r.MaxObjectSize > 0 {
		return min(r.MaxObjectSize, s.cfg.MaxObjectSize)
	}
	return s.cfg.MaxObjectSize
}
