package mongotest

import "github.com/holdall-go/holdall/internal/toolbuild"

const ferret = "github.com/FerretDB/FerretDB/internal/"

// patches make FerretDB several times as fast at what tests do. It reads whole
// collections for nearly every command; what it answers does not change.
var patches = []toolbuild.Patch{
	{ // it keeps the documents that it has decoded
		Package: ferret + "backends/sqlite", File: "query_iterator.go",
		Old: "sjson.Unmarshal(b)", New: "decoded(b)",
		Append: `
var documents struct {
	sync.Mutex
	m map[string]*types.Document
}

func decoded(b []byte) (*types.Document, error) {
	documents.Lock()
	defer documents.Unlock()
	if doc, ok := documents.m[string(b)]; ok {
		return doc.DeepCopy(), nil
	}
	doc, err := sjson.Unmarshal(b)
	if err != nil {
		return nil, err
	}
	if documents.m == nil || len(documents.m) > 20_000 {
		documents.m = map[string]*types.Document{}
	}
	documents.m[string(b)] = doc
	return doc.DeepCopy(), nil
}
`,
	},
	{ // it reads the one document that a filter names by its id, also beside other conditions, which it checks later
		Package: ferret + "backends/sqlite", File: "collection.go",
		Old: "\tq := prepareSelectClause(", New: "\tparams = byID(params)\n\tq := prepareSelectClause(",
		Append: `
func byID(params *backends.QueryParams) *backends.QueryParams {
	if params.Filter == nil {
		return params
	}
	id, err := params.Filter.Get("_id")
	if _, ok := id.(string); err != nil || !ok {
		return params
	}
	c := *params
	c.Filter = must.NotFail(types.NewDocument("_id", id))
	return &c
}
`,
	},
	{ // it does not look for objects that it has forgotten to close
		Package: ferret + "util/resource", File: "resource.go",
		Old: "func Track(obj any, token *Token) {", New: "func Track(obj any, token *Token) {\n\tif true {\n\t\treturn\n\t}",
	},
	{
		Package: ferret + "util/resource", File: "resource.go",
		Old: "func Untrack(obj any, token *Token) {", New: "func Untrack(obj any, token *Token) {\n\tif true {\n\t\treturn\n\t}",
	},
}
