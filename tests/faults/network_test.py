"""The network between vaultd and PostgreSQL, with TLS and without: a proxy cuts, stalls, halves, and lets drip.

Two vaultds, each behind a proxy of its own; what is broken is the writer's. Where that lasts, the other takes over, and what
the first one had sent arrives late. Doubt is resolved, never guessed: nothing is lost, nothing is there twice.
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import main  # noqa: E402
from support.network_faults import KINDS  # noqa: E402
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


def body(run):
    server = tls_server(run)
    proxies = [TcpProxy(("127.0.0.1", server.port)) for _ in range(2)]
    for proxy in proxies:
        run.stack.callback(proxy.close)

    def url(proxy, tls):
        return f"postgresql://postgres@127.0.0.1:{proxy.port}/vault?sslmode={'require' if tls else 'disable'}"

    one = run.vaultd(url(proxies[0], False))
    other = run.vaultd(url(proxies[1], False), key=one.state / "signing.pem", wait=False)
    vaultds = [one, other]
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
            proxy = proxies[vaultds.index(truth.writer())]
            began = time.monotonic()
            fault(run, proxy)
            proxy.mend()
            mended = time.monotonic()
            truth.load.wait_receipts(1)
            truth.writer()
            run.note("sealing_after_the_network", time.monotonic() - mended)
            truth.compare()
            run.say(f"{fault.__name__}{' (TLS)' if tls else ''}: {mended - began:.2f} s, sealing after "
                    f"{time.monotonic() - mended:.2f} s")
    run.require("sealing_after_the_network", 3)


main("network", body, short=3, soak=50)
