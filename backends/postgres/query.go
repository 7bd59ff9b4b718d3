package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/holdall-go/holdall"
)

// Query implements [holdall.Catalog]. By name it costs what the page holds,
// wherever the page is; in another order, or with an Offset, what matches.
func (b *Backend) Query(ctx context.Context, q holdall.Query) (holdall.Page, error) {
	if err := checkQuery(&q, true); err != nil || matchesNothing(&q) {
		return holdall.Page{}, err
	}
	s := &statement{sql: b.sql}
	s.page(&q)
	var list []holdall.Entry
	err := s.run(ctx, b, func(rows pgx.Rows) (err error) {
		list, err = scanEntries(rows)
		return err
	})
	if err != nil {
		return holdall.Page{}, err
	}
	more := len(list) > q.Limit
	return holdall.Page{Entries: list[:min(len(list), q.Limit)], More: more}, nil
}

// Count implements [holdall.Catalog]. It costs what matches; where nothing
// but places and expiry decide, mostly from the index alone.
func (b *Backend) Count(ctx context.Context, q holdall.Query) (n int64, err error) {
	if err := checkQuery(&q, false); err != nil || matchesNothing(&q) {
		return 0, err
	}
	q.Sort, q.After, q.Offset, q.Limit = holdall.Sort{}, nil, 0, 0
	s := &statement{sql: b.sql}
	s.count(&q)
	err = s.run(ctx, b, func(rows pgx.Rows) (err error) {
		n, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int64])
		return err
	})
	return n, err
}

func checkQuery(q *holdall.Query, page bool) error {
	switch {
	case q.Tenant == "" || q.Kind == "" || q.State == "":
		return fmt.Errorf("postgres: %w: a query needs a tenant, a kind and a state", holdall.ErrInvalid)
	case page && (q.Limit < 1 || q.Offset < 0):
		return fmt.Errorf("postgres: %w: limit %d, offset %d", holdall.ErrInvalid, q.Limit, q.Offset)
	case !slices.Contains([]holdall.SortField{"", holdall.SortName, holdall.SortCreated, holdall.SortUpdated, holdall.SortSize}, q.Sort.Field):
		return fmt.Errorf("postgres: %w: sort by %.80q", holdall.ErrInvalid, q.Sort.Field)
	}
	return nil
}

func matchesNothing(q *holdall.Query) bool {
	empty := func(n int, isNil bool) bool { return n == 0 && !isNil }
	return empty(len(q.Containers), q.Containers == nil) || empty(len(q.Scopes), q.Scopes == nil) || empty(len(q.IDs), q.IDs == nil)
}

// statement is a text with its arguments. The text is made of constant pieces.
type statement struct {
	sql  *statements
	text strings.Builder
	args []any
	// probes says that it finds places by recursion. The planner takes that
	// for much more work than it is, and would compile it for seconds.
	probes bool
}

const withoutJIT = "SELECT set_config('jit', 'off', true)"

