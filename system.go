package holdall

import (
	"context"
	"encoding/json"
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
