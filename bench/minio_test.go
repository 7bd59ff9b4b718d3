package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	miniogo "github.com/minio/minio-go/v7"

	"github.com/holdall-go/holdall/backends/minio"
	"github.com/holdall-go/holdall/internal/s3test"
)

// s3 is a bucket, with the three ways to it: through the backend, by requests
// of net/http that were signed beforehand, and by the client's own methods.
type s3 struct {
	tb     testing.TB
	blobs  *minio.Backend
	client *miniogo.Client
	bucket string
	n      int
}

func openS3(tb testing.TB) *s3 {
	server := s3test.Shared(tb, s3test.MinIO)
	s := &s3{tb: tb, client: server.Client(tb), bucket: server.Bucket(tb)}
	var err error
	s.blobs, err = minio.New(s.client, s.bucket, nil)
	noError(tb, err)
	return s
}

// put times a way to store something under a new key, and removes it again.
func (s *s3) put(way func(key string) func()) time.Duration {
	s.n++
	key := fmt.Sprintf("%02x/%d", s.n%256, s.n)
	took := timed(way(key))
	noError(s.tb, s.blobs.DeleteBlob(bg, key))
	return took
}

// hashing is a body as the Store hands it to its blob store: it hashes what passes.
type hashing struct {
	r    io.Reader
	hash hash.Hash
	sum  []byte
}

func newHashing(r io.Reader) *hashing { return &hashing{r: r, hash: sha256.New()} }

func (h *hashing) Read(p []byte) (int, error) {
	n, err := h.r.Read(p[:min(len(p), 32<<10)])
	h.hash.Write(p[:n])
	if err == io.EOF {
		h.sum = h.hash.Sum(nil)
	}
	return n, err
}

// SHA256 returns the hash of all bytes once they have been read.
func (h *hashing) SHA256() []byte { return h.sum }

// hashed is a body whose hash is known.
type hashed struct {
	io.Reader
	sum []byte
}

func (h hashed) SHA256() []byte { return h.sum }

// ours stores data through the backend, its size not known. The Store hashes
// every body, whatever the backend, so that this is not the backend's time.
func (s *s3) ours(data []byte) func(key string) func() {
	sum := sha256.Sum256(data)
	return s.blob(func() io.Reader { return hashed{bytes.NewReader(data), sum[:]} })
}

// oursHashing does the same and hashes, as the Store does.
func (s *s3) oursHashing(data []byte) func(key string) func() {
	return s.blob(func() io.Reader { return newHashing(bytes.NewReader(data)) })
}

func (s *s3) blob(body func() io.Reader) func(key string) func() {
	return func(key string) func() {
		return func() {
			_, err := s.blobs.PutBlob(bg, key, body(), -1)
			noError(s.tb, err)
		}
	}
}

func (s *s3) raw(data []byte) func(key string) func() {
	return func(key string) func() {
		u, err := s.client.PresignedPutObject(bg, s.bucket, key, time.Hour)
		noError(s.tb, err)
		return func() {
			req, err := http.NewRequest(http.MethodPut, u.String(), bytes.NewReader(data))
			noError(s.tb, err)
			s.answer(req)
		}
	}
}

// theirs stores data by the client's own PutObject, as it is by default.
func (s *s3) theirs(data []byte) func(key string) func() {
	return func(key string) func() {
		return func() {
			_, err := s.client.PutObject(bg, s.bucket, key, newHashing(bytes.NewReader(data)), int64(len(data)), miniogo.PutObjectOptions{})
			noError(s.tb, err)
		}
	}
}

func (s *s3) answer(req *http.Request) {
	resp, err := http.DefaultClient.Do(req)
	noError(s.tb, err)
	defer resp.Body.Close()
	_, err = io.Copy(struct{ io.Writer }{io.Discard}, resp.Body)
	noError(s.tb, err)
	if resp.StatusCode != http.StatusOK {
		s.tb.Fatal(resp.Status)
	}
}

var s3Sizes = []struct {
	name string
	size int
}{{"4KiB", 4 << 10}, {"1MiB", 1 << 20}, {"16MiB", 16 << 20}, {"64MiB", 64 << 20}}

