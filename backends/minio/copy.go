package minio

import (
	"context"
	"fmt"

	miniogo "github.com/minio/minio-go/v7"

	"github.com/holdall-go/holdall"
)

// copyLimit is what one request copies at most, in bytes: S3 would take 5 GiB,
// but not within a deadline that notices a dead store.
const copyLimit = 1 << 30

// CopyBlob implements [holdall.BlobCopier]: the store copies, by one request
// up to 1 GiB and in parts beyond. Memory does not grow with the size.
func (b *Backend) CopyBlob(ctx context.Context, dst, src string) error {
	var from miniogo.ObjectInfo
	err := b.do(ctx, func(ctx context.Context) (err error) {
		from, err = b.core.StatObject(ctx, b.bucket, b.name(src), miniogo.StatObjectOptions{})
		return err
	})
	if err != nil {
		return err
	}
	if from.Size > copyLimit {
		return b.copyParts(ctx, dst, src, from.Size)
	}
	return within(ctx, b.limit(from.Size, slowestCopy), func(ctx context.Context) error {
		info, err := b.core.CopyObject(ctx, b.bucket, b.name(src), b.bucket, b.name(dst), nil,
			miniogo.CopySrcOptions{}, miniogo.PutObjectOptions{})
		return copyAnswer(info.ETag, err)
	})
}

// copyAnswer judges the answer to a request that copied. Its status is sent
// before the copy is made, so that 200 can go with an error in the body, which
// the client does not look for; an entity tag is in an answer to success only.
func copyAnswer(etag string, err error) error {
	if err == nil && etag == "" {
		return fmt.Errorf("%w: the store answered a copy with neither an entity tag nor an error", holdall.ErrUnavailable)
	}
	return err
}

// copyParts copies in parts of equal size, each under a deadline of its own.
func (b *Backend) copyParts(ctx context.Context, dst, src string, size int64) error {
	p := &parts{b: b, key: dst}
	err := b.do(ctx, func(ctx context.Context) (err error) {
		p.id, err = b.core.NewMultipartUpload(ctx, b.bucket, b.name(dst), miniogo.PutObjectOptions{})
		return err
	})
	if err != nil {
		return err
	}
	step := max(copyLimit, (size+maxParts-1)/maxParts)
	for off := int64(0); off < size; off += step {
		err := within(ctx, b.limit(step, slowestCopy), func(ctx context.Context) error {
			part, err := b.core.CopyObjectPart(ctx, b.bucket, b.name(src), b.bucket, b.name(dst), p.id,
				len(p.done)+1, off, min(step, size-off), nil)
			p.done = append(p.done, part)
			return copyAnswer(part.ETag, err)
		})
		if err != nil {
			return p.abort(ctx, err)
		}
	}
	err = within(ctx, b.limit(size, slowestComplete), func(ctx context.Context) error {
		_, err := b.core.CompleteMultipartUpload(ctx, b.bucket, b.name(dst), p.id, p.done, miniogo.PutObjectOptions{})
		if response(err).Code == miniogo.NoSuchUpload {
			return b.copied(ctx, dst, size) // the answer to an earlier attempt was lost
		}
		return err
	})
	if err != nil {
		return p.abort(ctx, err)
	}
	return nil
}

func (b *Backend) copied(ctx context.Context, dst string, size int64) error {
	info, err := b.core.StatObject(ctx, b.bucket, b.name(dst), miniogo.StatObjectOptions{})
	if err == nil && info.Size != size {
		err = fmt.Errorf("%w: the copy of %d bytes has %d", holdall.ErrUnavailable, size, info.Size)
	}
	return err
}
