"""Full, broken and read-only disks, and processes that get no descriptors and no memory for files, under load.

Full disks are small tmpfs; all other errors are injected into vaultd's system calls on its own files, each call in turn
(support/injected_errors.py). Requirements: an alert that names the fault, a refusal by name, no end of the process, and
everything continues by itself when the disk does.
"""
import contextlib
import errno
import os
import pathlib
import subprocess
import sys
import time
import uuid

import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import injected_errors  # noqa: E402
from support.fault_case import ServedVaultd, Skip, main  # noqa: E402
from support.fault_load import ask  # noqa: E402
from support.injected_errors import InjectedErrors, end_under_strace, under_strace  # noqa: E402
from support.ledger_reading import Wrong  # noqa: E402
from support.replicated_postgres import Server  # noqa: E402
from support.vaultd_process import VaultdProcess, program  # noqa: E402

# The calls by which vaultd keeps its state, their possible errors, and the file.
STATE_CALLS = [("openat", ("EIO", "EROFS", "EMFILE", "ENOMEM", "ENOSPC"), "checkpoint.new"),
               ("fchmod", ("EIO", "EROFS"), "checkpoint.new"),
               ("write", ("EIO", "ENOSPC"), "checkpoint.new"),
               ("fsync", ("EIO", "ENOSPC"), "checkpoint.new"),
               ("close", ("EIO",), "checkpoint.new"),
               ("rename", ("EIO", "EROFS", "ENOSPC", "ENOMEM"), "checkpoint.new"),
               ("fsync", ("EIO",), ""),
               ("openat", ("EMFILE", "ENOMEM"), ""),
               ("pwrite64", ("EIO", "ENOSPC"), "told"),
               ("fdatasync", ("EIO",), "told")]
EMERGENCY_CALLS = [("openat", ("EIO", "EROFS", "EMFILE", "ENOMEM", "ENOSPC")),
                   ("renameat2", ("EIO", "EROFS", "ENOSPC", "ENOMEM")), ("fsync", ("EIO", "ENOSPC"))]
START_CALLS = [("openat", "EIO"), ("openat", "EMFILE"), ("openat", "ENOMEM"), ("openat", "EROFS"), ("read", "EIO")]


class SmallDisk:
    """A tmpfs of this many MiB, which can be filled with ballast."""

    def __init__(self, run, mib):
        self.path = run.new_directory("small")
        self.path.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=777", "tmpfs", str(self.path)],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skip(f"no small disk can be mounted: {done.stderr.strip()}")
        run.stack.callback(subprocess.run, ["umount", "-l", str(self.path)], check=False)

    def fill(self):
        with contextlib.suppress(OSError), open(self.path / "ballast", "ab", buffering=0) as ballast:
            while ballast.write(bytes(1 << 20)) > 0:
                pass
        with contextlib.suppress(OSError), open(self.path / "ballast", "ab", buffering=0) as ballast:
            while ballast.write(bytes(4096)) > 0:
                pass

    def make_room(self):
        (self.path / "ballast").unlink(missing_ok=True)


def still_runs(vaultd):
    if vaultd.process.poll() is not None:
        raise AssertionError(f"vaultd ended with {vaultd.process.returncode}:\n{vaultd.log_tail()}")


def refuses(vaultd, truth, kind):
    """An alert of this kind is raised, and seals are refused with an error that may pass."""
    vaultd.wait_for(lambda status: kind in status["alerts"] and not status["ready"], 30)
    reply = seal_one(vaultd, truth)
    if reply["ok"] or reply["error"]["code"] != "unavailable" or not reply["error"]["retryable"]:
        raise AssertionError(f"the answer was {reply}")


def goes_on(run, vaultd, truth, what):
    began = time.monotonic()
    vaultd.wait_ready()
    run.note(what, time.monotonic() - began)
    truth.compare()


def full_state_directory(run, vaultd, truth, disk):
    for _ in run.turns():
        truth.load.wait_receipts(20)
        disk.fill()
        refuses(vaultd, truth, "checkpoint")
        disk.make_room()
        goes_on(run, vaultd, truth, "ready_after_room")
        run.survived("full state directory")


