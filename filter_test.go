package holdall

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// sampleRecord is a small record as programs store them.
const sampleRecord = `{"id":1234567,"status":"open","customer":{"name":"Åse Berg","address":{"city":"Oslo","zip":"0150"}},` +
	`"total":1499.90,"tags":["urgent","export","x"],"paid":false,"notes":"line \"one\"\nline two","created":"2024-05-01T12:00:00Z"}`

func mustFilter(t testing.TB, src string) *Filter {
	t.Helper()
	f, err := ParseFilter([]byte(src))
	if err != nil {
		t.Fatalf("ParseFilter(%.200s): %v", src, err)
	}
	return f
}

func TestFilterMatch(t *testing.T) {
	const value = `{"s":"open","e":"","u":"\u00e9","n":5,"big":9007199254740993,"z":-0,"t":true,"f":false,"null":null,
		"list":[1,"x",null,true,[2],{"a":3},1.50],"none":[],"o":{"a":1,"o":{"b":"deep"},"":1},"a.b":7,"$gt":1,"\u0065sc":8}`
	cases := []struct {
		filter string
		want   bool
	}{
		{`{}`, true},
		{` { "s" : "open" } `, true},
		{`{"s":"OPEN"}`, false},
		{`{"s":{"eq":"open"}}`, true},
		{`{"s":"\u006fpen"}`, true},
		{`{"u":"é"}`, true},
		{`{"e":""}`, true},
		{`{"n":5.0}`, true},
		{`{"n":50e-1}`, true},
		{`{"n":"5"}`, false},
		{`{"z":0}`, true},
		{`{"big":9007199254740993}`, true},
		{`{"big":9007199254740992}`, false},
		{`{"big":{"gt":9007199254740992}}`, true},
		{`{"t":true}`, true},
		{`{"t":false}`, false},
		{`{"f":0}`, false},
		{`{"null":null}`, true},
		{`{"missing":null}`, false},
		{`{"missing":{"ne":null}}`, true},
		{`{"null":{"ne":null}}`, false},
		{`{"null":{"exists":true}}`, true},
		{`{"missing":{"exists":true}}`, false},
		{`{"missing":{"exists":false}}`, true},
		{`{"s":{"exists":false}}`, false},
		{`{"missing":{"ne":1}}`, true},
		{`{"missing":{"nin":[1]}}`, true},
		{`{"missing":{"in":[null]}}`, false},
		{`{"missing":{"lt":1}}`, false},
		{`{"missing":{"gte":""}}`, false},
		{`{"missing":{"prefix":""}}`, false},
		{`{"missing":{"contains":null}}`, false},
		{`{"missing":{"in":[]}}`, false},
		{`{"missing":{"nin":[]}}`, true},
		{`{"n":{"gt":4,"lt":6}}`, true},
		{`{"n":{"gt":4,"lt":5}}`, false},
		{`{"n":{"gte":5,"lte":5}}`, true},
		{`{"n":{"gt":"4"}}`, false},
		{`{"n":{"lt":"a"}}`, false},
		{`{"s":{"gt":"n","lt":"p"}}`, true},
		{`{"u":{"gt":"z"}}`, true},
		{`{"t":{"gt":0}}`, false},
		{`{"list":{"gt":0}}`, false},
		{`{"list":{"ne":1}}`, true},
		{`{"o":{"ne":1}}`, true},
		{`{"o":{"nin":[1]}}`, true},
		{`{"list":{"eq":1}}`, false},
		{`{"s":{"in":["x","open"]}}`, true},
		{`{"s":{"nin":["x","open"]}}`, false},
		{`{"n":{"in":["5",null,true]}}`, false},
		{`{"null":{"in":[null]}}`, true},
		{`{"n":{"in":[]}}`, false},
		{`{"n":{"nin":[]}}`, true},
		{`{"s":{"prefix":"op"}}`, true},
		{`{"s":{"prefix":""}}`, true},
		{`{"s":{"prefix":"o%"}}`, false},
		{`{"u":{"prefix":"\u00e9"}}`, true},
		{`{"n":{"prefix":"5"}}`, false},
		{`{"list":{"contains":1.0}}`, true},
		{`{"list":{"contains":"x"}}`, true},
		{`{"list":{"contains":null}}`, true},
		{`{"list":{"contains":1.5}}`, true},
		{`{"list":{"contains":2}}`, false},
		{`{"list":{"contains":3}}`, false},
		{`{"list":{"contains":false}}`, false},
		{`{"none":{"contains":null}}`, false},
		{`{"s":{"contains":"open"}}`, false},
		{`{"o":{"contains":1}}`, false},
		{`{"o.a":1}`, true},
		{`{"o.o.b":"deep"}`, true},
		{`{"o.o.c":{"exists":false}}`, true},
		{`{"s.x":{"exists":false}}`, true},
		{`{"list.0":1}`, false},
		{`{"list.a":{"exists":false}}`, true},
		{`{"a.b":7}`, false},
		{`{"$gt":1}`, true},
		{`{"esc":8}`, true},
		{`{"s":"open","n":6}`, false},
		{`{"or":[{"n":6},{"s":"open"}]}`, true},
		{`{"or":[{"n":6},{"s":"x"}]}`, false},
		{`{"and":[{"n":5},{"s":"open"}]}`, true},
		{`{"and":[{"n":5},{"s":"x"}]}`, false},
		{`{"not":{"n":6}}`, true},
		{`{"not":{}}`, false},
		{`{"not":{"missing":{"gt":1}}}`, true},
		{`{"n":5,"or":[{"s":"x"},{"not":{"t":false}}]}`, true},
		{`{"eq":{"exists":false}}`, true},
	}
	for _, c := range cases {
		f := mustFilter(t, c.filter)
		if got := f.Match([]byte(value)); got != c.want {
			t.Errorf("%s: %v", c.filter, got)
		}
		if got := referenceMatch(decodeNumbers(t, []byte(c.filter)), decodeNumbers(t, []byte(value))); got != c.want {
			t.Errorf("%s: the reference says %v", c.filter, got)
		}
		checkFixpoint(t, f)
	}
	var none *Filter
	if !none.Match([]byte(`1`)) || none.String() != "{}" {
		t.Error("a nil filter does not match everything")
	}
	for _, value := range []string{`1`, `"s"`, `null`, `[{"s":"open"}]`, ` {"s" : "open"} `} {
		want := strings.Contains(value, ` :`)
		if got := mustFilter(t, `{"s":"open"}`).Match([]byte(value)); got != want {
			t.Errorf("on %s: %v", value, got)
		}
	}
}

