-- Takes 003_validate.sql back: a validated constraint is as good as one that is not, so only the version goes.
BEGIN;

SELECT pg_advisory_xact_lock(999000999);

DELETE FROM vault_schema WHERE version = 3;

COMMIT;
