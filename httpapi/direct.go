package httpapi

import (
	"math"
	"net/http"
	"time"

	"github.com/holdall-go/holdall"
)

// signDirectDownload answers with a link to the blob store. What the store
// answers with cannot have the headers of a download from here, but its type
// and disposition are the same: what may run script is never inline.
func (a *api) signDirectDownload(w http.ResponseWriter, r *http.Request, inline bool, expiresIn time.Duration) error {
	link, err := a.objectOf(r).PresignGet(r.Context(), expiresIn, func(o holdall.ObjectInfo) string {
		return contentDisposition(inline && inlineSafe(o.ContentType), o.Name())
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{"url": link.URL, "expires_at": timestamp(link.ExpiresAt)})
}

// signDirectUpload answers with a request to the blob store: a PUT when size
// and checksum are known, a form otherwise.
func signDirectUpload(w http.ResponseWriter, r *http.Request, b *object, target *holdall.Object, opts *holdall.PutOptions, expiresIn time.Duration) error {
	opts.Size, opts.Checksum = b.int("size", 0, math.MaxInt64), b.text("checksum")
	if b.err != nil {
		return b.err
	}
	link, err := target.PresignPut(r.Context(), expiresIn, opts)
	if err != nil {
		return err
	}
	answer := map[string]any{"url": link.URL, "method": link.Method, "id": link.ID, "expires_at": timestamp(link.ExpiresAt)}
	if link.Method == http.MethodPost {
		answer["fields"] = link.Fields
	} else {
		answer["headers"] = link.Header
	}
	return writeJSON(w, http.StatusOK, answer)
}

// completeUpload makes visible what was uploaded to the blob store.
func (a *api) completeUpload(w http.ResponseWriter, r *http.Request) error {
	o, err := a.objectOf(r).CompletePut(r.Context())
	if err != nil {
		return err
	}
	return a.writeUploaded(w, r, o)
}
