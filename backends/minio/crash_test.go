package minio

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	miniogo "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/local"
	"github.com/holdall-go/holdall/internal/check"
	"github.com/holdall-go/holdall/internal/s3test"
)

// crashes are the requests in the middle of which a process is killed, and how
// far that one has come: nothing sent, half of the body, or the answer there.
var crashes = []struct {
	kind  string
	nth   int
	where string
	size  int
}{
	{"put", 1, "before", 1000}, {"put", 1, "amid", 3 << 20}, {"put", 1, "after", 1000},
	{"begin", 1, "before", 3*usualPart + 7}, {"begin", 1, "after", 3*usualPart + 7},
	{"part", 1, "amid", 3*usualPart + 7}, {"part", 1, "after", 3*usualPart + 7},
	{"part", 3, "amid", 3*usualPart + 7}, {"part", 4, "after", 3*usualPart + 7},
	{"complete", 1, "before", 3*usualPart + 7}, {"complete", 1, "after", 3*usualPart + 7},
	{"abort", 1, "before", -1}, {"abort", 1, "after", -1}, // an upload whose client breaks off
}

// Whenever a process is killed in the middle of an upload, a sweep past the
// grace period leaves neither a blob nor an open upload in parts behind.
func TestKilled(t *testing.T) {
	onEach(t, func(t *testing.T, s *s3test.Server) {
		for _, c := range crashes {
			t.Run(fmt.Sprint(c.kind, c.nth, c.where), func(t *testing.T) {
				t.Parallel()
				d := &deathbed{t: t, s: s, bucket: s.Bucket(t), dir: t.TempDir()}
				names := d.child("TestChildThatUploads", "1", c.kind, fmt.Sprint(c.nth), c.where, fmt.Sprint(c.size))
				d.settle(names)
			})
		}
	})
}

// The same at any moment, with several uploads under way at once.
func TestKilledAtAnyMoment(t *testing.T) {
	onEach(t, func(t *testing.T, s *s3test.Server) {
		d := &deathbed{t: t, s: s, bucket: s.Bucket(t), dir: t.TempDir()}
		for round := range 4 {
			requests := []string{"3", "20", "33", "58"}[round]
			names := d.child("TestChildThatUploads", "8", "any", requests, "amid", fmt.Sprint(2*usualPart+round))
			d.settle(names)
		}
	})
}

// deathbed is a store whose process is killed: entries in a folder, bytes in
// a bucket.
type deathbed struct {
	t           *testing.T
	s           *s3test.Server
	bucket, dir string
	ledger      check.Ledger
}

// child runs a process that kills itself, and returns the names that it had to
// do with. What the process has sent has come to its end in the server by then.
func (d *deathbed) child(test string, args ...string) (names []string) {
	d.t.Helper()
	front := d.s.Front(d.t, nil)
	cmd := exec.Command(os.Args[0], "-test.run", "^"+test+"$")
	cmd.Env = append(os.Environ(), childVariable+"="+strings.Join(append([]string{front.Addr, front.Key, front.Secret, d.bucket, d.dir}, args...), " "))
	out, err := cmd.CombinedOutput()
	front.Close()
	var exit *exec.ExitError
	require.ErrorAs(d.t, err, &exit, "%s", out)
	require.NotContains(d.t, string(out), "FAIL", "the process was to be killed, not to fail:\n%s", out)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		switch word, rest, _ := strings.Cut(lines.Text(), " "); word {
		case "sends":
			d.ledger.Send(rest, check.Of(childBody(rest)))
		case "stored":
			d.ledger.Stored(rest, check.Of(childBody(rest)))
		case "touches":
			names = append(names, rest)
		}
	}
	require.NotEmpty(d.t, names, "%s", out)
	return names
}

