package kvcatalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
)

// found is a stored entry without its value, and its key.
type found struct {
	holdall.Entry
	key []byte
}

// Put does what [holdall.Catalog.Put] says within tx. An error means that
// nothing was written.
func Put(tx kv.Tx, e holdall.Entry, c holdall.Condition) (holdall.Entry, error) {
	e = normal(e)
	here, err := liveAt(tx, e.Place())
	if err != nil {
		return holdall.Entry{}, err
	}
	var outdated *found
	if here != nil && here.Expired(e.UpdatedAt) {
		outdated, here = here, nil
	}
	old, err := replaced(tx, &e, c, here, outdated)
	if err != nil {
		return holdall.Entry{}, err
	}
	if err := bucketRules(tx, &e, old); err != nil {
		return holdall.Entry{}, err
	}
	key, err := entryKeyOf(&e)
	if err != nil {
		return holdall.Entry{}, err
	}
	if outdated != nil && e.State == holdall.StateLive {
		erase(tx, outdated)
	}
	e.Version = 1
	if old != nil {
		e.Version = old.Version + 1
	}
	store(tx, &e, key, old)
	return e, nil
}

// replaced checks the condition and returns the entry that e replaces, or
// nil, and fills in what e keeps of it. here is the live entry at e's place,
// outdated the one that counts as absent.
func replaced(tx kv.Tx, e *holdall.Entry, c holdall.Condition, here, outdated *found) (*found, error) {
	live := e.State == holdall.StateLive
	switch {
	case c == holdall.IfAbsent:
		if here != nil && live {
			return nil, fmt.Errorf("%w: the place is taken", holdall.ErrExists)
		}
		return nil, unused(tx, e.ID, outdated)
	case c == holdall.Always && !live:
		return nil, fmt.Errorf("%w: Always takes a live entry", holdall.ErrInvalid)
	case c == holdall.Always && here == nil:
		return nil, unused(tx, e.ID, outdated)
	case c == holdall.Always:
		return keep(e, here), nil
	case c < 0:
		return nil, fmt.Errorf("%w: condition %d", holdall.ErrInvalid, c)
	}
	old := here
	if e.ID != "" {
		var err error
		if old, err = byID(tx, e.Tenant, e.ID); err != nil {
			return nil, err
		}
	}
	switch {
	case old == nil, old.State == holdall.StateLive && old.Expired(e.UpdatedAt):
		return nil, fmt.Errorf("%w: no entry to replace", holdall.ErrNotFound)
	case old.Version != int64(c):
		return nil, fmt.Errorf("%w: version is %d, not %d", holdall.ErrConflict, old.Version, c)
	case e.ID == "":
		return keep(e, old), nil
	case live && here != nil && here.ID != e.ID:
		return nil, fmt.Errorf("%w: the place is taken", holdall.ErrExists)
	}
	return old, nil
}

func keep(e *holdall.Entry, old *found) *found {
	e.ID, e.CreatedAt, e.CreatedBy = old.ID, old.CreatedAt, old.CreatedBy
	return old
}

// unused checks that an id is new, or that of an entry about to go.
func unused(tx kv.Tx, id string, outdated *found) error {
	switch {
	case id == "":
		return fmt.Errorf("%w: a new entry needs an id", holdall.ErrInvalid)
	case tx.Get(idKeyOf(id)) != nil && (outdated == nil || outdated.ID != id):
		return fmt.Errorf("%w: the id is in use", holdall.ErrExists)
	}
	return nil
}

// bucketRules holds a live object to its bucket and a live bucket to its
// objects.
func bucketRules(tx kv.Tx, e *holdall.Entry, old *found) error {
	live := e.State == holdall.StateLive
	if live && e.Kind == holdall.KindObject {
		if ok, err := hasBucket(tx, e.Tenant, e.Container, e.UpdatedAt); err != nil || !ok {
			return orNoBucket(err)
		}
	}
	if old == nil || live && e.Kind == old.Kind && e.Name == old.Name {
		return nil
	}
	return emptyIfBucket(tx, old, e.UpdatedAt)
}

func orNoBucket(err error) error {
	if err != nil {
		return err
	}
	return holdall.ErrNoBucket
}

func hasBucket(tx kv.Tx, tenant, name string, now time.Time) (bool, error) {
	prefix, _ := kindPrefix(holdall.StateLive, tenant, holdall.KindBucket)
	branches, err := discover(tx, prefix)
	if err != nil {
		return false, err
	}
	for i := range branches {
		data := tx.Get(branches[i].key(name, ""))
		if data == nil {
			continue
		}
		r, err := parseRow(data)
		if err != nil || !r.expired(now) {
			return true, err
		}
	}
	return false, nil
}

