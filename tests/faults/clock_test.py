"""Wrong clocks: vaultd's and the database's set back and forward, and a second that comes twice, under load.

libfaketime moves the wall clock of one process; FAKETIME_DONT_FAKE_MONOTONIC leaves the clocks for waiting alone, as a
wrong clock does. Requirements: timestamps never run back, too large a difference is refused by name, and everything
continues once the clock is right again.
"""
import os
import pathlib
import re
import subprocess
import sys
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import ServedVaultd, Skip, main  # noqa: E402
from support.fault_load import ask  # noqa: E402
from support.ledger_reading import Wrong  # noqa: E402
from support.replicated_postgres import Server, as_postgres  # noqa: E402
from support.vaultd_process import program  # noqa: E402

SKEW_MAX_S = 60  # vaultd's default


def library():
    """libfaketime's, or None."""
    places = [*pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"),
              *pathlib.Path("/usr/lib").glob("faketime/libfaketimeMT.so.1")]
    return places[0] if places else None


def sanitizers():
    """The sanitizers' runtimes, which must be loaded before anything else."""
    linked = subprocess.run(["ldd", program("vaultd")], capture_output=True, text=True, check=True).stdout
    return re.findall(r"=> (\S*/lib[at]san\S*)", linked)


class Clock:
    """The wall clock of programs started with its environment; set through a file, which is read for each call."""

    def __init__(self, run):
        self.file = run.new_directory("clock")
        self.set(0)
        self.file.chmod(0o644)
        self.environment = {"LD_PRELOAD": str(library()), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1",
                            "FAKETIME_TIMESTAMP_FILE": str(self.file)}

    def set(self, offset_s):
        """For all processes at once: the file is replaced as a whole."""
        fresh = self.file.with_name("fresh." + self.file.name)
        fresh.write_text(f"{offset_s:+.3f}\n")
        fresh.chmod(0o644)
        os.replace(fresh, self.file)

    def check(self):
        """Checks that the wall clock moves and the monotonic one does not."""
        for offset in (0, 3600, -3600):
            self.set(offset)
            told = subprocess.run([sys.executable, "-c", "import time; print(time.time(), time.monotonic())"], text=True,
                                  env={**os.environ, **self.environment}, capture_output=True, check=False)
            if told.returncode != 0:
                raise Skip(f"libfaketime does not work here: {told.stderr}")
            wall, monotonic = map(float, told.stdout.split())
            if abs(wall - time.time() - offset) > 5 or abs(monotonic - time.monotonic()) > 5:
                raise Skip(f"libfaketime does not do what is wanted here: {wall - time.time()}, "
                           f"{monotonic - time.monotonic()}")
        self.set(0)


class WrongServer(Server):
    """A PostgreSQL with its own clock."""

    def __init__(self, directory, clock):
        super().__init__(directory)
        self.clock = clock

    def program(self, name, *arguments):
        wrong = [f"{variable}={value}" for variable, value in self.clock.environment.items()] if name == "pg_ctl" else []
        return as_postgres("env", *wrong, f"{self.programs}/{name}", *arguments)


def refuses(vaultd):
    """Sealing is refused by name, with an error that may pass."""
    vaultd.wait_for(lambda status: "clock" in status["alerts"] and not status["ready"], 30)
    reply = ask(vaultd.requests, "seal", 5_000, seal={"session_id": "s", "authority": "a", "verdict": "SEAL",
                                                      "seal_id": str(uuid.uuid4()), "seal_data": {}})
    if reply["ok"] or not reply["error"]["retryable"] or "clock" not in reply["error"]["message"]:
        raise Wrong(f"with a clock that is wrong the answer was {reply}")


def never_back(server):
    rows = server.sql("SELECT sequence FROM (SELECT sequence, timestamp, lag(timestamp) OVER (ORDER BY sequence) AS before "
                      "FROM vault_ledger) AS all_of_them WHERE timestamp < before LIMIT 1")
    if rows:
        raise Wrong(f"time runs back at {rows}")


def a_little_wrong(run, vaultd, clock, truth, offset, what):
    """Less than the refused difference: sealing continues all the time, on the same vaultd."""
    clock.set(offset)
    truth.load.wait_receipts(60)
    if not vaultd.status()["ready"]:
        raise Wrong(f"{what} by {offset} s stops sealing: {vaultd.status()['alerts']}")
    clock.set(0)
    truth.load.wait_receipts(60)


