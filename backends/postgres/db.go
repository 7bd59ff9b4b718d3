package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/holdall-go/holdall"
)

// querier is a connection or a transaction.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	Conn() *pgx.Conn
}

// boundTx is the transaction that a Backend works in.
type boundTx struct {
	mu   sync.Mutex // a transaction is one connection: one operation at a time
	tx   pgx.Tx
	told *told
}

const (
	maxTries    = 10
	endingLimit = 5 * time.Second // for a rollback after the caller's context has ended
)

// read runs a statement that changes nothing.
func (b *Backend) read(ctx context.Context, fn func(q querier) error) error {
	return b.run(ctx, false, fn)
}

// write runs fn, which sends one statement or one batch that commits by itself.
func (b *Backend) write(ctx context.Context, fn func(q querier) error) error {
	return b.run(ctx, true, fn)
}

// run runs fn on a connection, again when the server says that this is safe
// and may help. Within a transaction it runs fn once, under a savepoint.
func (b *Backend) run(ctx context.Context, writes bool, fn func(q querier) error) error {
	if b.tx != nil {
		return b.nested(ctx, writes, func(tx pgx.Tx) error { return fn(tx) })
	}
	for try := 1; ; try++ {
		err := b.onConn(ctx, func(c *pgxpool.Conn) error { return fn(c) })
		if err == nil {
			return nil
		}
		again := rolledBack(err) || neverSent(err) || !writes && connectionLost(err)
		if !again || try == maxTries || ctx.Err() != nil {
			return failure(ctx, err, writes && outcomeUnknown(err))
		}
		pause(ctx, try)
	}
}

// transaction runs fn in a transaction of several steps, or under a savepoint
// where there is a transaction already.
func (b *Backend) transaction(ctx context.Context, fn func(q querier) error) error {
	if b.tx != nil {
		return b.nested(ctx, true, func(tx pgx.Tx) error { return fn(tx) })
	}
	for try := 1; ; try++ {
		committing := false
		err := b.onConn(ctx, func(c *pgxpool.Conn) error {
			// Read committed, whatever the host's default is: the checks of a
			// second statement must see what committed before it.
			tx, err := c.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
			if err != nil {
				return err
			}
			defer rollback(ctx, tx)
			if err := fn(tx); err != nil {
				return err
			}
			committing = true
			return tx.Commit(ctx)
		})
		if err == nil {
			return nil
		}
		again := rolledBack(err) || !committing && neverSent(err)
		if !again || try == maxTries || ctx.Err() != nil {
			return failure(ctx, err, committing && outcomeUnknown(err))
		}
		pause(ctx, try)
	}
}

// nested runs fn under a savepoint of the transaction, so that what fails
// leaves it usable. What only reads is rolled back to it in any case, and so
// are the settings that it made.
func (b *Backend) nested(ctx context.Context, writes bool, fn func(tx pgx.Tx) error) error {
	b.tx.mu.Lock()
	defer b.tx.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err // the driver would close the host's connection
	}
	sp, err := b.tx.tx.Begin(ctx)
	if err == nil {
		defer rollback(ctx, sp)
		if err = fn(sp); err == nil && writes {
			err = sp.Commit(ctx)
		}
	}
	if err == nil {
		return nil
	}
	if rolledBack(err) {
		b.tx.told.conflicted.Store(true)
		return fmt.Errorf("postgres: %w: %w", holdall.ErrConflict, err)
	}
	return failure(ctx, err, false)
}

// rollback ends what has not been committed; after Commit it does nothing.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endingLimit)
	defer cancel()
	_ = tx.Rollback(ctx) // a connection on which it fails is closed
}

var errNoConn = errors.New("no connection of the pool became free in time")

// onConn runs fn on a connection of the pool.
func (b *Backend) onConn(ctx context.Context, fn func(c *pgxpool.Conn) error) error {
	wait, cancel := context.WithTimeoutCause(ctx, b.maxWait, errNoConn)
	c, err := b.pool.Acquire(wait)
	cancel()
	if err != nil {
		if ctx.Err() == nil && context.Cause(wait) == errNoConn {
			return fmt.Errorf("%w: %w", holdall.ErrUnavailable, errNoConn)
		}
		return &unsent{err}
	}
	defer c.Release()
	return fn(c)
}

// pause waits a little before another try, longer each time.
func pause(ctx context.Context, try int) {
	t := time.NewTimer(rand.N(time.Duration(try) * 5 * time.Millisecond))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
