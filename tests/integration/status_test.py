"""Status at three in the morning: who writes and since when, what is wrong first, and an exit code for it."""
import json
import os
import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.vaultd_process import VaultdProcess  # noqa: E402

SEAL = ("seal", "--session", "s", "--authority", "a", "--verdict", "SEAL", "--data", "{}")
PATIENCE_S = 120


class Standby(VaultdProcess):
    """On another vaultd's database."""

    def __init__(self, other):
        super().__init__("--signing-key", str(other.state / "signing.pem"))
        self.url = other.database_url()

    def command(self):
        words = super().command()
        at = words.index("--embedded")
        return words[:at] + ["--database", self.url] + words[at + 3:]  # without --migrate


class StatusTest(unittest.TestCase):
    def setUp(self):
        self.vaultd = VaultdProcess()
        self.addCleanup(self.vaultd.remove)
        self.vaultd.start()

    def status(self, vaultd=None):
        answer = (vaultd or self.vaultd).ctl("--json", "status")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return json.loads(answer.stdout)

    def wait(self, condition, vaultd=None):
        until = time.monotonic() + PATIENCE_S
        while True:
            status = self.status(vaultd)
            if condition(status):
                return status
            self.assertLess(time.monotonic(), until, f"{status}\n{(vaultd or self.vaultd).log_tail()}")
            time.sleep(0.2)

    def check(self, code, *more, vaultd=None):
        answer = (vaultd or self.vaultd).ctl("status", "--check", *more)
        self.assertEqual(answer.returncode, code, answer.stdout + answer.stderr)
        return answer.stdout

    def test_who_writes(self):
        status = self.status()
        host = os.uname().nodename
        self.assertEqual(status["role"], "writer")
        self.assertEqual((status["writer"]["host"], status["writer"]["pid"]), (host, self.vaultd.process.pid))
        self.assertLessEqual(status["since"], status["now"])
        self.assertEqual(self.vaultd.sql("SELECT holder_host, holder_pid FROM vault_lease"),
                         [[host, str(self.vaultd.process.pid)]])
        standby = Standby(self.vaultd)
        self.addCleanup(standby.remove)
        standby.start(wait=False)
        until = time.monotonic() + PATIENCE_S
        while standby.ctl("head").returncode != 0:
            self.assertLess(time.monotonic(), until, standby.log_tail())
        told = self.wait(lambda one: one["role"] == "standby", standby)
        self.assertEqual((told["writer"]["host"], told["writer"]["pid"]), (host, self.vaultd.process.pid))
        self.assertIn(f"{host} (pid {self.vaultd.process.pid}) is the writer", told["database"]["detail"])
        self.check(0, vaultd=standby)
        self.check(0, "--role", "reader", vaultd=standby)
        self.assertIn("no seal is accepted", self.check(1, "--role", "writer", vaultd=standby))
        # The winner says from whom it took over.
        self.vaultd.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.vaultd.process.send_signal, signal.SIGCONT)
        self.wait(lambda one: one["role"] == "writer", standby)
        self.assertRegex(standby.log_path.read_text(),
                         rf'lease taken.*from="{host} \(pid {self.vaultd.process.pid}\)')

    def test_a_database_that_is_away_is_no_standby(self):
        self.check(0)
        postmaster = int((self.vaultd.data / "data/postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGSTOP)
        try:
            for child in pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
            status = self.wait(lambda one: not one["ready"] and "database" in one["alerts"])
            self.assertEqual((status["role"], status["writer"]), ("waiting", None))
            self.assertEqual(status["alert_details"][0]["kind"], "database")
            self.assertIn("no seal is accepted: waiting", self.check(1))
        finally:
            os.kill(postmaster, signal.SIGCONT)
        self.wait(lambda one: one["ready"] and not one["alerts"])

    def test_tampering_comes_first(self):
        for _ in range(3):
            self.assertEqual(self.vaultd.ctl(*SEAL).returncode, 0)
        # In one transaction: missing guards would be an alert of their own.
        self.vaultd.sql("BEGIN; ALTER TABLE vault_ledger DISABLE TRIGGER USER;"
                        "UPDATE vault_ledger SET verdict = 'VOID' WHERE sequence = 2;"
                        "ALTER TABLE vault_ledger ENABLE ALWAYS TRIGGER vault_insert_only;"
                        "ALTER TABLE vault_ledger ENABLE ALWAYS TRIGGER vault_insert_only_row; COMMIT")
        status = self.wait(lambda one: "tamper" in one["alerts"])
        found = status["alert_details"][0]
        self.assertEqual((found["kind"], found["severity"], found["sequence"], found["reason"]),
                         ("tamper", "critical", 2, "entry_hash_mismatch"))
        self.assertLessEqual(found["since"], status["now"])
        first = self.vaultd.ctl("status").stdout.splitlines()[0]
        self.assertRegex(first, r"^critical tamper: entry 2 does not verify.*\[entry 2, for ")
        self.assertIn("alert.tamper", self.check(1))

    def test_what_was_never_counted_is_zero(self):
        counters = self.status()["counters"]
        for name in ("sealed", "commits", "duplicates", "conflicts", "fenced", "in_doubt", "busy", "malformed",
                     "forbidden", "unavailable", "deadline_exceeded", "ingest_refused", "replies_dropped", "peers_cut"):
            self.assertEqual(counters.get(name), 0, name)

    def test_seconds_are_whole(self):
        shown = self.vaultd.ctl("status").stdout
        for what in ("uptime +", "role +writer, for ", r"writer +.* \(pid \d+\), for "):
            self.assertRegex(shown, rf"(?m)^{what}(less than a second|[1-9][0-9]* s|\d+ min \d+ s)$")

    def test_nobody_there(self):
        self.vaultd.stop()
        self.check(3)


if __name__ == "__main__":
    unittest.main()
