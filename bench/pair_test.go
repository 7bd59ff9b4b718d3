package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/local"
	"github.com/holdall-go/holdall/backends/memory"
)

// backend is one that keeps everything.
type backend interface {
	holdall.Catalog
	holdall.Blobs
}

func newMemory(testing.TB) backend { return memory.New() }

func newLocal(tb testing.TB) backend {
	db, err := local.Open(tb.TempDir(), nil)
	noError(tb, err)
	tb.Cleanup(func() { noError(tb, db.Close()) })
	return db
}

func newStore(tb testing.TB, db backend) (*holdall.Store, *holdall.Bucket) {
	s, err := holdall.New(holdall.Config{Catalog: db, Blobs: db})
	noError(tb, err)
	return s, s.As(caller).Bucket(holdall.DefaultBucket)
}

var caller = holdall.Principal{Tenant: "bench", User: "bench", Permissions: []string{"*"}}

func noError(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func noise(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.Read(data) // never fails
	return data
}

// timed measures one call.
func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// ratios collects what one way took, divided by what the other took, and
// reports the median. The two take turns in going first.
type ratios struct {
	turn   bool
	values []float64
}

// pair runs both and notes over/under.
func (r *ratios) pair(over, under func() time.Duration) {
	var a, b time.Duration
	if r.turn = !r.turn; r.turn {
		a, b = over(), under()
	} else {
		b, a = under(), over()
	}
	r.values = append(r.values, a.Seconds()/b.Seconds())
}

func (r *ratios) report(b *testing.B, unit string) {
	slices.Sort(r.values)
	b.ReportMetric(r.values[len(r.values)/2], unit)
	b.ReportMetric(0, "ns/op") // of a pair: says nothing
}

// putter uploads data to new paths.
type putter struct {
	tb     testing.TB
	bucket *holdall.Bucket
	data   []byte
	purge  bool // remove it again, off the clock
	n      int
}

func (p *putter) put() time.Duration {
	p.n++
	o := p.bucket.Object(fmt.Sprintf("f%d", p.n))
	took := timed(func() {
		_, err := o.Put(context.Background(), bytes.NewReader(p.data), &holdall.PutOptions{Size: int64(len(p.data))})
		noError(p.tb, err)
	})
	if p.purge {
		_, err := o.Delete(context.Background(), &holdall.DeleteOptions{Purge: true})
		noError(p.tb, err)
	}
	return took
}

// rawFile is the raw way to store a file: write and hash, fsync, rename. That
// leaves out what its name needs to survive a power cut, the fsync of the
// folder, unless folder is set.
type rawFile struct {
	tb     testing.TB
	dir    string
	data   []byte
	folder bool
	n      int
}

func (r *rawFile) put() time.Duration {
	r.n++
	to := filepath.Join(r.dir, fmt.Sprintf("f%d", r.n))
	return timed(func() {
		f, err := os.CreateTemp(r.dir, "tmp-*")
		noError(r.tb, err)
		hash := sha256.New()
		_, err = io.Copy(io.MultiWriter(f, hash), struct{ io.Reader }{bytes.NewReader(r.data)})
		noError(r.tb, err)
		_ = hash.Sum(nil)
		noError(r.tb, f.Sync())
		noError(r.tb, f.Close())
		noError(r.tb, os.Rename(f.Name(), to))
		if !r.folder {
			return
		}
		dir, err := os.Open(r.dir)
		noError(r.tb, err)
		noError(r.tb, dir.Sync())
		noError(r.tb, dir.Close())
	})
}
