package holdall_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/storagetest"
)

// Expired records go in batches, and one by one where a batch removes nothing.
func TestSweepOfExpiredRecords(t *testing.T) {
	const n = 1200
	for name, c := range map[string]struct {
		fault storagetest.Fault
		most  int // calls of Remove
	}{
		"in batches":     {storagetest.NoFault, 0},
		"batches fail":   {storagetest.Fail, n},
		"replies lost":   {storagetest.LoseReply, n},
		"batches refuse": {storagetest.Refuse, n},
	} {
		t.Run(name, func(t *testing.T) {
			clock, db := &clock{}, memory.New()
			faulty := storagetest.NewFaulty(holdall.Backends{Catalog: db, Blobs: db})
			store, err := holdall.New(holdall.Config{Catalog: faulty.Backends().Catalog, Blobs: faulty.Backends().Blobs, Now: clock.now})
			require.NoError(t, err)
			records := store.As(caller("*")).Collection("c")
			for i := range n {
				_, err := records.Record(fmt.Sprint(i)).Put(t.Context(), i, &holdall.RecordOptions{TTL: time.Minute})
				require.NoError(t, err)
			}
			_, err = records.Record("stays").Put(t.Context(), 1, &holdall.RecordOptions{TTL: time.Hour})
			require.NoError(t, err)
			clock.advance(2 * time.Minute)
			faulty.Plan(func(_ int, method string) storagetest.Fault {
				if method == "RemoveBatch" {
					return c.fault
				}
				return storagetest.NoFault
			})
			report, err := store.Sweep(t.Context())
			require.NoError(t, err)
			if c.fault != storagetest.LoseReply { // what was removed without a reply cannot be counted
				require.Equal(t, holdall.SweepReport{Expired: n}, report)
			}
			calls := faulty.Calls()
			require.Equal(t, 3, count(calls, "RemoveBatch"))
			require.Equal(t, c.most, count(calls, "Remove"))
			left := slices.Collect(func(yield func(string) bool) {
				for r, err := range records.List(t.Context(), nil) {
					require.NoError(t, err)
					yield(r.Key)
				}
			})
			require.Equal(t, []string{"stays"}, left)
		})
	}
}

func count(calls []string, method string) (n int) {
	for _, c := range calls {
		if c == method {
			n++
		}
	}
	return n
}