// settle asks, after the crash, that every file is whole or absent, and, after
// a sweep, that the bucket has what the files hold and nothing else.
func (d *deathbed) settle(names []string) {
	t, ctx := d.t, d.t.Context()
	t.Helper()
	catalog, err := local.Open(d.dir, nil)
	require.NoError(t, err)
	defer catalog.Close()
	b := patient(t, d.s.Client(t), d.bucket, nil)
	s, err := holdall.New(holdall.Config{Catalog: catalog, Blobs: b, Grace: time.Hour, Now: func() time.Time { return time.Now().Add(3 * time.Hour) }})
	require.NoError(t, err)
	report, err := check.Files(ctx, check.Bucket(s.As(crasher), "default"), &d.ledger)
	require.NoError(t, err)
	_, err = s.Sweep(ctx)
	require.NoError(t, err)
	require.NoError(t, check.Store(ctx, s, catalog, b, true))
	stored := 0
	for o := range b.core.ListObjectsIter(ctx, d.bucket, miniogo.ListObjectsOptions{Recursive: true}) {
		require.NoError(t, o.Err)
		stored++
	}
	require.Equal(t, report.Visible, stored, "objects in the bucket")
	for _, n := range names {
		requireNothingOpen(t, b, n)
	}
}

var crasher = holdall.Principal{Tenant: "acme", User: "ann", Permissions: []string{"*"}}

const childVariable = "HOLDALL_TEST_CHILD"

// TestChildThatUploads is what TestKilled runs in a process of its own.
func TestChildThatUploads(t *testing.T) {
	args := strings.Fields(os.Getenv(childVariable))
	if len(args) == 0 {
		t.Skip("only TestKilled runs this")
	}
	var writers, nth, size int
	_, err := fmt.Sscan(args[5]+" "+args[7]+" "+args[9], &writers, &nth, &size)
	require.NoError(t, err)
	k := &killer{kind: args[6], nth: int64(nth), where: args[8], bucket: args[3]}
	client, err := miniogo.New(args[0], &miniogo.Options{Creds: credentials.NewStaticV4(args[1], args[2], ""), Region: s3test.Region, Transport: k, MaxRetries: 3})
	require.NoError(t, err)
	b := patient(t, client, args[3], nil)
	catalog, err := local.Open(args[4], nil)
	require.NoError(t, err)
	s, err := holdall.New(holdall.Config{Catalog: catalog, Blobs: b, Grace: time.Hour})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for n := range 20 {
				childUpload(t, s, fmt.Sprintf("%d/%d/%d/%d", size, time.Now().UnixNano(), i, n))
			}
		})
	}
	wg.Wait()
	t.Error("it should not live so long")
}

func childUpload(t *testing.T, s *holdall.Store, path string) {
	fmt.Println("sends", path)
	var r io.Reader = bytes.NewReader(childBody(path))
	if strings.HasPrefix(path, "-1/") {
		r = io.MultiReader(bytes.NewReader(random(2*usualPart+1)), iotest.ErrReader(errLine))
	}
	switch _, err := s.As(crasher).Bucket("default").Object(path).Put(t.Context(), r, nil); {
	case err == nil:
		fmt.Println("stored", path)
	case !errors.Is(err, errLine):
		t.Error(err)
	}
}

// childBody is the content of the file at a path: as long as the path says.
func childBody(path string) []byte {
	var size int
	fmt.Sscanf(path, "%d/", &size)
	seed := sha256.Sum256([]byte(path))
	data := make([]byte, max(size, 0))
	mathrand.NewChaCha8(seed).Read(data)
	return data
}

// killer is a transport that kills its process.
type killer struct {
	kind, where, bucket string
	nth                 int64
	seen                atomic.Int64
}

func (k *killer) RoundTrip(req *http.Request) (*http.Response, error) {
	fmt.Println("touches", strings.TrimPrefix(req.URL.Path, "/"+k.bucket+"/"))
	if k.kind != "any" && k.kind != kind(req) || k.seen.Add(1) != k.nth {
		return http.DefaultTransport.RoundTrip(req)
	}
	switch {
	case k.where == "after":
		_, _ = http.DefaultTransport.RoundTrip(req)
	case k.where == "amid" && req.Body != nil:
		req = req.Clone(req.Context())
		req.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(req.Body, req.ContentLength/2), deadly{}), req.Body}
		_, _ = http.DefaultTransport.RoundTrip(req)
	}
	return nil, die()
}

// deadly kills the process that reads from it.
type deadly struct{}

func (deadly) Read([]byte) (int, error) { return 0, die() }

func die() error {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err == nil {
		select {} // it is on its way
	}
	return err
}
