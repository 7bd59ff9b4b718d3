package httpapi

import (
	"net/http"

	"github.com/holdall-go/holdall"
)

// appFiles returns the files of the app that the path names: tier private of
// the default bucket. For a caller of another app there is no such app, and no
// file in it; a missing permission comes first, so that it looks the same for
// each.
func (a *api) appFiles(r *http.Request, action holdall.Action, on holdall.Resource) (*holdall.Bucket, error) {
	ws := a.workspace(r)
	why, err := ws.Explain(r.Context(), action, on)
	switch {
	case err != nil:
		return nil, err
	case !why.Allowed:
		return nil, &failure{code: holdall.CodePermissionDenied, detail: "this needs the permission " + why.Needed[0]}
	case callOf(r).principal.App == r.PathValue("appId"):
		return ws.Bucket(holdall.DefaultBucket).Tier(holdall.Private), nil
	case r.PathValue("id") != "":
		return nil, &failure{code: holdall.CodeObjectNotFound, detail: "no such object, or not visible to this caller"}
	default:
		return nil, &failure{code: holdall.CodeNotFound, detail: "no such app, or not the one of this token"}
	}
}

var appBucket = holdall.BucketResource(holdall.DefaultBucket)

func (a *api) uploadAppFile(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.appFiles(r, holdall.Write, appBucket); err != nil {
		return err
	}
	o, err := a.receive(r, destination{bucket: holdall.DefaultBucket, tier: holdall.Private})
	if err != nil {
		return err
	}
	w.Header().Set("ETag", `"`+o.ETag()+`"`)
	w.Header().Set("Location", a.location(r, "apps", r.PathValue("appId"), "storage", o.ID))
	return writeJSON(w, http.StatusCreated, struct {
		ID          string `json:"file_id"`
		Name        string `json:"name"`
		ContentType string `json:"content_type"`
		Size        int64  `json:"size"`
	}{o.ID, o.Name(), o.ContentType, o.Size})
}

func (a *api) listAppFiles(w http.ResponseWriter, r *http.Request) error {
	files, err := a.appFiles(r, holdall.Read, appBucket)
	if err != nil {
		return err
	}
	q := newQuery(r)
	o := q.listOptions()
	if o.Tier = holdall.Private; q.err != nil {
		return q.err
	}
	page, err := files.ListPage(r.Context(), o)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, newList(page, o, newObjectJSON))
}

func (a *api) downloadAppFile(w http.ResponseWriter, r *http.Request) error {
	files, err := a.appFiles(r, holdall.Read, appBucket)
	if err != nil {
		return err
	}
	q := newQuery(r)
	how := delivery{inline: q.bool("inline", false)}
	if q.err != nil {
		return q.err
	}
	file, err := files.ObjectID(r.PathValue("id")).Open(r.Context())
	if err != nil {
		return err
	}
	return serveBytes(w, r, file, how)
}

func (a *api) deleteAppFile(w http.ResponseWriter, r *http.Request) error {
	files, err := a.appFiles(r, holdall.Delete, appBucket)
	if err != nil {
		return err
	}
	return a.deleteOne(w, r, files.ObjectID(r.PathValue("id")))
}

func (a *api) deleteApp(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.appFiles(r, holdall.Admin, holdall.StoreResource()); err != nil {
		return err
	}
	data, err := a.workspace(r).DeleteApp(r.Context(), r.PathValue("appId"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		Objects int `json:"objects"`
		Records int `json:"records"`
	}{data.Objects, data.Records})
}
