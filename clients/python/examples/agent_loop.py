#!/usr/bin/env python3
"""An agent loop whose model uses the ledger through MCP, and whose own steps are sealed from outside the model.

The model sees the tools of vault-mcp and decides what to call. Every step that it takes is also kept in a Spool, under
an authority that the model cannot use: the agent's actions are on record whatever the model says, and even while vaultd
is away.

`think` stands for a language model: put yours there. VAULT_ENDPOINT says where vaultd is.
"""
import itertools
import json
import subprocess
import sys
import tempfile
from typing import Any, Callable, Dict, List

from vault999 import Spool

Message = Dict[str, Any]


class McpServer:
    """vault-mcp at the other end of two pipes: JSON-RPC, one message per line."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(["vault-mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ids = itertools.count(1)
        self.request("initialize", {"protocolVersion": "2025-06-18", "capabilities": {},
                                    "clientInfo": {"name": "agent-loop", "version": "1"}})
        self.send({"method": "notifications/initialized"})

    def send(self, message: Message) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def request(self, method: str, params: Message) -> Message:
        request_id = next(self.ids)
        self.send({"id": request_id, "method": method, "params": params})
        assert self.process.stdout is not None
        for line in self.process.stdout:
            reply = json.loads(line)
            if reply.get("id") == request_id:
                if "error" in reply:
                    raise RuntimeError(reply["error"]["message"])
                return reply["result"]
        raise RuntimeError("vault-mcp has gone")

    def tools(self) -> List[Message]:
        return self.request("tools/list", {})["tools"]

    def call(self, name: str, arguments: Message) -> Message:
        return self.request("tools/call", {"name": name, "arguments": arguments})

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)


def think(task: str, tools: List[Message], seen: List[Message]) -> Message:
    """A model in a few lines: reads earlier decisions, decides, seals the decision, and reports it."""
    if not seen:
        return {"tool": "vault_query", "arguments": {"session_id": task, "limit": 5}}
    if len(seen) == 1:
        before = len(seen[0]["structuredContent"]["entries"])
        return {"tool": "vault_seal", "arguments": {"session_id": task, "authority": "agent", "verdict": "SABAR",
                                                    "seal_data": {"why": "wait for a second look", "earlier": before}}}
    return {"answer": f"sealed as #{seen[-1]['structuredContent']['sequence']}"}


def run(task: str, model: Callable[[str, List[Message], List[Message]], Message], spool: Spool, steps_max: int = 10) -> str:
    server, seen = McpServer(), []
    try:
        tools = server.tools()
        for step in range(steps_max):
            decided = model(task, tools, seen)
            if "answer" in decided:
                return decided["answer"]
            spool.append(task, "agent-runtime", "SEAL", {"step": step, **decided})
            seen.append(server.call(decided["tool"], decided["arguments"]))
            if seen[-1].get("isError"):
                raise RuntimeError(seen[-1]["content"][0]["text"])
        return "gave up"
    finally:
        server.close()


if __name__ == "__main__":
    with Spool(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="agent-outbox-")) as outbox:
        print(run("ticket-4711", think, outbox))
        if not outbox.flush(30):
            print(f"{outbox.pending} steps wait for vaultd", file=sys.stderr)
