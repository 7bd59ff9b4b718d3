package memory

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/holdall-go/holdall"
)

var sink []byte

// BenchmarkPut compares an upload through the Store with hashing and copying
// the bytes, which is the least that it can cost.
func BenchmarkPut(b *testing.B) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	b.Run("raw", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			sha256.Sum256(data)
			sink = bytes.Clone(data)
		}
	})
	b.Run("store", func(b *testing.B) {
		backend := New()
		s, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend})
		if err != nil {
			b.Fatal(err)
		}
		bucket := s.As(holdall.Principal{Tenant: "t", User: "u", Permissions: []string{"*"}}).Bucket(holdall.DefaultBucket)
		b.SetBytes(int64(len(data)))
		i := 0
		for b.Loop() {
			o, err := bucket.Object(fmt.Sprint(i)).Put(bg, bytes.NewReader(data), &holdall.PutOptions{Size: int64(len(data))})
			if err != nil {
				b.Fatal(err)
			}
			i++
			_ = backend.DeleteBlob(bg, o.BlobKey) // or memory runs out
		}
	})
}
