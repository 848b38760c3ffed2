"""PgBouncer between vaultd and PostgreSQL. In session mode it causes no trouble. In transaction mode it gives each
transaction to another server process, whose settings are not those that vaultd made: that is recognised and refused by
name, and nothing is sealed. Needs Debian's package pgbouncer.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import Skip, main  # noqa: E402
from support.vaultd_process import clean_environment, end_with_parent, free_ports  # noqa: E402


class PgBouncer:
    """A pooler of this mode, in front of a server; runs as PostgreSQL's user."""

    def __init__(self, run, server, mode):
        found = shutil.which("pgbouncer", path=f"/usr/sbin:{os.environ['PATH']}")
        if found is None:
            raise Skip("pgbouncer is not installed (tools/install-deps --tests)")
        self.directory = run.new_directory("pool")
        self.directory.mkdir(mode=0o777)
        self.directory.chmod(0o777)
        self.port = free_ports(1)[0]
        (self.directory / "users").write_text('"postgres" ""\n')
        self.settings = self.directory / "pgbouncer.ini"
        self.settings.write_text(
            f"[databases]\nvault = host={server.run} port={server.port} dbname=vault user=postgres\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\nauth_type = any\n"
            f"auth_file = {self.directory}/users\npool_mode = {mode}\nmax_client_conn = 200\ndefault_pool_size = 40\n"
            f"logfile = {self.directory}/log\npidfile = {self.directory}/pid\n")
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/vault?sslmode=disable"
        self.command = [found, str(self.settings)]
        if os.getuid() == 0:
            self.command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *self.command]
        self.process = None
        run.stack.callback(self.stop)
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd="/", env=clean_environment(),
                                        preexec_fn=end_with_parent)
        until = time.monotonic() + 20
        while f"127.0.0.1:{self.port}" not in self.log() or "process up" not in self.log():
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"pgbouncer does not come up: {self.log()}")
            time.sleep(0.02)

    def log(self):
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self, number=signal.SIGINT):
        if self.process is not None:
            self.process.send_signal(number)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
            (self.directory / "log").rename(self.directory / f"log-{time.monotonic_ns()}")


def session_mode(run, server):
    pooler = PgBouncer(run, server, "session")
    vaultd = run.vaultd(pooler.url)
    truth = run.truth(server.sql, [vaultd], url=server.url)
    for _ in range(3):
        truth.load.wait_receipts(100)
        pooler.stop(signal.SIGKILL)
        run.wait_a_little(0.1, 1)
        pooler.start()
        began = time.monotonic()
        truth.load.wait_receipts(1)
        run.note("sealing_after_pooler", time.monotonic() - began)
        truth.compare()
        run.survived("pooler killed, session mode")
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'vaultd%'")
        truth.load.wait_receipts(1)
        vaultd.kill()
        vaultd.start(wait=False).wait_ready()
        truth.compare()
        run.survived("sessions ended and vaultd killed, session mode")
    run.done(truth)
    vaultd.stop()


def transaction_mode(run, server):
    """On a ledger with entries, and with other clients on the pool, so that server processes change."""
    pooler = PgBouncer(run, server, "transaction")
    size = server.sql("SELECT head_sequence FROM vault_head")
    vaultd = run.vaultd(pooler.url, wait=False)
    if vaultd.process is not None:
        try:
            vaultd.wait_for(lambda status: "pooler in transaction mode" in status["database"]["detail"], 40)
            run.say("refused while it runs")
            vaultd.stop()
        except AssertionError:
            if vaultd.process.poll() is None or "transaction mode" not in vaultd.log_tail():
                raise
            run.say("refused at the start")
            vaultd.process = None
    if server.sql("SELECT head_sequence FROM vault_head") != size:
        raise AssertionError("sealed behind a pooler in transaction mode")
    run.survived("transaction mode refused")


def body(run):
    for _ in run.turns():
        server = run.server()
        session_mode(run, server)
        transaction_mode(run, server)
        server.stop()
    run.require("sealing_after_pooler", 3)


main("poolers", body, short=1, soak=3)
