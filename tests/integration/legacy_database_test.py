"""vaultctl legacy import --database: the table of the old Python service, in a real PostgreSQL, filled by an
independent implementation of its rules (tests/support/old_service.py). Run by CTest with VAULT_BIN_DIR.
"""
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import legacy_vault, old_service  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, program  # noqa: E402

VAULTD = VaultdProcess()
NUMBER = iter(range(1, 1_000_000))
# A sanitizer's own memory is not ours.
MEASURE = "asan" not in os.environ.get("VAULT_BIN_DIR", "") and "tsan" not in os.environ.get("VAULT_BIN_DIR", "")
# Runs a program and prints its largest resident memory, in KiB, on stderr. A process of its own, because the count of a
# forked child begins with the size of its parent.
# counts begins with the size of its parent.
PEAK = """import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)"""


def setUpModule():
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()


class OldDatabase:
    """A database beside vaultd's, in the server that the test has anyway; emptied for each test."""

    def __init__(self):
        self.url = f"host={VAULTD.data}/run user=vault dbname=old"
        if not VAULTD.sql("SELECT 1 FROM pg_database WHERE datname = 'old'"):
            VAULTD.sql("CREATE DATABASE old")
        self.sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS before CASCADE; DROP SCHEMA public CASCADE;"
                 "CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC")

    def sql(self, text):
        answer = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url], input=text,
                                capture_output=True, text=True, timeout=240, check=False, env=clean_environment())
        if answer.returncode != 0:
            raise RuntimeError(f"psql: {answer.stderr}")

    def fill(self, rows, **table):
        rows = list(rows)
        schema = {name: table[name] for name in ("schema",) if name in table}
        self.sql(old_service.table_sql(**table) + old_service.fill_sql(rows, **schema))
        return rows


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.database = OldDatabase()
        # Records are identified by their content, so each test needs its own rows.
        self.tag = f"{self.id().rsplit('.', 1)[1]}-{next(NUMBER)}"
        self.before = json.loads(VAULTD.ctl("head", "--json").stdout)["sequence"]

    def rows(self, payloads, **more):
        return old_service.make_rows(payloads, self.tag, **more)

    def run_import(self, code, *arguments, environment=None):
        answer = VAULTD.ctl("legacy", "import", "--database", self.database.url, *arguments, environment=environment,
                            timeout_s=240)
        self.assertEqual(answer.returncode, code, f"stdout: {answer.stdout}\nstderr: {answer.stderr}")
        return answer

    def json(self, code, *arguments, **more):
        answer = self.run_import(code, *arguments, "--json", **more)
        self.assertEqual(answer.stderr, "")
        return json.loads(answer.stdout)

    def sealed(self):
        """This test's entries of the ledger, by the old sequence."""
        out, more = {}, ["--cursor", str(self.before)] if self.before else []
        while more is not None:
            answer = VAULTD.ctl("query", "--authority", "legacy_migration", "--order", "asc", "--limit", "1000", "--json",
                                *more)
            assert answer.returncode == 0, answer
            page = json.loads(answer.stdout)
            for entry in page["entries"]:
                data = entry["seal_data"].get("legacy_data")
                if data and data.get("session_id", "").startswith(self.tag + "-"):
                    self.assertNotIn(data["sequence"], out)
                    out[data["sequence"]] = entry
            more = None if page["next_cursor"] is None else ["--cursor", str(page["next_cursor"])]
        return out

    def named(self, answer):
        """sequence -> reason of each reported problem."""
        for one in answer["problems"]:
            self.assertEqual((one["file"], one["line"]), ("vault_ledger", one["sequence"]), one)
        return {one["sequence"]: one["reason"] for one in answer["problems"]}


