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
-- vault_contradiction. Newer ones say which schema they know.
CREATE FUNCTION vault_refuse_older() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(nullif(current_setting('vault.schema_version', true), ''), '0')::int < 2 THEN
        RAISE EXCEPTION 'this vaultd is older than the ledger''s schema, which is at version 2 or newer'
            USING ERRCODE = 'VH003', HINT = 'Stop it, and install the version that migrated the ledger.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER vault_refuse_older BEFORE UPDATE ON vault_lease
    FOR EACH ROW WHEN (NEW.renewed_at > OLD.renewed_at) EXECUTE FUNCTION vault_refuse_older();
-- The one that writes now is fenced: its next append finds another epoch.
UPDATE vault_head SET writer_epoch = writer_epoch + 1 WHERE id = 1 AND writer_epoch > 0;

-- Names in these functions mean what they meant when this was applied, whatever a caller's search_path says.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION vault_first_sequence_at(TIMESTAMPTZ) SET search_path = pg_catalog, %I, pg_temp',
                   current_schema());
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
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vault_reader') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO vault_reader', current_schema());
        GRANT SELECT ON vault_contradiction TO vault_reader;
    END IF;
END
$$;

INSERT INTO vault_schema (version, name) VALUES (2, 'promises');

COMMIT;
