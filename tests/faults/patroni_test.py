"""Failover by Patroni, in synchronous mode, three nodes: the primary is killed, handed over, cut off.

No receipt is lost, and sealing goes on within two seconds of the promotion. Needs Debian's packages patroni and etcd-server.
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import Skip, main  # noqa: E402
from support.patroni_cluster import PatroniCluster, missing  # noqa: E402


def server_dies(run, cluster, leader):
    """Patroni, which is left, hands over at once."""
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
    """From etcd and the other nodes, and now and then from vaultd: else that goes on talking to a primary that is none."""
    leader.cut_off(run.random.random() < 0.5)
    try:
        return cluster.wait_leader(leader)
    finally:
        run.wait_a_little(0, 2)
        leader.rejoin()


FAULTS = (switchover, server_dies, is_cut_off, machine_dies)


def body(run):
    if name := missing():
        raise Skip(f"{name} is not installed (tools/install-deps --tests)")
    cluster = PatroniCluster(run.new_directory("cluster"))
    run.stack.callback(cluster.stop)
    cluster.start()
    vaultd = run.vaultd(cluster.url())
    truth = run.truth(cluster.sql, [vaultd], answer_timeout_ms=5_000)
    for number in run.turns():
        for fault in FAULTS if run.rounds > 2 else FAULTS[2 * (number % 2):][:2]:
            truth.load.wait_receipts(50)
            run.wait_a_little(0.2, 1)
            leader = cluster.leader()
            began = time.monotonic()
            after = fault(run, cluster, leader)
            promoted = time.monotonic()
            truth.load.wait_receipts(1)
            run.note("sealing_after_promotion", time.monotonic() - promoted)
            run.note("promotion", promoted - began)
            run.say(f"{fault.__name__}: {leader.name} to {after.name} in {promoted - began:.2f} s, sealing "
                    f"{time.monotonic() - promoted:.2f} s later")
            cluster.wait_whole()
            truth.compare()
    run.require("sealing_after_promotion", 2)


main("patroni", body, short=2, soak=20)
