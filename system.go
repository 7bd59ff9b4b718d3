package holdall

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"time"
)

// systemTenant is the tenant of entries that belong to the store itself. No
// caller reaches them, whatever its tenant is called: their kind is their own.
const systemTenant = "holdall"

// The containers of system entries.
const (
	systemLease  = "lease"
	systemSpent  = "spent"
	systemPublic = "public-bucket"
)

func (s *Store) systemEntry(tenant, container, name, value string) Entry {
	now := s.now()
	v, _ := json.Marshal(value) // a string: cannot fail
	return Entry{ID: s.newID(systemIDPrefix), Kind: KindSystem, Tenant: tenant, Container: container, Tier: Shared,
		Name: name, State: StateLive, CreatedAt: now, UpdatedAt: now, Value: v}
}

func systemValue(e Entry) string {
	var v string
	_ = json.Unmarshal(e.Value, &v) // written by systemEntry
	return v
}

// Spend marks a token of the tenant as used until the given time, and fails
// with ErrExists when it is marked already: one caller of many wins. undo
// takes the mark back, for a use that came to nothing.
func (s *Store) Spend(ctx context.Context, tenant, token string, until time.Time) (undo func(context.Context) error, err error) {
	e := s.systemEntry(tenant, systemSpent, token, "")
	e.ExpiresAt, e.DueAt = until, until
	e, err = s.catalog.Put(ctx, e, IfAbsent)
	if err != nil {
		return nil, wrap("store.spend", KindSystem, "", err)
	}
	return func(ctx context.Context) error {
		return s.catalog.Remove(ctx, e.Tenant, e.ID, e.Version)
	}, nil
}

// announce takes the bucket's name, if it is public and no other public
// bucket has taken it first, for addresses that do not name a tenant.
func (s *Store) announce(ctx context.Context, bucket Entry) error {
	if !bucketInfo(bucket).Public {
		return nil
	}
	claim := s.systemEntry(systemTenant, systemPublic, bucket.Name, bucket.Tenant)
	_, err := s.catalog.Put(ctx, claim, IfAbsent)
	if !errors.Is(err, ErrExists) {
		return err
	}
	old, err := s.catalog.Get(ctx, claim.Place())
	if err != nil {
		return err
	}
	holder, err := s.catalog.Get(ctx, bucketPlace(systemValue(old), bucket.Name))
	if err == nil && bucketInfo(holder).Public {
		return nil // first come, first served
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	claim.ID = old.ID
	_, err = s.catalog.Put(ctx, claim, IfVersion(old.Version))
	if errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}

// OpenPublic opens an object of tier Shared in a public bucket for a caller
// who is not known: by id, or by path when id is "". tenant "" stands, with an
// id, for whichever tenant the object is in, and with a path for the tenant
// whose public bucket had that name first; a host that serves several tenants
// does better to name it. ErrNotFound for everything that is not public.
func (s *Store) OpenPublic(ctx context.Context, tenant, bucket, path, id string) (*Reader, error) {
	const op = "object.open"
	absent := notFound(op, KindObject, path+id)
	e, err := s.publicEntry(ctx, tenant, bucket, path, id)
	if errors.Is(err, ErrNotFound) {
		return nil, absent
	}
	if err != nil {
		return nil, wrap(op, KindObject, path+id, err)
	}
	if e.Kind != KindObject || e.State != StateLive || e.Tier != Shared || e.Container != bucket || tenant != "" && e.Tenant != tenant {
		return nil, absent
	}
	b, err := s.catalog.Get(ctx, bucketPlace(e.Tenant, bucket))
	if errors.Is(err, ErrNotFound) || err == nil && !bucketInfo(b).Public {
		return nil, absent
	}
	if err != nil {
		return nil, wrap(op, KindBucket, bucket, err)
	}
	return newReader(ctx, s.blobs, objectInfo(e)), nil
}

func (s *Store) publicEntry(ctx context.Context, tenant, bucket, path, id string) (Entry, error) {
	if validBucketName(bucket) != nil || id == "" && validPath(path) != nil || id != "" && !IsObjectID(id) {
		return Entry{}, ErrNotFound
	}
	if id != "" {
		return s.entryByID(ctx, id)
	}
	if tenant == "" {
		claim, err := s.catalog.Get(ctx, Ref{Tenant: systemTenant, Kind: KindSystem, Container: systemPublic, Tier: Shared, Name: bucket})
		if err != nil {
			return Entry{}, err
		}
		tenant = systemValue(claim)
	}
	return s.catalog.Get(ctx, Ref{Tenant: tenant, Kind: KindObject, Container: bucket, Tier: Shared, Name: path})
}

// entryByID finds an entry in whichever tenant.
func (s *Store) entryByID(ctx context.Context, id string) (Entry, error) {
	found, err := s.catalog.Scan(ctx, Scan{IDs: []string{id}})
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Entry{}, err
	}
	return found[0], nil
}

