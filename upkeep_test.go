package holdall_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

// clock is a clock that tests move.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

// twoPart hides the single commit of the memory backend, so that uploads take
// the way of a catalog and a blob store that know nothing of each other.
type twoPart struct {
	holdall.Blobs
	holdall.BlobLister
}

type site struct {
	*clock
	backend *memory.Backend
	store   *holdall.Store
	bucket  *holdall.Bucket
}

func newSite(t *testing.T, split bool) *site {
	s := &site{clock: &clock{}, backend: memory.New()}
	cfg := holdall.Config{Catalog: s.backend, Blobs: s.backend, Now: s.now, Grace: time.Hour, Retention: 24 * time.Hour}
	if split {
		cfg.Blobs = twoPart{s.backend, s.backend}
	}
	var err error
	s.store, err = holdall.New(cfg)
	require.NoError(t, err)
	s.bucket = s.store.As(caller("*")).Bucket("default")
	return s
}

func (s *site) blobs(t *testing.T) int {
	list, err := s.backend.ListBlobs(t.Context(), "", 100_000)
	require.NoError(t, err)
	return len(list)
}

func (s *site) put(t *testing.T, path, text string) holdall.ObjectInfo {
	o, err := s.bucket.Object(path).Put(t.Context(), strings.NewReader(text), &holdall.PutOptions{Replace: true})
	require.NoError(t, err)
	return o
}

func (s *site) read(t *testing.T, path string) string {
	r, err := s.bucket.Object(path).Open(t.Context())
	require.NoError(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(b)
}

func bothWays(t *testing.T, test func(t *testing.T, s *site)) {
	for name, split := range map[string]bool{"one backend": false, "two backends": true} {
		t.Run(name, func(t *testing.T) { test(t, newSite(t, split)) })
	}
}

func TestReplaceKeepsReadersWhole(t *testing.T) {
	bothWays(t, func(t *testing.T, s *site) {
		first := s.put(t, "a", "old bytes")
		r, err := s.bucket.Object("a").Open(t.Context())
		require.NoError(t, err)
		defer r.Close()
		second := s.put(t, "a", "new")
		require.Equal(t, first.ID, second.ID)
		require.EqualValues(t, 2, second.Version)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, "old bytes", string(got))
		require.Equal(t, "new", s.read(t, "a"))

		require.Equal(t, 2, s.blobs(t))
		report, err := s.store.Sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, report, "within the grace period nothing is due")
		s.advance(2 * time.Hour)
		report, err = s.store.Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, holdall.SweepReport{Garbage: 1}, report)
		require.Equal(t, 1, s.blobs(t))
		require.Equal(t, "new", s.read(t, "a"))
	})
}

func TestReplacingAllTheTimeDoesNotPileUp(t *testing.T) {
	bothWays(t, func(t *testing.T, s *site) {
		for i := range 200 {
			s.put(t, "a", fmt.Sprint(i))
		}
		require.Equal(t, "199", s.read(t, "a"))
		require.LessOrEqual(t, s.blobs(t), 40)
		s.advance(2 * time.Hour)
		_, err := s.store.Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, s.blobs(t))
	})
}

// gate is a body that waits before its end.
type gate struct {
	text    io.Reader
	reached chan struct{}
	open    chan struct{}
}

func newGate(text string) *gate {
	return &gate{strings.NewReader(text), make(chan struct{}), make(chan struct{})}
}

func (g *gate) Read(p []byte) (int, error) {
	n, err := g.text.Read(p)
	if err == io.EOF {
		close(g.reached)
		<-g.open
	}
	return n, err
}

func TestUploadSlowerThanTheGracePeriodFailsWhole(t *testing.T) {
	for _, replace := range []bool{false, true} {
		t.Run(fmt.Sprintf("replace=%t", replace), func(t *testing.T) {
			s := newSite(t, true)
			if replace {
				s.put(t, "a", "old")
			}
			g := newGate(strings.Repeat("x", 1000))
			done := make(chan error)
			go func() {
				_, err := s.bucket.Object("a").Put(context.Background(), g, &holdall.PutOptions{Replace: replace})
				done <- err
			}()
			<-g.reached
			s.advance(2 * time.Hour)
			_, err := s.store.Sweep(t.Context())
			require.NoError(t, err)
			close(g.open)
			require.Error(t, <-done)
			if replace {
				require.Equal(t, "old", s.read(t, "a"))
			} else {
				_, err := s.bucket.Object("a").Stat(t.Context())
				require.ErrorIs(t, err, holdall.ErrNotFound)
			}
			s.advance(2 * time.Hour)
			_, err = s.store.Sweep(t.Context())
			require.NoError(t, err)
			want := 0
			if replace {
				want = 1
			}
			require.Equal(t, want, s.blobs(t))
		})
	}
}

