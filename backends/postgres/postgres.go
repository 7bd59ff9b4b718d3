// Package postgres keeps entries, records and bytes in PostgreSQL, 14 and
// newer, over pgx.
//
// The tables live in a schema of their own. [Migrate] makes them and brings
// them up to date; New and Open do not touch the server's schema.
package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/holdall-go/holdall"
)

// Options are options of [New], [Open] and [Migrate].
type Options struct {
	// Schema is the schema of the tables; "" is "holdall". Stores in several
	// schemas of one database have nothing to do with each other.
	Schema string
	// Indexes are the JSON paths to index. Migrate makes the indexes, and
	// filters use them: give the same to both.
	Indexes []Index
	// MaxWait bounds the wait for a free connection of the pool; 0 is ten
	// seconds. Past it an operation fails with ErrUnavailable.
	MaxWait time.Duration
}

// DefaultSchema is the schema of the tables unless Options say otherwise.
const DefaultSchema = "holdall"

const defaultMaxWait = 10 * time.Second

// Backend is a [holdall.Catalog] and [holdall.Blobs] in PostgreSQL. Use one
// Backend as both, so that a small upload is one commit. It is safe for
// concurrent use.
//
// Errors match the sentinels of package holdall and, where the server sent
// one, *pgconn.PgError. A write whose outcome is not known says so and matches
// ErrUnavailable. What the server rolled back because of a deadlock or a
// serialization failure is done again by itself.
type Backend struct {
	pool    *pgxpool.Pool
	owned   bool
	sql     *statements
	ids     *blobIDs
	maxWait time.Duration
	window  int      // windowSize, but for tests
	tx      *boundTx // nil outside of a transaction
}

var (
	_ holdall.Catalog      = (*Backend)(nil)
	_ holdall.Blobs        = (*Backend)(nil)
	_ holdall.AtomicPutter = (*Backend)(nil)
	_ holdall.BatchPutter  = (*Backend)(nil)
	_ holdall.BatchRemover = (*Backend)(nil)
	_ holdall.Transactor   = (*Backend)(nil)
	_ holdall.FolderLister = (*Backend)(nil)
	_ holdall.BlobCopier   = (*Backend)(nil)
	_ holdall.BlobLister   = (*Backend)(nil)
	_ holdall.Pinger       = (*Backend)(nil)
)

// New returns a Backend on the host's pool; nil options are zero values. It
// does no I/O. The host closes pool. Behind a pooler in transaction mode the
// pool's DefaultQueryExecMode must be QueryExecModeCacheDescribe.
func New(pool *pgxpool.Pool, opts *Options) (*Backend, error) {
	if pool == nil {
		return nil, errors.New("postgres: New needs a pool")
	}
	o, err := opts.complete()
	if err != nil {
		return nil, err
	}
	sql, err := newStatements(o)
	if err != nil {
		return nil, err
	}
	return &Backend{pool: pool, sql: sql, ids: &blobIDs{}, maxWait: o.MaxWait, window: windowSize}, nil
}

// Open returns a Backend on a pool of its own, which Close closes. dsn is a
// connection string or URL as libpq has them (PostgreSQL documentation,
// 34.1.1), pool_max_conns and the like included. Where it sets no
// connect_timeout, that is five seconds. Open connects once, to prove that the
// server is there, else ErrUnavailable; ErrInvalid for a bad dsn.
func Open(ctx context.Context, dsn string, opts *Options) (*Backend, error) {
	cfg, err := poolConfig(dsn)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w: %w", holdall.ErrUnavailable, err)
	}
	b, err := New(pool, opts)
	if err == nil {
		b.owned = true
		err = b.ask(ctx, "SELECT 1") // Ping wants the tables, which Migrate may yet make
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	return b, nil
}

func poolConfig(dsn string) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w: %w", holdall.ErrInvalid, err)
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	cfg.ConnConfig.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(bufio.NewReaderSize(r, readBuffer), w)
	}
	return cfg, nil
}

const (
	connectTimeout = 5 * time.Second
	// readBuffer is what is read from a connection at once, in bytes: the
	// driver's own buffer holds no more than one chunk.
	readBuffer = 64 << 10
)

// Pool returns the pool that the Backend works on, for [Migrate] after Open.
func (b *Backend) Pool() *pgxpool.Pool { return b.pool }

// Close closes the pool if Open made it, and waits for what is under way.
func (b *Backend) Close() error {
	if b.owned && b.tx == nil {
		b.pool.Close()
	}
	return nil
}

// Ping implements [holdall.Pinger]. It fails where the tables are missing too.
func (b *Backend) Ping(ctx context.Context) error { return b.ask(ctx, b.sql.ping) }

func (b *Backend) ask(ctx context.Context, sql string) error {
	err := b.read(ctx, func(q querier) error {
		_, err := q.Exec(ctx, sql)
		return err
	})
	if err != nil && !errors.Is(err, holdall.ErrUnavailable) {
		err = fmt.Errorf("postgres: %w: %w", holdall.ErrUnavailable, err)
	}
	return err
}

func (o *Options) complete() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Schema == "" {
		c.Schema = DefaultSchema
	}
	if c.MaxWait == 0 {
		c.MaxWait = defaultMaxWait
	}
	switch {
	case c.MaxWait < 0:
		return c, fmt.Errorf("postgres: MaxWait is negative: %w", holdall.ErrInvalid)
	case !validIdentifier(c.Schema):
		return c, fmt.Errorf("postgres: schema %.80q: 1 to 63 bytes of UTF-8 without control characters and not beginning with pg_: %w", c.Schema, holdall.ErrInvalid)
	}
	for _, i := range c.Indexes {
		if err := i.check(); err != nil {
			return c, err
		}
	}
	return c, nil
}

// quoted returns an identifier as it is written in a statement.
func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
