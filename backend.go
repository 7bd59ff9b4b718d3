package holdall

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"
)

// Catalog keeps entries: buckets, the metadata of objects, and records. A
// backend only stores: every rule about names, permissions, limits and
// life cycles lives above this interface. What an implementation must hold to
// is written here and proven by package storagetest.
//
// Strings are compared and sorted byte for byte, times are UTC with
// microseconds, methods are safe for concurrent use, and an Entry that was
// passed in or handed out shares no memory that either side changes later.
// Errors match the sentinels of this package; an error that matches none is
// taken for a bug. A write whose outcome is unknown matches ErrUnavailable.
type Catalog interface {
	// Put stores e in one atomic step and returns it as stored, its Version
	// stamped: 1 for a new entry, else one more than the version it replaces.
	//
	// IfAbsent inserts e; its id must be new, and when e is live its place
	// must be free, else ErrExists.
	// Always takes a live e: it replaces the live entry at e's place, keeping
	// that entry's ID, CreatedAt and CreatedBy, or inserts e where the place
	// is free.
	// IfVersion(n) replaces the entry of e's tenant with e's ID, or, when
	// e.ID is "", the live entry at e's place, keeping ID, CreatedAt and
	// CreatedBy then. It fails with ErrNotFound when there is none, with
	// ErrConflict when its version is not n, and with ErrExists when e is live
	// and its place is taken by another entry. The place may change.
	//
	// Two rules hold inside that step, whatever the condition:
	// a live entry whose ExpiresAt is not after e.UpdatedAt counts as absent
	// and gives up its place (it may be removed);
	// a live object needs the live bucket e.Container of its tenant, else
	// ErrNoBucket, and a live bucket stops being live only while no live
	// object is in it, else ErrNotEmpty.
	Put(ctx context.Context, e Entry, c Condition) (Entry, error)

	// Get returns the entry with ref.ID in any state or, when ref.ID is "",
	// the live entry at the place that ref names; expired or not. ErrNotFound
	// when there is none in that tenant.
	Get(ctx context.Context, ref Ref) (Entry, error)

	// Query returns one page of the entries that match q, in q's order.
	Query(ctx context.Context, q Query) (Page, error)

	// Count returns how many entries match q; Sort, Offset, Limit and After
	// do not matter to it.
	Count(ctx context.Context, q Query) (int64, error)

	// Remove erases the entry for good if its version is still the given one:
	// ErrNotFound when it is gone, ErrConflict when it has changed. It is
	// never called for a live bucket, which leaves that state by a Put first.
	Remove(ctx context.Context, tenant, id string, version int64) error

	// Scan reads entries of every tenant, in any state. Only upkeep and the
	// look-up of an id that came without a tenant call it.
	Scan(ctx context.Context, s Scan) ([]Entry, error)
}

// Blobs keeps bytes under keys that the root package makes: ASCII letters,
// digits, '-', '.' and one '/', at most 96 bytes, each written once. Its methods
// have names of their own so that one type can be a Catalog and Blobs.
// Methods are safe for concurrent use.
type Blobs interface {
	// PutBlob stores the bytes of r up to io.EOF and returns their number: all or
	// nothing. size is the number to expect, or negative when it is not known;
	// another number is an error, and so is any error of r other than io.EOF.
	// The bytes survive a crash once PutBlob has returned. It holds no connection
	// and no lock while it waits for r. A key that was put before is ErrExists
	// where the store can tell. Where r has a method SHA256() []byte, it returns
	// the hash of all that r gave, once r has ended in io.EOF, and nil before.
	PutBlob(ctx context.Context, key string, r io.Reader, size int64) (int64, error)

	// OpenBlob returns n bytes from offset off, or all from there when n is
	// negative. It fails with ErrNotFound when the key is absent, and with
	// ErrInvalid when off is negative or past the end; a range that runs over
	// the end is cut there. A reader that is cut short by a fault ends with an
	// error that is not io.EOF. ctx bounds the reads too. Where the reader is
	// an io.WriterTo, that is its fast path.
	OpenBlob(ctx context.Context, key string, off, n int64) (io.ReadCloser, error)

	// DeleteBlob removes the bytes and whatever a broken PutBlob left under the key.
	// An absent key is not an error.
	DeleteBlob(ctx context.Context, key string) error
}

// Kind says what an entry is.
type Kind string

// The kinds of entries. A place is unique within its kind.
const (
	KindBucket Kind = "bucket"
	KindObject Kind = "object"
	KindRecord Kind = "record"
	// KindSystem is for leases and other notes that the root package keeps.
	KindSystem Kind = "system"
)

