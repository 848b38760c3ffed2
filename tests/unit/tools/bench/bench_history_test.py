"""tools/bench-history: which runs count, what is said about a figure, and how lines that are not runs are treated.

Run by CTest; by hand: python3 tests/unit/tools/bench/bench_history_test.py
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[4] / "tools/bench-history"


def run_of(flood, proof=0.3, processor="Turtle 1", entries=1000, day=1):
    details = {"yardstick" if day < 7 else "baseline": "unnest"}  # what 0.1.0 called it

    def figure(name, unit, value, smaller_is_better):
        return {"name": name, "unit": unit, "value": value, "smaller_is_better": smaller_is_better, "note": "",
                "details": details}
    return json.dumps({
        "measured_at": f"2026-01-{day:02}T00:00:00Z", "version": "0.1.0", "settings": {"entries": entries},
        "machine": {"processor": processor, "processors": 2, "memory_mib": 1024, "build": "Release", "postgresql": "15.1",
                    "kernel": str(day)},
        "figures": [figure("flood", "", flood, False), figure("proof", "ms", proof, True)]})


class BenchHistory(unittest.TestCase):
    def ask(self, lines, *arguments, code=0):
        with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            done = subprocess.run([sys.executable, "-B", SCRIPT, file.name, *arguments], capture_output=True, text=True,
                                  timeout=30, check=False)
        self.assertEqual(code, done.returncode, done.stderr)
        return done

    def figures(self, lines, *arguments):
        said = json.loads(self.ask(lines, "--json", *arguments).stdout)
        return {figure["name"]: figure for figure in said["figures"]}, said

    def test_today_against_the_last_ten(self):
        figures, said = self.figures([run_of(i / 10, day=i) for i in range(1, 13)] + [run_of(0.75, day=13)])
        flood = figures["flood"]
        self.assertEqual((0.75, 10, 0.3, 1.2, 0.75), (flood["today"], flood["runs"], flood["lowest"], flood["highest"],
                                                      flood["median"]))
        self.assertAlmostEqual(0, flood["change"])
        self.assertEqual("", flood["remark"])
        self.assertEqual(("2026-01-13T00:00:00Z", 0), (said["measured_at"], said["left_out"]))
        self.assertEqual(2, self.figures([run_of(i / 10) for i in range(1, 5)], "--last", "2")[0]["flood"]["runs"])

    def test_beyond_all_before_it_is_better_or_worse(self):
        before = [run_of(0.7, 0.30), run_of(0.8, 0.40), run_of(0.9, 0.35)]
        remarks = lambda flood, proof: tuple(row["remark"] for row in self.figures([*before, run_of(flood, proof)])[0].values())
        self.assertEqual(("better", "better"), remarks(1.0, 0.2))
        self.assertEqual(("worse", "worse"), remarks(0.6, 0.5))
        self.assertEqual(("", ""), remarks(0.7, 0.40))
        two = self.figures([*before[:2], run_of(0.1)])[0]["flood"]
        self.assertEqual("", two["remark"], "two runs say nothing")
        self.assertAlmostEqual(0.1 / 0.75 - 1, two["change"])

    def test_only_runs_like_it_count(self):
        lines = [run_of(0.1, processor="Hare 9"), run_of(0.2, entries=5), run_of(0.5), run_of(0.6)]
        figures, said = self.figures(lines)
        self.assertEqual((1, 0.5, 2), (figures["flood"]["runs"], figures["flood"]["median"], said["left_out"]))
        self.assertIn("2 earlier runs do not count", self.ask(lines).stdout)

    def test_what_was_not_measured(self):
        figures, _ = self.figures([run_of(0.5), run_of(None), run_of(0.7), run_of(None)])
        self.assertEqual((None, 2, "not measured"), tuple(figures["flood"][name] for name in ("today", "runs", "remark")))
        self.assertIn("not measured", self.ask([run_of(0.5), run_of(None)]).stdout)

    def test_the_first_run_of_all(self):
        figures, _ = self.figures([run_of(0.5)])
        self.assertEqual((0.5, 0, None), tuple(figures["flood"][name] for name in ("today", "runs", "median")))
        self.assertRegex(self.ask([run_of(0.5)]).stdout, r"\nflood +0\.50 +- +- +- +- +0\n")

    def test_lines_that_are_no_run(self):
        done = self.ask([run_of(0.5), run_of(0.5)[:40], "[]", "7", "", run_of(0.6)])
        self.assertEqual([2, 3, 4], [int(line.split(":")[2]) for line in done.stderr.splitlines()])
        self.assertRegex(done.stdout, r"\nflood +0\.60 +0\.50 ")
        self.assertIn("no run", self.ask(["{}"], code=1).stderr)
        self.ask([run_of(0.5)], "--last", "0", code=2)


if __name__ == "__main__":
    sys.exit(unittest.main())
