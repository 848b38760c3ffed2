"""The Debian package, from outside: what is in it, what it depends on, whether lintian and mandoc find anything, whether
the man pages tell every flag. Run by CTest, which makes the package first.
"""
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("VAULT_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
BIN_DIR = pathlib.Path(os.environ["VAULT_BIN_DIR"])
PACKAGE_DIR = pathlib.Path(os.environ["VAULT_PACKAGE_DIR"])
FLAG = re.compile(r"^  (?:(-\w),)?(--[a-z][a-z-]*)")


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=120)


def help_pages(program, command=()):
    """(command, what --help says) for a program and each of its commands, down to the last."""
    text = run(BIN_DIR / program, *command, "--help").stdout
    yield command, text
    listed = re.search(r"^Subcommands:\n((?:  .*\n)+)", text, re.MULTILINE)
    for line in listed.group(1).splitlines() if listed else []:
        if re.match(r"  \w", line):
            yield from help_pages(program, (*command, line.split()[0]))


class Package(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.deb, = PACKAGE_DIR.glob("vault999_*.deb")
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.root = pathlib.Path(cls.directory.name)
        subprocess.run(["dpkg-deb", "-R", str(cls.deb), str(cls.root)], check=True)
        cls.programs = sorted(path.name for path in (cls.root / "usr/bin").iterdir())
        cls.man = {path.name.removesuffix(".gz"): path for path in (cls.root / "usr/share/man").rglob("*.gz")}

    def field(self, name):
        return run("dpkg-deb", "-f", self.deb, name).stdout.strip()

    def rendered(self, page):
        """A man page as it is read, without line breaks."""
        ran = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=1000"], input=gzip.open(self.man[page]).read(),
                             capture_output=True, check=True)
        return re.sub(r".\x08", "", ran.stdout.decode())

    def test_files(self):
        self.assertLessEqual({"vaultd", "vaultctl", "vault-bench"}, set(self.programs))
        built = {path.name for path in BIN_DIR.iterdir() if re.fullmatch(r"vault(d|ctl|-\w+)", path.name)}
        self.assertEqual(built, set(self.programs), "programs of the build directory and of the package")
        for name in ("etc/vaultd/vaultd.toml", "etc/vaultd/keys", "var/lib/vaultd", "usr/lib/sysusers.d/vaultd.conf",
                     "usr/lib/tmpfiles.d/vaultd.conf", "usr/share/bash-completion/completions/vaultctl",
                     "usr/share/doc/vault999/install.md", "usr/share/doc/vault999/copyright"):
            self.assertTrue((self.root / name).exists(), name)
        units = {path.name for path in (SOURCE / "systemd").iterdir() if path.suffix in (".service", ".timer", ".socket")}
        self.assertLessEqual({"vaultd.service", "vaultd@.service"}, units)
        self.assertEqual(units, {path.name for path in (self.root / "lib/systemd/system").iterdir()})
        self.assertEqual("/etc/vaultd/vaultd.toml\n", (self.root / "DEBIAN/conffiles").read_text())
        self.assertFalse((self.root / "run").exists())

    def test_the_settings_file_sets_nothing(self):
        ran = run(BIN_DIR / "vaultd", "--config", self.root / "etc/vaultd/vaultd.toml", "--check-config")
        self.assertEqual(2, ran.returncode)
        self.assertIn("nowhere to keep the ledger", ran.stderr)

    def test_it_depends_on_what_the_programs_are_linked_to(self):
        depends = self.field("Depends")
        for library in ("libc6", "libpq5", "libzmq5", "libssl3", "libsystemd0", "libboost-log"):
            self.assertIn(library, depends)
        self.assertIn("systemd | systemd-standalone-sysusers", depends)
        self.assertEqual("postgresql", self.field("Recommends"))
        for program in self.programs:
            dynamic = run("objdump", "-p", self.root / "usr/bin" / program).stdout
            self.assertNotRegex(dynamic, "RPATH|RUNPATH", f"{program} looks for libraries where it was built")

    def test_every_program_has_a_page(self):
        for program in self.programs:
            self.assertTrue({f"{program}.1", f"{program}.8"} & set(self.man), f"no man page for {program}: package/man/")
        self.assertLessEqual({"vaultd.toml.5", "vault999.7"}, set(self.man))

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed (tools/install-deps --tests)")
    def test_every_flag_stands_in_the_page(self):
        told = 0
        for program in self.programs:
            page, = {f"{program}.1", f"{program}.8"} & set(self.man)
            text = self.rendered(page)
            for command, said in help_pages(program):
                part = text
                if command:  # from its heading to the next
                    part = re.search(rf"\n   {' '.join(command)}\n.*?(?=\n   \S|\n\S)", text, re.DOTALL)
                    self.assertIsNotNone(part, f"{page} does not tell of {' '.join(command)}")
                    part = part.group(0)
                for line in said.splitlines():
                    if (match := FLAG.match(line)) and match.group(2) != "--help":
                        told += 1
                        wanted = ", ".join(name for name in match.groups() if name)
                        self.assertRegex(part, rf"(?m)^ +{wanted}( |$)", f"{page}: {' '.join(command)} {wanted}")
        self.assertGreater(told, 100)

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed (tools/install-deps --tests)")
    def test_the_settings_page_tells_every_setting(self):
        text = self.rendered("vaultd.toml.5")
        checked = run(BIN_DIR / "vaultd", "--embedded", "/x", "--check-config").stdout
        names = re.findall(r"^(\w+) = ", checked, re.MULTILINE)
        self.assertGreater(len(names), 25)
        for name in names:
            self.assertRegex(text, rf"(?m)^ +({name}|.*, {name}|{name}, .*)$")

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed (tools/install-deps --tests)")
    def test_pages_are_well_formed(self):
        for name, path in self.man.items():
            ran = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=gzip.open(path).read(),
                                 capture_output=True, check=False)
            # scdoc puts paragraph macros where none are needed; that does no harm.
            found = [line for line in ran.stdout.decode().splitlines() if "skipping paragraph macro" not in line]
            self.assertEqual([], found, name)

    @unittest.skipUnless(shutil.which("lintian"), "lintian is not installed (tools/install-deps --tests)")
    def test_lintian_finds_nothing(self):
        ran = run("lintian", "--allow-root", "--fail-on", "error,warning", self.deb)
        self.assertEqual(("", 0), (ran.stdout, ran.returncode))


