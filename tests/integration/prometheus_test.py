"""Debian's Prometheus and Alertmanager in front of vault-web, configured as docs/monitoring.md says: vaultd is killed,
the alert is sent; it comes back, the alert ends. And /metrics has every metric that docs, dashboard and rules mention.

Needs prometheus and prometheus-alertmanager; skipped without.
"""
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "unit"))
import monitoring_test as monitoring  # noqa: E402
from support.vault_web import VaultWeb  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, end_with_parent, free_ports, program  # noqa: E402

SKIPPED = 77
WAIT_S = 90  # for events that come by themselves, on a busy machine
NEEDED = ("prometheus", "promtool", "prometheus-alertmanager")
# Known only after something has happened: an alert, a refusal, a whole round of the auditor, a comparison of two
# clocks.
SOMETIMES = {"vault_alert", "vault_seals_refused_total", "vault_audit_pass_age_seconds", "vault_clock_skew_seconds"}


class Receiver(http.server.ThreadingHTTPServer):
    """Alertmanager's notifications, as (name, "firing" or "resolved")."""

    def __init__(self):
        told = self.told = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                told.extend((alert["labels"]["alertname"], alert["status"]) for alert in body["alerts"])
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def wait_for(condition, what, timeout_s=WAIT_S):
    until = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.2)
    return found


class Prometheus(unittest.TestCase):
    def setUp(self):
        self.vaultd = VaultdProcess()
        self.addCleanup(self.vaultd.remove)
        self.vaultd.start()
        web = VaultWeb(self.vaultd, "--trust-local-users")
        self.web = web.__enter__()
        self.addCleanup(web.__exit__)
        self.directory = self.vaultd.directory
        self.receiver = Receiver()
        self.addCleanup(self.receiver.server_close)
        self.addCleanup(self.receiver.shutdown)
        ports = free_ports(2)
        self.prometheus, self.alertmanager = (f"127.0.0.1:{port}" for port in ports)

    def start(self, name, *arguments):
        with open(self.directory / f"{name}.log", "wb") as log:
            process = subprocess.Popen([name, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env=clean_environment(), cwd=self.directory, preexec_fn=end_with_parent)
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.terminate)
        return process

    def configure(self):
        """As on the page, with this test's addresses, and seconds for minutes."""
        rules = (monitoring.MONITORING / "alerts.yml").read_text(encoding="utf-8")
        (self.directory / "alerts.yml").write_text(re.sub(r"\bfor: \w+", "for: 1s", rules))
        config = re.search(r"^```yaml prometheus\n(.*?)^```", monitoring.PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL).group(1)
        for written, here in (("scrape_interval: 15s", "scrape_interval: 1s\n  evaluation_interval: 1s"),
                              ("/etc/prometheus/vault999/alerts.yml", str(self.directory / "alerts.yml")),
                              ("127.0.0.1:9093", self.alertmanager), ("127.0.0.1:9999", self.web.url.removeprefix("http://"))):
            self.assertIn(written, config)
            config = config.replace(written, here)
        (self.directory / "prometheus.yml").write_text(config)
        checked = subprocess.run(["promtool", "check", "config", "prometheus.yml"], cwd=self.directory, capture_output=True, text=True, check=False)
        self.assertEqual(0, checked.returncode, checked.stdout + checked.stderr)
        (self.directory / "alertmanager.yml").write_text(json.dumps({
            "route": {"receiver": "test", "group_by": ["..."], "group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"},
            "receivers": [{"name": "test", "webhook_configs": [{"url": f"http://127.0.0.1:{self.receiver.server_port}/", "send_resolved": True}]}]}))

    def query(self, expression):
        """The result's samples; none if Prometheus does not answer yet."""
        try:
            with urllib.request.urlopen(f"http://{self.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}", timeout=30) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            with error:
                return self.fail(f"{expression}: {error.read().decode()}")
        except OSError:
            return []

    def seal(self, number, verdict="SEAL"):
        sealed = self.vaultd.ctl("seal", "--session", f"s{number}", "--authority", "test", "--verdict", verdict, "--data", "{}", "--sign")
        self.assertEqual(0, sealed.returncode, sealed.stderr)

    def test_an_alert_goes_out_and_ends(self):
        self.seal(1)
        self.configure()
        self.start("prometheus-alertmanager", "--config.file=alertmanager.yml", "--storage.path=alertmanager",
                   f"--web.listen-address={self.alertmanager}", "--cluster.listen-address=")
        self.start("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=prometheus", f"--web.listen-address={self.prometheus}")
        wait_for(lambda: [one for one in self.query("vault_ready == 1") if one], "vault_ready in Prometheus")
        self.assertEqual([], [name for name, _ in self.receiver.told])
        self.dashboard_is_answered()

        self.vaultd.kill()
        wait_for(lambda: ("VaultUnreachable", "firing") in self.receiver.told, f"the alert; told {self.receiver.told}")
        self.vaultd.start()
        wait_for(lambda: ("VaultUnreachable", "resolved") in self.receiver.told, f"its end; told {self.receiver.told}")
        wait_for(lambda: self.query("vault_ready == 1"), "vault_ready again")
        self.assertNotIn("VaultTamper", [name for name, _ in self.receiver.told])

    def dashboard_is_answered(self):
        empty = []
        for expression in monitoring.dashboard_expressions():
            if expression.startswith("label_values("):
                continue
            asked = expression.replace("$job", ".*").replace("$__rate_interval", "1m")
            if not self.query(asked) and not any(name in expression for name in SOMETIMES):
                empty.append(expression)
        # A rate needs two scrapes, and a comparison may rightly find nothing.
        for expression in [one for one in empty if "rate(" not in one and "increase(" not in one and "predict_linear" not in one and "changes(" not in one]:
            wait_for(lambda: self.query(expression.replace("$job", ".*")), f"an answer to {expression}")

    def test_metrics_are_those_of_the_page(self):
        self.seal(1, "VOID")
        self.assertEqual(200, self.web.get("/healthz")[0])  # requests are counted once answered
        documented = monitoring.documented()

        def answer():
            """(headers, text, kinds, documented metrics that are not there): some are measured now and then."""
            status, headers, text = self.web.get("/metrics")
            self.assertEqual(200, status)
            kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
            return headers, text, kinds, set(documented) - set(kinds) - SOMETIMES

        wait_for(lambda: not answer()[3], f"metrics that docs/monitoring.md tells of; still missing {answer()[3]}")
        headers, text, kinds, _ = answer()
        self.assertTrue(headers["Content-Type"].startswith("text/plain"))
        self.assertEqual({}, {name: kind for name, kind in kinds.items() if documented.get(name, kind) != kind})
        self.assertEqual(set(), {name for name in kinds if name.startswith("vault_")} - set(documented), "not in docs/monitoring.md")
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        self.assertEqual((0, ""), (checked.returncode, checked.stdout + checked.stderr))


if __name__ == "__main__":
    if not pathlib.Path(program("vault-web")).exists():
        print("skipped: this build has no vault-web", file=sys.stderr)
        sys.exit(SKIPPED)
    absent = [name for name in NEEDED if shutil.which(name) is None]
    if absent:
        print(f"skipped: {', '.join(absent)} not installed (tools/install-deps --tests)", file=sys.stderr)
        sys.exit(SKIPPED)
    os.umask(0o022)
    unittest.main()
