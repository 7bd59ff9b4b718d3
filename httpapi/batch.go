package httpapi

import (
	"net/http"

	"github.com/holdall-go/holdall"
)

// batchValues is how many values of the largest size a batch may carry at once.
const batchValues = 16

type batchResultJSON struct {
	Status int          `json:"status"`
	Record *recordJSON  `json:"record,omitempty"`
	Code   holdall.Code `json:"code,omitempty"`
}

func (a *api) batchRecords(w http.ResponseWriter, r *http.Request) error {
	b, err := readObject(w, r, batchValues*a.valueLimit())
	if err != nil {
		return err
	}
	ops, bad, err := batchOps(b)
	if err != nil {
		return err
	}
	atomic := b.bool("atomic")
	if b.err != nil {
		return b.err
	}
	results, err := runBatch(r, a.workspace(r), ops, bad, atomic != nil && *atomic)
	if err != nil {
		return err
	}
	out := make([]batchResultJSON, len(results))
	for i, res := range results {
		out[i] = a.batchResult(r, ops[i], res)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"results": out})
}

// runBatch carries out the operations but those that are bad.
func runBatch(r *http.Request, ws *holdall.Workspace, ops []holdall.BatchOp, bad []error, atomic bool) ([]holdall.BatchResult, error) {
	out := make([]holdall.BatchResult, len(ops))
	var good []holdall.BatchOp
	var at []int
	for i, err := range bad {
		switch {
		case err == nil:
			good, at = append(good, ops[i]), append(at, i)
		case atomic:
			return nil, &holdall.BatchError{Index: i, Err: err}
		}
		out[i].Err = err
	}
	if len(good) == 0 && len(ops) > 0 {
		return out, nil
	}
	run := ws.Batch
	if atomic {
		run = ws.BatchAtomic
	}
	results, err := run(r.Context(), good)
	for i, res := range results {
		out[at[i]] = res
	}
	return out, err
}

func (a *api) batchResult(r *http.Request, op holdall.BatchOp, res holdall.BatchResult) batchResultJSON {
	if res.Err != nil {
		return batchResultJSON{Status: failureOf(res.Err).httpStatus(), Code: a.itemCode(r, res.Err)}
	}
	rec := newRecordJSON(res.Record)
	if op.Delete {
		return batchResultJSON{Status: http.StatusOK, Record: &rec}
	}
	return batchResultJSON{Status: putStatus(res.Record), Record: &rec}
}

// batchOps reads the operations, and what is wrong with each by itself.
func batchOps(b *object) (ops []holdall.BatchOp, bad []error, err error) {
	array, ok := b.get("operations", '[', "an array of operations")
	if !ok {
		return nil, nil, firstOf(b.err, badRequest("operations is missing; it is an array of operations"))
	}
	items := elements(array)
	if len(items) > holdall.MaxBatch {
		return nil, nil, badRequest("a batch has at most %d operations, not %d", holdall.MaxBatch, len(items))
	}
	ops, bad = make([]holdall.BatchOp, len(items)), make([]error, len(items))
	for i, item := range items {
		o, ok := newObject(item)
		if !ok {
			return nil, nil, badRequest("operations[%d]: an object is expected", i)
		}
		ops[i] = batchOp(o)
		bad[i] = o.err
	}
	return ops, bad, nil
}

// batchOp reads one operation. Its conditions are written as the headers are.
func batchOp(o *object) holdall.BatchOp {
	op := holdall.BatchOp{Collection: o.text("collection"), Key: o.text("key"), Tier: holdall.Tier(o.text("tier"))}
	var err error
	if v, ok := o.get("if_match", '"', "a string"); ok && v != nil {
		if op.Options.IfMatch, err = ifMatch([]string{o.text("if_match")}); err != nil {
			o.fail("if_match", "%s", failureOf(err).detail)
		}
	}
	if v, ok := o.get("if_none_match", '"', "a string"); ok && v != nil {
		if op.Options.IfAbsent, err = ifNoneMatch([]string{o.text("if_none_match")}); err != nil {
			o.fail("if_none_match", "%s", failureOf(err).detail)
		}
	}
	switch kind := o.text("op"); kind {
	case "delete":
		op.Delete = true
	case "put":
		op.Options.TTL = o.ttl()
		value, ok := o.members["value"]
		if !ok {
			o.fail("value", "a put needs one")
		}
		op.Value = value
	default:
		o.fail("op", "put or delete is expected, not %q", clip(kind))
	}
	return op
}