def server_on_small_disk(run):
    disk = SmallDisk(run, 200)
    server = Server(disk.path / "pg")
    run.servers.append(server)
    run.stack.callback(run.end_server, server)
    server.create()
    server.configure("wal_keep_size = 0\nmin_wal_size = 32MB\nmax_wal_size = 64MB")
    server.stop()
    server.start()
    return disk, server


def full_for_twenty_seconds(run):
    """Tables cannot grow while the server runs on. One alert that stays, its reason in each refusal, and a readable
    log; all of it ends by itself."""
    disk, server = server_on_small_disk(run)
    vaultd = run.vaultd(server.url)
    truth = run.truth(server.sql, [vaultd])
    truth.load.wait_receipts(20)
    disk.fill()
    # Small seals find room in old pages for a while: the 20 s restart with each that is sealed.
    began, sealed = time.monotonic(), None
    since = lines = epoch = samples = 0
    while sealed is None or time.monotonic() < since + 20:
        if time.monotonic() > began + 180:
            raise Wrong("a full disk of PostgreSQL goes on taking seals")
        reply = seal_one(vaultd, truth, "x" * 100_000)
        status = status_of(vaultd)
        if reply["ok"] or status["sequence"] != sealed or "database" not in status["alerts"]:
            sealed, since, samples = status["sequence"], time.monotonic(), 0
            lines, epoch = log_lines(vaultd), status["writer_epoch"]
            time.sleep(0.05)
            continue
        # The reason is in the server's language.
        if reply["error"]["code"] != "unavailable" or "53100" not in reply["error"]["message"]:
            raise Wrong(f"with PostgreSQL's disk full the answer was {reply}")
        if status["alerts"] != ["database"] or status["ready"]:
            raise Wrong(f"with PostgreSQL's disk full, the status says {status['alerts']}, ready {status['ready']}")
        samples += 1
        time.sleep(0.2)
    lines, epochs = log_lines(vaultd) - lines, vaultd.status()["writer_epoch"] - epoch
    run.figures["samples_of_a_full_database"] = samples
    run.figures["log_lines_in_20_s_of_a_full_database"] = lines
    run.figures["takeovers_in_20_s_of_a_full_database"] = epochs
    if lines > 6 or epochs > 12:
        raise Wrong(f"20 s of a full disk are {lines} lines in the log and {epochs} takeovers:\n{vaultd.log_tail()}")
    disk.make_room()
    goes_on(run, vaultd, truth, "ready_after_room_for_tables")
    run.survived("full database: tables")
    run.done(truth)


def seal_one(vaultd, truth, text=""):
    seal_id = str(uuid.uuid4())
    truth.own.add(seal_id)  # it may be sealed after all
    return ask(vaultd.requests, "seal", 5_000, seal={"session_id": "s", "authority": "a", "verdict": "SEAL",
                                                     "seal_id": seal_id, "seal_data": {"text": text}})


def log_lines(vaultd):
    return vaultd.log_path.read_text(errors="replace").count("\n")


def full_database(run):
    """The write-ahead log cannot grow: the server ends."""
    disk, server = server_on_small_disk(run)
    vaultd = run.vaultd(server.url)
    truth = run.truth(server.sql, [vaultd])
    for _ in run.turns():
        truth.load.wait_receipts(20)
        disk.fill()
        with contextlib.suppress(RuntimeError):  # whatever the server makes of it, this must be written
            server.sql("CHECKPOINT; SELECT pg_switch_wal()")
        until = time.monotonic() + 20
        while "database" not in status_of(vaultd)["alerts"] and time.monotonic() < until:
            with contextlib.suppress(RuntimeError):
                server.sql("SELECT pg_switch_wal()")
            time.sleep(0.1)
        refuses(vaultd, truth, "database")
        disk.make_room()
        with contextlib.suppress(RuntimeError):  # it may be running still
            server.start()
        goes_on(run, vaultd, truth, "ready_after_room_in_database")
        run.survived("full database: write-ahead log")
    run.done(truth)


def status_of(vaultd):
    still_runs(vaultd)
    return vaultd.status()


def chosen_to_last(run, cases):
    """For each error, one call without which no checkpoint is kept: its number."""
    last = {}
    for number, (call, error, file) in enumerate(cases):
        if file == "checkpoint.new" and call != "close":  # a call that strace fails is not made: files would stay open
            last.setdefault(error, []).append(number)
    return {run.random.choice(numbers) for numbers in last.values()}


