package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/holdall-go/holdall"
)

func (a *api) health(w http.ResponseWriter, r *http.Request) error {
	failed := a.store.Ping(r.Context())
	if len(failed) == 0 {
		return writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	}
	kinds := slices.Sorted(maps.Keys(failed))
	for _, kind := range kinds {
		a.log.WarnContext(r.Context(), "backend does not answer", "request_id", callOf(r).id, "backend", kind, "error", failed[kind])
	}
	return &failure{code: holdall.CodeUnavailable, detail: "not answering: " + strings.Join(kinds, ", ")}
}

func (a *api) openapi(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Content-Length", strconv.Itoa(len(openapiYAML)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(openapiYAML) // the client is gone, or not
	return nil
}
