package holdall

import (
	"context"
	"errors"
	"fmt"
)

// BatchOp is one operation of a batch: a put, or a deletion when Delete is set.
type BatchOp struct {
	Delete     bool
	Collection string
	Key        string
	Tier       Tier
	Value      any // of a put, as Record.Put takes it
	// Options are the conditions and the TTL of a put; of a deletion only
	// IfMatch counts.
	Options RecordOptions
}

// BatchResult is what became of one operation of a batch.
type BatchResult struct {
	Record RecordInfo
	Err    error // nil: done
}

// MaxBatch is the largest number of operations of a batch.
const MaxBatch = 1000

// Batch carries out up to MaxBatch operations on records, in order, and says
// for each what became of it; each needs its own permission. Runs of puts
// without IfMatch lists cost one round trip where the backend can put batches.
func (w *Workspace) Batch(ctx context.Context, ops []BatchOp) ([]BatchResult, error) {
	if err := w.checkBatch("record.batch", ops); err != nil {
		return nil, err
	}
	return w.runBatch(ctx, w.s.records, ops, false)
}

// BatchAtomic is Batch with all or nothing: the first operation that fails
// undoes the others, and its error is returned as a [*BatchError]. It matches
// errors.ErrUnsupported unless the records' backend is a [Transactor].
func (w *Workspace) BatchAtomic(ctx context.Context, ops []BatchOp) ([]BatchResult, error) {
	const op = "record.batch"
	if err := w.checkBatch(op, ops); err != nil {
		return nil, err
	}
	if w.s.inTx { // the caller's own transaction decides
		return w.runBatch(ctx, w.s.records, ops, true)
	}
	t, ok := As[Transactor](w.s.records)
	if !ok {
		return nil, fail(op, KindRecord, "", CodeUnsupported, "this backend cannot do a batch all or nothing")
	}
	var results []BatchResult
	err := t.InTx(ctx, func(ctx context.Context, tx Catalog) error {
		var err error
		results, err = w.runBatch(ctx, tx, ops, true)
		return err
	})
	if err != nil {
		return nil, wrap(op, KindRecord, "", err)
	}
	return results, nil
}

// BatchError says which operation made an atomic batch fail.
type BatchError struct {
	Index int // from 0
	Err   error
}

func (e *BatchError) Error() string { return fmt.Sprintf("operation %d: %v", e.Index, e.Err) }

// Unwrap returns the operation's error.
func (e *BatchError) Unwrap() error { return e.Err }

func (w *Workspace) checkBatch(op string, ops []BatchOp) error {
	if err := w.identified(op); err != nil {
		return err
	}
	if len(ops) == 0 || len(ops) > MaxBatch {
		return fail(op, KindRecord, "", CodeInvalidRequest, fmt.Sprintf("a batch has 1 to %d operations, not %d", MaxBatch, len(ops)))
	}
	return nil
}

// runBatch takes the operations in order, gathering runs of puts. With strict
// the first failure ends it.
func (w *Workspace) runBatch(ctx context.Context, c Catalog, ops []BatchOp, strict bool) ([]BatchResult, error) {
	s := *w.s
	s.records = c
	tw := &Workspace{s: &s, p: w.p, grants: w.grants, bad: w.bad}
	results := make([]BatchResult, len(ops))
	var run []PutOp // puts that wait, for results[at[i]]
	var at []int
	flush := func() error {
		err := tw.flushPuts(ctx, ops, results, run, at)
		run, at = nil, nil
		return err
	}
	for i, op := range ops {
		r := tw.Collection(op.Collection).Tier(op.Tier).Record(op.Key)
		if !op.Delete && len(op.Options.IfMatch) == 0 {
			e, cond, err := r.draft(ctx, "record.put", op.Value, op.Options)
			if results[i].Err = err; err == nil {
				run, at = append(run, PutOp{e, cond}), append(at, i)
			}
		} else {
			if err := flush(); err != nil {
				return nil, err
			}
			results[i] = r.runOp(ctx, op)
		}
		if strict && results[i].Err != nil {
			return nil, &BatchError{i, results[i].Err}
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	for i := range results {
		if strict && results[i].Err != nil {
			return nil, &BatchError{i, results[i].Err}
		}
	}
	return results, nil
}

func (r *Record) runOp(ctx context.Context, op BatchOp) (res BatchResult) {
	if op.Delete {
		res.Record, res.Err = r.Delete(ctx, &DeleteOptions{IfMatch: op.Options.IfMatch})
	} else {
		res.Record, res.Err = r.Put(ctx, op.Value, &op.Options)
	}
	return res
}

func (w *Workspace) flushPuts(ctx context.Context, ops []BatchOp, results []BatchResult, run []PutOp, at []int) error {
	if len(run) == 0 {
		return nil
	}
	puts, err := putBatch(ctx, w.s.records, run)
	if err != nil {
		return wrap("record.batch", KindRecord, "", err)
	}
	for i, p := range puts {
		r := w.Collection(ops[at[i]].Collection).Record(ops[at[i]].Key)
		results[at[i]].Record, results[at[i]].Err = r.putResult("record.put", run[i].Condition, p.Entry, p.Err)
	}
	return nil
}

// putBatch puts many entries, one by one where the backend has no batches.
func putBatch(ctx context.Context, c Catalog, ops []PutOp) ([]PutResult, error) {
	if len(ops) == 0 {
		return nil, nil
	}
	if b, ok := As[BatchPutter](c); ok {
		results, err := b.PutBatch(ctx, ops)
		if err == nil && len(results) != len(ops) {
			err = errors.New("the backend answered another number of puts than it was given")
		}
		return results, err
	}
	results := make([]PutResult, len(ops))
	for i, op := range ops {
		results[i].Entry, results[i].Err = c.Put(ctx, op.Entry, op.Condition)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return results, nil
}
