package storagetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
)

// scenario is an operation that is tried with a fault at every moment.
type scenario struct {
	name  string
	setup func(s *storeRun, body func(n int) []byte)
	run   func(s *storeRun, body func(n int) []byte) error
	// parts says that the operation is several, each of which happens or not.
	parts bool
}

func faultCases() []storeCase {
	var cases []storeCase
	for _, sc := range slices.Concat(scenarios, directScenarios) {
		cases = append(cases, storeCase{
			"faults/" + sc.name,
			"whichever call to a backend fails, and even when all after it fail too, the operation has happened whole or not at all, " +
				"for sure when it was acknowledged, and a sweep past the grace period leaves no other bytes",
			func(s *storeRun) { sc.everyFault(s) },
		})
	}
	return cases
}

// everyFault runs the scenario without a fault, then with each fault at each
// call; under -short with one at each, in turn, which one first is left to chance.
func (sc scenario) everyFault(s *storeRun) {
	sizes := s.smallAndLarge()
	if _, ok := holdall.As[holdall.AtomicPutter](s.inner.Catalog); !ok {
		sizes = sizes[1:] // all go the same way
	} else if strings.HasPrefix(sc.name, "record") || strings.HasPrefix(sc.name, "complete") {
		sizes = sizes[:1]
	}
	for _, size := range sizes {
		bodies := map[int][]byte{}
		body := func(n int) []byte {
			if bodies[n] == nil {
				bodies[n] = slices.Concat([]byte(fmt.Sprintf("body %d ", n)), size)
			}
			return bodies[n]
		}
		before, after, calls := sc.calm(s, body)
		first := s.rnd.intn(len(hits))
		for k := range calls {
			at := hits
			if testing.Short() {
				at = hits[(first+k)%len(hits):][:1]
			}
			for _, h := range at {
				if sc.once(s, body, k, h, before, after); s.Failed() {
					return
				}
			}
		}
	}
}

// hit is what happens at a call: a fault, and whether all calls after it are
// refused (then a failure and a refusal are the same); or no fault, but a pause
// longer than the grace period, in which somebody else sweeps.
type hit struct {
	fault Fault
	crash bool
	pause bool
}

// hits are all that make a difference.
var hits = []hit{{fault: LoseReply}, {fault: Refuse, crash: true}, {pause: true}, {fault: Fail}, {fault: LoseReply, crash: true}}

// newTenant begins anew, with a tenant and a front that know nothing yet.
func (s *storeRun) newTenant() {
	s.Helper()
	s.tenant, s.faulty = "tenant-"+unique(), NewFaulty(s.inner)
	s.store = s.over(s.faulty.Backends())
}

// calm runs the scenario undisturbed.
func (sc scenario) calm(s *storeRun, body func(int) []byte) (before, after []string, calls int) {
	s.newTenant()
	sc.setup(s, body)
	before = s.observe()
	s.faulty.Plan(nil)
	if err := sc.run(s, body); err != nil {
		s.Fatalf("without a fault: %v", err)
	}
	calls = len(s.faulty.Calls())
	return before, s.observe(), calls
}

// once runs the scenario with one fault and checks everything.
func (sc scenario) once(s *storeRun, body func(int) []byte, k int, h hit, before, after []string) {
	s.newTenant()
	sc.setup(s, body)
	s.faulty.Plan(func(n int, method string) Fault {
		switch {
		case n == k && h.pause:
			s.sweep(2 * grace)
		case n == k:
			return h.fault
		case n > k && h.crash:
			return Refuse
		}
		return NoFault
	})
	err := sc.run(s, body)
	calls := s.faulty.Calls()
	s.faulty.Plan(nil)

	now := s.observe()
	sc.outcome(s, "at once", err, now, before, after)
	s.sweep(2*grace + 2*time.Hour)
	swept := s.observe()
	sc.outcome(s, "after the sweep", err, swept, before, after)
	if !sc.parts && !slices.Equal(now, swept) {
		s.Errorf("the sweep changed what users see: %s", changes(now, swept))
	}
	s.tidy()
	if s.Failed() {
		s.Logf("the operation ended with: %v; call %d of %v was hit by %+v; %d bytes", err, k, calls, h, len(body(0)))
	}
}

// outcome checks that what users see is the state before the operation or the
// one after it, and the latter when it was acknowledged.
func (sc scenario) outcome(s *storeRun, when string, err error, now, before, after []string) {
	s.Helper()
	switch {
	case slices.Equal(now, after), err != nil && slices.Equal(now, before):
		return
	case err == nil:
		s.Errorf("%s: the operation was acknowledged, but did not happen: %s", when, changes(after, now))
	case !sc.parts:
		s.Errorf("%s: the operation has happened by half; from the state before: %s\nfrom the state after: %s", when, changes(before, now), changes(after, now))
	default:
		for _, l := range now {
			if !slices.Contains(before, l) && !slices.Contains(after, l) {
				s.Errorf("%s: neither before nor after the operation was there: %s", when, l)
			}
		}
		for _, l := range before {
			if slices.Contains(after, l) && !slices.Contains(now, l) {
				s.Errorf("%s: the operation has nothing to do with it, but it is gone: %s", when, l)
			}
		}
	}
}

