"""vaultctl against a running vaultd --embedded: proofs, verification, migrations, export.

Run by CTest with VAULT_BIN_DIR.
"""
import base64
import hashlib
import json
import pathlib
import subprocess
import sys
import time
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultctl_case import ENTRY_MEMBERS, VaultctlCase, start_with_five_entries  # noqa: E402
from support.mcp_process import McpProcess  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, end_with_parent, program  # noqa: E402

# One vaultd for all cases; a case that stops it starts it again.
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
        # Unknown witnesses have signed below; they may choose their names.
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
            self.assertEqual(self.json(1, "proof", 3, "-o", self.directory / "p")["code"], "invalid_message")
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


class CheckedReads(Case):
    """Entries are checked as they are read: a row is edited in PostgreSQL with the triggers off, and put back."""

    def edit(self, assignment, sequence=3):
        self.vaultd.sql("BEGIN; ALTER TABLE vault_ledger DISABLE TRIGGER ALL;"
                        f"UPDATE vault_ledger SET {assignment} WHERE sequence = {sequence};"
                        "ALTER TABLE vault_ledger ENABLE TRIGGER ALL; COMMIT;")

    def test_a_tampered_row(self):
        good = self.json(0, "read", "--sequence", 3)["entry"]
        reads = (("read", "--sequence", 3), ("read", "--seal-id", good["seal_id"]), ("read", "--session", "s-0"),
                 ("list", "--limit", 1000), ("list", "--order", "asc"), ("query", "--authority", "tester"), ("export",))
        misfit = "hash DOES NOT FIT: entry_hash"
        for change, back, problem in (
                ("verdict = 'VOID'", "verdict = 'SEAL'", misfit),
                ("seal_data = '{\"n\": 7}'", "seal_data = '{\"n\": 2}'", misfit),
                ("entry_hash = repeat('0', 64)", f"entry_hash = '{good['entry_hash']}'", misfit),
                (f"seal_data = NULL, data_salt = NULL, data_hash = '{good['data_hash']}'",
                 f"seal_data = '{{\"n\": 2}}', data_salt = decode('{good['data_salt']}', 'hex'), data_hash = NULL",
                 "payload is missing and nothing explains it")):
            self.edit(change)
            try:
                for command in reads:
                    for more in ((), ("--json",)):
                        answer = self.ctl(1, *command, *more)
                        self.assertIn(f"entry 3: {problem}", answer.stderr)
                        self.assertNotIn("entry 2:", answer.stderr)
                        self.assertTrue(answer.stdout, "it is shown all the same")
                        self.assertEqual(self.ctl(0, *command, "--no-check", *more).stderr, "")
                self.ctl(0, "read", "--sequence", 2)
                with McpProcess("--endpoint", self.vaultd.requests) as mcp:
                    mcp.initialize()
                    for tool, arguments in (("vault_read", {"sequence": 3}), ("vault_list", {"order": "asc"}),
                                            ("vault_query", {"authority": "tester"})):
                        result = mcp.call(tool, **arguments)
                        self.assertIs(result["isError"], True)
                        self.assertNotIn("structuredContent", result)
                        self.assertIn(f"entry 3: {problem}", result["content"][0]["text"])
                    self.assertEqual(mcp.content("vault_read", sequence=2)["entry"]["sequence"], 2)
            finally:
                self.edit(back)
        for command in reads:
            self.assertEqual(self.ctl(0, *command).stderr, "")

    def test_a_row_rewritten_with_its_hash_shows_beside_its_neighbour(self):
        good = self.json(0, "read", "--sequence", 2)["entry"]
        forged = {**{name: good[name] for name in ("authority", "data_hash", "prev_hash", "seal_id", "sequence",
                                                   "session_id", "timestamp")}, "v": 1, "verdict": "SUNSET"}
        leaf = json.dumps(forged, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        forged_hash = hashlib.sha256(b"\0" + leaf).hexdigest()
        self.edit(f"verdict = 'SUNSET', entry_hash = '{forged_hash}'", 2)
        try:
            self.ctl(0, "read", "--sequence", 2)
            for order in ("asc", "desc"):
                self.assertIn("prev_hash", self.ctl(1, "list", "--limit", 1000, "--order", order).stderr)
        finally:
            self.edit(f"verdict = '{good['verdict']}', entry_hash = '{good['entry_hash']}'", 2)

    def test_watch_checks_what_it_is_told(self):
        # A dishonest vaultd: a relay changes a verdict in transit.
        with zmq.Context() as context, context.socket(zmq.SUB) as events, context.socket(zmq.XPUB) as relay:
            events.setsockopt(zmq.SUBSCRIBE, b"entry.")
            events.setsockopt(zmq.RCVTIMEO, 20_000)
            events.connect(self.vaultd.events)
            path = f"ipc://{self.directory}/relay"
            relay.bind(path)
            relay.setsockopt(zmq.RCVTIMEO, 20_000)
            command = [program("vaultctl"), "--endpoint", self.vaultd.requests, "--events", path, "watch", "--topic",
                       "entry.", "--count", "1", "--json"]
            watch = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                     env=clean_environment(), preexec_fn=end_with_parent)
            relay.recv()  # it has subscribed
            time.sleep(0.5)  # and asked for the head
            self.seal()
            topic, body = events.recv_multipart()
            relay.send_multipart([topic, msgpack.packb({**msgpack.unpackb(body), "verdict": "VOID"})])
            out, err = watch.communicate(timeout=30)
        self.assertEqual(watch.returncode, 1)
        self.assertEqual(json.loads(out)["verdict"], "VOID")
        self.assertIn("hash DOES NOT FIT: entry_hash", err)


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


