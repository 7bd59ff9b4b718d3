package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

func record(id, name string) holdall.Entry {
	return holdall.Entry{ID: id, Kind: holdall.KindRecord, Tenant: "t", Container: "c", Tier: holdall.Shared, Name: name, State: holdall.StateLive}
}

func newStore(t testing.TB, b *Backend) *holdall.Store {
	t.Helper()
	s, err := holdall.New(holdall.Config{Catalog: b, Blobs: b})
	require.NoError(t, err)
	return s
}

var everyone = holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"*"}}

func TestHostTransactionCommitsOrRollsBackAll(t *testing.T) {
	b := open(t, nil)
	s := newStore(t, b)
	for _, commit := range []bool{false, true} {
		tx, err := b.pool.Begin(bg)
		require.NoError(t, err)
		defer tx.Rollback(bg)
		bound := b.WithTx(tx)
		ws := s.With(holdall.Backends{Catalog: bound, Blobs: bound}).As(everyone)
		for _, size := range []int{10, 300 << 10, 5 << 20} {
			_, err = ws.Bucket("default").Object(fmt.Sprint("invoice ", size)).Put(bg, strings.NewReader(strings.Repeat("x", size)), nil)
			require.NoError(t, err)
		}
		var durable string
		require.NoError(t, tx.QueryRow(bg, "SHOW synchronous_commit").Scan(&durable))
		require.Equal(t, "on", durable, "a setting of ours stayed in the host's transaction")
		_, err = ws.Collection("orders").Record("1").Put(bg, 1, nil)
		require.NoError(t, err)
		_, err = ws.Bucket("default").Object("broken").Put(bg, strings.NewReader("x"), &holdall.PutOptions{Size: 5})
		require.ErrorIs(t, err, holdall.ErrInvalid)
		_, err = s.As(everyone).Collection("orders").Record("1").Get(bg)
		require.ErrorIs(t, err, holdall.ErrNotFound, "outside")
		if commit {
			require.NoError(t, tx.Commit(bg))
		} else {
			require.NoError(t, tx.Rollback(bg))
		}
		_, err = ws.Collection("orders").Record("1").Get(bg)
		require.ErrorIs(t, err, holdall.ErrInvalid, "the transaction has ended")
		_, err = s.As(everyone).Collection("orders").Record("1").Get(bg)
		require.Equal(t, commit, err == nil, "%v", err)
		blobs, err := b.ListBlobs(bg, "", 10)
		require.NoError(t, err)
		require.Len(t, blobs, map[bool]int{false: 0, true: 3}[commit])
	}
}

func TestFailuresLeaveTheHostTransactionUsable(t *testing.T) {
	b := open(t, nil)
	_, err := b.Put(bg, record("rec_1", "k"), holdall.IfAbsent)
	require.NoError(t, err)
	tx, err := b.pool.Begin(bg)
	require.NoError(t, err)
	defer tx.Rollback(bg)
	bound := b.WithTx(tx)
	_, err = bound.Put(bg, record("rec_1", "k2"), holdall.Always)
	require.ErrorIs(t, err, holdall.ErrExists)
	_, err = bound.Get(bg, holdall.Ref{Tenant: "t", ID: "\xff"})
	require.ErrorIs(t, err, holdall.ErrInvalid)
	done, cancel := context.WithCancel(bg)
	cancel()
	_, err = bound.Get(done, holdall.Ref{Tenant: "t", ID: "rec_1"})
	require.ErrorIs(t, err, context.Canceled)
	_, err = bound.Query(bg, holdall.Query{Tenant: "t", Kind: holdall.KindRecord, State: holdall.StateLive, Limit: 1})
	require.NoError(t, err)
	var jit string
	require.NoError(t, tx.QueryRow(bg, "SHOW jit").Scan(&jit))
	require.Equal(t, "on", jit, "a setting of ours stayed in the host's transaction")
	_, err = bound.Put(bg, record("rec_2", "k2"), holdall.IfAbsent)
	require.NoError(t, err)
	require.NoError(t, tx.Commit(bg))
	_, err = b.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_2"})
	require.NoError(t, err)
}

