package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/postgres"
	"github.com/holdall-go/holdall/internal/leak"
	"github.com/holdall-go/holdall/internal/mongotest"
	"github.com/holdall-go/holdall/internal/pgtest"
	"github.com/holdall-go/holdall/internal/s3test"
)

func TestMain(m *testing.M) {
	os.Exit(leak.Run(m, pgtest.Stop, s3test.Stop, mongotest.Stop))
}

var bg = context.Background()

// openPostgres returns a backend in a new schema, with tables for the raw way.
func openPostgres(tb testing.TB) (*postgres.Backend, *pgxpool.Pool, string) {
	schema := fmt.Sprint("bench", time.Now().UnixNano())
	o := &postgres.Options{Schema: schema}
	b, err := postgres.Open(bg, pgtest.DSN(tb)+" pool_max_conns=40", o)
	noError(tb, err)
	pool := b.Pool()
	noError(tb, postgres.Migrate(bg, pool, o))
	execSQL(tb, pool, `CREATE TABLE `+schema+`.raw (id bigserial PRIMARY KEY, name text, data bytea);
		CREATE TABLE `+schema+`.raw_rows (tenant text, collection text, key text, version bigint, value jsonb, updated_at timestamptz,
			PRIMARY KEY (tenant, collection, key)) WITH (fillfactor = 80);
		CREATE TABLE `+schema+`.raw_chunks (blob bigint, seq int, data bytea, PRIMARY KEY (blob, seq));
		ALTER TABLE `+schema+`.raw_chunks ALTER data SET STORAGE PLAIN`)
	tb.Cleanup(func() {
		execSQL(tb, pool, "DROP SCHEMA "+schema+" CASCADE")
		noError(tb, b.Close())
	})
	return b, pool, schema
}

func execSQL(tb testing.TB, pool *pgxpool.Pool, sql string) {
	tb.Helper()
	c, err := pool.Acquire(bg)
	noError(tb, err)
	defer c.Release()
	_, err = c.Conn().PgConn().Exec(bg, sql).ReadAll()
	noError(tb, err)
}

// BenchmarkPostgresPut compares an upload through the Store with one INSERT of
// the whole value, for 4 KiB beside a second row in one transaction.
func BenchmarkPostgresPut(b *testing.B) {
	for name, size := range map[string]int{"4KiB": 4 << 10, "1MiB": 1 << 20, "64MiB": 64 << 20} {
		b.Run(name, func(b *testing.B) {
			db, pool, schema := openPostgres(b)
			_, bucket := newStore(b, db)
			data := noise(size)
			ours := &putter{tb: b, bucket: bucket, data: data}
			ours.put()
			insert, row := "INSERT INTO "+schema+".raw (name, data) VALUES ($1, $2)", "INSERT INTO "+schema+".raw_rows VALUES ('t', 'c', $1, 1, '{}', now())"
			n := 0
			raw := func() time.Duration {
				n++
				took := timed(func() {
					if size > 4<<10 {
						_, err := pool.Exec(bg, insert, fmt.Sprint(n), data)
						noError(b, err)
						return
					}
					noError(b, pgx.BeginFunc(bg, pool, func(tx pgx.Tx) error {
						if _, err := tx.Exec(bg, insert, fmt.Sprint(n), data); err != nil {
							return err
						}
						_, err := tx.Exec(bg, row, fmt.Sprint(n))
						return err
					}))
				})
				execSQL(b, pool, "DELETE FROM "+schema+".raw")
				return took
			}
			raw()
			var r ratios
			for b.Loop() {
				r.pair(raw, ours.put)
			}
			r.report(b, "ratio")
		})
	}
}

// BenchmarkPostgresCopy compares PutBlob of 64 MiB with COPY of the same bytes
// into the same layout in one transaction.
func BenchmarkPostgresCopy(b *testing.B) {
	db, pool, schema := openPostgres(b)
	data := noise(64 << 20)
	n := 0
	raw := func() time.Duration {
		n++
		took := timed(func() {
			seq := 0
			_, err := pool.CopyFrom(bg, pgx.Identifier{schema, "raw_chunks"}, []string{"blob", "seq", "data"}, pgx.CopyFromFunc(func() ([]any, error) {
				from := seq * 8120
				if from >= len(data) {
					return nil, nil
				}
				seq++
				return []any{int64(n), int32(seq), data[from:min(from+8120, len(data))]}, nil
			}))
			noError(b, err)
		})
		execSQL(b, pool, "DELETE FROM "+schema+".raw_chunks")
		return took
	}
	ours := func() time.Duration {
		n++
		key := fmt.Sprint("aa/", n)
		took := timed(func() {
			_, err := db.PutBlob(bg, key, bytes.NewReader(data), -1)
			noError(b, err)
		})
		noError(b, db.DeleteBlob(bg, key))
		return took
	}
	raw()
	ours()
	var r ratios
	for b.Loop() {
		r.pair(raw, ours)
	}
	r.report(b, "ratio")
}

