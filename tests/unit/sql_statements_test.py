"""Constructs that the store's statements must not use, so that a database which forwards them to another server accepts
them.

Citus refuses a volatile function in statements that change rows, copies whatever a WITH inserts to every node, and
cannot insert what it selects from the same schema. One statement is exempt: it is not sent if the ledger may be on
another server.
"""
import os
import pathlib
import re
import subprocess
import unittest

SOURCE = pathlib.Path(os.environ.get("VAULT_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
HEADER = SOURCE / "store/postgres/statements.hpp"
VOLATILE = re.compile(r"\b(clock_timestamp|timeofday|set_config|random|gen_random_uuid|nextval|pg_sleep|pg_notify)\s*\(")
STATEMENT = re.compile(r"PgStatement (\w+)\{\s*((?:\"(?:[^\"\\]|\\.)*\"|[\s,])+)\}")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
PLAIN_FORM = {"append_with_tiles"}  # append_call is used instead


def statements():
    """Name -> SQL, macros expanded."""
    text = re.sub(r"^#(include|pragma).*$", "", HEADER.read_text(), flags=re.MULTILINE)
    expanded = subprocess.run(["c++", "-E", "-P", "-x", "c++", "-"], input=text, capture_output=True, text=True,
                              timeout=60, check=True).stdout
    return {name: "".join(LITERAL.findall(body)[1:]) for name, body in STATEMENT.findall(expanded)}


def complaints(sql):
    found = []
    changes = re.search(r"\b(UPDATE vault_\w+ SET|DELETE FROM vault_|INSERT INTO vault_)", sql)
    if changes and VOLATILE.search(sql):
        found.append("a volatile function where rows are changed")
    if re.search(r"\bAS \(INSERT\b", sql):
        found.append("INSERT in a WITH")
    if re.search(r"INSERT INTO vault_\w+ \([^)]*\) SELECT [^;]*\bFROM vault_", sql):
        found.append("INSERT of what is selected from the ledger's own tables")
    return found


class SqlStatements(unittest.TestCase):
    def test_what_counts(self):
        self.assertEqual(len(complaints("UPDATE vault_head SET updated_at = pg_catalog.clock_timestamp() WHERE id = 1")), 1)
        self.assertEqual(len(complaints("UPDATE vault_lease SET a = 1 WHERE set_config('x', 'y', true) IS NOT NULL")), 1)
        self.assertEqual(len(complaints("WITH t AS (INSERT INTO vault_tile (a) VALUES (1)) SELECT 1")), 1)
        self.assertEqual(len(complaints("INSERT INTO vault_origin (a) SELECT max(a) + 1 FROM vault_origin")), 1)
        self.assertEqual(complaints("SELECT pg_catalog.clock_timestamp() FROM vault_lease"), [])

    def test_none_of_them_is_there(self):
        found = statements()
        self.assertGreater(len(found), 45)
        self.assertEqual(len(found), HEADER.read_text().count("constexpr PgStatement "), "a statement was not read")
        for name, sql in found.items():
            with self.subTest(name):
                self.assertGreater(len(sql), 5)
                self.assertEqual(bool(complaints(sql)), name in PLAIN_FORM, complaints(sql))


if __name__ == "__main__":
    unittest.main()
