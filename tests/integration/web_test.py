"""vault-web's access control: who is let in, common headers of all answers, limits, and life without vaultd."""
import gzip
import json
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
import types
import unittest

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vault_web import VaultWeb  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, make_directory, program  # noqa: E402
from support.web_client import ask, connect, read_answer, request_text  # noqa: E402

VAULTD = VaultdProcess()
TOKEN = "t" * 40


def setUpModule():
    unittest.addModuleCleanup(VAULTD.remove)
    VAULTD.start()
    answer = VAULTD.ctl("seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}")
    assert answer.returncode == 0, answer.stderr


def wait_for(condition, what, timeout_s=60):
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not in {timeout_s} s: {what}")


def ready(web):
    return ask(web.port, "GET", "/readyz").status == 200


def bearer(token=TOKEN):
    return {"Authorization": f"Bearer {token}"}


class Web(VaultWeb):
    def __enter__(self):
        super().__enter__()
        try:
            wait_for(lambda: ask(self.port, "GET", "/readyz").status == 200, "ready")
        except BaseException:
            self.__exit__()
            raise
        return self


def token_file(case):
    directory = make_directory("vault-web-")
    case.addClassCleanup(shutil.rmtree, directory)
    path = directory / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return str(path)


class WithTokenTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.web = cls.enterClassContext(Web(VAULTD, "--token-file", token_file(cls), "--host", "vault.example"))

    def ask(self, target, headers=(), method="GET", **more):
        return ask(self.web.port, method, target, headers, **more)

    def test_what_anybody_on_this_machine_sees(self):
        for target in ("/healthz", "/readyz", "/checkpoint", "/vkey", "/tile/0/000.p/1", "/tile/entries/000.p/1", "/metrics"):
            self.assertEqual(self.ask(target).status, 200, target)
        self.assertIn("vault_up 1", self.ask("/metrics").body.decode())
        self.assertEqual(self.ask("/vkey").body.decode().strip(), VAULTD.ctl("checkpoint", "--vkey").stdout.strip())

    def test_what_needs_the_token(self):
        for target in ("/api/v1/status", "/api/v1/entries", "/api/v1/entries/1", "/api/v1/events", "/api/v1/verify",
                       "/api/v1/nothing", "/api/v1/entries?limit=x"):
            refused = self.ask(target)
            self.assertEqual((refused.status, refused.code), (401, "unauthenticated"), target)
            self.assertTrue(refused.headers["www-authenticate"].startswith("Bearer"))
        for header in (bearer("x" * 40), bearer(TOKEN[:-1]), {"Authorization": f"Basic {TOKEN}"}, {"Authorization": TOKEN}):
            self.assertEqual(self.ask("/api/v1/head", header).status, 401, header)
        self.assertGreaterEqual(self.ask("/api/v1/head", bearer()).json()["sequence"], 1)
        self.assertEqual(self.ask("/api/v1/nothing", bearer()).code, "not_found")
        self.assertEqual(self.ask("/api/v1/entries?limit=x", bearer()).json()["field"], "limit")

    def test_sealing_is_off(self):
        seal = b'{"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{}}'
        refused = self.ask("/api/v1/seals", {**bearer(), "Content-Type": "application/json"}, "POST", body=seal)
        self.assertEqual((refused.status, refused.code), (403, "forbidden"))

    def test_names_that_were_made_to_point_here(self):
        for host in ("evil.example", "127.0.0.1.evil.example", "", "10.0.0.1:9999"):
            for target in ("/", "/healthz", "/checkpoint", "/api/v1/head", "/nothing"):
                refused = self.ask(target, bearer(), host=host)
                self.assertEqual((refused.status, refused.code), (403, "forbidden"), (host, target))
        for host in ("localhost", f"127.0.0.1:{self.web.port}", "[::1]:1", "vault.example", "VAULT.example:443"):
            self.assertEqual(self.ask("/healthz", host=host).status, 200, host)

    def test_a_proxy_asks_for_anybody(self):
        """Under a name of --host, or with a header by which proxies say for whom they ask, nobody is a local user."""
        for host, headers in (("vault.example", {}), ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}),
                              ("localhost", {"Forwarded": "for=203.0.113.9"}), ("localhost", {"X-Real-IP": "203.0.113.9"}),
                              ("localhost", {"Via": "1.1 proxy"}), ("localhost", {"X-Forwarded-Proto": "https"})):
            for target in ("/healthz", "/checkpoint", "/tile/0/000.p/1"):
                self.assertEqual(self.ask(target, headers, host=host).status, 200, (host, headers, target))
            for target in ("/metrics", "/api/v1/head"):
                self.assertEqual(self.ask(target, headers, host=host).status, 401, (host, headers, target))
                self.assertEqual(self.ask(target, {**bearer(), **headers}, host=host).status, 200, (host, headers, target))

    def test_two_names_in_one_request(self):
        for names in (("localhost", "vault.example"), ("vault.example", "localhost"), ("localhost", "localhost")):
            with connect(self.web.port) as peer, peer.makefile("rb") as file:
                peer.sendall("GET /metrics HTTP/1.1\r\n{}\r\n".format("".join(f"Host: {one}\r\n" for one in names)).encode())
                self.assertEqual(read_answer(file).status, 400, names)

    def test_pages_of_other_origins(self):
        foreign = ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                   {"Sec-Fetch-Site": "same-site"})
        for headers in foreign:
            for target in ("/api/v1/head", "/metrics"):
                self.assertEqual(self.ask(target, {**bearer(), **headers}).status, 403, (headers, target))
            answer = self.ask("/checkpoint", headers)
            self.assertEqual(answer.status, 200)
            self.assertNotIn("access-control-allow-origin", answer.headers)
        own = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
        self.assertEqual(self.ask("/api/v1/head", {**bearer(), **own}).status, 200)

    def test_every_answer_has_its_headers(self):
        for target in ("/", "/healthz", "/metrics", "/nothing", "/api/v1/head", "/page/nothing", "/api/v1/openapi.json"):
            headers = self.ask(target).headers
            self.assertIn("default-src 'self'", headers["content-security-policy"])
            self.assertNotIn("unsafe", headers["content-security-policy"])
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["referrer-policy"], "no-referrer")
            self.assertEqual(headers["cross-origin-opener-policy"], "same-origin")

    def test_methods_and_malformed_targets(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "GETX"):
            self.assertEqual(self.ask("/healthz", method=method).status, 405, method)
        self.assertEqual(self.ask("/healthz", method="POST").headers["allow"], "GET, HEAD")
        for target in ("/%00", "/../etc/passwd", "//", "/a//b", "/page/%2e%2e/x", "/healthz?%"):
            self.assertEqual(self.ask(target).status, 400, target)
        for target in ("/nothing", "/page/nothing.js", "/tile/0/1", "/tile/data/000"):
            self.assertEqual(self.ask(target).status, 404, target)

    def test_head_keep_alive_and_pipelining(self):
        whole, head = self.ask("/vkey"), self.ask("/vkey", method="HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["content-length"], str(len(whole.body)))
        with connect(self.web.port) as peer, peer.makefile("rb") as file:
            peer.sendall(request_text("GET", "/healthz") * 20 + request_text("HEAD", "/healthz") + request_text("GET", "/vkey"))
            for _ in range(20):
                self.assertEqual(read_answer(file).body, b"ok\n")
            self.assertEqual(read_answer(file, "HEAD").status, 200)
            self.assertEqual(read_answer(file).body, whole.body)

    def test_gzip_where_it_is_asked_for(self):
        plain = self.ask("/metrics")
        packed = self.ask("/metrics", {"Accept-Encoding": "gzip"})
        self.assertNotIn("content-encoding", plain.headers)
        self.assertEqual(packed.headers["content-encoding"], "gzip")
        self.assertIn(b"vault_up 1", gzip.decompress(packed.body))
        document = self.ask("/api/v1/openapi.json")
        packed = self.ask("/api/v1/openapi.json", {"Accept-Encoding": "gzip"})
        self.assertEqual(gzip.decompress(packed.body), document.body)
        self.assertEqual(self.ask("/api/v1/openapi.json", {"If-None-Match": document.headers["etag"]}).status, 304)

    def test_a_head_that_is_too_large(self):
        for name in ("X-Long", "Cookie"):
            answer = self.ask("/healthz", {name: "x" * 17_000})
            self.assertEqual((answer.status, answer.code), (431, "too_large"))
        self.assertEqual(self.ask("/" + "x" * 17_000).status, 431)
        self.assertEqual(self.ask("/healthz", {"X-Long": "x" * 15_000}).status, 200)

    def test_what_is_no_http(self):
        for text in (b"\r\n\r\n", b"x\r\n\r\n", b"GET /healthz\r\n\r\n", b"GET /healthz HTTP/9.9\r\n\r\n",
                     b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40,
                     b"POST /api/v1/seals HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"):
            with connect(self.web.port) as peer, peer.makefile("rb") as file:
                peer.sendall(text)
                answer = read_answer(file)
                if answer is not None:
                    self.assertIn(answer.status, (400, 403, 505), text)
                    self.assertIsNone(read_answer(file), "the connection ends with it")


class TrustTest(unittest.TestCase):
    def test_local_users_are_trusted_and_nobody_behind_a_proxy(self):
        with Web(VAULTD, "--trust-local-users", "--allow-seal", "--host", "vault.example") as web:
            seal = b'{"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{}}'
            json_type = {"Content-Type": "application/json"}
            self.assertEqual(ask(web.port, "GET", "/api/v1/entries").status, 200)
            for host, headers in (("vault.example", {}), ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"})):
                self.assertEqual(ask(web.port, "GET", "/api/v1/entries", headers, host=host).status, 403)
                self.assertEqual(ask(web.port, "POST", "/api/v1/seals", {**headers, **json_type}, host=host, body=seal).status, 403)

    def test_sealing_on_loopback_needs_no_token_where_it_is_allowed(self):
        with Web(VAULTD, "--token-file", token_file(self), "--allow-seal") as web:
            seal = b'{"session_id":"s","authority":"a","verdict":"SEAL","seal_data":{}}'
            self.assertEqual(ask(web.port, "POST", "/api/v1/seals", {"Content-Type": "application/json"}, body=seal).status, 201)
            self.assertEqual(ask(web.port, "GET", "/api/v1/entries").status, 401)


class PublicTest(unittest.TestCase):
    def test_strangers_see_what_is_public_and_nothing_else(self):
        with Web(VAULTD, "--public") as web:
            for target in ("/healthz", "/readyz", "/checkpoint", "/vkey", "/tile/0/000.p/1"):
                answer = ask(web.port, "GET", target, {"Origin": "https://elsewhere.example"})
                self.assertEqual(answer.status, 200, target)
                self.assertEqual(answer.headers["access-control-allow-origin"], "*", target)
            for target in ("/", "/metrics", "/page/app.js", "/api/v1/head", "/api/v1/status", "/api/v1/events"):
                answer = ask(web.port, "GET", target)
                self.assertEqual(answer.status, 403, target)
                self.assertNotIn("access-control-allow-origin", answer.headers, target)

    def test_metrics_where_they_are_opened(self):
        with Web(VAULTD, "--public", "--public-metrics") as web:
            self.assertEqual(ask(web.port, "GET", "/metrics").status, 200)


class StartTest(unittest.TestCase):
    def run_web(self, *arguments, environment=None):
        return subprocess.run([program("vault-web"), *arguments], capture_output=True, text=True, timeout=60, check=False,
                              env={**clean_environment(), **(environment or {})})

    def test_addresses_that_can_be_reached_from_elsewhere(self):
        for arguments in (("--listen", "0.0.0.0:0"), ("--listen", "[::]:0"), ("--listen", "127.0.0.1:0", "--listen", "0.0.0.0:0")):
            answer = self.run_web(*arguments)
            self.assertEqual(answer.returncode, 2, answer.stderr)
            self.assertIn("--public", answer.stderr)
        self.assertEqual(self.run_web("--check-config", environment={"PORT": "8080"}).returncode, 2)
        answer = self.run_web("--check-config", "--public", environment={"PORT": "8080"})
        self.assertIn("0.0.0.0:8080", answer.stdout)

    def test_wrong_settings(self):
        for arguments in (("--listen", "nonsense"), ("--listen", "127.0.0.1"), ("--nonsense",), ("--endpoint", "/run/x"),
                          ("--public-metrics",), ("--public", "--trust-local-users"), ("--header-timeout", "5 parsecs"),
                          ("--max-connections", "0")):
            answer = self.run_web("--check-config", *arguments)
            self.assertEqual(answer.returncode, 2, (arguments, answer.stderr))
        self.assertEqual(self.run_web("--check-config", environment={"VAULT_WEB_MAX_CONNECTIONS": "x"}).returncode, 2)

    def test_the_four_forms(self):
        directory = make_directory("vault-web-")
        self.addCleanup(shutil.rmtree, directory)
        config = directory / "web.toml"
        config.write_text('max_connections = 7\nheader_timeout = "7s"\nhost = ["a.example"]\n')
        environment = {"VAULT_WEB_HEADER_TIMEOUT": "8s", "VAULT_WEB_CONFIG": str(config)}
        text = self.run_web("--check-config", "--host", "b.example", environment=environment).stdout
        for line in ("max_connections = 7", "b.example", "'8s'"):
            self.assertIn(line, text)
        empty = {name: "" for name in ("VAULT_WEB_ALLOW_SEAL", "VAULT_WEB_LISTEN", "VAULT_WEB_MAX_CONNECTIONS", "PORT")}
        self.assertEqual(self.run_web("--check-config", environment=empty).returncode, 0, "an empty variable is not set")
        config.write_text("max_conections = 7\n")
        answer = self.run_web("--check-config", "--config", str(config))
        self.assertEqual(answer.returncode, 2)
        self.assertIn(f"{config}:1", answer.stderr)
        self.assertIn('did you mean "max_connections"?', answer.stderr)

    def test_help_states_the_limits(self):
        text = " ".join(self.run_web("--help").stdout.split())
        for limit in ("[1024]", "[64]", "[100]", "[10s]", "[30s]", "[16777216]", "[127.0.0.1:9999]", "16 KiB", "256 KiB"):
            self.assertIn(limit, text)

    def test_exit_codes_are_those_of_vaultd(self):
        with Web(VAULTD, "--trust-local-users") as web:
            taken = self.run_web("--trust-local-users", "--listen", f"127.0.0.1:{web.port}")
            self.assertEqual(taken.returncode, 2, taken.stderr)
            self.assertIn("in use", taken.stderr)
        missing = self.run_web("--trust-local-users", "--listen", "127.0.0.1:0", "--key-dir", "/var/empty/nothing")
        self.assertEqual(missing.returncode, 4, missing.stderr)

    def test_token_files(self):
        directory = make_directory("vault-web-")
        self.addCleanup(shutil.rmtree, directory)
        path = directory / "token"
        self.assertEqual(self.run_web("--listen", "127.0.0.1:0", "--token-file", str(path)).returncode, 4)
        path.write_text("short")
        path.chmod(0o600)
        self.assertEqual(self.run_web("--listen", "127.0.0.1:0", "--token-file", str(path)).returncode, 2)
        path.write_text(TOKEN)
        path.chmod(0o644)
        self.assertEqual(self.run_web("--listen", "127.0.0.1:0", "--token-file", str(path)).returncode, 4)

    def test_a_token_is_made_where_none_is_given(self):
        directory = make_directory("vault-web-")
        self.addCleanup(shutil.rmtree, directory)
        before = os.environ.get("RUNTIME_DIRECTORY")
        os.environ["RUNTIME_DIRECTORY"] = str(directory)
        self.addCleanup(lambda: os.environ.pop("RUNTIME_DIRECTORY") if before is None
                        else os.environ.update(RUNTIME_DIRECTORY=before))
        path = directory / "token"
        for _ in range(2):
            with Web(VAULTD) as web:
                self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o640)
                token = path.read_text().strip()
                self.assertNotIn(token, web.log_path.read_text())
                self.assertIn(str(path), web.log_path.read_text())
                self.assertEqual(ask(web.port, "GET", "/api/v1/head").status, 401)
                self.assertEqual(ask(web.port, "GET", "/api/v1/head", bearer(token)).status, 200)


class LimitsTest(unittest.TestCase):
    def test_too_many_connections_are_told_so(self):
        with Web(VAULTD, "--trust-local-users", "--max-connections", "20") as web:
            held = []
            self.addCleanup(lambda: [peer.close() for peer in held])
            for _ in range(20):
                held.append(connect(web.port))
                held[-1].sendall(request_text("GET", "/healthz"))
                with held[-1].makefile("rb") as file:
                    self.assertEqual(read_answer(file).status, 200)
            with connect(web.port) as peer, peer.makefile("rb") as file:
                peer.sendall(request_text("GET", "/healthz"))
                refused = read_answer(file)
                self.assertEqual((refused.status, refused.code), (503, "busy"))
                self.assertIsNone(read_answer(file))
            held.pop().close()
            wait_for(lambda: ask(web.port, "GET", "/healthz").status == 200, "room again")

    def test_slow_heads_and_idle_connections_end(self):
        with Web(VAULTD, "--trust-local-users", "--header-timeout", "1s", "--idle-timeout", "2s") as web:
            silent, slow, idle = (connect(web.port) for _ in range(3))
            for peer in (silent, slow, idle):
                self.addCleanup(peer.close)
            slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
            idle.sendall(request_text("GET", "/healthz"))
            with idle.makefile("rb") as file:
                self.assertEqual(read_answer(file).status, 200)
            for peer in (silent, slow, idle):
                self.assertEqual(peer.recv(100), b"", "it is closed, not answered")


    def test_a_client_that_reads_steadily_gets_all_of_it(self):
        """The time-out is for each piece of an answer, not for all of it."""
        data = json.dumps({"text": "x" * 600_000})  # more than a pipe and the sockets' buffers hold
        for _ in range(10):
            seal = VAULTD.ctl("seal", "--session", "large", "--authority", "a", "--verdict", "SEAL", "--data-file", "-",
                              stdin=data)
            self.assertEqual(seal.returncode, 0, seal.stderr)
        with Web(VAULTD, "--trust-local-users", "--idle-timeout", "2s") as web:
            with socket.socket() as peer:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
                peer.settimeout(30)
                peer.connect(("127.0.0.1", web.port))
                peer.sendall(request_text("GET", "/api/v1/sessions/large?limit=100"))
                head, began = b"", time.monotonic()
                while b"\r\n\r\n" not in head:
                    head += peer.recv(1)
                wanted = int(re.search(rb"Content-Length: (\d+)", head, re.IGNORECASE)[1])
                received = 0
                while received < wanted and (some := peer.recv(1 << 20)):
                    received += len(some)
                    time.sleep(max(0, began + received / 1_500_000 - time.monotonic()))
                self.assertEqual(received, wanted)
                self.assertGreater(time.monotonic() - began, 4, "longer than idle_timeout")


class WithoutVaultdTest(unittest.TestCase):
    def test_it_starts_without_and_comes_back_by_itself(self):
        with VaultdProcess() as vaultd:
            vaultd.stop()
            with VaultWeb(vaultd, "--trust-local-users") as web:
                self.assertEqual(ask(web.port, "GET", "/healthz").status, 200)
                answer = ask(web.port, "GET", "/readyz")
                self.assertEqual(answer.status, 503)
                self.assertTrue(answer.json()["reasons"])
                self.assertIn("vault_up 0", ask(web.port, "GET", "/metrics").body.decode())
                for target in ("/checkpoint", "/api/v1/head", "/api/v1/status"):
                    self.assertEqual(ask(web.port, "GET", target).code, "unavailable", target)
                for _ in range(2):
                    vaultd.start()
                    wait_for(lambda: ready(web), "ready once vaultd is there")
                    self.assertIn("vault_up 1", ask(web.port, "GET", "/metrics").body.decode())
                    vaultd.kill()
                    wait_for(lambda: not ready(web), "not ready once it is gone")
                    self.assertEqual(ask(web.port, "GET", "/api/v1/status").code, "unavailable")


class StrangeVaultdTest(unittest.TestCase):
    """Whatever answers in vaultd's place, vault-web stays up."""

    LIES = ({"role": 5}, {"ready": "yes"}, {"database": {"connected": "x"}}, {"database": {"connected": False, "detail": 7}},
            {"alert_details": [{"kind": 7, "message": []}, 5, None]}, {"alerts": [5], "alert_severities": {"x": 7}},
            {"histograms": {"commit_seconds": 5}}, {"histograms": {"commit_seconds": {"bounds": ["x"], "counts": [1, None]}}},
            {"gauges": {"x": "y"}}, {"counters": 7}, {"sealed": [1]}, {"version": 4}, {"queue_depth": "many"})

    def test_members_of_another_kind(self):
        directory = make_directory("vault-web-")
        self.addCleanup(shutil.rmtree, directory)
        vaultd = types.SimpleNamespace(directory=directory, requests=f"ipc://{directory}/r", events=f"ipc://{directory}/e")
        context = zmq.Context()
        self.addCleanup(context.destroy, linger=0)
        router = context.socket(zmq.ROUTER)
        router.bind(vaultd.requests)
        with VaultWeb(vaultd, "--trust-local-users") as web:
            for lie in self.LIES:
                for _ in range(2):  # the first may have been asked before the last lie was looked at
                    self.assertTrue(router.poll(20_000), "it asks for the status again and again")
                    *peer, body = router.recv_multipart()
                    status = {"role": "writer", "ready": True, "database": {"connected": True, "detail": ""}, **lie}
                    router.send_multipart([*peer, msgpack.packb({"v": 1, "id": msgpack.unpackb(body)["id"], "ok": True,
                                                                 "result": status})])
                    for target in ("/metrics", "/readyz", "/api/v1/status"):
                        self.assertIn(ask(web.port, "GET", target).status, (200, 503), (lie, target))
                self.assertIsNone(web.process.poll(), lie)


if __name__ == "__main__":
    unittest.main()
