package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
)

var bg = context.Background()

func testEngine(t *testing.T) *engine {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	e, err := newEngine(db)
	require.NoError(t, err)
	return e
}

func value(t *testing.T, e *engine, key string) string {
	t.Helper()
	var v string
	require.NoError(t, e.View(func(tx kv.Tx) error { v = string(tx.Get([]byte(key))); return nil }))
	return v
}

// waitQueued waits until n updates are in the queue, while the test has the turn.
func waitQueued(e *engine, n int) {
	for queued := 0; queued != n; runtime.Gosched() {
		e.mu.Lock()
		queued = len(e.queue)
		e.mu.Unlock()
	}
}

func TestUpdatesThatWaitShareOneCommitAndNoErrors(t *testing.T) {
	e := testEngine(t)
	odd := errors.New("odd")
	e.turn <- struct{}{}
	var wg sync.WaitGroup
	errs := make([]error, 40)
	for i := range errs {
		wg.Go(func() {
			errs[i] = e.Update(bg, kv.Shared, func(tx kv.Tx) error {
				if i%2 == 1 {
					return odd
				}
				tx.Put(fmt.Appendf(nil, "k%d", i), []byte("v"))
				return nil
			})
		})
	}
	waitQueued(e, len(errs))
	id := txID(t, e)
	<-e.turn
	wg.Wait()
	require.Equal(t, id+1, txID(t, e), "all in one commit")
	for i, err := range errs {
		if i%2 == 1 {
			require.Equal(t, odd, err)
			require.Empty(t, value(t, e, fmt.Sprintf("k%d", i)))
		} else {
			require.NoError(t, err)
			require.Equal(t, "v", value(t, e, fmt.Sprintf("k%d", i)))
		}
	}
}

func txID(t *testing.T, e *engine) int {
	t.Helper()
	tx, err := e.db.Begin(false)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	return tx.ID()
}

func TestAnUpdateThatWritesNothingCommitsNothing(t *testing.T) {
	e := testEngine(t)
	id := txID(t, e)
	require.NoError(t, e.Update(bg, kv.Shared, func(kv.Tx) error { return nil }))
	require.Equal(t, id, txID(t, e))
}

func TestAWaitingUpdateCanBeWithdrawn(t *testing.T) {
	e := testEngine(t)
	e.turn <- struct{}{}
	ctx, cancel := context.WithCancel(bg)
	failed := make(chan error)
	go func() {
		failed <- e.Update(ctx, kv.Shared, func(tx kv.Tx) error { tx.Put([]byte("a"), []byte("1")); return nil })
	}()
	waitQueued(e, 1)
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	<-e.turn
	require.NoError(t, e.Update(bg, kv.Shared, func(tx kv.Tx) error { tx.Put([]byte("b"), []byte("1")); return nil }))
	require.Empty(t, value(t, e, "a"), "what was cancelled before it began does not happen")
}

func TestExclusiveUpdatesRollBack(t *testing.T) {
	e := testEngine(t)
	no := errors.New("no")
	require.Equal(t, no, e.Update(bg, kv.Exclusive, func(tx kv.Tx) error {
		tx.Put([]byte("a"), []byte("1"))
		return no
	}))
	require.Panics(t, func() {
		_ = e.Update(bg, kv.Exclusive, func(tx kv.Tx) error { tx.Put([]byte("a"), []byte("1")); panic("no") })
	})
	require.NoError(t, e.Update(bg, kv.Shared, func(tx kv.Tx) error { tx.Put([]byte("b"), []byte("1")); return nil }))
	require.Empty(t, value(t, e, "a"))
}

func TestAPanicFailsTheOthersAndLetsTheNextGoOn(t *testing.T) {
	e := testEngine(t)
	e.turn <- struct{}{}
	ended := make(chan any, 2)
	update := func(fn func(kv.Tx) error) {
		defer func() { // the panic comes out at whoever leads
			if r := recover(); r != nil {
				ended <- r
			}
		}()
		ended <- e.Update(bg, kv.Shared, fn)
	}
	go update(func(tx kv.Tx) error { tx.Put([]byte("a"), []byte("1")); return nil })
	waitQueued(e, 1)
	go update(func(kv.Tx) error { panic("no") })
	waitQueued(e, 2)
	<-e.turn
	require.ElementsMatch(t, []any{"no", errAborted}, []any{<-ended, <-ended})
	require.NoError(t, e.Update(bg, kv.Shared, func(tx kv.Tx) error { tx.Put([]byte("b"), []byte("1")); return nil }))
	require.Empty(t, value(t, e, "a"))
}

func TestAFailedCommitStopsAllWritesButAFullDiskDoesNot(t *testing.T) {
	e := testEngine(t)
	full := e.outcome(fmt.Errorf("write: %w", syscall.ENOSPC))
	require.ErrorIs(t, full, holdall.ErrUnavailable)
	require.NotErrorIs(t, full, errUnknown)
	put := func(tx kv.Tx) error { tx.Put([]byte("a"), []byte("1")); return nil }
	require.NoError(t, e.Update(bg, kv.Shared, put))
	unknown := e.outcome(syscall.EIO)
	require.ErrorIs(t, unknown, holdall.ErrUnavailable)
	require.ErrorIs(t, unknown, errUnknown)
	require.ErrorIs(t, e.Update(bg, kv.Shared, put), errBroken)
	require.ErrorIs(t, e.Update(bg, kv.Exclusive, put), holdall.ErrUnavailable)
	require.Equal(t, "1", value(t, e, "a"), "reads go on")
}

func TestALongFreeListIsLeftOutUntilClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	reopen := func() *engine {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
		require.NoError(t, err)
		e, err := newEngine(db)
		require.NoError(t, err)
		return e
	}
	e := reopen()
	put := func(key string, size int) {
		require.NoError(t, e.Update(bg, kv.Shared, func(tx kv.Tx) error { tx.Put([]byte(key), make([]byte, size)); return nil }))
	}
	put("small", 1)
	require.False(t, e.db.NoFreelistSync)
	size := (maxFreelist + 100) * e.db.Info().PageSize
	put("big", size)
	put("big", 1)
	put("small", 2)
	require.True(t, e.db.NoFreelistSync)
	put("small", 3)
	require.NoError(t, e.db.Close()) // as a crash leaves it
	e = reopen()
	require.Equal(t, 3, len(value(t, e, "small")))
	require.Greater(t, e.db.Stats().FreePageN, maxFreelist, "Open has found the free pages")
	put("small", 4)
	require.NoError(t, e.close())
	e = reopen()
	put("big", size)
	require.Equal(t, 4, len(value(t, e, "small")))
	require.NoError(t, e.db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			require.NoError(t, err)
		}
		return nil
	}))
	require.NoError(t, e.close())
}
