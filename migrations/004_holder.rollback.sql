-- Takes 004_holder.sql back: host and process of the writer are not told any more.
BEGIN;

SELECT pg_advisory_xact_lock(999000999);

SET LOCAL lock_timeout = '1s';

ALTER TABLE vault_lease
    DROP COLUMN told_by,
    DROP COLUMN holder_host,
    DROP COLUMN holder_pid,
    DROP COLUMN held_since;

DELETE FROM vault_schema WHERE version = 4;

COMMIT;