// run runs the statement and has take read its rows.
func (s *statement) run(ctx context.Context, b *Backend, take func(rows pgx.Rows) error) error {
	return b.read(ctx, func(q querier) error {
		if !s.probes {
			rows, err := q.Query(ctx, s.text.String(), s.args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			return take(rows)
		}
		batch := &pgx.Batch{} // one transaction, which the setting does not outlive
		batch.Queue(withoutJIT)
		batch.Queue(s.text.String(), s.args...)
		results := q.SendBatch(ctx, batch)
		defer results.Close()
		if _, err := results.Exec(); err != nil {
			return err
		}
		rows, err := results.Query()
		if err != nil {
			return err
		}
		defer rows.Close()
		return take(rows)
	})
}

// arg adds an argument and returns its parameter.
func (s *statement) arg(v any) string {
	s.args = append(s.args, v)
	return fmt.Sprintf("$%d", len(s.args))
}

func (s *statement) add(parts ...string) {
	for _, p := range parts {
		s.text.WriteString(p)
	}
}

func (s *statement) page(q *holdall.Query) {
	order, inner := orderOf(q)
	limit := s.arg(q.Limit+q.Offset+1) + "::int"
	if s.flat(q) {
		s.add("SELECT ", selected, " FROM ", s.sql.table, " e WHERE ", s.base(q), s.among(q), s.named(q), s.after(q), s.conditions(q))
	} else {
		base := s.base(q)
		s.places(q, base)
		s.add("SELECT ", selected, " FROM places p CROSS JOIN LATERAL (SELECT * FROM ", s.sql.table, " e WHERE ", base, atPlace,
			s.named(q), s.after(q), s.conditions(q), " ORDER BY ", inner, " LIMIT ", limit, ") e")
	}
	s.add(" ORDER BY ", order, " LIMIT ", limit)
	if q.Offset > 0 {
		s.add(" OFFSET ", s.arg(q.Offset))
	}
}

func (s *statement) count(q *holdall.Query) {
	if s.flat(q) {
		s.add("SELECT count(*) FROM ", s.sql.table, " e WHERE ", s.base(q), s.among(q), s.named(q), s.conditions(q))
		return
	}
	base := s.base(q)
	s.places(q, base)
	s.add("SELECT coalesce(sum(n), 0)::bigint FROM places p CROSS JOIN LATERAL (SELECT count(*) AS n FROM ", s.sql.table, " e WHERE ", base, atPlace,
		s.named(q), s.conditions(q), ") c")
}

// flat reports whether the rows are looked for at once and not place by place.
func (s *statement) flat(q *holdall.Query) bool {
	byName := q.Limit > 0 && (q.Sort.Field == "" || q.Sort.Field == holdall.SortName)
	return q.IDs != nil || q.Scopes == nil && !byName
}

// base is the condition on tenant, kind and state. Live is a constant in it,
// since the partial indexes must be recognized.
func (s *statement) base(q *holdall.Query) string {
	state := "e.state = 'live'"
	if q.State != holdall.StateLive {
		state = "e.state = " + s.arg(string(q.State)) + " AND e.state <> 'live'"
	}
	return "e.tenant = " + s.arg(q.Tenant) + " AND e.kind = " + s.arg(string(q.Kind)) + " AND " + state
}

const atPlace = " AND e.container = p.container AND e.tier = p.tier AND e.owner = p.owner"

// places writes the containers, tiers and owners to look in, as a table
// expression places. Those that the query does not name are found in the
// index, one probe for each.
func (s *statement) places(q *holdall.Query, base string) {
	s.probes = s.probes || q.Containers == nil || q.Scopes == nil
	s.add("WITH RECURSIVE containers AS (")
	switch {
	case len(q.Containers) == 1:
		s.add("SELECT ", s.arg(q.Containers[0]), `::text COLLATE "C" AS container`)
	case q.Containers != nil:
		s.add(`SELECT c COLLATE "C" AS container FROM unnest(`, s.arg(distinct(q.Containers)), "::text[]) c")
	default:
		s.add("(SELECT e.container FROM ", s.sql.table, " e WHERE ", base, " ORDER BY e.container LIMIT 1)",
			" UNION ALL SELECT n.container FROM containers c CROSS JOIN LATERAL (SELECT e.container FROM ", s.sql.table, " e WHERE ", base,
			" AND e.container > c.container ORDER BY e.container LIMIT 1) n")
	}
	s.add("), places AS (")
	if q.Scopes != nil {
		s.add(`SELECT c.container, s.tier COLLATE "C" AS tier, s.owner COLLATE "C" AS owner FROM containers c CROSS JOIN (`, s.scopes(q), ") s(tier, owner)")
	} else {
		s.add("SELECT c.container, n.tier, n.owner FROM containers c CROSS JOIN LATERAL (SELECT e.tier, e.owner FROM ", s.sql.table, " e WHERE ", base,
			" AND e.container = c.container ORDER BY e.tier, e.owner LIMIT 1) n",
			" UNION ALL SELECT p.container, n.tier, n.owner FROM places p CROSS JOIN LATERAL (SELECT e.tier, e.owner FROM ", s.sql.table, " e WHERE ", base,
			" AND e.container = p.container AND (e.tier, e.owner) > (p.tier, p.owner) ORDER BY e.tier, e.owner LIMIT 1) n")
	}
	s.add(") ")
}

// scopes are the tiers and owners of the query as a list of values. Of that
// the planner knows the length, so its generic plan costs no more than one for
// these very values, and is kept; an array is planned anew at each call.
func (s *statement) scopes(q *holdall.Query) string {
	var rows []string
	for _, sc := range distinct(q.Scopes) {
		rows = append(rows, "("+s.arg(string(sc.Tier))+"::text, "+s.arg(sc.Owner)+"::text)")
	}
	return "VALUES " + strings.Join(rows, ", ")
}

// among is the condition on containers and scopes.
func (s *statement) among(q *holdall.Query) string {
	var b strings.Builder
	if q.Containers != nil {
		b.WriteString(" AND e.container = ANY (" + s.arg(q.Containers) + "::text[])")
	}
	if q.Scopes != nil {
		b.WriteString(" AND (e.tier, e.owner) IN (" + s.scopes(q) + ")")
	}
	return b.String()
}

func distinct[T comparable](list []T) []T {
	var out []T
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// named is the condition on the name that the index can serve.
func (s *statement) named(q *holdall.Query) string {
	if q.Name != "" {
		return " AND e.name = " + s.arg(q.Name) + " AND starts_with(e.name, " + s.arg(q.Prefix) + ")"
	}
	lo, hi := q.NameRange()
	byName := q.Sort.Field == "" || q.Sort.Field == holdall.SortName
	if q.After != nil && byName && !q.Sort.Desc {
		lo = max(lo, q.After.Name)
	}
	b := " AND e.name >= " + s.arg(lo)
	if hi != "" {
		b += " AND e.name < " + s.arg(hi)
	}
	if q.After != nil && byName && q.Sort.Desc {
		b += " AND e.name <= " + s.arg(q.After.Name)
	}
	return b
}

// orderOf returns the order of a page, and that of the rows of one place.
func orderOf(q *holdall.Query) (all, place string) {
	way := ""
	if q.Sort.Desc {
		way = " DESC"
	}
	field := sortColumn(q.Sort.Field)
	if field == "" {
		all = "e.name" + way + ", e.container" + way + ", e.tier" + way + ", e.id" + way
		place = "e.name" + way
		if q.State != holdall.StateLive { // more than one may have the name
			place += ", e.id" + way
		}
		return all, place
	}
	all = field + way + ", e.id" + way
	return all, all
}

func sortColumn(f holdall.SortField) string {
	switch f {
	case holdall.SortCreated:
		return "e.created_at"
	case holdall.SortUpdated:
		return "e.updated_at"
	case holdall.SortSize:
		return "coalesce(e.size, 0)"
	}
	return ""
}

func (s *statement) after(q *holdall.Query) string {
	p := q.After
	if p == nil {
		return ""
	}
	way := " > "
	if q.Sort.Desc {
		way = " < "
	}
	switch field := sortColumn(q.Sort.Field); q.Sort.Field {
	case holdall.SortCreated, holdall.SortUpdated:
		return " AND (" + field + ", e.id)" + way + "(" + s.arg(time.UnixMicro(p.Number)) + "::timestamptz, " + s.arg(p.ID) + ")"
	case holdall.SortSize:
		return " AND (" + field + ", e.id)" + way + "(" + s.arg(p.Number) + "::bigint, " + s.arg(p.ID) + ")"
	}
	return " AND (e.name, e.container, e.tier, e.id)" + way +
		"(" + s.arg(p.Name) + ", " + s.arg(p.Container) + ", " + s.arg(string(p.Tier)) + ", " + s.arg(p.ID) + ")"
}

// conditions are those that rows are filtered by.
func (s *statement) conditions(q *holdall.Query) string {
	var b strings.Builder
	if q.IDs != nil {
		b.WriteString(" AND e.id = ANY (" + s.arg(q.IDs) + "::text[])")
	}
	if q.Direct {
		b.WriteString(" AND strpos(" + s.rest(q) + ", '/') = 0")
	}
	if q.Contains != "" {
		b.WriteString(" AND strpos(coalesce(e.name_folded, e.name), " + s.arg(q.Contains) + ") > 0")
	}
	if t, ok := strings.CutSuffix(q.Type, "*"); ok {
		b.WriteString(" AND starts_with(split_part(e.type, ';', 1), " + s.arg(t) + ")")
	} else if q.Type != "" {
		b.WriteString(" AND split_part(e.type, ';', 1) = " + s.arg(q.Type))
	}
	if !q.CreatedAfter.IsZero() {
		b.WriteString(" AND e.created_at > " + s.arg(q.CreatedAfter))
	}
	if !q.CreatedBefore.IsZero() { // what is stored has microseconds: round up
		b.WriteString(" AND e.created_at < " + s.arg(micro(q.CreatedBefore.Add(time.Microsecond-1))))
	}
	if !q.AliveAt.IsZero() {
		b.WriteString(" AND (e.expires_at IS NULL OR e.expires_at > " + s.arg(q.AliveAt) + ")")
	}
	if q.Where != nil {
		b.WriteString(" AND " + s.filter(q.Where))
	}
	return b.String()
}

// rest is the name without the prefix.
func (s *statement) rest(q *holdall.Query) string {
	return "substr(e.name, " + s.arg(utf8.RuneCountInString(q.Prefix)+1) + "::int)"
}
