"""The Containerfile, built with buildah on a Debian made by mmdebstrap, and started: ready on an external PostgreSQL, a
seal over HTTP, stopped in good order, ended when one of the two programs ends.

Only the runtime stage is built; its package is the one of this build. Skipped, with a reason, if buildah or a Debian
cannot be had. Run by CTest, which makes the package first.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import debian_tree  # noqa: E402
from debian_package import dependencies, package  # noqa: E402
from support.replicated_postgres import Server  # noqa: E402
from support.vaultd_process import free_ports, make_directory, program  # noqa: E402

SOURCE = pathlib.Path(os.environ.get("VAULT_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
TOKEN = "a-token-of-the-test-that-is-long-enough-0123456789"
SKIPPED = 77
READY_S = 120


class Buildah:
    """With images and containers of its own, below `directory`."""

    def __init__(self, directory):
        self.base = ["buildah", "--storage-driver", "vfs", "--root", str(directory / "images"), "--runroot", str(directory / "run")]

    def run(self, *arguments, timeout=300):
        ran = subprocess.run([*self.base, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False)
        if ran.returncode != 0:
            raise AssertionError(f"buildah {' '.join(arguments)}:\n{ran.stdout[-4000:]}")
        return ran.stdout.strip()


class Container(unittest.TestCase):
    """One image for all cases; one container per case."""

    tree = None

    @classmethod
    def setUpClass(cls):
        cls.directory = make_directory()
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.buildah = Buildah(cls.directory)
        base = cls.buildah.run("from", "scratch")
        mounted = pathlib.Path(cls.buildah.run("mount", base))
        subprocess.run(["cp", "-a", "--reflink=auto", f"{cls.tree}/.", str(mounted)], check=True, timeout=300)
        # Everything needed is in the tree's cache; nothing is fetched.
        (mounted / "etc/apt/apt.conf.d/99offline").write_text('Acquire::http::Proxy "http://127.0.0.1:9";\nAcquire::Retries "0";\n')
        cls.buildah.run("commit", "--rm", base, "localhost/debian")
        packages = cls.directory / "context" / "packages"
        packages.mkdir(parents=True)
        shutil.copy(package(), packages)
        text = (SOURCE / "Containerfile").read_text(encoding="utf-8")
        first, runtime = text.split("FROM ${BASE} AS runtime\n")
        (cls.directory / "Containerfile").write_text(first.split("FROM ${BASE} AS build")[0] + "FROM ${BASE} AS runtime\n" + runtime)
        cls.buildah.run("bud", "--isolation", "chroot", "--network", "host", "--build-arg", "BASE=localhost/debian",
                        "--build-context", f"build={packages.parent}", "-f", str(cls.directory / "Containerfile"), "-t", "vault999", str(SOURCE),
                        timeout=600)
        cls.settings = json.loads(cls.buildah.run("inspect", "--type", "image", "vault999"))["OCIv1"]["config"]

    def setUp(self):
        self.port, database_port = free_ports(2)
        self.server = Server(self.directory / f"pg{self.port}", port=database_port)  # a socket's path is short
        self.server.create()
        self.addCleanup(self.server.stop, "immediate")
        self.url = f"http://127.0.0.1:{self.port}"
        self.container = self.buildah.run("from", "localhost/vault999")
        self.addCleanup(self.buildah.run, "rm", self.container)
        self.log = self.directory / f"{self._testMethodName}.log"

    def start(self, **environment):
        environment = {"PORT": self.port, "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{self.server.port}/vault", **environment}
        variables = [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
        with open(self.log, "ab") as log:
            process = subprocess.Popen([*self.buildah.base, "run", "--isolation", "chroot", *variables, self.container, "--",
                                        *self.settings["Entrypoint"]], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(self.end, process)
        until = time.monotonic() + READY_S
        while self.get("/readyz")[0] != 200:
            self.assertIsNone(process.poll(), self.log.read_text(errors="replace"))
            self.assertLess(time.monotonic(), until, self.log.read_text(errors="replace"))
            time.sleep(0.2)
        return process

    def end(self, process):
        """In order: buildah itself would leave vaultd behind."""
        if process.poll() is None:
            os.kill(self.inside(process, "supervise")[0], signal.SIGTERM)
            process.wait(60)

    def inside(self, process, name):
        """The process of this name below the container's."""
        children = {}
        for path in pathlib.Path("/proc").glob("[0-9]*/status"):
            try:
                fields = dict(line.split(":\t", 1) for line in path.read_text().splitlines() if ":\t" in line)
            except OSError:
                continue
            children.setdefault(int(fields["PPid"]), []).append((int(fields["Pid"]), fields["Name"], int(fields["Uid"].split()[0])))
        waiting = [process.pid]
        while waiting:
            for child, called, user in children.get(waiting.pop(), []):
                if called == name:
                    return child, user
                waiting.append(child)
        return self.fail(f"no {name} below {process.pid}")

    def get(self, path, body=None, token=None):
        """(status, answer); status 0: nobody answers."""
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, body, headers), timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def test_settings_of_the_image(self):
        self.assertEqual("vaultd", self.settings["User"])
        self.assertEqual(["/usr/local/bin/supervise"], self.settings["Entrypoint"])
        self.assertIn("8080/tcp", self.settings["ExposedPorts"])

    def test_with_a_token(self):
        key = self.directory / "signing.pem"
        made = subprocess.run([program("vaultctl"), "keygen", "--name", "example.org/audit", "-o", str(key)], capture_output=True,
                              text=True, check=True)
        process = self.start(VAULT_WEB_TOKEN=TOKEN, VAULT_WEB_ALLOW_SEAL=1, VAULT_ORIGIN="example.org/audit",
                             VAULT_SIGNING_KEY_PEM=key.read_text())
        self.assertNotEqual(0, self.inside(process, "vaultd")[1], "vaultd runs as root")
        body = b'{"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{"n":18446744073709551615}}'
        self.assertEqual(401, self.get("/api/v1/seals", body)[0])
        status, receipt = self.get("/api/v1/seals?sign=1", body, TOKEN)
        self.assertEqual(201, status, receipt)
        self.assertEqual(made.stdout.strip(), self.get("/vkey")[1].strip())
        self.assertEqual(200, self.get("/")[0])
        self.buildah.run("run", "--isolation", "chroot", "--env", f"PORT={self.port}", self.container, "--", *self.settings["Entrypoint"], "health")
        os.kill(self.inside(process, "supervise")[0], signal.SIGTERM)  # as an engine signals the first process
        self.assertEqual(0, process.wait(60), self.log.read_text(errors="replace"))
        # Another container on the same database: the ledger continues.
        self.start(VAULT_WEB_TOKEN=TOKEN, VAULT_ORIGIN="example.org/audit", VAULT_SIGNING_KEY_PEM=key.read_text())
        self.assertEqual(1, json.loads(self.get("/api/v1/head", token=TOKEN)[1])["sequence"])

    def test_ends_when_one_of_the_two_ends(self):
        process = self.start()
        self.assertIn(self.get("/")[0], (403, 404), "a page for strangers")
        self.assertEqual(200, self.get("/checkpoint")[0])
        os.kill(self.inside(process, "vault-web")[0], signal.SIGKILL)
        self.assertNotEqual(0, process.wait(60))
        self.assertIn("one of the two has ended", self.log.read_text(errors="replace"))


def main():
    try:
        if shutil.which("buildah") is None:
            raise debian_tree.Unavailable("buildah is not installed (tools/install-deps --tests)")
        debian_tree.require_means()
        if "/usr/bin/vault-web\n" not in debian_tree.run(["dpkg-deb", "-c", str(package())]):
            raise debian_tree.Unavailable("this build has no vault-web")
        # The tree of installed_test.py, so that it is made once.
        Container.tree = debian_tree.make_tree([*dependencies(package()), "postgresql"])
    except debian_tree.Unavailable as reason:
        print(f"skipped: {reason}")
        return SKIPPED
    return 0 if unittest.main(exit=False, verbosity=2).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
