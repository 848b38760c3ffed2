"""The power fails, under load: for PostgreSQL's data, vaultd's state directory, the emergency directory and an archive.

All of them are on file systems that forget what was not fsynced (support/forgetful_mount.py), and keep any subset of
the rest that the seed chooses. PostgreSQL's relies on what ext4, XFS and btrfs promise beyond POSIX; the others do not.
"""
import json
import os
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
    """A machine: its disks, and the programs on it."""

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
        """All programs end in the middle of their work, and a part of what was not durable is gone."""
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
    """Its database and its state are on a site's disks, in directories that it makes itself."""

    def __init__(self, site, name):
        super().__init__(site.run.new_directory("v"))
        self.data = site.database.path / name / "pg"
        self.state = site.own.path / name / "state"

    def make_state(self):
        pass


class EmergencyVaultd(VaultdProcess):
    """Without a database; its files are on the site's disk."""

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
    """Seals until it is stopped; remembers the seals that it has receipts for."""

    def __init__(self, vaultd):
        super().__init__(daemon=True)
        self.vaultd, self.receipts, self.checked, self.stopping = vaultd, {}, 0, threading.Event()

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
            time.sleep(0.005)

    def check(self, source):
        """Checks everything new, and some of the rest."""
        all_ids = list(self.receipts)
        for seal_id in all_ids[self.checked:] + source.sample(all_ids[:self.checked], min(self.checked, 50)):
            timestamp = self.receipts[seal_id]
            reply = ask(self.vaultd.requests, "read", seal_id=seal_id)
            if not reply["ok"] or reply["result"]["entry"]["timestamp"] != timestamp:
                raise Wrong(f"the emergency directory lost {seal_id}: {reply}")
        self.checked = len(all_ids)


class Archiver:
    """Archives again and again into one directory, and remembers the latest result."""

    def __init__(self, site, vaultd):
        self.out, self.vaultd = site.own.path / "deep" / "archive", vaultd
        self.size, self.stopping, self.thread = 0, threading.Event(), None

    def archive(self):
        answer = subprocess.run([program("vaultctl"), "--json", "archive", "--out", str(self.out)], text=True, check=False,
                                env={**clean_environment(), "VAULT_ENDPOINT": self.vaultd.requests}, timeout=120,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=end_with_parent)
        if answer.returncode == 0:
            self.size = json.loads(answer.stdout)["tree_size"]
        return answer

    def go_on(self):
        self.stopping.clear()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.stopping.is_set():
            self.archive()
            time.sleep(0.02)

    def join(self):
        self.stopping.set()
        self.thread.join()

    def check(self, vkey):
        """Whatever was archived is there, and more can be added."""
        if self.size:
            answer = self.vaultd.ctl("--json", "check-archive", str(self.out), "--vkey", vkey)
            if answer.returncode != 0 or json.loads(answer.stdout)["tree_size"] < self.size:
                raise Wrong(f"the archive held {self.size}, and now: {answer.stdout}{answer.stderr}")
        answer = self.archive()
        if answer.returncode != 0:
            raise Wrong(f"the archive cannot be gone on with: {answer.stdout}{answer.stderr}")


def first_starts(run, site, rounds):
    """During creation: every receipt holds, and the next start becomes ready."""
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
        run.survived("during the first start")


def under_load(run, site, rounds):
    vaultd = run.keep(PoweredVaultd(site, "main")).start()
    emergency = EmergencyVaultd(site)
    run.stack.callback(emergency.stop)
    emergency.start()
    truth = run.truth(vaultd.sql, [vaultd], allowed=("database", "readers", "checkpoint"))
    load, archiver = EmergencyLoad(emergency), Archiver(site, vaultd)
    load.start()
    for one in (load, archiver):
        run.stack.callback(one.stopping.set)
    for _ in run.turns(rounds):
        archiver.go_on()
        run.wait_a_little(0.2, 1.2)
        archiver.stopping.set()  # the one that is under way goes down with the machine
        site.power_fails(vaultd, emergency)
        archiver.join()
        began = time.monotonic()
        vaultd.start(wait=False).wait_ready()
        run.note("ready_after_power", time.monotonic() - began)
        emergency.start()
        truth.compare()
        truth.load.settle()  # so that the ledger does not grow while it is checked
        load.check(run.random)
        archiver.check(truth.vkey)
        run.survived("under load")
        truth.load.go_on()
    load.stopping.set()
    load.join()
    load.check(run.random)
    run.figures["emergency_receipts"] = len(load.receipts)
    run.figures["archived"] = archiver.size
    run.done(truth)
    run.require("ready_after_power", 5)  # PostgreSQL recovers first, on a file system in user space


def sync(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def the_disk_forgets(site):
    """The test is only worth something if what nobody fsynced is gone."""
    for mount in site.mounts:
        kept, lost, half = (mount.path / name for name in ("kept", "lost", "half"))
        for path in (kept, half):
            path.write_text("old")
            sync(path)
        sync(mount.path)
        lost.write_text("new")
        half.write_text("new")
        (mount.path / "temporary").write_text("new")
        sync(mount.path / "temporary")
        os.rename(mount.path / "temporary", kept)
        below = mount.path / "directory"
        below.mkdir()
        (below / "file").write_text("new")
        sync(below / "file")
        sync(below)
        mount.cut(1, 0)
        found = {path.name: path.read_text() for path in mount.path.iterdir() if path.is_file()}
        # On this one disk, fsync of a file commits the names above it, and earlier changes in the same directory.
        lenient = mount is site.database
        wanted = {"kept": "new", "half": "old", "lost": ""} if lenient else {"kept": "old", "half": "old"}
        if found != wanted or below.exists() != lenient:
            raise AssertionError(f"this disk does not forget as it should: {found}")


def body(run):
    if reason := why_not():
        raise Skip(reason)
    site = Site(run)
    the_disk_forgets(site)
    first = max(1, run.rounds // 5)
    first_starts(run, site, first)
    under_load(run, site, run.rounds - first)
    run.figures.update(site.lost)


main("power", body, short=10, soak=200)
