package kvcatalog

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
)

// listing is one Query at work.
type listing struct {
	ctx  context.Context
	tx   kv.Tx
	q    *holdall.Query
	f    *filter
	rows int // seen
}

// tick counts a row and looks at the context now and then.
func (l *listing) tick() error {
	if l.rows++; l.rows%1024 == 0 {
		return l.ctx.Err()
	}
	return nil
}

func checkQuery(q *holdall.Query) error {
	switch {
	case q.Tenant == "":
		return fmt.Errorf("%w: a query without a tenant", holdall.ErrInvalid)
	case q.Limit < 1 || q.Offset < 0:
		return fmt.Errorf("%w: limit %d, offset %d", holdall.ErrInvalid, q.Limit, q.Offset)
	case !slices.Contains([]holdall.SortField{"", holdall.SortName, holdall.SortCreated, holdall.SortUpdated, holdall.SortSize}, q.Sort.Field):
		return fmt.Errorf("%w: sort by %q", holdall.ErrInvalid, q.Sort.Field)
	}
	return nil
}

func byName(s holdall.Sort) bool { return s.Field == "" || s.Field == holdall.SortName }

func query(ctx context.Context, tx kv.Tx, q *holdall.Query) (holdall.Page, error) {
	if err := checkQuery(q); err != nil {
		return holdall.Page{}, err
	}
	l := &listing{ctx: ctx, tx: tx, q: q, f: newFilter(q)}
	switch {
	case q.IDs != nil:
		return l.byIDs()
	case byName(q.Sort):
		return l.byName(false, false)
	}
	return l.bySort()
}

// byIDs looks the ids up, one by one.
func (l *listing) byIDs() (holdall.Page, error) {
	matches, err := l.lookUp()
	if err != nil {
		return holdall.Page{}, err
	}
	s := l.q.Sort
	if after := l.q.After; after != nil {
		matches = slices.DeleteFunc(matches, func(e holdall.Entry) bool { return s.Compare(s.Position(e), *after) <= 0 })
	}
	slices.SortFunc(matches, func(a, b holdall.Entry) int { return s.Compare(s.Position(a), s.Position(b)) })
	matches = matches[min(l.q.Offset, len(matches)):]
	n := min(l.q.Limit, len(matches))
	return holdall.Page{Entries: slices.Clip(matches[:n]), More: n < len(matches)}, nil
}

func (l *listing) lookUp() ([]holdall.Entry, error) {
	var matches []holdall.Entry
	for _, id := range distinct(l.q.IDs) {
		e, err := get(l.tx, holdall.Ref{Tenant: l.q.Tenant, ID: id})
		if err != nil {
			return nil, err
		}
		if e != nil && l.q.Match(e) {
			matches = append(matches, *e)
		}
	}
	return matches, nil
}

// byName walks the names in order. With folders it stops at one level, with
// only it leaves out the entries.
func (l *listing) byName(folders, only bool) (page holdall.Page, err error) {
	branches, err := branchesOf(l.tx, l.q)
	if err != nil {
		return page, err
	}
	m := newMerge(l.tx, branches, l.f, l.q.Sort.Desc, l.start(folders))
	for skip := l.q.Offset; len(*m) > 0; {
		s := (*m)[0]
		folder := l.folder(s.name(), folders)
		if ok, err := l.wants(s, folder != nil || !only); err != nil || !ok {
			if err != nil {
				return page, err
			}
			m.next()
			continue
		}
		if len(page.Entries)+len(page.Folders) == l.q.Limit {
			page.More = true
			return page, nil
		}
		switch {
		case folder != nil:
			page.Folders = append(page.Folders, string(folder))
			m.skip(bytes.Clone(folder))
			continue
		case skip > 0:
			skip--
		default:
			e, err := s.entry()
			if err != nil {
				return page, err
			}
			page.Entries = append(page.Entries, e)
		}
		m.next()
	}
	return page, nil
}

// start returns the bound of names at which the page can begin.
func (l *listing) start(folders bool) []byte {
	after := l.q.After
	switch {
	case after == nil:
		return nil
	case folders && strings.HasSuffix(after.Name, "/") && len(after.Name) > len(l.q.Prefix):
		if l.q.Sort.Desc {
			return []byte(after.Name)
		}
		return kv.After([]byte(after.Name))
	case l.q.Sort.Desc:
		return nameEnd(after.Name)
	}
	return []byte(after.Name)
}

// folder returns the folder right under the prefix that a name lies in, or nil.
func (l *listing) folder(name []byte, folders bool) []byte {
	if !folders || len(name) < len(l.q.Prefix) {
		return nil
	}
	n := len(l.q.Prefix)
	if i := bytes.IndexByte(name[n:], '/'); i >= 0 {
		return name[:n+i+1]
	}
	return nil
}

// wants reports whether the stream stands at an entry that matches and is
// behind the position that the page follows.
func (l *listing) wants(s *stream, shown bool) (bool, error) {
	if err := l.tick(); err != nil {
		return false, err
	}
	if !shown || !l.f.name(s.name()) {
		return false, nil
	}
	if after := l.q.After; after != nil && string(s.name()) == after.Name && l.q.Sort.Compare(s.position(), *after) <= 0 {
		return false, nil
	}
	return l.f.row(s.data)
}

func (s *stream) entry() (holdall.Entry, error) {
	r, err := parseRow(s.data)
	if err != nil {
		return holdall.Entry{}, err
	}
	return r.entry(s.b, s.name())
}

// each calls fn for every match, branch by branch.
func (l *listing) each(fn func(s *stream) error) error {
	branches, err := branchesOf(l.tx, l.q)
	if err != nil {
		return err
	}
	for i := range branches {
		s := newStream(l.tx, &branches[i], l.f, false)
		for ok := s.seek(nil); ok; ok = s.next() {
			if err := l.tick(); err != nil {
				return err
			}
			if !l.f.name(s.name()) {
				continue
			}
			if ok, err := l.f.row(s.data); err != nil {
				return err
			} else if !ok {
				continue
			}
			if err := fn(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func count(ctx context.Context, tx kv.Tx, q *holdall.Query) (int64, error) {
	if q.Tenant == "" {
		return 0, fmt.Errorf("%w: a query without a tenant", holdall.ErrInvalid)
	}
	l := &listing{ctx: ctx, tx: tx, q: q, f: newFilter(q)}
	if q.IDs != nil {
		matches, err := l.lookUp()
		return int64(len(matches)), err
	}
	n, ok, err := countByTally(tx, l.f)
	if ok || err != nil {
		return n, err
	}
	err = l.each(func(*stream) error { n++; return nil })
	return n, err
}
