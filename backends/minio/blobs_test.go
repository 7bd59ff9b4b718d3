package minio

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	miniogo "github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/s3test"
)

// A bucket that keeps versions frees the bytes all the same.
func TestVersionedBucket(t *testing.T) {
	s := s3test.Shared(t, s3test.MinIO)
	b := backend(t, s, &Options{Prefix: "some/prefix"})
	require.NoError(t, s.Client(t).EnableVersioning(t.Context(), b.bucket))
	for _, size := range []int{0, 1000, 2*usualPart + 1} {
		data := random(size)
		_, err := b.PutBlob(t.Context(), "aa/x", bytes.NewReader(data), int64(size))
		require.NoError(t, err)
		require.NoError(t, b.CopyBlob(t.Context(), "aa/y", "aa/x"))
		require.NoError(t, b.CopyBlob(t.Context(), "aa/y", "aa/x"), "another version")
		// A delete that somebody else did hides the bytes behind a marker.
		require.NoError(t, s.Client(t).RemoveObject(t.Context(), b.bucket, b.name("aa/y"), miniogo.RemoveObjectOptions{}))
		requireBlob(t, b, "aa/x", data)
		require.NoError(t, b.DeleteBlob(t.Context(), "aa/x"))
		require.NoError(t, b.DeleteBlob(t.Context(), "aa/y"))
	}
	for o := range b.core.ListObjectsIter(t.Context(), b.bucket, miniogo.ListObjectsOptions{WithVersions: true, Recursive: true}) {
		t.Errorf("a version was left: %s %s, delete marker %t", o.Key, o.VersionID, o.IsDeleteMarker)
	}
}

// What a crash leaves of an upload in parts goes with DeleteBlob.
func TestDeleteAbortsOpenUploads(t *testing.T) {
	onEach(t, func(t *testing.T, s *s3test.Server) {
		b := backend(t, s, nil)
		for range 3 {
			p, err := b.begin(t.Context(), "aa/x")
			require.NoError(t, err)
			sendPart(t, p, random(usualPart))
		}
		other, err := b.begin(t.Context(), "aa/xy")
		require.NoError(t, err)
		require.NoError(t, b.DeleteBlob(t.Context(), "aa/x"))
		requireNothingOpen(t, b, "aa/x")
		sendPart(t, other, random(10))
		require.NoError(t, other.complete(t.Context()), "the upload of another key goes on")
		require.NoError(t, b.DeleteBlob(t.Context(), "aa/xy"))
	})
}

func sendPart(t *testing.T, p *parts, data []byte) {
	t.Helper()
	s := &slot{buf: data}
	require.NoError(t, p.start(t.Context(), s, len(data)))
	require.NoError(t, p.wait(s))
}

// Uploads together never hold more than the budget, and all come to their end.
func TestBudgetOfBuffers(t *testing.T) {
	s := s3test.Shared(t, s3test.MinIO)
	for _, budget := range []int{1, 2, 3} {
		b, _, l := faultyBackend(t, s, &Options{Buffers: budget})
		sent := &underWay{next: l.next}
		l.next = sent
		data := random(2*usualPart + 5)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				key := "aa/" + strconv.Itoa(i)
				if _, err := b.PutBlob(t.Context(), key, bytes.NewReader(data), -1); err != nil {
					t.Errorf("PutBlob: %v", err)
				}
			})
		}
		wg.Wait()
		for i := range 8 {
			requireBlob(t, b, "aa/"+strconv.Itoa(i), data)
		}
		require.Empty(t, b.buffers.slots, "all buffers came back")
		require.LessOrEqual(t, sent.most, budget, "parts that were sent at once")
	}
}

// underWay counts the parts, each from a buffer, that are being sent.
type underWay struct {
	next      http.RoundTripper
	mu        sync.Mutex
	now, most int
}

func (u *underWay) RoundTrip(req *http.Request) (*http.Response, error) {
	if kind(req) == "part" {
		u.add(1)
		defer u.add(-1)
	}
	return u.next.RoundTrip(req)
}

func (u *underWay) add(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.now += n
	u.most = max(u.most, u.now)
}

func TestSetup(t *testing.T) {
	onEach(t, func(t *testing.T, s *s3test.Server) {
		ctx := t.Context()
		existing := s.Bucket(t)
		absent := existing + "-2"
		_, err := Open(ctx, s.URL(absent, ""))
		require.ErrorIs(t, err, holdall.ErrNotFound)
		b, err := Open(ctx, s.URL(absent, "&create=true&prefix=p"))
		require.NoError(t, err)
		require.NoError(t, b.Ping(ctx))
		_, err = b.PutBlob(ctx, "aa/x", bytes.NewReader([]byte("hello")), -1)
		require.NoError(t, err)
		again, err := Open(ctx, s.URL(absent, "&create=true&prefix=p"))
		require.NoError(t, err)
		requireBlob(t, again, "aa/x", []byte("hello"))
		require.NoError(t, again.DeleteBlob(ctx, "aa/x"))
		require.NoError(t, b.Close())
		require.NoError(t, s.Client(t).RemoveBucket(ctx, absent))
		require.ErrorIs(t, b.Ping(ctx), holdall.ErrUnavailable)

		_, err = Open(ctx, strings.Replace(s.URL(existing, ""), s.Secret, "not-the-secret", 1))
		require.Error(t, err)
		require.NotErrorIs(t, err, holdall.ErrUnavailable, "settings, not weather")
		require.NotContains(t, err.Error(), "not-the-secret")
	})
}

// A root body tells its hash; another reader is hashed here.
func TestHashOfTheBody(t *testing.T) {
	s := s3test.Shared(t, s3test.MinIO)
	b := backend(t, s, nil)
	liar := &liar{bytes.NewReader([]byte("hello"))}
	_, err := b.PutBlob(t.Context(), "aa/x", liar, -1)
	require.ErrorIs(t, err, holdall.ErrUnavailable, "the server holds the bytes against the hash")
	_, err = b.OpenBlob(t.Context(), "aa/x", 0, -1)
	require.ErrorIs(t, err, holdall.ErrNotFound)
}

type liar struct{ io.Reader }

func (*liar) SHA256() []byte { return make([]byte, 32) }

func TestCancelledUploadLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s *s3test.Server) {
		b := backend(t, s, nil)
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		done := make(chan error)
		go func() {
			_, err := b.PutBlob(ctx, "aa/x", r, -1)
			done <- err
		}()
		_, err := w.Write(random(3*usualPart + 1)) // two parts at least are on their way
		require.NoError(t, err)
		cancel()
		w.Close() // in case it is waiting for more
		require.ErrorIs(t, <-done, context.Canceled)
		requireNothingOpen(t, b, "aa/x")
		_, err = b.OpenBlob(t.Context(), "aa/x", 0, -1)
		require.ErrorIs(t, err, holdall.ErrNotFound)
	})
}

// A key that has bytes keeps them.
func TestKeyIsWrittenOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *s3test.Server) {
		b := backend(t, s, nil)
		for what, size := range bodies {
			first := random(size)
			_, err := b.PutBlob(t.Context(), "aa/"+what, bytes.NewReader(first), -1)
			require.NoError(t, err)
			for other, size := range bodies {
				_, err = b.PutBlob(t.Context(), "aa/"+what, bytes.NewReader(random(size)), -1)
				require.ErrorIs(t, err, holdall.ErrExists, "%s over %s", other, what)
			}
			requireBlob(t, b, "aa/"+what, first)
			requireNothingOpen(t, b, "aa/"+what)
		}
	})
}