class Good(Case):
    def expect(self, row, **more):
        raw = old_service.raw_bytes(row)
        data = {"legacy_kind": "database", "legacy_source": "vault_ledger",
                "legacy_sha256": hashlib.sha256(raw).hexdigest(), "legacy_timestamp": row["timestamp"],
                "legacy_data": {name: row[name] for name in old_service.COLUMNS}, "legacy_hash_valid": True,
                "legacy_chain_valid": True, "legacy_root_valid": True, **more}
        return {"session_id": row["session_id"], "authority": "legacy_migration",
                "seal_id": legacy_vault.seal_id("vault_ledger", raw), "seal_data": data}

    def check(self, rows, answer):
        sealed = self.sealed()
        self.assertEqual(list(sealed), [row["sequence"] for row in rows])
        for row in rows:
            entry = sealed[row["sequence"]]
            expected = self.expect(row)
            self.assertEqual({name: entry[name] for name in expected}, expected)
            self.assertEqual(entry["verdict"], row["verdict"])
        self.assertEqual(answer["database"], {"rows": len(rows), "hash_invalid": 0, "hash_unknown": 0, "chain_invalid": 0,
                                              "root_invalid": 0, "head_valid": True})

    def test_every_shape_of_the_table(self):
        for seal_data in ("JSONB", "TEXT", "JSON"):
            for head in old_service.HEAD_COLUMNS:
                for timestamp in ("TIMESTAMPTZ", "TEXT"):
                    with self.subTest(seal_data=seal_data, head=head, timestamp=timestamp):
                        self.setUp()
                        rows = self.database.fill(
                            self.rows(old_service.plain_payloads(11), gap_every=4), seal_data=seal_data, head=head,
                            timestamp=timestamp, seal_id="UUID" if timestamp == "TIMESTAMPTZ" else "VARCHAR(36)")
                        answer = self.json(0)
                        self.assertEqual((answer["imported"], answer["duplicates"], answer["problems"],
                                          answer["kinds"]["database"]), (11, 0, [], 11))
                        self.check(rows, answer)
                        again = self.json(0)
                        self.assertEqual((again["imported"], again["duplicates"], again["problems_known"]), (0, 11, 0))
        self.assertTrue(json.loads(VAULTD.ctl("verify", "--json").stdout)["valid"])

    def test_sizes_around_powers_of_two(self):
        for size in (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33):
            with self.subTest(size=size):
                self.setUp()
                rows = self.database.fill(self.rows(old_service.plain_payloads(size)))
                if rows:
                    self.assertEqual(rows[-1]["merkle_root"], old_service.root_of([row["entry_hash"] for row in rows]))
                self.check(rows, self.json(0))

    def test_growing_between_two_runs(self):
        rows = list(self.rows(old_service.plain_payloads(30)))
        self.database.fill(rows[:20])
        self.assertEqual(self.json(0)["imported"], 20)
        self.database.sql("TRUNCATE vault_head;" + old_service.fill_sql(rows[20:]))
        answer = self.json(0)
        self.assertEqual((answer["imported"], answer["duplicates"]), (10, 20))
        self.check(rows, answer)

    def test_a_dry_run_checks_and_asks_nobody(self):
        self.database.fill(self.rows(old_service.plain_payloads(5)))
        answer = self.json(0, "--dry-run", environment={"VAULT_ENDPOINT": "ipc:///nowhere"})
        self.assertEqual((answer["dry_run"], answer["records"], answer["database"]["rows"]), (True, 5, 5))
        told = self.run_import(0, "--dry-run").stdout
        for words in ("5 records would be sealed", "merkle_root wrong", "head"):
            self.assertIn(words, told)
        self.assertEqual(self.sealed(), {})

    def test_in_a_schema(self):
        self.database.fill(self.rows(old_service.plain_payloads(3)), schema="before")
        self.assertEqual(self.json(0, "--schema", "before")["imported"], 3)
        self.assertIn("no table vault_ledger", self.json(2)["message"])

    def test_old_spellings_of_verdicts(self):
        rows = self.database.fill(self.rows(old_service.plain_payloads(3), verdicts=("HOLD_888", "VOID", "MAYBE")))
        answer = self.json(0)
        self.assertEqual(answer["imported"], 3)
        sealed = self.sealed()
        self.assertEqual([sealed[row["sequence"]]["verdict"] for row in rows], ["888_HOLD", "VOID", "SEAL"])
        self.assertEqual(sealed[3]["seal_data"]["legacy_verdict"], "MAYBE")