def broken_state(run, vaultd, truth):
    cases = [(call, error, file) for call, errors, file in STATE_CALLS for error in errors]
    for _ in run.turns():
        lasting = chosen_to_last(run, cases)
        for number, (call, error, file) in enumerate(cases):
            if number in lasting:
                forget_what_was_before(vaultd)
            alarms = len(checkpoint_alarms(truth))
            with InjectedErrors(vaultd.process.pid, call, error, [vaultd.state / file if file else vaultd.state]) as errors:
                meet(vaultd, truth, call, errors)
                failed = time.monotonic()
                run.wait_a_little(0, 0.5)
                if number in lasting:
                    names_the_error(vaultd, truth, error, alarms)
                    run.note("refused_after_the_first_error", time.monotonic() - failed)
                    run.survived(f"state directory: {error} for more than 5 s")
            still_runs(vaultd)
            run.survived(f"state directory: {error}")
            run.figures["calls_failed"] = run.figures.get("calls_failed", 0) + errors.count
        goes_on(run, vaultd, truth, "ready_after_errors")


def meet(vaultd, truth, call, errors):
    """Waits until a call has failed. A traced process is slow."""
    until = time.monotonic() + 30
    while errors.failed() == 0:
        if time.monotonic() > until:
            raise AssertionError(f"{call} was never called")
        status_of(vaultd)
        if call == "fdatasync":  # when the lease is taken anew: with a commit in doubt, it would be kept
            truth.load.settle()
            truth.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'vaultd%'")
            truth.load.go_on()
            time.sleep(1.5)
        time.sleep(0.05)


def forget_what_was_before(vaultd):
    """Waits until a checkpoint has been kept, so that neither the 5 s nor an alert belong to an earlier error."""
    size = status_of(vaultd)["counters"]["checkpoint_size"]
    vaultd.wait_for(lambda status: status["ready"] and not status["alerts"] and status["counters"]["checkpoint_size"] > size)


def checkpoint_alarms(truth):
    """The message each time that this alert was raised."""
    return [message for kind, raised, message in list(truth.followers[0].alerts) if kind == "checkpoint" and raised]


def names_the_error(vaultd, truth, error, alarms):
    """After 5 s there is one more alert, and seals are refused; both say what is wrong."""
    status = vaultd.wait_for(lambda status: "checkpoint" in status["alerts"] and not status["ready"], 30)
    reply = seal_one(vaultd, truth)
    until = time.monotonic() + 20  # events come by another socket than the status
    while not (new := checkpoint_alarms(truth)[alarms:]) and time.monotonic() < until:
        time.sleep(0.05)
    text = os.strerror(getattr(errno, error))
    if status["alerts"] != ["checkpoint"] or len(new) != 1 or text not in new[0]:
        raise Wrong(f"{error} raised {status['alerts']}: {new}")
    if reply["ok"] or reply["error"]["code"] != "unavailable" or text not in reply["error"]["message"]:
        raise Wrong(f"under {error} the answer was {reply}")


def broken_start(run, url):
    """A start that cannot use its state directory ends with a reason, or waits; the next one works."""
    vaultd = run.keep(ServedVaultd(url, run.new_directory("v")))
    command = vaultd.command
    # The very first start: a key that cannot be kept is the disk's fault, not the ledger's.
    vaultd.command = lambda: under_strace("fsync", "ENOSPC", vaultd.state / "signing.pem.new", command())
    vaultd.start(wait=False)
    alerts = vaultd.wait_for(lambda status: status["alerts"], 30)["alerts"]
    if alerts != ["checkpoint"]:
        raise Wrong(f"a key that cannot be kept raised {alerts}")
    end_under_strace(vaultd)
    vaultd.command = command
    vaultd.start()
    vaultd.stop()
    for _ in run.turns():
        for call, error in START_CALLS:
            for file in ("", "lock", "instance", "signing.pem", "checkpoint", "told"):
                path = vaultd.state / file if file else vaultd.state
                wrapped = under_strace(call, error, path, command())
                vaultd.command = lambda words=wrapped: words
                vaultd.start(wait=False)
                until = time.monotonic() + 1.5
                while vaultd.process.poll() is None and time.monotonic() < until:
                    with contextlib.suppress(zmq.Again):
                        if ask(vaultd.requests, "status", 300)["result"]["ready"]:
                            break
                code = vaultd.process.poll()
                if code is None:
                    end_under_strace(vaultd)
                    run.survived(f"start: {error}")
                    continue
                vaultd.process = None
                # 2 means that only other settings can help, so that systemd would not retry.
                if code not in ((1, 2, 4) if error == "EROFS" else (1,)) or "error" not in vaultd.log_tail(8):
                    raise AssertionError(f"{call} of {path} failed with {error} at the start, and it ended with {code}:\n"
                                         f"{vaultd.log_tail()}")
                run.survived(f"start: {error}")
        vaultd.command = command
        vaultd.start()
        vaultd.stop()


