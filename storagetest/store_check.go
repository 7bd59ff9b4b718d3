package storagetest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

// observe writes down, line by line, everything that users of the case's
// tenant can see, bytes included, but no ids, times and versions.
func (s *storeRun) observe() []string {
	s.Helper()
	clean := s.over(s.inner)
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	w := clean.As(s.principal(s.tenant, "ann", "app"))
	buckets, err := w.Buckets(s.ctx)
	if err != nil {
		s.Fatalf("Buckets: %v", err)
	}
	for _, b := range buckets {
		add("bucket %s %+v", b.Name, b.BucketRules)
	}
	for _, deleted := range []bool{false, true} {
		for o, err := range w.Objects(s.ctx, &holdall.ListOptions{Deleted: deleted}) {
			if err != nil {
				s.Fatalf("Objects: %v", err)
			}
			sum := o.Checksum
			if !deleted {
				sum = s.download(w, o)
			}
			add("object %s/%s in %s, deleted %t: %d bytes %s %s %v", o.Bucket, o.Path, o.Tier, o.Deleted, o.Size, sum, o.ContentType, o.Metadata)
		}
		for r, err := range w.Records(s.ctx, &holdall.ListOptions{Deleted: deleted}) {
			if err != nil {
				s.Fatalf("Records: %v", err)
			}
			add("record %s/%s in %s, deleted %t: %s", r.Collection, r.Key, r.Tier, r.Deleted, r.Value)
		}
	}
	slices.Sort(lines)
	return lines
}

// download reads an object and returns the checksum of what came.
func (s *storeRun) download(w *holdall.Workspace, o holdall.ObjectInfo) string {
	s.Helper()
	r, err := w.ObjectID(o.ID).Open(s.ctx)
	if err != nil {
		s.Errorf("%s/%s is listed, but Open: %v", o.Bucket, o.Path, err)
		return "unreadable"
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, r)
	if sum := hex.EncodeToString(h.Sum(nil)); err != nil || n != o.Size || sum != o.Checksum {
		s.Errorf("%s/%s has %d bytes %s, but %d came, %s, %v", o.Bucket, o.Path, o.Size, o.Checksum, n, sum, err)
	}
	return o.Checksum
}

// sweep lets time pass and sweeps without faults, twice: what a fault has put
// off comes up again.
func (s *storeRun) sweep(after time.Duration) {
	s.Helper()
	clean := s.over(s.inner)
	for range 2 {
		s.pass(after)
		if report, err := clean.Sweep(s.ctx); err != nil || report.Failed > 0 {
			s.Errorf("Sweep: %+v, %v", report, err)
		}
	}
}

// tidy checks what must hold past the grace period: no unfinished entry is
// left, every blob that was ever put is gone but for those that a live or
// soft-deleted object holds, and these are whole.
func (s *storeRun) tidy() {
	s.Helper()
	held := map[string]holdall.Content{}
	for _, state := range []holdall.State{holdall.StateLive, holdall.StateDeleted, holdall.StatePending, holdall.StatePurging} {
		for _, kind := range []holdall.Kind{holdall.KindObject, holdall.KindRecord, holdall.KindBucket} {
			for _, e := range s.entries(kind, state) {
				if state == holdall.StatePending || state == holdall.StatePurging {
					s.Errorf("left over: %s, due %s", label(e), stamp(e.DueAt))
				}
				if e.Content == nil {
					continue
				}
				if len(e.Content.Garbage) > 0 {
					s.Errorf("%s still holds garbage: %+v", label(e), e.Content.Garbage)
				}
				if c, twice := held[e.Content.Key]; twice {
					s.Errorf("two entries hold the blob %s", c.Key)
				}
				held[e.Content.Key] = *e.Content
			}
		}
	}
	for _, key := range s.faulty.keyList() {
		if c, ok := held[key]; ok {
			s.whole(c)
			continue
		}
		r, err := s.inner.Blobs.OpenBlob(s.ctx, key, 0, -1)
		if err == nil {
			r.Close()
			s.Errorf("the blob %s is there, but nobody holds it", key)
		} else if !errors.Is(err, holdall.ErrNotFound) {
			s.Errorf("OpenBlob(%s): %v", key, err)
		}
	}
}

// entries reads straight from the catalog, behind the Store's back.
func (s *storeRun) entries(kind holdall.Kind, state holdall.State) []holdall.Entry {
	s.Helper()
	catalog := s.inner.Catalog
	if kind == holdall.KindRecord && s.inner.Records != nil {
		catalog = s.inner.Records
	}
	page, err := catalog.Query(s.ctx, holdall.Query{Tenant: s.tenant, Kind: kind, State: state, Limit: 1000})
	if err != nil || page.More {
		s.Fatalf("Query: more %t, %v", page.More, err)
	}
	return page.Entries
}

func (s *storeRun) whole(c holdall.Content) {
	s.Helper()
	r, err := s.inner.Blobs.OpenBlob(s.ctx, c.Key, 0, -1)
	if err != nil {
		s.Errorf("an object points at %s: %v", c.Key, err)
		return
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, r)
	if sum := hex.EncodeToString(h.Sum(nil)); err != nil || n != c.Size || sum != c.Checksum {
		s.Errorf("an object points at %d bytes %s under %s, but there are %d, %s, %v", c.Size, c.Checksum, c.Key, n, sum, err)
	}
}

// changes lists what is in one observation and not in the other.
func changes(from, to []string) string {
	var out []string
	for _, l := range from {
		if !slices.Contains(to, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range to {
		if !slices.Contains(from, l) {
			out = append(out, "+ "+l)
		}
	}
	return "\n" + strings.Join(out, "\n")
}
