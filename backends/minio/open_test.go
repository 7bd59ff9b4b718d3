package minio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	miniogo "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

func TestParseURL(t *testing.T) {
	u, err := parseURL("minio://KEY:SEC%2FRET@h1:9000,h2:9000,h3/files?secure=false&region=eu-west-1&prefix=a/b&create=true&public=https://files.example.com&max_size=1000&buffers=3&timeout=10s")
	require.NoError(t, err)
	require.Equal(t, []string{"h1:9000", "h2:9000", "h3"}, u.nodes)
	require.Equal(t, []string{"h1:9000", "h2:9000", "h3:80"}, u.dialed())
	require.Equal(t, "files", u.bucket)
	require.False(t, u.secure)
	require.Equal(t, "eu-west-1", u.region)
	require.Equal(t, "files.example.com", u.public.Host)
	require.Equal(t, Options{Prefix: "a/b", CreateBucket: true, MaxSize: 1000, Buffers: 3, Timeout: 10 * time.Second}, u.opts)
	v, err := u.creds.GetWithContext(nil)
	require.NoError(t, err)
	require.Equal(t, "SEC/RET", v.SecretAccessKey)

	u, err = parseURL("minio://KEY:SECRET@[::1]:9000/files")
	require.NoError(t, err)
	require.True(t, u.secure)
	require.Equal(t, "us-east-1", u.region)
}

func TestCredentialsOfTheEnvironment(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY", "AWS_SECRET_KEY", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"} {
		t.Setenv(name, "")
	}
	_, err := parseURL("minio://host/files")
	require.ErrorContains(t, err, "no credentials")
	t.Setenv("AWS_ACCESS_KEY_ID", "K")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "S")
	u, err := parseURL("minio://host/files")
	require.NoError(t, err)
	v, err := u.creds.GetWithContext(nil)
	require.NoError(t, err)
	require.Equal(t, "K", v.AccessKeyID)
}

