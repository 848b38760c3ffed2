"""Names reserved for vaultd: nobody seals under them, by any route. A producer here is pyzmq and msgpack. Run by CTest
with VAULT_BIN_DIR."""
import json
import pathlib
import shutil
import sys
import time
import unittest
import uuid

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import legacy_vault  # noqa: E402
from support.mcp_process import McpProcess  # noqa: E402
from support.vaultd_process import VaultdProcess, make_directory  # noqa: E402

VAULTD = VaultdProcess()


def setUpModule():
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()


def seal(**changes):
    return {"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_data": {}, "seal_id": str(uuid.uuid4()),
            **changes}


class ReservedNames(unittest.TestCase):
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

    @staticmethod
    def head():
        return json.loads(VAULTD.ctl("head", "--json").stdout)["sequence"]

    def test_requests(self):
        peer, head = self.socket(zmq.REQ, VAULTD.requests), self.head()
        for op, arguments, field in (
                ("seal", {"seal": seal(authority="vaultd")}, "seal.authority"),
                ("seal", {"seal": seal(session_id="vaultd")}, "seal.session_id"),
                ("seal", {"seal": seal(session_id="vaultd/rollback"), "sign": True}, "seal.session_id"),
                ("seal_batch", {"seals": [seal(), seal(authority="vaultd")]}, "seals[1].authority")):
            peer.send(msgpack.packb({"v": 1, "op": op, **arguments}))
            error = msgpack.unpackb(peer.recv())["error"]
            self.assertEqual((error["code"], error["field"], error["retryable"]), ("forbidden", field, False))
        self.assertEqual(self.head(), head)
        for alike in ({"authority": "vaultd "}, {"authority": "v\u0430ultd"}, {"session_id": "vaultd-1"}):
            peer.send(msgpack.packb({"v": 1, "op": "seal", "seal": seal(**alike)}))
            self.assertTrue(msgpack.unpackb(peer.recv())["ok"], alike)

    def test_ingest(self):
        events, push = self.socket(zmq.SUB, VAULTD.events), self.socket(zmq.PUSH, VAULTD.ingest)
        while events.recv_multipart()[0] != b"heartbeat":  # the subscription stands
            pass
        head, refused = self.head(), seal(session_id="vaultd/rollback")
        push.send(msgpack.packb({"v": 1, "op": "seal", "seal": refused}))
        seen, until = {}, time.monotonic() + 20
        while time.monotonic() < until and not {f"receipt.{refused['seal_id']}", "alert.ingest"} <= set(seen):
            topic, body = events.recv_multipart()
            seen[topic.decode()] = msgpack.unpackb(body)
        error = seen[f"receipt.{refused['seal_id']}"]["error"]
        self.assertEqual((error["code"], error["field"]), ("forbidden", "seal.session_id"))
        self.assertIn("seal.session_id", seen["alert.ingest"]["message"])
        self.assertEqual(self.head(), head)

    def test_vaultctl(self):
        for session, authority, field in (("s", "vaultd", "seal.authority"), ("vaultd/x", "a", "seal.session_id")):
            answer = VAULTD.ctl("seal", "--session", session, "--authority", authority, "--verdict", "SEAL", "--data", "{}",
                                "--json")
            self.assertEqual(answer.returncode, 1)
            self.assertEqual([json.loads(answer.stdout)[name] for name in ("code", "field")], ["forbidden", field])
        answer = VAULTD.ctl("seal", "--batch", stdin=json.dumps(seal()) + "\n" + json.dumps(seal(authority="vaultd")))
        self.assertEqual(answer.returncode, 1)
        self.assertEqual([json.loads(line).get("code") for line in answer.stdout.splitlines()], [None, "forbidden"])

    def test_vault_mcp(self):
        with McpProcess("--endpoint", VAULTD.requests) as mcp:
            mcp.initialize()
            refusal = mcp.refusal("vault_seal", session_id="vaultd/x", authority="a", verdict="SEAL", seal_data={})
            self.assertRegex(refusal, "session_id.*vaultd's own")

    def test_legacy_import_tells_the_record_and_goes_on(self):
        directory = pathlib.Path(make_directory("vault-legacy-"))
        self.addCleanup(shutil.rmtree, directory)
        vault = legacy_vault.make_large(directory, "reserved", 2, 0)
        (legacy_vault.entries(vault) / "taken.json").write_text(json.dumps(
            {"session_id": "vaultd/rollback", "verdict": "888_HOLD", "timestamp": 1_768_700_000, "payload": {}}))
        for arguments in (("--dry-run",), ()):
            answer = VAULTD.ctl("legacy", "import", str(vault), "--json", *arguments)
            self.assertEqual(answer.returncode, 1, answer)
            told = json.loads(answer.stdout)
            self.assertEqual([one["file"] for one in told["problems"]], ["BBB_LEDGER/entries/taken.json"])
            self.assertIn("forbidden", told["problems"][0]["reason"])
        self.assertEqual((told["imported"], told["complete"]), (2, True))


if __name__ == "__main__":
    unittest.main()
