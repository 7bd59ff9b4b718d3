package kvcatalog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
)

// The first byte of a key says what it leads to.
const (
	entryKey = 'e' // + branch + name (+ NUL + id unless live) → the encoded entry
	idKey    = 'i' // + id → the key of the entry
	dueKey   = 'd' // + time + id → nothing
	tallyKey = 'n' // + branch → the number of its entries
)

// maxKey bounds a key in bytes, so that every engine takes it.
const maxKey = 16 << 10

// Codes of the closed lists, one byte each in a key. They are stored: append,
// never reorder.
var (
	states = []holdall.State{holdall.StateLive, holdall.StatePending, holdall.StateDeleted, holdall.StatePurging}
	kinds  = []holdall.Kind{holdall.KindBucket, holdall.KindObject, holdall.KindRecord, holdall.KindSystem}
	tiers  = []holdall.Tier{"", holdall.Private, holdall.User, holdall.Shared}
)

func code[T comparable](list []T, v T) (byte, bool) {
	for i, o := range list {
		if o == v {
			return byte(i), true
		}
	}
	return 0, false
}

// branch is what the keys of neighbouring entries have in common: all of a
// place but the name, and the state. Entries of one branch lie together,
// sorted by name.
type branch struct {
	place  holdall.Ref // without ID and Name
	state  holdall.State
	prefix []byte // of the keys
}

// kindPrefix returns what the keys of all entries of a kind begin with.
func kindPrefix(state holdall.State, tenant string, kind holdall.Kind) ([]byte, bool) {
	s, ok1 := code(states, state)
	k, ok2 := code(kinds, kind)
	key := append(make([]byte, 0, 96), entryKey, s)
	return append(appendString(key, tenant), k), ok1 && ok2
}

// newBranch returns the branch of a place; false when there can be none.
func newBranch(state holdall.State, place holdall.Ref) (branch, bool) {
	place.ID, place.Name = "", ""
	key, ok := kindPrefix(state, place.Tenant, place.Kind)
	t, tierOK := code(tiers, place.Tier)
	key = append(appendString(key, place.Container), t)
	return branch{place, state, appendString(key, place.Owner)}, ok && tierOK
}

// key returns the key of the entry of that name and id.
func (b *branch) key(name, id string) []byte {
	key := append(bytes.Clone(b.prefix), name...)
	if b.state != holdall.StateLive {
		key = append(append(key, 0), id...)
	}
	return key
}

// at returns the bound of the branch's keys that a bound of names makes.
func (b *branch) at(name []byte) []byte { return append(bytes.Clone(b.prefix), name...) }

// name returns the name in a key of the branch.
func (b *branch) name(key []byte) []byte {
	name := key[len(b.prefix):]
	if b.state != holdall.StateLive {
		name, _, _ = bytes.Cut(name, []byte{0})
	}
	return name
}

// parseBranch returns the branch of an entry's key. The length of its fields
// up to the container, that included, comes with it.
func parseBranch(key []byte) (b branch, container int, err error) {
	r := reader{b: key}
	prefix, state := r.byte(), r.byte()
	b.place.Tenant = r.string()
	kind := r.byte()
	b.place.Container = r.string()
	container = len(key) - len(r.b)
	tier := r.byte()
	b.place.Owner = r.string()
	if r.bad || prefix != entryKey || int(state) >= len(states) || int(kind) >= len(kinds) || int(tier) >= len(tiers) {
		return branch{}, 0, corrupt("key", key)
	}
	b.state, b.place.Kind, b.place.Tier = states[state], kinds[kind], tiers[tier]
	b.prefix = key[:len(key)-len(r.b)]
	return b, container, nil
}

// entryKeyOf returns the key of e, or an error matching ErrInvalid.
func entryKeyOf(e *holdall.Entry) ([]byte, error) {
	b, ok := newBranch(e.State, e.Place())
	key := b.key(e.Name, e.ID)
	switch {
	case !ok || e.Tenant == "":
		return nil, fmt.Errorf("%w: entry with tenant %q, kind %q, tier %q, state %q", holdall.ErrInvalid, e.Tenant, e.Kind, e.Tier, e.State)
	case strings.IndexByte(e.Name, 0) >= 0:
		return nil, fmt.Errorf("%w: a name with a NUL", holdall.ErrInvalid)
	case len(key)+len(e.ID) > maxKey:
		return nil, fmt.Errorf("%w: an entry's place and id have %d bytes, over %d", holdall.ErrInvalid, len(key), maxKey)
	}
	return key, nil
}

func idKeyOf(id string) []byte { return append([]byte{idKey}, id...) }

func dueKeyOf(due time.Time, id string) []byte {
	return append(dueBound(due), id...)
}

// dueBound returns what all keys due at that time begin with: they sort by time.
func dueBound(due time.Time) []byte {
	return binary.BigEndian.AppendUint64([]byte{dueKey}, uint64(due.UnixMicro())^1<<63)
}

// discover returns the branches below prefix that hold entries, by skipping
// from one to the next.
func discover(tx kv.Tx, prefix []byte) ([]branch, error) {
	var found []branch
	c := tx.Cursor()
	for key, _ := c.Seek(prefix); bytes.HasPrefix(key, prefix); {
		b, _, err := parseBranch(key)
		if err != nil {
			return nil, err
		}
		found = append(found, b)
		next := kv.After(b.prefix)
		if next == nil {
			break
		}
		key, _ = c.Seek(next)
	}
	return found, nil
}

// containersOf returns the names of the containers below prefix, one
// [kindPrefix], that hold entries.
func containersOf(tx kv.Tx, prefix []byte) ([]string, error) {
	var found []string
	c := tx.Cursor()
	for key, _ := c.Seek(prefix); bytes.HasPrefix(key, prefix); {
		b, n, err := parseBranch(key)
		if err != nil {
			return nil, err
		}
		found = append(found, b.place.Container)
		key, _ = c.Seek(kv.After(key[:n]))
	}
	return found, nil
}
