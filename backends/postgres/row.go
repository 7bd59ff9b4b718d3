package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/holdall-go/holdall"
)

// columns are those of an entry, in the order of rowArgs. The last three are
// what a put by place keeps of the old entry.
var columns = []string{
	"kind", "tenant", "container", "tier", "owner", "name", "state",
	"updated_at", "deleted_at", "updated_by", "deleted_by", "ttl", "expires_at", "due_at", "value",
	"blob_key", "size", "checksum", "type", "source", "source_type", "edition", "garbage", "name_folded",
	"id", "created_at", "created_by",
}

const kept = 3

// param returns the parameter of a column in a statement that takes rowArgs.
func param(column string) string {
	return fmt.Sprintf("$%d", slices.Index(columns, column)+1)
}

// The columns that are read, in the order of row's targets. Who asks for a
// place knows the first, and only objects have the last.
var (
	placeColumns   = []string{"kind", "tenant", "container", "tier", "owner", "name", "state"}
	lifeColumns    = []string{"updated_at", "deleted_at", "updated_by", "deleted_by", "ttl", "expires_at", "due_at", "value", "id", "created_at", "created_by", "version"}
	contentColumns = []string{"blob_key", "size", "checksum", "type", "source", "source_type", "edition", "garbage"}
)

// selected are the columns that scanEntry reads, of the table e.
var selected = listed(placeColumns, lifeColumns, contentColumns)

func listed(groups ...[]string) string { return "e." + strings.Join(slices.Concat(groups...), ", e.") }

// stamp is a time of which the zero value is null.
type stamp time.Time

func (s stamp) TimestamptzValue() (pgtype.Timestamptz, error) {
	t := time.Time(s)
	return pgtype.Timestamptz{Time: t, Valid: !t.IsZero()}, nil
}

func (s *stamp) ScanTimestamptz(v pgtype.Timestamptz) error {
	*s = stamp{}
	if v.Valid {
		*s = stamp(v.Time.UTC())
	}
	return nil
}

// garbage is how a key of Content.Garbage is stored.
type garbage struct {
	Key     string    `json:"key"`
	Since   time.Time `json:"since"`
	Pending bool      `json:"pending,omitempty"`
	Doomed  bool      `json:"doomed,omitempty"`
}

// rowArgs are the arguments of a statement that writes e.
func rowArgs(e *holdall.Entry) []any {
	args := []any{
		string(e.Kind), e.Tenant, e.Container, string(e.Tier), e.Owner, e.Name, string(e.State),
		e.UpdatedAt, stamp(e.DeletedAt), e.UpdatedBy, e.DeletedBy, int64(e.TTL / time.Second),
		stamp(e.ExpiresAt), stamp(e.DueAt), jsonArg(e.Value),
		nil, nil, nil, nil, nil, nil, nil, nil, folded(e.Name),
		e.ID, e.CreatedAt, e.CreatedBy,
	}
	if c := e.Content; c != nil {
		copy(args[15:], []any{c.Key, c.Size, c.Checksum, c.Type, c.Source, c.SourceType, c.Edition, garbageArg(c.Garbage)})
	}
	return args
}

// jsonArg passes JSON as text: every exec mode of pgx takes that for jsonb.
func jsonArg(value json.RawMessage) any {
	if len(value) == 0 {
		return nil
	}
	return string(value)
}

func folded(name string) any {
	if f := holdall.Fold(name); f != name {
		return f
	}
	return nil
}

func garbageArg(list []holdall.Garbage) any {
	if len(list) == 0 {
		return nil
	}
	stored := make([]garbage, len(list))
	for i, g := range list {
		stored[i] = garbage(g)
	}
	text, _ := json.Marshal(stored) // strings, times and bools: cannot fail
	return string(text)
}

// row is an entry while it is read.
type row struct {
	e                                              holdall.Entry
	kind, tier, state                              string
	created, updated, deleted, expires, due        stamp
	ttl                                            int64
	blobKey, checksum, mediaType, source, sourceTy pgtype.Text
	size, edition                                  pgtype.Int8
	garbage                                        []byte
}

