package holdall

import (
	"context"
	"strings"
)

// runList reads one page of q and returns the cursor behind it, "" at the end.
func runList(ctx context.Context, c Catalog, op string, q Query, o ListOptions) (Page, string, error) {
	cur := cursor{}
	if o.Cursor != "" {
		var err error
		if cur, err = parseCursor(o.Cursor, q); err != nil {
			return Page{}, "", invalid(op, q.Kind, "", CodeInvalidCursor, err)
		}
	}
	cur.List = fingerprint(q)
	if cur.At != nil {
		p := Position(*cur.At)
		q.After = &p
	}
	switch {
	case o.Delimiter == "" || cur.Items:
		page, err := c.Query(ctx, q)
		return page, nextCursor(cur, q.Sort, page), err
	case q.Sort.Field == SortName:
		page, err := skipFolders(ctx, c, q)
		return page, nextCursor(cur, q.Sort, page), err
	}
	return foldersFirst(ctx, c, q, cur)
}

// nextCursor returns the cursor behind the page, "" when nothing follows it.
func nextCursor(cur cursor, s Sort, page Page) string {
	if !page.More {
		return ""
	}
	p := lastPosition(s, page)
	at := position(p)
	cur.At = &at
	return cur.String()
}

// lastPosition is that of the last entry or folder of the page.
func lastPosition(s Sort, page Page) Position {
	var last Position
	if n := len(page.Entries); n > 0 {
		last = s.Position(page.Entries[n-1])
	}
	if n := len(page.Folders); n > 0 {
		if f := (Position{Name: page.Folders[n-1]}); len(page.Entries) == 0 || s.Compare(f, last) > 0 {
			last = f
		}
	}
	return last
}

// foldersFirst lists one level in an order that folders have no place in:
// they come first, by name, then the items.
func foldersFirst(ctx context.Context, c Catalog, q Query, cur cursor) (Page, string, error) {
	byName := q
	byName.Sort = Sort{}
	if q.Offset > 0 { // offset counts items, as total does
		byName.Offset = 0
	}
	page, err := listFolder(ctx, c, byName, true)
	if err != nil || page.More {
		return page, nextCursor(cur, byName.Sort, page), err
	}
	q.After, cur.At, cur.Items = nil, nil, true
	if q.Limit -= len(page.Folders); q.Limit == 0 {
		return page, cur.String(), nil
	}
	items, err := c.Query(ctx, q)
	items.Folders = page.Folders
	if err != nil || !items.More {
		return items, "", err
	}
	at := position(q.Sort.Position(items.Entries[len(items.Entries)-1]))
	cur.At = &at
	return items, cur.String(), nil
}

// skipFolders is listFolder with an Offset, which counts entries and folders.
func skipFolders(ctx context.Context, c Catalog, q Query) (Page, error) {
	skip, limit := q.Offset, q.Limit
	q.Offset = 0
	for skip > 0 {
		q.Limit = min(skip, maxLimit)
		page, err := listFolder(ctx, c, q, false)
		if err != nil || !page.More {
			return Page{}, err
		}
		skip -= q.Limit
		last := lastPosition(q.Sort, page)
		q.After = &last
	}
	q.Limit = limit
	return listFolder(ctx, c, q, false)
}

// listFolder is FolderLister.ListFolder, by Queries where there is none.
func listFolder(ctx context.Context, c Catalog, q Query, foldersOnly bool) (Page, error) {
	q.Direct = false
	if l, ok := As[FolderLister](c); ok {
		return l.ListFolder(ctx, q, foldersOnly)
	}
	if q.After != nil && strings.HasSuffix(q.After.Name, "/") {
		if q.After = behindFolder(q.After.Name, q.Sort.Desc); q.After == nil {
			return Page{}, nil
		}
	}
	var out Page
	want := q.Limit
	q.Limit = min(want+1, maxLimit)
	for {
		page, err := c.Query(ctx, q)
		if err != nil {
			return Page{}, err
		}
		folder := ""
		for _, e := range page.Entries {
			if folder = folderOf(e.Name, q.Prefix); folder == "" && foldersOnly {
				continue
			}
			if len(out.Entries)+len(out.Folders) == want {
				out.More = true
				return out, nil
			}
			if folder != "" {
				out.Folders = append(out.Folders, folder)
				break
			}
			out.Entries = append(out.Entries, e)
		}
		switch {
		case folder != "":
			if q.After = behindFolder(folder, q.Sort.Desc); q.After == nil {
				return out, nil
			}
		case !page.More:
			return out, nil
		default:
			last := q.Sort.Position(page.Entries[len(page.Entries)-1])
			q.After = &last
		}
	}
}

// folderOf returns the folder right under prefix that the name lies in, with
// its '/', or "" when it lies under prefix itself.
func folderOf(name, prefix string) string {
	i := strings.IndexByte(name[len(prefix):], '/')
	if i < 0 {
		return ""
	}
	return name[:len(prefix)+i+1]
}

// behindFolder is the position behind all that a folder holds; nil when
// nothing can follow.
func behindFolder(folder string, desc bool) *Position {
	if desc {
		return &Position{Name: folder}
	}
	_, hi := prefixRange(folder)
	if hi == "" {
		return nil
	}
	return &Position{Name: hi}
}
