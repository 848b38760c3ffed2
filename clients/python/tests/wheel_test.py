"""Wheel and sdist, built with Debian's tools; the wheel in a fresh virtual environment runs the package's own tests."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile

import setup_paths

from support.vaultd_process import clean_environment

setup_paths.need("build", "venv", "setuptools", "wheel", "zmq", "msgpack")
# These show that the installed package is complete; CTest runs the others separately.
TESTS = ("offline_test.py", "vault_test.py", "persistent_ledger_test.py")


def run(*command, **more):
    ran = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=280,
                         check=False, **more)
    if ran.returncode != 0:
        raise AssertionError(f"{command}: {ran.returncode}\n{ran.stdout[-4000:]}")
    return ran.stdout


class Wheel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="vault999-wheel-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        # From a copy, because building leaves files behind. Without isolation, so that nothing is fetched.
        source = cls.directory / "source"
        shutil.copytree(setup_paths.HERE.parent, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
        cls.environment = {**clean_environment(), "PYTHONDONTWRITEBYTECODE": "1"}
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", cls.directory / "dist", source, env=cls.environment,
            cwd=cls.directory)
        cls.wheel, = (cls.directory / "dist").glob("*.whl")
        cls.sdist, = (cls.directory / "dist").glob("*.tar.gz")

    def test_what_is_in_them(self):
        version = re.search(r"^project\(vault999 VERSION (\S+)", (setup_paths.SOURCE_DIR / "CMakeLists.txt").read_text(),
                            re.MULTILINE).group(1)
        self.assertEqual(f"vault999-{version}-py3-none-any.whl", self.wheel.name)
        package = setup_paths.HERE.parent / "vault999"
        wanted = {f"vault999/{path.relative_to(package)}" for path in package.rglob("*") if path.suffix == ".py" or path.name == "py.typed"}
        with zipfile.ZipFile(self.wheel) as wheel:
            self.assertEqual(wanted, {name for name in wheel.namelist() if "dist-info" not in name})
            metadata = wheel.read(f"vault999-{version}.dist-info/METADATA").decode()
        self.assertEqual({"pyzmq", "msgpack"}, set(re.findall(r"^Requires-Dist: (\w+)[^;\n]*$", metadata, re.MULTILINE)))
        with tarfile.open(self.sdist) as sdist:
            names = {name.partition("/")[2] for name in sdist.getnames()}
        self.assertLessEqual(wanted | {"pyproject.toml", "README.md"}, names)

    def test_installed_it_runs_its_own_tests(self):
        environment = self.directory / "venv"
        # pyzmq, msgpack and cryptography are the system's.
        run(sys.executable, "-m", "venv", "--system-site-packages", environment, env=self.environment)
        python = environment / "bin" / "python"
        run(python, "-m", "pip", "install", "--no-index", "--no-deps", "--disable-pip-version-check", self.wheel,
            env=self.environment)
        child = {**os.environ, "VAULT_PYTHON_INSTALLED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        child.pop("PYTHONPATH", None)
        where = run(python, "-c", "import vault999; print(vault999.__file__)", env=child, cwd=self.directory)
        self.assertTrue(where.startswith(str(environment)), where)
        for name in TESTS:
            run(python, setup_paths.HERE / name, env=child, cwd=self.directory)


if __name__ == "__main__":
    unittest.main()
