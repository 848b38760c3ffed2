"""Archives at scale: 100,000 entries archived, checked, restored, sealed on; payloads that together are larger than the
memory allowed. tests/integration/archive_test.py and restore_test.py do the same with thousands.

By hand, for more: VAULT_ARCHIVE_ENTRIES=1000000 VAULT_BIN_DIR=build/release/bin python3 tests/system/archive_scale_test.py
"""
import json
import os
import pathlib
import shutil
import subprocess
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

# Runs a program and prints its largest resident memory, in KiB, on stderr. A process of its own, because the count of a
# forked child begins with the size of its parent.
# counts begins with the size of its parent.
PEAK = """import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)"""


class Scale(unittest.TestCase):
    def setUp(self):
        self.directory = make_directory("vault-scale-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.out = self.directory / "archive"
        self.vaultd = VaultdProcess()
        self.addCleanup(self.vaultd.remove)
        self.vaultd.start()

    def measured(self, *arguments):
        """Runs vaultctl; returns its answer. Prints time and memory; the memory is bounded."""
        started = time.monotonic()
        ran = subprocess.run([sys.executable, "-S", "-c", PEAK, program("vaultctl"), *map(str, arguments), "--json"],
                             capture_output=True, text=True, check=False,
                             env={**clean_environment(), "VAULT_ENDPOINT": self.vaultd.requests})
        seconds = time.monotonic() - started
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        kib = int(ran.stderr)
        print(f"{arguments[0]:14} {seconds:6.1f} s  {kib / 1024:6.1f} MiB", flush=True)
        if MEASURE:
            self.assertLess(kib, MEMORY_MAX_KIB, arguments)
        return json.loads(ran.stdout)

    def round_trip(self):
        size = ledger.head(self.vaultd)
        vkey = ledger.vkey_of(self.vaultd)
        archived = self.measured("archive", "--out", self.out)
        self.assertEqual(archived["tree_size"], size)
        print(f"{size} entries, {archived['files_written']} files", flush=True)
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
