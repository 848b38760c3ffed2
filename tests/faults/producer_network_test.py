"""The network between producers and vaultd, with CURVE: a proxy cuts, stalls, halves, and drips. A producer without an
answer sends again, with the same seal_id: one entry per seal.
"""
import pathlib
import sys
import time

import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import main  # noqa: E402
from support.network_faults import KINDS  # noqa: E402
from support.tcp_proxy import TcpProxy  # noqa: E402
from support.vaultd_process import free_ports  # noqa: E402


def curve_keys(directory):
    """Settings for vaultd, and what a producer needs."""
    clients = directory / "clients"
    clients.mkdir()
    server_public, server_secret = zmq.curve_keypair()
    public, secret = zmq.curve_keypair()
    server = directory / "server.toml"
    server.write_text(f'public_key = "{server_public.decode()}"\nsecret_key = "{server_secret.decode()}"\n')
    server.chmod(0o600)
    (clients / "producer.toml").write_text(f'public_key = "{public.decode()}"\nroles = ["producer"]\n')
    return ("--curve-server-key", str(server), "--curve-clients", str(clients)), (server_public, public, secret)


def body(run):
    server = run.server()
    arguments, keys = curve_keys(run.directory)
    port = free_ports(1)[0]
    # The test's own requests do not go through the producers' proxy.
    vaultd = run.vaultd(server.url, *arguments, "--requests", f"tcp://127.0.0.1:{port}")
    proxy = TcpProxy(("127.0.0.1", port))
    run.stack.callback(proxy.close)
    truth = run.truth(server.sql, [vaultd], endpoints=[f"tcp://127.0.0.1:{proxy.port}"], keys=keys, allowed=())
    for _ in run.turns():
        for fault in KINDS:
            truth.load.wait_receipts(20)
            run.wait_a_little(0.1, 0.4)
            began = time.monotonic()
            fault(run, proxy)
            proxy.mend()
            mended = time.monotonic()
            truth.load.wait_receipts(1)
            run.note("receipts_after_the_network", time.monotonic() - mended)
            truth.compare()
            run.survived(fault.__name__)
            run.say(f"{fault.__name__}: {mended - began:.2f} s")
    if truth.load.retries < run.rounds:
        raise AssertionError("no producer ever had to send again: nothing was tried")
    run.require("receipts_after_the_network", 3)


main("producer_network", body, short=2, soak=20)
