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

// selected are the columns that scanEntry reads.
func selected(alias string) string {
	var b strings.Builder
	for _, c := range columns {
		if c != "name_folded" {
			b.WriteString(alias + "." + c + ", ")
		}
	}
	return b.String() + alias + ".version"
}

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

// scanEntry reads one row of selected.
func scanEntry(row pgx.Row, before ...any) (holdall.Entry, error) {
	var (
		e                                              holdall.Entry
		kind, tier, state                              string
		created, updated, deleted, expires, due        stamp
		ttl                                            int64
		value                                          []byte
		blobKey, checksum, mediaType, source, sourceTy pgtype.Text
		size, edition                                  pgtype.Int8
		stored                                         []byte
	)
	err := row.Scan(append(before, &kind, &e.Tenant, &e.Container, &tier, &e.Owner, &e.Name, &state,
		&updated, &deleted, &e.UpdatedBy, &e.DeletedBy, &ttl, &expires, &due, &value,
		&blobKey, &size, &checksum, &mediaType, &source, &sourceTy, &edition, &stored,
		&e.ID, &created, &e.CreatedBy, &e.Version)...)
	if err != nil {
		return holdall.Entry{}, err
	}
	e.Kind, e.Tier, e.State = holdall.Kind(kind), holdall.Tier(tier), holdall.State(state)
	e.CreatedAt, e.UpdatedAt, e.DeletedAt = time.Time(created), time.Time(updated), time.Time(deleted)
	e.ExpiresAt, e.DueAt = time.Time(expires), time.Time(due)
	e.TTL, e.Value = time.Duration(ttl)*time.Second, value
	if size.Valid {
		e.Content = &holdall.Content{Key: blobKey.String, Size: size.Int64, Checksum: checksum.String, Type: mediaType.String,
			Source: source.String, SourceType: sourceTy.String, Edition: edition.Int64}
		e.Content.Garbage, err = readGarbage(stored)
	}
	return e, err
}

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
