package storagetest

import (
	"fmt"
	"slices"

	"github.com/holdall-go/holdall"
)

// walkFolder reads a whole folder in pages of limit rows.
func (c *catalogRun) walkFolder(l holdall.FolderLister, q holdall.Query, limit int, foldersOnly bool) []row {
	c.Helper()
	var all []row
	q.Limit = limit
	for {
		page, err := l.ListFolder(c.ctx, q, foldersOnly)
		if err != nil {
			c.Fatalf("ListFolder(%s, %t): %v", describe(q), foldersOnly, err)
		}
		rows := pageRows(q.Sort, page)
		switch n := len(rows); {
		case n > limit:
			c.Fatalf("ListFolder(%s, %t) returned %d entries and folders", describe(q), foldersOnly, n)
		case n == 0 && len(all) > 0:
			c.Fatalf("ListFolder(%s, %t) returned nothing, although the page before it said that there is more", describe(q), foldersOnly)
		case page.More && n < limit:
			c.Fatalf("ListFolder(%s, %t) returned %d rows and more to come: such a page must be full", describe(q), foldersOnly, n)
		case len(all) > 2*len(c.known)+1:
			c.Fatalf("ListFolder(%s, %t) does not come to an end", describe(q), foldersOnly)
		}
		all = append(all, rows...)
		if !page.More {
			return all
		}
		q.After = &rows[len(rows)-1].at
	}
}

// pageRows brings the entries and folders of a page into one order. It keeps
// the order of each list as it came.
func pageRows(s holdall.Sort, p holdall.Page) []row {
	var rows []row
	entries, folders := p.Entries, p.Folders
	for len(entries) > 0 || len(folders) > 0 {
		takeFolder := len(entries) == 0
		if !takeFolder && len(folders) > 0 {
			takeFolder = comparePositions(s, holdall.Position{Name: folders[0]}, s.Position(entries[0])) < 0
		}
		if takeFolder {
			rows = append(rows, row{at: holdall.Position{Name: folders[0]}, folder: true})
			folders = folders[1:]
		} else {
			rows = append(rows, row{at: s.Position(entries[0]), id: entries[0].ID})
			entries = entries[1:]
		}
	}
	return rows
}

// sameFolder checks ListFolder against the reference at the page sizes.
func (c *catalogRun) sameFolder(l holdall.FolderLister, q holdall.Query, sizes ...int) int {
	c.Helper()
	n := 0
	for _, foldersOnly := range []bool{false, true} {
		for _, q.Sort.Desc = range []bool{false, true} {
			want := selectFolder(q, c.all(), foldersOnly)
			n = max(n, len(want))
			for _, size := range sizes {
				if got := c.walkFolder(l, q, size, foldersOnly); !slices.Equal(want, got) {
					c.Errorf("ListFolder(%s, folders only %t) in pages of %d:\n got %s\nwant %s", describe(q), foldersOnly, size, listing(got), listing(want))
					return n
				}
			}
		}
	}
	return n
}

func listing(rows []row) string {
	var names []string
	for _, r := range rows {
		names = append(names, fmt.Sprintf("%+q", shorten(r.at.Name)))
	}
	return fmt.Sprint(names)
}

// folders runs fn where the catalog lists folders itself.
func folders(fn func(c *catalogRun, l holdall.FolderLister)) func(c *catalogRun) {
	return func(c *catalogRun) {
		l, ok := holdall.As[holdall.FolderLister](c.cat)
		if !ok {
			c.Skipf("this catalog is no FolderLister: the root package lists folders by Query")
			return
		}
		c.create(c.bucket("b"), c.bucket("b2"))
		fn(c, l)
	}
}

var treeNames = []string{
	"a", "a!", "a/b", "a/b/c", "a/b/d", "a/c", "a/c/e/f", "a-b/x", "a.txt", "a0", "a0/x", "aa/y", "b/c", "b/c/d", "b/cc/d", "b", "c",
	"d/%/x", "d/_/x", "d/x%", "d/\\/x", "é/x", "e\u0301/x", "日本/語/x", "😀/x", "\U0010ffff/x", "\U0010ffff\U0010ffff", "A/b", "z/z/z/z/z",
}

