// Package kv is an ordered key-value store as the catalog of the embedded
// backends sees it, with an implementation in memory.
package kv

import "context"

// DB runs transactions. Its methods are safe for concurrent use.
type DB interface {
	// View calls fn with a snapshot and returns its error. fn must not write.
	View(fn func(Tx) error) error
	// Update calls fn and commits when it returns nil, else nothing has
	// changed. One Update runs at a time; ctx bounds the wait for the others.
	//
	// A shared Update may be committed together with others, so fn must not
	// write anything before it knows that it will return nil.
	Update(ctx context.Context, mode Mode, fn func(Tx) error) error
}

// Mode says what an Update may do.
type Mode int

// The modes of an Update.
const (
	// Shared updates fail before their first write or not at all.
	Shared Mode = iota
	// Exclusive updates may fail at any point. They have a commit of their own.
	Exclusive
)

// Tx is a transaction. It is for one goroutine, and dead once its function
// has returned. Keys and values that it hands out are valid for as long and
// must not be changed; those handed to it belong to it.
type Tx interface {
	// Get returns the value of key, or nil.
	Get(key []byte) []byte
	Put(key, value []byte)
	Delete(key []byte)
	// Cursor returns a cursor, which the next write makes invalid.
	Cursor() Cursor
}

// Cursor walks the keys in byte order. Each method returns the pair that it
// moved to, or a nil key past either end, from where only Seek and SeekBefore
// lead back.
type Cursor interface {
	// Seek moves to the first key that is not before key.
	Seek(key []byte) (k, v []byte)
	// SeekBefore moves to the last key that is before key.
	SeekBefore(key []byte) (k, v []byte)
	Next() (k, v []byte)
	Prev() (k, v []byte)
}

// After returns the least key that is after every key with the given prefix,
// or nil when there is none.
func After(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			next := append([]byte(nil), prefix[:i+1]...)
			next[i]++
			return next
		}
	}
	return nil
}
