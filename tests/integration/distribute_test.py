"""vaultctl migrate distribute, and a vaultd on a database that has Citus, as far as a plain PostgreSQL that pretends to
be a coordinator can show: refusals, which change nothing, the order of requests, and the form of append that is used.
Citus itself is covered by citus_test.

Run by CTest with VAULT_BIN_DIR; by hand the same way.
"""
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support.pretended_citus import CREATE  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, program  # noqa: E402

HOST = VaultdProcess()  # its PostgreSQL holds the databases


def setUpModule():
    unittest.addModuleCleanup(HOST.remove)
    HOST.start()


class Distribute(unittest.TestCase):
    number = 0

    def setUp(self):
        Distribute.number += 1
        self.url = ledger.create_database(HOST, f"cluster{Distribute.number}")

    def ctl(self, code, *arguments):
        answer = subprocess.run([program("vaultctl"), *arguments, "--database", self.url], capture_output=True, text=True,
                                timeout=120, env=clean_environment(), check=False)
        self.assertEqual(answer.returncode, code, f"{arguments}: {answer.stdout}{answer.stderr}")
        return answer

    def distribute(self, code=0, *arguments):
        return self.ctl(code, "migrate", "distribute", "--schema", "one", *arguments)

    def prepare(self):
        ledger.ask(self.url, CREATE)
        self.ctl(0, "migrate", "up", "--schema", "one")

    def calls(self):
        return [row[0] for row in ledger.ask(self.url, "SELECT call FROM calls")]

    def vaultd(self):
        vaultd = ledger.OtherVaultd(self.url, "--schema", "one")
        self.addCleanup(vaultd.remove)
        return vaultd.start()

    def seal(self, vaultd, numbers):
        lines = [json.dumps({"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_data": {"n": n},
                             "seal_id": f"00000000-0000-4000-8000-{n:012}"}) for n in numbers]
        answer = vaultd.ctl("seal", "--batch", "--json", stdin="\n".join(lines))
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def test_without_citus_there_is_nothing_to_do(self):
        self.ctl(0, "migrate", "up", "--schema", "one")
        self.assertIn("no extension citus", self.distribute(2).stderr)

    def test_what_has_to_be_so_before(self):
        ledger.ask(self.url, CREATE)
        self.assertIn("migrate up", self.distribute(2).stderr)
        self.ctl(0, "migrate", "up", "--schema", "one")
        self.ctl(0, "migrate", "up")
        self.assertIn("public", self.ctl(2, "migrate", "distribute").stderr)
        for sql, code, words in (("UPDATE pg_dist_local_group SET groupid = 2", 2, "coordinator"),
                                 ("UPDATE said SET result = 'on on 60000' WHERE nodeid = 2", 2, "recover_2pc_interval"),
                                 ("UPDATE said SET result = 'on on -1' WHERE nodeid = 2", 2, "recover_2pc_interval"),
                                 ("UPDATE said SET result = 'on off 1000' WHERE nodeid = 1", 2, "synchronous_commit"),
                                 ("UPDATE said SET result = 'off on 1000' WHERE nodeid = 1", 2, "fsync"),
                                 ("UPDATE said SET result = 'gone', success = false WHERE nodeid = 1", 3, "gone"),
                                 ("UPDATE pg_extension SET extversion = '11.3' WHERE extname = 'citus'", 2, "11.3")):
            with self.subTest(sql):
                allowed = "SET allow_system_table_mods = on; "
                ledger.ask(self.url, "CREATE TABLE kept AS SELECT * FROM said")
                ledger.ask(self.url, allowed + sql)
                self.assertIn(words, self.distribute(code).stderr)
                ledger.ask(self.url, allowed + "UPDATE pg_dist_local_group SET groupid = 0; DELETE FROM said; INSERT INTO said "
                                     "SELECT * FROM kept; DROP TABLE kept; UPDATE pg_extension SET extversion = '13.2-1' "
                                     "WHERE extname = 'citus'")
        self.assertEqual(self.calls(), [])
        self.distribute()

    def test_nobody_may_write_meanwhile(self):
        self.prepare()
        vaultd = self.vaultd()
        self.assertIn("stop it", self.distribute(3).stderr)
        self.assertEqual(self.calls(), [])
        vaultd.stop()
        self.distribute()

    def test_it_is_done_once_and_checked_again(self):
        self.prepare()
        answer = json.loads(self.distribute(0, "--json").stdout)
        self.assertEqual(answer, {"schema": "one", "distributed": True, "citus": "13.2-1", "nodes": 2, "owner": "w2:5433"})
        self.assertEqual(self.calls(), ["distribute one", "function vault_append vault_ledger 1"])
        self.assertFalse(json.loads(self.distribute(0, "--json").stdout)["distributed"])
        self.assertEqual(len([call for call in self.calls() if call.startswith("distribute")]), 1)
        self.assertIn("w2:5433", self.distribute().stdout)

    def test_a_guard_that_did_not_come_along_is_named(self):
        self.prepare()
        ledger.ask(self.url, "ALTER TABLE one.vault_tile DISABLE TRIGGER vault_insert_only")
        answer = subprocess.run([program("vaultctl"), "migrate", "distribute", "--schema", "one", "--database", self.url],
                                capture_output=True, text=True, timeout=120, env=clean_environment(), check=False)
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("vault_tile", answer.stderr)

    def test_vaultd_appends_by_the_call(self):
        self.prepare()
        self.distribute()
        vaultd = self.vaultd()
        self.seal(vaultd, range(600))
        self.assertEqual([one["duplicate"] for one in self.seal(vaultd, (600, 601, 600))], [False, False, True])
        sessions = [row[0] for row in ledger.ask(self.url, "SELECT query FROM pg_stat_activity WHERE datname = "
                                                           "current_database() AND application_name LIKE 'vaultd%'")]
        self.assertTrue(any(query.startswith("SELECT vault_append(") for query in sessions), sessions)
        self.assertFalse(any(query.startswith("WITH moved") for query in sessions), sessions)
        self.ctl(0, "verify", "--schema", "one")
        status = json.loads(vaultd.ctl("status", "--json").stdout)
        self.assertEqual((status["sequence"], status["alerts"]), (602, []))
        vaultd.restart()
        self.assertTrue(all(one["duplicate"] for one in self.seal(vaultd, range(0, 602, 7))))
        self.seal(vaultd, range(602, 605))
        self.ctl(0, "verify", "--schema", "one")


if __name__ == "__main__":
    unittest.main(verbosity=2)
