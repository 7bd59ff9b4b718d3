package kv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// model is what a Tree must be like: a sorted slice.
type model struct {
	keys   []string
	values map[string]int
}

func (m *model) put(k string, v int) {
	if i, ok := slices.BinarySearch(m.keys, k); !ok {
		m.keys = slices.Insert(slices.Clone(m.keys), i, k)
	}
	m.values[k] = v
}

func (m *model) delete(k string) {
	if i, ok := slices.BinarySearch(m.keys, k); ok {
		m.keys = slices.Delete(slices.Clone(m.keys), i, i+1)
	}
	delete(m.values, k)
}

func randomKey(r *rand.Rand) string {
	b := make([]byte, r.IntN(4))
	for i := range b {
		b[i] = []byte{0, 1, 'a', 'b', '/', 0xfe, 0xff}[r.IntN(7)]
	}
	return string(b)
}

func TestTreeIsASortedMap(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		m := &model{values: map[string]int{}}
		var tree, old Tree[int]
		var oldKeys []string
		for i := range 600 {
			k := randomKey(r)
			if r.IntN(5) < 3 {
				m.put(k, i)
				tree = tree.Put([]byte(k), i)
			} else {
				m.delete(k)
				tree = tree.Delete([]byte(k))
			}
			if i == 300 {
				old, oldKeys = tree, m.keys
			}
			checkNode(t, tree.root)
			v, ok := tree.Get([]byte(k))
			require.Equal(t, m.values[k], v)
			_, has := m.values[k]
			require.Equal(t, has, ok)
		}
		require.Equal(t, m.keys, forward(tree))
		require.Equal(t, oldKeys, forward(old), "a tree must not change")
		for range 200 {
			walkBoth(t, r, m, tree)
		}
	}
}

func forward(tree Tree[int]) []string {
	var keys []string
	w := tree.Walk()
	for k, _ := w.Seek([]byte{}); k != nil; k, _ = w.Next() {
		keys = append(keys, string(k))
	}
	return keys
}

// walkBoth makes the same random moves in the model and in the tree.
func walkBoth(t *testing.T, r *rand.Rand, m *model, tree Tree[int]) {
	t.Helper()
	w := tree.Walk()
	key := randomKey(r)
	at, _ := slices.BinarySearch(m.keys, key)
	k, v := w.Seek([]byte(key))
	if r.IntN(2) == 0 {
		at--
		k, v = w.SeekBefore([]byte(key))
	}
	for {
		if at < 0 || at >= len(m.keys) {
			require.Nil(t, k)
			k, _ = w.Next()
			require.Nil(t, k, "a walker past the end stays there")
			return
		}
		require.Equal(t, m.keys[at], string(k))
		require.Equal(t, m.values[m.keys[at]], v)
		if r.IntN(3) == 0 {
			at--
			k, v = w.Prev()
		} else {
			at++
			k, v = w.Next()
		}
	}
}

func checkNode(t *testing.T, n *node[int]) (height int8) {
	if n == nil {
		return 0
	}
	l, r := checkNode(t, n.kids[0]), checkNode(t, n.kids[1])
	if d := l - r; d < -1 || d > 1 || n.height != max(l, r)+1 {
		t.Fatalf("node %q: sides of %d and %d levels; it says %d", n.key, l, r, n.height)
	}
	return n.height
}

func TestAfter(t *testing.T) {
	require.Equal(t, []byte("b"), After([]byte("a")))
	require.Equal(t, []byte("b"), After([]byte("a\xff\xff")))
	require.Nil(t, After([]byte("\xff\xff")))
	require.Nil(t, After(nil))
}

func TestMemoryRollsBackAndSerialises(t *testing.T) {
	ctx := context.Background()
	m := NewMemory()
	sentinel := errors.New("no")
	require.ErrorIs(t, m.Update(ctx, Exclusive, func(tx Tx) error {
		tx.Put([]byte("a"), []byte("1"))
		return sentinel
	}), sentinel)
	require.Panics(t, func() {
		_ = m.Update(ctx, Exclusive, func(tx Tx) error { tx.Put([]byte("a"), []byte("1")); panic("no") })
	})
	require.NoError(t, m.View(func(tx Tx) error {
		require.Nil(t, tx.Get([]byte("a")))
		return nil
	}))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				_ = m.Update(ctx, Shared, func(tx Tx) error {
					tx.Put([]byte("n"), append(bytes.Clone(tx.Get([]byte("n"))), 'x'))
					return nil
				})
			}
		})
	}
	wg.Wait()
	require.NoError(t, m.View(func(tx Tx) error {
		require.Len(t, tx.Get([]byte("n")), 1600)
		return nil
	}))
}

func TestMemoryWaitsNoLongerThanItsContext(t *testing.T) {
	m := NewMemory()
	ctx, cancel := context.WithCancel(context.Background())
	err := m.Update(ctx, Exclusive, func(Tx) error {
		cancel()
		return m.Update(ctx, Shared, func(Tx) error { return nil })
	})
	require.ErrorIs(t, err, context.Canceled)
}

func BenchmarkTreePut(b *testing.B) {
	for _, n := range []int{1000, 1000000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var tree Tree[int]
			for i := range n {
				tree = tree.Put(fmt.Appendf(nil, "%09d", i*7919%n), i)
			}
			key := fmt.Appendf(nil, "%09d", n/2)
			b.ReportAllocs()
			for b.Loop() {
				tree.Put(key, 1)
			}
		})
	}
}
