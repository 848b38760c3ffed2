"""What the tests of faults share (docs/reliability.md).

    def body(run):                       # raises where something does not hold
        server = run.server()
        vaultd = run.vaultd(server.url)
        truth = run.truth(server.sql, [vaultd])
        for _ in run.turns():            # as many as wanted; load is running
            … break something, mend it …
            truth.compare()              # everybody has got the receipt by then; everything is looked at

    main("kill", body, short=10, soak=500)

Environment: VAULT_FAULT_ROUNDS (how many; without it `short`, or `soak` where VAULT_SOAK is set), VAULT_FAULT_SEED (printed
first where it is not given), and what all tests know: VAULT_BIN_DIR, VAULT_SOURCE_DIR, TMPDIR. Exit code 0: it held; 77: it
cannot be run here, said in a word; any other: something did not hold, and the directory that is named keeps logs and data.
The last line of a run that held is `figures: ` and a JSON object.
"""
import contextlib
import json
import os
import pathlib
import random
import secrets
import shutil
import signal
import statistics
import sys
import time
import traceback

import zmq

from support.fault_load import Follower, Load, ask, wait_status
from support.ledger_reading import LedgerReading, Wrong
from support.replicated_postgres import Server
from support.vaultd_process import VaultdProcess, make_directory

SKIPPED = 77
# Kinds of alerts that mean that something is wrong with the ledger itself. None is ever raised without reason.
NEVER = {"tamper", "rollback", "split", "unreadable", "configuration", "checkpoint", "ingest"}


class Skip(Exception):
    """This machine cannot do it; why stands in the text."""


class ServedVaultd(VaultdProcess):
    """A vaultd on a server that is not its own. The first one makes the key; others are given it."""

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
        """The status that fulfils it; raises where vaultd ends, with the end of its log."""
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
        self.rounds = int(os.environ.get("VAULT_FAULT_ROUNDS") or (soak if os.environ.get("VAULT_SOAK") else short))
        self.seed = int(os.environ.get("VAULT_FAULT_SEED") or secrets.randbelow(1 << 32))
        self.random = random.Random(self.seed)
        self.directory = make_directory(f"vault-{name}-")
        self.directory.chmod(0o777)
        self.began = time.monotonic()
        self.figures = {"test": name, "seed": self.seed, "rounds": 0}
        self.times = {}
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
        """A moment of the seed's choice."""
        time.sleep(self.random.uniform(least, most))

    def note(self, what, seconds):
        """Keeps how long something took."""
        self.times.setdefault(what, []).append(seconds)

    def new_directory(self, prefix):
        return self.directory / f"{prefix}{sum(1 for one in self.directory.iterdir() if one.name.startswith(prefix))}"

    def server(self, programs=None, port=None, settings=""):
        """A new PostgreSQL with an empty database `vault`, running."""
        server = Server(self.new_directory("pg"), programs, port)
        self.servers.append(server)
        self.stack.callback(self.end_server, server)
        server.create()
        if settings:
            server.configure(settings)
            server.stop()
            server.start()
        return server

    def end_server(self, server):
        """Whatever state it is in, the machine's patience included."""
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
        """The last, complete look at a ledger. Its load ends."""
        truth.compare(complete=True)
        truth.stop()
        self.truths.remove(truth)
        for name, count in truth.counts().items():
            self.figures[name] = self.figures.get(name, 0) + count

    def finish(self):
        """Figures."""
        for truth in list(self.truths):
            self.done(truth)
        for what, seconds in self.times.items():
            self.figures[what] = {"times": len(seconds), "median_s": round(statistics.median(seconds), 3),
                                  "max_s": round(max(seconds), 3)}
        self.figures["seconds"] = round(time.monotonic() - self.began, 1)

    def require(self, what, median_s, max_s):
        """Half of the times were within `median_s`, which is what is promised, and none was above `max_s`. The short form
        shares two processors with other tests, and three nodes of a cluster: there the half has four times as long."""
        seconds = self.times[what]
        half_s = median_s if "VAULT_FAULT_ROUNDS" in os.environ else 4 * median_s
        if statistics.median(seconds) > half_s or max(seconds) > max_s:
            raise AssertionError(f"{what}: {sorted(round(one, 2) for one in seconds)}, promised is {median_s} s")


