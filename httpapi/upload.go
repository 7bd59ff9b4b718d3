package httpapi

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"github.com/holdall-go/holdall"
)

// destination is what the address of an upload says already; "" is left to
// the request.
type destination struct {
	bucket string
	tier   holdall.Tier
}

func (a *api) upload(w http.ResponseWriter, r *http.Request) error {
	o, err := a.receive(r, destination{bucket: r.PathValue("bucket")})
	if err != nil {
		return err
	}
	return a.writeUploaded(w, r, o)
}

// writeUploaded answers with the object; an upload's tag is that of its bytes.
func (a *api) writeUploaded(w http.ResponseWriter, r *http.Request, o holdall.ObjectInfo) error {
	w.Header().Set("ETag", `"`+o.ETag()+`"`)
	w.Header().Set("Location", a.location(r, "storage", "objects", o.Bucket, o.ID))
	return writeJSON(w, http.StatusCreated, newObjectJSON(o))
}

// receive stores the file that the request carries, in a form or as its body.
func (a *api) receive(r *http.Request, to destination) (holdall.ObjectInfo, error) {
	if err := uncoded(r); err != nil {
		return holdall.ObjectInfo{}, err
	}
	q := newQuery(r)
	opts := holdall.PutOptions{Replace: q.bool("replace", false)}
	labels := fields{dest: to, text: map[string]string{}}
	for _, name := range fieldNames {
		if s := q.text(name); s != "" {
			labels.text[name] = s
		}
	}
	if q.err != nil {
		return holdall.ObjectInfo{}, q.err
	}
	match, create, err := writeConditions(r)
	if err != nil {
		return holdall.ObjectInfo{}, err
	}
	if opts.IfMatch = match; create && opts.Replace {
		return holdall.ObjectInfo{}, badRequest("If-None-Match: * only creates; replace=true is the opposite")
	}
	// The type decides even where its parameters make no sense: a form is never stored as it is.
	contentType := r.Header.Get("Content-Type")
	if media, _, _ := strings.Cut(contentType, ";"); strings.EqualFold(strings.TrimSpace(media), "multipart/form-data") {
		_, params, _ := mime.ParseMediaType(contentType)
		return a.receiveForm(r, params["boundary"], opts, labels)
	}
	return a.receiveRaw(r, opts, labels)
}

// receiveRaw stores the body.
func (a *api) receiveRaw(r *http.Request, opts holdall.PutOptions, labels fields) (holdall.ObjectInfo, error) {
	if labels.text["path"] == "" {
		return holdall.ObjectInfo{}, &failure{code: holdall.CodeInvalidPath, detail: "?path= is missing; it says where the file goes"}
	}
	if err := labels.apply(&opts); err != nil {
		return holdall.ObjectInfo{}, err
	}
	opts.Size, opts.ContentType = r.ContentLength, r.Header.Get("Content-Type")
	return labels.object(a.workspace(r)).Put(r.Context(), r.Body, &opts)
}

// fieldNames are the fields of an upload, in a form or a query.
var fieldNames = []string{"path", "tier", "bucket", "metadata", "source", "source_type", "checksum"}

// fields are those of one upload that have come so far.
type fields struct {
	dest destination
	text map[string]string
}

// object is where the upload goes once all fields are known.
func (f fields) object(ws *holdall.Workspace) *holdall.Object {
	bucket := f.bucket()
	if bucket == "" {
		bucket = holdall.DefaultBucket
	}
	return ws.Bucket(bucket).Tier(f.tier()).Object(f.text["path"])
}

func (f fields) bucket() string {
	if f.dest.bucket != "" {
		return f.dest.bucket
	}
	return f.text["bucket"]
}

func (f fields) tier() holdall.Tier {
	if f.dest.tier != "" {
		return f.dest.tier
	}
	return holdall.Tier(f.text["tier"])
}

// apply puts the labels into the options.
func (f fields) apply(o *holdall.PutOptions) error {
	if b := f.text["bucket"]; b != "" && f.dest.bucket != "" && b != f.dest.bucket {
		return badRequest("the address names the bucket %s, the field bucket another", f.dest.bucket)
	}
	o.Source, o.SourceType, o.Checksum = f.text["source"], f.text["source_type"], f.text["checksum"]
	text := f.text["metadata"]
	if text == "" {
		return nil
	}
	if err := holdall.CheckJSON([]byte(text), holdall.MaxDepth); err != nil {
		return &failure{code: holdall.CodeInvalidJSON, detail: "metadata: " + err.Error()}
	}
	b := object{members: map[string]json.RawMessage{"metadata": json.RawMessage(text)}}
	o.Metadata = b.metadata("metadata")
	return b.err
}
