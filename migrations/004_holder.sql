-- Says who the writer is in words for people: host, process and since when, beside the name in vault_lease. One
-- transaction; works by hand with psql -f as well as through vaultctl migrate. Rewrites nothing, fences nobody, and a
-- vaultd that knows nothing of these columns goes on as before.
BEGIN;

SELECT pg_advisory_xact_lock(999000999);

-- Whoever waits for a table's lock keeps everyone behind it waiting: rather fail, and be run again.
SET LOCAL lock_timeout = '1s';

-- All of it is what the holder has said of itself. It is true of the holder named in told_by only: a vaultd that does not
-- know these columns takes the lease without a word here.
ALTER TABLE vault_lease
    ADD COLUMN told_by     TEXT,
    ADD COLUMN holder_host TEXT,
    ADD COLUMN holder_pid  BIGINT,
    ADD COLUMN held_since  TIMESTAMPTZ;

INSERT INTO vault_schema (version, name) VALUES (4, 'holder');

COMMIT;