// Tier says who shares an entry within its tenant.
type Tier string

// The isolation tiers.
const (
	Private Tier = "private" // callers of the same app; the owner is the app
	User    Tier = "user"    // the same user, whichever app; the owner is the user
	Shared  Tier = "shared"  // everyone in the tenant; there is no owner
)

// State is where an entry is in its life.
type State string

// The states. Only live entries have a place of their own; any number of
// others may name the same one.
const (
	StatePending State = "pending" // an upload that has not committed
	StateLive    State = "live"
	StateDeleted State = "deleted" // soft-deleted: can be restored
	StatePurging State = "purging" // being erased: no way back
)

// Entry is what a Catalog keeps.
type Entry struct {
	ID        string // unique over all tenants: prefix, '_' and a ULID
	Kind      Kind
	Tenant    string
	Container string // the bucket of an object, the collection of a record, else ""
	Tier      Tier
	Owner     string // the app or user that the tier belongs to, else ""
	Name      string // the bucket's name, the object's path, the record's key
	State     State
	Version   int64 // stamped by the catalog at every Put

	CreatedAt, UpdatedAt, DeletedAt time.Time
	CreatedBy, UpdatedBy, DeletedBy string

	TTL       time.Duration // whole seconds, as asked for; 0 is none
	ExpiresAt time.Time     // zero is never
	DueAt     time.Time     // when upkeep has to look at the entry; zero is never

	// Value is one JSON value: a bucket's rules, an object's metadata, a
	// record's value. It comes back as the same JSON value: numbers keep
	// every digit and members their names; white space and the order of
	// members need not survive.
	Value json.RawMessage

	// Content describes an object's bytes; nil for other kinds.
	Content *Content
}

// Content is what an object's entry says about its bytes.
type Content struct {
	Key      string // the blob's key
	Size     int64  // bytes
	Checksum string // SHA-256, lower-case hex
	// Type is the media type: "type/subtype" in lower case, directly followed
	// by ";" where there are parameters.
	Type       string
	Source     string
	SourceType string
	// Edition is the version that the object's users see. A Catalog keeps it
	// like any other field.
	Edition int64
	// Garbage are keys that this entry holds besides Key.
	Garbage []Garbage
}

// Garbage is the key of bytes that are no longer, or not yet, an object's.
type Garbage struct {
	Key   string
	Since time.Time
	// Pending says that the bytes are not the object's yet: an upload that
	// replaces them is under way, or broke off.
	Pending bool
	// Doomed says that upkeep has begun to delete the bytes.
	Doomed bool
}

// Ref names an entry in a tenant: by ID, or by place when ID is "".
type Ref struct {
	Tenant    string
	ID        string
	Kind      Kind
	Container string
	Tier      Tier
	Owner     string
	Name      string
}

// Place returns the place of the entry.
func (e Entry) Place() Ref {
	return Ref{Tenant: e.Tenant, Kind: e.Kind, Container: e.Container, Tier: e.Tier, Owner: e.Owner, Name: e.Name}
}

// Expired reports whether the entry has run out at the given time.
func (e Entry) Expired(now time.Time) bool {
	return !e.ExpiresAt.IsZero() && !now.Before(e.ExpiresAt)
}

// Condition says what must hold for a Put to happen.
type Condition int64

// Put conditions besides IfVersion.
const (
	Always   Condition = -1
	IfAbsent Condition = 0
)

// IfVersion is the condition that the entry's version is n, which is at least 1.
func IfVersion(n int64) Condition { return Condition(n) }

// Scope is one tier and owner that a caller sees.
type Scope struct {
	Tier  Tier
	Owner string
}

// Query asks for entries. Everything that is set must hold.
type Query struct {
	Tenant     string   // required; "" is ErrInvalid
	Kind       Kind     // required
	State      State    // required
	Containers []string // any of these; nil is all
	Scopes     []Scope  // any of these, at most three; nil is all
	IDs        []string // any of these, at most 1000; nil is all

	Name     string // exactly this name, when not ""
	Prefix   string // names that begin so, literally; see NameRange
	Direct   bool   // only names without a '/' after Prefix
	Contains string // Fold(name) contains it; folded already

	Type                        string    // "type/subtype" or "type/*"; see MatchType
	CreatedAfter, CreatedBefore time.Time // both exclusive; zero is open
	AliveAt                     time.Time // not expired at that time; zero is no matter
	Where                       *Filter   // on Value; nil is all

	Sort   Sort
	After  *Position // strictly behind this position in the order of Sort
	Offset int
	Limit  int // required, at least 1
}

