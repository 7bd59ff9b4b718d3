package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
)

// A power cut can leave a folder in more than one state: what was not synced
// is there, or is not, or is in part. The test takes the folder at each step
// of the protocol, makes each state that the disk may show of it, opens that,
// and holds it to what the package comment promises.

type powerCuts struct {
	t     *testing.T
	b     *Backend
	dir   string
	named map[string]bool // files whose name in tmp is durable
	whole map[string]bool // files whose bytes are durable
	moved map[string]bool // files that were moved with no sync since
	acked map[string]bool // ids of uploads that were acknowledged
	gone  map[string]bool // ids whose bytes are being deleted
	loose map[string]bool // keys that have no entry
	early bool            // commits run at the same time as syncs
	cuts  int
	steps chan func() // for the test's own goroutine, which alone may fail it
}

// while runs fn, and what is to be checked at its steps.
func (p *powerCuts) while(fn func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- fn() }()
	for {
		select {
		case check := <-p.steps:
			check()
		case err := <-ended:
			return err
		}
	}
}

func (p *powerCuts) step(step, key string) {
	checked := make(chan struct{})
	p.steps <- func() {
		p.check(step, key)
		close(checked)
	}
	<-checked
}

func (p *powerCuts) check(step, key string) {
	if step == "written" && p.early { // the worst: the commit is done and the sync has not begun
		p.awaitRow(key)
	}
	switch step {
	case "created":
		p.named[key], p.whole[key] = false, false
	case "folder synced":
		for k := range p.named {
			p.named[k] = true
		}
	case "synced":
		p.whole[key] = true
	case "moved":
		p.moved[key] = true
	}
	p.cut(step, nil)
	for k, whole := range p.whole {
		if _, err := os.Stat(filepath.Join(p.dir, tmpPath(k))); err != nil {
			continue
		}
		if !p.named[k] {
			p.cut(step+", name lost", func(dir string) error { return os.Remove(filepath.Join(dir, tmpPath(k))) })
		}
		if !whole {
			p.cut(step+", bytes lost", func(dir string) error { return os.Truncate(filepath.Join(dir, tmpPath(k)), 0) })
			p.cut(step+", bytes wrong", func(dir string) error {
				path := filepath.Join(dir, tmpPath(k))
				info, err := os.Stat(path)
				require.NoError(p.t, err)
				return os.WriteFile(path, make([]byte, info.Size()), 0o600)
			})
		}
	}
	for k := range p.moved {
		p.cut(step+", move lost", func(dir string) error {
			err := os.Rename(filepath.Join(dir, blobPath(k)), filepath.Join(dir, tmpPath(k)))
			if errors.Is(err, os.ErrNotExist) {
				return nil // deleted since
			}
			return err
		})
	}
}

func (p *powerCuts) awaitRow(key string) {
	for there := false; !there; runtime.Gosched() {
		require.NoError(p.t, p.b.engine.View(func(tx kv.Tx) error {
			there = tx.Get(rowKey(fileKey, key)) != nil
			return nil
		}))
	}
}

// cut opens a copy of the folder as it is now, changed by damage, and checks it.
func (p *powerCuts) cut(name string, damage func(dir string) error) {
	t := p.t
	p.cuts++
	dir := filepath.Join(t.TempDir(), fmt.Sprint(p.cuts))
	copyFolder(t, p.dir, dir)
	if damage != nil {
		require.NoError(t, damage(dir), name)
	}
	for range 2 { // the second time after nothing happened
		b, err := Open(dir, nil)
		require.NoError(t, err, name)
		for id := range p.acked {
			_, err := b.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_" + id})
			require.NoError(t, err, "%s: acknowledged upload %s", name, id)
		}
		checkWhole(t, b, dir, p.loose, func(id string) string {
			if p.gone[id] {
				return ""
			}
			return large + id
		})
		require.NoError(t, b.Close())
	}
	require.NoError(t, os.RemoveAll(dir))
}

// copyFolder copies the files, and only the folders that have any: to make
// all 256 each time is most of the work.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	for _, dir := range []string{tmpDir, blobDir + "/ff"} {
		require.NoError(t, os.MkdirAll(filepath.Join(to, dir), 0o700))
	}
	for _, name := range filesIn(t, from) {
		data, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(to, name), data, 0o600))
	}
}

func TestPowerCuts(t *testing.T) {
	takesMinutes(t)
	dir := t.TempDir()
	b, err := Open(dir, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		if !t.Failed() { // else something may wait for its step to be checked
			require.NoError(t, b.Close())
		}
	})
	p := &powerCuts{t: t, b: b, steps: make(chan func()), early: true, dir: dir, named: map[string]bool{}, whole: map[string]bool{}, moved: map[string]bool{},
		acked: map[string]bool{}, gone: map[string]bool{}, loose: map[string]bool{"ee/loose": true, "ee/copy": true}}
	b.files.step = p.step
	put := func(ctx context.Context, a holdall.AtomicPutter, id string, replaced ...string) error {
		key := "aa/" + id
		e := record("rec_"+id, id)
		e.Content = &holdall.Content{Key: key}
		cond := holdall.IfAbsent
		for _, old := range replaced {
			e.ID, cond = "rec_"+old, holdall.IfVersion(1)
			e.Content.Garbage = []holdall.Garbage{{Key: "aa/" + old}}
		}
		_, err := a.PutWithBlob(ctx, key, strings.NewReader(large+id), -1, func() (holdall.Entry, holdall.Condition, error) { return e, cond, nil })
		return err
	}
	done := func(id string, err error) {
		require.NoError(t, err)
		p.acked[id] = true
		p.check("acknowledged", "")
	}
	tx := func(result error, names ...string) error {
		return p.while(func() error {
			return b.InTx(bg, func(ctx context.Context, c holdall.Catalog) error {
				for _, id := range names {
					if err := put(ctx, c.(holdall.AtomicPutter), id); err != nil {
						return err
					}
				}
				return result
			})
		})
	}
	done("one", p.while(func() error { return put(bg, b, "one") }))
	done("two", p.while(func() error { return put(bg, b, "two") }))
	require.ErrorIs(t, p.while(func() error { return put(bg, b, "one") }), holdall.ErrExists)
	done("two", p.while(func() error { return put(bg, b, "new", "two") }))
	p.early = false // within a transaction the sync comes first
	require.NoError(t, tx(nil, "three", "four"))
	done("three", nil)
	done("four", nil)
	require.Equal(t, os.ErrInvalid, tx(os.ErrInvalid, "never"))
	p.early = true
	require.NoError(t, p.while(func() error {
		_, err := b.PutBlob(bg, "ee/loose", strings.NewReader(large), -1)
		return err
	}))
	p.early = false
	require.NoError(t, p.while(func() error { return b.CopyBlob(bg, "ee/copy", "aa/one") }))
	p.early = true
	done("last", p.while(func() error { return put(bg, b, "last") }))

	p.gone["last"] = true
	require.NoError(t, p.while(func() error { return b.DeleteBlob(bg, "aa/last") }))
	p.check("deleted", "")
	require.NoError(t, p.while(func() error { return b.Remove(bg, "t", "rec_last", 1) }))
	delete(p.acked, "last")
	p.check("removed the entry", "")
	require.Greater(t, p.cuts, 100)
	t.Logf("%d power cuts", p.cuts)
}
