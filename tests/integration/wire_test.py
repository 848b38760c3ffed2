"""The wire as a stranger sees it: pyzmq and msgpack, none of our code. REQ, DEALER with 1,000 requests in flight, PUSH
and SUB."""
import hashlib
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

ZEROS = "0" * 64


def seal(number, **changes):
    return {"session_id": f"session-{number % 5}", "authority": "tester", "verdict": "SEAL",
            "seal_data": {"n": number}, **changes}


class Peer:
    """A REQ or DEALER socket that speaks the protocol."""

    def __init__(self, context, endpoint, kind=zmq.REQ, timeout_ms=20_000):
        self.socket = context.socket(kind)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVTIMEO, timeout_ms)
        self.socket.connect(endpoint)

    def send(self, op, ident=1, **arguments):
        self.socket.send(msgpack.packb({"v": 1, "id": ident, "op": op, **arguments}))

    def receive(self):
        return msgpack.unpackb(self.socket.recv())

    def ask(self, op, ident=1, **arguments):
        self.send(op, ident, **arguments)
        return self.receive()

    def result(self, op, **arguments):
        reply = self.ask(op, **arguments)
        assert reply["ok"], reply
        return reply["result"]

    def close(self):
        self.socket.close()


class WireTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vaultd = VaultdProcess().start()
        cls.context = zmq.Context()

    @classmethod
    def tearDownClass(cls):
        cls.context.destroy(linger=0)
        cls.vaultd.remove()

    def setUp(self):
        self.peer = Peer(self.context, self.vaultd.requests)

    def tearDown(self):
        self.peer.close()

    def test_ids_of_every_scalar_kind_come_back_as_they_were(self):
        for ident in (None, True, 0, -1, 2**64 - 1, 1.5, "text", b"\x00\xff"):
            self.assertEqual(self.peer.ask("head", ident)["id"], ident)

    def test_a_receipt_can_be_recomputed_by_anyone(self):
        receipt = self.peer.result("seal", seal=seal(1, session_id="sess-é"))
        canonical = '{"n":1}'
        data_hash = hashlib.sha256(bytes.fromhex(receipt["data_salt"]) + canonical.encode()).hexdigest()
        self.assertEqual(receipt["data_hash"], data_hash)
        envelope = {name: receipt[name] for name in
                    ("authority", "data_hash", "prev_hash", "seal_id", "sequence", "session_id", "timestamp", "verdict")}
        envelope["v"] = 1
        leaf = json.dumps(envelope, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        self.assertEqual(receipt["entry_hash"], hashlib.sha256(b"\0" + leaf).hexdigest())
        self.assertIs(receipt["duplicate"], False)

    def test_a_dealer_with_a_thousand_requests_in_flight(self):
        dealer = Peer(self.context, self.vaultd.requests, zmq.DEALER)
        for number in range(1000):
            dealer.send("seal", number, seal=seal(number))
        replies = [dealer.receive() for _ in range(1000)]
        dealer.close()
        self.assertEqual({reply["id"] for reply in replies}, set(range(1000)))
        self.assertTrue(all(reply["ok"] for reply in replies), [r for r in replies if not r["ok"]][:1])
        self.assertEqual(len({reply["result"]["sequence"] for reply in replies}), 1000)

    def test_a_dealer_with_an_empty_delimiter_gets_it_back(self):
        dealer = Peer(self.context, self.vaultd.requests, zmq.DEALER)
        dealer.socket.send_multipart([b"", msgpack.packb({"v": 1, "id": 5, "op": "head"})])
        frames = dealer.socket.recv_multipart()
        dealer.close()
        self.assertEqual(frames[0], b"")
        self.assertEqual(msgpack.unpackb(frames[1])["id"], 5)

    def test_seal_ids_make_retries_harmless(self):
        ident = str(uuid.uuid4())
        first = self.peer.result("seal", seal=seal(1, seal_id=ident.upper()))
        self.assertEqual(first["seal_id"], ident)
        again = self.peer.result("seal", seal=seal(1, seal_id=ident))
        self.assertEqual({**again, "duplicate": False}, first)
        self.assertIs(again["duplicate"], True)
        conflict = self.peer.ask("seal", seal=seal(2, seal_id=ident))
        self.assertEqual(conflict["error"]["code"], "seal_id_conflict")
        self.assertIs(conflict["error"]["retryable"], False)

    def test_batches_are_all_or_none(self):
        ident = str(uuid.uuid4())
        before = self.peer.result("head")["sequence"]
        seals = [seal(1), seal(2, seal_id=ident), seal(3), seal(2, seal_id=ident)]
        receipts = self.peer.result("seal_batch", seals=seals)["receipts"]
        self.assertEqual([r["sequence"] - before for r in receipts], [1, 2, 3, 2])
        self.assertEqual([r["duplicate"] for r in receipts], [False, False, False, True])
        conflict = self.peer.ask("seal_batch", seals=[seal(7), seal(8, seal_id=ident)])
        self.assertEqual(conflict["error"]["code"], "seal_id_conflict")
        self.assertEqual(self.peer.result("head")["sequence"], before + 3)

    def test_ingest_is_answered_on_the_pub_socket(self):
        subscriber = self.context.socket(zmq.SUB)
        subscriber.setsockopt(zmq.RCVTIMEO, 20_000)
        subscriber.setsockopt(zmq.SUBSCRIBE, b"")
        subscriber.connect(self.vaultd.events)
        self.assertEqual(subscriber.recv_multipart()[0][:5] != b"", True)  # a heartbeat at the latest: it is connected
        push = self.context.socket(zmq.PUSH)
        push.connect(self.vaultd.ingest)
        ident = str(uuid.uuid4())
        push.send(msgpack.packb({"v": 1, "op": "seal", "seal": seal(1, seal_id=ident, verdict="888_HOLD")}))
        push.send(b"\xc1 no message")
        seen, last = {}, None
        until = time.monotonic() + 20
        wanted = {"entry.888_HOLD", f"receipt.{ident}", "checkpoint", "alert.ingest", "heartbeat"}
        while time.monotonic() < until and not wanted <= set(seen):
            topic, body = subscriber.recv_multipart()
            event = msgpack.unpackb(body)
            self.assertEqual(event["v"], 1)
            self.assertEqual(event["event"], topic.decode().split(".")[0])
            if last is not None:
                self.assertEqual(event["seq"], last + 1)
            last = event["seq"]
            seen[topic.decode()] = event
        push.close(linger=0)
        subscriber.close()
        self.assertLessEqual(wanted, set(seen))
        self.assertEqual(seen[f"receipt.{ident}"]["seal_id"], ident)
        self.assertNotIn("data_salt", seen["entry.888_HOLD"])
        self.assertNotIn("seal_data", seen["entry.888_HOLD"])
        self.assertEqual(set(seen["checkpoint"]) - {"v", "event", "seq"},
                         {"checkpoint", "tree_size", "merkle_root", "previous_size", "consistency"})
        self.assertEqual(set(seen["heartbeat"]) - {"v", "event", "seq"},
                         {"sequence", "merkle_root", "queue_depth", "sealed_total", "ready"})

    def test_pages_walk_the_whole_ledger_both_ways(self):
        self.peer.result("seal_batch", seals=[seal(number) for number in range(30)])
        head = self.peer.result("head")["sequence"]
        for order, expected in (("asc", list(range(1, head + 1))), ("desc", list(range(head, 0, -1)))):
            seen, cursor = [], None
            while True:
                page = self.peer.result("list", limit=7, order=order, cursor=cursor)
                seen += [entry["sequence"] for entry in page["entries"]]
                cursor = page["next_cursor"]
                if cursor is None:
                    break
            self.assertEqual(seen, expected)

    def test_reads_by_every_key(self):
        session = f"only-{uuid.uuid4()}"
        receipt = self.peer.result("seal", seal=seal(4, session_id=session))
        for key in ("sequence", "seal_id"):
            entry = self.peer.result("read", **{key: receipt[key]})["entry"]
            self.assertEqual(entry["entry_hash"], receipt["entry_hash"])
            self.assertEqual(entry["seal_data"], {"n": 4})
        page = self.peer.result("read", session_id=session)
        self.assertEqual([entry["sequence"] for entry in page["entries"]], [receipt["sequence"]])
        self.assertIsNone(page["next_cursor"])
        self.assertEqual(self.peer.ask("read", sequence=10**9)["error"]["code"], "not_found")

    def test_queries_by_verdict_time_and_authority(self):
        authority = f"judge-{uuid.uuid4()}"
        receipts = [self.peer.result("seal", seal=seal(number, authority=authority, verdict=verdict))
                    for number, verdict in enumerate(["VOID", "SEAL", "VOID", "SUNSET"])]
        entries = self.peer.result("query", authority=authority, verdict="VOID", order="asc")["entries"]
        self.assertEqual([e["sequence"] for e in entries], [receipts[0]["sequence"], receipts[2]["sequence"]])
        entries = self.peer.result("query", authority=authority, **{"from": receipts[1]["timestamp"],
                                                                    "to": receipts[3]["timestamp"]})["entries"]
        self.assertEqual([e["sequence"] for e in entries], [receipts[2]["sequence"], receipts[1]["sequence"]])

    def test_proofs_and_consistency_check_with_a_naive_verifier(self):
        self.peer.result("seal_batch", seals=[seal(number) for number in range(11)])
        receipt = self.peer.result("seal", seal=seal(99), sign=True)
        for proof in (receipt, self.peer.result("proof", sequence=receipt["sequence"])):
            lines = proof["checkpoint"].split("\n")
            self.assertEqual(int(lines[1]), proof["tree_size"])
            root = walk(bytes.fromhex(proof["entry_hash"]), proof["leaf_index"], proof["tree_size"],
                        [bytes.fromhex(h) for h in proof["proof"]])
            self.assertEqual(root.hex(), __import__("base64").b64decode(lines[2]).hex())
        size = receipt["tree_size"]
        self.assertEqual(self.peer.result("consistency", first=0, second=size)["proof"], [])
        self.assertEqual(self.peer.ask("proof", sequence=5, tree_size=4)["error"]["code"], "invalid_argument")
        self.assertEqual(self.peer.ask("proof", sequence=5, tree_size=10**8)["error"]["code"], "not_found")
        self.assertEqual(self.peer.ask("proof", sequence=10**8)["error"]["code"], "not_found")
        old = self.peer.result("proof", sequence=1, tree_size=1)
        self.assertEqual((old["proof"], old["merkle_root"]), ([], old["entry_hash"]))

    def test_verify_reports_progress_only_where_asked(self):
        dealer = Peer(self.context, self.vaultd.requests, zmq.DEALER)
        dealer.send("verify", 3, progress=True)
        while True:
            reply = dealer.receive()
            self.assertEqual(reply["id"], 3)
            if "progress" not in reply:
                break
        dealer.close()
        self.assertTrue(reply["result"]["valid"])
        self.assertEqual(reply["result"]["merkle_root"], self.peer.result("head")["merkle_root"])

    def test_status_tells_what_an_operator_wants_to_know(self):
        status = self.peer.result("status")
        for member in ("version", "role", "ready", "uptime_s", "sequence", "queue_depth", "in_flight", "writer_epoch",
                       "database"):
            self.assertIn(member, status)
        self.assertEqual((status["role"], status["ready"], status["database"]["connected"]), ("writer", True, True))


def walk(leaf, index, size, proof):
    """RFC 9162 section 2.1.3.2."""
    node, last = leaf, size - 1
    for sibling in proof:
        if index & 1 or index == last:
            node = hashlib.sha256(b"\1" + sibling + node).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\1" + node + sibling).digest()
        index, last = index >> 1, last >> 1
    assert last == 0
    return node


if __name__ == "__main__":
    unittest.main()
