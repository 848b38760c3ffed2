"""vaultd in an environment that it did not choose: streams, signals, variables, paths, keys.

Run by CTest with VAULT_BIN_DIR.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VaultdProcess, clean_environment, free_ports, make_directory, program  # noqa: E402


class ShellVaultd(VaultdProcess):
    """Started by a shell that prepares something first; `words` follow the command, such as 2>&-."""

    def __init__(self, before="", words="", **more):
        super().__init__(**more)
        self.before, self.words = before, words

    def command(self):
        return ["sh", "-c", f'{self.before} exec "$0" "$@" {self.words}', *super().command()]


class Surrounding(unittest.TestCase):
    def started(self, **how):
        vaultd = ShellVaultd(**how)
        self.addCleanup(vaultd.remove)
        return vaultd.start()

    def seals(self, vaultd):
        answer = vaultd.ctl("seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}")
        self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_closed_streams_are_written_into_no_file(self):
        for words in ("2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
            with self.subTest(words=words):
                vaultd = self.started(words=words)
                self.seals(vaultd)
                vaultd.process.send_signal(signal.SIGHUP)  # one more line that has nowhere to go
                self.seals(vaultd)
                locks = {path.name: path.read_text() for path in vaultd.directory.glob("*.lock")}
                self.assertEqual(locks, {"requests.lock": "", "ingest.lock": "", "events.lock": ""})
                self.assertEqual((vaultd.state / "lock").read_text(), "")
                self.assertEqual((vaultd.data / "vaultd.lock").read_text(), str(vaultd.process.pid))
                self.assertEqual(vaultd.stop(), 0)

    def test_signals_that_a_parent_ignores_or_that_mean_nothing(self):
        vaultd = self.started(before="trap '' CHLD;")
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            vaultd.process.send_signal(number)
        self.seals(vaultd)
        self.assertEqual(vaultd.stop(), 0)

    def test_variables_of_another_database(self):
        service = make_directory()
        self.addCleanup(shutil.rmtree, service)
        (service / "services").write_text("[elsewhere]\nhost=/nowhere\nport=1\ndbname=other\nuser=other\n")
        vaultd = self.started(environment={
            "PGHOST": "/nowhere", "PGHOSTADDR": "127.0.0.1", "PGPORT": "1", "PGDATABASE": "other", "PGUSER": "other",
            "PGSERVICE": "elsewhere", "PGSERVICEFILE": str(service / "services"), "PGPASSWORD": "x",
            "PGOPTIONS": "-c search_path=nowhere -c default_transaction_read_only=on", "PGSSLMODE": "verify-full",
            "PGTARGETSESSIONATTRS": "read-only", "PGCHANNELBINDING": "require", "PGGSSENCMODE": "disable",
            "PGCLIENTENCODING": "LATIN1", "PGDATESTYLE": "German", "PGTZ": "Asia/Tokyo", "PGDATA": "/nowhere",
            "PGCONNECT_TIMEOUT": "1"})
        self.seals(vaultd)
        self.assertEqual(vaultd.sql("SELECT count(*) FROM vault_ledger"), [["1"]])


class Refused(unittest.TestCase):
    """Starts that must fail: each ends by itself, quickly, and leaves everything unchanged."""

    def setUp(self):
        self.directory = make_directory()
        self.addCleanup(shutil.rmtree, self.directory)
        self.key = self.directory / "key.pem"
        subprocess.run([program("vaultctl"), "keygen", "--name", "example.org/x", "-o", self.key], check=True, timeout=60,
                       capture_output=True, env=clean_environment())

    def run_vaultd(self, *arguments, environment=None, **places):
        """Everything goes below self.directory; `places` replace its defaults."""
        places = {"embedded": self.directory / "pg", "state_dir": self.directory / "state",
                  **{name: f"ipc://{self.directory}/{name}" for name in ("requests", "ingest", "events")}, **places}
        flags = [word for name, value in places.items() if value is not None
                 for word in (f"--{name.replace('_', '-')}", str(value))]
        return subprocess.run([program("vaultd"), *flags, *map(str, arguments)], capture_output=True, text=True,
                              check=False, timeout=120, env={**clean_environment(), **(environment or {})})

    def refused(self, code, words, *arguments, **more):
        answer = self.run_vaultd(*arguments, **more)
        self.assertEqual(answer.returncode, code, f"{arguments} {more}\n{answer.stderr}")
        for word in words:
            self.assertIn(str(word), answer.stderr)
        self.assertFalse((self.directory / "pg").exists())
        return answer

    def test_what_is_at_a_sockets_path_and_is_no_socket(self):
        """libzmq deletes it before it binds."""
        socket_path = self.directory / "a-socket"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(socket_path))
        secret = self.key.read_bytes()
        makers = {"file": lambda path: path.write_bytes(secret), "FIFO": os.mkfifo, "directory": os.mkdir,
                  "link to a file": lambda path: path.symlink_to(self.key),
                  "link to a socket": lambda path: path.symlink_to(socket_path),
                  "dangling link": lambda path: path.symlink_to(self.directory / "nowhere")}
        settings = ["requests", "ingest", "events"]
        for number, (kind, make) in enumerate(makers.items()):
            with self.subTest(kind=kind):
                path = self.directory / f"place-{number}"
                make(path)
                before = path.lstat()
                setting = settings[number % 3]
                for more in ((), ("--check-config",)):
                    self.refused(2, [setting, path], *more, **{setting: f"ipc://{path}"})
                self.assertEqual((before.st_ino, before.st_mode), (path.lstat().st_ino, path.lstat().st_mode))
        self.assertEqual((self.directory / "place-0").read_bytes(), secret)
        self.assertEqual(self.key.read_bytes(), secret)

    def test_a_socket_where_files_of_vaultds_own_belong(self):
        """None of these exists at a first start, and the socket would keep its place."""
        (self.directory / "alias").symlink_to(self.directory / "state")
        (self.directory / "state").mkdir(mode=0o700)
        for number, below in enumerate(("state/signing.pem", "state/checkpoint", "state/new/requests", "pg/PG_VERSION",
                                        "alias/signing.pem", "x/../state/signing.pem")):
            setting = ["requests", "ingest", "events"][number % 3]
            for more in ((), ("--check-config",)):
                self.refused(2, [setting, self.directory / below, "vaultd's own files"], *more,
                             **{setting: f"ipc://{self.directory}/{below}"})
        self.assertEqual(list((self.directory / "state").iterdir()), [])

    def test_a_missing_directory_of_a_socket_is_not_made(self):
        missing = self.directory / "valutd"
        for more in ((), ("--check-config",)):
            self.refused(4, ["ingest", missing], *more, ingest=f"ipc://{missing}/ingest")
        self.refused(4, [f"{missing}/requests", f"{missing}/events"], "--check-config",
                     requests=f"ipc://{missing}/requests", events=f"ipc://{missing}/events")
        self.assertFalse(missing.exists())
        # The unit's own directory, which exists while the service runs.
        answer = self.run_vaultd("--check-config", ingest="ipc:///run/vaultd/x/ingest")
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        # The service's own is the exception.
        self.refused(4, ["signing_key"], "--signing-key", "/nowhere", ingest=f"ipc://{missing}/ingest",
                     environment={"RUNTIME_DIRECTORY": str(missing)})
        self.assertEqual(missing.stat().st_mode & 0o777, 0o750)

    def test_keys_that_will_not_do(self):
        junk, fifo = self.directory / "junk.pem", self.directory / "fifo"
        junk.write_text("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n")
        junk.chmod(0o600)
        os.mkfifo(fifo)
        for code, path in ((4, "/nowhere/key.pem"), (2, junk), (2, self.directory), (2, fifo), (2, "/dev/zero")):
            with self.subTest(path=path):
                self.refused(code, ["signing_key", path], signing_key=path)
                self.refused(code, ["signing_key", path], "--check-config", signing_key=path)
        for mode in (0o644, 0o604, 0o660, 0o666):
            self.key.chmod(mode)
            self.refused(4, ["signing_key", self.key, "chmod 0600"], signing_key=self.key)
        # The same if nobody has named it.
        state = self.directory / "state"
        state.mkdir(exist_ok=True)
        shutil.copy(self.key, state / "signing.pem")
        self.refused(4, ["signing_key", state / "signing.pem"])

    def test_files_that_are_none(self):
        self.refused(2, [f"{self.directory}: Is a directory"], "--config", self.directory)
        self.refused(2, [f"{self.directory}: Is a directory"], environment={"VAULT_CONFIG": str(self.directory)})
        self.refused(4, ["/nowhere/vaultd.toml"], "--config", "/nowhere/vaultd.toml")
        keys = self.directory / "server"
        subprocess.run([program("vaultctl"), "keygen", "--curve", "-o", keys], check=True, capture_output=True, timeout=60)
        secret = keys / "secret.toml"
        for code, server, clients, words in (
                (2, self.directory, self.directory, ["curve_server_key", "Is a directory"]),
                (4, "/nowhere", self.directory, ["curve_server_key", "/nowhere"]),
                (2, secret, secret, ["curve_clients", secret]),
                (4, secret, "/nowhere", ["curve_clients", "/nowhere"])):
            self.refused(code, words, curve_server_key=server, curve_clients=clients)
        self.refused(4, ["curve_server_key", "curve_clients"], "--check-config", curve_server_key="/nowhere",
                     curve_clients="/nowhere/clients")
        self.refused(2, ["socket_group", "no-such-group"], socket_group="no-such-group")

    def test_a_slip_in_the_embedded_directory_leaves_nothing(self):
        closed = self.directory / "closed"
        closed.mkdir(mode=0o700)
        if os.geteuid() != 0:
            closed.chmod(0o500)
        self.refused(2, ["embedded", closed], embedded=closed / "pg")
        self.assertEqual(list(closed.iterdir()), [])
        self.refused(2, ["embedded", "connection string"], embedded="postgresql://u:s3cret@h/db")

    def test_no_password_is_told(self):
        for url in ("postgresql://u:x@s3cret@h/db", "postgresql://u:s3cret/x@h/db", "POSTGRESQL://u:s3cret@h/db",
                    "jdbc:postgresql://h/db?password=s3cret", " postgresql://u:s3cret@h/db", "host=h;password=s3cret"):
            for more in ((), ("--check-config",)):
                answer = self.run_vaultd(*more, embedded=None, database=url)
                self.assertEqual(answer.returncode, 2, answer.stderr)
                self.assertIn("database", answer.stderr)
                self.assertNotIn("s3cret", answer.stderr + answer.stdout)
            answer = subprocess.run([program("vaultctl"), "verify", "--database", url], capture_output=True, text=True,
                                    check=False, timeout=60, env=clean_environment())
            self.assertNotEqual(answer.returncode, 0)
            self.assertNotIn("s3cret", answer.stderr + answer.stdout)
        answer = self.run_vaultd("postgresql://u:s3cret@h/db", embedded=None)
        self.assertEqual(answer.returncode, 2)
        self.assertNotIn("s3cret", answer.stderr)
        answer = self.run_vaultd("--check-config", embedded=None, database="postgresql://u:s3cret@h/db")
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        self.assertIn('database = "postgresql://u@h/db"', answer.stdout)

    def test_an_address_that_cannot_be_bound(self):
        keys = self.directory / "server"
        subprocess.run([program("vaultctl"), "keygen", "--curve", "-o", keys], check=True, capture_output=True, timeout=60)
        clients = self.directory / "clients"
        clients.mkdir()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            in_use = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
            for setting, endpoint in (("requests", in_use), ("events", in_use), ("ingest", "tcp://192.0.2.1:9990")):
                answer = self.run_vaultd("--curve-server-key", str(keys / "secret.toml"), "--curve-clients", str(clients),
                                         **{setting: endpoint})
                self.assertEqual(answer.returncode, 2, answer.stderr)
                self.assertIn(f"{setting}: cannot bind {endpoint}", answer.stderr)


class SecondVaultd(unittest.TestCase):
    """Beside a writer on the same database: the key is checked before anything is taken, whoever is the writer."""

    @classmethod
    def setUpClass(cls):
        cls.vaultd = VaultdProcess()
        cls.addClassCleanup(cls.vaultd.remove)
        cls.vaultd.start()
        assert cls.vaultd.ctl("seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}",
                              "--sign").returncode == 0

    def standby(self, key, database=None):
        directory = make_directory()
        self.addCleanup(shutil.rmtree, directory)
        flags = [word for name in ("requests", "ingest", "events") for word in (f"--{name}", f"ipc://{directory}/{name}")]
        return subprocess.run([program("vaultd"), "--database", database or self.vaultd.database_url(), "--state-dir",
                               str(directory / "state"), "--signing-key", str(key), *flags], capture_output=True,
                              text=True, check=False, timeout=60, env=clean_environment())

    def test_a_standby_looks_at_its_key(self):
        key = self.vaultd.directory / "copy.pem"
        shutil.copy(self.vaultd.state / "signing.pem", key)
        key.chmod(0o644)
        self.assertEqual(self.standby(key).returncode, 4)
        self.assertEqual(self.standby("/nowhere/key.pem").returncode, 4)
        key.write_text("junk")
        key.chmod(0o600)
        answer = self.standby(key)
        self.assertEqual(answer.returncode, 2)
        self.assertNotIn("ready", answer.stderr)

    def test_another_key_and_a_role_without_rights(self):
        """Both are found before the lease is requested, even beside a writer."""
        epoch = self.vaultd.sql("SELECT writer_epoch FROM vault_head")
        key = self.vaultd.directory / "other.pem"
        subprocess.run([program("vaultctl"), "keygen", "--name", "example.org/other", "-o", key], check=True, timeout=60,
                       capture_output=True, env=clean_environment())
        answer = self.standby(key)
        self.assertEqual(answer.returncode, 2, answer.stderr)
        self.assertIn("signing_key: this ledger is signed with the key", answer.stderr)
        self.assertNotIn("ready", answer.stderr)
        self.vaultd.sql("CREATE ROLE nobody1 LOGIN")
        answer = self.standby(self.vaultd.state / "signing.pem", self.vaultd.database_url().replace("user=vault", "user=nobody1"))
        self.assertEqual(answer.returncode, 4, answer.stderr)
        self.assertIn("permission denied", answer.stderr)
        self.assertEqual(self.vaultd.sql("SELECT writer_epoch FROM vault_head"), epoch)

    def test_a_failed_start_takes_no_lease(self):
        epoch = self.vaultd.sql("SELECT writer_epoch FROM vault_head")
        self.vaultd.stop()
        self.vaultd.arguments += ["--signing-key", "/nowhere/key.pem"]
        self.vaultd.start(wait=False)
        self.assertEqual(self.vaultd.process.wait(60), 4)
        self.vaultd.process = None
        self.vaultd.arguments.clear()
        self.vaultd.start()
        # One orderly start raises it by one.
        self.assertEqual(int(self.vaultd.sql("SELECT writer_epoch FROM vault_head")[0][0]), int(epoch[0][0]) + 1)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
        return True
    except OSError:
        return False


@unittest.skipUnless(has_ipv6(), "no IPv6 on this machine")
class Ipv6(unittest.TestCase):
    def test_loopback_without_curve(self):
        requests, events = (f"tcp://[::1]:{port}" for port in free_ports(2, "::1"))
        with VaultdProcess("--requests", requests, "--events", events, "--requests", "tcp://127.0.0.1:*") as vaultd:
            answer = vaultd.ctl("--endpoint", requests, "--timeout", "5s", "head")
            self.assertEqual(answer.returncode, 0, answer.stderr)
            answer = vaultd.ctl("--endpoint", requests, "--events", events, "watch", "--topic", "heartbeat", "--count",
                                "1", timeout_s=20)
            self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_any_address_with_curve(self):
        directory = make_directory()
        self.addCleanup(shutil.rmtree, directory)
        for name in ("server", "client"):
            subprocess.run([program("vaultctl"), "keygen", "--curve", "-o", directory / name], check=True,
                           capture_output=True, timeout=60)
        (directory / "clients").mkdir()
        public = (directory / "client/public.toml").read_text().replace("roles = []", 'roles = ["reader"]')
        (directory / "clients/client.toml").write_text(public)
        shutil.copy(directory / "server/public.toml", directory / "client/server.toml")
        port = free_ports(1)[0]
        with VaultdProcess("--requests", f"tcp://[::]:{port}", "--curve-server-key", str(directory / "server/secret.toml"),
                           "--curve-clients", str(directory / "clients")) as vaultd:
            self.assertIn("an unknown key is turned away", vaultd.log_tail())
            for host in ("[::1]", "127.0.0.1", "localhost"):
                answer = vaultd.ctl("--endpoint", f"tcp://{host}:{port}", "--key-dir", str(directory / "client"),
                                    "--timeout", "5s", "head")
                self.assertEqual(answer.returncode, 0, answer.stderr)


class Vaultctl(unittest.TestCase):
    def test_a_closed_stdout_is_told(self):
        answer = subprocess.run(["sh", "-c", 'exec "$0" canonicalize >&-', program("vaultctl")], input="{}\n", text=True,
                                capture_output=True, check=False, timeout=60, env=clean_environment())
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("could not write the output", answer.stderr)

    def test_messages_go_into_no_file(self):
        """Without stderr, the next descriptor is that of the file being written."""
        directory = make_directory()
        self.addCleanup(shutil.rmtree, directory)
        key = directory / "key.pem"
        subprocess.run(["sh", "-c", 'exec "$0" keygen --name example.org/x -o "$1" >&- 2>&-', program("vaultctl"), key],
                       check=False, timeout=60, env=clean_environment())
        if key.exists():
            self.assertTrue(key.read_text().endswith("-----END PRIVATE KEY-----\n"), key.read_text())
            self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)


if __name__ == "__main__":
    sys.exit(unittest.main())
