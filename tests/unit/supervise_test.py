"""package/container/supervise, the first process of the container, with two programs that only pretend.

Run by CTest; by hand: python3 tests/unit/supervise_test.py
"""
import os
import pathlib
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUPERVISE = ROOT / "package" / "container" / "supervise"
WAIT_S = 30
# Records what it was given, then waits for a signal; `fail` beside it makes it end by itself.
PRETENDER = """#!/bin/bash
name=$(basename "$0")
trap 'echo TERM > '"$PWD"'/$name.told; exit 0' TERM
printf '%s\\n' "$@" > $name.arguments; env > $name.environment.part; mv $name.environment.part $name.environment
while [ ! -e $name.fail ]; do sleep 0.05; done
exit 3
"""


class Supervise(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        for name in ("vaultd", "vault-web"):
            (self.directory / name).write_text(PRETENDER)
            (self.directory / name).chmod(0o755)

    def start(self, **environment):
        process = subprocess.Popen([SUPERVISE], cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={
            "PATH": f"{self.directory}:/usr/bin:/bin", "VAULT_RUN_DIR": str(self.directory / "run"), "DATABASE_URL": "postgresql://u:secret@h/d", **environment})
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait, WAIT_S)
        self.addCleanup(process.terminate)  # and with it both others
        self.wait_for("vaultd.environment", "vault-web.environment")
        return process

    def wait_for(self, *names):
        until = time.monotonic() + WAIT_S
        while not all((self.directory / name).exists() for name in names):
            self.assertLess(time.monotonic(), until, names)
            time.sleep(0.02)

    def read(self, name):
        return (self.directory / name).read_text()

    def test_told_to_stop_it_stops_both(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.start()
            process.send_signal(number)
            self.assertEqual(0, process.wait(WAIT_S))
            self.wait_for("vaultd.told", "vault-web.told")
            for path in self.directory.glob("*.*"):
                path.unlink()

    def test_where_one_ends_it_ends_the_other(self):
        for name, other in (("vaultd", "vault-web"), ("vault-web", "vaultd")):
            process = self.start()
            (self.directory / f"{name}.fail").touch()
            self.assertEqual(3, process.wait(WAIT_S))
            self.wait_for(f"{other}.told")
            self.assertIn("exit code 3", process.stderr.read())
            for path in self.directory.glob("*.*"):
                path.unlink()

    def test_secrets_are_in_files(self):
        self.start(VAULT_SIGNING_KEY_PEM="-----BEGIN\nkey\n-----END", VAULT_WEB_TOKEN="t" * 40, VAULT_WEB_ALLOW_SEAL="1")
        self.assertIn("VAULT_WEB_ALLOW_SEAL", self.read("vault-web.environment"))
        self.assertNotIn("VAULT_WEB_ALLOW_SEAL", self.read("vaultd.environment"))
        for name, text in (("signing.pem", "-----BEGIN\nkey\n-----END\n"), ("web-token", "t" * 40 + "\n")):
            path = self.directory / "run" / name
            self.assertEqual(text, path.read_text())
            self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
        for name in ("vaultd", "vault-web"):
            environment = self.read(f"{name}.environment")
            self.assertNotIn("t" * 40, environment)
            self.assertNotIn("-----END", environment)
        self.assertIn(f"VAULT_SIGNING_KEY={self.directory}/run/signing.pem", self.read("vaultd.environment"))
        self.assertIn("secret", self.read("vaultd.environment"))
        self.assertNotIn("secret", self.read("vault-web.environment"))
        self.assertIn("--token-file", self.read("vault-web.arguments"))

    def test_without_a_token_strangers_see_what_is_public(self):
        self.start()
        self.assertIn("--public\n", self.read("vault-web.arguments"))
        self.assertNotIn("--token-file", self.read("vault-web.arguments"))
        self.assertIn("--migrate\n", self.read("vaultd.arguments"))

    def test_health(self):
        self.assertEqual(1, subprocess.run([SUPERVISE, "health"], env={"PATH": os.environ["PATH"], "PORT": "1"}, check=False,
                                           stderr=subprocess.DEVNULL).returncode)


if __name__ == "__main__":
    sys.exit(unittest.main())