func TestPurgeDuringReplaceLeavesNothing(t *testing.T) {
	s := newSite(t, true)
	s.put(t, "a", "old")
	g := newGate("new bytes")
	done := make(chan error)
	go func() {
		_, err := s.bucket.Object("a").Put(context.Background(), g, &holdall.PutOptions{Replace: true})
		done <- err
	}()
	<-g.reached
	_, err := s.bucket.Object("a").Delete(t.Context(), &holdall.DeleteOptions{Purge: true})
	require.NoError(t, err)
	close(g.open)
	require.Error(t, <-done)
	s.advance(2 * time.Hour)
	_, err = s.store.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, s.blobs(t))
	left, err := s.backend.Scan(t.Context(), holdall.Scan{Limit: 10})
	require.NoError(t, err)
	for _, e := range left {
		require.NotEqual(t, holdall.KindObject, e.Kind)
	}
}

func TestSoftDeletedEntriesGoAfterTheRetention(t *testing.T) {
	s := newSite(t, false)
	o := s.put(t, "a", "x")
	ws := s.store.As(caller("*"))
	rec, err := ws.Collection("c").Record("k").Put(t.Context(), 1, nil)
	require.NoError(t, err)
	_, err = ws.ObjectID(o.ID).Delete(t.Context(), nil)
	require.NoError(t, err)
	_, err = ws.RecordID(rec.ID).Delete(t.Context(), nil)
	require.NoError(t, err)
	s.advance(23 * time.Hour)
	_, err = s.store.Sweep(t.Context())
	require.NoError(t, err)
	_, err = ws.ObjectID(o.ID).Restore(t.Context())
	require.NoError(t, err, "within the retention it can be restored")
	_, err = ws.ObjectID(o.ID).Delete(t.Context(), nil)
	require.NoError(t, err)
	s.advance(25 * time.Hour)
	report, err := s.store.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, holdall.SweepReport{Purged: 2}, report)
	_, err = ws.ObjectID(o.ID).Restore(t.Context())
	require.ErrorIs(t, err, holdall.ErrNotFound)
	require.Zero(t, s.blobs(t))
}

func TestExpiredRecordsAreNotFoundThenRemoved(t *testing.T) {
	s := newSite(t, false)
	r := s.store.As(caller("*")).Collection("c").Record("k")
	_, err := r.Put(t.Context(), "v", &holdall.RecordOptions{TTL: time.Hour})
	require.NoError(t, err)
	s.advance(59 * time.Minute)
	_, err = r.Get(t.Context())
	require.NoError(t, err)
	s.advance(time.Minute)
	_, err = r.Get(t.Context())
	require.ErrorIs(t, err, holdall.ErrNotFound)
	_, err = r.Patch(t.Context(), []byte(`{}`), nil)
	require.ErrorIs(t, err, holdall.ErrNotFound)
	report, err := s.store.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, holdall.SweepReport{Expired: 1}, report)
	again, err := r.Put(t.Context(), "w", &holdall.RecordOptions{IfAbsent: true})
	require.NoError(t, err)
	require.EqualValues(t, 1, again.Version)
}