func TestParseFilterTree(t *testing.T) {
	leaf := func(op FilterOp, value string, path ...string) *Filter {
		return &Filter{Op: op, Path: path, Value: json.RawMessage(value)}
	}
	for src, want := range map[string]*Filter{
		`{}`:           {Op: OpAnd},
		`{"a.b":"\/"}`: leaf(OpEq, `"/"`, "a", "b"),
		`{"a":{"gt":1,"lt":2},"b":null}`: {Op: OpAnd, Args: []*Filter{leaf(OpGt, `1`, "a"), leaf(OpLt, `2`, "a"),
			leaf(OpEq, `null`, "b")}},
		`{"or":[{"a":1}]}`:            {Op: OpOr, Args: []*Filter{leaf(OpEq, `1`, "a")}},
		`{"not":{"a":{"in":[ 1 ]}}}`:  {Op: OpNot, Args: []*Filter{{Op: OpIn, Path: []string{"a"}, List: []json.RawMessage{json.RawMessage(`1`)}}}},
		`{"a":{"nin":[]}}`:            {Op: OpNin, Path: []string{"a"}},
		`{"a":{"exists":true}}`:       leaf(OpExists, `true`, "a"),
		`{"a b":{"contains": false}}`: leaf(OpContains, `false`, "a b"),
	} {
		if got := mustFilter(t, src); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", src, got, want)
		}
	}
}

func repeatList(item string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
}

