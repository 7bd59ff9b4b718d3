package mongo

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/holdall-go/holdall"
)

// document is how an entry is stored. Times are microseconds since 1970: a
// Date of BSON has only milliseconds.
type document struct {
	ID      string `bson:"_id"`
	Version int64  `bson:"version"`
	// Leave is there while somebody looks whether the bucket may be deleted,
	// and LeaveUntil when others need not wait for that any more.
	Leave      string `bson:"leave,omitempty"`
	LeaveUntil int64  `bson:"leave_until,omitempty"`
	Origin     origin `bson:",inline"`
	Fields     fields `bson:",inline"`
}

// origin is what a put by place keeps.
type origin struct {
	Created   int64  `bson:"created"`
	CreatedBy string `bson:"created_by"`
}

// fields are what every put sets.
type fields struct {
	Place place  `bson:",inline"`
	State string `bson:"state"`
	// Live is "" in a live entry and else a text that nobody else has, so that
	// a unique index of places holds for live entries only.
	Live string `bson:"live"`
	// Op is new at every write: it tells whether a write whose reply was lost
	// has been done.
	Op string `bson:"op"`

	Updated   int64  `bson:"updated"`
	Deleted   *int64 `bson:"deleted"`
	UpdatedBy string `bson:"updated_by"`
	DeletedBy string `bson:"deleted_by"`
	TTL       int64  `bson:"ttl"` // seconds
	Expires   *int64 `bson:"expires"`
	Due       *int64 `bson:"due"`
	// ExpiresAt is Expires of a live record once more, for the server's own
	// removal; nothing else looks at it.
	ExpiresAt *bson.DateTime `bson:"expires_at"`

	Size    int64  `bson:"size"`    // bytes; 0 without content
	Type    string `bson:"type"`    // of the content, without parameters
	Slashes int    `bson:"slashes"` // in the name
	Folded  string `bson:"folded"`  // the name, by holdall.Fold

	Value   *string  `bson:"value"`
	Mirror  bson.D   `bson:"m"`
	Content *content `bson:"content"`
}

// replacement is what a put by id sets.
type replacement struct {
	Version int64  `bson:"version"`
	Origin  origin `bson:",inline"`
	Fields  fields `bson:",inline"`
}

// place is the key by which a collection can be sharded.
type place struct {
	Tenant    string `bson:"tenant"`
	Kind      string `bson:"kind"`
	Container string `bson:"container"`
	Tier      string `bson:"tier"`
	Owner     string `bson:"owner"`
	Name      string `bson:"name"`
}

type content struct {
	Key        string    `bson:"key"`
	Size       int64     `bson:"size"`
	Checksum   string    `bson:"checksum"`
	Type       string    `bson:"type"`
	Source     string    `bson:"source"`
	SourceType string    `bson:"source_type"`
	Edition    int64     `bson:"edition"`
	Garbage    []garbage `bson:"garbage"`
}

type garbage struct {
	Key     string `bson:"key"`
	Since   int64  `bson:"since"`
	Pending bool   `bson:"pending,omitempty"`
	Doomed  bool   `bson:"doomed,omitempty"`
}

// maxDocument leaves room for what a document has besides its fields; the
// limit of 16 MiB is the server's (MongoDB manual, Limits and Thresholds).
const maxDocument = 16<<20 - 4<<10

// draft is an entry on its way into the database.
type draft struct {
	holdall.Entry        // as it will be read back
	fields        fields // of Entry
	set           bson.Raw
}

// newDraft prepares a write of e. Each write needs a draft of its own.
func newDraft(e holdall.Entry) (*draft, error) {
	d := &draft{Entry: normal(e)}
	d.fields = fieldsFrom(&d.Entry)
	set, err := bson.Marshal(d.fields)
	if err != nil {
		return nil, fmt.Errorf("mongo: %w: %w", holdall.ErrInvalid, err)
	}
	if len(set) > maxDocument {
		return nil, fmt.Errorf("mongo: %w: the entry makes a document of %d bytes, the server takes %d", holdall.ErrTooLarge, len(set), maxDocument)
	}
	d.set = set
	return d, nil
}

