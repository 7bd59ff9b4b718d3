package postgres

import (
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/pgtest"
)

// names are schemas that a careless statement would stumble over.
var oddSchemas = []string{`it's "odd"; DROP SCHEMA public; --`, "select", "Übergröße", `back\slash`, "$1"}

func pool(t *testing.T) *pgxpool.Pool {
	p, err := pgxpool.New(bg, pgtest.DSN(t)+" pool_max_conns=12")
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func dropSchema(t *testing.T, p *pgxpool.Pool, schema string) {
	t.Cleanup(func() {
		_, err := p.Exec(bg, "DROP SCHEMA IF EXISTS "+quoted(schema)+" CASCADE")
		require.NoError(t, err)
	})
}

func TestTenProcessesMigrateAtOnce(t *testing.T) {
	p := pool(t)
	o := &Options{Schema: "migrate at once", Indexes: []Index{{Path: "a.b"}, {Path: "c", Array: true}}}
	dropSchema(t, p, o.Schema)
	var wg sync.WaitGroup
	errs := make([]error, 10)
	for i := range errs {
		wg.Go(func() { errs[i] = Migrate(bg, p, o) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	var n int
	require.NoError(t, p.QueryRow(bg, "SELECT count(*) FROM "+quoted(o.Schema)+".migrations").Scan(&n))
	steps, err := readSteps(o.Schema)
	require.NoError(t, err)
	require.Len(t, steps, n)
	require.NoError(t, Migrate(bg, p, o), "again")
}

func TestMigrateRefusesAChangedMigration(t *testing.T) {
	p := pool(t)
	o := &Options{Schema: "migrate changed"}
	dropSchema(t, p, o.Schema)
	require.NoError(t, Migrate(bg, p, o))
	_, err := p.Exec(bg, "UPDATE "+quoted(o.Schema)+".migrations SET checksum = 'x' WHERE name LIKE '002%'")
	require.NoError(t, err)
	require.ErrorContains(t, Migrate(bg, p, o), "002_blobs.sql")
}

func TestOddSchemasWork(t *testing.T) {
	for _, schema := range oddSchemas {
		b := open(t, &Options{Schema: schema, Indexes: []Index{{Path: `it's "odd" \`}}})
		_, err := b.Put(bg, record("rec_1", "k"), holdall.IfAbsent)
		require.NoError(t, err, schema)
		_, err = b.PutBlob(bg, "aa/b", strings.NewReader(strings.Repeat("x", 300<<10)), -1)
		require.NoError(t, err, schema)
		require.NoError(t, b.DeleteBlob(bg, "aa/b"))
	}
	for _, schema := range []string{"pg_x", strings.Repeat("x", 64), "a\x00b", "\xff", "a\nb"} {
		_, err := New(pool(t), &Options{Schema: schema})
		require.ErrorIs(t, err, holdall.ErrInvalid, schema)
	}
}

func TestMigrationsAsFilesAndAsAScript(t *testing.T) {
	o := &Options{Schema: "migrations printed", Indexes: []Index{{Path: "a"}}}
	files, err := Migrations(o)
	require.NoError(t, err)
	require.NoError(t, fstest.TestFS(files, "001_entries.sql", "002_blobs.sql"))
	text, err := fs.ReadFile(files, "001_entries.sql")
	require.NoError(t, err)
	require.Contains(t, string(text), `"migrations printed".entries`)
	require.NotContains(t, string(text), `"holdall"`)

	script, err := MigrationSQL(o)
	require.NoError(t, err)
	p := pool(t)
	dropSchema(t, p, o.Schema)
	c, err := p.Acquire(bg)
	require.NoError(t, err)
	_, err = c.Conn().PgConn().Exec(bg, script).ReadAll()
	c.Release()
	require.NoError(t, err)
	// What the script made is what Migrate would have made: nothing is left to
	// do, not even for a role that could not do it.
	role := fmt.Sprintf("reader%d", len(script))
	_, err = p.Exec(bg, "DROP ROLE IF EXISTS "+role+"; CREATE ROLE "+role)
	require.NoError(t, err)
	_, err = p.Exec(bg, fmt.Sprintf("GRANT USAGE ON SCHEMA %[1]s TO %[2]s; GRANT SELECT ON ALL TABLES IN SCHEMA %[1]s TO %[2]s", quoted(o.Schema), role))
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = p.Exec(bg, "DROP OWNED BY "+role+"; DROP ROLE "+role) })
	limited, err := pgxpool.New(bg, pgtest.DSN(t)+" options='-c role="+role+"'")
	require.NoError(t, err)
	t.Cleanup(limited.Close)
	require.NoError(t, Migrate(bg, limited, o))
}

func TestEveryTableIsExplained(t *testing.T) {
	b := open(t, nil)
	rows, err := b.pool.Query(bg, `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE quote_ident(n.nspname) = $1 AND c.relkind = 'r' AND c.relname <> 'migrations' AND obj_description(c.oid) IS NULL`, b.sql.schema)
	require.NoError(t, err)
	require.False(t, rows.Next())
	rows.Close()
}
