package storagetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/holdall-go/holdall"
)

var recordCases = []storeCase{
	{"record/life", "a record goes through its whole life with its conditions", func(s *storeRun) {
		r := s.as("ann", "").Collection("c").Record("k/with/slashes ✓")
		one, err := r.Put(s.ctx, json.RawMessage(`{"n":9007199254740993}`), &holdall.RecordOptions{IfAbsent: true})
		if err != nil || one.Version != 1 || !sameJSON(one.Value, []byte(`{"n":9007199254740993}`)) {
			s.Fatalf("Put = %+v, %v", one, err)
		}
		_, err = r.Put(s.ctx, 2, &holdall.RecordOptions{IfAbsent: true})
		s.want("IfAbsent over what is there", err, holdall.ErrPrecondition)
		_, err = r.Put(s.ctx, 2, &holdall.RecordOptions{IfMatch: []string{"v2"}})
		s.want("IfMatch of another version", err, holdall.ErrPrecondition)
		two, err := r.Put(s.ctx, map[string]any{"a": map[string]int{"b": 1, "c": 2}}, &holdall.RecordOptions{IfMatch: []string{"v1"}})
		if err != nil || two.Version != 2 || two.ID != one.ID || !two.CreatedAt.Equal(one.CreatedAt) {
			s.Errorf("Put = %+v, %v", two, err)
		}
		three, err := r.Patch(s.ctx, []byte(`{"a":{"b":null},"d":3}`), &holdall.PatchOptions{IfMatch: []string{"v2"}})
		if err != nil || !sameJSON(three.Value, []byte(`{"a":{"c":2},"d":3}`)) {
			s.Errorf("Patch = %s, %v", three.Value, err)
		}
		_, err = r.Delete(s.ctx, &holdall.DeleteOptions{IfMatch: []string{"v2"}})
		s.want("Delete of another version", err, holdall.ErrPrecondition)
		_, err = r.Delete(s.ctx, nil)
		s.want("Delete", err, nil)
		_, err = r.Get(s.ctx)
		s.want("Get of the deleted", err, holdall.ErrNotFound)
		back, err := r.Restore(s.ctx)
		if err != nil || !sameJSON(back.Value, three.Value) || back.ID != one.ID {
			s.Errorf("Restore = %+v, %v", back, err)
		}
		_, err = r.Delete(s.ctx, &holdall.DeleteOptions{Purge: true})
		s.want("purge", err, nil)
		_, err = s.as("ann", "").RecordID(one.ID).Restore(s.ctx)
		s.want("Restore of the purged", err, holdall.ErrNotFound)
	}},
	{"record/ttl", "a record is not found from the moment on when its time runs out, whether or not it was swept, and its key is free", func(s *storeRun) {
		c := s.as("ann", "").Collection("c")
		put := func(key string) holdall.RecordInfo {
			r, err := c.Record(key).Put(s.ctx, 1, &holdall.RecordOptions{TTL: time.Minute})
			if err != nil || r.TTL != time.Minute || !r.ExpiresAt.Equal(r.UpdatedAt.Add(time.Minute)) {
				s.Fatalf("Put = %+v, %v", r, err)
			}
			return r
		}
		info := put("k")
		put("patched")
		put("upserted")
		s.pass(50 * time.Second)
		_, err := c.Record("k").Get(s.ctx)
		s.want("Get in time", err, nil)
		patched, err := c.Record("patched").Patch(s.ctx, []byte(`2`), nil)
		if err != nil || patched.TTL != time.Minute {
			s.Errorf("Patch = %+v, %v; the time to live runs on", patched, err)
		}
		if r, err := c.Record("upserted").Put(s.ctx, 2, nil); err != nil || !r.ExpiresAt.IsZero() || r.Version != 2 {
			s.Errorf("Put without a ttl = %+v, %v", r, err)
		}
		s.pass(10 * time.Second)
		for _, r := range []*holdall.Record{c.Record("k"), s.as("ann", "").RecordID(info.ID), c.Record("patched")} {
			_, get := r.Get(s.ctx)
			_, patch := r.Patch(s.ctx, []byte(`{}`), nil)
			_, del := r.Delete(s.ctx, nil)
			_, purge := r.Delete(s.ctx, &holdall.DeleteOptions{Purge: true})
			for what, err := range map[string]error{"Get": get, "Patch": patch, "Delete": del, "purge": purge} {
				s.want(what+" of a record that ran out", err, holdall.ErrNotFound)
			}
		}
		page, err := c.ListPage(s.ctx, nil)
		if err != nil || len(page.Items) != 1 || page.Total != 1 {
			s.Errorf("%d of %d records are listed, %v; want the one that stays", len(page.Items), page.Total, err)
		}
		_, err = c.Record("k").Put(s.ctx, 3, &holdall.RecordOptions{IfMatch: []string{"*"}})
		s.want("IfMatch over what ran out", err, holdall.ErrPrecondition)
		again, err := c.Record("k").Put(s.ctx, 3, &holdall.RecordOptions{IfAbsent: true})
		if err != nil || again.Version != 1 || again.ID == info.ID {
			s.Errorf("a new record under the key = %+v, %v", again, err)
		}
		s.sweep(time.Hour)
		if _, err := c.Record("k").Get(s.ctx); err != nil {
			s.Errorf("after the sweep: %v", err)
		}
		if n := len(s.entries(holdall.KindRecord, holdall.StateLive)); n != 2 {
			s.Errorf("%d records are stored after the sweep, want 2", n)
		}
	}},
	{"record/batch", "a batch answers for each operation what the operation alone would", func(s *storeRun) {
		w := s.as("ann", "")
		if _, err := w.Collection("c").Record("old").Put(s.ctx, 1, nil); err != nil {
			s.Fatalf("Put: %v", err)
		}
		results, err := w.Batch(s.ctx, []holdall.BatchOp{
			{Collection: "c", Key: "new", Value: 1}, {Collection: "c", Key: "old", Value: 2, Options: holdall.RecordOptions{IfAbsent: true}},
			{Collection: "c", Key: "new", Value: 2}, {Collection: "c", Key: "old", Delete: true}, {Collection: "c", Key: "old", Value: 3, Options: holdall.RecordOptions{IfAbsent: true}},
			{Collection: "c", Key: "absent", Delete: true}, {Collection: "c", Key: "old", Value: 4, Options: holdall.RecordOptions{IfMatch: []string{"v9"}}},
			{Collection: "c", Key: "", Value: 4}, {Collection: "c", Key: "last", Tier: holdall.User, Value: 5},
		})
		if err != nil {
			s.Fatalf("Batch: %v", err)
		}
		for i, want := range []error{nil, holdall.ErrPrecondition, nil, nil, nil, holdall.ErrNotFound, holdall.ErrPrecondition, holdall.ErrInvalid, nil} {
			s.want(fmt.Sprintf("operation %d", i), results[i].Err, want)
		}
		if results[2].Record.Version != 2 || results[4].Record.Version != 1 {
			s.Errorf("versions %d and %d, want 2 and 1", results[2].Record.Version, results[4].Record.Version)
		}
	}},
	{"record/atomic batch", "an atomic batch happens whole or not at all, and says which operation failed", func(s *storeRun) {
		w := s.over(s.inner).As(s.principal(s.tenant, "ann", ""))
		ops := []holdall.BatchOp{{Collection: "c", Key: "a", Value: 1}, {Collection: "c", Key: "b", Value: 2}, {Collection: "c", Key: "absent", Delete: true}}
		_, err := w.BatchAtomic(s.ctx, ops)
		if errors.Is(err, errors.ErrUnsupported) {
			if _, ok := holdall.As[holdall.Transactor](s.inner.Catalog); ok && s.inner.Records == nil {
				s.Errorf("the catalog is a Transactor, but the Store has not found it")
			}
			return
		}
		var at *holdall.BatchError
		if !errors.As(err, &at) || at.Index != 2 || !errors.Is(err, holdall.ErrNotFound) {
			s.Errorf("BatchAtomic: %v; want operation 2 not found", err)
		}
		if n := len(s.entries(holdall.KindRecord, holdall.StateLive)); n != 0 {
			s.Errorf("%d records of a failed batch are there", n)
		}
		if _, err := w.BatchAtomic(s.ctx, ops[:2]); err != nil {
			s.Errorf("BatchAtomic: %v", err)
		}
		if n := len(s.entries(holdall.KindRecord, holdall.StateLive)); n != 2 {
			s.Errorf("%d records of a batch of 2 are there", n)
		}
	}},
}
