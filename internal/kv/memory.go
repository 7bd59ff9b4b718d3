package kv

import (
	"context"
	"sync/atomic"
)

// Memory is a DB in memory. Readers take the current tree and never wait; a
// writer builds the next one, so a failed Update leaves nothing to undo.
type Memory struct {
	tree atomic.Pointer[Tree[[]byte]]
	turn chan struct{} // holds one value while somebody writes
}

// NewMemory returns an empty DB.
func NewMemory() *Memory {
	m := &Memory{turn: make(chan struct{}, 1)}
	m.tree.Store(&Tree[[]byte]{})
	return m
}

// View implements DB.
func (m *Memory) View(fn func(Tx) error) error {
	return fn(&memoryTx{*m.tree.Load()})
}

// Update implements DB.
func (m *Memory) Update(ctx context.Context, _ Mode, fn func(Tx) error) error {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-m.turn }()
	tx := &memoryTx{*m.tree.Load()}
	if err := fn(tx); err != nil {
		return err
	}
	m.tree.Store(&tx.tree)
	return nil
}

type memoryTx struct{ tree Tree[[]byte] }

func (t *memoryTx) Get(key []byte) []byte {
	v, _ := t.tree.Get(key)
	return v
}

func (t *memoryTx) Put(key, value []byte) { t.tree = t.tree.Put(key, value) }
func (t *memoryTx) Delete(key []byte)     { t.tree = t.tree.Delete(key) }
func (t *memoryTx) Cursor() Cursor        { return t.tree.Walk() }
