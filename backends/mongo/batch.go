package mongo

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/holdall-go/holdall"
)

// batchWorkers is how many puts of a batch run at once.
const batchWorkers = 16

// PutBatch implements [holdall.BatchPutter]. Puts that have nothing to do with
// each other run side by side, each by itself: the server's own bulk write
// does not say what became of which.
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

// together returns how many of the first ops can run side by side: no two of
// them with one place or one id, and no bucket beside others, since objects
// may need it or be in its way.
func together(ops []holdall.PutOp) int {
	seen := make(map[any]bool, 2*len(ops))
	for i, op := range ops {
		place := op.Entry.Place()
		if seen[place] || op.Entry.ID != "" && seen[op.Entry.ID] {
			return i
		}
		if op.Entry.Kind == holdall.KindBucket {
			return max(i, 1)
		}
		if op.Condition > 0 && op.Entry.ID != "" { // it may come from anywhere
			return max(i, 1)
		}
		seen[place], seen[op.Entry.ID] = true, true
	}
	return len(ops)
}

func (b *Backend) putTogether(ctx context.Context, ops []holdall.PutOp, results []holdall.PutResult) error {
	workers := min(batchWorkers, len(ops))
	if b.tx != nil {
		workers = 1
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	var once sync.Once
	var fatal error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for range workers {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(ops) && ctx.Err() == nil; i = next.Add(1) - 1 {
				r := &results[i]
				r.Entry, r.Err = b.Put(ctx, ops[i].Entry, ops[i].Condition)
				if errors.Is(r.Err, holdall.ErrUnavailable) { // of use to none of them
					once.Do(func() { fatal = r.Err; stop() })
				}
			}
		})
	}
	wg.Wait()
	if fatal == nil {
		fatal = ctx.Err()
	}
	return fatal
}
