package mongo

import (
	"context"
	"fmt"
	"strings"

	"github.com/holdall-go/holdall"
)

// ListFolder implements [holdall.FolderLister]: it reads on from where it is,
// and jumps over what lies in a folder. It costs a round trip for each folder,
// fewer where little is in them.
func (b *Backend) ListFolder(ctx context.Context, q holdall.Query, foldersOnly bool) (holdall.Page, error) {
	if err := checkQuery(&q, true); err != nil || matchesNothing(&q) {
		return holdall.Page{}, err
	}
	if sortField(q.Sort.Field) != "name" {
		return holdall.Page{}, fmt.Errorf("mongo: %w: folders sorted by %q", holdall.ErrInvalid, q.Sort.Field)
	}
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	if err := b.narrow(ctx, &q); err != nil || matchesNothing(&q) {
		return holdall.Page{}, err
	}
	w := &walk{b: b, q: q, limit: q.Limit, foldersOnly: foldersOnly}
	if q.After != nil && strings.HasSuffix(q.After.Name, "/") {
		w.jump(q.After.Name)
	}
	err := w.run(ctx)
	return w.page, err
}

// walk is a page of a folder in the making.
type walk struct {
	b           *Backend
	q           holdall.Query // for what comes next
	limit       int
	foldersOnly bool
	page        holdall.Page
}

const firstProbe = 4

// run reads until the page is full. It reads more at a time where all of what
// it read was of use, and less where it had to jump.
func (w *walk) run(ctx context.Context) error {
	for n := firstProbe; !w.page.More; {
		w.q.Limit = min(n, w.limit+1-w.rows())
		list, err := w.b.page(ctx, &w.q)
		if err != nil {
			w.page = holdall.Page{}
			return err
		}
		used := w.take(list)
		switch {
		case used == len(list) && len(list) <= w.q.Limit:
			return nil // there was no more to read
		case used == len(list):
			n *= 2
		default:
			n = max(1, used)
		}
	}
	return nil
}

func (w *walk) rows() int { return len(w.page.Entries) + len(w.page.Folders) }

// take takes entries and folders off the list up to the first that a jump
// skips, and returns how many entries it has dealt with.
func (w *walk) take(list []holdall.Entry) int {
	for i, e := range list {
		rest := e.Name[len(w.q.Prefix):]
		name, _, in := strings.Cut(rest, "/")
		folder := w.q.Prefix + name + "/"
		switch {
		case in && w.rows() == w.limit, !in && !w.foldersOnly && w.rows() == w.limit:
			w.page.More = true
			return i
		case in:
			w.page.Folders = append(w.page.Folders, folder)
			w.jump(folder)
			if i+1 < len(list) && !strings.HasPrefix(list[i+1].Name, folder) {
				continue // nothing to jump over
			}
			return i + 1
		case !w.foldersOnly:
			w.page.Entries = append(w.page.Entries, e)
		}
		p := w.q.Sort.Position(e)
		w.q.After = &p
	}
	return len(list)
}

// jump goes on behind everything in the folder.
func (w *walk) jump(folder string) {
	if w.q.Sort.Desc {
		w.q.After = &holdall.Position{Name: folder}
		return
	}
	w.q.After = &holdall.Position{Name: strings.TrimSuffix(folder, "/") + "0"} // '0' follows '/'
}
