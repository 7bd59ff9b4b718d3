package minio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/holdall-go/holdall"
)

// do runs one request, or a few that belong together, under the deadline. The
// client retries a request without a body by itself.
func (b *Backend) do(ctx context.Context, fn func(ctx context.Context) error) error {
	return within(ctx, b.timeout, fn)
}

func within(ctx context.Context, limit time.Duration, fn func(ctx context.Context) error) error {
	c, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(limit, func() { cancel(errTimeout) }).Stop()
	return explain(ctx, c, fn(c))
}

// The rates, in bytes per second, below which bytes that go to the store, are
// copied inside it, or become one object of many parts, are too slow.
const (
	slowest         = 64 << 10
	slowestCopy     = 8 << 20
	slowestComplete = 64 << 20
)

func (b *Backend) limit(size int64, rate int64) time.Duration {
	return b.timeout + time.Duration(size/rate)*time.Second
}

// attempts is how often a request with a body is sent before the upload fails.
const attempts = 3

// send runs a request that carries data, again where it makes sense.
func (b *Backend) send(ctx context.Context, data []byte, fn func(ctx context.Context, body io.Reader) error) error {
	return within(ctx, b.limit(int64(len(data)), slowest), func(c context.Context) error {
		for try := 1; ; try++ {
			err := b.attempt(c, data, fn)
			if err == nil || try == attempts || c.Err() != nil || !errors.Is(err, holdall.ErrUnavailable) {
				return err
			}
			select {
			case <-c.Done():
				return err
			case <-time.After(backoff(try)):
			}
		}
	})
}

// attempt sends data once. It reads them by a reader of its own: the transport
// may go on reading for an attempt that has failed, and must neither share the
// position of the next nor see the buffer when that is used again. A store
// that hangs fails this attempt alone, so that the next one can go over a new
// connection, to another node.
func (b *Backend) attempt(ctx context.Context, data []byte, fn func(ctx context.Context, body io.Reader) error) error {
	c, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	src := &source{data: bytes.NewReader(data), stall: b.stall, answer: b.timeout}
	src.watch = time.AfterFunc(b.stall, func() { cancel(src.late()) })
	defer src.close()
	return explain(ctx, c, fn(c, src))
}

// backoff is how long to wait after a failed attempt: 0.1–0.2 s, then twice that.
func backoff(try int) time.Duration {
	unit := 100 * time.Millisecond << (try - 1)
	return unit + rand.N(unit)
}

// source is the body of one attempt. It watches that the store keeps reading,
// and answers once it has read all.
type source struct {
	mu            sync.Mutex
	data          *bytes.Reader // nil: closed
	watch         *time.Timer
	stall, answer time.Duration
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.data == nil {
		return 0, io.ErrClosedPipe
	}
	n, err := s.data.Read(p)
	switch {
	case s.data.Len() > 0:
		s.watch.Reset(s.stall)
	case n > 0: // the last ones
		s.watch.Reset(s.answer)
	}
	return n, err
}

// late says what the store was late with.
func (s *source) late() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.data != nil && s.data.Len() > 0 {
		return errStalled
	}
	return errTimeout
}

// close lets go of the data; no Read sees it afterwards.
func (s *source) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = nil
	s.watch.Stop()
}
