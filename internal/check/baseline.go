package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"
)

// Baseline is how much of a process was in use before the faults.
type Baseline struct{ goroutines, files int }

// TakeBaseline counts goroutines and, where the system lists them (Linux),
// open files.
func TakeBaseline() (Baseline, error) {
	files, err := openFiles()
	return Baseline{runtime.NumGoroutine(), files}, err
}

func openFiles() (int, error) {
	list, err := os.ReadDir("/proc/self/fd")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return len(list), err
}

// Return waits until no more is in use than at the baseline, and fails when
// that does not happen within the given time.
func (b Baseline) Return(within time.Duration) error {
	deadline := time.Now().Add(within)
	for {
		now, err := TakeBaseline()
		if err != nil {
			return err
		}
		if now.goroutines <= b.goroutines && now.files <= b.files {
			return nil
		}
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			return fmt.Errorf("%d goroutines and %d open files, after %d and %d before:\n%s",
				now.goroutines, now.files, b.goroutines, b.files, stacks)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
