"""The examples with curl in docs/web.md, run as a reader would; and its table of settings against --check-config."""
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vault_web import VaultWeb  # noqa: E402
from support.vaultd_process import SOURCE_DIR, VaultdProcess, clean_environment, program  # noqa: E402

PAGE = (SOURCE_DIR / "docs" / "web.md").read_text(encoding="utf-8")
SKIPPED = 77


class Examples(unittest.TestCase):
    def test_blocks(self):
        blocks = re.findall(r"^```sh web\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        self.assertEqual(1, len(blocks))
        with VaultdProcess() as vaultd, VaultWeb(vaultd, "--allow-seal", "--trust-local-users") as web:
            for block in blocks:
                block, replaced = re.subn(r"\bcurl -s\b", "curl -sSf", block)  # a refusal ends it
                self.assertGreater(replaced, 0)
                ran = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=vaultd.directory, capture_output=True, text=True,
                                     timeout=60, check=False, env={**clean_environment(), "WEB": web.url})
                self.assertEqual(0, ran.returncode, f"{block}\n{ran.stdout}\n{ran.stderr}")
            receipt = json.loads((vaultd.directory / "receipt.json").read_text())
            self.assertEqual((1, "release-42"), (receipt["sequence"], receipt["session_id"]))

    def test_settings(self):
        """Each is in the table, with its default."""
        section = PAGE.split("\n## Settings\n")[1].split("\n## ")[0]
        told = {name: default.strip(" `") for name, default in re.findall(r"^\| `(\w+)` \|([^|]*)\|", section, re.MULTILINE)}
        ran = subprocess.run([program("vault-web"), "--check-config"], capture_output=True, text=True, check=True, timeout=60,
                             env={key: value for key, value in clean_environment().items() if key != "PORT"})
        known = dict(re.findall(r"^(\w+) = (.*)$", ran.stdout, re.MULTILINE))
        self.assertGreater(len(known), 10, ran.stdout)
        self.assertEqual(set(known), set(told))
        for name, default in told.items():
            with self.subTest(name):
                here = known[name].strip("'\"[] ").strip("'\"")
                if default in ("", "made by itself"):
                    self.assertEqual("", here)
                else:
                    self.assertEqual({"0": "false"}.get(default, default), here)


if __name__ == "__main__":
    if not pathlib.Path(program("vault-web")).exists():
        print("skipped: this build has no vault-web", file=sys.stderr)
        sys.exit(SKIPPED)
    os.umask(0o022)
    unittest.main()
