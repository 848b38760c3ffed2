"""Over CURVE: what a key with the role `public` gets from vaultd, and a vault-web that has such a key, or a reader's."""
import json
import pathlib
import shutil
import sys
import time
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vault_web import VaultWeb  # noqa: E402
from support.vaultd_process import VaultdProcess, free_ports, make_directory  # noqa: E402
from support.web_client import ask  # noqa: E402

SEAL = {"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_data": {}}
SEALED = 3
ROLES = {"stranger": ["public"], "reader": ["reader"], "producer": ["producer"]}


class OverCurve(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = make_directory()
        cls.addClassCleanup(shutil.rmtree, cls.directory, True)
        (cls.directory / "clients").mkdir()
        cls.server_public, secret = zmq.curve_keypair()
        server = cls.directory / "server.toml"
        server.write_text(f'public_key = "{cls.server_public.decode()}"\nsecret_key = "{secret.decode()}"\n')
        server.chmod(0o600)
        cls.keys = {name: zmq.curve_keypair() for name in ROLES}
        for name, (public, secret) in cls.keys.items():
            (cls.directory / "clients" / f"{name}.toml").write_text(
                f'public_key = "{public.decode()}"\nroles = {json.dumps(ROLES[name])}\n')
            own = cls.directory / name
            own.mkdir()
            (own / "secret.toml").write_text(f'public_key = "{public.decode()}"\nsecret_key = "{secret.decode()}"\n')
            (own / "secret.toml").chmod(0o600)
            (own / "server.toml").write_text(f'public_key = "{cls.server_public.decode()}"\n')
        cls.endpoints = dict(zip(("requests", "ingest", "events"), (f"tcp://127.0.0.1:{port}" for port in free_ports(3))))
        cls.vaultd = VaultdProcess("--curve-server-key", str(server), "--curve-clients", str(cls.directory / "clients"),
                                   *(part for name, endpoint in cls.endpoints.items() for part in (f"--{name}", endpoint)))
        cls.addClassCleanup(cls.vaultd.remove)
        cls.vaultd.start()
        cls.context = zmq.Context()
        cls.addClassCleanup(cls.context.destroy, 0)
        for _ in range(SEALED):
            assert cls.ask("producer", op="seal", seal=SEAL)["ok"]
        until = time.monotonic() + 30
        while cls.ask("reader", op="checkpoint").get("result", {}).get("tree_size") != SEALED:
            assert time.monotonic() < until, "no checkpoint"

    @classmethod
    def connect(cls, kind, socket_name, key, timeout_ms=20_000):
        socket = cls.context.socket(kind)
        socket.linger, socket.rcvtimeo = 0, timeout_ms
        socket.curve_serverkey = cls.server_public
        socket.curve_publickey, socket.curve_secretkey = cls.keys[key]
        if kind == zmq.SUB:
            socket.subscribe(b"")
        socket.connect(cls.endpoints[socket_name])
        return socket

    @classmethod
    def ask(cls, key, **members):
        with cls.connect(zmq.REQ, "requests", key) as socket:
            socket.send(msgpack.packb({"v": 1, "id": 1, **members}))
            return msgpack.unpackb(socket.recv())

    def test_a_stranger_sees_what_is_public(self):
        status = self.ask("stranger", op="status")["result"]
        self.assertEqual({"role", "ready", "sequence"}, set(status))
        self.assertEqual(SEALED, self.ask("stranger", op="checkpoint")["result"]["tree_size"])
        tile = {"op": "tile", "level": 0, "index": 0, "width": SEALED}
        self.assertEqual(self.ask("reader", **tile)["result"], self.ask("stranger", **tile)["result"])
        bundle = {"op": "entry_bundle", "index": 0, "width": SEALED}
        self.assertEqual(self.ask("reader", **bundle)["result"], self.ask("stranger", **bundle)["result"])

    def test_a_stranger_sees_nothing_else(self):
        for request in ({"op": "head"}, {"op": "list"}, {"op": "read", "sequence": 1}, {"op": "proof", "sequence": 1},
                        {"op": "verify"}, {"op": "consistency", "first": 1, "second": 2}, {"op": "seal", "seal": SEAL},
                        {"op": "seal_batch", "seals": [SEAL]}):
            with self.subTest(request["op"]):
                reply = self.ask("stranger", **request)
                self.assertFalse(reply["ok"])
                self.assertIn(reply["error"]["code"], ("forbidden", "unknown_op"))
        with self.connect(zmq.SUB, "events", "stranger", 2_500) as events, self.assertRaises(zmq.Again):
            events.recv_multipart()
        with self.connect(zmq.PUSH, "ingest", "stranger") as ingest:
            ingest.send(msgpack.packb({"v": 1, "seal": SEAL}))  # into a pipe that leads nowhere
            time.sleep(1)
        self.assertEqual(SEALED, self.ask("reader", op="head")["result"]["sequence"])

    def web(self, key, *arguments):
        class Endpoints:
            requests, events, directory = self.endpoints["requests"], self.endpoints["events"], self.vaultd.directory
        return VaultWeb(Endpoints, "--key-dir", str(self.directory / key), *arguments, name=f"web-{key}")

    def ready(self, web):
        until = time.monotonic() + 30
        while (answer := web.get("/readyz"))[0] != 200:
            self.assertLess(time.monotonic(), until, answer)
            time.sleep(0.1)

    def test_a_vault_web_for_strangers(self):
        with self.web("stranger", "--public") as web:
            self.ready(web)
            self.assertEqual(200, web.get("/checkpoint")[0])
            self.assertEqual(200, ask(web.port, "GET", f"/tile/0/000.p/{SEALED}").status)
            self.assertEqual(200, ask(web.port, "GET", f"/tile/entries/000.p/{SEALED}").status)
            self.assertNotEqual(200, web.get("/api/v1/entries/1")[0])
            self.assertIsNone(web.process.poll())

    def test_a_vault_web_with_a_readers_key(self):
        with self.web("reader", "--trust-local-users") as web:
            self.ready(web)
            status, _, body = web.get("/api/v1/entries/1")
            self.assertEqual(200, status, body)
            self.assertEqual(1, json.loads(body)["entry"]["sequence"])
            self.assertIn("vault_ready 1", web.get("/metrics")[2])


if __name__ == "__main__":
    unittest.main()
