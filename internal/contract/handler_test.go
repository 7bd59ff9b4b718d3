package contract

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/httpapi"
	"github.com/holdall-go/holdall/httpapi/jwtauth"
)

// newHandler is the handler that the tests drive, over the store that the run
// is about or over the given backends.
func newHandler(t *testing.T, clock func() time.Time, backends *holdall.Backends) http.Handler {
	t.Helper()
	if backends == nil {
		b := stores[*storeName](t)
		backends = &b
	}
	store, err := holdall.New(holdall.Config{Catalog: backends.Catalog, Blobs: backends.Blobs, MaxObjectSize: maxObject, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	auth, err := jwtauth.New(jwtauth.HS256(jwtSecret), &jwtauth.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	h, err := httpapi.New(store, auth, &httpapi.Options{
		SigningKeys: []httpapi.SigningKey{{ID: "now", Secret: bytes.Repeat([]byte("n"), 32)}, {ID: "old", Secret: bytes.Repeat([]byte("o"), 32)}},
		Now:         clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}
