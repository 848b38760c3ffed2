"""Permissions: CURVE on tcp, roles, authorities, keys that change while vaultd runs, and modes of ipc sockets."""
import os
import pathlib
import stat
import subprocess
import sys
import time
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.curve_peer import CurvePeer  # noqa: E402
from support.vaultd_process import (VaultdProcess, clean_environment, free_ports, keeps_much,  # noqa: E402
                                    make_directory, program)

SEAL = {"session_id": "s", "authority": "deploy", "verdict": "SEAL", "seal_data": {}}


def write_client(directory, name, public, roles, authorities=None):
    text = f'public_key = "{public.decode()}"\nroles = {roles!r}\n'
    if authorities is not None:
        text += f"authorities = {authorities!r}\n"
    (directory / f"{name}.toml").write_text(text.replace("'", '"'))


class CurveTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = make_directory()
        cls.clients = cls.directory / "clients"
        cls.clients.mkdir()
        cls.server_public, server_secret = zmq.curve_keypair()
        server = cls.directory / "server.toml"
        server.write_text(f'public_key = "{cls.server_public.decode()}"\nsecret_key = "{server_secret.decode()}"\n')
        server.chmod(0o600)
        cls.keys = {name: zmq.curve_keypair() for name in ("producer", "bound", "reader", "admin", "stranger", "late")}
        write_client(cls.clients, "producer", cls.keys["producer"][0], ["producer"])
        write_client(cls.clients, "bound", cls.keys["bound"][0], ["producer"], ["review"])
        write_client(cls.clients, "reader", cls.keys["reader"][0], ["reader"])
        write_client(cls.clients, "admin", cls.keys["admin"][0], ["admin"])
        cls.requests, cls.ingest, cls.events = (f"tcp://127.0.0.1:{port}" for port in free_ports(3))
        cls.vaultd = VaultdProcess("--curve-server-key", str(server), "--curve-clients", str(cls.clients),
                                   "--requests", cls.requests, "--ingest", cls.ingest, "--events", cls.events).start()
        cls.context = zmq.Context()

    @classmethod
    def tearDownClass(cls):
        cls.context.destroy(linger=0)
        cls.vaultd.remove()

    def connect(self, kind, endpoint, key, timeout_ms=10_000):
        socket = self.context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVTIMEO, timeout_ms)
        if key is not None:
            socket.curve_serverkey = self.server_public
            socket.curve_publickey, socket.curve_secretkey = self.keys[key]
        if kind == zmq.SUB:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(endpoint)
        self.addCleanup(socket.close)
        return socket

    def ask(self, key, timeout_ms=10_000, **members):
        socket = self.connect(zmq.REQ, self.requests, key, timeout_ms)
        socket.send(msgpack.packb({"v": 1, "id": 1, **members}))
        return msgpack.unpackb(socket.recv())

    def code(self, *arguments, **members):
        reply = self.ask(*arguments, **members)
        return "ok" if reply["ok"] else reply["error"]["code"]

    def test_roles(self):
        self.assertEqual(self.code("producer", op="seal", seal=SEAL), "ok")
        self.assertEqual(self.code("producer", op="list"), "forbidden")
        self.assertEqual(self.code("reader", op="list"), "ok")
        self.assertEqual(self.code("reader", op="seal", seal=SEAL), "forbidden")
        self.assertEqual(self.code("admin", op="seal", seal=SEAL), "ok")
        self.assertEqual(self.code("admin", op="verify"), "ok")

    def test_a_producer_bound_to_an_authority(self):
        self.assertEqual(self.code("bound", op="seal", seal=SEAL), "forbidden")
        self.assertEqual(self.code("bound", op="seal", seal={**SEAL, "authority": "review"}), "ok")
        reply = self.ask("bound", op="seal_batch", seals=[{**SEAL, "authority": "review"}, SEAL])
        self.assertEqual((reply["error"]["code"], reply["error"]["field"]), ("forbidden", "seals[1].authority"))

    def test_an_unknown_key_and_no_key_get_no_answer(self):
        for key in ("stranger", None):
            with self.assertRaises(zmq.Again):
                self.ask(key, 1_500, op="head")

    def test_a_message_that_does_not_end_is_cut_off(self):
        """Encrypted data cannot be counted in messages, but is bounded nevertheless."""
        before = self.peak_mib()
        for endpoint, kind, size in ((self.requests, b"DEALER", 2_000), (self.requests, b"DEALER", 60_000),
                                     (self.ingest, b"PUSH", 60_000)):
            with self.subTest(kind, size=size), CurvePeer(endpoint, self.server_public, self.keys["producer"], kind) as peer:
                sent = peer.send_frames_for_ever(size, 200 << 20)
                self.assertLess(sent, 100 << 20)
        self.assertEqual(self.code("producer", op="seal", seal=SEAL), "ok")
        if not keeps_much():
            self.assertLess(self.peak_mib() - before, 150)

    def test_a_subscriber_with_a_key_has_a_limit_of_topics_too(self):
        other = self.connect(zmq.SUB, self.events, "reader", 10_000)
        before, cut = self.peak_mib(), self.counter("peers_cut")
        greedy = self.connect(zmq.SUB, self.events, "reader")
        for number in range(20_000):
            greedy.setsockopt(zmq.SUBSCRIBE, f"receipt.{number:0900}".encode())
        until = time.monotonic() + 30
        while self.counter("peers_cut") == cut and time.monotonic() < until:
            time.sleep(0.1)
        greedy.close(linger=0)
        self.assertGreater(self.counter("peers_cut"), cut)
        if not keeps_much():
            self.assertLess(self.peak_mib() - before, 60)
        while other.poll(0):
            other.recv_multipart()
        self.assertTrue(other.recv_multipart(), "others go on hearing")

    def counter(self, name):
        return self.ask("reader", op="status")["result"]["counters"].get(name, 0)

    def peak_mib(self):
        status = pathlib.Path(f"/proc/{self.vaultd.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1_024

    def test_the_events_socket_is_for_readers(self):
        self.assertTrue(self.connect(zmq.SUB, self.events, "reader").recv_multipart())
        with self.assertRaises(zmq.Again):
            self.connect(zmq.SUB, self.events, "producer", 2_500).recv_multipart()

    def test_keys_come_and_go_without_a_restart(self):
        with self.assertRaises(zmq.Again):
            self.ask("late", 1_000, op="head")
        write_client(self.clients, "late", self.keys["late"][0], ["reader"])
        socket = self.connect(zmq.REQ, self.requests, "late")
        socket.send(msgpack.packb({"v": 1, "id": 1, "op": "head"}))
        deadline = time.monotonic() + 15
        while True:  # a refused client does not reconnect by itself: a new one tries each second
            try:
                if self.code("late", 1_500, op="head") == "ok":
                    break
            except zmq.Again:
                self.assertLess(time.monotonic(), deadline)
        open_socket = self.connect(zmq.REQ, self.requests, "late")
        open_socket.send(msgpack.packb({"v": 1, "id": 1, "op": "head"}))
        self.assertTrue(msgpack.unpackb(open_socket.recv())["ok"])
        (self.clients / "late.toml").unlink()
        time.sleep(2.5)
        open_socket.send(msgpack.packb({"v": 1, "id": 1, "op": "head"}))
        self.assertEqual(msgpack.unpackb(open_socket.recv())["error"]["code"], "forbidden")

    def test_the_log_says_that_the_self_test_took_place(self):
        self.assertIn("an unknown key is turned away", self.vaultd.log_path.read_text())

    def test_ipc_is_open_to_its_group_and_closed_to_others(self):
        mode = stat.S_IMODE((self.vaultd.directory / "requests").stat().st_mode)
        self.assertEqual(mode, 0o660)

    def test_bare_tcp_beyond_loopback_is_refused_at_start(self):
        directory = make_directory()
        self.addCleanup(subprocess.run, ["rm", "-rf", str(directory)], check=False)
        run = subprocess.run([program("vaultd"), "--embedded", str(directory / "data"), "--state-dir",
                              str(directory / "state"), "--requests", "tcp://0.0.0.0:5999"],
                             capture_output=True, text=True, timeout=60, check=False, env=clean_environment())
        self.assertEqual(run.returncode, 2)
        self.assertIn("tcp://0.0.0.0:5999", run.stderr + run.stdout)


if __name__ == "__main__":
    unittest.main()
