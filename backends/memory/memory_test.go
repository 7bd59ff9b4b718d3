package memory

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

var bg = context.Background()

func record(id, name string) holdall.Entry {
	return holdall.Entry{ID: id, Kind: holdall.KindRecord, Tenant: "t", Container: "c", Tier: holdall.Shared, Name: name, State: holdall.StateLive}
}

func read(t *testing.T, b holdall.Blobs, key string, off, n int64) string {
	t.Helper()
	rc, err := b.OpenBlob(bg, key, off, n)
	require.NoError(t, err)
	data, err := io.ReadAll(iotest.OneByteReader(rc))
	require.NoError(t, err)
	require.NoError(t, rc.Close())
	rc, err = b.OpenBlob(bg, key, off, n)
	require.NoError(t, err)
	var buf bytes.Buffer
	_, err = rc.(io.WriterTo).WriteTo(&buf)
	require.NoError(t, err)
	require.Equal(t, string(data), buf.String())
	return string(data)
}

func TestBlobsOfEverySizeAndRange(t *testing.T) {
	b := New()
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 3 * chunkSize, 3*chunkSize + 7} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(r.Uint32())
		}
		for _, known := range []int64{int64(size), -1} {
			key := "aa/" + string(rune('a'+known%7+1)) + strings.Repeat("x", size%50)
			n, err := b.PutBlob(bg, key, bytes.NewReader(want), known)
			require.NoError(t, err)
			require.EqualValues(t, size, n)
			for range 5 {
				off := r.IntN(size + 1)
				n := r.IntN(size - off + 1)
				require.Equal(t, string(want[off:off+n]), read(t, b, key, int64(off), int64(n)))
			}
			_, err = b.PutBlob(bg, key, bytes.NewReader(want), known)
			require.ErrorIs(t, err, holdall.ErrExists)
			require.NoError(t, b.DeleteBlob(bg, key))
		}
	}
}

func TestMemoryIsThatOfTheBytes(t *testing.T) {
	for _, size := range []int64{100000, -1} {
		v, err := readBlob(bg, strings.NewReader(strings.Repeat("x", 100000)), size)
		require.NoError(t, err)
		require.Len(t, v.chunks, 1)
		require.LessOrEqual(t, cap(v.chunks[0]), 106496, "the size class above")
	}
	_, err := readBlob(bg, strings.NewReader("x"), 1<<62)
	require.ErrorIs(t, err, holdall.ErrInvalid)
}

func TestBrokenBodiesLeaveNothing(t *testing.T) {
	b := New()
	seal := func() (holdall.Entry, holdall.Condition, error) { return record("rec_1", "a"), holdall.IfAbsent, nil }
	for _, size := range []int64{-1, 3, 9} {
		r := io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(io.ErrUnexpectedEOF))
		_, err := b.PutWithBlob(bg, "aa/k", r, size, seal)
		require.Error(t, err)
	}
	_, err := b.PutWithBlob(bg, "aa/k", strings.NewReader("abcd"), 3, seal)
	require.ErrorIs(t, err, holdall.ErrInvalid)
	own := errors.New("own")
	_, err = b.PutWithBlob(bg, "aa/k", strings.NewReader("abc"), 3, func() (holdall.Entry, holdall.Condition, error) {
		return holdall.Entry{}, 0, own
	})
	require.Equal(t, own, err)
	list, err := b.ListBlobs(bg, "", 10)
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestSealDecidesAnewOnConflict(t *testing.T) {
	b := New()
	calls := 0
	e, err := b.PutWithBlob(bg, "aa/k", strings.NewReader("abc"), 3, func() (holdall.Entry, holdall.Condition, error) {
		calls++
		if calls == 1 {
			_, err := b.Put(bg, record("rec_1", "a"), holdall.IfAbsent)
			require.NoError(t, err)
			return record("rec_1", "a"), holdall.IfVersion(9), nil
		}
		return record("rec_1", "a"), holdall.IfVersion(1), nil
	})
	require.NoError(t, err)
	require.EqualValues(t, 2, e.Version)
	calls = 0
	_, err = b.PutWithBlob(bg, "aa/l", strings.NewReader("abc"), 3, func() (holdall.Entry, holdall.Condition, error) {
		calls++
		return record("rec_1", "a"), holdall.IfVersion(9), nil
	})
	require.ErrorIs(t, err, holdall.ErrConflict)
	require.Equal(t, maxTries, calls)
	_, err = b.OpenBlob(bg, "aa/l", 0, -1)
	require.ErrorIs(t, err, holdall.ErrNotFound)
}

