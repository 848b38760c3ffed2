"""A ledger on a Citus cluster of a coordinator and two workers: distributed, sealed through each node, taken over,
moved between nodes, without the other nodes, verified. Skipped if the extension is not installed.

Run by CTest with VAULT_BIN_DIR; by hand the same way.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support.citus_cluster import CitusCluster, missing  # noqa: E402
from support.vaultd_process import clean_environment, make_directory, program  # noqa: E402


def seal_id(number):
    return f"00000000-0000-4000-8000-{number:012}"


class OnCitus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = CitusCluster()
        cls.addClassCleanup(cls.cluster.remove)
        cls.at = cls.cluster.url(cls.cluster.coordinator)

    def ctl(self, code, *arguments, url=None):
        answer = subprocess.run([program("vaultctl"), *map(str, arguments), "--database", url or self.at],
                                capture_output=True, text=True, timeout=300, env=clean_environment(), check=False)
        self.assertEqual(answer.returncode, code, f"{arguments}: {answer.stdout}{answer.stderr}")
        return answer

    def make(self, schema):
        self.ctl(0, "migrate", "up", "--schema", schema)
        self.ctl(0, "migrate", "distribute", "--schema", schema)
        return self.cluster.owner(schema)

    def vaultd(self, node, schema, *arguments):
        vaultd = ledger.OtherVaultd(self.cluster.url(node), "--schema", schema, *arguments)
        self.addCleanup(vaultd.remove)
        return vaultd.start()

    def seal(self, vaultd, numbers):
        lines = [json.dumps({"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_data": {"n": n},
                             "seal_id": seal_id(n)}) for n in numbers]
        answer = vaultd.ctl("--timeout", "60s", "seal", "--batch", "--json", stdin="\n".join(lines))
        self.assertEqual(answer.returncode, 0, answer.stderr + vaultd.log_tail())
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def verified(self, schema, count):
        for node in self.cluster.nodes:
            said = json.loads(self.ctl(0, "verify", "--schema", schema, "--json", url=self.cluster.url(node)).stdout)
            self.assertEqual((said["valid"], said["checked"]), (True, count))

    def test_sealed_through_every_node(self):
        owner, other = self.make("one")
        receipts, number = {}, 0
        for node in (self.cluster.coordinator, owner, other):
            vaultd = self.vaultd(node, "one", *(["--signing-key", str(self.key)] if number else []))
            if not number:
                self.key = vaultd.state / "signing.pem"
            for receipt in self.seal(vaultd, range(number, number + 300)):
                receipts[receipt["seal_id"]] = receipt
            number += 300
            for receipt in self.seal(vaultd, range(0, number, 7)):  # told again, of whatever node
                self.assertTrue(receipt["duplicate"])
                self.assertEqual(receipt["entry_hash"], receipts[receipt["seal_id"]]["entry_hash"])
            status = json.loads(vaultd.ctl("status", "--json").stdout)
            self.assertEqual((status["role"], status["alerts"]), ("writer", []))
            self.assertEqual(vaultd.ctl("verify").returncode, 0)
            self.assertEqual(vaultd.stop(), 0)
        self.verified("one", 900)
        self.assertEqual(self.cluster.coordinator.sql("SELECT count(*) FROM pg_prepared_xacts"), [["0"]])

    def test_refuses_changes_on_the_owner(self):
        owner, _ = self.make("guarded")
        vaultd = self.vaultd(self.cluster.coordinator, "guarded")
        self.seal(vaultd, range(3))
        for sql in ("UPDATE guarded.vault_ledger SET authority = 'x'", "DELETE FROM guarded.vault_ledger",
                    "TRUNCATE guarded.vault_ledger"):
            for node in self.cluster.nodes:
                with self.subTest(sql), self.assertRaisesRegex(RuntimeError, "insert-only"):
                    node.sql(sql)
        self.verified("guarded", 3)

    def test_moves_under_a_running_vaultd_and_needs_nobody_else(self):
        owner, other = self.make("mobile")
        vaultd = self.vaultd(owner, "mobile")
        self.seal(vaultd, range(100))
        shard = self.cluster.coordinator.sql(
            "SELECT shardid FROM pg_dist_shard WHERE logicalrelid = 'mobile.vault_head'::regclass")[0][0]
        self.cluster.coordinator.sql(
            f"SELECT citus_move_shard_placement({shard}, '127.0.0.1', {owner.port}, '127.0.0.1', {other.port}, "
            "shard_transfer_mode := 'block_writes')")
        self.assertEqual(self.cluster.owner("mobile")[0].port, other.port)
        self.seal(vaultd, range(100, 400))
        vaultd.stop()
        self.ctl(0, "migrate", "distribute", "--schema", "mobile")  # its guards came along
        self.verified("mobile", 400)
        alone = self.vaultd(other, "mobile", "--signing-key", str(vaultd.state / "signing.pem"))
        for node in (self.cluster.coordinator, owner):
            node.stop("immediate")
        try:
            self.seal(alone, range(400, 1000))  # across the ends of tiles
        finally:
            for node in (self.cluster.coordinator, owner):
                node.start()
        alone.stop()
        self.verified("mobile", 1000)

    def test_restored_into_a_distributed_schema(self):
        self.make("source")
        source = self.vaultd(self.cluster.coordinator, "source")
        self.seal(source, range(300))
        directory = make_directory("vault-citus-archive-")
        self.addCleanup(shutil.rmtree, directory)
        self.assertEqual(source.ctl("archive", "--out", str(directory / "a")).returncode, 0)
        self.make("target")
        self.ctl(0, "restore", "--from", directory / "a", "--vkey", ledger.vkey_of(source), "--schema", "target")
        self.verified("target", 300)


if __name__ == "__main__":
    reason = missing()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main(verbosity=2)
