package postgres

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io/fs"
	"path"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/holdall-go/holdall"
)

//go:embed migrations/*.sql
var embedded embed.FS

// Migrations returns the migrations as files of plain SQL in the order of
// their names, for hosts that have a tool of their own: each is to be run once,
// in a transaction. They expect the schema of opts to be there, keep no
// record of having run, and do not make the indexes that opts declare.
func Migrations(opts *Options) (fs.FS, error) {
	o, err := opts.complete()
	if err != nil {
		return nil, err
	}
	steps, err := readSteps(o.Schema)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer // the nearest thing to a file system in memory
	w := zip.NewWriter(&archive)
	for _, s := range steps {
		f, err := w.Create(s.name)
		if err == nil {
			_, err = f.Write([]byte(s.sql))
		}
		if err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
}

// MigrationSQL returns all that [Migrate] would run on an empty database, as one script.
func MigrationSQL(opts *Options) (string, error) {
	o, err := opts.complete()
	if err != nil {
		return "", err
	}
	steps, err := readSteps(o.Schema)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "BEGIN;\nCREATE SCHEMA IF NOT EXISTS %s;\n%s;\n", quoted(o.Schema), migrationsTable(o.Schema))
	for _, s := range steps {
		fmt.Fprintf(&b, "\n-- %s\n%s", s.name, s.sql)
		fmt.Fprintf(&b, "INSERT INTO %s.migrations (name, checksum) VALUES (%s, '%s');\n", quoted(o.Schema), literal(s.name), s.checksum)
	}
	for _, i := range o.Indexes {
		fmt.Fprintf(&b, "%s;\n", i.statement(quoted(o.Schema)+".entries"))
	}
	b.WriteString("COMMIT;\n")
	return b.String(), nil
}

// Migrate makes the schema and its tables and indexes, or brings them up to
// date, in one transaction. Any number of processes may call it at once; where
// nothing is to be done it only looks. It fails, and changes nothing, when a
// migration that ran before is not the one it knows. What a newer release has
// added stays. An index on a large table holds up writes while it is made:
// CREATE INDEX CONCURRENTLY beforehand, under the name that [MigrationSQL]
// shows, avoids that.
func Migrate(ctx context.Context, pool *pgxpool.Pool, opts *Options) error {
	o, err := opts.complete()
	if err != nil {
		return err
	}
	steps, err := readSteps(o.Schema)
	if err != nil {
		return err
	}
	m := &migration{Options: o, steps: steps}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		missing, err := m.missing(ctx, tx)
		if err != nil || !missing {
			return err
		}
		return m.run(ctx, tx)
	})
	if err != nil {
		err = failure(ctx, err, false)
		return fmt.Errorf("migrating schema %s: %w", o.Schema, err)
	}
	return nil
}

type step struct{ name, sql, checksum string }

type migration struct {
	Options
	steps []step
}

func migrationsTable(schema string) string {
	return "CREATE TABLE IF NOT EXISTS " + quoted(schema) + ".migrations (name text NOT NULL PRIMARY KEY, checksum text NOT NULL," +
		" applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
}

// missing reports whether there is something to do.
func (m *migration) missing(ctx context.Context, tx pgx.Tx) (bool, error) {
	var encoding string
	var have bool
	err := tx.QueryRow(ctx, "SELECT current_setting('server_encoding'), to_regclass($1) IS NOT NULL", quoted(m.Schema)+".migrations").Scan(&encoding, &have)
	if err != nil {
		return false, err
	}
	if encoding != "UTF8" {
		return false, fmt.Errorf("the database is in %s, and has to be in UTF8: %w", encoding, holdall.ErrInvalid)
	}
	if !have {
		return true, nil
	}
	todo, err := m.todo(ctx, tx)
	if err != nil || len(todo) > 0 {
		return true, err
	}
	for _, i := range m.Indexes {
		var there bool
		if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", quoted(m.Schema)+"."+quoted(i.name())).Scan(&there); err != nil || !there {
			return true, err
		}
	}
	return false, nil
}

// todo returns the steps that have not run.
func (m *migration) todo(ctx context.Context, tx pgx.Tx) ([]step, error) {
	rows, err := tx.Query(ctx, "SELECT name, checksum FROM "+quoted(m.Schema)+".migrations")
	if err != nil {
		return nil, err
	}
	done := map[string]string{}
	var name, sum string
	if _, err := pgx.ForEachRow(rows, []any{&name, &sum}, func() error { done[name] = sum; return nil }); err != nil {
		return nil, err
	}
	var todo []step
	for _, s := range m.steps {
		switch sum, ok := done[s.name]; {
		case !ok:
			todo = append(todo, s)
		case sum != s.checksum:
			return nil, fmt.Errorf("migration %s that ran here is not the one of this release: %w", s.name, holdall.ErrInvalid)
		}
	}
	return todo, nil
}

func (m *migration) run(ctx context.Context, tx pgx.Tx) error {
	h := fnv.New64a()
	h.Write([]byte("holdall migrations " + m.Schema))
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(h.Sum64())); err != nil {
		return err
	}
	var there bool
	if err := tx.QueryRow(ctx, "SELECT to_regnamespace($1) IS NOT NULL", quoted(m.Schema)).Scan(&there); err != nil {
		return err
	}
	if !there { // a role may use a schema that it could not make
		if _, err := tx.Exec(ctx, "CREATE SCHEMA "+quoted(m.Schema)); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, migrationsTable(m.Schema)); err != nil {
		return err
	}
	todo, err := m.todo(ctx, tx)
	if err != nil {
		return err
	}
	for _, s := range todo {
		if _, err := tx.Conn().PgConn().Exec(ctx, s.sql).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if _, err := tx.Exec(ctx, "INSERT INTO "+quoted(m.Schema)+".migrations (name, checksum) VALUES ($1, $2)", s.name, s.checksum); err != nil {
			return err
		}
	}
	for _, i := range m.Indexes {
		if _, err := tx.Exec(ctx, i.statement(quoted(m.Schema)+".entries")); err != nil {
			return err
		}
	}
	return nil
}

// readSteps reads the migrations. A checksum is that of the file as it is
// embedded, whatever the schema.
func readSteps(schema string) ([]step, error) {
	names, err := fs.Glob(embedded, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, n := range names {
		text, err := embedded.ReadFile(n)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		steps = append(steps, step{path.Base(n), strings.ReplaceAll(string(text), quoted(DefaultSchema), quoted(schema)), hex.EncodeToString(sum[:])})
	}
	return steps, nil
}
