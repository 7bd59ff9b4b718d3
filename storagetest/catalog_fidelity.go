package storagetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

var fidelityCases = []catalogCase{
	{"fidelity/fields", "every field comes back as it was put, times to the microsecond and in UTC", func(c *catalogRun) {
		c.create(c.bucket("b"))
		at := func(n int) time.Time { return epoch.Add(time.Duration(n)*time.Hour + 123456*time.Microsecond) }
		e := c.object("b", "päth/to 文件.txt")
		e.Tier, e.Owner = holdall.User, "user|é😀'\""
		e.CreatedAt, e.UpdatedAt, e.DeletedAt, e.ExpiresAt, e.DueAt = at(1), at(2), at(3), at(4000), at(5)
		e.CreatedBy, e.UpdatedBy, e.DeletedBy = "créator", "up'dater", `del"eter`
		e.TTL = 3155760000 * time.Second
		e.Content = &holdall.Content{
			Key: "ab/" + unique() + "." + unique(), Size: 1 << 62, Checksum: strings.Repeat("0f", 32), Type: `text/plain; charset="utf-8"`,
			Source: "edm ✓", SourceType: "api", Edition: 1<<63 - 1,
			Garbage: []holdall.Garbage{{Key: "cd/1", Since: at(6)}, {Key: "ef/2", Since: at(7), Doomed: true}, {Key: "aa/3", Pending: true}},
		}
		got := c.put(valued(e, `{"k":"v"}`), holdall.IfAbsent)
		if d := diff(withVersion(valued(e, `{"k":"v"}`), 1), got); d != "" {
			c.Error(d)
		}
		c.everywhere(got)
	}},
	{"fidelity/zero values", "empty fields stay empty: zero times zero, nil Content nil, an empty Content there", func(c *catalogRun) {
		for _, e := range []holdall.Entry{
			{Kind: holdall.KindRecord, Name: "bare"},
			{Kind: holdall.KindObject, Name: "no content"},
			{Kind: holdall.KindObject, Name: "empty content", Content: &holdall.Content{}},
			{Kind: holdall.KindObject, Name: "empty garbage", Content: &holdall.Content{Garbage: []holdall.Garbage{{}}}},
		} {
			e.ID, e.Tenant, e.State, e.Value = "any_"+unique(), c.tenant, holdall.StatePending, json.RawMessage(`null`)
			got := c.put(e, holdall.IfAbsent)
			if d := diff(withVersion(e, 1), got); d != "" {
				c.Errorf("%s: %s", e.Name, d)
			}
			c.everywhere(got)
		}
	}},
	{"fidelity/times", "any microsecond from year 1 to year 9999 is kept; the first of 1970 is a time like any other", func(c *catalogRun) {
		for i, at := range []time.Time{
			time.Unix(0, 0), time.Unix(0, 1000), time.Unix(-1, 999999000), time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(1900, 2, 28, 23, 59, 59, 0, time.UTC),
			time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC), time.Date(2262, 4, 12, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
		} {
			at = at.UTC()
			e := moved(c.record("c", fmt.Sprint("t", i)), holdall.StateDeleted)
			e.CreatedAt, e.UpdatedAt, e.DeletedAt, e.DueAt = at, at, at, at
			if d := diff(withVersion(e, 1), c.put(e, holdall.IfAbsent)); d != "" {
				c.Errorf("%v: %s", at, d)
			}
		}
	}},
	{"fidelity/JSON", "a value comes back as the same JSON value: every digit, every member name, every character", func(c *catalogRun) {
		for i, text := range hardJSON() {
			e := valued(c.record("c", fmt.Sprint("v", i)), text)
			if d := diff(withVersion(e, 1), c.put(e, holdall.IfAbsent)); d != "" {
				c.Errorf("%s: %s", shorten(text), d)
			}
		}
		c.unchanged()
	}},
	{"fidelity/names", "hard names come back byte for byte, from Put, Get, Query and Scan", func(c *catalogRun) {
		for _, name := range hardNames() {
			got := c.put(c.record("c", name), holdall.IfAbsent)
			if got.Name != name {
				c.Errorf("%q came back as %q", name, got.Name)
			}
			c.everywhere(got)
		}
	}},
	{"fidelity/large", "a value of 1 MiB is kept, and so is a list of 200 garbage keys", func(c *catalogRun) {
		c.create(c.bucket("b"))
		e := c.object("b", "x")
		for i := range 200 {
			e.Content.Garbage = append(e.Content.Garbage, holdall.Garbage{Key: fmt.Sprintf("aa/%d", i), Since: c.tick(), Doomed: i%3 == 0})
		}
		text := strings.Repeat("é\\n\\\" ", scale(1<<20, 1<<16)/8)
		e = valued(e, `{"text":"`+text+`","list":[`+strings.Repeat("1.10,", 1000)+`0]}`)
		c.everywhere(c.put(e, holdall.IfAbsent))
	}},
	{"fidelity/no aliasing", "what was passed in or handed out shares no memory with what is stored", func(c *catalogRun) {
		e := moved(valued(c.object("b", "x"), `{"a":"aaaa"}`), holdall.StatePending)
		e.Content.Garbage = make([]holdall.Garbage, 1, 8)
		e.Content.Garbage[0] = holdall.Garbage{Key: "aa/1", Since: e.CreatedAt}
		want := withVersion(clone(e), 1)
		put, err := c.cat.Put(c.ctx, e, holdall.IfAbsent)
		if err != nil {
			c.Fatalf("Put: %v", err)
		}
		spoil(e)
		spoil(put)
		for _, read := range c.readers(want) {
			got := read()
			if d := diff(want, got); d != "" {
				c.Errorf("changed from outside: %s", d)
			}
			spoil(got)
		}
		if d := diff(want, c.byID(c.tenant, want.ID)); d != "" {
			c.Errorf("changed from outside: %s", d)
		}
	}},
}

