package minio

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

func hang(req *http.Request) (*http.Response, error, bool) {
	<-req.Context().Done()
	return nil, req.Context().Err(), true
}

// A store that hangs once, in the middle of the bytes or after the last one,
// is asked again over another connection as soon as it is late.
func TestHangsOnce(t *testing.T) {
	const stall = DefaultTimeout / 3
	for what, take := range map[string]func(body io.Reader){
		"at the first byte":  func(io.Reader) {},
		"in the middle":      func(body io.Reader) { _, _ = io.CopyN(io.Discard, body, 100) },
		"after the last one": func(body io.Reader) { _, _ = io.Copy(io.Discard, body) },
	} {
		for name, size := range bodies {
			if size < slowest && what == "after the last one" {
				continue // it may take as long as all attempts together
			}
			t.Run(what+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b, shelf, l := shelfBackend(t)
					b.stall = stall
					l.fault = func(req *http.Request, try int) (*http.Response, error, bool) {
						if k := kind(req); k != "put" && k != "part" || try > 1 {
							return nil, nil, false
						}
						take(req.Body)
						return hang(req)
					}
					data, late, began := random(size), stall, time.Now()
					if what == "after the last one" {
						late = DefaultTimeout
					}
					_, err := b.PutBlob(t.Context(), "aa/x", bytes.NewReader(data), -1)
					require.NoError(t, err)
					require.Equal(t, late, time.Since(began).Truncate(time.Second), "and a moment before it asks again")
					require.True(t, bytes.Equal(data, shelf.objects["/files/aa/x"]))
				})
			})
		}
	}
}

// A store that takes no byte any more is given up.
func TestUploadStalls(t *testing.T) {
	for what, size := range bodies {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, shelf, l := shelfBackend(t)
				b.timeout = time.Hour
				l.fault = func(req *http.Request, _ int) (*http.Response, error, bool) {
					if k := kind(req); k == "put" || k == "part" {
						return hang(req)
					}
					return nil, nil, false
				}
				_, err := b.PutBlob(t.Context(), "aa/x", bytes.NewReader(random(size)), -1)
				require.ErrorIs(t, err, holdall.ErrUnavailable)
				require.ErrorIs(t, err, errStalled)
				require.Empty(t, shelf.open, "an upload in parts is open")
			})
		})
	}
}

// A store that answers nothing is given up.
func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, l := shelfBackend(t)
		b.stall = time.Hour
		l.fault = func(req *http.Request, _ int) (*http.Response, error, bool) { return hang(req) }
		_, err := b.PutBlob(t.Context(), "aa/x", strings.NewReader("x"), -1)
		require.ErrorIs(t, err, errTimeout)
		began := time.Now()
		_, err = b.OpenBlob(t.Context(), "aa/x", 0, -1)
		require.ErrorIs(t, err, errTimeout)
		require.Equal(t, DefaultTimeout, time.Since(began))
		require.ErrorIs(t, b.Ping(t.Context()), errTimeout)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = b.OpenBlob(ctx, "aa/x", 0, -1)
		require.ErrorIs(t, err, context.Canceled, "the caller's own end comes first")
		require.NotErrorIs(t, err, holdall.ErrUnavailable)
	})
}

// A download that stops is given up.
func TestDownloadStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, shelf, l := shelfBackend(t)
		b.timeout = time.Hour
		shelf.objects["/files/aa/x"] = random(1 << 20)
		l.fault = func(req *http.Request, _ int) (*http.Response, error, bool) {
			resp, err := shelf.RoundTrip(req)
			if err == nil {
				resp.Body = &stuckBody{resp.Body, req.Context(), 1000}
			}
			return resp, err, true
		}
		r, err := b.OpenBlob(t.Context(), "aa/x", 0, -1)
		require.NoError(t, err)
		defer r.Close()
		got, err := io.ReadAll(r)
		require.Len(t, got, 1000)
		require.ErrorIs(t, err, errStalled)
	})
}

// stuckBody gives n bytes and then waits for the end of the context.
type stuckBody struct {
	io.ReadCloser
	ctx context.Context
	n   int
}

func (s *stuckBody) Read(p []byte) (int, error) {
	if s.n == 0 {
		<-s.ctx.Done()
		return 0, s.ctx.Err()
	}
	n, err := s.ReadCloser.Read(p[:min(len(p), s.n)])
	s.n -= n
	return n, err
}
