"""The computations of vault-web's page, under node: hashes, paths, notes and payloads against the vectors
(page_ledger.mjs).

Skipped without Node 18 or newer (tools/install-deps --tests). By hand: python3 tests/unit/tools/web/page_ledger_test.py
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[4]
PAGE = ROOT / "tools" / "web" / "page"
NODE_MAJOR_MIN = 18
LINES_MAX = 1_200  # of modules, which a reader checks; blank lines and comments not counted
LINES_IN_ALL_MAX = 1_350
BYTES_MAX = 150_000


def node():
    found = shutil.which("node")
    if found is None:
        return None
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    return found if int(version.lstrip("v").split(".")[0]) >= NODE_MAJOR_MIN else None


class Page(unittest.TestCase):
    def test_computes_what_the_vectors_say(self):
        program = node()
        if program is None:
            self.skipTest(f"no Node {NODE_MAJOR_MIN} or newer")
        with tempfile.TemporaryDirectory() as directory:
            copy = pathlib.Path(directory) / "page"
            shutil.copytree(PAGE, copy)
            (copy / "package.json").write_text('{"type": "module"}')  # otherwise node may take .js for something older
            ran = subprocess.run([program, str(pathlib.Path(__file__).with_name("page_ledger.mjs")), str(copy),
                                  str(ROOT / "tests" / "vectors")], capture_output=True, text=True, check=False, timeout=50)
        self.assertEqual(0, ran.returncode, ran.stdout + ran.stderr)
        self.assertRegex(ran.stdout, r"\b[1-9]\d{2,} checks held")

    def test_a_reader_can_check_it(self):
        files = sorted(path for path in PAGE.iterdir() if path.is_file())
        self.assertIn("index.html", [path.name for path in files])
        modules = [path for path in files if path.suffix == ".js"]
        lines = [line.strip() for path in modules for line in path.read_text(encoding="utf-8").splitlines()]
        self.assertLess(sum(line != "" and not line.startswith(("//", "/*", "*")) for line in lines), LINES_MAX)
        self.assertLessEqual(len(lines), LINES_IN_ALL_MAX)
        self.assertLessEqual(sum(path.stat().st_size for path in files), BYTES_MAX)

    def test_nothing_that_its_policy_forbids_or_that_makes_markup_of_data(self):
        for path in PAGE.iterdir():
            text = path.read_text(encoding="utf-8")
            for banned in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "style=",
                           "onclick=", "https://", "http://", "data:image", "data:text"):
                if banned == "http://" and path.name in ("favicon.svg", "dom.js"):
                    continue  # a name space
                self.assertNotIn(banned, text, path.name)


if __name__ == "__main__":
    sys.exit(unittest.main())
