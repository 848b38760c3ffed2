"""The Debian package, from outside: its contents, its dependencies, whether lintian and mandoc find anything, whether
the man pages cover every flag. Run by CTest, which makes the package first.
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VaultdProcess, make_directory  # noqa: E402

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
        """A man page as shown, without line breaks."""
        ran = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=1000"], input=gzip.open(self.man[page]).read(),
                             capture_output=True, check=True)
        return re.sub(r".\x08", "", ran.stdout.decode())

    def test_files(self):
        self.assertLessEqual({"vaultd", "vaultctl", "vault-bench"}, set(self.programs))
        built = {path.name for path in BIN_DIR.iterdir() if re.fullmatch(r"vault(d|ctl|-\w+)", path.name)}
        self.assertEqual(built, set(self.programs), "programs of the build directory and of the package")
        for name in ("etc/vaultd/vaultd.toml", "etc/vaultd/keys", "var/lib/vaultd", "usr/lib/sysusers.d/vaultd.conf",
                     "usr/lib/tmpfiles.d/vaultd.conf", "usr/share/bash-completion/completions/vaultctl",
                     "usr/share/zsh/vendor-completions/_vaultctl", "usr/share/fish/vendor_completions.d/vaultctl.fish",
                     "usr/share/bash-completion/completions/vaultd", "usr/share/zsh/vendor-completions/_vaultd",
                     "usr/share/fish/vendor_completions.d/vaultd.fish",
                     "usr/share/vault999/monitoring/alerts.yml", "usr/share/doc/vault999/install.md", "usr/share/doc/vault999/copyright"):
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
                    self.assertIsNotNone(part, f"{page} does not mention {' '.join(command)}")
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


class CppPackage(unittest.TestCase):
    """libvault999-dev: a program is built with nothing but its contents, and seals and proves through a vaultd."""

    @classmethod
    def setUpClass(cls):
        cls.deb, = PACKAGE_DIR.glob("libvault999-dev_*.deb")
        cls.root = make_directory("vault-cpp-")
        cls.addClassCleanup(shutil.rmtree, cls.root)
        subprocess.run(["dpkg-deb", "-x", str(cls.deb), str(cls.root)], check=True)
        cls.config, = cls.root.glob("usr/lib/*/pkgconfig/vault999-client.pc")
        cls.example, = cls.root.glob("usr/share/doc/libvault999-dev/examples/seal_and_prove.cpp")

    def flags(self, *what):
        ran = subprocess.run(["pkg-config", f"--define-variable=prefix={self.root}/usr", *what, "vault999-client"],
                             capture_output=True, text=True, check=False,
                             env={**os.environ, "PKG_CONFIG_PATH": str(self.config.parent)})
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        return ran.stdout.split()

    def compile(self, source, *flags):
        # Outside the repository, so that none of its headers is found.
        ran = subprocess.run(["g++", "-std=c++20", "-Wall", "-Wextra", str(source), *flags], capture_output=True, text=True,
                             check=False, cwd=self.root, timeout=300)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), source)

    def test_files(self):
        self.assertFalse((self.root / "usr/bin").exists())
        self.assertEqual({"libvault_client.a", "libvault_wire.a", "libvault_ledger.a"},
                         {path.name for path in self.root.rglob("*.a")})
        told = set(re.findall(r"`((?:wire|ledger)/\w+\.hpp)`", (SOURCE / "docs/cpp.md").read_text()))
        installed = {str(path.relative_to(self.root / "usr/include/vault999")) for path in self.root.rglob("*.hpp")}
        self.assertGreater(len(told), 10)
        self.assertLessEqual(told, installed)
        depends = run("dpkg-deb", "-f", self.deb, "Depends").stdout
        for package in ("libzmq3-dev", "libssl-dev", "libfmt-dev", "libexpected-dev"):
            self.assertIn(package, depends)

    def test_each_header_stands_alone(self):
        lines = []
        for path in sorted((self.root / "usr/include/vault999").rglob("*.hpp")):
            lines.append(f'#include "{path.relative_to(self.root / "usr/include/vault999")}"')
        # Each header first in turn would take minutes; in both orders, each precedes those that it may depend on.
        for name, order in (("forwards", lines), ("backwards", lines[::-1])):
            source = self.root / f"{name}.cpp"
            source.write_text("\n".join(order) + "\n")
            self.compile(source, "-fsyntax-only", *self.flags("--cflags"))

    def test_programs_built_with_pkg_config(self):
        page = (SOURCE / "docs/cpp.md").read_text()
        first, = re.findall(r"^```cpp\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        (self.root / "first.cpp").write_text(first)
        self.compile("first.cpp", "-o", "first", *self.flags("--cflags", "--libs"))
        self.compile(self.example, "-o", "example", *self.flags("--cflags", "--libs"))
        with VaultdProcess() as vaultd:
            for program, words in (("first", ["#1 ", '"commit":"9f3c2ab"']),
                                   ("example", ["sealed   sequence 2", "read     {", "proven   among"])):
                ran = run(self.root / program, vaultd.requests)
                self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
                for word in words:
                    self.assertIn(word, ran.stdout)

    def test_a_program_built_with_cmake(self):
        project = self.root / "project"
        project.mkdir()
        shutil.copy(self.example, project / "seal.cpp")
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.22)\nproject(user LANGUAGES C CXX)\n"
            + re.search(r"^```cmake\n(.*?)^```$", (SOURCE / "docs/cpp.md").read_text(), re.MULTILINE | re.DOTALL).group(1))
        for command in (["cmake", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={self.root}/usr"],
                        ["cmake", "--build", project / "build"]):
            ran = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=300)
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        ran = run(project / "build/seal", "ipc:///nowhere/requests")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("unavailable", ran.stderr)

    @unittest.skipUnless(shutil.which("lintian"), "lintian is not installed (tools/install-deps --tests)")
    def test_lintian_finds_nothing(self):
        ran = run("lintian", "--allow-root", "--fail-on", "error,warning", self.deb)
        self.assertEqual(("", 0), (ran.stdout, ran.returncode))


if __name__ == "__main__":
    sys.exit(unittest.main())