def too_wrong(run, vaultd, clock, truth, offset, what):
    clock.set(offset)
    refuses(vaultd)
    clock.set(0)
    began = time.monotonic()
    vaultd.wait_ready()
    run.note("ready_after_clock", time.monotonic() - began)


def repeated_second(run, vaultd, clock, truth, _, what):
    """Like a leap second on a clock that has none."""
    for _ in range(3):
        for offset in (0, -1, 0):
            clock.set(offset)
            truth.load.wait_receipts(30)
    clock.set(0)


def new_server(run, clock):
    server = WrongServer(run.new_directory("pg"), clock)
    run.servers.append(server)
    run.stack.callback(run.end_server, server)
    server.create()
    return server


def has_seen_the_lease(status):
    """A standby that has seen the lease once. Before that, it only has the database's word for the lease's age."""
    return status["database"]["detail"].endswith(" is the writer")


def takeovers(run, clock):
    """The database's clock is set as the writer dies, or while it lives. A lease's age is measured by the watching
    vaultd: a clock set back does not delay the takeover, and one set forward takes nothing from a live writer."""
    server = new_server(run, clock)
    one = run.vaultd(server.url)
    other = run.vaultd(server.url, key=one.state / "signing.pem", wait=False)
    other.wait_for(has_seen_the_lease)
    truth = run.truth(server.sql, [one, other], allowed=("database", "readers", "fenced"))
    for offset in (-45, 45):
        writer = truth.writer()
        awake = other if writer is one else one
        awake.wait_for(has_seen_the_lease)
        epoch = writer.status()["writer_epoch"]
        clock.set(45)
        truth.load.wait_receipts(200)
        time.sleep(6)  # two leases
        if writer.status()["writer_epoch"] != epoch or not writer.status()["ready"]:
            raise Wrong("a database's clock that is set forward takes the lease from a writer that lives")
        clock.set(0)
        truth.load.wait_receipts(20)
        clock.set(offset)
        writer.kill()
        began = time.monotonic()
        awake.wait_ready()
        run.note("takeover", time.monotonic() - began)
        clock.set(0)
        truth.load.wait_receipts(20)
        # One that starts as the clock leaps only has the database's word for the lease's age, which is not enough.
        writer.start(False)
        clock.set(45)
        writer.wait_for(has_seen_the_lease)
        time.sleep(2)
        if not awake.status()["ready"]:
            raise Wrong("one that starts as the database's clock leaps takes the lease from a writer that lives")
        clock.set(0)
        truth.load.wait_receipts(20)
        truth.compare()
        never_back(server)
        run.survived(f"database's clock set {offset:+d} s as the writer dies")
    run.done(truth)
    run.require("takeover", 5)


def body(run):
    if library() is None:
        raise Skip("libfaketime is missing (tools/install-deps --tests)")
    clocks = {"vaultd": Clock(run), "database": Clock(run)}
    for clock in clocks.values():
        clock.check()
    takeovers(run, clocks["database"])
    server = new_server(run, clocks["database"])
    vaultd = ServedVaultd(server.url, run.new_directory("v"))
    preloaded = ":".join([*sanitizers(), str(library())])
    vaultd.environment = {**clocks["vaultd"].environment, "LD_PRELOAD": preloaded}
    run.keep(vaultd).start()
    truth = run.truth(server.sql, [vaultd], allowed=("database", "clock"))
    far = SKEW_MAX_S + 5
    faults = [(a_little_wrong, 20, "forward"), (a_little_wrong, -20, "back"), (repeated_second, 0, "repeated"),
              (too_wrong, far, "forward"), (too_wrong, -far, "back"), (too_wrong, 40 * 365 * 86_400, "decades forward")]
    for _ in run.turns():
        for whose, clock in clocks.items():
            for fault, offset, what in run.random.sample(faults, len(faults)):
                process = vaultd.process.pid
                fault(run, vaultd, clock, truth, offset, f"the clock of {whose}, {what},")
                truth.compare()
                never_back(server)
                if vaultd.process.pid != process:
                    raise AssertionError("it was started again")
                run.survived(f"{whose} {fault.__name__} {what}")
    run.require("ready_after_clock", 3)


main("clock", body, short=1, soak=5)
