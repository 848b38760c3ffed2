"""The style that ARCHITECTURE.md ("Rules") asks for, as far as a program can see it.

Format, length of files and functions, words that this project does not use, circles of includes, declarations that nobody
uses. Run by CTest; by hand: python3 tests/unit/style_test.py
"""
import collections
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ("ledger", "os", "wire", "store", "actors", "daemon", "tools", "examples")
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
FORMAT_VERSION = 14  # others lay out a few things differently

LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')  # may hold names that others rely on
# Pictures of things, and what the field calls them.
WORDS = {
    "vigil": "busy_poll", "forewarn": "prewake", "forewarned": "prewake", "wake_server": "prewake",
    "steward": "coordinator", "yardstick": "baseline", "yardsticks": "baselines",
    "stay_awake": "busy_poll", "yard_columns": "baseline_columns", "put_back": "requeue", "launched_": "dispatched_",
    "client_flood": "client/flood",
}
# A comment that opens with a relative clause in place of a noun: in C++, JavaScript, Python and shell.
FRAGMENT = re.compile(r'(?:^|\s)(?://|#|"""|/\*\*) ?((?:What|Who|Whom|Whose|Where|That (?:an?|the|no|every|nothing|it|they))\b.{0,40})')
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
# A declaration at the margin or inside a class, whole in its last line: the name before the first parenthesis.
DECLARATION = re.compile(r"^\s*(?!.*\b(?:inline|constexpr)\b)(?:\[\[nodiscard\]\] )?(?:[\w:<>,*&\s]+[\s*&])(\w+)\([^;{}]*\)(?: const)?(?: noexcept)?;$", re.MULTILINE)
WORD = re.compile(r"\w+")
# Called by msgpack-c's parser.
CALLED_FROM_OUTSIDE = re.compile(r"visit_\w+|(start|end)_(map|array)\w*")
NOT_A_FUNCTION = re.compile(r"^\s*(?:namespace|class|struct|enum|union|extern|template|typedef|using)\b|=\s*\{?$|^\s*[{}]")


def sources(*endings, rooms=ROOMS):
    return [path for room in rooms for path in sorted((ROOT / room).rglob("*")) if path.suffix in endings]


def name(path):
    return path.relative_to(ROOT).as_posix()


def functions(text):
    """(first line's number, its text, how many lines) of each function and of blocks in it, at the margin or one step in:
    from the line that opens it to the brace that closes at the same margin."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        margin = re.match(" *", line).end()
        if margin > 2 or "(" not in line or NOT_A_FUNCTION.search(line) or not re.match(r"[\w\[~]", line[margin:]):
            continue
        end = next((at for at in range(number, len(lines)) if re.match(" {%d}[^ ]" % margin, lines[at]) and at > number), None)
        if end is not None and lines[end].startswith(" " * margin + "}"):
            yield number + 1, line.strip(), end - number + 1


def circles(includes):
    """Headers that include each other, directly or by way of others, which `#pragma once` hides; each circle once."""
    found, state = [], {}

    def walk(node, way):
        state[node] = "open"
        for other in sorted(includes.get(node, ())):
            if state.get(other) == "open":
                found.append(" -> ".join([*way[way.index(other):], other]))
            elif other not in state:
                walk(other, [*way, other])
        state[node] = "done"

    for node in sorted(includes):
        if node not in state:
            walk(node, [node])
    return found


def unused(declared, texts):
    """Names out of {name: header} that occur nowhere but where they are declared and defined."""
    seen = collections.Counter()
    for text in texts:
        seen.update(WORD.findall(re.sub(r"//.*", "", text)))
    return sorted(f"{header}: {word}()" for word, header in declared.items()
                  if seen[word] <= 2 and not CALLED_FROM_OUTSIDE.fullmatch(word))


class Checkers(unittest.TestCase):
    """The checks find what they must find, and let the rest pass."""

    def test_functions(self):
        text = "namespace a {\nint f(int x) {\n  if (x) {\n    g();\n  }\n  return 1;\n}\nclass C {\n  void m() {\n    n();\n  }\n};\n}\n"
        self.assertEqual([(2, 6), (3, 3), (9, 3)], [(line, length) for line, _, length in functions(text)])

    def test_circles(self):
        self.assertEqual(["a -> b -> a"], circles({"a": {"b"}, "b": {"a", "c"}, "c": set()}))
        self.assertEqual([], circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}))

    def test_fragments(self):
        for mark in ("//", "  int a;  //", "#", '    """', "/**"):
            for opening in ("What is", "Who may ask", "Where it goes", "That a seal"):
                self.assertRegex(f"{mark} {opening}.", FRAGMENT)
            for opening in ("That is why", "Whatever a peer does", "The row that", "Says what", "see What"):
                self.assertNotRegex(f"{mark} {opening}.", FRAGMENT)

    def test_unused(self):
        self.assertEqual(["x.hpp: f()"], unused({"f": "x.hpp", "g": "x.hpp"}, ["int f(); int g();", "int f() { return g(); } // f f"]
                                                + ["int g() {}"]))


