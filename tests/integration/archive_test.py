"""vaultctl archive and check-archive against a real vaultd: writing, continuing, refusing, finding.

Run by CTest with VAULT_BIN_DIR; by hand the same way.
"""
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support import tlog_tiles  # noqa: E402
from support.archive_case import ArchiveCase  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, program  # noqa: E402

VAULTD = VaultdProcess()
SEALED = 1_100


class Case(ArchiveCase):
    vaultd = VAULTD


def setUpModule():
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()
    ledger.seal_many(VAULTD, SEALED)


def change_row(url, sql):
    """As somebody with power over the database would."""
    triggers = ("vault_insert_only", "vault_insert_only_row")
    off = "".join(f"ALTER TABLE vault_ledger DISABLE TRIGGER {name};" for name in triggers)
    on = "".join(f"ALTER TABLE vault_ledger ENABLE ALWAYS TRIGGER {name};" for name in triggers)
    ledger.ask(url, off + sql + ";" + on)


class Whole(Case):
    """One ledger, archived in every way, read by an independent reader."""

    def test_daemon_and_database_write_the_same(self):
        size = ledger.head(VAULTD)
        answer = self.archive()
        self.assertEqual((answer["tree_size"], answer["entries_written"], answer["previous_size"]), (size, size, 0))
        self.assertEqual(answer["files_written"], len(ledger.files_of(self.out)))
        other = self.directory / "deep" / "down"
        self.archive("--database", VAULTD.database_url(), out=other)
        self.assertTrue(ledger.same_content(self.out, other))
        self.assertFalse((self.out / ".unfinished").exists())
        report = self.check()
        self.assertEqual((report["valid"], report["checked"], report["erased"], report["payloads"]),
                         (True, size, 0, True))
        self.assertEqual((report["bad"], report["missing"], report["unknown"]), ([], [], []))
        self.assertEqual(report["files"], answer["files_written"])

    def test_foreign_reader_sees_the_ledger(self):
        self.archive()
        archive = tlog_tiles.Archive(self.out, ledger.vkey_of(VAULTD))
        self.assertEqual(archive.stray_files(), [])
        rows = [json.loads(line) for line in VAULTD.ctl("export").stdout.split("\n") if line]
        self.assertEqual(len(rows), archive.size)
        canonical = VAULTD.ctl("canonicalize", stdin="\n".join(json.dumps(row["seal_data"]) for row in rows))
        for row, entry, text in zip(rows, archive.entries, canonical.stdout.split("\n")):
            for name in ("sequence", "session_id", "seal_id", "timestamp", "authority", "verdict", "data_hash",
                         "entry_hash", "prev_hash"):
                self.assertEqual(entry[name], row[name])
            self.assertEqual((entry["payload"], entry["data_salt"]), (text, row["data_salt"]))
        self.assertEqual(archive.root.hex(), rows[-1]["merkle_root"])

    def test_without_payloads(self):
        self.archive("--no-payloads")
        self.assertFalse((self.out / "tile" / "data").exists())
        self.assertEqual(self.check()["payloads"], False)
        tlog_tiles.Archive(self.out, ledger.vkey_of(VAULTD))
        self.assertIn("without payloads", self.json(2, "archive", "--out", self.out)["message"])
        self.archive("--no-payloads")
        full = self.directory / "full"
        self.archive(out=full)
        self.assertIn("payloads", self.json(2, "archive", "--out", full, "--no-payloads")["message"])
        # For publication: whoever may enter the directory may read it. Payloads are for the group.
        self.assertEqual((self.out / "tile" / "0" / "000").stat().st_mode & 0o777, 0o644)
        self.assertEqual((full / "tile" / "0" / "000").stat().st_mode & 0o777, 0o640)

    def test_for_people(self):
        answer = self.run_ctl(0, "archive", "--out", self.out)
        self.assertRegex(answer.stdout, rf"entries +{ledger.head(VAULTD)}, .* with payloads")
        answer = self.run_ctl(0, "check-archive", self.out, "--vkey", ledger.vkey_of(VAULTD))
        self.assertRegex(answer.stdout, r"(?s)^VALID .* entries, with payloads")
        (self.out / "README").write_text("mine")
        (self.out / "tile" / "0" / "001").unlink()
        answer = self.run_ctl(1, "check-archive", self.out, "--vkey", ledger.vkey_of(VAULTD))
        self.assertIn("missing: tile/0/001\n", answer.stderr)
        self.assertIn("unknown: README", answer.stderr)
        self.assertIn("INVALID", answer.stdout)


