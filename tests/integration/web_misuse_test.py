"""Misbehaving clients cost others nothing: heads drop by drop, bodies without end, malformed messages, streams that
nobody reads. Meanwhile a well-behaved client is answered, vault-web's memory stays small, and vaultd does not notice.
"""
import json
import os
import pathlib
import random
import resource
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support.vault_web import VaultWeb  # noqa: E402
from support.vaultd_process import VaultdProcess  # noqa: E402
from support.web_client import ask, connect, read_answer, request_text  # noqa: E402

VAULTD = VaultdProcess()
# The long form has 10,000 of each.
SLOW = int(os.environ.get("VAULT_WEB_SLOW", "3000"))
MALFORMED = int(os.environ.get("VAULT_WEB_MALFORMED", "2000"))
OPEN_AT_ONCE = 2_000  # vault-web's own limit is 1,024
SANITIZED = any(name in os.environ.get("VAULT_BIN_DIR", "") for name in ("asan", "tsan"))


def setUpModule():
    unittest.addModuleCleanup(VAULTD.remove)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    VAULTD.start()
    ledger.seal_many(VAULTD, 300)


def resident_mib(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1_024


class Neighbour:
    """Sends requests all the while, from another thread; slow or wrong answers are kept."""

    def __init__(self, port):
        self.port, self.answers, self.problems = port, 0, []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                answer = ask(self.port, "GET", "/tile/0/000")
                if answer.status != 200:
                    self.problems.append(answer.status)
            except (OSError, AssertionError) as error:
                self.problems.append(error)
            else:
                self.answers += 1
            if time.monotonic() - began > 10:
                self.problems.append(f"{time.monotonic() - began:.1f} s")
            time.sleep(0.02)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


class MisuseTest(unittest.TestCase):
    def setUp(self):
        self.web = self.enterContext(VaultWeb(VAULTD, "--trust-local-users", "--allow-seal"))
        ask(self.web.port, "GET", "/tile/0/000")
        self.before = resident_mib(self.web.process)

    def check_memory(self, more_mib):
        if not SANITIZED:
            self.assertLess(resident_mib(self.web.process) - self.before, more_mib)

    def check_vaultd(self):
        status = json.loads(VAULTD.ctl("status", "--json").stdout)
        self.assertTrue(status["ready"])
        self.assertLess(status["counters"].get("malformed", 0), 1)

    def test_heads_drop_by_drop(self):
        """More connections than allowed, each with a head that is never complete."""
        peers = []
        self.addCleanup(lambda: [peer.close() for peer in peers])
        with Neighbour(self.web.port) as neighbour:
            for _ in range(SLOW):
                peer = socket.socket()
                peer.setblocking(False)
                peer.connect_ex(("127.0.0.1", self.web.port))
                peers.append(peer)
                if len(peers) > OPEN_AT_ONCE:
                    peers.pop(0).close()
                try:
                    peers[-1].send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
                except OSError:
                    pass
                if len(peers) % 100 == 0:
                    time.sleep(0.005)
            # In the first second all connections are taken; then the slowest make room, one for each that comes.
            time.sleep(1.5)
            neighbour.problems, refused = [], neighbour.problems
            time.sleep(1)
        self.assertGreater(neighbour.answers, 0)
        self.assertEqual([p for p in refused if p != 503 and not isinstance(p, ConnectionError)], [], "refused")
        self.assertEqual(neighbour.problems, [], "when it was over")
        self.check_memory(60)
        self.check_vaultd()

    def test_bodies_without_end(self):
        """A GiB that is announced, and one that is not."""
        piece = b"x" * 65_536
        with Neighbour(self.web.port) as neighbour:
            for headers in ({"Content-Length": str(1 << 30)}, {"Transfer-Encoding": "chunked"}):
                with connect(self.web.port) as peer:
                    peer.sendall(request_text("POST", "/api/v1/seals", {"Content-Type": "application/json", **headers}))
                    sent = 0
                    try:
                        while sent < (1 << 30):
                            peer.sendall(b"10000\r\n" + piece + b"\r\n" if "Transfer-Encoding" in headers else piece)
                            sent += len(piece)
                    except OSError:
                        pass
                    self.assertLess(sent, 128 << 20, "it was taken to the end")
        self.assertEqual(neighbour.problems, [])
        self.check_memory(60)
        self.check_vaultd()

    def test_messages_that_are_none(self):
        rng = random.Random(7)
        good = request_text("GET", "/api/v1/entries?verdict=VOID&limit=3", {"Accept": "*/*"})
        with Neighbour(self.web.port) as neighbour:
            for number in range(MALFORMED):
                text = bytearray(good)
                for _ in range(rng.randrange(1, 6)):
                    text[rng.randrange(len(text))] = rng.randrange(256)
                text = bytes(text[:rng.randrange(1, len(text) + 1)]) if number % 3 == 0 else bytes(text)
                with connect(self.web.port) as peer:
                    try:
                        peer.sendall(text + b"\r\n\r\n")
                        peer.shutdown(socket.SHUT_WR)
                        if number % 50 == 0:
                            peer.settimeout(30)
                            peer.recv(65_536)
                    except OSError:
                        pass
        self.assertEqual(neighbour.problems, [])
        self.assertEqual(ask(self.web.port, "GET", "/healthz").status, 200)
        self.check_memory(60)
        self.check_vaultd()

    def test_streams_that_nobody_reads(self):
        """A follower that accepts nothing costs a bounded number of bytes, and does not delay the entries of others."""
        peers = [connect(self.web.port) for _ in range(20)]
        self.addCleanup(lambda: [peer.close() for peer in peers])
        for peer in peers:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            peer.sendall(request_text("GET", "/api/v1/events", {"Last-Event-ID": "0"}))
        with Neighbour(self.web.port) as neighbour:
            for _ in range(10):
                ledger.seal_many(VAULTD, 2_000, lambda i: {"n": i})
        self.assertEqual(neighbour.problems, [])
        self.check_memory(120)
        self.check_vaultd()

    def test_a_thousand_connections(self):
        peers = []
        self.addCleanup(lambda: [peer.close() for peer in peers])
        for _ in range(1_000):
            peers.append(connect(self.web.port))
            peers[-1].sendall(request_text("GET", "/healthz"))
        for peer in peers:
            with peer.makefile("rb") as file:
                self.assertEqual(read_answer(file).status, 200)
        if not SANITIZED:
            self.assertLess(resident_mib(self.web.process), 60)


if __name__ == "__main__":
    unittest.main()
