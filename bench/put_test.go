package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
)

var sink []byte

func BenchmarkMemoryPut1MiB(b *testing.B) {
	data := noise(1 << 20)
	_, bucket := newStore(b, newMemory(b))
	ours := &putter{tb: b, bucket: bucket, data: data, purge: true}
	var r ratios
	for b.Loop() {
		r.pair(func() time.Duration {
			return timed(func() {
				sum := sha256.Sum256(data)
				sink = bytes.Clone(data)
				sink[0] ^= sum[0]
			})
		}, ours.put)
	}
	r.report(b, "ratio")
}

func BenchmarkLocalPut1MiB(b *testing.B)  { benchmarkLocalPut(b, 1<<20) }
func BenchmarkLocalPut64MiB(b *testing.B) { benchmarkLocalPut(b, 64<<20) }

func benchmarkLocalPut(b *testing.B, size int) {
	data := noise(size)
	_, bucket := newStore(b, newLocal(b))
	ours := &putter{tb: b, bucket: bucket, data: data}
	raw := &rawFile{tb: b, dir: b.TempDir(), data: data}
	durable := &rawFile{tb: b, dir: b.TempDir(), data: data, folder: true}
	ours.put() // makes the bucket
	var r, d ratios
	for b.Loop() {
		r.pair(raw.put, ours.put)
		d.pair(durable.put, ours.put)
	}
	r.report(b, "ratio")
	d.report(b, "durable-ratio")
}

func BenchmarkLocalPutSmall(b *testing.B) {
	const each = 100
	data := noise(4 << 10)
	_, bucket := newStore(b, newLocal(b))
	round := 0
	// perPut is the time that one of the puts of so many writers takes.
	perPut := func(writers int) func() time.Duration {
		return func() time.Duration {
			round++
			return timed(func() {
				var wg sync.WaitGroup
				for w := range writers {
					wg.Go(func() {
						for i := range each {
							_, err := bucket.Object(fmt.Sprintf("%d/%d/%d", round, w, i)).Put(context.Background(),
								bytes.NewReader(data), &holdall.PutOptions{Size: int64(len(data))})
							if err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
			}) / time.Duration(writers)
		}
	}
	var r ratios
	for b.Loop() {
		r.pair(perPut(1), perPut(16))
	}
	r.report(b, "ratio")
}
