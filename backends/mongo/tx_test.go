package mongo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/internal/mongotest"
)

// replica returns a Backend that takes its server for a replica set, and the
// commands that it sends. The server undoes nothing: what is shown is what is
// sent, in which order, and what is done with the answers.
func replica(t *testing.T, next func(mongotest.Call) mongotest.Fate) (*Backend, holdall.Transactor, *recorder) {
	t.Helper()
	_, p := behind(t)
	p.Plan(mongotest.Replica(p.Addr, next))
	r := &recorder{}
	b := openAt(t, p.URI, r.monitor())
	tx, ok := holdall.As[holdall.Transactor](b)
	require.True(t, ok, "a replica set has transactions")
	r.take()
	return b, tx, r
}

func labelled(code int32, name string, labels ...string) mongotest.Fate {
	return mongotest.Fate{Reply: bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: code}, {Key: "codeName", Value: name},
		{Key: "errmsg", Value: name}, {Key: "errorLabels", Value: labels}}}
}

// TestStandaloneHasNoTransactions: on such a server nothing claims to be one.
func TestStandaloneHasNoTransactions(t *testing.T) {
	if mongotest.Real() {
		t.Skip("the MongoDB may be a replica set")
	}
	b := open(t)
	_, ok := holdall.As[holdall.Transactor](b)
	require.False(t, ok)
	s, err := holdall.New(holdall.Config{Catalog: b, Blobs: memory.New()})
	require.NoError(t, err)
	_, err = s.As(everyone).BatchAtomic(bg, []holdall.BatchOp{{Collection: "c", Key: "k", Value: 1}})
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestTransactionCommands(t *testing.T) {
	b, tx, r := replica(t, nil)
	old, err := b.Put(bg, record("rec_1", "one"), holdall.IfAbsent)
	require.NoError(t, err)
	r.take()
	err = tx.InTx(bg, func(ctx context.Context, c holdall.Catalog) error {
		_, err := c.Put(ctx, old, holdall.IfVersion(1))
		require.NoError(t, err)
		_, err = c.Put(ctx, record("rec_2", "two"), holdall.Always)
		require.NoError(t, err)
		_, err = c.Put(ctx, record("rec_3", "two"), holdall.IfAbsent)
		require.ErrorIs(t, err, holdall.ErrExists, "an operation that fails asks first: an error of the server would end the transaction")
		_, err = c.Put(ctx, old, holdall.IfVersion(1))
		require.ErrorIs(t, err, holdall.ErrConflict)
		page, err := c.Query(ctx, records())
		require.Len(t, page.Entries, 2)
		return errors.Join(err, c.Remove(ctx, "t", "rec_2", 1))
	})
	require.NoError(t, err)
	sent := r.take()
	first, last := sent[0], sent[len(sent)-1]
	require.Equal(t, true, first.get("startTransaction"))
	require.Equal(t, "snapshot", first.get("readConcern", "level"))
	require.Equal(t, "commitTransaction", last.name)
	require.Equal(t, "majority", last.get("writeConcern", "w"))
	for i, c := range sent {
		require.Equal(t, first.get("lsid"), c.get("lsid"), c.name)
		require.Equal(t, first.get("txnNumber"), c.get("txnNumber"), c.name)
		require.Equal(t, false, c.get("autocommit"), c.name)
		if i > 0 {
			require.Nil(t, c.get("startTransaction"))
			require.Nil(t, c.get("readConcern"))
		}
		if i < len(sent)-1 {
			require.Nil(t, c.get("writeConcern"), c.name)
		}
		require.NotEqual(t, "abortTransaction", c.name)
	}
	e, err := b.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_1"})
	require.NoError(t, err)
	require.EqualValues(t, 2, e.Version)
}

func namesOf(list []command) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.name)
	}
	return out
}

