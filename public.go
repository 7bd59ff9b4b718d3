package holdall

import (
	"context"
	"errors"
)

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

// PublicObject names an object for a caller who is not known: by ID, or by
// Path when ID is "".
type PublicObject struct {
	// Tenant is the tenant, as the host knows it from the request's host name,
	// say. "" stands, with an ID, for whichever tenant the object is in, and
	// with a Path for the tenant whose public bucket had that name first; a
	// host that serves several tenants does better to name it.
	Tenant string
	Bucket string
	Path   string
	ID     string
}

// OpenPublic opens an object of tier [Shared] in a public bucket for a caller
// who is not known. ErrNotFound for everything that is not public.
func (s *Store) OpenPublic(ctx context.Context, o PublicObject) (*Reader, error) {
	const op = "object.open"
	tenant, bucket, path, id := o.Tenant, o.Bucket, o.Path, o.ID
	absent := notFound(op, KindObject, path+id)
	e, err := s.publicEntry(ctx, o)
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

func (s *Store) publicEntry(ctx context.Context, o PublicObject) (Entry, error) {
	if validBucketName(o.Bucket) != nil || o.ID == "" && validPath(o.Path) != nil || o.ID != "" && !IsObjectID(o.ID) {
		return Entry{}, ErrNotFound
	}
	if o.ID != "" {
		return s.entryByID(ctx, o.ID)
	}
	if o.Tenant == "" {
		claim, err := s.catalog.Get(ctx, Ref{Tenant: systemTenant, Kind: KindSystem, Container: systemPublic, Tier: Shared, Name: o.Bucket})
		if err != nil {
			return Entry{}, err
		}
		o.Tenant = systemValue(claim)
	}
	return s.catalog.Get(ctx, Ref{Tenant: o.Tenant, Kind: KindObject, Container: o.Bucket, Tier: Shared, Name: o.Path})
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
