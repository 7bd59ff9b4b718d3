package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/holdall-go/holdall"
)

func placeArgs(r holdall.Ref) []any {
	return []any{r.Tenant, string(r.Kind), r.Container, string(r.Tier), r.Owner, r.Name}
}

// Get implements [holdall.Catalog].
func (b *Backend) Get(ctx context.Context, ref holdall.Ref) (e holdall.Entry, err error) {
	err = b.read(ctx, func(q querier) (err error) {
		if e, err = b.sql.get(ctx, q, ref); err == pgx.ErrNoRows {
			err = fmt.Errorf("postgres: %w: no such entry", holdall.ErrNotFound)
		}
		return err
	})
	return e, err
}

func (s *statements) get(ctx context.Context, q querier, ref holdall.Ref) (holdall.Entry, error) {
	switch {
	case ref.ID != "":
		return scanEntry(q.QueryRow(ctx, s.getByID, ref.ID, ref.Tenant))
	case hasContent(ref.Kind):
		return scanAt(q.QueryRow(ctx, s.getObjectAt, placeArgs(ref)...), ref)
	}
	return scanAt(q.QueryRow(ctx, s.getByPlace, placeArgs(ref)...), ref)
}

// Remove implements [holdall.Catalog].
func (b *Backend) Remove(ctx context.Context, tenant, id string, version int64) error {
	return b.write(ctx, func(q querier) error {
		tag, err := q.Exec(ctx, b.sql.remove, id, tenant, version)
		if err != nil || tag.RowsAffected() > 0 {
			return err
		}
		if _, err := b.sql.head(ctx, q, &holdall.Entry{ID: id, Tenant: tenant}, false); err != nil || id == "" {
			return fmt.Errorf("postgres: %w: no entry %.80q", holdall.ErrNotFound, id)
		}
		return fmt.Errorf("postgres: %w: entry %s is not at version %d", holdall.ErrConflict, id, version)
	})
}

// RemoveBatch implements [holdall.BatchRemover], in one statement.
func (b *Backend) RemoveBatch(ctx context.Context, es []holdall.Entry) (n int, err error) {
	ids, tenants, versions := make([]string, len(es)), make([]string, len(es)), make([]int64, len(es))
	for i, e := range es {
		ids[i], tenants[i], versions[i] = e.ID, e.Tenant, e.Version
	}
	err = b.write(ctx, func(q querier) error {
		tag, err := q.Exec(ctx, b.sql.removeBatch, ids, tenants, versions)
		n = int(tag.RowsAffected())
		return err
	})
	return n, err
}

// Scan implements [holdall.Catalog].
func (b *Backend) Scan(ctx context.Context, s holdall.Scan) (list []holdall.Entry, err error) {
	sql, args := b.sql.scanAll, []any{s.After, s.Limit}
	switch {
	case len(s.IDs) > 0:
		sql, args = b.sql.scanByID, []any{s.IDs}
	case s.Limit < 1:
		return nil, fmt.Errorf("postgres: %w: a scan with limit %d", holdall.ErrInvalid, s.Limit)
	case !s.DueBy.IsZero():
		sql, args = b.sql.scanDue, []any{s.DueBy, s.Limit}
	}
	err = b.read(ctx, func(q querier) error {
		rows, err := q.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		list, err = scanEntries(rows)
		return err
	})
	return list, err
}