class EmergencyVaultd(VaultdProcess):
    def __init__(self, run, vault):
        directory = run.new_directory("e")
        directory.mkdir()
        super().__init__(directory=directory, environment={"VAULT_BACKEND": "legacy"})
        self.vault = vault

    def command(self):
        return [program("vaultd"), "--legacy-dir", str(self.vault), "--requests", self.requests, "--ingest", self.ingest,
                "--events", self.events]


def emergency(run):
    disk = SmallDisk(run, 1)
    vaultd = EmergencyVaultd(run, disk.path / "vault")
    run.stack.callback(vaultd.stop)
    vaultd.start()
    receipts = {}

    def seal_some(number):
        """Returns how many of them were refused."""
        refused = 0
        for _ in range(number):
            seal_id = str(uuid.uuid4())
            reply = ask(vaultd.requests, "seal", 10_000, seal={"session_id": "s", "authority": "a", "verdict": "SEAL",
                                                               "seal_id": seal_id, "seal_data": {"n": number}})
            if reply["ok"]:
                receipts[seal_id] = reply["result"]["timestamp"]
            elif reply["error"]["code"] not in ("unavailable", "busy"):
                raise AssertionError(f"the answer was {reply}")
            refused += not reply["ok"]
        return refused

    for _ in run.turns():
        seal_some(5)
        disk.fill()
        if seal_some(5) == 0:
            raise AssertionError("a full disk took seals")
        disk.make_room()
        wait_for_seals(vaultd, seal_some)
        for call, errors in EMERGENCY_CALLS:
            for error in errors:
                # No call other than fsync is made for these files alone.
                paths = [vaultd.vault / "BBB_LEDGER" / "entries"] if call != "fsync" else []
                with InjectedErrors(vaultd.process.pid, call, error, paths) as injected:
                    seal_some(3)
                still_runs(vaultd)
                if injected.count == 0:
                    raise AssertionError(f"{call} was never called")
                if not wait_for_seals(vaultd, seal_some):
                    # A directory that could not be made durable is not trusted again by the same process.
                    if call != "fsync":
                        raise AssertionError(f"after {call} failed with {error}, nothing is kept any more")
                    vaultd.restart()
                    wait_for_seals(vaultd, seal_some)
                run.survived(f"emergency directory: {error}")
        for seal_id, timestamp in receipts.items():
            reply = ask(vaultd.requests, "read", seal_id=seal_id)
            if not reply["ok"] or reply["result"]["entry"]["timestamp"] != timestamp:
                raise AssertionError(f"{seal_id} had a receipt: {reply}")
    run.figures["emergency_receipts"] = len(receipts)


def wait_for_seals(vaultd, seal_some):
    until = time.monotonic() + 8
    while time.monotonic() < until:
        if seal_some(1) == 0:
            return True
        time.sleep(0.1)
    return False


def body(run):
    if reason := injected_errors.why_not():
        raise Skip(reason)
    server = run.server()
    disk = SmallDisk(run, 1)
    vaultd = ServedVaultd(server.url, run.new_directory("v"))
    vaultd.state = disk.path / "state"
    run.keep(vaultd).start()
    truth = run.truth(server.sql, [vaultd], allowed=("database", "readers", "checkpoint"))
    full_state_directory(run, vaultd, truth, disk)
    broken_state(run, vaultd, truth)
    run.done(truth)
    emergency(run)
    broken_start(run, other_database(run))
    full_for_twenty_seconds(run)
    full_database(run)


def other_database(run):
    return run.server().url


main("disk", body, short=1, soak=10)
