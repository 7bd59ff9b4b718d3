-- Each process takes a thousand ids at a time, so that an upload need not ask.
CREATE SEQUENCE "holdall".blob_ids AS bigint INCREMENT BY 1000;

CREATE TABLE "holdall".blobs (
    id         bigint      NOT NULL,
    key        text        COLLATE "C" NOT NULL,
    size       bigint,
    chunk_size integer     NOT NULL,
    deleting   boolean     NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT blobs_pkey PRIMARY KEY (id),
    CONSTRAINT blobs_key UNIQUE (key)
);

-- One chunk fills one heap page: no TOAST, no compression, nothing wasted.
CREATE TABLE "holdall".blob_chunks (
    blob bigint  NOT NULL,
    seq  integer NOT NULL,
    data bytea   NOT NULL,
    CONSTRAINT blob_chunks_pkey PRIMARY KEY (blob, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE "holdall".blob_chunks ALTER COLUMN data SET STORAGE PLAIN;

COMMENT ON TABLE "holdall".blobs IS 'Bytes by key; entries.blob_key says whose they are';
COMMENT ON COLUMN "holdall".blobs.size IS 'Bytes; null while the upload is under way or after it broke off';
COMMENT ON COLUMN "holdall".blobs.chunk_size IS 'Bytes of every chunk but the last';
COMMENT ON COLUMN "holdall".blobs.deleting IS 'True while a large blob is deleted piece by piece';
COMMENT ON TABLE "holdall".blob_chunks IS 'The bytes, cut to pages; seq counts from 0';
