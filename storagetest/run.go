package storagetest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
)

// tb is the part of *testing.T that cases report to. It is an interface so
// that the suite's own tests can watch cases fail.
type tb interface {
	Helper()
	Logf(format string, args ...any)
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Failed() bool
	Context() context.Context
}

// seedVariable names the environment variable that replays a run.
const seedVariable = "HOLDALL_SEED"

var seed = sync.OnceValue(func() uint64 {
	if s := os.Getenv(seedVariable); s != "" {
		if n, err := strconv.ParseUint(s, 10, 64); err == nil {
			return n
		}
	}
	return rand.Uint64()
})

// source is a random source of the case's own, so that a case that runs alone
// sees what it saw in the whole run. It is safe for concurrent use.
type source struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newSource(name string) *source {
	h := fnv.New64a()
	h.Write([]byte(name))
	return &source{r: rand.New(rand.NewPCG(seed(), h.Sum64()))}
}

// intn returns a number in [0, n).
func (s *source) intn(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.IntN(n)
}

// chance is true once in n times.
func (s *source) chance(n int) bool { return s.intn(n) == 0 }

// bytes returns n random bytes.
func (s *source) bytes(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := make([]byte, n+8)
	for i := 0; i < n; i += 8 {
		v := s.r.Uint64()
		for j := range 8 {
			b[i+j] = byte(v >> (8 * j))
		}
	}
	return b[:n]
}

func pick[T any](s *source, of []T) T { return of[s.intn(len(of))] }

// explain prints the rule behind a failed case, and how to see it again.
func explain(t tb, name, why string) {
	if t.Failed() {
		t.Logf("%s: %s (%s=%d)", name, why, seedVariable, seed())
	}
}

// unique returns 26 characters in the shape of a ULID. They come from the
// global source, not from the seed: two runs against one server must not meet.
func unique() string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	b := []byte("01")
	for len(b) < 26 {
		b = append(b, digits[rand.IntN(len(digits))])
	}
	return string(b)
}

// epoch is where the clock of every case begins. It lies far ahead, so that
// nothing a case stores has expired for a server that removes by its own clock.
var epoch = time.Date(2091, 3, 4, 5, 6, 7, 8000, time.UTC)

// class is the sentinel that an error matches, the narrowest first.
func class(err error) string {
	if err == nil {
		return "no error"
	}
	for _, s := range []error{
		holdall.ErrNoBucket, holdall.ErrNotFound, holdall.ErrExists, holdall.ErrConflict, holdall.ErrPrecondition, holdall.ErrForbidden,
		holdall.ErrUnauthenticated, holdall.ErrTooLarge, holdall.ErrTypeNotAllowed, holdall.ErrNotEmpty, holdall.ErrUnavailable, holdall.ErrInvalid,
		context.Canceled, context.DeadlineExceeded, errors.ErrUnsupported,
	} {
		if errors.Is(err, s) {
			return s.Error()
		}
	}
	return fmt.Sprintf("unknown error %q", err)
}

// gaveUp reports whether err is one that a cancelled or lost call may end with.
func gaveUp(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, holdall.ErrUnavailable)
}

// together runs fn n times at once: all wait at a barrier first.
func together(n int, fn func(i int)) {
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			fn(i)
		})
	}
	close(start)
	wg.Wait()
}

// scale is n, or small under -short.
func scale(n, small int) int {
	if testing.Short() {
		return small
	}
	return n
}

func shorten(s string) string {
	if len(s) > 160 {
		return fmt.Sprintf("%s… (%d bytes)", s[:160], len(s))
	}
	return s
}
