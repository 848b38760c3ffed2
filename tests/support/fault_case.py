"""Shared by the tests of faults (docs/reliability.md).

    def body(run):                       # raises if something does not hold
        server = run.server()
        vaultd = run.vaultd(server.url)
        truth = run.truth(server.sql, [vaultd])
        for _ in run.turns():            # as many as wanted; load is running
            … break something, repair it …
            truth.compare()              # everybody has the receipt by then; checks everything

    main("kill", body, short=10, soak=500)

Environment: VAULT_FAULT_ROUNDS (how many; without it `short`, or `soak` if VAULT_SOAK is set), VAULT_FAULT_SEED
(printed first if it is not given), and what all tests know: VAULT_BIN_DIR, VAULT_SOURCE_DIR, TMPDIR. Exit code 0: it
held; 77: it cannot be run here, with a short reason; any other: something did not hold, and the named directory keeps
logs and data. The last line of a run that held is `figures: ` and a JSON object.
"""
import contextlib
import json
import os
import random
import secrets
import shutil
import signal
import statistics
import sys
import time
import traceback

from support.fault_load import ask, wait_status
from support.fault_truth import Truth
from support.network_namespace import NetworkNamespace, ServerInNamespace
from support.replicated_postgres import Server
from support.vaultd_process import VaultdProcess, make_directory, sanitizer

SKIPPED = 77
# Factors for promised times: for a single outlier; and at most, if this many processes compete for each processor.
OUTLIER, CROWDED_MAX = 1.5, 4
SANITIZED = 5  # as VAULT_TEST_SLOWDOWN in tests/CMakeLists.txt


class Skip(Exception):
    """This machine cannot do it; the text says why."""


def slowdown():
    """How much more time the programs under test may take: those built for a sanitizer are much slower."""
    return SANITIZED if sanitizer() else 1


def crowd():
    """How many processes compete for each processor: everything takes that much longer on a busy machine."""
    return min(CROWDED_MAX, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


class ServedVaultd(VaultdProcess):
    """A vaultd on an external server. The first one makes the key; others are given it."""

    def __init__(self, url, directory, *arguments, key=None):
        directory.mkdir()
        super().__init__(*arguments, *(("--signing-key", str(key)) if key else ()), directory=directory)
        self.url = url
        self.keys = None

    def command(self):
        command = super().command()
        at = command.index("--embedded")
        command[at:at + 2] = ["--database", self.url]
        return command

    def database_url(self):
        return self.url

    def status(self):
        return ask(self.requests, "status", keys=self.keys)["result"]

    def wait_ready(self, timeout_s=60):
        return self.wait_for(lambda status: status["ready"], timeout_s)

    def wait_for(self, condition, timeout_s=60):
        """Waits for a status that fulfils it; raises if vaultd ends, with the end of its log."""
        until = time.monotonic() + timeout_s
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"vaultd ended with {self.process.returncode}:\n{self.log_tail()}")
            try:
                return wait_status(self.requests, condition, 0.5, self.keys)
            except AssertionError as error:
                if time.monotonic() > until:
                    raise AssertionError(f"{error}\n{self.log_tail()}") from error

    def signal(self, number):
        self.process.send_signal(number)


class EmbeddedVaultd(ServedVaultd):
    """The same with a PostgreSQL of its own."""

    def __init__(self, directory, *arguments):
        super().__init__(None, directory, *arguments)

    def command(self):
        return VaultdProcess.command(self)

    def database_url(self):
        return VaultdProcess.database_url(self)


