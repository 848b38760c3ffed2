"""A vaultd with an embedded PostgreSQL of its own, for tests written in Python.

    with VaultdProcess() as vaultd:
        vaultd.requests, vaultd.ingest, vaultd.events     # endpoints
        vaultd.ctl("status", "--json")                     # vaultctl against it: a CompletedProcess

Everything lives in a new directory below TMPDIR that goes when the test ends. Programs come from VAULT_BIN_DIR.
Needs nothing but the standard library.
"""
import ctypes
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BIN_DIR = pathlib.Path(os.environ.get("VAULT_BIN_DIR", "build/dev/bin"))
SOURCE_DIR = pathlib.Path(os.environ.get("VAULT_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
VECTORS_DIR = pathlib.Path(os.environ.get("VAULT_VECTORS_DIR", SOURCE_DIR / "tests" / "vectors"))

# initdb, start and migration on a busy machine; sanitizers are slow.
READY_TIMEOUT_S = 120
STOP_TIMEOUT_S = 60


def program(name):
    """The path of a program under test."""
    return str(BIN_DIR / name)


def sanitizer():
    """The sanitizer that the programs are built for: "tsan", "asan", or None."""
    libraries = subprocess.run(["ldd", program("vaultd")], capture_output=True, text=True, check=True).stdout
    return next((name for name in ("tsan", "asan") if f"lib{name}" in libraries), None)


def keeps_much():
    """ThreadSanitizer keeps several times a program's memory."""
    return sanitizer() == "tsan"


def clean_environment():
    """The environment without variables that would change how the programs behave."""
    return {key: value for key, value in os.environ.items()
            if not key.startswith(("VAULT_", "VAULTD_", "PG")) and key != "DATABASE_URL"}


def make_directory(prefix="vault-test-"):
    """A new directory that PostgreSQL's unprivileged user may pass through. Short: socket paths have 107 bytes."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    directory.chmod(0o755)
    return directory


def end_with_parent():
    """In a child: SIGTERM when the test's main thread ends, so that a killed test leaves no vaultd behind."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def free_ports(count, address="127.0.0.1"):
    """TCP ports of loopback that are currently free, below those that the kernel assigns by itself: until the caller
    listens, no outgoing connection and no listener on port 0 can take one."""
    ephemeral = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found = []
    for port in random.SystemRandom().sample(range(10_000, max(ephemeral, 20_000)), 1_000):
        if len(found) == count:
            break
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((address, port))
            except OSError:
                continue
        found.append(port)
    return found


class VaultdProcess:
    """Started by start() (or `with`), stopped by stop(); kill() is -9; restart() keeps the data."""

    def __init__(self, *arguments, directory=None, environment=None):
        """`arguments` are added to vaultd's command line, `environment` to its environment."""
        self.owns_directory = directory is None
        self.directory = pathlib.Path(directory) if directory else make_directory()
        self.data = self.directory / "data"
        self.state = self.directory / "state"
        self.log_path = self.directory / "vaultd.log"
        self.requests = f"ipc://{self.directory}/requests"
        self.ingest = f"ipc://{self.directory}/ingest"
        self.events = f"ipc://{self.directory}/events"
        self.arguments = list(arguments)
        self.environment = dict(environment or {})
        self.process = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *_):
        self.remove()

    def command(self):
        return [program("vaultd"), "--embedded", str(self.data), "--migrate", "--state-dir", str(self.state),
                "--requests", self.requests, "--ingest", self.ingest, "--events", self.events, *self.arguments]

    def make_state(self):
        self.state.mkdir(exist_ok=True)

    def start(self, wait=True):
        """Starts vaultd; returns once a seal would be accepted, or at once without `wait`."""
        assert self.process is None, "it is running"
        self.make_state()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**clean_environment(), **self.environment},
                                            preexec_fn=end_with_parent)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout_s=READY_TIMEOUT_S):
        """Waits until status.ready holds; raises with the end of the log if it does not."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"vaultd ended with {self.process.returncode}:\n{self.log_tail()}")
            answer = self.ctl("--timeout", "2s", "--json", "status")
            if answer.returncode == 0 and json.loads(answer.stdout)["ready"]:
                return
            time.sleep(0.1)
        raise RuntimeError(f"vaultd was not ready after {timeout_s} s:\n{self.log_tail()}")

    def stop(self, timeout_s=STOP_TIMEOUT_S):
        """SIGTERM, and the exit code; raises if it does not end in time."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"vaultd did not stop within {timeout_s} s:\n{self.log_tail()}") from error
        finally:
            self.process = None

    def kill(self):
        """SIGKILL: vaultd can do nothing about it. Its PostgreSQL ends by itself, or is taken over at the next start."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self):
        """Stops it in good order, starts it again on the same data; returns the exit code of the first run."""
        code = self.stop()
        self.start()
        return code

    def remove(self):
        """Stops it and removes its directory."""
        try:
            self.stop()
        finally:
            if self.owns_directory:
                shutil.rmtree(self.directory, ignore_errors=True)

    def database_url(self):
        """The embedded PostgreSQL's, for its superuser. Only its own user and root may reach the socket."""
        return f"host={self.data}/run user=vault dbname=vault"

    def sql(self, text):
        """Runs SQL as the superuser; the rows of the last statement as lists of text."""
        answer = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d",
                                 self.database_url()], input=text, capture_output=True, text=True, timeout=60,
                                check=False, env=clean_environment())
        if answer.returncode != 0:
            raise RuntimeError(f"psql: {answer.stderr}")
        return [line.split("\t") for line in answer.stdout.splitlines()]

    def log_tail(self, lines=40):
        try:
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return "(no log)"

    def ctl(self, *arguments, stdin=None, timeout_s=120, environment=None):
        """Runs vaultctl against this vaultd. stdout and stderr are text."""
        return subprocess.run([program("vaultctl"), *arguments], input=stdin, capture_output=True, text=True,
                              timeout=timeout_s, check=False,
                              env={**clean_environment(), "VAULT_ENDPOINT": self.requests, "VAULT_EVENTS": self.events,
                                   **(environment or {})})