func TestVerifyFindsDamageAndRepairs(t *testing.T) {
	s := newSite(t, true)
	ctx := t.Context()
	tamper := func(path string, text []byte) string {
		o := s.put(t, path, "bytes of "+path)
		require.NoError(t, s.backend.DeleteBlob(ctx, o.BlobKey))
		if text != nil {
			_, err := s.backend.PutBlob(ctx, o.BlobKey, bytes.NewReader(text), -1)
			require.NoError(t, err)
		}
		return o.BlobKey
	}
	s.put(t, "good", "fine")
	s.put(t, "empty", "")
	want := map[string]holdall.Problem{
		tamper("missing", nil):                                     holdall.ProblemMissing,
		tamper("short", []byte("by")):                              holdall.ProblemSize,
		tamper("long", []byte("bytes of long ...")):                holdall.ProblemSize,
		tamper("other", []byte("BYTES of other")):                  holdall.ProblemChecksum,
		"00/01ARZ3NDEKTSV4RRFFQ69G5FAV.01ARZ3NDEKTSV4RRFFQ69G5FAW": holdall.ProblemOrphan,
	}
	_, err := s.backend.PutBlob(ctx, "00/01ARZ3NDEKTSV4RRFFQ69G5FAV.01ARZ3NDEKTSV4RRFFQ69G5FAW", strings.NewReader("x"), 1)
	require.NoError(t, err)
	look := func(o holdall.VerifyOptions) map[string]holdall.Problem {
		found := map[string]holdall.Problem{}
		for f, err := range s.store.Verify(ctx, &o) {
			require.NoError(t, err)
			require.Equal(t, o.Repair, f.Repaired)
			found[f.BlobKey] = f.Problem
		}
		return found
	}
	young := look(holdall.VerifyOptions{Read: true})
	require.Len(t, young, 4, "what is young may be an upload under way")
	s.advance(2 * time.Hour)
	require.Equal(t, want, look(holdall.VerifyOptions{Read: true}))
	require.Len(t, look(holdall.VerifyOptions{}), 4, "without reading, changed bytes of the same number pass")
	require.Equal(t, want, look(holdall.VerifyOptions{Read: true, Repair: true}))
	_, err = s.bucket.Object("other").Stat(ctx)
	require.ErrorIs(t, err, holdall.ErrNotFound)
	require.Equal(t, "fine", s.read(t, "good"))
}

func TestSweepPutsOffWhatItCannotDo(t *testing.T) {
	s := newSite(t, true)
	o := s.put(t, "a", "x")
	broken := &undeletable{Blobs: s.backend}
	store, err := holdall.New(holdall.Config{Catalog: s.backend, Blobs: broken, Now: s.now, Grace: time.Hour, Retention: 24 * time.Hour})
	require.NoError(t, err)
	_, err = s.store.As(caller("*")).ObjectID(o.ID).Delete(t.Context(), nil)
	require.NoError(t, err)
	s.advance(25 * time.Hour)
	report, err := store.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, holdall.SweepReport{Failed: 1}, report)
	report, err = store.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, report, "it comes up again in an hour")
	s.advance(2 * time.Hour)
	_, err = s.store.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, s.blobs(t))
}

// undeletable is a blob store that takes no deletions.
type undeletable struct{ holdall.Blobs }

func (u *undeletable) DeleteBlob(context.Context, string) error {
	return fmt.Errorf("%w: not today", holdall.ErrUnavailable)
}

func TestAStaleDueTimeIsTakenOff(t *testing.T) {
	s := newSite(t, false)
	e, err := s.backend.Put(t.Context(), holdall.Entry{ID: "bkt_x", Kind: holdall.KindBucket, Tenant: "acme", Tier: holdall.Shared,
		Name: "b", State: holdall.StateLive, CreatedAt: s.now(), UpdatedAt: s.now(), DueAt: s.now()}, holdall.IfAbsent)
	require.NoError(t, err)
	s.advance(time.Second)
	_, err = s.store.Sweep(t.Context())
	require.NoError(t, err)
	e, err = s.backend.Get(t.Context(), e.Place())
	require.NoError(t, err)
	require.Zero(t, e.DueAt)
}

// One of several processes sweeps at a time, and another takes over.
func TestRunTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := memory.New()
		counting := &countingCatalog{Backend: backend}
		store, err := holdall.New(holdall.Config{Catalog: counting, Blobs: backend})
		require.NoError(t, err)
		run := func() context.CancelFunc {
			ctx, cancel := context.WithCancel(t.Context())
			go func() { _ = store.Run(ctx, &holdall.RunOptions{Every: time.Minute}) }()
			synctest.Wait()
			return cancel
		}
		stopFirst := run()
		require.EqualValues(t, 1, counting.scans.Load(), "it sweeps at once")
		stopSecond := run()
		require.EqualValues(t, 1, counting.scans.Load(), "the second waits for its turn")
		time.Sleep(10 * time.Minute)
		n := counting.scans.Load()
		require.Greater(t, n, int64(5))
		require.Less(t, n, int64(16))
		stopFirst()
		synctest.Wait()
		time.Sleep(5 * time.Minute)
		require.Greater(t, counting.scans.Load(), n)
		stopSecond()
		synctest.Wait()
	})
}

type countingCatalog struct {
	*memory.Backend
	scans atomic.Int64
}

func (c *countingCatalog) Scan(ctx context.Context, s holdall.Scan) ([]holdall.Entry, error) {
	c.scans.Add(1)
	return c.Backend.Scan(ctx, s)
}
