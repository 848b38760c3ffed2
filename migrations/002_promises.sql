-- What a promise needs: a place where a contradicted checkpoint is told to everyone (docs/ledger-format.md, "Schema"), the
-- names that are vaultd's own, bounds on columns, functions that no search_path can bend.
-- One transaction; works by hand with psql -f as well as through vaultctl migrate. PostgreSQL 13 or newer. Rewrites no
-- table and reads none whole: constraints come NOT VALID here and are validated by migration 003, beside running vaultds.
BEGIN;

SELECT pg_advisory_xact_lock(999000999);

-- Whoever waits for a table's lock keeps everyone behind it waiting: rather fail, and be run again.
SET LOCAL lock_timeout = '1s';

-- Signed notes that a vaultd remembers and that the ledger did not continue when it looked. vault_checkpoint has room for
-- one note a size. Anybody with INSERT may write here; only a note that verifies under a key of the ledger is believed.
CREATE TABLE vault_contradiction (
    note_hash  TEXT COLLATE "C" PRIMARY KEY,        -- SHA-256 of the note, hex
    origin     TEXT COLLATE "C" NOT NULL,
    tree_size  BIGINT NOT NULL CHECK (tree_size >= 0),
    root       TEXT COLLATE "C" NOT NULL CHECK (octet_length(root) = 64),
    note       TEXT NOT NULL CHECK (octet_length(note) <= 65536),
    told_by    TEXT NOT NULL CHECK (octet_length(told_by) <= 256),  -- the vaultd instance
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CHECK (octet_length(note_hash) = 64)
);
CREATE TRIGGER vault_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON vault_contradiction
    FOR EACH STATEMENT EXECUTE FUNCTION vault_refuse_change();
CREATE TRIGGER vault_insert_only_row BEFORE UPDATE OR DELETE ON vault_contradiction
    FOR EACH ROW EXECUTE FUNCTION vault_refuse_change();
ALTER TABLE vault_contradiction ENABLE ALWAYS TRIGGER vault_insert_only;
ALTER TABLE vault_contradiction ENABLE ALWAYS TRIGGER vault_insert_only_row;

-- From this sequence on, authority vaultd and the sessions vaultd and vaultd/... are vaultd's own word. Anybody could use
-- these names before: such entries are nobody's word. The value is a default that nothing else can ever get: one row,
-- which cannot be updated.
DO $$
DECLARE
    next_sequence BIGINT;
BEGIN
    SELECT h.head_sequence + 1 INTO STRICT next_sequence FROM vault_head h WHERE h.id = 1 FOR UPDATE;
    EXECUTE format('ALTER TABLE vault_meta ADD COLUMN reserved_from BIGINT NOT NULL DEFAULT %s', next_sequence);
END
$$;

-- A CHECK is parsed anew for every statement that writes to its table: about 2 us a comparison, which is why none stands
-- on vault_head, nor on the widths of this table's hashes. Verification names what has another width.
ALTER TABLE vault_ledger
    ADD CONSTRAINT vault_ledger_sequence_check CHECK (sequence >= 1) NOT VALID;
ALTER TABLE vault_tile
    ADD CONSTRAINT vault_tile_check CHECK (
        level >= 0 AND index >= 0 AND octet_length(hashes) = 8192 AND octet_length(root) = 32) NOT VALID;
ALTER TABLE vault_checkpoint
    ADD CONSTRAINT vault_checkpoint_check CHECK (tree_size >= 0 AND octet_length(root) = 64) NOT VALID;
ALTER TABLE vault_origin
    ADD CONSTRAINT vault_origin_check CHECK (ordinal >= 1 AND accepted_sequence >= 0) NOT VALID;

-- A vaultd of before knows nothing of all this: it would overwrite what it remembers and not look into
-- vault_contradiction. Newer ones say in the same statement which schema they know. The word is for this trigger alone and
-- is not kept, so that the next statement has to say it again; a session's setting would not reach a row that another
-- server holds.
ALTER TABLE vault_lease ADD COLUMN schema_known INTEGER;
CREATE FUNCTION vault_refuse_older() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(NEW.schema_known, 0) < 2 THEN
        RAISE EXCEPTION 'this vaultd is older than the ledger''s schema, which is at version 2 or newer'
            USING ERRCODE = 'VH003', HINT = 'Stop it, and install the version that migrated the ledger.';
    END IF;
    NEW.schema_known := NULL;
    RETURN NEW;
