"""vaultctl check-archive: any change in an archive is found, and the file is named.

Run by CTest with VAULT_BIN_DIR; by hand the same way.
"""
import pathlib
import random
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support.archive_case import ArchiveCase  # noqa: E402
from support.vaultd_process import VaultdProcess  # noqa: E402

VAULTD = VaultdProcess()


def setUpModule():
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()
    ledger.seal_many(VAULTD, 1_100)


class Damage(ArchiveCase):
    vaultd = VAULTD

    def setUp(self):
        super().setUp()
        self.archive()
        for more in (3, 300):  # superseded partial tiles and bundles
            ledger.seal_many(VAULTD, more)
            self.archive()
        self.vkey = ledger.vkey_of(VAULTD)
        self.check()

    def expect(self, name, kind, what):
        report = self.check(1)
        self.assertEqual([one["file"] for one in report[kind]], [name], f"{what} {name}: {report}")
        self.assertEqual(report["missing" if kind == "bad" else "bad"], [], what)
        self.assertIn(name, report["reason"])

    def test_every_file(self):
        seed = random.randrange(2**32)
        source = random.Random(seed)
        names = ledger.files_of(self.out)
        self.assertGreater(len(names), 25)
        for name in names:
            path = self.out / name
            good = path.read_bytes()
            places = {0, len(good) - 1, source.randrange(len(good))}
            for at in places:
                path.write_bytes(good[:at] + bytes([good[at] ^ 1 << source.randrange(8)]) + good[at + 1:])
                self.expect(name, "bad", f"flip at {at} (seed {seed})")
            for what, content in (("cut", good[:-1]), ("empty", b""), ("longer", good + b"\n")):
                path.write_bytes(content)
                self.expect(name, "bad", what)
            path.unlink()
            if name in self.needed():
                self.expect(name, "missing", "removed")
            else:
                self.check(0)
            path.write_bytes(good)
        self.check()

    def needed(self):
        """The files of the newest checkpoint; superseded ones need not be there."""
        fresh = self.directory / "fresh"
        if not fresh.exists():
            self.archive(out=fresh)
        return ledger.files_of(fresh)

    def test_everything_bad_is_named(self):
        for name in ("tile/0/001", "tile/entries/002", "tile/data/000"):
            good = (self.out / name).read_bytes()
            (self.out / name).write_bytes(good[:100] + bytes([good[100] ^ 1]) + good[101:])
        (self.out / "tile/0/003").unlink()
        report = self.check(1)
        self.assertEqual(sorted(one["file"] for one in report["bad"]), ["tile/0/001", "tile/data/000", "tile/entries/002"])
        self.assertEqual([one["file"] for one in report["missing"]], ["tile/0/003"])

    def test_nothing_above_to_ask(self):
        """The tile that would show which of two files is bad is gone: then the chain shows it."""
        (self.out / "tile/1" / self.tile_1()).unlink()
        for bad, at in (("tile/entries/002", 100), ("tile/0/002", 100), ("tile/entries/001", -20)):
            good = (self.out / bad).read_bytes()
            (self.out / bad).write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
            report = self.check(1)
            self.assertEqual([one["file"] for one in report["bad"]], [bad], report)
            self.assertEqual([one["file"] for one in report["missing"]], ["tile/1/" + self.tile_1()])
            (self.out / bad).write_bytes(good)

    def tile_1(self):
        return f"000.p/{ledger.head(VAULTD) // 256}"

    def test_rewritten_consistently(self):
        """A payload and its commitment, leaf and tile changed together: the tiles above show it."""
        for name in ("tile/entries/000", "tile/0/000"):
            shutil.copy(self.out / name.replace("000", "001"), self.out / name)
        report = self.check(1)
        self.assertIn("tile/1/", " ".join(one["file"] + one["reason"] for one in report["bad"]))
        self.assertIn("checkpoint", [one["file"] for one in report["bad"]])

    def test_unknown_files(self):
        (self.out / "index.html").write_text("x")
        (self.out / "tile" / "0" / "0001").write_text("x")
        (self.out / "tile" / "entries" / "999").write_text("x")
        (self.out / "tile" / "64").mkdir()
        (self.out / "tile" / "64" / "000").write_text("x")
        (self.out / "link").symlink_to("checkpoint")
        report = self.check(0)
        self.assertEqual(sorted(one["file"] for one in report["unknown"]),
                         ["index.html", "link", "tile/0/0001", "tile/64/000", "tile/entries/999"])

    def test_wrong_key(self):
        other = VAULTD.ctl("keygen", "--name", "other.example/log", "-o", str(self.directory / "pem")).stdout.strip()
        same_name = VAULTD.ctl("keygen", "--name", self.vkey.split("+")[0], "-o", str(self.directory / "pem2")).stdout
        for vkey in (other, same_name.strip()):
            report = self.check(1, vkey=vkey)
            self.assertEqual([one["file"] for one in report["bad"]], ["checkpoint"])
        self.run_ctl(2, "check-archive", self.out, "--vkey", "nonsense")
        self.run_ctl(2, "check-archive", self.directory / "nowhere", "--vkey", self.vkey)

    def test_is_not_gone_on_with(self):
        """A later run reads the right edge, and reports damage there."""
        size = self.check()["tree_size"]
        ledger.seal_many(VAULTD, 1)
        for name in (f"tile/0/{size // 256:03d}.p/{size % 256}", f"tile/1/000.p/{size // 256}", "checkpoint"):
            good = (self.out / name).read_bytes()
            (self.out / name).write_bytes(good[:-9] + bytes([good[-9] ^ 1]) + good[-8:])
            self.assertIn("check-archive", self.json(1, "archive", "--out", self.out)["message"])
            (self.out / name).write_bytes(good)
        self.archive()


if __name__ == "__main__":
    unittest.main()
