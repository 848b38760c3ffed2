"""vaultctl against a running vaultd --embedded: proofs, verification, migrations, export.

Run by CTest with VAULT_BIN_DIR.
"""
import base64
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultctl_case import ENTRY_MEMBERS, VaultctlCase, start_with_five_entries  # noqa: E402
from support.vaultd_process import VaultdProcess  # noqa: E402

# One for all cases; a case that stops it starts it again.
VAULTD = VaultdProcess("--origin", "example.org/test")


def setUpModule():
    start_with_five_entries(Case)


class Case(VaultctlCase):
    vaultd = VAULTD


class Prove(Case):
    def test_proof_file(self):
        receipt = self.seal()
        path, entry = self.directory / "x.tlog-proof", self.directory / "entry.json"
        self.ctl(0, "proof", receipt["sequence"], "-o", path)
        entry.write_text(self.ctl(0, "read", "--sequence", receipt["sequence"], "--json").stdout)
        checked = self.json(0, "check-proof", path, "--vkey", self.vkey(), "--entry", entry)
        self.assertEqual((checked["sequence"], checked["entry_hash"], checked["payload"]),
                         (receipt["sequence"], receipt["entry_hash"], "checked"))
        self.assertEqual(self.ctl(0, "proof", receipt["sequence"]).stdout.splitlines()[0], "c2sp.org/tlog-proof@v1")
        self.ctl(0, "proof", receipt["sequence"], "--vkey", self.vkey())
        self.ctl(1, "check-proof", path, "--vkey", self.vkey(), "--entry",
                 self.file("tampered", entry.read_text().replace("🔒", "🔓")))

    def test_proof_at_a_size(self):
        result = self.json(0, "proof", 2, "--size", 3)
        self.assertEqual((result["sequence"], result["leaf_index"], result["tree_size"]), (2, 1, 3))
        self.assertEqual(self.json(2, "proof", 3, "--size", 2)["code"], "invalid_argument")
        self.assertEqual(self.json(1, "proof", 1, "--size", 10**9)["code"], "not_found")
        if result["checkpoint"] is None:
            answer = self.ctl(1, "proof", 2, "--size", 3)
            self.assertEqual(answer.stdout, "")
            self.assertIn("checkpoint", answer.stderr)

    def test_consistency(self):
        self.seal()
        size = self.head()["sequence"]
        result = self.json(0, "consistency", 2, size)
        self.assertEqual((result["first"], result["second"]), (2, size))
        self.assertIn("CONSISTENT", self.ctl(0, "consistency", 0, size).stdout)
        self.ctl(0, "consistency", 3)
        self.assertEqual(self.json(1, "consistency", 1, 10**9)["code"], "not_found")

    def test_checkpoint(self):
        self.seal("--sign")
        result = self.json(0, "checkpoint")
        self.assertEqual(set(result), {"checkpoint", "tree_size", "vkey"})
        note = self.ctl(0, "checkpoint").stdout
        self.assertEqual(note.splitlines()[0], "example.org/test")
        self.assertTrue(note.splitlines()[4].startswith("— example.org/test "))
        self.assertEqual(self.vkey(), result["vkey"])


