"""mypy --strict finds nothing; the syntax is that of Python 3.9; files and functions are of a readable size."""
import ast
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import setup_paths

PACKAGE = setup_paths.HERE.parent / "vault999"
FILE_LINES_MAX, FUNCTION_LINES_MAX, LINE_MAX = 400, 70, 125


class Style(unittest.TestCase):
    def test_files(self):
        files = sorted(PACKAGE.rglob("*.py"))
        self.assertGreater(len(files), 20)
        for path in files:
            text = path.read_text(encoding="utf-8")
            lines = text.splitlines()
            self.assertLessEqual(len(lines), FILE_LINES_MAX, path)
            self.assertLessEqual(max(map(len, lines), default=0), LINE_MAX, path)
            tree = ast.parse(text, str(path), feature_version=(3, 9))
            self.assertTrue(ast.get_docstring(tree), f"{path} does not say what it is")
            for node in ast.walk(tree):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    self.assertLessEqual(node.end_lineno - node.lineno + 1, FUNCTION_LINES_MAX, f"{path}: {node.name}")

    def test_importing_the_package_is_quick_and_pulls_in_nothing(self):
        code = "import sys, vault999; print(int('zmq' in sys.modules), int('msgpack' in sys.modules))"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                             env={**os.environ, **setup_paths.child_environment()})
        self.assertEqual("0 0\n", ran.stdout)

    def test_offline_needs_no_network_library(self):
        code = "import sys, vault999.offline; print(int('zmq' in sys.modules), int('msgpack' in sys.modules))"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                             env={**os.environ, **setup_paths.child_environment()})
        self.assertEqual("0 0\n", ran.stdout)

    def test_every_public_name_is_there(self):
        import vault999
        for name in vault999.__all__:
            self.assertIsNotNone(getattr(vault999, name))
        self.assertIn("Vault", dir(vault999))
        with self.assertRaises(AttributeError):
            vault999.nothing_of_the_kind

    def test_types(self):
        if subprocess.run([sys.executable, "-m", "mypy", "--version"], capture_output=True).returncode != 0:
            self.skipTest("mypy is not installed (tools/install-deps --tests)")
        with tempfile.TemporaryDirectory() as cache:
            ran = subprocess.run([sys.executable, "-m", "mypy", "--cache-dir", cache], cwd=pathlib.Path(PACKAGE).parent,
                                 capture_output=True, text=True)
        self.assertEqual(0, ran.returncode, ran.stdout)


if __name__ == "__main__":
    unittest.main()
