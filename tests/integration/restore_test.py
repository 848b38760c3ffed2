"""vaultctl restore: an archive becomes a ledger again, wholly or not at all, and vaultd continues sealing there.

Run by CTest with VAULT_BIN_DIR; by hand the same way.
"""
import json
import pathlib
import random
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support import tlog_tiles  # noqa: E402
from support.archive_case import ArchiveCase  # noqa: E402
from support.vaultd_process import SOURCE_DIR, VaultdProcess, clean_environment, program  # noqa: E402

VAULTD = VaultdProcess()
SEALED = 3_000


def setUpModule():
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()
    ledger.seal_many(VAULTD, SEALED)


class Case(ArchiveCase):
    vaultd = VAULTD

    def setUp(self):
        super().setUp()
        self.vkey = ledger.vkey_of(VAULTD)
        self.size = self.archive()["tree_size"]

    def database(self, schema=False):
        url = ledger.create_database(VAULTD, f"restored_{random.randrange(2**40)}")
        if schema:
            self.run_ctl(0, "migrate", "up", "--database", url)
        return url

    def restore(self, url, code=0, out=None, vkey=None):
        return self.json(code, "restore", "--from", out or self.out, "--vkey", vkey or self.vkey, "--database", url)

    def vaultd_on(self, url, *arguments):
        return ledger.OtherVaultd(url, "--signing-key", str(VAULTD.state / "signing.pem"), *arguments)


class Restored(Case):
    def test_everything_is_back(self):
        for schema in (False, True):
            url = self.database(schema)
            answer = self.restore(url)
            self.assertEqual((answer["restored"], answer["migrated"], answer["erased"]), (self.size, not schema, 0))
            self.assertEqual(answer["merkle_root"], json.loads(VAULTD.ctl("head", "--json").stdout)["merkle_root"])
            self.assertEqual(ledger.ask(url, ledger.LEDGER_SQL), VAULTD.sql(ledger.LEDGER_SQL))
            self.assertEqual(ledger.ask(url, "SELECT origin, vkey, accepted_sequence FROM vault_origin"),
                             [[self.vkey.split("+")[0], self.vkey, "0"]])
            self.assertEqual(ledger.ask(url, "SELECT tree_size FROM vault_checkpoint"), [[str(self.size)]])
            self.run_ctl(0, "verify", "--database", url)
            self.assertIn(f"a ledger of {self.size} entries", self.restore(url, 2)["message"])
            self.assertEqual(ledger.entry_count(url), self.size)

    def test_vaultd_goes_on_sealing(self):
        url = self.database()
        self.restore(url)
        with self.vaultd_on(url) as vaultd:
            ledger.seal_many(vaultd, 300)
            self.assertEqual(ledger.head(vaultd), self.size + 300)
            self.assertEqual(ledger.vkey_of(vaultd), self.vkey)
            self.assertEqual(vaultd.ctl("verify").returncode, 0)
            self.assertEqual(json.loads(vaultd.ctl("status", "--json").stdout)["alerts"], [])
            # The archive that it came from is continued.
            answer = vaultd.ctl("archive", "--out", str(self.out), "--json")
            self.assertEqual(json.loads(answer.stdout)["previous_size"], self.size, answer.stdout)
        self.run_ctl(0, "check-archive", self.out, "--vkey", self.vkey)
        again = self.database()
        self.assertEqual(self.restore(again)["restored"], self.size + 300)

    def test_other_key(self):
        url = self.database()
        self.restore(url)
        other = ledger.OtherVaultd(url)
        self.addCleanup(other.remove)
        other.start(wait=False)
        self.assertEqual(other.process.wait(60), 2, other.log_tail())
        other.process = None

    def test_database_that_a_vaultd_has_started_on(self):
        """With a log of its own, and still empty: no ledger is lost, and the archive's log continues."""
        url = self.database(schema=True)
        with ledger.OtherVaultd(url) as vaultd:
            ledger.wait_for_checkpoint(vaultd)
        self.restore(url)
        self.run_ctl(0, "verify", "--database", url)
        with self.vaultd_on(url) as vaultd:
            ledger.seal_many(vaultd, 3)
            self.assertEqual(vaultd.ctl("verify").returncode, 0)
            self.assertEqual(ledger.vkey_of(vaultd), self.vkey)

    def test_under_a_running_vaultd(self):
        """With the archive's key and origin, on the empty database: it is fenced, and continues what was restored."""
        url = self.database(schema=True)
        with self.vaultd_on(url, "--origin", self.vkey.split("+")[0]) as vaultd:
            ledger.wait_for_checkpoint(vaultd)
            self.restore(url)
            until = time.monotonic() + 30
            while time.monotonic() < until:
                answer = vaultd.ctl("--timeout", "5s", "seal", "--session", "s", "--authority", "a", "--verdict", "SEAL",
                                    "--data", "{}", "--json")
                if answer.returncode == 0:
                    break
                time.sleep(0.1)
            self.assertEqual(json.loads(answer.stdout)["sequence"], self.size + 1)
            self.assertEqual(vaultd.ctl("verify").returncode, 0)

    def test_for_people(self):
        answer = self.run_ctl(0, "restore", "--from", self.out, "--vkey", self.vkey, "--database", self.database())
        self.assertIn(f"restored {self.size} entries", answer.stdout)
        answer = self.run_ctl(2, "restore", "--from", self.out, "--vkey", self.vkey)
        self.assertIn("--database", answer.stderr)


