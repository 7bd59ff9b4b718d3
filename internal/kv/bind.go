package kv

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/holdall-go/holdall"
)

// Bind returns a DB all of whose transactions are part of tx, safe for
// concurrent use like any other, and a function that ends its life. Each
// Update must be one that may be [Shared].
func Bind(tx Tx) (DB, func()) {
	b := &bound{tx: tx}
	return b, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.tx = nil
	}
}

type bound struct {
	mu sync.Mutex
	tx Tx
}

var errEnded = errors.New("the transaction has ended")

func (b *bound) View(fn func(Tx) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tx == nil {
		return fmt.Errorf("%w: %w", holdall.ErrInvalid, errEnded)
	}
	return fn(b.tx)
}

func (b *bound) Update(_ context.Context, _ Mode, fn func(Tx) error) error { return b.View(fn) }