func TestParseFilterErrors(t *testing.T) {
	bad := []string{
		``, `null`, `[]`, `1`, `"a"`, `[{"a":1}]`, `{`, `{"a":1,"a":2}`, `{"a":1e400}`, `{"a":"\u0000"}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{} {}`,
		`{"":1}`, `{".":1}`, `{"a.":1}`, `{".a":1}`, `{"a..b":1}`, `{"` + strings.Repeat("a.", 64) + `a":1}`,
		`{"a":[]}`, `{"a":[1]}`, `{"a":{}}`, `{"a":{"b":1}}`, `{"a":{"$gt":1}}`, `{"a":{"EQ":1}}`, `{"a":{"and":[]}}`, `{"a":{"not":{"eq":1}}}`, `{"a":{"gt":1,"x":2}}`,
		`{"a":{"eq":[]}}`, `{"a":{"eq":{}}}`, `{"a":{"ne":[1]}}`, `{"a":{"ne":{"b":1}}}`, `{"a":{"gt":null}}`, `{"a":{"gt":true}}`, `{"a":{"gte":false}}`, `{"a":{"lt":[1]}}`,
		`{"a":{"lte":{}}}`, `{"a":{"lte":null}}`, `{"a":{"lt":true}}`, `{"a":{"in":1}}`, `{"a":{"in":"x"}}`, `{"a":{"in":{}}}`, `{"a":{"in":[[]]}}`, `{"a":{"nin":[{}]}}`, `{"a":{"nin":null}}`, `{"a":{"exists":1}}`,
		`{"a":{"exists":"true"}}`, `{"a":{"exists":null}}`, `{"a":{"prefix":1}}`, `{"a":{"prefix":null}}`, `{"a":{"contains":[]}}`, `{"a":{"contains":{}}}`,
		`{"and":[]}`, `{"or":[]}`, `{"or":{}}`, `{"and":{"a":1}}`, `{"and":1}`, `{"and":[1]}`, `{"or":[{"a":1},null]}`, `{"or":[[{"a":1}]]}`, `{"not":[]}`, `{"not":[{"a":1}]}`, `{"not":1}`,
		`{"and":` + repeatList(`{"a":1}`, 101) + `}`, `{"and":` + repeatList(`{}`, 101) + `}`, `{"a":{"in":` + repeatList(`1`, 1001) + `}}`,
		`{"a":{"in":` + repeatList(`1`, 600) + `},"b":{"nin":` + repeatList(`1`, 401) + `}}`,
		nested(`{"not":`, `{"a":1}`, `}`, 11), nested(`{"and":[`, `{"a":1}`, `]}`, 11), nested(`{"or":[`, `{"a":1}`, `]}`, 30), nested(`{"not":`, `{"a":1,"b":2}`, `}`, 10),
		`{"a":"` + strings.Repeat("x", maxFilterBytes) + `"}`,
	}
	for _, src := range bad {
		if f, err := ParseFilter([]byte(src)); err == nil {
			t.Errorf("%.100s is accepted as %.100s", src, f)
		} else if len(err.Error()) > 400 {
			t.Errorf("%.100s: an error of %d bytes", src, len(err.Error()))
		}
	}
	good := []string{
		`{"and":` + repeatList(`{"a":1}`, 100) + `}`, `{"a":{"in":` + repeatList(`1`, 1000) + `}}`, nested(`{"not":`, `{"a":1}`, `}`, 10),
		nested(`{"and":[`, `{"a":1}`, `]}`, 10), nested(`{"not":`, `{"a":1,"b":2}`, `}`, 9), `{"` + strings.Repeat("a.", 63) + `a":1}`,
	}
	for _, src := range good {
		checkFixpoint(t, mustFilter(t, src))
	}
}

func checkFixpoint(t *testing.T, f *Filter) {
	t.Helper()
	again, err := ParseFilter([]byte(f.String()))
	if err != nil || !reflect.DeepEqual(again, f) || again.String() != f.String() {
		t.Fatalf("%s is read again as %s, %v", f, again, err)
	}
}

// TestFilterShared races many readers of one filter.
func TestFilterShared(t *testing.T) {
	f := mustFilter(t, `{"status":"open","notes":{"prefix":"line \"one\"\n"}}`)
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for range 100 {
				if !f.Match([]byte(sampleRecord)) || f.String() == "" {
					t.Fatal("no match")
				}
			}
		})
	}
}