// emptyIfBucket fails with ErrNotEmpty when old is a live bucket that live
// objects are in.
func emptyIfBucket(tx kv.Tx, old *found, now time.Time) error {
	if old.Kind != holdall.KindBucket || old.State != holdall.StateLive {
		return nil
	}
	prefix, _ := kindPrefix(holdall.StateLive, old.Tenant, holdall.KindObject)
	prefix = appendString(prefix, old.Name)
	c := tx.Cursor()
	for key, data := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, data = c.Next() {
		r, err := parseRow(data)
		if err != nil {
			return err
		}
		if !r.expired(now) {
			return fmt.Errorf("%w: objects are in the bucket", holdall.ErrNotEmpty)
		}
	}
	return nil
}

// Remove does what [holdall.Catalog.Remove] says within tx.
func Remove(tx kv.Tx, tenant, id string, version int64) error {
	old, err := byID(tx, tenant, id)
	switch {
	case err != nil:
		return err
	case old == nil:
		return fmt.Errorf("%w: no entry %q", holdall.ErrNotFound, id)
	case old.Version != version:
		return fmt.Errorf("%w: version is %d, not %d", holdall.ErrConflict, old.Version, version)
	}
	erase(tx, old)
	return nil
}

func store(tx kv.Tx, e *holdall.Entry, key []byte, old *found) {
	moved := old == nil || !bytes.Equal(old.key, key)
	if old != nil {
		addTally(tx, &old.Entry, old.key, -1)
	}
	addTally(tx, e, key, 1)
	if old != nil && moved {
		tx.Delete(old.key)
	}
	if moved {
		tx.Put(idKeyOf(e.ID), key)
	}
	again := old != nil && old.DueAt.Equal(e.DueAt)
	if old != nil && !old.DueAt.IsZero() && !again {
		tx.Delete(dueKeyOf(old.DueAt, old.ID))
	}
	if !e.DueAt.IsZero() && !again {
		tx.Put(dueKeyOf(e.DueAt, e.ID), []byte{})
	}
	tx.Put(key, encode(e))
}

func erase(tx kv.Tx, old *found) {
	tx.Delete(old.key)
	addTally(tx, &old.Entry, old.key, -1)
	tx.Delete(idKeyOf(old.ID))
	if !old.DueAt.IsZero() {
		tx.Delete(dueKeyOf(old.DueAt, old.ID))
	}
}

func liveAt(tx kv.Tx, place holdall.Ref) (*found, error) {
	b, ok := newBranch(holdall.StateLive, place)
	if !ok {
		return nil, nil
	}
	return readHead(tx, b.key(place.Name, ""))
}

// byID returns the tenant's entry of that id, or nil.
func byID(tx kv.Tx, tenant, id string) (*found, error) {
	key := tx.Get(idKeyOf(id))
	if key == nil {
		return nil, nil
	}
	f, err := readHead(tx, key)
	if err != nil || f == nil || f.Tenant != tenant {
		return nil, err
	}
	return f, nil
}

func readHead(tx kv.Tx, key []byte) (*found, error) {
	data := tx.Get(key)
	if data == nil {
		return nil, nil
	}
	b, _, err := parseBranch(key)
	if err != nil {
		return nil, err
	}
	r, err := parseRow(data)
	if err != nil {
		return nil, err
	}
	e, err := r.head(&b, b.name(key))
	return &found{e, key}, err
}

// normal returns e as it will be read back, sharing no memory with it.
func normal(e holdall.Entry) holdall.Entry {
	for _, t := range []*time.Time{&e.CreatedAt, &e.UpdatedAt, &e.DeletedAt, &e.ExpiresAt, &e.DueAt} {
		*t = micro(*t)
	}
	e.Value = append(json.RawMessage(nil), e.Value...)
	if e.Content == nil {
		return e
	}
	c := *e.Content
	c.Garbage = append([]holdall.Garbage(nil), slices.Clone(c.Garbage)...)
	for i := range c.Garbage {
		c.Garbage[i].Since = micro(c.Garbage[i].Since)
	}
	e.Content = &c
	return e
}

func micro(t time.Time) time.Time { return time.UnixMicro(t.UnixMicro()).UTC() }
