"""Every alert that vaultd raises is in the table of docs/operating.md and is brought about by some test; the table has
no others."""
import os
import pathlib
import re
import unittest

SOURCE = pathlib.Path(os.environ.get("VAULT_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
RAISED = (re.compile(r'alerts_\.raise(?:_as)?\(\s*"(\w+)"'), re.compile(r'alert\.kind = "(\w+)"'),
          re.compile(r'\.alert = "(\w+)"'), re.compile(r'effects\.alert\(\{\.kind = "(\w+)"'),
          re.compile(r'\brefuse\((?:adopting|true|question\.adopting), "(\w+)"'))
TESTED = ("tests/integration", "tests/faults", "tests/system", "tests/unit/actors", "tests/simulation")


def raised():
    kinds = set()
    for path in (SOURCE / "actors").glob("*.cpp"):
        text = path.read_text()
        for pattern in RAISED:
            kinds.update(pattern.findall(text))
    return kinds


def documented():
    text = (SOURCE / "docs" / "operating.md").read_text()
    table = text[text.index("\n## Alerts\n"):]
    table = table[:table.index("\n## ", 5)]
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


class AlertsDocumented(unittest.TestCase):
    def test_the_table_has_them_all(self):
        self.assertGreater(len(raised()), 8)
        self.assertEqual(raised() - documented(), set())

    def test_vaultctl_watch_knows_them(self):
        text = (SOURCE / "tools" / "vaultctl" / "watch.cpp").read_text()
        known = text[text.index("alerts_known{"):]
        self.assertEqual(set(re.findall(r'"alert\.(\w+)"', known[:known.index("}")])), documented())

    def test_each_is_brought_about(self):
        texts = [path.read_text() for directory in TESTED for path in sorted((SOURCE / directory).rglob("*"))
                 if path.suffix in (".py", ".cpp")]
        for kind in sorted(documented()):
            with self.subTest(kind):
                self.assertTrue(any(f'"{kind}"' in text or f"alert.{kind}" in text for text in texts), kind)


if __name__ == "__main__":
    unittest.main()