class Truth:
    """Load on a ledger, and the comparison of everything that was said of it with what it is."""

    def __init__(self, run, sql, vaultds, producers=8, endpoints=None, keys=None, allowed=("database", "readers"), pause_s=0.015,
                 answer_timeout_ms=1_500, url=None):
        """`sql` asks the database straight, and `url` leads there (without it, that of the vaultd which writes).
        `allowed`: kinds of alerts that the faults may raise for a while."""
        self.url = url
        self.run, self.sql, self.vaultds, self.allowed = run, sql, list(vaultds), set(allowed)
        self.reading = LedgerReading(sql)
        self.load = Load(endpoints or [one.requests for one in vaultds], random.Random(run.random.getrandbits(64)),
                         producers, pause_s, answer_timeout_ms, keys)
        self.vkey = None
        self.checked = {}     # how much of each list has been looked at
        self.by_seal_id = {}  # first receipt
        self.own = set()      # seal_ids that the test seals by itself
        self.notes = 0
        self.proofs = 0
        self.followers = []
        for vaultd in self.vaultds:
            self.follow(vaultd)
        self.load.start()

    def follow(self, vaultd):
        follower = Follower(vaultd.events, vaultd.keys)
        self.followers.append(follower)
        follower.start()

    def stop(self):
        self.load.stop()
        for follower in self.followers:
            follower.stop()

    def counts(self):
        return {"receipts": len(self.load.receipts), "entries": self.reading.size, "checkpoints": self.notes,
                "proofs": self.proofs, "retries": self.load.retries, "events": sum(one.events for one in self.followers),
                "events_missed": sum(one.gaps for one in self.followers), "lost": 0, "duplicates": 0}

    def writer(self, timeout_s=60):
        """The vaultd that would take a seal; waited for."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            for vaultd in self.vaultds:
                try:
                    if vaultd.process is not None and vaultd.status()["ready"]:
                        return vaultd
                except zmq.Again:
                    pass
            time.sleep(0.02)
        raise AssertionError("nobody takes a seal:\n" + "\n".join(one.log_tail(15) for one in self.vaultds))

    def compare(self, complete=False):
        """Waits until all have their receipts, compares everything, and lets the load go on."""
        self.load.settle()
        writer = self.writer()
        newest = self.newest_checkpoint(writer)
        notes = [note for one in self.followers for note in self.unseen(one.notes)]
        entries = {follower: self.unseen(follower.entries) for follower in self.followers}
        if complete:
            self.reading.read_all()
        else:
            self.reading.read_on()
        self.check_receipts()
        self.check_notes([note for note, _ in notes] + [newest["checkpoint"]], newest)
        for follower, told in entries.items():
            self.check_events(follower, told)
        self.check_verify(writer)
        self.check_alerts()
        self.load.go_on()

    def unseen(self, growing):
        """The part of a list that only grows, with one of what was there before, that has not been handed out."""
        seen, now = self.checked.get(id(growing), 0), len(growing)
        self.checked[id(growing)] = now
        return growing[seen:now]

    def newest_checkpoint(self, writer):
        """Once it covers the head."""
        until = time.monotonic() + 30
        while True:
            with contextlib.suppress(zmq.Again, KeyError):
                newest = ask(writer.requests, "checkpoint", keys=writer.keys)["result"]
                if newest["tree_size"] == int(self.sql("SELECT head_sequence FROM vault_head")[0][0]):
                    return newest
            if time.monotonic() > until:
                raise AssertionError(f"nothing signs the head:\n{writer.log_tail()}")
            time.sleep(0.02)

    def check_receipts(self):
        for producer in self.load.producers:
            for seal, receipt in self.unseen(producer.receipts):
                self.reading.check_receipt(receipt, seal)
                if "proof" in receipt:
                    self.reading.check_proof(receipt)
                    self.notes += 1
                    self.proofs += 1
                    self.reading.check_note(receipt["checkpoint"], self.vkey or self.learn_vkey())
                self.by_seal_id[seal["seal_id"]] = receipt
        # Each producer has the receipt of all that it sent, so that there is nothing else, and each once.
        strangers = set(self.reading.sequence_of) - set(self.by_seal_id) - self.own
        if strangers:
            raise Wrong(f"entries that nobody has a receipt for, or that nobody sealed: {strangers}")

    def learn_vkey(self):
        self.vkey = ask(self.writer().requests, "checkpoint", keys=self.vaultds[0].keys)["result"]["vkey"]
        return self.vkey

    def check_notes(self, notes, newest):
        """Everything ever signed is a tree that this one continues, and the newest is not behind any."""
        if self.vkey not in (None, newest["vkey"]):
            raise Wrong(f"the ledger had the key {self.vkey} and now has {newest['vkey']}")
        self.vkey = newest["vkey"]
        stored = [json.loads(row[0]) for row in self.sql("SELECT to_json(note) FROM vault_checkpoint ORDER BY tree_size "
                                                         "DESC LIMIT 20")]
        remembered = []
        for vaultd in self.vaultds:
            with contextlib.suppress(FileNotFoundError):
                remembered.append((vaultd.state / "checkpoint").read_text("utf-8"))
        for note in dict.fromkeys(notes + stored + remembered):
            if self.reading.check_note(note, self.vkey) > newest["tree_size"]:
                raise Wrong(f"the newest checkpoint, of {newest['tree_size']}, is older than this: {note}")
            self.notes += 1

    def check_events(self, follower, told):
        if follower.failure is not None:
            raise follower.failure
        last = getattr(follower, "last_told", 0)
        for sequence, entry_hash, _ in told:
            if sequence <= last:
                raise Wrong(f"the event of entry {sequence} came after that of {last}")
            if self.reading.entry_hash(sequence) != entry_hash:
                raise Wrong(f"an event told of an entry {sequence} that is not there")
            last = sequence
        follower.last_told = last

    def check_verify(self, writer):
        """By two programs: the one above, and vaultctl, which asks vaultd."""
        answer = ask(writer.requests, "verify", 120_000, writer.keys)
        if not answer["ok"] or not answer["result"]["valid"] or answer["result"]["checked"] < self.reading.size:
            raise Wrong(f"verify: {answer}")
        url = self.url or writer.database_url()
        offline = writer.ctl("--json", "verify", "--database", url)
        if offline.returncode != 0 or not json.loads(offline.stdout)["valid"]:
            raise Wrong(f"vaultctl verify --database: {offline.returncode} {offline.stdout} {offline.stderr}")

    def check_alerts(self):
        for follower in self.followers:
            for kind, raised, message in self.unseen(follower.alerts):
                if raised and kind not in self.allowed:
                    raise Wrong(f"a false alarm: {kind}: {message}")
        for vaultd in self.vaultds:
            with contextlib.suppress(zmq.Again):
                if vaultd.process is not None:
                    vaultd.wait_for(lambda status: not set(status["alerts"]) - (self.allowed - NEVER), 20)


def main(name, body, short, soak):
    """Runs `body(run)`; the exit code as above."""
    run = Run(name, short, soak)
    print(f"{name}: seed {run.seed}, {run.rounds} rounds; again with VAULT_FAULT_SEED={run.seed} "
          f"VAULT_FAULT_ROUNDS={run.rounds}", flush=True)
    held, code = False, 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))  # through all that is to be stopped
    try:
        with run.stack:
            body(run)
            run.finish()
            held = True
    except Skip as why:
        print(f"skipped: {why}", file=sys.stderr, flush=True)
        held, code = True, SKIPPED
    except BaseException:  # a test that is interrupted says as much as it knows, too
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


