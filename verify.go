package holdall

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/oklog/ulid/v2"
)

// Problem is what Verify found wrong.
type Problem string

// The problems.
const (
	ProblemMissing  Problem = "missing"  // an object's bytes are not there
	ProblemSize     Problem = "size"     // there are more or fewer bytes than the object says
	ProblemChecksum Problem = "checksum" // they are other bytes
	ProblemOrphan   Problem = "orphan"   // bytes that no entry holds
)

// Finding is one thing that Verify found wrong.
type Finding struct {
	Problem  Problem
	BlobKey  string
	Object   ObjectInfo // zero for an orphan
	Size     int64      // bytes that are there; −1 is not known
	Repaired bool
}

// VerifyOptions are options of [Store.Verify].
type VerifyOptions struct {
	// Read reads all bytes and compares checksums; without it only their
	// presence and number are looked at.
	Read bool
	// Repair deletes orphans, and soft-deletes live objects whose bytes are
	// missing or wrong.
	Repair bool
}

// Verify holds rows and bytes against each other in every tenant, both ways,
// and yields what does not fit. What is younger than the grace period may be
// an upload under way and is no orphan. It changes nothing unless told. It
// ends at the first error. It keeps about 50 bytes of memory for each blob
// where the blob store can list, and costs one request for each object
// where it cannot, or to read.
func (s *Store) Verify(ctx context.Context, opts *VerifyOptions) iter.Seq2[Finding, error] {
	v := &verifier{s: s, ctx: ctx}
	if opts != nil {
		v.opts = *opts
	}
	return func(yield func(Finding, error) bool) {
		v.yield = yield
		err := v.blobs()
		if err == nil {
			err = v.objects()
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(Finding{}, wrap("store.verify", "", "", err))
		}
	}
}

var errStopped = errors.New("stopped by the caller")

type verifier struct {
	s      *Store
	ctx    context.Context
	opts   VerifyOptions
	yield  func(Finding, error) bool
	stored map[ulid.ULID]int64 // sizes by the second part of the key; nil where the store cannot list
}

func (v *verifier) report(f Finding) error {
	if !v.yield(f, nil) {
		return errStopped
	}
	return nil
}

// blobs walks the blob store and looks for the holder of each blob.
func (v *verifier) blobs() error {
	lister, ok := As[BlobLister](v.s.blobs)
	if !ok {
		return nil
	}
	v.stored = map[ulid.ULID]int64{}
	after := ""
	for {
		list, err := lister.ListBlobs(v.ctx, after, 1000)
		if err != nil || len(list) == 0 {
			return err
		}
		if err := v.holders(list); err != nil {
			return err
		}
		after = list[len(list)-1].Key
	}
}

func (v *verifier) holders(list []BlobInfo) error {
	ids := make([]string, 0, len(list))
	for _, b := range list {
		if id, ok := blobOwner(b.Key); ok {
			ids = append(ids, id)
		}
		if u, ok := blobULID(b.Key); ok {
			v.stored[u] = b.Size
		}
	}
	entries, err := v.s.catalog.Scan(v.ctx, Scan{IDs: ids})
	if err != nil {
		return err
	}
	held := map[string]bool{}
	for _, e := range entries {
		if e.Content == nil {
			continue
		}
		held[e.Content.Key] = true
		for _, g := range e.Content.Garbage {
			held[g.Key] = true
		}
	}
	young := v.s.now().Add(-v.s.cfg.Grace)
	for _, b := range list {
		if held[b.Key] || b.ModTime.After(young) {
			continue
		}
		f := Finding{Problem: ProblemOrphan, BlobKey: b.Key, Size: b.Size}
		if v.opts.Repair {
			if err := v.s.blobs.DeleteBlob(v.ctx, b.Key); err != nil {
				return err
			}
			f.Repaired = true
		}
		if err := v.report(f); err != nil {
			return err
		}
	}
	return nil
}

// blobULID returns the second part of a blob key, which no two keys share.
func blobULID(key string) (ulid.ULID, bool) {
	_, text, _ := strings.Cut(key, ".")
	u, err := ulid.ParseStrict(text)
	return u, err == nil
}

// objects walks the catalog and looks at the bytes of each object.
func (v *verifier) objects() error {
	scan := Scan{Limit: sweepBatch}
	for {
		entries, err := v.s.catalog.Scan(v.ctx, scan)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			if e.Kind != KindObject || e.State != StateLive && e.State != StateDeleted {
				continue
			}
			if err := v.object(e); err != nil {
				return err
			}
		}
		scan.After = entries[len(entries)-1].ID
	}
}

func (v *verifier) object(e Entry) error {
	f, err := v.look(e.Content)
	if err != nil || f.Problem == "" {
		return err
	}
	// It may have been replaced or deleted since the entry was read.
	now, err := v.s.catalog.Get(v.ctx, Ref{Tenant: e.Tenant, ID: e.ID})
	if errors.Is(err, ErrNotFound) || err == nil && (now.Content.Key != e.Content.Key || now.State == StatePurging) {
		return nil
	}
	if err != nil {
		return err
	}
	f.Object, f.BlobKey = objectInfo(now), e.Content.Key
	if v.opts.Repair && now.State == StateLive {
		now.State, now.DeletedAt, now.DeletedBy = StateDeleted, v.s.now(), "holdall:verify"
		now.DueAt = v.s.dueAt(now)
		if _, err := v.s.catalog.Put(v.ctx, now, IfVersion(now.Version)); err != nil {
			return fmt.Errorf("repairing %s: %w", now.ID, err)
		}
		f.Repaired = true
	}
	return v.report(f)
}

// look compares a content with the bytes that are there.
func (v *verifier) look(c *Content) (Finding, error) {
	u, ok := blobULID(c.Key)
	size, listed := v.stored[u]
	if ok && listed && size == c.Size && !v.opts.Read {
		return Finding{}, nil
	}
	off := int64(0)
	if !v.opts.Read {
		off = max(c.Size-1, 0) // the last byte, and that nothing follows it
	}
	rc, err := v.s.blobs.OpenBlob(v.ctx, c.Key, off, -1)
	switch {
	case errors.Is(err, ErrNotFound):
		return Finding{Problem: ProblemMissing, Size: -1}, nil
	case errors.Is(err, ErrInvalid): // it ends before that
		return Finding{Problem: ProblemSize, Size: -1}, nil
	case err != nil:
		return Finding{}, err
	}
	defer rc.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, rc)
	switch {
	case err != nil && v.ctx.Err() != nil:
		return Finding{}, v.ctx.Err()
	case err != nil || off+n != c.Size:
		return Finding{Problem: ProblemSize, Size: off + n}, nil
	case v.opts.Read && hex.EncodeToString(hash.Sum(nil)) != c.Checksum:
		return Finding{Problem: ProblemChecksum, Size: n}, nil
	}
	return Finding{}, nil
}
