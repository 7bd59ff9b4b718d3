package postgres

import (
	"encoding/json"
	"strings"

	"github.com/holdall-go/holdall"
)

// filter writes a condition that is true for exactly those values for which f
// matches, and false or null for others. Every path and operand is a
// parameter; a path that Options declare is written as the index has it.
func (s *statement) filter(f *holdall.Filter) string {
	switch f.Op {
	case holdall.OpAnd, holdall.OpOr:
		return s.combined(f)
	case holdall.OpNot:
		return "((" + s.filter(f.Args[0]) + ") IS NOT TRUE)"
	case holdall.OpNe:
		return "((" + s.equal(f, f.Value) + ") IS NOT TRUE)"
	case holdall.OpNin:
		return "((" + s.in(f) + ") IS NOT TRUE)"
	case holdall.OpEq:
		return s.equal(f, f.Value)
	case holdall.OpIn:
		return s.in(f)
	case holdall.OpExists:
		if string(f.Value) == "true" {
			return "(" + s.at(f.Path) + " IS NOT NULL)"
		}
		return "(" + s.at(f.Path) + " IS NULL)"
	case holdall.OpPrefix:
		x := s.at(f.Path)
		return "(jsonb_typeof(" + x + ") = 'string' AND starts_with(" + x + " #>> '{}', " + s.arg(text(f.Value)) + "))"
	case holdall.OpContains:
		// An array contains an array of one scalar where it has that element;
		// nothing but an array contains an array.
		return "(" + s.at(f.Path) + " @> " + s.arg("["+string(f.Value)+"]") + "::jsonb)"
	}
	return s.ordered(f)
}

func (s *statement) combined(f *holdall.Filter) string {
	word := " AND "
	if f.Op == holdall.OpOr {
		word = " OR "
	}
	if len(f.Args) == 0 {
		return map[holdall.FilterOp]string{holdall.OpAnd: "true", holdall.OpOr: "false"}[f.Op]
	}
	parts := make([]string, len(f.Args))
	for i, arg := range f.Args {
		parts[i] = s.filter(arg)
	}
	return "(" + strings.Join(parts, word) + ")"
}

// at is the value at a path, null where it leads nowhere. The operator takes
// members of objects only, never elements of arrays.
func (s *statement) at(path []string) string {
	if i, ok := s.sql.declared(path); ok {
		return i.expression("e.value")
	}
	x := "e.value"
	for _, name := range path {
		x = "(" + x + " -> " + s.arg(name) + "::text)"
	}
	return x
}

// equal compares as jsonb does: by type, numbers by value, texts by bytes.
func (s *statement) equal(f *holdall.Filter, value json.RawMessage) string {
	x, v := s.at(f.Path), s.arg(string(value))+"::jsonb"
	if s.indexed(f) {
		return "(jsonb_hash_extended(" + x + ", 0) = jsonb_hash_extended(" + v + ", 0) AND " + x + " = " + v + ")"
	}
	return "(" + x + " = " + v + ")"
}

func (s *statement) in(f *holdall.Filter) string {
	if len(f.List) == 0 {
		return "false"
	}
	values := make([]string, len(f.List))
	for i, v := range f.List {
		values[i] = string(v)
	}
	x, list := s.at(f.Path), s.arg(values)+"::jsonb[]"
	if s.indexed(f) {
		return "(jsonb_hash_extended(" + x + ", 0) = ANY (ARRAY (SELECT jsonb_hash_extended(v, 0) FROM unnest(" + list + ") v)) AND " + x + " = ANY (" + list + "))"
	}
	return "(" + x + " = ANY (" + list + "))"
}

func (s *statement) indexed(f *holdall.Filter) bool {
	i, _ := s.sql.declared(f.Path)
	return s.sql.indexes[i.Path].equal
}

// ordered compares with a value of the operand's type: numbers as jsonb does,
// by value, texts by bytes, which jsonb does not.
func (s *statement) ordered(f *holdall.Filter) string {
	op := map[holdall.FilterOp]string{holdall.OpGt: " > ", holdall.OpGte: " >= ", holdall.OpLt: " < ", holdall.OpLte: " <= "}[f.Op]
	x := s.at(f.Path)
	if strings.HasPrefix(string(f.Value), `"`) {
		return "(jsonb_typeof(" + x + ") = 'string' AND (" + x + ` #>> '{}') COLLATE "C"` + op + s.arg(text(f.Value)) + "::text)"
	}
	return "(jsonb_typeof(" + x + ") = 'number' AND " + x + op + s.arg(string(f.Value)) + "::jsonb)"
}

// text returns the characters of a JSON string.
func text(value json.RawMessage) string {
	var t string
	_ = json.Unmarshal(value, &t) // a filter's operand has passed CheckJSON
	return t
}