// referenceMatch evaluates a decoded filter, which must be valid, on a decoded
// value: the contract once more, on maps.
func referenceMatch(filter, value any) bool {
	for name, what := range filter.(map[string]any) {
		holds := true
		switch name {
		case "and":
			for _, arg := range what.([]any) {
				holds = holds && referenceMatch(arg, value)
			}
		case "or":
			holds = false
			for _, arg := range what.([]any) {
				holds = holds || referenceMatch(arg, value)
			}
		case "not":
			holds = !referenceMatch(what, value)
		default:
			holds = referenceMember(name, what, value)
		}
		if !holds {
			return false
		}
	}
	return true
}

func referenceMember(name string, what, value any) bool {
	found := true
	for _, segment := range strings.Split(name, ".") {
		object, _ := value.(map[string]any)
		value, found = object[segment]
		if !found {
			break
		}
	}
	operators, ok := what.(map[string]any)
	if !ok {
		operators = map[string]any{"eq": what}
	}
	for op, operand := range operators {
		if !referenceTerm(op, operand, value, found) {
			return false
		}
	}
	return true
}

func referenceTerm(op string, operand, value any, found bool) bool {
	switch op {
	case "exists":
		return found == operand.(bool)
	case "eq":
		return found && referenceEqual(value, operand)
	case "ne":
		return !found || !referenceEqual(value, operand)
	case "in", "nin":
		in := false
		for _, item := range operand.([]any) {
			in = in || found && referenceEqual(value, item)
		}
		return in == (op == "in")
	case "prefix":
		s, ok := value.(string)
		return ok && strings.HasPrefix(s, operand.(string))
	case "contains":
		list, _ := value.([]any)
		for _, item := range list {
			if referenceEqual(item, operand) {
				return true
			}
		}
		return false
	}
	order, ok := referenceOrder(value, operand)
	return found && ok && (op == "gt" && order > 0 || op == "gte" && order >= 0 || op == "lt" && order < 0 || op == "lte" && order <= 0)
}

func referenceEqual(a, b any) bool {
	if order, ok := referenceOrder(a, b); ok {
		return order == 0
	}
	switch a.(type) {
	case nil, bool:
		return a == b
	}
	return false
}

func referenceOrder(a, b any) (int, bool) {
	if x, ok := a.(string); ok {
		y, ok := b.(string)
		return strings.Compare(x, y), ok
	}
	x, ok1 := a.(json.Number)
	y, ok2 := b.(json.Number)
	if !ok1 || !ok2 {
		return 0, false
	}
	r, _ := new(big.Rat).SetString(x.String())
	s, _ := new(big.Rat).SetString(y.String())
	return r.Cmp(s), true
}

// filterMaker makes random filters and values that have much in common.
type filterMaker struct{ *rand.Rand }

func (m filterMaker) pick(from ...string) string { return from[m.IntN(len(from))] }

func (m filterMaker) scalar() string {
	return m.pick(`null`, `true`, `false`, `0`, `-0.0`, `1`, `1.0`, `10e-1`, `2`, `-1`, `1e300`, `9007199254740992`, `9007199254740993`, `0.1`,
		`""`, `"a"`, `"\u0061"`, `"ab"`, `"b"`, `"\n"`, `"é"`, `"\u00e9x"`, `"😀"`, `"\ud83d\ude00"`, `"1"`, `"null"`)
}

func (m filterMaker) value(depth int) string {
	switch n := m.IntN(6); {
	case depth > 0 && n < 2:
		var members []string
		for _, name := range []string{"a", "b", `\u0063`, "é", "and"} {
			if m.IntN(2) == 0 {
				members = append(members, fmt.Sprintf(`%s"%s": %s`, m.pick("", " "), name, m.value(depth-1)))
			}
		}
		return "{" + strings.Join(members, m.pick(",", " ,\n")) + "}"
	case depth > 0 && n == 2:
		var items []string
		for range m.IntN(4) {
			items = append(items, m.value(depth-1))
		}
		return "[" + strings.Join(items, m.pick(",", " , ")) + "]"
	}
	return m.scalar()
}

