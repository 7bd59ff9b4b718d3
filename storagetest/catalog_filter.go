package storagetest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/holdall-go/holdall"
)

var filterCases = []catalogCase{
	{"filter/operators", "each operator, on every kind of member, selects what Filter.Match says", func(c *catalogRun) {
		for i, v := range filterScalars {
			c.create(valued(c.record("c", fmt.Sprint("s", i)), `{"m":`+v+`}`), valued(c.record("c", fmt.Sprint("l", i)), `{"m":[`+v+`,"z"]}`))
		}
		for i, text := range []string{`{}`, `{"m":{}}`, `{"m":[]}`, `{"m":{"m":1}}`, `{"m":[[1]]}`, `[]`, `1`, `null`, `"m"`, `[{"m":1}]`, `{"M":1}`, `{"m.m":1}`, `{"m":{"":1}}`} {
			c.create(valued(c.record("c", fmt.Sprint("v", i)), text))
		}
		q := c.objects()
		q.Kind = holdall.KindRecord
		for _, op := range []string{"eq", "ne", "gt", "gte", "lt", "lte", "prefix", "contains", "exists", "in", "nin"} {
			for _, v := range filterScalars {
				if op == "in" || op == "nin" {
					v = "[" + v + `,"a",3]`
				}
				if f, err := holdall.ParseFilter([]byte(`{"m":{"` + op + `":` + v + `}}`)); err == nil {
					q.Where = f
					c.same(q, 100)
				}
			}
		}
		for _, src := range []string{`{}`, `{"m":{"in":[]}}`, `{"m":{"nin":[]}}`, `{"m.m":1}`, `{"not":{"m":{"exists":true}}}`, `{"m":{"gt":1,"lt":10}}`} {
			q.Where = mustFilter(src)
			c.same(q, 7)
		}
	}},
	{"filter/hard documents", "filters meet values that a store damages", func(c *catalogRun) {
		for i, text := range hardJSON() {
			c.create(valued(c.record("c", fmt.Sprint("bare", i)), text), valued(c.record("c", fmt.Sprint("in", i)), `{"a":`+strings.TrimSpace(unwrapDeep(text))+`}`))
		}
		q := c.objects()
		q.Kind = holdall.KindRecord
		for _, src := range []string{
			`{"a":1.1}`, `{"a":100000}`, `{"a":0}`, `{"a":9007199254740993}`, `{"a":{"gt":9007199254740992}}`, `{"a":{"lt":9007199254740992}}`, `{"a":{"gt":9007199254740993}}`,
			`{"a":18446744073709551616}`, `{"a":{"gt":0,"lt":1e-300}}`, `{"a":{"gte":1.7976931348623157e308}}`, `{"a":0.3}`, `{"a":3}`, `{"a":{"contains":1.000}}`, `{"a":{"contains":null}}`,
			`{"a":null}`, `{"a":""}`, `{"a":"5"}`, `{"a":5}`, `{"a":"null"}`, `{"a":{"prefix":"%"}}`, `{"a":{"gt":"\ud7ff"}}`, `{"a":{"gte":"\uffff"}}`, `{"a":{"exists":false}}`,
			`{"$set.$inc":1}`, `{"a.$set.$inc":1}`, `{"a.$numberLong":"5"}`, `{"a.a":{"exists":true}}`, `{"a.b":1}`, `{"a.a.b":2}`, `{"a._id":"x"}`, `{"a.$":1}`, `{"a.%":3}`, `{"a.%24":4}`, `{"a.A":2}`, `{"a.é":{"exists":true}}`,
			`{"m7":7.5}`, `{"a.m7":7.5}`, `{"a.日本":"語"}`, `{"a.😀":"😀"}`, `{"a.__proto__":1}`, `{"a.key with space":"x"}`, `{"a.quo\"te":1}`, `{"a.back\\slash":2}`,
		} {
			f, err := holdall.ParseFilter([]byte(src))
			if err != nil {
				c.Logf("not a filter, left out: %s: %v", src, err)
				continue
			}
			q.Where = f
			c.same(q, 1000)
		}
	}},
	{"filter/random", "random filters on random documents select what Filter.Match says", func(c *catalogRun) {
		for i := range scale(80, 40) {
			c.create(valued(c.record("c", fmt.Sprint(i)), c.randomValue(3)))
		}
		q := c.objects()
		q.Kind = holdall.KindRecord
		tried, parsed := scale(400, 80), 0
		for range tried {
			src := c.randomFilter(3)
			f, err := holdall.ParseFilter([]byte(src))
			if err != nil {
				continue
			}
			parsed++
			q.Where = f
			if c.same(q, 1000); c.Failed() {
				c.Logf("the filter was %s", src)
				return
			}
		}
		if parsed < tried/2 {
			c.Errorf("only %d of %d random filters could be parsed: the case proves little", parsed, tried)
		}
	}},
}

