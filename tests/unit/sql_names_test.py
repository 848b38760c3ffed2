"""Names in SQL are unambiguous: functions are called through pg_catalog, and no schema is hard-coded.

A function of the same name in a schema on the path may match its arguments better than PostgreSQL's own, and would run
with vaultd's rights. The ledger's tables and functions resolve in the one schema that the session names (setting
`schema`), so a literal `public.` would mean another ledger's.
"""
import os
import pathlib
import re
import unittest

SOURCE = pathlib.Path(os.environ.get("VAULT_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|WHERE|FROM|WITH|CASE|VALUES|SET)\b")
CALL = re.compile(r"(?<![\w.])([a-z_][a-z0-9_]*)\(")
# Grammar that looks like a call, names for columns, the one that messages tell people to run, and the ledger's own.
FREE = re.compile(r"^(coalesce|greatest|least|nullif|array|any|vault_\w+|named|keys|[a-z]|pg_reload_conf)$")


def literals(text):
    """Adjacent string literals, joined."""
    out, end = [], None
    for match in LITERAL.finditer(text):
        joins = end is not None and re.fullmatch(r"[\s\\]*", text[end:match.start()])
        if joins:
            out[-1] += match.group(1)
        else:
            out.append(match.group(1))
        end = match.end()
    return out


def complaints(text):
    found = []
    for literal in literals(text):
        if not SQL.search(literal):
            continue
        found += [name for name in CALL.findall(literal) if not FREE.match(name)]
        if re.search(r"\bpublic\.", literal):
            found.append("public.")
    return found


class SqlNames(unittest.TestCase):
    def test_what_counts(self):
        self.assertEqual(complaints('x = "SELECT count(*), pg_catalog.count(*), coalesce(a, 1) FROM t"'), ["count"])
        self.assertEqual(complaints('"SELECT pg_catalog."\n  "max(x) FROM public.t"'), ["public."])
        self.assertEqual(complaints('"no(thing) of ours"'), [])

    def test_every_function_is_qualified(self):
        seen = 0
        for path in sorted((SOURCE / "store").rglob("*.?pp")):
            text = path.read_text()
            seen += len([one for one in literals(text) if SQL.search(one)])
            with self.subTest(path.name):
                self.assertEqual(complaints(text), [])
        self.assertGreater(seen, 40)


if __name__ == "__main__":
    unittest.main()
