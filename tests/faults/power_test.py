"""The power fails, under load: below PostgreSQL's data, vaultd's state directory, the emergency directory and an archive.

All of them lie on file systems that forget what was not fsynced (support/forgetful_mount.py), and of the rest keep any
subset that the seed chooses. PostgreSQL's relies on what ext4, XFS and btrfs promise beyond POSIX; the others do not.
"""
import json
import pathlib
import subprocess
import sys
import threading
import time
import uuid

import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import EmbeddedVaultd, Skip, main  # noqa: E402
from support.fault_load import ask  # noqa: E402
from support.forgetful_mount import CannotMount, ForgetfulMount, kill_users, why_not  # noqa: E402
from support.ledger_reading import Wrong  # noqa: E402
from support.vaultd_process import VaultdProcess, clean_environment, end_with_parent, program  # noqa: E402


class Site:
    """A machine: its disks, and what runs on them."""

    def __init__(self, run):
        self.run = run
        self.database = self.mount("disk-pg", True)
        self.own = self.mount("disk-own", False)
        self.mounts = [self.database, self.own]
        self.lost = {"bytes_lost": 0, "names_lost": 0, "pieces_kept": 0}

    def mount(self, name, names_with_files):
        try:
            mount = ForgetfulMount(self.run.new_directory(name), names_with_files)
        except CannotMount as error:
            raise Skip(str(error)) from error
        self.run.stack.callback(mount.remove)
        return mount

    def power_fails(self, *vaultds):
        """Everything ends in the middle of what it does, and of what was not durable a part is gone."""
        if self.run.random.random() < 0.4:  # the disks first, so that nothing can become durable while programs go on
            for mount in self.mounts:
                mount.fail()
            self.run.wait_a_little(0, 0.3)
        kill_users(self.mounts)
        for vaultd in vaultds:
            vaultd.kill()
        keep = self.run.random.choice((0, 0, 500, 500, self.run.random.randrange(1_000)))
        for mount in self.mounts:
            for what, count in zip(self.lost, mount.cut(self.run.random.getrandbits(63), keep), strict=True):
                self.lost[what] += count
        self.run.say(f"the power failed; kept {keep} per mille of what was not durable")


class PoweredVaultd(EmbeddedVaultd):
    """Its database and its state are on the disks of a site, in directories that it makes itself."""

    def __init__(self, site, name):
        super().__init__(site.run.new_directory("v"))
        self.data = site.database.path / name / "pg"
        self.state = site.own.path / name / "state"

    def make_state(self):
        pass


class EmergencyVaultd(VaultdProcess):
    """Without a database; what it keeps is on the site's disk."""

    def __init__(self, site):
        directory = site.run.new_directory("e")
        directory.mkdir()
        super().__init__(directory=directory, environment={"VAULT_BACKEND": "legacy"})
        self.vault = site.own.path / "emergency"

    def make_state(self):
        pass

    def command(self):
        return [program("vaultd"), "--legacy-dir", str(self.vault), "--requests", self.requests, "--ingest", self.ingest,
                "--events", self.events]


class EmergencyLoad(threading.Thread):
    """Seals until it is told to stop; remembers what it has a receipt for."""

    def __init__(self, vaultd):
        super().__init__(daemon=True)
        self.vaultd, self.receipts, self.stopping = vaultd, {}, threading.Event()

    def run(self):
        while not self.stopping.is_set():
            seal = {"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_id": str(uuid.uuid4()),
                    "seal_data": {"text": "x" * 200}}
            try:
                reply = ask(self.vaultd.requests, "seal", 500, seal=seal)
            except zmq.ZMQError:
                continue
            if reply["ok"]:
                self.receipts[seal["seal_id"]] = reply["result"]["timestamp"]

    def check(self):
        for seal_id, timestamp in self.receipts.items():
            reply = ask(self.vaultd.requests, "read", seal_id=seal_id)
            if not reply["ok"] or reply["result"]["entry"]["timestamp"] != timestamp:
                raise Wrong(f"the emergency directory lost {seal_id}: {reply}")


