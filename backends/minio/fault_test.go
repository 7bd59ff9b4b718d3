package minio

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	miniogo "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/s3test"
)

// line is a transport whose faults a test chooses.
type line struct {
	mu    sync.Mutex
	fault func(req *http.Request, try int) (*http.Response, error, bool)
	tries map[string]int
	next  http.RoundTripper
}

// kind names a request by what it is for.
func kind(req *http.Request) string {
	q := req.URL.Query()
	switch {
	case req.Method == http.MethodPost && q.Has("uploads"):
		return "begin"
	case req.Method == http.MethodPut && q.Has("partNumber"):
		return "part"
	case req.Method == http.MethodPost && q.Has("uploadId"):
		return "complete"
	case req.Method == http.MethodDelete && q.Has("uploadId"):
		return "abort"
	case req.Method == http.MethodPut:
		return "put"
	}
	return strings.ToLower(req.Method)
}

func (l *line) RoundTrip(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	k := kind(req)
	l.tries[k]++
	try, fault := l.tries[k], l.fault
	l.mu.Unlock()
	if fault != nil {
		if resp, err, done := fault(req, try); done {
			return resp, err
		}
	}
	return l.next.RoundTrip(req)
}

var errLine = errors.New("the line broke on purpose")

// lost sends the request and loses the answer.
func lost(req *http.Request) (*http.Response, error, bool) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	return nil, errLine, true
}

func refused(code string, status int) (*http.Response, error, bool) {
	body := "<Error><Code>" + code + "</Code></Error>"
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil, true
}

// faultyBackend returns a backend behind a line, and one beside it.
func faultyBackend(t *testing.T, s *s3test.Server, opts *Options) (*Backend, *Backend, *line) {
	t.Helper()
	direct := backend(t, s, opts)
	l := &line{tries: map[string]int{}, next: http.DefaultTransport}
	client, err := miniogo.New(s.Addr, &miniogo.Options{Creds: credentials.NewStaticV4(s.Key, s.Secret, ""), Secure: s.Secure, Region: s3test.Region, Transport: l, MaxRetries: 3})
	require.NoError(t, err)
	return patient(t, client, direct.bucket, opts), direct, l
}

func random(n int) []byte {
	data := make([]byte, n)
	rand.Read(data)
	return data
}

func requireBlob(t *testing.T, b *Backend, key string, want []byte) {
	t.Helper()
	r, err := b.OpenBlob(t.Context(), key, 0, -1)
	require.NoError(t, err)
	defer r.Close()
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got), "%d bytes came back, not the %d that were put", len(got), len(want))
}

// requireNothingOpen checks that no upload in parts is open under the key.
func requireNothingOpen(t *testing.T, b *Backend, key string) {
	t.Helper()
	list, err := b.core.ListMultipartUploads(t.Context(), b.bucket, b.name(key), "", "", "", 100)
	require.NoError(t, err)
	for _, u := range list.Uploads {
		require.NotEqual(t, b.name(key), u.Key, "an upload in parts is open")
	}
}

var bodies = map[string]int{"small": 1000, "whole": usualPart, "parts": 3*usualPart + 7}

// An answer that is lost makes no difference, whichever it is.
func TestLostAnswers(t *testing.T) {
	onEach(t, func(t *testing.T, s *s3test.Server) {
		for what, size := range bodies {
			for _, step := range []string{"put", "begin", "part", "complete"} {
				t.Run(what+"/"+step, func(t *testing.T) {
					b, direct, l := faultyBackend(t, s, nil)
					l.fault = func(req *http.Request, try int) (*http.Response, error, bool) {
						if kind(req) == step && try == 1 {
							return lost(req)
						}
						return nil, nil, false
					}
					data := random(size)
					n, err := b.PutBlob(t.Context(), "aa/x", bytes.NewReader(data), -1)
					require.NoError(t, err)
					require.EqualValues(t, size, n)
					requireBlob(t, direct, "aa/x", data)
					requireNothingOpen(t, direct, "aa/x")
				})
			}
		}
	})
}

// When all answers are lost, the outcome is unknown: the bytes are there
// whole or not at all, and DeleteBlob leaves nothing.
func TestAllAnswersLost(t *testing.T) {
	onEach(t, func(t *testing.T, s *s3test.Server) {
		for what, size := range bodies {
			t.Run(what, func(t *testing.T) {
				b, direct, l := faultyBackend(t, s, nil)
				l.fault = func(req *http.Request, _ int) (*http.Response, error, bool) { return lost(req) }
				data := random(size)
				_, err := b.PutBlob(t.Context(), "aa/x", bytes.NewReader(data), -1)
				require.ErrorIs(t, err, holdall.ErrUnavailable)
				if _, err := direct.OpenBlob(t.Context(), "aa/x", 0, -1); err == nil {
					requireBlob(t, direct, "aa/x", data)
				}
				require.NoError(t, direct.DeleteBlob(t.Context(), "aa/x"))
				_, err = direct.OpenBlob(t.Context(), "aa/x", 0, -1)
				require.ErrorIs(t, err, holdall.ErrNotFound)
				requireNothingOpen(t, direct, "aa/x")
			})
		}
	})
}

