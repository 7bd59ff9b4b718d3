package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/holdall-go/holdall"
)

// PutBatch implements [holdall.BatchPutter]. Puts that have nothing to do with
// each other share a round trip and a commit.
func (b *Backend) PutBatch(ctx context.Context, ops []holdall.PutOp) ([]holdall.PutResult, error) {
	results := make([]holdall.PutResult, len(ops))
	for from := 0; from < len(ops); {
		n := together(ops[from:])
		if err := b.putTogether(ctx, ops[from:from+n], results[from:from+n]); err != nil {
			return nil, err
		}
		from += n
	}
	return results, nil
}

// together returns how many of the first ops can be one batch: no two of them
// with one place or one id, so that each can be looked at by itself afterwards,
// and no change of a bucket, which takes a transaction of several steps.
func together(ops []holdall.PutOp) int {
	seen := make(map[any]bool, 2*len(ops))
	for i, op := range ops {
		place := op.Entry.Place()
		if seen[place] || op.Entry.ID != "" && seen[op.Entry.ID] {
			return i
		}
		if op.Entry.Kind == holdall.KindBucket && op.Condition > 0 {
			return max(i, 1)
		}
		seen[place], seen[op.Entry.ID] = true, true
	}
	return len(ops)
}

// putTogether puts ops in one batch. Where the server refuses it because of
// one of them, it halves it until that one is alone.
func (b *Backend) putTogether(ctx context.Context, ops []holdall.PutOp, results []holdall.PutResult) error {
	if len(ops) == 1 {
		results[0].Entry, results[0].Err = b.Put(ctx, ops[0].Entry, ops[0].Condition)
		return outcomeOfAll(ctx, results[0].Err)
	}
	undone, err := b.putOnce(ctx, ops, results)
	if err != nil && !refused(err) {
		return err
	}
	if err != nil {
		half := len(ops) / 2
		if err := b.putTogether(ctx, ops[:half], results[:half]); err != nil {
			return err
		}
		return b.putTogether(ctx, ops[half:], results[half:])
	}
	for _, i := range undone { // a condition did not hold: Put knows why
		results[i].Entry, results[i].Err = b.Put(ctx, ops[i].Entry, ops[i].Condition)
		if err := outcomeOfAll(ctx, results[i].Err); err != nil {
			return err
		}
	}
	return nil
}

// outcomeOfAll passes on what no op can be blamed for.
func outcomeOfAll(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, holdall.ErrUnavailable) {
		return err
	}
	return nil
}

// refused reports whether the server turned a batch down for its content.
func refused(err error) bool {
	if e := pgError(err); e != nil {
		return strings.HasPrefix(e.Code, "22") || strings.HasPrefix(e.Code, "23") || strings.HasPrefix(e.Code, "54")
	}
	return errors.Is(err, holdall.ErrInvalid)
}

// putOnce sends ops in one round trip, which commits all or nothing, and
// returns those that did nothing.
func (b *Backend) putOnce(ctx context.Context, ops []holdall.PutOp, results []holdall.PutResult) (undone []int, err error) {
	entries := make([]holdall.Entry, len(ops))
	for i, op := range ops {
		entries[i] = normal(op.Entry)
		if err := checkPut(&entries[i], op.Condition); err != nil {
			return nil, err
		}
	}
	order := orderOfBatch(ops)
	if isMany(ops) {
		undone, err = b.putMany(ctx, order, entries, ops[0].Condition, results)
	} else {
		undone, err = b.putEach(ctx, order, entries, ops, results)
	}
	slices.Sort(undone)
	return undone, err
}

// putEach puts entries by a statement for each.
func (b *Backend) putEach(ctx context.Context, order []int, entries []holdall.Entry, ops []holdall.PutOp, results []holdall.PutResult) (undone []int, err error) {
	err = b.write(ctx, func(q querier) error {
		undone = undone[:0]
		batch := &pgx.Batch{}
		for _, i := range order {
			sql, args := b.sql.putStatement(&entries[i], ops[i].Condition)
			batch.Queue(sql, args...)
		}
		rows := q.SendBatch(ctx, batch)
		defer rows.Close()
		for _, i := range order {
			e := entries[i]
			switch err := readPut(rows.QueryRow(), &e); err {
			case nil:
				results[i].Entry = e
			case pgx.ErrNoRows:
				undone = append(undone, i)
			default:
				return err
			}
		}
		return rows.Close()
	})
	return undone, err
}

// orderOfBatch sorts by place, so that batches that meet do not deadlock,
// unless the order may matter: where an entry may leave a place that another
// one takes, or a bucket comes before its objects.
func orderOfBatch(ops []holdall.PutOp) []int {
	order := make([]int, len(ops))
	sorted := true
	for i, op := range ops {
		order[i] = i
		if op.Condition > 0 && op.Entry.ID != "" || op.Entry.Kind == holdall.KindBucket {
			sorted = false
		}
	}
	if sorted {
		slices.SortFunc(order, func(i, j int) int { return comparePlaces(&ops[i].Entry, &ops[j].Entry) })
	}
	return order
}

func comparePlaces(a, b *holdall.Entry) int {
	for _, f := range [][2]string{{a.Tenant, b.Tenant}, {string(a.Kind), string(b.Kind)}, {a.Container, b.Container},
		{string(a.Tier), string(b.Tier)}, {a.Owner, b.Owner}, {a.Name, b.Name}} {
		if c := strings.Compare(f[0], f[1]); c != 0 {
			return c
		}
	}
	return 0
}
