-- Takes 002_promises.sql back. Destroys the contradicted checkpoints that were told to this database.
BEGIN;

SELECT pg_advisory_xact_lock(999000999);

DROP TABLE vault_contradiction;
DROP TRIGGER vault_refuse_older ON vault_lease;
DROP FUNCTION vault_refuse_older();
ALTER TABLE vault_lease DROP COLUMN schema_known;
DROP FUNCTION vault_append;
ALTER TABLE vault_meta DROP COLUMN reserved_from;
ALTER TABLE vault_ledger DROP CONSTRAINT vault_ledger_sequence_check;
ALTER TABLE vault_tile DROP CONSTRAINT vault_tile_check;
ALTER TABLE vault_checkpoint DROP CONSTRAINT vault_checkpoint_check;
ALTER TABLE vault_origin DROP CONSTRAINT vault_origin_check;
ALTER FUNCTION vault_first_sequence_at(TIMESTAMPTZ) RESET search_path;
ALTER FUNCTION vault_refuse_change() RESET search_path;

-- First step of every append of the oldest version: locks the head and refuses unless it is exactly what the writer
-- builds on.
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
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vault_writer') THEN
        GRANT EXECUTE ON FUNCTION vault_lock_head TO vault_writer;
    END IF;
END
$$;

DELETE FROM vault_schema WHERE version = 2;

COMMIT;
