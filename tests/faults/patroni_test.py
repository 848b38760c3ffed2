"""Failover by Patroni, in synchronous mode, three nodes: the primary is killed, handed over, cut off.

No receipt is lost, and sealing resumes within two seconds of the moment when the new primary takes commits at all:
Patroni says that a node leads as soon as it has the lock, and promotes it then. Needs Debian's packages patroni and
etcd-server.
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import Skip, main  # noqa: E402
from support.new_primary import TABLE, NewPrimary  # noqa: E402
from support.patroni_cluster import PatroniCluster, missing  # noqa: E402


def server_dies(run, cluster, leader):
    """Patroni, which stays up, hands over at once."""
    leader.kill_postgres()
    return cluster.wait_leader(leader)


def machine_dies(run, cluster, leader):
    leader.kill_all()
    found = cluster.wait_leader(leader)
    leader.start()
    return found


def switchover(run, cluster, leader):
    status, text = leader.ask("/switchover", {"leader": leader.name}, 60)
    if status not in (200, 202):
        raise AssertionError(f"no switchover: {status} {text}")
    return cluster.wait_leader(leader)


def is_cut_off(run, cluster, leader):
    """From etcd and the other nodes, and sometimes from vaultd: otherwise vaultd keeps talking to a primary that is
    none. It comes back before sealing resumes, or afterwards.
    """
    leader.cut_off(run.random.random() < 0.5)
    try:
        return cluster.wait_leader(leader)
    finally:
        leader.rejoin_after(run.random.uniform(0, 4))


FAULTS = (switchover, server_dies, is_cut_off, machine_dies)


def body(run):
    if name := missing():
        raise Skip(f"{name} is not installed (tools/install-deps --tests)")
    cluster = PatroniCluster(run.new_directory("cluster"))
    run.stack.callback(cluster.stop)
    cluster.start()
    cluster.leader().sql(TABLE, "postgres")
    run.figures["looks"] = run.figures["looks_that_saw_waits_for_standby"] = 0
    vaultd = run.vaultd(cluster.url())
    truth = run.truth(cluster.sql, [vaultd], answer_timeout_ms=5_000)
    for number in run.turns():
        for fault in FAULTS if run.soaking else FAULTS[2 * (number % 2):][:2]:
            truth.load.wait_receipts(50)
            run.wait_a_little(0.2, 1)
            leader = cluster.leader()
            began = time.monotonic()
            after = fault(run, cluster, leader)
            elected = time.monotonic()
            watched = NewPrimary(after)
            truth.load.wait_receipts(1)
            sealing = time.monotonic()
            committing = watched.wait().first_commit
            run.note("election", elected - began)
            run.note("first_commit_after_election", committing - elected)
            # A node that does not answer at all is given up after connect_timeout, which is 2 s, for each connection.
            run.note(f"sealing_after_first_commit{'_beside_silence' if leader.silent else ''}", max(0, sealing - committing))
            run.figures["looks"] += watched.looks
            run.figures["looks_that_saw_waits_for_standby"] += watched.waits_for_standby
            run.say(f"{fault.__name__}: {leader.name} to {after.name} in {elected - began:.2f} s, a commit "
                    f"{committing - elected:.2f} s later, sealing {sealing - committing:.2f} s after that; waiting for a "
                    f"standby in {watched.waits_for_standby} of {watched.looks} looks")
            leader.wait_rejoined()
            cluster.wait_whole()
            truth.compare()
            run.survived(fault.__name__)
    run.require("sealing_after_first_commit", 2)
    if "sealing_after_first_commit_beside_silence" in run.times:
        run.require("sealing_after_first_commit_beside_silence", 6)


main("patroni", body, short=2, soak=20)
