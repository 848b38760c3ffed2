"""Seals with misspelt members are refused, on every route. Run by CTest with VAULT_BIN_DIR."""
import json
import pathlib
import sys
import time
import unittest
import uuid

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VaultdProcess  # noqa: E402

VAULTD = VaultdProcess()
SEAL = {"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_data": {}}


def setUpModule():
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()


class UnknownMembers(unittest.TestCase):
    def setUp(self):
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)

    def socket(self, kind, endpoint):
        socket = self.context.socket(kind)
        socket.setsockopt(zmq.RCVTIMEO, 20_000)
        if kind == zmq.SUB:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(endpoint)
        return socket

    def test_requests(self):
        peer = self.socket(zmq.REQ, VAULTD.requests)

        def ask(op, **arguments):
            peer.send(msgpack.packb({"v": 1, "op": op, **arguments}))
            return msgpack.unpackb(peer.recv())

        for op, arguments, field in (
                ("seal", {"seal": {**SEAL, "sealid": str(uuid.uuid4())}}, "seal.sealid"),
                ("seal_batch", {"seals": [SEAL, {**SEAL, "metadata": {"approved_by": "ana"}}]}, "seals[1].metadata"),
                ("query", {"verdit": "VOID"}, "verdit"),
                ("query", {"session": "nobody"}, "session"),
                ("list", {"verdict": "VOID"}, "verdict")):
            error = ask(op, **arguments)["error"]
            self.assertEqual((error["code"], error["field"], error["retryable"]), ("invalid_argument", field, False))
        self.assertIn("did you mean seal_id?", ask("seal", seal={**SEAL, "sealid": "x"})["error"]["message"])
        self.assertEqual(ask("head")["result"]["sequence"], 0)
        self.assertEqual(ask("seal", **{"seal": {**SEAL, "x-span": 1}, "x-trace": "4bf9"})["result"]["sequence"], 1)
        self.assertIsInstance(ask("status")["result"]["features"], list)

    def test_ingest(self):
        events, push = self.socket(zmq.SUB, VAULTD.events), self.socket(zmq.PUSH, VAULTD.ingest)
        while events.recv_multipart()[0] != b"heartbeat":  # the subscription stands
            pass
        push.send(msgpack.packb({"v": 1, "op": "seal", "seal": {**SEAL, "sealid": "x"}}))
        until = time.monotonic() + 20
        while time.monotonic() < until:
            topic, body = events.recv_multipart()
            if topic == b"alert.ingest":
                self.assertIn("seal.sealid", msgpack.unpackb(body)["message"])
                return
        self.fail("no alert.ingest")

    def test_seal_batch_lines(self):
        lines = [{**SEAL, "sealid": str(uuid.uuid4())}, {**SEAL, "x-line": 1}]
        answer = VAULTD.ctl("seal", "--batch", stdin="\n".join(map(json.dumps, lines)))
        told = [json.loads(line) for line in answer.stdout.splitlines()]
        self.assertEqual(answer.returncode, 2, answer)
        self.assertEqual((told[0]["code"], told[0]["field"], told[0]["line"]), ("invalid_argument", "sealid", 1))
        self.assertIn("sequence", told[1])


if __name__ == "__main__":
    unittest.main()
