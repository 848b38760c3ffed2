"""A peer that sends too much, too large, too often or under another peer's name does not keep others waiting."""
import pathlib
import re
import resource
import socket as plain_sockets
import sys
import time
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import BIN_DIR, VaultdProcess, free_ports, sanitizer  # noqa: E402

MIB = 1 << 20
# The bounds are for a release build. A build without optimisation, or with sanitizers, gets more time.
SLOWNESS = 1 if "release" in BIN_DIR.parts else 8 if {"asan", "tsan"} & set(BIN_DIR.parts) else 2


def request(op, ident=1, **members):
    return msgpack.packb({"v": 1, "id": ident, "op": op, **members})


def seal(data):
    return {"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_data": data}


def structured(size):
    """A payload of many small values, which are the most expensive to decode."""
    return {"rows": [[n, f"name {n}", {"score": n / 7, "ok": True}] for n in range(int(size) // 34)]}


class TurnsCase(unittest.TestCase):
    def start(self, *arguments, **limits):
        vaultd = VaultdProcess("--log-level", "warning", *arguments)
        self.context = zmq.Context()
        self.addCleanup(vaultd.remove)
        self.addCleanup(self.context.destroy, linger=0)
        if limits:
            command = vaultd.command()
            vaultd.command = lambda: ["prlimit", f"--nofile={limits['soft']}:{limits['hard']}", *command]
        self.vaultd = vaultd
        return vaultd.start()

    def socket(self, kind=zmq.DEALER, endpoint=None, **options):
        socket = self.context.socket(kind)
        for name, value in {"RCVTIMEO": 20_000, "SNDTIMEO": 20_000, "LINGER": 0, **options}.items():
            socket.setsockopt(getattr(zmq, name), value)
        socket.connect(endpoint or self.vaultd.requests)
        return socket

    @staticmethod
    def reply(socket):
        return msgpack.unpackb(socket.recv_multipart()[-1])

    def ask(self, socket, op, **members):
        socket.send(request(op, **members))
        return self.reply(socket)

    def longest_wait(self, socket, seconds):
        """Asks for the status again and again; returns the longest time in s that an answer took."""
        longest, until = 0.0, time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.monotonic()
            self.ask(socket, "status")
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.01)
        return longest


class LargeMessagesTest(TurnsCase):
    def test_seventy_large_batches_do_not_hold_up_a_status(self):
        self.start()
        batch = request("seal_batch", seals=[seal(structured(500_000)) for _ in range(30)])
        self.assertGreater(len(batch), 14 * MIB)
        one, many = self.socket(), self.socket(SNDHWM=100)
        self.ask(one, "status")
        epoch = self.ask(one, "status")["result"]["writer_epoch"]
        for _ in range(70):
            many.send(batch, copy=False)
        longest = self.longest_wait(one, 6)
        status = self.ask(one, "status")["result"]
        print(f"longest wait for a status: {longest:.2f} s, of {len(batch)} bytes", file=sys.stderr)
        self.assertLess(longest, 0.5 * SLOWNESS)
        self.assertEqual((status["writer_epoch"], status["role"]), (epoch, "writer"))
        codes = set()
        for _ in range(70):
            reply = self.reply(many)
            codes.add("ok" if reply["ok"] else reply["error"]["code"])
        late = {"deadline_exceeded"} if sanitizer() else set()  # seventy of these take such a program that long
        self.assertLessEqual(codes, {"ok", "busy"} | late)
        self.assertIn("ok", codes)

    def test_one_message_of_sixteen_mib(self):
        self.start("--max-seal-bytes", str(16 * MIB))
        one, large = self.socket(), self.socket()
        self.ask(one, "status")
        for what, data, outcome in (("the largest structure that is taken", structured(9.1 * MIB), None),
                                    ("a structure", structured(14.4 * MIB), "too_large"),
                                    ("a text", {"text": "x" * (16 * MIB - 200)}, None)):
            message = request("seal", seal=seal(data))
            self.assertLess(len(message), 16 * MIB)
            large.send(message, copy=False)
            longest = self.longest_wait(one, 2)
            print(f"{what}: longest wait {longest:.3f} s, of {len(message)} bytes", file=sys.stderr)
            reply = self.reply(large)
            with self.subTest(what):
                self.assertLess(longest, 0.25 * SLOWNESS)
                self.assertEqual(reply.get("error", {}).get("code"), outcome, reply)


class SwellingNumbersTest(TurnsCase):
    def test_a_payload_just_under_the_bound_is_read_soon(self):
        self.start()
        one = self.socket()
        count = 4 * MIB // 326  # 5e-324 is 6 bytes of canonical text and 326 of jsonb's
        data = {"numbers": [5e-324] * (count - 1), "text": "x" * (MIB - 7 * count - 40)}
        self.assertTrue(self.ask(one, "seal", seal=seal(data))["ok"])
        more = self.ask(one, "seal", seal=seal({"numbers": [5e-324] * (count + 1)}))
        self.assertEqual((more["error"]["code"], more["error"]["field"]), ("too_large", "seal.seal_data"))
        self.assertTrue(self.ask(one, "seal", seal=seal({"numbers": list(range(100_000)), "text": "x" * (MIB // 3)}))["ok"])
        times = {1: [], 2: []}  # the second is an ordinary payload, by which this machine is measured
        for sequence in (1, 2) * 10:
            began = time.monotonic()
            one.send(request("read", sequence=sequence))
            answer = one.recv_multipart(copy=False)[-1]
            times[sequence].append(time.monotonic() - began)
            self.assertGreater(len(answer.bytes), MIB // 2)
        stored = int(self.vaultd.sql("SELECT octet_length(seal_data::text) FROM vault_ledger WHERE sequence = 1")[0][0])
        soon, ordinary = min(times[1]), min(times[2])
        print(f"read in {soon:.3f} s, an ordinary payload in {ordinary:.3f} s, {stored} bytes from the database", file=sys.stderr)
        self.assertTrue(soon < 0.05 * SLOWNESS or soon < 3 * ordinary, f"{soon:.3f} s, and {ordinary:.3f} s")
        self.assertLess(stored, 8_000_000)


class NamesTest(TurnsCase):
    def test_a_new_connection_takes_its_routing_id_over(self):
        self.start()
        hangs = self.socket(IDENTITY=b"producer-1")
        self.assertTrue(self.ask(hangs, "status")["ok"])
        again = self.socket(IDENTITY=b"producer-1", RCVTIMEO=5_000)
        for _ in range(3):
            self.assertTrue(self.ask(again, "seal", seal=seal({}))["ok"])

    def test_a_probe_is_no_request(self):
        self.start()
        for kind in (zmq.REQ, zmq.DEALER):
            probing = self.socket(kind, PROBE_ROUTER=1)
            time.sleep(0.2)
            self.assertTrue(self.ask(probing, "head")["ok"])
            self.assertEqual(probing.poll(200), 0)


class DescriptorsTest(TurnsCase):
    def connections(self, endpoint, count):
        """As many as the kernel allows, kept open."""
        made = []
        for _ in range(count):
            if endpoint.startswith("ipc://"):
                one = plain_sockets.socket(plain_sockets.AF_UNIX)
                address = endpoint[6:]
            else:
                one = plain_sockets.socket()
                address = ("127.0.0.1", int(endpoint.rsplit(":", 1)[1]))
            one.setblocking(False)
            try:
                one.connect(address)
            except BlockingIOError:
                pass  # the listener's queue is full for now
            made.append(one)
            self.addCleanup(one.close)
            if len(made) % 50 == 0:
                time.sleep(0.05)
        return made

    def processor_s(self):
        fields = pathlib.Path(f"/proc/{self.vaultd.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def check_goes_on(self, established):
        self.assertTrue(self.ask(established, "seal", seal=seal({}))["ok"])
        before = self.processor_s()
        time.sleep(2)
        self.assertLess(self.processor_s() - before, 1)  # it does not spin
        self.assertTrue(self.ask(established, "seal", seal=seal({}))["ok"])
        self.assertIsNone(self.vaultd.process.poll())

    def test_tcp_connections_beyond_the_descriptors_are_refused(self):
        port, = free_ports(1)
        self.start("--requests", f"tcp://127.0.0.1:{port}", soft=120, hard=120)
        established = self.socket()
        self.ask(established, "status")
        crowd = self.connections(f"tcp://127.0.0.1:{port}", 160)
        self.check_goes_on(established)
        for one in crowd:
            one.close()
        time.sleep(0.5)
        self.assertTrue(self.ask(self.socket(), "status")["ok"])

    def test_ipc_connections_beyond_max_peers_are_refused(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (4_096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        self.start(soft=1_024, hard=1_024)
        established = self.socket()
        self.ask(established, "status")
        self.connections(self.vaultd.requests, 1_100)
        self.check_goes_on(established)
        self.assertIn("connections refused", self.vaultd.log_tail())

    def test_the_soft_limit_is_raised_to_the_hard_one(self):
        self.start(soft=256, hard=2_048)
        limits = pathlib.Path(f"/proc/{self.vaultd.process.pid}/limits").read_text()
        self.assertRegex(limits, re.compile(r"Max open files\s+2048\s+2048"))


if __name__ == "__main__":
    unittest.main()
