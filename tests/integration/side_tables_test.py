"""Tables beside the ledger: planted rows, and what verification makes of them. All verifiers agree: vaultctl in the
database, vaultctl through a vaultd, and archives.

Also, rows of a ledger that is older than the reserved names: whoever called himself vaultd then is not believed.
"""
import datetime
import json
import pathlib
import subprocess
import sys
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from integration.outage_test import Asker, seal  # noqa: E402
from support.archive_ledger import OtherVaultd  # noqa: E402
from support.ledger_reading import ZEROS, data_hash, leaf_data, open_note, root_of, sha256  # noqa: E402
from support.replicated_postgres import Server  # noqa: E402
from support.vaultd_process import SOURCE_DIR, clean_environment, program  # noqa: E402

ORIGIN, SIZE = "side.example/log", 5
GUARDED = ("vault_ledger", "vault_origin", "vault_meta", "vault_contradiction")
TOLD = ("INSERT INTO vault_contradiction (note_hash, origin, tree_size, root, note, told_by) VALUES "
        "('{hash}', '{origin}', {size}, '{root}', '{note}', 'somebody');")


def ctl(*arguments):
    return subprocess.run([program("vaultctl"), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False,
                          env=clean_environment())


def told(checkpoint):
    """The statement by which a vaultd reports a checkpoint to the others."""
    note = checkpoint["checkpoint"]
    size, root = open_note(note, checkpoint["vkey"])
    return TOLD.format(hash=sha256(note.encode()).hex(), origin=ORIGIN, size=size, root=root, note=note)


class Site(unittest.TestCase):
    """One PostgreSQL, and logs on its databases that sign with one key under one name, as they should not."""

    @classmethod
    def setUpClass(cls):
        Server.of_class(cls, "vault-side-")
        cls.key = cls.keygen("log", ORIGIN)

    @classmethod
    def keygen(cls, name, origin):
        key = cls.directory / f"{name}.pem"
        made = ctl("keygen", "--name", origin, "-o", key)
        assert made.returncode == 0, made.stderr
        (cls.directory / f"{name}.vkey").write_text(made.stdout)
        return key

    @classmethod
    def url(cls, database):
        return cls.server.url.replace("/vault?", f"/{database}?")

    @classmethod
    def vaultd(cls, database, key=None, origin=ORIGIN):
        return OtherVaultd(cls.url(database), "--migrate", "--signing-key", str(key or cls.key), "--origin", origin)

    @classmethod
    def checkpoints(cls, database, sizes, number, key=None, origin=ORIGIN):
        """For a ledger in its own database, whose entries begin with `number`: the newest checkpoint of each of these
        sizes."""
        vaultd, found = cls.vaultd(database, key, origin), []
        try:
            vaultd.start()
            asker = Asker(vaultd.requests)
            for size in range(1, max(sizes) + 1):
                asker.result("seal", seal=seal(number + size), sign=True)
                if size in sizes:
                    found.append(asker.result("checkpoint", at_least=size))
                    assert found[-1]["tree_size"] == size
        finally:
            vaultd.remove()
        return found

    def change(self, database, sql):
        """Without constraints and triggers."""
        self.server.sql("BEGIN;" + "".join(f"ALTER TABLE {one} DISABLE TRIGGER ALL;" for one in GUARDED) + sql + ";" + "".join(
            f"ALTER TABLE {one} ENABLE ALWAYS TRIGGER vault_insert_only; ALTER TABLE {one} ENABLE ALWAYS TRIGGER "
            "vault_insert_only_row;" for one in GUARDED) + "COMMIT", database)


def verdict_of(answer):
    """reason@sequence, valid, or why there was no verdict."""
    try:
        told_of = json.loads(answer.stdout)
    except json.JSONDecodeError:
        return f"exit code {answer.returncode}: {answer.stderr.strip()}"
    if "valid" not in told_of:
        return f"exit code {answer.returncode}: {told_of}"
    return "valid" if told_of["valid"] else f"{told_of['reason']}@{told_of['first_invalid_sequence']}"


class Tampering(Site):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.checkpoints("vault", [SIZE], 0)
        cls.server.sql("CREATE DATABASE other", "postgres")
        cls.server.sql("CREATE DATABASE stranger", "postgres")
        cls.other = cls.checkpoints("other", [SIZE - 2, SIZE + 4], 100)
        cls.stranger = cls.checkpoints("stranger", [SIZE - 2], 200, cls.keygen("stranger", ORIGIN))

    def say(self, database):
        """The four verdicts, by name."""
        said = {"database": verdict_of(ctl("--json", "verify", "--database", self.url(database)))}
        archive = self.directory / database
        made = ctl("--json", "archive", "--out", archive, "--database", self.url(database))
        if made.returncode == 0:
            checked = ctl("--json", "check-archive", archive, "--vkey", self.directory / "log.vkey")
            said["archive"] = "valid" if checked.returncode == 0 else checked.stdout + checked.stderr
        else:
            said["archive"] = made.stdout + made.stderr
        vaultd = self.vaultd(database)
        try:
            vaultd.start(wait=False)
            Asker(vaultd.requests).wait(lambda status: status["database"]["connected"])
            said["vaultd"] = verdict_of(vaultd.ctl("--json", "verify"))
        finally:
            vaultd.remove()
        return said

    def try_case(self, name, sql, wanted):
        self.server.sql(f"CREATE DATABASE {name} TEMPLATE vault", "postgres")
        self.change(name, sql)
        said = self.say(name)
        print(name, said, file=sys.stderr)
        with self.subTest(name):
            self.assertEqual((said["database"], said["vaultd"]), (wanted, wanted))
            if wanted == "valid":
                self.assertEqual(said["archive"], wanted)
            else:
                self.assertIn(wanted.partition("@")[0], said["archive"])

    def test_all_say_the_same(self):
        vkey = (self.directory / "stranger.vkey").read_text().strip()
        planted = ("INSERT INTO vault_origin (ordinal, origin, vkey, accepted_sequence) "
                   f"VALUES (2, 'planted', '{vkey}', {{}})")
        for name, sql, wanted in (
                ("nothing", "SELECT 1", "valid"),
                ("told_smaller", told(self.other[0]), f"checkpoint_mismatch@{SIZE - 2}"),
                ("told_larger", told(self.other[1]), f"truncated@{SIZE + 1}"),
                ("told_by_a_stranger", told(self.stranger[0]), "valid"),
                ("origin_planted", planted.format(3), "valid"),
                ("origin_planted_at_the_end", planted.format(SIZE), "valid"),
                ("origin_planted_from_the_start", planted.format(0), "valid"),
                ("lease_changed", "UPDATE vault_lease SET holder = 'x', epoch = 99, schema_known = 9, "
                                  "renewed_at = '2000-01-01'", "valid"),
                ("schema_checksum", "UPDATE vault_schema SET checksum = 'x'", "valid")):
            self.try_case(name, sql, wanted)


class OlderNames(Site):
    """A ledger begun under the first schema, when anybody could be called vaultd."""

    def plant(self, database, contradicted):
        """Two entries as the first vaultd sealed them for anybody, the second of which claims a rollback; then
        migrated."""
        self.server.sql(f"CREATE DATABASE {database}", "postgres")
        self.server.sql((SOURCE_DIR / "migrations/001_ledger.sql").read_text(), database)
        payloads = ({"n": 1}, {"accepted_sequence": 1, "new_origin": "planted", "contradicted": contradicted})
        leaves, previous, rows = [], ZEROS, []
        for sequence, payload in enumerate(payloads, 1):
            salt, seal_id = f"{sequence:032x}", str(uuid.uuid4())
            time = datetime.datetime(2026, 1, 1, 0, 0, sequence).isoformat() + ".000000Z"
            session = ("s", "vaultd/rollback")[sequence - 1]
            authority, verdict = ("a", "vaultd")[sequence - 1], ("SEAL", "888_HOLD")[sequence - 1]
            leaf = leaf_data({"authority": authority, "data_hash": data_hash(salt, payload), "prev_hash": previous, "v": 1,
                              "seal_id": seal_id, "sequence": sequence, "session_id": session, "timestamp": time,
                              "verdict": verdict})
            leaves.append(sha256(b"\x00" + leaf))
            rows.append((sequence, session, seal_id, time, authority, verdict, json.dumps(payload), salt,
                         leaves[-1].hex(), previous, root_of(leaves).hex()))
            previous = leaves[-1].hex()
        for (sequence, session, seal_id, time, authority, verdict, payload, salt, entry_hash, prev_hash, root) in rows:
            self.server.sql(
                "INSERT INTO vault_ledger (sequence, session_id, seal_id, timestamp, authority, verdict, seal_data, data_salt, "
                f"entry_hash, prev_hash, merkle_root) VALUES ({sequence}, '{session}', '{seal_id}', '{time}', '{authority}', "
                f"'{verdict}', '{payload}', decode('{salt}', 'hex'), '{entry_hash}', '{prev_hash}', '{root}');"
                f"UPDATE vault_head SET head_sequence = {sequence}, head_hash = '{entry_hash}', merkle_root = '{root}'",
                database)
        self.assertEqual(ctl("migrate", "up", "--database", self.url(database)).returncode, 0)
        self.assertEqual(self.server.sql("SELECT reserved_from FROM vault_meta", database), [["3"]])

    def test_an_older_entry_that_tells_of_a_rollback_ends_no_identity(self):
        self.plant("older", [])
        vaultd = self.vaultd("older")
        self.addCleanup(vaultd.remove)
        vaultd.start()
        asker = Asker(vaultd.requests)
        self.assertEqual(asker.result("seal", seal=seal(1), sign=True)["sequence"], 3)
        vaultd.restart()
        self.assertEqual(asker.result("seal", seal=seal(2), sign=True)["sequence"], 4)
        self.assertTrue(asker.result("verify")["valid"])
        vaultd.stop()
        # If it were vaultd's own statement, this key would sign no more.
        self.change("older", "UPDATE vault_meta SET reserved_from = 1")
        vaultd.start(wait=False)
        asker.wait(lambda status: "announces that" in vaultd.log_tail())
        self.assertFalse(asker.result("status")["ready"])

    def test_an_older_entry_gives_up_no_checkpoint(self):
        """A checkpoint that contradicts the ledger still does, though the entry says that it has been given up."""
        self.server.sql("CREATE DATABASE second", "postgres")
        (checkpoint,) = self.checkpoints("second", [1], 100)
        self.plant("excused", [{"origin": ORIGIN, "tree_size": 1, "note": checkpoint["checkpoint"],
                                "root": open_note(checkpoint["checkpoint"], checkpoint["vkey"])[1]}])
        vaultd = self.vaultd("excused")
        self.addCleanup(vaultd.remove)
        vaultd.start()
        Asker(vaultd.requests).result("seal", seal=seal(1), sign=True)
        vaultd.stop()
        self.change("excused", told(checkpoint))

        def say():
            return verdict_of(ctl("--json", "verify", "--database", self.url("excused")))

        self.assertEqual(say(), "checkpoint_mismatch@1")
        self.change("excused", "UPDATE vault_meta SET reserved_from = 1")
        self.assertEqual(say(), "valid")


if __name__ == "__main__":
    unittest.main()
