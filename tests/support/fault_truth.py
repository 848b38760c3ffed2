"""Compares everything that was said about a ledger with its real state, after a fault (docs/reliability.md).

    truth = Truth(run, server.sql, [vaultd])      # producers seal, a monitor keeps the events of each vaultd
    truth.compare()                               # everybody has the receipt by then; checks everything
"""
import contextlib
import json
import random
import time

import zmq

from support.fault_load import Follower, Load, ask
from support.ledger_reading import LedgerReading, Wrong

# Kinds of alerts that mean that something is wrong with the ledger itself. None is ever raised without reason.
NEVER = {"tamper", "rollback", "split", "unreadable", "configuration", "checkpoint", "ingest"}


class Truth:
    """Load on a ledger, and the comparison of everything that was said about it with its real state."""

    def __init__(self, run, sql, vaultds, producers=8, endpoints=None, keys=None, allowed=("database", "readers"), pause_s=0.015,
                 answer_timeout_ms=1_500, url=None):
        """`sql` queries the database directly, and `url` leads there (without it, that of the vaultd that writes).
        `allowed`: kinds of alerts that the faults may raise for a while."""
        self.url = url
        self.run, self.sql, self.vaultds, self.allowed = run, sql, list(vaultds), set(allowed)
        self.reading = LedgerReading(sql)
        self.load = Load(endpoints or [one.requests for one in vaultds], random.Random(run.random.getrandbits(64)),
                         producers, pause_s, answer_timeout_ms, keys)
        self.vkey = None
        self.checked = {}     # how much of each list has been checked
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
        """The vaultd that would accept a seal; waits for it."""
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
        """Waits until all have their receipts, compares everything, and lets the load continue."""
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
        """The new part of a list that only grows, and one of the old items."""
        seen, now = self.checked.get(id(growing), 0), len(growing)
        self.checked[id(growing)] = now
        return growing[seen:now]

    def newest_checkpoint(self, writer):
        """The newest checkpoint, once it covers the head."""
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
        # Each producer has the receipts for everything it sent, so there is nothing else, and each once.
        strangers = set(self.reading.sequence_of) - set(self.by_seal_id) - self.own
        if strangers:
            raise Wrong(f"entries that nobody has a receipt for, or that nobody sealed: {strangers}")

    def learn_vkey(self):
        self.vkey = ask(self.writer().requests, "checkpoint", keys=self.vaultds[0].keys)["result"]["vkey"]
        return self.vkey

    def check_notes(self, notes, newest):
        """The present tree continues everything ever signed, and the newest checkpoint is not behind any."""
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
        if follower.unexplained:
            raise Wrong(f"entries were not told of, and no hole in seq says so: {follower.unexplained}")

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