// at is ann's handle on an object of bucket "b".
func (s *storeRun) at(path string) *holdall.Object {
	return s.as("ann", "").Bucket("b").Object(path)
}

func withBucket(paths ...string) func(*storeRun, func(int) []byte) {
	return func(s *storeRun, body func(int) []byte) {
		s.Helper()
		s.bucket("b", nil)
		for i, p := range paths {
			s.put(s.at(p), body(i), &holdall.PutOptions{Metadata: map[string]string{"path": p}})
		}
	}
}

func upload(path string, n int, opts *holdall.PutOptions) func(*storeRun, func(int) []byte) error {
	return func(s *storeRun, body func(int) []byte) error {
		_, err := s.at(path).Put(s.ctx, bytes.NewReader(body(n)), opts)
		return err
	}
}

// late is an upload that says only after its body where it goes.
func late(path string, opts *holdall.PutOptions) func(*storeRun, func(int) []byte) error {
	return func(s *storeRun, body func(int) []byte) error {
		first := holdall.PutOptions{Late: func() (*holdall.Object, *holdall.PutOptions, error) { return s.at(path), opts, nil }}
		if opts != nil {
			first.Replace = opts.Replace
		}
		_, err := s.as("ann", "").Bucket("b").Object("").Put(s.ctx, bytes.NewReader(body(3)), &first)
		return err
	}
}

