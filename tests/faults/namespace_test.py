"""The cable to PostgreSQL is pulled and plugged in again: a separate network namespace, in which packets vanish.

Unlike a connection that is cut, nothing is reported: only unanswered packets show that something is wrong. Two vaultds
outside it both lose the server, and one of them continues once it is back. Needs root.
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import main  # noqa: E402


def body(run):
    namespace = run.namespace()
    server = run.server(namespace=namespace)
    one = run.vaultd(server.far_url)
    other = run.vaultd(server.far_url, key=one.state / "signing.pem", wait=False)
    truth = run.truth(server.sql, [one, other], allowed=("database", "readers", "fenced"), url=server.url)
    for _ in run.turns():
        truth.load.wait_receipts(50)
        run.wait_a_little(0.1, 0.5)
        namespace.pull()
        run.wait_a_little(0.3, 12)
        namespace.plug()
        plugged = time.monotonic()
        truth.load.wait_receipts(1)
        truth.writer()
        run.note("sealing_after_the_cable", time.monotonic() - plugged)
        truth.compare()
        run.survived("cable pulled")
    run.require("sealing_after_the_cable", 10)


main("namespace", body, short=3, soak=30)
