package holdall

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// Limits that hold unless Config says otherwise.
const (
	DefaultMaxObjectSize = 64 << 20 // bytes
	DefaultMaxValueSize  = 1 << 20  // bytes
	DefaultRetention     = 30 * 24 * time.Hour
	DefaultGrace         = 24 * time.Hour
	// DefaultBucket exists in every tenant from the start.
	DefaultBucket = "default"
)

// Config is what a Store is made of. Catalog and Blobs are required.
type Config struct {
	Catalog Catalog // buckets and the metadata of objects
	Blobs   Blobs   // the bytes of objects
	Records Catalog // records; nil is Catalog

	// Roles resolves the role names of a Principal to permission keys.
	Roles Roles
	// MaxObjectSize bounds every object, in bytes; 0 is DefaultMaxObjectSize.
	MaxObjectSize int64
	// MaxValueSize bounds the JSON text of a record, in bytes; 0 is DefaultMaxValueSize.
	MaxValueSize int
	// Retention is how long a soft-deleted entry can be restored; 0 is DefaultRetention.
	Retention time.Duration
	// Grace is how long an unfinished upload and replaced bytes are left
	// alone; 0 is DefaultGrace. An upload or download must not take longer.
	Grace time.Duration
	// Now is the clock that all stamps and expiries go by; nil is time.Now.
	Now func() time.Time
}

// Store is files and records over some backends. It is safe for concurrent
// use and starts no goroutine by itself.
type Store struct {
	cfg     Config
	catalog Catalog
	records Catalog
	blobs   Blobs
	atomic  AtomicPutter // nil unless catalog and blobs are one backend that has it
	inTx    bool
}

// New returns a Store over the backends of cfg. It does no I/O.
func New(cfg Config) (*Store, error) {
	if cfg.Catalog == nil || cfg.Blobs == nil {
		return nil, errors.New("holdall: Config needs a Catalog and Blobs")
	}
	if cfg.MaxObjectSize < 0 || cfg.MaxValueSize < 0 || cfg.Retention < 0 || cfg.Grace < 0 {
		return nil, errors.New("holdall: a limit in Config is negative")
	}
	cfg.MaxObjectSize = cmp.Or(cfg.MaxObjectSize, DefaultMaxObjectSize)
	cfg.MaxValueSize = cmp.Or(cfg.MaxValueSize, DefaultMaxValueSize)
	cfg.Retention = cmp.Or(cfg.Retention, DefaultRetention)
	cfg.Grace = cmp.Or(cfg.Grace, DefaultGrace)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := cfg.Roles.check(); err != nil {
		return nil, err
	}
	return newStore(cfg), nil
}

func newStore(cfg Config) *Store {
	if cfg.Records == nil {
		cfg.Records = cfg.Catalog
	}
	s := &Store{cfg: cfg, catalog: cfg.Catalog, records: cfg.Records, blobs: cfg.Blobs}
	if a, ok := As[AtomicPutter](cfg.Catalog); ok && same(cfg.Catalog, cfg.Blobs) {
		s.atomic = a
	}
	return s
}

// As returns the store as p sees it. A principal without a tenant or a user,
// or with an identity that is not 1–128 characters free of control
// characters, gets a Workspace whose every operation is ErrUnauthenticated.
func (s *Store) As(p Principal) *Workspace { return newWorkspace(s, p) }

// MaxValueSize is the largest JSON text of a record, in bytes.
func (s *Store) MaxValueSize() int { return s.cfg.MaxValueSize }

// Backends names backends to use instead of a store's own.
type Backends struct {
	Catalog Catalog
	Blobs   Blobs
	Records Catalog // nil is Catalog
}

// With returns a store with the rules of s over other backends: those that a
// backend bound to the host's own transaction, for one. Uploads in it must
// fit the backends' single commit, else they match errors.ErrUnsupported:
// nothing outside the transaction would know of bytes that it leaves behind.
func (s *Store) With(b Backends) *Store {
	cfg := s.cfg
	cfg.Catalog, cfg.Blobs, cfg.Records = b.Catalog, b.Blobs, b.Records
	tx := newStore(cfg)
	tx.inTx = true
	return tx
}

