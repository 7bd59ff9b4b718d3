package s3faults

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/minio"
	"github.com/holdall-go/holdall/internal/s3test"
)

// newProxy returns a line to the server that toxics can be put on.
func newProxy(t *testing.T, s *s3test.Server) *toxiproxy.Proxy {
	t.Helper()
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "line", "127.0.0.1:0", s.Addr)
	require.NoError(t, p.Start())
	t.Cleanup(p.Stop)
	return p
}

func toxic(t *testing.T, p *toxiproxy.Proxy, kind, stream, attributes string) {
	t.Helper()
	_, err := p.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(
		`{"name":%q,"type":%q,"stream":%q,"toxicity":1,"attributes":{%s}}`, kind+stream, kind, stream, attributes)))
	require.NoError(t, err)
}

// faults are what is done to the line while uploads are under way.
var faults = map[string]func(t *testing.T, p *toxiproxy.Proxy){
	"latency": func(t *testing.T, p *toxiproxy.Proxy) {
		toxic(t, p, "latency", "upstream", `"latency":20,"jitter":20`)
		toxic(t, p, "latency", "downstream", `"latency":20,"jitter":20`)
	},
	"cut after 300 bytes up":    func(t *testing.T, p *toxiproxy.Proxy) { toxic(t, p, "limit_data", "upstream", `"bytes":300`) },
	"cut after 700 KB up":       func(t *testing.T, p *toxiproxy.Proxy) { toxic(t, p, "limit_data", "upstream", `"bytes":700000`) },
	"cut after 6 MB up":         func(t *testing.T, p *toxiproxy.Proxy) { toxic(t, p, "limit_data", "upstream", `"bytes":6000000`) },
	"cut after 100 bytes down":  func(t *testing.T, p *toxiproxy.Proxy) { toxic(t, p, "limit_data", "downstream", `"bytes":100`) },
	"cut after 1000 bytes down": func(t *testing.T, p *toxiproxy.Proxy) { toxic(t, p, "limit_data", "downstream", `"bytes":1000`) },
	"reset":                     func(t *testing.T, p *toxiproxy.Proxy) { toxic(t, p, "reset_peer", "upstream", `"timeout":30`) },
	"stalled up":                func(t *testing.T, p *toxiproxy.Proxy) { toxic(t, p, "timeout", "upstream", `"timeout":0`) },
	"stalled down":              func(t *testing.T, p *toxiproxy.Proxy) { toxic(t, p, "timeout", "downstream", `"timeout":0`) },
	"slices": func(t *testing.T, p *toxiproxy.Proxy) {
		toxic(t, p, "slicer", "upstream", `"average_size":2000,"size_variation":1000,"delay":1`)
	},
	"refused": func(_ *testing.T, p *toxiproxy.Proxy) { p.Stop() },
}

// Whatever happens to the line: what was acknowledged is whole, what was not
// is whole or absent, and a sweep leaves nothing behind.
func TestBadLines(t *testing.T) {
	for _, k := range []*s3test.Kind{s3test.MinIO, s3test.VersityGW} {
		for name, fault := range faults {
			t.Run(k.Name+"/"+name, func(t *testing.T) {
				t.Parallel()
				badLine(t, s3test.Shared(t, k), fault)
			})
		}
	}
}

func badLine(t *testing.T, s *s3test.Server, fault func(t *testing.T, p *toxiproxy.Proxy)) {
	bucket := s.Bucket(t)
	front := s.Front(t, nil)
	p := newProxy(t, &front.Server)
	direct, err := minio.New(s.Client(t), bucket, patient)
	require.NoError(t, err)
	over, err := minio.New(front.ClientAt(t, p.Listen), bucket, &minio.Options{StallTimeout: 500 * time.Millisecond, Timeout: 5 * time.Second})
	require.NoError(t, err)
	b := newBench(t)

	b.uploadAmid(direct, over, func() { fault(t, p) })
	p.Stop()
	front.Close()
	t.Logf("%+v", b.settle(direct))
}

// uploadAmid uploads and downloads while the fault comes over the line: what
// fails is unavailable.
func (b *bench) uploadAmid(direct, over *minio.Backend, fault func()) {
	t := b.t
	old := random(8 << 20)
	require.NoError(t, b.upload(t.Context(), b.store(direct), "old", old, true))
	store := b.store(over)

	// Half of the uploads are under way when the fault comes.
	started := make(chan struct{}, 8)
	late := make(chan struct{})
	var wg sync.WaitGroup
	for i, size := range []int{100, 1 << 20, 12 << 20, 5 << 20, 100, 1 << 20, 12 << 20, 5 << 20} {
		wg.Go(func() {
			if i >= 4 {
				<-late
			}
			started <- struct{}{}
			err := b.upload(t.Context(), store, fmt.Sprintf("new/%d", i), random(size), i%2 == 0)
			if err != nil && !errors.Is(err, holdall.ErrUnavailable) {
				t.Errorf("upload %d: %v, want success or %v", i, err, holdall.ErrUnavailable)
			}
		})
	}
	for range 4 {
		<-started
	}
	fault()
	close(late)
	wg.Go(func() { download(t, store, "old", old) })
	wg.Wait()
}

// download reads an object: right bytes, or an error.
func download(t *testing.T, s *holdall.Store, path string, want []byte) {
	r, err := workspace(s).Bucket("default").Object(path).Open(t.Context())
	if err != nil {
		t.Errorf("Open: %v", err)
		return
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if !bytes.HasPrefix(want, got) || err == nil && len(got) != len(want) {
		t.Errorf("the download gave %d bytes, %v", len(got), err)
	}
	if err != nil && !errors.Is(err, holdall.ErrUnavailable) {
		t.Errorf("the download failed with %v, want %v", err, holdall.ErrUnavailable)
	}
}
