"""A PostgreSQL and a streaming replica of it that applies everything late, each on a unix socket of its own.

    with ReplicatedPostgres(delay_ms=300) as servers:
        servers.primary.url, servers.replica.url
        servers.replica.stop(); servers.replica.start()
"""
import os
import shutil
import signal
import subprocess
import time

from support.guide_machine import postgres_programs
from support.vaultd_process import clean_environment, make_directory


def as_postgres(*command, stdin=""):
    """Runs a program of PostgreSQL; as root, under its user."""
    if os.getuid() == 0:
        command = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command)
    answer = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False, cwd="/",
                            env=clean_environment())
    if answer.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {answer.stdout}{answer.stderr}")
    return answer.stdout


class Server:
    """`programs`: the directory of another PostgreSQL's programs; `port`: on loopback, beside the unix socket, which
    uses it in its name."""

    def __init__(self, directory, programs=None, port=None):
        self.programs = programs or postgres_programs()
        self.port = port or 5432
        self.listen = "127.0.0.1" if port else ""
        self.data = directory / "data"
        self.run = directory / "run"
        for one in (directory, self.run):
            one.mkdir(mode=0o777)
            one.chmod(0o777)
        self.url = f"postgresql://postgres@/vault?host={self.run}&port={self.port}"

    @classmethod
    def of_class(cls, test_class, prefix):
        """One for all cases of a test class, in a new directory that is removed with it: test_class.directory, .server."""
        test_class.directory = make_directory(prefix)
        test_class.directory.chmod(0o777)
        test_class.addClassCleanup(shutil.rmtree, test_class.directory, True)
        test_class.server = cls(test_class.directory / "p")
        test_class.server.create()
        test_class.addClassCleanup(test_class.server.stop, "immediate")

    def create(self):
        """A new cluster with an empty database `vault`, running."""
        self.program("initdb", "-D", str(self.data), "-N", "-U", "postgres", "-E", "UTF8", "--locale=C",
                     "--auth=trust")
        self.configure(f"listen_addresses = '{self.listen}'\nport = {self.port}\nshared_buffers = 16MB\n"
                       f"unix_socket_directories = '{self.run}'")
        self.start()
        self.sql("CREATE DATABASE vault", "postgres")

    def program(self, name, *arguments):
        return as_postgres(f"{self.programs}/{name}", *arguments)

    def configure(self, text):
        as_postgres("sh", "-c", f"cat >> {self.data}/postgresql.conf", stdin=text + "\n")

    def start(self, options=""):
        self.program("pg_ctl", "-w", "-t", "60", "-s", "-D", str(self.data), "-l", f"{self.data}/log", "-o", options,
                     "start")

    def stop(self, mode="fast"):
        self.program("pg_ctl", "-w", "-t", "60", "-s", "-D", str(self.data), "-m", mode, "stop")

    def sql(self, text, database="vault"):
        """As the superuser; rows as lists of text."""
        answer = as_postgres("psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", str(self.run),
                             "-p", str(self.port), "-U", "postgres", "-d", database, stdin=text)
        return [line.split("\t") for line in answer.splitlines()]


class Replica(Server):
    """A streaming replica of a running server; its own name there is `standby`."""

    def __init__(self, primary, directory, settings=""):
        super().__init__(directory, primary.programs)
        self.program("pg_basebackup", "-h", str(primary.run), "-p", str(primary.port), "-U", "postgres", "-c", "fast",
                     "-R", "-D", str(self.data))
        self.configure(f"unix_socket_directories = '{self.run}'\nport = {self.port}\ncluster_name = 'standby'\n"
                       f"{settings}")
        self.start()

    def promote(self):
        self.program("pg_ctl", "-w", "-t", "60", "-s", "-D", str(self.data), "promote")


class ReplicatedPostgres:
    def __init__(self, delay_ms):
        self.directory = make_directory("vault-rep-")
        self.directory.chmod(0o777)
        try:
            self.primary = Server(self.directory / "p")
            self.primary.create()
            self.replica = Replica(self.primary, self.directory / "r",
                                   f"recovery_min_apply_delay = {delay_ms}\nmax_standby_streaming_delay = -1\n"
                                   "hot_standby_feedback = on")
        except BaseException:
            self.remove()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        for pid_file in sorted(self.directory.rglob("postmaster.pid")):
            os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
            until = time.monotonic() + 20
            while pid_file.exists() and time.monotonic() < until:
                time.sleep(0.02)
        shutil.rmtree(self.directory, ignore_errors=True)
