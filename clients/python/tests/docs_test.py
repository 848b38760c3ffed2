"""Runs the code of docs/python.md and the examples, as a reader would, against a vaultd."""
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import setup_paths

from support.vaultd_process import BIN_DIR, VaultdProcess, clean_environment

setup_paths.need("cryptography")
BLOCK = re.compile(r"^```python live\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = setup_paths.HERE.parent / "examples"


def setUpModule():
    global vaultd
    vaultd = VaultdProcess()
    unittest.addModuleCleanup(vaultd.remove)
    vaultd.start()


class Docs(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.environment = {**clean_environment(), **setup_paths.child_environment(), "VAULT_ENDPOINT": vaultd.requests,
                            "VAULT_EVENTS": vaultd.events, "PATH": f"{BIN_DIR.resolve()}:{os.environ['PATH']}"}

    def run_python(self, *arguments, quiet=True):
        ran = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False,
                             cwd=self.directory.name, env=self.environment)
        self.assertEqual(0, ran.returncode, f"{arguments}\n{ran.stdout}\n{ran.stderr}")
        if quiet:
            self.assertEqual("", ran.stderr, arguments)
        return ran.stdout

    def test_the_page(self):
        blocks = BLOCK.findall((setup_paths.SOURCE_DIR / "docs" / "python.md").read_text(encoding="utf-8"))
        self.assertEqual(7, len(blocks))
        for block in blocks:
            with self.subTest(block=block):
                self.run_python("-c", block)
        self.assertEqual(0, vaultd.ctl("verify").returncode)

    def test_the_page_names_what_there_is(self):
        import vault999
        text = (setup_paths.SOURCE_DIR / "docs" / "python.md").read_text(encoding="utf-8")
        for name in vault999.__all__:
            if name[0].isupper() and issubclass(getattr(vault999, name), Exception) and name not in (
                    "InvalidMessage", "UnsupportedVersion", "UnknownOp", "Retryable"):
                self.assertIn(f"`{name}`", text)
        for example in EXAMPLES.glob("*.py"):
            self.assertIn(f"`{example.name}`", text)

    def test_script(self):
        self.assertRegex(self.run_python(EXAMPLES / "script.py", "42"), r"^#\d+ SEAL [0-9a-f]{16}…\n$")
        receipt = pathlib.Path(self.directory.name, "release-42.receipt.json")
        self.assertEqual("release-42", json.loads(receipt.read_text())["session_id"])
        vkey = vaultd.ctl("checkpoint", "--vkey").stdout.strip()
        self.assertEqual(0, vaultd.ctl("check-receipt", str(receipt), "--vkey", vkey).returncode)

    @unittest.skipUnless((BIN_DIR / "vault-mcp").exists(), "this build has no vault-mcp")
    def test_agent_loop(self):
        said = self.run_python(EXAMPLES / "agent_loop.py", pathlib.Path(self.directory.name, "outbox"),
                               quiet=False)  # vault-mcp says on stderr that it is there
        number = int(re.fullmatch(r"sealed as #(\d+)\n", said).group(1))
        entry = json.loads(vaultd.ctl("read", "--sequence", str(number), "--json").stdout)["entry"]
        self.assertEqual(("ticket-4711", "agent", "SABAR"), (entry["session_id"], entry["authority"], entry["verdict"]))
        session = json.loads(vaultd.ctl("read", "--session", "ticket-4711", "--json").stdout)["entries"]
        self.assertEqual(2, sum(one["authority"] == "agent-runtime" for one in session))

    @unittest.skipUnless(importlib.util.find_spec("fastapi") and importlib.util.find_spec("httpx"), "fastapi is not installed")
    def test_fastapi_app(self):
        code = """
import uuid, warnings
warnings.simplefilter("ignore")
from fastapi.testclient import TestClient
import fastapi_app
with TestClient(fastapi_app.app) as client:
    assert client.get("/ready").json() == {"ready": True}
    place = f"/decisions/{uuid.uuid4()}"
    made = client.put(place, params={"session_id": "s", "verdict": "SEAL"}, json={"amount": 12.5})
    assert made.status_code == 200 and made.json()["repeated"] is False, made.text
    assert client.put(place, params={"session_id": "s", "verdict": "SEAL"}, json={"amount": 12.5}).json()["repeated"] is True
    assert client.put(place, params={"session_id": "s", "verdict": "SEAL"}, json={"amount": 13}).status_code == 409
    assert client.put(place, params={"session_id": "s", "verdict": "NO"}, json={}).json()["field"] == "seal.verdict"
    assert client.get(place).json()["seal_data"] == {"amount": 12.5}
    assert client.get(f"/decisions/{uuid.uuid4()}").status_code == 404
"""
        self.environment["PYTHONPATH"] = os.pathsep.join([str(EXAMPLES), self.environment.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        self.run_python("-c", code)


if __name__ == "__main__":
    unittest.main()