var folderCases = []catalogCase{
	{"folder/every page size", "folders and entries stand in one byte order and pages of every size put them together again", folders(func(c *catalogRun, l holdall.FolderLister) {
		for _, name := range treeNames {
			c.create(c.object("b", name))
		}
		q := c.objects()
		n := c.sameFolder(l, q, pageSizes(25)...)
		if n < 15 {
			c.Fatalf("the case proves nothing: %d rows", n)
		}
		for _, q.Prefix = range []string{"a", "a/", "a/b", "a/b/", "b/c", "d/", "d/%", "é/", "日本/", "\U0010ffff", "z/z/", "nothing/", "a/c/e/f"} {
			c.sameFolder(l, q, 1, 2, 3, 50)
		}
	})},
	{"folder/only what matches", "a folder is listed where at least one entry in it matches, and only there", folders(func(c *catalogRun, l holdall.FolderLister) {
		for i, name := range treeNames {
			c.create(moved(c.object("b", name+"/deleted"), holdall.StateDeleted), in(c.other, c.bucket("b"+fmt.Sprint(i))),
				in(c.other, c.object("b"+fmt.Sprint(i), name+"/foreign")), c.record("b", name+"/record"))
			for j, s := range []holdall.Scope{ann, bob, app, team} {
				if (i+j)%3 == 0 {
					e := inTier(c.object([]string{"b", "b2"}[j%2], name), s.Tier, s.Owner)
					e.Content.Type = types[i%3]
					e.CreatedAt = epoch.Add(1 << (i % 8))
					if i%2 == 0 {
						e.ExpiresAt = epoch
					}
					c.create(valued(e, fmt.Sprintf(`{"n":%d}`, i)))
				}
			}
		}
		for _, set := range append(c.oneField(), func(q *holdall.Query) {
			q.Scopes, q.Containers, q.Where = []holdall.Scope{ann, team}, []string{"b"}, mustFilter(`{"n":{"gt":5}}`)
		}) {
			q := c.objects()
			set(&q)
			if q.Direct {
				continue
			}
			c.sameFolder(l, q, 1, 4)
			q.Prefix = "a/"
			c.sameFolder(l, q, 2)
		}
	})},
	{"folder/several tiers", "an entry of one name in several tiers and buckets is several rows, a folder one", folders(func(c *catalogRun, l holdall.FolderLister) {
		for _, name := range []string{"f", "f/x", "f/y/z", "g", "h/x"} {
			for _, b := range []string{"b", "b2"} {
				for _, s := range []holdall.Scope{ann, app, team} {
					c.create(inTier(c.object(b, name), s.Tier, s.Owner))
				}
			}
		}
		q := c.objects()
		c.sameFolder(l, q, pageSizes(14)...)
		q.Scopes = []holdall.Scope{ann, team, app}
		c.sameFolder(l, q, pageSizes(14)...)
		q.Prefix = "f/"
		c.sameFolder(l, q, pageSizes(7)...)
	})},
	{"folder/after any position", "a page begins behind any position: an entry, a folder, or a name that is not there", folders(func(c *catalogRun, l holdall.FolderLister) {
		for _, name := range treeNames {
			c.create(c.object("b", name))
		}
		q := c.objects()
		for _, name := range append([]string{"a/", "a-b/", "b/", "d/", "nothing/", "A/", "\U0010ffff/", "zzz"}, treeNames...) {
			if slices.Contains([]byte(name[:len(name)-1]), '/') {
				continue // not a row of the top folder
			}
			q.After = &holdall.Position{Name: name}
			c.sameFolder(l, q, 3)
		}
	})},
	{"folder/many in one", "a folder that holds a lot is one row and does not fill the page", folders(func(c *catalogRun, l holdall.FolderLister) {
		for i := range scale(150, 40) {
			c.create(c.record("b", fmt.Sprintf("f/%03d", i)), c.record("b", fmt.Sprintf("g/%03d/x", i)))
		}
		c.create(c.record("b", "e"), c.record("b", "h"))
		q := c.objects()
		q.Kind = holdall.KindRecord
		c.sameFolder(l, q, 1, 2, 3, 4)
		q.Prefix = "g/"
		c.sameFolder(l, q, 7, 1000)
	})},
}