class Run:
    def __init__(self, name, short, soak):
        self.name = name
        self.soaking = bool(os.environ.get("VAULT_FAULT_ROUNDS") or os.environ.get("VAULT_SOAK"))
        self.rounds = int(os.environ.get("VAULT_FAULT_ROUNDS") or (soak if os.environ.get("VAULT_SOAK") else short))
        self.seed = int(os.environ.get("VAULT_FAULT_SEED") or secrets.randbelow(1 << 32))
        self.random = random.Random(self.seed)
        self.directory = make_directory(f"vault-{name}-")
        self.directory.chmod(0o777)
        self.began = time.monotonic()
        self.figures = {"test": name, "seed": self.seed, "rounds": 0}
        self.faults = {}
        self.times = {}
        self.crowds = {}  # for each of the times
        self.stack = contextlib.ExitStack()
        self.truths = []
        self.servers = []

    def say(self, text):
        print(f"{time.monotonic() - self.began:7.2f} {text}", flush=True)

    def turns(self, rounds=None):
        for number in range(rounds or self.rounds):
            self.figures["rounds"] += 1
            yield number

    def wait_a_little(self, least=0.2, most=1.0):
        """Waits for a time chosen by the seed."""
        time.sleep(self.random.uniform(least, most))

    def survived(self, kind):
        """Counts a fault after which everything was as it must be."""
        self.faults[kind] = self.faults.get(kind, 0) + 1

    def note(self, what, seconds):
        """Records how long something took."""
        self.times.setdefault(what, []).append(seconds)
        self.crowds.setdefault(what, []).append(crowd())

    def new_directory(self, prefix):
        return self.directory / f"{prefix}{sum(1 for one in self.directory.iterdir() if one.name.startswith(prefix))}"

    def namespace(self):
        """A network namespace that lives as long as the run."""
        try:
            namespace = NetworkNamespace()
        except (OSError, RuntimeError) as error:
            raise Skip(f"no network namespace can be made: {error}") from error
        self.stack.callback(namespace.close)
        return namespace

    def server(self, programs=None, port=None, settings="", namespace=None):
        """A new PostgreSQL with an empty database `vault`, running; in a network namespace if one is given."""
        directory = self.new_directory("pg")
        server = ServerInNamespace(directory, namespace) if namespace else Server(directory, programs, port)
        self.servers.append(server)
        self.stack.callback(self.end_server, server)
        server.create()
        if settings:
            server.configure(settings)
            server.stop()
            server.start()
        return server

    def end_server(self, server):
        """Whatever state it is in, with the machine's patience."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, IndexError):
            pid = int((server.data / "postmaster.pid").read_text().split()[0])
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGQUIT)
            until = time.monotonic() + 20
            while (server.data / "postmaster.pid").exists() and time.monotonic() < until:
                time.sleep(0.02)

    def keep(self, vaultd):
        self.stack.callback(self.end_vaultd, vaultd)
        return vaultd

    def end_vaultd(self, vaultd):
        if vaultd.process is not None:
            vaultd.process.send_signal(signal.SIGCONT)
            vaultd.stop()

    def vaultd(self, url, *arguments, key=None, wait=True):
        vaultd = self.keep(ServedVaultd(url, self.new_directory("v"), *arguments, key=key))
        return vaultd.start(wait)

    def truth(self, sql, vaultds, **options):
        truth = Truth(self, sql, vaultds, **options)
        self.truths.append(truth)
        self.stack.callback(truth.stop)
        return truth

    def done(self, truth):
        """The final, complete check of a ledger. Its load ends."""
        truth.compare(complete=True)
        truth.stop()
        self.truths.remove(truth)
        for name, count in truth.counts().items():
            self.figures[name] = self.figures.get(name, 0) + count

    def finish(self):
        """Figures."""
        for truth in list(self.truths):
            self.done(truth)
        self.figures["faults"] = self.faults
        for what, seconds in self.times.items():
            self.figures[what] = {"times": len(seconds), "median_s": round(statistics.median(seconds), 3),
                                  "max_s": round(max(seconds), 3)}
        self.figures["seconds"] = round(time.monotonic() - self.began, 1)

    def require(self, what, promised_s, most_s=None):
        """Half of the times were within the promise, and none above it except for an outlier, or above `most_s`; in
        proportion on a busy machine.
        """
        seconds = [one / (many * slowdown()) for one, many in zip(self.times[what], self.crowds[what], strict=True)]
        if statistics.median(seconds) > promised_s or max(seconds) > (most_s or promised_s * OUTLIER):
            told = [f"{one:.2f} ({many:.1f})" for one, many in zip(self.times[what], self.crowds[what], strict=True)]
            raise AssertionError(f"{what}: promised is {promised_s} s; seconds (and how crowded it was): {', '.join(told)}")


def main(name, body, short, soak):
    """Runs `body(run)`; the exit code as above."""
    run = Run(name, short, soak)
    print(f"{name}: seed {run.seed}, {run.rounds} rounds; again with VAULT_FAULT_SEED={run.seed} "
          f"VAULT_FAULT_ROUNDS={run.rounds}", flush=True)
    held, code = False, 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))  # through everything that must be stopped
    try:
        with run.stack:
            body(run)
            run.finish()
            held = True
    except Skip as why:
        print(f"skipped: {why}", file=sys.stderr, flush=True)
        held, code = True, SKIPPED
    except BaseException:  # an interrupted test reports what it knows, too
        held = False
        traceback.print_exc()
        for log in sorted(run.directory.glob("*/vaultd.log")):
            lines = log.read_text(errors="replace").splitlines()
            print(f"--- the end of {log}\n" + "\n".join(lines[-25:]), file=sys.stderr)
        print(f"{name}: seed {run.seed} did not hold; logs and data are kept in {run.directory}", file=sys.stderr, flush=True)
    if held:
        shutil.rmtree(run.directory, ignore_errors=True)
        if code != SKIPPED:
            code = 0
            print("figures: " + json.dumps(run.figures), flush=True)
    sys.exit(code)


