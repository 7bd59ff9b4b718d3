package holdall

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"time"
)

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
