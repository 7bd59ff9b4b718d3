package local

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

// BenchmarkPage compares pages of 50 from a bucket of 1,000,000 objects, at
// its beginning, middle and end, with those of a bucket of 1,000, on both
// embedded backends. "ratio" is that of the medians.
func BenchmarkPage(b *testing.B) {
	for _, name := range []string{"memory", "local"} {
		var c interface {
			holdall.Catalog
			holdall.BatchPutter
		} = memory.New()
		if name == "local" {
			backend, err := Open(b.TempDir(), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer backend.Close()
			c = backend
		}
		fillBucket(b, c, "few", 1000)
		fillBucket(b, c, "many", 1000000)
		for _, at := range []int{0, 500, 940} {
			b.Run(fmt.Sprintf("%s/%d", name, at), func(b *testing.B) {
				var few, many []time.Duration
				for b.Loop() {
					few = append(few, page(b, c, "few", at))
					many = append(many, page(b, c, "many", at*1000))
				}
				b.ReportMetric(float64(median(many))/float64(median(few)), "ratio")
				b.ReportMetric(float64(median(many))/1e3, "page-us")
			})
		}
	}
}

func page(b *testing.B, c holdall.Catalog, bucket string, at int) time.Duration {
	b.Helper()
	start := time.Now()
	p, err := c.Query(context.Background(), holdall.Query{
		Tenant: "t", Kind: holdall.KindObject, State: holdall.StateLive, Containers: []string{bucket},
		Scopes:  []holdall.Scope{{Tier: holdall.Shared}, {Tier: holdall.User, Owner: "u"}, {Tier: holdall.Private, Owner: "a"}},
		AliveAt: start, After: &holdall.Position{Name: fmt.Sprintf("dir/%07d", at)}, Limit: 50,
	})
	if err != nil || len(p.Entries) != 50 {
		b.Fatal(len(p.Entries), err)
	}
	return time.Since(start)
}

func fillBucket(b *testing.B, c holdall.BatchPutter, bucket string, n int) {
	b.Helper()
	now, batch := time.Now(), min(n, 20000)
	put := func(ops []holdall.PutOp) {
		results, err := c.PutBatch(context.Background(), ops)
		if err != nil || results[0].Err != nil {
			b.Fatal(err, results)
		}
	}
	put([]holdall.PutOp{{Entry: holdall.Entry{ID: "bkt_" + bucket, Kind: holdall.KindBucket, Tenant: "t", Tier: holdall.Shared, Name: bucket, State: holdall.StateLive}}})
	for i := 0; i < n; i += batch {
		ops := make([]holdall.PutOp, batch)
		for j := range ops {
			k := (i + j) * 7919 % n // spread, as uploads come
			ops[j].Entry = holdall.Entry{
				ID: fmt.Sprintf("obj_%s%022d", bucket, i+j), Kind: holdall.KindObject, Tenant: "t", Container: bucket, Tier: holdall.Shared,
				Name: fmt.Sprintf("dir/%07d", k), State: holdall.StateLive, CreatedAt: now, UpdatedAt: now, CreatedBy: "user", UpdatedBy: "user",
				Value:   []byte(`{"label":"value"}`),
				Content: &holdall.Content{Key: fmt.Sprintf("aa/%s%026d.%026d", bucket, i, j), Size: 4096, Checksum: fmt.Sprintf("%064d", k), Type: "text/plain"},
			}
		}
		put(ops)
	}
}