class Numbers(Case):
    """jsonb keeps values, not the texts that were hashed."""

    LOST = (1e16, -0.0, 1.5e-7, 5e-324, 1e22, [0.0, -0.0, 1e16, 10**16], {"deep": [1e-5, 123456789012345680.0]})
    KEPT = (0.0, 0.1, 1.0, 1e15, 123456.789, 10**16, 2**63 - 1, -(10**17), 1e-4, -12.5, 9999999999999998.0)

    def test_jsonb(self):
        rows = self.database.fill(self.rows([{"x": value} for value in (*self.LOST, *self.KEPT)]))
        answer = self.json(0)
        self.assertEqual((answer["imported"], answer["database"]["hash_unknown"], answer["database"]["hash_invalid"]),
                         (len(rows), len(self.LOST), 0))
        told = {int(sequence): entry["seal_data"]["legacy_hash_valid"] for sequence, entry in self.sealed().items()}
        self.assertEqual(told, {row["sequence"]: None if row["sequence"] <= len(self.LOST) else True for row in rows
                                if row["sequence"] in told})
        self.assertGreaterEqual(len(told), len(rows) - 1)  # one of them has no JSON that a payload may hold

    def test_text_keeps_them(self):
        self.database.fill(self.rows([{"x": value} for value in (*self.LOST, *self.KEPT)]), seal_data="TEXT")
        self.assertEqual(self.json(0)["database"],
                         {"rows": len(self.LOST) + len(self.KEPT), "hash_invalid": 0, "hash_unknown": 0,
                          "chain_invalid": 0, "root_invalid": 0, "head_valid": True})

    def test_a_number_that_jsonb_respells_hides_no_change(self):
        self.database.fill(self.rows([{"x": 1e16, "y": 0.0, "who": "ana"}, {"x": 1e16, "y": -0.0, "who": "ana"}]))
        self.database.sql("UPDATE vault_ledger SET seal_data = jsonb_set(seal_data, '{who}', '\"eve\"')")
        answer = self.json(1)
        self.assertEqual((sorted(self.named(answer)), answer["database"]["hash_invalid"]), ([1, 2], 2))

    def test_random_values(self):
        seed = random.randrange(2**32)
        source = random.Random(seed)

        def value(depth):
            kind = source.randrange(7 if depth < 3 else 5)
            if kind == 0:
                return source.choice([None, True, False])
            if kind == 1:
                return source.choice([0, -1, 10**16, 2**63 - 1, -(2**63), source.randrange(10**9)])
            if kind == 2:
                return source.choice([source.random(), source.uniform(-1e20, 1e20), 10.0 ** source.randrange(-30, 30), 0.5])
            if kind <= 4:
                return "".join(source.choice('aZ "\\/\b\f\n\r\t\x1f\x7f\x80é€ﬀ\uffff🔒\U0010ffff') for _ in range(5))
            if kind == 5:
                return [value(depth + 1) for _ in range(source.randrange(4))]
            return {f"m{value(9)}": value(depth + 1) for _ in range(source.randrange(5))}

        rows = list(self.rows([{"a": value(0), "b": value(0)} for _ in range(500)]))
        self.database.fill(rows, seal_data="TEXT")
        answer = self.json(0, "--dry-run")["database"]
        self.assertEqual((answer["hash_invalid"], answer["hash_unknown"]), (0, 0), f"seed {seed}")
        self.setUp()
        self.database.fill(rows)
        answer = self.json(0, "--dry-run")["database"]
        self.assertEqual((answer["rows"], answer["hash_invalid"]), (500, 0), f"seed {seed}")