// spoil overwrites all memory that an entry points to.
func spoil(e holdall.Entry) {
	for i := range e.Value {
		e.Value[i] = ' '
	}
	if e.Content != nil {
		e.Content.Key, e.Content.Size = "spoiled", -1
		for i := range e.Content.Garbage {
			e.Content.Garbage[i] = holdall.Garbage{Key: "spoiled"}
		}
		_ = append(e.Content.Garbage, holdall.Garbage{Key: "spoiled"})
	}
}

// readers are all ways to read one entry.
func (c *catalogRun) readers(e holdall.Entry) []func() holdall.Entry {
	only := func(es []holdall.Entry, err error) holdall.Entry {
		c.Helper()
		if err != nil || len(es) != 1 {
			c.Fatalf("found %d entries, %v; want %s alone", len(es), err, label(e))
		}
		return es[0]
	}
	return []func() holdall.Entry{
		func() holdall.Entry { return c.byID(e.Tenant, e.ID) },
		func() holdall.Entry {
			p, err := c.cat.Query(c.ctx, holdall.Query{Tenant: e.Tenant, Kind: e.Kind, State: e.State, IDs: []string{e.ID}, Limit: 2})
			return only(p.Entries, err)
		},
		func() holdall.Entry { return only(c.cat.Scan(c.ctx, holdall.Scan{IDs: []string{e.ID}})) },
	}
}

// everywhere checks that every way to read the entry returns it.
func (c *catalogRun) everywhere(e holdall.Entry) {
	c.Helper()
	for i, read := range c.readers(e) {
		if d := diff(e, read()); d != "" {
			c.Errorf("%s by %s: %s", label(e), [...]string{"Get", "Query", "Scan"}[i], d)
		}
	}
}

// hardJSON are values that a store damages when it parses them into its own
// types.
func hardJSON() []string {
	var members bytes.Buffer
	for i := range 500 {
		fmt.Fprintf(&members, `"m%d":%d.50,`, i, i)
	}
	return []string{
		`null`, `true`, `false`, `0`, `""`, `[]`, `{}`, `"a"`, `[null]`, `{"a":null}`, `[[],{},[[]]]`,
		`1.10`, `1E5`, `1e5`, `-0`, `-0.0`, `100`, `0.1`, `1e-7`, `9007199254740991`, `9007199254740993`, `-9007199254740993`, `18446744073709551616`,
		`123456789012345678901234567890.123456789012345678901234567890`, `1.7976931348623157e308`, `5e-324`, `0.30000000000000004`, `3.0`, `[1,1.0,1.00,1e0]`,
		`{"$set":{"$inc":1}}`, `{"$numberLong":"5"}`, `{"$oid":"0123456789abcdef01234567"}`, `{"$date":"2020-01-01T00:00:00Z"}`, `{"a.b":1,"a":{"b":2}}`, `{".":1,"..":2,"a.":3,".a":4}`,
		`{"":1}`, `{"":{"":{"":0}}}`, `{"_id":"x","id":"y"}`, `{"$":1,"$a.b":2,"%":3,"%24":4}`, `{"a":1,"A":2,"á":3,"a\u0301":4}`, `{"b":1,"a":2,"c":{"z":1,"y":2}}`,
		`{"key with space":"x","quo\"te":1,"back\\slash":2,"new\nline":3,"\u0001":4}`, `{"日本":"語","😀":"\ud83d\ude00"}`,
		`"\u0001\u001f\u007f\u0080\u2028\u2029\ufeff\uffff"`, `"a\u00e9\ud83d\ude00"`, `"\\u0041 \/ \b\f\n\r\t"`, `"%_'\"; DROP TABLE x --"`, `"\ud7ff\ue000"`, `"</script><!--"`,
		`  { "a" : [ 1 , 2 ] }  `, "[\n\t1,\r\n2]", `{"__proto__":1,"constructor":2,"toString":3}`, `"2020-01-01T00:00:00Z"`, `"NaN"`, `"5"`, `"null"`,
		strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat(`{"a":`, 63) + "1" + strings.Repeat("}", 63),
		`{` + members.String() + `"last":0}`, `"` + strings.Repeat("x", 9000) + `"`, `{"` + strings.Repeat("k", 9000) + `":1}`,
	}
}