class Incremental(Case):
    def test_goes_on(self):
        sizes, full = [], {}
        for more in (0, 1, 3, 250, 256, 40):
            if more:
                ledger.seal_many(VAULTD, more)
            answer = self.archive(*(["--database", VAULTD.database_url()] if more % 2 else []))
            sizes.append(ledger.head(VAULTD))
            self.assertEqual(answer["tree_size"], sizes[-1])
            self.assertEqual((answer["previous_size"], answer["entries_written"]),
                             (0, sizes[-1]) if len(sizes) == 1 else (sizes[-2], more))
            report = self.check()
            self.assertEqual((report["valid"], report["checked"], report["unknown"]), (True, sizes[-1], []))
            tlog_tiles.Archive(self.out, ledger.vkey_of(VAULTD))
            # Existing files stay the same, and are never rewritten.
            for name, old in full.items():
                self.assertEqual(os.stat(self.out / name), old, name)
            full = {name: os.stat(self.out / name) for name in ledger.files_of(self.out) if name != "checkpoint"}
        again = self.archive()
        self.assertEqual((again["entries_written"], again["files_written"]), (0, 0))
        fresh = self.directory / "fresh"
        self.archive(out=fresh)
        for name in ledger.files_of(fresh):
            self.assertEqual((fresh / name).read_bytes(), (self.out / name).read_bytes(), name)
        self.assertIn(f"tile/entries/{sizes[0] // 256:03d}.p/{sizes[0] % 256}", ledger.files_of(self.out))

    def test_older_than(self):
        ledger.seal_many(VAULTD, 20)
        old = ledger.head(VAULTD)
        time.sleep(6)
        younger_since = time.monotonic()
        ledger.seal_many(VAULTD, 30)
        for number, more in enumerate(([], ["--database", VAULTD.database_url()])):
            out = self.directory / str(number)
            self.assertIsNone(self.archive("--older-than", "365d", *more, out=out)["tree_size"])
            # More than the younger ones are old, with time to spare, and less than the older ones are.
            age = f"{int(time.monotonic() - younger_since) + 4}s"
            self.assertEqual(self.archive("--older-than", age, *more, out=out)["tree_size"], old)
            self.check(out=out)
            # An archive is never moved back.
            self.assertEqual(self.archive(*more, out=out)["tree_size"], old + 30)
            self.assertEqual(self.archive("--older-than", "1m", *more, out=out)["entries_written"], 0)
            self.assertEqual(self.check(out=out)["tree_size"], old + 30)
        for wrong in ("", "d", "1y", "-1d", "99999d"):
            self.run_ctl(2, "archive", "--out", self.out, "--older-than", wrong)

    def test_empty_ledger(self):
        url = ledger.create_database(VAULTD, "empty_ledger")
        self.run_ctl(0, "migrate", "up", "--database", url)
        self.assertIn("start vaultd", self.json(1, "archive", "--out", self.out, "--database", url)["message"])
        with ledger.OtherVaultd(url) as vaultd:
            ledger.wait_for_checkpoint(vaultd)
            answer = vaultd.ctl("archive", "--out", str(self.out), "--json")
            self.assertEqual(json.loads(answer.stdout)["tree_size"], 0)
            vkey = ledger.vkey_of(vaultd)
            self.assertEqual(self.check(vkey=vkey)["checked"], 0)
            ledger.seal_many(vaultd, 256)
            self.assertEqual(json.loads(vaultd.ctl("archive", "--out", str(self.out), "--json").stdout)["tree_size"], 256)
        self.check(vkey=vkey)
        tlog_tiles.Archive(self.out, vkey)


