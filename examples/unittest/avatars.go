// Package unittest shows how code that keeps files in Holdall is tested: the
// package takes a *holdall.Store, and its tests give it one in memory. There
// is nothing to mock.
package unittest

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/holdall-go/holdall"
)

// bucket is where the avatars are.
const bucket = "avatars"

// Avatars keeps one picture for each user of a tenant.
type Avatars struct{ store *holdall.Store }

// New returns the avatars of a store.
func New(store *holdall.Store) *Avatars { return &Avatars{store} }

// Set stores the caller's picture in place of the one before.
func (a *Avatars) Set(ctx context.Context, caller holdall.Principal, picture io.Reader) error {
	if err := a.ensureBucket(ctx, caller.Tenant); err != nil {
		return err
	}
	file := a.store.As(caller).Bucket(bucket).Tier(holdall.User).Object("avatar")
	_, err := file.Put(ctx, picture, &holdall.PutOptions{Replace: true})
	if err != nil {
		return fmt.Errorf("set avatar of %s: %w", caller.User, err)
	}
	return nil
}

// Open returns the caller's picture. It matches holdall.ErrNotFound when
// there is none. The caller closes it.
func (a *Avatars) Open(ctx context.Context, caller holdall.Principal) (*holdall.Reader, error) {
	return a.store.As(caller).Bucket(bucket).Tier(holdall.User).Object("avatar").Open(ctx)
}

// ensureBucket makes the bucket in the program's own name: its callers may
// not administer buckets.
func (a *Avatars) ensureBucket(ctx context.Context, tenant string) error {
	program := a.store.As(holdall.Principal{Tenant: tenant, User: "avatars", Permissions: []string{"storage:avatars:admin"}})
	_, err := program.Bucket(bucket).Create(ctx, &holdall.BucketRules{
		MaxObjectSize: 1 << 20,
		AllowedTypes:  []string{"image/png", "image/jpeg"},
	})
	if errors.Is(err, holdall.ErrExists) {
		return nil
	}
	return err
}
