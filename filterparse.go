package holdall

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The limits of a filter. A path longer than a value is deep leads nowhere.
const (
	maxFilterBytes  = 1 << 20
	maxFilterTerms  = 100
	maxFilterLevels = 10
	maxFilterItems  = 1000
)

// ParseFilter reads a filter in the where language, a JSON object such as
//
//	{"status":"open","total":{"gt":100},"or":[{"tags":{"contains":"x"}},{"to.city":"Oslo"}]}
//
// Each member is a path of member names joined by dots with what is asked of
// the value there, a scalar (which means eq) or an object of operators: eq ne gt
// gte lt lte in nin exists prefix contains; or it is and, or (each a list of at
// least one filter) or not (a filter). All members, and all operators of a path,
// must hold; {} always does. [Filter.Match] says what the operators mean.
//
// A filter has at most 1 MiB of text, 100 comparisons, 1000 list items in all,
// and and, or, not nested 10 deep, where several members or operators count as
// an and. Anything else is an [*Error] with CodeInvalidFilter, whose Detail says
// what would be right.
func ParseFilter(src []byte) (*Filter, error) {
	f, err := parseFilter(src)
	return f, invalid("filter.parse", "", "", CodeInvalidFilter, err)
}

func parseFilter(src []byte) (*Filter, error) {
	if len(src) > maxFilterBytes {
		return nil, fmt.Errorf("a filter has at most %d bytes, not %d", maxFilterBytes, len(src))
	}
	if err := CheckJSON(src, MaxDepth); err != nil {
		return nil, err
	}
	var p filterParser
	f, err := p.filter(src)
	if err != nil {
		return nil, err
	}
	if filterLevels(f) > maxFilterLevels {
		return nil, fmt.Errorf("and, or and not nest at most %d deep", maxFilterLevels)
	}
	return f, nil
}

// filterParser counts what is limited. Its recursion is bounded by MaxDepth.
type filterParser struct{ terms, items int }

func filterLevels(f *Filter) int {
	deepest := 0
	for _, arg := range f.Args {
		deepest = max(deepest, 1+filterLevels(arg))
	}
	return deepest
}

func (p *filterParser) filter(src []byte) (*Filter, error) {
	if jsonKind(src) != '{' {
		return nil, errors.New(`a filter is a JSON object, such as {"status":"open"}`)
	}
	var all []*Filter
	for name, value := range Members(src) {
		var err error
		if all, err = p.member(all, name, value); err != nil {
			return nil, err
		}
	}
	switch len(all) {
	case 0:
		return &Filter{Op: OpAnd}, countFilter(&p.terms, maxFilterTerms, "comparisons")
	case 1:
		return all[0], nil
	}
	return &Filter{Op: OpAnd, Args: all}, nil
}

// member appends to all what one member of a filter says.
func (p *filterParser) member(all []*Filter, name string, value []byte) ([]*Filter, error) {
	switch name {
	case "and", "or":
		f, err := p.combination(name, value)
		return append(all, f), err
	case "not":
		f, err := p.filter(value)
		return append(all, &Filter{Op: OpNot, Args: []*Filter{f}}), err
	}
	path := strings.Split(name, ".")
	if slices.Contains(path, "") || len(path) > MaxDepth {
		return nil, fmt.Errorf("path %.100q: 1 to %d member names joined by single dots are expected", name, MaxDepth)
	}
	switch jsonKind(value) {
	case '[':
		return nil, fmt.Errorf(`%.100q: a scalar or an object of operators is expected, such as {"in":[1,2]}, not a list`, name)
	case '{':
	default:
		f, err := p.term(path, "eq", value)
		return append(all, f), err
	}
	before := len(all)
	for op, operand := range Members(value) {
		f, err := p.term(path, op, operand)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	if len(all) == before {
		return nil, fmt.Errorf(`%.100q: an operator is expected, such as {"gt":1}`, name)
	}
	return all, nil
}

func (p *filterParser) combination(name string, value []byte) (*Filter, error) {
	f := &Filter{Op: OpAnd}
	if name == "or" {
		f.Op = OpOr
	}
	elements := jsonOpen(value, '[')
	for element, ok := elements.element(); ok; element, ok = elements.element() {
		arg, err := p.filter(element)
		if err != nil {
			return nil, err
		}
		f.Args = append(f.Args, arg)
	}
	if len(f.Args) == 0 {
		return nil, fmt.Errorf("%q takes a list of at least one filter", name)
	}
	return f, nil
}

// term makes one comparison.
func (p *filterParser) term(path []string, name string, operand []byte) (*Filter, error) {
	op := FilterOp(max(0, slices.Index(filterOpNames[:], name)))
	if op < OpEq {
		return nil, fmt.Errorf("%.100q is not an operator; those are %s", name, strings.Join(filterOpNames[OpEq:], ", "))
	}
	if err := countFilter(&p.terms, maxFilterTerms, "comparisons"); err != nil {
		return nil, err
	}
	f := &Filter{Op: op, Path: path}
	if op == OpIn || op == OpNin {
		return f, p.list(f, operand)
	}
	kind := jsonKind(operand)
	want := ""
	switch {
	case kind == '{' || kind == '[':
		want = "a string, a number, true, false or null"
	case op >= OpGt && op <= OpLte && kind != '0' && kind != '"':
		want = "a number or a string"
	case op == OpPrefix && kind != '"':
		want = "a string"
	case op == OpExists && kind != 't':
		want = "true or false"
	}
	if want != "" {
		return nil, fmt.Errorf("operator %q takes %s", name, want)
	}
	f.Value = compactScalar(operand)
	return f, nil
}

func (p *filterParser) list(f *Filter, operand []byte) error {
	if jsonKind(operand) != '[' {
		return fmt.Errorf("operator %q takes a list of scalars", f.Op)
	}
	elements := jsonOpen(operand, '[')
	for element, ok := elements.element(); ok; element, ok = elements.element() {
		if kind := jsonKind(element); kind == '{' || kind == '[' {
			return fmt.Errorf("operator %q takes a list of scalars, without arrays and objects", f.Op)
		}
		if err := countFilter(&p.items, maxFilterItems, "list items"); err != nil {
			return err
		}
		f.List = append(f.List, compactScalar(element))
	}
	return nil
}

func countFilter(have *int, limit int, what string) error {
	if *have++; *have > limit {
		return fmt.Errorf("a filter has at most %d %s", limit, what)
	}
	return nil
}

// compactScalar copies a scalar, so that the filter does not keep its source,
// and writes a string in one way.
func compactScalar(value []byte) json.RawMessage {
	if jsonKind(value) == '"' {
		return jsonQuote(nil, jsonText(value))
	}
	return append(json.RawMessage(nil), value...)
}