class Tampered(Case):
    def setUp(self):
        super().setUp()
        self.database.fill(self.rows(old_service.plain_payloads(40)))

    def names(self, sql, expected, head_valid=True):
        """Imports after this change: each row is reported with these words, and known the second time."""
        self.database.sql(sql)
        answer = self.json(1)
        rows = {one["sequence"]: one["reason"] for one in answer["problems"] if one["file"] == "vault_ledger"}
        self.assertEqual(sorted(rows), sorted(expected), answer["problems"])
        for sequence, words in expected.items():
            for word in words:
                self.assertIn(word, rows[sequence])
        self.assertEqual(answer["database"]["head_valid"], head_valid)
        again = self.json(0)
        self.assertEqual((again["imported"], again["problems"], again["problems_known"]),
                         (0, [], len(answer["problems"])))
        return answer

    def test_columns(self):
        for number, change in enumerate(("session_id = session_id || 'x'", "seal_id = gen_random_uuid()",
                                         "timestamp = timestamp + interval '1 microsecond'", "authority = 'eve'",
                                         "verdict = 'SUNSET'", "seal_data = seal_data || '{\"n\": -1}'")):
            with self.subTest(change=change):
                if number > 0:
                    self.setUp()
                answer = self.names(f"UPDATE vault_ledger SET {change} WHERE sequence = 20", {20: ["entry_hash is wrong"]})
                self.assertEqual(answer["imported"], 40)
                data = {sequence: entry["seal_data"] for sequence, entry in self.sealed().items()}
                self.assertEqual([sequence for sequence, one in data.items() if not one["legacy_hash_valid"]], [20])
                self.assertEqual({one["legacy_root_valid"] for one in data.values()}, {True})

    def test_hash(self):
        self.names(f"UPDATE vault_ledger SET entry_hash = '{'a' * 64}' WHERE sequence = 20", {20: ["entry_hash is wrong"]})

    def test_prev_hash(self):
        self.names(f"UPDATE vault_ledger SET prev_hash = '{'a' * 64}' WHERE sequence = 20",
                   {20: ["entry_hash is wrong", "prev_hash is not"]})

    def test_root(self):
        self.names(f"UPDATE vault_ledger SET merkle_root = '{'a' * 64}' WHERE sequence = 20", {20: ["merkle_root"]})

    def test_a_row_that_is_gone(self):
        self.names("DELETE FROM vault_ledger WHERE sequence = 20", {21: ["prev_hash is not the entry_hash of the row "
                                                                         "before it (19)"]})

    def test_rows_that_are_gone(self):
        answer = self.names("DELETE FROM vault_ledger WHERE sequence BETWEEN 20 AND 22",
                            {23: ["prev_hash", "merkle_root"]})
        self.assertEqual(answer["database"]["root_invalid"], 18)

    def test_the_first_rows_are_gone(self):
        self.names("DELETE FROM vault_ledger WHERE sequence <= 2", {3: ["not the first row"]})

    def test_the_last_rows_are_gone(self):
        answer = self.names("DELETE FROM vault_ledger WHERE sequence > 38", {}, head_valid=False)
        self.assertEqual(answer["imported"], 38)
        self.assertEqual([(one["file"], one["line"]) for one in answer["problems"]], [("vault_head", None)])
        self.assertIn("rows after that are gone", answer["problems"][0]["reason"])

    def test_a_row_rewritten_with_its_hash(self):
        row = dict(next(row for row in self.rows(old_service.plain_payloads(40)) if row["sequence"] == 20))
        row["verdict"] = "SEAL"
        self.names(f"UPDATE vault_ledger SET verdict = 'SEAL', entry_hash = '{old_service.entry_hash(row)}' "
                   "WHERE sequence = 20", {20: ["merkle_root"], 21: ["prev_hash is not"]})

    def test_changed_after_the_import(self):
        self.assertEqual(self.json(0)["imported"], 40)
        self.database.sql("UPDATE vault_ledger SET verdict = 'SUNSET' WHERE sequence = 20")
        answer = self.json(1)
        self.assertEqual((answer["imported"], answer["duplicates"], sorted(self.named(answer))), (1, 39, [20]))
        self.assertEqual(self.json(0)["problems_known"], 1)

    def test_in_words(self):
        self.database.sql("UPDATE vault_ledger SET authority = 'eve' WHERE sequence = 20")
        answer = self.run_import(1)
        self.assertIn("vault_ledger: row 20: its entry_hash is wrong: computed ", answer.stderr)
        self.assertRegex(answer.stdout, r"(?m)^entry_hash wrong +1$")
        answer = self.run_import(0)
        self.assertEqual(answer.stderr, "")
        self.assertRegex(answer.stdout, r"(?m)^problems known before +1$")


