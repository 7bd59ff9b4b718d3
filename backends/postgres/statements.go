package postgres

import (
	"fmt"
	"strings"
)

// statements are the texts for one schema. Whatever comes from a caller is a
// parameter of them; only the schema's name and the declared indexes are text.
type statements struct {
	schema  string // quoted
	table   string // of entries
	indexes map[string]indexUse

	getByID, getByPlace, getObjectAt string
	insert, insertOrFail, upsert     fencedStatement
	updateByID, updateByPlace        fencedStatement
	evict, remove, removeBatch       string
	headByID, headByPlace            string
	lockByID, lockByPlace, anyObject string
	scanByID, scanDue, scanAll       string
	ping                             string

	blobSetup, blobInsert, blobStart, blobNext, blobLast, blobFinish string
	blobChunksInsert, blobChunksCopy                                 string
	blobOpen, blobHead, blobRead, blobCopy, blobList                 string
	blobDeleteSmall, blobDeleteMark, blobDeleteSome, blobDelete      string
}

// fencedStatement is a statement in two forms: for a live object, which needs
// its bucket, and for all else.
type fencedStatement struct{ plain, fenced string }

func (f fencedStatement) of(fenced bool) string {
	if fenced {
		return f.fenced
	}
	return f.plain
}

func newStatements(o Options) (*statements, error) {
	schema := quoted(o.Schema)
	s := &statements{schema: schema, table: schema + ".entries", indexes: indexUses(o.Indexes)}
	s.entryStatements()
	s.blobStatements()
	return s, nil
}

const (
	// byPlace and byID take the parameters of getByPlace and getByID.
	byPlace = "e.tenant = $1 AND e.kind = $2 AND e.container = $3 AND e.tier = $4 AND e.owner = $5 AND e.name = $6 AND e.state = 'live'"
	byID    = "e.id = $1 AND e.tenant = $2"
	head    = "e.id, e.kind, e.name, e.state, e.version, e.expires_at"
)

func (s *statements) entryStatements() {
	from := " FROM " + s.table + " e WHERE "
	s.getByID = "SELECT " + selected + from + byID
	s.getByPlace = "SELECT " + listed(lifeColumns) + from + byPlace
	s.getObjectAt = "SELECT " + listed(lifeColumns, contentColumns) + from + byPlace
	s.headByID = "SELECT " + head + from + byID
	s.headByPlace = "SELECT " + head + from + byPlace
	s.lockByID = s.headByID + " FOR UPDATE"
	s.lockByPlace = s.headByPlace + " FOR UPDATE"
	s.anyObject = "SELECT EXISTS (SELECT" + from + "e.tenant = $1 AND e.kind = 'object' AND e.container = $2 AND e.state = 'live'" +
		" AND (e.expires_at IS NULL OR e.expires_at > $3))"
	s.remove = "DELETE" + from + byID + " AND e.version = $3"
	// By ctid, so that what somebody else has locked is skipped and what is
	// deleted is what was locked.
	s.removeBatch = "DELETE FROM " + s.table + " WHERE ctid = ANY (ARRAY (SELECT e.ctid FROM " + s.table + " e" +
		" JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS d(id, tenant, version) ON e.id = d.id AND e.tenant = d.tenant AND e.version = d.version" +
		" FOR UPDATE OF e SKIP LOCKED))"
	s.evict = "DELETE" + from + byPlace + " AND e.expires_at <= $7"
	s.scanByID = "SELECT " + selected + from + "e.id = ANY ($1::text[])"
	s.scanDue = "SELECT " + selected + from + "e.due_at <= $1 ORDER BY e.due_at, e.id LIMIT $2"
	s.ping = "SELECT FROM " + s.table + " LIMIT 1"
	s.scanAll = "SELECT " + selected + from + "e.id > $1 ORDER BY e.id LIMIT $2"
	for _, fenced := range []bool{false, true} {
		container := param("container")
		if fenced {
			container = s.fence()
		}
		set := func(f *fencedStatement, text string) {
			if fenced {
				f.fenced = text
			} else {
				f.plain = text
			}
		}
		insert := s.insertText(container)
		set(&s.insertOrFail, insert)
		set(&s.insert, insert+onConflictNothing)
		set(&s.upsert, insert+onConflict(columns)+returning)
		set(&s.updateByID, s.updateText(container, false))
		set(&s.updateByPlace, s.updateText(container, true))
	}
}

// fence is the container of a live object where its bucket is there, else
// null, which the column refuses. It locks the bucket's row against leaving,
// and waits for one that is about to leave.
func (s *statements) fence() string {
	return fmt.Sprintf("(SELECT b.name FROM %s b WHERE b.tenant = %s AND b.kind = 'bucket' AND b.container = '' AND b.tier = 'shared'"+
		" AND b.owner = '' AND b.name = %s AND b.state = 'live' AND (b.expires_at IS NULL OR b.expires_at > %s) FOR KEY SHARE)",
		s.table, param("tenant"), param("container"), param("updated_at"))
}

