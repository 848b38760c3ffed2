"""The cost of pages: bytes and round trips between a reader and PostgreSQL, counted by a proxy between the two."""
import base64
import os
import pathlib
import socket
import sys
import threading
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.replicated_postgres import Server  # noqa: E402
from support.vaultd_process import VaultdProcess  # noqa: E402


class Questions:
    """Parses what a client sends to PostgreSQL, message by message, however it was split in transit."""

    def __init__(self):
        self.buffer = b""
        self.of_reader = False
        self.started = False
        self.snapshots = []  # queries in each of them

    def feed(self, data):
        self.buffer += data
        while True:
            head = 5 if self.started else 4  # the first message, with the parameters of the session, has no type
            if len(self.buffer) < head:
                return
            size = head - 4 + int.from_bytes(self.buffer[head - 4:head], "big")
            if len(self.buffer) < size:
                return
            self.take(self.buffer[:head - 4], self.buffer[head:size])
            self.buffer = self.buffer[size:]

    def take(self, kind, body):
        if not self.started:
            self.started = True
            self.of_reader = b"\0vaultd reader " in body  # not the auditor, which asks too
        elif kind == b"B" and body.split(b"\0")[1] == b"begin_snapshot":
            self.snapshots.append(0)
        elif kind in b"SQ" and self.snapshots:  # Sync, Query: what the server answers
            self.snapshots[-1] += 1


class CountingProxy:
    """On a unix socket beside the server's; counts the bytes sent to readers and their queries."""

    def __init__(self, server, directory):
        self.target = f"{server.run}/.s.PGSQL.5432"
        self.url = f"postgresql://postgres@/vault?host={directory}"
        self.answered = 0  # bytes
        self.sessions = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{directory}/.s.PGSQL.5432")
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            session = Questions()
            self.sessions.append(session)
            threading.Thread(target=self.pump, args=(client, server, session, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, session, False), daemon=True).start()

    def snapshots(self):
        """The number of queries in each of the readers' snapshots."""
        return [count for session in self.sessions if session.of_reader for count in session.snapshots]

    def pump(self, source, sink, session, question):
        try:
            while data := source.recv(1 << 20):
                if question:
                    session.feed(data)
                elif session.of_reader:
                    self.answered += len(data)
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class ProxiedVaultd(VaultdProcess):
    def __init__(self, server, proxy, *arguments):
        super().__init__(*arguments)
        self.server, self.proxy = server, proxy

    def command(self):
        command = super().command()
        at = command.index("--embedded")
        command[at:at + 2] = ["--database", self.server.url, "--reader-database", self.proxy.url]
        return command


class PagesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        Server.of_class(cls, "vault-page-")
        cls.proxy = CountingProxy(cls.server, cls.directory)
        cls.vaultd = ProxiedVaultd(cls.server, cls.proxy, "--readers", "1", "--audit-rate", "0")
        cls.addClassCleanup(cls.vaultd.remove)
        cls.vaultd.start()
        cls.socket = zmq.Context.instance().socket(zmq.REQ)
        cls.socket.setsockopt(zmq.LINGER, 0)
        cls.addClassCleanup(cls.socket.close)
        cls.socket.setsockopt(zmq.RCVTIMEO, 60_000)
        cls.socket.connect(cls.vaultd.requests)

    def ask(self, op, **arguments):
        """Returns the result, and the size of the reply."""
        self.socket.send(msgpack.packb({"v": 1, "id": 1, "op": op, **arguments}))
        body = self.socket.recv()
        reply = msgpack.unpackb(body)
        self.assertTrue(reply["ok"], reply.get("error"))
        return reply["result"], len(body)

    def seal(self, session, payloads):
        self.ask("seal_batch", seals=[{"session_id": session, "authority": "tester", "verdict": "SEAL", "seal_data": one}
                                      for one in payloads])

    def pages(self, op, **arguments):
        """Returns bytes read per byte returned, over all pages; the most queries that one took; the number of entries."""
        read = returned = entries = 0
        cursor = None
        before = len(self.proxy.snapshots())
        while True:
            answered = self.proxy.answered
            result, size = self.ask(op, **arguments, **({"cursor": cursor} if cursor else {}))
            read += self.proxy.answered - answered
            returned += size
            entries += len(result["entries"])
            cursor = result["next_cursor"]
            if cursor is None:
                return read / returned, max(self.proxy.snapshots()[before:]), entries

    def test_large_payloads_are_read_once(self):
        # Random ones, and ones that PostgreSQL compresses to a hundredth of their size.
        for name, payload in (("random", base64.b64encode(os.urandom(750_000)).decode()), ("alike", "x" * 1_000_000)):
            for _ in range(12):
                self.seal(name, [{"large": payload}])
            for arguments in ({"session_id": name}, {"session_id": name, "authority": "tester"}):
                for limit in (50, 1000):
                    ratio, _, entries = self.pages("query", limit=limit, **arguments)
                    self.assertEqual(entries, 12)
                    self.assertLessEqual(ratio, 1.5, f"{name} {arguments} {limit}")
        ratio, _, entries = self.pages("list", limit=10)
        print(f"bytes read per byte returned: {ratio:.2f}", file=sys.stderr)
        self.assertLessEqual(ratio, 1.5)

    def test_small_rows_take_few_questions(self):
        self.seal("small", [{"n": number} for number in range(1500)])
        ratio, questions, entries = self.pages("query", session_id="small", limit=1000)
        print(f"a page of 1,000 small rows: {questions} questions at most, {ratio:.2f} bytes a byte", file=sys.stderr)
        self.assertEqual(entries, 1500)
        self.assertLessEqual(questions, 6)
        _, questions, _ = self.pages("query", session_id="small")
        self.assertLessEqual(questions, 4)


if __name__ == "__main__":
    unittest.main()
