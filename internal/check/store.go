package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/holdall-go/holdall"
)

// Bucket is the View of a bucket through a Workspace. It shows what that
// caller sees, so every file of the ledger must be the caller's.
func Bucket(ws *holdall.Workspace, name string) View {
	return &bucketView{bucket: ws.Bucket(name)}
}

type bucketView struct {
	bucket *holdall.Bucket
	err    error
}

func (v *bucketView) List(ctx context.Context) iter.Seq2[string, Content] {
	return func(yield func(string, Content) bool) {
		for o, err := range v.bucket.List(ctx, nil) {
			if v.err = err; err != nil || !yield(o.Path, Content{o.Size, o.Checksum}) {
				return
			}
		}
	}
}

func (v *bucketView) Err() error { return v.err }

func (v *bucketView) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	return v.bucket.Object(path).Open(ctx)
}

// Store looks below the rules of a store that nobody works on: every row
// against its bytes, and every blob against the rows. swept says that a sweep
// has just run past the grace period, so that nothing may be under way either.
func Store(ctx context.Context, s *holdall.Store, c holdall.Catalog, b holdall.Blobs, swept bool) error {
	var wrong []error
	for f, err := range s.Verify(ctx, &holdall.VerifyOptions{Read: true}) {
		if err != nil {
			wrong = append(wrong, err)
			break
		}
		wrong = append(wrong, fmt.Errorf("%s: blob %s (%d bytes) of %s %q", f.Problem, f.BlobKey, f.Size, f.Object.ID, f.Object.Path))
	}
	if swept {
		wrong = append(wrong, nothingLeft(ctx, c, b))
	}
	return errors.Join(wrong...)
}

// nothingLeft asks that every row is live or waits for its retention, and
// that the blobs are exactly those that the rows hold.
func nothingLeft(ctx context.Context, c holdall.Catalog, b holdall.Blobs) error {
	var wrong []error
	held := map[string]int64{}
	err := scan(ctx, c, func(e holdall.Entry) {
		if e.State != holdall.StateLive && e.State != holdall.StateDeleted {
			wrong = append(wrong, fmt.Errorf("%s %q is still %s", e.ID, e.Name, e.State))
		}
		if e.Content == nil {
			return
		}
		held[e.Content.Key] = e.Content.Size
		for _, g := range e.Content.Garbage {
			wrong = append(wrong, fmt.Errorf("%s %q still holds the garbage %s", e.ID, e.Name, g.Key))
		}
	})
	if err != nil {
		return errors.Join(append(wrong, err)...)
	}
	lister, ok := holdall.As[holdall.BlobLister](b)
	if !ok {
		return errors.Join(append(wrong, fmt.Errorf("the blob store cannot list: %w", errors.ErrUnsupported))...)
	}
	after := ""
	for {
		list, err := lister.ListBlobs(ctx, after, 1000)
		if err != nil || len(list) == 0 {
			return errors.Join(append(wrong, err)...)
		}
		for _, blob := range list {
			if size, ok := held[blob.Key]; !ok {
				wrong = append(wrong, fmt.Errorf("blob %s (%d bytes) belongs to nothing", blob.Key, blob.Size))
			} else if size != blob.Size {
				wrong = append(wrong, fmt.Errorf("blob %s has %d bytes, and its row says %d", blob.Key, blob.Size, size))
			}
		}
		after = list[len(list)-1].Key
	}
}

func scan(ctx context.Context, c holdall.Catalog, look func(holdall.Entry)) error {
	after := ""
	for {
		page, err := c.Scan(ctx, holdall.Scan{After: after, Limit: 1000})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			look(e)
		}
		after = page[len(page)-1].ID
	}
}
