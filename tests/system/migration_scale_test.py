"""Migrations 002 and 003 on a large ledger, beside those who read and write: nobody waits for a lock for a second, and no
row is written anew.

By hand, for more: VAULT_MIGRATION_ENTRIES=10000000 VAULT_BIN_DIR=build/release/bin \
                   python3 tests/system/migration_scale_test.py
"""
import os
import pathlib
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support.vaultd_process import SOURCE_DIR, VaultdProcess, clean_environment, program  # noqa: E402

ENTRIES = int(os.environ.get("VAULT_MIGRATION_ENTRIES", "200000"))

# Rows as in a ledger, except for the hashes: migrations only check their width.
ROWS = f"""
SET synchronous_commit = off;
INSERT INTO vault_ledger (sequence, session_id, seal_id, timestamp, authority, verdict, seal_data, data_salt, entry_hash,
                          prev_hash, merkle_root)
SELECT n, 'session ' || n % 1000, lpad(to_hex(n), 32, '0')::uuid, timestamptz '2026-01-01' + n * interval '1 ms', 'scale',
       'SEAL', jsonb_build_object('n', n, 'text', repeat('x', 100)), decode(lpad(to_hex(n), 32, '0'), 'hex'),
       lpad(to_hex(n), 64, '0'), lpad(to_hex(n - 1), 64, '0'), lpad(to_hex(n), 64, 'a')
FROM generate_series(1, {ENTRIES}) n;
UPDATE vault_head SET head_sequence = {ENTRIES}, head_hash = lpad(to_hex({ENTRIES}), 64, '0'),
                      merkle_root = lpad(to_hex({ENTRIES}), 64, 'a');
CHECKPOINT;
"""

# A writer's and a reader's statements: waiting for a lock ends in an error after a second.
PROBE = """
SET lock_timeout = '1s';
BEGIN;
UPDATE vault_head SET updated_at = now();
INSERT INTO vault_ledger (sequence, session_id, seal_id, timestamp, authority, verdict, seal_data, data_salt, entry_hash,
                          prev_hash, merkle_root)
SELECT sequence + 1, session_id, gen_random_uuid(), timestamp, authority, verdict, seal_data, data_salt, entry_hash,
       prev_hash, merkle_root FROM vault_ledger ORDER BY sequence DESC LIMIT 1;
ROLLBACK;
UPDATE vault_lease SET renewed_at = renewed_at;
"""


class Probe(threading.Thread):
    """Does this repeatedly until stopped; keeps the longest time that one took."""

    def __init__(self, url):
        super().__init__()
        self.url, self.ended = url, threading.Event()
        self.times, self.longest_s, self.failure = 0, 0.0, None

    def run(self):
        while not self.ended.is_set() and self.failure is None:
            began = time.monotonic()
            answer = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url], input=PROBE,
                                    capture_output=True, text=True, timeout=600, check=False)
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            self.times += 1
            if answer.returncode != 0:
                self.failure = answer.stderr


class MigrationScale(unittest.TestCase):
    def setUp(self):
        self.host = VaultdProcess()
        self.addCleanup(self.host.remove)
        self.host.start()
        self.url = ledger.create_database(self.host, "large")

    def psql(self, *arguments, **more):
        answer = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url, *arguments],
                                capture_output=True, text=True, timeout=3600, check=False, **more)
        self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_nobody_waits_and_nothing_is_rewritten(self):
        self.psql("-f", str(SOURCE_DIR / "migrations" / "001_ledger.sql"))
        began = time.monotonic()
        self.psql(input=ROWS)
        made_s = time.monotonic() - began
        files = "SELECT relname, relfilenode FROM pg_class WHERE relname IN ('vault_ledger', 'vault_tile') ORDER BY 1"
        before = ledger.ask(self.url, files)
        probe = Probe(self.url)
        probe.start()
        began = time.monotonic()
        answer = subprocess.run([program("vaultctl"), "migrate", "up", "--database", self.url], capture_output=True,
                                text=True, timeout=3600, env=clean_environment(), check=False)
        took_s = time.monotonic() - began
        probe.ended.set()
        probe.join()
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIsNone(probe.failure)
        self.assertGreater(probe.times, 0)
        self.assertEqual(ledger.ask(self.url, files), before)
        self.assertEqual(ledger.ask(self.url, "SELECT count(*) FROM pg_constraint WHERE NOT convalidated"), [["0"]])
        print(f"{ENTRIES:,} entries made in {made_s:.0f} s, migrated in {took_s:.1f} s beside {probe.times} batches; "
              f"the longest took {probe.longest_s * 1000:.0f} ms", file=sys.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