class Refusals(Case):
    def test_a_tampered_row_stops_it_by_name(self):
        url = ledger.create_database(VAULTD, "tampered")
        self.archive()
        self.run_ctl(0, "restore", "--from", self.out, "--vkey", ledger.vkey_of(VAULTD), "--database", url)
        for column, value, reason in (("verdict", "'SEAL'", "entry_hash_mismatch"),
                                      ("seal_data", "'{\"n\": 7}'", "entry_hash_mismatch"),
                                      ("prev_hash", "repeat('0', 64)", "entry_hash_mismatch"),
                                      ("merkle_root", "repeat('0', 64)", "merkle_root_mismatch")):
            change_row(url, f"CREATE TABLE kept AS SELECT * FROM vault_ledger WHERE sequence = 700;"
                            f"UPDATE vault_ledger SET {column} = {value} WHERE sequence = 700")
            out = self.directory / column
            error = self.json(1, "archive", "--out", out, "--database", url)
            self.assertIn(f"entry 700 does not verify: {reason}", error["message"])
            self.assertIs(error["valid"], False)
            self.assertFalse((out / "checkpoint").exists())
            change_row(url, f"UPDATE vault_ledger SET {column} = (SELECT {column} FROM kept) WHERE sequence = 700;"
                            "DROP TABLE kept")
            self.archive("--database", url, out=out)  # goes on from what is there
            self.assertTrue(ledger.same_content(out, self.out))
        change_row(url, "CREATE TABLE kept AS SELECT * FROM vault_ledger WHERE sequence = 700;"
                        "UPDATE vault_ledger SET seal_data = NULL, data_salt = NULL, data_hash = '" +
                   json.loads(VAULTD.ctl("read", "--sequence", "700", "--json").stdout)["entry"]["data_hash"] +
                   "' WHERE sequence = 700")
        for more in ((), ("--no-payloads",)):
            error = self.json(1, "archive", "--out", self.directory / f"erased{len(more)}", "--database", url, *more)
            self.assertIn("entry 700 does not verify: erasure_unexplained", error["message"])
        change_row(url, "DELETE FROM vault_ledger WHERE sequence = 700")
        error = self.json(1, "archive", "--out", self.directory / "gap", "--database", url)
        self.assertIn("entry 700 does not verify: sequence_gap", error["message"])

    def test_another_ledger(self):
        url = ledger.create_database(VAULTD, "another")
        self.run_ctl(0, "migrate", "up", "--database", url)
        with ledger.OtherVaultd(url) as other:
            ledger.seal_many(other, 300)
            theirs = self.directory / "theirs"
            answer = other.ctl("archive", "--out", str(theirs), "--json")
            self.assertEqual(answer.returncode, 0, answer.stdout)
        before = ledger.copy(theirs, self.directory / "before")
        for more in ([], ["--database", VAULTD.database_url()]):
            error = self.json(1, "archive", "--out", theirs, *more)
            self.assertIn("archive of the log", error["message"])
            self.assertTrue(ledger.same_content(theirs, before))
        # An archive that was begun for another ledger and never got its checkpoint.
        (theirs / "checkpoint").unlink()
        error = self.json(1, "archive", "--out", theirs)
        self.assertIn("tile/0/000", error["message"])
        self.assertFalse((theirs / "checkpoint").exists())

    def test_a_ledger_that_is_behind_its_archive(self):
        self.archive()
        size = ledger.head(VAULTD)
        ledger.seal_many(VAULTD, 10)
        newer = self.directory / "newer"
        self.archive(out=newer)
        url = ledger.create_database(VAULTD, "behind")
        vkey = ledger.vkey_of(VAULTD)
        self.run_ctl(0, "restore", "--from", self.out, "--vkey", vkey, "--database", url)
        error = self.json(1, "archive", "--out", newer, "--database", url)
        self.assertIn("has fewer", error["message"])
        self.assertEqual(self.check(out=newer)["tree_size"], size + 10)
        # The ledger diverges under the same key: its owner must not do that, and an archive shows it.
        with ledger.OtherVaultd(url, "--signing-key", str(VAULTD.state / "signing.pem")) as vaultd:
            for more in (10, 20):  # as long as the archive, then longer
                ledger.seal_many(vaultd, more)
                for database in ((), ("--database", url)):
                    answer = vaultd.ctl("archive", "--out", str(newer), "--json", *database)
                    self.assertEqual(answer.returncode, 1)
                    self.assertIn("rewritten", json.loads(answer.stdout)["message"])
        self.assertEqual(self.check(out=newer)["tree_size"], size + 10)

    def test_two_at_once(self):
        import fcntl
        self.out.mkdir()
        fd = os.open(self.out, os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_EX)
        self.assertEqual(self.json(3, "archive", "--out", self.out)["code"], "busy")
        os.close(fd)
        self.archive()

    def test_files_that_cannot_be_written(self):
        (self.directory / "file").write_text("")
        for out, name in ((self.directory / "file", "file"), (self.directory / "file" / "below", "below"),
                          ("/proc/archive", "/proc/archive")):
            self.assertIn(name, self.json(2, "archive", "--out", out)["message"])
        # A full disk: the kernel writes no more than 60 kB of any file.
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
        answer = subprocess.run([program("vaultctl"), "archive", "--out", str(self.out)], capture_output=True, text=True,
                                check=False, preexec_fn=limit,
                                env={**clean_environment(), "VAULT_ENDPOINT": VAULTD.requests})
        self.assertEqual(answer.returncode, 3, answer.stderr)
        self.assertIn(f"cannot write {self.out}/tile/", answer.stderr)
        self.assertIn("run the same command again", answer.stderr)
        self.assertEqual([one["file"] for one in self.check(1)["missing"]], ["checkpoint"])
        self.archive()
        self.check()


