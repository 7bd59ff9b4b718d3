package httpapi

import (
	"cmp"
	"net/http"

	"github.com/holdall-go/holdall"
)

type objectJSON struct {
	ID            string            `json:"id"`
	Tenant        string            `json:"tenant_id"`
	App           optional          `json:"app_id"`
	User          optional          `json:"user_id"`
	Tier          holdall.Tier      `json:"tier"`
	Bucket        string            `json:"bucket"`
	Name          string            `json:"name"`
	Path          string            `json:"path"`
	Size          int64             `json:"size"`
	ContentType   string            `json:"content_type"`
	Checksum      string            `json:"checksum"`
	BlobKey       string            `json:"minio_key"`
	Metadata      map[string]string `json:"metadata"`
	CreatedAt     timestamp         `json:"created_at"`
	UpdatedAt     timestamp         `json:"updated_at"`
	CreatedBy     optional          `json:"created_by"`
	UpdatedBy     optional          `json:"updated_by"`
	Source        string            `json:"source"`
	SourceType    string            `json:"source_type"`
	Deleted       bool              `json:"is_deleted"`
	DeletedAt     timestamp         `json:"deleted_at"`
	DeletedBy     optional          `json:"deleted_by"`
	SchemaVersion int               `json:"schema_version"`
	Version       int64             `json:"version"`
}

const schemaVersion = 1

func newObjectJSON(o holdall.ObjectInfo) objectJSON {
	return objectJSON{
		ID: o.ID, Tenant: o.Tenant, App: optional(o.App), User: optional(o.User), Tier: o.Tier,
		Bucket: o.Bucket, Name: o.Name(), Path: o.Path, Size: o.Size, ContentType: o.ContentType, Checksum: o.Checksum,
		BlobKey: o.BlobKey, Metadata: o.Metadata, CreatedAt: timestamp(o.CreatedAt), UpdatedAt: timestamp(o.UpdatedAt),
		CreatedBy: optional(o.CreatedBy), UpdatedBy: optional(o.UpdatedBy), Source: o.Source, SourceType: o.SourceType,
		Deleted: o.Deleted, DeletedAt: timestamp(o.DeletedAt), DeletedBy: optional(o.DeletedBy),
		SchemaVersion: schemaVersion, Version: o.Version,
	}
}

func writeObject(w http.ResponseWriter, r *http.Request, status int, o holdall.ObjectInfo) error {
	return writeTagged(w, r, status, o.VersionTag(), newObjectJSON(o))
}

// objectOf is the object that the path names by bucket and id.
func (a *api) objectOf(r *http.Request) *holdall.Object {
	return a.workspace(r).Bucket(r.PathValue("bucket")).ObjectID(r.PathValue("id"))
}

// listObjects answers with a page of a bucket, or of all when it is "".
func (a *api) listObjects(w http.ResponseWriter, r *http.Request, bucket string, q *query) error {
	o := q.listOptions()
	if q.err != nil {
		return q.err
	}
	ws := a.workspace(r)
	list := ws.ObjectsPage
	if bucket != "" {
		list = ws.Bucket(bucket).ListPage
	}
	page, err := list(r.Context(), o)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, newList(page, o, newObjectJSON))
}

func (a *api) listAllObjects(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	return a.listObjects(w, r, q.text("bucket"), q)
}

func (a *api) listObjectsOrStat(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("bucket")
	if !holdall.IsObjectID(name) {
		return a.listObjects(w, r, name, newQuery(r))
	}
	o, err := a.workspace(r).ObjectID(name).Stat(r.Context())
	if err != nil {
		return err
	}
	return writeObject(w, r, http.StatusOK, o)
}

func (a *api) updateObject(w http.ResponseWriter, r *http.Request) error {
	match, err := ifMatch(r.Header.Values("If-Match"))
	if err != nil {
		return err
	}
	b, err := readObject(w, r, maxObject)
	if err != nil {
		return err
	}
	u := holdall.ObjectUpdate{Path: b.textPtr("path"), Bucket: b.textPtr("bucket"), Metadata: b.metadata("metadata"),
		ContentType: b.textPtr("content_type"), IfMatch: match}
	if b.err != nil {
		return b.err
	}
	o, err := a.objectOf(r).Update(r.Context(), u)
	if err != nil {
		return err
	}
	return writeObject(w, r, http.StatusOK, o)
}

