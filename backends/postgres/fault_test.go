package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/pgtest"
)

// TestCrashDuringUploads crashes the server while uploads of every kind run:
// what was confirmed is whole afterwards, and sweeping leaves nothing else.
func TestCrashDuringUploads(t *testing.T) {
	server := pgtest.Start(t)
	b := openAt(t, server.DSN, nil)
	clock := struct {
		sync.Mutex
		now time.Time
	}{now: time.Now()}
	s, err := holdall.New(holdall.Config{Catalog: b, Blobs: b, Now: func() time.Time { clock.Lock(); defer clock.Unlock(); return clock.now }})
	require.NoError(t, err)
	bucket := s.As(everyone).Bucket("default")
	confirmed := map[string]int{}
	for round := range 3 {
		var wg sync.WaitGroup
		var mu sync.Mutex
		running := make(chan struct{}, 100)
		for w := range 6 {
			wg.Go(func() {
				for i := 0; ; i++ {
					path, size := fmt.Sprintf("%d/%d/%d", round, w, i), []int{4 << 10, 400 << 10, 12 << 20}[w%3]
					_, err := bucket.Object(path).Put(bg, bytes.NewReader(bytes.Repeat([]byte{byte(w)}, size)), &holdall.PutOptions{Size: int64(size)})
					if err != nil {
						if !errors.Is(err, holdall.ErrUnavailable) {
							t.Errorf("%s: %v", path, err)
						}
						return
					}
					mu.Lock()
					confirmed[path] = size
					mu.Unlock()
					running <- struct{}{}
				}
			})
		}
		go func() {
			wg.Wait()
			close(running)
		}()
		for range 12 {
			_, ok := <-running
			require.True(t, ok, "the uploads ended before the crash")
		}
		server.Crash()
		for range running {
		}
		require.NoError(t, server.Restart())
		for path, size := range confirmed {
			r, err := bucket.Object(path).Open(bg)
			require.NoError(t, err, path)
			n, err := io.Copy(io.Discard, r)
			require.NoError(t, err, path)
			require.EqualValues(t, size, n, path)
			r.Close()
		}
	}
	clock.now = clock.now.Add(100 * 24 * time.Hour)
	_, err = s.Sweep(bg)
	require.NoError(t, err)
	requireNoOrphans(t, b)
}

// requireNoOrphans checks that every blob has its entry and every entry its
// blob, and that no chunk is without a blob.
func requireNoOrphans(t *testing.T, b *Backend) {
	t.Helper()
	for what, sql := range map[string]string{
		"blobs without an entry":   "SELECT count(*) FROM %[1]s.blobs b WHERE NOT EXISTS (SELECT FROM %[1]s.entries e WHERE e.blob_key = b.key)",
		"entries without a blob":   "SELECT count(*) FROM %[1]s.entries e WHERE e.state = 'live' AND e.blob_key IS NOT NULL AND NOT EXISTS (SELECT FROM %[1]s.blobs b WHERE e.blob_key = b.key AND b.size = e.size)",
		"chunks without a blob":    "SELECT count(*) FROM %[1]s.blob_chunks c WHERE NOT EXISTS (SELECT FROM %[1]s.blobs b WHERE b.id = c.blob)",
		"entries that are pending": "SELECT count(*) FROM %[1]s.entries e WHERE e.state <> 'live'",
	} {
		var n int
		require.NoError(t, b.pool.QueryRow(bg, fmt.Sprintf(sql, b.sql.schema)).Scan(&n))
		require.Zero(t, n, what)
	}
}

