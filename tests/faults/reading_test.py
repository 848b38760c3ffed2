"""Checks the reference that all fault tests compare with (support/ledger_reading.py): it agrees with the vectors, sees
each kind of damage, and misses no entry that no event reported.
"""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import ledger_reading  # noqa: E402
from support.fault_load import Follower  # noqa: E402
from support.ledger_reading import LedgerReading, Wrong  # noqa: E402
from support.vaultd_process import VECTORS_DIR  # noqa: E402


class FakeDatabase:
    """Answers the reading's queries with entries made here that lead to each other."""

    def __init__(self, count):
        self.rows, tree, before = [], ledger_reading.Tree(), ledger_reading.ZEROS
        for number in range(1, count + 1):
            payload, salt = {"n": number, "t": "\u00e9"}, f"{number:032x}"
            fields = {"authority": "a", "data_hash": ledger_reading.data_hash(salt, payload), "prev_hash": before,
                      "seal_id": f"00000000-0000-0000-0000-{number:012x}", "sequence": number, "session_id": "s",
                      "timestamp": f"2026-11-28T00:00:{number % 60:02d}.000000Z" if number < 60 else
                                   f"2026-11-28T01:00:00.{number:06d}Z", "v": 1, "verdict": "SEAL"}
            before = ledger_reading.sha256(b"\x00" + ledger_reading.leaf_data(fields)).hex()
            tree.add(bytes.fromhex(before))
            self.rows.append([number, "s", fields["seal_id"], fields["timestamp"], "a", "SEAL", payload, salt, before,
                              fields["prev_hash"], tree.roots[-1]])
        self.tiles = [["0", str(i), b"".join(tree.leaves[i * 256:(i + 1) * 256]).hex(),
                       ledger_reading.root_of(tree.leaves[i * 256:(i + 1) * 256]).hex()] for i in range(count // 256)]
        self.head = [count, before, tree.roots[-1]]

    def sql(self, text):
        if "FROM vault_head" in text:
            return [[str(one) for one in self.head]]
        if "FROM vault_tile" in text:
            return self.tiles
        if "string_agg" in text:
            upto = int(text.rpartition("<= ")[2])
            old = [row[8] for row in self.rows if row[0] <= upto]
            return [[str(len(old)), ledger_reading.sha256("".join(old).encode()).hex()]]
        if "json_build_array" in text:
            after, upto = int(text.partition("sequence > ")[2].split()[0]), int(text.rpartition("<= ")[2].split()[0])
            return [[json.dumps(row)] for row in self.rows if after < row[0] <= upto]
        return [[str(sum(row[0] > self.head[0] for row in self.rows))]]

    def receipt(self, number):
        row = self.rows[number - 1]
        names = ("sequence", "session_id", "seal_id", "timestamp", "authority", "verdict", None, "data_salt",
                 "entry_hash", "prev_hash", "merkle_root")
        receipt = {name: value for name, value in zip(names, row, strict=True) if name}
        receipt["data_hash"] = ledger_reading.data_hash(row[7], row[6])
        return receipt


class Reading(unittest.TestCase):
    def setUp(self):
        self.database = FakeDatabase(300)
        self.reading = LedgerReading(self.database.sql)

    def refused(self, word):
        with self.assertRaisesRegex(Wrong, word):
            self.reading.read_all()

    def test_what_is_whole(self):
        self.reading.read_all()
        self.assertEqual(self.reading.size, 300)
        self.assertEqual(0, self.reading.read_on())
        self.reading.check_receipt(self.database.receipt(7))

    def test_damaged_rows(self):
        for column, value, word in ((0, 301, "missing"), (3, "2026-01-01T00:00:00.000000Z", "follow"),
                                    (5, "VOID", "entry_hash"), (6, {"n": 0}, "entry_hash"), (7, "00" * 16, "entry_hash"),
                                    (9, "00" * 32, "follow"), (10, "00" * 32, "merkle_root"),
                                    (2, "00000000-0000-0000-0000-000000000001", "twice")):
            with self.subTest(column=column):
                self.setUp()
                self.database.rows[99][column] = value
                self.refused(word)

    def test_what_is_gone(self):
        del self.database.rows[-1]
        self.refused("vault_head")
        self.setUp()
        del self.database.rows[5]
        self.refused("missing")
        self.setUp()
        self.database.tiles[0][2] = "00" + self.database.tiles[0][2][2:]
        self.refused("tile")

    def test_what_was_read_before_changes(self):
        self.reading.read_all()
        self.database.rows[3][8] = "00" * 32
        with self.assertRaisesRegex(Wrong, "changed"):
            self.reading.read_on()
        self.setUp()
        self.reading.read_all()
        self.database.head[0] = 299
        with self.assertRaisesRegex(Wrong, "back"):
            self.reading.read_on()

    def test_receipts_that_name_something_else(self):
        self.reading.read_all()
        for name, value in (("sequence", 8), ("sequence", 301), ("entry_hash", "00" * 32), ("merkle_root", "00" * 32),
                            ("data_hash", "00" * 32), ("authority", "b")):
            with self.subTest(name=name), self.assertRaises(Wrong):
                self.reading.check_receipt({**self.database.receipt(7), name: value})
        seal = {"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_data": {"n": 7, "t": "\u00e9"},
                "seal_id": self.database.receipt(7)["seal_id"]}
        self.reading.check_receipt(self.database.receipt(7), seal)
        with self.assertRaises(Wrong):
            self.reading.check_receipt(self.database.receipt(7), {**seal, "seal_data": {"n": 8, "t": "\u00e9"}})

    def test_entries_that_no_event_told_of(self):
        def told(*events):
            follower = Follower(None)
            for seq, sequence in events:
                follower.take("entry.SEAL", {"event": "entry" if sequence else "heartbeat", "seq": seq, "sequence": sequence,
                                             "entry_hash": ""})
            return follower.unexplained

        self.assertEqual(told((7, 5), (8, 6), (9, None), (10, 7)), [])
        self.assertEqual(told((7, 5), (9, 7), (12, None), (13, 12)), [])  # holes say so
        self.assertEqual(told((7, 5), (1, 9), (2, 10)), [])  # a new run
        self.assertEqual(told((7, 5), (8, 7)), [(5, 7)])
        self.assertEqual(told((7, 5), (9, None), (10, 8), (11, 10)), [(8, 10)])

    def test_the_vectors(self):
        vectors = json.loads((VECTORS_DIR / "entries.json").read_text("utf-8"))
        for one in vectors["entries"]:
            leaf = ledger_reading.leaf_data({**one["entry"], "data_hash": one["data_hash"], "v": 1})
            self.assertEqual(leaf.decode(), one["leaf_data"])
            self.assertEqual(ledger_reading.sha256(b"\x00" + leaf).hex(), one["entry_hash"])
            self.reading.tree = self.reading.tree if one["entry"]["sequence"] > 1 else ledger_reading.Tree()
            self.reading.tree.add(bytes.fromhex(one["entry_hash"]))
            self.assertEqual(self.reading.tree.roots[-1], one["merkle_root"])
        note = vectors["checkpoint"]
        self.assertEqual(self.reading.check_note(note, vectors["vkey"]), len(vectors["entries"]))
        size = note.split("\n")[1]
        with self.assertRaisesRegex(Wrong, "signature"):
            self.reading.check_note(note.replace(f"\n{size}\n", f"\n{int(size) - 1}\n"), vectors["vkey"])
        self.reading.tree.roots[-1] = "00" * 32
        with self.assertRaisesRegex(Wrong, "continue"):
            self.reading.check_note(note, vectors["vkey"])


if __name__ == "__main__":
    unittest.main()
