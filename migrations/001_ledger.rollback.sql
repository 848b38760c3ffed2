-- Takes 001_ledger.sql back. Destroys the ledger. Roles stay: they belong to the cluster.
BEGIN;

SELECT pg_advisory_xact_lock(999000999);

DROP TABLE vault_origin, vault_checkpoint, vault_tile, vault_lease, vault_head, vault_ledger, vault_meta, vault_schema;
DROP FUNCTION vault_first_sequence_at(TIMESTAMPTZ);
DROP FUNCTION vault_lock_head(BIGINT, BIGINT, TEXT, TEXT);
DROP FUNCTION vault_refuse_change();

COMMIT;
