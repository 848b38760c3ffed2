"""Readers on a replica that applies everything 300 ms late: slow, but never wrong. Writing does not need it.

Alerts are followed all the time, so that one which comes and goes is seen as well.
"""
import os
import pathlib
import signal
import sys
import threading
import time
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_load import Follower  # noqa: E402
from support.replicated_postgres import ReplicatedPostgres  # noqa: E402
from support.vaultd_process import VaultdProcess  # noqa: E402

DELAY_MS = 300


def seal(number):
    return {"session_id": "s", "authority": "tester", "verdict": "SEAL", "seal_data": {"n": number}}


class ReplicaVaultd(VaultdProcess):
    def __init__(self, servers, *arguments):
        super().__init__(*arguments)
        self.servers = servers

    def command(self):
        command = super().command()
        at = command.index("--embedded")
        command[at:at + 2] = ["--database", self.servers.primary.url, "--reader-database", self.servers.replica.url]
        return command


class Asker:
    def __init__(self, endpoint):
        self.endpoint = endpoint

    def ask(self, op, **arguments):
        with zmq.Context.instance().socket(zmq.REQ) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.RCVTIMEO, 60_000)
            socket.connect(self.endpoint)
            socket.send(msgpack.packb({"v": 1, "id": 1, "op": op, **arguments}))
            return msgpack.unpackb(socket.recv())

    def result(self, op, **arguments):
        reply = self.ask(op, **arguments)
        if not reply["ok"]:
            raise AssertionError(f"{op} {arguments}: {reply['error']}")
        return reply["result"]

    def wait(self, condition, timeout_s=30):
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            status = self.result("status")
            if condition(status):
                return status
            time.sleep(0.05)
        raise AssertionError(f"waited {timeout_s} s in vain; last status: {status}")


class ReplicaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = ReplicatedPostgres(DELAY_MS)
        cls.addClassCleanup(cls.servers.remove)
        cls.vaultd = ReplicaVaultd(cls.servers, "--request-timeout", "5s", "--database-idle-timeout", "1s")
        cls.addClassCleanup(cls.vaultd.remove)
        cls.vaultd.start()
        cls.asker = Asker(cls.vaultd.requests)
        cls.follower = Follower(cls.vaultd.events)
        cls.addClassCleanup(cls.follower.stop)
        cls.follower.start()
        cls.asker.result("seal", seal=seal(0))
        until = time.monotonic() + 30
        while not cls.seen():
            if time.monotonic() > until:
                raise AssertionError("the replica does not follow")
            time.sleep(0.05)
        cls.asker.wait(lambda status: not status["alerts"])

    def setUp(self):
        self.told = len(self.follower.alerts)

    def assert_raised(self, *kinds):
        """Exactly these kinds of alerts so far in this test. Events keep coming, and none is lost."""
        heard = self.follower.events
        until = time.monotonic() + 30
        while self.follower.events < heard + 2:  # heartbeats at least
            self.assertLess(time.monotonic(), until, "no events")
            time.sleep(0.05)
        self.assertIsNone(self.follower.failure)
        raised = self.follower.alerts[self.told:]
        self.assertEqual({kind for kind, on, _ in raised if on}, set(kinds), raised)

    @classmethod
    def seen(cls):
        try:
            return cls.servers.replica.sql("SELECT 1 FROM vault_ledger LIMIT 1")
        except RuntimeError:  # the schema is as late as everything else
            return []

    def test_a_everything_is_seen_late_and_nothing_is_missing(self):
        """Sealing continues all the time."""
        stop = threading.Event()

        def produce():
            asker, number = Asker(self.vaultd.requests), 0
            while not stop.is_set():
                asker.result("seal_batch", seals=[seal(number + i) for i in range(20)])
                number += 20
                time.sleep(0.02)

        producer = threading.Thread(target=produce)
        producer.start()
        try:
            until = time.monotonic() + 12
            for number in range(12):
                receipt = self.asker.result("seal", seal=seal(number), sign=True)
                self.assertGreaterEqual(receipt["tree_size"], receipt["sequence"])
                receipt = self.asker.result("seal", seal=seal(number))
                asked = time.monotonic()
                self.assertEqual(self.asker.result("read", sequence=receipt["sequence"])["entry"]["entry_hash"],
                                 receipt["entry_hash"])
                self.assertGreater(time.monotonic() - asked, 0.05, "this replica is not late: nothing was tried")
                receipt = self.asker.result("seal", seal=seal(number))
                self.assertEqual(self.asker.result("read", seal_id=receipt["seal_id"])["entry"]["sequence"],
                                 receipt["sequence"])
                receipt = self.asker.result("seal", seal=seal(number))
                proof = self.asker.result("proof", sequence=receipt["sequence"])
                self.assertEqual(proof["entry_hash"], receipt["entry_hash"])
                self.asker.result("consistency", first=receipt["sequence"])
                result = self.asker.result("verify")
                self.assertTrue(result["valid"], result)
                receipt = self.asker.result("seal", seal=seal(number))
                entries = self.asker.result("list", limit=1, at_least=receipt["sequence"])["entries"]
                self.assertGreaterEqual(entries[0]["sequence"], receipt["sequence"])
                head = self.asker.result("head", at_least=receipt["sequence"])
                self.assertGreaterEqual(head["sequence"], receipt["sequence"])
            time.sleep(max(0, until - time.monotonic()))
        finally:
            stop.set()
            producer.join()
        status = self.asker.result("status")
        self.assertEqual(status["alerts"], [])
        self.assertEqual(status["readers"]["connected"], 3)
        self.assert_raised()

    def test_a_new_entries_are_archived(self):
        self.asker.result("seal", seal=seal(1), sign=True)
        last = self.asker.result("seal", seal=seal(2))["sequence"]
        self.assertGreaterEqual(self.asker.result("checkpoint", at_least=last)["tree_size"], last)
        answer = self.vaultd.ctl("archive", "--json", "--out", str(self.vaultd.directory / "archive"))
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assert_raised()

    def test_b_what_does_not_come_in_time_is_unavailable(self):
        asked = time.monotonic()
        error = self.asker.ask("list", at_least=10_000_000)["error"]
        self.assertEqual(error["code"], "unavailable")
        self.assertIn("behind", error["message"])
        self.assertGreater(time.monotonic() - asked, 4)
        # Entries that nobody has reported are not found, at once.
        asked = time.monotonic()
        self.assertEqual(self.asker.ask("read", sequence=10_000_000)["error"]["code"], "not_found")
        self.assertLess(time.monotonic() - asked, 1)
        self.assert_raised()

    def test_c_a_replica_that_is_gone_is_told_and_comes_back(self):
        """Even if no reader is connected: the auditor sees it, and then each of them is probed."""
        readers = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'vaultd reader%'"
        until = time.monotonic() + 60
        while self.servers.replica.sql(readers):
            self.assertLess(time.monotonic(), until, "the readers stay connected")
            time.sleep(0.1)
        self.servers.replica.stop("immediate")
        gone = time.monotonic()
        status = self.asker.wait(lambda status: "readers" in status["alerts"])
        print(f"told {time.monotonic() - gone:.2f} s after the replica was gone")
        self.assertTrue(status["ready"])
        self.asker.wait(lambda status: status["readers"]["connected"] == 0)
        asked = time.monotonic()
        error = self.asker.ask("list")["error"]
        self.assertEqual(error["code"], "unavailable")
        self.assertIn("no reader has a database", error["message"])
        self.assertLess(time.monotonic() - asked, 1)
        self.asker.result("seal", seal=seal(1))  # sealing goes on
        self.servers.replica.start()
        self.asker.wait(lambda status: not status["alerts"] and status["readers"]["connected"] == 3)
        self.asker.result("list")
        self.assert_raised("readers")

    def postmaster(self):
        return int((self.servers.replica.data / "postmaster.pid").read_text().split()[0])

    def test_d_a_restart_without_the_replica_adopts_and_seals(self):
        self.servers.replica.stop("immediate")
        self.adopts_and_seals(self.vaultd.restart)
        self.servers.replica.start()
        self.reads_again()

    def test_d_a_restart_beside_a_replica_that_does_not_answer_adopts_and_seals(self):
        """The kernel accepts connections, and nobody answers."""
        os.kill(self.postmaster(), signal.SIGSTOP)
        try:
            self.adopts_and_seals(lambda: (self.vaultd.kill(), self.vaultd.start()))
        finally:
            os.kill(self.postmaster(), signal.SIGCONT)
        self.reads_again()

    def test_e_a_takeover_without_the_replica_adopts_and_seals(self):
        other = ReplicaVaultd(self.servers, "--request-timeout", "5s", "--signing-key", str(self.vaultd.state / "signing.pem"))
        self.addCleanup(other.remove)
        other.start(wait=False)
        standby = Asker(other.requests)
        standby.wait(lambda status: status["role"] == "standby")
        self.servers.replica.stop("immediate")
        size = self.asker.result("seal", seal=seal(1))["sequence"]
        self.asker.wait(lambda status: status["alerts"] == ["readers"])
        self.vaultd.kill()
        gone = time.monotonic()
        standby.wait(lambda status: status["ready"])
        print(f"taken over {time.monotonic() - gone:.2f} s after the writer was gone, without the replica")
        self.assertEqual(standby.result("seal", seal=seal(2))["sequence"], size + 1)
        self.assertEqual(standby.result("checkpoint", at_least=size + 1)["tree_size"], size + 1)
        other.stop()
        self.servers.replica.start()
        self.vaultd.start()
        self.reads_again()

    def adopts_and_seals(self, restart):
        size = self.asker.result("seal", seal=seal(1))["sequence"]
        restart()  # until it is ready
        began = time.monotonic()
        self.assertEqual(self.asker.result("seal", seal=seal(2))["sequence"], size + 1)
        self.assertEqual(self.asker.result("checkpoint", at_least=size + 1)["tree_size"], size + 1)
        while time.monotonic() < began + 4:  # longer than the lease: it is not given up again
            status = self.asker.result("status")
            self.assertEqual((status["role"], status["ready"]), ("writer", True))
            time.sleep(0.1)
        self.asker.wait(lambda status: status["alerts"] == ["readers"])

    def reads_again(self):
        self.asker.wait(lambda status: not status["alerts"], 60)
        self.asker.result("list")
        self.assertTrue(self.asker.result("verify")["valid"])
        self.assert_raised("readers")


if __name__ == "__main__":
    unittest.main()
