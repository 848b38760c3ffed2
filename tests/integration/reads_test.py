"""Clients share the readers: a flood of one kind or from one client holds up nobody else, and work for a client that
has gone ends. VAULT_FLOOD is the number of signed receipts in flight (60,000 were once too many)."""
import os
import pathlib
import sys
import threading
import time
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VaultdProcess  # noqa: E402

FLOOD = int(os.environ.get("VAULT_FLOOD", "6000"))


def seal(number):
    return {"session_id": "s", "authority": "tester", "verdict": "SEAL", "seal_data": {"n": number}}


class Client:
    """A DEALER: many queries in flight."""

    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVHWM, 0)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.connect(endpoint)
        self.asked = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, op, **arguments):
        self.asked += 1
        self.socket.send(msgpack.packb({"v": 1, "id": self.asked, "op": op, **arguments}))
        return self.asked

    def receive(self, timeout_s=60):
        if not self.socket.poll(timeout_s * 1000):
            raise AssertionError(f"no reply within {timeout_s} s")
        return msgpack.unpackb(self.socket.recv())

    def ask(self, op, timeout_s=60, **arguments):
        self.send(op, **arguments)
        return self.receive(timeout_s)


class FloodTest(unittest.TestCase):
    def test_signed_receipts_in_flight_hold_up_no_list(self):
        with VaultdProcess("--queue-seals", "100000") as vaultd, Client(vaultd.requests) as flood, \
                Client(vaultd.requests) as other:
            body = [msgpack.packb({"v": 1, "id": i, "op": "seal", "seal": seal(i), "sign": True}) for i in range(FLOOD)]
            answers = []

            def receive():
                while len(answers) < FLOOD:
                    answers.append(flood.receive()["ok"])

            receiver = threading.Thread(target=receive)
            began = time.monotonic()
            for message in body:
                flood.socket.send(message)
            receiver.start()
            slowest, lists = 0, 0
            while receiver.is_alive():
                asked = time.monotonic()
                reply = other.ask("list", limit=5)
                slowest = max(slowest, time.monotonic() - asked)
                self.assertTrue(reply["ok"], reply)
                lists += 1
            receiver.join()
            took = time.monotonic() - began
            print(f"{FLOOD} signed receipts in {took:.1f} s ({FLOOD / took:.0f}/s); {lists} lists beside them, the "
                  f"slowest {slowest:.3f} s; refused: {answers.count(False)}", file=sys.stderr)
            self.assertLess(slowest, 1)
            self.assertGreater(lists, 2)
            self.assertTrue(all(answers))


class OneReaderTest(unittest.TestCase):
    def test_verifications_leave_time_for_others_and_are_few(self):
        with VaultdProcess("--readers", "1") as vaultd, Client(vaultd.requests) as auditor, \
                Client(vaultd.requests) as other:
            for _ in range(9):
                reply = auditor.ask("seal_batch", seals=[seal(i) for i in range(4000)])
                self.assertTrue(reply["ok"], reply)
            for _ in range(3):
                auditor.send("verify")
            self.assertEqual(auditor.receive()["error"]["code"], "busy")
            slowest, verified = 0, []
            while len(verified) < 2:
                asked = time.monotonic()
                self.assertTrue(other.ask("list", limit=5)["ok"])
                slowest = max(slowest, time.monotonic() - asked)
                while auditor.socket.poll(0):
                    verified.append(auditor.receive()["result"])
            self.assertLess(slowest, 1)
            for result in verified:
                self.assertTrue(result["valid"], result)
                self.assertEqual((result["from"], result["checked"], result["to"]), (1, 36_000, 36_000))

    def test_progress_and_a_finding_in_a_later_turn(self):
        with VaultdProcess("--readers", "1", "--audit-rate", "0") as vaultd, Client(vaultd.requests) as client:
            for _ in range(9):
                self.assertTrue(client.ask("seal_batch", seals=[seal(i) for i in range(4000)])["ok"])
            vaultd.sql("ALTER TABLE vault_ledger DISABLE TRIGGER ALL; UPDATE vault_ledger SET authority = 'x' "
                       "WHERE sequence = 30000")
            result = client.ask("verify", timeout_s=60)["result"]
            self.assertEqual((result["valid"], result["first_invalid_sequence"], result["checked"]),
                             (False, 30_000, 29_999))


class GoneTest(unittest.TestCase):
    def test_work_for_a_client_that_has_gone_ends(self):
        with VaultdProcess("--request-timeout", "8s") as vaultd, Client(vaultd.requests) as here:
            with Client(vaultd.requests) as gone:
                for _ in range(100):
                    gone.send("head", at_least=1_000_000)
                self.assertTrue(gone.ask("status")["ok"])  # they have been heard
            until = time.monotonic() + 10
            while here.ask("status")["result"]["counters"].get("reads_dropped", 0) < 100:
                self.assertLess(time.monotonic(), until, "they are kept for nobody")
                time.sleep(0.1)
            # A client that is still there, and asks the same, is answered: later than now, sooner than request_timeout.
            reply = here.ask("head", at_least=1_000_000)
            self.assertEqual(reply["error"]["code"], "unavailable")


if __name__ == "__main__":
    unittest.main()
