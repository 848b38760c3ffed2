"""An idle vaultd holds three connections to its database; under load it holds as many as it is given, and then three again.

Run by CTest with VAULT_BIN_DIR; by hand the same way.
"""
import collections
import json
import pathlib
import re
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import archive_ledger as ledger  # noqa: E402
from support.vaultd_process import VaultdProcess  # noqa: E402

HOST = VaultdProcess()  # its PostgreSQL holds the databases
SEAL = ("seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}")
PATIENCE_S = 90
IDLE_WINDOW_S = 4  # longer than an auditor's step, a probe and the idle time-out


def setUpModule():
    unittest.addModuleCleanup(HOST.remove)
    HOST.start()


class IdleConnections(unittest.TestCase):
    def start(self, name, *arguments):
        self.url = ledger.create_database(HOST, name)
        vaultd = ledger.OtherVaultd(self.url, "--migrate", "--database-idle-timeout", "1s", *arguments)
        self.addCleanup(vaultd.remove)
        vaultd.start()
        self.ask(vaultd, *SEAL)
        return vaultd

    def ask(self, vaultd, *arguments, **more):
        answer = vaultd.ctl(*arguments, **more)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return answer.stdout

    def sessions(self):
        """vaultd's sessions by server process: the purpose of each."""
        return dict(ledger.ask(self.url, "SELECT pid, application_name FROM pg_stat_activity WHERE datname = "
                                         "current_database() AND application_name LIKE 'vaultd%'"))

    def kinds(self):
        """How many of each kind; readers have numbers."""
        return collections.Counter(re.sub(r"^(vaultd reader) [123]$", r"\1", name) for name in self.sessions().values())

    def wait(self, condition, what):
        until = time.monotonic() + PATIENCE_S
        while not condition(self.kinds()):
            self.assertLess(time.monotonic(), until, f"{what}; there are {self.sessions()}")
            time.sleep(0.1)

    def wait_idle(self, expected):
        """Waits until they stay the same for a while: nothing comes and goes."""
        since = None
        until = time.monotonic() + PATIENCE_S
        while since is None or time.monotonic() - since < IDLE_WINDOW_S:
            if self.kinds() == expected:
                since = since or time.monotonic()
            else:
                since = None
                self.assertLess(time.monotonic(), until, f"wanted {expected}; there are {self.sessions()}")
            time.sleep(0.2)

    def test_three_then_many_then_three(self):
        vaultd = self.start("idle")
        # The appends, the lease, and the one that verifies and sees that the readers' database is there.
        idle = {"vaultd writer": 1, "vaultd lease": 1, "vaultd auditor": 1}
        self.wait_idle(idle)

        stop = threading.Event()

        def load():
            line = json.dumps({"session_id": "s", "authority": "a", "verdict": "SEAL", "seal_data": {}})
            while not stop.is_set():
                vaultd.ctl("seal", "--batch", "--json", "--sign", stdin="\n".join([line] * 200))
                vaultd.ctl("verify")

        threads = [threading.Thread(target=load) for _ in range(6)]
        for one in threads:
            one.start()
        try:
            self.wait(lambda now: now["vaultd reader"] == 3 and now["vaultd coordinator"] == 1, "the load opens no connections")
        finally:
            stop.set()
            for one in threads:
                one.join()
        self.wait_idle(idle)

        # A query opens one connection. (A machine that is stopped for a second makes another reader probe, too.)
        for attempt in range(5):
            before = self.sessions()
            self.ask(vaultd, "read", "--sequence", "1")
            opened = [name for pid, name in self.sessions().items() if pid not in before]
            if len(opened) == 1:
                break
            self.wait_idle(idle)
        self.assertEqual(len(opened), 1, opened)
        self.assertRegex(opened[0], "^vaultd reader [123]$")

        # On shutdown it gives up its lease, for which it had closed the connection.
        self.wait_idle(idle)
        self.assertEqual(vaultd.stop(), 0)
        self.assertEqual(ledger.ask(self.url, "SELECT holder FROM vault_lease"), [[""]])

    def test_without_an_auditor_one_reader_sees_that_the_database_is_there(self):
        self.start("unaudited", "--audit-rate", "0")
        self.wait_idle({"vaultd writer": 1, "vaultd lease": 1, "vaultd reader": 1})

    def test_a_standby_has_two(self):
        vaultd = self.start("pair")
        standby = ledger.OtherVaultd(self.url, "--database-idle-timeout", "1s", "--signing-key",
                                     str(vaultd.state / "signing.pem"))
        self.addCleanup(standby.remove)
        standby.start(wait=False)
        self.wait_idle({"vaultd writer": 1, "vaultd coordinator": 1, "vaultd lease": 1, "vaultd auditor": 2})


if __name__ == "__main__":
    unittest.main()