class Style(unittest.TestCase):
    maxDiff = None

    def test_format(self):
        program = shutil.which(f"clang-format-{FORMAT_VERSION}") or shutil.which("clang-format")
        if not program or f"version {FORMAT_VERSION}." not in subprocess.run([program, "--version"], capture_output=True, text=True,
                                                                             check=False).stdout:
            self.skipTest(f"clang-format {FORMAT_VERSION} is not installed")
        paths = sources(".hpp", ".cpp") + [path for path in sorted((ROOT / "tests").rglob("*")) if path.suffix in (".hpp", ".cpp")]
        checked = subprocess.run([program, "--dry-run", *paths], capture_output=True, text=True, check=False)
        wrong = sorted({line.split(":")[0] for line in checked.stderr.splitlines() if "-Wclang-format-violations" in line})
        self.assertEqual([], [name(pathlib.Path(path)) for path in wrong], "clang-format -i")

    def test_files_are_one_thought(self):
        long = {name(path): count for path in sources(".hpp", ".cpp")
                if (count := path.read_text(encoding="utf-8").count("\n")) > FILE_LINES_MAX}
        self.assertEqual({}, long, f"over {FILE_LINES_MAX} lines")

    def test_functions_fit_on_a_screen(self):
        found = [f"{name(path)}:{line}: {length} lines: {first}" for path in sources(".hpp", ".cpp")
                 for line, first, length in functions(path.read_text(encoding="utf-8")) if length > FUNCTION_LINES_MAX]
        self.assertEqual([], found, f"over {FUNCTION_LINES_MAX} lines")

    def test_words(self):
        banned = re.compile(r"\b(%s)\b" % "|".join(WORDS), re.IGNORECASE)
        found = [f"{name(path)}:{number}: {match.group(0)}: say {WORDS[match.group(1).lower()]}"
                 for path in sources(".hpp", ".cpp", rooms=(*ROOMS, "tests"))
                 for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if (match := banned.search(LITERAL.sub('""', line)))]
        self.assertEqual([], found)

    def test_comments_say_what_it_is(self):
        found = [f"{name(path)}:{number}: {match.group(1)}"
                 for path in sources(".hpp", ".cpp", ".py", ".js", ".mjs", ".sh", rooms=(*ROOMS, "tests", "clients"))
                 for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if (match := FRAGMENT.search(line))]
        self.assertEqual([], found, "open with a noun or a verb: not 'What is wrong.' but 'Describes what is wrong.'")

    def test_no_circles(self):
        includes = collections.defaultdict(set)
        for path in sources(".hpp"):
            includes[name(path)].update(INCLUDE.findall(path.read_text(encoding="utf-8")))
        self.assertEqual([], circles(includes))

    def test_nothing_is_declared_for_nobody(self):
        texts = {path: path.read_text(encoding="utf-8") for path in sources(".hpp", ".cpp")}
        tests = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").rglob("*")) if path.suffix in (".hpp", ".cpp")]
        declared = {word: name(path) for path, text in texts.items() if path.suffix == ".hpp" for word in DECLARATION.findall(text)}
        self.assertGreater(len(declared), 300, "declarations not found")
        self.assertEqual([], unused(declared, [*texts.values(), *tests]))


if __name__ == "__main__":
    sys.exit(unittest.main())
