package body

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

type liar struct{ n int }

func (l liar) Read([]byte) (int, error) { return l.n, nil }

// together returns its last bytes and the error at once.
type together struct {
	text string
	err  error
}

func (t *together) Read(p []byte) (int, error) { return copy(p, t.text), t.err }

func TestFill(t *testing.T) {
	bad := errors.New("bad")
	for name, c := range map[string]struct {
		r    io.Reader
		n    int
		want error
	}{
		"full":               {strings.NewReader("abcdef"), 4, nil},
		"by bytes":           {iotest.OneByteReader(strings.NewReader("abcdef")), 4, nil},
		"ends":               {strings.NewReader("abc"), 3, io.EOF},
		"ends with its data": {&together{"abc", io.EOF}, 3, io.EOF},
		"broken off":         {&together{"ab", io.ErrUnexpectedEOF}, 2, io.ErrUnexpectedEOF},
		"fails":              {&together{"ab", bad}, 2, bad},
		"stuck":              {stuck{}, 0, io.ErrNoProgress},
		"too much":           {liar{5}, 0, errCount},
		"negative":           {liar{-1}, 0, errCount},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := Fill(context.Background(), c.r, make([]byte, 4))
			require.Equal(t, c.n, n)
			require.Equal(t, c.want, err)
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Fill(ctx, strings.NewReader("abcd"), make([]byte, 4))
	require.ErrorIs(t, err, context.Canceled)
}

func TestEnd(t *testing.T) {
	ctx := context.Background()
	require.NoError(t, End(ctx, strings.NewReader("")))
	require.ErrorIs(t, End(ctx, strings.NewReader("x")), holdall.ErrInvalid)
	require.ErrorIs(t, End(ctx, iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF)
	require.ErrorIs(t, End(ctx, stuck{}), io.ErrNoProgress)
}

func TestRange(t *testing.T) {
	for _, c := range []struct{ off, n, size, want int64 }{{0, -1, 5, 5}, {2, -1, 5, 3}, {2, 2, 5, 2}, {2, 9, 5, 3}, {5, -1, 5, 0}, {5, 1, 5, 0}, {0, 0, 5, 0}, {1, 1<<63 - 1, 5, 4}} {
		got, err := Range(c.off, c.n, c.size)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%+v", c)
	}
	for _, off := range []int64{-1, 6} {
		_, err := Range(off, -1, 5)
		require.ErrorIs(t, err, holdall.ErrInvalid)
	}
}
