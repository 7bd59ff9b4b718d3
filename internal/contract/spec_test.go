package contract

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// base is where the description says that the API is.
const base = "/api/v1"

const specFile = "../../httpapi/openapi.yaml"

// spec is the description, ready to check answers against.
type spec struct {
	doc    *openapi3.T
	routes []specRoute
}

type specRoute struct {
	template string
	pattern  *regexp.Regexp
	item     *openapi3.PathItem
}

var loadSpec = sync.OnceValues(func() (*spec, error) {
	text, err := os.ReadFile(specFile)
	if err != nil {
		return nil, err
	}
	return parseSpec(text)
})

func parseSpec(text []byte) (*spec, error) {
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	err = doc.Validate(context.Background(), openapi3.EnableMultiError(), openapi3.EnableExamplesValidation(),
		openapi3.EnableSchemaPatternValidation(), openapi3.EnableSchemaDefaultsValidation())
	if err != nil {
		return nil, err
	}
	s := &spec{doc: doc}
	for template, item := range doc.Paths.Map() {
		s.routes = append(s.routes, specRoute{template, templatePattern(template), item})
	}
	slices.SortFunc(s.routes, func(a, b specRoute) int { // literal segments first, then the longest
		return cmp.Or(strings.Count(a.template, "{")-strings.Count(b.template, "{"), len(b.template)-len(a.template))
	})
	return s, nil
}

// templatePattern matches the addresses of a path. Two parameters run over
// slashes, which OpenAPI has no way to say.
func templatePattern(template string) *regexp.Regexp {
	p := regexp.QuoteMeta(template)
	p = strings.NewReplacer(`\{path\}`, `.+`, `\{key\}`, `.+`).Replace(p)
	p = regexp.MustCompile(`\\\{[a-zA-Z]+\\\}`).ReplaceAllString(p, `[^/]+`)
	return regexp.MustCompile("^" + p + "$")
}

// operation finds the operation that an address (below base, without its
// query) and a method name; nil when there is none.
func (s *spec) operation(method, path string) (*openapi3.Operation, specRoute) {
	for _, r := range s.routes {
		if r.pattern.MatchString(path) {
			if op := r.item.GetOperation(method); op != nil {
				return op, r
			}
		}
	}
	return nil, specRoute{}
}

// check holds one answer to the description and returns the operation's id,
// "" for an answer to an address or method that the description does not have.
func (s *spec) check(req *http.Request, path string, status int, header http.Header, body []byte) (string, error) {
	method := req.Method
	op, route := s.operation(method, path)
	if op == nil && method == http.MethodHead { // net/http answers HEAD wherever it answers GET
		op, route = s.operation(http.MethodGet, path)
	}
	if op == nil {
		return "", s.checkNowhere(req, status, header, body)
	}
	if status == http.StatusNotModified {
		return op.OperationID, checkNotModified(op, header, body)
	}
	asGet := req.Clone(context.Background()) // the library passes every answer to HEAD unseen
	if method == http.MethodHead {
		asGet.Method = http.MethodGet
		if len(body) > 0 {
			return op.OperationID, errors.New("an answer to HEAD has a body")
		}
	}
	return op.OperationID, validate(s.doc, asGet, route, op, status, header, body, method == http.MethodHead)
}

// checkNowhere holds the answer to a request that no operation describes.
func (s *spec) checkNowhere(req *http.Request, status int, header http.Header, body []byte) error {
	names := map[int]string{400: "BadRequest", 401: "Unauthenticated", 404: "NotFound", 405: "MethodNotAllowed"}
	ref := s.doc.Components.Responses[names[status]]
	if ref == nil {
		return fmt.Errorf("%d is not an answer to what the description does not have", status)
	}
	op := &openapi3.Operation{OperationID: "nowhere", Responses: openapi3.NewResponses(openapi3.WithStatus(status, ref))}
	return validate(s.doc, req, specRoute{}, op, status, header, body, req.Method == http.MethodHead)
}

func checkNotModified(op *openapi3.Operation, header http.Header, body []byte) error {
	switch {
	case op.Responses.Status(http.StatusNotModified) == nil:
		return errors.New("304 is not described")
	case len(body) > 0:
		return errors.New("304 has a body")
	case header.Get("ETag") == "" || header.Get("X-Request-Id") == "":
		return errors.New("304 lacks ETag or X-Request-Id")
	}
	return nil
}

func validate(doc *openapi3.T, req *http.Request, route specRoute, op *openapi3.Operation, status int, header http.Header, body []byte, headersOnly bool) error {
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: req,
			Route:   &routers.Route{Spec: doc, Path: route.template, PathItem: route.item, Method: req.Method, Operation: op},
		},
		Status: status,
		Header: header,
		Body:   io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true, ExcludeResponseBody: headersOnly,
		},
	})
}

// operations returns the ids of all operations.
func (s *spec) operations() map[string]*openapi3.Operation {
	all := map[string]*openapi3.Operation{}
	for _, r := range s.routes {
		for _, op := range r.item.Operations() {
			all[op.OperationID] = op
		}
	}
	return all
}

func TestDescriptionIsSound(t *testing.T) {
	s, err := loadSpec()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.routes {
		for method, op := range r.item.Operations() {
			where := method + " " + r.template
			if op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 {
				t.Errorf("%s lacks its id, summary or tag", where)
			}
			for status, resp := range op.Responses.Map() {
				lintResponse(t, where+" "+status, status, resp.Value)
			}
			if op.Security == nil && op.Responses.Status(401) == nil {
				t.Errorf("%s needs a token and has no 401", where)
			}
		}
	}
	if n := len(s.operations()); n != countOperations(s) {
		t.Errorf("two operations share an id: %d ids, %d operations", n, countOperations(s))
	}
	for name, ref := range s.doc.Components.Schemas {
		if ref.Value.Type.Is("object") && strings.HasPrefix(name, "Problem") && *ref.Value.AdditionalProperties.Has {
			t.Errorf("schema %s is open", name)
		}
	}
}

func countOperations(s *spec) (n int) {
	for _, r := range s.routes {
		n += len(r.item.Operations())
	}
	return n
}

func lintResponse(t *testing.T, where, status string, r *openapi3.Response) {
	t.Helper()
	if r.Headers["X-Request-Id"] == nil {
		t.Errorf("%s does not describe X-Request-Id", where)
	}
	types := slices.Sorted(maps.Keys(r.Content))
	if status >= "400" && !slices.Equal(types, []string{"application/problem+json"}) {
		t.Errorf("%s answers %v, not application/problem+json", where, types)
	}
	if (status == "429" || status == "503") && r.Headers["Retry-After"] == nil {
		t.Errorf("%s does not describe Retry-After", where)
	}
}