class PythonPackage(unittest.TestCase):
    """python3-vault999, which cpack makes beside it."""

    @classmethod
    def setUpClass(cls):
        cls.deb, = PACKAGE_DIR.glob("python3-vault999_*_all.deb")
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.root = pathlib.Path(cls.directory.name)
        subprocess.run(["dpkg-deb", "-R", str(cls.deb), str(cls.root)], check=True)
        cls.modules = cls.root / "usr/lib/python3/dist-packages"

    def test_it_holds_the_package_and_nothing_of_the_daemon(self):
        source = SOURCE / "clients/python/vault999"
        wanted = {path.relative_to(source) for path in source.rglob("*") if path.suffix == ".py" or path.name == "py.typed"}
        found = {path.relative_to(self.modules / "vault999") for path in (self.modules / "vault999").rglob("*") if path.is_file()}
        self.assertEqual(wanted, found)
        self.assertEqual({"usr", "DEBIAN"}, {path.name for path in self.root.iterdir()})
        self.assertFalse((self.root / "usr/bin").exists())
        documents = {path.name for path in (self.root / "usr/share/doc/python3-vault999").rglob("*") if path.is_file()}
        self.assertEqual({"copyright", "changelog.gz", "python.md", "script.py", "fastapi_app.py", "agent_loop.py"}, documents)

    def test_its_fields(self):
        fields = {name: run("dpkg-deb", "-f", self.deb, name).stdout.strip() for name in ("Depends", "Architecture", "Recommends")}
        self.assertEqual({"Depends": "python3 (>= 3.9), python3-zmq, python3-msgpack", "Architecture": "all",
                          "Recommends": "python3-cryptography"}, fields)

    def test_it_can_be_imported_and_is_known_by_its_version(self):
        code = ("import importlib.metadata, vault999, vault999.offline\n"
                "assert vault999.__version__ == importlib.metadata.version('vault999'); print(vault999.__file__)")
        ran = subprocess.run(["/usr/bin/python3", "-B", "-c", code], capture_output=True, text=True, check=False,
                             env={**os.environ, "PYTHONPATH": str(self.modules)})
        self.assertTrue(ran.stdout.startswith(str(self.modules)), ran.stderr)

    @unittest.skipUnless(shutil.which("lintian"), "lintian is not installed (tools/install-deps --tests)")
    def test_lintian_finds_nothing(self):
        ran = run("lintian", "--allow-root", "--fail-on", "error,warning", self.deb)
        self.assertEqual(("", 0), (ran.stdout, ran.returncode))


if __name__ == "__main__":
    sys.exit(unittest.main())
