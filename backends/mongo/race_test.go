package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/mongotest"
)

// TestTwoProcesses races two backends with clients of their own over one
// database: counting, and a bucket that leaves while objects come.
func TestTwoProcesses(t *testing.T) {
	uri := mongotest.URI(t)
	one := openAt(t, uri, nil)
	both := []*Backend{one, openBare(t, uri, one.db.Name(), nil)}
	_, err := one.Put(bg, record("rec_n", "n"), holdall.IfAbsent)
	require.NoError(t, err)
	const workers, each = 6, 10
	race(workers, func(w int) {
		b := both[w%2]
		for done := 0; done < each; {
			e, err := b.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_n"})
			if err == nil {
				_, err = b.Put(bg, e, holdall.IfVersion(e.Version))
			}
			switch {
			case err == nil:
				done++
			case !errors.Is(err, holdall.ErrConflict):
				t.Errorf("%v", err)
				return
			}
		}
	})
	e, err := one.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_n"})
	require.NoError(t, err)
	require.EqualValues(t, workers*each+1, e.Version)

	left, stayed := 0, 0
	for round := range 50 {
		name := fmt.Sprint("b", round)
		home, err := one.Put(bg, bucket("bkt_"+name, name), holdall.IfAbsent)
		require.NoError(t, err)
		at := home.Place()
		var came atomic.Int64
		var ended error
		here, gone := make(chan struct{}), make(chan struct{})
		var first sync.Once
		race(5, func(w int) {
			b := both[w%2]
			if w == 0 {
				if round%10 == 0 { // it comes too late
					<-here
				}
				home.State = holdall.StateDeleted
				_, ended = b.Put(bg, home, holdall.IfVersion(1))
				close(gone)
				return
			}
			defer first.Do(func() { close(here) })
			if round%10 == 9 { // they come too late
				<-gone
			}
			for range 2 * (round % 5) { // later each time, so that either may win
				_, err := b.Get(bg, at)
				if err != nil && !errors.Is(err, holdall.ErrNotFound) {
					t.Errorf("%v", err)
				}
			}
			_, err := b.Put(bg, object(fmt.Sprintf("obj_%d_%d", round, w), name, fmt.Sprint(w)), []holdall.Condition{holdall.IfAbsent, holdall.Always}[w%2])
			switch {
			case err == nil:
				came.Add(1)
			case !errors.Is(err, holdall.ErrNoBucket):
				t.Errorf("round %d: %v", round, err)
			}
		})
		q := holdall.Query{Tenant: "t", Kind: holdall.KindObject, State: holdall.StateLive, Containers: []string{name}}
		n, err := one.Count(bg, q)
		require.NoError(t, err)
		require.Equal(t, came.Load(), n)
		if ended == nil {
			left++
			require.Zero(t, n, "round %d: the bucket has gone and objects are in it", round)
		} else {
			stayed++
			require.ErrorIs(t, ended, holdall.ErrNotEmpty)
			require.NotZero(t, n, "round %d: nobody has succeeded", round)
		}
	}
	t.Logf("the bucket left %d times and stayed %d times", left, stayed)
	require.True(t, left > 0 && stayed > 0)
}

func race(n int, fn func(i int)) {
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			fn(i)
		})
	}
	close(start)
	wg.Wait()
}

// TestDeadDeleter leaves a bucket marked, as a process does that dies while
// it lets the bucket leave. Others wait, and take the mark off in the end.
func TestDeadDeleter(t *testing.T) {
	b := open(t)
	home, err := b.Put(bg, bucket("bkt_1", "b"), holdall.IfAbsent)
	require.NoError(t, err)
	mark := func(until time.Time) {
		where := append(liveAt(bucketPlace("t", "b")), bson.E{Key: "_id", Value: home.ID})
		require.NoError(t, b.update(bg, where, bson.D{{Key: "$set", Value: bson.D{{Key: "leave", Value: "dead"}, {Key: "leave_until", Value: until.UnixMicro()}}}}))
	}
	mark(time.Now().Add(50 * time.Millisecond))
	_, err = b.Put(bg, object("obj_1", "b", "x"), holdall.IfAbsent)
	require.NoError(t, err)
	mark(time.Now().Add(50 * time.Millisecond))
	home.State = holdall.StateDeleted
	_, err = b.Put(bg, home, holdall.IfVersion(1))
	require.ErrorIs(t, err, holdall.ErrNotEmpty)
	require.NoError(t, b.Remove(bg, "t", "obj_1", 1))
	mark(time.Now().Add(-time.Second))
	_, err = b.Put(bg, home, holdall.IfVersion(1))
	require.NoError(t, err)
}

// TestEndingsOutlastMarks: what is finished after the caller has gone may have
// to wait for the mark of a process that died, and has an operation's time.
func TestEndingsOutlastMarks(t *testing.T) {
	gone, cancel := context.WithCancel(bg)
	cancel()
	for timeout, least := range map[time.Duration]time.Duration{time.Millisecond: markLimit + time.Second, time.Hour: time.Hour} {
		before := time.Now()
		ctx, end := (&Backend{timeout: timeout}).detached(gone)
		at, ok := ctx.Deadline()
		require.True(t, ok)
		require.False(t, at.Before(before.Add(least)))
		require.NoError(t, ctx.Err())
		end()
	}
}

// TestTooLarge puts what MongoDB's limit of a document does not allow.
func TestTooLarge(t *testing.T) {
	b := open(t)
	e := record("rec_1", "k")
	e.Value = bytes.Join([][]byte{[]byte(`{"a":"`), []byte(`"}`)}, bytes.Repeat([]byte("x"), 9<<20))
	_, err := b.Put(bg, e, holdall.IfAbsent)
	require.ErrorIs(t, err, holdall.ErrTooLarge)
	_, err = b.Get(bg, e.Place())
	require.ErrorIs(t, err, holdall.ErrNotFound)
}