func (r *row) place() []any {
	return []any{&r.kind, &r.e.Tenant, &r.e.Container, &r.tier, &r.e.Owner, &r.e.Name, &r.state}
}

func (r *row) life() []any {
	return []any{&r.updated, &r.deleted, &r.e.UpdatedBy, &r.e.DeletedBy, &r.ttl, &r.expires, &r.due, (*[]byte)(&r.e.Value),
		&r.e.ID, &r.created, &r.e.CreatedBy, &r.e.Version}
}

func (r *row) content() []any {
	return []any{&r.blobKey, &r.size, &r.checksum, &r.mediaType, &r.source, &r.sourceTy, &r.edition, &r.garbage}
}

// entry is what has been read, but for the place.
func (r *row) entry() (e holdall.Entry, err error) {
	e = r.e
	e.CreatedAt, e.UpdatedAt, e.DeletedAt = time.Time(r.created), time.Time(r.updated), time.Time(r.deleted)
	e.ExpiresAt, e.DueAt = time.Time(r.expires), time.Time(r.due)
	e.TTL = time.Duration(r.ttl) * time.Second
	if r.size.Valid {
		e.Content = &holdall.Content{Key: r.blobKey.String, Size: r.size.Int64, Checksum: r.checksum.String, Type: r.mediaType.String,
			Source: r.source.String, SourceType: r.sourceTy.String, Edition: r.edition.Int64}
		e.Content.Garbage, err = readGarbage(r.garbage)
	}
	return e, err
}

// scanEntry reads one row of selected.
func scanEntry(from pgx.Row, before ...any) (holdall.Entry, error) {
	var r row
	if err := from.Scan(slices.Concat(before, r.place(), r.life(), r.content())...); err != nil {
		return holdall.Entry{}, err
	}
	r.e.Kind, r.e.Tier, r.e.State = holdall.Kind(r.kind), holdall.Tier(r.tier), holdall.State(r.state)
	return r.entry()
}

// scanAt reads one row of lifeColumns, and of contentColumns where there are
// any, of the live entry at a place.
func scanAt(from pgx.Row, at holdall.Ref) (holdall.Entry, error) {
	r := row{e: holdall.Entry{Kind: at.Kind, Tenant: at.Tenant, Container: at.Container, Tier: at.Tier, Owner: at.Owner, Name: at.Name, State: holdall.StateLive}}
	targets := r.life()
	if hasContent(at.Kind) {
		targets = append(targets, r.content()...)
	}
	if err := from.Scan(targets...); err != nil {
		return holdall.Entry{}, err
	}
	return r.entry()
}

// hasContent reports whether entries of that kind may have bytes: a record
// has none (see holdall.Entry).
func hasContent(k holdall.Kind) bool { return k == holdall.KindObject }

func readGarbage(text []byte) ([]holdall.Garbage, error) {
	if text == nil {
		return nil, nil
	}
	var stored []garbage
	if err := json.Unmarshal(text, &stored); err != nil {
		return nil, fmt.Errorf("postgres: column garbage: %w", err)
	}
	list := make([]holdall.Garbage, len(stored))
	for i, g := range stored {
		list[i] = holdall.Garbage(g)
		list[i].Since = list[i].Since.UTC()
	}
	return list, nil
}

// scanEntries reads all rows of selected.
func scanEntries(rows pgx.Rows) ([]holdall.Entry, error) {
	defer rows.Close()
	var list []holdall.Entry
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

// normal returns e as it will be read back, sharing no memory with it.
func normal(e holdall.Entry) holdall.Entry {
	for _, t := range []*time.Time{&e.CreatedAt, &e.UpdatedAt, &e.DeletedAt, &e.ExpiresAt, &e.DueAt} {
		*t = micro(*t)
	}
	e.TTL = e.TTL.Truncate(time.Second)
	e.Value = slices.Clone(e.Value)
	if e.Content == nil {
		return e
	}
	c := *e.Content
	c.Garbage = append([]holdall.Garbage(nil), c.Garbage...)
	for i := range c.Garbage {
		c.Garbage[i].Since = micro(c.Garbage[i].Since)
	}
	e.Content = &c
	return e
}

func micro(t time.Time) time.Time { return time.UnixMicro(t.UnixMicro()).UTC() }
