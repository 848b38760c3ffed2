"""Over tcp with CURVE: keys as `vaultctl keygen --curve` writes them, roles, and refusals that name the cause at once."""
import asyncio
import shutil
import subprocess
import time
import unittest

import setup_paths  # noqa: F401

from support.vaultd_process import VaultdProcess, clean_environment, free_ports, make_directory, program
from vault999 import AsyncVault, Forbidden, InvalidArgument, Unavailable, Vault, VaultError


def keygen(directory):
    subprocess.run([program("vaultctl"), "keygen", "--curve", "-o", str(directory)], check=True, capture_output=True,
                   env=clean_environment())


class Curve(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = make_directory()
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        clients = cls.directory / "clients"
        clients.mkdir()
        keygen(cls.directory / "server")
        for name, roles in (("producer", ["producer"]), ("reader", ["reader"]), ("stranger", None), ("wrong", ["reader"])):
            keygen(cls.directory / name)
            public = (cls.directory / name / "public.toml").read_text()
            if roles is not None:
                roles_text = ", ".join(f'"{role}"' for role in roles)
                (clients / f"{name}.toml").write_text(public.replace("roles = []", f"roles = [{roles_text}]"))
            server = cls.directory / ("stranger" if name == "wrong" else "server") / "public.toml"
            shutil.copy(server, cls.directory / name / "server.toml")
        requests, ingest, events = (f"tcp://127.0.0.1:{port}" for port in free_ports(3))
        cls.vaultd = VaultdProcess("--curve-server-key", str(cls.directory / "server" / "secret.toml"), "--curve-clients",
                                   str(clients), "--requests", requests, "--ingest", ingest, "--events", events)
        cls.endpoint, cls.events = requests, events
        cls.addClassCleanup(cls.vaultd.remove)
        cls.vaultd.start()

    def vault(self, name, **more):
        vault = Vault(self.endpoint, key_dir=None if name is None else self.directory / name, **more)
        self.addCleanup(vault.close)
        return vault

    def test_roles(self):
        receipt = self.vault("producer").seal("s", "a", "SEAL", {})
        self.assertEqual(receipt.entry_hash, self.vault("reader").read(receipt.sequence).entry_hash)
        with self.assertRaises(Forbidden):
            self.vault("producer").read(1)
        with self.assertRaises(Forbidden):
            self.vault("reader").seal("s", "a", "SEAL", {})

        async def run():
            async with AsyncVault(self.endpoint, key_dir=self.directory / "producer") as vault:
                return [one async for one in vault.seal_many([{"session_id": "s", "authority": "a", "verdict": "SEAL",
                                                               "seal_data": {"n": n}} for n in range(300)])]

        self.assertEqual(300, len(asyncio.run(run())))

    def test_a_wrong_key_is_told_at_once(self):
        for name, kind, text in (("stranger", Forbidden, "does not know this client's key"), ("wrong", VaultError, "server.toml"),
                                 (None, VaultError, "CURVE")):
            begun = time.monotonic()
            with self.assertRaisesRegex(kind, text):
                self.vault(name, timeout=60, connect_timeout=60).status()
            self.assertLess(time.monotonic() - begun, 30, name)

            async def run():
                async with AsyncVault(self.endpoint, key_dir=None if name is None else self.directory / name, timeout=60,
                                      connect_timeout=60) as vault:
                    await vault.status()

            with self.assertRaisesRegex(kind, text):
                asyncio.run(run())

    def test_the_events_socket_is_told_at_once(self):
        for make in (Vault, AsyncVault):
            begun = time.monotonic()
            with self.assertRaisesRegex(Unavailable, "or this is vaultd's events socket"):
                vault = make(self.events, key_dir=self.directory / "reader", timeout=60, connect_timeout=60)
                if make is Vault:
                    self.addCleanup(vault.close)
                    vault.status()
                else:
                    asyncio.run(vault.status())
            self.assertLess(time.monotonic() - begun, 30)

    def test_a_key_that_is_registered_later_is_found(self):
        """ZeroMQ does not try again by itself."""
        keygen(self.directory / "late")
        shutil.copy(self.directory / "server" / "public.toml", self.directory / "late" / "server.toml")
        vault = self.vault("late", timeout=60)
        with self.assertRaises(Forbidden):
            vault.status()
        public = (self.directory / "late" / "public.toml").read_text()
        (self.directory / "clients" / "late.toml").write_text(public.replace("roles = []", 'roles = ["reader"]'))
        until = time.monotonic() + 60
        while True:
            try:
                vault.status()
                break
            except Forbidden:
                self.assertLess(time.monotonic(), until)
                time.sleep(0.2)

    def test_a_key_on_ipc_is_not_used(self):
        # Access is decided by the socket file's mode and group.
        with VaultdProcess() as other, Vault(other.requests, key_dir=self.directory / "producer") as vault:
            self.assertEqual(0, vault.head().sequence)

    def test_key_files(self):
        for name, text in (("nowhere", "No such file"), ("server", "server.toml: No such file")):
            with self.assertRaisesRegex(InvalidArgument, text):
                self.vault(name)
        broken = self.directory / "broken"
        shutil.copytree(self.directory / "reader", broken, dirs_exist_ok=True)
        (broken / "server.toml").write_text('public_key = "short"\n')
        with self.assertRaisesRegex(InvalidArgument, "5 characters instead of 40"):
            self.vault("broken")
        (broken / "server.toml").write_text('# nothing\n')
        with self.assertRaisesRegex(InvalidArgument, "there is no public_key"):
            self.vault("broken")

    def test_nobody_listens(self):
        port, = free_ports(1)
        with self.assertRaisesRegex(Unavailable, "Connection refused"):
            Vault(f"tcp://127.0.0.1:{port}", key_dir=self.directory / "reader", connect_timeout=0.3).status()


if __name__ == "__main__":
    unittest.main()