func (d *draft) live() bool { return d.State == holdall.StateLive }

func fieldsFrom(e *holdall.Entry) fields {
	essence := ""
	f := fields{
		Place: placeOf(e.Place()), State: string(e.State), Op: rand.Text(),
		Updated: e.UpdatedAt.UnixMicro(), Deleted: stamp(e.DeletedAt), UpdatedBy: e.UpdatedBy, DeletedBy: e.DeletedBy,
		TTL: int64(e.TTL / time.Second), Expires: stamp(e.ExpiresAt), Due: stamp(e.DueAt),
		Slashes: strings.Count(e.Name, "/"), Folded: holdall.Fold(e.Name), Mirror: mirror(e.Value),
	}
	if e.State != holdall.StateLive {
		f.Live = f.Op
	}
	if e.State == holdall.StateLive && e.Kind == holdall.KindRecord && !e.ExpiresAt.IsZero() {
		at := bson.NewDateTimeFromTime(e.ExpiresAt)
		f.ExpiresAt = &at
	}
	if len(e.Value) > 0 {
		text := string(e.Value)
		f.Value = &text
	}
	if c := e.Content; c != nil {
		essence, _, _ = strings.Cut(c.Type, ";")
		f.Size, f.Type = c.Size, essence
		f.Content = &content{Key: c.Key, Size: c.Size, Checksum: c.Checksum, Type: c.Type, Source: c.Source, SourceType: c.SourceType, Edition: c.Edition}
		for _, g := range c.Garbage {
			f.Content.Garbage = append(f.Content.Garbage, garbage{g.Key, g.Since.UnixMicro(), g.Pending, g.Doomed})
		}
	}
	return f
}

func placeOf(r holdall.Ref) place {
	return place{r.Tenant, string(r.Kind), r.Container, string(r.Tier), r.Owner, r.Name}
}

// where is the condition that a document is at the place: the full shard key.
func (p place) where() bson.D {
	return bson.D{
		{Key: "tenant", Value: p.Tenant}, {Key: "kind", Value: p.Kind}, {Key: "container", Value: p.Container},
		{Key: "tier", Value: p.Tier}, {Key: "owner", Value: p.Owner}, {Key: "name", Value: p.Name},
	}
}

func (d *document) entry() holdall.Entry {
	f, p := &d.Fields, &d.Fields.Place
	e := holdall.Entry{
		ID: d.ID, Kind: holdall.Kind(p.Kind), Tenant: p.Tenant, Container: p.Container, Tier: holdall.Tier(p.Tier), Owner: p.Owner, Name: p.Name,
		State: holdall.State(f.State), Version: d.Version,
		CreatedAt: moment(&d.Origin.Created), UpdatedAt: moment(&f.Updated), DeletedAt: moment(f.Deleted),
		CreatedBy: d.Origin.CreatedBy, UpdatedBy: f.UpdatedBy, DeletedBy: f.DeletedBy,
		TTL: time.Duration(f.TTL) * time.Second, ExpiresAt: moment(f.Expires), DueAt: moment(f.Due),
	}
	if f.Value != nil {
		e.Value = []byte(*f.Value)
	}
	if c := f.Content; c != nil {
		e.Content = &holdall.Content{Key: c.Key, Size: c.Size, Checksum: c.Checksum, Type: c.Type, Source: c.Source, SourceType: c.SourceType, Edition: c.Edition}
		for _, g := range c.Garbage {
			e.Content.Garbage = append(e.Content.Garbage, holdall.Garbage{Key: g.Key, Since: moment(&g.Since), Pending: g.Pending, Doomed: g.Doomed})
		}
	}
	return e
}

// expired reports whether the document counts as absent at the time.
func (d *document) expired(now time.Time) bool {
	return d.Fields.Live == "" && d.Fields.Expires != nil && *d.Fields.Expires <= now.UnixMicro()
}

// stamp is a time of which the zero value is null.
func stamp(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	n := t.UnixMicro()
	return &n
}

func moment(n *int64) time.Time {
	if n == nil {
		return time.Time{}
	}
	return time.UnixMicro(*n).UTC()
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
