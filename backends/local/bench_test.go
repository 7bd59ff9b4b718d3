package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
)

func bucketOf(b *testing.B, backend *Backend) *holdall.Bucket {
	b.Helper()
	s, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend})
	if err != nil {
		b.Fatal(err)
	}
	return s.As(holdall.Principal{Tenant: "t", User: "u", Permissions: []string{"*"}}).Bucket(holdall.DefaultBucket)
}

func upload(b *testing.B, bucket *holdall.Bucket, name string, data []byte) {
	b.Helper()
	_, err := bucket.Object(name).Put(context.Background(), bytes.NewReader(data), &holdall.PutOptions{Size: int64(len(data))})
	if err != nil {
		b.Error(err)
	}
}

// rawPut is the least that a durable upload can do: hash, write, sync, rename.
func rawPut(b *testing.B, dir, name string, data []byte) {
	b.Helper()
	tmp := filepath.Join(dir, "tmp."+name)
	f, err := os.Create(tmp)
	if err != nil {
		b.Fatal(err)
	}
	sum := sha256.Sum256(data)
	_ = sum
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = os.Rename(tmp, filepath.Join(dir, name))
	}
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPut compares uploads through the Store with rawPut. The two take
// turns; "raw/ours" is the ratio of the medians, "ours-us" our median.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{4 << 10, 1 << 20, 64 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
			backend, err := Open(b.TempDir(), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer backend.Close()
			bucket := bucketOf(b, backend)
			dir := b.TempDir()
			var raw, ours []time.Duration
			for i := 0; b.Loop(); i++ {
				name := fmt.Sprint(i)
				runs := []func(){
					func() {
						start := time.Now()
						rawPut(b, dir, name, data)
						raw = append(raw, time.Since(start))
					},
					func() {
						start := time.Now()
						upload(b, bucket, name, data)
						ours = append(ours, time.Since(start))
					},
				}
				runs[i%2]()
				runs[1-i%2]()
				if size > 1<<20 { // or the disk runs full
					_ = os.Remove(filepath.Join(dir, name))
					list, _ := backend.ListBlobs(context.Background(), "", 1)
					_ = backend.DeleteBlob(context.Background(), list[0].Key)
				}
			}
			b.ReportMetric(float64(median(raw))/float64(median(ours)), "raw/ours")
			b.ReportMetric(float64(median(ours).Microseconds()), "ours-us")
		})
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// BenchmarkSmallPuts compares 16 writers of 4 KiB with one; "gain" is the
// ratio of their rates.
func BenchmarkSmallPuts(b *testing.B) {
	backend, err := Open(b.TempDir(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer backend.Close()
	bucket := bucketOf(b, backend)
	data := bytes.Repeat([]byte("x"), 4<<10)
	n := 0
	rate := func(writers, each int) float64 {
		start := time.Now()
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					upload(b, bucket, fmt.Sprintf("%d/%d/%d", n, w, i), data)
				}
			})
		}
		wg.Wait()
		n++
		return float64(writers*each) / time.Since(start).Seconds()
	}
	var one, many []float64
	for b.Loop() {
		one = append(one, rate(1, 200))
		many = append(many, rate(16, 100))
	}
	slices.Sort(one)
	slices.Sort(many)
	b.ReportMetric(one[len(one)/2], "one/s")
	b.ReportMetric(many[len(many)/2], "sixteen/s")
	b.ReportMetric(many[len(many)/2]/one[len(one)/2], "gain")
}
