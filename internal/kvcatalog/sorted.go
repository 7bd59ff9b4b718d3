package kvcatalog

import (
	"bytes"
	"cmp"
	"container/heap"
	"slices"

	"github.com/holdall-go/holdall"
)

// candidate is a match that may stand on a page sorted by something other
// than the name.
type candidate struct {
	number int64
	row    row
	b      *branch
	name   []byte
}

// best is a heap of the first candidates in an order, the last of them on top.
type best struct {
	list []candidate
	sort holdall.Sort
}

// compare does what [holdall.Sort.Compare] does, for the sorts by a number.
func (h *best) compare(aNumber int64, aID []byte, bNumber int64, bID []byte) int {
	c := cmp.Or(cmp.Compare(aNumber, bNumber), bytes.Compare(aID, bID))
	if h.sort.Desc {
		return -c
	}
	return c
}

func (h *best) order(a, b *candidate) int {
	return h.compare(a.number, a.row.id, b.number, b.row.id)
}

// add takes c in if it is one of the first n.
func (h *best) add(c candidate, n int) {
	switch {
	case len(h.list) < n:
		heap.Push(h, c)
	case h.order(&c, &h.list[0]) < 0:
		h.list[0] = c
		heap.Fix(h, 0)
	}
}

func (h *best) Len() int           { return len(h.list) }
func (h *best) Less(i, j int) bool { return h.order(&h.list[i], &h.list[j]) > 0 }
func (h *best) Swap(i, j int)      { h.list[i], h.list[j] = h.list[j], h.list[i] }
func (h *best) Push(c any)         { h.list = append(h.list, c.(candidate)) }
func (h *best) Pop() any {
	last := h.list[len(h.list)-1]
	h.list = h.list[:len(h.list)-1]
	return last
}

// bySort reads all matches and keeps those that the page may need.
func (l *listing) bySort() (holdall.Page, error) {
	h := &best{sort: l.q.Sort}
	after := l.q.After
	err := l.each(func(s *stream) error {
		r, err := parseRow(s.data)
		if err != nil {
			return err
		}
		c := candidate{number(l.q.Sort.Field, &r), r, s.b, s.name()}
		if after == nil || h.compare(c.number, r.id, after.Number, []byte(after.ID)) > 0 {
			h.add(c, l.q.Offset+l.q.Limit+1)
		}
		return nil
	})
	if err != nil {
		return holdall.Page{}, err
	}
	slices.SortFunc(h.list, func(a, b candidate) int { return h.order(&a, &b) })
	list := h.list[min(l.q.Offset, len(h.list)):]
	page := holdall.Page{More: len(list) > l.q.Limit}
	for _, c := range list[:min(l.q.Limit, len(list))] {
		e, err := c.row.entry(c.b, c.name)
		if err != nil {
			return holdall.Page{}, err
		}
		page.Entries = append(page.Entries, e)
	}
	return page, nil
}

func number(field holdall.SortField, r *row) int64 {
	switch field {
	case holdall.SortCreated:
		return r.created.UnixMicro()
	case holdall.SortUpdated:
		return r.updated.UnixMicro()
	}
	return r.size
}