class Archiver(threading.Thread):
    """Archives again and again into one directory, and remembers what was said of it last."""

    def __init__(self, site, vaultd):
        super().__init__(daemon=True)
        self.out, self.vaultd = site.own.path / "archive", vaultd
        self.size, self.stopping = 0, threading.Event()

    def archive(self):
        # A process group of its own is not needed: the site's end kills it, since it has files open there.
        answer = subprocess.run([program("vaultctl"), "--json", "archive", "--out", str(self.out)], text=True, check=False,
                                env={**clean_environment(), "VAULT_ENDPOINT": self.vaultd.requests}, timeout=120,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=end_with_parent)
        if answer.returncode == 0:
            self.size = json.loads(answer.stdout)["tree_size"]
        return answer

    def run(self):
        while not self.stopping.is_set():
            self.archive()
            time.sleep(0.05)

    def check(self, vkey):
        """What was archived is there, and more can be added."""
        if self.size:
            answer = self.vaultd.ctl("--json", "check-archive", str(self.out), "--vkey", vkey)
            if answer.returncode != 0 or json.loads(answer.stdout)["tree_size"] < self.size:
                raise Wrong(f"the archive held {self.size}, and now: {answer.stdout}{answer.stderr}")
        answer = self.archive()
        if answer.returncode != 0:
            raise Wrong(f"the archive cannot be gone on with: {answer.stdout}{answer.stderr}")


def first_starts(run, site, rounds):
    """While it is made: whoever has got a receipt keeps it, and the next start gets ready."""
    for number in run.turns(rounds):
        vaultd = run.keep(PoweredVaultd(site, f"first{number}")).start(wait=False)
        patience = run.random.choice((0.5, 1.5, 3, 3))
        run.wait_a_little(0, patience)
        sealed = []
        for _ in range(20):
            try:
                reply = ask(vaultd.requests, "seal", 200, sign=True, seal={
                    "session_id": "s", "authority": "a", "verdict": "SEAL", "seal_id": str(uuid.uuid4()), "seal_data": {}})
            except zmq.ZMQError:
                continue
            if reply["ok"]:
                sealed.append(reply["result"])
                if run.random.random() < 0.5:
                    break
        site.power_fails(vaultd)
        vaultd.start()
        for receipt in sealed:
            entry = ask(vaultd.requests, "read", sequence=receipt["sequence"])
            if not entry["ok"] or entry["result"]["entry"]["entry_hash"] != receipt["entry_hash"]:
                raise Wrong(f"{receipt} is not there: {entry}")
        if sealed:
            vkey = ask(vaultd.requests, "checkpoint")["result"]["vkey"]
            if vkey.partition("+")[0] != sealed[0]["checkpoint"].partition("\n")[0]:
                raise Wrong("another log identity")
        vaultd.stop()
        run.figures["first_starts"] = run.figures.get("first_starts", 0) + 1


def under_load(run, site, rounds):
    vaultd = run.keep(PoweredVaultd(site, "main")).start()
    emergency = EmergencyVaultd(site)
    run.stack.callback(emergency.stop)
    emergency.start()
    truth = run.truth(vaultd.sql, [vaultd], allowed=("database", "checkpoint"))
    load, archiver = EmergencyLoad(emergency), Archiver(site, vaultd)
    for thread in (load, archiver):
        thread.start()
        run.stack.callback(thread.stopping.set)
    for _ in run.turns(rounds):
        run.wait_a_little(0.2, 1.2)
        site.power_fails(vaultd, emergency)
        began = time.monotonic()
        vaultd.start(wait=False).wait_ready()
        run.note("ready_after_power", time.monotonic() - began)
        emergency.start()
        truth.compare()
        load.check()
    for thread in (load, archiver):
        thread.stopping.set()
        thread.join()
    load.check()
    archiver.check(truth.vkey)
    run.figures["emergency_receipts"] = len(load.receipts)
    run.figures["archived"] = archiver.size
    truth.load.settle()


def body(run):
    if reason := why_not():
        raise Skip(reason)
    site = Site(run)
    first = max(1, run.rounds // 5)
    first_starts(run, site, first)
    under_load(run, site, run.rounds - first)
    run.figures.update(site.lost)


main("power", body, short=10, soak=200)
