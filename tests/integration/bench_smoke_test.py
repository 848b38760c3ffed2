"""vault-bench runs through, with counts too small for its figures to mean anything: the shape of its JSON is checked.

Run by CTest; by hand: VAULT_BIN_DIR=build/release/bin python3 tests/integration/bench_smoke_test.py
"""
import json
import os
import pathlib
import subprocess
import sys
import unittest

BENCH = pathlib.Path(os.environ.get("VAULT_BIN_DIR", "build/release/bin")) / "vault-bench"
FIGURES = ["flood", "lone", "growth", "latency", "verify", "proof", "memory"]
SMALL = ["--entries", "1500", "--small-entries", "300", "--seconds", "0.3", "--rounds", "1", "--producers", "4",
         "--in-flight", "16"]


def run(*arguments):
    return subprocess.run([BENCH, *arguments], capture_output=True, text=True, timeout=150, check=False)


class Smoke(unittest.TestCase):
    def test_every_figure(self):
        done = run("--json", *SMALL)
        self.assertEqual(0, done.returncode, done.stderr)
        document = json.loads(done.stdout)
        self.assertEqual({"machine", "settings", "figures"}, set(document))
        self.assertEqual("on", document["machine"]["postgresql_settings"]["fsync"])
        self.assertEqual("on", document["machine"]["postgresql_settings"]["synchronous_commit"])
        self.assertEqual(1500, document["settings"]["entries"])
        self.assertTrue(250 <= document["settings"]["payload_bytes_mean"] <= 350, document["settings"])

        self.assertEqual(FIGURES, [figure["name"] for figure in document["figures"]])
        for figure in document["figures"]:
            self.assertIsInstance(figure["value"], (int, float), figure)
            self.assertGreater(figure["value"], 0, figure)
            better = -1 if figure["smaller_is_better"] else 1
            self.assertLess(better * figure["floor"], better * figure["goal"], figure)
            self.assertEqual(better * figure["value"] >= better * figure["floor"], figure["meets_floor"])
            self.assertEqual(better * figure["value"] >= better * figure["goal"], figure["meets_goal"])

        details = {figure["name"]: figure["details"] for figure in document["figures"]}
        self.assertIn(details["flood"]["yardstick"], details["flood"]["yardsticks_tried"])
        self.assertEqual(1, len(details["flood"]["rounds"]))
        self.assertGreater(sum(details["flood"]["processor_us_per_seal"].values()), 0)
        self.assertGreaterEqual(details["growth"]["large_entries"], 1500)
        self.assertGreaterEqual(details["verify"]["entries"], 1500)
        self.assertGreaterEqual(details["proof"]["tree_size"], 1500)

    def test_table_of_one_figure(self):
        done = run("--figures", "latency", *SMALL)
        self.assertEqual(0, done.returncode, done.stderr)
        lines = [line for line in done.stdout.splitlines() if line.startswith("latency")]
        self.assertEqual(1, len(lines), done.stdout)

    def test_wrong_usage(self):
        self.assertEqual(2, run("--figures", "speed").returncode)
        self.assertEqual(2, run("--endpoint", "ipc:///nowhere").returncode)


if __name__ == "__main__":
    sys.exit(unittest.main())
