package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/holdall-go/holdall"
)

// BenchmarkPage reads pages of 50 from a bucket of a million objects and from
// one of a thousand.
func BenchmarkPage(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchmarkPage(b, newMemory(b)) })
	b.Run("local", func(b *testing.B) { benchmarkPage(b, newLocal(b)) })
}

func benchmarkPage(b *testing.B, db backend) {
	s, _ := newStore(b, db)
	const few, many = 1_000, 1_000_000
	small := fill(b, s, db, "few", few)
	began := time.Now()
	large := fill(b, s, db, "many", many)
	b.Logf("%d objects put in %.1f s", many, time.Since(began).Seconds())
	for _, depth := range []struct {
		name string
		part int // in tenths
	}{{"first", 0}, {"deep", 9}} {
		b.Run(depth.name, func(b *testing.B) {
			fromMany := pager(b, large, many/10*depth.part)
			fromFew := pager(b, small, few/10*depth.part)
			var r ratios
			for b.Loop() {
				r.pair(fromMany, fromFew)
			}
			r.report(b, "slowdown")
		})
	}
}

// fill makes a bucket with n objects, by the backend: what is measured is the
// reading.
func fill(b *testing.B, s *holdall.Store, db backend, name string, n int) *holdall.Bucket {
	ctx := context.Background()
	bucket := s.As(caller).Bucket(name)
	_, err := bucket.Create(ctx, nil)
	noError(b, err)
	batch, ok := holdall.As[holdall.BatchPutter](db)
	if !ok {
		b.Fatal("the backend puts no batches")
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	var ops []holdall.PutOp
	for i := range n {
		id := ulid.Make().String()
		ops = append(ops, holdall.PutOp{Condition: holdall.IfAbsent, Entry: holdall.Entry{
			ID: "obj_" + id, Kind: holdall.KindObject, Tenant: caller.Tenant, Container: name, Tier: holdall.Shared,
			Name: fmt.Sprintf("folder-%03d/file-%07d.txt", i%1000, i), State: holdall.StateLive,
			CreatedAt: now, UpdatedAt: now, CreatedBy: caller.User, UpdatedBy: caller.User, Value: []byte("{}"),
			Content: &holdall.Content{Key: "00/" + id + "." + id, Size: 1, Checksum: strings.Repeat("0", 64), Type: "text/plain",
				Source: "edm", SourceType: "api", Edition: 1},
		}})
		if len(ops) == 10_000 || i == n-1 {
			results, err := batch.PutBatch(ctx, ops)
			noError(b, err)
			for _, r := range results {
				noError(b, r.Err)
			}
			ops = ops[:0]
		}
	}
	return bucket
}

// pager returns what reads the page behind the first skip objects, some times
// over: one page takes too little time for a clock.
func pager(b *testing.B, bucket *holdall.Bucket, skip int) func() time.Duration {
	const times = 20
	ctx := context.Background()
	opts := holdall.ListOptions{Limit: 50, NoTotal: true}
	if skip > 0 {
		before, err := bucket.ListPage(ctx, &holdall.ListOptions{Offset: skip - 1, Limit: 1, NoTotal: true})
		noError(b, err)
		opts.Cursor = before.NextCursor
	}
	return func() time.Duration {
		return timed(func() {
			for range times {
				page, err := bucket.ListPage(ctx, &opts)
				noError(b, err)
				if len(page.Items) != 50 {
					b.Fatalf("a page of %d", len(page.Items))
				}
			}
		})
	}
}