// unwrapDeep leaves out a level of what is 64 levels deep, so that it can be
// put into an object.
func unwrapDeep(text string) string {
	if strings.HasPrefix(text, strings.Repeat("[", 64)) {
		return text[1 : len(text)-1]
	}
	return text
}

var filterScalars = []string{
	`null`, `true`, `false`, `0`, `-0`, `1`, `1.0`, `1.00000000000000000000001`, `-1`, `2`, `10`, `1e1`, `1E+1`, `0.1`, `1e-1`, `100`, `9007199254740992`, `9007199254740993`, `-9007199254740993`,
	`1e300`, `1e308`, `-1e308`, `5e-324`, `1e-400`, `3`, `""`, `"0"`, `"1"`, `"a"`, `"A"`, `"ab"`, `"a%"`, `"a_"`, `"é"`, `"e\u0301"`, `"true"`, `"null"`, `"\u0001"`, `"\u0001\u0002"`, `"a\u0001"`,
	`"\ud7ff"`, `"\uffff"`, `"😀"`, `"$a"`, `"a'b"`, `"a\"b"`, `"a\\b"`, `"\n"`, `" "`, `"10"`, `"2"`, `"z"`,
}

var memberNames = []string{"a", "b", "n", "tags", "A", "ab", "$set", "%", "é", "x y"}

func (c *catalogRun) randomScalar() string { return pick(c.rnd, filterScalars) }

func (c *catalogRun) randomValue(depth int) string {
	kind := c.rnd.intn(8)
	if depth == 0 {
		kind = 0
	}
	switch kind {
	default:
		return c.randomScalar()
	case 3:
		var items []string
		for range c.rnd.intn(4) {
			items = append(items, c.randomValue(depth-1))
		}
		return "[" + strings.Join(items, ",") + "]"
	case 4, 5, 6, 7:
		var members []string
		for _, name := range memberNames {
			if c.rnd.chance(3) {
				members = append(members, quoted(name)+":"+c.randomValue(depth-1))
			}
		}
		return "{" + strings.Join(members, ",") + "}"
	}
}

func (c *catalogRun) randomFilter(depth int) string {
	var members []string
	for _, i := range []int{c.rnd.intn(len(memberNames)), c.rnd.intn(len(memberNames))} {
		if path := memberNames[i]; len(members) == 0 || c.rnd.chance(2) {
			if c.rnd.chance(3) {
				path += "." + pick(c.rnd, memberNames)
			}
			members = append(members, quoted(path)+":"+c.randomTerm())
		}
	}
	if depth > 0 && c.rnd.chance(2) {
		switch c.rnd.intn(3) {
		case 0:
			members = append(members, `"not":`+c.randomFilter(depth-1))
		case 1:
			members = append(members, `"or":[`+c.randomFilter(depth-1)+`,`+c.randomFilter(depth-1)+`]`)
		case 2:
			members = append(members[:0], `"and":[`+c.randomFilter(depth-1)+`,`+c.randomFilter(depth-1)+`]`)
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (c *catalogRun) randomTerm() string {
	v := c.randomScalar()
	switch op := pick(c.rnd, []string{"", "eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "exists", "prefix", "contains"}); op {
	case "":
		return v
	case "in", "nin":
		return `{"` + op + `":[` + v + `,` + c.randomScalar() + `,` + c.randomScalar() + `]}`
	case "exists":
		return pick(c.rnd, []string{`{"exists":true}`, `{"exists":false}`})
	case "prefix":
		return `{"prefix":` + pick(c.rnd, []string{`""`, `"a"`, `"a%"`, `"1"`, `"é"`, `"\u0001"`}) + `}`
	case "gt", "gte", "lt", "lte":
		if v == "null" || v == "true" || v == "false" {
			v = `1`
		}
		return `{"` + op + `":` + v + `}`
	default:
		return `{"` + op + `":` + v + `}`
	}
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