// InTx calls fn with a store whose changes happen all, when fn returns nil,
// or not at all. It matches errors.ErrUnsupported unless catalog and records
// are one backend that is a [Transactor]. fn may be called again after a
// conflict. Objects put inside follow the rule of [Store.With], and their bodies
// are read within the transaction; fn must not write by s itself, which an
// embedded backend would wait for.
func (s *Store) InTx(ctx context.Context, fn func(tx *Store) error) error {
	t, ok := As[Transactor](s.catalog)
	if !ok || !same(s.catalog, s.records) {
		return fail("store.in_tx", "", "", CodeUnsupported, "these backends have no common transaction")
	}
	return t.InTx(ctx, func(_ context.Context, c Catalog) error {
		cfg := s.cfg
		cfg.Catalog, cfg.Records = c, c
		tx := newStore(cfg)
		tx.inTx = true
		if b, ok := c.(Blobs); ok && s.atomic != nil {
			tx.blobs = b
			tx.atomic, _ = c.(AtomicPutter)
		}
		return fn(tx)
	})
}

// Ping asks every backend for a sign of life and returns the errors by the
// role that failed: "catalog", "blobs", "records". It is empty when all answer.
func (s *Store) Ping(ctx context.Context) map[string]error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	failed := map[string]error{}
	for role, backend := range map[string]any{"catalog": s.catalog, "blobs": s.blobs, "records": s.records} {
		if p, ok := As[Pinger](backend); ok {
			wg.Go(func() {
				if err := p.Ping(ctx); err != nil {
					mu.Lock()
					defer mu.Unlock()
					failed[role] = err
				}
			})
		}
	}
	wg.Wait()
	return failed
}

// Close closes the backends that are an io.Closer. A backend closes only what
// it opened itself, never a client that the host gave it.
func (s *Store) Close() error {
	var errs []error
	var closed []any
	for _, b := range []any{s.catalog, s.records, s.blobs} {
		c, ok := As[io.Closer](b)
		if !ok || containsSame(closed, b) {
			continue
		}
		closed = append(closed, b)
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// now is the clock, in the resolution that is stored.
func (s *Store) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

// newID makes an id that sorts by its time of making.
func (s *Store) newID(prefix string) string {
	return prefix + ulid.MustNew(ulid.Timestamp(s.cfg.Now()), rand.Reader).String()
}

// newBlobKey makes a key that names its object, so that whoever finds the
// blob finds the entry, and is never made twice. The first two digits spread
// keys over folders and over the partitions of an object store.
func (s *Store) newBlobKey(objectID string) string {
	u := ulid.MustNew(ulid.Timestamp(s.cfg.Now()), rand.Reader)
	return fmt.Sprintf("%02x/%s.%s", u[len(u)-1], objectID[len(objectIDPrefix):], u)
}

// blobOwner returns the id of the object that a blob key was made for.
func blobOwner(key string) (id string, ok bool) {
	const dir = 3 // two hex digits and '/'
	if len(key) < dir+ulid.EncodedSize {
		return "", false
	}
	id = objectIDPrefix + key[dir:dir+ulid.EncodedSize]
	return id, IsObjectID(id)
}

// same reports whether two backends are one behind their wrappers.
func same(a, b any) bool {
	a, b = innermost(a), innermost(b)
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a).Comparable() && a == b
}

func containsSame(list []any, v any) bool {
	for _, o := range list {
		if same(o, v) {
			return true
		}
	}
	return false
}

func innermost(v any) any {
	for {
		u, ok := v.(interface{ Unwrap() any })
		if !ok {
			return v
		}
		inner := u.Unwrap()
		if inner == nil {
			return v
		}
		v = inner
	}
}
