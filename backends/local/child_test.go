package local

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/leak"
)

// The tests start this test binary again as a child that works on a folder
// and can be killed.
const childVariable = "HOLDALL_LOCAL_CHILD"

func TestMain(m *testing.M) {
	job, dir, child := strings.Cut(os.Getenv(childVariable), " ")
	if child {
		go func() { // no child outlives its parent
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(1)
		}()
	}
	switch job {
	case "hold":
		childOpen(dir)
		fmt.Println("open")
		select {}
	case "put":
		childPuts(dir)
	default:
		os.Exit(leak.Run(m))
	}
}

func childOpen(dir string) *Backend {
	b, err := Open(dir, nil)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return b
}

func startChild(t *testing.T, job, dir string) (*exec.Cmd, <-chan string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+job+" "+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = in.Close() })
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { kill(cmd) })
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return cmd, lines
}

func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// childPuts uploads, replaces and deletes until it is killed, eight at a
// time, and says so on standard output after each call has returned.
func childPuts(dir string) {
	b := childOpen(dir)
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	run := strconv.FormatUint(rand.Uint64(), 36)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s-%d-%d", run, w, i)
				key := fmt.Sprintf("%02x/%s", rand.IntN(256), id)
				data := childData(id)
				e := record("rec_"+id, id)
				e.Content = &holdall.Content{Key: key, Size: int64(len(data))}
				if _, err := b.PutWithBlob(bg, key, strings.NewReader(data), -1, sealer(e)); err != nil {
					say("error %v", err)
					os.Exit(1)
				}
				say("put %s %s", id, key)
				if i%5 == 4 {
					say("deleting %s %s", id, key)
					if b.DeleteBlob(bg, key) == nil && b.Remove(bg, "t", "rec_"+id, 1) == nil {
						say("deleted %s %s", id, key)
					}
				}
			}
		})
	}
	wg.Wait()
}

// childData is what belongs to an id: of a size from nothing to 600 KB.
func childData(id string) string {
	sum := sha256.Sum256([]byte(id))
	size := []int{0, 100, 4096, maxSmall, maxSmall + 1, 300000, 600000}[int(sum[0])%7]
	return strings.Repeat(hex.EncodeToString(sum[:]), size/64+1)[:size]
}

// TestKillNine kills a child in the middle of its work, again and again, and
// looks at what it leaves.
func TestKillNine(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 3
	}
	dir := t.TempDir()
	state := map[string]string{} // id → last line about it
	keys := map[string]string{}
	for round := range rounds {
		cmd, lines := startChild(t, "put", dir)
		for n := 0; n < 20+rand.IntN(150); n++ {
			line, ok := <-lines
			require.True(t, ok, "the child ended by itself")
			note(t, state, keys, line)
		}
		require.NoError(t, cmd.Process.Kill())
		for line := range lines { // what it had said before it died
			note(t, state, keys, line)
		}
		_ = cmd.Wait()
		checkFolder(t, dir, state, keys)
		t.Logf("round %d: %d uploads acknowledged", round, len(state))
	}
}

func note(t *testing.T, state, keys map[string]string, line string) {
	t.Helper()
	f := strings.Fields(line)
	require.Len(t, f, 3, line)
	require.NotEqual(t, "error", f[0], line)
	state[f[1]], keys[f[1]] = f[0], f[2]
}

// checkFolder opens the folder: all that was acknowledged is whole, what was
// not is whole or absent, and nothing else takes space.
func checkFolder(t *testing.T, dir string, state, keys map[string]string) {
	t.Helper()
	b, err := Open(dir, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Close()) }()
	for id, s := range state {
		e, err := b.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_" + id})
		switch s {
		case "put":
			require.NoError(t, err)
			require.True(t, childData(id) == read(t, b, keys[id]), "bytes of %s", id)
		case "deleted":
			require.ErrorIs(t, err, holdall.ErrNotFound, "%+v", e)
			_, err := b.OpenBlob(bg, keys[id], 0, -1)
			require.ErrorIs(t, err, holdall.ErrNotFound)
		}
	}
	checkWhole(t, b, dir, nil, func(id string) string {
		if state[id] == "deleting" {
			return "" // its bytes go first
		}
		return childData(id)
	})
}

// checkWhole looks at everything that is there. loose are keys that need no
// entry; want says what an entry's bytes are, "" when they may be missing.
func checkWhole(t *testing.T, b *Backend, dir string, loose map[string]bool, want func(name string) string) {
	t.Helper()
	held := maps.Clone(loose)
	if held == nil {
		held = map[string]bool{}
	}
	for after := ""; ; {
		page, err := b.Scan(bg, holdall.Scan{After: after, Limit: 100})
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			after = e.ID
			held[e.Content.Key] = true
			for _, g := range e.Content.Garbage {
				held[g.Key] = true
			}
			if data := want(e.Name); data != "" {
				require.True(t, data == read(t, b, e.Content.Key), "bytes of %s", e.Name)
			}
		}
	}
	var files []string
	list, err := b.ListBlobs(bg, "", 1<<20)
	require.NoError(t, err)
	for _, i := range list {
		require.True(t, held[i.Key], "nobody holds %s", i.Key)
		if i.Size > maxSmall {
			files = append(files, i.Key)
		}
	}
	require.Empty(t, filesIn(t, filepath.Join(dir, tmpDir)))
	require.Subset(t, files, filesIn(t, filepath.Join(dir, blobDir)), "no file without a row")
}
