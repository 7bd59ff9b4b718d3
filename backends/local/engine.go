package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"go.etcd.io/bbolt"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
)

// maxGroup bounds how many updates share one commit.
const maxGroup = 512

// maxFreelist is how many free pages a commit writes the list of, at 8 bytes
// each. After a great deletion the list would be most of each commit; it is
// left out then, and Open has to find the free pages by reading the tree,
// unless Close has written it.
const maxFreelist = 8 << 10

var (
	errAborted = errors.New("a shared update failed after its first write")
	errUnknown = errors.New("the commit may or may not have happened")
	errBroken  = errors.New("an earlier commit failed and may or may not have happened: open the folder again")

	rootBucket = []byte("holdall")
)

// engine is a [kv.DB] over bbolt with group commit and without a goroutine of
// its own. An update joins the queue; whoever gets the turn commits all that
// is queued in one bbolt transaction, so under load each pair of syncs serves
// as many updates as came while the last pair ran.
type engine struct {
	db   *bbolt.DB
	turn chan struct{} // holds one value while somebody writes
	// unconfirmed says that there is an undo of the last commit. It belongs to
	// who has the turn.
	unconfirmed bool

	mu     sync.Mutex
	queue  []*update
	broken error
}

type update struct {
	fn   func(kv.Tx) error
	err  error
	done chan struct{}
}

func newEngine(db *bbolt.DB) (*engine, error) {
	e := &engine{db: db, turn: make(chan struct{}, 1)}
	var b *bbolt.Bucket
	err := db.View(func(tx *bbolt.Tx) error {
		if b = tx.Bucket(rootBucket); b != nil {
			e.unconfirmed = b.Get(undoKey) != nil
		}
		return nil
	})
	if err != nil || b != nil {
		return e, err
	}
	return e, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket(rootBucket)
		return err
	})
}

// close closes the database, its list of free pages written and its last
// commit confirmed.
func (e *engine) close() (err error) {
	e.turn <- struct{}{}
	defer func() { <-e.turn }()
	if (e.db.NoFreelistSync || e.unconfirmed) && e.state() == nil {
		e.db.NoFreelistSync = false
		err = e.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(rootBucket).Delete(undoKey) })
	}
	return errors.Join(err, e.db.Close())
}

// View implements [kv.DB].
func (e *engine) View(fn func(kv.Tx) error) error {
	tx, err := e.db.Begin(false)
	if err != nil {
		return unavailable(err)
	}
	defer func() { _ = tx.Rollback() }()
	return fn(&boltTx{b: tx.Bucket(rootBucket)})
}

// Update implements [kv.DB].
func (e *engine) Update(ctx context.Context, mode kv.Mode, fn func(kv.Tx) error) error {
	if mode == kv.Exclusive {
		return e.alone(ctx, fn)
	}
	u := &update{fn: fn, done: make(chan struct{})}
	e.mu.Lock()
	e.queue = append(e.queue, u)
	e.mu.Unlock()
	for {
		select {
		case <-u.done:
			return u.err
		case e.turn <- struct{}{}:
			e.lead()
		case <-ctx.Done():
			if e.withdraw(u) {
				return ctx.Err()
			}
			<-u.done // it is being committed
			return u.err
		}
	}
}

// alone runs an update that may fail at any point in a commit of its own.
func (e *engine) alone(ctx context.Context, fn func(kv.Tx) error) error {
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.turn }()
	u := &update{fn: fn}
	if err := e.commit([]*update{u}); err != nil && u.err == nil {
		return err
	}
	return u.err
}

// withdraw takes an update out of the queue if it is still there.
func (e *engine) withdraw(u *update) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, q := range e.queue {
		if q == u {
			e.queue = append(e.queue[:i:i], e.queue[i+1:]...)
			return true
		}
	}
	return false
}

// lead commits what is queued, and gives the turn back.
func (e *engine) lead() {
	e.mu.Lock()
	n := min(len(e.queue), maxGroup)
	group := e.queue[:n:n]
	e.queue = e.queue[n:]
	e.mu.Unlock()
	err := errAborted // what the others get if one panics
	defer func() {
		<-e.turn
		for _, u := range group {
			if u.err == nil {
				u.err = err
			}
			close(u.done)
		}
	}()
	err = e.commit(group)
}

// commit runs the updates in one bbolt transaction. An update that fails gets
// its own error and has no effect on the others; the returned error is for
// all that did not.
func (e *engine) commit(group []*update) error {
	if err := e.state(); err != nil || len(group) == 0 {
		return err
	}
	tx, err := e.db.Begin(true)
	if err != nil {
		return unavailable(err)
	}
	defer func() { _ = tx.Rollback() }() // nothing once committed
	t := &boltTx{b: tx.Bucket(rootBucket)}
	for _, u := range group {
		before := t.writes
		if u.err = u.fn(t); u.err != nil && t.writes != before {
			if len(group) == 1 {
				return nil
			}
			return unavailable(errAborted)
		}
	}
	switch {
	case t.err != nil:
		return unavailable(t.err)
	case t.writes == 0:
		return nil
	case e.unconfirmed && !t.undo:
		t.Delete(undoKey)
	}
	err = tx.Commit()
	if err == nil {
		e.unconfirmed = t.undo
	}
	stats := e.db.Stats()
	e.db.NoFreelistSync = stats.FreePageN+stats.PendingPageN > maxFreelist
	return e.outcome(err)
}

// state returns why nothing can be written any more, or nil.
func (e *engine) state() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.broken
}

// outcome looks at a commit's error. A full disk is found before the commit
// can take effect, and one may go on. After any other error nobody knows what
// is on the disk, and to go on could build on pages that are not there: all
// later updates fail until the folder is opened again.
func (e *engine) outcome(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.ENOSPC) {
		return unavailable(err)
	}
	return e.stop(err)
}

// stop makes all later updates fail, and returns the error for this one.
func (e *engine) stop(err error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.broken = unavailable(errBroken)
	return fmt.Errorf("%w: %w", unavailable(errUnknown), err)
}

// confirm takes the undo of the last commit away, if there is one.
func (e *engine) confirm(ctx context.Context) error {
	return e.Update(ctx, kv.Exclusive, func(tx kv.Tx) error {
		if e.unconfirmed {
			tx.Delete(undoKey)
		}
		return nil
	})
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", holdall.ErrUnavailable, err) }

// boltTx is a [kv.Tx] over the one bucket that everything is in.
type boltTx struct {
	b      *bbolt.Bucket
	writes int
	undo   bool  // an undo is among them
	err    error // the first that a write returned
}

func (t *boltTx) Get(key []byte) []byte { return t.b.Get(key) }

func (t *boltTx) Put(key, value []byte) {
	t.writes++
	t.undo = t.undo || bytes.Equal(key, undoKey)
	if err := t.b.Put(key, value); err != nil && t.err == nil {
		t.err = err
	}
}

func (t *boltTx) Delete(key []byte) {
	t.writes++
	if err := t.b.Delete(key); err != nil && t.err == nil {
		t.err = err
	}
}

func (t *boltTx) Cursor() kv.Cursor { return boltCursor{t.b.Cursor()} }

type boltCursor struct{ *bbolt.Cursor }

func (c boltCursor) SeekBefore(key []byte) (k, v []byte) {
	if k, _ := c.Seek(key); k == nil {
		return c.Last()
	}
	return c.Prev()
}
