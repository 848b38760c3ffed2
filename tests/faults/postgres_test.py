"""PostgreSQL is killed, stopped at once, restarted, under load. vaultd stays up and continues by itself."""
import ctypes
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import main  # noqa: E402
from support.ledger_reading import Wrong  # noqa: E402


def postmaster(server):
    return int((server.data / "postmaster.pid").read_text().split()[0])


def processes(server):
    """All of the server's processes: each has changed to its directory."""
    found = []
    for one in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(one / "cwd") == str(server.data):
                found.append(int(one.name))
        except OSError:  # it has ended
            pass
    return found


def signal_all(server, number):
    """The postmaster first, which could start others."""
    for pid in sorted(processes(server), key=lambda pid: pid != postmaster(server)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def exists(pid):
    """A process that has ended exists until somebody has waited for it: the next server looks for it."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:  # another's child, or none
        pass
    return pathlib.Path(f"/proc/{pid}").exists()


def adopt_orphans():
    """Processes left by pg_ctl become this process's children."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1)


def kill_postmaster(server, _):
    """Every process of the server, as in a crash of the machine, except for the page cache."""
    pid, until = postmaster(server), time.monotonic() + 30
    while (processes(server) or exists(pid)) and time.monotonic() < until:
        signal_all(server, signal.SIGKILL)
        time.sleep(0.02)
    return True


def kill_backend(server, run):
    """One process: the postmaster ends all others, recovers, and accepts connections again by itself."""
    rows = server.sql("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'vaultd%'")
    os.kill(int(run.random.choice(rows)[0]), signal.SIGKILL)
    return False


def stop_at_once(server, _):
    server.stop("immediate")
    return True


def stop_fast(server, _):
    server.stop("fast")
    return True


def freeze(server, run):
    """Nothing answers, nothing is closed."""
    signal_all(server, signal.SIGSTOP)
    run.wait_a_little(1.0, 6.0)
    signal_all(server, signal.SIGCONT)
    return False


def terminate_sessions(server, _):
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'vaultd%'")
    return False


FAULTS = (kill_postmaster, stop_at_once, kill_backend, stop_fast, terminate_sessions, freeze)


# The errors with which a seal may be refused while there is no database, or not yet. None of these faults lasts as long
# as request_timeout (30 s), after which it would be deadline_exceeded.
PASSING = {"unavailable", "busy"}


def refused_as_passing(run, vaultd, truth):
    """According to the producers' answers, and to vaultd's own count of those that they did not wait for."""
    counts = {**vaultd.status()["seals_refused"], **truth.load.refusals}
    codes = {code: times for code, times in counts.items() if times}
    if not truth.load.refusals["unavailable"] or set(codes) - PASSING:
        raise Wrong(f"while the database was away seals were refused as {codes}")
    for code, times in truth.load.refusals.items():
        run.figures[f"seals_refused_as_{code}"] = times


def body(run):
    adopt_orphans()
    server = run.server()
    vaultd = run.vaultd(server.url)
    truth = run.truth(server.sql, [vaultd])
    pid = vaultd.process.pid
    for number in run.turns():
        run.wait_a_little(0.2, 0.8)
        fault = FAULTS[number % len(FAULTS)]
        down = fault(server, run)
        if down:
            run.wait_a_little(0.0, 2.0)
            server.start()
        began = time.monotonic()
        vaultd.wait_ready()
        truth.load.wait_receipts(1)
        if down:
            run.note("sealing_after_start_of_server", time.monotonic() - began)
        run.say(f"{fault.__name__}: {time.monotonic() - began:.2f} s")
        truth.compare()
        if vaultd.process.pid != pid or vaultd.process.poll() is not None:
            raise AssertionError("vaultd did not stay up")
        run.survived(fault.__name__)
    refused_as_passing(run, vaultd, truth)
    run.require("sealing_after_start_of_server", 3)


main("postgres", body, short=6, soak=100)
