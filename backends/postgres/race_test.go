package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/pgtest"
)

// TestTwoStoresRace has two stores with pools of their own, as two processes
// have, upload, replace, read, delete, restore, sweep and delete the bucket on
// one database, all at once. What a reader gets is always one whole body, no
// object outlives its bucket, and in the end no byte is left that nobody holds.
func TestTwoStoresRace(t *testing.T) {
	one := open(t, nil)
	two, err := Open(bg, pgtest.DSN(t)+" pool_max_conns=20", &Options{Schema: strings.Trim(one.sql.schema, `"`), MaxWait: patience})
	require.NoError(t, err)
	defer two.Close()
	var offset atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	var stores []*holdall.Store
	for _, b := range []*Backend{one, two} {
		s, err := holdall.New(holdall.Config{Catalog: b, Blobs: b, Now: now, Grace: time.Hour, Retention: time.Hour})
		require.NoError(t, err)
		stores = append(stores, s)
	}
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	var wg sync.WaitGroup
	for w := range 12 {
		racer := &racer{t: t, store: stores[w%2], rnd: rand.New(rand.NewPCG(uint64(seed), uint64(w))), offset: &offset}
		wg.Go(func() {
			for range 40 {
				racer.step()
			}
		})
	}
	wg.Wait()
	offset.Add(int64(100 * time.Hour))
	for _, s := range stores {
		_, err := s.Sweep(bg)
		require.NoError(t, err)
	}
	requireNoOrphans(t, one)
	for _, bucket := range []string{"b0", "b1"} {
		b := stores[1].As(everyone).Bucket(bucket)
		_, gone := b.Stat(bg)
		for o, err := range b.List(bg, nil) {
			if gone != nil {
				require.ErrorIs(t, err, holdall.ErrNotFound)
				break
			}
			require.NoError(t, err)
			(&racer{t: t, store: stores[0]}).read(bucket, o.Path, true)
		}
		if gone != nil {
			var n int
			require.NoError(t, one.pool.QueryRow(bg, "SELECT count(*) FROM "+one.sql.table+" WHERE kind = 'object' AND container = $1", bucket).Scan(&n))
			require.Zero(t, n, "objects of a bucket that is gone")
		}
	}
}

type racer struct {
	t      *testing.T
	store  *holdall.Store
	rnd    *rand.Rand
	offset *atomic.Int64
}

// step does one thing that may fail only because of what others do.
func (r *racer) step() {
	bucket, path := fmt.Sprint("b", r.rnd.IntN(2)), fmt.Sprint("o", r.rnd.IntN(4))
	b := r.store.As(everyone).Bucket(bucket)
	var err error
	switch n := r.rnd.IntN(20); {
	case n < 8:
		body := bytes.Repeat([]byte{byte(r.rnd.IntN(256))}, []int{100, 200 << 10, 3 << 20}[r.rnd.IntN(3)])
		_, err = b.Object(path).Put(bg, bytes.NewReader(body), &holdall.PutOptions{Replace: n < 6})
	case n < 12:
		r.read(bucket, path, false)
	case n < 15:
		_, err = b.Object(path).Delete(bg, &holdall.DeleteOptions{Purge: n == 12})
	case n < 17:
		err = b.Delete(bg)
	case n < 19:
		_, err = b.Create(bg, nil)
	default:
		r.offset.Add(int64(20 * time.Minute))
		if _, err := r.store.Sweep(bg); err != nil {
			r.t.Errorf("Sweep: %v", err)
		}
	}
	allowed := []error{holdall.ErrNotFound, holdall.ErrExists, holdall.ErrNotEmpty, holdall.ErrConflict, holdall.ErrPrecondition, errDeletedMeanwhile}
	if slices.ContainsFunc(allowed, func(a error) bool { return errors.Is(err, a) }) { // the last: the clock runs fast
		return
	}
	if err != nil {
		r.t.Errorf("%v", err)
	}
}

// read checks that an object is of one body, in size and in bytes; alone says
// that nobody can be erasing it.
func (r *racer) read(bucket, path string, alone bool) {
	o, err := r.store.As(everyone).Bucket(bucket).Object(path).Open(bg)
	if errors.Is(err, holdall.ErrNotFound) {
		return
	}
	if err != nil {
		r.t.Errorf("Open: %v", err)
		return
	}
	defer o.Close()
	got, err := io.ReadAll(o)
	switch {
	case err != nil && alone:
		r.t.Errorf("reading: %v", err)
	case err != nil: // purged, or its grace is over by the fast clock: an error, never an end
	case int64(len(got)) != o.Info().Size || len(bytes.Trim(got, string(got[:1]))) != 0:
		r.t.Errorf("%d bytes of %d, or of several bodies", len(got), o.Info().Size)
	}
}
