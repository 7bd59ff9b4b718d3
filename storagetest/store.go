package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
)

// Store proves that a [holdall.Store] over the backends that open returns does
// what it promises: visibility, isolation, rules, and that no fault of a
// backend at any moment leaves a half of anything. It runs every case three
// times: over the backends as they are, behind a decorator with Unwrap, which
// must hide no capability, and behind one without, where the Store has to do
// by itself what the backend could do better. open is called for every case;
// see the package comment for what it may share. Under -short each decorator
// is in front of a third of the cases, which ones is left to chance.
func Store(t *testing.T, open func(t *testing.T) holdall.Backends) {
	for _, w := range wrappings {
		t.Run(w.name, func(t *testing.T) {
			for i, tc := range storeCases() {
				if testing.Short() && w.name != "plain" && (seed()+uint64(i))%3 != 0 {
					continue
				}
				if w.name == "wrapped" && strings.HasPrefix(tc.name, "faults/") {
					continue // the front that makes the faults is a wrapper itself
				}
				t.Run(tc.name, func(t *testing.T) { tc.on(t, w.wrap(open(t))) })
			}
		})
	}
}

// storeCase is one rule. why is printed when it does not hold.
type storeCase struct {
	name, why string
	run       func(s *storeRun)
}

func storeCases() []storeCase {
	return slices.Concat(objectCases, uploadCases, ruleCases, isolationCases, recordCases, storeListCases, storeRaceCases, atomicCases, verifyCases, faultCases())
}

func (tc storeCase) on(t tb, b holdall.Backends) {
	t.Helper()
	defer explain(t, tc.name, tc.why)
	tc.run(newStoreRun(t, b, tc.name))
}

const (
	grace     = time.Hour
	retention = 1000 * time.Hour
)

// storeRun is one case at work on a store, in tenants of its own.
type storeRun struct {
	tb
	ctx    context.Context
	rnd    *source
	inner  holdall.Backends // without faults
	faulty *Faulty
	store  *holdall.Store // over faulty
	tenant string
	mu     sync.Mutex
	clock  time.Time
}

func newStoreRun(t tb, b holdall.Backends, name string) *storeRun {
	s := &storeRun{tb: t, ctx: t.Context(), rnd: newSource(name), inner: b, tenant: "tenant-" + unique(), clock: epoch, faulty: NewFaulty(b)}
	s.store = s.over(s.faulty.Backends())
	return s
}

// over returns a store over backends, by this case's clock.
func (s *storeRun) over(b holdall.Backends) *holdall.Store {
	s.Helper()
	st, err := holdall.New(holdall.Config{Catalog: b.Catalog, Blobs: b.Blobs, Records: b.Records, Grace: grace, Retention: retention, Now: s.now})
	if err != nil {
		s.Fatalf("holdall.New: %v", err)
	}
	return st
}

// now is the clock: it goes on by a millisecond each time it is looked at.
func (s *storeRun) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = s.clock.Add(time.Millisecond)
	return s.clock
}

func (s *storeRun) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = s.clock.Add(d)
}

// as is a caller of this case's tenant who may do everything.
func (s *storeRun) as(user, app string) *holdall.Workspace {
	return s.store.As(s.principal(s.tenant, user, app))
}

func (s *storeRun) principal(tenant, user, app string) holdall.Principal {
	return holdall.Principal{Tenant: tenant, User: user, App: app, Permissions: []string{"*"}}
}

// bucket makes a bucket and returns ann's handle on it, in tier shared.
func (s *storeRun) bucket(name string, rules *holdall.BucketRules) *holdall.Bucket {
	s.Helper()
	b := s.as("ann", "").Bucket(name)
	if _, err := b.Create(s.ctx, rules); err != nil {
		s.Fatalf("creating bucket %s: %v", name, err)
	}
	return b
}

// put uploads data, which must succeed.
func (s *storeRun) put(o *holdall.Object, data []byte, opts *holdall.PutOptions) holdall.ObjectInfo {
	s.Helper()
	info, err := o.Put(s.ctx, bytes.NewReader(data), opts)
	if err != nil {
		s.Fatalf("upload of %d bytes: %v", len(data), err)
	}
	if info.Size != int64(len(data)) || info.Checksum != checksum(data) {
		s.Errorf("uploaded %s, but the object says %d bytes, %s", digest(data), info.Size, info.Checksum)
	}
	return info
}

// holds downloads an object and checks that it is data.
func (s *storeRun) holds(o *holdall.Object, data []byte) {
	s.Helper()
	r, err := o.Open(s.ctx)
	if err != nil {
		s.Errorf("Open: %v", err)
		return
	}
	s.reads(r, data)
}

// reads reads r to its end and closes it.
func (s *storeRun) reads(r *holdall.Reader, data []byte) {
	s.Helper()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, data) {
		s.Errorf("read %s, %v; want %s", digest(got), err, digest(data))
	}
	if r.Info().Checksum != checksum(data) || r.Size() != int64(len(data)) {
		s.Errorf("the reader's object has %d bytes, %s; want %s", r.Size(), r.Info().Checksum, digest(data))
	}
	if err := r.Close(); err != nil {
		s.Errorf("Close: %v", err)
	}
}

// want checks an error's sentinel; nil is success.
func (s *storeRun) want(what string, err, want error) {
	s.Helper()
	if want == nil && err != nil || want != nil && !errors.Is(err, want) {
		s.Errorf("%s: %v; want %v", what, err, want)
	}
}

// smallAndLarge are bodies that go in one commit, where there is one, and
// that do not.
func (s *storeRun) smallAndLarge() [][]byte {
	large := int64(300 * kib)
	if a, ok := holdall.As[holdall.AtomicPutter](s.inner.Catalog); ok {
		if limit := a.AtomicLimit(); limit >= 0 && limit < 16*mib {
			large = limit + 1
		}
	}
	return [][]byte{s.rnd.bytes(100), s.rnd.bytes(int(large))}
}

func checksum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
