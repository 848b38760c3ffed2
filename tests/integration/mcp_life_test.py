"""vault-mcp and the vaultd behind it: absent, stopped, hanging, slow, back again; keys that it does not know yet."""
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.mcp_process import McpProcess  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, free_ports, make_directory, program  # noqa: E402

SEAL = {"session_id": "s", "authority": "a", "verdict": "SEAL"}


class ComesAndGoes(unittest.TestCase):
    """A vaultd that is missing, stops, hangs and comes back under the same vault-mcp."""

    def setUp(self):
        self.vaultd = VaultdProcess()
        self.addCleanup(self.vaultd.remove)
        self.mcp = McpProcess("--endpoint", self.vaultd.requests, "--timeout", "3s")
        self.addCleanup(self.mcp.__exit__)

    def test_life_of_a_vaultd(self):
        self.mcp.initialize()
        started = time.monotonic()
        self.assertRegex(self.mcp.refusal("vault_list"), "^unavailable: vaultd does not answer at .*Start vaultd")
        self.assertLess(time.monotonic() - started, 2)
        self.assertEqual(6, len(self.mcp.ask("tools/list")["result"]["tools"]))
        self.vaultd.start()
        self.assertEqual(1, self.mcp.content("vault_seal", **SEAL, seal_data={})["sequence"])
        self.vaultd.stop()
        self.assertRegex(self.mcp.refusal("vault_read", sequence=1), "^(unavailable|deadline_exceeded): ")
        self.assertRegex(self.mcp.refusal("vault_read", sequence=1), "^unavailable: ")
        self.vaultd.start()
        self.assertEqual(1, self.mcp.content("vault_read", sequence=1)["entry"]["sequence"])
        self.hang()

    def hang(self):
        vaultd = self.vaultd.process
        vaultd.send_signal(signal.SIGSTOP)
        self.addCleanup(vaultd.send_signal, signal.SIGCONT)
        started = time.monotonic()
        text = self.mcp.refusal("vault_seal", **SEAL, seal_data={"once": True})
        self.assertLess(time.monotonic() - started, 5)
        self.assertRegex(text, "^deadline_exceeded: .* with the same content and seal_id [0-9a-f-]{36}: it is sealed")
        # A waiting call, even a verification, holds up no other part of the protocol.
        for tool in ("vault_verify", "vault_read"):
            self.mcp.request("tools/call", {"name": tool, "arguments": {"sequence": 1} if tool == "vault_read" else {}})
        self.assertEqual({}, self.mcp.ask("ping", timeout_s=1)["result"])
        vaultd.send_signal(signal.SIGCONT)
        self.assertEqual([False, False], [self.mcp.receive()["result"]["isError"] for _ in range(2)])
        seal_id = text.split("seal_id ")[-1][:36]
        self.mcp.content("vault_seal", **SEAL, seal_data={"once": True}, seal_id=seal_id)
        self.assertEqual(2, self.mcp.content("vault_list")["entries"][0]["sequence"])
        vaultd.send_signal(signal.SIGSTOP)
        self.mcp.request("tools/call", {"name": "vault_list"})
        time.sleep(0.2)
        self.assertEqual(0, self.mcp.end("term", 2))
        vaultd.send_signal(signal.SIGCONT)


