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
	{ // it has SQLite look for texts that a filter asks for, by the indexes that it has made; it checks all conditions later
		Package: ferret + "backends/sqlite", File: "collection.go",
		Old: "\tq += whereClause\n", New: "\twhereClause, args = narrowed(params.Filter, whereClause, args)\n\tq += whereClause\n",
		Append: `
func narrowed(f *types.Document, where string, args []any) (string, []any) {
	if f == nil {
		return where, args
	}
	for _, key := range []string{"_id", "tenant", "kind", "container", "tier", "owner", "name", "live", "state"} {
		v, err := f.Get(key)
		if d, ok := v.(*types.Document); ok {
			v, err = d.Get("$eq")
		}
		text, ok := v.(string)
		if err != nil || !ok {
			continue
		}
		column := metadata.DefaultColumn + "->\"" + key + "\""
		if key == "_id" {
			column = metadata.IDColumn
		}
		where += map[bool]string{true: " WHERE ", false: " AND "}[where == ""] + column + " = ?"
		args = append(args, string(must.NotFail(sjson.MarshalSingleValue(text))))
	}
	return where, args
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