class Refused(Case):
    """Nothing is written, not even a schema."""

    def expect(self, code, url, before, **more):
        answer = self.restore(url, code, **more)
        self.assertEqual(ledger.ask(url, "SELECT relname, n_live_tup FROM pg_stat_user_tables ORDER BY 1"), before)
        self.assertEqual(ledger.entry_count(url), 0)
        return answer

    def test_archives_that_do_not_check(self):
        url = self.database()
        wrong = VAULTD.ctl("keygen", "--name", self.vkey.split("+")[0], "-o", str(self.directory / "pem")).stdout.strip()
        self.assertEqual([one["file"] for one in self.expect(1, url, [], vkey=wrong)["bad"]], ["checkpoint"])
        for name in ("tile/data/007", "tile/entries/003", "tile/0/011.p/184", "tile/1/000.p/11", "checkpoint"):
            good = (self.out / name).read_bytes()
            (self.out / name).write_bytes(good[:-20] + bytes([good[-20] ^ 1]) + good[-19:])
            self.assertEqual([one["file"] for one in self.expect(1, url, [])["bad"]], [name])
            (self.out / name).unlink()
            self.assertEqual([one["file"] for one in self.expect(1, url, [])["missing"]], [name])
            (self.out / name).write_bytes(good)
        without = self.directory / "without"
        self.json(0, "archive", "--out", without, "--no-payloads")
        self.assertIn("no payloads", self.expect(2, url, [], out=without)["message"])
        self.restore(url)

    def test_a_missing_payload_is_not_restored(self):
        """Every hash, the chain and the tree fit: nothing else shows that it is gone."""
        path = self.out / "tile" / "data" / "001"
        bundle, records = path.read_bytes(), []
        while bundle:
            size = 4 + int.from_bytes(bundle[:4], "big")
            records.append(bundle[:size])
            bundle = bundle[size:]
        records[9] = bytes(4)
        path.write_bytes(b"".join(records))
        url = self.database()
        report = self.restore(url, 1)
        self.assertEqual([(one["file"], one["reason"]) for one in report["bad"]],
                         [("tile/data/001", "entry 266: erasure_unexplained: its payload is missing")])
        self.assertEqual(ledger.entry_count(url), 0)

    def test_databases_that_are_not_there_or_not_empty(self):
        self.assertEqual(self.restore("host=/nowhere dbname=vault", 3)["code"], "unavailable")
        url = self.database(schema=True)
        ledger.ask(url, "INSERT INTO vault_checkpoint (origin, tree_size, root, note) VALUES ('x', 7, repeat('a', 64), '')")
        self.assertIn("a checkpoint of 7 entries", self.restore(url, 2)["message"])
        self.assertEqual(ledger.entry_count(url), 0)
        url = self.database(schema=True)
        name = self.vkey.split("+")[0]
        ledger.ask(url, f"INSERT INTO vault_origin (ordinal, origin, vkey, accepted_sequence) VALUES (1, '{name}', 'x', 0)")
        self.assertIn("another log", self.restore(url, 2)["message"])

    def test_a_row_that_the_database_will_not_take(self):
        """In the middle of the transaction: nothing stays."""
        url = self.database(schema=True)
        ledger.ask(url, "ALTER TABLE vault_ledger ADD CONSTRAINT odd CHECK (sequence <> 2500)")
        self.assertIn("odd", self.restore(url, 4)["message"])
        self.assertEqual(ledger.entry_count(url), 0)
        self.assertEqual(ledger.ask(url, "SELECT head_sequence FROM vault_head"), [["0"]])
        self.assertEqual(ledger.ask(url, "SELECT count(*) FROM vault_tile"), [["0"]])
        self.assertEqual(ledger.ask(url, "SELECT count(*) FROM vault_origin"), [["0"]])


