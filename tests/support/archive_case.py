"""Shared by the tests of archives: a separate directory, and vaultctl run against the vaultd under test."""
import json
import shutil
import unittest

from support import archive_ledger as ledger
from support.vaultd_process import make_directory


class ArchiveCase(unittest.TestCase):
    vaultd = None  # a running VaultdProcess

    def setUp(self):
        self.directory = make_directory("vault-archive-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.out = self.directory / "archive"

    def run_ctl(self, code, *arguments, **more):
        answer = self.vaultd.ctl(*map(str, arguments), **more)
        self.assertEqual(answer.returncode, code, f"{arguments}\nstdout: {answer.stdout}\nstderr: {answer.stderr}")
        return answer

    def json(self, code, *arguments):
        answer = self.run_ctl(code, *arguments, "--json")
        self.assertEqual(answer.stderr, "")
        return json.loads(answer.stdout)

    def archive(self, *more, out=None):
        return self.json(0, "archive", "--out", out or self.out, *more)

    def check(self, code=0, out=None, vkey=None):
        return self.json(code, "check-archive", out or self.out, "--vkey", vkey or ledger.vkey_of(self.vaultd))
