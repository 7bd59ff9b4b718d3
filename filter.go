package holdall

import (
	"bytes"
	"encoding/json"
	"strings"
)

// FilterOp is what a [Filter] does.
type FilterOp uint8

// The closed set of operators. And, Or and Not combine Args; In and Nin look at
// List; the others compare with Value.
const (
	OpAnd FilterOp = iota
	OpOr
	OpNot
	OpEq
	OpNe
	OpGt
	OpGte
	OpLt
	OpLte
	OpIn
	OpNin
	OpExists
	OpPrefix
	OpContains
)

var filterOpNames = [...]string{"and", "or", "not", "eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "exists", "prefix", "contains"}

// String returns the operator as it is written in a filter, such as "gte".
func (op FilterOp) String() string {
	if int(op) < len(filterOpNames) {
		return filterOpNames[op]
	}
	return "unknown"
}

// Filter is a condition on a JSON value, as [ParseFilter] makes it from the
// where language. A nil *Filter holds for every value. It is not changed once it
// is made, so any number of goroutines may use it.
//
// A backend compiles it into its own queries. They must select exactly the
// values for which Match holds; it is the reference.
type Filter struct {
	// Op says which of the fields below are set.
	Op FilterOp
	// Path holds the names of the members to follow from the value's top, at
	// least one, for all but And, Or and Not. It leads through objects only: an
	// array or a scalar on the way makes the member a missing one.
	Path []string
	// Value is the operand, a scalar without white space around it and without
	// escapes that are not needed: of Eq, Ne and Contains any scalar, of Gt,
	// Gte, Lt and Lte a number or a string, of Prefix a string, of Exists true
	// or false.
	Value json.RawMessage
	// List holds the operands of In and Nin, written as Value is; it may be
	// empty: In nothing never holds, Nin nothing always does.
	List []json.RawMessage
	// Args are the operands of And (none: it always holds), Or (one at least)
	// and Not (exactly one).
	Args []*Filter
}

// Match reports whether the filter holds for value, which must have passed
// [CheckJSON].
//
// Scalars are equal when they are of one JSON type and have the same value:
// numbers by their exact decimal value, strings by their bytes. A missing member
// equals nothing; null is a value. Eq and In hold for an equal member, Ne and
// Nin exactly where these do not. Gt, Gte, Lt and Lte hold only for a member of
// the operand's type. Prefix holds for a string that begins with the operand,
// Contains for an array with an element that equals it, Exists for a member that
// is there (true) or is not (false).
func (f *Filter) Match(value []byte) bool {
	if f == nil {
		return true
	}
	switch f.Op {
	case OpAnd:
		for _, arg := range f.Args {
			if !arg.Match(value) {
				return false
			}
		}
		return true
	case OpOr:
		for _, arg := range f.Args {
			if arg.Match(value) {
				return true
			}
		}
		return false
	case OpNot:
		return len(f.Args) > 0 && !f.Args[0].Match(value)
	}
	return f.holdsFor(jsonLookup(value, f.Path))
}

// holdsFor decides a comparison with the member that was found, nil for none.
func (f *Filter) holdsFor(got []byte) bool {
	switch f.Op {
	case OpEq:
		return scalarsEqual(got, f.Value)
	case OpNe:
		return !scalarsEqual(got, f.Value)
	case OpIn:
		return f.lists(got)
	case OpNin:
		return !f.lists(got)
	case OpExists:
		return (got != nil) == (string(f.Value) == "true")
	case OpPrefix:
		return jsonKind(got) == '"' && bytes.HasPrefix(jsonText(got), jsonText(f.Value))
	case OpContains:
		return arrayContains(got, f.Value)
	}
	order, comparable := compareScalars(got, f.Value)
	switch f.Op {
	case OpGt:
		return comparable && order > 0
	case OpGte:
		return comparable && order >= 0
	case OpLt:
		return comparable && order < 0
	case OpLte:
		return comparable && order <= 0
	}
	return false
}

func (f *Filter) lists(got []byte) bool {
	for _, item := range f.List {
		if scalarsEqual(got, item) {
			return true
		}
	}
	return false
}

func arrayContains(array, want []byte) bool {
	elements := jsonOpen(array, '[')
	for element, ok := elements.element(); ok; element, ok = elements.element() {
		if scalarsEqual(element, want) {
			return true
		}
	}
	return false
}

func scalarsEqual(a, b []byte) bool {
	kind := jsonKind(a)
	if kind != jsonKind(b) {
		return false
	}
	switch kind {
	case 'n', 't':
		return bytes.Equal(a, b)
	}
	order, comparable := compareScalars(a, b)
	return comparable && order == 0
}

// compareScalars orders two numbers or two strings; nothing else has an order.
func compareScalars(a, b []byte) (order int, comparable bool) {
	kind := jsonKind(a)
	if kind != jsonKind(b) {
		return 0, false
	}
	switch kind {
	case '0':
		return compareNumbers(a, b), true
	case '"':
		return bytes.Compare(jsonText(a), jsonText(b)), true
	}
	return 0, false
}

// jsonLookup follows a path of member names and returns the value there, nil
// when there is none.
func jsonLookup(value []byte, path []string) []byte {
	for _, want := range path {
		members := jsonOpen(value, '{')
		name, member, ok := members.member()
		for ok && string(jsonUnescape(name)) != want {
			name, member, ok = members.member()
		}
		if !ok {
			return nil
		}
		value = member
	}
	return value
}

// String returns the filter as JSON, written in one way. [ParseFilter] makes an
// equal filter of it (unless it has grown beyond the length of a filter), so it
// stands for the filter where one must be compared, such as in a cursor.
func (f *Filter) String() string { return string(f.appendTo(nil)) }

func (f *Filter) appendTo(dst []byte) []byte {
	if f == nil || f.Op == OpAnd && len(f.Args) == 0 {
		return append(dst, "{}"...)
	}
	dst = append(dst, '{')
	if f.Op > OpNot {
		dst = jsonQuote(dst, []byte(strings.Join(f.Path, ".")))
		dst = append(dst, ":{"...)
	}
	dst = append(append(append(dst, '"'), f.Op.String()...), `":`...)
	switch f.Op {
	case OpAnd, OpOr:
		dst = append(dst, '[')
		for i, arg := range f.Args {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = arg.appendTo(dst)
		}
		return append(dst, "]}"...)
	case OpNot:
		for _, arg := range f.Args {
			dst = arg.appendTo(dst)
		}
		return append(dst, '}')
	case OpIn, OpNin:
		dst = append(dst, '[')
		for i, item := range f.List {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, item...)
		}
		dst = append(dst, ']')
	default:
		dst = append(dst, f.Value...)
	}
	return append(dst, "}}"...)
}
