package kv

import "bytes"

// Tree is an immutable ordered map: Put and Delete return a new tree that
// shares all but one path with the old one. It is an AVL tree (Adelson-Velsky
// and Landis, 1962). The zero value is empty. Keys belong to the tree.
type Tree[V any] struct{ root *node[V] }

type node[V any] struct {
	key    []byte
	value  V
	kids   [2]*node[V] // what is before and what is after key
	height int8
}

// Get returns the value of key.
func (t Tree[V]) Get(key []byte) (v V, ok bool) {
	for n := t.root; n != nil; {
		c := bytes.Compare(key, n.key)
		if c == 0 {
			return n.value, true
		}
		n = n.kids[side(c)]
	}
	return v, false
}

// Put returns the tree with key set to value.
func (t Tree[V]) Put(key []byte, value V) Tree[V] {
	return Tree[V]{put(t.root, key, value)}
}

// Delete returns the tree without key.
func (t Tree[V]) Delete(key []byte) Tree[V] {
	if _, ok := t.Get(key); !ok {
		return t
	}
	return Tree[V]{remove(t.root, key)}
}

func side(c int) int {
	if c > 0 {
		return 1
	}
	return 0
}

func (n *node[V]) tall() int8 {
	if n == nil {
		return 0
	}
	return n.height
}

func put[V any](n *node[V], key []byte, value V) *node[V] {
	if n == nil {
		return &node[V]{key: key, value: value, height: 1}
	}
	m := *n
	c := bytes.Compare(key, n.key)
	if c == 0 {
		m.value = value
		return &m
	}
	m.kids[side(c)] = put(n.kids[side(c)], key, value)
	return m.balance()
}

// remove takes key, which is there, out of n.
func remove[V any](n *node[V], key []byte) *node[V] {
	m := *n
	c := bytes.Compare(key, n.key)
	switch {
	case c != 0:
		m.kids[side(c)] = remove(n.kids[side(c)], key)
	case n.kids[0] == nil:
		return n.kids[1]
	case n.kids[1] == nil:
		return n.kids[0]
	default:
		next := n.kids[1]
		for next.kids[0] != nil {
			next = next.kids[0]
		}
		m.key, m.value = next.key, next.value
		m.kids[1] = remove(n.kids[1], next.key)
	}
	return m.balance()
}

// balance returns the subtree of n, a node that nobody else sees yet, with
// sides that differ by one level at most.
func (n *node[V]) balance() *node[V] {
	for d, kid := range n.kids {
		if kid.tall() <= n.kids[1-d].tall()+1 {
			continue
		}
		if kid.kids[1-d].tall() > kid.kids[d].tall() {
			k := *kid
			n.kids[d] = k.lift(1 - d)
		}
		return n.lift(d)
	}
	n.measure()
	return n
}

// lift makes n's kid on side d the parent of n.
func (n *node[V]) lift(d int) *node[V] {
	k := *n.kids[d]
	n.kids[d] = k.kids[1-d]
	n.measure()
	k.kids[1-d] = n
	k.measure()
	return &k
}

func (n *node[V]) measure() {
	n.height = max(n.kids[0].tall(), n.kids[1].tall()) + 1
}
