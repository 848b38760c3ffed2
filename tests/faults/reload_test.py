"""`synchronous_commit` is taken from a vaultd that seals, by a plain reload of the server; then the server stops at
once.

That is how a server is tuned, or a provider's parameter group changed: sessions that never set it follow. Whatever has
a receipt is there afterwards, and sealing never stopped for it.
"""
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.fault_case import main  # noqa: E402

# Commits that nobody waits for are flushed late, so that an immediate stop loses them.
LATE = "wal_writer_delay = '10s'\nwal_writer_flush_after = '1GB'\n"
VALUES = ("off", "local", "remote_write", "off")


def reload(server, value):
    server.sql(f"ALTER SYSTEM {f'SET synchronous_commit = {value}' if value else 'RESET synchronous_commit'}", "postgres")
    server.sql("SELECT pg_reload_conf()", "postgres")
    until = time.monotonic() + 20
    while server.sql("SHOW synchronous_commit") != [[value or "on"]]:
        if time.monotonic() > until:
            raise AssertionError("the server does not take it")
        time.sleep(0.02)


def the_server_forgets(server, vaultd):
    """The test is only worth something if what was committed under this setting is lost in an immediate stop. vaultd is
    stopped meanwhile, since each durable commit flushes earlier ones."""
    server.sql("CREATE TABLE cheap (n int)")
    server.sql("CHECKPOINT")
    vaultd.signal(signal.SIGSTOP)
    try:
        for number in range(10):
            server.sql(f"INSERT INTO cheap VALUES ({number})")
            server.stop("immediate")
            server.start()
            if not server.sql(f"SELECT 1 FROM cheap WHERE n = {number}"):
                return
    finally:
        vaultd.signal(signal.SIGCONT)
    raise AssertionError("this server keeps what nobody flushed")


def body(run):
    server = run.server(settings=LATE)
    vaultd = run.vaultd(server.url)
    reload(server, "off")
    the_server_forgets(server, vaultd)
    truth = run.truth(server.sql, [vaultd])
    truth.load.wait_receipts(1)
    for number in run.turns():
        # Sessions that began while all was well, like vaultd's when somebody tunes its server.
        reload(server, None)
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'vaultd%'")
        vaultd.wait_ready()
        truth.load.wait_receipts(30)
        value = VALUES[number % len(VALUES)]
        reload(server, value)
        truth.load.wait_receipts(100)
        run.wait_a_little(0.1, 1.0)
        before = len(truth.load.receipts)
        server.stop("immediate")
        server.start()
        vaultd.wait_ready()
        truth.load.wait_receipts(1)
        truth.compare()
        run.say(f"synchronous_commit = {value}: {before} receipts, then the server stopped")


main("reload", body, short=4, soak=50)
