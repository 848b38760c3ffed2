"""nginx and Caddy accept the blocks in docs/monitoring.md. Each is skipped if it is not installed."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(os.environ.get("VAULT_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
PATH = f"{os.environ['PATH']}:/usr/sbin"
NGINX, CADDY = shutil.which("nginx", path=PATH), shutil.which("caddy", path=PATH)


def block(language):
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    found, = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return found


class Proxies(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def run_program(self, *command):
        ran = subprocess.run(command, cwd=self.directory, capture_output=True, text=True, timeout=60, check=False,
                             env={**os.environ, "HOME": str(self.directory), "XDG_DATA_HOME": str(self.directory)})
        self.assertEqual(0, ran.returncode, ran.stdout + ran.stderr)

    @unittest.skipUnless(NGINX, "nginx is not installed")
    def test_nginx(self):
        certificate, key = self.directory / "certificate.pem", self.directory / "key.pem"
        self.run_program("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-subj", "/CN=vault.example.org",
                         "-keyout", str(key), "-out", str(certificate))
        text = block("nginx")
        for written, here in (("/var/cache/nginx/vault", self.directory / "cache"), ("/etc/ssl/vault.example.org.pem", certificate),
                              ("/etc/ssl/vault.example.org.key", key),
                              ("listen 443 ssl", f"listen unix:{self.directory}/socket ssl")):  # -t binds, too
            self.assertIn(written, text)
            text = text.replace(written, str(here))
        (self.directory / "nginx.conf").write_text(f"pid {self.directory}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{text}}}\n")
        self.run_program(NGINX, "-t", "-p", str(self.directory), "-c", str(self.directory / "nginx.conf"))

    @unittest.skipUnless(CADDY, "caddy is not installed")
    def test_caddy(self):
        (self.directory / "Caddyfile").write_text(block("caddy"))
        self.run_program(CADDY, "validate", "--config", "Caddyfile", "--adapter", "caddyfile")


if __name__ == "__main__":
    sys.exit(unittest.main())
