package postgres

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/holdall-go/holdall"
)

// WithTx returns a Backend that works in the host's own transaction: what it
// writes is committed or rolled back with the host's rows. Make a store of it:
//
//	b := backend.WithTx(tx)
//	s := store.With(holdall.Backends{Catalog: b, Blobs: b})
//
// Each operation is under a savepoint, so one that fails leaves tx usable; it
// is not repeated after a deadlock or a serialization failure, which match
// ErrConflict. In a transaction of another level than read committed a bucket
// cannot be deleted: that matches errors.ErrUnsupported. The Backend is of no
// use after the end of tx, and while one of its operations runs tx must not be
// used. Closing it does nothing.
func (b *Backend) WithTx(tx pgx.Tx) *Backend {
	bound := *b
	bound.tx = &boundTx{tx: tx, told: &told{}}
	return &bound
}

// told is what the operations of a transaction have found out.
type told struct {
	conflicted atomic.Bool // the server refused a step because of others
	needsFresh atomic.Bool // a step must see what committed meanwhile
}

// InTx implements [holdall.Transactor]. The catalog that fn gets is a
// *Backend, blobs and all. It reads one snapshot (repeatable read), and what
// others have changed since makes InTx call fn again, ten times at most, then
// fail with ErrConflict. Where fn deletes a bucket it is called again in a
// transaction that sees what others commit (read committed).
func (b *Backend) InTx(ctx context.Context, fn func(ctx context.Context, tx holdall.Catalog) error) error {
	if b.tx != nil {
		var own error // fn's
		err := b.nested(ctx, true, func(tx pgx.Tx) error {
			own = b.within(ctx, b.tx.told, fn)(tx)
			return own
		})
		if own != nil {
			return own
		}
		return err
	}
	level := pgx.RepeatableRead
	for try := 1; ; try++ {
		t := &told{}
		committing := false
		var own error // fn's
		err := b.onConn(ctx, func(c *pgxpool.Conn) error {
			tx, err := c.BeginTx(ctx, pgx.TxOptions{IsoLevel: level})
			if err != nil {
				return err
			}
			defer rollback(ctx, tx)
			if own = b.within(ctx, t, fn)(tx); own != nil {
				return own
			}
			committing = true
			return tx.Commit(ctx)
		})
		again := t.conflicted.Load() || rolledBack(err)
		switch {
		case err == nil:
			return nil
		case t.needsFresh.Load() && level != pgx.ReadCommitted:
			level = pgx.ReadCommitted
			continue
		case again && ctx.Err() == nil && try < maxTries:
			pause(ctx, try)
			continue
		case own != nil:
			return own
		case rolledBack(err):
			return fmt.Errorf("postgres: %w: %w", holdall.ErrConflict, err)
		}
		return failure(ctx, err, committing && outcomeUnknown(err))
	}
}

// within returns fn for a transaction.
func (b *Backend) within(ctx context.Context, t *told, fn func(ctx context.Context, tx holdall.Catalog) error) func(pgx.Tx) error {
	return func(tx pgx.Tx) error {
		bound := *b
		bound.tx = &boundTx{tx: tx, told: t}
		return fn(ctx, &bound)
	}
}
