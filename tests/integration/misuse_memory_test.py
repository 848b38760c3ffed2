"""Whatever a peer does to a socket, vaultd's memory stays within what docs/operating.md states."""
import os
import pathlib
import re
import signal
import sys
import threading
import time
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VaultdProcess, free_ports, keeps_much, sanitizer  # noqa: E402
from support.zmtp_peer import RawPeer, frame  # noqa: E402

MIB = 1 << 20
PEAK_MIB = 700  # docs/operating.md, "Memory"


def peak_mib(vaultd):
    text = pathlib.Path(f"/proc/{vaultd.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", text).group(1)) / 1024


def request(op, **members):
    return msgpack.packb({"v": 1, "id": 1, "op": op, **members})


def seal(size, number=0):
    return {"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_data": {"n": number, "text": "x" * size}}


class MisuseCase(unittest.TestCase):
    arguments = ()

    def setUp(self):
        self.context = zmq.Context()
        self.vaultd = VaultdProcess("--log-level", "warning", *self.arguments)
        self.addCleanup(self.vaultd.remove)
        self.addCleanup(self.context.destroy, linger=0)
        self.start()

    def start(self):
        self.vaultd.start()

    def socket(self, kind, endpoint, **options):
        socket = self.context.socket(kind)
        for name, value in {"RCVTIMEO": 20_000, "SNDTIMEO": 20_000, **options}.items():
            socket.setsockopt(getattr(zmq, name), value)
        socket.connect(endpoint)
        return socket

    def ask(self, op, **members):
        with self.socket(zmq.REQ, self.vaultd.requests, LINGER=0) as socket:
            socket.send(request(op, **members))
            return msgpack.unpackb(socket.recv())

    def assert_peak_below(self, mib):
        peak = peak_mib(self.vaultd)
        print(f"{self.id()}: {peak:.0f} MiB", file=sys.stderr)
        if not keeps_much():
            self.assertLess(peak, mib * 1.5 if sanitizer() else mib)  # what was freed is kept back for a while