// TestTerminatedConnections ends the server's sessions at random while
// counters count: nothing that was confirmed is lost, nothing happens twice
// unless it was reported as unknown.
func TestTerminatedConnections(t *testing.T) {
	server := pgtest.Start(t)
	b := openAt(t, server.DSN, nil)
	killer := openAt(t, server.DSN, nil)
	const workers, each = 6, 60
	stop := make(chan struct{})
	var killing sync.WaitGroup
	killing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			_, err := killer.pool.Exec(bg, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND random() < 0.2 AND query NOT LIKE '%pg_terminate%'`)
			if err != nil {
				t.Errorf("killer: %v", err)
				return
			}
			pause(bg, 5)
		}
	})
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			e := record(fmt.Sprint("rec_", w), fmt.Sprint("k", w))
			version, unknown := int64(0), int64(0)
			for range each {
				out, err := b.Put(bg, e, holdall.Always)
				switch {
				case err == nil:
					if out.Version <= version || out.Version > version+1+unknown {
						t.Errorf("version %d after %d with %d unknown", out.Version, version, unknown)
					}
					version, unknown = out.Version, 0
				case errors.Is(err, holdall.ErrUnavailable):
					unknown++
				default:
					t.Errorf("%v", err)
				}
				if _, err := b.Get(bg, e.Place()); err != nil && !errors.Is(err, holdall.ErrUnavailable) && version > 0 {
					t.Errorf("Get: %v", err)
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	killing.Wait()
	b.pool.Reset() // what is idle may have been ended since
	killer.pool.Reset()
}

func TestFaultsHaveTheirSentinels(t *testing.T) {
	dsn := pgtest.DSN(t)
	b := open(t, &Options{Schema: "faults"})
	_, err := b.Put(bg, record("rec_1", "k"), holdall.IfAbsent)
	require.NoError(t, err)
	with := func(settings string) *Backend {
		pool, err := pgxpool.New(bg, dsn+" "+settings)
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		b, err := New(pool, &Options{Schema: "faults", MaxWait: patience}) // not Open, whose question may take too long too
		require.NoError(t, err)
		return b
	}
	t.Run("read-only", func(t *testing.T) {
		ro := with("options='-c default_transaction_read_only=on'")
		_, err := ro.Put(bg, record("rec_2", "k2"), holdall.IfAbsent)
		require.ErrorIs(t, err, holdall.ErrUnavailable)
		require.ErrorContains(t, err, "read-only")
		_, err = ro.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_1"})
		require.NoError(t, err)
	})
	t.Run("locks and timeouts", func(t *testing.T) {
		tx, err := b.pool.Begin(bg)
		require.NoError(t, err)
		defer tx.Rollback(bg)
		_, err = tx.Exec(bg, "SELECT FROM faults.entries WHERE id = 'rec_1' FOR UPDATE")
		require.NoError(t, err)
		for _, setting := range []string{"lock_timeout", "statement_timeout"} {
			_, err = with("options='-c "+setting+"=50'").Put(bg, record("rec_1", "k"), holdall.Always)
			require.ErrorIs(t, err, holdall.ErrUnavailable, setting)
			require.NotContains(t, err.Error(), "unknown", "the server has rolled it back")
		}
		ctx, cancel := context.WithCancel(bg)
		failed := make(chan error, 1)
		go func() {
			_, err := b.Put(ctx, record("rec_1", "k"), holdall.Always)
			failed <- err
		}()
		await(t, func() (waits bool) { // sent, then, and without a reply
			err := b.pool.QueryRow(bg, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)))", int(tx.Conn().PgConn().PID())).Scan(&waits)
			return err == nil && waits
		})
		cancel()
		err = <-failed
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, holdall.ErrUnavailable)
		require.ErrorContains(t, err, "unknown")
		_, err = b.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_1"})
		require.NoError(t, err, "readers do not wait")
	})
	t.Run("pool exhausted", func(t *testing.T) {
		small := with("pool_max_conns=1")
		c, err := small.pool.Acquire(bg)
		require.NoError(t, err)
		small.maxWait = 30 * time.Millisecond
		_, err = small.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_1"})
		require.ErrorIs(t, err, holdall.ErrUnavailable)
		ctx, cancel := context.WithCancel(bg)
		cancel()
		_, err = small.Put(ctx, record("rec_9", "k9"), holdall.IfAbsent)
		require.Equal(t, context.Canceled, err)
		c.Release()
		small.maxWait = patience
		_, err = small.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_1"})
		require.NoError(t, err)
	})
	t.Run("nobody there", func(t *testing.T) {
		_, err := Open(bg, "host=127.0.0.1 port=1 user=u password=hunter2 dbname=d", nil)
		require.ErrorIs(t, err, holdall.ErrUnavailable)
		require.NotContains(t, err.Error(), "hunter2")
		_, err = Open(bg, "postgres://u:hunter2@[bad", nil)
		require.ErrorIs(t, err, holdall.ErrInvalid)
		require.NotContains(t, err.Error(), "hunter2")
	})
	t.Run("no tables", func(t *testing.T) {
		none, err := New(b.pool, &Options{Schema: "nowhere"})
		require.NoError(t, err)
		_, err = none.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_1"})
		require.ErrorIs(t, err, holdall.ErrUnavailable)
		require.ErrorContains(t, err, "Migrate")
	})
	t.Run("too long for an index", func(t *testing.T) {
		junk := make([]byte, 6000)
		for i := range junk {
			junk[i] = byte('a' + rand.IntN(26))
		}
		_, err := b.Put(bg, record("rec_3", string(junk)), holdall.IfAbsent)
		require.ErrorIs(t, err, holdall.ErrTooLarge)
		var e *pgconn.PgError
		require.ErrorAs(t, err, &e)
	})
}

// TestNothingIsHeldWhileTheClientIsSlow uploads and downloads more slow
// bodies at once than there are connections.
func TestNothingIsHeldWhileTheClientIsSlow(t *testing.T) {
	b := open(t, nil)
	data := strings.Repeat("x", 5<<20)
	started, gate := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	for i := range 40 { // the pool has 20
		wg.Go(func() {
			start := sync.OnceFunc(func() { started <- struct{}{} })
			defer start() // where it fails before
			r := readerFunc(func([]byte) (int, error) {
				start()
				<-gate
				return 0, io.EOF
			})
			if _, err := b.PutBlob(bg, fmt.Sprint("aa/", i), io.MultiReader(strings.NewReader(data), r), -1); err != nil {
				t.Errorf("%v", err)
			}
		})
	}
	for range 40 {
		<-started
	}
	require.NoError(t, b.Ping(bg))
	await(t, func() bool { return b.pool.Stat().AcquiredConns() == 0 }) // but for a moment, when the pool looks after those that are idle
	close(gate)
	wg.Wait()
	for i := range 40 {
		r, err := b.OpenBlob(bg, fmt.Sprint("aa/", i), 0, -1)
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, 10))
		require.NoError(t, err)
		defer r.Close()
	}
	await(t, func() bool { return b.pool.Stat().AcquiredConns() == 0 })
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestCrashBetweenWindows crashes the server while an upload waits for its
// reader: a window that was committed without waiting for the disk may be
// gone, and the upload must notice.
func TestCrashBetweenWindows(t *testing.T) {
	server := pgtest.Start(t, "wal_writer_delay = 10s")
	b := openAt(t, server.DSN, nil)
	data := bytes.Repeat([]byte("0123456789abcdef"), 6<<20/16)
	for i := range 3 {
		crashed := false
		r := readerFunc(func([]byte) (int, error) {
			if !crashed {
				crashed = true
				server.Crash()
				require.NoError(t, server.Restart())
				// A Ping replaces the connections that the crash has cut.
				await(t, func() bool { return b.Ping(bg) == nil })
			}
			return 0, io.EOF
		})
		key := fmt.Sprint("aa/", i)
		_, err := b.PutBlob(bg, key, io.MultiReader(bytes.NewReader(data), r, bytes.NewReader(data)), -1)
		if err == nil {
			o, err := b.OpenBlob(bg, key, 0, -1)
			require.NoError(t, err)
			got, err := io.ReadAll(o)
			require.NoError(t, err)
			require.Len(t, got, 2*len(data))
			continue
		}
		t.Log(err)
		require.ErrorIs(t, err, holdall.ErrUnavailable)
		_, err = b.OpenBlob(bg, key, 0, -1)
		require.ErrorIs(t, err, holdall.ErrNotFound)
	}
}