class Refused(Case):
    def test_what_is_no_such_table(self):
        self.assertIn("no table vault_ledger", self.json(2)["message"])
        self.database.sql("CREATE TABLE vault_ledger (sequence BIGINT, session_id TEXT)")
        self.assertIn("no column seal_id, timestamp, authority", self.json(2)["message"])
        answer = VAULTD.ctl("legacy", "import", "--database", VAULTD.database_url(), "--json")
        self.assertEqual(answer.returncode, 2, answer)
        self.assertIn("a ledger of vaultd's own", json.loads(answer.stdout)["message"])

    def test_one_of_the_two(self):
        for arguments in ((), ("/nowhere", "--database", self.database.url), ("/nowhere", "--schema", "before")):
            answer = VAULTD.ctl("legacy", "import", *arguments)
            self.assertEqual(answer.returncode, 2, answer)

    def test_no_server_and_no_right(self):
        answer = VAULTD.ctl("legacy", "import", "--database", "host=/nowhere dbname=x", "--json")
        self.assertEqual(answer.returncode, 3, answer)
        self.database.fill(self.rows(old_service.plain_payloads(1)))
        answer = VAULTD.ctl("legacy", "import", "--database", self.database.url + " options='-c role=vault_reader'",
                            "--json")
        self.assertIn("permission denied", json.loads(answer.stdout)["message"])
        self.assertNotEqual(answer.returncode, 0)

    def test_what_cannot_be_sealed_is_named(self):
        rows = self.database.fill(self.rows(old_service.plain_payloads(6)), seal_data="TEXT")
        self.database.sql(
            "UPDATE vault_ledger SET seal_data = '{\"x\": NaN}' WHERE sequence = 2;"
            "UPDATE vault_ledger SET seal_data = '{\"x\": \"' || repeat('y', 17 << 20) || '\"}' WHERE sequence = 3;"
            "UPDATE vault_ledger SET session_id = 'vaultd/x' WHERE sequence = 4;"
            "UPDATE vault_ledger SET seal_data = '{\"x\": \"\\u0000\"}' WHERE sequence = 5;")
        answer = self.json(1)
        self.assertEqual(sorted(self.named(answer)), [2, 3, 4, 5])
        for sequence, words in {2: ["not JSON"], 3: ["larger than"], 4: ["entry_hash is wrong", "forbidden"],
                                5: ["entry_hash is wrong"]}.items():
            told = " ".join(one["reason"] for one in answer["problems"] if one["sequence"] == sequence)
            for word in words:
                self.assertIn(word, told)
        self.assertEqual((answer["imported"], answer["raw"]), (len(rows) - 2, 1))
        # Rows that could not be sealed are reported each time; sealed ones are known.
        again = self.json(1)
        self.assertEqual((sorted(self.named(again)), again["problems_known"]), ([3, 4], 2))


class Large(Case):
    ROWS = 100_000 if MEASURE else 10_000

    def test_streaming(self):
        rows = self.rows(old_service.plain_payloads(self.ROWS), gap_every=1000)
        self.database.sql(old_service.table_sql() + old_service.fill_sql(rows))
        child = subprocess.run([program("vaultctl"), "--json", "legacy", "import", "--dry-run", "--database",
                                self.database.url], capture_output=True, text=True, check=False, timeout=240,
                               env=clean_environment())
        self.assertEqual(child.returncode, 0, child.stderr)
        self.assertEqual(json.loads(child.stdout)["records"], self.ROWS)
        answer = self.json(0)
        self.assertEqual((answer["imported"], answer["database"]["rows"], answer["problems"]), (self.ROWS, self.ROWS, []))
        self.assertEqual(self.json(0)["duplicates"], self.ROWS)

    def test_memory_is_bounded_whatever_the_table_holds(self):
        # 120 rows of 2 MiB each, all wrong.
        self.database.sql(old_service.table_sql(seal_data="TEXT"))
        self.database.sql(
            "INSERT INTO vault_ledger SELECT i, '" + self.tag + "-' || i, gen_random_uuid(), now(), 'a', 'SEAL', "
            "'{\"x\": \"' || repeat(md5(i::text), 65536) || '\"}', repeat('1', 64), repeat('2', 64), repeat('3', 64) "
            "FROM generate_series(1, 120) i")
        answer = subprocess.run([sys.executable, "-S", "-c", PEAK, program("vaultctl"), "--json", "legacy", "import",
                                 "--dry-run", "--database", self.database.url], capture_output=True, text=True,
                                check=False, timeout=240, env=clean_environment())
        self.assertEqual(answer.returncode, 1, answer.stderr)
        self.assertEqual(json.loads(answer.stdout)["database"]["hash_invalid"], 120)
        if MEASURE:
            self.assertLess(int(answer.stderr), 150 * 1024)


if __name__ == "__main__":
    unittest.main()
