// Package leak finds what tests leave behind: goroutines and open files.
package leak

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"
)

// Run runs the tests of a package, then what stops the servers that they
// shared, and returns the exit code: that of the tests, or 1 when goroutines or
// open files of theirs are left after five minutes. What they opened is to be
// closed, whatever fault they met. Files are counted where the system lists
// them (Linux).
//
//	func TestMain(m *testing.M) { os.Exit(leak.Run(m, pgtest.Stop)) }
func Run(m interface{ Run() int }, stop ...func()) int {
	before, err := use()
	code := m.Run()
	for _, s := range stop {
		s()
	}
	http.DefaultClient.CloseIdleConnections()
	if err == nil && code == 0 && !fuzzing() {
		err = before.restored(5 * time.Minute) // idle connections last up to 90 s
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// fuzzing says whether the process is one of go test -fuzz, which leaves
// goroutines of its own.
func fuzzing() bool {
	f := flag.Lookup("test.fuzz")
	return f != nil && f.Value.String() != ""
}

// used is how much of a process is in use.
type used struct{ goroutines, files int }

func use() (used, error) {
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil { // for the first, the runtime opens files of its own
		_ = l.Close()
	}
	list, err := os.ReadDir("/proc/self/fd")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return used{runtime.NumGoroutine(), len(list)}, err
}

// restored waits until no more is in use than before, and fails when that does
// not happen in time.
func (u used) restored(within time.Duration) error {
	deadline := time.Now().Add(within)
	for {
		now, err := use()
		if err != nil {
			return err
		}
		if now.goroutines <= u.goroutines && now.files <= u.files {
			return nil
		}
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			return fmt.Errorf("the tests left %d goroutines and %d open files; there were %d and %d before:\n%s",
				now.goroutines, now.files, u.goroutines, u.files, stacks)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
