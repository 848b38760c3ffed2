"""ARCHITECTURE.md names every source file, and every file that it names is there. The other pages too name what is there.

In the sections "### room/" the first cell of a table row names files of that directory in backticks; `a.{hpp,cpp}`
stands for a pair. Everywhere else a path in backticks that begins with a directory of ours must exist.

Run by CTest; by hand: python3 tests/unit/architecture_map_test.py
"""
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ("ledger", "wire", "store", "actors", "daemon", "tools", "migrations", "systemd", "examples", "package", "clients",
         "monitoring")
# What belongs to a room but tells a reader nothing.
UNMAPPED = re.compile(r"/tests/|(^|/)py\.typed$|(^|/)CMakeLists\.txt$|(^|/)\.|\.(pyc|orig|swp)$|~$")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
PROSE_PATH = re.compile(r"`((?:%s|docs|tests)/[\w./{},-]+)`" % "|".join(ROOMS))
# Look like paths of ours and are none: methods of the Model Context Protocol.
NO_PATHS = ("tools/list", "tools/call")


def expand(name):
    """`a.{hpp,cpp}` -> a.hpp, a.cpp"""
    match = re.fullmatch(r"(.*)\{([^{}]*)\}(.*)", name)
    return [match.group(1) + part + match.group(3) for part in match.group(2).split(",")] if match else [name]


def mapped_files(text):
    """Paths out of the tables below "### room/" headings."""
    found, directory = [], None
    for line in text.splitlines():
        if heading := re.fullmatch(r"#+ (.*)", line):
            name = heading.group(1)
            directory = name if re.fullmatch(r"[\w./-]+/", name) else None
        elif directory and line.startswith("| `"):
            for name in re.findall(r"`([^`]+)`", line.split("|")[1]):
                found += [directory + path for path in expand(name)]
    return found


def missing_in_prose(text, exists):
    """Paths in backticks that do not exist. A trailing slash or * may stand for several."""
    found = []
    for name in PROSE_PATH.findall(text):
        found += [path for path in expand(name) if path not in NO_PATHS and not exists(path)]
    return found


def actual_files():
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and not UNMAPPED.search(name) and "__pycache__" not in name:
                yield name


class Parsing(unittest.TestCase):
    def test_tables(self):
        text = "## Map\n| `x.cpp` | no |\n### wire/\n| file | |\n|---|---|\n| `a.{hpp,cpp}` | `b` |\n| `c.hpp` | |\n## End\n"
        self.assertEqual(["wire/a.hpp", "wire/a.cpp", "wire/c.hpp"], mapped_files(text))

    def test_prose(self):
        text = "see `wire/a.{hpp,cpp}`, `store/postgres_*`, `foo/bar` and wire/b.cpp"
        self.assertEqual(["wire/a.cpp"], missing_in_prose(text, lambda path: path == "wire/a.hpp"))


class Map(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

    def test_every_file_is_named_once(self):
        mapped, actual = mapped_files(self.text), list(actual_files())
        self.assertGreater(len(actual), 100, "sources not found")
        self.assertEqual([], sorted(set(actual) - set(mapped)), "not in ARCHITECTURE.md")
        self.assertEqual([], sorted(set(mapped) - set(actual)), "named in ARCHITECTURE.md, but not there")
        self.assertEqual([], sorted({name for name in mapped if mapped.count(name) > 1}), "named twice")

    def test_paths_in_the_text_exist(self):
        self.assertEqual([], missing_in_prose(self.text, lambda path: (ROOT / path).exists()))

    def test_the_other_pages_name_existing_files(self):
        for page in PAGES:
            text = page.read_text(encoding="utf-8")
            self.assertEqual([], missing_in_prose(text, lambda path: (ROOT / path).exists()), page.name)
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
                self.assertTrue((page.parent / target).exists(), f"{page.name} links to {target}")

    def test_walks_lead_somewhere(self):
        text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
        steps = re.findall(r"`(?:\w+::)?(\w+)`\s+\(`([\w./]+)`\)", text)
        self.assertGreater(len(steps), 8, "walks not found")
        for name, path in steps:
            self.assertRegex((ROOT / path).read_text(encoding="utf-8"), rf"\b{name}\b", f"CONTRIBUTING.md looks for it in {path}")

    def test_anchors_exist(self):
        for page in PAGES:
            for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
                other = page if not target else page.parent / target
                self.assertIn(anchor, anchors(other), f"{page.name} links to {target}#{anchor}")


def anchors(page):
    """Of the page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL),
                          re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


if __name__ == "__main__":
    sys.exit(unittest.main())
