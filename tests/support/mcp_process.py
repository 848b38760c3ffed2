"""A vault-mcp at the other end of two pipes, for tests that speak raw frames.

    with McpProcess("--endpoint", vaultd.requests) as mcp:
        mcp.initialize()
        mcp.call("vault_read", sequence=1)      # the tools/call result
        mcp.send('{"jsonrpc":...}')             # a line as it is
        mcp.receive()                           # the next message
"""
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import time

from support.vaultd_process import clean_environment, end_with_parent, program

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


class McpProcess:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([program("vault-mcp"), *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment(),
                                        preexec_fn=end_with_parent)
        self.input, self.output = self.process.stdin.fileno(), self.process.stdout.fileno()
        self.buffer = b""
        self.last_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()

    def write(self, data):
        """Raw bytes; blocks if vault-mcp does not read."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.input, view):]

    def send(self, line):
        self.write((line if isinstance(line, str) else json.dumps(line)).encode() + b"\n")

    def receive_line(self, timeout_s=60):
        """The next line, without its end; None at the end of output."""
        until = time.monotonic() + timeout_s
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.output], [], [], max(0, until - time.monotonic()))
            if not ready:
                raise TimeoutError(f"no line within {timeout_s} s")
            data = os.read(self.output, 1 << 20)
            if not data:
                assert not self.buffer, f"an unfinished line: {self.buffer!r}"
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def receive(self, timeout_s=60):
        line = self.receive_line(timeout_s)
        return None if line is None else json.loads(line)

    def silent(self, seconds):
        """True if nothing arrives for this long."""
        return not self.buffer and not select.select([self.output], [], [], seconds)[0]

    def request(self, method, params=None, **members):
        self.last_id += 1
        self.send({"jsonrpc": "2.0", "id": self.last_id, "method": method,
                   **({} if params is None else {"params": params}), **members})
        return self.last_id

    def ask(self, method, params=None, timeout_s=60):
        """The reply to a request, which must be the next message."""
        ident = self.request(method, params)
        reply = self.receive(timeout_s)
        assert reply["id"] == ident, reply
        return reply

    def initialize(self):
        reply = self.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                        "clientInfo": {"name": "raw", "version": "1"}})
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return reply["result"]

    def call(self, name, timeout_s=60, **arguments):
        return self.ask("tools/call", {"name": name, "arguments": arguments}, timeout_s)["result"]

    def content(self, name, **arguments):
        """The structured content of a call that must succeed."""
        result = self.call(name, **arguments)
        assert not result["isError"], result
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
        return result["structuredContent"]

    def refusal(self, name, **arguments):
        """The text of a call that must be refused."""
        result = self.call(name, **arguments)
        assert result["isError"] and "structuredContent" not in result, result
        return result["content"][0]["text"]

    def end(self, how="eof", timeout_s=20):
        """Closes stdin, or sends SIGTERM; the exit code."""
        if how == "eof":
            self.process.stdin.close()
        else:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def memory_kb(self):
        """Resident memory at its highest; 0 with a sanitizer, which keeps freed memory on purpose."""
        if re.search(r"lib[at]san", pathlib.Path(f"/proc/{self.process.pid}/maps").read_text(encoding="utf-8")):
            return 0
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"^VmHWM:\s+(\d+)", status, re.MULTILINE).group(1))
