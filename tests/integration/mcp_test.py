"""vault-mcp with raw frames, on a vaultd: what passes unchanged, what is refused, and what a client may do to it."""
import contextlib
import json
import pathlib
import signal
import statistics
import subprocess
import sys
import threading
import time
import unittest
import uuid

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.mcp_process import META, McpProcess  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, program, sanitizer  # noqa: E402

MIB = 1 << 20
SEAL = {"session_id": "s", "authority": "a", "verdict": "SEAL"}


def seal_line(ident, data, **members):
    """A vault_seal whose seal_data is JSON text, as it is."""
    arguments = json.dumps({**SEAL, **members})[:-1] + f', "seal_data": {data}}}'
    return (f'{{"jsonrpc":"2.0","id":{ident},"method":"tools/call","params":{{"name":"vault_seal",'
            f'"arguments":{arguments}}}}}')


class RawFrames(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vaultd = VaultdProcess().start()

    @classmethod
    def tearDownClass(cls):
        cls.vaultd.remove()

    def setUp(self):
        self.mcp = self.start()

    def start(self, *arguments):
        mcp = McpProcess("--endpoint", self.vaultd.requests, *arguments)
        self.addCleanup(mcp.__exit__)
        mcp.initialize()
        return mcp

    def ctl(self, *arguments):
        return json.loads(self.vaultd.ctl("--json", *arguments).stdout)

    def test_what_was_sealed_is_what_vaultctl_reads(self):
        seal_id = str(uuid.uuid4())
        receipt = self.mcp.content("vault_seal", **{**SEAL, "session_id": "read"}, seal_id=seal_id,
                                   seal_data={"n": 2**64 - 1, "é": [0.1]})
        entry = self.mcp.content("vault_read", sequence=receipt["sequence"])
        self.assertEqual(self.ctl("read", "--sequence", str(receipt["sequence"])), entry)
        self.assertEqual(entry["entry"]["seal_data"], {"n": 2**64 - 1, "é": [0.1]})
        self.assertEqual(self.mcp.content("vault_list", limit=1), self.ctl("list", "--limit", "1"))
        self.assertEqual(self.mcp.content("vault_query", session_id="read", order="asc"),
                         self.ctl("query", "--session", "read", "--order", "asc"))
        self.assertTrue(self.mcp.content("vault_verify")["valid"])
        proof = self.mcp.content("vault_proof", sequence=str(receipt["sequence"]))
        self.assertEqual(proof["entry_hash"], receipt["entry_hash"])

    def test_payloads_are_exact_or_refused(self):
        for data, canonical in (('{"b":18446744073709551615,"a":-9223372036854775808}',
                                 '{"a":-9223372036854775808,"b":18446744073709551615}'),
                                ('{"a":9007199254740993}', '{"a":9007199254740993}'),
                                ('{"a":1.0,"e":1E400e}', None), ('{"a":1.0}', '{"a":1}')):
            self.mcp.send(seal_line(1, data))
            reply = self.mcp.receive()
            if canonical is None:
                self.assertEqual(reply["error"]["code"], -32700)
                continue
            ctl = self.vaultd.ctl("--json", "read", "--sequence",
                                  str(reply["result"]["structuredContent"]["sequence"]))
            self.assertIn(f'"seal_data":{canonical},', ctl.stdout)
        head = self.ctl("head")["sequence"]
        for data, field in (('{"a":1,"a":2}', "seal_data.a"), ('{"a":{"b":1,"\\u0062":1}}', "seal_data.a.b"),
                            ('{"a":18446744073709551616}', "seal_data.a"), ('{"a":"\\ud800"}', "seal_data.a"),
                            ('{"a":"\\u0000"}', "seal_data.a"), ("[]", "seal_data"), ("1e5", "seal_data"),
                            ('{"a":' + "[" * 64 + "]" * 64 + "}", "seal_data.a")):
            self.mcp.send(seal_line('"x"', data))
            reply = self.mcp.receive()
            self.assertEqual((reply["id"], reply["result"]["isError"]), ("x", True), data)
            self.assertTrue(reply["result"]["content"][0]["text"].startswith(field), reply)
        self.assertEqual(head, self.ctl("head")["sequence"])

    def test_split_and_joined_and_with_carriage_returns(self):
        line = '{"jsonrpc":"2.0","id":"é","method":"ping"}'.encode()
        for byte in line + b"\r\n":
            self.mcp.write(bytes([byte]))
            time.sleep(0.001)
        self.assertEqual(self.mcp.receive(), {"jsonrpc": "2.0", "id": "é", "result": {}})
        self.mcp.write(b"\r\n \n\n" + line + b"\n" + line + b"\r\n" + line[:10])
        self.assertEqual([self.mcp.receive()["id"], self.mcp.receive()["id"]], ["é", "é"])
        self.assertTrue(self.mcp.silent(0.1))
        self.mcp.write(line[10:])
        self.assertTrue(self.mcp.silent(0.1))
        self.assertEqual(self.mcp.end(), 0)  # the end of input ends the line as well
        self.assertEqual(self.mcp.receive()["id"], "é")
        self.assertIsNone(self.mcp.receive())

    def test_malformed_lines_harm_nobody(self):
        for line, code in ((b"{", -32700), (b"\xff\xfe", -32700), (b"\0", -32700), (b"[" * 100_000, -32700),
                           (b"[]", -32600), (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600)):
            self.mcp.write(line + b"\n")
            reply = self.mcp.receive()
            self.assertEqual((reply["error"]["code"], "id" in reply), (code, False))
        self.mcp.send('{"jsonrpc":"2.0","method":"nobody/knows"}')
        self.mcp.send('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}')
        self.assertEqual(self.mcp.ask("ping")["result"], {})

    def test_both_eras_on_one_connection(self):
        fresh = McpProcess("--endpoint", self.vaultd.requests)
        self.addCleanup(fresh.__exit__)
        found = fresh.ask("server/discover", {"_meta": META})["result"]
        self.assertEqual(found["supportedVersions"], ["2026-07-28"])
        result = fresh.ask("tools/call", {"name": "vault_list", "arguments": {}, "_meta": META})["result"]
        self.assertEqual((result["resultType"], result["isError"]), ("complete", False))
        self.assertEqual(fresh.ask("tools/list")["error"]["code"], -32602)
        fresh.initialize()
        self.assertNotIn("resultType", fresh.call("vault_list"))

    def test_a_mebibyte(self):
        fits = {"t": "x" * (MIB - len('{"t":""}'))}
        sequence = self.mcp.content("vault_seal", **SEAL, seal_data=fits)["sequence"]
        self.assertIn(f"`vaultctl read --sequence {sequence}`", self.mcp.refusal("vault_read", sequence=sequence))
        over = {"t": fits["t"] + "x"}
        self.assertIn("max_seal_bytes, 1048576", self.mcp.refusal("vault_seal", **SEAL, seal_data=over))
        half = self.mcp.content("vault_seal", **SEAL, seal_data={"t": "\\" * 300_000})["sequence"]
        self.assertIn("too_large", self.mcp.refusal("vault_read", sequence=half))
        readable = self.mcp.content("vault_seal", **SEAL, seal_data={"t": "x" * 500_000})["sequence"]
        self.assertEqual(500_000, len(self.mcp.content("vault_read", sequence=readable)["entry"]["seal_data"]["t"]))

    def test_a_line_beyond_all_bounds_is_refused_and_forgotten(self):
        chunk = b"x" * MIB
        for _ in range(200):
            self.mcp.write(chunk)
        self.mcp.write(b"\n")
        self.assertEqual(self.mcp.receive()["error"]["code"], -32600)
        self.assertEqual(self.mcp.ask("ping")["result"], {})
        self.assertLess(self.mcp.memory_kb(), 150_000)

    def test_pages_of_large_entries_are_cut_and_go_on(self):
        sealed = [self.mcp.content("vault_seal", **{**SEAL, "session_id": "large"}, seal_data={"t": "x" * 200_000})
                  ["sequence"] for _ in range(5)]
        for tool, arguments, expected in (("vault_query", {"session_id": "large"}, sealed[::-1]),
                                          ("vault_query", {"session_id": "large", "order": "asc"}, sealed),
                                          ("vault_read", {"session_id": "large"}, sealed)):
            seen, cursor, pages = [], {}, 0
            while cursor is not None:
                ident = self.mcp.request("tools/call", {"name": tool, "arguments": {**arguments, **cursor}})
                line = self.mcp.receive_line()
                self.assertLess(len(line), MIB)
                reply = json.loads(line)
                self.assertEqual(reply["id"], ident)
                page = reply["result"]["structuredContent"]
                seen += [entry["sequence"] for entry in page["entries"]]
                cursor = None if page["next_cursor"] is None else {"cursor": page["next_cursor"]}
                pages += 1
            self.assertEqual(seen, expected)
            self.assertGreater(pages, 2)

    def test_order_of_calls_is_kept(self):
        self.mcp.write(b"".join((seal_line(i, "{}", seal_id=str(uuid.UUID(int=i))) + "\n" + json.dumps(
            {"jsonrpc": "2.0", "id": i + 1, "method": "tools/call",
             "params": {"name": "vault_read", "arguments": {"seal_id": str(uuid.UUID(int=i))}}}) + "\n").encode()
            for i in range(1000, 1100, 2)))
        replies = [self.mcp.receive() for _ in range(100)]
        self.assertEqual([reply["id"] for reply in replies], list(range(1000, 1100)))
        self.assertFalse(any(reply["result"]["isError"] for reply in replies))

    def stall(self, count):
        """Sends `count` requests to a vault-mcp whose output nobody reads; returns the sending thread."""
        self.mcp.content("vault_seal", **SEAL, seal_data={"t": "x" * 20_000})
        params = {"name": "vault_list", "arguments": {"limit": 1}}
        requests = "".join(
            json.dumps({"jsonrpc": "2.0", "id": f"r{i}", "method": "tools/call", "params": params}) + "\n"
            for i in range(count)).encode()

        def send():
            try:
                self.mcp.write(requests)
            except OSError:  # vault-mcp has ended
                pass
        sender = threading.Thread(target=send)
        sender.start()
        sender.join(1)
        self.assertTrue(sender.is_alive(), "it goes on reading although nobody reads its replies")
        return sender

    def test_a_reader_that_stalls(self):
        self.stall(3_000)
        self.assertLess(self.mcp.memory_kb(), 60_000)
        seen = [self.mcp.receive()["id"] for _ in range(3_000)]
        self.assertEqual(seen, [f"r{i}" for i in range(3_000)])
        self.assertLess(self.mcp.memory_kb(), 60_000)
        self.assertEqual(self.mcp.end(), 0)

    def test_sigterm_while_the_reader_stalls(self):
        sender = self.stall(3_000)
        started = time.monotonic()
        self.assertEqual(self.mcp.end("term", 5), 0)
        self.assertLess(time.monotonic() - started, 3)
        sender.join()

    def test_the_end_of_input_while_the_reader_stalls(self):
        requests = [{"jsonrpc": "2.0", "id": i, "method": "tools/list"} for i in range(60)]
        self.mcp.write("".join(json.dumps(request) + "\n" for request in requests).encode())
        self.assertEqual(self.mcp.end(), 0)
        self.assertIn(b"giving up", self.mcp.process.stderr.read())

    def test_a_reader_that_goes_away(self):
        self.mcp.process.stdout.close()
        with contextlib.suppress(BrokenPipeError):  # it may be gone after the first
            for _ in range(3):
                self.mcp.request("ping")
        self.assertEqual(self.mcp.end(), 0)

    def test_the_end_of_input_lets_calls_finish(self):
        for i in range(20):
            self.mcp.send(seal_line(i, "{}"))
        self.mcp.request("tools/call", {"name": "vault_verify"})
        self.assertEqual(self.mcp.end(), 0)
        replies = [self.mcp.receive() for _ in range(21)]
        self.assertIsNone(self.mcp.receive())
        self.assertFalse(any(reply["result"]["isError"] for reply in replies))

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            mcp = self.start()
            mcp.process.send_signal(number)
            self.assertEqual(mcp.process.wait(5), 0)

    def test_a_read_costs_little_on_top(self):
        """Less than 5 ms more than vaultd's own time, measured on a plain producer's socket."""
        sequence = self.mcp.content("vault_seal", **SEAL, seal_data={"commit": "9f3c2ab"})["sequence"]
        context = zmq.Context()
        self.addCleanup(context.destroy, linger=0)
        plain = context.socket(zmq.REQ)
        plain.connect(self.vaultd.requests)
        self.addCleanup(plain.close)

        def ask_plainly():
            plain.send(msgpack.packb({"v": 1, "id": 1, "op": "read", "sequence": sequence}))
            msgpack.unpackb(plain.recv())

        def median_ms(ask):
            times = []
            for _ in range(200):
                started = time.perf_counter()
                ask()
                times.append(time.perf_counter() - started)
            return statistics.median(times) * 1000

        direct = median_ms(ask_plainly)
        through = median_ms(lambda: self.mcp.call("vault_read", sequence=sequence))
        print(f"a read: {direct:.2f} ms by ZeroMQ, {through:.2f} ms through vault-mcp", file=sys.stderr)
        self.assertLess(through - direct, 50 if sanitizer() else 5)


class CommandLine(unittest.TestCase):
    def run_mcp(self, *arguments, environment=None):
        return subprocess.run([program("vault-mcp"), *arguments], input="", capture_output=True, text=True, timeout=30,
                              check=False, env={**clean_environment(), **(environment or {})})

    def test_help_and_version(self):
        told = self.run_mcp("--help")
        self.assertEqual(0, told.returncode)
        for word in ("--endpoint", "--key-dir", "--timeout", "--version"):
            self.assertIn(word, told.stdout)
        self.assertRegex(self.run_mcp("--version").stdout, r"^vault-mcp \d+\.\d+\.\d+\n$")

    def test_wrong_usage(self):
        for arguments in (["--nope"], ["extra"], ["--timeout", "soon"], ["--timeout", "0"], ["--endpoint", "nowhere"],
                          ["--key-dir", "/nowhere"], ["--endpoint"]):
            ran = self.run_mcp(*arguments)
            self.assertEqual((2, ""), (ran.returncode, ran.stdout), arguments)
            self.assertTrue(ran.stderr.startswith("vault-mcp: "), ran.stderr)

    def test_without_input_it_ends_and_prints_nothing(self):
        for environment in ({}, {"VAULT_ENDPOINT": "ipc:///nowhere/requests"}):
            ran = self.run_mcp(environment=environment)
            self.assertEqual((0, ""), (ran.returncode, ran.stdout))
            self.assertIn(environment.get("VAULT_ENDPOINT", "ipc:///run/vaultd/requests"), ran.stderr)


if __name__ == "__main__":
    unittest.main()
