package kv

import "bytes"

// Walker moves over the keys of a tree in order. Its methods are those of a
// [Cursor], with a value of any type.
type Walker[V any] struct {
	root *node[V]
	path []*node[V] // from the root to where it stands
}

// Walk returns a walker over t that stands nowhere yet.
func (t Tree[V]) Walk() *Walker[V] { return &Walker[V]{root: t.root} }

// Seek moves to the first key that is not before key.
func (w *Walker[V]) Seek(key []byte) ([]byte, V) { return w.seek(key, 0) }

// SeekBefore moves to the last key that is before key.
func (w *Walker[V]) SeekBefore(key []byte) ([]byte, V) { return w.seek(key, 1) }

// Next moves to the next key.
func (w *Walker[V]) Next() ([]byte, V) { return w.step(1) }

// Prev moves to the key before.
func (w *Walker[V]) Prev() ([]byte, V) { return w.step(0) }

// seek moves to the key nearest to the given one that is not before it (side
// 0) or that is before it (side 1).
func (w *Walker[V]) seek(key []byte, d int) ([]byte, V) {
	w.path = w.path[:0]
	best := 0
	for n := w.root; n != nil; {
		w.path = append(w.path, n)
		s := side(bytes.Compare(key, n.key))
		if s == d {
			best = len(w.path)
		}
		n = n.kids[s]
	}
	w.path = w.path[:best]
	return w.pair()
}

// step moves to the neighbour on side d.
func (w *Walker[V]) step(d int) ([]byte, V) {
	if len(w.path) == 0 {
		return w.pair()
	}
	last := w.path[len(w.path)-1]
	if n := last.kids[d]; n != nil {
		for ; n != nil; n = n.kids[1-d] {
			w.path = append(w.path, n)
		}
		return w.pair()
	}
	for {
		w.path = w.path[:len(w.path)-1]
		if len(w.path) == 0 {
			return w.pair()
		}
		up := w.path[len(w.path)-1]
		if up.kids[1-d] == last {
			return w.pair()
		}
		last = up
	}
}

func (w *Walker[V]) pair() (key []byte, v V) {
	if len(w.path) == 0 {
		return nil, v
	}
	n := w.path[len(w.path)-1]
	return n.key, n.value
}