// OpenVerified opens a live object of the tenant, of any tier, for a right
// that the host has verified by itself, such as a signed link. It authorizes
// nothing. ErrNotFound when the bucket holds no such object.
func (s *Store) OpenVerified(ctx context.Context, tenant, bucket, id string) (*Reader, error) {
	const op = "object.open"
	e, err := s.catalog.Get(ctx, Ref{Tenant: tenant, ID: id})
	if errors.Is(err, ErrNotFound) || err == nil && (e.Kind != KindObject || e.State != StateLive || e.Container != bucket) {
		return nil, notFound(op, KindObject, id)
	}
	if err != nil {
		return nil, wrap(op, KindObject, id, err)
	}
	return newReader(ctx, s.blobs, objectInfo(e)), nil
}

// RunOptions are options of [Store.Run].
type RunOptions struct {
	Every  time.Duration // between sweeps, ± a quarter; 0 is ten minutes
	Logger *slog.Logger  // of sweeps that did something or failed; nil is none
}

// Run sweeps again and again until ctx is done, and returns ctx's error. Of
// all processes that run it over the same catalog one sweeps at a time: it
// holds a lease, which another takes over when it falls silent. The caller
// starts it in a goroutine of its own.
func (s *Store) Run(ctx context.Context, opts *RunOptions) error {
	o := RunOptions{}
	if opts != nil {
		o = *opts
	}
	if o.Every <= 0 {
		o.Every = 10 * time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	holder := rand.Text()
	defer func() {
		ctx, cancel := detached(ctx)
		defer cancel()
		s.releaseLease(ctx, holder)
	}()
	for {
		s.sweepInTurn(ctx, holder, o)
		pause := o.Every*3/4 + mathrand.N(o.Every/2+1)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (s *Store) sweepInTurn(ctx context.Context, holder string, o RunOptions) {
	mine, err := s.takeLease(ctx, holder, 2*o.Every)
	if err == nil && !mine {
		return
	}
	var report SweepReport
	if err == nil {
		report, err = s.Sweep(ctx)
	}
	switch {
	case err != nil && ctx.Err() == nil:
		o.Logger.ErrorContext(ctx, "sweep failed", "error", err)
	case report != SweepReport{}:
		o.Logger.InfoContext(ctx, "swept", "uploads", report.Uploads, "garbage", report.Garbage,
			"purged", report.Purged, "expired", report.Expired, "failed", report.Failed)
	}
}

func (s *Store) takeLease(ctx context.Context, holder string, ttl time.Duration) (bool, error) {
	e := s.systemEntry(systemTenant, systemLease, "sweep", holder)
	e.ExpiresAt = e.UpdatedAt.Add(ttl)
	_, err := s.catalog.Put(ctx, e, IfAbsent)
	if !errors.Is(err, ErrExists) {
		return err == nil, err
	}
	old, err := s.catalog.Get(ctx, e.Place())
	if err != nil || systemValue(old) != holder {
		return false, err
	}
	e.ID = old.ID
	_, err = s.catalog.Put(ctx, e, IfVersion(old.Version))
	return err == nil, err
}

func (s *Store) releaseLease(ctx context.Context, holder string) {
	e, err := s.catalog.Get(ctx, s.systemEntry(systemTenant, systemLease, "sweep", "").Place())
	if err == nil && systemValue(e) == holder {
		_ = s.catalog.Remove(ctx, e.Tenant, e.ID, e.Version) // else it expires
	}
}