class Interrupted(Case):
    def test_a_schema_that_is_half_made_is_made_whole(self):
        url = self.database()
        ledger.ask(url, (SOURCE_DIR / "migrations" / "001_ledger.sql").read_text())
        self.assertEqual(self.restore(url)["restored"], self.size)
        self.run_ctl(0, "verify", "--database", url)

    def test_killed_at_any_point(self):
        seed = random.randrange(2**32)
        source = random.Random(seed)
        started = time.monotonic()
        self.restore(self.database())
        whole = time.monotonic() - started
        url = self.database()
        hit = 0
        while hit < 6:
            process = subprocess.Popen([program("vaultctl"), "restore", "--from", str(self.out), "--vkey", self.vkey,
                                        "--database", url], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                       env=clean_environment())
            time.sleep(source.uniform(0, whole * 0.8))
            killed = process.poll() is None
            process.kill()
            _, told = process.communicate()
            if not killed:
                self.assertEqual(process.returncode, 0, told)
                self.assertEqual(ledger.entry_count(url), self.size)
                url = self.database()
                whole *= 0.7  # less runs beside it than when that was measured
                continue
            hit += 1
            # The server may be committing what it had been sent whole.
            until = time.monotonic() + 10
            busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vaultctl restore'"
            while VAULTD.sql(busy) != [["0"]] and time.monotonic() < until:
                time.sleep(0.02)
            self.assertIn(ledger.entry_count(url), (0, self.size), f"seed {seed}")
            if ledger.entry_count(url) == self.size:
                self.run_ctl(0, "verify", "--database", url)
                url = self.database()
        self.assertEqual(self.restore(url)["restored"], self.size)
        self.run_ctl(0, "verify", "--database", url)

    def test_the_server_crashes(self):
        url = self.database(schema=True)
        ledger.ask(url, "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                        "IF NEW.sequence = 2000 THEN PERFORM pg_sleep(60); END IF; RETURN NEW; END $$;"
                        "CREATE TRIGGER slowly BEFORE INSERT ON vault_ledger FOR EACH ROW EXECUTE FUNCTION slowly()")
        process = subprocess.Popen([program("vaultctl"), "restore", "--from", str(self.out), "--vkey", self.vkey,
                                    "--database", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=clean_environment())
        sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        until = time.monotonic() + 20
        while VAULTD.sql(sleeping) == [["0"]] and time.monotonic() < until:
            time.sleep(0.05)
        VAULTD.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vaultctl restore'")
        _, told = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3, told)
        self.assertIn("nothing was written", told)
        self.assertEqual(ledger.entry_count(url), 0)
        ledger.ask(url, "DROP TRIGGER slowly ON vault_ledger")
        self.restore(url)


class TwoIdentities(Case):
    """A ledger that went through --accept-rollback: its archive carries the present identity."""

    def test_rollback(self):
        url = self.database()
        self.restore(url)
        new_key = self.directory / "new.pem"
        new_vkey = VAULTD.ctl("keygen", "--name", "vault.example/second", "-o", str(new_key)).stdout.strip()
        arguments = ("--origin", "vault.example/second", "--signing-key", str(new_key))
        with ledger.OtherVaultd(url, *arguments, "--accept-rollback", str(self.size)) as vaultd:
            ledger.seal_many(vaultd, 20)
            size = ledger.head(vaultd)
            self.assertEqual(size, self.size + 21)
            old = ledger.copy(self.out, self.directory / "old")
            for more in ((), ("--database", url)):
                answer = vaultd.ctl("archive", "--out", str(old), "--json", *more)
                self.assertEqual(answer.returncode, 1)
                self.assertIn("archive of the log " + self.vkey.split("+")[0], json.loads(answer.stdout)["message"])
                self.assertTrue(ledger.same_content(old, self.out))
            answer = vaultd.ctl("archive", "--out", str(self.directory / "new"), "--json", "--database", url)
            self.assertEqual(json.loads(answer.stdout)["tree_size"], size)
            # No archive can end at checkpoints of the abandoned identity.
            answer = vaultd.ctl("archive", "--out", str(self.directory / "none"), "--json", "--database", url,
                                "--older-than", "1h")
            self.assertIsNone(json.loads(answer.stdout)["tree_size"])
        new = self.directory / "new"
        tlog_tiles.Archive(new, new_vkey)
        self.json(0, "check-archive", new, "--vkey", new_vkey)
        self.json(1, "check-archive", new, "--vkey", self.vkey)
        self.json(0, "check-archive", old, "--vkey", self.vkey)  # still evidence for its entries
        restored = self.database()
        self.assertEqual(self.restore(restored, out=new, vkey=new_vkey)["restored"], size)
        with ledger.OtherVaultd(restored, "--signing-key", str(new_key)) as vaultd:
            ledger.seal_many(vaultd, 5)
            self.assertEqual(vaultd.ctl("verify").returncode, 0)
            self.assertEqual(ledger.vkey_of(vaultd), new_vkey)


if __name__ == "__main__":
    unittest.main()