// SortField is what a page is ordered by.
type SortField string

// The sort fields; the zero value is SortName.
const (
	SortName    SortField = "name"
	SortCreated SortField = "created_at"
	SortUpdated SortField = "updated_at"
	SortSize    SortField = "size"
)

// Sort is an order of entries. It is total: SortName orders by name,
// container, tier and id, the others by their field and id; Desc turns the
// whole order round.
type Sort struct {
	Field SortField
	Desc  bool
}

// Position is a point in the order of a Sort.
type Position struct {
	Number    int64 // microseconds since 1970 or bytes; 0 for SortName
	Name      string
	Container string
	Tier      Tier
	ID        string
}

// Position returns where e stands in the order.
func (s Sort) Position(e Entry) Position {
	switch s.Field {
	case SortCreated:
		return Position{Number: e.CreatedAt.UnixMicro(), ID: e.ID}
	case SortUpdated:
		return Position{Number: e.UpdatedAt.UnixMicro(), ID: e.ID}
	case SortSize:
		if e.Content == nil {
			return Position{ID: e.ID}
		}
		return Position{Number: e.Content.Size, ID: e.ID}
	}
	return Position{Name: e.Name, Container: e.Container, Tier: e.Tier, ID: e.ID}
}

// Compare orders two positions: negative when a comes before b.
func (s Sort) Compare(a, b Position) int {
	c := cmp.Or(cmp.Compare(a.Number, b.Number), strings.Compare(a.Name, b.Name),
		strings.Compare(a.Container, b.Container), strings.Compare(string(a.Tier), string(b.Tier)),
		strings.Compare(a.ID, b.ID))
	if s.Desc {
		return -c
	}
	return c
}

// Page is the answer to a Query.
type Page struct {
	Entries []Entry
	Folders []string // only from a FolderLister
	More    bool     // whether something follows the last entry or folder
}

// NameRange returns the half-open range lo <= name < hi of the names that
// begin with q.Prefix, in byte order; hi "" is no upper bound. Both are valid UTF-8.
func (q Query) NameRange() (lo, hi string) { return prefixRange(q.Prefix) }

// Match reports whether e is one of the entries that q asks for. The memory
// backend runs it; what another backend compiles q to must mean the same.
func (q Query) Match(e *Entry) bool {
	return e.Tenant == q.Tenant && e.Kind == q.Kind && e.State == q.State &&
		(q.Containers == nil || slices.Contains(q.Containers, e.Container)) &&
		(q.Scopes == nil || slices.Contains(q.Scopes, Scope{e.Tier, e.Owner})) &&
		(q.IDs == nil || slices.Contains(q.IDs, e.ID)) &&
		q.matchName(e.Name) &&
		(q.Type == "" || e.Content != nil && MatchType(q.Type, e.Content.Type)) &&
		(q.CreatedAfter.IsZero() || e.CreatedAt.After(q.CreatedAfter)) &&
		(q.CreatedBefore.IsZero() || e.CreatedAt.Before(q.CreatedBefore)) &&
		(q.AliveAt.IsZero() || !e.Expired(q.AliveAt)) &&
		q.Where.Match(e.Value)
}

func (q Query) matchName(name string) bool {
	return (q.Name == "" || name == q.Name) &&
		strings.HasPrefix(name, q.Prefix) &&
		!(q.Direct && strings.Contains(name[len(q.Prefix):], "/")) &&
		(q.Contains == "" || strings.Contains(Fold(name), q.Contains))
}

// MatchType reports whether the stored media type is the pattern's: the same
// type and subtype, or the same type where the pattern ends in "/*".
// Parameters of the stored type do not count.
func MatchType(pattern, stored string) bool {
	essence, _, _ := strings.Cut(stored, ";")
	if top, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(essence, top)
	}
	return essence == pattern
}

// Scan asks for entries of all tenants: those with one of IDs when there are
// any; else, when DueBy is set, those whose DueAt is set and not after DueBy,
// earliest first; else all, in the order of their ids, behind After.
type Scan struct {
	IDs   []string
	DueBy time.Time
	After string
	Limit int // required unless IDs is set
}

// As finds the capability T in a backend or in what it wraps: v itself, or
// the first T that v's Unwrap() any methods lead to.
func As[T any](v any) (T, bool) {
	for v != nil {
		if t, ok := v.(T); ok {
			return t, true
		}
		u, ok := v.(interface{ Unwrap() any })
		if !ok {
			break
		}
		v = u.Unwrap()
	}
	var none T
	return none, false
}
