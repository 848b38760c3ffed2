"""A writer that disappears in the middle of an append: all of a batch has arrived except the Sync that would commit it.

PostgreSQL then holds the head's row lock for a session that does not count as idle in a transaction, so that only the
end of the connection frees it. If the machine vanishes (a cable in a network namespace is pulled), TCP finds out in the
time that vaultd's sessions set. If the process is merely stopped, its kernel answers for it, and an operator has to end
it.
"""
import pathlib
import re
import signal
import sys
import threading
import time
import uuid

import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.append_proxy import AppendProxy  # noqa: E402
from support.fault_case import main  # noqa: E402
from support.fault_load import ask  # noqa: E402

# The settings of vaultd's sessions: a first probe after 5 s, three of them 2 s apart (store/postgres/session.cpp).
IDLE_S, STATED_S = 5, 11
# In the middle of a transaction, and yet active: idle_in_transaction_session_timeout does not see it. For a moment
# other sessions may look like it, so it is ended as operating.md says, and not by a process ID that was read before.
# may look like it, so it is ended by what operating.md says and not by a number that was read before.
END_HOLDER = ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'vaultd%' "
              "AND state = 'active' AND wait_event = 'ClientRead'")


def seal(seal_id):
    return {"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_id": seal_id, "seal_data": {}}


def locked(server):
    try:
        server.sql("BEGIN; SELECT 1 FROM vault_head FOR UPDATE NOWAIT; ROLLBACK")
    except RuntimeError as error:
        if "could not obtain lock" not in str(error):
            raise
        return True
    return False


def keepalive_timers(namespace):
    """The server kernel's timers of connections to PostgreSQL: seconds to the next probe, for those that wait for one."""
    lines = namespace.inside("ss", "-Htno", "state", "established", "sport", "=", ":5432").splitlines()
    found = [re.search(r"timer:\(keepalive,([0-9.]+)(ms|sec|min)", line) for line in lines]
    return [float(one[1]) * {"ms": 0.001, "sec": 1, "min": 60}[one[2]] for one in found if one]


class Site:
    def __init__(self, run, namespace, server):
        self.run, self.namespace, self.server = run, namespace, server
        self.proxy = AppendProxy(server, None, namespace.address)
        self.first = run.vaultd(self.proxy.url)
        self.other = run.vaultd(server.url, key=self.first.state / "signing.pem", wait=False)
        self.other.wait_for(lambda status: status["role"] == "standby")
        until = time.monotonic() + 20  # of the session for appends and of the lease's, when nothing is on its way there
        while sum(1 for one in keepalive_timers(namespace) if one <= IDLE_S) < 2:
            if time.monotonic() > until:
                raise AssertionError(f"no early keepalives: {keepalive_timers(namespace)}")
            time.sleep(0.05)

    def hold(self):
        """A seal whose append has arrived without its end, and holds the head; returns its seal_id."""
        seal_id = str(uuid.uuid4())
        self.proxy.arm("hold")

        def sealing():
            try:
                answer = ask(self.first.requests, "seal", 500, seal=seal(seal_id))
            except zmq.Again:
                return
            if answer["ok"]:
                raise AssertionError(f"a receipt for what was never committed: {answer}")

        thread = threading.Thread(target=sealing)
        thread.start()
        if not self.proxy.done.wait(30):
            raise AssertionError("no append came by")
        thread.join()
        until = time.monotonic() + 20
        while not locked(self.server):
            if time.monotonic() > until:
                raise AssertionError("the head is not locked")
            time.sleep(0.02)
        return seal_id

    def goes_on(self, seal_id):
        """The standby writes, the seal is there once, and the old writer becomes a standby."""
        self.other.wait_ready()
        size = int(self.server.sql("SELECT head_sequence FROM vault_head")[0][0])
        for duplicate in (False, True):
            receipt = ask(self.other.requests, "seal", 20_000, seal=seal(seal_id))["result"]
            if (receipt["sequence"], receipt["duplicate"]) != (size + 1, duplicate):
                raise AssertionError(f"of {size} entries, and then: {receipt}")
        self.proxy.released.set()
        self.first.wait_for(lambda status: status["role"] == "standby" and status["sequence"] == size + 1)
        verified = ask(self.other.requests, "verify", 60_000)
        if not verified["result"]["valid"]:
            raise AssertionError(verified)

    def end(self):
        self.first.stop()
        self.other.stop()


def machine_vanishes(site):
    seal_id = site.hold()
    site.namespace.pull()
    began = time.monotonic()
    while locked(site.server):
        if time.monotonic() > began + 60:
            raise AssertionError("the head stays locked")
        time.sleep(0.05)
    took = time.monotonic() - began
    site.run.note("head_free", took)
    if took < 1:
        raise AssertionError(f"something else freed the head after {took:.2f} s")
    site.other.wait_ready()
    site.run.note("other_ready", time.monotonic() - began)
    site.namespace.plug()
    site.goes_on(seal_id)
    site.run.say(f"the head was free {took:.2f} s after the machine had vanished")


def process_stands_still(site):
    seal_id = site.hold()
    site.first.signal(signal.SIGSTOP)
    until = time.monotonic() + STATED_S + 3
    while time.monotonic() < until:
        if not locked(site.server) or site.other.status()["ready"]:
            raise AssertionError("the head is free, and the process is still there")
        time.sleep(0.2)
    site.server.sql(END_HOLDER)
    began = time.monotonic()
    site.other.wait_ready()
    site.run.note("after_the_session_was_ended", time.monotonic() - began)
    site.first.signal(signal.SIGCONT)
    site.goes_on(seal_id)
    site.run.say("only an operator freed the head of a process that stood still")


def body(run):
    namespace = run.namespace()
    for number in run.turns():
        server = run.server(namespace=namespace)
        site = Site(run, namespace, server)
        (machine_vanishes, process_stands_still)[number % 2](site)
        site.end()
        server.stop()
    run.require("head_free", STATED_S, STATED_S + 20)


main("vanished_writer", body, short=2, soak=10)