func (s *statements) insertText(container string) string {
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = param(c)
		if c == "container" {
			values[i] = container
		}
	}
	return "INSERT INTO " + s.table + " AS e (" + strings.Join(columns, ", ") + ", version) VALUES (" + strings.Join(values, ", ") + ", 1)"
}

const onConflictNothing = " ON CONFLICT DO NOTHING"

// onConflict replaces the live entry at the place unless it has run out.
func onConflict(columns []string) string {
	var set strings.Builder
	for _, c := range columns[:len(columns)-kept] {
		set.WriteString(c + " = excluded." + c + ", ")
	}
	return " ON CONFLICT (tenant, kind, container, tier, owner, name) WHERE state = 'live' DO UPDATE SET " + set.String() +
		"version = e.version + 1 WHERE e.expires_at IS NULL OR e.expires_at > excluded.updated_at"
}

func (s *statements) updateText(container string, place bool) string {
	n := len(columns)
	where := "e.id = " + param("id") + " AND e.tenant = " + param("tenant")
	if place {
		n -= kept
		where = "e.state = 'live'"
		for _, c := range []string{"tenant", "kind", "container", "tier", "owner", "name"} {
			where += " AND e." + c + " = " + param(c)
		}
	}
	var set strings.Builder
	for _, c := range columns[:n] {
		value := param(c)
		if c == "container" {
			value = container
		}
		set.WriteString(c + " = " + value + ", ")
	}
	return fmt.Sprintf("UPDATE %s e SET %s version = e.version + 1 WHERE %s AND e.version = $%d"+
		" AND (e.state <> 'live' OR e.expires_at IS NULL OR e.expires_at > %s)"+returning,
		s.table, set.String(), where, n+1, param("updated_at"))
}

// asyncCommit lets a transaction commit without waiting for the disk. That is
// for the pieces of a blob before the last: the last one's commit, which waits,
// makes all that was committed before it durable too.
const asyncCommit = "set_config('synchronous_commit', 'off', true)"

func (s *statements) blobStatements() {
	blobs, chunks := s.schema+".blobs", s.schema+".blob_chunks"
	s.blobSetup = "SELECT nextval('" + strings.ReplaceAll(s.schema, "'", "''") + ".blob_ids'), current_setting('block_size')::int"
	s.blobInsert = "INSERT INTO " + blobs + " (id, key, size, chunk_size) VALUES ($1, $2, $3, $4)"
	s.blobChunksInsert = "INSERT INTO " + chunks + " (blob, seq, data) SELECT $1, d.seq - 1, d.data FROM unnest($2::bytea[]) WITH ORDINALITY AS d(data, seq)"
	s.blobStart = s.blobInsert + " RETURNING " + asyncCommit
	// An upload that goes on holds off a deletion, and fails after one, and
	// where a crash has taken the chunk before.
	s.blobLast = "SELECT FROM " + blobs + " WHERE id = $1 AND size IS NULL AND NOT deleting" +
		" AND EXISTS (SELECT FROM " + chunks + " WHERE blob = $1 AND seq = $2::int - 1) FOR SHARE"
	s.blobNext = strings.Replace(s.blobLast, "SELECT", "SELECT "+asyncCommit, 1)
	s.blobChunksCopy = "COPY " + chunks + " (blob, seq, data) FROM STDIN (FORMAT binary)"
	s.blobFinish = "UPDATE " + blobs + " SET size = $2 WHERE id = $1 AND size IS NULL AND NOT deleting"
	s.blobOpen = "SELECT id, size, chunk_size FROM " + blobs + " WHERE key = $1 AND size IS NOT NULL AND NOT deleting"
	s.blobHead = "SELECT seq, data FROM " + chunks + " WHERE blob = (SELECT id FROM " + blobs + " WHERE key = $1) AND seq >= $2 AND seq < $3"
	s.blobRead = "SELECT seq, data FROM " + chunks + " WHERE blob = $1 AND seq >= $2 AND seq < $3"
	s.blobCopy = "INSERT INTO " + chunks + " (blob, seq, data) SELECT $1, seq, data FROM " + chunks + " WHERE blob = $2 AND seq >= $3 AND seq < $4"
	s.blobList = "SELECT b.key, coalesce(b.size, (SELECT count(*) * b.chunk_size FROM " + chunks + " c WHERE c.blob = b.id)), b.created_at FROM " +
		blobs + " b WHERE b.key > $1 ORDER BY b.key LIMIT $2"
	// Only what is complete: its chunks are all visible to this one statement.
	s.blobDeleteSmall = "WITH gone AS (DELETE FROM " + blobs + " WHERE key = $1 AND size <= $2 AND NOT deleting RETURNING id)," +
		" chunks AS (DELETE FROM " + chunks + " WHERE blob = (SELECT id FROM gone)) SELECT count(*) FROM gone"
	s.blobDeleteMark = "UPDATE " + blobs + " SET deleting = true WHERE key = $1 RETURNING id"
	s.blobDeleteSome = "DELETE FROM " + chunks + " WHERE blob = $1 AND seq > (SELECT max(seq) FROM " + chunks + " WHERE blob = $1) - $2"
	s.blobDelete = "DELETE FROM " + blobs + " WHERE id = $1 AND deleting"
}