class Interrupted(Case):
    @staticmethod
    def files(directory):
        return sum(len(names) for _, _, names in os.walk(directory))

    def test_killed_at_any_point(self):
        ledger.seal_many(VAULTD, 6_000, payload=lambda i: {"n": i})
        seed = random.randrange(2**32)
        source = random.Random(seed)
        self.archive("--older-than", "0s", out=self.directory / "warm")
        started = time.monotonic()
        self.archive(out=self.directory / "fresh")
        whole = time.monotonic() - started
        shutil.rmtree(self.directory / "warm")
        unfinished = 0
        # By the number of existing files, not by the clock: the speed depends on what else runs.
        for files in sorted(source.sample(range(1, self.files(self.directory / "fresh")), 8)):
            process = subprocess.Popen([program("vaultctl"), "archive", "--out", str(self.out)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       env={**clean_environment(), "VAULT_ENDPOINT": VAULTD.requests})
            while process.poll() is None and self.files(self.out) < files:
                pass
            process.kill()
            process.wait()
            if (self.out / "checkpoint").exists():
                # It never lies: everything that the checkpoint refers to is there.
                self.check()
            else:
                unfinished += self.out.exists()
        self.assertGreater(unfinished, 0, f"no kill hit the middle (seed {seed})")
        self.archive()
        self.assertTrue(ledger.same_content(self.out, self.directory / "fresh"), f"seed {seed}")
        # The same on top of an archive that has its checkpoint.
        ledger.seal_many(VAULTD, 3_000, payload=lambda i: {"n": i})
        before = self.check()["tree_size"]
        for _ in range(5):
            process = subprocess.Popen([program("vaultctl"), "archive", "--out", str(self.out)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       env={**clean_environment(), "VAULT_ENDPOINT": VAULTD.requests})
            time.sleep(source.uniform(0, whole / 2))
            process.kill()
            process.wait()
            self.assertIn(self.check()["tree_size"], (before, before + 3_000))
        self.assertEqual(self.archive()["tree_size"], before + 3_000)
        self.check()


if __name__ == "__main__":
    unittest.main()
