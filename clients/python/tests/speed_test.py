"""The package's speed, which must not be lost: seal_many against a real vaultd, and the time of `import vault999`.

The bound on sealing is half of docs/python.md's figure for a release build. Other builds skip it, unless VAULT_SPEED=1.
"""
import os
import subprocess
import sys
import tempfile
import time
import unittest

import setup_paths

from support.vaultd_process import BIN_DIR, VaultdProcess, clean_environment, sanitizer
from vault999 import Seal, Vault

SEALS = 25_000
SEALS_PER_SECOND_MIN = 25_000
SEAL_ROUNDS = 3
IMPORT_MS_MAX = 60
IMPORT_ROUNDS = 5


def why_not_measured():
    """None if a figure of these programs is meaningful."""
    built_for = sanitizer()
    if built_for:
        return f"built for {built_for}"
    if "release" in BIN_DIR.parts or os.environ.get("VAULT_SPEED") == "1":
        return None
    return "not a release build; VAULT_SPEED=1 measures it all the same"


def milliseconds(code, directory):
    """The shortest of some runs of `code` in a new interpreter. Compiled modules are kept in `directory`, as for an
    installed package: nothing is written beside the sources."""
    environment = {**clean_environment(), **setup_paths.child_environment(), "PYTHONPYCACHEPREFIX": directory}
    del environment["PYTHONDONTWRITEBYTECODE"]
    runs = []
    for _ in range(IMPORT_ROUNDS + 1):  # the first one compiles
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environment)
        runs.append((time.perf_counter() - begin) * 1000)
    return min(runs[1:])


class Speed(unittest.TestCase):
    def test_seal_many(self):
        if reason := why_not_measured():
            self.skipTest(reason)
        rates = []
        with VaultdProcess() as vaultd, Vault(vaultd.requests) as vault:
            for turn in range(SEAL_ROUNDS):
                seals = (Seal(f"speed-{turn}", "tester", "SEAL", {"row": row, "note": "x" * 250}) for row in range(SEALS))
                begin = time.perf_counter()
                count = sum(1 for _ in vault.seal_many(seals))
                rates.append(SEALS / (time.perf_counter() - begin))
                self.assertEqual(SEALS, count)
        print("seal_many, seals/s:", *(f"{rate:,.0f}" for rate in rates), file=sys.stderr)
        self.assertGreaterEqual(max(rates), SEALS_PER_SECOND_MIN)

    def test_import(self):
        with tempfile.TemporaryDirectory() as directory:
            bare = milliseconds("", directory)
            whole = milliseconds("import vault999", directory)
        print(f"import vault999: {whole - bare:.1f} ms", file=sys.stderr)
        self.assertLessEqual(whole - bare, IMPORT_MS_MAX)


if __name__ == "__main__":
    unittest.main()
