package mongo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/holdall-go/holdall"
)

var someScalars = []string{`null`, `true`, `false`, `0`, `-0.0`, `1`, `1.0`, `1e0`, `1.10`, `-1`, `10`, `100`, `1e2`, `9007199254740993`, `9007199254740992`,
	`1e308`, `4.9e-324`, `""`, `"a"`, `"A"`, `"ä"`, `"z"`, `"a%"`, `"a_"`, `"\\"`, `"'"`, `"😀"`, `"` + strings.Repeat("long ", 200) + `"`, `"1"`, `"null"`,
	`"$gt"`, `"\u0001"`, `"\u0002"`, `"\u0001\u0001"`}

var someNames = []string{"a", "b", "0", "$gt", "%", "%[", "%24", "$$ROOT"}

// randomValue makes a value of the few members that filters ask for.
func randomValue(r *rand.Rand, depth int) string {
	switch n := r.IntN(6); {
	case depth == 0 || n < 2:
		return someScalars[r.IntN(len(someScalars))]
	case n == 2:
		var list []string
		for range r.IntN(4) {
			list = append(list, randomValue(r, depth-1))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	var members []string
	for _, name := range append([]string{"", "a.b"}, someNames...) {
		if r.IntN(2) == 0 {
			members = append(members, `"`+name+`":`+randomValue(r, depth-1))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func randomFilter(r *rand.Rand, depth int) string {
	if depth > 0 && r.IntN(3) == 0 {
		switch r.IntN(3) {
		case 0:
			return `{"not":` + randomFilter(r, depth-1) + `}`
		case 1:
			return `{"or":[` + randomFilter(r, depth-1) + "," + randomFilter(r, depth-1) + `]}`
		}
		return `{"and":[` + randomFilter(r, depth-1) + "," + randomFilter(r, depth-1) + `]}`
	}
	path := someNames[r.IntN(len(someNames))]
	for r.IntN(3) == 0 {
		path += "." + someNames[r.IntN(len(someNames))]
	}
	value := someScalars[r.IntN(len(someScalars))]
	switch op := []string{"eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "exists", "prefix", "contains"}[r.IntN(11)]; op {
	case "in", "nin":
		return fmt.Sprintf(`{"%s":{"%s":[%s,%s]}}`, path, op, value, someScalars[r.IntN(len(someScalars))])
	case "exists":
		return fmt.Sprintf(`{"%s":{"exists":%t}}`, path, r.IntN(2) == 0)
	case "gt", "gte", "lt", "lte", "prefix":
		for !strings.HasPrefix(value, `"`) && (op == "prefix" || strings.ContainsAny(value[:1], "ntf")) {
			value = someScalars[r.IntN(len(someScalars))]
		}
		return fmt.Sprintf(`{"%s":{"%s":%s}}`, path, op, value)
	default:
		return fmt.Sprintf(`{"%s":{"%s":%s}}`, path, op, value)
	}
}

// TestFiltersMeanWhatMatchMeans compares the compiled filters with the
// reference on random values.
func TestFiltersMeanWhatMatchMeans(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	b := open(t)
	values := map[string]string{}
	for i := range 120 {
		e := record(fmt.Sprintf("rec_%03d", i), fmt.Sprint("k", i))
		if i > 0 {
			e.Value = json.RawMessage(randomValue(r, 3))
		}
		values[e.ID] = string(e.Value)
		_, err := b.Put(bg, e, holdall.IfAbsent)
		require.NoError(t, err)
	}
	for range 300 {
		text := randomFilter(r, 3)
		f, err := holdall.ParseFilter([]byte(text))
		require.NoError(t, err, text)
		var want, got []string
		for id, v := range values {
			if f.Match([]byte(v)) {
				want = append(want, id)
			}
		}
		q := records()
		q.Where = f
		page, err := b.Query(bg, q)
		require.NoError(t, err, text)
		for _, e := range page.Entries {
			got = append(got, e.ID)
		}
		slices.Sort(want)
		slices.Sort(got)
		require.Equal(t, want, got, text)
	}
}

func records() holdall.Query {
	return holdall.Query{Tenant: "t", Kind: holdall.KindRecord, State: holdall.StateLive, Containers: []string{"c"},
		Scopes: []holdall.Scope{{Tier: holdall.Shared}}, Limit: 1000}
}

func record(id, name string) holdall.Entry {
	return holdall.Entry{ID: id, Kind: holdall.KindRecord, Tenant: "t", Container: "c", Tier: holdall.Shared, Name: name,
		State: holdall.StateLive, CreatedBy: "ann", Value: json.RawMessage(`{}`)}
}

func object(id, bucket, name string) holdall.Entry {
	e := record(id, name)
	e.Kind, e.Container, e.Content = holdall.KindObject, bucket, &holdall.Content{Key: "00/" + id, Size: 3, Type: "text/plain", Edition: 1}
	return e
}

func bucket(id, name string) holdall.Entry {
	e := record(id, name)
	e.Kind, e.Container = holdall.KindBucket, ""
	return e
}

// FuzzScalar holds the order of scalars' strings to that of the scalars.
func FuzzScalar(f *testing.F) {
	for _, a := range someScalars {
		f.Add(a, `"a"`)
		f.Add(a, `1`)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, v := range []string{a, b} {
			if holdall.CheckJSON([]byte(v), 1) != nil || strings.ContainsAny(v[:1], " \t\r\n") {
				return
			}
		}
		kinds := []byte{kindOf([]byte(a)), kindOf([]byte(b))}
		x, y := scalar([]byte(a)), scalar([]byte(b))
		require.NotContains(t, x, "\x00")
		for op, want := range map[string]bool{"eq": x == y, "lt": x < y && x[0] == y[0], "gte": x >= y && x[0] == y[0]} {
			if op != "eq" && (kinds[1] == 'n' || kinds[1] == 't' || kinds[1] == 'f') {
				continue
			}
			filter, err := holdall.ParseFilter(fmt.Appendf(nil, `{"v":{"%s":%s}}`, op, b))
			if err != nil {
				return
			}
			require.Equal(t, filter.Match(fmt.Appendf(nil, `{"v":%s}`, a)), want, "%s %s %s", a, op, b)
		}
	})
}

// FuzzEscape holds the names of fields to what every server takes, and apart.
func FuzzEscape(f *testing.F) {
	for _, name := range append([]string{"", ".", "\x00", "$", "a$", "%24", "%2E"}, someNames...) {
		f.Add(name, "a")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, name := range []string{escape(a), escape(b)} {
			require.NotEmpty(t, name)
			require.NotEqual(t, elements, name)
			require.False(t, strings.HasPrefix(name, "$") || strings.ContainsAny(name, ".\x00"), "%q", name)
		}
		require.Equal(t, a == b, escape(a) == escape(b), "%q %q", a, b)
	})
}

// TestFiltersAreStringsUnderTheMirror looks at everything that a compiled
// filter can hold: known operators, paths under the mirror, and texts.
func TestFiltersAreStringsUnderTheMirror(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 2000 {
		f, err := holdall.ParseFilter([]byte(randomFilter(r, 4)))
		require.NoError(t, err)
		onlyStrings(t, compile(f), "")
	}
}

func onlyStrings(t *testing.T, v any, field string) {
	t.Helper()
	switch v := v.(type) {
	case bson.D:
		for _, e := range v {
			switch {
			case field == "" && slices.Contains([]string{"$and", "$or", "$nor"}, e.Key), e.Key == "_id" && field == "":
				onlyStrings(t, e.Value, "")
			case field == "":
				require.True(t, strings.HasPrefix(e.Key, mirrorField+"."), e.Key)
				onlyStrings(t, e.Value, e.Key)
			default:
				require.Contains(t, []string{"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$exists"}, e.Key)
				onlyStrings(t, e.Value, field)
			}
		}
	case bson.A:
		for _, e := range v {
			onlyStrings(t, e, field)
		}
	case string, []string, bool:
	default:
		t.Errorf("%T in a filter", v)
	}
}
