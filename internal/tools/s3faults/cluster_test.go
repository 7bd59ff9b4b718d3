package s3faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
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
	t.Cleanup(func() { l.end() }) // it logs, which a test that has failed must not outlive
	for i := range 2 * len(stores) {
		l.wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				size := []int{2000, 300_000, 11 << 20}[n%3]
				// An upload that has begun comes to its end.
				err := b.upload(context.WithoutCancel(ctx), stores[i%len(stores)], fmt.Sprintf("%s/%d/%d", name, i, n), random(size), n%2 == 0)
				if err != nil {
					l.failed.Add(1)
					if !errors.Is(err, holdall.ErrUnavailable) {
						t.Errorf("%s: %v, want success or %v", name, err, holdall.ErrUnavailable)
					}
					t.Logf("%s: an upload of %d bytes from node %d on: %.300v", name, size, i%len(stores), err)
				} else {
					l.acked.Add(1)
				}
			}
		})
	}
	return l
}

// patience is how long the cluster may take to do what it should. It only
// bounds a hang.
const patience = 10 * time.Minute

// until waits for so many more uploads to succeed.
func (l *load) until(t *testing.T, more int64) {
	t.Helper()
	from := l.acked.Load()
	deadline := time.After(patience)
	for l.acked.Load() < from+more {
		select {
		case <-deadline:
			t.Fatalf("only %d of %d uploads in %v", l.acked.Load()-from, more, patience)
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
	var stores, hasty []*holdall.Store // hasty give up soon, where nodes are away
	var blobs *minio.Backend
	for i := range c.Nodes {
		blobs = openCluster(t, c.URL(i, bucket, ""))
		stores = append(stores, b.store(blobs))
		hasty = append(hasty, b.store(openCluster(t, c.URL(i, bucket, "&timeout=10s"))))
	}
	phase := func(stores []*holdall.Store, name string, first, more int64, fault func()) (failed int64) {
		l := startLoad(t, b, stores, name)
		l.until(t, first)
		began := time.Now()
		fault()
		l.until(t, more)
		took := time.Since(began)
		acked, failed := l.end()
		t.Logf("%s: %d acknowledged, %d failed; from the fault to %d more %v", name, acked, failed, more, took.Round(time.Millisecond))
		return failed
	}
	none := func() {}

	b.writable(stores)
	require.Zero(t, phase(stores, "four nodes", 20, 20, none))
	phase(hasty, "one killed", 10, 40, c.Nodes[1].Kill)
	b.allReadable(hasty)
	require.NoError(t, c.Restart(1))
	require.NoError(t, c.Ready())
	b.writable(stores)
	require.Zero(t, phase(stores, "four again", 20, 20, none))

	phase(hasty, "two killed", 10, 0, func() {
		c.Nodes[2].Kill()
		c.Nodes[3].Kill()
		// What was under way may succeed still; what begins now cannot.
		began := time.Now()
		require.ErrorIs(t, b.upload(t.Context(), hasty[0], "too late", random(6<<20), true), holdall.ErrUnavailable)
		t.Logf("a write to half of the nodes fails after %v", time.Since(began).Round(time.Millisecond))
	})
	b.someReadable(hasty[0], "four nodes", "one killed", "four again", "two killed")

	require.NoError(t, c.Restart(2))
	require.NoError(t, c.Restart(3))
	require.NoError(t, c.Ready())
	b.allReadable(stores)
	b.settleCluster(blobs)
}

// openCluster opens a store as soon as the cluster answers within its limits.
func openCluster(t *testing.T, url string) *minio.Backend {
	t.Helper()
	for began := time.Now(); ; {
		b, err := minio.Open(t.Context(), url)
		if errors.Is(err, holdall.ErrUnavailable) && time.Since(began) < patience {
			continue
		}
		require.NoError(t, err)
		t.Cleanup(func() { _ = b.Close() })
		return b
	}
}

// writable waits until uploads through every node succeed: a node that has just
// started may say that it is ready and refuse them for want of the others yet.
func (b *bench) writable(stores []*holdall.Store) {
	b.t.Helper()
	began := time.Now()
	for try := 0; len(stores) > 0; try++ {
		err := b.upload(b.t.Context(), stores[0], fmt.Sprintf("ready/%d/%d/%d", began.UnixNano(), len(stores), try), random(2000), true)
		if err == nil {
			stores = stores[1:]
			continue
		}
		require.ErrorIs(b.t, err, holdall.ErrUnavailable)
		require.Less(b.t, time.Since(began), patience, "%v", err)
	}
}

// settleCluster sweeps and repairs until nothing is left that nobody holds, and
// looks at all files. It takes more than one sweep: the cluster keeps what a
// dead node had locked for a minute, and a write that failed for want of a
// third node may come back after its deletion, when the nodes that had it meet
// again.
func (b *bench) settleCluster(blobs *minio.Backend) {
	b.t.Helper()
	s := b.store(blobs)
	orphans := 0
	for began := time.Now(); ; {
		failed := b.sweep(s).Failed
		report, err := b.repaired(s, blobs, &orphans)
		if failed == 0 && err == nil {
			b.t.Logf("nothing is left that nobody holds after %v; %d orphans had come back; %+v", time.Since(began).Round(time.Millisecond), orphans, report)
			return
		}
		require.Less(b.t, time.Since(began), patience, "%d could not be swept; %v", failed, err)
	}
}

// repaired deletes blobs that nobody holds, which it counts, and says what is
// wrong then.
func (b *bench) repaired(s *holdall.Store, blobs *minio.Backend, orphans *int) (check.Report, error) {
	b.t.Helper()
	ctx := b.t.Context()
	for f, err := range s.Verify(ctx, &holdall.VerifyOptions{Repair: true}) {
		if err != nil {
			require.ErrorIs(b.t, err, holdall.ErrUnavailable)
			return check.Report{}, err
		}
		require.Equal(b.t, holdall.ProblemOrphan, f.Problem, "%+v", f)
		*orphans++
	}
	report, err := check.Files(ctx, check.Bucket(workspace(s), "default"), &b.ledger)
	return report, errors.Join(err, check.Store(ctx, s, b.catalog, blobs, true))
}

// allReadable waits until every acknowledged object can be read whole by
// every store: a node takes a while to find the others again.
func (b *bench) allReadable(stores []*holdall.Store) {
	b.t.Helper()
	began := time.Now()
	for i := 0; i < len(stores); {
		all, unread := b.unread(stores[i], "")
		if len(unread) == 0 {
			i++
			continue
		}
		if time.Since(began) > patience {
			b.t.Fatalf("%d of %d acknowledged objects cannot be read by store %d: %v", len(unread), all, i, unread)
		}
	}
	b.t.Logf("every acknowledged object can be read through every node after %v", time.Since(began).Round(time.Millisecond))
}

// someReadable waits until any acknowledged object can be read: the nodes that
// are left take a while to see that the others are gone. It is not all: MinIO
// acknowledges what is on three of the four drives, so that two may have one
// of them; it says then that there is no such object.
func (b *bench) someReadable(s *holdall.Store, phases ...string) {
	b.t.Helper()
	readable := 0
	for began := time.Now(); readable == 0; {
		for _, phase := range phases {
			all, unread := b.unread(s, phase+"/")
			readable += all - len(unread)
			b.t.Logf("%s: %d of %d acknowledged objects can be read from half of the nodes", phase, all-len(unread), all)
		}
		if took := time.Since(began); readable == 0 && took > patience {
			b.t.Fatalf("no acknowledged object can be read from half of the nodes for %v", took)
		}
	}
}

// unread returns how many objects were acknowledged under a prefix, and why
// those cannot be read that cannot. Wrong bytes fail the test.
func (b *bench) unread(s *holdall.Store, prefix string) (all int, unread map[string]error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	unread = map[string]error{}
	slots := make(chan struct{}, 16)
	for path, want := range b.ledger.Acknowledged() {
		if !strings.HasPrefix(path, prefix) {
			continue
		}
		all++
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			got, err := fetch(b.t.Context(), s, path)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				unread[path] = err
			} else if check.Of(got) != want {
				b.t.Errorf("%s: %d bytes came back that are not those that were put", path, len(got))
			}
		})
	}
	wg.Wait()
	return all, unread
}

func fetch(ctx context.Context, s *holdall.Store, path string) ([]byte, error) {
	r, err := workspace(s).Bucket("default").Object(path).Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