func TestTransactionEnds(t *testing.T) {
	_, tx, r := replica(t, nil)
	giveUp := errors.New("the function gives up")
	err := tx.InTx(bg, func(ctx context.Context, c holdall.Catalog) error {
		_, err := c.Put(ctx, record("rec_1", "one"), holdall.IfAbsent)
		require.NoError(t, err)
		return giveUp
	})
	require.Equal(t, giveUp, err)
	require.Equal(t, "find find find insert abortTransaction", strings.Join(namesOf(r.take()), " "))

	require.Panics(t, func() {
		_ = tx.InTx(bg, func(ctx context.Context, c holdall.Catalog) error {
			_, err := c.Get(ctx, holdall.Ref{Tenant: "t", ID: "rec_9"})
			require.ErrorIs(t, err, holdall.ErrNotFound)
			panic("on purpose")
		})
	})
	require.Contains(t, namesOf(r.take()), "abortTransaction")

	ctx, cancel := context.WithCancel(bg)
	err = tx.InTx(ctx, func(ctx context.Context, c holdall.Catalog) error {
		_, err := c.Get(ctx, holdall.Ref{Tenant: "t", ID: "rec_9"})
		require.ErrorIs(t, err, holdall.ErrNotFound)
		cancel()
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, namesOf(r.take()), "commitTransaction")
}

// TestUnknownCommitsAreCommittedAgain: again, and without the function.
func TestUnknownCommitsAreCommittedAgain(t *testing.T) {
	for name, fate := range map[string]mongotest.Fate{
		"an answer in doubt": labelled(64, "WriteConcernFailed", labelUnknownCommit), "no answer": {Cut: true},
	} {
		t.Run(name, func(t *testing.T) {
			unknown := 3
			_, tx, r := replica(t, func(c mongotest.Call) mongotest.Fate {
				if unknown--; c.Name != "commitTransaction" {
					unknown++
				} else if unknown >= 0 {
					return fate
				}
				return mongotest.Fate{}
			})
			calls := 0
			err := tx.InTx(bg, func(ctx context.Context, c holdall.Catalog) error {
				calls++
				_, err := c.Put(ctx, record("rec_1", "one"), holdall.IfAbsent)
				return err
			})
			require.NoError(t, err)
			require.Equal(t, 1, calls)
			sent := r.take()
			require.GreaterOrEqual(t, len(slices.DeleteFunc(sent, func(c command) bool { return c.name != "commitTransaction" })), 3)
		})
	}
	t.Run("for ever", func(t *testing.T) {
		_, tx, _ := replica(t, func(c mongotest.Call) mongotest.Fate {
			if c.Name == "commitTransaction" {
				return labelled(64, "WriteConcernFailed", labelUnknownCommit)
			}
			return mongotest.Fate{}
		})
		err := tx.InTx(bg, func(ctx context.Context, c holdall.Catalog) error {
			_, err := c.Put(ctx, record("rec_1", "one"), holdall.IfAbsent)
			return err
		})
		require.ErrorIs(t, err, holdall.ErrUnavailable)
		require.ErrorContains(t, err, "unknown")
	})
}

// TestConflictsBeginAnew: whatever the function makes of the error.
func TestConflictsBeginAnew(t *testing.T) {
	for _, where := range []string{"find", "insert", "commitTransaction"} {
		t.Run(where, func(t *testing.T) {
			conflicts := 2
			_, tx, _ := replica(t, func(c mongotest.Call) mongotest.Fate {
				if c.Name == where && conflicts > 0 {
					conflicts--
					return labelled(writeConflict, "WriteConflict", labelTransient)
				}
				return mongotest.Fate{}
			})
			calls := 0
			err := tx.InTx(bg, func(ctx context.Context, c holdall.Catalog) error {
				calls++
				_, err := c.Put(ctx, record("rec_1", "one"), holdall.Always)
				if calls == 1 && where != "commitTransaction" {
					require.ErrorIs(t, err, holdall.ErrConflict)
					return nil
				}
				return err
			})
			require.NoError(t, err)
			require.Equal(t, 3, calls)
		})
	}
	t.Run("for ever", func(t *testing.T) {
		_, tx, _ := replica(t, func(c mongotest.Call) mongotest.Fate {
			if c.Name == "insert" {
				return labelled(writeConflict, "WriteConflict", labelTransient)
			}
			return mongotest.Fate{}
		})
		calls := 0
		err := tx.InTx(bg, func(ctx context.Context, c holdall.Catalog) error {
			calls++
			_, err := c.Put(ctx, record("rec_1", "one"), holdall.IfAbsent)
			return err
		})
		require.ErrorIs(t, err, holdall.ErrConflict)
		require.Equal(t, maxTries, calls)
	})
}

// TestBucketsInTransactions: an object holds its bucket by writing to it, and
// a bucket that leaves is marked from outside before the transaction begins anew.
func TestBucketsInTransactions(t *testing.T) {
	b, tx, r := replica(t, nil)
	home, err := b.Put(bg, bucket("bkt_1", "b"), holdall.IfAbsent)
	require.NoError(t, err)
	err = tx.InTx(bg, func(ctx context.Context, c holdall.Catalog) error {
		_, err := c.Put(ctx, object("obj_1", "nowhere", "x"), holdall.IfAbsent)
		require.ErrorIs(t, err, holdall.ErrNoBucket)
		_, err = c.Put(ctx, object("obj_1", "b", "x"), holdall.IfAbsent)
		return err
	})
	require.NoError(t, err)
	require.Contains(t, namesOf(r.take()), "update", "the bucket is written to")

	leave := func(ctx context.Context, c holdall.Catalog) error {
		gone := home
		gone.State = holdall.StateDeleted
		_, err := c.Put(ctx, gone, holdall.IfVersion(1))
		return err
	}
	require.ErrorIs(t, tx.InTx(bg, leave), holdall.ErrNotEmpty)
	stored, err := b.find(bg, liveAt(bucketPlace("t", "b")), headFields)
	require.NoError(t, err)
	require.Empty(t, stored.Leave, "the mark is off again")

	calls := 0
	r.take()
	err = tx.InTx(bg, func(ctx context.Context, c holdall.Catalog) error {
		if calls++; calls == 1 {
			require.NoError(t, b.Remove(bg, "t", "obj_1", 1))
		}
		return leave(ctx, c)
	})
	require.NoError(t, err)
	require.Equal(t, 2, calls)
	outside := slices.ContainsFunc(r.take(), func(c command) bool { return c.name == "update" && c.get("autocommit") == nil })
	require.True(t, outside, "others see the mark")
	_, err = b.Put(bg, object("obj_2", "b", "y"), holdall.IfAbsent)
	require.ErrorIs(t, err, holdall.ErrNoBucket)
}

func TestAtomicBatch(t *testing.T) {
	b, _, r := replica(t, nil)
	s, err := holdall.New(holdall.Config{Catalog: b, Blobs: memory.New()})
	require.NoError(t, err)
	c := s.As(everyone)
	_, err = c.BatchAtomic(bg, []holdall.BatchOp{{Collection: "c", Key: "1", Value: 1}, {Collection: "c", Key: "2", Value: 2}})
	require.NoError(t, err)
	require.Contains(t, namesOf(r.take()), "commitTransaction")
	_, err = c.BatchAtomic(bg, []holdall.BatchOp{{Collection: "c", Key: "3", Value: 1}, {Collection: "c", Key: "1", Value: 2, Options: holdall.RecordOptions{IfAbsent: true}}})
	require.ErrorIs(t, err, holdall.ErrPrecondition)
	sent := namesOf(r.take())
	require.Contains(t, sent, "abortTransaction")
	require.NotContains(t, sent, "commitTransaction")
}

// TestRetriesAreTheServers: on a replica set the driver sends a write whose
// reply was lost again, under the number that has the server do it once.
func TestRetriesAreTheServers(t *testing.T) {
	cut := false
	b, _, r := replica(t, func(c mongotest.Call) mongotest.Fate {
		if c.Name == "insert" && !cut {
			cut = true
			return mongotest.Fate{Drop: true}
		}
		return mongotest.Fate{}
	})
	_, err := b.Put(bg, record("rec_1", "one"), holdall.IfAbsent)
	require.NoError(t, err)
	inserts := slices.DeleteFunc(r.take(), func(c command) bool { return c.name != "insert" })
	require.Len(t, inserts, 2)
	require.NotNil(t, inserts[0].get("txnNumber"))
	require.Equal(t, inserts[0].get("txnNumber"), inserts[1].get("txnNumber"))
}

// TestFencesAreCausal: what looks after it wrote does so in one session.
func TestFencesAreCausal(t *testing.T) {
	b, _, r := replica(t, nil)
	_, err := b.Put(bg, bucket("bkt_1", "b"), holdall.IfAbsent)
	require.NoError(t, err)
	r.take()
	_, err = b.Put(bg, object("obj_1", "b", "x"), holdall.IfAbsent)
	require.NoError(t, err)
	sent := r.take()
	require.Equal(t, "insert find", strings.Join(namesOf(sent), " "))
	require.Equal(t, sent[0].get("lsid"), sent[1].get("lsid"))
}
