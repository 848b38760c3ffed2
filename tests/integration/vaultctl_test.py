"""vaultctl against a running vaultd --embedded: every command that asks the daemon. Run by CTest with VAULT_BIN_DIR."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VaultdProcess, clean_environment, free_ports, make_directory, program  # noqa: E402

# Numbers of every kind, and names that need sorting.
PAYLOAD_TEXT = ('{"z":-0.0,"big":18446744073709551615,"clock":1767225600123456789,"small":-9223372036854775808,'
                '"float":1.152921504606847e18,"one":1.0,"e":1e+30,"tenth":0.1,"text":"naïve \\u2028 \\u0001 🔒",'
                '"k\\ufb33":1,"k\\ud83d\\ude00":2,"deep":[[[{}]]]}')
RECEIPT_MEMBERS = {"sequence", "seal_id", "session_id", "verdict", "authority", "timestamp", "entry_hash", "prev_hash",
                   "merkle_root", "data_hash", "data_salt", "duplicate"}
ENTRY_MEMBERS = (RECEIPT_MEMBERS - {"duplicate"}) | {"seal_data"}
HASH = re.compile(r"[0-9a-f]{64}")


# One for all cases; a case that stops it starts it again. Entries 1 to 5 are those that setUpModule() seals.
VAULTD = VaultdProcess("--origin", "example.org/test")


def setUpModule():
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()
    Case.seals(["SEAL", "VOID", "SEAL", "888_HOLD", "PARTIAL"])


class Case(unittest.TestCase):
    @property
    def vaultd(self):
        return VAULTD

    @staticmethod
    def seals(verdicts, session="s-0"):
        lines = [json.dumps({"session_id": session, "authority": "tester", "verdict": verdict, "seal_data": {"n": n}})
                 for n, verdict in enumerate(verdicts)]
        answer = VAULTD.ctl("seal", "--batch", stdin="\n".join(lines))
        assert answer.returncode == 0, answer.stderr
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vaultctl-test-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def ctl(self, code, *arguments, stdin=None):
        answer = self.vaultd.ctl(*map(str, arguments), stdin=stdin)
        self.assertEqual(answer.returncode, code, f"{arguments}\nstdout: {answer.stdout}\nstderr: {answer.stderr}")
        return answer

    def json(self, code, *arguments, stdin=None):
        answer = self.ctl(code, *arguments, "--json", stdin=stdin)
        self.assertEqual(answer.stderr, "")
        return json.loads(answer.stdout)

    @staticmethod
    def lines(answer):
        """The lines of NDJSON; str.splitlines() would also split at U+2028."""
        return answer.stdout.removesuffix("\n").split("\n")

    def seal(self, *more, session="s-1", data=PAYLOAD_TEXT):
        return self.json(0, "seal", "--session", session, "--authority", "tester", "--verdict", "SEAL", "--data", data,
                         *more)

    def file(self, name, text):
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def vkey(self):
        return self.ctl(0, "checkpoint", "--vkey").stdout.strip()

    def head(self):
        return self.json(0, "head")


class Seal(Case):
    def test_receipt(self):
        before = self.head()
        receipt = self.seal()
        self.assertEqual(set(receipt), RECEIPT_MEMBERS)
        self.assertEqual((receipt["sequence"], receipt["prev_hash"], receipt["duplicate"]),
                         (before["sequence"] + 1, before["entry_hash"], False))
        self.assertEqual(self.head(), {"sequence": receipt["sequence"], "entry_hash": receipt["entry_hash"],
                                       "merkle_root": receipt["merkle_root"], "timestamp": receipt["timestamp"]})

    def test_data_hash_can_be_recomputed_by_hand(self):
        receipt = self.seal()
        canonical = self.ctl(0, "canonicalize", stdin=PAYLOAD_TEXT).stdout.rstrip("\n").encode()
        self.assertEqual(hashlib.sha256(bytes.fromhex(receipt["data_salt"]) + canonical).hexdigest(),
                         receipt["data_hash"])

    def test_payload_from_file_and_stdin(self):
        path = self.file("payload.json", '{"from":"file"}')
        for source, stdin in ((["--data-file", path], None), (["--data-file", "-"], '{"from":"stdin"}'),
                              (["-"], '{"from":"stdin"}')):
            receipt = self.json(0, "seal", "--session", "s-f", "--authority", "a", "--verdict", "SUNSET", *source,
                                stdin=stdin)
            entry = self.json(0, "read", "--seal-id", receipt["seal_id"])["entry"]
            self.assertEqual(entry["seal_data"], {"from": "stdin" if stdin else "file"})

    def test_seal_id_is_idempotent(self):
        seal_id = str(uuid.uuid4())
        first = self.seal("--seal-id", seal_id.upper())
        again = self.seal("--seal-id", seal_id)
        self.assertEqual(again, {**first, "duplicate": True})
        error = self.json(1, "seal", "--session", "s-1", "--authority", "tester", "--verdict", "VOID", "--data", "{}",
                          "--seal-id", seal_id)
        self.assertEqual((error["code"], error["retryable"]), ("seal_id_conflict", False))

    def test_signed_receipt_checks_offline(self):
        path = self.directory / "receipt.json"
        printed = self.seal("--sign", "-o", path)
        self.assertEqual(json.loads(path.read_text()), printed)
        self.assertEqual(set(printed), RECEIPT_MEMBERS | {"leaf_index", "tree_size", "proof", "checkpoint"})
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        data = self.file("data.json", PAYLOAD_TEXT)
        self.ctl(0, "check-receipt", path, "--vkey", self.vkey(), "--data-file", data)
        self.ctl(1, "check-receipt", path, "--vkey", self.vkey(), "--data-file", self.file("other.json", "{}"))
        self.assertEqual([item.name for item in self.directory.iterdir() if "receipt" in item.name], ["receipt.json"])

    def test_a_seal_that_the_daemon_refuses(self):
        big = self.file("big.json", json.dumps({"a": "x" * (2 << 20)}))
        error = self.json(2, "seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data-file", big)
        self.assertEqual(error["code"], "too_large")

    def test_for_people(self):
        answer = self.ctl(0, "seal", "--session", "s-1", "--authority", "a", "--verdict", "SEAL", "--data", "{}")
        self.assertNotIn("\x1b", answer.stdout)
        self.assertIsNone(HASH.search(answer.stdout))
        self.assertRegex(answer.stdout, r"entry hash +[0-9a-f]{16}\n")


class SealBatch(Case):
    def test_many_in_order(self):
        count = 3000
        lines = [json.dumps({"session_id": f"b-{n}", "authority": "a", "verdict": "SEAL", "seal_data": {"n": n}})
                 for n in range(count)]
        path = self.file("seals.ndjson", "\n".join(lines) + "\n")
        receipts = [json.loads(line) for line in self.ctl(0, "seal", "--batch", path).stdout.splitlines()]
        self.assertEqual([receipt["session_id"] for receipt in receipts], [f"b-{n}" for n in range(count)])
        self.assertEqual(len({receipt["sequence"] for receipt in receipts}), count)

    def test_bad_lines_do_not_stop_the_others(self):
        good = {"session_id": "b", "authority": "a", "verdict": "SEAL", "seal_data": {}}
        deep = "[" * 63 + "]" * 63
        lines = [json.dumps(good), "nonsense", "", json.dumps({**good, "verdict": "MAYBE"}),
                 '{"session_id":"b","session_id":"c","authority":"a","verdict":"SEAL","seal_data":{}}',
                 '{"session_id":"b","authority":"a","verdict":"SEAL","seal_data":{"a":1,"a":1}}',
                 json.dumps({**good, "seal_data": "@"}).replace('"@"', '{"a":' + deep + "}"),
                 json.dumps({**good, "seal_data": "@"}).replace('"@"', '{"a":[' + deep + "]}")]
        answer = self.ctl(2, "seal", "--batch", stdin="\n".join(lines))
        results = [json.loads(line) for line in answer.stdout.splitlines()]
        self.assertEqual([result.get("line") for result in results], [None, 2, 4, 5, 6, None, 8])
        self.assertEqual({result["code"] for result in results if "code" in result}, {"invalid_argument"})
        for number in (2, 4, 5, 6, 8):
            self.assertIn(f"line {number}: ", answer.stderr)

    def test_conflict_and_duplicate(self):
        seal_id = str(uuid.uuid4())
        line = {"session_id": "b", "authority": "a", "verdict": "SEAL", "seal_data": {}, "seal_id": seal_id}
        lines = [json.dumps(line), json.dumps(line), json.dumps({**line, "verdict": "VOID"})]
        answer = self.ctl(1, "seal", "--batch", "--json", stdin="\n".join(lines))
        self.assertEqual(answer.stderr, "")
        first, second, third = map(json.loads, answer.stdout.splitlines())
        self.assertEqual({first["sequence"]}, {second["sequence"]})
        self.assertEqual(sorted((first["duplicate"], second["duplicate"])), [False, True])
        self.assertEqual((third["code"], third["line"], third["seal_id"]), ("seal_id_conflict", 3, seal_id))

    def test_receipts_come_while_the_input_stays_open(self):
        process = subprocess.Popen([program("vaultctl"), "seal", "--batch"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                   env={**clean_environment(), "VAULT_ENDPOINT": self.vaultd.requests})
        with process:
            for n in range(3):
                process.stdin.write(json.dumps({"session_id": "open", "authority": "a", "verdict": "SEAL",
                                                "seal_data": {"n": n}}) + "\n")
                process.stdin.flush()
                self.assertEqual(json.loads(process.stdout.readline())["session_id"], "open")
            process.stdin.close()
            self.assertEqual(process.wait(60), 0)

    def test_signed(self):
        line = json.dumps({"session_id": "b", "authority": "a", "verdict": "SEAL", "seal_data": {}})
        answer = self.ctl(0, "seal", "--batch", "--sign", stdin=line)
        self.ctl(0, "check-receipt", self.file("r", answer.stdout), "--vkey", self.vkey())


class Read(Case):
    def test_entry_by_sequence_and_seal_id(self):
        receipt = self.seal()
        result = self.json(0, "read", "--sequence", receipt["sequence"])
        entry = result["entry"]
        self.assertEqual(set(result), {"entry"})
        self.assertLessEqual(ENTRY_MEMBERS, set(entry))
        self.assertEqual({name: entry[name] for name in RECEIPT_MEMBERS - {"duplicate"}},
                         {name: receipt[name] for name in RECEIPT_MEMBERS - {"duplicate"}})
        self.assertEqual(self.json(0, "read", "--seal-id", receipt["seal_id"]), result)
        canonical = self.ctl(0, "canonicalize", stdin=PAYLOAD_TEXT).stdout
        self.assertEqual(entry["seal_data"], json.loads(canonical))

    def test_numbers_survive_the_round_trip(self):
        receipt = self.seal()
        text = self.ctl(0, "read", "--sequence", receipt["sequence"], "--json").stdout
        wanted = self.ctl(0, "canonicalize", stdin=PAYLOAD_TEXT).stdout
        found = text[text.index('"seal_data":') + len('"seal_data":'):]
        payload, _ = json.JSONDecoder().raw_decode(found)
        again = self.ctl(0, "canonicalize", stdin=found[:self.end_of_object(found)]).stdout
        self.assertEqual(again, wanted)
        self.assertEqual((payload["big"], payload["clock"]), (18446744073709551615, 1767225600123456789))

    @staticmethod
    def end_of_object(text):
        return json.JSONDecoder().raw_decode(text)[1]

    def test_session_in_pages(self):
        sealed = [receipt["sequence"] for receipt in self.seals(["SEAL"] * 5, session="pages")]
        first = self.json(0, "read", "--session", "pages", "--limit", "3")
        second = self.json(0, "read", "--session", "pages", "--limit", "3", "--cursor", first["next_cursor"])
        self.assertEqual([entry["sequence"] for entry in first["entries"] + second["entries"]], sorted(sealed))
        self.assertIsNone(second["next_cursor"])

    def test_not_found(self):
        for arguments in (["--sequence", "1000000"], ["--seal-id", str(uuid.uuid4())]):
            self.assertEqual(self.json(1, "read", *arguments)["code"], "not_found")
        self.assertEqual(self.json(0, "read", "--session", "nobody")["entries"], [])

    def test_list(self):
        newest = self.head()["sequence"]
        self.assertEqual([entry["sequence"] for entry in self.json(0, "list", "--limit", "3")["entries"]],
                         [newest, newest - 1, newest - 2])
        self.assertEqual([entry["sequence"] for entry in self.json(0, "list", "--limit", "3", "--order", "asc",
                                                                   "--cursor", "1")["entries"]], [2, 3, 4])
        table = self.ctl(0, "list", "--order", "asc", "--limit", "2")
        self.assertRegex(table.stdout.splitlines()[1], r"^ +1  \S+Z  SEAL +s-0 +tester +[0-9a-f]{16}$")
        self.assertIn("--cursor 2", table.stderr)

    def test_query(self):
        found = self.json(0, "query", "--verdict", "VOID", "--session", "s-0", "--authority", "tester")["entries"]
        self.assertEqual([entry["sequence"] for entry in found], [2])
        third = self.json(0, "read", "--sequence", "3")["entry"]["timestamp"]
        before = self.json(0, "query", "--to", third, "--order", "asc")["entries"]
        after = self.json(0, "query", "--from", third, "--order", "asc", "--limit", "1")["entries"]
        self.assertTrue(all(entry["timestamp"] < third for entry in before))
        self.assertGreaterEqual(after[0]["timestamp"], third)

    def test_status(self):
        status = self.json(0, "status")
        self.assertEqual((status["role"], status["ready"]), ("writer", True))
        self.assertIs(status["database"]["connected"], True)
        self.assertRegex(self.ctl(0, "status").stdout, r"role +writer\n")


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


class Watch(Case):
    def watch(self, *arguments):
        process = subprocess.Popen([program("vaultctl"), "watch", "--json", *arguments], stdout=subprocess.PIPE,
                                   text=True, env={**clean_environment(), "VAULT_ENDPOINT": self.vaultd.requests,
                                                   "VAULT_EVENTS": self.vaultd.events})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def until_it_listens(self, process):
        """A heartbeat comes every second; the first one shows that the subscription stands."""
        line = json.loads(process.stdout.readline())
        self.assertEqual(line["topic"], "heartbeat")

    def test_entries_in_order(self):
        process = self.watch("--topic", "heartbeat", "--topic", "entry.")
        self.until_it_listens(process)
        receipts = self.seals(["SEAL", "VOID", "SUNSET"] * 20, session="watched")
        seen = []
        while len(seen) < len(receipts):
            event = json.loads(process.stdout.readline())
            if event["event"] == "entry":
                self.assertEqual(event["topic"], "entry." + event["verdict"])
                self.assertNotIn("data_salt", event)
                seen.append(event["sequence"])
        self.assertEqual(seen, sorted(receipt["sequence"] for receipt in receipts))

    def test_topics_and_count(self):
        process = self.watch("--topic", "entry.VOID", "--topic", "heartbeat", "--count", "2")
        self.until_it_listens(process)
        self.seals(["SEAL", "SEAL"])
        events = [json.loads(line)["topic"] for line in process.stdout]
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(len(events), 1)
        self.assertIn(events[0], ("heartbeat", "entry.VOID"))

    def test_interrupt_is_a_clean_end(self):
        process = self.watch()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(30), 0)

    def test_entries_of_a_pause_are_filled_in(self):
        """While the watcher is stopped, vaultd is restarted: events of that time are gone, the entries are not."""
        process = self.watch("--topic", "heartbeat", "--topic", "entry.")
        self.until_it_listens(process)
        first = self.seal()["sequence"]
        while True:
            if json.loads(process.stdout.readline())["event"] == "entry":
                break
        process.send_signal(signal.SIGSTOP)
        missed = self.seals(["SEAL"] * 3)
        self.vaultd.restart()
        process.send_signal(signal.SIGCONT)
        last = self.seal()["sequence"]
        seen = []
        while not seen or seen[-1] < last:
            event = json.loads(process.stdout.readline())
            if event["event"] == "entry":
                seen.append(event["sequence"])
        self.assertEqual(seen, list(range(first + 1, last + 1)))
        self.assertEqual(len(seen), len(missed) + 1)


class Outage(Case):
    def test_stopped_and_started_again(self):
        head = self.head()
        self.assertEqual(self.vaultd.stop(), 0)
        self.assertEqual(self.json(3, "head", "--timeout", "500ms")["code"], "unavailable")
        self.assertIn("does not answer", self.ctl(3, "list").stderr)
        answer = self.ctl(3, "seal", "--batch", stdin="{}\n")
        self.assertEqual(answer.stdout, "")
        self.vaultd.start()
        self.assertEqual(self.head(), head)
        self.ctl(0, "verify")

    def test_killed_and_started_again(self):
        receipt = self.seal()
        self.vaultd.kill()
        self.vaultd.start()
        self.assertEqual(self.json(0, "read", "--sequence", receipt["sequence"])["entry"]["entry_hash"],
                         receipt["entry_hash"])

    def test_a_batch_lives_through_a_restart(self):
        """Requests in flight are lost with the daemon; they are sent again under the same seal_id."""
        lines = [json.dumps({"session_id": "through", "authority": "a", "verdict": "SEAL", "seal_data": {"n": n}})
                 for n in range(4000)]
        path = self.file("seals", "\n".join(lines))
        out = self.directory / "out"
        with open(out, "w", encoding="utf-8") as stdout:
            process = subprocess.Popen([program("vaultctl"), "seal", "--batch", str(path), "--timeout", "60s"],
                                       stdout=stdout, stderr=subprocess.DEVNULL,
                                       env={**clean_environment(), "VAULT_ENDPOINT": self.vaultd.requests})
            until = time.monotonic() + 60
            while os.path.getsize(out) == 0 and time.monotonic() < until:
                time.sleep(0.01)
            self.vaultd.restart()
            self.assertEqual(process.wait(150), 0)
        receipts = [json.loads(line) for line in out.read_text().splitlines()]
        self.assertEqual(len(receipts), 4000)
        self.assertEqual(len({receipt["sequence"] for receipt in receipts}), 4000)


class Curve(unittest.TestCase):
    """Keys as `keygen --curve` makes them, for vaultd and for its peers."""

    @classmethod
    def setUpClass(cls):
        cls.directory = make_directory()
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        clients = cls.directory / "clients"
        clients.mkdir()
        server_key = cls.keys("server")
        for name, roles in (("both", ["producer", "reader"]), ("producer", ["producer"]), ("stranger", None)):
            public = cls.keys(name)
            (cls.directory / name / "server.toml").write_text(f'public_key = "{server_key}"\n')
            if roles is not None:
                (clients / f"{name}.toml").write_text(f'public_key = "{public}"\nroles = {json.dumps(roles)}\n')
        cls.requests, cls.events = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
        cls.vaultd = VaultdProcess("--requests", cls.requests, "--events", cls.events,
                                   environment={"VAULT_CURVE_SERVER_KEY": str(cls.directory / "server/secret.toml"),
                                                "VAULT_CURVE_CLIENTS": str(clients)})
        cls.addClassCleanup(cls.vaultd.remove)
        cls.vaultd.start()

    @classmethod
    def keys(cls, name):
        return subprocess.run([program("vaultctl"), "keygen", "--curve", "-o", cls.directory / name], check=True,
                              capture_output=True, text=True, timeout=60).stdout.strip()

    def ctl(self, code, name, *arguments):
        answer = self.vaultd.ctl("--endpoint", self.requests, "--events", self.events, "--key-dir",
                                 str(self.directory / name), *arguments, "--json")
        self.assertEqual(answer.returncode, code, f"{arguments}\nstdout: {answer.stdout}\nstderr: {answer.stderr}")
        return json.loads(answer.stdout.splitlines()[0])

    def test_roles(self):
        seal = ["seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}"]
        receipt = self.ctl(0, "both", *seal)
        self.assertEqual(self.ctl(0, "both", "read", "--seal-id", receipt["seal_id"])["entry"]["sequence"],
                         receipt["sequence"])
        self.ctl(0, "producer", *seal)
        self.assertEqual(self.ctl(1, "producer", "head")["code"], "forbidden")

    def test_a_stranger_is_not_let_in(self):
        self.assertEqual(self.ctl(3, "stranger", "--timeout", "2s", "head")["code"], "unavailable")

    def test_watch(self):
        self.assertEqual(self.ctl(0, "both", "watch", "--topic", "heartbeat", "--count", "1")["event"], "heartbeat")


if __name__ == "__main__":
    unittest.main()