END
$$;
CREATE TRIGGER vault_refuse_older BEFORE UPDATE ON vault_lease
    FOR EACH ROW WHEN (NEW.renewed_at > OLD.renewed_at) EXECUTE FUNCTION vault_refuse_older();
-- The one that writes now is fenced: its next append finds another epoch.
UPDATE vault_head SET writer_epoch = writer_epoch + 1 WHERE id = 1 AND writer_epoch > 0;

-- One append as one call, where a ledger's tables may be on another server than the session (docs/distributed.md): the
-- call goes there whole, so that nothing but that server has a part in the commit. Moves the head, which locks it, and
-- inserts only if it was exactly what the writer builds on; the answer is how many entries were inserted. Whatever the
-- session's settings on the server where this runs, the commit is durable, and a cancelled wait for a standby is told of.
CREATE FUNCTION vault_append(
    next_sequence BIGINT, next_hash TEXT, next_root TEXT,
    epoch BIGINT, expected_sequence BIGINT, expected_hash TEXT, expected_root TEXT,
    sequences BIGINT[], session_ids TEXT[], seal_ids UUID[], timestamps TIMESTAMPTZ[], authorities TEXT[],
    verdicts TEXT[], payloads JSONB[], salts BYTEA[], data_hashes TEXT[], entry_hashes TEXT[], prev_hashes TEXT[],
    roots TEXT[], tile_levels INTEGER[], tile_indexes BIGINT[], tile_hashes BYTEA[], tile_roots BYTEA[]
) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    inserted BIGINT;
BEGIN
    IF current_setting('fsync') <> 'on' THEN
        RAISE EXCEPTION 'fsync is off on the database server' USING ERRCODE = 'VH004';
    END IF;
    IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    IF current_setting('client_min_messages') = 'error' THEN
        PERFORM set_config('client_min_messages', 'warning', true);
    END IF;
    UPDATE vault_head h
        SET head_sequence = next_sequence, head_hash = next_hash, merkle_root = next_root, updated_at = now()
        WHERE h.id = 1 AND h.writer_epoch = epoch AND h.head_sequence = expected_sequence
          AND h.head_hash = expected_hash AND h.merkle_root = expected_root;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    INSERT INTO vault_ledger (sequence, session_id, seal_id, timestamp, authority, verdict, seal_data, data_salt,
                              data_hash, entry_hash, prev_hash, merkle_root)
        SELECT unnest(sequences), unnest(session_ids), unnest(seal_ids), unnest(timestamps), unnest(authorities),
               unnest(verdicts), unnest(payloads), unnest(salts), unnest(data_hashes), unnest(entry_hashes),
               unnest(prev_hashes), unnest(roots);
    GET DIAGNOSTICS inserted = ROW_COUNT;
    IF tile_levels IS NOT NULL THEN
        INSERT INTO vault_tile (level, index, hashes, root)
            SELECT unnest(tile_levels), unnest(tile_indexes), unnest(tile_hashes), unnest(tile_roots);
    END IF;
    RETURN inserted;
END
$$;

-- Names in these functions mean what they meant when this was applied, whatever a caller's search_path says.
DO $$
DECLARE
    own_function REGPROC;
BEGIN
    FOREACH own_function IN ARRAY ARRAY['vault_first_sequence_at', 'vault_append']::regproc[] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', own_function, current_schema());
    END LOOP;
    ALTER FUNCTION vault_refuse_change() SET search_path = pg_catalog, pg_temp;
    ALTER FUNCTION vault_refuse_older() SET search_path = pg_catalog, pg_temp;
END
$$;

DROP FUNCTION vault_lock_head(BIGINT, BIGINT, TEXT, TEXT);  -- unused: every append compares in its own statement

REVOKE ALL ON vault_contradiction FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vault_writer') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO vault_writer', current_schema());
        GRANT SELECT, INSERT ON vault_contradiction TO vault_writer;
        GRANT EXECUTE ON FUNCTION vault_append TO vault_writer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vault_reader') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO vault_reader', current_schema());
        GRANT SELECT ON vault_contradiction TO vault_reader;
    END IF;
END
$$;

INSERT INTO vault_schema (version, name) VALUES (2, 'promises');

COMMIT;
