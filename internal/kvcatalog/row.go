// Package kvcatalog is a [holdall.Catalog] over an ordered key-value store.
// The embedded backends share it.
package kvcatalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/holdall-go/holdall"
)

// A stored entry begins with what lists look at, so that most of those that
// do not match are told by a few bytes:
//
//	format (1)  flags  id  version  created  updated  [expires]  [size  type]  value
//	deleted  due  ttl  created-by  updated-by  deleted-by  [rest of the content]
//
// Numbers are varints, texts have their length in front, times are
// microseconds since the zero time. Tenant, place and state are in the key.
const format = 1

const (
	flagExpires = 1 << iota
	flagContent
)

// errCorrupt is for data that cannot have been written by this package.
var errCorrupt = errors.New("corrupt catalog")

func corrupt(what string, data []byte) error {
	return fmt.Errorf("%w: %s %.40x", errCorrupt, what, data)
}

// row is an encoded entry, read as far as lists look. It shares memory with
// the encoding.
type row struct {
	id                        []byte
	version                   int64
	created, updated, expires time.Time
	hasContent                bool
	size                      int64
	mediaType                 []byte
	value                     []byte
	rest                      reader
}

func parseRow(b []byte) (row, error) {
	d := reader{b: b}
	if d.byte() != format {
		return row{}, corrupt("entry", b)
	}
	flags := d.byte()
	r := row{id: d.bytes(), version: d.varint(), created: d.time(), updated: d.time()}
	if flags&flagExpires != 0 {
		r.expires = d.time()
	}
	if r.hasContent = flags&flagContent != 0; r.hasContent {
		r.size, r.mediaType = d.varint(), d.bytes()
	}
	r.value = d.bytes()
	r.rest = d
	if d.bad || flags > flagExpires|flagContent {
		return row{}, corrupt("entry", b)
	}
	return r, nil
}

// rowID returns the id in an encoded entry.
func rowID(b []byte) []byte {
	if len(b) < 2 {
		return nil
	}
	d := reader{b: b[2:]}
	return d.bytes()
}

// expired reports whether an encoded entry has run out.
func (r *row) expired(now time.Time) bool {
	return !r.expires.IsZero() && !now.Before(r.expires)
}

// entry returns the whole entry of the branch and name.
func (r row) entry(b *branch, name []byte) (holdall.Entry, error) {
	e, err := r.head(b, name)
	if len(r.value) > 0 {
		e.Value = append([]byte(nil), r.value...)
	}
	return e, err
}

// head returns the entry without its value.
func (r row) head(b *branch, name []byte) (holdall.Entry, error) {
	d := r.rest
	e := holdall.Entry{
		ID: string(r.id), Tenant: b.place.Tenant, Kind: b.place.Kind, Container: b.place.Container,
		Tier: b.place.Tier, Owner: b.place.Owner, Name: string(name), State: b.state, Version: r.version,
		CreatedAt: r.created, UpdatedAt: r.updated, ExpiresAt: r.expires,
		DeletedAt: d.time(), DueAt: d.time(), TTL: time.Duration(d.varint()),
		CreatedBy: d.string(), UpdatedBy: d.string(), DeletedBy: d.string(),
	}
	if r.hasContent {
		e.Content = &holdall.Content{
			Key: d.string(), Size: r.size, Checksum: d.string(), Type: string(r.mediaType),
			Source: d.string(), SourceType: d.string(), Edition: d.varint(),
		}
		for n := d.uvarint(); n > 0 && !d.bad; n-- {
			g := holdall.Garbage{Key: d.string(), Since: d.time()}
			flags := d.byte()
			g.Pending, g.Doomed = flags&garbagePending != 0, flags&garbageDoomed != 0
			e.Content.Garbage = append(e.Content.Garbage, g)
		}
	}
	if d.bad || len(d.b) > 0 {
		return holdall.Entry{}, corrupt("rest of entry", d.b)
	}
	return e, nil
}

// encode is the reverse of parseRow and entry.
func encode(e *holdall.Entry) []byte {
	b := make([]byte, 0, 256+len(e.Value))
	var flags byte
	if !e.ExpiresAt.IsZero() {
		flags |= flagExpires
	}
	if e.Content != nil {
		flags |= flagContent
	}
	b = append(b, format, flags)
	b = appendString(b, e.ID)
	b = binary.AppendVarint(b, e.Version)
	b = appendTime(appendTime(b, e.CreatedAt), e.UpdatedAt)
	if flags&flagExpires != 0 {
		b = appendTime(b, e.ExpiresAt)
	}
	if c := e.Content; c != nil {
		b = binary.AppendVarint(b, c.Size)
		b = appendString(b, c.Type)
	}
	b = append(binary.AppendUvarint(b, uint64(len(e.Value))), e.Value...)
	b = appendTime(appendTime(b, e.DeletedAt), e.DueAt)
	b = binary.AppendVarint(b, int64(e.TTL))
	b = appendString(appendString(appendString(b, e.CreatedBy), e.UpdatedBy), e.DeletedBy)
	if e.Content != nil {
		b = appendContent(b, e.Content)
	}
	return b
}

// Flags of garbage, one byte.
const (
	garbageDoomed  = 1
	garbagePending = 2
)

func appendContent(b []byte, c *holdall.Content) []byte {
	b = appendString(appendString(b, c.Key), c.Checksum)
	b = appendString(appendString(b, c.Source), c.SourceType)
	b = binary.AppendVarint(b, c.Edition)
	b = binary.AppendUvarint(b, uint64(len(c.Garbage)))
	for _, g := range c.Garbage {
		b = appendTime(appendString(b, g.Key), g.Since)
		var flags byte
		if g.Doomed {
			flags |= garbageDoomed
		}
		if g.Pending {
			flags |= garbagePending
		}
		b = append(b, flags)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// zeroMicro is the zero time in microseconds since 1970.
var zeroMicro = time.Time{}.UnixMicro()

func appendTime(b []byte, t time.Time) []byte {
	return binary.AppendUvarint(b, uint64(t.UnixMicro()-zeroMicro))
}

// reader takes fields off the front of b. After the first that is not there
// bad is set and all are zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	return r.number(v, n)
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	return int64(r.number(uint64(v), n))
}

func (r *reader) number(v uint64, n int) uint64 {
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) || n > math.MaxInt32 {
		r.bad, r.b = true, nil
		return nil
	}
	s := r.b[:n]
	r.b = r.b[n:]
	return s
}

func (r *reader) string() string { return string(r.bytes()) }

func (r *reader) time() time.Time {
	return time.UnixMicro(int64(r.uvarint()) + zeroMicro).UTC()
}
