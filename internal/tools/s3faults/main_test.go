package s3faults

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
	"github.com/holdall-go/holdall/backends/minio"
	"github.com/holdall-go/holdall/internal/check"
	"github.com/holdall-go/holdall/internal/s3test"
)

func TestMain(m *testing.M) {
	code := m.Run() // toxiproxy leaves goroutines: leak.Run is for the backend's own tests
	s3test.Stop()
	os.Exit(code)
}

func random(n int) []byte {
	data := make([]byte, n)
	rand.Read(data)
	return data
}

const grace = time.Hour

// bench is a catalog under stores that reach one bucket in several ways.
type bench struct {
	t       *testing.T
	catalog holdall.Catalog
	mu      sync.Mutex
	clock   time.Time
	ledger  check.Ledger
}

func newBench(t *testing.T) *bench {
	return &bench{t: t, catalog: memory.New(), clock: time.Now()}
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock
}

func (b *bench) store(blobs holdall.Blobs) *holdall.Store {
	b.t.Helper()
	s, err := holdall.New(holdall.Config{Catalog: b.catalog, Blobs: blobs, Grace: grace, Now: b.now})
	require.NoError(b.t, err)
	return s
}

func workspace(s *holdall.Store) *holdall.Workspace {
	return s.As(holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"*"}})
}

// patient are limits that only bound a hang: the machine may be slow, or stand
// still for a while.
var patient = &minio.Options{Timeout: 5 * time.Minute, StallTimeout: 5 * time.Minute}

// upload puts an object and notes what it was told.
func (b *bench) upload(ctx context.Context, s *holdall.Store, path string, data []byte, known bool) error {
	content := check.Of(data)
	opts := &holdall.PutOptions{}
	if known {
		opts.Size = int64(len(data))
	}
	b.ledger.Send(path, content)
	_, err := workspace(s).Bucket("default").Object(path).Put(ctx, reader(data), opts)
	if err == nil {
		b.ledger.Stored(path, content)
	}
	return err
}

// reader hides that the bytes are in memory.
func reader(data []byte) io.Reader {
	r, w := io.Pipe()
	go func() {
		for len(data) > 0 {
			n, err := w.Write(data[:min(len(data), 50_000)])
			if err != nil {
				return
			}
			data = data[n:]
		}
		w.Close()
	}()
	return r
}

// settle asks, over a line without faults, that all is as the ledger says and
// that a sweep past the grace period leaves nothing behind.
func (b *bench) settle(blobs *minio.Backend) check.Report {
	b.t.Helper()
	s := b.store(blobs)
	report := b.files(s)
	require.Zero(b.t, b.sweep(s).Failed)
	require.NoError(b.t, check.Store(b.t.Context(), s, b.catalog, blobs, true))
	return report
}

func (b *bench) files(s *holdall.Store) check.Report {
	b.t.Helper()
	report, err := check.Files(b.t.Context(), check.Bucket(workspace(s), "default"), &b.ledger)
	require.NoError(b.t, err)
	return report
}

// sweep sweeps when the grace period is over, and what comes up again is due.
func (b *bench) sweep(s *holdall.Store) holdall.SweepReport {
	b.t.Helper()
	b.mu.Lock()
	b.clock = b.clock.Add(2 * grace)
	b.mu.Unlock()
	report, err := s.Sweep(b.t.Context())
	require.NoError(b.t, err)
	return report
}
