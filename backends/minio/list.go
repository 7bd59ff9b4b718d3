package minio

import (
	"context"
	"slices"
	"strings"

	miniogo "github.com/minio/minio-go/v7"

	"github.com/holdall-go/holdall"
)

// ListBlobs implements [holdall.BlobLister]. Uploads in parts that are open
// are in it, with size 0, as far as the store lists them: MinIO does so only
// for whole keys, so what a crash left there is found by its entry alone.
func (b *Backend) ListBlobs(ctx context.Context, after string, limit int) ([]holdall.BlobInfo, error) {
	limit = min(limit, 1000) // what one answer of the store has at most
	var list []holdall.BlobInfo
	err := b.do(ctx, func(ctx context.Context) error {
		objects, err := b.listObjects(ctx, after, limit)
		if err != nil {
			return err
		}
		open, end, err := b.listOpen(ctx, after, limit)
		list = merge(objects, open, end, limit)
		return err
	})
	return list, err
}

func (b *Backend) listObjects(ctx context.Context, after string, limit int) ([]holdall.BlobInfo, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opts := miniogo.ListObjectsOptions{Prefix: b.prefix, Recursive: true, MaxKeys: limit}
	if after != "" {
		opts.StartAfter = b.name(after)
	}
	var list []holdall.BlobInfo
	for o := range b.core.ListObjectsIter(ctx, b.bucket, opts) {
		if o.Err != nil {
			return nil, o.Err
		}
		if key, ok := b.key(o.Key); ok && key > after {
			list = append(list, holdall.BlobInfo{Key: key, Size: o.Size, ModTime: o.LastModified.UTC()})
		}
		if len(list) == limit {
			break
		}
	}
	return list, nil
}

// listOpen lists keys with open uploads. Where there are more than fit into
// one answer, end is the last key that is known to be in it with all others
// before.
func (b *Backend) listOpen(ctx context.Context, after string, limit int) (list []holdall.BlobInfo, end string, err error) {
	marker := ""
	if after != "" {
		marker = b.name(after)
	}
	found, err := b.core.ListMultipartUploads(ctx, b.bucket, b.prefix, marker, "", "", limit)
	switch {
	case response(err).Code == miniogo.NotImplemented:
		return nil, "", nil
	case err != nil:
		return nil, "", err
	}
	for _, u := range found.Uploads {
		key, ok := b.key(u.Key)
		if !ok || key <= after {
			continue
		}
		list = append(list, holdall.BlobInfo{Key: key, ModTime: u.Initiated.UTC()})
		if found.IsTruncated {
			end = key
		}
	}
	return list, end, nil
}

// merge puts two lists into one, in order, of at most limit keys, and none
// behind end unless that is "". An object goes before an open upload of the
// same key.
func merge(objects, open []holdall.BlobInfo, end string, limit int) []holdall.BlobInfo {
	list := slices.Concat(objects, open)
	slices.SortStableFunc(list, func(a, b holdall.BlobInfo) int { return strings.Compare(a.Key, b.Key) })
	list = slices.CompactFunc(list, func(a, b holdall.BlobInfo) bool { return a.Key == b.Key })
	if end != "" {
		list = slices.DeleteFunc(list, func(i holdall.BlobInfo) bool { return i.Key > end })
	}
	return list[:min(len(list), limit)]
}