func TestBucketsLeaveOnlyWhereTheCheckIsSure(t *testing.T) {
	b := open(t, nil)
	ws := newStore(t, b).As(everyone)
	_, err := ws.Bucket("b").Create(bg, nil)
	require.NoError(t, err)
	tx, err := b.pool.BeginTx(bg, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	require.NoError(t, err)
	defer tx.Rollback(bg)
	bound := b.WithTx(tx)
	err = newStore(t, b).With(holdall.Backends{Catalog: bound, Blobs: bound}).As(everyone).Bucket("b").Delete(bg)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.NoError(t, tx.Rollback(bg))
	calls := 0
	err = newStore(t, b).InTx(bg, func(tx *holdall.Store) error {
		calls++
		return tx.As(everyone).Bucket("b").Delete(bg)
	})
	require.NoError(t, err)
	require.Equal(t, 2, calls)
	_, err = ws.Bucket("b").Stat(bg)
	require.ErrorIs(t, err, holdall.ErrNotFound)
}

// TestTransactionsThatMeetAreDoneAgain counts by read and unconditional
// write, which only isolation keeps right.
func TestTransactionsThatMeetAreDoneAgain(t *testing.T) {
	b := open(t, nil)
	s := newStore(t, b)
	count := func(ws *holdall.Workspace) (n int) {
		r, err := ws.Collection("c").Record("n").Get(bg)
		require.NoError(t, err)
		require.NoError(t, r.Decode(&n))
		return n
	}
	_, err := s.As(everyone).Collection("c").Record("n").Put(bg, 0, nil)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				for {
					err := s.InTx(bg, func(tx *holdall.Store) error {
						ws := tx.As(everyone)
						_, err := ws.Collection("c").Record("n").Put(bg, count(ws)+1, nil)
						return err
					})
					if err == nil {
						break
					}
					if !errors.Is(err, holdall.ErrConflict) {
						t.Errorf("%v", err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, 40, count(s.As(everyone)))
}

func TestBatchesThatMeetDoNotDeadlock(t *testing.T) {
	b := open(t, nil)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for range 5 {
				ops := make([]holdall.PutOp, 200)
				for i := range ops {
					n := (i*7*(w+1) + w) % 200
					ops[i] = holdall.PutOp{Entry: record(fmt.Sprintf("rec_%d_%d", w, i), fmt.Sprint(n)), Condition: holdall.Always}
				}
				results, err := b.PutBatch(bg, ops)
				if err != nil {
					t.Errorf("%v", err)
					return
				}
				for _, r := range results {
					if r.Err != nil {
						t.Errorf("%v", r.Err)
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestTwoStoresOnOneDatabase(t *testing.T) {
	o := &Options{Schema: "two stores"}
	one := open(t, o)
	two, err := New(one.pool, o)
	require.NoError(t, err)
	stores := []*holdall.Store{newStore(t, one), newStore(t, two)}
	for round := range 20 {
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for i := range 16 {
			wg.Go(func() {
				body := strings.NewReader(strings.Repeat(fmt.Sprint(i%10), []int{10, 200 << 10, 3 << 20}[round%3]))
				_, err := stores[i%2].As(everyone).Bucket("default").Object(fmt.Sprint("x", round)).Put(bg, body, nil)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if !errors.Is(err, holdall.ErrExists) {
					t.Errorf("%v", err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, 1, won)
	}
	blobs, err := one.ListBlobs(bg, "", 100)
	require.NoError(t, err)
	require.Len(t, blobs, 20, "the losers' bytes are gone")
	var rows int
	require.NoError(t, one.pool.QueryRow(bg, "SELECT count(DISTINCT blob) FROM "+quoted(o.Schema)+".blob_chunks").Scan(&rows))
	require.Equal(t, 20, rows)
}
