package kvcatalog

import (
	"encoding/binary"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
)

// tally is the number of a branch's entries, and of those among them that can
// expire. It has a row of its own, so that the total of a large bucket or
// collection is not counted anew for each page.
type tally struct{ all, mortal int64 }

func tallyKeyOf(b *branch) []byte { return append([]byte{tallyKey}, b.prefix[1:]...) }

func readTally(tx kv.Tx, key []byte) tally {
	r := reader{b: tx.Get(key)}
	return tally{r.varint(), r.varint()}
}

// addTally counts e, whose key that is, once more or once less.
func addTally(tx kv.Tx, e *holdall.Entry, key []byte, by int64) {
	b, _, err := parseBranch(key)
	if err != nil {
		return // it was parsed or made just before
	}
	at := tallyKeyOf(&b)
	t := readTally(tx, at)
	t.all += by
	if !e.ExpiresAt.IsZero() {
		t.mortal += by
	}
	if t.all == 0 {
		tx.Delete(at)
		return
	}
	tx.Put(at, binary.AppendVarint(binary.AppendVarint(nil, t.all), t.mortal))
}

// countByTally counts what q asks for if the tallies of its branches tell.
func countByTally(tx kv.Tx, f *filter) (n int64, ok bool, err error) {
	if !f.wholeBranches() {
		return 0, false, nil
	}
	branches, err := branchesOf(tx, f.q)
	for i := range branches {
		t := readTally(tx, tallyKeyOf(&branches[i]))
		if t.mortal > 0 && !f.q.AliveAt.IsZero() {
			return 0, false, nil
		}
		n += t.all
	}
	return n, true, err
}
