package storagetest

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/holdall-go/holdall"
)

// recorder is a tb that only notes whether the case failed.
type recorder struct {
	ctx     context.Context
	mu      sync.Mutex
	lines   []string
	failed  bool
	skipped bool
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) note(failed bool, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = r.failed || failed
	r.lines = append(r.lines, line)
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) Logf(format string, args ...any)   { r.note(false, fmt.Sprintf(format, args...)) }
func (r *recorder) Error(args ...any)                 { r.note(true, fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.note(true, fmt.Sprintf(format, args...)) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.note(true, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.note(false, fmt.Sprintf(format, args...))
	r.skipped = true
	runtime.Goexit()
}

// watch runs a case on the side and returns what it reported.
func watch(t *testing.T, run func(t tb)) *recorder {
	r := &recorder{ctx: t.Context()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				r.note(true, fmt.Sprint("panic: ", p))
			}
		}()
		run(r)
	}()
	<-done
	return r
}

// trial is a case that is to notice a bug. run runs it under a name that its
// random source comes from.
type trial struct {
	name, why string
	run       func(t tb, name string)
}

// trials is how often the cases of a group are tried on a bug: those that race
// or draw their operations by chance notice it sooner or later.
const trials = 100

// noticed checks that one of the cases whose name begins with group fails, and
// prints its explanation.
func noticed(t *testing.T, group string, cases []trial) {
	t.Helper()
	for round := range trials {
		for _, tc := range cases {
			if !strings.HasPrefix(tc.name, group) {
				continue
			}
			name := tc.name
			if round > 0 {
				name += fmt.Sprint(", again ", round)
			}
			if r := watch(t, func(t tb) { tc.run(t, name) }); r.failed {
				explained(t, r, name, tc.why)
				return
			}
		}
	}
	t.Errorf("no case of %q noticed", group)
}

func mustCatch(t *testing.T, group string, open func() holdall.Catalog) {
	t.Helper()
	var cases []trial
	for _, tc := range catalogCases() {
		cases = append(cases, trial{tc.name, tc.why, func(t tb, name string) { catalogCase{name, tc.why, tc.run}.on(t, open()) }})
	}
	noticed(t, group, cases)
}

func mustCatchBlobs(t *testing.T, group string, open func() holdall.Blobs) {
	t.Helper()
	var cases []trial
	for _, tc := range blobCases() {
		cases = append(cases, trial{tc.name, tc.why, func(t tb, name string) { blobCase{name, tc.why, tc.run}.on(t, open()) }})
	}
	noticed(t, group, cases)
}

func mustCatchStore(t *testing.T, group string, open func() holdall.Backends) {
	t.Helper()
	var cases []trial
	for _, tc := range storeCases() {
		cases = append(cases, trial{tc.name, tc.why, func(t tb, name string) { storeCase{name, tc.why, tc.run}.on(t, open()) }})
	}
	noticed(t, group, cases)
}

func explained(t *testing.T, r *recorder, name, why string) {
	t.Helper()
	last := r.lines[len(r.lines)-1]
	if !strings.Contains(last, name) || !strings.Contains(last, why) || !strings.Contains(last, seedVariable) {
		t.Errorf("the failure is not explained: %q", last)
	}
	t.Logf("%s: %s", name, shorten(r.lines[0]))
}
