package postgres

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

var scalars = []string{`null`, `true`, `false`, `0`, `-0.0`, `1`, `1.0`, `1e0`, `1.10`, `-1`, `10`, `100`, `1e2`, `9007199254740993`, `9007199254740992`,
	`1e308`, `4.9e-324`, `""`, `"a"`, `"A"`, `"ä"`, `"z"`, `"a%"`, `"a_"`, `"\\"`, `"'"`, `"😀"`, `"` + strings.Repeat("long ", 2000) + `"`, `"1"`, `"null"`}

// randomValue makes a value of the few members that filters ask for.
func randomValue(r *rand.Rand, depth int) string {
	switch n := r.IntN(6); {
	case depth == 0 || n < 2:
		return scalars[r.IntN(len(scalars))]
	case n == 2:
		var list []string
		for range r.IntN(4) {
			list = append(list, randomValue(r, depth-1))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	var members []string
	for _, name := range []string{"a", "b", "0", "it's", `x\"y`} {
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
	path := []string{"a", "b", "0", "it's", "a.b", "a.0", "b.a.b", `x\"y`}[r.IntN(8)]
	value := scalars[r.IntN(len(scalars))]
	switch op := []string{"eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "exists", "prefix", "contains"}[r.IntN(11)]; op {
	case "in", "nin":
		return fmt.Sprintf(`{"%s":{"%s":[%s,%s]}}`, path, op, value, scalars[r.IntN(len(scalars))])
	case "exists":
		return fmt.Sprintf(`{"%s":{"exists":%t}}`, path, r.IntN(2) == 0)
	case "gt", "gte", "lt", "lte", "prefix":
		for !strings.HasPrefix(value, `"`) && (op == "prefix" || strings.ContainsAny(value[:1], "ntf")) {
			value = scalars[r.IntN(len(scalars))]
		}
		return fmt.Sprintf(`{"%s":{"%s":%s}}`, path, op, value)
	default:
		return fmt.Sprintf(`{"%s":{"%s":%s}}`, path, op, value)
	}
}

// TestFiltersMeanWhatMatchMeans compares the compiled filters with the
// reference on random values, with and without declared indexes.
func TestFiltersMeanWhatMatchMeans(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for name, indexes := range map[string][]Index{"plain": nil, "indexed": {{Path: "a"}, {Path: "a.b"}, {Path: "it's"}, {Path: "b", Array: true}, {Path: "b"}, {Path: `x"y`}}} {
		t.Run(name, func(t *testing.T) {
			b := open(t, &Options{Indexes: indexes})
			r := rand.New(rand.NewPCG(seed, 1))
			values := map[string]string{}
			var ops []holdall.PutOp
			for i := range 400 {
				e := record(fmt.Sprintf("rec_%03d", i), fmt.Sprint("k", i))
				if i > 0 {
					e.Value = json.RawMessage(randomValue(r, 3))
				}
				values[e.ID] = string(e.Value)
				ops = append(ops, holdall.PutOp{Entry: e, Condition: holdall.IfAbsent})
			}
			results, err := b.PutBatch(bg, ops)
			require.NoError(t, err)
			for _, r := range results {
				require.NoError(t, r.Err)
			}
			_, err = b.pool.Exec(bg, "ANALYZE "+b.sql.table)
			require.NoError(t, err)
			for range 400 {
				compareFilter(t, b, randomFilter(r, 3), values)
			}
		})
	}
}

func compareFilter(t *testing.T, b *Backend, text string, values map[string]string) {
	t.Helper()
	f, err := holdall.ParseFilter([]byte(text))
	require.NoError(t, err, text)
	var want, got []string
	for id, v := range values {
		if f.Match([]byte(v)) {
			want = append(want, id)
		}
	}
	page, err := b.Query(bg, holdall.Query{Tenant: "t", Kind: holdall.KindRecord, State: holdall.StateLive, Containers: []string{"c"},
		Scopes: []holdall.Scope{{Tier: holdall.Shared}}, Where: f, Limit: 1000})
	require.NoError(t, err, text)
	for _, e := range page.Entries {
		got = append(got, e.ID)
	}
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(t, want, got, text)
}

// TestDeclaredIndexesAreUsed asks the planner.
func TestDeclaredIndexesAreUsed(t *testing.T) {
	b := open(t, &Options{Indexes: []Index{{Path: "status.code"}, {Path: "tags", Array: true}}})
	_, err := b.pool.Exec(bg, `INSERT INTO `+b.sql.table+` (id, kind, tenant, container, tier, owner, name, state, version, created_at, updated_at,
		created_by, updated_by, deleted_by, ttl, value)
		SELECT 'rec_' || i, 'record', 't', 'c', 'shared', '', 'k' || i, 'live', 1, now(), now(), '', '', '', 0,
		jsonb_build_object('status', jsonb_build_object('code', i % 5000), 'tags', jsonb_build_array('t' || i % 5000)) FROM generate_series(1, 20000) i`)
	require.NoError(t, err)
	_, err = b.pool.Exec(bg, "ANALYZE "+b.sql.table)
	require.NoError(t, err)
	for text, index := range map[string]string{
		`{"status.code":77}`: Index{Path: "status.code"}.name(), `{"status.code":{"in":[77,78]}}`: Index{Path: "status.code"}.name(),
		`{"tags":{"contains":"t77"}}`: Index{Path: "tags", Array: true}.name(),
	} {
		f, err := holdall.ParseFilter([]byte(text))
		require.NoError(t, err)
		q := holdall.Query{Tenant: "t", Kind: holdall.KindRecord, State: holdall.StateLive, Containers: []string{"c"},
			Scopes: []holdall.Scope{{Tier: holdall.Shared}, {Tier: holdall.User, Owner: "u"}}, Where: f, Limit: 50}
		s := &statement{sql: b.sql}
		s.page(&q)
		plan := explainPlan(t, b, s)
		require.Contains(t, plan, index, "%s\n%s", text, plan)
		page, err := b.Query(bg, q)
		require.NoError(t, err)
		require.NotEmpty(t, page.Entries)
	}
}

func explainPlan(t *testing.T, b *Backend, s *statement) string {
	t.Helper()
	rows, err := b.pool.Query(bg, "EXPLAIN "+s.text.String(), s.args...)
	require.NoError(t, err)
	var line, plan string
	for rows.Next() {
		require.NoError(t, rows.Scan(&line))
		plan += line + "\n"
	}
	require.NoError(t, rows.Err())
	return plan
}