class Verify(Case):
    def test_valid(self):
        head = self.head()
        result = self.json(0, "verify")
        self.assertEqual((result["valid"], result["first_invalid_sequence"], result["reason"]), (True, None, None))
        self.assertEqual((result["checked"], result["from"], result["to"]), (head["sequence"], 1, head["sequence"]))
        self.assertEqual((result["head_hash"], result["merkle_root"]), (head["entry_hash"], head["merkle_root"]))
        part = self.json(0, "verify", "--from", 2, "--to", 3)
        self.assertEqual((part["checked"], part["from"], part["to"]), (2, 2, 3))
        self.assertIn("VALID", self.ctl(0, "verify").stdout)

    def test_against_a_checkpoint(self):
        self.seal("--sign")
        kept = self.file("kept", self.ctl(0, "checkpoint").stdout)
        self.ctl(0, "verify", "--checkpoint", kept, "--vkey", self.vkey())
        self.seal("--sign")
        self.ctl(0, "verify", "--checkpoint", kept, "--vkey", self.vkey())
        self.ctl(0, "verify", "--to", 2, "--checkpoint", kept, "--vkey", self.vkey())
        # Witnesses whom nobody here knows have signed below; what they are called is theirs to choose.
        signature = base64.b64encode(bytes(4 + 72)).decode()
        for name in ("witness.example/w1", "свидетель.example", "👁️‍🗨️", "w" * 300):
            witnessed = self.file("witnessed", kept.read_text(encoding="utf-8") + f"— {name} {signature}\n")
            self.ctl(0, "verify", "--checkpoint", witnessed, "--vkey", self.vkey())

    def test_a_checkpoint_that_does_not_check(self):
        self.seal("--sign")
        note = self.ctl(0, "checkpoint").stdout
        kept = self.file("kept", note.replace("example.org/test\n", "example.org/tost\n", 1))
        self.ctl(1, "verify", "--checkpoint", kept, "--vkey", self.vkey())

    def test_straight_in_the_database(self):
        result = self.json(0, "verify", "--database", self.vaultd.database_url())
        online = self.json(0, "verify")
        self.assertEqual(list(result), list(online))
        for answer in (result, online):
            del answer["elapsed_ms"]
        self.assertEqual(result, online)
        self.seal("--sign")
        kept = self.file("kept", self.ctl(0, "checkpoint").stdout)
        self.ctl(0, "verify", "--database", self.vaultd.database_url(), "--checkpoint", kept, "--vkey", self.vkey())

    def test_tampering_is_named(self):
        """One row is edited with the triggers off, and put back."""
        def edit(authority):
            self.vaultd.sql("BEGIN; ALTER TABLE vault_ledger DISABLE TRIGGER ALL;"
                            f"UPDATE vault_ledger SET authority = '{authority}' WHERE sequence = 3; COMMIT;")

        edit("forger")
        try:
            for where in ([], ["--database", self.vaultd.database_url()]):
                result = self.json(1, "verify", *where)
                self.assertEqual((result["valid"], result["first_invalid_sequence"], result["reason"]),
                                 (False, 3, "entry_hash_mismatch"))
                text = self.ctl(1, "verify", *where).stdout
                self.assertIn("INVALID  at sequence 3: entry_hash_mismatch", text)
                self.json(0, "verify", "--to", 2, *where)
            self.assertEqual(self.json(1, "proof", 3, "-o", self.directory / "p")["code"], "internal")
            self.assertFalse((self.directory / "p").exists())
        finally:
            edit("tester")
        self.json(0, "verify")

    def test_against_a_checkpoint_of_another_history(self):
        """The same key, but another tree: made by a second vaultd with the first one's key and origin."""
        with VaultdProcess("--origin", "example.org/test", "--signing-key", str(self.vaultd.state / "signing.pem"),
                           ) as other:
            line = json.dumps({"session_id": "x", "authority": "a", "verdict": "SEAL", "seal_data": {}})
            size = self.head()["sequence"]
            self.assertEqual(other.ctl("seal", "--batch", stdin="\n".join([line] * (size - 1))).returncode, 0)
            other.ctl("seal", "--session", "x", "--authority", "a", "--verdict", "SEAL", "--data", "{}", "--sign")
            same_size = self.file("same", other.ctl("checkpoint").stdout)
            other.ctl("seal", "--batch", "--sign", stdin="\n".join([line] * 3))
            longer = self.file("longer", other.ctl("checkpoint").stdout)
            for where in ([], ["--database", self.vaultd.database_url()]):
                result = self.json(1, "verify", "--checkpoint", same_size, "--vkey", self.vkey(), *where)
                self.assertEqual((result["valid"], result["reason"]), (False, "checkpoint_mismatch"))
                result = self.json(1, "verify", "--checkpoint", longer, "--vkey", self.vkey(), *where)
                self.assertEqual((result["valid"], result["reason"]), (False, "truncated"))

    def test_beyond_the_head(self):
        self.assertEqual(self.json(2, "verify", "--from", 10**9)["code"], "invalid_argument")


class Migrate(Case):
    def setUp(self):
        super().setUp()
        self.vaultd.sql("CREATE DATABASE other;")
        self.addCleanup(self.vaultd.sql, "DROP DATABASE other WITH (FORCE);")
        self.url = self.vaultd.database_url().replace("dbname=vault", "dbname=other")

    def test_up_status_down(self):
        def applied(code=0):
            return [item["applied"] for item in self.json(code, "migrate", "status", "--database", self.url)["migrations"]]

        self.assertNotIn(True, applied())
        up = self.json(0, "migrate", "up", "--database", self.url)["applied"]
        self.assertEqual([item["version"] for item in up], list(range(1, len(up) + 1)))
        self.assertNotIn(False, applied())
        self.assertEqual(self.json(0, "migrate", "up", "--database", self.url)["applied"], [])
        self.assertIn("up to date", self.ctl(0, "migrate", "up", "--database", self.url).stdout)
        self.assertEqual(self.json(2, "migrate", "down", "--database", self.url)["code"], "invalid_argument")
        self.assertNotIn(False, applied())
        down = self.json(0, "migrate", "down", "--database", self.url, "--yes-destroy-data")["rolled_back"]
        self.assertEqual([item["version"] for item in down], list(range(len(up), 0, -1)))
        self.assertNotIn(True, applied())

    def test_the_url_from_the_environment(self):
        answer = self.vaultd.ctl("migrate", "status", environment={"DATABASE_URL": self.vaultd.database_url()})
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("VERSION", answer.stdout)


class Export(Case):
    def test_all_and_a_range(self):
        lines = self.lines(self.ctl(0, "export"))
        self.assertEqual([json.loads(line)["sequence"] for line in lines], list(range(1, len(lines) + 1)))
        self.assertEqual(len(lines), self.head()["sequence"])
        self.assertLessEqual(ENTRY_MEMBERS, set(json.loads(lines[0])))
        some = self.lines(self.ctl(0, "export", "--from", 2, "--to", 4, "--json"))
        self.assertEqual(some, lines[1:4])
        self.assertEqual(self.ctl(0, "export", "--from", len(lines) + 1).stdout, "")
        self.ctl(1, "export", "--to", 10**9)

    def test_a_line_is_an_entry_file(self):
        receipt = self.seal("--sign", "-o", self.directory / "r")
        line = self.ctl(0, "export", "--from", receipt["sequence"], "--to", receipt["sequence"]).stdout
        proof = self.file("p", self.ctl(0, "proof", receipt["sequence"]).stdout)
        self.ctl(0, "check-proof", proof, "--vkey", self.vkey(), "--entry", self.file("e", line))


if __name__ == "__main__":
    unittest.main()
