"""docs/day-two.md, walked from beginning to end: its commands, in its words, against PostgreSQL servers of this test's own.

Run by CTest with VAULT_BIN_DIR; by hand the same way.
"""
import json
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.guide_machine import GuideMachine  # noqa: E402
from support.vaultd_process import free_ports  # noqa: E402

PAGE = "docs/day-two.md"
MACHINE = GuideMachine(PAGE)


def setUpModule():
    unittest.addModuleCleanup(MACHINE.remove)
    MACHINE.start()
    MACHINE.cluster.sql("CREATE ROLE dbadmin LOGIN CREATEROLE CREATEDB PASSWORD 'ADMIN-SECRET'")
    passwords = {"dbadmin": "ADMIN", "vault_owner": "OWNER", "vault_check": "CHECK"}
    MACHINE.write("home/.pgpass", "".join(f"*:*:*:{role}:{word}-SECRET\n" for role, word in passwords.items()), 0o600)
    MACHINE.write("etc/vaultd/db-ca.pem", (MACHINE.cluster.data / "server.crt").read_text())


def seal(count):
    """Seals so many; waits until a checkpoint of them all is stored."""
    lines = "".join(json.dumps({"session_id": f"s-{i % 3}", "authority": "tester", "verdict": "SEAL",
                                "seal_data": {"n": i}}) + "\n" for i in range(count))
    MACHINE.sh("vaultctl seal --batch --json > /dev/null", stdin=lines)
    head = status()["sequence"]
    until = time.monotonic() + 20
    while MACHINE.cluster.sql("SELECT max(tree_size) FROM vault_checkpoint", "vault") != [[str(head)]]:
        assert time.monotonic() < until, "no checkpoint of the head was stored"
        time.sleep(0.05)
    return head


def status():
    return json.loads(MACHINE.sh("vaultctl status --json"))


def wait_for_alert(kind, seconds=40):
    until = time.monotonic() + seconds
    while kind not in status()["alerts"]:
        assert time.monotonic() < until, f"{status()}\n{MACHINE.log_tail()}"
        time.sleep(0.1)


