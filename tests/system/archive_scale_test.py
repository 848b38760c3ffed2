"""Archives at scale: 100,000 entries archived, checked, restored, sealed on; payloads that together are larger than the
memory allowed. tests/integration/archive_test.py and restore_test.py do the same with thousands.

By hand, for more: VAULT_ARCHIVE_ENTRIES=1000000 VAULT_BIN_DIR=build/release/bin python3 tests/system/archive_scale_test.py
"""
import json
import os
import pathlib
import shutil
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, make_directory, program  # noqa: E402

ENTRIES = int(os.environ.get("VAULT_ARCHIVE_ENTRIES", "100000"))
MEMORY_MAX_KIB = 200 * 1024
# A sanitizer's own memory is not ours.
MEASURE = "asan" not in os.environ.get("VAULT_BIN_DIR", "") and "tsan" not in os.environ.get("VAULT_BIN_DIR", "")


class Scale(unittest.TestCase):
    def setUp(self):
        self.directory = make_directory("vault-scale-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.out = self.directory / "archive"
        self.vaultd = VaultdProcess()
        self.addCleanup(self.vaultd.remove)
        self.vaultd.start()

    def measured(self, *arguments):
        """Runs vaultctl; its answer. Prints time and memory; the memory is bounded."""
        output = self.directory / "output"
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
            environment = {**clean_environment(), "VAULT_ENDPOINT": self.vaultd.requests}
            os.execve(program("vaultctl"), ["vaultctl", *map(str, arguments), "--json"], environment)
        _, status, usage = os.wait4(pid, 0)
        seconds = time.monotonic() - started
        answer = json.loads(output.read_text())
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, answer)
        print(f"{' '.join(map(str, arguments[:1])):14} {seconds:6.1f} s  {usage.ru_maxrss / 1024:6.1f} MiB", flush=True)
        if MEASURE:
            self.assertLess(usage.ru_maxrss, MEMORY_MAX_KIB, arguments)
        return answer

    def round_trip(self):
        size = ledger.head(self.vaultd)
        vkey = ledger.vkey_of(self.vaultd)
        self.assertEqual(self.measured("archive", "--out", self.out)["tree_size"], size)
        direct = self.directory / "direct"
        self.measured("archive", "--out", direct, "--database", self.vaultd.database_url())
        self.assertEqual((direct / "checkpoint").read_bytes(), (self.out / "checkpoint").read_bytes())
        shutil.rmtree(direct)
        self.assertEqual(self.measured("check-archive", self.out, "--vkey", vkey)["checked"], size)
        url = ledger.create_database(self.vaultd, "restored")
        restored = self.measured("restore", "--from", self.out, "--vkey", vkey, "--database", url)
        self.assertEqual(restored["merkle_root"], json.loads(self.vaultd.ctl("head", "--json").stdout)["merkle_root"])
        self.assertEqual(ledger.ask(url, "SELECT count(*) FROM vault_ledger"), [[str(size)]])
        with ledger.OtherVaultd(url, "--signing-key", str(self.vaultd.state / "signing.pem")) as vaultd:
            ledger.seal_many(vaultd, 1_000, payload=lambda i: {"n": i})
            self.assertEqual(ledger.head(vaultd), size + 1_000)
            answer = vaultd.ctl("verify", timeout_s=600)
            self.assertEqual(answer.returncode, 0, answer.stdout)
            answer = json.loads(vaultd.ctl("archive", "--out", str(self.out), "--json").stdout)
            self.assertEqual((answer["previous_size"], answer["entries_written"]), (size, 1_000))
        self.measured("check-archive", self.out, "--vkey", vkey)

    def test_many_entries(self):
        for sealed in range(0, ENTRIES, 100_000):
            ledger.seal_many(self.vaultd, min(100_000, ENTRIES - sealed),
                             payload=lambda i: {"n": i, "text": "a record of the usual size, more or less", "more": [i] * 10})
        self.round_trip()

    def test_large_payloads(self):
        """300 of 900 KB, 256 of them in one bundle: more than may be in memory."""
        for i in range(300):
            if i % 10 == 0:
                ledger.seal_many(self.vaultd, 10, payload=lambda j, i=i: {"n": i + j, "text": "x" * 900_000})
        self.round_trip()


if __name__ == "__main__":
    unittest.main()
