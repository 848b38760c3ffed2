"""One bad hour stays one: a storm of large retries costs nobody the lease, and one unreadable row costs one seal.

Run by CTest with VAULT_BIN_DIR; by hand the same way.
"""
import pathlib
import sys
import time
import unittest
import uuid

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VaultdProcess  # noqa: E402

SEALS = 220
PAYLOAD = "x" * 900_000


class Standby(VaultdProcess):
    """A second vaultd, on the embedded database of `first`."""

    def __init__(self, first):
        super().__init__("--signing-key", str(first.state / "signing.pem"))
        self.url = first.database_url()

    def command(self):
        command = super().command()
        at = command.index("--embedded")
        command[at:at + 2] = ["--database", self.url]
        return command


def seal(ident, data):
    return {"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_id": ident, "seal_data": data}


class Client:
    """Many requests in flight on one socket."""

    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 10_000)
        self.socket.setsockopt(zmq.RCVTIMEO, 120_000)
        self.socket.connect(endpoint)

    def ask_all(self, requests):
        """Replies in the order of the requests."""
        for number, request in enumerate(requests):
            self.socket.send_multipart([b"", msgpack.packb({"v": 1, "id": number, **request})])
        replies = [msgpack.unpackb(self.socket.recv_multipart()[-1]) for _ in requests]
        return sorted(replies, key=lambda reply: reply["id"])

    def ask(self, op, **arguments):
        return self.ask_all([{"op": op, **arguments}])[0]


class RetryStormTest(unittest.TestCase):
    def setUp(self):
        self.vaultd = VaultdProcess()
        self.addCleanup(self.vaultd.remove)
        self.vaultd.start()
        self.client = Client(self.vaultd.requests)
        self.addCleanup(self.client.socket.close)

    def status(self):
        return self.client.ask("status")["result"]

    def all_of(self, idents, wanted):
        """Seals all of them at once, and those answered `busy` again, until each has a receipt."""
        waiting = list(idents)
        until = time.monotonic() + 240
        while waiting and time.monotonic() < until:
            replies = self.client.ask_all([{"op": "seal", "seal": seal(one, {"text": PAYLOAD})} for one in waiting])
            again = []
            for one, reply in zip(waiting, replies):
                if reply["ok"]:
                    self.assertEqual(reply["result"]["duplicate"], wanted)
                else:
                    self.assertEqual(reply["error"]["code"], "busy")
                    again.append(one)
            waiting = again
        self.assertEqual(waiting, [])

    def test_retries_of_large_seals_beside_a_standby(self):
        idents = [str(uuid.uuid4()) for _ in range(SEALS)]
        self.all_of(idents, False)
        standby = Standby(self.vaultd)
        self.addCleanup(standby.remove)
        standby.start(wait=False)
        other = Client(standby.requests)
        self.addCleanup(other.socket.close)
        while other.ask("status")["result"]["role"] != "standby":
            time.sleep(0.1)
        before = self.status()
        self.all_of(idents, True)
        after = self.status()
        self.assertEqual((after["role"], after["writer_epoch"], after["alerts"]),
                         ("writer", before["writer_epoch"], []))
        self.assertEqual(after["sequence"], before["sequence"])
        self.assertEqual(other.ask("status")["result"]["role"], "standby")

    def test_a_row_that_cannot_be_read_costs_its_own_seal(self):
        bad, good = str(uuid.uuid4()), str(uuid.uuid4())
        for ident in (bad, good):
            self.assertTrue(self.client.ask("seal", seal=seal(ident, {"n": 1}))["ok"])
        self.vaultd.sql("SET session_replication_role = replica; ALTER TABLE vault_ledger DISABLE TRIGGER USER;"
                        f"UPDATE vault_ledger SET entry_hash = repeat('z', 64) WHERE seal_id = '{bad}';"
                        "ALTER TABLE vault_ledger ENABLE ALWAYS TRIGGER vault_insert_only;"
                        "ALTER TABLE vault_ledger ENABLE ALWAYS TRIGGER vault_insert_only_row")
        epoch = self.status()["writer_epoch"]
        requests = [{"op": "seal", "seal": seal(str(uuid.uuid4()), {"n": i})} for i in range(100)]
        requests[50] = {"op": "seal", "seal": seal(bad, {"n": 1})}
        requests[60] = {"op": "seal", "seal": seal(good, {"n": 1})}
        replies = self.client.ask_all(requests)
        self.assertEqual([number for number, reply in enumerate(replies) if not reply["ok"]], [50])
        self.assertEqual(replies[50]["error"]["code"], "internal")
        self.assertTrue(replies[60]["result"]["duplicate"])
        until = time.monotonic() + 60
        while "tamper" not in self.status()["alerts"] and time.monotonic() < until:
            time.sleep(0.1)
        status = self.status()
        self.assertEqual((status["alerts"], status["role"], status["ready"]), (["tamper"], "writer", True))
        self.assertEqual(status["writer_epoch"], epoch)


if __name__ == "__main__":
    unittest.main(verbosity=2)
