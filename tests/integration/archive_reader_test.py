"""An archive read by Go's golang.org/x/mod/sumdb (tlog, note): an independent tlog-tiles reader, with no knowledge of
ours.

Skipped (77) if Go or that package is missing: tools/install-deps --tests installs both.
"""
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support.vaultd_process import SOURCE_DIR, VaultdProcess, clean_environment, make_directory  # noqa: E402

GO_PATH = pathlib.Path("/usr/share/gocode")
VAULTD = VaultdProcess()


def setUpModule():
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()


class GoReader(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = make_directory("vault-reader-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.program = cls.directory / "tlog_reader"
        environment = {**clean_environment(), "GOPATH": str(GO_PATH), "GO111MODULE": "off", "GOFLAGS": "",
                       "GOCACHE": str(cls.directory / "cache"), "GOTOOLCHAIN": "local"}
        subprocess.run(["go", "build", "-o", cls.program, SOURCE_DIR / "tests" / "support" / "tlog_reader" / "main.go"],
                       env=environment, check=True, timeout=240)

    def read(self, archive, *sizes):
        return subprocess.run([self.program, archive, ledger.vkey_of(VAULTD), *map(str, sizes)], capture_output=True,
                              text=True, timeout=120, check=False)

    def test_archives_as_they_grow(self):
        sizes = []
        for kind in ((), ("--no-payloads",)):
            archive = self.directory / ("archive" + "".join(kind))
            for more in (1, 254, 1, 44, 1_000):
                ledger.seal_many(VAULTD, more)
                answer = VAULTD.ctl("archive", "--out", str(archive), *kind)
                self.assertEqual(answer.returncode, 0, answer.stderr)
                answer = self.read(archive, *sizes)
                self.assertEqual(answer.returncode, 0, answer.stderr)
                self.assertTrue(answer.stdout.startswith(f"{ledger.head(VAULTD)} entries, "), answer.stdout)
                sizes.append(ledger.head(VAULTD))

    def test_it_would_notice(self):
        archive = self.directory / "damaged"
        ledger.seal_many(VAULTD, 600)
        VAULTD.ctl("archive", "--out", str(archive))
        self.assertEqual(self.read(archive).returncode, 0)
        for name in ("tile/0/000", "tile/entries/001", "checkpoint"):
            good = (archive / name).read_bytes()
            (archive / name).write_bytes(good[:100] + bytes([good[100] ^ 1]) + good[101:])
            self.assertEqual(self.read(archive).returncode, 1, name)
            (archive / name).write_bytes(good)


if __name__ == "__main__":
    if shutil.which("go") is None or not (GO_PATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        print("skipped: no Go, or no golang.org/x/mod below /usr/share/gocode; run tools/install-deps --tests")
        sys.exit(77)
    unittest.main()
