"""vaultctl against a running vaultd --embedded: sealing and reading. Run by CTest with VAULT_BIN_DIR."""
import hashlib
import json
import pathlib
import subprocess
import sys
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_load import wait_status  # noqa: E402
from support.vaultctl_case import ENTRY_MEMBERS, PAYLOAD_TEXT, RECEIPT_MEMBERS, VaultctlCase, start_with_five_entries  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, program  # noqa: E402


# One vaultd for all cases; a case that stops it starts it again.
VAULTD = VaultdProcess("--origin", "example.org/test")


def setUpModule():
    start_with_five_entries(Case)


class Case(VaultctlCase):
    vaultd = VAULTD


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
        self.assertRegex(answer.stdout, r"entry hash +[0-9a-f]{64}\n")


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
        self.assertRegex(table.stdout.splitlines()[1], r"^ +1  \S+Z  SEAL +s-0 +tester +[0-9a-f]{16}…$")
        self.assertIn("--cursor 2", table.stderr)

    def test_query(self):
        found = self.json(0, "query", "--verdict", "VOID", "--session", "s-0", "--authority", "tester")["entries"]
        self.assertEqual([entry["sequence"] for entry in found], [2])
        third = self.json(0, "read", "--sequence", "3")["entry"]["timestamp"]
        before = self.json(0, "query", "--to", third, "--order", "asc")["entries"]
        after = self.json(0, "query", "--from", third, "--order", "asc", "--limit", "1")["entries"]
        self.assertTrue(all(entry["timestamp"] < third for entry in before))
        self.assertGreaterEqual(after[0]["timestamp"], third)

    def test_times_as_people_write_them(self):
        total = self.head()["sequence"]
        for time in ("yesterday", "-1h", "1 day ago", "2026-01-01", "2026-01-01 12:00", "2026-W01-1",
                     "2026-01-01T12:00:00.5+01:00", "20260101T120000Z"):
            found = self.json(0, "query", "--from", time, "--order", "asc", "--limit", "1")["entries"]
            self.assertEqual([entry["sequence"] for entry in found], [1], time)
            self.assertEqual(self.json(0, "query", "--to", time)["entries"], [], time)
        self.assertEqual(len(self.json(0, "query", "--to", "tomorrow", "--limit", "1000")["entries"]), total)
        self.assertIn("yesterday", self.ctl(2, "query", "--from", "last week").stderr)

    def test_status(self):
        status = self.json(0, "status")
        self.assertEqual((status["role"], status["ready"]), ("writer", True))
        self.assertIs(status["database"]["connected"], True)
        # The writer reports its counters once a second.
        wait_status(self.vaultd.requests, lambda counted: counted["counters"]["commits"] > 0)
        shown = self.ctl(0, "status").stdout
        self.assertRegex(shown, r"role +writer, for [^\n]+\n")
        self.assertRegex(shown, r"\ncommit +\d+ in all, half at most [\d.]+ m?s, 99 % at most [\d.]+ m?s\n")
        self.assertRegex(shown, r"\nprocess resident memory +[\d.]+ MiB\n")
        self.assertNotIn("bounds", shown)
        self.assertRegex(shown, r"\nqueue +\d+ bytes\n")
        self.assertRegex(shown, r"\nfeatures +[^\[\"\n]+\n")


if __name__ == "__main__":
    unittest.main()