var scenarios = []scenario{
	{name: "upload", setup: withBucket("other"), run: upload("new", 1, nil)},
	{name: "upload of a known size", setup: withBucket("other"), run: func(s *storeRun, body func(int) []byte) error {
		return upload("new", 1, &holdall.PutOptions{Size: int64(len(body(1)))})(s, body)
	}},
	{name: "upload named late", setup: withBucket("other"), run: late("new", nil)},
	{name: "replace named late", setup: withBucket("x", "other"), run: late("x", &holdall.PutOptions{Replace: true})},
	{name: "replace", setup: withBucket("x", "other"), run: upload("x", 2, &holdall.PutOptions{Replace: true})},
	{name: "replace twice", setup: func(s *storeRun, body func(int) []byte) {
		withBucket("x")(s, body)
		s.put(s.at("x"), body(5), &holdall.PutOptions{Replace: true})
	}, run: upload("x", 2, &holdall.PutOptions{Replace: true, Metadata: map[string]string{"new": "yes"}})},
	{name: "copy", setup: withBucket("x"), run: func(s *storeRun, _ func(int) []byte) error {
		_, err := s.at("x").Copy(s.ctx, s.at("y"))
		return err
	}},
	{name: "move", setup: withBucket("x"), run: func(s *storeRun, _ func(int) []byte) error {
		_, err := s.at("x").Update(s.ctx, holdall.ObjectUpdate{Path: new("y"), Metadata: map[string]string{"moved": "yes"}})
		return err
	}},
	{name: "delete", setup: withBucket("x", "other"), run: func(s *storeRun, _ func(int) []byte) error {
		_, err := s.at("x").Delete(s.ctx, nil)
		return err
	}},
	{name: "restore", setup: func(s *storeRun, body func(int) []byte) {
		withBucket("x")(s, body)
		if _, err := s.at("x").Delete(s.ctx, nil); err != nil {
			s.Fatalf("Delete: %v", err)
		}
	}, run: func(s *storeRun, _ func(int) []byte) error {
		_, err := s.at("x").Restore(s.ctx)
		return err
	}},
	{name: "purge", setup: func(s *storeRun, body func(int) []byte) {
		withBucket("x", "other")(s, body)
		s.put(s.at("x"), body(3), &holdall.PutOptions{Replace: true})
	}, parts: true, run: func(s *storeRun, _ func(int) []byte) error {
		_, err := s.at("x").Delete(s.ctx, &holdall.DeleteOptions{Purge: true})
		return err
	}},
	{name: "empty", setup: withBucket("x", "y", "z"), parts: true, run: func(s *storeRun, _ func(int) []byte) error {
		_, err := s.as("ann", "").Bucket("b").Empty(s.ctx)
		return err
	}},
	{name: "bucket delete", setup: func(s *storeRun, body func(int) []byte) {
		withBucket("x", "y")(s, body)
		if _, err := s.as("ann", "").Bucket("b").Empty(s.ctx); err != nil {
			s.Fatalf("Empty: %v", err)
		}
	}, parts: true, run: func(s *storeRun, _ func(int) []byte) error {
		return s.as("ann", "").Bucket("b").Delete(s.ctx)
	}},
	{name: "bucket create after half a delete", setup: func(s *storeRun, body func(int) []byte) {
		withBucket("x", "y")(s, body)
		b := s.as("ann", "").Bucket("b")
		if _, err := b.Empty(s.ctx); err != nil {
			s.Fatalf("Empty: %v", err)
		}
		s.faulty.Plan(func(_ int, method string) Fault { return map[string]Fault{"DeleteBlob": Refuse}[method] })
		if err := b.Delete(s.ctx); err == nil {
			s.Fatalf("a bucket's deletion was acknowledged although its trash could not be deleted")
		}
		s.faulty.Plan(nil)
	}, parts: true, run: func(s *storeRun, _ func(int) []byte) error {
		_, err := s.as("ann", "").Bucket("b").Create(s.ctx, nil)
		return err
	}},
	{name: "app delete", setup: func(s *storeRun, body func(int) []byte) {
		withBucket("x")(s, body)
		app := s.as("ann", "app")
		s.put(app.Bucket("b").Object("mine"), body(1), nil)
		s.put(app.Bucket("b").Object("deleted"), body(2), nil)
		if _, err := app.Bucket("b").Object("deleted").Delete(s.ctx, nil); err != nil {
			s.Fatalf("Delete: %v", err)
		}
		if _, err := app.Collection("c").Record("mine").Put(s.ctx, 1, nil); err != nil {
			s.Fatalf("Put: %v", err)
		}
	}, parts: true, run: func(s *storeRun, _ func(int) []byte) error {
		_, err := s.as("ann", "app").DeleteApp(s.ctx, "app")
		return err
	}},
	{name: "sweep", setup: func(s *storeRun, body func(int) []byte) {
		withBucket("x", "y")(s, body)
		for i := range 3 {
			if _, err := s.as("ann", "").Collection("c").Record(fmt.Sprint(i)).Put(s.ctx, i, &holdall.RecordOptions{TTL: time.Second}); err != nil {
				s.Fatalf("Put: %v", err)
			}
		}
		s.put(s.at("x"), body(4), &holdall.PutOptions{Replace: true})
		s.put(s.at("gone"), body(5), nil)
		if _, err := s.at("gone").Delete(s.ctx, &holdall.DeleteOptions{}); err != nil {
			s.Fatalf("Delete: %v", err)
		}
		for _, up := range []func(*storeRun, func(int) []byte) error{upload("lost", 6, nil), upload("y", 7, &holdall.PutOptions{Replace: true})} {
			s.faulty.Plan(func(n int, method string) Fault {
				return map[string]Fault{"PutBlob": LoseReply, "PutWithBlob": Refuse}[method]
			})
			if err := up(s, body); err == nil {
				s.Fatalf("an upload whose bytes were lost was acknowledged")
			}
			s.faulty.Plan(nil)
		}
		s.pass(2 * grace)
	}, run: func(s *storeRun, _ func(int) []byte) error {
		report, err := s.store.Sweep(s.ctx)
		if err == nil && report.Failed > 0 {
			err = fmt.Errorf("%d failed", report.Failed)
		}
		return err
	}},
	{name: "record put", setup: func(s *storeRun, _ func(int) []byte) {}, run: func(s *storeRun, _ func(int) []byte) error {
		_, err := s.as("ann", "").Collection("c").Record("k").Put(s.ctx, 1, nil)
		return err
	}},
	{name: "record patch", setup: func(s *storeRun, _ func(int) []byte) {
		if _, err := s.as("ann", "").Collection("c").Record("k").Put(s.ctx, map[string]int{"a": 1}, nil); err != nil {
			s.Fatalf("Put: %v", err)
		}
	}, run: func(s *storeRun, _ func(int) []byte) error {
		_, err := s.as("ann", "").Collection("c").Record("k").Patch(s.ctx, []byte(`{"b":2}`), nil)
		return err
	}},
	{name: "record batch", setup: func(s *storeRun, _ func(int) []byte) {
		if _, err := s.as("ann", "").Collection("c").Record("old").Put(s.ctx, 0, nil); err != nil {
			s.Fatalf("Put: %v", err)
		}
	}, parts: true, run: func(s *storeRun, _ func(int) []byte) error {
		results, err := s.as("ann", "").Batch(s.ctx, []holdall.BatchOp{
			{Collection: "c", Key: "a", Value: 1}, {Collection: "c", Key: "b", Value: 2}, {Collection: "c", Key: "old", Delete: true},
		})
		for _, r := range results {
			if err == nil {
				err = r.Err
			}
		}
		return err
	}},
}
