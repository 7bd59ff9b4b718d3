package postgres

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/holdall-go/holdall"
)

// ListFolder implements [holdall.FolderLister]: one statement that jumps over
// what lies in a folder. It costs a probe of the index for each entry, folder
// and scope of the page.
func (b *Backend) ListFolder(ctx context.Context, q holdall.Query, foldersOnly bool) (page holdall.Page, err error) {
	if err := checkQuery(&q, true); err != nil || matchesNothing(&q) {
		return page, err
	}
	if sortColumn(q.Sort.Field) != "" {
		return page, fmt.Errorf("postgres: %w: folders sorted by %q", holdall.ErrInvalid, q.Sort.Field)
	}
	s := &statement{sql: b.sql}
	s.walk(&q, foldersOnly)
	err = s.run(ctx, b, func(rows pgx.Rows) error {
		page = holdall.Page{}
		return readWalk(rows, q.Limit, &page)
	})
	return page, err
}

func readWalk(rows pgx.Rows, limit int, page *holdall.Page) error {
	for rows.Next() {
		if len(page.Entries)+len(page.Folders) == limit {
			page.More = true
			break
		}
		raw := rows.RawValues()
		if raw[0] != nil {
			page.Folders = append(page.Folders, string(raw[0]))
			continue
		}
		var folder *string
		e, err := scanEntry(rows, &folder)
		if err != nil {
			return err
		}
		page.Entries = append(page.Entries, e)
	}
	rows.Close()
	return rows.Err()
}

// walk writes the skip scan. Each step of the recursion finds the next entry
// behind the position of the one before; where it lies in a folder the step
// yields the folder, and the next position is behind all of it. What the first
// place has next bounds the search in the others: a probe reads all rows of an
// index page that it may, which is most of its cost, and with the bound it is
// mostly none. The condition on the position is an OR so that it is asked of
// the one row that is found: as a comparison of rows it would be asked of all
// of an index page.
func (s *statement) walk(q *holdall.Query, foldersOnly bool) {
	base := s.base(q)
	s.places(q, base)
	at := startOf(q)
	plen := s.arg(utf8.RuneCountInString(q.Prefix)) + "::int"
	lo, hi := q.NameRange()
	near, behind := "f.folder", "(left(f.folder, -1) || '0')" // '0' follows '/'
	var way, bound, within string
	if q.Sort.Desc {
		near, behind = behind, near
		way, bound, within = " < ", " AND e.name <= w.name AND e.name >= "+s.arg(lo), " AND e.name >= coalesce(n.name, '')"
	} else {
		way, bound, within = " > ", " AND e.name >= w.name", " AND e.name <= coalesce(n.name, "+s.arg(top)+")"
		if hi != "" {
			bound += " AND e.name < " + s.arg(hi)
		}
	}
	all, place := orderOf(q)
	only := ""
	if foldersOnly {
		only = " AND strpos(" + s.rest(q) + ", '/') > 0"
	}
	if q.Name != "" {
		only += " AND e.name = " + s.arg(q.Name)
	}
	const found = "e.id, e.name, e.container, e.tier"
	conditions := base + atPlace + bound + " AND (e.name" + way + "w.name OR (e.container, e.tier, e.id)" + way + "(w.container, w.tier, w.id))" + only + s.conditions(q)
	next := func(which, within string) string {
		return "SELECT " + found + " FROM numbered p CROSS JOIN LATERAL (SELECT " + found + " FROM " + s.sql.table + " e WHERE " + conditions + within +
			" ORDER BY " + place + " LIMIT 1) e WHERE p.i " + which
	}
	folder := func(name string) string {
		slash := "strpos(substr(" + name + ", " + plen + " + 1), '/')"
		return "(SELECT CASE WHEN " + slash + " > 0 THEN left(" + name + ", " + plen + " + " + slash + `) END COLLATE "C" AS folder)`
	}
	s.add(", numbered AS (SELECT *, row_number() OVER () AS i FROM places)",
		", walk AS (SELECT 0 AS n, NULL::text COLLATE \"C\" AS folder, NULL::text COLLATE \"C\" AS entry, ",
		s.arg(at.Name), `::text COLLATE "C" AS name, `, s.arg(at.Container), `::text COLLATE "C" AS container, `,
		s.arg(string(at.Tier)), `::text COLLATE "C" AS tier, `, s.arg(at.ID), `::text COLLATE "C" AS id`,
		" UNION ALL SELECT w.n + 1, f.folder, CASE WHEN f.folder IS NULL THEN x.id END,",
		" coalesce(", behind, `, x.name), CASE WHEN f.folder IS NULL THEN x.container ELSE '' END COLLATE "C",`,
		` CASE WHEN f.folder IS NULL THEN x.tier ELSE '' END COLLATE "C", CASE WHEN f.folder IS NULL THEN x.id ELSE '' END COLLATE "C"`,
		" FROM walk w LEFT JOIN LATERAL (", next("= 1", ""), ") l ON true",
		" CROSS JOIN LATERAL (SELECT coalesce(", near, ", l.name) AS name FROM ", folder("l.name"), " f) n",
		" CROSS JOIN LATERAL (SELECT * FROM (SELECT l.* WHERE l.id IS NOT NULL UNION ALL ", next("> 1", within), ") e ORDER BY ", all, " LIMIT 1) x",
		" CROSS JOIN LATERAL ", folder("x.name"), " f",
		" WHERE w.n < ", s.arg(q.Limit+1), ") SELECT w.folder, ", selected, " FROM walk w LEFT JOIN LATERAL (SELECT * FROM ", s.sql.table,
		" e WHERE e.id = w.entry LIMIT 1) e ON true WHERE w.n > 0 ORDER BY w.n")
}

// top sorts behind every name that an index row can hold.
var top = strings.Repeat(string(utf8.MaxRune), 700)

// startOf is the position before the first entry of the page.
func startOf(q *holdall.Query) holdall.Position {
	lo, hi := q.NameRange()
	if hi == "" {
		hi = top
	}
	at := holdall.Position{Name: lo}
	if q.Sort.Desc {
		at.Name = hi
	}
	if q.After == nil {
		return at
	}
	after := *q.After
	if folder, ok := strings.CutSuffix(after.Name, "/"); ok {
		after = holdall.Position{Name: after.Name}
		if !q.Sort.Desc {
			after.Name = folder + "0"
		}
	}
	if (holdall.Sort{Desc: q.Sort.Desc}).Compare(after, at) > 0 {
		return after
	}
	return at
}
