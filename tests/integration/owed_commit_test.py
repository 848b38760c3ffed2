"""Commits that another node of a Citus cluster still owes: vaultd gives no receipt for them before it has checked, and
reports no tampering for what is merely under way. A proxy treats an append on plain PostgreSQL as such a node does.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.append_proxy import PREPARED, AppendProxy  # noqa: E402
from support.archive_ledger import OtherVaultd  # noqa: E402
from support.replicated_postgres import Server  # noqa: E402
from support.vaultd_process import clean_environment, make_directory, program  # noqa: E402

SEAL = ("--timeout", "100s", "seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}")
UNSETTLED_S = 5  # longer than the lease, and than the auditor takes to believe that something is missing


class OwedCommit(unittest.TestCase):
    def setUp(self):
        directory = make_directory("vault-owed-")
        directory.chmod(0o777)
        self.addCleanup(shutil.rmtree, directory, True)
        self.server = Server(directory / "p")
        self.server.create()
        self.addCleanup(self.server.stop, "immediate")
        self.server.configure("max_prepared_transactions = 10")
        self.server.stop()
        self.server.start()
        self.proxy = AppendProxy(self.server, directory)
        self.vaultd = OtherVaultd(self.proxy.url, "--migrate", "--request-timeout", "100s")
        self.addCleanup(self.vaultd.remove)
        self.vaultd.start()
        self.assertEqual(self.vaultd.ctl(*SEAL).returncode, 0)

    def status(self):
        return json.loads(self.vaultd.ctl("status", "--json").stdout)

    def ends_well(self, answer):
        self.assertEqual(answer.returncode, 0, answer.stderr + self.vaultd.log_tail())
        self.assertGreaterEqual(self.status()["counters"].get("in_doubt", 0), 1)
        self.assertEqual(self.server.sql("SELECT count(*), max(sequence) FROM vault_ledger"), [["2", "2"]])
        self.assertEqual(self.vaultd.ctl("verify").returncode, 0)
        for kind in ("tamper", "fenced", "rollback"):
            self.assertNotIn(f"kind={kind}", self.vaultd.log_path.read_text())

    def test_answered_with_a_warning(self):
        self.assertEqual(self.status()["counters"]["in_doubt"], 0)
        self.proxy.arm("warn")
        answer = self.vaultd.ctl(*SEAL)
        self.assertTrue(self.proxy.done.is_set())
        self.ends_well(answer)

    def left_prepared(self, ends):
        self.proxy.arm("prepare")
        with subprocess.Popen([program("vaultctl"), *SEAL], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env={**clean_environment(), "VAULT_ENDPOINT": self.vaultd.requests}) as sealing:
            self.assertTrue(self.proxy.done.wait(60))
            self.assertEqual(self.server.sql("SELECT gid FROM pg_prepared_xacts"), [[PREPARED]])
            time.sleep(UNSETTLED_S)
            self.assertIsNone(sealing.poll(), "no receipt while nobody knows")
            self.server.sql(f"{ends} PREPARED '{PREPARED}'")
            out, err = sealing.communicate(timeout=100)
        self.ends_well(subprocess.CompletedProcess([], sealing.returncode, out, err))

    def test_prepared_and_committed_later(self):
        self.left_prepared("COMMIT")

    def test_prepared_and_rolled_back_later(self):
        self.left_prepared("ROLLBACK")


if __name__ == "__main__":
    unittest.main()
