"""monitoring/: the rules fire when they should (promtool), and rules, dashboard and docs mention only existing metrics.

The rules' own cases are in monitoring/alerts_*test.yml; they need promtool (Debian's prometheus) and are skipped
without. By hand: python3 tests/unit/monitoring_test.py
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MONITORING = ROOT / "monitoring"
PAGE = ROOT / "docs" / "monitoring.md"
METRIC = re.compile(r"\b(?:vault|process)_[a-z_]+\b")
PARTS = ("_bucket", "_sum", "_count")


def documented():
    """Metric -> kind, out of the table of docs/monitoring.md."""
    found = dict(re.findall(r"^\| `(vault_\w+)` \| (\w+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    return {**found, **{name.removeprefix("vault_"): kind for name, kind in found.items() if name.startswith("vault_process_")}}


def used(expressions):
    """Names of metrics in expressions, parts of histograms as their histogram."""
    kinds = documented()
    found = set()
    for name in METRIC.findall(" ".join(expressions)):
        whole = next((name[:-len(part)] for part in PARTS if name.endswith(part) and kinds.get(name[:-len(part)]) == "histogram"), name)
        found.add(whole)
    return found


def without_strings(expression):
    return re.sub(r'"[^"]*"', '""', expression)


def dashboard_expressions():
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return found + [one["expr"] for one in dashboard["annotations"]["list"]] + [
        one["query"] for one in dashboard["templating"]["list"] if one["type"] == "query"]


def rule_expressions():
    text = (MONITORING / "alerts.yml").read_text(encoding="utf-8")
    found = re.findall(r"^ +expr: (?:>-\n)?((?:.|\n)*?)\n +(?:for|labels|- record):?|^ +expr: (.*)$", text, re.MULTILINE)
    return [one or other for one, other in found]


def promtool():
    return shutil.which("promtool")


class Names(unittest.TestCase):
    def test_dashboard_and_rules_use_what_there_is(self):
        for what, expressions, least in (("dashboard", dashboard_expressions(), 30), ("rules", rule_expressions(), 11)):
            self.assertGreaterEqual(len(expressions), least, what)
            names = used(map(without_strings, expressions))
            self.assertGreater(len(names), 9, what)
            self.assertEqual(set(), names - set(documented()), f"{what}: metrics that docs/monitoring.md does not know")

    def test_the_dashboard_leaves_nothing_out(self):
        details = {name for name in documented() if "process_" in name}
        self.assertEqual(set(), set(documented()) - details - used(dashboard_expressions()), "metrics that no panel shows")

    def test_kinds_fit_their_names(self):
        for name, kind in documented().items():
            self.assertEqual(name.endswith("_total"), kind == "counter", name)

    def test_panels_do_not_overlap(self):
        panels = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))["panels"]
        self.assertEqual(len(panels), len({panel["id"] for panel in panels}))
        taken = set()
        for panel in panels:
            at = panel["gridPos"]
            cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(at["x"] + at["w"], 24, panel["title"])
            taken |= cells


class Rules(unittest.TestCase):
    def test_each_has_a_page_and_a_case(self):
        text = (MONITORING / "alerts.yml").read_text(encoding="utf-8")
        cases = "".join(path.read_text(encoding="utf-8") for path in MONITORING.glob("alerts_*test.yml"))
        alerts = re.findall(r"^ +- alert: (\w+)$", text, re.MULTILINE)
        self.assertGreater(len(alerts), 9)
        for alert in alerts:
            self.assertIn(f"docs/monitoring.md#{alert.lower()}\n", text)
            self.assertRegex(PAGE.read_text(encoding="utf-8"), rf"(?m)^### {alert}$")
            self.assertRegex(cases, rf'ALERTS\{{alertname="{alert}", alertstate="firing", job=', "a case in which it fires")

    @unittest.skipUnless(promtool(), "promtool is not installed (Debian's prometheus)")
    def test_they_fire_and_end(self):
        for arguments in (["check", "rules", "alerts.yml"],
                          ["test", "rules", *sorted(path.name for path in MONITORING.glob("alerts_*test.yml"))]):
            ran = subprocess.run([promtool(), *arguments], cwd=MONITORING, capture_output=True, text=True, check=False)
            self.assertEqual(0, ran.returncode, ran.stdout + ran.stderr)


if __name__ == "__main__":
    sys.exit(unittest.main())