class DayTwo(unittest.TestCase):
    """One story in steps: each stands on those before."""

    moment = ""

    def says(self, script, *words, code=0):
        """Runs vaultctl and the like; the words must be in what it prints."""
        said = MACHINE.sh(script, code)
        for word in words:
            self.assertIn(word, said, script)
        return said

    def test_01_deploy(self):
        MACHINE.follow("deploy-roles")
        said = MACHINE.follow("deploy-migrate")
        self.assertIn("applied 1 ledger", said)
        MACHINE.follow("deploy-start")
        self.assertTrue(status()["ready"])
        self.assertEqual(0o600, (MACHINE.root / "etc/vaultd/database.env").stat().st_mode & 0o777)
        self.assertEqual([["vaultd", "t"]], MACHINE.cluster.sql(
            "SELECT DISTINCT usename, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = 'vault'"))

    def test_02_verify_a_deployment(self):
        said = MACHINE.follow("verify-deployment", "verify-status")
        self.assertEqual(3, said.count("\nVALID "), said)
        MACHINE.follow("verify-kept")

    def test_03_back_up(self):
        self.assertEqual(61, seal(60))
        MACHINE.sh("vaultctl checkpoint -o at-61.checkpoint && vaultctl proof 7 -o 7-at-61.tlog-proof")
        MACHINE.follow("backup-archive", "backup-dump")
        MACHINE.follow("backup-wal")
        self.assertEqual(71, seal(10))
        time.sleep(0.1)
        DayTwo.moment = MACHINE.cluster.sql("SELECT clock_timestamp()")[0][0]
        time.sleep(0.1)
        self.assertEqual(81, seal(10))

    def test_04_a_migration_that_failed(self):
        MACHINE.cluster.sql("CREATE DATABASE trial OWNER vault_owner")
        MACHINE.more = {"/vault?": "/trial?"}
        nothing_changed = "was rolled back, nothing has changed: "
        up = MACHINE.here('vaultctl migrate up --database "postgresql://ROLE@db.example.org:5432/trial"')
        self.says(up.replace("ROLE", "vault_check"), nothing_changed, "permission denied for schema public", code=1)
        self.assertIn(" no ", MACHINE.follow("failed-look"))
        MACHINE.cluster.sql("CREATE TABLE vault_meta ()", "trial")
        self.says(up.replace("ROLE", "vault_owner"), nothing_changed, 'relation "vault_meta" already exists', code=1)
        self.assertIn(" no ", MACHINE.follow("failed-look"))
        MACHINE.cluster.sql("DROP TABLE vault_meta", "trial")
        self.says(up.replace("5432", "1").replace(f"localhost:{MACHINE.cluster.port}", "localhost:1"), "cannot connect",
                  code=3)

        with subprocess.Popen(["psql", "-d", "trial", "-qAt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env=MACHINE.environment()) as holder:
            holder.stdin.write("BEGIN; SELECT pg_backend_pid() FROM pg_advisory_xact_lock(999000999);\n")
            holder.stdin.flush()
            pid = holder.stdout.readline().strip()
            with subprocess.Popen(["bash", "-c", "exec " + up.replace("ROLE", "vault_owner")],
                                  env=MACHINE.environment(), stdout=subprocess.DEVNULL) as waiting:
                until = time.monotonic() + 20
                while pid not in (said := MACHINE.follow("failed-blocked")):
                    self.assertLess(time.monotonic(), until, said)
                waiting.kill()
            holder.stdin.close()
        self.assertIn(" no ", MACHINE.follow("failed-look"))
        self.says(up.replace("ROLE", "vault_owner"), "applied 1 ledger")

    def test_05_a_vaultd_that_is_too_old(self):
        MACHINE.more = {}
        MACHINE.cluster.sql("INSERT INTO vault_schema (version, name) VALUES (2, 'of a later release')", "vault")
        self.says("systemctl restart vaultd", "exit code 2", code=1)
        self.assertIn("the database's schema is at version 2, newer than 1", MACHINE.log_tail())
        MACHINE.cluster.sql("DELETE FROM vault_schema WHERE version = 2", "vault")
        self.says("systemctl start vaultd")
        self.assertEqual(81, status()["sequence"])

    def test_06_tampering(self):
        MACHINE.cluster.sql("ALTER TABLE vault_ledger DISABLE TRIGGER USER;"
                            "UPDATE vault_ledger SET seal_data = '{\"n\": 1000}' WHERE sequence = 42;"
                            "ALTER TABLE vault_ledger ENABLE ALWAYS TRIGGER vault_insert_only;"
                            "ALTER TABLE vault_ledger ENABLE ALWAYS TRIGGER vault_insert_only_row", "vault")
        wait_for_alert("tamper")
        self.assertIn("tampering found sequence=42 reason=entry_hash_mismatch", MACHINE.log_tail())
        said = MACHINE.follow("tamper-name", code=1)
        for line in ('alerts ["tamper"]',
                     '{"valid":false,"first_invalid_sequence":42,"reason":"entry_hash_mismatch","checked":41,'):
            self.assertIn(line, " ".join(said.split()))
            self.assertIn(line, " ".join(MACHINE.page.split()))
        MACHINE.follow("tamper-evidence")
        self.assertIn('{"n": 1000}', (MACHINE.root / "home/evidence/row.txt").read_text())
        self.assertEqual(82, status()["sequence"])
        self.assertEqual("", MACHINE.sh("sha256sum --quiet -c evidence.sha256"))
        print(MACHINE.sh(f"vaultctl archive --out {MACHINE.root}/srv/archive", None))
        print(MACHINE.sh(f"vaultctl archive --out {MACHINE.root}/srv/archive2", None))

    def test_07_compare_with_the_archive(self):
        said = MACHINE.follow("tamper-compare")
        print(said)
        self.assertEqual(2, said.count("\n< ") + said.count("\n> "), said)


if __name__ == "__main__":
    unittest.main()
