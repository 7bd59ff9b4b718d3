package mongo

import (
	"encoding/json"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/holdall-go/holdall"
)

// mirrorField is where a document has the mirror of its value.
const mirrorField = "m"

// compile returns the condition on documents that holds for exactly those
// values for which f matches. All that it asks for are strings below
// mirrorField: a path of f is escaped, and its operands are no operators.
func compile(f *holdall.Filter) bson.D {
	field := fieldOf(f.Path)
	switch f.Op {
	case holdall.OpAnd, holdall.OpOr:
		return combined(f)
	case holdall.OpNot:
		return not(compile(f.Args[0]))
	case holdall.OpEq:
		return is(field, "$eq", scalar(f.Value))
	case holdall.OpNe:
		return is(field, "$ne", scalar(f.Value))
	case holdall.OpIn:
		return is(field, "$in", scalars(f.List))
	case holdall.OpNin:
		return not(is(field, "$in", scalars(f.List)))
	case holdall.OpExists:
		return is(field, "$exists", string(f.Value) == "true")
	case holdall.OpPrefix:
		return within(field, scalar(f.Value))
	case holdall.OpContains:
		return is(field+"."+elements, "$eq", scalar(f.Value))
	}
	return ordered(field, f)
}

func is(field, op string, value any) bson.D {
	return bson.D{{Key: field, Value: bson.D{{Key: op, Value: value}}}}
}

func not(d bson.D) bson.D { return bson.D{{Key: "$nor", Value: bson.A{d}}} }

// nothing holds for no document, since every one has an id.
func nothing() bson.D { return is("_id", "$in", []string{}) }

func combined(f *holdall.Filter) bson.D {
	switch {
	case len(f.Args) > 0:
	case f.Op == holdall.OpAnd:
		return bson.D{}
	default:
		return nothing()
	}
	list := make(bson.A, len(f.Args))
	for i, arg := range f.Args {
		list[i] = compile(arg)
	}
	return bson.D{{Key: map[holdall.FilterOp]string{holdall.OpAnd: "$and", holdall.OpOr: "$or"}[f.Op], Value: list}}
}

// ordered compares with operands of one type: numbers or texts.
func ordered(field string, f *holdall.Filter) bson.D {
	operand := scalar(f.Value)
	least, beyond := numberKey, textKey
	if strings.HasPrefix(operand, textKey) {
		least, beyond = textKey, afterText
	}
	op := map[holdall.FilterOp]string{holdall.OpGt: "$gt", holdall.OpGte: "$gte", holdall.OpLt: "$lt", holdall.OpLte: "$lte"}[f.Op]
	bound := bson.E{Key: "$lt", Value: beyond}
	if f.Op == holdall.OpLt || f.Op == holdall.OpLte {
		bound = bson.E{Key: "$gte", Value: least}
	}
	return bson.D{{Key: field, Value: bson.D{{Key: op, Value: operand}, bound}}}
}

// within holds for strings that begin with the prefix.
func within(field, prefix string) bson.D {
	lo, hi := holdall.Query{Prefix: prefix}.NameRange()
	return bson.D{{Key: field, Value: bson.D{{Key: "$gte", Value: lo}, {Key: "$lt", Value: hi}}}}
}

func scalars(list []json.RawMessage) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = scalar(v)
	}
	return out
}

func fieldOf(path []string) string {
	var b strings.Builder
	b.WriteString(mirrorField)
	for _, name := range path {
		b.WriteByte('.')
		b.WriteString(escape(name))
	}
	return b.String()
}
