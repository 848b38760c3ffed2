"""vault-mcp and the official clients of the Model Context Protocol, both eras (mcp_clients/clients.mjs).

Needs Node 18 or newer and npm, which fetches the clients once, in fixed versions, into the build directory. Without
them, or if no registry can be reached, the test is skipped.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import npm_packages  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, make_directory, program  # noqa: E402

CLIENTS = pathlib.Path(__file__).resolve().parent / "mcp_clients"
SKIPPED = 77
NODE_MAJOR_MIN = 18


def skip(why):
    print(f"skipped: {why}", file=sys.stderr)
    sys.exit(SKIPPED)


def find_node():
    node = shutil.which("node")
    if node is None:
        skip("Node with npm is not installed (tools/install-deps does it)")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < NODE_MAJOR_MIN:
        skip(f"the official MCP clients need Node {NODE_MAJOR_MIN} or newer, this is {version}")
    return node


def fetch_clients():
    """The directory with clients.mjs and node_modules beside it."""
    try:
        directory = npm_packages.fetch("mcp_clients", CLIENTS / "package.json")
    except npm_packages.Unavailable as why:
        skip(str(why))
    shutil.copy(CLIENTS / "clients.mjs", directory)
    return directory


class OfficialClients(unittest.TestCase):
    node = directory = None

    def run_clients(self, phase, endpoint):
        ran = subprocess.run([self.node, str(self.directory / "clients.mjs"), phase, program("vault-mcp"), endpoint],
                             capture_output=True, text=True, timeout=120, check=False,
                             env=clean_environment())
        self.assertEqual(0, ran.returncode, f"{ran.stdout}\n{ran.stderr}")
        self.assertEqual(4, ran.stdout.count("as it should be"), ran.stdout)

    def test_with_a_ledger(self):
        with VaultdProcess() as vaultd:
            self.run_clients("healthy", vaultd.requests)
            vaultd.sql("""
                ALTER TABLE vault_ledger DISABLE TRIGGER ALL;
                UPDATE vault_ledger SET seal_data = NULL, data_salt = NULL, data_hash = encode(sha256(
                  data_salt || convert_to('{"n":[1,0.5,null],"é":"🔒"}', 'UTF8')), 'hex') WHERE sequence = 1;
                UPDATE vault_ledger SET authority = 'someone' WHERE sequence = 2;""")
            self.run_clients("tampered", vaultd.requests)

    def test_without_a_database(self):
        directory = make_directory()
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        requests = f"ipc://{directory}/requests"
        with open(directory / "log", "wb") as log:
            vaultd = subprocess.Popen([program("vaultd"), "--legacy-dir", str(directory / "vault"),
                                       "--requests", requests, "--ingest", f"ipc://{directory}/ingest",
                                       "--events", f"ipc://{directory}/events"],
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                      env={**clean_environment(), "VAULT_BACKEND": "legacy"})
        self.addCleanup(vaultd.wait, 30)
        self.addCleanup(vaultd.terminate)
        waited = subprocess.run([program("vaultctl"), "--endpoint", requests, "status"], timeout=60, check=False,
                                capture_output=True, env=clean_environment())
        self.assertEqual(0, waited.returncode, waited.stderr)
        self.run_clients("emergency", requests)

    def test_without_vaultd(self):
        with tempfile.TemporaryDirectory() as directory:
            self.run_clients("absent", f"ipc://{directory}/requests")


if __name__ == "__main__":
    OfficialClients.node = find_node()
    OfficialClients.directory = fetch_clients()
    unittest.main()
