package memory

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
)

var sink []byte

// BenchmarkPut compares an upload of 1 MiB through the Store with hashing and
// copying the bytes, which is the least that it can cost. The two take turns;
// "raw/ours" is the ratio of the medians, "ours-ns" ours.
func BenchmarkPut(b *testing.B) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	backend := New()
	s, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend})
	if err != nil {
		b.Fatal(err)
	}
	bucket := s.As(holdall.Principal{Tenant: "t", User: "u", Permissions: []string{"*"}}).Bucket(holdall.DefaultBucket)
	var raw, ours []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		sha256.Sum256(data)
		sink = bytes.Clone(data)
		raw = append(raw, time.Since(start))
		start = time.Now()
		o, err := bucket.Object(fmt.Sprint(i)).Put(bg, bytes.NewReader(data), &holdall.PutOptions{Size: int64(len(data))})
		if err != nil {
			b.Fatal(err)
		}
		ours = append(ours, time.Since(start))
		_ = backend.DeleteBlob(bg, o.BlobKey) // or memory runs out
	}
	b.ReportMetric(float64(median(raw))/float64(median(ours)), "raw/ours")
	b.ReportMetric(float64(median(ours)), "ours-ns")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
