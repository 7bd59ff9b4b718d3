package holdall

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// stutter returns (0, nil) between bytes.
type stutter struct {
	r     io.Reader
	pause int
	n     int
}

func (s *stutter) Read(p []byte) (int, error) {
	if s.n++; s.n%(s.pause+1) != 0 {
		return 0, nil
	}
	return s.r.Read(p[:min(len(p), 1)])
}

type lying struct{ n int }

func (l lying) Read([]byte) (int, error) { return l.n, nil }

func TestBodyEndsInEOFOnlyWhenWhole(t *testing.T) {
	broken := errors.New("broken")
	cases := []struct {
		name  string
		r     io.Reader
		want  int64
		limit int64
		err   error // nil: whole
	}{
		{"whole, size known", strings.NewReader("abcde"), 5, 10, nil},
		{"whole, size unknown", strings.NewReader("abcde"), -1, 5, nil},
		{"empty", strings.NewReader(""), -1, 5, nil},
		{"data with EOF", iotest.DataErrReader(strings.NewReader("abcde")), 5, 10, nil},
		{"one byte at a time", iotest.OneByteReader(strings.NewReader("abcde")), -1, 10, nil},
		{"stutters", &stutter{r: strings.NewReader("abcde"), pause: 50}, -1, 10, nil},
		{"makes no progress", &stutter{r: strings.NewReader("abcde"), pause: 100}, -1, 10, io.ErrNoProgress},
		{"short", strings.NewReader("abcd"), 5, 10, errBodyShort},
		{"long", strings.NewReader("abcdef"), 5, 10, errBodyLong},
		{"over the limit", strings.NewReader("abcdef"), -1, 5, ErrTooLarge},
		{"breaks off", io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), -1, 10, broken},
		{"breaks off like a client's abort", io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(io.ErrUnexpectedEOF)), -1, 10, io.ErrUnexpectedEOF},
		{"breaks off at the announced size", io.MultiReader(strings.NewReader("abcde"), iotest.ErrReader(io.ErrUnexpectedEOF)), 5, 10, io.ErrUnexpectedEOF},
		{"negative count", lying{-1}, -1, 10, io.ErrShortBuffer},
		{"impossible count", lying{1 << 30}, -1, 10, io.ErrShortBuffer},
	}
	for _, c := range cases {
		for _, peek := range []int{0, 3, 512} {
			if s, ok := c.r.(io.Seeker); ok {
				_, _ = s.Seek(0, io.SeekStart)
			} else if peek != 0 {
				continue // cannot be read twice
			}
			b := newBody(c.r, c.want, c.limit)
			if peek > 0 {
				_, _ = b.peek(peek)
			}
			got, err := io.ReadAll(b)
			n, sum, finishErr := b.finish()
			if c.err == nil {
				require.NoError(t, err, c.name)
				require.NoError(t, finishErr, c.name)
				hash := sha256.Sum256(got)
				require.Equal(t, hex.EncodeToString(hash[:]), sum, c.name)
				require.EqualValues(t, len(got), n, c.name)
				continue
			}
			for _, err := range []error{err, finishErr, b.failure()} {
				require.Error(t, err, c.name)
				require.NotEqual(t, io.EOF, err, c.name)
				require.NotEqual(t, io.ErrUnexpectedEOF, err, "%s: == must not take it for an end", c.name)
				if c.err != io.ErrShortBuffer {
					require.ErrorIs(t, err, c.err, c.name)
				}
			}
		}
	}
}

func TestBodyThatWasNotReadToTheEnd(t *testing.T) {
	b := newBody(strings.NewReader("abcde"), 5, 10)
	_, err := io.ReadFull(b, make([]byte, 5))
	require.NoError(t, err)
	n, _, err := b.finish()
	require.NoError(t, err, "a backend that knows the size need not see the EOF")
	require.EqualValues(t, 5, n)

	b = newBody(strings.NewReader("abcde"), -1, 10)
	_, err = io.ReadFull(b, make([]byte, 4))
	require.NoError(t, err)
	_, _, err = b.finish()
	require.ErrorIs(t, err, errBodyLong, "bytes that the backend did not take are not part of the object")
}

func TestBodyBuffer(t *testing.T) {
	for _, size := range []int{0, 1, 511, 512, 513, 999, 1000, 1001, 5000} {
		text := bytes.Repeat([]byte("x"), size)
		b := newBody(bytes.NewReader(text), -1, 1<<20)
		_, err := b.peek(512)
		require.NoError(t, err)
		fits, err := b.buffer(1000)
		require.NoError(t, err)
		require.Equal(t, size <= 1000, fits, size)
		got, err := io.ReadAll(b)
		require.NoError(t, err)
		require.Equal(t, text, got)
		n, sum, err := b.finish()
		require.NoError(t, err)
		hash := sha256.Sum256(text)
		require.Equal(t, hex.EncodeToString(hash[:]), sum)
		require.EqualValues(t, size, n)
	}
}

func TestBodyInMemoryWritesItself(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), 50_000)
	size := int64(len(text))
	for name, c := range map[string]struct {
		want, limit int64
		err         error
	}{
		"size known":     {size, size, nil},
		"size not known": {-1, size, nil},
		"short":          {size + 1, size + 1, errBodyShort},
		"long":           {size - 1, size, errBodyLong},
		"over the limit": {-1, size - 1, ErrTooLarge},
	} {
		for _, src := range []io.Reader{bytes.NewReader(text), bytes.NewBuffer(bytes.Clone(text))} {
			b := newBody(src, c.want, c.limit)
			_, err := b.peek(sniffLen)
			require.NoError(t, err, name)
			var got bytes.Buffer
			n, err := b.reader().(io.WriterTo).WriteTo(&got)
			_, sum, finishErr := b.finish()
			if c.err != nil {
				require.ErrorIs(t, err, c.err, name)
				require.ErrorIs(t, finishErr, c.err, name)
				continue
			}
			require.NoError(t, err, name)
			require.NoError(t, finishErr, name)
			require.Equal(t, size, n, name)
			require.True(t, bytes.Equal(text, got.Bytes()), name)
			hash := sha256.Sum256(text)
			require.Equal(t, hex.EncodeToString(hash[:]), sum, name)
		}
	}
	b := newBody(bytes.NewReader(text), size, size)
	_, err := b.reader().(io.WriterTo).WriteTo(&failing{after: 1000})
	require.ErrorIs(t, err, io.ErrClosedPipe, "what the store says comes back")
}

type failing struct{ after int }

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestBodyTellsItsHashOnlyAtTheEnd(t *testing.T) {
	b := newBody(strings.NewReader("abcde"), -1, 10)
	_, err := b.peek(3)
	require.NoError(t, err)
	require.Nil(t, b.SHA256())
	got := make([]byte, 3)
	_, err = io.ReadFull(b, got)
	require.NoError(t, err)
	require.Nil(t, b.SHA256(), "the end is not proven")
	_, err = io.ReadAll(b)
	require.NoError(t, err)
	sum := sha256.Sum256([]byte("abcde"))
	require.Equal(t, sum[:], b.SHA256())
	require.Equal(t, sum[:], b.SHA256(), "asking twice changes nothing")

	b = newBody(iotest.DataErrReader(strings.NewReader("abc")), -1, 10)
	_, err = b.peek(10)
	require.NoError(t, err)
	require.Nil(t, b.SHA256(), "the end has been seen, but not handed out")

	b = newBody(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("abc"))), -1, 10)
	_, err = io.ReadAll(b)
	require.Error(t, err)
	require.Nil(t, b.SHA256())
}
