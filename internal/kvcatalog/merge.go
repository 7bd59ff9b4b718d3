package kvcatalog

import (
	"bytes"
	"cmp"
	"container/heap"
	"strings"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
)

// stream is the entries of one branch, in name order, between two keys.
type stream struct {
	b         *branch
	c         kv.Cursor
	lo, hi    []byte // lo <= key < hi
	desc      bool
	key, data []byte // where it stands; key nil is the end
}

func newStream(tx kv.Tx, b *branch, f *filter, desc bool) *stream {
	s := &stream{b: b, c: tx.Cursor(), desc: desc, lo: b.at(f.lo), hi: kv.After(b.prefix)}
	if f.hi != nil {
		s.hi = b.at(f.hi)
	}
	return s
}

// seek moves to the first entry whose name is not before bound or, when desc,
// to the last whose name is before it; a nil bound is the beginning.
func (s *stream) seek(bound []byte) bool {
	switch at := s.b.at(bound); {
	case s.desc && (bound == nil || bytes.Compare(at, s.hi) > 0):
		s.key, s.data = s.c.SeekBefore(s.hi)
	case s.desc:
		s.key, s.data = s.c.SeekBefore(at)
	case bytes.Compare(at, s.lo) < 0:
		s.key, s.data = s.c.Seek(s.lo)
	default:
		s.key, s.data = s.c.Seek(at)
	}
	return s.inside()
}

func (s *stream) next() bool {
	if s.desc {
		s.key, s.data = s.c.Prev()
	} else {
		s.key, s.data = s.c.Next()
	}
	return s.inside()
}

// inside ends the stream when it has left its bounds.
func (s *stream) inside() bool {
	if s.key != nil && (bytes.Compare(s.key, s.lo) < 0 || bytes.Compare(s.key, s.hi) >= 0) {
		s.key = nil
	}
	return s.key != nil
}

func (s *stream) name() []byte { return s.b.name(s.key) }

// compare orders where two streams stand as [holdall.SortName] does.
func (s *stream) compare(o *stream) int {
	c := bytes.Compare(s.name(), o.name())
	if c == 0 {
		c = cmp.Or(strings.Compare(s.b.place.Container, o.b.place.Container),
			strings.Compare(string(s.b.place.Tier), string(o.b.place.Tier)),
			bytes.Compare(rowID(s.data), rowID(o.data)))
	}
	if s.desc {
		return -c
	}
	return c
}

// position is where the stream stands, as [holdall.Sort.Position] says.
func (s *stream) position() holdall.Position {
	return holdall.Position{Name: string(s.name()), Container: s.b.place.Container, Tier: s.b.place.Tier, ID: string(rowID(s.data))}
}

// merge is a heap of streams that have not ended, the one whose entry comes
// next on top.
type merge []*stream

// newMerge merges the branches from the given bound of names on.
func newMerge(tx kv.Tx, branches []branch, f *filter, desc bool, bound []byte) *merge {
	m := make(merge, 0, len(branches))
	for i := range branches {
		if s := newStream(tx, &branches[i], f, desc); s.seek(bound) {
			m = append(m, s)
		}
	}
	heap.Init(&m)
	return &m
}

// next moves on by one entry.
func (m *merge) next() { m.settle((*m)[0].next()) }

// skip moves on past all names that begin with prefix.
func (m *merge) skip(prefix []byte) {
	for len(*m) > 0 && bytes.HasPrefix((*m)[0].name(), prefix) {
		bound := prefix
		if !(*m)[0].desc {
			bound = kv.After(prefix)
		}
		m.settle((*m)[0].seek(bound))
	}
}

// settle restores the heap after its top has moved.
func (m *merge) settle(more bool) {
	if more {
		heap.Fix(m, 0)
	} else {
		heap.Pop(m)
	}
}

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return m[i].compare(m[j]) < 0 }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(s any)        { *m = append(*m, s.(*stream)) }
func (m *merge) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}
