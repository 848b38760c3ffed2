"""Runs the examples of README.md and docs/ against a vaultd, as a reader would: blocks that begin with ```sh live or
```python live, each page's against a new ledger.

Run by CTest; by hand: VAULT_BIN_DIR=build/dev/bin python3 tests/integration/docs_examples_test.py
"""
import grp
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vaultd_process  # noqa: E402

BLOCK = re.compile(r"^```(sh|python) live\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DEFAULT_ENDPOINT = "ipc:///run/vaultd/"


class Examples(unittest.TestCase):
    def run_page(self, page, blocks_expected):
        text = (vaultd_process.SOURCE_DIR / page).read_text(encoding="utf-8")
        blocks = BLOCK.findall(text)
        self.assertEqual(blocks_expected, len(blocks), page)
        with vaultd_process.VaultdProcess() as vaultd, tempfile.TemporaryDirectory() as directory:
            environment = {**vaultd_process.clean_environment(), "VAULT_ENDPOINT": vaultd.requests,
                           "PATH": f"{vaultd_process.BIN_DIR.resolve()}:{os.environ['PATH']}",
                           "PYTHONPATH": str(vaultd_process.SOURCE_DIR / "clients" / "python")}
            for language, block in blocks:
                block = block.replace(DEFAULT_ENDPOINT, f"ipc://{vaultd.directory}/")
                command = ["bash", "-euo", "pipefail", "-c"] if language == "sh" else [sys.executable, "-B", "-c"]
                ran = subprocess.run([*command, block], capture_output=True, text=True, cwd=directory, timeout=60,
                                     env=environment, check=False)
                self.assertEqual(0, ran.returncode, f"{page}:\n{block}\n{ran.stdout}\n{ran.stderr}")
            status = vaultd.ctl("status", "--json")
            self.assertEqual([], json.loads(status.stdout)["alerts"])
            self.assertEqual(0, vaultd.ctl("verify").returncode)
            return json.loads(status.stdout)["sequence"]

    def test_readme(self):
        self.assertEqual(2, self.run_page("README.md", 2))

    def test_protocol(self):
        self.assertEqual(2, self.run_page("docs/protocol.md", 2))

    def test_legacy(self):
        self.assertEqual(1, self.run_page("docs/legacy.md", 2))

    def test_archive(self):
        self.assertEqual(4, self.run_page("docs/archive.md", 2))

    def test_mcp(self):
        self.assertEqual(1, self.run_page("docs/mcp.md", 1))


class HostConfiguration(unittest.TestCase):
    """The configuration of hosts in docs/mcp.md is JSON, and vault-mcp accepts the flags."""

    def test_blocks(self):
        text = (vaultd_process.SOURCE_DIR / "docs" / "mcp.md").read_text(encoding="utf-8")
        blocks = re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        self.assertEqual(2, len(blocks))
        told = subprocess.run([vaultd_process.program("vault-mcp"), "--help"], capture_output=True, text=True, timeout=30,
                              check=True, env=vaultd_process.clean_environment()).stdout
        for block in blocks:
            server = json.loads(block)["mcpServers"]["vault"]
            self.assertEqual("/usr/bin/vault-mcp", server["command"])
            for flag in server["args"][::2]:
                self.assertIn(f"{flag} ", told)
        self.assertNotIn("--key-dir", json.loads(blocks[0])["mcpServers"]["vault"]["args"])


class Settings(unittest.TestCase):
    """docs/operating.md names every setting of vaultd, with its default."""

    def test_settings_table(self):
        text = (vaultd_process.SOURCE_DIR / "docs" / "operating.md").read_text(encoding="utf-8")
        table = text[text.index("| setting | default | meaning |"):]
        table = table[:table.index("\n\n")]
        told = {}
        for line in table.splitlines()[2:]:
            names, default = line.split("|")[1:3]
            for name in re.findall(r"`(\w+)`", names):
                told[name] = default.strip().strip("`")
        shown = subprocess.run([vaultd_process.program("vaultd"), "--check-config", "--database", "postgresql:///x"],
                               capture_output=True, text=True, timeout=30, check=True,
                               env=vaultd_process.clean_environment())
        effective = dict(line.split(" = ", 1) for line in shown.stdout.splitlines())
        self.assertGreater(len(effective), 25)
        self.assertEqual(set(), set(effective) - set(told), "settings that operating.md does not mention")
        for name, value in effective.items():
            if name != "database" and value != '""' and name not in ("backend", "legacy_dir"):
                self.assertEqual(value.strip('"'), told[name].strip('"'), name)

    def test_example_file(self):
        text = (vaultd_process.SOURCE_DIR / "docs" / "operating.md").read_text(encoding="utf-8")
        example = re.search(r"^```toml\n(database.*?)^```$", text, re.MULTILINE | re.DOTALL).group(1)
        # A check inspects what the settings name: group and keys are this machine's.
        with tempfile.TemporaryDirectory() as keys, tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            subprocess.run([vaultd_process.program("vaultctl"), "keygen", "--curve", "-o", f"{keys}/server"], check=True,
                           capture_output=True, timeout=30, env=vaultd_process.clean_environment())
            os.mkdir(f"{keys}/clients")
            subprocess.run([vaultd_process.program("vaultctl"), "keygen", "--name", "a.example/log", "-o",
                            f"{keys}/signing.pem"], check=True, capture_output=True, timeout=30,
                           env=vaultd_process.clean_environment())
            example = re.sub(r'^signing_key = .*$', f'signing_key = "{keys}/signing.pem"', example, flags=re.MULTILINE)
            example = re.sub(r'^curve_server_key = .*$', f'curve_server_key = "{keys}/server/secret.toml"', example,
                             flags=re.MULTILINE)
            example = re.sub(r'^curve_clients = .*$', f'curve_clients = "{keys}/clients"', example, flags=re.MULTILINE)
            file.write(example.replace('"vault-clients"', f'"{grp.getgrgid(os.getgid()).gr_name}"'))
            file.flush()
            ran = subprocess.run([vaultd_process.program("vaultd"), "--check-config", "--config", file.name],
                                 capture_output=True, text=True, timeout=30, check=False,
                                 env=vaultd_process.clean_environment())
            self.assertEqual(0, ran.returncode, ran.stderr)


if __name__ == "__main__":
    sys.exit(unittest.main())