class RangesByTime(Case):
    """As query has them: from the first entry at a time or later, up to the last one before it."""

    def setUp(self):
        super().setUp()
        for _ in range(3):
            self.seal()
            time.sleep(0.01)
        self.entries = [json.loads(line) for line in self.lines(self.ctl(0, "export"))]

    def sequences(self, *arguments):
        return [json.loads(line)["sequence"] for line in self.lines(self.ctl(0, "export", *arguments))]

    def test_of_export_and_verify(self):
        first, last = self.entries[-3]["timestamp"], self.entries[-1]["timestamp"]
        wanted = [one["sequence"] for one in self.entries if first <= one["timestamp"] < last]
        self.assertEqual(self.sequences("--from", first, "--to", last), wanted)
        self.assertEqual(self.sequences("--from", wanted[0], "--to", last), wanted)
        self.assertEqual(self.sequences("--from", "-1h"), [one["sequence"] for one in self.entries])
        for database in ([], ["--database", VAULTD.database_url()]):
            result = self.json(0, "verify", "--from", first, "--to", last, *database)
            self.assertEqual((result["from"], result["to"], result["checked"]), (wanted[0], wanted[-1], len(wanted)))
            self.assertEqual(self.json(0, "verify", "--to", "now", *database)["to"], self.entries[-1]["sequence"])

    def test_where_there_is_none(self):
        last = self.entries[-1]["timestamp"]
        for arguments in (["--from", "tomorrow"], ["--to", "1999-12-31"], ["--from", last, "--to", last],
                          ["--from", self.entries[-1]["sequence"], "--to", last]):
            for command in (["export"], ["verify"], ["verify", "--database", VAULTD.database_url()]):
                self.assertEqual(self.json(1, *command, *arguments)["code"], "not_found", (command, arguments))

    def test_what_is_neither(self):
        for command in ("export", "verify"):
            for wrong in ("someday", "0", "99999999999999999999", "-5"):
                answer = self.ctl(2, command, f"--from={wrong}")
                self.assertIn("an entry's sequence, from 1, or a time (", answer.stderr, wrong)


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
