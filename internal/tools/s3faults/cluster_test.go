package s3faults

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/minio"
	"github.com/holdall-go/holdall/internal/check"
	"github.com/holdall-go/holdall/internal/s3test"
)

// load keeps uploading through stores, each of which begins with another node.
type load struct {
	acked, failed atomic.Int64
	stop          context.CancelFunc
	wg            sync.WaitGroup
}

func startLoad(t *testing.T, b *bench, stores []*holdall.Store, name string) *load {
	l := &load{}
	ctx, stop := context.WithCancel(t.Context())
	l.stop = stop
	for i := range 2 * len(stores) {
		l.wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				size := []int{2000, 300_000, 11 << 20}[n%3]
				// An upload that has begun comes to its end.
				err := b.upload(context.WithoutCancel(ctx), stores[i%len(stores)], fmt.Sprintf("%s/%d/%d", name, i, n), random(size), n%2 == 0)
				if err != nil {
					l.failed.Add(1)
				} else {
					l.acked.Add(1)
				}
			}
		})
	}
	return l
}

// until waits for so many more uploads to succeed.
func (l *load) until(t *testing.T, more int64) {
	t.Helper()
	from := l.acked.Load()
	deadline := time.After(2 * time.Minute)
	for l.acked.Load() < from+more {
		select {
		case <-deadline:
			t.Fatalf("only %d of %d uploads in two minutes", l.acked.Load()-from, more)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (l *load) end() (acked, failed int64) {
	l.stop()
	l.wg.Wait()
	return l.acked.Load(), l.failed.Load()
}

// A cluster of four goes on without one node, whichever, serves reads without
// two, and has lost nothing that it acknowledged when they are back.
func TestClusterLosesNodes(t *testing.T) {
	c := s3test.StartCluster(t, 4)
	b := newBench(t)
	bucket := c.Nodes[0].Bucket(t)
	var stores []*holdall.Store
	var blobs []*minio.Backend
	for i := range c.Nodes {
		o, err := minio.Open(t.Context(), c.URL(i, bucket, ""))
		require.NoError(t, err)
		defer o.Close()
		blobs = append(blobs, o)
		stores = append(stores, b.store(o))
	}

	l := startLoad(t, b, stores, "all")
	l.until(t, 40)
	began := time.Now()
	c.Nodes[1].Kill()
	l.until(t, 80)
	acked, failed := l.end()
	t.Logf("one node killed under load: %d acknowledged, %d failed; 80 uploads after the kill in %v", acked, failed, time.Since(began).Round(time.Millisecond))

	require.NoError(t, c.Restart(1))
	require.NoError(t, c.Ready(time.Minute))
	l = startLoad(t, b, stores, "back")
	l.until(t, 40)
	acked, failed = l.end()
	t.Logf("the node is back: %d acknowledged, %d failed", acked, failed)
	require.Zero(t, failed)

	kept := random(6 << 20)
	require.NoError(t, b.upload(t.Context(), stores[0], "kept", kept, true))
	l = startLoad(t, b, stores, "half")
	l.until(t, 20)
	c.Nodes[2].Kill()
	c.Nodes[3].Kill()
	// What was under way may succeed still; what begins now cannot.
	began = time.Now()
	err := b.upload(t.Context(), stores[0], "too late", random(6<<20), true)
	took := time.Since(began)
	require.ErrorIs(t, err, holdall.ErrUnavailable)
	acked, failed = l.end()
	t.Logf("two nodes killed under load: %d acknowledged, %d failed; a write fails after %v", acked, failed, took.Round(time.Millisecond))
	began = time.Now()
	download(t, stores[0], "kept", kept)
	t.Logf("a read of 6 MiB from half of the nodes: %v", time.Since(began).Round(time.Millisecond))
	readable, all := b.readable(stores[0])
	t.Logf("%d of %d acknowledged objects can be read from half of the nodes", readable, all)

	require.NoError(t, c.Restart(2))
	require.NoError(t, c.Restart(3))
	require.NoError(t, c.Ready(time.Minute))
	report := b.settle(blobs[0])
	t.Logf("in the end: %+v", report)
}

// readable counts the acknowledged objects whose bytes come back whole.
func (b *bench) readable(s *holdall.Store) (readable, all int) {
	for path, want := range b.ledger.Acknowledged() {
		all++
		r, err := workspace(s).Bucket("default").Object(path).Open(b.t.Context())
		require.NoError(b.t, err)
		data, err := io.ReadAll(r)
		r.Close()
		if err == nil {
			require.Equal(b.t, want, check.Of(data))
			readable++
		}
	}
	return readable, all
}
