"""The network between vaultd and PostgreSQL, with TLS and without: a proxy cuts, stalls, halves, and drips.

Two vaultds, each behind a proxy of its own; the writer's is disturbed. If that lasts, the other one takes over, and
what the first had sent arrives late. Doubt is resolved, never guessed: nothing is lost, nothing is there twice.
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import main  # noqa: E402
from support.fault_load import wait_status  # noqa: E402
from support.network_faults import KINDS, lost_answer  # noqa: E402
from support.replicated_postgres import as_postgres  # noqa: E402
from support.tcp_proxy import TcpProxy  # noqa: E402
from support.vaultd_process import free_ports  # noqa: E402


def tls_server(run):
    port = free_ports(1)[0]
    server = run.server(port=port)
    as_postgres("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-out", f"{server.data}/server.crt", "-keyout", f"{server.data}/server.key")
    as_postgres("chmod", "600", f"{server.data}/server.key")
    server.configure("ssl = on")
    server.sql("SELECT pg_reload_conf()")
    return server


def doubts(vaultds):
    """The number of commits whose outcome had to be found out, over the running vaultds."""
    return sum(wait_status(one.requests, lambda status: True)["counters"].get("in_doubt", 0) for one in vaultds)


def doubts_since(vaultds, before):
    """vaultd reports its counters a few times a second."""
    until = time.monotonic() + 2
    while (now := doubts(vaultds)) == before and time.monotonic() < until:
        time.sleep(0.05)
    return now - before


def lose_a_commit(server, truth, proxy_of):
    """Loses the answer to a COMMIT, on the connection used only for that; returns how many were in doubt."""
    before, until = doubts(truth.vaultds), time.monotonic() + 60
    while time.monotonic() < until:
        proxy = proxy_of(truth.writer())
        # PostgreSQL can tell which connection it is, even if TLS hides its contents.
        ports = server.sql("SELECT client_port FROM pg_stat_activity WHERE client_port > 0 AND query LIKE "
                           "'WITH moved AS (UPDATE vault_head %'")
        link = proxy.seen_from({int(port) for port, in ports})
        if link is None:  # a session that has not appended yet
            continue
        proxy.lose_answer(link)
        while proxy.is_open(link) and time.monotonic() < until:
            time.sleep(0.01)
        if found := doubts_since(truth.vaultds, before):
            return found
    raise AssertionError("no answer to COMMIT was lost in a minute: nothing was in doubt")


def body(run):
    server = tls_server(run)
    run.figures["commits_in_doubt"] = 0
    proxies = [TcpProxy(("127.0.0.1", server.port)) for _ in range(2)]
    for proxy in proxies:
        run.stack.callback(proxy.close)

    def url(proxy, tls):
        return f"postgresql://postgres@127.0.0.1:{proxy.port}/vault?sslmode={'require' if tls else 'disable'}"

    one = run.vaultd(url(proxies[0], False))
    other = run.vaultd(url(proxies[1], False), key=one.state / "signing.pem", wait=False)
    vaultds = [one, other]

    def proxy_of(vaultd):
        return proxies[vaultds.index(vaultd)]

    truth = run.truth(server.sql, vaultds, allowed=("database", "readers", "fenced"), url=server.url)
    for number in run.turns():
        tls = number % 3 == 2
        if number % 3 in (0, 2) and number > 0:
            for vaultd, proxy in zip(vaultds, proxies, strict=True):
                vaultd.url = url(proxy, tls)
                vaultd.stop()
                vaultd.start(wait=False)
        for fault in KINDS:
            run.wait_a_little(0.1, 0.4)
            proxy = proxy_of(truth.writer())
            began = time.monotonic()
            if fault is lost_answer:
                run.figures["commits_in_doubt"] += lose_a_commit(server, truth, proxy_of)
            else:
                fault(run, proxy)
            proxy.mend()
            mended = time.monotonic()
            truth.load.wait_receipts(1)
            truth.writer()
            sealing_s = time.monotonic() - mended
            run.note("sealing_after_the_network", sealing_s)
            truth.compare()
            kind = f"{fault.__name__}{' (TLS)' if tls else ''}"
            run.survived(kind)
            run.say(f"{kind}: {mended - began:.2f} s, sealing after {sealing_s:.2f} s")
    run.require("sealing_after_the_network", 3)


main("network", body, short=3, soak=50)