// copyObject copies to what the body names; what it leaves out is as in the
// original, the tier too.
func (a *api) copyObject(w http.ResponseWriter, r *http.Request) error {
	b, err := readObject(w, r, maxObject)
	if err != nil {
		return err
	}
	bucket, path, tier := b.text("bucket"), b.text("path"), holdall.Tier(b.text("tier"))
	if b.err != nil {
		return b.err
	}
	if bucket == "" || path == "" || tier == "" {
		from, err := a.objectOf(r).Stat(r.Context())
		if err != nil {
			return err
		}
		bucket, path, tier = cmp.Or(bucket, from.Bucket), cmp.Or(path, from.Path), cmp.Or(tier, from.Tier)
	}
	o, err := a.objectOf(r).Copy(r.Context(), a.workspace(r).Bucket(bucket).Tier(tier).Object(path))
	if err != nil {
		return err
	}
	w.Header().Set("Location", a.location(r, "storage", "objects", o.Bucket, o.ID))
	return writeObject(w, r, http.StatusCreated, o)
}

func (a *api) restoreObject(w http.ResponseWriter, r *http.Request) error {
	o, err := a.objectOf(r).Restore(r.Context())
	if err != nil {
		return err
	}
	return writeObject(w, r, http.StatusOK, o)
}

func (a *api) deleteObject(w http.ResponseWriter, r *http.Request) error {
	return a.deleteOne(w, r, a.objectOf(r))
}

func (a *api) deleteObjectByID(w http.ResponseWriter, r *http.Request) error {
	return a.deleteOne(w, r, a.workspace(r).ObjectID(r.PathValue("bucket")))
}

func (a *api) deleteOne(w http.ResponseWriter, r *http.Request, handle *holdall.Object) error {
	opts, err := deleteOptions(r)
	if err != nil {
		return err
	}
	o, err := handle.Delete(r.Context(), opts)
	if err != nil {
		return err
	}
	return writeObject(w, r, http.StatusOK, o)
}

func deleteOptions(r *http.Request) (*holdall.DeleteOptions, error) {
	match, err := ifMatch(r.Header.Values("If-Match"))
	if err != nil {
		return nil, err
	}
	q := newQuery(r)
	return &holdall.DeleteOptions{Purge: q.bool("purge", false), IfMatch: match}, q.err
}

type deleteErrorJSON struct {
	ID   string       `json:"id"`
	Code holdall.Code `json:"code"`
}

func (a *api) deleteObjects(w http.ResponseWriter, r *http.Request) error {
	b, err := readObject(w, r, maxObject)
	if err != nil {
		return err
	}
	ids := b.texts("ids")
	if b.err != nil {
		return b.err
	}
	results, err := a.workspace(r).Bucket(r.PathValue("bucket")).DeleteObjects(r.Context(), ids)
	if err != nil {
		return err
	}
	deleted, failed := []string{}, []deleteErrorJSON{}
	for _, res := range results {
		if res.Err == nil {
			deleted = append(deleted, res.ID)
		} else {
			failed = append(failed, deleteErrorJSON{res.ID, a.itemCode(r, res.Err)})
		}
	}
	return writeJSON(w, http.StatusOK, struct {
		Deleted []string          `json:"deleted"`
		Errors  []deleteErrorJSON `json:"errors"`
	}{deleted, failed})
}

// itemCode returns the code of one item's failure, and logs those that are
// ours, as fail does for a whole request.
func (a *api) itemCode(r *http.Request, err error) holdall.Code {
	f := failureOf(err)
	if f.httpStatus() >= 500 {
		a.log.ErrorContext(r.Context(), "item failed", "request_id", callOf(r).id, "error", err)
	}
	return f.code
}
