"""Bad input over a real socket: each gets the error that docs/protocol.md names, and vaultd keeps sealing."""
import pathlib
import sys
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VaultdProcess  # noqa: E402

GOOD = {"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_data": {}}


def request(**members):
    return msgpack.packb({"v": 1, "id": 9, **members})


def sealing(**changes):
    return request(op="seal", seal={**GOOD, **changes})


def without(member):
    return request(op="seal", seal={k: v for k, v in GOOD.items() if k != member})


def nested(depth):
    value = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def raw_data(raw):
    """A seal whose seal_data is given as MessagePack bytes."""
    head = b"\x84\xa1v\x01\xa2id\x09\xa2op\xa4seal\xa4seal\x84"
    return (head + msgpack.packb("session_id") + msgpack.packb("s") + msgpack.packb("authority") + msgpack.packb("a") +
            msgpack.packb("verdict") + msgpack.packb("SEAL") + msgpack.packb("seal_data") + raw)


# (what, bytes, code, field or None)
CASES = [
    ("a reserved byte", b"\xc1", "invalid_message", None),
    ("not a map", msgpack.packb([1, 2]), "invalid_message", None),
    ("a bare integer", b"\x05", "invalid_message", None),
    ("trailing bytes", request(op="head") + b"\xc0", "invalid_message", None),
    ("cut short", request(op="head")[:-2], "invalid_message", None),
    ("an array that announces four billion", b"\x83\xa1v\x01\xa2op\xa4head\xa1x\xdd\xff\xff\xff\xff", "invalid_message", None),
    ("a map that announces four billion", b"\xdf\xff\xff\xff\xff", "invalid_message", None),
    ("a string that announces four billion", b"\x81\xdb\xff\xff\xff\xff", "invalid_message", None),
    ("a key that is no string", b"\x82\x01\x02\xa1v\x01", "invalid_message", None),
    ("no version", msgpack.packb({"id": 9, "op": "head"}), "unsupported_version", None),
    ("version 2", msgpack.packb({"v": 2, "id": 9, "op": "head"}), "unsupported_version", None),
    ("version as text", msgpack.packb({"v": "1", "id": 9, "op": "head"}), "unsupported_version", None),
    ("no op", request(), "unknown_op", None),
    ("op no string", request(op=5), "unknown_op", None),
    ("an unknown op", request(op="erase"), "unknown_op", None),
    ("no seal", request(op="seal"), "invalid_argument", "seal"),
    ("seal no map", request(op="seal", seal=[1]), "invalid_argument", "seal"),
    ("no session", without("session_id"), "invalid_argument", "seal.session_id"),
    ("no authority", without("authority"), "invalid_argument", "seal.authority"),
    ("no verdict", without("verdict"), "invalid_argument", "seal.verdict"),
    ("no data", without("seal_data"), "invalid_argument", "seal.seal_data"),
    ("an empty session", sealing(session_id=""), "invalid_argument", "seal.session_id"),
    ("a long session", sealing(session_id="x" * 257), "invalid_argument", "seal.session_id"),
    ("a control character", sealing(session_id="a\nb"), "invalid_argument", "seal.session_id"),
    ("session no string", sealing(session_id=7), "invalid_argument", "seal.session_id"),
    ("a verdict of nobody", sealing(verdict="MAYBE"), "invalid_argument", "seal.verdict"),
    ("a bad seal_id", sealing(seal_id="not-a-uuid"), "invalid_argument", "seal.seal_id"),
    ("data no map", sealing(seal_data=[1]), "invalid_argument", "seal.seal_data"),
    ("NUL in data", sealing(seal_data={"k": "a\0b"}), "invalid_argument", "seal.seal_data.k"),
    ("NaN", sealing(seal_data={"score": float("nan")}), "invalid_argument", "seal.seal_data.score"),
    ("infinity", sealing(seal_data={"a": [1, float("inf")]}), "invalid_argument", "seal.seal_data.a[1]"),
    ("bin", sealing(seal_data={"k": b"\1"}), "invalid_argument", "seal.seal_data.k"),
    ("ext", sealing(seal_data={"k": msgpack.ExtType(5, b"x")}), "invalid_argument", "seal.seal_data.k"),
    ("a timestamp", sealing(seal_data={"k": msgpack.Timestamp(1, 0)}), "invalid_argument", "seal.seal_data.k"),
    ("too deep", sealing(seal_data=nested(65)), "invalid_argument", None),
    ("a name twice in data", raw_data(b"\x82\xa1k\x01\xa1k\x02"), "invalid_argument", "seal.seal_data.k"),
    ("a name that is no string", raw_data(b"\x81\x01\x02"), "invalid_argument", None),
    ("bad UTF-8", raw_data(b"\x81\xa1k\xa1\xff"), "invalid_argument", "seal.seal_data.k"),
    ("a lone surrogate", raw_data(b"\x81\xa1k\xa3\xed\xa0\x80"), "invalid_argument", "seal.seal_data.k"),
    ("a payload over the limit", sealing(seal_data={"k": "x" * (1 << 20)}), "too_large", None),
    ("a name twice at the top", b"\x84\xa1v\x01\xa1v\x01\xa2id\x09\xa2op\xa4head", "invalid_argument", "v"),
    ("no seals", request(op="seal_batch"), "invalid_argument", "seals"),
    ("an empty batch", request(op="seal_batch", seals=[]), "invalid_argument", "seals"),
    ("a batch of 4,097", request(op="seal_batch", seals=[GOOD] * 4097), "too_large", None),
    ("a bad one in a batch", request(op="seal_batch", seals=[GOOD, {**GOOD, "verdict": "x"}]), "invalid_argument",
     "seals[1].verdict"),
    ("sign no bool", request(op="seal", seal=GOOD, sign=1), "invalid_argument", "sign"),
    ("read what", request(op="read"), "invalid_argument", None),
    ("read two ways", request(op="read", sequence=1, session_id="s"), "invalid_argument", None),
    ("sequence 0", request(op="read", sequence=0), "invalid_argument", "sequence"),
    ("a sequence beyond 63 bits", request(op="read", sequence=2**63), "invalid_argument", "sequence"),
    ("limit 0", request(op="list", limit=0), "invalid_argument", "limit"),
    ("limit 1001", request(op="list", limit=1001), "invalid_argument", "limit"),
    ("order sideways", request(op="list", order="sideways"), "invalid_argument", "order"),
    ("cursor negative", request(op="list", cursor=-1), "invalid_argument", "cursor"),
    ("a short timestamp", request(op="query", **{"from": "2026-01-01"}), "invalid_argument", "from"),
    ("a proof of nothing", request(op="proof"), "invalid_argument", "sequence"),
    ("consistency backwards", request(op="consistency", first=2, second=1), "invalid_argument", None),
    ("consistency negative", request(op="consistency", first=-1), "invalid_argument", "first"),
]


class MalformedTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vaultd = VaultdProcess("--log-level", "warning").start()
        cls.context = zmq.Context()
        cls.socket = cls.context.socket(zmq.DEALER)
        cls.socket.setsockopt(zmq.RCVTIMEO, 20_000)
        cls.socket.connect(cls.vaultd.requests)
        assert cls.ask(request(op="seal_batch", seals=[GOOD] * 3))["ok"]

    @classmethod
    def tearDownClass(cls):
        cls.context.destroy(linger=0)
        cls.vaultd.remove()

    @classmethod
    def ask(cls, message):
        cls.socket.send(message)
        # An id comes back byte for byte, even if it is not UTF-8.
        return msgpack.unpackb(cls.socket.recv(), unicode_errors="surrogateescape", strict_map_key=False)

    def test_each_gets_its_error_and_one_reply(self):
        for what, message, code, field in CASES:
            with self.subTest(what):
                reply = self.ask(message)
                self.assertIs(reply["ok"], False, reply)
                self.assertEqual(reply["error"]["code"], code, reply)
                if field is not None:
                    self.assertEqual(reply["error"].get("field"), field, reply)
                if code not in ("invalid_message",) and b"\xa2id\x09" in message:
                    self.assertEqual(reply["id"], 9, reply)
                self.assertTrue(reply["error"]["message"])
        with self.assertRaises(zmq.Again):
            self.socket.recv(zmq.NOBLOCK)
        self.assertTrue(self.ask(request(op="seal", seal=GOOD))["ok"])

    def test_an_empty_message_with_a_delimiter_is_answered(self):
        self.socket.send_multipart([b"", b""])
        reply = msgpack.unpackb(self.socket.recv_multipart()[-1])
        self.assertEqual(reply["error"]["code"], "invalid_message")

    def test_what_is_allowed_is_allowed(self):
        data = {"deep": nested(63), "big": 2**64 - 1, "small": -2**63, "float": 0.1, "empty": "", "non": "\ufffe",
                "list": [None, True, False, []], "": 0}
        receipt = self.ask(request(op="seal", seal={**GOOD, "seal_data": data, "x-raw": b"x"}, **{"x-trace": [1]}))
        self.assertTrue(receipt["ok"], receipt)
        entry = self.ask(request(op="read", sequence=receipt["result"]["sequence"]))["result"]["entry"]
        self.assertEqual(entry["seal_data"], data)

    def test_a_message_over_the_limit_names_it(self):
        reply = self.ask(request(op="seal", seal={**GOOD, "seal_data": {"k": "x" * (17 << 20)}}))
        self.assertEqual(reply["error"]["code"], "too_large")
        self.assertIn("max_message_bytes", reply["error"]["message"])
        self.assertIn(str(16 << 20), reply["error"]["message"])

    def test_random_damage_never_kills(self):
        import random
        source = random.Random(4)
        good = bytearray(sealing(seal_data={"a": [1, {"b": "c"}], "d": 0.5}))
        for _ in range(2_000):
            damaged = bytearray(good)
            for _ in range(source.randint(1, 4)):
                damaged[source.randrange(len(damaged))] = source.randrange(256)
            reply = self.ask(bytes(damaged))
            self.assertIn("ok", reply)
        self.assertTrue(self.ask(request(op="verify"))["result"]["valid"])

    def test_a_peer_that_never_reads_blocks_nobody(self):
        silent = self.context.socket(zmq.DEALER)
        silent.setsockopt(zmq.RCVHWM, 1)
        silent.connect(self.vaultd.requests)
        for _ in range(3_000):
            silent.send(request(op="head"))
        self.assertTrue(self.ask(request(op="seal", seal=GOOD))["ok"])
        silent.close(linger=0)


if __name__ == "__main__":
    unittest.main()
