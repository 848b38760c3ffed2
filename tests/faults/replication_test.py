"""A primary with a synchronous standby: the standby dies, the wait for it is cancelled, the settings change.

No receipt is sent for anything that the standby lacks. Cancelling a wait makes PostgreSQL report success, with a
warning as the only sign. So after each fault the standby is started alone, away from its primary, and asked whether it
has every entry for which there is a receipt. In the end the primary dies and the standby takes its place.
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import main  # noqa: E402
from support.ledger_reading import Wrong  # noqa: E402
from support.replicated_postgres import Replica  # noqa: E402

NAMES = "ALTER SYSTEM SET synchronous_standby_names = '{}'"


class Pair:
    def __init__(self, run):
        self.run = run
        self.primary = run.server()
        self.standby = Replica(self.primary, run.new_directory("pg"), "wal_receiver_status_interval = 1")
        run.stack.callback(run.end_server, self.standby)
        self.now = self.primary
        self.url = (f"postgresql://postgres@/vault?host={self.primary.run},{self.standby.run}"
                    "&target_session_attrs=read-write")
        self.set_names("standby")

    def sql(self, text):
        return self.now.sql(text)

    def set_names(self, names):
        self.primary.sql(NAMES.format(names))
        self.primary.sql("SELECT pg_reload_conf()")
        time.sleep(0.2)  # each session reads it before its next command

    def waiting(self):
        """Server processes of vaultd that wait for the standby."""
        return [row[0] for row in self.primary.sql("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' "
                                                   "AND application_name LIKE 'vaultd%'")]

    def wait_for_waiting(self):
        until = time.monotonic() + 30
        while not (pids := self.waiting()):
            if time.monotonic() > until:
                raise AssertionError("no commit waits for the standby")
            time.sleep(0.02)
        return pids

    def check_alone(self, receipts):
        """The standby, which is down, has all of them."""
        self.standby.start("-c primary_conninfo=''")
        try:
            # It answers as soon as it is consistent, and keeps replaying: wait until nothing moves any more.
            moved, replayed = time.monotonic(), None
            while missing := self.missing(receipts):
                if (at := self.standby.sql("SELECT pg_last_wal_replay_lsn()")) != replayed:
                    moved, replayed = time.monotonic(), at
                if time.monotonic() - moved > 5:
                    raise Wrong(f"{len(missing)} receipts for what the standby has not got; the first: {missing[0]}")
                time.sleep(0.2)
        finally:
            self.standby.stop("immediate")
        return len(receipts)

    def missing(self, receipts):
        stored = {int(sequence): entry_hash for sequence, entry_hash in self.standby.sql(
            "SELECT sequence, entry_hash FROM vault_ledger")}
        return [one for _, one in receipts if stored.get(one["sequence"]) != one["entry_hash"]]

    def standby_is_back(self):
        self.standby.start()
        until = time.monotonic() + 60
        while not self.primary.sql("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'"):
            if time.monotonic() > until:
                raise AssertionError("the standby does not follow")
            time.sleep(0.05)


def standby_dies(pair, truth):
    pair.standby.stop("immediate")
    pair.run.wait_a_little(0.5, 4)
    return pair.check_alone(truth.load.receipts)


def wait_is_ended(pair, truth, how):
    """Again and again: the append's wait, and the waits of those who find out about it."""
    pair.standby.stop("immediate")
    for _ in range(pair.run.random.randrange(1, 5)):
        for pid in pair.wait_for_waiting():
            pair.primary.sql(f"SELECT {how}({pid})")
        pair.run.wait_a_little(0.0, 0.7)
    return pair.check_alone(truth.load.receipts)


def wait_is_cancelled(pair, truth):
    return wait_is_ended(pair, truth, "pg_cancel_backend")


def waiter_is_terminated(pair, truth):
    return wait_is_ended(pair, truth, "pg_terminate_backend")


def nobody_is_waited_for(pair, truth):
    """Removed from the settings, the standby no longer counts for receipts."""
    pair.standby.stop("immediate")
    pair.wait_for_waiting()
    checked = pair.check_alone(truth.load.receipts)
    pair.set_names("")
    truth.load.wait_receipts(20)
    pair.set_names("standby")
    return checked


def a_stranger_is_waited_for(pair, truth):
    """Commits wait for a name that nobody has, and are cancelled; the standby has them at once anyway."""
    pair.set_names("nobody")
    pids = pair.wait_for_waiting()
    before = len(truth.load.receipts)
    for pid in pids:
        pair.primary.sql(f"SELECT pg_cancel_backend({pid})")
    pair.run.wait_a_little(0.5, 2)
    if len(truth.load.receipts) != before:
        raise Wrong("receipts came, though a synchronous standby was wanted and none was there")
    pair.set_names("standby")
    truth.load.wait_receipts(20)
    pair.standby.stop("immediate")
    return pair.check_alone(truth.load.receipts)


FAULTS = (standby_dies, wait_is_cancelled, waiter_is_terminated, nobody_is_waited_for, a_stranger_is_waited_for)


def an_asynchronous_standby_is_behind(run):
    """Promoted, it lacks what was signed: nothing is written there, and it says so. The first server comes back."""
    pair = Pair(run)
    pair.set_names("")
    vaultd = run.vaultd(pair.url)
    truth = run.truth(pair.sql, [vaultd], allowed=("database", "readers", "rollback", "tamper", "fenced"))
    truth.load.wait_receipts(100)
    pair.standby.stop("immediate")
    truth.load.wait_receipts(100)
    truth.compare()
    pair.primary.stop("immediate")
    pair.standby.start()
    pair.standby.promote()
    vaultd.wait_for(lambda status: "rollback" in status["alerts"] and not status["ready"])
    before = len(truth.load.receipts)
    size = pair.standby.sql("SELECT head_sequence FROM vault_head")
    run.wait_a_little(2, 4)
    if pair.standby.sql("SELECT head_sequence FROM vault_head") != size or len(truth.load.receipts) != before:
        raise Wrong("sealed on a server that is behind what was signed")
    pair.standby.stop("immediate")
    pair.primary.start()
    truth.load.wait_receipts(20)
    run.done(truth)
    vaultd.stop()
    run.survived("an asynchronous standby promoted behind")


def body(run):
    an_asynchronous_standby_is_behind(run)
    pair = Pair(run)
    vaultd = run.vaultd(pair.url)
    truth = run.truth(pair.sql, [vaultd])
    run.figures["receipts_checked_on_the_standby"] = 0
    for _ in run.turns():
        for fault in FAULTS:
            run.wait_a_little(0.2, 0.6)
            run.figures["receipts_checked_on_the_standby"] += fault(pair, truth)
            pair.standby_is_back()
            began = time.monotonic()
            truth.load.wait_receipts(1)
            run.note("sealing_after_standby", time.monotonic() - began)
            run.say(f"{fault.__name__}: {time.monotonic() - began:.2f} s")
            truth.compare()
            run.survived(fault.__name__)
    run.wait_a_little(0.2, 0.6)
    pair.primary.stop("immediate")
    pair.standby.promote()
    pair.now = pair.standby
    began = time.monotonic()
    truth.load.wait_receipts(1)
    run.note("sealing_after_promotion", time.monotonic() - began)
    truth.compare()
    run.survived("the primary dies, the standby is promoted")
    run.require("sealing_after_standby", 3)
    run.require("sealing_after_promotion", 2)


main("replication", body, short=2, soak=20)