class OneMessageTest(MisuseCase):
    def setUp(self):
        self.port, = free_ports(1)
        self.tcp = f"tcp://127.0.0.1:{self.port}"
        super().setUp()

    def start(self):
        self.vaultd.arguments += ["--requests", self.tcp]
        self.vaultd.start()

    def test_a_message_of_endless_small_frames_is_cut_off(self):
        for what, endpoint, kind in (("requests", self.vaultd.requests, b"DEALER"),
                                     ("ingest", self.vaultd.ingest, b"PUSH"), ("tcp", self.tcp, b"DEALER")):
            for size in (0, 30, 200, 60_000):
                with self.subTest(what, size=size), RawPeer(endpoint, kind) as peer:
                    one = frame(b"x" * size, more=True)
                    sent = peer.send_for_ever(one * max(1, 60_000 // len(one)), 150 * MIB)
                    self.assertLess(sent, 80 * MIB)
        self.assertTrue(self.ask("seal", seal=seal(10))["ok"])
        self.assert_peak_below(250)

    def test_an_endless_frame_and_an_old_protocol_are_cut_off(self):
        with RawPeer(self.vaultd.requests) as peer:
            peer.socket.sendall(b"\x02" + (1 << 40).to_bytes(8, "big"))
            self.assertLess(peer.send_for_ever(b"x" * 60_000, 100 * MIB), 10 * MIB)
        with RawPeer(self.vaultd.requests) as peer:
            peer.socket.sendall(b"\x06" + (50 * MIB).to_bytes(8, "big"))  # a command
            self.assertLess(peer.send_for_ever(b"x" * 60_000, 50 * MIB), 10 * MIB)
        self.assertTrue(self.ask("status")["ok"])
        self.assert_peak_below(250)

    def test_an_envelope_has_a_limit(self):
        dealer = self.socket(zmq.DEALER, self.vaultd.requests, LINGER=0)
        dealer.send_multipart([b"e" * 1_024, b"", request("status")])
        self.assertTrue(msgpack.unpackb(dealer.recv_multipart()[-1])["ok"])
        for envelope in ([b"e" * 1_025], [b"e"] * 9):
            dealer.send_multipart([*envelope, request("status")])
            *echoed, reply = dealer.recv_multipart()
            error = msgpack.unpackb(reply)["error"]
            self.assertEqual((error["code"], echoed), ("too_large", envelope))
            self.assertIn("envelope", error["message"])
        for _ in range(10):
            dealer.send_multipart([b"e" * (80 * MIB), b"", request("seal", seal=seal(10))])
        time.sleep(1)
        self.assertTrue(self.ask("status")["ok"])
        self.assert_peak_below(250)


class EventsTest(MisuseCase):
    def test_topics_have_a_limit(self):
        def subscribe(topic):
            return frame(b"\x01" + topic)

        with RawPeer(self.vaultd.events, b"SUB") as peer:
            sent = peer.send_for_ever(subscribe(b"t" * (5 * MIB)), 5 * MIB)
        for size in (20, 900):
            with self.subTest(size=size), RawPeer(self.vaultd.events, b"SUB") as peer:
                sent = 0
                for number in range(200):
                    topics = (b"%07d" % (number * 1_000 + n) + b"x" * size for n in range(1_000))
                    sent += peer.send_for_ever(b"".join(map(subscribe, topics)), 1)
                self.assertLess(sent, 10 * MIB)
        subscriber = self.socket(zmq.SUB, self.vaultd.events, SNDHWM=0)
        for number in range(5_000):  # one after another is no misuse
            subscriber.subscribe(f"receipt.{number:0>30}")
            subscriber.unsubscribe(f"receipt.{number:0>30}")
        subscriber.subscribe("heartbeat")
        self.assertEqual(subscriber.recv_multipart()[0], b"heartbeat")
        self.assert_peak_below(150)


class SlowSubscriberTest(MisuseCase):
    arguments = ("--publish-payloads",)

    def test_who_does_not_read_is_cut_off_and_the_others_miss_nothing(self):
        count = 110
        reader = self.socket(zmq.SUB, self.vaultd.events, LINGER=0, RCVHWM=0)
        reader.subscribe("entry.")
        seen = []

        def read():
            while len(seen) < count:
                seen.append(msgpack.unpackb(reader.recv_multipart()[-1])["sequence"])

        with RawPeer(self.vaultd.events, b"SUB") as silent:
            silent.socket.sendall(frame(b"\x01"))
            time.sleep(1)
            reading = threading.Thread(target=read)
            reading.start()
            for number in range(count):
                self.assertTrue(self.ask("seal", seal=seal(900_000, number))["ok"])
            reading.join(60)
            self.assertEqual(seen, list(range(1, count + 1)))
            until = time.monotonic() + 10
            while self.ask("status")["result"]["counters"].get("peers_cut") != 1 and time.monotonic() < until:
                time.sleep(0.2)
            self.assertEqual(self.ask("status")["result"]["counters"]["peers_cut"], 1)
            while silent.socket.recv(1 << 20):  # what the kernel still held, then the end
                pass
        self.assert_peak_below(PEAK_MIB / 2)


class UnreadRepliesTest(MisuseCase):
    def test_three_hundred_unread_pages(self):
        for number in range(6):
            self.assertTrue(self.ask("seal", seal=seal(900_000, number))["ok"])
        silent = self.socket(zmq.DEALER, self.vaultd.requests, RCVHWM=1, LINGER=0)
        for _ in range(300):
            silent.send(request("list"))
        until = time.monotonic() + 30
        while self.ask("status")["result"]["counters"]["requests"] < 300 and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(3)
        other = [self.ask("list", limit=1), self.ask("seal", seal=seal(100))]
        self.assertTrue(all(reply["ok"] for reply in other), other)
        self.assert_peak_below(PEAK_MIB / 2)
        codes = []
        for _ in range(300):
            reply = msgpack.unpackb(silent.recv())
            codes.append("ok" if reply["ok"] else reply["error"]["code"])
        self.assertEqual(set(codes), {"ok", "busy"})

    def test_a_hundred_peers_that_read_nothing(self):
        for number in range(6):
            self.assertTrue(self.ask("seal", seal=seal(900_000, number))["ok"])
        silent = [self.socket(zmq.DEALER, self.vaultd.requests, RCVHWM=1, LINGER=0) for _ in range(100)]
        for peer in silent:
            for _ in range(3):
                peer.send(request("list"))
        time.sleep(4)
        self.assertTrue(self.ask("seal", seal=seal(100))["ok"])
        self.assert_peak_below(PEAK_MIB)


class PausedIngestTest(MisuseCase):
    def start(self):
        """No database answers: ingest is not read."""
        command = self.vaultd.command()
        command[command.index("--embedded"):command.index("--migrate")] = ["--database", "host=/nonexistent"]
        self.vaultd.command = lambda: command
        self.vaultd.start(wait=False)

    def test_producers_of_large_messages(self):
        for size, producers in ((MIB - 200, 2), (15 * MIB, 3)):
            body = request("seal", seal=seal(size))
            sockets = [self.socket(zmq.PUSH, self.vaultd.ingest, SNDHWM=10, LINGER=0, SNDTIMEO=1_500)
                       for _ in range(producers)]
            for socket in sockets:
                sent = 0
                try:
                    while sent < 600:
                        socket.send(body, copy=False)
                        sent += 1
                except zmq.Again:
                    pass
                self.assertLess(sent, 10 + 100 * MIB // size)  # its own mark, and what vaultd takes
        self.assertFalse(self.ask("status")["result"]["ready"])
        self.assert_peak_below(PEAK_MIB / 2)


class FrozenDatabaseTest(MisuseCase):
    """PostgreSQL does not answer, and hangs up on nobody: what waits for it is what `queue_bytes` allows."""

    arguments = ("--lease-timeout", "120s", "--request-timeout", "120s", "--shutdown-timeout", "1s")

    def signal_database(self, number):
        """To each of its processes; all have changed into its directory."""
        for one in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(one / "cwd") == str(self.vaultd.data / "data"):
                    os.kill(int(one.name), number)
            except OSError:  # it has ended
                pass

    def test_requests_and_ingest_that_wait_for_a_database_that_stands_still(self):
        self.assertTrue(self.ask("seal", seal=seal(10))["ok"])
        peers = [self.socket(zmq.DEALER, self.vaultd.requests, LINGER=0, SNDHWM=0) for _ in range(4)]
        producer = self.socket(zmq.PUSH, self.vaultd.ingest, LINGER=0, SNDHWM=10, SNDTIMEO=1_500)
        self.addCleanup(self.signal_database, signal.SIGCONT)
        self.signal_database(signal.SIGSTOP)
        body = request("seal", seal=seal(900_000))
        for _ in range(120):
            for peer in peers:
                peer.send(body, copy=False)
        try:
            for _ in range(400):
                producer.send(body, copy=False)
            self.fail("ingest takes everything")
        except zmq.Again:
            pass
        waiting, refused = 480, 0
        for peer in peers:  # nothing is sealed: all that is answered now is refused
            while peer.poll(5_000):
                self.assertEqual(msgpack.unpackb(peer.recv())["error"]["code"], "busy")
                waiting, refused = waiting - 1, refused + 1
        self.assertGreater(refused, 0)
        self.assertGreater(waiting, 100)
        status = self.ask("status")["result"]
        self.assertEqual(status["sequence"], 1)
        print(f"{waiting} requests of 0.9 MB wait, {refused} were refused", file=sys.stderr)
        self.assert_peak_below(PEAK_MIB)
        self.signal_database(signal.SIGCONT)
        self.assertTrue(msgpack.unpackb(peers[0].recv())["ok"])


if __name__ == "__main__":
    unittest.main()
