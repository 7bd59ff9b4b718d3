CREATE TABLE "holdall".entries (
    id          text        COLLATE "C" NOT NULL,
    kind        text        COLLATE "C" NOT NULL,
    tenant      text        COLLATE "C" NOT NULL,
    container   text        COLLATE "C" NOT NULL,
    tier        text        COLLATE "C" NOT NULL,
    owner       text        COLLATE "C" NOT NULL,
    name        text        COLLATE "C" NOT NULL,
    name_folded text        COLLATE "C",
    state       text        COLLATE "C" NOT NULL,
    version     bigint      NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    deleted_at  timestamptz,
    created_by  text        COLLATE "C" NOT NULL,
    updated_by  text        COLLATE "C" NOT NULL,
    deleted_by  text        COLLATE "C" NOT NULL,
    ttl         bigint      NOT NULL,
    expires_at  timestamptz,
    due_at      timestamptz,
    value       jsonb,
    blob_key    text        COLLATE "C",
    size        bigint,
    checksum    text        COLLATE "C",
    type        text        COLLATE "C",
    source      text        COLLATE "C",
    source_type text        COLLATE "C",
    edition     bigint,
    garbage     jsonb,
    CONSTRAINT entries_pkey PRIMARY KEY (id),
    CONSTRAINT entries_id_given CHECK (id <> '')
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05,
        autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);

-- One index holds live places unique and serves look-ups, pages, folders and
-- counts. Expiry rides along so that a count need not visit the table.
CREATE UNIQUE INDEX entries_live ON "holdall".entries (tenant, kind, container, tier, owner, name)
    INCLUDE (expires_at) WHERE state = 'live';

-- What is not live: uploads under way, the trash, what is being erased.
CREATE INDEX entries_not_live ON "holdall".entries (tenant, kind, state, container, tier, owner, name, id)
    WHERE state <> 'live';

CREATE INDEX entries_due ON "holdall".entries (due_at, id) WHERE due_at IS NOT NULL;

COMMENT ON TABLE "holdall".entries IS 'Buckets, the metadata of objects, records, and a few notes of the store itself';
COMMENT ON COLUMN "holdall".entries.id IS 'Prefix by kind (bkt_, obj_, rec_, sys_) and a ULID; unique over all tenants';
COMMENT ON COLUMN "holdall".entries.kind IS 'bucket, object, record or system';
COMMENT ON COLUMN "holdall".entries.tenant IS 'The hard partition; every query of a caller names one';
COMMENT ON COLUMN "holdall".entries.container IS 'The bucket of an object, the collection of a record, else empty';
COMMENT ON COLUMN "holdall".entries.tier IS 'Who shares it: private (one app), user (one user), shared (all of the tenant)';
COMMENT ON COLUMN "holdall".entries.owner IS 'The app or user that the tier belongs to; empty for shared';
COMMENT ON COLUMN "holdall".entries.name IS 'The name of a bucket, path of an object, key of a record';
COMMENT ON COLUMN "holdall".entries.name_folded IS 'The name with letter case taken away, for search; null where that changes nothing';
COMMENT ON COLUMN "holdall".entries.state IS 'pending (upload under way), live, deleted (in the trash), purging (being erased)';
COMMENT ON COLUMN "holdall".entries.version IS 'Grows by one with every write';
COMMENT ON COLUMN "holdall".entries.ttl IS 'Time to live as asked for, in seconds; 0 is none';
COMMENT ON COLUMN "holdall".entries.expires_at IS 'When the entry runs out; null is never';
COMMENT ON COLUMN "holdall".entries.due_at IS 'When upkeep has to look at the entry; null is never';
COMMENT ON COLUMN "holdall".entries.value IS 'A bucket''s rules, an object''s own metadata, a record''s value';
COMMENT ON COLUMN "holdall".entries.blob_key IS 'Key of the bytes in blobs, or in another blob store';
COMMENT ON COLUMN "holdall".entries.size IS 'Bytes of an object; null for what has no bytes';
COMMENT ON COLUMN "holdall".entries.checksum IS 'SHA-256 of an object''s bytes in hex';
COMMENT ON COLUMN "holdall".entries.type IS 'Media type of an object';
COMMENT ON COLUMN "holdall".entries.edition IS 'The version that the users of an object see';
COMMENT ON COLUMN "holdall".entries.garbage IS 'Further blob keys that the entry answers for: replaced bytes and broken uploads';
