package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/holdall-go/holdall"
)

// Put implements [holdall.Catalog]: one statement that commits by itself, more
// only where an expired entry is in the way or a bucket leaves.
func (b *Backend) Put(ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
	e = normal(e)
	if err := checkPut(&e, c); err != nil {
		return holdall.Entry{}, err
	}
	if e.Kind == holdall.KindBucket && c > 0 {
		return b.putBucket(ctx, e, c)
	}
	var out holdall.Entry
	err := b.write(ctx, func(q querier) (err error) {
		out, err = b.sql.put(ctx, q, e, c)
		return err
	})
	if err == errExpired {
		return b.putOver(ctx, e, c)
	}
	return out, err
}

func checkPut(e *holdall.Entry, c holdall.Condition) error {
	switch {
	case c < holdall.Always:
		return fmt.Errorf("postgres: %w: condition %d", holdall.ErrInvalid, c)
	case c == holdall.Always && e.State != holdall.StateLive:
		return fmt.Errorf("postgres: %w: Always takes a live entry", holdall.ErrInvalid)
	case c <= 0 && e.ID == "":
		return fmt.Errorf("postgres: %w: a new entry needs an id", holdall.ErrInvalid)
	}
	return nil
}

// putOver puts e at a place where it found an expired entry, which it removes first.
func (b *Backend) putOver(ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
	var out holdall.Entry
	err := b.transaction(ctx, func(q querier) error {
		tag, err := q.Exec(ctx, b.sql.evict, append(placeArgs(e.Place()), e.UpdatedAt)...)
		if err != nil {
			return err
		}
		if out, err = b.sql.put(ctx, q, e, c); err == errExpired {
			return taken(&e)
		}
		if tag.RowsAffected() == 0 && errors.Is(err, holdall.ErrExists) {
			return taken(&e)
		}
		return err
	})
	return out, err
}

// errExpired asks for putOver: the entry that is in the way may have run out.
var errExpired = fmt.Errorf("an entry is in the way: %w", holdall.ErrExists)

func taken(e *holdall.Entry) error {
	return fmt.Errorf("postgres: %w: the place or the id of %s", holdall.ErrExists, e.ID)
}

// put carries out one Put by one statement, and looks for the reason where
// that has done nothing. errExpired is not the last word.
func (s *statements) put(ctx context.Context, q querier, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
	sql, args := s.putStatement(&e, c)
	err := readPut(q.QueryRow(ctx, sql, args...), &e)
	if err == nil {
		return e, nil
	}
	return holdall.Entry{}, s.explain(ctx, q, &e, c, err)
}

// putStatement returns the statement for a Put, which returns readPut's row
// when it has done it.
func (s *statements) putStatement(e *holdall.Entry, c holdall.Condition) (string, []any) {
	fenced := isFenced(e)
	args := rowArgs(e)
	switch {
	case c == holdall.IfAbsent:
		return s.insert.of(fenced) + returning, args
	case c == holdall.Always:
		return s.upsert.of(fenced), args
	case e.ID != "":
		return s.updateByID.of(fenced), append(args, int64(c))
	}
	return s.updateByPlace.of(fenced), append(args[:len(args)-kept], int64(c))
}

const returning = " RETURNING " + putColumns

// putColumns are readPut's row.
const putColumns = "e.id, e.created_at, e.created_by, e.version"

func isFenced(e *holdall.Entry) bool {
	return e.Kind == holdall.KindObject && e.State == holdall.StateLive
}

// readPut takes over what the catalog decides about e.
func readPut(row pgx.Row, e *holdall.Entry, before ...any) error {
	var created stamp
	err := row.Scan(append(before, &e.ID, &created, &e.CreatedBy, &e.Version)...)
	if err == nil {
		e.CreatedAt = time.Time(created)
	}
	return err
}

// explain finds out why a put did nothing.
func (s *statements) explain(ctx context.Context, q querier, e *holdall.Entry, c holdall.Condition, err error) error {
	switch {
	case hasCode(err, uniqueViolation) && pgError(err).ConstraintName == "entries_live":
		return errExpired
	case hasCode(err, notNullViolation) && pgError(err).ColumnName == "container":
		return fmt.Errorf("postgres: %w: %q", holdall.ErrNoBucket, e.Container)
	case err != pgx.ErrNoRows:
		return err
	case c <= 0:
		return errExpired
	}
	old, err := s.head(ctx, q, e, false)
	switch {
	case err != nil:
		return err
	case old.State == holdall.StateLive && old.Expired(e.UpdatedAt):
		return fmt.Errorf("postgres: %w: no entry to replace", holdall.ErrNotFound)
	}
	return fmt.Errorf("postgres: %w: version %d is asked for, it was another", holdall.ErrConflict, c)
}

// head returns what decides about replacing the entry that e names; with
// lock, nobody else changes it then.
func (s *statements) head(ctx context.Context, q querier, e *holdall.Entry, lock bool) (holdall.Entry, error) {
	sql, args := s.headByPlace, placeArgs(e.Place())
	switch {
	case e.ID != "" && lock:
		sql, args = s.lockByID, []any{e.ID, e.Tenant}
	case e.ID != "":
		sql, args = s.headByID, []any{e.ID, e.Tenant}
	case lock:
		sql = s.lockByPlace
	}
	var old holdall.Entry
	var kind, state string
	var expires stamp
	err := q.QueryRow(ctx, sql, args...).Scan(&old.ID, &kind, &old.Name, &state, &old.Version, &expires)
	if err == pgx.ErrNoRows {
		err = fmt.Errorf("postgres: %w: no entry to replace", holdall.ErrNotFound)
	}
	old.Kind, old.State, old.ExpiresAt = holdall.Kind(kind), holdall.State(state), time.Time(expires)
	return old, err
}

// putBucket changes a bucket. It locks the row, so that no object comes in
// meanwhile, and then looks whether one is there where the bucket would leave.
func (b *Backend) putBucket(ctx context.Context, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
	var out holdall.Entry
	err := b.transaction(ctx, func(q querier) error {
		old, err := b.sql.head(ctx, q, &e, true)
		if err != nil {
			return err
		}
		leaves := old.State == holdall.StateLive && !(e.State == holdall.StateLive && e.Name == old.Name)
		if leaves && old.Version == int64(c) && !old.Expired(e.UpdatedAt) {
			if err := b.mayLeave(ctx, q, e.Tenant, old.Name, e.UpdatedAt); err != nil {
				return err
			}
		}
		out, err = b.sql.put(ctx, q, e, c)
		return err
	})
	if err == errExpired {
		return b.putOver(ctx, e, c)
	}
	return out, err
}

// mayLeave fails with ErrNotEmpty while live objects are in the bucket. Its
// statement must see what committed before the bucket's row was locked, so
// the transaction must not read from an older snapshot.
func (b *Backend) mayLeave(ctx context.Context, q querier, tenant, bucket string, now time.Time) error {
	var level string
	if err := q.QueryRow(ctx, "SHOW transaction_isolation").Scan(&level); err != nil {
		return err
	}
	if level != "read committed" {
		b.tx.told.needsFresh.Store(true)
		return fmt.Errorf("postgres: deleting a bucket inside a %s transaction: %w; begin it as read committed", level, errors.ErrUnsupported)
	}
	var some bool
	if err := q.QueryRow(ctx, b.sql.anyObject, tenant, bucket, now).Scan(&some); err != nil {
		return err
	}
	if some {
		return fmt.Errorf("postgres: %w: objects are in bucket %q", holdall.ErrNotEmpty, bucket)
	}
	return nil
}