func (m filterMaker) filter(depth int) string {
	var members []string
	for _, name := range []string{"and", "or", "not"} {
		if depth > 0 && m.IntN(4) == 0 {
			arg := m.filter(depth - 1)
			if name != "not" {
				arg = "[" + arg + "," + m.filter(depth-1) + "]"
			}
			members = append(members, fmt.Sprintf(`"%s":%s`, name, arg))
		}
	}
	for _, path := range []string{"a", "b", "a.b", "a.b.c", "c", "\\u00e9", "c.and"} {
		if m.IntN(5) == 0 {
			members = append(members, fmt.Sprintf(`"%s":%s`, path, m.term()))
		}
	}
	return "{" + strings.Join(members, ", ") + "}"
}

func (m filterMaker) term() string {
	switch op := filterOpNames[3+m.IntN(len(filterOpNames)-3)]; op {
	case "eq", "ne", "contains":
		return m.pick(m.scalar(), fmt.Sprintf(`{"%s":%s}`, op, m.scalar()))
	case "in", "nin":
		return fmt.Sprintf(`{"%s":[%s,%s]}`, op, m.scalar(), m.scalar())
	case "exists":
		return fmt.Sprintf(`{"exists":%s}`, m.pick("true", "false"))
	case "prefix":
		return fmt.Sprintf(`{"prefix":%s}`, m.pick(`""`, `"a"`, `"\u00e9"`, `"ab"`))
	default:
		return fmt.Sprintf(`{"%s":%s}`, op, m.pick(`0`, `1`, `1.5`, `"a"`, `""`, `9007199254740992`))
	}
}

func TestFilterRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := filterMaker{rand.New(rand.NewPCG(seed, 3))}
	matched := 0
	const rounds = 8_000
	for range rounds {
		value, src := `{"a":`+m.value(2)+`,"b":`+m.value(1)+`,"c":`+m.value(2)+`}`, m.filter(2)
		f := mustFilter(t, src)
		checkFixpoint(t, f)
		got := f.Match([]byte(value))
		if want := referenceMatch(decodeNumbers(t, []byte(src)), decodeNumbers(t, []byte(value))); got != want {
			t.Fatalf("%s on %s: %v, want %v", src, value, got, want)
		}
		if got {
			matched++
		}
	}
	if matched < rounds/10 || matched > rounds*9/10 {
		t.Errorf("%d of %d filters match: the test says little", matched, rounds)
	}
}

func FuzzParseFilter(f *testing.F) {
	f.Add([]byte(`{"status":"open","total":{"gt":100},"tags":{"contains":"x"},"or":[{"a.b":null},{"not":{"c":{"in":[1,"2"]}}}]}`), []byte(sampleRecord))
	m := filterMaker{rand.New(rand.NewPCG(1, 1))}
	for range 50 {
		f.Add([]byte(m.filter(2)), []byte(m.value(3)))
	}
	f.Add([]byte(`{"a":{"exists":false,"prefix":"\u0061"}}`), []byte(`{"a":["`))
	f.Fuzz(func(t *testing.T, src, value []byte) {
		parsed, err := ParseFilter(src)
		if err != nil {
			return
		}
		checkFixpoint(t, parsed)
		got := parsed.Match(value) // whatever the value is
		if CheckJSON(value, MaxDepth) != nil {
			return
		}
		if want := referenceMatch(decodeNumbers(t, src), decodeNumbers(t, value)); got != want {
			t.Fatalf("%s on %s: %v, want %v", src, value, got, want)
		}
	})
}

func BenchmarkFilterMatch(b *testing.B) {
	for name, src := range map[string]string{
		"first":  `{"status":"open"}`,
		"nested": `{"customer.address.city":"Oslo"}`,
		"three":  `{"status":"open","total":{"gt":100},"tags":{"contains":"x"}}`,
		"last":   `{"created":{"gte":"2024-05-01"}}`,
	} {
		f := mustFilter(b, src)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			value := []byte(sampleRecord)
			for b.Loop() {
				if !f.Match(value) {
					b.Fatal("no match")
				}
			}
		})
	}
}