// BenchmarkPostgresGet compares a download of 64 MiB with one SELECT.
func BenchmarkPostgresGet(b *testing.B) {
	db, pool, schema := openPostgres(b)
	_, bucket := newStore(b, db)
	data := noise(64 << 20)
	_, err := bucket.Object("x").Put(bg, bytes.NewReader(data), nil)
	noError(b, err)
	_, err = pool.Exec(bg, "INSERT INTO "+schema+".raw (id, data) VALUES (1, $1)", data)
	noError(b, err)
	var r ratios
	for b.Loop() {
		r.pair(func() time.Duration {
			return timed(func() {
				var got []byte
				noError(b, pool.QueryRow(bg, "SELECT data FROM "+schema+".raw WHERE id = 1").Scan(&got))
			})
		}, func() time.Duration {
			return timed(func() {
				o, err := bucket.Object("x").Open(bg)
				noError(b, err)
				n, err := o.WriteTo(io.Discard)
				noError(b, err)
				if n != int64(len(data)) {
					b.Fatal(n)
				}
				noError(b, o.Close())
			})
		})
	}
	r.report(b, "ratio")
}

const rawValue = `{"status": "open", "total": 12.50, "lines": [{"sku": "a-1", "n": 2}, {"sku": "b-7", "n": 1}], "note": "as agreed by phone"}`

// BenchmarkPostgresRecord compares records through the Store with statements
// for one row that are written by hand.
func BenchmarkPostgresRecord(b *testing.B) {
	const each = 50
	db, pool, schema := openPostgres(b)
	s, _ := newStore(b, db)
	c := s.As(caller).Collection("orders")
	upsert := "INSERT INTO " + schema + `.raw_rows VALUES ('bench', 'orders', $1, 1, $2, $3) ON CONFLICT (tenant, collection, key)
		DO UPDATE SET value = excluded.value, version = raw_rows.version + 1, updated_at = excluded.updated_at RETURNING version`
	get := "SELECT version, value, updated_at FROM " + schema + ".raw_rows WHERE tenant = 'bench' AND collection = 'orders' AND key = $1"
	key := func(i int) string { return fmt.Sprintf("order %d", i%each) }
	loop := func(f func(i int)) func() time.Duration {
		return func() time.Duration {
			return timed(func() {
				for i := range each {
					f(i)
				}
			})
		}
	}
	rawPut := loop(func(i int) {
		var v int64
		noError(b, pool.QueryRow(bg, upsert, key(i), rawValue, time.Now()).Scan(&v))
	})
	ourPut := loop(func(i int) {
		_, err := c.Record(key(i)).Put(bg, jsonValue(rawValue), nil)
		noError(b, err)
	})
	rawGet := loop(func(i int) {
		var v int64
		var value []byte
		var at time.Time
		noError(b, pool.QueryRow(bg, get, key(i)).Scan(&v, &value, &at))
	})
	ourGet := loop(func(i int) {
		_, err := c.Record(key(i)).Get(bg)
		noError(b, err)
	})
	ops := make([]holdall.BatchOp, 1000)
	for i := range ops {
		ops[i] = holdall.BatchOp{Collection: "batch", Key: key(i*each) + fmt.Sprint(i), Value: jsonValue(rawValue)}
	}
	batch := func() time.Duration {
		return timed(func() {
			results, err := s.As(caller).Batch(bg, ops)
			noError(b, err)
			for _, r := range results {
				noError(b, r.Err)
			}
		})
	}
	rawPut()
	ourPut()
	b.Run("put", func(b *testing.B) { pairs(b, rawPut, ourPut) })
	b.Run("get", func(b *testing.B) { pairs(b, rawGet, ourGet) })
	b.Run("batch", func(b *testing.B) { // one by one: as many as a batch has
		pairs(b, func() time.Duration { return ourPut() * (1000 / each) }, batch)
	})
}

type jsonValue string

// MarshalJSON implements json.Marshaler.
func (v jsonValue) MarshalJSON() ([]byte, error) { return []byte(v), nil }

func pairs(b *testing.B, raw, ours func() time.Duration) {
	var r ratios
	for b.Loop() {
		r.pair(raw, ours)
	}
	r.report(b, "ratio")
}

