package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/local"
	"github.com/holdall-go/holdall/internal/check"
)

// killer is the rounds of one store.
type killer struct {
	config
	binary string
	store  string
	tree   []file
	random *rand.Rand
	ledger check.Ledger
	ids    map[string]string // of what was stored, by path
}

// killRounds kills the server in the middle of work, again and again.
func killRounds(ctx context.Context, c config, binary string, tree []file) error {
	k := &killer{config: c, binary: binary, store: filepath.Join(c.work, "killed"), tree: tree,
		random: rand.New(rand.NewPCG(c.seed, 1)), ids: map[string]string{}}
	for i := range c.kills {
		if err := k.round(ctx, i+1); err != nil {
			return fmt.Errorf("round %d, seed %d: %w", i+1, c.seed, err)
		}
	}
	return nil
}

func (k *killer) round(ctx context.Context, n int) error {
	s, err := start(ctx, k.binary, k.store, k.grace)
	if err != nil {
		return err
	}
	steps := k.plan(n)
	after := 1 + k.random.IntN(min(500, len(steps)*2/3)) // acknowledgements, with work left to do
	acked, err := k.work(ctx, s, steps, after)
	if err != nil {
		return errors.Join(err, s.kill())
	}
	if s, err = start(ctx, k.binary, k.store, k.grace); err != nil {
		return err
	}
	r, err := check.Files(ctx, newClient(s, k.workers), &k.ledger)
	if err = errors.Join(err, s.stop()); err != nil {
		return err
	}
	fmt.Printf("round %2d: killed after %3d acknowledgements; %5d files visible, %5d of them had to be, %.1f MB compared\n",
		n, acked, r.Visible, r.Acknowledged, float64(r.Bytes)/1e6)
	return k.inspect(ctx)
}

// step is one request of a round.
type step struct {
	path    string
	body    func() (io.ReadCloser, error)
	content check.Content
	replace bool
	delete  string // id
}

// plan makes the requests of a round: new files of the tree in random order,
// every eighth a replacement or deletion of what an earlier round stored, and
// some large ones, which are caught in the middle more often.
func (k *killer) plan(n int) []step {
	var steps []step
	old := make([]string, 0, len(k.ids))
	for path := range k.ledger.Acknowledged() {
		if k.ids[path] != "" {
			old = append(old, path)
		}
	}
	for i, j := range k.random.Perm(len(k.tree))[:min(len(k.tree), 1500)] {
		f := k.tree[j]
		st := step{path: fmt.Sprintf("round-%d/%s", n, f.path), content: f.content, body: open(f.name)}
		switch {
		case i%8 == 0 && len(old) > 0:
			st.path, old = old[0], old[1:]
			st.replace = true
			if i%3 == 0 {
				st.delete = k.ids[st.path]
			}
		case i%20 == 1:
			data := k.noise(1 << (20 + k.random.IntN(4)))
			st.path, st.content = fmt.Sprintf("round-%d/large-%d", n, i), check.Of(data)
			st.body = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
		}
		steps = append(steps, st)
	}
	return steps
}

func open(name string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return os.Open(name) }
}

func (k *killer) noise(n int) []byte {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(k.random.Uint32())
	}
	data := make([]byte, n)
	_, _ = rand.NewChaCha8(seed).Read(data) // never fails
	return data
}

// work sends the steps and kills the server once so many were acknowledged.
// What fails after that was to be expected; what the server refuses was not.
func (k *killer) work(ctx context.Context, s *server, steps []step, after int) (int, error) {
	cl := newClient(s, k.workers)
	jobs := make(chan step)
	var acked atomic.Int64
	var killed atomic.Bool
	enough := make(chan struct{})
	var once sync.Once
	var mu sync.Mutex
	var wrong []error
	var wg sync.WaitGroup
	for range k.workers {
		wg.Go(func() {
			for st := range jobs {
				id, err := k.send(ctx, cl, st)
				switch {
				case err == nil:
					mu.Lock()
					k.ids[st.path] = id
					mu.Unlock()
					if acked.Add(1) >= int64(after) {
						once.Do(func() { close(enough) })
					}
				case !killed.Load() || errors.Is(err, errRefused):
					mu.Lock()
					wrong = append(wrong, err)
					mu.Unlock()
				}
			}
		})
	}
	killing := make(chan error, 1)
	go func() {
		<-enough
		killed.Store(true) // before the kill: an error from now on may be its work
		killing <- s.kill()
	}()
	for _, st := range steps {
		if killed.Load() {
			break
		}
		jobs <- st
	}
	close(jobs)
	wg.Wait()
	once.Do(func() { close(enough) }) // too few steps: killed at rest
	return int(acked.Load()), errors.Join(append(wrong, <-killing)...)
}

// send sends one step and enters it in the ledger before and after. It
// returns the id of what is at the path then, "" for nothing.
func (k *killer) send(ctx context.Context, cl *client, st step) (string, error) {
	if st.delete != "" {
		k.ledger.Delete(st.path)
		if err := cl.delete(ctx, st.delete); err != nil {
			return "", err
		}
		k.ledger.Deleted(st.path)
		return "", nil
	}
	body, err := st.body()
	if err != nil {
		return "", err
	}
	defer body.Close()
	k.ledger.Send(st.path, st.content)
	o, err := cl.put(ctx, st.path, body, st.content.Size, st.replace)
	if err != nil {
		return "", err
	}
	k.ledger.Stored(st.path, st.content)
	if o.content() != st.content {
		return "", fmt.Errorf("%s: the server acknowledged %v for %v", st.path, o.content(), st.content)
	}
	return o.ID, nil
}

// inspect sweeps the store at rest, past the grace period, and looks below
// the rules: no row without its bytes, no bytes without a row.
func (k *killer) inspect(ctx context.Context) error {
	time.Sleep(k.grace + 10*time.Millisecond) // it is real time that has to pass
	for _, args := range [][]string{{"sweep"}, {"verify", "--read"}} {
		args = append(args, "--catalog", "local:"+k.store, "--grace", k.grace.String())
		out, err := exec.CommandContext(ctx, k.binary, args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("holdall %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	db, err := local.Open(k.store, nil)
	if err != nil {
		return err
	}
	s, err := holdall.New(holdall.Config{Catalog: db, Blobs: db, Grace: k.grace})
	if err == nil {
		err = errors.Join(check.Store(ctx, s, db, db, true), k.strayFiles(ctx, db))
	}
	return errors.Join(err, db.Close())
}

// strayFiles looks for files in the store's folder that are no blob: what an
// upload that was killed has left.
func (k *killer) strayFiles(ctx context.Context, db *local.Backend) error {
	keys := map[string]bool{}
	after := ""
	for {
		list, err := db.ListBlobs(ctx, after, 1000)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		for _, b := range list {
			keys[b.Key] = true
		}
		after = list[len(list)-1].Key
	}
	return fs.WalkDir(os.DirFS(k.store), ".", func(name string, d fs.DirEntry, err error) error {
		folder, key, inside := strings.Cut(name, "/")
		if err != nil || d.IsDir() || !inside {
			return err // the files of the folder itself are the database's
		}
		if folder != "blobs" || !keys[key] {
			return fmt.Errorf("%s belongs to nothing", name)
		}
		return nil
	})
}
