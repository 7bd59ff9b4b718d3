package httpapi

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

// TestEveryRouteIsDescribed holds the routing table and openapi.yaml to each
// other: neither has an operation that the other lacks.
func TestEveryRouteIsDescribed(t *testing.T) {
	backend := memory.New()
	store, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend})
	require.NoError(t, err)
	h, err := New(store, nobody{}, &Options{SigningKeys: []SigningKey{testKey("a", 1)}})
	require.NoError(t, err)
	a, ok := h.(*api)
	require.True(t, ok)

	described := describedOperations(string(openapiYAML))
	require.NotEmpty(t, described)
	served := map[string]bool{}
	for _, rt := range a.routes() {
		method, path, hasMethod := strings.Cut(rt.pattern, " ")
		path, inBase := strings.CutPrefix(path, a.base)
		if hasMethod && inBase { // the others refuse, or serve an alias
			served[method+" "+anyName(path)] = true
		}
	}
	assert.Equal(t, described, served)
}

// describedOperations reads the paths and methods of the description, which
// stand at fixed depths. HEAD goes with GET.
func describedOperations(text string) map[string]bool {
	_, paths, _ := strings.Cut(text, "\npaths:\n")
	paths, _, _ = strings.Cut(paths, "\ncomponents:\n")
	line := regexp.MustCompile(`(?m)^  (/\S+):$|^    (get|post|put|patch|delete):$`)
	operations := map[string]bool{}
	path := ""
	for _, m := range line.FindAllStringSubmatch(paths, -1) {
		if m[1] != "" {
			path = m[1]
			continue
		}
		operations[strings.ToUpper(m[2])+" "+anyName(path)] = true
	}
	return operations
}

// anyName takes the names out of a path's parameters.
func anyName(path string) string { return regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(path, "{}") }

// nobody is an Authenticator to whom every request is anonymous.
type nobody struct{}

func (nobody) Authenticate(*http.Request) (holdall.Principal, bool, error) {
	return holdall.Principal{}, false, nil
}
