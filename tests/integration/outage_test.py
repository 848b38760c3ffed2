"""The faults of a bad day: kill -9, a database that disappears, a second vaultd, a restored database, signals."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest
import uuid

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VaultdProcess, clean_environment, make_directory, program  # noqa: E402


def seal(number, ident=None):
    body = {"session_id": "s", "authority": "tester", "verdict": "SEAL", "seal_data": {"n": number}}
    return {**body, "seal_id": ident} if ident else body


class Asker:
    """Asks with a fresh socket each time, so that a returning vaultd is found."""

    def __init__(self, endpoint):
        self.context = zmq.Context.instance()
        self.endpoint = endpoint

    def ask(self, op, timeout_ms=20_000, **arguments):
        with self.context.socket(zmq.REQ) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.RCVTIMEO, timeout_ms)
            socket.connect(self.endpoint)
            socket.send(msgpack.packb({"v": 1, "id": 1, "op": op, **arguments}))
            return msgpack.unpackb(socket.recv())

    def result(self, op, **arguments):
        reply = self.ask(op, **arguments)
        assert reply["ok"], reply
        return reply["result"]

    def wait(self, condition, timeout_s=40):
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            try:
                status = self.ask("status", 2_000)["result"]
                if condition(status):
                    return status
            except zmq.Again:
                pass
            time.sleep(0.05)
        raise AssertionError(f"waited {timeout_s} s in vain; last status: {self.ask('status', 2_000)}")


class Standby(VaultdProcess):
    """A second vaultd, on the embedded database of `first`."""

    def __init__(self, first, *arguments):
        super().__init__(*arguments)
        run = next(path.parent for path in first.data.rglob(".s.PGSQL.*") if not path.name.endswith(".lock"))
        self.url = f"postgresql://vault@/vault?host={run}&port=5432"

    def command(self):
        command = super().command()
        at = command.index("--embedded")
        command[at:at + 2] = ["--database", self.url]
        return command


class OutageTest(unittest.TestCase):
    def test_kill_minus_nine_loses_nothing_that_has_a_receipt(self):
        with VaultdProcess() as vaultd:
            asker = Asker(vaultd.requests)
            acknowledged, stop = {}, threading.Event()

            def produce(worker):
                number = 0
                while not stop.is_set():
                    ident, number = str(uuid.uuid4()), number + 1
                    try:
                        reply = asker.ask("seal", 1_000, seal=seal(number, ident))
                    except zmq.ZMQError:
                        continue
                    if reply["ok"]:
                        acknowledged[ident] = reply["result"]["entry_hash"]

            workers = [threading.Thread(target=produce, args=(i,)) for i in range(4)]
            for worker in workers:
                worker.start()
            for _ in range(3):
                time.sleep(0.7)
                vaultd.kill()
                vaultd.start()
            stop.set()
            for worker in workers:
                worker.join()
            self.assertGreater(len(acknowledged), 10)
            for ident, entry_hash in acknowledged.items():
                self.assertEqual(asker.result("read", seal_id=ident)["entry"]["entry_hash"], entry_hash)
            self.assertTrue(asker.result("verify")["valid"])

    def test_a_standby_serves_reads_and_takes_over_within_five_seconds(self):
        with VaultdProcess() as first:
            asker = Asker(first.requests)
            asker.result("seal", seal=seal(1))
            standby = Standby(first, "--signing-key", str(first.state / "signing.pem"))
            try:
                standby.start(wait=False)
                other = Asker(standby.requests)
                other.wait(lambda status: status["role"] == "standby" and status["sequence"] == 1)
                self.assertEqual(other.result("read", sequence=1)["entry"]["sequence"], 1)
                self.assertEqual(other.ask("seal", seal=seal(2))["error"]["code"], "unavailable")
                other.wait(lambda status: status["counters"]["checkpoint_size"] == 1)
                self.assertEqual(other.result("checkpoint"), asker.result("checkpoint"))
                first.process.send_signal(signal.SIGSTOP)  # it hangs, but its PostgreSQL does not
                began = time.monotonic()
                other.wait(lambda status: status["ready"])
                took = time.monotonic() - began
                self.assertEqual(other.result("seal", seal=seal(3))["sequence"], 2)
                first.process.send_signal(signal.SIGCONT)  # the old writer wakes up and must notice
                status = asker.wait(lambda s: s["role"] == "standby")
                self.assertFalse(status["ready"])
                self.assertEqual(asker.ask("seal", seal=seal(4))["error"]["code"], "unavailable")
                self.assertTrue(other.result("verify")["valid"])
                self.assertLess(took, 5.0)
            finally:
                standby.remove()

    def test_a_database_that_goes_away_and_comes_back(self):
        with VaultdProcess() as vaultd:
            asker = Asker(vaultd.requests)
            asker.result("seal", seal=seal(1))
            pid = int(next(vaultd.data.rglob("postmaster.pid")).read_text().split()[0])
            os.kill(pid, signal.SIGQUIT)  # an immediate shutdown: as good as a crash
            asker.wait(lambda status: not status["ready"])
            ident = str(uuid.uuid4())
            for _ in range(200):  # clients are told to try again until it works, and it works exactly once
                reply = asker.ask("seal", seal=seal(2, ident))
                if reply["ok"]:
                    break
                self.assertTrue(reply["error"]["retryable"], reply)
                time.sleep(0.1)
            self.assertTrue(reply["ok"], reply)
            self.assertEqual(asker.result("head")["sequence"], 2)
            self.assertTrue(asker.result("verify")["valid"])

    def test_sigterm_answers_what_is_queued_and_exits_0(self):
        with VaultdProcess() as vaultd:
            dealer = zmq.Context.instance().socket(zmq.DEALER)
            dealer.setsockopt(zmq.RCVTIMEO, 20_000)
            dealer.setsockopt(zmq.LINGER, 0)
            dealer.connect(vaultd.requests)
            for number in range(500):
                dealer.send(msgpack.packb({"v": 1, "id": number, "op": "seal", "seal": seal(number)}))
            first = msgpack.unpackb(dealer.recv())
            self.assertTrue(first["ok"])
            self.assertEqual(vaultd.stop(), 0, vaultd.log_tail())
            replies = [first] + [msgpack.unpackb(dealer.recv()) for _ in range(499)]
            dealer.close()
            self.assertEqual({reply["id"] for reply in replies}, set(range(500)))
            vaultd.start()
            acknowledged = sum(reply["ok"] for reply in replies)
            self.assertEqual(Asker(vaultd.requests).result("head")["sequence"], acknowledged)

    def test_sigterm_does_not_wait_for_a_standby_that_is_dead(self):
        with VaultdProcess("--shutdown-timeout", "20s") as vaultd:
            asker = Asker(vaultd.requests)
            asker.result("seal", seal=seal(1), sign=True)
            stored = "SELECT count(*) FROM vault_checkpoint WHERE tree_size = 1"
            until = time.monotonic() + 20
            while vaultd.sql(stored) != [["1"]] and time.monotonic() < until:
                time.sleep(0.1)
            vaultd.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            vaultd.sql("SELECT pg_reload_conf()")
            time.sleep(1)
            began = time.monotonic()
            self.assertEqual(vaultd.stop(), 0, vaultd.log_tail())
            self.assertLess(time.monotonic() - began, 15)

    def test_a_second_vaultd_on_the_same_endpoint_or_directory_refuses(self):
        with VaultdProcess() as vaultd:
            directory = make_directory()
            self.addCleanup(shutil.rmtree, directory, True)
            for state, embedded, word in ((directory / "state", directory / "data", "in use"),
                                          (vaultd.state, directory / "data", "in use")):
                run = subprocess.run([program("vaultd"), "--embedded", str(embedded), "--state-dir", str(state),
                                      "--requests", vaultd.requests, "--ingest", f"ipc://{directory}/i",
                                      "--events", f"ipc://{directory}/e"],
                                     capture_output=True, text=True, timeout=60, check=False, env=clean_environment())
                self.assertNotEqual(run.returncode, 0)
                self.assertIn(word, run.stdout + run.stderr)
            self.assertTrue(Asker(vaultd.requests).result("seal", seal=seal(1)))

    def test_a_database_behind_what_was_signed_is_not_written_on(self):
        with VaultdProcess() as vaultd:
            asker = Asker(vaultd.requests)
            asker.result("seal_batch", seals=[seal(number) for number in range(5)])
            self.assertEqual(vaultd.stop(), 0)
            saved = vaultd.directory / "saved"
            shutil.copytree(vaultd.data, saved, symlinks=True)
            if os.geteuid() == 0:
                subprocess.run(["chown", "-R", f"--reference={vaultd.data / 'data'}", str(saved)], check=True)
            vaultd.start()
            asker.result("seal", seal=seal(6), sign=True)
            self.assertEqual(vaultd.stop(), 0)
            shutil.rmtree(vaultd.data)
            shutil.copytree(saved, vaultd.data, symlinks=True)
            if os.geteuid() == 0:
                subprocess.run(["cp", "-a", "--attributes-only", str(saved) + "/.", str(vaultd.data)], check=False)
                subprocess.run(["chown", "-R", f"--reference={saved / 'data'}", str(vaultd.data)], check=True)
            vaultd.start(wait=False)
            status = asker.wait(lambda s: "rollback" in s["alerts"])
            self.assertFalse(status["ready"])
            self.assertEqual(asker.result("read", sequence=5)["entry"]["sequence"], 5)
            self.assertEqual(asker.ask("seal", seal=seal(7))["error"]["code"], "unavailable")
            vaultd.stop()
            key = vaultd.directory / "new.pem"
            made = vaultd.ctl("keygen", "--name", "new.example/log", "-o", str(key))
            self.assertEqual(made.returncode, 0, made.stderr)
            vaultd.arguments = ["--accept-rollback", "5", "--origin", "new.example/log", "--signing-key", str(key)]
            vaultd.start()
            entry = asker.wait(lambda s: s["sequence"] >= 6) and asker.result("read", sequence=6)["entry"]
            self.assertEqual((entry["authority"], entry["session_id"], entry["verdict"]),
                             ("vaultd", "vaultd/rollback", "888_HOLD"))
            self.assertEqual(entry["seal_data"]["accepted_sequence"], 5)
            self.assertEqual(entry["seal_data"]["lost_tree_size"], 6)
            self.assertEqual(entry["seal_data"]["new_origin"], "new.example/log")
            verified = asker.result("verify")
            self.assertTrue(verified["valid"], verified)
            vaultd.arguments = ["--signing-key", str(key)]
            vaultd.restart()
            self.assertEqual(asker.result("seal", seal=seal(8))["sequence"], 7)


if __name__ == "__main__":
    unittest.main()
