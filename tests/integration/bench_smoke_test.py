"""vault-bench runs through, with counts too small for its figures to mean anything: the shape of its JSON is checked.

Run by CTest; by hand: VAULT_BIN_DIR=build/release/bin python3 tests/integration/bench_smoke_test.py
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BENCH = pathlib.Path(os.environ.get("VAULT_BIN_DIR", "build/release/bin")) / "vault-bench"
SOURCE = pathlib.Path(__file__).resolve().parents[2]
FIGURES = ["flood", "lone", "many", "growth", "single", "polled", "verify", "proof", "memory"]
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
        self.assertIn(details["flood"]["baseline"], details["flood"]["baselines_tried"])
        self.assertEqual(1, len(details["flood"]["rounds"]))
        self.assertGreater(sum(details["flood"]["processor_us_per_seal"].values()), 0)
        self.assertGreaterEqual(details["growth"]["large_entries"], 1500)
        self.assertEqual(1, len(details["many"]["rounds"]))
        for name in ("single", "polled"):
            of = details[name]
            value = next(figure["value"] for figure in document["figures"] if figure["name"] == name)
            self.assertAlmostEqual(of["seal_us"] / (of["row_us"] + of["round_trip_us"]), value, msg=name)
            self.assertGreater(min(of["seal_us"], of["row_us"], of["round_trip_us"]), 1, name)
        self.assertGreaterEqual(details["verify"]["entries"], 1500)
        self.assertGreaterEqual(details["proof"]["tree_size"], 1500)

    def test_table_of_one_figure(self):
        vaultd = os.path.relpath(BENCH.with_name("vaultd"))
        done = run("--figures", "single", "--vaultd", vaultd if "/" in vaultd else f"./{vaultd}", *SMALL)
        self.assertEqual(0, done.returncode, done.stderr)
        lines = [line for line in done.stdout.splitlines() if line.startswith("single")]
        self.assertEqual(1, len(lines), done.stdout)

    def test_runs_leave_a_trace(self):
        with tempfile.TemporaryDirectory() as directory:
            history = pathlib.Path(directory) / "history.ndjson"
            history.write_text('{"machine": {"cut')  # from a run that was ended while it wrote
            documents = []
            for _ in range(2):
                done = run("--figures", "many", "--json", "--append", history, *SMALL)
                self.assertEqual(0, done.returncode, done.stderr)
                documents.append(json.loads(done.stdout))
            runs = [json.loads(line) for line in history.read_text().splitlines()[1:]]
            for line in runs:
                self.assertRegex(line.pop("measured_at"), r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
                self.assertTrue(line.pop("version"))
            self.assertEqual(documents, runs)
            shown = subprocess.run([SOURCE / "tools/bench-history", history, "--json"], capture_output=True, text=True,
                                   timeout=60, check=False)
        self.assertEqual(0, shown.returncode, shown.stderr)
        self.assertIn(":1: not a run", shown.stderr)
        many = json.loads(shown.stdout)["figures"]
        self.assertEqual([("many", 1, runs[1]["figures"][0]["value"], runs[0]["figures"][0]["value"])],
                         [(row["name"], row["runs"], row["today"], row["median"]) for row in many])

    def test_wrong_usage(self):
        self.assertEqual(2, run("--figures", "speed").returncode)
        self.assertEqual(2, run("--endpoint", "ipc:///nowhere").returncode)
        done = run("--append", "/nowhere/history.ndjson")
        self.assertEqual(2, done.returncode)
        self.assertIn("--append", done.stderr)
        self.assertEqual(2, run("--append", "/").returncode)


if __name__ == "__main__":
    sys.exit(unittest.main())
