package httpapi

import (
	"math"
	"net/http"

	"github.com/holdall-go/holdall"
)

type bucketJSON struct {
	Name         string    `json:"name"`
	Public       bool      `json:"public"`
	MaxFileSize  *int64    `json:"max_file_size"`
	AllowedTypes []string  `json:"allowed_types"`
	CreatedAt    timestamp `json:"created_at"`
	UpdatedAt    timestamp `json:"updated_at"`
	CreatedBy    optional  `json:"created_by"`
}

func newBucket(b holdall.BucketInfo) bucketJSON {
	out := bucketJSON{
		Name: b.Name, Public: b.Public, AllowedTypes: b.AllowedTypes,
		CreatedAt: timestamp(b.CreatedAt), UpdatedAt: timestamp(b.UpdatedAt), CreatedBy: optional(b.CreatedBy),
	}
	if b.MaxObjectSize > 0 {
		out.MaxFileSize = &b.MaxObjectSize
	}
	return out
}

func (a *api) bucket(r *http.Request) *holdall.Bucket {
	return a.workspace(r).Bucket(r.PathValue("name"))
}

func (a *api) listBuckets(w http.ResponseWriter, r *http.Request) error {
	infos, err := a.workspace(r).Buckets(r.Context())
	if err != nil {
		return err
	}
	data := make([]bucketJSON, len(infos))
	for i, b := range infos {
		data[i] = newBucket(b)
	}
	return writeJSON(w, http.StatusOK, struct {
		Data  []bucketJSON `json:"data"`
		Total int          `json:"total"`
	}{data, len(data)})
}

// bucketUpdate reads the rules of a bucket; null takes a limit away.
func bucketUpdate(o *object) holdall.BucketUpdate {
	u := holdall.BucketUpdate{Public: o.bool("public")}
	if o.has("max_file_size") {
		n := o.int("max_file_size", 1, math.MaxInt64)
		u.MaxObjectSize = &n
	}
	if o.has("allowed_types") {
		types := o.texts("allowed_types")
		u.AllowedTypes = &types
	}
	return u
}

func (a *api) createBucket(w http.ResponseWriter, r *http.Request) error {
	o, err := readObject(w, r, maxObject)
	if err != nil {
		return err
	}
	name, u, rules := o.text("name"), bucketUpdate(o), holdall.BucketRules{}
	if o.err != nil {
		return o.err
	}
	if u.Public != nil {
		rules.Public = *u.Public
	}
	if u.MaxObjectSize != nil {
		rules.MaxObjectSize = *u.MaxObjectSize
	}
	if u.AllowedTypes != nil {
		rules.AllowedTypes = *u.AllowedTypes
	}
	b, err := a.workspace(r).Bucket(name).Create(r.Context(), &rules)
	if err != nil {
		return err
	}
	w.Header().Set("Location", a.location(r, "storage", "buckets", b.Name))
	return writeJSON(w, http.StatusCreated, newBucket(b))
}

func (a *api) getBucket(w http.ResponseWriter, r *http.Request) error {
	b, err := a.bucket(r).Stat(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, newBucket(b))
}

func (a *api) updateBucket(w http.ResponseWriter, r *http.Request) error {
	o, err := readObject(w, r, maxObject)
	if err != nil {
		return err
	}
	u := bucketUpdate(o)
	if o.err != nil {
		return o.err
	}
	b, err := a.bucket(r).Update(r.Context(), u)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, newBucket(b))
}

func (a *api) emptyBucket(w http.ResponseWriter, r *http.Request) error {
	n, err := a.bucket(r).Empty(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]int{"deleted": n})
}

func (a *api) deleteBucket(w http.ResponseWriter, r *http.Request) error {
	if err := a.bucket(r).Delete(r.Context()); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct{}{})
}