class SlowVerification(unittest.TestCase):
    """A stand-in for a vaultd with a large ledger: verifies for `SECONDS`, reports progress, knows no entry."""

    SECONDS = 7  # more than vault-mcp waits at the end of its input without progress

    def setUp(self):
        self.directory = make_directory()
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.endpoint = f"ipc://{self.directory}/requests"
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.bind(self.endpoint)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        self.addCleanup(self.end)

    def end(self):
        self.stop.set()
        self.thread.join()
        self.context.destroy(linger=0)

    def serve(self):
        under_way = []  # peer, id, since when
        while not self.stop.is_set():
            if self.router.poll(200):
                *peer, body = self.router.recv_multipart()
                request = msgpack.unpackb(body)
                if request["op"] == "verify":
                    under_way.append((peer, request["id"], time.monotonic()))
                    continue
                error = {"code": "not_found", "message": "there is none", "retryable": False}
                self.reply(peer, request["id"], ok=False, error=error)
            for peer, ident, since in under_way:
                seconds = time.monotonic() - since
                if seconds < self.SECONDS:
                    self.reply(peer, ident, progress={"checked": int(seconds * 1000), "total": self.SECONDS * 1000})
            for peer, ident, since in [one for one in under_way if time.monotonic() - one[2] >= self.SECONDS]:
                under_way.remove((peer, ident, since))
                self.reply(peer, ident, ok=True, result={
                    "valid": True, "first_invalid_sequence": None, "reason": None, "checked": 7, "from": 1, "to": 7,
                    "head_hash": "0" * 64, "merkle_root": "0" * 64, "elapsed_ms": self.SECONDS * 1000})

    def reply(self, peer, ident, **members):
        self.router.send_multipart([*peer, msgpack.packb({"v": 1, "id": ident, **members})])

    def test_it_holds_up_nothing_and_tells_of_progress(self):
        with McpProcess("--endpoint", self.endpoint, "--timeout", "2s") as mcp:
            mcp.initialize()
            verify = mcp.request("tools/call", {"name": "vault_verify", "_meta": {"progressToken": "t"}})
            started = time.monotonic()
            mcp.refusal("vault_read", sequence=1)
            self.assertLess(time.monotonic() - started, 1)
            mcp.process.stdin.close()  # calls under way that make progress are waited for
            seen = []
            while (message := mcp.receive()).get("method") == "notifications/progress":
                self.assertGreaterEqual(time.monotonic() - started, 0.9)
                params = message["params"]
                self.assertEqual(("t", self.SECONDS * 1000), (params["progressToken"], params["total"]))
                seen.append(params["progress"])
            self.assertGreater(len(seen), 5)
            self.assertEqual(seen, sorted(set(seen)))
            self.assertEqual((verify, True), (message["id"], message["result"]["structuredContent"]["valid"]))
            self.assertIsNone(mcp.receive())
            self.assertEqual(0, mcp.process.wait(10))


class Curve(unittest.TestCase):
    def setUp(self):
        self.directory = make_directory()
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        for name in ("server", "host"):
            subprocess.run([program("vaultctl"), "keygen", "--curve", "-o", str(self.directory / name)], check=True,
                           capture_output=True, env=clean_environment())
        shutil.copy(self.directory / "server" / "public.toml", self.directory / "host" / "server.toml")
        (self.directory / "clients").mkdir()

    def allow(self, roles):
        public = (self.directory / "host" / "public.toml").read_text()
        (self.directory / "clients" / "host.toml").write_text(public.replace("roles = []", f"roles = {roles}"))

    def test_keys_and_roles(self):
        endpoint = f"tcp://127.0.0.1:{free_ports(1)[0]}"
        server_key, clients = self.directory / "server" / "secret.toml", self.directory / "clients"
        vaultd = VaultdProcess("--requests", endpoint, "--curve-server-key", str(server_key), "--curve-clients",
                               str(clients))
        self.addCleanup(vaultd.remove)
        vaultd.start()
        with McpProcess("--endpoint", endpoint, "--key-dir", str(self.directory / "host")) as mcp:
            mcp.initialize()
            self.assertRegex(mcp.refusal("vault_list"), "^forbidden: vaultd at tcp://.* refuses this client's key")
            self.allow('["reader"]')
            until = time.monotonic() + 20  # vaultd reads the directory by itself
            while mcp.call("vault_list")["isError"]:
                self.assertLess(time.monotonic(), until)
            self.assertRegex(mcp.refusal("vault_seal", **SEAL, seal_data={}), "^forbidden: ")
            self.assertEqual(0, mcp.end())


if __name__ == "__main__":
    unittest.main()
