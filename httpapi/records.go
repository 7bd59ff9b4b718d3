package httpapi

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/holdall-go/holdall"
)

type recordJSON struct {
	ID            string          `json:"id"`
	Tenant        string          `json:"tenant_id"`
	App           optional        `json:"app_id"`
	User          optional        `json:"user_id"`
	Tier          holdall.Tier    `json:"tier"`
	Collection    string          `json:"collection"`
	Key           string          `json:"key"`
	Value         json.RawMessage `json:"value"`
	TTL           *int64          `json:"ttl"`
	ExpiresAt     timestamp       `json:"expires_at"`
	Version       int64           `json:"version"`
	CreatedAt     timestamp       `json:"created_at"`
	UpdatedAt     timestamp       `json:"updated_at"`
	CreatedBy     optional        `json:"created_by"`
	UpdatedBy     optional        `json:"updated_by"`
	Deleted       bool            `json:"is_deleted"`
	DeletedAt     timestamp       `json:"deleted_at"`
	DeletedBy     optional        `json:"deleted_by"`
	SchemaVersion int             `json:"schema_version"`
}

func newRecordJSON(r holdall.RecordInfo) recordJSON {
	out := recordJSON{
		ID: r.ID, Tenant: r.Tenant, App: optional(r.App), User: optional(r.User), Tier: r.Tier,
		Collection: r.Collection, Key: r.Key, Value: r.Value, ExpiresAt: timestamp(r.ExpiresAt), Version: r.Version,
		CreatedAt: timestamp(r.CreatedAt), UpdatedAt: timestamp(r.UpdatedAt),
		CreatedBy: optional(r.CreatedBy), UpdatedBy: optional(r.UpdatedBy),
		Deleted: r.Deleted, DeletedAt: timestamp(r.DeletedAt), DeletedBy: optional(r.DeletedBy), SchemaVersion: schemaVersion,
	}
	if r.TTL > 0 {
		seconds := int64(r.TTL / time.Second)
		out.TTL = &seconds
	}
	return out
}

func writeRecord(w http.ResponseWriter, r *http.Request, status int, rec holdall.RecordInfo) error {
	return writeTagged(w, r, status, rec.VersionTag(), newRecordJSON(rec))
}

// recordOf is the record that the path and ?tier= name.
func (a *api) recordOf(r *http.Request) (*holdall.Record, error) {
	q := newQuery(r)
	tier := holdall.Tier(q.text("tier"))
	return a.workspace(r).Collection(r.PathValue("collection")).Tier(tier).Record(r.PathValue("key")), q.err
}

// listRecords answers with a page of a collection, or of all when it is "".
func (a *api) listRecords(w http.ResponseWriter, r *http.Request, collection string, q *query) error {
	o := q.listOptions()
	if q.err != nil {
		return q.err
	}
	o.Delimiter, o.ContentType = "", "" // not of records
	ws := a.workspace(r)
	list := ws.RecordsPage
	if collection != "" {
		list = ws.Collection(collection).ListPage
	}
	page, err := list(r.Context(), o)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, newList(page, o, newRecordJSON))
}

func (a *api) listAllRecords(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	return a.listRecords(w, r, q.text("collection"), q)
}

func (a *api) listRecordsOrGet(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("collection")
	if !holdall.IsRecordID(name) {
		return a.listRecords(w, r, name, newQuery(r))
	}
	rec, err := a.workspace(r).RecordID(name).Get(r.Context())
	if err != nil {
		return err
	}
	return writeRecord(w, r, http.StatusOK, rec)
}

func (a *api) getRecord(w http.ResponseWriter, r *http.Request) error {
	handle, err := a.recordOf(r)
	if err != nil {
		return err
	}
	rec, err := handle.Get(r.Context())
	if err != nil {
		return err
	}
	return writeRecord(w, r, http.StatusOK, rec)
}

// valueLimit bounds a body that carries a record, in bytes: its value, and what
// stands around it.
func (a *api) valueLimit() int64 { return int64(a.store.MaxValueSize()) + 64<<10 }

func (a *api) putRecord(w http.ResponseWriter, r *http.Request) error {
	b, err := readObject(w, r, a.valueLimit())
	if err != nil {
		return err
	}
	return a.put(w, r, b, r.PathValue("collection"), r.PathValue("key"))
}

func (a *api) putRecordByBody(w http.ResponseWriter, r *http.Request) error {
	b, err := readObject(w, r, a.valueLimit())
	if err != nil {
		return err
	}
	collection, key := b.text("collection"), b.text("key")
	if b.err != nil {
		return b.err
	}
	return a.put(w, r, b, collection, key)
}

func (a *api) put(w http.ResponseWriter, r *http.Request, b *object, collection, key string) error {
	value, ok := b.members["value"]
	if !ok {
		return badRequest("value is missing; it is any JSON value")
	}
	q := newQuery(r)
	tier, fromQuery := b.text("tier"), q.text("tier")
	if q.err == nil && tier != "" && fromQuery != "" && tier != fromQuery {
		q.fail("tier is one in the body and another in the query")
	}
	if tier == "" {
		tier = fromQuery
	}
	opts := holdall.RecordOptions{TTL: b.ttl()}
	if b.err != nil || q.err != nil {
		return firstOf(b.err, q.err)
	}
	var err error
	if opts.IfMatch, opts.IfAbsent, err = writeConditions(r); err != nil {
		return err
	}
	rec, err := a.workspace(r).Collection(collection).Tier(holdall.Tier(tier)).Record(key).Put(r.Context(), value, &opts)
	if err != nil {
		return err
	}
	status := putStatus(rec)
	if status == http.StatusCreated {
		w.Header().Set("Location", a.location(r, "storage", "records", rec.ID))
	}
	return writeRecord(w, r, status, rec)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// putStatus is 201 for a record that is new, else 200.
func putStatus(rec holdall.RecordInfo) int {
	if rec.Version == 1 {
		return http.StatusCreated
	}
	return http.StatusOK
}

func (o *object) ttl() time.Duration {
	return time.Duration(o.int("ttl", 1, int64(holdall.MaxTTL/time.Second))) * time.Second
}

func (a *api) patchRecord(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Accept-Patch", mergePatch)
	patch, err := readJSON(w, r, a.valueLimit(), func(media string) bool { return media == mergePatch })
	if err != nil {
		return err
	}
	handle, err := a.recordOf(r)
	if err != nil {
		return err
	}
	match, err := ifMatch(r.Header.Values("If-Match"))
	if err != nil {
		return err
	}
	rec, err := handle.Patch(r.Context(), patch, &holdall.PatchOptions{IfMatch: match})
	if err != nil {
		return err
	}
	return writeRecord(w, r, http.StatusOK, rec)
}

func (a *api) deleteRecord(w http.ResponseWriter, r *http.Request) error {
	handle, err := a.recordOf(r)
	if err != nil {
		return err
	}
	return a.deleteOneRecord(w, r, handle)
}

func (a *api) deleteRecordByID(w http.ResponseWriter, r *http.Request) error {
	return a.deleteOneRecord(w, r, a.workspace(r).RecordID(r.PathValue("collection")))
}

func (a *api) deleteOneRecord(w http.ResponseWriter, r *http.Request, handle *holdall.Record) error {
	opts, err := deleteOptions(r)
	if err != nil {
		return err
	}
	rec, err := handle.Delete(r.Context(), opts)
	if err != nil {
		return err
	}
	return writeRecord(w, r, http.StatusOK, rec)
}