func TestTransactionsTakeTheirBytesAlong(t *testing.T) {
	b := New()
	_, err := b.PutBlob(bg, "aa/old", strings.NewReader("old"), -1)
	require.NoError(t, err)
	fail := errors.New("no")
	run := func(result error) error {
		return b.InTx(bg, func(ctx context.Context, c holdall.Catalog) error {
			_, err := c.(holdall.AtomicPutter).PutWithBlob(ctx, "aa/new", strings.NewReader("new"), 3, func() (holdall.Entry, holdall.Condition, error) {
				return record("rec_1", "a"), holdall.IfAbsent, nil
			})
			require.NoError(t, err)
			require.Equal(t, "new", read(t, c.(holdall.Blobs), "aa/new", 0, -1))
			require.Equal(t, "old", read(t, c.(holdall.Blobs), "aa/old", 0, -1))
			require.NoError(t, c.(holdall.Blobs).DeleteBlob(ctx, "aa/old"))
			_, err = c.(holdall.Blobs).OpenBlob(ctx, "aa/old", 0, -1)
			require.ErrorIs(t, err, holdall.ErrNotFound)
			_, err = b.OpenBlob(bg, "aa/new", 0, -1)
			require.ErrorIs(t, err, holdall.ErrNotFound, "nobody outside sees it yet")
			_, err = c.Put(ctx, record("rec_1", "b"), holdall.IfAbsent)
			require.ErrorIs(t, err, holdall.ErrExists, "and the transaction goes on")
			return result
		})
	}
	require.ErrorIs(t, run(fail), fail)
	require.Equal(t, "old", read(t, b, "aa/old", 0, -1))
	_, err = b.OpenBlob(bg, "aa/new", 0, -1)
	require.ErrorIs(t, err, holdall.ErrNotFound)
	_, err = b.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_1"})
	require.ErrorIs(t, err, holdall.ErrNotFound)

	require.NoError(t, run(nil))
	require.Equal(t, "new", read(t, b, "aa/new", 0, -1))
	_, err = b.OpenBlob(bg, "aa/old", 0, -1)
	require.ErrorIs(t, err, holdall.ErrNotFound)
	_, err = b.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_1"})
	require.NoError(t, err)
}

func TestATransactionsCatalogEndsWithIt(t *testing.T) {
	b := New()
	var kept holdall.Catalog
	require.NoError(t, b.InTx(bg, func(_ context.Context, c holdall.Catalog) error { kept = c; return nil }))
	_, err := kept.Put(bg, record("rec_1", "a"), holdall.IfAbsent)
	require.ErrorIs(t, err, holdall.ErrInvalid)
}

func TestReadersAreBoundByTheirContext(t *testing.T) {
	b := New()
	_, err := b.PutBlob(bg, "aa/k", strings.NewReader("abc"), -1)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(bg)
	rc, err := b.OpenBlob(ctx, "aa/k", 0, -1)
	require.NoError(t, err)
	cancel()
	_, err = rc.Read(make([]byte, 1))
	require.ErrorIs(t, err, context.Canceled)
	_, err = rc.(io.WriterTo).WriteTo(io.Discard)
	require.ErrorIs(t, err, context.Canceled)
}
