"""vaultctl against a stand-in for vaultd that reports trouble: what people are told then. Run by CTest with VAULT_BIN_DIR."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import clean_environment, make_directory, program  # noqa: E402

ALERTS = [{"kind": kind, "severity": severity, "since": "2026-01-01T00:00:00.000000Z", "message": f"about {kind}"}
          for kind, severity in (("tamper", "critical"), ("database", "critical"), ("clock", "critical"), ("readers", "warning"))]
STATUS = {"role": "writer", "ready": True, "database": {"connected": True, "detail": ""}, "readers": {"connected": 3},
          "alerts": [alert["kind"] for alert in ALERTS], "alert_details": ALERTS, "queue_depth": 0, "queue_bytes": 0,
          "features": ["sign", "ingest"], "max_bytes": 2048}
UNAVAILABLE = {"code": "unavailable", "message": "no database. Try again with the same seal_id", "retryable": True}


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = make_directory()
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, linger=0)
        self.requests = f"ipc://{self.directory}/requests"
        self.events = f"ipc://{self.directory}/events"

    def answering(self, answer):
        """Answers every request with these members until the test is over."""
        stop, seen = threading.Event(), []

        def serve():
            with self.context.socket(zmq.ROUTER) as router:
                router.bind(self.requests)
                bound.set()
                while not stop.is_set():
                    if router.poll(100):
                        *peer, body = router.recv_multipart()
                        seen.append(msgpack.unpackb(body))
                        router.send_multipart([*peer, msgpack.packb({"v": 1, "id": seen[-1]["id"], **answer})])

        bound, thread = threading.Event(), threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)
        bound.wait()
        return seen

    def ctl(self, code, *arguments):
        answer = subprocess.run([program("vaultctl"), "--endpoint", self.requests, *arguments], capture_output=True, text=True,
                                timeout=60, check=False, env=clean_environment())
        self.assertEqual(answer.returncode, code, answer.stdout + answer.stderr)
        return answer


class Seal(Case):
    COMMAND = ("seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}")

    def test_the_seal_id_that_was_drawn_is_told(self):
        seen = self.answering({"ok": False, "error": UNAVAILABLE})
        for more in ([], ["--json"]):
            answer = self.ctl(3, *self.COMMAND, *more)
            seal_id = re.search("--seal-id ([0-9a-f-]{36})", answer.stderr)
            self.assertTrue(seal_id, answer.stderr)
            self.assertIn(seal_id[1], repr(seen[-1]))
        self.assertEqual(json.loads(answer.stdout)["code"], "unavailable")

    def test_nothing_may_be_sealed_by_a_vaultd_that_is_busy_or_away(self):
        self.answering({"ok": False, "error": {"code": "busy", "message": "full", "retryable": True}})
        self.assertNotIn("may be sealed", self.ctl(3, *self.COMMAND, "--timeout", "300ms").stderr)
        self.requests = "tcp://127.0.0.1:1"
        self.assertNotIn("may be sealed", self.ctl(3, *self.COMMAND, "--timeout", "300ms").stderr)


class Status(Case):
    def test_every_alert_counts(self):
        self.answering({"ok": True, "result": STATUS})
        self.assertIn("not ok: alert.tamper: about tamper (and 2 more)", self.ctl(1, "status", "--check").stdout)

    def test_units_and_lists(self):
        self.answering({"ok": True, "result": STATUS})
        shown = self.ctl(0, "status").stdout
        for line in ("queue +0 bytes", "max +2\\.0 KiB", "features +sign, ingest"):
            self.assertRegex(shown, rf"(?m)^{line}$")


class Watch(Case):
    def test_for_how_long_an_alert_stood(self):
        with self.context.socket(zmq.XPUB) as publisher:
            publisher.bind(self.events)
            publisher.setsockopt(zmq.RCVTIMEO, 20_000)
            process = subprocess.Popen([program("vaultctl"), "--endpoint", self.requests, "--events", self.events, "watch", "--topic",
                                        "alert.", "--count", "4"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       env=clean_environment())
            self.addCleanup(process.kill)
            publisher.recv()

            def publish(seq, raised, message):
                publisher.send_multipart([b"alert.database", msgpack.packb({
                    "v": 1, "event": "alert", "seq": seq, "severity": "critical" if raised else "info", "message": message,
                    "raised": raised})])

            publish(1, False, "over")  # it was raised before anybody watched
            publish(2, True, "it does not answer")
            time.sleep(1.1)
            publish(3, True, "it still does not answer")
            publish(4, False, "over")
            out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        lines = out.splitlines()
        self.assertRegex(lines[0], "^alert.database +cleared$")
        self.assertRegex(lines[1], "critical: it does not answer$")
        self.assertRegex(lines[3], r"^alert.database +cleared after [\d.]+ s$")


if __name__ == "__main__":
    unittest.main()