func TestBadURLsTellNoSecret(t *testing.T) {
	for _, bad := range []string{
		"", "minio:", "minio://", "http://KEY:hidden@h/b", "minio://KEY:hidden@h", "minio://KEY:hidden@h/", "minio://KEY:hidden@/b", "minio://KEY:hidden@h/b/c",
		"minio://KEY:hidden@h:9000,/b", "minio://KEY:hidden@h:x/b", "minio://KEY:@h/b", "minio://KEY@h/b", "minio://:hidden@h/b", "minio://KEY:hidden%zz@h/b",
		"minio://KEY:hid/hidden@h:9000/b", "minio://KEY:hidden@h/b?secure=maybe", "minio://KEY:hidden@h/b?unknown=1", "minio://KEY:hidden@h/b?public=ftp://x",
		"minio://KEY:hidden@h/b?public=files.example.com", "minio://KEY:hidden@h/b?max_size=x", "minio://KEY:hidden@h/b?timeout=10", "minio://KEY:hidden@h/b?%zz", "minio://KEY:hidden\n@h/b",
	} {
		_, err := Open(t.Context(), bad)
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "hid", bad)
	}
	for _, bad := range []string{"minio://KEY:hidden@h/b?prefix=a//b", "minio://KEY:hidden@h/b?buffers=-1", "minio://KEY:hidden@h/b?max_size=-1", "minio://KEY:hidden@h/b?timeout=-1s"} {
		_, err := Open(t.Context(), bad)
		require.ErrorContains(t, err, "minio: ", bad)
		require.NotErrorIs(t, err, holdall.ErrUnavailable, bad)
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("minio://KEY:hidden@h1:9000,h2:9000/files?secure=false")
	f.Add("minio://KEY:hidden@h/b/c")
	f.Add("minio://KEY:hid/hidden@h/b")
	f.Add("minio://@,/?=&")
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := parseURL(raw)
		switch {
		case err != nil && strings.Contains(err.Error(), "hidden"):
			t.Errorf("the error tells the secret: %v", err)
		case err == nil && (u.bucket == "" || len(u.nodes) == 0 || u.creds == nil):
			t.Errorf("half a target: %+v", u)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	client, err := miniogo.New("localhost:9000", &miniogo.Options{Creds: credentials.NewStaticV4("k", "s", ""), Region: "us-east-1"})
	require.NoError(t, err)
	for _, prefix := range []string{"/a", "a/", "a//b", "..", "a/../b", "ä", "a b", strings.Repeat("a", 513)} {
		_, err := New(client, "files", &Options{Prefix: prefix})
		require.Error(t, err, prefix)
	}
	_, err = New(nil, "files", nil)
	require.Error(t, err)
	_, err = New(client, "", nil)
	require.Error(t, err)
	_, err = New(client, "files", &Options{MaxSize: maxSize + 1})
	require.Error(t, err)
	b, err := New(client, "files", &Options{MaxSize: maxSize})
	require.NoError(t, err)
	require.GreaterOrEqual(t, int64(b.partSize)*maxParts, int64(maxSize))
}

// Nobody listens: the caller hears so within seconds.
func TestNobodyListens(t *testing.T) {
	const addr = "127.0.0.1:1"
	_, err := Open(t.Context(), "minio://KEY:SECRET@"+addr+"/files?secure=false")
	require.ErrorIs(t, err, holdall.ErrUnavailable)
	require.NotContains(t, err.Error(), "SECRET")

	client, err := miniogo.New(addr, &miniogo.Options{Creds: credentials.NewStaticV4("k", "s", ""), Region: "us-east-1", MaxRetries: 3})
	require.NoError(t, err)
	b, err := New(client, "files", nil)
	require.NoError(t, err)
	_, err = b.PutBlob(t.Context(), "aa/x", strings.NewReader("x"), 1)
	require.ErrorIs(t, err, holdall.ErrUnavailable)
	require.ErrorIs(t, b.Ping(t.Context()), holdall.ErrUnavailable)
	require.ErrorIs(t, b.DeleteBlob(t.Context(), "aa/x"), holdall.ErrUnavailable)
}

// A connection goes to the first node that takes it, and stays with it.
func TestFailover(t *testing.T) {
	up, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer up.Close()
	const down = "127.0.0.1:1" // nobody's
	d := &failover{nodes: []string{down, up.Addr().String()}, dialer: net.Dialer{Timeout: time.Minute}}
	for range 2 {
		conn, err := d.dial(t.Context(), "tcp", d.nodes[0])
		require.NoError(t, err)
		require.Equal(t, up.Addr().String(), conn.RemoteAddr().String())
		conn.Close()
		require.EqualValues(t, 1, d.last.Load())
	}
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer proxy.Close()
	conn, err := d.dial(t.Context(), "tcp", proxy.Addr().String())
	require.NoError(t, err)
	require.Equal(t, proxy.Addr().String(), conn.RemoteAddr().String(), "another address than a node's is dialed as it is")
	conn.Close()
	d.nodes[1] = down
	_, err = d.dial(t.Context(), "tcp", down)
	require.Error(t, err)
}

func TestClassify(t *testing.T) {
	answer := func(code string, status int) error { return miniogo.ErrorResponse{Code: code, StatusCode: status} }
	for _, c := range []struct {
		err  error
		want error // nil: none
	}{
		{answer(miniogo.NoSuchKey, 404), holdall.ErrNotFound},
		{answer(miniogo.NoSuchBucket, 404), nil},
		{answer(miniogo.AccessDenied, 403), nil},
		{answer(miniogo.SignatureDoesNotMatch, 403), nil},
		{answer(miniogo.InvalidAccessKeyID, 403), nil},
		{answer(miniogo.PreconditionFailed, 412), holdall.ErrExists},
		{answer(miniogo.InvalidRange, 416), holdall.ErrInvalid},
		{answer("SlowDownWrite", 503), holdall.ErrUnavailable},
		{answer("TooManyRequests", 429), holdall.ErrUnavailable},
		{answer("XMinioStorageFull", 507), holdall.ErrUnavailable},
		{answer(miniogo.InternalError, 500), holdall.ErrUnavailable},
		{answer(miniogo.BadDigest, 400), holdall.ErrUnavailable},
		{answer(miniogo.XAmzContentSHA256Mismatch, 400), holdall.ErrUnavailable},
		{answer("XAmzContentChecksumMismatch", 400), holdall.ErrUnavailable},
		{answer(miniogo.IncompleteBody, 400), holdall.ErrUnavailable},
		{fmt.Errorf("wrapped: %w", answer(miniogo.NoSuchKey, 404)), holdall.ErrNotFound},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, holdall.ErrUnavailable},
		{http.ErrHandlerTimeout, holdall.ErrUnavailable},
		{fmt.Errorf("dial: %w", context.DeadlineExceeded), holdall.ErrUnavailable},
	} {
		got := classify(c.err)
		if c.want == nil {
			require.False(t, sentinelled(got), "%v", got)
			continue
		}
		require.ErrorIs(t, got, c.want)
		require.NotErrorIs(t, got, context.DeadlineExceeded, "that is for the caller's own context")
	}
}

func TestMerge(t *testing.T) {
	blob := func(key string, size int64) holdall.BlobInfo { return holdall.BlobInfo{Key: key, Size: size} }
	objects := []holdall.BlobInfo{blob("a", 1), blob("c", 1), blob("d", 1)}
	open := []holdall.BlobInfo{blob("b", 0), blob("c", 0), blob("c", 0)}
	require.Equal(t, []holdall.BlobInfo{blob("a", 1), blob("b", 0), blob("c", 1), blob("d", 1)}, merge(objects, open, "", 10))
	require.Equal(t, []holdall.BlobInfo{blob("a", 1), blob("b", 0)}, merge(objects, open, "", 2))
	require.Equal(t, []holdall.BlobInfo{blob("a", 1), blob("b", 0), blob("c", 1)}, merge(objects, open, "c", 10), "what follows is not known yet")
	require.Empty(t, merge(nil, nil, "", 5))
}

func TestBuffersWait(t *testing.T) {
	b := newBuffers(1, 10)
	first, err := b.wait(t.Context(), time.Hour)
	require.NoError(t, err)
	require.Nil(t, b.try())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = b.wait(ctx, time.Hour)
	require.ErrorIs(t, err, context.Canceled)
	_, err = b.wait(t.Context(), time.Millisecond)
	require.ErrorIs(t, err, holdall.ErrUnavailable)
	b.free(first)
	b.free(nil)
	require.NotNil(t, b.try())
}
