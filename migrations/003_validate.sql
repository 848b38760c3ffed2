-- Validates the constraints of 002 over the rows that were there before: reads the tables once, under a lock that lets
-- vaultds read and write. Rows that break one are no reason to stop sealing: a warning, and verification names them.
BEGIN;

SELECT pg_advisory_xact_lock(999000999);

DO $$
DECLARE
    found RECORD;
BEGIN
    FOR found IN SELECT c.conname, c.conrelid::regclass AS relation FROM pg_constraint c
                 WHERE NOT c.convalidated AND c.connamespace = current_schema()::regnamespace
                   AND c.conrelid IN ('vault_ledger'::regclass, 'vault_tile'::regclass, 'vault_checkpoint'::regclass,
                                      'vault_origin'::regclass)
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', found.relation, found.conname);
        EXCEPTION WHEN check_violation THEN
            RAISE WARNING '% holds rows that break %: run vaultctl verify', found.relation, found.conname;
        END;
    END LOOP;
END
$$;

INSERT INTO vault_schema (version, name) VALUES (3, 'validate');

COMMIT;
