package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"os"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
)

// maxAlongside bounds the files in bytes whose sync others may have to wait for.
const maxAlongside = 4 << 20

// undoKey leads to the [undo] of the last commit, while that has one.
var undoKey = []byte{'u'}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// undo is in a commit that ran at the same time as the sync of the file that
// it speaks of: what the file must be, and what undoes the commit.
type undo struct {
	Key    string // of the blob
	Size   int64
	Sum    uint32 // CRC-32C
	Before []change
}

// change is a key and the value that it had; nil is none.
type change struct{ Key, Value []byte }

// alongside commits fn while durable runs, instead of after it, and undoes the
// commit when durable fails. It does so only when nobody else writes, who
// would have to wait; else tried is false and nothing has happened. durable is
// not run when fn fails. Nobody can build on the commit before durable has
// returned, since the turn is held; after a crash recover decides by the file.
func (e *engine) alongside(u *undo, fn func(kv.Tx) error, durable func() error) (tried bool, err error) {
	select {
	case e.turn <- struct{}{}:
	default:
		return false, nil
	}
	defer func() { <-e.turn }()
	var synced chan error // nil until durable runs
	op := &update{fn: func(tx kv.Tx) error {
		r := &recorder{Tx: tx}
		if err := fn(r); err != nil {
			return err
		}
		u.Before = r.before
		row, err := json.Marshal(u)
		if err != nil {
			return err
		}
		tx.Put(undoKey, row)
		synced = make(chan error, 1)
		go func() { synced <- durable() }()
		return nil
	}}
	err = e.commit([]*update{op})
	if synced == nil {
		return true, errors.Join(op.err, err)
	}
	failed := <-synced
	if err != nil || failed == nil {
		return true, err
	}
	back := &update{fn: undoLast}
	if err := errors.Join(e.commit([]*update{back}), back.err); err != nil {
		return true, e.stop(err)
	}
	return true, failed
}

// undoLast puts back what the last commit changed.
func undoLast(tx kv.Tx) error {
	var u undo
	if err := json.Unmarshal(tx.Get(undoKey), &u); err != nil {
		return err
	}
	for _, c := range u.Before {
		if c.Value == nil {
			tx.Delete(c.Key)
		} else {
			tx.Put(c.Key, c.Value)
		}
	}
	return nil
}

// recorder notes what it changes.
type recorder struct {
	kv.Tx
	before []change
}

func (r *recorder) Put(key, value []byte) {
	r.note(key)
	r.Tx.Put(key, value)
}

func (r *recorder) Delete(key []byte) {
	r.note(key)
	r.Tx.Delete(key)
}

func (r *recorder) note(key []byte) {
	for _, c := range r.before {
		if bytes.Equal(c.Key, key) {
			return
		}
	}
	c := change{Key: bytes.Clone(key)}
	if old := r.Tx.Get(key); old != nil {
		c.Value = append([]byte{}, old...)
	}
	r.before = append(r.before, c)
}

// recoverLast looks whether the file that the last commit speaks of is whole,
// makes it durable then, and undoes the commit otherwise.
func (b *Backend) recoverLast() error {
	if !b.engine.unconfirmed {
		return nil
	}
	var u undo
	err := b.engine.View(func(tx kv.Tx) error { return json.Unmarshal(tx.Get(undoKey), &u) })
	if err != nil {
		return err
	}
	whole, err := b.files.whole(&u)
	if err != nil {
		return err
	}
	return b.engine.Update(context.Background(), kv.Exclusive, func(tx kv.Tx) error {
		if !whole {
			if err := undoLast(tx); err != nil {
				return err
			}
		}
		tx.Delete(undoKey)
		return nil
	})
}

// whole reports whether the file is what it must be, durably then.
func (f *files) whole(u *undo) (bool, error) {
	file, err := f.open(u.Key, os.O_RDWR) // Windows syncs no file that is open for reading
	if errors.Is(err, holdall.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, file)
	if err != nil || n != u.Size || sum.Sum32() != u.Sum {
		return false, err
	}
	if err := file.Sync(); err != nil {
		return false, err
	}
	return true, f.syncTmp()
}
