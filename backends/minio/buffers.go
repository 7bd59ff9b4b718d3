package minio

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/holdall-go/holdall"
)

// buffers is the budget of part buffers that all uploads share.
type buffers struct {
	slots chan struct{}
	pool  sync.Pool // of *[]byte
}

func newBuffers(n, size int) *buffers {
	return &buffers{
		slots: make(chan struct{}, n),
		pool:  sync.Pool{New: func() any { b := make([]byte, size); return &b }},
	}
}

// wait returns a buffer as soon as one is free. Who holds one already must
// not call it: when all hold one and wait for another, none ever comes.
func (b *buffers) wait(ctx context.Context, timeout time.Duration) (*[]byte, error) {
	if buf := b.try(); buf != nil {
		return buf, nil
	}
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case b.slots <- struct{}{}:
		return b.pool.Get().(*[]byte), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-late.C:
		return nil, fmt.Errorf("%w: all %d buffers were in use by other uploads for %v", holdall.ErrUnavailable, cap(b.slots), timeout)
	}
}

// try returns a buffer that is free now, else nil.
func (b *buffers) try() *[]byte {
	select {
	case b.slots <- struct{}{}:
		return b.pool.Get().(*[]byte)
	default:
		return nil
	}
}

// free gives a buffer back; nil is nothing.
func (b *buffers) free(buf *[]byte) {
	if buf != nil {
		b.pool.Put(buf)
		<-b.slots
	}
}
