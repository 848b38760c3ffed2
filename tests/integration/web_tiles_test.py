"""Tiles over HTTP: a mirror made of them is the archive, byte for byte; foreign readers follow while the log grows; caches
keep what never changes."""
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support.tlog_mirror import mirror, paths_of  # noqa: E402
from support.tlog_tiles import Archive  # noqa: E402
from support.vault_web import VaultWeb  # noqa: E402
from support.vaultd_process import VaultdProcess, free_ports, make_directory  # noqa: E402
from support.web_client import ask  # noqa: E402

VAULTD = VaultdProcess()
WEB = None


def setUpModule():
    global WEB
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()
    ledger.seal_many(VAULTD, 3)
    WEB = unittest.enterModuleContext(VaultWeb(VAULTD, "--public"))


def files_below(directory):
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


class MirrorTest(unittest.TestCase):
    def setUp(self):
        self.directory = make_directory("vault-mirror-")
        self.addCleanup(shutil.rmtree, self.directory)

    def test_a_mirror_is_the_archive(self):
        for round_, more in enumerate((250, 3, 1, 600)):
            ledger.seal_many(VAULTD, more)
            archive, copy = self.directory / f"archive{round_}", self.directory / f"copy{round_}"
            answer = VAULTD.ctl("archive", "--out", str(archive), "--no-payloads")
            self.assertEqual(answer.returncode, 0, answer.stderr)
            copy.mkdir()
            mirror(WEB.url, copy)
            self.assertEqual(files_below(copy), files_below(archive))
            answer = VAULTD.ctl("check-archive", str(copy), "--vkey", ledger.vkey_of(VAULTD))
            self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_a_reader_follows_while_it_grows(self):
        stop = threading.Event()
        failures = []

        def grow():
            try:
                while not stop.is_set():
                    answer = VAULTD.ctl("seal", "--batch", "--json", stdin="\n".join(
                        ['{"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{}}'] * 37))
                    assert answer.returncode == 0, answer.stderr
            except Exception as error:  # pylint: disable=broad-except
                failures.append(error)

        thread = threading.Thread(target=grow)
        thread.start()
        try:
            sizes, until = [], time.monotonic() + 120
            while len(set(sizes)) < 6 and time.monotonic() < until:
                copy = self.directory / str(len(sizes))
                copy.mkdir()
                sizes.append(mirror(WEB.url, copy))
                archive = Archive(copy, ledger.vkey_of(VAULTD))
                self.assertEqual(archive.size, sizes[-1])
                shutil.rmtree(copy)
        finally:
            stop.set()
            thread.join()
        self.assertEqual(failures, [])
        self.assertGreaterEqual(len(set(sizes)), 6, sizes)
        self.assertEqual(sizes, sorted(sizes))

    def test_go_reads_a_mirror(self):
        if shutil.which("go") is None or not pathlib.Path("/usr/share/gocode/src/golang.org/x/mod").is_dir():
            self.skipTest("Go and golang.org/x/mod are not here; tools/install-deps --tests installs them")
        from integration import archive_reader_test as reader  # pylint: disable=import-outside-toplevel
        program = self.directory / "tlog_reader"
        environment = {**reader.clean_environment(), "GOPATH": str(reader.GO_PATH), "GO111MODULE": "off", "GOFLAGS": "",
                       "GOCACHE": str(self.directory / "cache"), "GOTOOLCHAIN": "local"}
        subprocess.run(["go", "build", "-o", program, reader.SOURCE_DIR / "tests" / "support" / "tlog_reader" / "main.go"],
                       env=environment, check=True, timeout=240)
        copy, sizes = self.directory / "copy", []
        copy.mkdir()
        for more in (1, 300, 5):
            ledger.seal_many(VAULTD, more)
            size = mirror(WEB.url, copy)
            answer = subprocess.run([program, copy, ledger.vkey_of(VAULTD), *map(str, sizes)], capture_output=True, text=True,
                                    timeout=120, check=False)
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.assertTrue(answer.stdout.startswith(f"{size} entries, "), answer.stdout)
            sizes.append(size)


class CachingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        ledger.seal_many(VAULTD, 300)

    def test_what_may_be_kept(self):
        for path in ("/tile/0/000", "/tile/entries/000"):
            for _ in range(2):  # from vaultd, and from the cache
                answer = ask(WEB.port, "GET", path)
                self.assertEqual(answer.headers["cache-control"], "public, max-age=31536000, immutable")
                again = ask(WEB.port, "GET", path, {"If-None-Match": answer.headers["etag"]})
                self.assertEqual((again.status, again.body), (304, b""))
                self.assertEqual(again.headers["etag"], answer.headers["etag"])
        self.assertNotIn("immutable", ask(WEB.port, "GET", "/tile/0/001.p/1").headers["cache-control"])
        self.assertEqual(ask(WEB.port, "GET", "/checkpoint").headers["cache-control"], "no-cache")

    def test_what_no_checkpoint_covers(self):
        size = int(ask(WEB.port, "GET", "/checkpoint").body.split(b"\n")[1])
        full, rest = divmod(size, 256)
        self.assertEqual(ask(WEB.port, "GET", f"/tile/0/{full:03}.p/{rest}").status, 200)
        for path in (f"/tile/0/{full:03}", f"/tile/entries/{full:03}.p/{rest + 1}", "/tile/0/x999/999", "/tile/63/000"):
            self.assertEqual(ask(WEB.port, "GET", path).status, 404, path)

    def test_nginx_keeps_what_never_changes(self):
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        if not pathlib.Path(nginx).exists():
            self.skipTest("nginx is not here; tools/install-deps --tests installs it")
        directory = make_directory("vault-nginx-")
        self.addCleanup(shutil.rmtree, directory)
        port = free_ports(1)[0]
        config = directory / "nginx.conf"
        config.write_text(f"""
daemon off; pid {directory}/pid; error_log {directory}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  proxy_cache_path {directory}/cache keys_zone=tiles:1m use_temp_path=off;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {WEB.url}; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_cache tiles; add_header X-Cache $upstream_cache_status;
    }}
  }}
}}
""")
        process = subprocess.Popen([nginx, "-p", str(directory), "-c", str(config)], stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        until = time.monotonic() + 60
        while True:
            try:
                if ask(port, "GET", "/healthz").status == 200:
                    break
            except (OSError, AssertionError):
                if process.poll() is not None or time.monotonic() > until:
                    self.fail("nginx did not start: " + (directory / "error.log").read_text())
                time.sleep(0.05)
        for path in ("/tile/0/000", "/tile/entries/000"):
            first, second = ask(port, "GET", path), ask(port, "GET", path)
            self.assertEqual((first.headers["x-cache"], second.headers["x-cache"]), ("MISS", "HIT"))
            self.assertEqual(first.body, second.body)
            self.assertEqual(second.body, ask(WEB.port, "GET", path).body)
        for path in ("/checkpoint", "/healthz", "/tile/0/x999/999"):
            self.assertNotIn("HIT", {ask(port, "GET", path).headers.get("x-cache") for _ in range(3)}, path)


class NamesTest(unittest.TestCase):
    def test_the_files_of_some_sizes(self):
        self.assertEqual(list(paths_of(0)), [])
        self.assertEqual(list(paths_of(257)), ["tile/0/000", "tile/0/001.p/1", "tile/entries/000", "tile/entries/001.p/1",
                                               "tile/1/000.p/1"])


if __name__ == "__main__":
    unittest.main()