// BenchmarkMinioPut compares PutBlob with one presigned PUT, also with the
// Store's hashing included, and with the client's own PutObject of a known size.
func BenchmarkMinioPut(b *testing.B) {
	for _, c := range s3Sizes {
		b.Run(c.name, func(b *testing.B) {
			s := openS3(b)
			data := noise(c.size)
			way := func(w func(key string) func()) func() time.Duration {
				return func() time.Duration { return s.put(w) }
			}
			ours, raw, theirs, hashing := way(s.ours(data)), way(s.raw(data)), way(s.theirs(data)), way(s.oursHashing(data))
			raw()
			ours()
			theirs()
			var r, side, whole ratios
			for b.Loop() {
				r.pair(raw, ours)
				side.pair(theirs, hashing)
				whole.pair(raw, hashing)
			}
			side.report(b, "of-PutObject")
			whole.report(b, "ratio-hashing")
			r.report(b, "ratio")
		})
	}
}

// BenchmarkMinioGet compares OpenBlob with a presigned GET.
func BenchmarkMinioGet(b *testing.B) {
	for _, c := range s3Sizes {
		b.Run(c.name, func(b *testing.B) {
			s := openS3(b)
			_, err := s.blobs.PutBlob(bg, "00/x", bytes.NewReader(noise(c.size)), -1)
			noError(b, err)
			u, err := s.client.PresignedGetObject(bg, s.bucket, "00/x", time.Hour, nil)
			noError(b, err)
			raw := func() time.Duration {
				return timed(func() {
					req, err := http.NewRequest(http.MethodGet, u.String(), nil)
					noError(b, err)
					s.answer(req)
				})
			}
			ours := func() time.Duration {
				return timed(func() {
					r, err := s.blobs.OpenBlob(bg, "00/x", 0, -1)
					noError(b, err)
					n, err := io.Copy(struct{ io.Writer }{io.Discard}, r)
					noError(b, err)
					if n != int64(c.size) {
						b.Fatal(n)
					}
					noError(b, r.Close())
				})
			}
			raw()
			ours()
			pairs(b, raw, ours)
		})
	}
}

// BenchmarkMinioMemory measures by how much this process grows for uploads of
// unknown size, from readers that hold nothing.
func BenchmarkMinioMemory(b *testing.B) {
	block := noise(1 << 20)
	for _, c := range []struct {
		name         string
		uploads, mib int
	}{{"1x512MiB", 1, 512}, {"16x64MiB", 16, 64}} {
		b.Run(c.name, func(b *testing.B) {
			s := openS3(b)
			var peak uint64
			for b.Loop() {
				peak = max(peak, growth(func() {
					var wg sync.WaitGroup
					for i := range c.uploads {
						wg.Go(func() {
							var parts []io.Reader
							for range c.mib {
								parts = append(parts, bytes.NewReader(block))
							}
							if _, err := s.blobs.PutBlob(bg, fmt.Sprintf("00/%d", i), newHashing(io.MultiReader(parts...)), -1); err != nil {
								b.Error(err)
							}
						})
					}
					wg.Wait()
				}))
				for i := range c.uploads {
					noError(b, s.blobs.DeleteBlob(bg, fmt.Sprintf("00/%d", i)))
				}
			}
			b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// growth returns by how many bytes at most the resident memory of this process
// exceeded what it was before, while f ran.
func growth(f func()) uint64 {
	runtime.GC() // twice, for what pools keep
	debug.FreeOSMemory()
	statm, err := os.Open("/proc/self/statm")
	if err != nil {
		return resident() // all there is, on other systems
	}
	defer statm.Close()
	var line [128]byte
	pages := func() (n uint64) { // allocates nothing itself
		m, _ := statm.ReadAt(line[:], 0)
		_, rest, _ := bytes.Cut(line[:m], []byte(" "))
		for _, c := range rest {
			if c == ' ' {
				break
			}
			n = 10*n + uint64(c-'0')
		}
		return n
	}
	before := pages()
	peak := before
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	for ticks := time.NewTicker(2 * time.Millisecond); ; {
		select {
		case <-done:
			ticks.Stop()
			return (peak - before) * uint64(os.Getpagesize())
		case <-ticks.C:
			peak = max(peak, pages())
		}
	}
}
