-- The ledger: entries, head, finished tiles, checkpoints, lease (docs/ledger-format.md, "Schema").
-- One transaction; works by hand with psql -f as well as through vaultctl migrate. PostgreSQL 13 or newer.
BEGIN;

SELECT pg_advisory_xact_lock(999000999);

CREATE TABLE vault_schema (
    version    INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    checksum   TEXT,                                -- SHA-256 of the file, hex; NULL where applied by hand
    applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE vault_meta (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    ledger_id  UUID NOT NULL DEFAULT gen_random_uuid(),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE vault_ledger (
    sequence    BIGINT PRIMARY KEY,                 -- assigned by the writer: no gap, no reuse
    session_id  TEXT COLLATE "C" NOT NULL,
    seal_id     UUID NOT NULL,
    timestamp   TIMESTAMPTZ NOT NULL,               -- never smaller than that of the entry before
    authority   TEXT COLLATE "C" NOT NULL,
    verdict     TEXT COLLATE "C" NOT NULL,
    seal_data   JSONB,                              -- these three: payload and salt, or (erased) neither
    data_salt   BYTEA,                              -- 16 bytes
    data_hash   TEXT COLLATE "C",                   -- hex; NULL unless erased
    entry_hash  TEXT COLLATE "C" NOT NULL,          -- hex, as are the next two
    prev_hash   TEXT COLLATE "C" NOT NULL,
    merkle_root TEXT COLLATE "C" NOT NULL,          -- of the first `sequence` entries
    created_at  TIMESTAMPTZ NOT NULL DEFAULT now(), -- informative, not hashed
    CONSTRAINT vault_ledger_seal_id_key UNIQUE (seal_id),
    CONSTRAINT vault_ledger_verdict_check
        CHECK (verdict IN ('SEAL', 'PARTIAL', 'SABAR', 'VOID', '888_HOLD', 'SUNSET')),
    CONSTRAINT vault_ledger_payload_check
        CHECK ((seal_data IS NULL) = (data_salt IS NULL) AND (seal_data IS NULL) = (data_hash IS NOT NULL))
);
CREATE INDEX vault_ledger_session_idx ON vault_ledger (session_id, sequence);
CREATE INDEX vault_ledger_verdict_idx ON vault_ledger (verdict, sequence);

CREATE TABLE vault_head (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    head_sequence BIGINT NOT NULL,
    head_hash     TEXT COLLATE "C" NOT NULL,
    merkle_root   TEXT COLLATE "C" NOT NULL,
    writer_epoch  BIGINT NOT NULL DEFAULT 0,        -- the fence: raised by whoever takes over, compared by every append
    updated_at    TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- A heartbeat: tells standbys when the writer is gone. Safety rests on writer_epoch alone.
CREATE TABLE vault_lease (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    holder     TEXT NOT NULL DEFAULT '',            -- '': free
    epoch      BIGINT NOT NULL DEFAULT 0,
    renewed_at TIMESTAMPTZ NOT NULL DEFAULT '-infinity'
);

-- Finished tiles of 256 hashes; they never change.
CREATE TABLE vault_tile (
    level  INTEGER NOT NULL,
    index  BIGINT NOT NULL,
    hashes BYTEA NOT NULL,                          -- 8,192 bytes
    root   BYTEA NOT NULL,                          -- 32 bytes
    PRIMARY KEY (level, index)
);
ALTER TABLE vault_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;  -- hashes do not compress
-- Rows never change, so there is nothing to clean up: vacuum freezes them in large steps, not after every fifth of growth.
ALTER TABLE vault_ledger SET (autovacuum_vacuum_insert_threshold = 1000000, autovacuum_analyze_threshold = 50000);

CREATE TABLE vault_checkpoint (
    origin     TEXT COLLATE "C" NOT NULL,
    tree_size  BIGINT NOT NULL,
    root       TEXT COLLATE "C" NOT NULL,           -- hex
    note       TEXT NOT NULL,                       -- the signed note
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (origin, tree_size)
);
CREATE INDEX vault_checkpoint_size_idx ON vault_checkpoint (tree_size);

-- Log identities, oldest first. Checkpoints of one count up to accepted_sequence of the next.
CREATE TABLE vault_origin (
    ordinal           INTEGER PRIMARY KEY,
    origin            TEXT COLLATE "C" NOT NULL UNIQUE,
    vkey              TEXT NOT NULL,
    accepted_sequence BIGINT NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL DEFAULT now()
);

INSERT INTO vault_meta (id) VALUES (1);
INSERT INTO vault_lease (id) VALUES (1);
INSERT INTO vault_head (id, head_sequence, head_hash, merkle_root)
    VALUES (1, 0, repeat('0', 64), encode(sha256(''), 'hex'));

-- Insert-only, enforced here: for the owner and superusers too, and under session_replication_role = replica (ALWAYS).
CREATE FUNCTION vault_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'VH002', HINT = 'The ledger is append-only; corrections are new entries.';
END
$$;

-- The statement trigger answers even where no row would change; the row trigger is the one that logical replication fires.
DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['vault_ledger', 'vault_tile', 'vault_checkpoint', 'vault_origin', 'vault_meta'] LOOP
        EXECUTE format('CREATE TRIGGER vault_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION vault_refuse_change()', name);
        EXECUTE format('CREATE TRIGGER vault_insert_only_row BEFORE UPDATE OR DELETE ON %I '
                       'FOR EACH ROW EXECUTE FUNCTION vault_refuse_change()', name);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER vault_insert_only', name);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER vault_insert_only_row', name);
    END LOOP;
END
$$;

-- First step of every append: locks the head and refuses unless it is exactly what the writer builds on.
CREATE FUNCTION vault_lock_head(epoch BIGINT, sequence BIGINT, hash TEXT, root TEXT) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    head vault_head%ROWTYPE;
BEGIN
    SELECT * INTO head FROM vault_head WHERE id = 1 FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'vault_head has no row' USING ERRCODE = 'VH001';
    END IF;
    IF head.writer_epoch <> epoch OR head.head_sequence <> sequence OR head.head_hash <> hash
       OR head.merkle_root <> root THEN
        RAISE EXCEPTION 'vault_head is at sequence % of epoch %, not at sequence % of epoch %',
            head.head_sequence, head.writer_epoch, sequence, epoch USING ERRCODE = 'VH001';
    END IF;
END
$$;

-- The first sequence whose timestamp is at or after `instant`; one past the last entry where there is none.
-- Timestamps grow with sequence, so this is a binary search on the primary key.
CREATE FUNCTION vault_first_sequence_at(instant TIMESTAMPTZ) RETURNS BIGINT LANGUAGE plpgsql STABLE AS $$
DECLARE
    low    BIGINT := 1;
    high   BIGINT;
    middle BIGINT;
    found_sequence BIGINT;
    found_time     TIMESTAMPTZ;
BEGIN
    SELECT l.sequence + 1 INTO high FROM vault_ledger l ORDER BY l.sequence DESC LIMIT 1;
    high := coalesce(high, 1);
    WHILE low < high LOOP
        middle := low + (high - low) / 2;
        -- ">=" steps over a row that somebody has deleted
        SELECT l.sequence, l.timestamp INTO found_sequence, found_time
            FROM vault_ledger l WHERE l.sequence >= middle ORDER BY l.sequence LIMIT 1;
        IF found_time < instant THEN
            low := found_sequence + 1;
        ELSE
            high := middle;
        END IF;
    END LOOP;
    RETURN low;
END
$$;

-- Group roles, where this user may make them; they belong to the cluster and outlive this database.
DO $$
DECLARE
    role_name TEXT;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['vault_writer', 'vault_reader'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = role_name);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % is missing and this user may not create it', role_name;
            WHEN duplicate_object OR unique_violation THEN
                NULL;  -- made by a migration of another database in the same moment
        END;
    END LOOP;
END
$$;

REVOKE ALL ON vault_schema, vault_meta, vault_ledger, vault_head, vault_lease, vault_tile, vault_checkpoint, vault_origin
    FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vault_writer') THEN
        GRANT SELECT, INSERT ON vault_ledger, vault_tile, vault_checkpoint, vault_origin TO vault_writer;
        GRANT SELECT, UPDATE ON vault_head, vault_lease TO vault_writer;
        GRANT SELECT ON vault_meta, vault_schema TO vault_writer;
        GRANT EXECUTE ON FUNCTION vault_lock_head, vault_first_sequence_at TO vault_writer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vault_reader') THEN
        GRANT SELECT ON vault_schema, vault_meta, vault_ledger, vault_head, vault_lease, vault_tile, vault_checkpoint,
            vault_origin TO vault_reader;
        GRANT EXECUTE ON FUNCTION vault_first_sequence_at TO vault_reader;
    END IF;
END
$$;

INSERT INTO vault_schema (version, name) VALUES (1, 'ledger');

COMMIT;
