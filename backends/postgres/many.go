package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/holdall-go/holdall"
)

// isMany reports whether one statement can put all of ops: none has bytes or
// asks for a version, and all have one condition.
func isMany(ops []holdall.PutOp) bool {
	for _, op := range ops {
		if op.Condition > 0 || op.Condition != ops[0].Condition || hasContent(op.Entry.Kind) {
			return false
		}
	}
	return true
}

// contentless are the columns of entries that have no bytes.
var contentless = slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return slices.Contains(contentColumns, c) })

// contentlessArgs are those of rowArgs that belong to contentless.
func contentlessArgs(e *holdall.Entry) []any {
	args := rowArgs(e)
	first := slices.Index(columns, contentColumns[0])
	return slices.Delete(args, first, first+len(contentColumns))
}

// typeOf is the type of a column of contentless.
func typeOf(column string) string {
	switch {
	case column == "ttl":
		return "bigint"
	case column == "value":
		return "jsonb"
	case strings.HasSuffix(column, "_at"):
		return "timestamptz"
	}
	return "text"
}

// many is one statement that puts many entries. What all of them have goes as
// one value, the other columns as arrays: for records of one collection these
// are few, and cost a third of a statement for each.
type many struct {
	sql  string
	args []any
	keys []string       // the columns of the place in which they differ; they come before readPut's row
	at   map[string]int // where an entry was, by its keys
}

// many expects that no two of the entries have one place.
func (s *statements) many(order []int, entries []holdall.Entry, c holdall.Condition) many {
	m := many{at: make(map[string]int, len(order))}
	rows := make([][]any, len(order))
	for i, at := range order {
		rows[i] = contentlessArgs(&entries[at])
	}
	var values, arrays, names []string
	var keyed []int
	for i, column := range contentless {
		arg, value, array := rows[0][i], fmt.Sprintf("$%d::%s", i+1, typeOf(column)), false
		for _, r := range rows {
			array = array || r[i] != arg
		}
		if array {
			all := make(pgtype.FlatArray[any], len(rows))
			for j, r := range rows {
				all[j] = r[i]
			}
			arrays, names = append(arrays, value+"[]"), append(names, column)
			arg, value = all, "v."+column
			if slices.Contains(placeColumns, column) {
				m.keys, keyed = append(m.keys, column), append(keyed, i)
			}
		}
		m.args, values = append(m.args, arg), append(values, value)
	}
	for j, r := range rows {
		keys := make([]string, len(keyed))
		for k, i := range keyed {
			keys[k] = r[i].(string)
		}
		m.at[joined(keys)] = order[j]
	}
	conflict := onConflictNothing
	if c == holdall.Always {
		conflict = onConflict(contentless)
	}
	m.sql = "INSERT INTO " + s.table + " AS e (" + strings.Join(contentless, ", ") + ", version) SELECT " + strings.Join(values, ", ") +
		", 1 FROM unnest(" + strings.Join(arrays, ", ") + ") v(" + strings.Join(names, ", ") + ")" + conflict +
		" RETURNING e." + strings.Join(m.keys, ", e.") + ", " + putColumns
	return m
}

// joined is one key of several: no text of the server has a NUL in it.
func joined(keys []string) string { return strings.Join(keys, "\x00") }

// putMany puts entries by one statement and returns those that it did nothing for.
func (b *Backend) putMany(ctx context.Context, order []int, entries []holdall.Entry, c holdall.Condition, results []holdall.PutResult) (undone []int, err error) {
	m := b.sql.many(order, entries, c)
	err = b.write(ctx, func(q querier) error {
		done := make([]bool, len(entries))
		rows, err := q.Query(ctx, m.sql, m.args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		keys := make([]string, len(m.keys))
		targets := make([]any, len(keys), len(keys)+4)
		for k := range keys {
			targets[k] = &keys[k]
		}
		for rows.Next() {
			var e holdall.Entry
			if err := readPut(rows, &e, targets...); err != nil {
				return err
			}
			i := m.at[joined(keys)]
			results[i].Entry, done[i] = entries[i], true
			out := &results[i].Entry
			out.ID, out.CreatedAt, out.CreatedBy, out.Version = e.ID, e.CreatedAt, e.CreatedBy, e.Version
		}
		undone = undone[:0]
		for i := range done {
			if !done[i] {
				undone = append(undone, i)
			}
		}
		return rows.Err()
	})
	return undone, err
}
