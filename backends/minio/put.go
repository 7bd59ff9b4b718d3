package minio

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	miniogo "github.com/minio/minio-go/v7"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/body"
)

// smallSize is what is read of a body before it takes a buffer of the budget.
const smallSize = 64 << 10

var smallBuffers = sync.Pool{New: func() any { return new([smallSize]byte) }}

// PutBlob implements [holdall.Blobs]. A body that waits for one of the
// buffers longer than Options.Timeout is [holdall.ErrUnavailable], one over
// Options.MaxSize is [holdall.ErrTooLarge].
func (b *Backend) PutBlob(ctx context.Context, key string, r io.Reader, size int64) (int64, error) {
	if size > maxParts*int64(b.partSize) {
		return 0, b.tooLarge()
	}
	small := smallBuffers.Get().(*[smallSize]byte)
	n, err := body.Fill(ctx, r, small[:])
	if err != nil {
		defer smallBuffers.Put(small)
		return b.putEnded(ctx, key, r, small[:n], size, err)
	}
	first, err := b.buffers.wait(ctx, b.timeout)
	if err != nil {
		smallBuffers.Put(small)
		return 0, err
	}
	defer b.buffers.free(first)
	n = copy(*first, small[:])
	smallBuffers.Put(small)
	m, err := body.Fill(ctx, r, (*first)[n:])
	if err != nil {
		return b.putEnded(ctx, key, r, (*first)[:n+m], size, err)
	}
	// A body that ends with the buffer is one request still.
	var next [1]byte
	if _, err := body.Fill(ctx, r, next[:]); err != nil {
		return b.putEnded(ctx, key, r, *first, size, err)
	}
	if n := int64(b.partSize) + 1; size >= 0 && size < n {
		return 0, body.Size(n, size)
	}
	return b.putParts(ctx, key, r, *first, next[0], size)
}

func (b *Backend) tooLarge() error {
	return fmt.Errorf("%w: a blob has at most %d parts of %d bytes here; see Options.MaxSize", holdall.ErrTooLarge, maxParts, b.partSize)
}

// putEnded stores data, after which r ended with err, by one request.
func (b *Backend) putEnded(ctx context.Context, key string, r io.Reader, data []byte, size int64, err error) (int64, error) {
	if err != io.EOF {
		return 0, err
	}
	n := int64(len(data))
	if err := body.Size(n, size); err != nil {
		return 0, err
	}
	crc := sumCRC(0, data)
	opts := miniogo.PutObjectOptions{
		DisableContentSha256: true, // not in chunks: the sum of the whole goes into the signature
		UserMetadata:         map[string]string{miniogo.ChecksumCRC32C.Key(): encodeCRC(crc)},
	}
	opts.SetMatchETagExcept("*")
	sum := hex.EncodeToString(sumSHA256(r, data))
	err = b.send(ctx, data, func(ctx context.Context, body io.Reader) error {
		_, err := b.core.PutObject(ctx, b.bucket, b.name(key), body, n, "", sum, opts)
		if response(err).Code == miniogo.PreconditionFailed {
			return b.confirm(ctx, key, n, encodeCRC(crc))
		}
		return err
	})
	if errors.Is(err, holdall.ErrUnavailable) {
		// A store that refuses a repeated PUT before it has read the body closes
		// the connection under it, and its answer is lost too.
		found := b.do(ctx, func(ctx context.Context) error { return b.confirm(ctx, key, n, encodeCRC(crc)) })
		if found == nil || errors.Is(found, holdall.ErrExists) {
			err = found
		}
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// sumSHA256 returns the SHA-256 of data, which is all that r gave; from r,
// where r knows it.
func sumSHA256(r io.Reader, data []byte) []byte {
	if h, ok := r.(interface{ SHA256() []byte }); ok {
		if sum := h.SHA256(); sum != nil {
			return sum
		}
	}
	sum := sha256.Sum256(data)
	return sum[:]
}

// errNothingThere says that the store denies to have an object. After it has
// said that the key is taken, that is no answer to rely on.
var errNothingThere = fmt.Errorf("%w: nothing is stored", holdall.ErrUnavailable)

// confirm decides what it means that the store has an object under the key
// already: an earlier attempt of this upload whose answer was lost, which is
// success, or another upload's, which is ErrExists. sums are the encoded
// CRC-32C of the whole, and what else a store may keep as such.
func (b *Backend) confirm(ctx context.Context, key string, size int64, sums ...string) error {
	info, err := b.core.StatObject(ctx, b.bucket, b.name(key), miniogo.StatObjectOptions{Checksum: true})
	switch {
	case response(err).Code == miniogo.NoSuchKey:
		return fmt.Errorf("%w: blob %q: %w", errNothingThere, key, err)
	case err != nil:
		return err
	case info.Size != size:
		return fmt.Errorf("%w: blob %q", holdall.ErrExists, key)
	case info.ChecksumCRC32C == "":
		return fmt.Errorf("%w: blob %q is there, but the store does not tell its checksum", holdall.ErrUnavailable, key)
	}
	for _, s := range sums {
		if info.ChecksumCRC32C == s {
			return nil
		}
	}
	return fmt.Errorf("%w: blob %q", holdall.ErrExists, key)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sumCRC(crc uint32, data []byte) uint32 { return crc32.Update(crc, castagnoli, data) }

func encodeCRC(crc uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc))
}

func appendCRC(sums []byte, crc uint32) []byte { return binary.BigEndian.AppendUint32(sums, crc) }