// fillPostgres makes a bucket of n objects in three tiers and many folders.
func fillPostgres(tb testing.TB, pool *pgxpool.Pool, schema, bucket string, n int) {
	execSQL(tb, pool, fmt.Sprintf(`INSERT INTO %[1]s.entries (id, kind, tenant, container, tier, owner, name, state, version, created_at, updated_at,
		created_by, updated_by, deleted_by, ttl, value, blob_key, size, checksum, type, source, source_type, edition)
		SELECT 'obj_%[2]s' || i, 'object', 'bench', '%[2]s', (ARRAY['private', 'user', 'shared'])[1 + i %% 3], (ARRAY['app', 'bench', ''])[1 + i %% 3],
		'dir' || lpad((i / 1000)::text, 6, '0') || '/file' || lpad(i::text, 8, '0'), 'live', 1, now(), now(), 'bench', 'bench', '', 0, '{}',
		'00/' || i, 1, repeat('0', 64), 'text/plain', 'edm', 'api', 1 FROM generate_series(1, %[3]d) i`, schema, bucket, n))
}

// BenchmarkPostgresPage compares a page of 50 from 2,000,000 objects in three
// tiers with one from 10,000, at the beginning and deep inside, and measures
// the folders of the large bucket.
func BenchmarkPostgresPage(b *testing.B) {
	db, pool, schema := openPostgres(b)
	s, _ := newStore(b, db)
	ws := s.As(holdall.Principal{Tenant: "bench", User: "bench", App: "app", Permissions: []string{"*"}})
	sizes := map[string]int{"small": 10_000, "large": 2_000_000}
	for name, n := range sizes {
		_, err := ws.Bucket(name).Create(bg, nil)
		noError(b, err)
		fillPostgres(b, pool, schema, name, n)
	}
	execSQL(b, pool, "VACUUM ANALYZE "+schema+".entries")
	page := func(bucket, prefix, cursor, delimiter string) holdall.Listing[holdall.ObjectInfo] {
		l, err := ws.Bucket(bucket).ListPage(bg, &holdall.ListOptions{NoTotal: true, Prefix: prefix, Cursor: cursor, Delimiter: delimiter})
		noError(b, err)
		return l
	}
	// deep is the cursor nine tenths into the bucket, as the list itself makes them.
	deep := func(bucket string) string {
		l, err := ws.Bucket(bucket).ListPage(bg, &holdall.ListOptions{NoTotal: true, Offset: sizes[bucket] * 9 / 10})
		noError(b, err)
		return l.NextCursor
	}
	for where, cursors := range map[string][2]string{"first": {}, "deep": {deep("large"), deep("small")}} {
		b.Run(where, func(b *testing.B) {
			var r ratios
			for b.Loop() {
				r.pair(func() time.Duration { return timed(func() { page("large", "", cursors[0], "") }) },
					func() time.Duration { return timed(func() { page("small", "", cursors[1], "") }) })
			}
			r.report(b, "slowdown")
		})
	}
	b.Run("folders", func(b *testing.B) {
		var r ratios
		for b.Loop() {
			r.pair(func() time.Duration {
				return timed(func() {
					if l := page("large", "", "", "/"); len(l.Folders) != 50 {
						b.Fatal(len(l.Folders))
					}
				})
			}, func() time.Duration { return time.Millisecond })
		}
		r.report(b, "ms")
	})
}

// BenchmarkPostgresMemory measures the memory of 32 uploads of 64 MiB at once,
// of unknown size, from readers that hold nothing.
func BenchmarkPostgresMemory(b *testing.B) {
	db, _, _ := openPostgres(b)
	_, bucket := newStore(b, db)
	block := noise(1 << 20)
	var peak uint64
	for n := 0; b.Loop(); n++ {
		runtime.GC()
		stop := make(chan struct{})
		var watch, uploads sync.WaitGroup
		watch.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
					peak = max(peak, resident())
				}
			}
		})
		for i := range 32 {
			uploads.Go(func() {
				var parts []io.Reader
				for range 64 {
					parts = append(parts, bytes.NewReader(block))
				}
				_, err := bucket.Object(fmt.Sprint(n, "/", i)).Put(bg, io.MultiReader(parts...), nil)
				if err != nil {
					b.Error(err)
				}
			})
		}
		uploads.Wait()
		close(stop)
		watch.Wait()
	}
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
	b.ReportMetric(0, "ns/op")
}

// resident is the memory of this process in bytes.
func resident() uint64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.Sys
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kib uint64
	_, _ = fmt.Sscan(rest, &kib)
	return kib << 10
}