// damaged flips a byte of the body, with the length and the digests as they are.
func damaged(req *http.Request) (*http.Response, error, bool) {
	data, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err, true
	}
	data[len(data)/2] ^= 1
	c := req.Clone(req.Context())
	c.Body = io.NopCloser(bytes.NewReader(data))
	resp, err := http.DefaultTransport.RoundTrip(c)
	return resp, err, true
}

// The server refuses bytes that were damaged on the line; sent again, they pass.
func TestDamagedBodies(t *testing.T) {
	onEach(t, func(t *testing.T, s *s3test.Server) {
		for what, size := range bodies {
			t.Run(what, func(t *testing.T) {
				b, direct, l := faultyBackend(t, s, nil)
				upTo := 1
				l.fault = func(req *http.Request, try int) (*http.Response, error, bool) {
					if k := kind(req); (k == "put" || k == "part") && try <= upTo {
						return damaged(req)
					}
					return nil, nil, false
				}
				data := random(size)
				_, err := b.PutBlob(t.Context(), "aa/x", bytes.NewReader(data), -1)
				require.NoError(t, err)
				requireBlob(t, direct, "aa/x", data)

				upTo = 1000
				_, err = b.PutBlob(t.Context(), "aa/y", bytes.NewReader(data), -1)
				require.ErrorIs(t, err, holdall.ErrUnavailable)
				_, err = direct.OpenBlob(t.Context(), "aa/y", 0, -1)
				require.ErrorIs(t, err, holdall.ErrNotFound)
				requireNothingOpen(t, direct, "aa/y")
			})
		}
	})
}

// A store that is busy for two requests of each kind is not noticed; one that
// stays so is unavailable, and nothing is left of the upload.
func TestBusyStore(t *testing.T) {
	s := s3test.Shared(t, s3test.MinIO)
	for what, size := range bodies {
		t.Run(what, func(t *testing.T) {
			t.Parallel() // it waits, mostly
			b, direct, l := faultyBackend(t, s, nil)
			for _, answer := range []func() (*http.Response, error, bool){
				func() (*http.Response, error, bool) { return refused("SlowDownWrite", 503) },
				func() (*http.Response, error, bool) { return refused("TooManyRequests", 429) },
				func() (*http.Response, error, bool) { return nil, errLine, true },
			} {
				l.tries = map[string]int{}
				l.fault = func(_ *http.Request, try int) (*http.Response, error, bool) {
					if try <= 2 {
						return answer()
					}
					return nil, nil, false
				}
				data := random(size)
				_, err := b.PutBlob(t.Context(), "aa/x", bytes.NewReader(data), -1)
				require.NoError(t, err)
				requireBlob(t, b, "aa/x", data)
				require.NoError(t, b.DeleteBlob(t.Context(), "aa/x"))
			}
			for _, step := range []string{"put", "begin", "part", "complete"} {
				l.fault = func(req *http.Request, _ int) (*http.Response, error, bool) {
					if kind(req) == step {
						return refused("SlowDown", 503)
					}
					return nil, nil, false
				}
				_, err := b.PutBlob(t.Context(), "aa/y", bytes.NewReader(random(size)), -1)
				if err != nil {
					require.ErrorIs(t, err, holdall.ErrUnavailable)
					_, err = direct.OpenBlob(t.Context(), "aa/y", 0, -1)
					require.ErrorIs(t, err, holdall.ErrNotFound)
				}
				require.NoError(t, direct.DeleteBlob(t.Context(), "aa/y"))
				requireNothingOpen(t, direct, "aa/y")
			}
		})
	}
}

// cutBody ends after n bytes, as a broken line or, falsely, as the end.
type cutBody struct {
	io.ReadCloser
	n   int
	err error
}

func (c *cutBody) Read(p []byte) (int, error) {
	if c.n == 0 {
		return 0, c.err
	}
	n, err := c.ReadCloser.Read(p[:min(len(p), c.n)])
	c.n -= n
	return n, err
}

// A download that is cut goes on where it was; one that is cut again and again
// ends in an error.
func TestCutDownloads(t *testing.T) {
	s := s3test.Shared(t, s3test.MinIO)
	b, direct, l := faultyBackend(t, s, nil)
	data := random(1 << 20)
	_, err := direct.PutBlob(t.Context(), "aa/x", bytes.NewReader(data), -1)
	require.NoError(t, err)
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, errLine} {
		for _, cuts := range []int{1, resumes, resumes + 1} {
			var gets atomic.Int32
			l.fault = func(req *http.Request, _ int) (*http.Response, error, bool) {
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err == nil && int(gets.Add(1)) <= cuts {
					resp.Body = &cutBody{resp.Body, 100_000, end}
				}
				return resp, err, true
			}
			r, err := b.OpenBlob(t.Context(), "aa/x", 5, int64(len(data)-10))
			require.NoError(t, err)
			got, err := io.ReadAll(r)
			r.Close()
			want := data[5 : len(data)-5]
			require.True(t, bytes.HasPrefix(want, got))
			if cuts > resumes {
				require.ErrorIs(t, err, holdall.ErrUnavailable)
				continue
			}
			require.NoError(t, err)
			require.Len(t, got, len(want))
		}
	}
	// A server that ignores the range must not pass for one that honours it.
	l.fault = func(req *http.Request, _ int) (*http.Response, error, bool) {
		req.Header.Del("Range")
		return nil, nil, false
	}
	_, err = b.OpenBlob(t.Context(), "aa/x", 5, 10)
	require.Error(t, err)
}
