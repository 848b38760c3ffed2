"""Pages name existing paths, anchors, and places in code (the walks of CONTRIBUTING.md). docs/files.md is up to date
with tools/map.

A path in backticks that begins with a directory of ours must exist; `a.{hpp,cpp}` stands for a pair.

Run by CTest; by hand: python3 tests/unit/architecture_map_test.py
"""
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ("ledger", "os", "wire", "store", "actors", "daemon", "tools", "migrations", "systemd", "examples", "package", "clients",
         "monitoring")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
PROSE_PATH = re.compile(r"`((?:%s|docs|tests)/[\w./{},-]+)`" % "|".join(ROOMS))
# These look like paths of ours but are not: methods of the Model Context Protocol, and the names by which programs
# include the client library (examples/CMakeLists.txt makes them).
NO_PATHS = ("tools/list", "tools/call", "wire/client.hpp", "wire/client_keys.hpp", "wire/subscriber.hpp")


def expand(name):
    """`a.{hpp,cpp}` -> a.hpp, a.cpp"""
    match = re.fullmatch(r"(.*)\{([^{}]*)\}(.*)", name)
    return [match.group(1) + part + match.group(3) for part in match.group(2).split(",")] if match else [name]


def missing_in_prose(text, exists):
    """Paths in backticks that do not exist. A trailing slash or * may stand for several."""
    found = []
    for name in PROSE_PATH.findall(text):
        found += [path for path in expand(name) if path not in NO_PATHS and not exists(path)]
    return found


class Parsing(unittest.TestCase):
    def test_prose(self):
        text = "see `wire/a.{hpp,cpp}`, `store/postgres_*`, `foo/bar` and wire/b.cpp"
        self.assertEqual(["wire/a.cpp"], missing_in_prose(text, lambda path: path == "wire/a.hpp"))


class Map(unittest.TestCase):
    maxDiff = None

    def test_the_list_of_files_is_what_the_files_say(self):
        made = subprocess.run([sys.executable, "-B", ROOT / "tools" / "map", "--check"], capture_output=True, text=True,
                              check=False)
        self.assertEqual("", made.stderr)
        self.assertEqual(0, made.returncode)

    def test_architecture_is_an_essay(self):
        lines = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").count("\n")
        self.assertLess(lines, 250, "what belongs to one file belongs into its own comment")

    def test_pages_name_existing_files(self):
        for page in PAGES:
            text = page.read_text(encoding="utf-8")
            self.assertEqual([], missing_in_prose(text, lambda path: (ROOT / path).exists()), page.name)
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
                self.assertTrue((page.parent / target).exists(), f"{page.name} links to {target}")

    def test_walks_lead_somewhere(self):
        text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
        steps = re.findall(r"`((?:\w+::)?\w+)`\s+\(`([\w./]+)`\)", text)  # with its class, where one is given
        self.assertGreater(len(steps), 8, "walks not found")
        for name, path in steps:
            self.assertRegex((ROOT / path).read_text(encoding="utf-8"), rf"\b{name}\b", f"CONTRIBUTING.md looks for it in {path}")

    def test_anchors_exist(self):
        for page in PAGES:
            for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
                other = page if not target else page.parent / target
                self.assertIn(anchor, anchors(other), f"{page.name} links to {target}#{anchor}")


def anchors(page):
    """Of the page's headings, as GitHub generates them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL),
                          re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


if __name__ == "__main__":
    sys.exit(unittest.main())
