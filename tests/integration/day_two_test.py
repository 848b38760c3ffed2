"""docs/day-two.md, walked from beginning to end: its commands, in its words, against PostgreSQL servers of this test's own.

Run by CTest with VAULT_BIN_DIR; by hand the same way.
"""
import json
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.guide_machine import GuideMachine  # noqa: E402

PAGE = "docs/day-two.md"
MACHINE = GuideMachine(PAGE)


def setUpModule():
    unittest.addModuleCleanup(MACHINE.remove)
    MACHINE.start()
    MACHINE.cluster.sql("CREATE ROLE dbadmin LOGIN CREATEROLE CREATEDB PASSWORD 'ADMIN-SECRET'")
    passwords = {"dbadmin": "ADMIN", "vault_owner": "OWNER", "vaultd": "VAULTD", "vault_check": "CHECK"}
    passfile = MACHINE.root / "home/.pgpass"
    passfile.write_text("".join(f"*:*:*:{role}:{word}-SECRET\n" for role, word in passwords.items()))
    passfile.chmod(0o600)
    (MACHINE.root / "etc/vaultd/db-ca.pem").write_bytes((MACHINE.cluster.data / "server.crt").read_bytes())


def seal(count):
    lines = "".join(json.dumps({"session_id": f"s-{i % 3}", "authority": "tester", "verdict": "SEAL",
                                "seal_data": {"n": i}}) + "\n" for i in range(count))
    MACHINE.sh("vaultctl seal --batch --json > /dev/null", stdin=lines)


def status():
    return json.loads(MACHINE.sh("vaultctl status --json"))


def wait_for_status(condition, seconds=30):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition(status()):
            return status()
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s in vain: {status()}\n{MACHINE.log_tail()}")


class DayTwo(unittest.TestCase):
    """One story in steps: each stands on those before."""

    def test_01_deploy(self):
        MACHINE.follow("deploy-roles")
        said = MACHINE.follow("deploy-migrate")
        self.assertIn("applied 1 ledger", said)
        MACHINE.follow("deploy-start")
        self.assertTrue(status()["ready"])
        self.assertEqual([["vaultd", "t"]], MACHINE.cluster.sql(
            "SELECT DISTINCT usename, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = 'vault'"))

    def test_02_verify_a_deployment(self):
        said = MACHINE.follow("verify-deployment", "verify-status")
        self.assertEqual(3, said.count("\nVALID "), said)
        MACHINE.follow("verify-kept")


if __name__ == "__main__":
    unittest.main()
