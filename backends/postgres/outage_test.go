package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/pgtest"
)

// TestStandby reads from a streaming replica and writes to it in vain.
func TestStandby(t *testing.T) {
	server := pgtest.Start(t)
	primary := openAt(t, server.DSN, &Options{Schema: "replicated"})
	s := newStore(t, primary)
	body := strings.Repeat("0123456789abcdef", 3<<20/16)
	_, err := s.As(everyone).Bucket("default").Object("a").Put(bg, strings.NewReader(body), nil)
	require.NoError(t, err)
	replica := server.Standby(t)
	await(t, func() bool { return primary.Ping(bg) == nil })
	_, err = s.As(everyone).Bucket("default").Object("b").Put(bg, strings.NewReader(body), nil)
	require.NoError(t, err)

	b, err := Open(bg, replica.DSN, &Options{Schema: "replicated", MaxWait: patience})
	require.NoError(t, err)
	defer b.Close()
	bucket := newStore(t, b).As(everyone).Bucket("default")
	await(t, func() bool { _, err := bucket.Object("b").Stat(bg); return err == nil })
	for _, path := range []string{"a", "b"} {
		o, err := bucket.Object(path).Open(bg)
		require.NoError(t, err)
		var got bytes.Buffer
		_, err = o.WriteTo(&got)
		require.NoError(t, err)
		require.True(t, got.String() == body, path)
		require.NoError(t, o.Close())
	}
	page, err := bucket.ListPage(bg, &holdall.ListOptions{Delimiter: "/"})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
	require.EqualValues(t, 2, page.Total)

	for _, size := range []int{10, 300 << 10, 3 << 20} {
		_, err = bucket.Object("c").Put(bg, strings.NewReader(body[:size]), nil)
		requireCode(t, err, "25006", "read-only")
	}
	_, err = bucket.Object("a").Delete(bg, nil)
	requireCode(t, err, "25006", "read-only")
	_, err = b.RemoveBatch(bg, []holdall.Entry{{ID: "x", Tenant: "t", Version: 1}})
	requireCode(t, err, "25006", "read-only")
}

// requireCode checks a failure that the server reported and that is certain.
func requireCode(t *testing.T, err error, code, says string) {
	t.Helper()
	require.ErrorIs(t, err, holdall.ErrUnavailable)
	var e *pgconn.PgError
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code)
	require.ErrorContains(t, err, says)
	require.NotContains(t, err.Error(), "unknown")
}

// TestDiskFull has the server's own writes to a table fail for want of space.
func TestDiskFull(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /dev/full")
	}
	server := pgtest.Start(t)
	b := openAt(t, server.DSN, &Options{Schema: "full"})
	bucket := newStore(t, b).As(everyone).Bucket("default")
	_, err := bucket.Stat(bg)
	require.NoError(t, err)
	var file string
	var version int
	require.NoError(t, b.pool.QueryRow(bg, "SELECT pg_relation_filepath('\"full\".blob_chunks'), current_setting('server_version_num')::int").Scan(&file, &version))
	file = filepath.Join(server.Data(), file)
	restart := func(change func() error) {
		_, err := b.pool.Exec(bg, "CHECKPOINT") // so that recovery does not write to the file
		require.NoError(t, err)
		server.Crash()
		require.NoError(t, change())
		require.NoError(t, server.Restart())
		await(t, func() bool { return b.Ping(bg) == nil })
	}
	restart(func() error { return errors.Join(os.Rename(file, file+".away"), os.Symlink("/dev/full", file)) })
	sizes := []int{10, 300 << 10, 5 << 20}
	for _, size := range sizes {
		_, err := bucket.Object(fmt.Sprint(size)).Put(bg, bytes.NewReader(make([]byte, size)), nil)
		if version >= 160_000 && size > 10 { // it reserves room for many pages at once, which a device does not take
			require.ErrorIs(t, err, holdall.ErrUnavailable)
		} else {
			requireCode(t, err, "53100", "disk is full")
		}
		_, err = bucket.Object(fmt.Sprint(size)).Stat(bg)
		require.ErrorIs(t, err, holdall.ErrNotFound)
	}
	list, err := b.ListBlobs(bg, "", 10)
	require.NoError(t, err)
	require.Empty(t, list)
	restart(func() error { return os.Rename(file+".away", file) })
	for _, size := range sizes {
		_, err := bucket.Object(fmt.Sprint(size)).Put(bg, bytes.NewReader(make([]byte, size)), nil)
		require.NoError(t, err)
	}
}

// deafConn stops hearing the server as soon as it is told so and a commit
// was sent to it.
type deafConn struct {
	net.Conn
	armed, deaf *atomic.Bool
	word        string
}

func (c *deafConn) Write(p []byte) (int, error) {
	if c.armed.Load() && bytes.Contains(p, []byte(c.word)) {
		c.deaf.Store(true)
	}
	return c.Conn.Write(p)
}

func (c *deafConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.deaf.Load() {
		c.Conn.Close()
		return 0, errors.New("the cable was cut")
	}
	return n, err
}

// TestLostReplyIsReportedAsSuch cuts the connection when a commit has been
// sent and its reply is awaited: the outcome is unknown to the caller, and no
// definite failure is reported, whichever way the commit goes.
func TestLostReplyIsReportedAsSuch(t *testing.T) {
	b := open(t, nil)
	for name, c := range map[string]struct {
		size int
		word string // of the message that commits
	}{
		"one statement": {0, "lost-statement"}, "one batch": {4 << 10, "lost-one-batch"}, "copy and batch": {300 << 10, "lost-copy-and-batch"},
		"a transaction": {400 << 10, "\x0bcommit\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := b.pool.Config()
			var armed, deaf atomic.Bool
			cfg.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				return &deafConn{conn, &armed, &deaf, c.word}, err
			}
			pool, err := pgxpool.NewWithConfig(bg, cfg)
			require.NoError(t, err)
			defer pool.Close()
			cut, err := New(pool, &Options{Schema: strings.Trim(b.sql.schema, `"`), MaxWait: patience})
			require.NoError(t, err)
			path := strings.ReplaceAll("lost-"+name, " ", "-")
			bucket := newStore(t, cut).As(everyone).Bucket("default")
			_, err = bucket.Object("before").Put(bg, strings.NewReader("x"), &holdall.PutOptions{Replace: true})
			require.NoError(t, err)
			if name == "a transaction" { // of what replaces
				path = "before"
			}
			armed.Store(true)
			if c.size == 0 {
				_, err = cut.Put(bg, record("rec_lost", c.word), holdall.Always)
			} else {
				_, err = bucket.Object(path).Put(bg, bytes.NewReader(make([]byte, c.size)), &holdall.PutOptions{Replace: path == "before"})
			}
			require.ErrorIs(t, err, holdall.ErrUnavailable)
			require.ErrorContains(t, err, "unknown")
			require.True(t, deaf.Load())
			armed.Store(false)
			deaf.Store(false)
			await(t, func() bool { // the server had it all along, and once
				if c.size == 0 {
					e, err := b.Get(bg, record("", c.word).Place())
					return err == nil && e.Version == 1
				}
				info, err := newStore(t, b).As(everyone).Bucket("default").Object(path).Stat(bg)
				return err == nil && info.Size == int64(c.size)
			})
		})
	}
}
